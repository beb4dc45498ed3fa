//! The closed list of reasons for which the hub refuses something, each with its HTTP status.
//! The console translates by these codes; what they mean for one object stands in the problem's detail.

use http::StatusCode;

macro_rules! problem_codes {
    ($($(#[$doc:meta])* $variant:ident, $text:literal, $status:ident, $title:literal;)*) => {
        /// Why something was refused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum ProblemCode {
            $($(#[$doc])* $variant,)*
        }

        impl ProblemCode {
            /// Every code, in the order of the contract.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The code as it is written in problems, close reasons and audit records.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }

            /// The status of an answer that carries this problem.
            pub const fn status(self) -> StatusCode {
                match self {
                    $(Self::$variant => StatusCode::$status,)*
                }
            }

            /// A short English title, the same for every occurrence.
            pub const fn title(self) -> &'static str {
                match self {
                    $(Self::$variant => $title,)*
                }
            }
        }
    };
}

problem_codes! {
    /// No cookie, or one that no sign-in answers to.
    NotSignedIn, "not_signed_in", UNAUTHORIZED, "Not signed in";
    /// The sign-in was idle too long or came to its end.
    SessionExpired, "session_expired", UNAUTHORIZED, "The sign-in has expired";
    /// The CSRF token is missing or not this sign-in's.
    Csrf, "csrf", FORBIDDEN, "The request did not come from the console";
    /// The `Origin` is missing, `null` or not the hub's.
    OriginRefused, "origin_refused", FORBIDDEN, "The request came from another site";
    /// Name or password is wrong; which one is not said.
    WrongCredentials, "wrong_credentials", UNAUTHORIZED, "Wrong name or password";
    /// Too many attempts failed; `retry_after_s` tells the wait.
    TooManyAttempts, "too_many_attempts", TOO_MANY_REQUESTS, "Too many attempts";
    /// The account is disabled.
    AccountDisabled, "account_disabled", FORBIDDEN, "The account is disabled";
    /// The invitation is unknown, used or expired.
    InvitationInvalid, "invitation_invalid", FORBIDDEN, "The invitation does not hold";
    /// The password may not be set.
    PasswordWeak, "password_weak", BAD_REQUEST, "The password is too weak";
    /// The cluster does not take the token, or the hub does not take its user.
    TokenRefused, "token_refused", UNAUTHORIZED, "The token was refused";
    /// The cluster's SubjectAccessReview said no.
    Forbidden, "forbidden", FORBIDDEN, "Not permitted in the cluster";
    /// Only who signed in with an account may do this.
    NeedsAccount, "needs_account", FORBIDDEN, "For accounts only";
    /// The request of a machine to be signed in from expired, was decided or collected, or never was.
    MachineRequestGone, "machine_request_gone", GONE, "The machine's request has ended";
    /// Only administrators of the hub may do this.
    NotAdmin, "not_admin", FORBIDDEN, "For administrators only";
    /// There is no such thing, or none that this person may know of.
    NotFound, "not_found", NOT_FOUND, "Not found";
    /// It exists already, or has changed meanwhile.
    Conflict, "conflict", CONFLICT, "In conflict with what is there";
    /// The request is malformed.
    BadRequest, "bad_request", BAD_REQUEST, "The request is malformed";
    /// The body is larger than any this address takes.
    BodyTooLarge, "body_too_large", PAYLOAD_TOO_LARGE, "The request is too large";
    /// The person has as many workspaces as one may have.
    QuotaPerson, "quota_person", CONFLICT, "Your workspaces are used up";
    /// The hub has as many workspaces as it may have.
    QuotaTotal, "quota_total", CONFLICT, "The hub's workspaces are used up";
    /// The person has as many open links as one may have.
    TooManyLinks, "too_many_links", CONFLICT, "Too many open links";
    /// The person, or the whole hub, has as many live terminals as it may have.
    TooManyTerminals, "too_many_terminals", CONFLICT, "Too many live terminals";
    /// The person, or the whole hub, watches as many lists as it may.
    TooManyWatches, "too_many_watches", TOO_MANY_REQUESTS, "Too many open watches";
    /// The cluster does not answer.
    ClusterUnreachable, "cluster_unreachable", BAD_GATEWAY, "The cluster does not answer";
    /// The cluster, or what stands before it, takes no WebSocket exec, or lacks a part of it that is needed.
    ExecUnsupported, "exec_unsupported", BAD_GATEWAY, "The cluster cannot carry this terminal";
    /// The hub's configuration names no such cluster, or the sign-in does not hold for it.
    ClusterUnknown, "cluster_unknown", NOT_FOUND, "No such cluster";
    /// The hub's own store does not answer.
    StoreUnavailable, "store_unavailable", SERVICE_UNAVAILABLE, "The hub's store does not answer";
    /// A fault of the hub; the request id leads to its log.
    Internal, "internal", INTERNAL_SERVER_ERROR, "The hub failed";
    /// The text is not a link.
    LinkMalformed, "link_malformed", BAD_REQUEST, "The link is malformed";
    /// The link's signature is wrong.
    LinkSignature, "link_signature", FORBIDDEN, "The link was altered";
    /// The link names a key that this hub does not know (any more).
    LinkKeyUnknown, "link_key_unknown", FORBIDDEN, "The link is from another hub or too old";
    /// The link has expired.
    LinkExpired, "link_expired", GONE, "The link has expired";
    /// The link was revoked.
    LinkRevoked, "link_revoked", GONE, "The link was revoked";
    /// The link was used.
    LinkUsed, "link_used", CONFLICT, "The link was used";
    /// The link is for another person.
    LinkOtherUser, "link_other_user", FORBIDDEN, "The link is for somebody else";
    /// The link was opened in another browser first.
    LinkOtherBrowser, "link_other_browser", FORBIDDEN, "The link was opened in another browser";
    /// The Pod is gone.
    PodGone, "pod_gone", NOT_FOUND, "The Pod is gone";
    /// Another Pod has taken the name.
    PodReplaced, "pod_replaced", CONFLICT, "The Pod was replaced";
    /// The Pod does not run.
    PodNotRunning, "pod_not_running", CONFLICT, "The Pod is not running";
    /// The Pod has no such container.
    ContainerUnknown, "container_unknown", NOT_FOUND, "No such container";
    /// The container has no shell.
    NoShell, "no_shell", CONFLICT, "The container has no shell";
    /// The upgrade carries no ticket.
    TicketMissing, "ticket_missing", FORBIDDEN, "The ticket is missing";
    /// The ticket is unknown or another browser's.
    TicketInvalid, "ticket_invalid", FORBIDDEN, "The ticket does not hold";
    /// The ticket has expired.
    TicketExpired, "ticket_expired", GONE, "The ticket has expired";
    /// The ticket was used.
    TicketUsed, "ticket_used", CONFLICT, "The ticket was used";
    /// The right was withdrawn while the terminal lived.
    RightWithdrawn, "right_withdrawn", FORBIDDEN, "The right was withdrawn";
    /// Somebody who may, or another hub, ended this one terminal; the sign-in goes on.
    TerminalEnded, "terminal_ended", GONE, "The terminal was ended";
    /// The sign-in was ended while the terminal lived.
    SessionEnded, "session_ended", UNAUTHORIZED, "The sign-in was ended";
    /// The hub is being stopped; another one, or this one in a moment, will answer.
    HubDraining, "hub_draining", SERVICE_UNAVAILABLE, "The hub is being stopped";
}

impl std::fmt::Display for ProblemCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_written_the_same_everywhere_and_is_always_a_refusal() {
        for code in ProblemCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
            assert!(code.status().is_client_error() || code.status().is_server_error(), "{code}");
        }
        assert_eq!(ProblemCode::ALL.len(), 49);
    }
}
