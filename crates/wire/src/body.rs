//! The content of one message: joined, decompressed, decoded and redacted, whole or, for streams, event by event.
//! Framing is HTTP's; here bytes come in order. Protobuf is read by [`crate::objects`], CBOR by [`crate::cbor`].
//!
//! Limits: what is kept of a message, and what it may inflate or be decoded to, are the caller's numbers. Over them it
//! is counted and not shown.
//!
//! Hostile input: gzip is inflated through a reader that stops at the bound.

use crate::cbor::{self, Scan, Scanned};
use crate::etcd;
use crate::grpc::Method;
use crate::objects;
use crate::redact::{Content, Omission, Redactor, Shown, holds_secret};
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use std::io::Read;

const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
const CBOR: &str = "application/cbor";
const CBOR_SEQUENCE: &str = "application/cbor-seq";

/// How content is carried and what it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct BodyKind {
    pub(crate) media_type: Option<String>,
    pub(crate) encoding: Option<String>,
    /// Cut into events as they come.
    pub(crate) is_stream: bool,
    pub(crate) may_be_secret: bool,
    /// It holds Secrets in no form that is read here: nothing of it is shown.
    pub(crate) is_secret: bool,
    /// The content is messages of gRPC, each a piece of its own.
    pub(crate) grpc: Option<Method>,
    /// How compressed messages of gRPC are.
    pub(crate) grpc_encoding: Option<String>,
}

/// A piece of content, and in a line what it says, where that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) shown: Shown,
    pub(crate) says: Option<String>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Body {
    kind: BodyKind,
    kept: Vec<u8>,
    /// Bytes since the last event or the beginning.
    length: u64,
    /// How much of what is kept holds no newline.
    searched: usize,
    /// How far an item of a CBOR sequence was looked at.
    scan: Scan,
    /// Why the rest is not shown.
    lost: Option<Omission>,
}

/// How a stream is cut into events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// It is none.
    Whole,
    Lines,
    /// Four bytes of length.
    Lengths,
    Cbor,
    /// A byte and four of length.
    Grpc,
}

/// Content whose head was not seen: it may be anybody's, and so a Secret.
impl Default for Body {
    fn default() -> Self {
        Self::new(BodyKind { may_be_secret: true, ..BodyKind::default() })
    }
}

impl Body {
    pub(crate) fn new(kind: BodyKind) -> Self {
        let (kept, scan) = (Vec::new(), Scan::default());
        Self { kind, kept, length: 0, searched: 0, scan, lost: None }
    }

    pub(crate) fn held_bytes(&self) -> usize {
        self.kept.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.length == 0 && self.lost != Some(Omission::Gap)
    }

    /// Takes the next bytes.
    pub(crate) fn push(&mut self, data: &[u8], bytes_max: usize) {
        self.length += data.len() as u64;
        if self.lost.is_some() {
            return;
        }
        match self.kept.len() + data.len() > bytes_max {
            true => self.shed(),
            false => self.kept.extend_from_slice(data),
        }
    }

    /// Says that bytes are missing here.
    pub(crate) fn gap(&mut self) {
        self.lose(Omission::Gap);
    }

    /// Drops what is kept.
    pub(crate) fn shed(&mut self) {
        if self.lost.is_none() {
            self.lose(Omission::OverBound);
        }
    }

    fn lose(&mut self, reason: Omission) {
        self.lost = Some(reason);
        self.kept = Vec::new();
    }

