//! Traffic: what was said on captured connections, unit by unit, and what became of each connection.
//! Decoding and redaction are `wire`'s: here is only what has been redacted. Who may look at it is decided by
//! the services.
//!
//! Units come in batches, and a batch is the measure of everything: one transaction, one place in the order
//! (numbers are given in it, so that who has read up to a number has missed nothing), one piece that retention
//! removes. Rows are narrow; headers and content lie in a table of their own and are removed earlier.

mod agents;
mod append;
mod condition;
mod connections;
mod read;
mod retention;
mod streams;
mod summary;
mod uses;

pub use agents::TrafficAgent;
pub use append::{TRAFFIC_BATCH_UNITS_MAX, TrafficAppend};
pub use condition::{TrafficComparison, TrafficCondition, TrafficNumberField, TrafficTextField};
pub use connections::{TrafficConnection, TrafficConnections, TrafficTls};
pub use read::{TrafficExchange, TrafficPage, TrafficQuery};
pub use retention::{TrafficPurged, TrafficRetention};
pub use streams::{
    TRAFFIC_STREAM_CONNECTIONS_MAX, TRAFFIC_STREAMS_MAX, TrafficBatchOf, TrafficNumbers,
};
pub use summary::{TrafficCount, TrafficSummary};
pub use uses::{TrafficUse, TrafficUses};

use crate::database::Row;
use crate::{Result, Store, StoreError};
use model::Timestamp;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};
use zeroize::Zeroizing;

impl Store {
    /// The key with which secrets in traffic are replaced: on all hubs of this database, and after a restart,
    /// equal secrets are seen to be equal.
    pub fn traffic_redaction_key(&self) -> Zeroizing<[u8; 32]> {
        self.inner.vault.redaction_key().clone()
    }
}

/// One thing that was said, as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrafficUnit {
    /// Its place in the order of all units of this store, from 1. Not every number is taken for ever.
    pub number: i64,
    /// When its last byte was captured.
    pub at: Timestamp,
    /// The connection's number in this store.
    pub connection: i64,
    /// Whether the side that opened the connection said it.
    pub from_client: bool,
    /// Where it came from.
    pub source: SocketAddr,
    /// Where it went.
    pub destination: SocketAddr,
    /// Its protocol.
    pub protocol: String,
    /// Its length in bytes as the protocol carried it.
    pub length: u64,
    /// In one line.
    pub info: String,
    /// The HTTP/2 stream.
    pub stream: Option<u32>,
    /// Number of the unit with the head of the request that this belongs to.
    pub request: Option<i64>,
    /// Who asked, as far as the request claimed it.
    pub user: Option<String>,
    /// The request's method.
    pub method: Option<String>,
    /// The request's path.
    pub path: Option<String>,
    /// What it does to Kubernetes.
    pub verb: Option<String>,
    /// The API group; empty for the core group.
    pub group: Option<String>,
    /// The API version.
    pub version: Option<String>,
    /// The resource.
    pub resource: Option<String>,
    /// The subresource.
    pub subresource: Option<String>,
    /// The namespace.
    pub namespace: Option<String>,
    /// The object's name.
    pub name: Option<String>,
    /// The answer's status.
    pub status: Option<u16>,
    /// Microseconds from the request's head to the answer's.
    pub latency_us: Option<u64>,
}

/// What a unit carries beside its row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrafficBody {
    /// Header fields; what the capture does not tell is none.
    pub headers: Vec<(Option<String>, Option<String>)>,
    /// The content's media type, as its sender said.
    pub media_type: Option<String>,
    /// Bytes of the content as it was carried.
    pub length: Option<u64>,
    /// What may be seen of the content.
    pub content: TrafficContent,
    /// Only the content's beginning is stored.
    pub cut: bool,
}

/// What may be seen of content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TrafficContent {
    /// There is none.
    None,
    /// JSON.
    Json(String),
    /// Text.
    Text(String),
    /// It is not shown, for this reason.
    Omitted {
        /// Why, as a word.
        reason: String,
        /// By which equal contents are seen to be equal.
        fingerprint: Option<String>,
    },
}

/// What a body's row takes beside its texts.
const ROW_COSTS: usize = 64;

impl TrafficBody {
    /// What counts against the bound of all bodies: the texts, and something for the row itself, so that one without
    /// any goes in its time, too.
    fn bytes(&self) -> i64 {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let headers: usize =
            self.headers.iter().map(|(name, value)| text(name) + text(value) + 6).sum();
        let content = match &self.content {
            TrafficContent::Json(text) | TrafficContent::Text(text) => text.len(),
            TrafficContent::Omitted { reason, fingerprint } => reason.len() + text(fingerprint),
            TrafficContent::None => 0,
        };
        let all = ROW_COSTS + text(&self.media_type) + headers + content;
        i64::try_from(all).unwrap_or(i64::MAX)
    }
}

/// The head: the last numbers given, and what all bodies take. Writers hold its row until they commit.
#[derive(Debug, Clone, Copy)]
struct Head {
    unit: i64,
    connection: i64,
    body_bytes: i64,
}

fn read_head(row: Option<Row>) -> Result<Head> {
    let row = row.ok_or_else(|| {
        StoreError::corrupt("the head of the traffic", "its row is missing; restore a backup")
    })?;
    Ok(Head {
        unit: row.int("unit")?,
        connection: row.int("connection")?,
        body_bytes: row.int("body_bytes")?,
    })
}

fn read_unit(row: &Row) -> Result<TrafficUnit> {
    let address = |ip: &str, port: &str| -> Result<SocketAddr> {
        Ok(SocketAddr::new(row.parsed::<IpAddr>(ip)?, row.number(port)?))
    };
    let odd = |column: &str| StoreError::corrupt(format!("a row's `{column}`"), "out of range");
    let number = |column: &str| row.int_option(column);
    Ok(TrafficUnit {
        number: row.int("number")?,
        at: row.time("at")?,
        connection: row.int("connection")?,
        from_client: row.text("side")? == CLIENT,
        source: address("source_ip", "source_port")?,
        destination: address("destination_ip", "destination_port")?,
        protocol: row.text("protocol")?,
        length: row.number("length")?,
        info: row.text("info")?,
        stream: number("stream")?.map(u32::try_from).transpose().map_err(|_| odd("stream"))?,
        request: number("request")?,
        user: row.text_option("user_name")?,
        method: row.text_option("method")?,
        path: row.text_option("path")?,
        verb: row.text_option("verb")?,
        group: row.text_option("api_group")?,
        version: row.text_option("api_version")?,
        resource: row.text_option("resource")?,
        subresource: row.text_option("subresource")?,
        namespace: row.text_option("namespace")?,
        name: row.text_option("name")?,
        status: number("status")?.map(u16::try_from).transpose().map_err(|_| odd("status"))?,
        latency_us: number("latency_us")?
            .map(u64::try_from)
            .transpose()
            .map_err(|_| odd("latency_us"))?,
    })
}

/// The `side` of the one who opened the connection, and of the other.
const CLIENT: &str = "client";
const SERVER: &str = "server";
