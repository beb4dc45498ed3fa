//! Why a request was refused or failed: the likely cause, what in the exchange says so, and commands that look further.
//! The words for a cause are whoever shows it's: the console's stand in its catalogues, the command line's in [`words`].
//! Nothing is asked of a cluster here: what the bodies and headers do not say is not guessed, and then the cause names
//! the status alone.
//!
//! What the API server writes is read as it writes it: `metav1.Status` (`reason`, `details.causes`), the messages of
//! its authorisers, admission plugins and storage, and the header fields of API Priority and Fairness. A message that
//! a webhook or another server wrote is quoted, never read for a cause of the API server's.
//!
//! Hostile input: bodies are anybody's text. Of each value [`VALUE_CHARS_MAX`] characters are kept, [`EVIDENCE_MAX`]
//! pieces in all; commands take only values that a shell reads as one plain word.

mod evidence;
mod message;
mod refusals;
mod troubles;
mod words;

#[cfg(test)]
mod tests;

pub(crate) use evidence::{Evidence, EvidenceName};

use serde::Serialize;
use serde_json::Value;
use wire::Call;

/// A message of the API server fits; of a webhook's story its beginning does.
const VALUE_CHARS_MAX: usize = 1000;
/// A refused object may name hundreds of fields; nobody reads more at once.
const EVIDENCE_MAX: usize = 24;
/// Of one Status; the rest of the evidence has room beside them.
const CAUSES_MAX: usize = 12;

/// Content as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Content<'a> {
    /// There is none.
    #[default]
    None,
    /// JSON, perhaps only its beginning.
    Json(&'a str),
    /// Text.
    Text(&'a str),
    /// It is not shown, or was removed already; as a word.
    Unseen(&'a str),
}

/// One side of an exchange: header fields, of which unknown ones are none, and content.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Said<'a> {
    pub(crate) headers: &'a [(Option<String>, Option<String>)],
    pub(crate) content: Content<'a>,
}

/// What is known of an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) latency_us: Option<u64>,
    pub(crate) said: Said<'a>,
}

/// A request and what came of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exchange<'a> {
    pub(crate) call: &'a Call,
    /// Who asked, as the request claims.
    pub(crate) user: Option<&'a str>,
    pub(crate) request: Said<'a>,
    /// None while, or if, none was seen.
    pub(crate) answer: Option<Answer<'a>>,
    /// The connection is over; so many of its bytes are missing from the capture.
    pub(crate) over: Option<u64>,
}

/// Why it failed, what says so, and what to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = TrafficExplanation)]
pub(crate) struct Explanation {
    pub(crate) cause: Cause,
    /// What in the exchange says so, or belongs to it; in this order.
    pub(crate) evidence: Vec<Evidence>,
    /// Commands that look further or mend it, whole; none if the exchange does not tell enough for any.
    pub(crate) commands: Vec<String>,
}

