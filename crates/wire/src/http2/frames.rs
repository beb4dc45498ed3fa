//! Cuts one direction of HTTP/2 into frames, and finds the next one after a gap.
//! What frames mean together is the parent's; here one is named and described.
//!
//! After a gap: if the loss lies within a DATA frame, it goes on behind that frame. If not, the next frame is
//! searched for, and two in a row that could be frames, or one that ends where the content ends, are taken.
//! Limits: frames of more than [`FRAME_BYTES_MAX`] begin a search.
//!
//! Hostile input: lengths are checked against the bound before anything is kept.

use crate::bytes::Cursor;
use crate::scene::Scene;
use crate::skip::Skip;
use crate::unit::{Protocol, Side};

/// What Go's server allows its clients; the protocol's default is 16 KiB.
const FRAME_BYTES_MAX: usize = 1024 * 1024;
const HEADER_BYTES: usize = 9;

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
pub(super) const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const FLAG_END_STREAM: u8 = 0x1;
const FLAG_ACK: u8 = 0x1;
pub(super) const FLAG_END_HEADERS: u8 = 0x4;
const FLAG_PADDED: u8 = 0x8;
pub(super) const FLAG_PRIORITY: u8 = 0x20;

/// A whole frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'a> {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: &'a [u8],
}

/// One direction, cut.
#[derive(Debug, Default)]
pub(super) struct Frames {
    partial: Vec<u8>,
    preface_done: bool,
    /// Bytes still to drop of a frame that was damaged.
    damaged: usize,
    searching: bool,
}

#[derive(Debug, Clone, Copy)]
struct Header {
    length: usize,
    kind: u8,
    flags: u8,
    stream: u32,
}

impl Frame<'_> {
    /// Its whole length.
    pub(super) fn length(&self) -> usize {
        HEADER_BYTES + self.payload.len()
    }

    /// The payload of a frame that may be padded, without its padding.
    pub(super) fn unpadded(&self) -> Option<&[u8]> {
        if self.flags & FLAG_PADDED == 0 {
            return Some(self.payload);
        }
        let (padding, rest) = self.payload.split_first()?;
        rest.get(..rest.len().checked_sub(usize::from(*padding))?)
    }
}

impl Header {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(bytes);
        let length = usize::try_from(cursor.u24()?).ok()?;
        let (kind, flags) = (cursor.u8()?, cursor.u8()?);
        let stream = cursor.u32()? & 0x7fff_ffff;
        Some(Self { length, kind, flags, stream })
    }

    /// Whether this could be a frame, where one is not certain.
    fn is_plausible(&self) -> bool {
        let of_stream = self.stream > 0;
        self.length <= FRAME_BYTES_MAX
            && match self.kind {
                DATA => of_stream && self.flags & !0x9 == 0,
                HEADERS => of_stream && self.flags & !0x2d == 0 && self.length > 0,
                2 => of_stream && self.length == 5,
                RST_STREAM => of_stream && self.length == 4,
                SETTINGS => !of_stream && self.length.is_multiple_of(6) && self.flags & !0x1 == 0,
                PING => !of_stream && self.length == 8,
                GOAWAY => !of_stream && self.length >= 8,
                WINDOW_UPDATE => self.length == 4 && self.flags == 0,
                _ => false,
            }
    }
}

impl Frames {
    pub(super) fn held_bytes(&self) -> usize {
        self.partial.len()
    }

