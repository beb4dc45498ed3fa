//! Heads of HTTP/1 messages: the start line, the fields, and how the content is framed (RFC 9112).
//! Where a head ends up is the parent's business.
//!
//! Hostile input: a length and chunks together, or two different lengths, are framings that peers read
//! differently; then nothing is assumed and the content goes on until the end of the connection.

use super::State;
use crate::http::field;
use crate::http2::hpack::{Field, text};
use crate::unit::Side;
use std::sync::Arc;

/// Fields of one head that are kept.
const FIELDS_MAX: usize = 1024;
const METHODS: [&str; 9] =
    ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "CONNECT", "TRACE"];
const VERSION: &[u8] = b"HTTP/1.";

/// A message's head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) start: Start,
    pub(super) fields: Vec<Field>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Start {
    Request { method: String, target: String },
    Answer { status: u16 },
}

impl Head {
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut lines = bytes.split(|byte| *byte == b'\n').map(|line| line.trim_ascii());
        let first = lines.find(|line| !line.is_empty())?;
        let start = Start::parse(first)?;
        let mut fields = Vec::new();
        for line in lines.filter(|line| !line.is_empty()).take(FIELDS_MAX) {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let (name, value) = line.split_at(colon);
            fields.push(Field {
                name: Some(text(name.to_vec())),
                value: Some(text(value.get(1..)?.trim_ascii().to_vec())),
            });
        }
        Some(Self { start, fields })
    }

    pub(super) fn request_framing(&self) -> State {
        self.framing().unwrap_or(State::Length(0))
    }

    pub(super) fn answer_framing(&self) -> State {
        self.framing().unwrap_or(State::UntilClose)
    }

    fn framing(&self) -> Option<State> {
        let coding = field(&self.fields, "transfer-encoding");
        let mut lengths = self.fields.iter().filter(|field| {
            field.name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case("content-length"))
        });
        let length = lengths.next().and_then(|field| field.value.as_ref());
        let agree = lengths.all(|other| other.value.as_ref() == length);
        match (coding, length) {
            (Some(coding), None) if coding.to_ascii_lowercase().ends_with("chunked") => {
                Some(State::ChunkSize)
            }
            (None, Some(length)) if agree => length.parse().ok().map(State::Length),
            (None, None) => None,
            _ => Some(State::UntilClose),
        }
    }
}

impl Start {
    fn parse(line: &[u8]) -> Option<Self> {
        let line: Arc<str> = text(line.to_vec());
        let mut words = line.splitn(3, ' ');
        let (first, second) = (words.next()?, words.next()?);
        if first.starts_with("HTTP/1.") {
            return second.parse().ok().map(|status| Self::Answer { status });
        }
        let version = words.next()?;
        (version.starts_with("HTTP/1.") && first.bytes().all(|byte| byte.is_ascii_uppercase()))
            .then(|| Self::Request { method: first.to_owned(), target: second.to_owned() })
    }
}

/// Whether a connection can be HTTP/1 that begins so; none if it is too early to tell.
pub(crate) fn could_begin(data: &[u8]) -> Option<bool> {
    let words = METHODS.iter().map(|method| format!("{method} ").into_bytes());
    let mut open = false;
    for word in words.chain([VERSION.to_vec()]) {
        if data.starts_with(&word) {
            return Some(true);
        }
        open |= word.starts_with(data);
    }
    if open { None } else { Some(false) }
}

/// Where the next head of a side begins in content that is not understood.
pub(super) fn find(side: Side, data: &[u8]) -> Option<usize> {
    match side {
        Side::Client => (could_begin(data) == Some(true)).then_some(0),
        Side::Server => data
            .windows(VERSION.len())
            .position(|window| window == VERSION)
            .filter(|place| *place == 0 || data.get(place - 1) == Some(&b'\n')),
    }
}

/// The length of a head that is whole, with its empty line.
pub(super) fn end(held: &[u8]) -> Option<usize> {
    held.windows(4).position(|window| window == b"\r\n\r\n").map(|place| place + 4)
}

pub(super) fn chunk_size(line: &[u8]) -> Option<u64> {
    let digits = line.split(|byte| *byte == b';').next()?.trim_ascii();
    let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.len() <= 15)?;
    u64::from_str_radix(digits, 16).ok()
}
