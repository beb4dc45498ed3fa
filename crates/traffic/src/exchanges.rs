//! Units joined to exchanges: a request with its answer and what both carried, as HAR and OpenTelemetry want them.
//! In which form they are written is `har`'s and `otlp`'s; which of them somebody wants, the filter's.
//!
//! States: an exchange is open from its request's head until its connection is over; nothing in a capture says earlier
//! that no further content comes, and a watch never ends. Content of upgraded connections (exec, port-forward) is
//! counted, not kept: neither form has a place for it.
//! Limits: of a content [`CONTENT_BYTES_MAX`] are kept, of all open exchanges about [`OPEN_BYTES_MAX`]; beyond it the
//! first of the oldest connection is given out as it is, and what comes to it later is counted.

use crate::Filter;
use crate::rows::CONTENT_BYTES_MAX;
use crate::user;
use std::collections::{BTreeMap, HashSet};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use wire::{Call, Content, Decryption, Event, Protocol, Side, Unit};

/// As much as a decoder holds of late keys; a capture of an hour of a small cluster's requests without their lists.
const OPEN_BYTES_MAX: usize = 256 * 1024 * 1024;
/// What an exchange takes beside its content and headers.
const EXCHANGE_COSTS: usize = 1024;

/// Header fields as `wire` shows them.
pub(crate) type Headers = Vec<(Option<String>, Option<String>)>;

/// A request and its answer.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// The number of the request's unit.
    pub(crate) number: u64,
    pub(crate) connection: u64,
    pub(crate) client: SocketAddr,
    pub(crate) server: SocketAddr,
    pub(crate) protocol: Protocol,
    /// Whether it was encrypted on the wire.
    pub(crate) is_encrypted: bool,
    pub(crate) call: Arc<Call>,
    pub(crate) user: Option<String>,
    pub(crate) began_us: u64,
    pub(crate) request: Message,
    /// When the request was last added to.
    pub(crate) sent_us: u64,
    pub(crate) answer: Option<Answer>,
    /// When anything was last said.
    pub(crate) ended_us: u64,
    /// Frames of an upgraded connection.
    pub(crate) frames: u64,
    is_wanted: bool,
}

/// The answer to a request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) at_us: u64,
    pub(crate) status: u16,
    pub(crate) message: Message,
}

/// Head and content of one side.
#[derive(Debug, Default)]
pub(crate) struct Message {
    pub(crate) headers: Headers,
    pub(crate) media_type: Option<String>,
    /// Bytes that were carried, decrypted and as the protocol had them.
    pub(crate) bytes: u64,
    /// What may be shown of it; pieces of a stream are a line each.
    pub(crate) text: Option<String>,
    /// Why it is not shown.
    pub(crate) omitted: Option<&'static str>,
    /// There was more than is kept.
    pub(crate) is_cut: bool,
}

/// Exchanges on their way; see the module.
#[derive(Debug, Default)]
pub(crate) struct Exchanges {
    /// By connection, then by the request's number.
    open: BTreeMap<(u64, u64), Exchange>,
    bytes: usize,
    encrypted: HashSet<u64>,
    late_units: u64,
}

impl Exchanges {
    /// Takes what a decoder tells, and gives out each exchange that is over and wanted: one of whose units the filter
    /// holds.
    pub(crate) fn take<E>(
        &mut self,
        event: &Event,
        filter: Option<&Filter>,
        give: &mut dyn FnMut(&Exchange) -> Result<(), E>,
    ) -> Result<(), E> {
        match event {
            Event::Unit(unit) => {
                self.unit(unit, filter.is_none_or(|filter| filter.matches(unit)));
                while self.bytes > OPEN_BYTES_MAX {
                    let Some((_, oldest)) = self.open.pop_first() else { break };
                    self.give(&oldest, give)?;
                }
            }
            Event::Closed(report) => {
                let is_encrypted = report.decryption != Decryption::Clear;
                self.encrypted.remove(&report.connection);
                let of_it = (report.connection, 0)..=(report.connection, u64::MAX);
                let over: Vec<Exchange> = self
                    .open
                    .extract_if(of_it, |_, _| true)
                    .map(|(_, exchange)| exchange)
                    .collect();
                for mut exchange in over {
                    exchange.is_encrypted = is_encrypted;
                    self.give(&exchange, give)?;
                }
            }
        }
        Ok(())
    }

    /// What is missing, for people.
    pub(crate) fn account(&self, aside: &mut dyn Write) -> io::Result<()> {
        match self.late_units {
            0 => Ok(()),
            units => writeln!(
                aside,
                "{units} units are left out: their requests were not seen, or had to be written before they were over"
            ),
        }
    }

