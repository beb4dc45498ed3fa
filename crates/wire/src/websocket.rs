//! WebSocket: frames joined to messages, and inflated.
//! What the messages of Kubernetes are is [`crate::channels`]'; what a tunnel carries is [`crate::spdy`]'s.
//!
//! Specifications: RFC 6455; RFC 7692 for compression.
//! Limits: a message of [`MESSAGE_BYTES_MAX`], carried and inflated; over it it is counted and not shown.
//! Failure: after a gap of unknown length, with an extension that is not understood, and after a gap in a compressed
//! direction whose window goes on, the rest of the direction is counted as not understood.
//!
//! Hostile input: lengths are 64 bits and checked before anything is kept.

use crate::bytes::Cursor;
use crate::channels::Channels;
use crate::http::Request;
use crate::inflate::{Broken, INFLATER_BYTES, Inflater};
use crate::redact::{Content, Omission, Shown};
use crate::scene::Scene;
use crate::skip::Skip;
use crate::spdy::Spdy;
use crate::unit::{Protocol, Side};

/// The kubelet sends 32 KiB at most; port-forwarding as much as fits its buffers.
const MESSAGE_BYTES_MAX: u64 = 1024 * 1024;

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;

/// One upgraded connection.
#[derive(Debug)]
pub(crate) struct WebSocket {
    request: Option<Request>,
    channels: Channels,
    /// What is within, if it is a tunnel.
    tunnel: Option<Box<Spdy>>,
    halves: [Half; 2],
}

#[derive(Debug, Default)]
struct Half {
    held: Vec<u8>,
    /// Bytes to drop of a frame over the bound or damaged, and why.
    dropping: Option<(u64, Skip)>,
    lost: bool,
    message: Option<Message>,
    compression: Compression,
    inflater: Option<Inflater>,
}

/// What was agreed on the compression of a direction.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Compression {
    #[default]
    None,
    /// Each message for itself.
    Single,
    /// The window goes on from message to message.
    Continued,
}

/// A message of which more is to come.
#[derive(Debug)]
struct Message {
    is_compressed: bool,
    /// None if it is over the bound, or not whole.
    bytes: Option<Vec<u8>>,
    carried_bytes: u64,
}

struct Frame {
    is_final: bool,
    is_compressed: bool,
    opcode: u8,
    header_bytes: usize,
    payload_bytes: u64,
    mask: Option<[u8; 4]>,
}

impl WebSocket {
    /// A connection right after its upgrade.
    pub(crate) fn new(
        request: Option<Request>,
        protocol: Option<&str>,
        extensions: Option<&str>,
    ) -> Self {
        let mut halves: [Half; 2] = Default::default();
        match agreed(extensions) {
            Some([client, server]) => {
                halves[Side::Client.index()].compression = client;
                halves[Side::Server.index()].compression = server;
            }
            None => halves.iter_mut().for_each(|half| half.lost = true),
        }
        let channels = Channels::parse(protocol, request.as_ref().map(|request| &*request.call));
        let is_tunnel = channels == Channels::Tunnel;
        let tunnel = is_tunnel.then(|| Box::new(Spdy::new(request.clone())));
        Self { request, channels, tunnel, halves }
    }

    pub(crate) fn held_bytes(&self) -> usize {
        let of_half = |half: &Half| {
            let message = half.message.as_ref().and_then(|message| message.bytes.as_ref());
            let inflater = if half.inflater.is_some() { INFLATER_BYTES } else { 0 };
            half.held.len() + message.map_or(0, Vec::len) + inflater
        };
        let tunnel = self.tunnel.as_ref().map_or(0, |tunnel| tunnel.held_bytes());
        self.halves.iter().map(of_half).sum::<usize>() + tunnel
    }

    pub(crate) fn shed(&mut self, scene: &mut Scene<'_>) {
        for half in &mut self.halves {
            let held = std::mem::take(&mut half.held);
            scene.content_skipped(Skip::OverBound, held.len());
            half.lost |= !held.is_empty();
            if let Some(message) = &mut half.message {
                message.bytes = None;
            }
            if half.inflater.take().is_some() {
                half.lost |= half.compression == Compression::Continued;
            }
        }
        if let Some(tunnel) = &mut self.tunnel {
            tunnel.shed();
        }
    }

