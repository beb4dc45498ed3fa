//! Exchanges as a HAR file (HTTP Archive 1.2), which browsers' developer tools and proxies open.
//! The file is one JSON object, written entry by entry; it is whole only after [`Har::end`].
//!
//! What HAR has no place for stands in fields that begin with `_`, as the format allows: who asked for what, in
//! Kubernetes' words. What is not known is -1 or empty, as the format wants it, with a comment that says why.

use crate::exchanges::{Answer, Exchange, Headers, Message};
use crate::table::timestamp;
use serde::Serialize;
use std::io::{self, Write};
use wire::Protocol;

/// Writes one file.
#[derive(Debug, Default)]
pub(crate) struct Har {
    entries: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    started_date_time: String,
    time: f64,
    request: Request<'a>,
    response: Response<'a>,
    cache: Empty,
    timings: Timings,
    #[serde(rename = "serverIPAddress")]
    server_ip_address: String,
    connection: String,
    #[serde(rename = "_number")]
    number: u64,
    #[serde(rename = "_client")]
    client: String,
    #[serde(rename = "_user", skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(rename = "_verb", skip_serializing_if = "Option::is_none")]
    verb: Option<&'a str>,
    #[serde(rename = "_group", skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    #[serde(rename = "_resource", skip_serializing_if = "Option::is_none")]
    resource: Option<&'a str>,
    #[serde(rename = "_subresource", skip_serializing_if = "Option::is_none")]
    subresource: Option<&'a str>,
    #[serde(rename = "_namespace", skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
    #[serde(rename = "_name", skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    method: &'a str,
    url: String,
    http_version: &'static str,
    cookies: [Empty; 0],
    headers: Vec<Pair<'a>>,
    query_string: Vec<Pair<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    post_data: Option<PostData<'a>>,
    headers_size: i64,
    body_size: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response<'a> {
    status: u16,
    status_text: &'static str,
    http_version: &'static str,
    cookies: [Empty; 0],
    headers: Vec<Pair<'a>>,
    content: ContentOf<'a>,
    #[serde(rename = "redirectURL")]
    redirect_url: &'a str,
    headers_size: i64,
    body_size: i64,
}

#[derive(Serialize)]
struct Pair<'a> {
    name: &'a str,
    value: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PostData<'a> {
    mime_type: &'a str,
    params: [Empty; 0],
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ContentOf<'a> {
    size: u64,
    mime_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

/// Milliseconds.
#[derive(Serialize)]
struct Timings {
    blocked: f64,
    dns: f64,
    connect: f64,
    send: f64,
    wait: f64,
    receive: f64,
}

impl Har {
    pub(crate) fn exchange(
        &mut self,
        exchange: &Exchange,
        output: &mut dyn Write,
    ) -> io::Result<()> {
        match self.entries {
            0 => self.begin(output)?,
            _ => output.write_all(b",\n")?,
        }
        self.entries += 1;
        Ok(serde_json::to_writer(output, &entry(exchange))?)
    }

    /// Completes the file, also one without entries.
    pub(crate) fn end(&self, output: &mut dyn Write) -> io::Result<()> {
        if self.entries == 0 {
            self.begin(output)?;
        }
        output.write_all(b"\n]}}\n")
    }

    fn begin(&self, output: &mut dyn Write) -> io::Result<()> {
        let version = env!("CARGO_PKG_VERSION");
        writeln!(
            output,
            r#"{{"log":{{"version":"1.2","creator":{{"name":"Sallyport","version":"{version}"}},"pages":[],"entries":["#
        )
    }
}

