//! SPDY/3.1 as Kubernetes uses it for exec, attach and port-forwarding: frames in, units out.
//! Which stream is what its headers say; what of it may be seen is [`crate::channels`]'.
//!
//! Specification: SPDY draft 3.1. Header blocks of a direction are one stream of zlib, which begins with the
//! specification's dictionary.
//! Limits: a frame of [`FRAME_BYTES_MAX`]; a header block that inflates to [`BLOCK_BYTES_MAX`]; [`STREAMS_MAX`]
//! streams.
//! Failure: after a gap, or a frame over the bound, the rest of the direction is counted as not understood, because
//! headers cannot be read any more and a stream without its type may be what somebody types.
//!
//! Hostile input: lengths are 24 bits and checked before anything is kept.

use crate::bytes::Cursor;
use crate::channels::Speech;
use crate::http::Request;
use crate::inflate::{INFLATER_BYTES, Inflater};
use crate::redact::Shown;
use crate::scene::Scene;
use crate::skip::Skip;
use crate::unit::{Protocol, Side};
use std::collections::BTreeMap;

/// spdystream cuts what it sends at the size of its callers' buffers, which have 32 KiB.
const FRAME_BYTES_MAX: usize = 1024 * 1024;
/// A stream has four headers.
const BLOCK_BYTES_MAX: usize = 64 * 1024;
/// An exec has five streams, a port-forwarding two for each connection through it.
const STREAMS_MAX: usize = 4096;
const HEADER_BYTES: usize = 8;

const SYN_STREAM: u16 = 1;
const SYN_REPLY: u16 = 2;
const RST_STREAM: u16 = 3;
const GOAWAY: u16 = 7;
const HEADERS: u16 = 8;

/// The words that SPDY's header blocks begin with.
const DICTIONARY: &[u8] = include_bytes!("spdy/dictionary.bin");

/// One connection.
#[derive(Debug)]
pub(crate) struct Spdy {
    request: Option<Request>,
    halves: [Half; 2],
    streams: BTreeMap<u32, Stream>,
}

#[derive(Debug, Default)]
struct Half {
    held: Vec<u8>,
    inflater: Option<Inflater>,
    /// The beginning of zlib was taken off.
    begun: bool,
    lost: bool,
}

/// What a stream's headers say of it.
#[derive(Debug, Clone)]
struct Stream {
    name: String,
    speech: Speech,
}

impl Spdy {
    /// A connection right after its upgrade.
    pub(crate) fn new(request: Option<Request>) -> Self {
        Self { request, halves: Default::default(), streams: BTreeMap::new() }
    }

    pub(crate) fn held_bytes(&self) -> usize {
        let of_half = |half: &Half| {
            half.held.len() + if half.inflater.is_some() { INFLATER_BYTES } else { 0 }
        };
        self.halves.iter().map(of_half).sum()
    }

    /// Drops what is held, of which the lengths were counted by whoever brought it.
    pub(crate) fn shed(&mut self) {
        for half in &mut self.halves {
            half.lost |= !half.held.is_empty() || half.inflater.is_some();
            half.held = Vec::new();
            half.inflater = None;
        }
    }

    /// Takes the next content of a side, and accounts for it.
    pub(crate) fn data(&mut self, side: Side, data: &[u8], scene: &mut Scene<'_>) {
        match self.halves[side.index()].lost {
            true => scene.content_skipped(Skip::NotUnderstood, data.len()),
            false => scene.content_decoded(data.len()),
        }
        self.message(side, data, scene);
    }

    /// Takes the next content of a side that another protocol carried and accounted for.
    pub(crate) fn message(&mut self, side: Side, data: &[u8], scene: &mut Scene<'_>) {
        let half = &mut self.halves[side.index()];
        if half.lost {
            return;
        }
        half.held.extend_from_slice(data);
        let mut held = std::mem::take(&mut half.held);
        let mut place = 0;
        while let Some(frame) = Frame::parse(held.get(place..).unwrap_or_default()) {
            if frame.length > FRAME_BYTES_MAX {
                self.halves[side.index()].lost = true;
                return;
            }
            let start = place + HEADER_BYTES;
            let Some(payload) = held.get(start..start + frame.length) else { break };
            self.frame(side, &frame, payload, scene);
            place = start + frame.length;
        }
        // In place: a large frame comes in many pieces, and each would copy all before it.
        held.drain(..place);
        self.halves[side.index()].held = held;
    }

    /// Says that content is missing.
    pub(crate) fn gap(&mut self, side: Side) {
        let half = &mut self.halves[side.index()];
        half.lost = true;
        half.held = Vec::new();
        half.inflater = None;
    }

