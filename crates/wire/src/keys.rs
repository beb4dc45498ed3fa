//! TLS secrets: the key log format, and the secrets known so far by client random and by session.
//! It derives nothing and opens no file; [`crate::tls`] takes what it needs.
//!
//! Format: RFC 9850 (NSS key log), a line `LABEL hex(client_random) hex(secret)`, and Wireshark's older
//! `RSA Session-ID:… Master-Key:…`.
//! Limits: [`CONNECTIONS_MAX`] client randoms and [`SESSIONS_MAX`] sessions, oldest out first; a line of more
//! than [`LINE_BYTES_MAX`] is passed over.
//!
//! Hostile input: a line that is not understood is counted and changes nothing. Secrets are wiped when
//! dropped and never shown.

use aws_lc_rs::digest;
use model::SecretBytes;
use std::collections::{HashMap, VecDeque};
use std::fmt;

/// 32 bytes that name a handshake.
pub(crate) type ClientRandom = [u8; 32];

/// A busy API server makes 100 connections a second; this remembers those of three quarters of an hour in
/// about 150 MB at worst, and 30 MB with only the secrets in use.
const CONNECTIONS_MAX: usize = 262_144;
/// Resumable sessions; a client keeps one or two for each server.
const SESSIONS_MAX: usize = 16_384;
/// The longest honest line names a 48-byte secret and is 200 bytes long.
const LINE_BYTES_MAX: usize = 1024;
/// SHA-384's secrets and TLS 1.2's master secret have 48 bytes, no secret has more than SHA-512's.
const SECRET_BYTES_MAX: usize = 64;

/// Which secret of a connection a line gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Label {
    Master,
    ClientEarly,
    ClientHandshake,
    ServerHandshake,
    ClientTraffic,
    ServerTraffic,
}

/// What has been read of key logs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeyCounts {
    /// Secrets that were taken.
    pub secrets: u64,
    /// Lines with labels that decrypt no traffic, such as `EXPORTER_SECRET`.
    pub other: u64,
    /// Lines that are no key log lines.
    pub malformed: u64,
}

/// The secrets known so far.
#[derive(Default)]
pub struct KeyStore {
    by_random: HashMap<ClientRandom, Secrets>,
    randoms: VecDeque<ClientRandom>,
    sessions: HashMap<[u8; 32], SecretBytes>,
    session_order: VecDeque<[u8; 32]>,
    partial: Vec<u8>,
    overlong: bool,
    fresh: Vec<ClientRandom>,
    counts: KeyCounts,
}

#[derive(Debug, Default)]
struct Secrets {
    known: Vec<(Label, SecretBytes)>,
}

impl fmt::Debug for KeyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyStore").field("counts", &self.counts).finish_non_exhaustive()
    }
}

impl KeyStore {
    /// Takes a piece of a key log; a line may arrive in several pieces.
    pub fn push(&mut self, text: &[u8]) {
        for piece in text.split_inclusive(|byte| *byte == b'\n') {
            let whole = piece.ends_with(b"\n");
            if self.partial.len() + piece.len() > LINE_BYTES_MAX {
                self.partial.clear();
                self.overlong = true;
            } else {
                self.partial.extend_from_slice(piece);
            }
            if whole {
                self.end_line();
            }
        }
    }

    /// Says that the log (or the block of it) ends here, with or without a newline.
    pub fn end(&mut self) {
        if !self.partial.is_empty() || self.overlong {
            self.end_line();
        }
    }

    /// What has been read.
    pub fn counts(&self) -> KeyCounts {
        self.counts
    }

    /// The client randoms of which something new is known since the last call.
    pub(crate) fn take_fresh(&mut self) -> Vec<ClientRandom> {
        std::mem::take(&mut self.fresh)
    }

    pub(crate) fn secret(&self, random: &ClientRandom, label: Label) -> Option<&SecretBytes> {
        let secrets = self.by_random.get(random)?;
        secrets.known.iter().find(|(known, _)| *known == label).map(|(_, secret)| secret)
    }

    /// Whether anything at all is known of a handshake.
    pub(crate) fn knows(&self, random: &ClientRandom) -> bool {
        self.by_random.contains_key(random)
    }

