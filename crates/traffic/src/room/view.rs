//! What the API tells of traffic: bodies as the console reads them.
//! What they are made of is the store's.

use crate::explain::Explanation;
use model::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use store::{
    TrafficBody, TrafficConnection, TrafficContent, TrafficCount, TrafficExchange, TrafficSummary,
    TrafficUnit,
};

/// One thing that was said.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = TrafficUnit)]
pub(super) struct UnitBody {
    /// Its place in the order in which units were stored.
    number: i64,
    /// When its last byte was captured, to the microsecond.
    #[schema(value_type = String, format = DateTime)]
    time: Timestamp,
    /// The connection's number.
    connection: i64,
    /// Who said it.
    side: TrafficSide,
    /// Where it came from.
    #[schema(example = "10.0.0.9:40112")]
    source: String,
    /// Where it went.
    destination: String,
    /// Its protocol.
    #[schema(example = "HTTP/2")]
    protocol: String,
    /// Its length in bytes as the protocol carried it, decrypted.
    length: u64,
    /// In one line.
    #[schema(example = "HEADERS[71]: 200 OK")]
    info: String,
    /// The HTTP/2 stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    stream: Option<u32>,
    /// Number of the unit with the request that this belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    request: Option<i64>,
    /// Who asked, as the request claims: the user to be impersonated, or the token's subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    user: Option<String>,
    /// The request's method.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    method: Option<String>,
    /// The request's path, redacted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    path: Option<String>,
    /// What it does to Kubernetes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "list")]
    verb: Option<String>,
    /// The API group; empty for the core group.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    group: Option<String>,
    /// The API version.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    version: Option<String>,
    /// The resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "pods")]
    resource: Option<String>,
    /// The subresource.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    subresource: Option<String>,
    /// The namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    namespace: Option<String>,
    /// The object's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    name: Option<String>,
    /// The answer's status.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    status: Option<u16>,
    /// Microseconds from the request's head to the answer's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    latency_us: Option<u64>,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum TrafficSide {
    /// Who opened the connection.
    Client,
    /// Who answered.
    Server,
}

/// A page of units, newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = TrafficPage)]
pub(super) struct PageBody {
    /// The units.
    pub(super) items: Vec<UnitBody>,
    /// `before` of the next page. A page may be short, or empty, and yet not be the last: one page looks at
    /// 100,000 units at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) next_before: Option<i64>,
    /// The newest unit there was, whether it matches or not.
    pub(super) newest: i64,
}

/// The data of `event: snapshot`: it replaces all that was told before.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct TrafficSnapshot {
    /// The newest units, newest first.
    pub(super) items: Vec<UnitBody>,
    /// `before` of the page that follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) next_before: Option<i64>,
    /// The newest unit there was, whether it matches or not.
    pub(super) newest: i64,
}

/// The data of `event: units`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct TrafficNews {
    /// What is new, newest first.
    pub(super) items: Vec<UnitBody>,
    /// The newest unit there was, whether it matches or not.
    pub(super) newest: i64,
}

/// The data of `event: stale`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct TrafficStale {}

/// A unit with what it carries and what it belongs to.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = TrafficUnitDetail)]
pub(super) struct DetailBody {
    unit: UnitBody,
    /// Header fields as pairs of name and value, redacted; null is what the capture does not tell.
    #[schema(value_type = Vec<Vec<Option<String>>>)]
    headers: Vec<(Option<String>, Option<String>)>,
    /// The content, redacted; left out if there is none, or if it was removed already.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    content: Option<ContentBody>,
    /// The request and all that belongs to it, this unit among them; the first 100.
    exchange: Vec<UnitBody>,
    /// The connection, when it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    connection: Option<ConnectionBody>,
    /// Why the request failed; left out if it did not, or goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) explanation: Option<Explanation>,
}

/// What may be seen of a unit's content.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = TrafficContent)]
pub(super) struct ContentBody {
    /// Its media type, as its sender said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    media_type: Option<String>,
    /// Bytes as they were carried, before any decompression.
    length: u64,
    /// What follows in `text`, or that nothing does.
    form: TrafficForm,
    /// The content.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    text: Option<String>,
    /// Only its beginning is stored.
    cut: bool,
    /// Why it is not shown: `undecoded`, `secret`, `gap`, `over_bound`, `malformed`, `input`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    omitted: Option<String>,
    /// A keyed hash, by which equal contents are seen to be equal.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    fingerprint: Option<String>,
}

