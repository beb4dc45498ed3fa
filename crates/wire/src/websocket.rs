//! WebSocket frames, and Kubernetes' channels in them (exec, attach, port-forward).
//! What a shell says is shown as text; what is typed into it is not shown.
//!
//! Specifications: RFC 6455; `v1`…`v5.channel.k8s.io`, whose messages begin with the channel's number.
//! Limits: a message of [`MESSAGE_BYTES_MAX`]; over it the rest is counted and not shown.
//! Failure: after a gap of unknown length, and with an extension that is not understood, the rest of the
//! connection is counted as not understood.
//!
//! Hostile input: lengths are 64 bits and checked before anything is kept.

use crate::bytes::Cursor;
use crate::http::Request;
use crate::redact::{Content, Omission, Shown};
use crate::scene::Scene;
use crate::skip::Skip;
use crate::unit::{Protocol, Side};

/// The kubelet sends 32 KiB at most; port-forwarding as much as fits its buffers.
const MESSAGE_BYTES_MAX: u64 = 1024 * 1024;

/// One upgraded connection.
#[derive(Debug)]
pub(crate) struct WebSocket {
    request: Option<Request>,
    is_channels: bool,
    halves: [Half; 2],
}

#[derive(Debug, Default)]
struct Half {
    held: Vec<u8>,
    /// Bytes to drop of a frame over the bound or damaged, and why.
    dropping: Option<(u64, Skip)>,
    lost: bool,
}

struct Frame {
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
        if extensions.is_some() {
            // Compressed frames share a window; they are not decoded.
            halves.iter_mut().for_each(|half| half.lost = true);
        }
        let is_channels = protocol.is_some_and(|protocol| {
            protocol.ends_with("channel.k8s.io") && !protocol.starts_with("base64")
        });
        Self { request, is_channels, halves }
    }

    pub(crate) fn held_bytes(&self) -> usize {
        self.halves.iter().map(|half| half.held.len()).sum()
    }

    pub(crate) fn shed(&mut self, scene: &mut Scene<'_>) {
        for half in &mut self.halves {
            let held = std::mem::take(&mut half.held);
            scene.content_skipped(Skip::OverBound, held.len());
            half.lost |= !held.is_empty();
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
            self.tell(side, &frame, &payload, scene);
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
        let left = match (half.dropping, Frame::parse(&held)) {
            (Some((left, _)), _) => Some(left),
            (None, Some(frame)) => {
                (frame.payload_bytes + frame.header_bytes as u64).checked_sub(held.len() as u64)
            }
            (None, None) => None,
        };
        match left.zip(lost).and_then(|(left, lost)| left.checked_sub(lost)) {
            Some(left) => half.dropping = (left > 0).then_some((left, Skip::Gap)),
            None => half.lost = true,
        }
    }

    pub(crate) fn finish(&mut self, scene: &mut Scene<'_>) {
        for half in &mut self.halves {
            let held = std::mem::take(&mut half.held);
            scene.content_skipped(Skip::Gap, held.len());
        }
    }

    fn tell(&mut self, side: Side, frame: &Frame, payload: &[u8], scene: &mut Scene<'_>) {
        let control = match frame.opcode {
            8 => Some("close"),
            9 => Some("ping"),
            10 => Some("pong"),
            _ => None,
        };
        let (name, content) = match (control, self.is_channels, payload) {
            (Some(name), ..) => (name.to_owned(), None),
            (None, true, [channel, rest @ ..]) => {
                let reason = match channel {
                    0 => Some(Omission::Input),
                    _ => None,
                };
                (channel_name(*channel), Some((rest, reason)))
            }
            (None, ..) => ("message".to_owned(), Some((payload, Some(Omission::Undecoded)))),
        };
        let mut unit = scene.unit(side, Protocol::WebSocket, payload.len() as u64, name);
        unit.data = content.map(|(bytes, reason)| Shown {
            media_type: None,
            length: bytes.len() as u64,
            content: match (reason, std::str::from_utf8(bytes)) {
                (None, Ok(text)) => Content::Text(scene.redactor.text(text)),
                (reason, _) => Content::Omitted {
                    reason: reason.unwrap_or(Omission::Undecoded),
                    fingerprint: None,
                },
            },
        });
        if let Some(request) = &self.request {
            request.mark(&mut unit);
        }
        scene.tell(unit);
    }

    fn too_long(&self, side: Side, frame: &Frame, scene: &mut Scene<'_>) {
        let info = "message".to_owned();
        let mut unit = scene.unit(side, Protocol::WebSocket, frame.payload_bytes, info);
        unit.data = Some(Shown {
            media_type: None,
            length: frame.payload_bytes,
            content: Content::Omitted { reason: Omission::OverBound, fingerprint: None },
        });
        scene.tell(unit);
    }
}

impl Frame {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(bytes);
        let opcode = cursor.u8()? & 0x0f;
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
        let header_bytes = bytes.len() - cursor.rest().len();
        Some(Self { opcode, header_bytes, payload_bytes, mask })
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

fn channel_name(channel: u8) -> String {
    match channel {
        0 => "stdin".to_owned(),
        1 => "stdout".to_owned(),
        2 => "stderr".to_owned(),
        3 => "status".to_owned(),
        4 => "resize".to_owned(),
        255 => "close channel".to_owned(),
        other => format!("channel {other}"),
    }
}