/// The likely cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = TrafficCause)]
pub(crate) enum Cause {
    /// 401: the request carried no token, and no client certificate was accepted.
    NoCredential,
    /// 401: the token was not accepted.
    TokenRefused,
    /// 401: basic authentication, which the API server does not know.
    BasicRefused,
    /// 401, and the answer does not say more.
    Unauthorized,
    /// 403: nobody was signed in.
    AnonymousDenied,
    /// 403: no rule allows it.
    RbacDenied,
    /// 403: no rule allows this path, which is no resource.
    PathDenied,
    /// 403: the user may not act as another.
    ImpersonationDenied,
    /// 403: a kubelet may reach only what belongs to its node.
    NodeDenied,
    /// 403 of a kubelet: the API server's right to nodes is asked there.
    KubeletDenied,
    /// A role would give more than its writer has.
    RbacEscalation,
    /// A ResourceQuota is used up.
    QuotaExceeded,
    /// Pod Security Admission refused the Pod.
    PodSecurity,
    /// A LimitRange refused it.
    LimitRange,
    /// The namespace is being deleted.
    NamespaceTerminating,
    /// The Pod's service account does not exist.
    ServiceAccountMissing,
    /// A webhook said no.
    WebhookDenied,
    /// A ValidatingAdmissionPolicy said no.
    PolicyDenied,
    /// 403 by an admission plugin, which says why itself.
    AdmissionDenied,
    /// 403, and the answer does not say more.
    Forbidden,
    /// 404: there is no such object.
    ObjectNotFound,
    /// 404: the namespace does not exist.
    NamespaceNotFound,
    /// 404: the API server does not serve this resource or version.
    ApiNotFound,
    /// 404, and the answer does not say more.
    NotFound,
    /// 409: somebody wrote the object since it was read.
    VersionConflict,
    /// 409: an object of that name exists.
    AlreadyExists,
    /// 409: it exists and is being deleted.
    BeingDeleted,
    /// 409: another manager owns these fields.
    FieldManagerConflict,
    /// 409: the object is not the one that was meant.
    PreconditionFailed,
    /// 409, and the answer does not say more.
    Conflict,
    /// 410: the version from which to watch is forgotten.
    VersionExpired,
    /// 410: the list's continuation is forgotten.
    ContinueExpired,
    /// 410, and the answer does not say more.
    Gone,
    /// 422: a field that may not change was changed.
    ImmutableField,
    /// 422: fields are not valid.
    Invalid,
    /// 400: a field is not known, or stands twice.
    UnknownField,
    /// 400, and what the answer says.
    BadRequest,
    /// 405: the resource cannot do that.
    MethodNotAllowed,
    /// The object or the request is too large.
    TooLarge,
    /// 415: the content's type is not taken.
    UnsupportedMediaType,
    /// 429: a PodDisruptionBudget forbids the eviction.
    DisruptionBudget,
    /// 429: API Priority and Fairness had no seat.
    FlowControl,
    /// 429: storage or its cache is not ready.
    StorageInitializing,
    /// 429, and the answer does not say more.
    TooManyRequests,
    /// A webhook did not answer in its time.
    WebhookTimeout,
    /// A webhook could not be reached.
    WebhookUnreachable,
    /// A webhook's certificate was not accepted.
    WebhookCertificate,
    /// A webhook answered with what is no answer.
    WebhookFailed,
    /// etcd did not answer in time, or had no leader.
    EtcdSlow,
    /// etcd's database is full.
    EtcdFull,
    /// The kubelet could not be reached.
    KubeletUnreachable,
    /// Another server, for which the API server stands, could not be reached.
    UpstreamUnreachable,
    /// The API server is being stopped.
    ShuttingDown,
    /// The version that was asked for is newer than what the server knows.
    VersionTooLarge,
    /// The request did not end within its time.
    TimedOut,
    /// The connection ended before an answer.
    Unanswered,
    /// The answer may be among what the capture misses.
    AnswerMissing,
    /// 503, and the answer does not say more.
    Unavailable,
    /// 5xx, and what the answer says.
    ServerError,
    /// Another status from 400 on.
    Other,
}

/// A `metav1.Status`, as far as it tells causes.
#[derive(Debug, Default)]
struct Status {
    code: Option<u16>,
    reason: String,
    message: String,
    name: String,
    group: String,
    kind: String,
    retry_after_s: Option<u64>,
    causes: Vec<StatusCause>,
}

#[derive(Debug, Default)]
struct StatusCause {
    reason: String,
    message: String,
    field: String,
}

/// Explains an exchange that failed; none for one that did not, or is not over.
pub(crate) fn explain(exchange: &Exchange<'_>) -> Option<Explanation> {
    let Some(answer) = exchange.answer else { return unanswered(exchange) };
    let status = Status::of(answer.said.content, answer.status);
    let code = match (answer.status, &status) {
        (failed @ 400.., _) => failed,
        // A watch that began well and then tells its end.
        (_, Some(Status { code: Some(failed @ 400..), .. })) => *failed,
        _ => return None,
    };
    let facts = Facts { exchange, answer, status: status.unwrap_or_default(), code };
    let mut found = evidence::Found::default();
    let cause = facts.cause(&mut found);
    facts.add_common(&mut found);
    let commands = found.commands;
    Some(Explanation { cause, evidence: found.evidence, commands })
}

fn unanswered(exchange: &Exchange<'_>) -> Option<Explanation> {
    let missing = exchange.over?;
    let mut found = evidence::Found::default();
    let cause = match missing {
        0 => Cause::Unanswered,
        _ => {
            found.add(EvidenceName::MissingBytes, missing.to_string());
            Cause::AnswerMissing
        }
    };
    if let Some(user) = exchange.user {
        found.add(EvidenceName::ClaimedUser, user);
    }
    Some(Explanation { cause, evidence: found.evidence, commands: Vec::new() })
}

