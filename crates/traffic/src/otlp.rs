//! Exchanges as OpenTelemetry spans, a request for export (OTLP, JSON encoding) on each line: what the Collector's
//! `otlpjsonfile` receiver reads and an OTLP/HTTP endpoint takes at `/v1/traces`.
//!
//! Attributes are OpenTelemetry's semantic conventions for HTTP servers; who asked for what in Kubernetes' words stands
//! under `k8s.request.`, for which there is no convention. Content is left out: spans are kept by others.
//! A request with a `traceparent` (W3C Trace Context) becomes part of its trace; any other is a trace of its own, with
//! ids made from the key of redaction, so that the same capture with the same key gives the same ids.
//!
//! Hostile input: a `traceparent` is used only if it is exactly of version 00's form.

use crate::exchanges::Exchange;
use serde::Serialize;
use serde::ser::Serializer;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use wire::Protocol;

const SPAN_KIND_SERVER: u8 = 2;
const STATUS_ERROR: u8 = 2;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Export<'a> {
    resource_spans: [ResourceSpans<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans<'a> {
    resource: Resource,
    scope_spans: [ScopeSpans<'a>; 1],
}

#[derive(Serialize)]
struct Resource {
    attributes: Vec<Attribute>,
}

#[derive(Serialize)]
struct ScopeSpans<'a> {
    scope: Scope,
    spans: [Span<'a>; 1],
}

#[derive(Serialize)]
struct Scope {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Span<'a> {
    trace_id: String,
    span_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_span_id: Option<&'a str>,
    name: String,
    kind: u8,
    start_time_unix_nano: String,
    end_time_unix_nano: String,
    attributes: Vec<Attribute>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
}

#[derive(Serialize)]
struct Status {
    code: u8,
}

#[derive(Serialize)]
struct Attribute {
    key: &'static str,
    value: Value,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Value {
    StringValue(String),
    /// 64 bits are text in the JSON encoding.
    #[serde(serialize_with = "as_text")]
    IntValue(u64),
}

fn as_text<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

pub(crate) fn exchange(
    exchange: &Exchange,
    key: &[u8; 32],
    output: &mut dyn Write,
) -> io::Result<()> {
    let server = exchange.server.to_string();
    let line = Export {
        resource_spans: [ResourceSpans {
            // Which program listens there, the packets do not say.
            resource: Resource { attributes: vec![text("service.name", server)] },
            scope_spans: [ScopeSpans {
                scope: Scope { name: "sallyport", version: env!("CARGO_PKG_VERSION") },
                spans: [span(exchange, key)],
            }],
        }],
    };
    crate::json::write(&line, output)
}

fn span<'a>(exchange: &'a Exchange, key: &[u8; 32]) -> Span<'a> {
    let given = exchange.request_header("traceparent").and_then(trace_parent);
    let own = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (key, salt, exchange.number, exchange.connection, exchange.began_us, exchange.client)
            .hash(&mut hasher);
        // All zeros is no id.
        format!("{:016x}", hasher.finish().max(1))
    };
    Span {
        trace_id: given
            .map_or_else(|| format!("{}{}", own(1), own(2)), |(trace, _)| trace.to_owned()),
        span_id: own(3),
        parent_span_id: given.map(|(_, parent)| parent),
        name: name(exchange),
        kind: SPAN_KIND_SERVER,
        start_time_unix_nano: nanoseconds(exchange.began_us),
        end_time_unix_nano: nanoseconds(exchange.ended_us),
        attributes: attributes(exchange),
        // The convention: of a server, only its own faults are errors.
        status: exchange
            .answer
            .as_ref()
            .is_some_and(|answer| answer.status >= 500)
            .then_some(Status { code: STATUS_ERROR }),
    }
}

/// Few different ones, as the convention wants: the verb and the resource, never an object's name.
fn name(exchange: &Exchange) -> String {
    let call = &exchange.call;
    match (&call.verb, &call.resource, &call.subresource) {
        (Some(verb), Some(resource), Some(subresource)) => {
            format!("{verb} {resource}/{subresource}")
        }
        (Some(verb), Some(resource), None) => format!("{verb} {resource}"),
        _ => call.method.clone().unwrap_or_else(|| "HTTP".to_owned()),
    }
}

