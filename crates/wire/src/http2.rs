//! HTTP/2 seen from the side: frames in, units out.
//! [`frames`] cuts the content of both directions into frames and finds the next after a gap, [`hpack`]
//! reads header blocks; here streams are followed and requests joined to their answers.
//!
//! Specification: RFC 9113. Flow control is not checked: what was sent is what is shown.
//! Limits: [`STREAMS_MAX`] streams at once; a header block of [`BLOCK_BYTES_MAX`]; content by
//! [`crate::Limits`].
//! Cold start and gaps: header fields that refer to what is missing are unknown, and a stream whose request
//! was not seen has none. Content whose head was not seen is taken for a Secret's.
//!
//! Hostile input: padding longer than its frame, blocks that never end and streams without number are
//! counted as not understood.

mod fields;
mod frames;
pub mod hpack;
mod huffman;

use crate::body::{Body, Piece};
use crate::bytes::Cursor;
use crate::grpc;
use crate::http::{self, Request};
use crate::kubernetes::Call;
use crate::scene::Scene;
use crate::skip::Skip;
use crate::unit::{Protocol, Side, Unit};
use frames::Frame;
use hpack::Field;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Go's server allows 250 streams at once; clients that leave streams open for watches stay below this.
const STREAMS_MAX: usize = 4096;
/// Go refuses more than 1 MiB of headers; a block over this loses its table.
const BLOCK_BYTES_MAX: usize = 1024 * 1024;

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// One HTTP/2 connection.
#[derive(Debug, Default)]
pub(crate) struct Http2 {
    halves: [Half; 2],
    streams: BTreeMap<u32, Stream>,
}

/// What is known of one direction.
#[derive(Debug, Default)]
struct Half {
    frames: frames::Frames,
    table: hpack::Decoder,
    block: Option<Block>,
}

/// A header block of which more is to come.
#[derive(Debug)]
struct Block {
    stream: u32,
    kind: u8,
    ends_stream: bool,
    bytes: Vec<u8>,
    frames_bytes: usize,
}

#[derive(Debug, Default)]
struct Stream {
    request: Option<Request>,
    messages: [Message; 2],
}

#[derive(Debug, Default)]
struct Message {
    /// The head was seen, so that another block is trailers.
    head_seen: bool,
    ended: bool,
    body: Body,
    frames: u32,
}

/// How a call of gRPC ended, if these fields say it.
fn grpc_status(fields: &[Field]) -> String {
    let code = http::field(fields, "grpc-status");
    code.and_then(grpc::status_name).map_or_else(String::new, |name| format!(", gRPC {name}"))
}

impl Http2 {
    pub(crate) fn held_bytes(&self) -> usize {
        let frames: usize = self.halves.iter().map(|half| half.frames.held_bytes()).sum();
        let bodies = self.streams.values().flat_map(|stream| &stream.messages);
        frames + bodies.map(|message| message.body.held_bytes()).sum::<usize>()
    }

    pub(crate) fn shed(&mut self) {
        for stream in self.streams.values_mut() {
            stream.messages.iter_mut().for_each(|message| message.body.shed());
        }
    }

    /// Takes the next content of a side.
    pub(crate) fn data(&mut self, side: Side, data: &[u8], scene: &mut Scene<'_>) {
        // The cutter is taken out while its frames are looked at.
        let mut frames = std::mem::take(&mut self.halves[side.index()].frames);
        frames.push(side, data, scene, &mut |frame, scene| self.frame(side, &frame, scene));
        self.halves[side.index()].frames = frames;
    }

    /// Says that content of a side is missing: so many bytes, or nobody knows how many.
    pub(crate) fn gap(&mut self, side: Side, lost: Option<u64>, scene: &mut Scene<'_>) {
        let half = &mut self.halves[side.index()];
        match half.frames.gap(lost, scene) {
            // The damage stays within one DATA frame: everything else goes on.
            Some(stream) => {
                if let Some(stream) = self.streams.get_mut(&stream) {
                    stream.messages[side.index()].body.gap();
                }
            }
            None => {
                half.table.lose();
                half.block = None;
                for stream in self.streams.values_mut() {
                    let message = &mut stream.messages[side.index()];
                    if !message.ended {
                        message.body.gap();
                    }
                }
            }
        }
    }

    pub(crate) fn finish(&mut self, scene: &mut Scene<'_>) {
        for side in Side::BOTH {
            self.halves[side.index()].frames.finish(scene);
        }
        for (number, mut stream) in std::mem::take(&mut self.streams) {
            for side in Side::BOTH {
                Self::end_body(&mut stream, number, side, false, scene);
            }
        }
    }