/// What a content is.
#[derive(Debug, Clone, Copy, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum TrafficForm {
    /// JSON.
    Json,
    /// Text.
    Text,
    /// Not shown.
    Omitted,
}

/// A connection at its end.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = TrafficConnection)]
pub(super) struct ConnectionBody {
    number: i64,
    /// Who opened it.
    client: String,
    /// Who answered.
    server: String,
    /// When its first packet was captured.
    #[schema(value_type = String, format = DateTime)]
    began_at: Timestamp,
    /// When its last packet was captured.
    #[schema(value_type = String, format = DateTime)]
    ended_at: Timestamp,
    /// How far it could be read, as `sallyport traffic decode` says it.
    #[schema(example = "no_key")]
    decryption: String,
    /// What TLS agreed on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    tls: Option<TlsBody>,
    /// HTTP requests seen.
    requests: u64,
    /// The beginning was not captured.
    late: bool,
    /// Bytes that were sent, but are not in the capture.
    missing: u64,
    /// Bytes of TCP payload: `decoded`, and those skipped by reason.
    wire: BTreeMap<String, u64>,
    /// Bytes of readable content: `decoded`, and those skipped by reason.
    content: BTreeMap<String, u64>,
}

/// What a TLS handshake said.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = TrafficTls)]
pub(super) struct TlsBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    suite: Option<String>,
    /// The server's name that the client asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    server_name: Option<String>,
    /// The application protocol agreed on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    protocol: Option<String>,
    /// A session was resumed.
    resumed: bool,
    /// The client offered data before the handshake's end.
    early_data: bool,
}

/// The newest connections, and how far all stored ones could be read.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = TrafficConnections)]
pub(super) struct ConnectionsBody {
    /// The connections, newest first.
    pub(super) items: Vec<ConnectionBody>,
    /// `before` of the next page, unless this is the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) next_before: Option<i64>,
    /// All stored connections by how far they could be read.
    pub(super) by_decryption: Vec<StateCount>,
}

/// Connections that could be read so far.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = TrafficDecryption)]
pub(super) struct StateCount {
    /// How far.
    pub(super) state: String,
    /// How many.
    pub(super) connections: u64,
}

/// The answers of a span that ends with the newest unit.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = TrafficSummary)]
pub(super) struct SummaryBody {
    /// The span's beginning; left out if there is no unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    from: Option<Timestamp>,
    /// Its end: when the newest unit was captured.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    to: Option<Timestamp>,
    /// The span began before the newest 100,000 units, and only these were looked at.
    partial: bool,
    /// Answers.
    answers: u64,
    /// Answers with a status of 400 to 499.
    client_errors: u64,
    /// Answers with a status from 500 on.
    server_errors: u64,
    /// Latencies; left out if none is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    latency_us: Option<LatencyBody>,
    /// Answers, and errors among them, in each 60th of the span.
    pieces: Vec<PieceBody>,
    /// The ten users with most answers; the name is empty where it is not known.
    users: Vec<CountBody>,
    /// The ten kinds of request (verb and resource) with most answers.
    resources: Vec<CountBody>,
}

/// Latencies in microseconds that so many of 100 answers did not exceed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = TrafficLatency)]
pub(super) struct LatencyBody {
    p50: u64,
    p90: u64,
    p99: u64,
    longest: u64,
}

/// A piece of the span.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = TrafficPiece)]
pub(super) struct PieceBody {
    answers: u64,
    errors: u64,
}

/// Answers of one kind.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = TrafficCount)]
pub(super) struct CountBody {
    name: String,
    answers: u64,
    errors: u64,
    longest_us: u64,
}