    /// Takes content and hands over each frame that is whole.
    pub(super) fn push(
        &mut self,
        side: Side,
        mut data: &[u8],
        scene: &mut Scene<'_>,
        each: &mut dyn FnMut(Frame<'_>, &mut Scene<'_>),
    ) {
        while !data.is_empty() {
            if self.damaged > 0 {
                let (dropped, rest) = data.split_at(self.damaged.min(data.len()));
                scene.content_skipped(Skip::Gap, dropped.len());
                self.damaged -= dropped.len();
                data = rest;
                continue;
            }
            let is_fresh = self.partial.is_empty() && !self.searching && self.preface_is_done(side);
            if is_fresh
                && let Some(header) = Header::parse(data).filter(|h| h.length <= FRAME_BYTES_MAX)
                && let Some(payload) = data.get(HEADER_BYTES..HEADER_BYTES + header.length)
            {
                data = data.get(HEADER_BYTES + header.length..).unwrap_or_default();
                each(header.frame(payload), scene);
                continue;
            }
            let mut held = std::mem::take(&mut self.partial);
            let wanted = self.wanted(side, &held);
            let (part, rest) = data.split_at(wanted.saturating_sub(held.len()).min(data.len()));
            held.extend_from_slice(part);
            data = rest;
            self.partial = self.cut(side, held, data.is_empty(), scene, each);
        }
    }

    /// Bytes that must be held before something can be decided.
    fn wanted(&self, side: Side, held: &[u8]) -> usize {
        if !self.preface_is_done(side) {
            return super::PREFACE.len();
        }
        if self.searching {
            return 2 * (HEADER_BYTES + FRAME_BYTES_MAX);
        }
        match Header::parse(held) {
            Some(header) => HEADER_BYTES + header.length.min(FRAME_BYTES_MAX),
            None => HEADER_BYTES,
        }
    }

    fn preface_is_done(&self, side: Side) -> bool {
        self.preface_done || side == Side::Server
    }

    /// Hands over what is whole of what is held, and gives the rest back.
    fn cut(
        &mut self,
        side: Side,
        mut held: Vec<u8>,
        at_end: bool,
        scene: &mut Scene<'_>,
        each: &mut dyn FnMut(Frame<'_>, &mut Scene<'_>),
    ) -> Vec<u8> {
        if !self.preface_is_done(side) {
            if held.len() < super::PREFACE.len() {
                return held;
            }
            self.preface_done = true;
            if held == super::PREFACE {
                let info = "connection preface".to_owned();
                let unit = scene.unit(side, Protocol::Http2, held.len() as u64, info);
                scene.tell(unit);
                scene.content_decoded(held.len());
                return Vec::new();
            }
        }
        if self.searching {
            let Some(place) = next_frame(&held, at_end) else {
                // The last bytes may be the beginning of a header.
                let hopeless = match at_end {
                    true => hopeless(&held),
                    false => held.len().saturating_sub(HEADER_BYTES - 1),
                };
                scene.content_skipped(Skip::Gap, hopeless);
                held.drain(..hopeless);
                return held;
            };
            scene.content_skipped(Skip::Gap, place);
            held.drain(..place);
            self.searching = false;
        }
        let mut place = 0;
        while let Some(header) = Header::parse(held.get(place..).unwrap_or_default()) {
            if header.length > FRAME_BYTES_MAX {
                self.searching = true;
                place += 1;
                scene.content_skipped(Skip::NotUnderstood, 1);
                break;
            }
            let from = place + HEADER_BYTES;
            let Some(payload) = held.get(from..from + header.length) else { break };
            each(header.frame(payload), scene);
            place = from + header.length;
        }
        held.drain(..place);
        held
    }

    /// Says that content is missing. Gives the stream if only a DATA frame of it is damaged.
    pub(super) fn gap(&mut self, lost: Option<u64>, scene: &mut Scene<'_>) -> Option<u32> {
        let held = std::mem::take(&mut self.partial);
        scene.content_skipped(Skip::Gap, held.len());
        let lost = lost.and_then(|lost| usize::try_from(lost).ok());
        if let (Some(lost), Some(header), false) = (lost, Header::parse(&held), self.searching) {
            let rest = (HEADER_BYTES + header.length).saturating_sub(held.len());
            if header.kind == DATA && lost <= rest {
                self.damaged = rest - lost;
                return Some(header.stream);
            }
        }
        if let (Some(lost), true) = (lost, self.damaged > 0)
            && lost <= self.damaged
        {
            // A second loss in the same frame, whose stream has been told already.
            self.damaged -= lost;
            return Some(0);
        }
        self.damaged = 0;
        self.searching = true;
        self.preface_done = true;
        None
    }