    fn frame(&mut self, side: Side, frame: &Frame<'_>, scene: &mut Scene<'_>) {
        let bytes = frame.length();
        let understood = match frame.kind {
            frames::DATA => self.on_data(side, frame, scene),
            frames::HEADERS | frames::PUSH_PROMISE => self.on_headers(side, frame, scene),
            frames::CONTINUATION => self.on_continuation(side, frame, scene),
            _ => {
                let info = frames::describe(frame);
                let mut unit = scene.unit(side, Protocol::Http2, bytes as u64, info);
                unit.stream = Some(frame.stream);
                if frame.kind == frames::RST_STREAM
                    && let Some(mut stream) = self.streams.remove(&frame.stream)
                {
                    for side in Side::BOTH {
                        Self::end_body(&mut stream, frame.stream, side, false, scene);
                    }
                    if let Some(request) = &stream.request {
                        request.mark(&mut unit);
                    }
                }
                scene.tell(unit);
                Some(())
            }
        };
        match understood {
            Some(()) => scene.content_decoded(bytes),
            None => scene.content_skipped(Skip::NotUnderstood, bytes),
        }
    }

    fn on_headers(&mut self, side: Side, frame: &Frame<'_>, scene: &mut Scene<'_>) -> Option<()> {
        let mut payload = Cursor::new(frame.unpadded()?);
        if frame.kind == frames::HEADERS && frame.flags & frames::FLAG_PRIORITY != 0 {
            payload.take(5)?;
        }
        if frame.kind == frames::PUSH_PROMISE {
            payload.take(4)?;
        }
        let block = Block {
            stream: frame.stream,
            kind: frame.kind,
            ends_stream: frame.flags & frames::FLAG_END_STREAM != 0,
            bytes: payload.rest().to_vec(),
            frames_bytes: frame.length(),
        };
        match frame.flags & frames::FLAG_END_HEADERS != 0 {
            true => self.on_block(side, block, scene),
            false => {
                self.halves[side.index()].block = Some(block);
                Some(())
            }
        }
    }

    fn on_continuation(
        &mut self,
        side: Side,
        frame: &Frame<'_>,
        scene: &mut Scene<'_>,
    ) -> Option<()> {
        let half = &mut self.halves[side.index()];
        let mut block = half.block.take().filter(|block| block.stream == frame.stream)?;
        if block.bytes.len() + frame.payload.len() > BLOCK_BYTES_MAX {
            half.table.lose();
            return None;
        }
        block.bytes.extend_from_slice(frame.payload);
        block.frames_bytes += frame.length();
        match frame.flags & frames::FLAG_END_HEADERS != 0 {
            true => self.on_block(side, block, scene),
            false => {
                half.block = Some(block);
                Some(())
            }
        }
    }

    fn on_block(&mut self, side: Side, block: Block, scene: &mut Scene<'_>) -> Option<()> {
        let fields = self.halves[side.index()].table.decode(&block.bytes).ok()?;
        if block.kind == frames::PUSH_PROMISE {
            let info = format!("PUSH_PROMISE[{}]", block.stream);
            let mut unit = scene.unit(side, Protocol::Http2, block.frames_bytes as u64, info);
            unit.headers = http::shown(&fields, scene.redactor);
            scene.tell(unit);
            return Some(());
        }
        self.make_room(block.stream, scene);
        let stream = self.streams.entry(block.stream).or_default();
        let status = http::field(&fields, ":status").and_then(|status| status.parse().ok());
        let is_head = !stream.messages[side.index()].head_seen;
        let info = match (side, is_head) {
            (_, false) => format!("HEADERS[{}] (trailers{})", block.stream, grpc_status(&fields)),
            (Side::Client, true) => String::new(),
            (Side::Server, true) => match status {
                Some(status) => {
                    let (line, grpc) = (http::status_line(status), grpc_status(&fields));
                    format!("HEADERS[{}]: {line}{grpc}", block.stream)
                }
                None => format!("HEADERS[{}]: status unknown", block.stream),
            },
        };
        let mut unit = scene.unit(side, Protocol::Http2, block.frames_bytes as u64, info);
        unit.stream = Some(block.stream);
        unit.headers = http::shown(&fields, scene.redactor);
        match side {
            Side::Client if is_head => Self::on_request(stream, unit, &fields, block.stream, scene),
            _ => {
                if let Some(request) = &stream.request {
                    request.mark(&mut unit);
                    if side == Side::Server && is_head {
                        unit.latency_us = Some(request.latency_us(scene));
                    }
                }
                unit.status = status.filter(|_| is_head);
                scene.tell(unit);
            }
        }
        // An informational answer is followed by the real one.
        let is_final = !status.is_some_and(|status| (100..200).contains(&status));
        let call = stream.request.as_ref().map(|request| Arc::clone(&request.call));
        let message = &mut stream.messages[side.index()];
        if is_head && is_final {
            message.head_seen = true;
            let kind = http::body_kind(&fields, call.as_deref(), side == Side::Server);
            message.body = Body::new(kind);
        }
        if block.ends_stream {
            self.end(side, block.stream, scene);
        }
        Some(())
    }

