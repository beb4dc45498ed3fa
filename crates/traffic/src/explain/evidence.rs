//! What an explanation rests on: named pieces of the exchange, and the commands that are made of them.
//! It does not know which piece proves what; the rooms that find causes do.
//!
//! Hostile input: a value may be anybody's text. It is cut to its bound, shows on one line, and gets into a command only
//! when a shell takes it for one plain word.

use super::{EVIDENCE_MAX, VALUE_CHARS_MAX};
use crate::table::printable;
use serde::Serialize;

/// A piece of the exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = TrafficEvidence)]
pub(crate) struct Evidence {
    pub(crate) name: EvidenceName,
    /// Which one of its name: the path of a field.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "spec.replicas")]
    pub(crate) of: Option<String>,
    /// As it was said.
    pub(crate) value: String,
}

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = TrafficEvidenceName)]
pub(crate) enum EvidenceName {
    /// The user as the API server knows them.
    User,
    /// The user as the request claims.
    ClaimedUser,
    /// What the user wanted to do.
    Verb,
    /// To which resource.
    Resource,
    /// Of which API group.
    ApiGroup,
    /// In which namespace.
    Namespace,
    /// To which object.
    Object,
    /// To which path.
    Path,
    /// As whom, or as what, the user wanted to act.
    ActAs,
    /// What the authoriser said more.
    Authorizer,
    /// How the request proved itself: the scheme alone.
    Credential,
    /// The webhook's name.
    Webhook,
    /// The address that was called.
    Address,
    /// The policy's name.
    Policy,
    /// The policy's binding.
    Binding,
    /// The ResourceQuota's name.
    Quota,
    /// What was asked of it.
    Requested,
    /// What was used of it.
    Used,
    /// What there is of it.
    Limited,
    /// The level of Pod Security.
    Level,
    /// A field that was refused, with why.
    Field,
    /// A manager of fields.
    Manager,
    /// The version that the request sent.
    ResourceVersion,
    /// The flow schema's UID.
    FlowSchema,
    /// The priority level's UID.
    PriorityLevel,
    /// What a cause of the Status says.
    StatusCause,
    /// The content's type.
    MediaType,
    /// What the answer says in words.
    Message,
    /// The Status's reason.
    Reason,
    /// Seconds after which to ask again.
    RetryAfterS,
    /// Milliseconds from the request to its answer.
    LatencyMs,
    /// Bytes that are missing from the capture.
    MissingBytes,
    /// Why the answer's content cannot be seen.
    Unseen,
    /// By which the audit log of the API server names the request.
    AuditId,
}

/// What is gathered while a cause is looked for.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) evidence: Vec<Evidence>,
    pub(super) commands: Vec<String>,
}

impl Found {
    /// Adds a piece, unless it says nothing.
    pub(super) fn add(&mut self, name: EvidenceName, value: impl AsRef<str>) {
        self.piece(name, None, value.as_ref());
    }

    /// Adds a piece that is one of several of its name.
    pub(super) fn add_of(&mut self, name: EvidenceName, of: &str, value: &str) {
        self.piece(name, (!of.is_empty()).then(|| printable(of, VALUE_CHARS_MAX)), value);
    }

    fn piece(&mut self, name: EvidenceName, of: Option<String>, value: &str) {
        if value.is_empty() || self.evidence.len() >= EVIDENCE_MAX {
            return;
        }
        let value = printable(value, VALUE_CHARS_MAX);
        self.evidence.push(Evidence { name, of, value });
    }

    /// Adds a command if each of its words may stand in one.
    pub(super) fn command(&mut self, words: &[&str]) {
        if words.iter().all(|word| is_plain(word)) {
            self.commands.push(words.join(" "));
        }
    }
}

/// Whether a shell takes it for one word that stands for itself.
fn is_plain(word: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/@=,+".contains(c);
    !word.is_empty() && word.len() <= 512 && word.chars().all(plain)
}

/// A value that may follow a flag or stand as an argument, and is no flag itself.
pub(super) fn argument(value: &str) -> Option<&str> {
    (is_plain(value) && !value.starts_with('-')).then_some(value)
}