    pub(super) fn finish(&mut self, scene: &mut Scene<'_>) {
        let held = std::mem::take(&mut self.partial);
        scene.content_skipped(Skip::Gap, held.len());
    }
}

impl Header {
    fn frame<'a>(&self, payload: &'a [u8]) -> Frame<'a> {
        Frame { kind: self.kind, flags: self.flags, stream: self.stream, payload }
    }
}

/// Where a frame begins, as far as can be told.
fn next_frame(held: &[u8], at_end: bool) -> Option<usize> {
    (0..held.len()).find(|place| {
        let here = held.get(*place..).unwrap_or_default();
        let Some(header) = Header::parse(here).filter(Header::is_plausible) else { return false };
        match here.get(HEADER_BYTES + header.length..) {
            Some([]) => at_end,
            Some(next) => Header::parse(next).is_some_and(|next| next.is_plausible()),
            None => false,
        }
    })
}

/// How many bytes cannot be the beginning of a frame that is still incomplete.
fn hopeless(held: &[u8]) -> usize {
    (0..held.len())
        .find(|place| {
            let here = held.get(*place..).unwrap_or_default();
            Header::parse(here).is_none_or(|header| {
                header.is_plausible() && here.len() <= HEADER_BYTES + header.length + HEADER_BYTES
            })
        })
        .unwrap_or(held.len())
}

/// A frame that carries no message, in one line.
pub(super) fn describe(frame: &Frame<'_>) -> String {
    let stream = frame.stream;
    let acknowledges = if frame.flags & FLAG_ACK != 0 { " (ack)" } else { "" };
    match frame.kind {
        2 => format!("PRIORITY[{stream}]"),
        RST_STREAM => {
            let code = Cursor::new(frame.payload).u32();
            format!("RST_STREAM[{stream}]: {}", error_name(code))
        }
        SETTINGS => format!("SETTINGS[{stream}]{acknowledges}"),
        PING => format!("PING[{stream}]{acknowledges}"),
        GOAWAY => {
            let mut payload = Cursor::new(frame.payload);
            let last = payload.u32().unwrap_or(0) & 0x7fff_ffff;
            format!("GOAWAY[{stream}]: {}, last stream {last}", error_name(payload.u32()))
        }
        WINDOW_UPDATE => {
            let more = Cursor::new(frame.payload).u32().unwrap_or(0) & 0x7fff_ffff;
            format!("WINDOW_UPDATE[{stream}]: {more} bytes")
        }
        kind => format!("frame of type {kind:#04x} [{stream}]"),
    }
}

/// RFC 9113 section 7.
fn error_name(code: Option<u32>) -> &'static str {
    match code {
        Some(0x0) => "NO_ERROR",
        Some(0x1) => "PROTOCOL_ERROR",
        Some(0x2) => "INTERNAL_ERROR",
        Some(0x3) => "FLOW_CONTROL_ERROR",
        Some(0x4) => "SETTINGS_TIMEOUT",
        Some(0x5) => "STREAM_CLOSED",
        Some(0x6) => "FRAME_SIZE_ERROR",
        Some(0x7) => "REFUSED_STREAM",
        Some(0x8) => "CANCEL",
        Some(0x9) => "COMPRESSION_ERROR",
        Some(0xa) => "CONNECT_ERROR",
        Some(0xb) => "ENHANCE_YOUR_CALM",
        Some(0xc) => "INADEQUATE_SECURITY",
        Some(0xd) => "HTTP_1_1_REQUIRED",
        _ => "unknown error",
    }
}
