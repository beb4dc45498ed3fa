//! The content of one message: joined, decompressed and redacted, whole or, for streams, event by event.
//! Framing is HTTP's; here bytes come in order.
//!
//! Limits: what is kept of a message, and what it may inflate to, are the caller's numbers. Over them it is
//! counted and not shown.
//!
//! Hostile input: gzip is inflated through a reader that stops at the bound.

use crate::redact::{Content, Omission, Redactor, Shown};
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use std::io::Read;

/// How content is carried and what it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct BodyKind {
    pub(crate) media_type: Option<String>,
    pub(crate) encoding: Option<String>,
    /// Cut into events as they come.
    pub(crate) is_stream: bool,
    pub(crate) may_be_secret: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Body {
    kind: BodyKind,
    kept: Vec<u8>,
    /// Bytes since the last event or the beginning.
    length: u64,
    /// How much of what is kept holds no newline.
    searched: usize,
    damaged: bool,
    over_bound: bool,
}

impl Body {
    pub(crate) fn new(kind: BodyKind) -> Self {
        Self { kind, ..Self::default() }
    }

    pub(crate) fn held_bytes(&self) -> usize {
        self.kept.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.length == 0 && !self.damaged
    }

    /// Takes the next bytes.
    pub(crate) fn push(&mut self, data: &[u8], bytes_max: usize) {
        self.length += data.len() as u64;
        if self.over_bound || self.damaged {
            return;
        }
        match self.kept.len() + data.len() > bytes_max {
            true => self.shed(),
            false => self.kept.extend_from_slice(data),
        }
    }

    /// Says that bytes are missing here.
    pub(crate) fn gap(&mut self) {
        self.damaged = true;
        self.kept = Vec::new();
    }

    /// Drops what is kept.
    pub(crate) fn shed(&mut self) {
        self.over_bound = true;
        self.kept = Vec::new();
    }

    /// The next whole event of a stream. After a gap it goes on at the next line.
    pub(crate) fn event(&mut self, redactor: &Redactor, bytes_max: usize) -> Option<Shown> {
        if !self.kind.is_stream || self.damaged || self.over_bound {
            return None;
        }
        let end = match self.is_protobuf() {
            true => {
                let length = self.kept.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))?;
                4 + usize::try_from(length).ok()?
            }
            false => {
                let fresh = self.kept.get(self.searched..)?;
                let Some(place) = fresh.iter().position(|byte| *byte == b'\n') else {
                    self.searched = self.kept.len();
                    return None;
                };
                self.searched + place + 1
            }
        };
        if end > self.kept.len() {
            return None;
        }
        let rest = self.kept.split_off(end);
        let event = std::mem::replace(&mut self.kept, rest);
        self.length = self.kept.len() as u64;
        self.searched = 0;
        Some(self.show(&event, event.len() as u64, redactor, bytes_max))
    }

    /// What there is, at the end.
    pub(crate) fn finish(self, redactor: &Redactor, inflated_max: usize) -> Shown {
        let omitted = |reason| Shown {
            media_type: self.kind.media_type.clone(),
            length: self.length,
            content: Content::Omitted { reason, fingerprint: None },
        };
        if self.damaged {
            return omitted(Omission::Gap);
        }
        if self.over_bound {
            return omitted(Omission::OverBound);
        }
        self.show(&self.kept, self.length, redactor, inflated_max)
    }

    fn show(&self, carried: &[u8], length: u64, redactor: &Redactor, inflated_max: usize) -> Shown {
        let content = match self.kind.encoding.as_deref() {
            None | Some("identity" | "") => self.content(carried, redactor),
            Some("gzip") => self.inflated(MultiGzDecoder::new(carried), redactor, inflated_max),
            Some("deflate") => self.inflated(ZlibDecoder::new(carried), redactor, inflated_max),
            Some(_) => Err(Omission::Undecoded),
        };
        let content = content.unwrap_or_else(|reason| Content::Omitted {
            reason,
            fingerprint: Some(redactor.fingerprint(carried)),
        });
        Shown { media_type: self.kind.media_type.clone(), length, content }
    }

    fn inflated(
        &self,
        reader: impl Read,
        redactor: &Redactor,
        inflated_max: usize,
    ) -> Result<Content, Omission> {
        let mut inflated = Vec::new();
        reader
            .take(inflated_max as u64 + 1)
            .read_to_end(&mut inflated)
            .map_err(|_| Omission::Malformed)?;
        match inflated.len() > inflated_max {
            true => Err(Omission::OverBound),
            false => self.content(&inflated, redactor),
        }
    }

    fn content(&self, bytes: &[u8], redactor: &Redactor) -> Result<Content, Omission> {
        let media_type = self.kind.media_type.as_deref().unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim();
        let says_json = media_type.ends_with("json");
        let is_text = says_json
            || media_type.starts_with("text/")
            || media_type.ends_with("yaml")
            || media_type == "application/x-www-form-urlencoded"
            || media_type.is_empty();
        if !is_text {
            return Err(Omission::Undecoded);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| match says_json {
            true => Omission::Malformed,
            false => Omission::Undecoded,
        })?;
        if let Some(json) = redactor.json(text, self.kind.may_be_secret) {
            return Ok(Content::Json(json));
        }
        if says_json {
            return Err(Omission::Malformed);
        }
        if self.kind.may_be_secret || text.contains("kind: Secret") || media_type.ends_with("yaml")
        {
            return Err(Omission::Secret);
        }
        if media_type == "application/x-www-form-urlencoded" {
            // Forms carry credentials under any name.
            return Err(Omission::Secret);
        }
        Ok(Content::Text(redactor.text(text)))
    }

    fn is_protobuf(&self) -> bool {
        self.kind.media_type.as_deref().is_some_and(|media_type| media_type.contains("protobuf"))
    }
}

#[cfg(test)]
mod tests;
