//! What a connection carries once it is readable: HTTP/1, HTTP/2, or something that is not known here.
//! It finds out by what was agreed or by the first bytes; the protocols themselves are elsewhere.
//!
//! Limits: at most the length of HTTP/2's preface is held before a decision.
//!
//! Hostile input: what is not recognised is counted, and not looked at again.

use crate::http1::{self, Http1};
use crate::http2::{self, Http2};
use crate::scene::Scene;
use crate::skip::Skip;
use crate::unit::Side;

/// The content of a connection.
#[derive(Debug, Default)]
pub(crate) enum App {
    /// Nothing is known, but perhaps what was agreed.
    #[default]
    ExpectContent,
    /// Too few bytes of this side to tell.
    Undecided(Side, Vec<u8>),
    Http1(Box<Http1>),
    Http2(Box<Http2>),
    NotRecognised,
}

impl App {
    /// Takes the protocol that TLS agreed on.
    pub(crate) fn agree(&mut self, protocol: &str) {
        if matches!(self, Self::ExpectContent) {
            match protocol {
                "h2" => *self = Self::Http2(Box::default()),
                "http/1.1" | "http/1.0" => *self = Self::Http1(Box::default()),
                _ => {}
            }
        }
    }

    /// Takes the next content of a side.
    pub(crate) fn data(&mut self, side: Side, data: &[u8], scene: &mut Scene<'_>) {
        match self {
            Self::Http1(http1) => http1.data(side, data, scene),
            Self::Http2(http2) => http2.data(side, data, scene),
            Self::NotRecognised => scene.content_skipped(Skip::NotRecognised, data.len()),
            Self::ExpectContent => self.decide(side, data, scene),
            Self::Undecided(first, held) if *first == side => {
                let mut held = std::mem::take(held);
                held.extend_from_slice(data);
                self.decide(side, &held, scene);
            }
            Self::Undecided(..) => {
                // The other side speaks before this one was understood.
                scene.content_skipped(Skip::NotRecognised, data.len());
            }
        }
    }

    fn decide(&mut self, side: Side, data: &[u8], scene: &mut Scene<'_>) {
        let preface = http2::PREFACE;
        *self = if data.starts_with(preface) {
            Self::Http2(Box::default())
        } else if preface.starts_with(data) {
            return *self = Self::Undecided(side, data.to_vec());
        } else {
            match http1::could_begin(data) {
                Some(true) => Self::Http1(Box::default()),
                None => return *self = Self::Undecided(side, data.to_vec()),
                // A server's SETTINGS may be the first that is seen of HTTP/2.
                Some(false) if matches!(data, [0, 0, _, 4, 0, 0, 0, 0, 0, ..]) => {
                    Self::Http2(Box::default())
                }
                Some(false) => Self::NotRecognised,
            }
        };
        self.data(side, data, scene);
    }

    /// Says that content is missing.
    pub(crate) fn gap(&mut self, side: Side, lost: Option<u64>, scene: &mut Scene<'_>) {
        match self {
            Self::Http1(http1) => http1.gap(side, lost, scene),
            Self::Http2(http2) => http2.gap(side, lost, scene),
            Self::Undecided(_, held) => {
                scene.content_skipped(Skip::Gap, held.len());
                *self = Self::ExpectContent;
            }
            Self::ExpectContent | Self::NotRecognised => {}
        }
    }

    pub(crate) fn held_bytes(&self) -> usize {
        match self {
            Self::Http1(http1) => http1.held_bytes(),
            Self::Http2(http2) => http2.held_bytes(),
            Self::Undecided(_, held) => held.len(),
            Self::ExpectContent | Self::NotRecognised => 0,
        }
    }

    pub(crate) fn shed(&mut self, scene: &mut Scene<'_>) {
        match self {
            Self::Http1(http1) => http1.shed(scene),
            Self::Http2(http2) => http2.shed(),
            _ => {}
        }
    }

    pub(crate) fn finish(&mut self, scene: &mut Scene<'_>) {
        match self {
            Self::Http1(http1) => http1.finish(scene),
            Self::Http2(http2) => http2.finish(scene),
            Self::Undecided(_, held) => {
                scene.content_skipped(Skip::NotRecognised, held.len());
            }
            Self::ExpectContent | Self::NotRecognised => {}
        }
    }
}
