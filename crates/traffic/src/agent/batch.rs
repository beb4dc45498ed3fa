//! What an agent and a hub say to each other: batches of rows, and how the agent stands. JSON, to which fields are only
//! ever added.
//! How it travels, and whether the sender may speak for whom it names, is known to others.
//!
//! Hostile input: a batch is an agent's that has a certificate, and may be anything all the same. [`Batch::read`] gives
//! only what a decoder could have made: counts within their bounds, numbers that go up by one, lines that move no
//! cursor. Limits: [`BATCH_BYTES_MAX`], and of a status [`STATUS_BYTES_MAX`].

use super::AgentJob;
use crate::rows::{CONTENT_BYTES_MAX, LINE_CHARS_MAX};
use crate::table::printable;
use model::{ClusterName, NodeName, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use store::{TRAFFIC_BATCH_UNITS_MAX, TrafficBody, TrafficConnection, TrafficContent, TrafficUnit};
use wire::hpack::FIELDS_MAX;

/// A batch as it is sent: twice what is gathered, and the escapes that JSON takes.
pub(crate) const BATCH_BYTES_MAX: usize = 16 * 1024 * 1024;
/// A status names at most [`SOURCES_MAX`] paths.
pub(crate) const STATUS_BYTES_MAX: usize = 256 * 1024;
const VERSION: u32 = 1;
const STREAM_CHARS: usize = 24;
const SOURCES_MAX: usize = 128;
const PATH_CHARS_MAX: usize = 512;
const WORD_CHARS_MAX: usize = 64;
const USER_CHARS_MAX: usize = 512;
/// Names and values of a body's header fields. A decoder takes heads of HTTP/1.1 of 1 MiB; each byte of one that is no
/// UTF-8 shows as four, and redaction puts some in the place of fewer.
const HEADERS_BYTES_MAX: usize = 5 * 1024 * 1024;
/// What became of bytes has some twenty reasons.
const REASONS_MAX: usize = 64;

/// For whom an agent speaks: what passes on one node of one cluster.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AgentName {
    /// The cluster, as the hub's configuration names it.
    pub cluster: ClusterName,
    /// The node.
    pub node: NodeName,
}

/// The text names no agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an agent's certificate names it as `sallyport://agent/CLUSTER/NODE`")]
pub struct InvalidAgentName;

impl fmt::Display for AgentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sallyport://agent/{}/{}", self.cluster, self.node)
    }
}

impl FromStr for AgentName {
    type Err = InvalidAgentName;

    fn from_str(text: &str) -> Result<Self, InvalidAgentName> {
        let names = text.strip_prefix("sallyport://agent/").ok_or(InvalidAgentName)?;
        let (cluster, node) = names.split_once('/').ok_or(InvalidAgentName)?;
        let cluster = cluster.parse().map_err(|_| InvalidAgentName)?;
        Ok(Self { cluster, node: node.parse().map_err(|_| InvalidAgentName)? })
    }
}

/// Rows that are stored together, with the agent's own numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Batch {
    version: u32,
    #[serde(flatten)]
    pub(crate) name: AgentName,
    /// The agent's run.
    pub(crate) stream: String,
    /// Its place in the run; a batch that is sent again has the same.
    pub(crate) sequence: u64,
    pub(crate) units: Vec<(TrafficUnit, Option<TrafficBody>)>,
    pub(crate) closed: Vec<TrafficConnection>,
}