/// All that is at hand.
struct Facts<'a> {
    exchange: &'a Exchange<'a>,
    answer: Answer<'a>,
    status: Status,
    code: u16,
}

impl Facts<'_> {
    fn cause(&self, found: &mut evidence::Found) -> Cause {
        // A webhook or a policy may answer with any status of its choice.
        if let Some(cause) = self.webhook(found).or_else(|| self.policy(found)) {
            return cause;
        }
        match self.code {
            400 => self.bad_request(found),
            401 => self.unauthorized(found),
            403 => self.forbidden(found),
            404 => self.not_found(found),
            405 => Cause::MethodNotAllowed,
            409 => self.conflict(found),
            410 => self.gone(found),
            413 => Cause::TooLarge,
            415 => {
                let sent = field(self.exchange.request.headers, "content-type");
                found.add(EvidenceName::MediaType, sent.unwrap_or_default());
                Cause::UnsupportedMediaType
            }
            422 => self.invalid(found),
            429 => self.too_many(found),
            500.. => self.trouble(found),
            _ => Cause::Other,
        }
    }

    /// What belongs to every failure.
    fn add_common(&self, found: &mut evidence::Found) {
        match self.answer.said.content {
            Content::Unseen(why) => found.add(EvidenceName::Unseen, why),
            _ => found.add(EvidenceName::Message, self.text()),
        }
        found.add(EvidenceName::Reason, &self.status.reason);
        let seconds = self.status.retry_after_s.map(|seconds| seconds.to_string());
        if let Some(seconds) = seconds.or_else(|| self.header("retry-after").map(str::to_owned)) {
            found.add(EvidenceName::RetryAfterS, seconds);
        }
        if self.code >= 500
            && let Some(latency_us) = self.answer.latency_us
        {
            found.add(EvidenceName::LatencyMs, (latency_us / 1000).to_string());
        }
        if let Some(id) = self.header("audit-id") {
            found.add(EvidenceName::AuditId, id);
        }
    }

    /// What the answer says in words: a Status's message, or a text.
    fn text(&self) -> &str {
        match self.answer.said.content {
            Content::Text(text) if self.status.message.is_empty() => text.trim(),
            _ => &self.status.message,
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        field(self.answer.said.headers, name)
    }

    fn call(&self) -> &Call {
        self.exchange.call
    }
}

/// The value of the first field of a name, which is given in lower case.
fn field<'a>(headers: &'a [(Option<String>, Option<String>)], wanted: &str) -> Option<&'a str> {
    headers.iter().find_map(|(name, value)| {
        let found = name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(wanted));
        value.as_deref().filter(|_| found)
    })
}

impl Status {
    /// Reads a Status, or the one in a watch's last event; none if the content is another thing.
    fn of(content: Content<'_>, http_status: u16) -> Option<Self> {
        let Content::Json(text) = content else { return None };
        // Lists of a good answer are long, and hold no Status.
        if http_status < 400 && !text.contains("\"ERROR\"") {
            return None;
        }
        let value: Value = serde_json::from_str(text).ok()?;
        let value = match value.get("type").and_then(Value::as_str) {
            Some("ERROR") => value.get("object")?,
            _ => &value,
        };
        if value.get("kind")?.as_str()? != "Status" {
            return None;
        }
        let text =
            |of: Option<&Value>| of.and_then(Value::as_str).map(str::to_owned).unwrap_or_default();
        let details = value.get("details");
        let detail = |key: &str| details.and_then(|details| details.get(key));
        let causes = detail("causes").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        Some(Self {
            code: value.get("code").and_then(Value::as_u64).and_then(|code| code.try_into().ok()),
            reason: text(value.get("reason")),
            message: text(value.get("message")),
            name: text(detail("name")),
            group: text(detail("group")),
            kind: text(detail("kind")),
            retry_after_s: detail("retryAfterSeconds").and_then(Value::as_u64).filter(|s| *s > 0),
            causes: causes
                .iter()
                .take(CAUSES_MAX)
                .map(|cause| StatusCause {
                    reason: text(cause.get("reason")),
                    message: text(cause.get("message")),
                    field: text(cause.get("field")),
                })
                .collect(),
        })
    }
}