    fn give<E>(
        &mut self,
        exchange: &Exchange,
        give: &mut dyn FnMut(&Exchange) -> Result<(), E>,
    ) -> Result<(), E> {
        self.bytes = self.bytes.saturating_sub(exchange.bytes());
        if exchange.is_wanted { give(exchange) } else { Ok(()) }
    }

    fn unit(&mut self, unit: &Unit, is_wanted: bool) {
        if unit.protocol == Protocol::Tls {
            self.encrypted.insert(unit.connection);
            return;
        }
        if let (true, Some(call)) = (user::is_request(unit), &unit.call) {
            let exchange = Exchange {
                number: unit.number,
                connection: unit.connection,
                client: unit.source,
                server: unit.destination,
                protocol: unit.protocol,
                is_encrypted: self.encrypted.contains(&unit.connection),
                call: Arc::clone(call),
                user: user::claimed(unit),
                began_us: unit.time_us,
                request: Message::default(),
                sent_us: unit.time_us,
                answer: None,
                ended_us: unit.time_us,
                frames: 0,
                is_wanted,
            };
            self.bytes += exchange.bytes();
            self.open.insert((unit.connection, unit.number), exchange);
            return self.add(unit.number, unit, is_wanted);
        }
        match unit.request {
            Some(request) => self.add(request, unit, is_wanted),
            // Settings, pings and the like belong to no request.
            None => self.late_units += u64::from(is_wanted && unit.status.is_some()),
        }
    }

    fn add(&mut self, request: u64, unit: &Unit, is_wanted: bool) {
        let Some(exchange) = self.open.get_mut(&(unit.connection, request)) else {
            self.late_units += u64::from(is_wanted);
            return;
        };
        let before = exchange.bytes();
        exchange.add(unit);
        exchange.is_wanted |= is_wanted;
        self.bytes += exchange.bytes().saturating_sub(before);
    }
}

impl Exchange {
    fn add(&mut self, unit: &Unit) {
        self.ended_us = self.ended_us.max(unit.time_us);
        if matches!(unit.protocol, Protocol::WebSocket | Protocol::Spdy) {
            self.frames += 1;
            return;
        }
        match (unit.side, unit.status) {
            (Side::Client, _) => {
                self.sent_us = self.sent_us.max(unit.time_us);
                self.request.add(unit);
            }
            // `100 Continue` and its like are not the answer yet; `101` is.
            (Side::Server, Some(100 | 102..200)) => {}
            (Side::Server, Some(status)) if self.answer.is_none() => {
                let mut message = Message::default();
                message.add(unit);
                self.answer = Some(Answer { at_us: unit.time_us, status, message });
            }
            (Side::Server, _) => {
                if let Some(answer) = &mut self.answer {
                    answer.message.add(unit);
                }
            }
        }
    }

    /// The value of the first header of the request with this name, in lower case.
    pub(crate) fn request_header(&self, wanted: &str) -> Option<&str> {
        self.request.header(wanted)
    }

    /// Where the request went, by its own words or else by its packets.
    pub(crate) fn authority(&self) -> String {
        let said = self.request_header(":authority").or_else(|| self.request_header("host"));
        said.map_or_else(|| self.server.to_string(), str::to_owned)
    }

    fn bytes(&self) -> usize {
        let answer = self.answer.as_ref().map_or(0, |answer| answer.message.held());
        EXCHANGE_COSTS + self.request.held() + answer
    }
}

impl Message {
    /// Adds a head, a piece of content, or trailers, which neither form tells from headers.
    fn add(&mut self, unit: &Unit) {
        self.headers.extend(unit.headers.iter().cloned());
        let Some(data) = &unit.data else { return };
        self.bytes += data.length;
        if self.media_type.is_none() {
            self.media_type.clone_from(&data.media_type);
        }
        match &data.content {
            Content::Omitted { reason, .. } => self.omitted = Some(reason.code()),
            Content::Json(text) | Content::Text(text) => {
                let kept = self.text.get_or_insert_default();
                if !kept.is_empty() {
                    kept.push('\n');
                }
                let room = CONTENT_BYTES_MAX.saturating_sub(kept.len());
                let end = text.floor_char_boundary(room);
                self.is_cut |= end < text.len();
                kept.push_str(text.get(..end).unwrap_or_default());
            }
        }
    }

    /// The value of the first header with this name, in lower case.
    pub(crate) fn header(&self, wanted: &str) -> Option<&str> {
        self.headers.iter().find_map(|(name, value)| {
            let found = name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(wanted));
            value.as_deref().filter(|_| found)
        })
    }

    fn held(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let headers: usize =
            self.headers.iter().map(|(name, value)| text(name) + text(value)).sum();
        headers + text(&self.text)
    }
}