    /// The next whole event of a stream. After a gap there is none.
    pub(crate) fn event(&mut self, redactor: &Redactor, bytes_max: usize) -> Option<Piece> {
        if self.lost.is_some() {
            return None;
        }
        let head =
            |place: usize| self.kept.get(place..)?.first_chunk().map(|b| u32::from_be_bytes(*b));
        let end = match self.kind.cut() {
            Cut::Whole => return None,
            Cut::Lengths => 4 + usize::try_from(head(0)?).ok()?,
            Cut::Grpc => 5 + usize::try_from(head(1)?).ok()?,
            Cut::Lines => {
                let fresh = self.kept.get(self.searched..)?;
                let Some(place) = fresh.iter().position(|byte| *byte == b'\n') else {
                    self.searched = self.kept.len();
                    return None;
                };
                self.searched + place + 1
            }
            Cut::Cbor => match self.scan.look(&self.kept) {
                Scanned::End(end) => end,
                Scanned::More => return None,
                Scanned::Broken => {
                    self.lose(Omission::Malformed);
                    return None;
                }
            },
        };
        if end > self.kept.len() {
            return None;
        }
        let rest = self.kept.split_off(end);
        let event = std::mem::replace(&mut self.kept, rest);
        self.length = self.kept.len() as u64;
        self.searched = 0;
        Some(match self.kind.cut() {
            Cut::Grpc => self.message(&event, redactor, bytes_max),
            _ => {
                let shown = self.show(&event, event.len() as u64, redactor, bytes_max);
                Piece { shown, says: None }
            }
        })
    }

    /// What there is, at the end.
    pub(crate) fn finish(self, redactor: &Redactor, inflated_max: usize) -> Piece {
        let omitted = |reason| Shown {
            media_type: self.kind.media_type.clone(),
            length: self.length,
            content: Content::Omitted { reason, fingerprint: None },
        };
        let shown = match (self.lost, self.kind.cut()) {
            (Some(reason), _) => omitted(reason),
            (None, Cut::Whole) => self.show(&self.kept, self.length, redactor, inflated_max),
            (None, Cut::Lines) => self.show(&self.kept, self.length, redactor, inflated_max),
            // The beginning of an event whose end was never sent.
            (None, Cut::Lengths | Cut::Cbor | Cut::Grpc) => omitted(Omission::Malformed),
        };
        Piece { shown, says: None }
    }

    fn show(&self, carried: &[u8], length: u64, redactor: &Redactor, inflated_max: usize) -> Shown {
        let content = match self.kind.encoding.as_deref() {
            None | Some("identity" | "") => self.content(carried, redactor, inflated_max),
            Some("gzip") => inflated(MultiGzDecoder::new(carried), inflated_max)
                .and_then(|bytes| self.content(&bytes, redactor, inflated_max)),
            Some("deflate") => inflated(ZlibDecoder::new(carried), inflated_max)
                .and_then(|bytes| self.content(&bytes, redactor, inflated_max)),
            Some(_) => Err(Omission::Undecoded),
        };
        self.shown(carried, length, content, redactor)
    }

    fn shown(
        &self,
        carried: &[u8],
        length: u64,
        content: Result<Content, Omission>,
        redactor: &Redactor,
    ) -> Shown {
        let content = content.unwrap_or_else(|reason| Content::Omitted {
            reason,
            fingerprint: Some(redactor.fingerprint(carried)),
        });
        Shown { media_type: self.kind.media_type.clone(), length, content }
    }

    /// A message of gRPC, with its five bytes.
    fn message(&self, carried: &[u8], redactor: &Redactor, bytes_max: usize) -> Piece {
        let message = match carried.split_at_checked(5) {
            Some(([0, ..], message)) => Ok(message.to_vec()),
            Some(([1, ..], message)) => match self.kind.grpc_encoding.as_deref() {
                Some("gzip") => inflated(MultiGzDecoder::new(message), bytes_max),
                Some("deflate") => inflated(ZlibDecoder::new(message), bytes_max),
                _ => Err(Omission::Undecoded),
            },
            _ => Err(Omission::Malformed),
        };
        let method = self.kind.grpc.as_ref();
        let says = method.map(|method| match (&message, method.is_etcd) {
            (Ok(message), true) => format!("etcd {}", redactor.text(&etcd::line(method, message))),
            (Err(_), true) => format!("etcd {}", method.name),
            (_, false) if method.name.is_empty() => "gRPC".to_owned(),
            (_, false) => format!("gRPC {}", method.name),
        });
        let content = message.and_then(|message| {
            let name = method.and_then(|method| method.message).ok_or(Omission::Undecoded)?;
            let json = objects::named(name, &message, redactor, bytes_max)?;
            // A key tells that a Secret is meant even where its value is not there or not decoded.
            let may_be_secret = json.contains("/secrets/");
            redactor.json(&json, may_be_secret).map(Content::Json).ok_or(Omission::Malformed)
        });
        let shown = self.shown(carried, carried.len() as u64, content, redactor);
        Piece { shown, says }
    }