/// Why a batch is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BatchFault {
    #[error("not JSON of a batch")]
    Form(#[from] serde_json::Error),
    #[error("its {0} is not what an agent sends")]
    Odd(&'static str),
}

impl Batch {
    pub(crate) fn new(name: &AgentName, stream: &str, sequence: u64) -> Self {
        let (units, closed) = (Vec::new(), Vec::new());
        let (name, stream) = (name.clone(), stream.to_owned());
        Self { version: VERSION, name, stream, sequence, units, closed }
    }

    /// The same for the next batch of the run; this one is given.
    pub(crate) fn take(&mut self) -> Self {
        let next = Self::new(&self.name, &self.stream, self.sequence + 1);
        std::mem::replace(self, next)
    }

    /// Reads and checks what was sent.
    pub(crate) fn read(text: &[u8]) -> Result<Self, BatchFault> {
        let mut batch: Self = serde_json::from_slice(text)?;
        check(batch.version == VERSION, "version")?;
        check(is_stream(&batch.stream), "stream")?;
        check(batch.sequence > 0, "sequence")?;
        let most = TRAFFIC_BATCH_UNITS_MAX as usize;
        let counts = [batch.units.len(), batch.closed.len()];
        check(counts.iter().all(|count| *count <= most) && counts != [0, 0], "number of rows")?;
        let mut expected = batch.units.first().map_or(1, |(unit, _)| unit.number);
        for (unit, body) in &mut batch.units {
            check(unit.number == expected && unit.number > 0, "units' order")?;
            expected = expected.checked_add(1).ok_or(BatchFault::Odd("units' order"))?;
            clean_unit(unit)?;
            if let Some(body) = body {
                clean_body(body)?;
            }
        }
        for connection in &mut batch.closed {
            clean_connection(connection)?;
        }
        Ok(batch)
    }

    /// The connections of which it tells.
    pub(crate) fn connections(&self) -> BTreeSet<u64> {
        let of_units = self.units.iter().map(|(unit, _)| unit.connection);
        of_units
            .chain(self.closed.iter().map(|it| it.number))
            .filter_map(|it| it.try_into().ok())
            .collect()
    }

    /// The units of earlier batches to which it refers.
    pub(crate) fn requests(&self) -> BTreeSet<u64> {
        let first = self.units.first().map_or(0, |(unit, _)| unit.number);
        let all = self.units.iter().filter_map(|(unit, _)| unit.request);
        all.filter(|request| *request < first).filter_map(|it| it.try_into().ok()).collect()
    }
}

fn check(holds: bool, what: &'static str) -> Result<(), BatchFault> {
    if holds { Ok(()) } else { Err(BatchFault::Odd(what)) }
}

fn is_stream(text: &str) -> bool {
    text.len() == STREAM_CHARS
        && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn clean_unit(unit: &mut TrafficUnit) -> Result<(), BatchFault> {
    check(unit.connection > 0, "connection's number")?;
    check(unit.request.is_none_or(|it| it > 0 && it < unit.number), "request's number")?;
    unit.protocol = printable(&unit.protocol, WORD_CHARS_MAX);
    unit.info = printable(&unit.info, LINE_CHARS_MAX);
    if let Some(user) = &mut unit.user {
        *user = printable(user, USER_CHARS_MAX);
    }
    for line in [
        &mut unit.method,
        &mut unit.path,
        &mut unit.verb,
        &mut unit.group,
        &mut unit.version,
        &mut unit.resource,
        &mut unit.subresource,
        &mut unit.namespace,
        &mut unit.name,
    ]
    .into_iter()
    .flatten()
    {
        *line = printable(line, LINE_CHARS_MAX);
    }
    Ok(())
}

fn clean_body(body: &mut TrafficBody) -> Result<(), BatchFault> {
    check(body.headers.len() <= FIELDS_MAX, "number of headers")?;
    let texts = body.headers.iter().flat_map(|(name, value)| [name, value]).flatten();
    check(texts.map(String::len).sum::<usize>() <= HEADERS_BYTES_MAX, "headers' length")?;
    for text in body.headers.iter_mut().flat_map(|(name, value)| [name, value]).flatten() {
        *text = printable(text, usize::MAX);
    }
    if let Some(media_type) = &mut body.media_type {
        *media_type = printable(media_type, LINE_CHARS_MAX);
    }
    match &mut body.content {
        TrafficContent::None => {}
        TrafficContent::Json(text) | TrafficContent::Text(text) => {
            check(text.len() <= CONTENT_BYTES_MAX, "content")?;
        }
        TrafficContent::Omitted { reason, fingerprint } => {
            check(is_word(reason), "reason")?;
            if let Some(fingerprint) = fingerprint {
                *fingerprint = printable(fingerprint, WORD_CHARS_MAX);
            }
        }
    }
    Ok(())
}

fn clean_connection(connection: &mut TrafficConnection) -> Result<(), BatchFault> {
    check(connection.number > 0, "connection's number")?;
    check(is_word(&connection.decryption), "connection's state")?;
    let sound = |account: &BTreeMap<String, u64>| {
        account.len() <= REASONS_MAX && account.keys().all(|reason| is_word(reason))
    };
    check(sound(&connection.wire) && sound(&connection.content), "connection's account")?;
    if let Some(tls) = &mut connection.tls {
        for text in [&mut tls.version, &mut tls.suite, &mut tls.server_name, &mut tls.protocol]
            .into_iter()
            .flatten()
        {
            *text = printable(text, USER_CHARS_MAX);
        }
    }
    Ok(())
}

fn is_word(text: &str) -> bool {
    (1..=WORD_CHARS_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// How an agent stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AgentStatus {
    #[serde(flatten)]
    pub(crate) name: AgentName,
    pub(crate) began_at: Timestamp,
    /// Whether it still captures; false in its last words.
    pub(crate) capturing: bool,
    /// Programs and key logs whose keys are taken.
    pub(crate) sources: Vec<String>,
    pub(crate) ports: Vec<u16>,
    /// Packets that were read, and those that came faster.
    pub(crate) packets: u64,
    pub(crate) dropped: u64,
    /// Secrets of programs that were taken, and those that could not be.
    pub(crate) secrets: u64,
    pub(crate) secrets_lost: u64,
    /// Units that were decoded.
    pub(crate) units: u64,
    /// Units that went, because the spool was full or could not be written.
    pub(crate) units_lost: u64,
    /// Units that the hub did not take for what an agent sends.
    pub(crate) units_refused: u64,
    /// What waits for the hub, and the most that may.
    pub(crate) waiting_bytes: u64,
    pub(crate) waiting_bytes_max: u64,
    /// How long the oldest of it has waited.
    pub(crate) lag_ms: u64,
}

impl AgentStatus {
    pub(crate) fn new(job: &AgentJob, waiting_bytes_max: u64) -> Self {
        Self {
            name: job.name.clone(),
            began_at: Timestamp::now(),
            capturing: true,
            sources: Vec::new(),
            ports: job.tap.ports.clone(),
            packets: 0,
            dropped: 0,
            secrets: 0,
            secrets_lost: 0,
            units: 0,
            units_lost: 0,
            units_refused: 0,
            waiting_bytes: 0,
            waiting_bytes_max,
            lag_ms: 0,
        }
    }

    /// Reads and bounds what was sent.
    pub(crate) fn read(text: &[u8]) -> Result<Self, BatchFault> {
        let mut status: Self = serde_json::from_slice(text)?;
        check(status.sources.len() <= SOURCES_MAX, "number of sources")?;
        check(status.ports.len() <= SOURCES_MAX, "number of ports")?;
        for path in &mut status.sources {
            *path = printable(path, PATH_CHARS_MAX);
        }
        Ok(status)
    }
}
