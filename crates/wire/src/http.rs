//! What HTTP/1 and HTTP/2 have in common: heads, requests waiting for their answers, and the units of both.
//! How messages are framed is [`crate::http1`]'s and [`crate::http2`]'s.

use crate::body::BodyKind;
use crate::etcd::gateway::Gateway;
use crate::grpc::{self, Method};
use crate::http2::hpack::Field;
use crate::kubernetes::Call;
use crate::redact::Redactor;
use crate::scene::Scene;
use crate::unit::Unit;
use std::sync::Arc;

/// A request whose answer is still to come.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) call: Arc<Call>,
    pub(crate) unit: u64,
    pub(crate) time_ns: u64,
}

impl Request {
    /// Marks a unit as the answer to this request.
    pub(crate) fn mark(&self, unit: &mut Unit) {
        unit.call = Some(Arc::clone(&self.call));
        unit.request = Some(self.unit);
    }

    /// Microseconds from this request to now.
    pub(crate) fn latency_us(&self, scene: &Scene<'_>) -> u64 {
        scene.time_ns.saturating_sub(self.time_ns) / 1_000
    }
}

/// The value of the first field of a name, which is given in lower case.
pub(crate) fn field<'a>(fields: &'a [Field], name: &str) -> Option<&'a str> {
    fields
        .iter()
        .find(|field| field.name.as_deref().is_some_and(|this| this.eq_ignore_ascii_case(name)))
        .and_then(|field| field.value.as_deref())
}

/// All fields as they may be shown.
pub(crate) fn shown(
    fields: &[Field],
    redactor: &Redactor,
) -> Vec<(Option<String>, Option<String>)> {
    fields
        .iter()
        .map(|field| {
            let name = field.name.as_deref().map(str::to_owned);
            (name, redactor.field(&field.name, &field.value))
        })
        .collect()
}

/// What a message's content is, by its head and the request it belongs to.
pub(crate) fn body_kind(fields: &[Field], call: Option<&Call>, is_answer: bool) -> BodyKind {
    let media_type = field(fields, "content-type").map(str::to_owned);
    let says_stream = media_type.as_deref().is_some_and(|kind| kind.contains("stream=watch"));
    let is_grpc = media_type.as_deref().is_some_and(grpc::is_grpc);
    let path = call.and_then(|call| call.path.as_deref());
    let gateway = path.and_then(Gateway::of);
    BodyKind {
        grpc: is_grpc.then(|| Method::parse(path, is_answer)),
        grpc_encoding: field(fields, "grpc-encoding").map(str::to_ascii_lowercase),
        encoding: field(fields, "content-encoding").map(str::to_ascii_lowercase),
        is_stream: is_answer && (says_stream || call.is_some_and(Call::is_stream)),
        // Whose request is unknown may be anybody's.
        may_be_secret: call.is_none_or(|call| call.is_secret() || call.path.is_none())
            || gateway.is_some(),
        is_secret: gateway.is_some_and(|gateway| gateway.is_snapshot),
        media_type,
    }
}

/// The words for a status (IANA's HTTP Status Code Registry).
pub(crate) fn reason(status: u16) -> &'static str {
    http::StatusCode::from_u16(status).ok().and_then(|code| code.canonical_reason()).unwrap_or("")
}

/// `200 OK`, or only the number if it has no words.
pub(crate) fn status_line(status: u16) -> String {
    format!("{status} {}", reason(status)).trim_end().to_owned()
}