fn attributes(exchange: &Exchange) -> Vec<Attribute> {
    let call = &exchange.call;
    let path = call.path.as_deref().map(|path| path.split_once('?').unwrap_or((path, "")));
    let known = |key, value: Option<&str>| value.map(|value| text(key, value.to_owned()));
    let answer = exchange.answer.as_ref();
    let authority = exchange.authority();
    let server = authority.parse::<http::uri::Authority>().ok();
    let server = server.as_ref();
    let version = match exchange.protocol {
        Protocol::Http2 => "2",
        _ => "1.1",
    };
    [
        known("http.request.method", call.method.as_deref()),
        known("url.scheme", Some(if exchange.is_encrypted { "https" } else { "http" })),
        known("url.path", path.map(|(path, _)| path)),
        known("url.query", path.map(|(_, query)| query).filter(|query| !query.is_empty())),
        known("server.address", Some(server.map_or(authority.as_str(), |server| server.host()))),
        server.and_then(|server| server.port_u16()).map(|port| number("server.port", port.into())),
        known("client.address", Some(&exchange.client.ip().to_string())),
        Some(number("client.port", exchange.client.port().into())),
        known("network.protocol.name", Some("http")),
        known("network.protocol.version", Some(version)),
        known("user_agent.original", exchange.request_header("user-agent")),
        answer.map(|answer| number("http.response.status_code", answer.status.into())),
        Some(number("http.request.body.size", exchange.request.bytes)),
        answer.map(|answer| number("http.response.body.size", answer.message.bytes)),
        known("user.name", exchange.user.as_deref()),
        known("k8s.request.verb", call.verb.as_deref()),
        known("k8s.request.group", call.group.as_deref().filter(|group| !group.is_empty())),
        known("k8s.request.resource", call.resource.as_deref()),
        known("k8s.request.subresource", call.subresource.as_deref()),
        known("k8s.namespace.name", call.namespace.as_deref()),
        known("k8s.request.name", call.name.as_deref()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Trace and parent of a `traceparent`: `00-<32 hex>-<16 hex>-<2 hex>`, neither all zeros.
fn trace_parent(text: &str) -> Option<(&str, &str)> {
    let is_hex = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_id = |text: &str, length| is_hex(text, length) && text.bytes().any(|b| b != b'0');
    let mut parts = text.split('-');
    match (parts.next(), parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some("00"), Some(trace), Some(parent), Some(flags), None)
            if is_id(trace, 32) && is_id(parent, 16) && is_hex(flags, 2) =>
        {
            Some((trace, parent))
        }
        _ => None,
    }
}

fn text(key: &'static str, value: String) -> Attribute {
    Attribute { key, value: Value::StringValue(value) }
}

fn number(key: &'static str, value: u64) -> Attribute {
    Attribute { key, value: Value::IntValue(value) }
}

fn nanoseconds(time_us: u64) -> String {
    (u128::from(time_us) * 1_000).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_continued_only_by_what_is_exactly_of_the_form() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let good = format!("00-{trace}-00f067aa0ba902b7-01");
        assert_eq!(trace_parent(&good), Some((trace, "00f067aa0ba902b7")));
        let zeros = "0".repeat(32);
        for bad in [
            "".to_owned(),
            format!("01-{trace}-00f067aa0ba902b7-01"),
            format!("00-{trace}-00f067aa0ba902b7"),
            format!("00-{trace}-00f067aa0ba902b7-01-what"),
            format!("00-{zeros}-00f067aa0ba902b7-01"),
            format!("00-{trace}-0000000000000000-01"),
            format!("00-{}-00f067aa0ba902b7-01", trace.to_uppercase()),
            format!("00-{trace}é-00f067aa0ba902b7-01"),
        ] {
            assert_eq!(trace_parent(&bad), None, "{bad}");
        }
    }
}