    /// Takes the next content of a side.
    pub(crate) fn data(&mut self, side: Side, mut data: &[u8], scene: &mut Scene<'_>) {
        let half = &mut self.halves[side.index()];
        if half.lost {
            return scene.content_skipped(Skip::NotUnderstood, data.len());
        }
        if let Some((left, reason)) = half.dropping {
            let count = usize::try_from(left).unwrap_or(usize::MAX).min(data.len());
            let (dropped, rest) = data.split_at(count);
            scene.content_skipped(reason, dropped.len());
            let left = left - dropped.len() as u64;
            half.dropping = (left > 0).then_some((left, reason));
            data = rest;
        }
        half.held.extend_from_slice(data);
        let mut held = std::mem::take(&mut half.held);
        let mut place = 0;
        while let Some(frame) = Frame::parse(held.get(place..).unwrap_or_default()) {
            let start = place + frame.header_bytes;
            let rest = held.get(start..).unwrap_or_default();
            if frame.payload_bytes > MESSAGE_BYTES_MAX {
                self.too_long(side, &frame, scene);
                scene.content_decoded(frame.header_bytes);
                scene.content_skipped(Skip::OverBound, rest.len());
                let left = frame.payload_bytes.saturating_sub(rest.len() as u64);
                let half = &mut self.halves[side.index()];
                half.dropping = (left > 0).then_some((left, Skip::OverBound));
                return;
            }
            let length = usize::try_from(frame.payload_bytes).unwrap_or(usize::MAX);
            let Some(payload) = rest.get(..length) else { break };
            scene.content_decoded(frame.header_bytes + length);
            let payload = frame.unmask(payload);
            self.frame(side, &frame, payload, scene);
            place = start + length;
        }
        held.drain(..place);
        self.halves[side.index()].held = held;
    }

    /// Says that content is missing.
    pub(crate) fn gap(&mut self, side: Side, lost: Option<u64>, scene: &mut Scene<'_>) {
        let half = &mut self.halves[side.index()];
        let held = std::mem::take(&mut half.held);
        scene.content_skipped(Skip::Gap, held.len());
        if let Some(message) = &mut half.message {
            message.bytes = None;
        }
        let left = match (half.dropping, Frame::parse(&held)) {
            (Some((left, _)), _) => Some(left),
            (None, Some(frame)) => {
                (frame.payload_bytes + frame.header_bytes as u64).checked_sub(held.len() as u64)
            }
            (None, None) => None,
        };
        let goes_on = half.compression != Compression::Continued && self.tunnel.is_none();
        match left.zip(lost).and_then(|(left, lost)| left.checked_sub(lost)) {
            Some(left) if goes_on => half.dropping = (left > 0).then_some((left, Skip::Gap)),
            _ => half.lost = true,
        }
    }

    pub(crate) fn finish(&mut self, scene: &mut Scene<'_>) {
        for half in &mut self.halves {
            let held = std::mem::take(&mut half.held);
            scene.content_skipped(Skip::Gap, held.len());
        }
    }

    /// Takes a whole frame: a control frame, or a part of a message.
    fn frame(&mut self, side: Side, frame: &Frame, payload: Vec<u8>, scene: &mut Scene<'_>) {
        let control = match frame.opcode {
            CONTINUATION | TEXT | BINARY => None,
            8 => Some("close"),
            9 => Some("ping"),
            10 => Some("pong"),
            _ => Some("unknown frame"),
        };
        if let Some(name) = control {
            return self.tell(side, name.to_owned(), payload.len() as u64, None, scene);
        }
        let half = &mut self.halves[side.index()];
        if frame.opcode != CONTINUATION {
            let is_compressed = frame.is_compressed;
            half.message =
                Some(Message { is_compressed, bytes: Some(Vec::new()), carried_bytes: 0 });
        }
        // The beginning of a message may be missing from the capture.
        let message = half.message.get_or_insert(Message {
            is_compressed: false,
            bytes: None,
            carried_bytes: 0,
        });
        message.carried_bytes = message.carried_bytes.saturating_add(payload.len() as u64);
        if message.carried_bytes > MESSAGE_BYTES_MAX {
            message.bytes = None;
        }
        if let Some(bytes) = &mut message.bytes {
            bytes.extend_from_slice(&payload);
        }
        if frame.is_final
            && let Some(message) = half.message.take()
        {
            self.message(side, message, scene);
        }
    }