    fn on_request(
        stream: &mut Stream,
        mut unit: Unit,
        fields: &[Field],
        number: u32,
        scene: &mut Scene<'_>,
    ) {
        scene.accounts.requests += 1;
        let path = http::field(fields, ":path").map(|path| scene.redactor.path(path));
        let method = http::field(fields, ":method");
        let call = Arc::new(Call::parse(method, path.as_deref()));
        unit.info = format!(
            "HEADERS[{number}]: {} {}",
            method.unwrap_or("method unknown"),
            path.as_deref().unwrap_or("path unknown")
        );
        unit.call = Some(Arc::clone(&call));
        let time_ns = scene.time_ns;
        let unit = scene.tell(unit);
        stream.request = Some(Request { call, unit, time_ns });
    }

    fn on_data(&mut self, side: Side, frame: &Frame<'_>, scene: &mut Scene<'_>) -> Option<()> {
        let payload = frame.unpadded()?;
        self.make_room(frame.stream, scene);
        let stream = self.streams.entry(frame.stream).or_default();
        let message = &mut stream.messages[side.index()];
        message.frames += 1;
        message.body.push(payload, scene.limits.body_bytes_max);
        let limit = scene.limits.inflated_bytes_max;
        while let Some(piece) = stream.messages[side.index()].body.event(scene.redactor, limit) {
            Self::tell_data(stream, frame.stream, side, piece, scene);
        }
        if frame.flags & frames::FLAG_END_STREAM != 0 {
            self.end(side, frame.stream, scene);
        }
        Some(())
    }

    fn end(&mut self, side: Side, number: u32, scene: &mut Scene<'_>) {
        let Some(stream) = self.streams.get_mut(&number) else { return };
        Self::end_body(stream, number, side, true, scene);
        if stream.messages.iter().all(|message| message.ended) {
            self.streams.remove(&number);
        }
    }

    fn end_body(
        stream: &mut Stream,
        number: u32,
        side: Side,
        is_whole: bool,
        scene: &mut Scene<'_>,
    ) {
        let message = &mut stream.messages[side.index()];
        message.ended = true;
        if !is_whole && !message.body.is_empty() {
            message.body.gap();
        }
        let body = std::mem::take(&mut message.body);
        if body.is_empty() {
            return;
        }
        let piece = body.finish(scene.redactor, scene.limits.inflated_bytes_max);
        Self::tell_data(stream, number, side, piece, scene);
    }

    fn tell_data(
        stream: &mut Stream,
        number: u32,
        side: Side,
        piece: Piece,
        scene: &mut Scene<'_>,
    ) {
        let shown = piece.shown;
        let info = match (&shown.media_type, piece.says) {
            (_, Some(says)) => format!("DATA[{number}] {says}"),
            (Some(media_type), None) => {
                let media_type = media_type.split(';').next().unwrap_or_default();
                format!("DATA[{number}] ({media_type})")
            }
            (None, None) => format!("DATA[{number}]"),
        };
        let mut unit = scene.unit(side, Protocol::Http2, shown.length, info);
        unit.stream = Some(number);
        unit.data = Some(shown);
        if let Some(request) = &stream.request {
            request.mark(&mut unit);
        }
        scene.tell(unit);
    }

    /// Ends the oldest stream when there are too many for a new one: it is the least likely to go on. If it does, its
    /// rest is content without a head.
    fn make_room(&mut self, number: u32, scene: &mut Scene<'_>) {
        if self.streams.len() < STREAMS_MAX || self.streams.contains_key(&number) {
            return;
        }
        if let Some((number, mut stream)) = self.streams.pop_first() {
            for side in Side::BOTH {
                Self::end_body(&mut stream, number, side, false, scene);
            }
        }
    }
}

#[cfg(test)]
mod tests;
