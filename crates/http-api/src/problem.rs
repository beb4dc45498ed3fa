//! How a refusal is told: problem details (RFC 9457) with a code of our closed list.
//! What the client reads is written on purpose by whoever refuses; the cause behind it goes to the log
//! under the request's id and never into the answer. Who handles a code knows `code`, not this module.

mod code;
mod conversions;

pub use code::ProblemCode;
pub use conversions::{
    WORDS_CHARACTERS_MAX, cluster_denies, cluster_refuses_hub, cluster_words, speaks_of_hub,
};

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use model::RequestId;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

/// Who decided a refusal, so that the person knows whom to ask.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum DecidedBy {
    /// The hub's own rules.
    Hub,
    /// The cluster: its RBAC, admission or quota.
    Kubernetes,
    /// The browser, which kept something back.
    Browser,
}

/// A refusal on its way to the client.
#[derive(Debug, Clone)]
pub struct Problem {
    code: ProblemCode,
    status: StatusCode,
    detail: String,
    decided_by: Option<DecidedBy>,
    fix: Option<String>,
    retry_after: Option<Duration>,
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

/// A problem as the client reads it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// `https://sallyport.dev/problems/<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// A short English title of the code.
    pub title: String,
    /// The HTTP status, repeated.
    pub status: u16,
    /// What was refused, with the object's name, in English.
    pub detail: String,
    /// The reason, by which the console translates.
    pub code: ProblemCode,
    /// Who decided, where that is worth knowing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<DecidedBy>,
    /// What the person can do, in English.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// The id under which the hub's log tells more.
    pub request_id: String,
    /// Seconds until another attempt makes sense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u64>,
}

impl Problem {
    /// A refusal with a sentence that names the object. Nothing internal belongs into `detail`.
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            status: code.status(),
            detail: detail.into(),
            decided_by: None,
            fix: None,
            retry_after: None,
            cause: None,
        }
    }

    /// A fault of the hub; the cause is logged, the client learns the request id alone.
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(ProblemCode::Internal, "the hub failed; its log tells more under this request id")
            .caused_by(cause)
    }

    /// A malformed request; `detail` names the part and the rule.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(ProblemCode::BadRequest, detail)
    }

    /// Nothing of this name; also said of what the person may not know of.
    pub fn not_found(object: impl std::fmt::Display) -> Self {
        Self::new(ProblemCode::NotFound, format!("there is no {object}"))
    }

    /// A known address, but not with this method.
    pub(crate) fn method_not_allowed() -> Self {
        let mut problem = Self::bad_request("this address does not take this method");
        problem.status = StatusCode::METHOD_NOT_ALLOWED;
        problem
    }

    /// Adds who decided.
    #[must_use]
    pub fn decided_by(mut self, who: DecidedBy) -> Self {
        self.decided_by = Some(who);
        self
    }

    /// Adds what the person can do.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// Adds when another attempt makes sense; also sent as `Retry-After`.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Keeps the cause for the log.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = Some(Arc::from(cause.into()));
        self
    }

    /// Why it was refused.
    pub fn code(&self) -> ProblemCode {
        self.code
    }

    /// The sentence for the client, which audit records use as their reason.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Writes what the client reads, for answers and for the frames of a WebSocket.
    pub fn body(&self, request: &RequestId) -> ProblemBody {
        ProblemBody {
            kind: format!("https://sallyport.dev/problems/{}", self.code),
            title: self.code.title().to_owned(),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            code: self.code,
            decided_by: self.decided_by,
            fix: self.fix.clone(),
            request_id: request.to_string(),
            retry_after_s: self.retry_after.map(whole_seconds),
        }
    }

    /// Logs the refusal with its causes. `observe` does so for answers; whoever sends a problem through
    /// a WebSocket calls it once.
    pub fn log(&self, request: &RequestId) {
        let cause = self.cause.as_deref().map(chain).unwrap_or_default();
        let code = self.code.as_str();
        // A malformed request is told what it held, which may be a secret in the wrong place.
        let detail = if self.code == ProblemCode::BadRequest { "" } else { &self.detail };
        match self.code {
            // A person should look: nothing outside the hub explains these.
            ProblemCode::Internal => {
                tracing::error!(%request, code, detail, cause, "a request failed");
            }
            ProblemCode::StoreUnavailable
            | ProblemCode::ClusterUnreachable
            | ProblemCode::ExecUnsupported => {
                tracing::warn!(%request, code, detail, cause, "a request failed");
            }
            _ => tracing::debug!(%request, code, detail, cause, "a request was refused"),
        }
    }

    /// The finished answer. Handlers return the problem itself; `observe` calls this with the id.
    pub(crate) fn answer(&self, request: &RequestId) -> Response {
        let body = serde_json::to_vec(&self.body(request)).unwrap_or_default();
        let mut response = (self.status, body).into_response();
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(wait) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, whole_seconds(wait).into());
        }
        response
    }
}

impl IntoResponse for Problem {
    /// An answer without its body: the request's id is not known here, so the problem itself rides in
    /// the response's extensions to `observe`, which writes it out.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

impl Error for Problem {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn Error + 'static))
    }
}

/// Rounded up, for a client that returns a fraction too early would be refused again.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// The causes from the outermost in, as one line.
fn chain(error: &(dyn Error + Send + Sync)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    // A chain that long is a loop.
    for _ in 0..16 {
        let Some(cause) = next else { break };
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_kept_for_the_log_and_out_of_the_answer() {
        let request = RequestId::from_random([1; 16]);
        let problem = Problem::internal("postgres://hub:hunter2@db refused");
        let body = serde_json::to_string(&problem.body(&request)).unwrap();
        assert!(!body.contains("hunter2"), "{body}");
        assert!(body.contains(request.as_str()), "{body}");
        assert!(chain(problem.cause.as_deref().unwrap()).contains("hunter2"));
    }

    #[test]
    fn a_wait_is_rounded_up() {
        let problem = Problem::new(ProblemCode::TooManyAttempts, "wait")
            .retry_after(Duration::from_millis(1001));
        let request = RequestId::from_random([1; 16]);
        assert_eq!(problem.body(&request).retry_after_s, Some(2));
        assert_eq!(problem.answer(&request).headers()[header::RETRY_AFTER], "2");
    }
}