    fn content(
        &self,
        bytes: &[u8],
        redactor: &Redactor,
        json_bytes_max: usize,
    ) -> Result<Content, Omission> {
        if self.kind.is_secret {
            return Err(Omission::Secret);
        }
        let media_type = self.kind.essence();
        let decoded = match media_type {
            PROTOBUF if self.kind.is_stream => {
                let event = bytes.get(4..).unwrap_or_default();
                Some(objects::named("meta/v1.WatchEvent", event, redactor, json_bytes_max)?)
            }
            PROTOBUF => Some(objects::object(bytes, redactor, json_bytes_max)?),
            // Whose head is not in the capture.
            "" if bytes.starts_with(objects::MAGIC) => {
                Some(objects::object(bytes, redactor, json_bytes_max)?)
            }
            CBOR | CBOR_SEQUENCE => Some(cbor::json(bytes, json_bytes_max)?),
            _ => None,
        };
        if let Some(json) = decoded {
            let json = redactor.json(&json, self.kind.may_be_secret);
            return json.map(Content::Json).ok_or(Omission::Malformed);
        }
        let says_json = media_type.ends_with("json");
        let is_text = says_json
            || media_type.starts_with("text/")
            || media_type.ends_with("yaml")
            || media_type == "application/x-www-form-urlencoded"
            || media_type.is_empty();
        if !is_text {
            return Err(Omission::Undecoded);
        }
        // No text holds it; what is not said to be text is then Protobuf or gRPC, or a part of it.
        if media_type.is_empty() && bytes.contains(&0) {
            return Err(Omission::Undecoded);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| match says_json {
            true => Omission::Malformed,
            false => Omission::Undecoded,
        })?;
        // A part of a Secret may be JSON by itself, as a string or a number is, and then has no name to be hidden by.
        if media_type.is_empty() && self.kind.may_be_secret && !text.trim_start().starts_with('{') {
            return Err(Omission::Secret);
        }
        if let Some(json) = redactor.json(text, self.kind.may_be_secret) {
            return Ok(Content::Json(json));
        }
        if says_json {
            return Err(Omission::Malformed);
        }
        if self.kind.may_be_secret || holds_secret(text) || media_type.ends_with("yaml") {
            return Err(Omission::Secret);
        }
        if media_type == "application/x-www-form-urlencoded" {
            // Forms carry credentials under any name.
            return Err(Omission::Secret);
        }
        Ok(Content::Text(redactor.text(text)))
    }
}

impl BodyKind {
    /// The media type without its parameters.
    fn essence(&self) -> &str {
        let media_type = self.media_type.as_deref().unwrap_or_default();
        media_type.split(';').next().unwrap_or_default().trim()
    }

    fn cut(&self) -> Cut {
        match (self.grpc.is_some(), self.essence()) {
            (true, _) => Cut::Grpc,
            // A sequence says of itself that it is one.
            (false, CBOR_SEQUENCE) => Cut::Cbor,
            (false, _) if !self.is_stream => Cut::Whole,
            (false, PROTOBUF) => Cut::Lengths,
            (false, _) => Cut::Lines,
        }
    }
}

fn inflated(reader: impl Read, inflated_max: usize) -> Result<Vec<u8>, Omission> {
    let mut inflated = Vec::new();
    reader
        .take(inflated_max as u64 + 1)
        .read_to_end(&mut inflated)
        .map_err(|_| Omission::Malformed)?;
    match inflated.len() > inflated_max {
        true => Err(Omission::OverBound),
        false => Ok(inflated),
    }
}

#[cfg(test)]
mod tests;