/// What became of a capture that was uploaded.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = TrafficCapture)]
pub(super) struct CaptureBody {
    /// Its name.
    pub(super) name: String,
    /// Bytes that were uploaded.
    pub(super) bytes: u64,
    /// Packets in it.
    pub(super) packets: u64,
    /// Units that were stored.
    pub(super) units: u64,
    /// HTTP requests in it.
    pub(super) requests: u64,
    /// Connections in it.
    pub(super) connections: u64,
    /// Secrets that its key log, or the capture itself, held.
    pub(super) secrets: u64,
    /// How far its connections could be read.
    pub(super) decryption: Vec<StateCount>,
    /// Its bytes: `decoded`, and those skipped by reason.
    pub(super) account: BTreeMap<String, u64>,
    /// Where it is damaged, in English; what comes before is stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) fault: Option<String>,
}

impl From<TrafficUnit> for UnitBody {
    fn from(unit: TrafficUnit) -> Self {
        Self {
            number: unit.number,
            time: unit.at,
            connection: unit.connection,
            side: if unit.from_client { TrafficSide::Client } else { TrafficSide::Server },
            source: unit.source.to_string(),
            destination: unit.destination.to_string(),
            protocol: unit.protocol,
            length: unit.length,
            info: unit.info,
            stream: unit.stream,
            request: unit.request,
            user: unit.user,
            method: unit.method,
            path: unit.path,
            verb: unit.verb,
            group: unit.group,
            version: unit.version,
            resource: unit.resource,
            subresource: unit.subresource,
            namespace: unit.namespace,
            name: unit.name,
            status: unit.status,
            latency_us: unit.latency_us,
        }
    }
}

impl From<TrafficExchange> for DetailBody {
    fn from(exchange: TrafficExchange) -> Self {
        let (headers, content) = match exchange.body {
            Some(body) => {
                let content = content(&body);
                (body.headers, content)
            }
            None => (Vec::new(), None),
        };
        Self {
            unit: exchange.unit.into(),
            headers,
            content,
            exchange: exchange.exchange.into_iter().map(UnitBody::from).collect(),
            connection: exchange.connection.map(ConnectionBody::from),
            explanation: None,
        }
    }
}

fn content(body: &TrafficBody) -> Option<ContentBody> {
    let (form, text, omitted, fingerprint) = match &body.content {
        TrafficContent::None => return None,
        TrafficContent::Json(text) => (TrafficForm::Json, Some(text.clone()), None, None),
        TrafficContent::Text(text) => (TrafficForm::Text, Some(text.clone()), None, None),
        TrafficContent::Omitted { reason, fingerprint } => {
            (TrafficForm::Omitted, None, Some(reason.clone()), fingerprint.clone())
        }
    };
    let (media_type, length) = (body.media_type.clone(), body.length.unwrap_or_default());
    Some(ContentBody { media_type, length, form, text, cut: body.cut, omitted, fingerprint })
}

impl From<TrafficConnection> for ConnectionBody {
    fn from(connection: TrafficConnection) -> Self {
        Self {
            number: connection.number,
            client: connection.client.to_string(),
            server: connection.server.to_string(),
            began_at: connection.began_at,
            ended_at: connection.ended_at,
            decryption: connection.decryption,
            tls: connection.tls.map(|tls| TlsBody {
                version: tls.version,
                suite: tls.suite,
                server_name: tls.server_name,
                protocol: tls.protocol,
                resumed: tls.resumed,
                early_data: tls.early_data,
            }),
            requests: connection.requests,
            late: connection.late,
            missing: connection.missing,
            wire: connection.wire,
            content: connection.content,
        }
    }
}

impl From<TrafficSummary> for SummaryBody {
    fn from(summary: TrafficSummary) -> Self {
        let counts = |counts: Vec<TrafficCount>| {
            counts
                .into_iter()
                .map(|TrafficCount { name, answers, errors, longest_us }| CountBody {
                    name: name.trim().to_owned(),
                    answers,
                    errors,
                    longest_us,
                })
                .collect()
        };
        Self {
            from: summary.from,
            to: summary.to,
            partial: summary.partial,
            answers: summary.answers,
            client_errors: summary.client_errors,
            server_errors: summary.server_errors,
            latency_us: summary.latency_us.map(|[p50, p90, p99, longest]| LatencyBody {
                p50,
                p90,
                p99,
                longest,
            }),
            pieces: summary
                .pieces
                .into_iter()
                .map(|(answers, errors)| PieceBody { answers, errors })
                .collect(),
            users: counts(summary.users),
            resources: counts(summary.resources),
        }
    }
}