    fn message(&mut self, side: Side, message: Message, scene: &mut Scene<'_>) {
        let length = message.carried_bytes;
        let bytes = match message.bytes {
            None if length > MESSAGE_BYTES_MAX => Err(Omission::OverBound),
            None => Err(Omission::Gap),
            Some(bytes) if message.is_compressed => self.halves[side.index()].inflate(&bytes),
            Some(bytes) => Ok(bytes),
        };
        let half = &mut self.halves[side.index()];
        if bytes.is_err() && message.is_compressed && half.compression == Compression::Continued {
            half.lost = true;
        }
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(reason) => {
                half.lost |= self.tunnel.is_some();
                let content = Content::Omitted { reason, fingerprint: None };
                return self.tell(side, "message".to_owned(), length, Some(content), scene);
            }
        };
        if let Some(tunnel) = &mut self.tunnel {
            return tunnel.message(side, &bytes, scene);
        }
        let read = self.channels.read(&bytes);
        let content = read.speech.content(side, &read.bytes, scene.redactor);
        self.tell(side, read.name, read.bytes.len() as u64, Some(content), scene);
    }

    fn tell(
        &self,
        side: Side,
        name: String,
        length: u64,
        content: Option<Content>,
        scene: &mut Scene<'_>,
    ) {
        let mut unit = scene.unit(side, Protocol::WebSocket, length, name);
        unit.data = content.map(|content| Shown { media_type: None, length, content });
        if let Some(request) = &self.request {
            request.mark(&mut unit);
        }
        scene.tell(unit);
    }

    /// A frame over the bound, whose message is told when its last frame has begun.
    fn too_long(&mut self, side: Side, frame: &Frame, scene: &mut Scene<'_>) {
        let half = &mut self.halves[side.index()];
        let begun = half.message.take().filter(|_| frame.opcode == CONTINUATION);
        let carried_bytes =
            begun.map_or(0, |message| message.carried_bytes).saturating_add(frame.payload_bytes);
        // What follows is read with a window that was not filled.
        half.lost |= half.compression == Compression::Continued || self.tunnel.is_some();
        if !frame.is_final {
            half.message = Some(Message { is_compressed: false, bytes: None, carried_bytes });
            return;
        }
        let content = Content::Omitted { reason: Omission::OverBound, fingerprint: None };
        self.tell(side, "message".to_owned(), carried_bytes, Some(content), scene);
    }
}

impl Half {
    fn inflate(&mut self, carried: &[u8]) -> Result<Vec<u8>, Omission> {
        if self.compression == Compression::None {
            return Err(Omission::Undecoded);
        }
        let mut inflater = self.inflater.take().unwrap_or_else(Inflater::new);
        // What every message ends with is not sent.
        let whole = [carried, &[0, 0, 0xff, 0xff]].concat();
        let bytes_max = usize::try_from(MESSAGE_BYTES_MAX).unwrap_or(usize::MAX);
        let inflated = inflater.push(&whole, bytes_max).map_err(|broken| match broken {
            Broken::Malformed => Omission::Malformed,
            Broken::OverBound => Omission::OverBound,
        });
        self.inflater = Some(inflater).filter(|_| self.compression == Compression::Continued);
        inflated
    }
}

/// How client and server compress, by the answer's extensions; none if one is not understood.
fn agreed(extensions: Option<&str>) -> Option<[Compression; 2]> {
    let Some(extensions) = extensions.filter(|extensions| !extensions.trim().is_empty()) else {
        return Some([Compression::None; 2]);
    };
    let mut words = extensions.split(';').map(str::trim);
    if extensions.contains(',') || words.next() != Some("permessage-deflate") {
        return None;
    }
    let mut agreed = [Compression::Continued; 2];
    for word in words {
        match word.split('=').next().unwrap_or_default().trim() {
            "client_no_context_takeover" => agreed[Side::Client.index()] = Compression::Single,
            "server_no_context_takeover" => agreed[Side::Server.index()] = Compression::Single,
            "client_max_window_bits" | "server_max_window_bits" => {}
            _ => return None,
        }
    }
    Some(agreed)
}

impl Frame {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(bytes);
        let first = cursor.u8()?;
        let second = cursor.u8()?;
        let payload_bytes = match second & 0x7f {
            126 => u64::from(cursor.u16()?),
            127 => u64::from_be_bytes(cursor.array()?),
            short => u64::from(short),
        };
        let mask = match second & 0x80 {
            0 => None,
            _ => Some(cursor.array()?),
        };
        Some(Self {
            is_final: first & 0x80 != 0,
            is_compressed: first & 0x40 != 0,
            opcode: first & 0x0f,
            header_bytes: bytes.len() - cursor.rest().len(),
            payload_bytes,
            mask,
        })
    }

    fn unmask(&self, payload: &[u8]) -> Vec<u8> {
        match self.mask {
            None => payload.to_vec(),
            Some(mask) => {
                payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests;
