//! Refusals of the gateway's own, as Kubernetes writes them: a `metav1.Status` in JSON.
//! Clients show its message; what the log says is said elsewhere.

use axum::body::Body;
use http::{HeaderValue, Response, StatusCode, header};
use model::RequestId;
use serde::Serialize;

/// Why a request gets no answer of an API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: StatusCode,
    reason: &'static str,
    message: String,
    details: Option<Details>,
    pub(crate) retry_after_s: Option<u32>,
}

/// What object a refusal is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Details {
    pub(crate) name: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) group: &'static str,
    pub(crate) kind: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status<'a> {
    kind: &'static str,
    api_version: &'static str,
    metadata: Empty,
    status: &'static str,
    message: &'a str,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: &'a Option<Details>,
    code: u16,
}

#[derive(Serialize)]
struct Empty {}

impl Refusal {
    fn new(code: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: None, retry_after_s: None }
    }

    /// 401, in the API server's words, which tell a stranger nothing.
    pub(crate) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized")
    }

    /// 400.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    /// 403.
    pub(crate) fn forbidden(message: String, details: Details) -> Self {
        let details = Some(details);
        Self { details, ..Self::new(StatusCode::FORBIDDEN, "Forbidden", message) }
    }

    /// 404.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NotFound", message)
    }

    /// 429.
    pub(crate) fn too_many_failures() -> Self {
        Self {
            retry_after_s: Some(60),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "TooManyRequests",
                "too many credentials from your network were refused; try again in a minute",
            )
        }
    }

    /// 429.
    pub(crate) fn too_many_unanswered() -> Self {
        Self {
            retry_after_s: Some(1),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "TooManyRequests",
                "too many requests from your network wait for an answer; try again later",
            )
        }
    }

    /// 503.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self {
            retry_after_s: Some(1),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", message)
        }
    }

    /// 502.
    pub(crate) fn bad_gateway(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, "InternalError", message)
    }

    /// 504.
    pub(crate) fn timeout(message: impl Into<String>) -> Self {
        Self::new(StatusCode::GATEWAY_TIMEOUT, "Timeout", message)
    }

    /// The answer.
    pub(crate) fn answer(&self, id: &RequestId) -> Response<Body> {
        let status = Status {
            kind: "Status",
            api_version: "v1",
            metadata: Empty {},
            status: "Failure",
            message: &self.message,
            reason: self.reason,
            details: &self.details,
            code: self.code.as_u16(),
        };
        // Texts and numbers always serialise.
        let body = serde_json::to_vec(&status).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.code;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
        headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        // An id is letters and digits, so this holds always.
        if let Ok(id) = HeaderValue::from_str(id.as_str()) {
            headers.insert("audit-id", id);
        }
        response
    }
}