    /// The master secret of a session that is being resumed, by its id or ticket.
    pub(crate) fn session(&self, name: &[u8]) -> Option<&SecretBytes> {
        self.sessions.get(&session_key(name)).filter(|_| !name.is_empty())
    }

    /// Remembers the master secret of a session, so that its resumption can be decrypted: Go logs nothing
    /// when TLS 1.2 resumes.
    pub(crate) fn remember_session(&mut self, name: &[u8], master: &SecretBytes) {
        if name.is_empty() {
            return;
        }
        let key = session_key(name);
        if self.sessions.insert(key, master.clone()).is_none() {
            self.session_order.push_back(key);
        }
        while self.session_order.len() > SESSIONS_MAX {
            if let Some(oldest) = self.session_order.pop_front() {
                self.sessions.remove(&oldest);
            }
        }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.partial);
        if std::mem::take(&mut self.overlong) {
            self.counts.malformed += 1;
        } else {
            self.line(line.trim_ascii());
        }
        // The line held a secret in hexadecimal; it is wiped with its buffer.
        drop(SecretBytes::new(line));
    }

    fn line(&mut self, line: &[u8]) {
        if line.is_empty() || line.starts_with(b"#") {
            return;
        }
        let mut words = line.split(|byte| byte.is_ascii_whitespace()).filter(|w| !w.is_empty());
        let (Some(label), Some(name), Some(secret), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            self.counts.malformed += 1;
            return;
        };
        if label == b"RSA" {
            let id = name.strip_prefix(b"Session-ID:").and_then(hex);
            let master = secret.strip_prefix(b"Master-Key:").and_then(hex);
            match (id, master) {
                (Some(id), Some(master)) => {
                    self.remember_session(&id, &SecretBytes::new(master));
                    self.counts.secrets += 1;
                }
                _ => self.counts.other += 1,
            }
            return;
        }
        let random = hex(name).and_then(|random| ClientRandom::try_from(random).ok());
        let (Some(random), Some(secret)) = (random, hex(secret).map(SecretBytes::new)) else {
            self.counts.malformed += 1;
            return;
        };
        match Label::of(label) {
            Some(label) => self.insert(random, label, secret),
            None => self.counts.other += 1,
        }
    }

    fn insert(&mut self, random: ClientRandom, label: Label, secret: SecretBytes) {
        self.counts.secrets += 1;
        if !self.by_random.contains_key(&random) {
            self.randoms.push_back(random);
            if self.randoms.len() > CONNECTIONS_MAX
                && let Some(oldest) = self.randoms.pop_front()
            {
                self.by_random.remove(&oldest);
            }
        }
        let secrets = self.by_random.entry(random).or_default();
        secrets.known.retain(|(known, _)| *known != label);
        secrets.known.push((label, secret));
        // Whoever never asks for what is fresh must not pay for it.
        if self.fresh.last() != Some(&random) && self.fresh.len() < CONNECTIONS_MAX {
            self.fresh.push(random);
        }
    }
}

impl Label {
    fn of(word: &[u8]) -> Option<Self> {
        Some(match word {
            b"CLIENT_RANDOM" => Self::Master,
            b"CLIENT_EARLY_TRAFFIC_SECRET" => Self::ClientEarly,
            b"CLIENT_HANDSHAKE_TRAFFIC_SECRET" => Self::ClientHandshake,
            b"SERVER_HANDSHAKE_TRAFFIC_SECRET" => Self::ServerHandshake,
            b"CLIENT_TRAFFIC_SECRET_0" => Self::ClientTraffic,
            b"SERVER_TRAFFIC_SECRET_0" => Self::ServerTraffic,
            _ => return None,
        })
    }
}

/// Session ids are short and tickets long; their digests are the same length.
fn session_key(name: &[u8]) -> [u8; 32] {
    let digest = digest::digest(&digest::SHA256, name);
    digest.as_ref().first_chunk().copied().unwrap_or_default()
}

fn hex(text: &[u8]) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || text.is_empty() || text.len() > 2 * SECRET_BYTES_MAX {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.chunks_exact(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests;