fn entry(exchange: &Exchange) -> Entry<'_> {
    let call = &exchange.call;
    let answered_us = exchange.answer.as_ref().map_or(exchange.sent_us, |answer| answer.at_us);
    let timings = Timings {
        blocked: -1.0,
        dns: -1.0,
        connect: -1.0,
        send: milliseconds(exchange.began_us, exchange.sent_us),
        wait: milliseconds(exchange.sent_us, answered_us),
        receive: milliseconds(answered_us, exchange.ended_us),
    };
    let comment = match (&exchange.answer, exchange.frames) {
        (None, _) => Some("no answer in the capture".to_owned()),
        (Some(_), 0) => None,
        (Some(_), frames) => Some(format!("upgraded; {frames} frames that followed are left out")),
    };
    Entry {
        started_date_time: timestamp(exchange.began_us)
            .map(|time| format!("{time:.6}"))
            .unwrap_or_default(),
        // The sum of the timings, without its rounding.
        time: milliseconds(exchange.began_us, exchange.ended_us.max(answered_us)),
        request: request(exchange),
        response: response(exchange),
        cache: Empty {},
        timings,
        server_ip_address: exchange.server.ip().to_string(),
        connection: exchange.connection.to_string(),
        number: exchange.number,
        client: exchange.client.to_string(),
        user: exchange.user.as_deref(),
        verb: call.verb.as_deref(),
        group: call.group.as_deref(),
        resource: call.resource.as_deref(),
        subresource: call.subresource.as_deref(),
        namespace: call.namespace.as_deref(),
        name: call.name.as_deref(),
        comment,
    }
}

fn request(exchange: &Exchange) -> Request<'_> {
    let message = &exchange.request;
    let path = exchange.call.path.as_deref().unwrap_or("/");
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let scheme = if exchange.is_encrypted { "https" } else { "http" };
    let parameters = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Pair { name, value, comment: None }
    });
    Request {
        method: exchange.call.method.as_deref().unwrap_or(""),
        url: format!("{scheme}://{}{path}", exchange.authority()),
        http_version: version(exchange.protocol),
        cookies: [],
        headers: pairs(&message.headers),
        query_string: parameters.collect(),
        post_data: (message.bytes > 0).then(|| PostData {
            mime_type: message.media_type.as_deref().unwrap_or(""),
            params: [],
            text: message.text.as_deref().unwrap_or(""),
            comment: comment(message),
        }),
        headers_size: -1,
        body_size: message.bytes,
    }
}

fn response(exchange: &Exchange) -> Response<'_> {
    let Some(Answer { status, message, .. }) = &exchange.answer else {
        // What developer tools write for a request that was never answered.
        return Response {
            status: 0,
            status_text: "",
            http_version: version(exchange.protocol),
            cookies: [],
            headers: Vec::new(),
            content: ContentOf { size: 0, mime_type: "x-unknown", text: None, comment: None },
            redirect_url: "",
            headers_size: -1,
            body_size: -1,
        };
    };
    Response {
        status: *status,
        status_text: http::StatusCode::from_u16(*status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or(""),
        http_version: version(exchange.protocol),
        cookies: [],
        headers: pairs(&message.headers),
        content: ContentOf {
            size: message.bytes,
            mime_type: message.media_type.as_deref().unwrap_or(""),
            text: message.text.as_deref(),
            comment: comment(message),
        },
        redirect_url: message.header("location").unwrap_or(""),
        headers_size: -1,
        body_size: i64::try_from(message.bytes).unwrap_or(i64::MAX),
    }
}

fn pairs(headers: &Headers) -> Vec<Pair<'_>> {
    let unknown = "the capture does not hold what this refers to";
    headers
        .iter()
        .map(|field| Pair {
            name: field.0.as_deref().unwrap_or(""),
            value: field.1.as_deref().unwrap_or(""),
            comment: (field.0.is_none() || field.1.is_none()).then_some(unknown),
        })
        .collect()
}

fn comment(message: &Message) -> Option<String> {
    match (message.omitted, message.is_cut) {
        (Some(reason), _) => Some(format!("not shown: {}", reason.replace('_', " "))),
        (None, true) => Some("cut: there was more than is kept".to_owned()),
        (None, false) => None,
    }
}

fn version(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Http2 => "HTTP/2.0",
        _ => "HTTP/1.1",
    }
}

#[expect(clippy::cast_precision_loss, reason = "a time of 285 years is exact to the microsecond")]
fn milliseconds(from_us: u64, to_us: u64) -> f64 {
    to_us.saturating_sub(from_us) as f64 / 1_000.0
}