    fn frame(&mut self, side: Side, frame: &Frame, payload: &[u8], scene: &mut Scene<'_>) {
        let length = (HEADER_BYTES + payload.len()) as u64;
        let Some(kind) = frame.control else {
            return self.stream_data(side, frame, payload, scene);
        };
        let stream = Cursor::new(payload).u32().map(|stream| stream & 0x7fff_ffff);
        let info = match (kind, stream) {
            (SYN_STREAM, Some(number)) => {
                let fields = self.block(side, payload.get(10..).unwrap_or_default());
                self.open(number, fields.as_deref());
                let known = self.streams.get(&number).map_or("unknown", |stream| &stream.name);
                format!("SYN_STREAM[{number}] {known}")
            }
            (SYN_REPLY, Some(number)) => {
                self.block(side, payload.get(4..).unwrap_or_default());
                format!("SYN_REPLY[{number}]")
            }
            (HEADERS, Some(number)) => {
                self.block(side, payload.get(4..).unwrap_or_default());
                format!("HEADERS[{number}]")
            }
            (RST_STREAM, Some(number)) => {
                self.streams.remove(&number);
                format!("RST_STREAM[{number}]")
            }
            (GOAWAY, _) => "GOAWAY".to_owned(),
            (4, _) => "SETTINGS".to_owned(),
            (6, _) => "PING".to_owned(),
            // One for each few KiB, which says nothing.
            (9, _) => return,
            (other, _) => format!("frame of type {other}"),
        };
        let mut unit = scene.unit(side, Protocol::Spdy, length, info);
        unit.stream = stream.filter(|_| (SYN_STREAM..=RST_STREAM).contains(&kind));
        if let Some(request) = &self.request {
            request.mark(&mut unit);
        }
        scene.tell(unit);
    }

    fn stream_data(&mut self, side: Side, frame: &Frame, payload: &[u8], scene: &mut Scene<'_>) {
        // The end of a stream comes as a frame without content.
        if payload.is_empty() {
            return;
        }
        let unknown = Stream { name: "unknown stream".to_owned(), speech: Speech::Unknown };
        let stream = self.streams.get(&frame.stream).unwrap_or(&unknown);
        let length = payload.len() as u64;
        let mut unit = scene.unit(side, Protocol::Spdy, length, stream.name.clone());
        unit.stream = Some(frame.stream);
        let content = stream.speech.content(side, payload, scene.redactor);
        unit.data = Some(Shown { media_type: None, length, content });
        if let Some(request) = &self.request {
            request.mark(&mut unit);
        }
        scene.tell(unit);
    }

    /// Takes what a stream's headers say of it. What it is it stays: what is typed would else be output after another
    /// opening.
    fn open(&mut self, number: u32, fields: Option<&[(String, String)]>) {
        if self.streams.contains_key(&number) {
            return;
        }
        let field = |wanted: &str| {
            let found = fields?.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| value.as_str())
        };
        let port = field("port").filter(|port| port.parse::<u16>().is_ok());
        let (name, speech) = match (field("streamtype"), port) {
            (Some("stdin"), _) => ("stdin".to_owned(), Speech::Input),
            (Some("stdout"), _) => ("stdout".to_owned(), Speech::Output),
            (Some("stderr"), _) => ("stderr".to_owned(), Speech::Output),
            (Some("resize"), _) => ("resize".to_owned(), Speech::Document),
            (Some("error"), Some(port)) => (format!("port error {port}"), Speech::Output),
            (Some("error"), None) => ("status".to_owned(), Speech::Document),
            (Some("data"), Some(port)) => (format!("port data {port}"), Speech::Unknown),
            _ => ("unknown stream".to_owned(), Speech::Unknown),
        };
        if self.streams.len() >= STREAMS_MAX {
            self.streams.pop_first();
        }
        self.streams.insert(number, Stream { name, speech });
    }

    /// The fields of a header block; none if it cannot be read, and then none of its direction can any more.
    fn block(&mut self, side: Side, block: &[u8]) -> Option<Vec<(String, String)>> {
        let half = &mut self.halves[side.index()];
        let mut compressed = block;
        if !half.begun {
            half.begun = true;
            half.inflater = Inflater::with_dictionary(DICTIONARY);
            // Two bytes of zlib, and four that name the dictionary.
            let has_dictionary = block.get(1)? & 0x20 != 0;
            compressed = block.get(if has_dictionary { 6 } else { 2 }..)?;
        }
        let inflated = half.inflater.as_mut()?.push(compressed, BLOCK_BYTES_MAX);
        if inflated.is_err() {
            half.inflater = None;
        }
        fields(&inflated.ok()?)
    }
}

/// Names and values, each with its length before it.
fn fields(block: &[u8]) -> Option<Vec<(String, String)>> {
    let mut cursor = Cursor::new(block);
    let count = cursor.u32()?;
    let mut text = || {
        let length = usize::try_from(cursor.u32()?).ok()?;
        cursor.take(length).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    };
    let mut fields = Vec::new();
    for _ in 0..count {
        fields.push((text()?, text()?));
    }
    Some(fields)
}

struct Frame {
    /// The type; none of data.
    control: Option<u16>,
    stream: u32,
    length: usize,
}

impl Frame {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(bytes);
        let first = cursor.u32()?;
        let _flags = cursor.u8()?;
        let length = usize::try_from(cursor.u24()?).ok()?;
        let is_control = first & 0x8000_0000 != 0;
        let kind = u16::try_from(first & 0xffff).ok()?;
        Some(Self { control: is_control.then_some(kind), stream: first & 0x7fff_ffff, length })
    }
}

#[cfg(test)]
mod tests;
