//! One side's records: which key they are under, at which sequence number, and what is parked until the key
//! comes.
//! It knows neither handshake messages nor what the content is; those are [`super`]'s.
//!
//! States: in clear; under a key that is expected ([`Half::opener`] is none); under a key that is known.
//! Failure: after a gap the number of records lost is unknown, so that sequence numbers are tried upwards
//! until a tag verifies. [`TRIES_MAX`] bounds one record's tries, [`Half::patience`] those of a gap.
//!
//! Hostile input: a record that no key opens changes nothing but the account.

use super::opener::Opener;
use model::SecretBytes;
use std::collections::VecDeque;

/// A gap of 8 MiB of full records, or of 100 KiB of the smallest.
const TRIES_MAX: u64 = 4096;
/// Tries after which a side is given up until its next key: 65,536 full records cost ten milliseconds each
/// thousand, which bounds what a forged stream can make us do to one second.
const PATIENCE: u32 = 65_536;

/// What a gap of unknown length may have swallowed.
pub(super) const SLACK_UNKNOWN: u64 = 256;

/// Under which key a side's records are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Epoch {
    Clear,
    Early,
    Handshake,
    Application,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Half {
    /// A record of which the rest is still to come, or what is searched for the next record.
    pub(super) partial: Vec<u8>,
    /// Bytes still to drop of a record that was damaged by a gap, and that record's length.
    pub(super) damaged: Option<Damaged>,
    /// Set while the next record is searched for: bytes lost since the last record's end, if known.
    pub(super) search: Option<Option<u64>>,
    /// Handshake bytes that are not a whole message yet.
    pub(super) handshake: Vec<u8>,
    pub(super) epoch: Epoch,
    /// ChangeCipherSpec was seen before it was known which version this is.
    pub(super) change_seen: bool,
    pub(super) opener: Option<Opener>,
    /// The key of the next epoch, which is tried when the present one does not open a record.
    pub(super) next_opener: Option<Opener>,
    /// Set when the secrets known so far have been asked; cleared when new ones come.
    pub(super) asked: bool,
    pub(super) secret: Option<SecretBytes>,
    pub(super) sequence: u64,
    /// How many records may have been lost since the last one that was opened.
    slack: u64,
    patience: u32,
    /// Explicit nonce minus sequence number, by which TLS 1.2 tells where it is.
    nonce_offset: Option<u64>,
    pub(super) parked: VecDeque<Parked>,
    pub(super) parked_bytes: usize,
    pub(super) opened: u64,
}

/// A record whose middle is missing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Damaged {
    pub(super) rest: usize,
    pub(super) kind: u8,
    pub(super) length: usize,
}

/// What waits for a key, in the order of the stream.
#[derive(Debug)]
pub(super) enum Parked {
    Record { record: Vec<u8>, time_ns: u64 },
    Lost { records: u64 },
    Unknown,
}

/// A record that was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Opened {
    pub(super) kind: u8,
    pub(super) length: usize,
    /// Records that were lost before it.
    pub(super) skipped: u64,
    /// It was under the next epoch's key.
    pub(super) advanced: bool,
}

impl Default for Half {
    fn default() -> Self {
        Self {
            partial: Vec::new(),
            damaged: None,
            search: None,
            handshake: Vec::new(),
            epoch: Epoch::Clear,
            change_seen: false,
            opener: None,
            next_opener: None,
            asked: false,
            secret: None,
            sequence: 0,
            slack: 0,
            patience: PATIENCE,
            nonce_offset: None,
            parked: VecDeque::new(),
            parked_bytes: 0,
            opened: 0,
        }
    }
}

impl Half {
    /// Puts the side under another key.
    pub(super) fn enter(&mut self, epoch: Epoch) {
        self.epoch = epoch;
        self.opener = None;
        self.next_opener = None;
        self.asked = false;
        self.secret = None;
        self.sequence = 0;
        self.slack = 0;
        self.patience = PATIENCE;
        self.nonce_offset = None;
    }

    /// Says that records may have been lost.
    pub(super) fn lose(&mut self, records: u64) {
        self.slack = self.slack.saturating_add(records).min(TRIES_MAX);
    }

    /// Says how many records may have been lost, counting those that were said before.
    pub(super) fn expect_lost(&mut self, records: u64) {
        self.slack = self.slack.max(records).min(TRIES_MAX);
    }

    /// Notes among what is parked that so many records are missing, or an unknown number. Notes next to
    /// each other become one, so that they are no more than the records between them.
    pub(super) fn park_loss(&mut self, records: Option<u64>) {
        match (self.parked.back_mut(), records) {
            (Some(Parked::Unknown), _) => {}
            (Some(Parked::Lost { records }), Some(more)) => *records += more,
            (Some(last @ Parked::Lost { .. }), None) => *last = Parked::Unknown,
            (_, Some(records)) => self.parked.push_back(Parked::Lost { records }),
            (_, None) => self.parked.push_back(Parked::Unknown),
        }
    }

    /// Opens a record with what is known, and moves the sequence number on when it succeeds.
    pub(super) fn open(&mut self, record: &[u8], plain: &mut Vec<u8>) -> Option<Opened> {
        if let Some(opener) = &self.opener {
            let hint = match (opener.explicit_nonce(record), self.nonce_offset) {
                (Some(nonce), Some(offset)) if self.slack > 0 => {
                    nonce.checked_sub(offset).filter(|hint| *hint >= self.sequence)
                }
                _ => None,
            };
            let counted = (0..=self.slack).map(|lost| self.sequence + lost);
            for sequence in hint.into_iter().chain(counted) {
                if self.patience == 0 {
                    break;
                }
                if let Some((kind, length)) = opener.open(sequence, record, plain) {
                    let skipped = sequence - self.sequence;
                    if let Some(nonce) = opener.explicit_nonce(record) {
                        self.nonce_offset = nonce.checked_sub(sequence);
                    }
                    self.succeed(sequence);
                    return Some(Opened { kind, length, skipped, advanced: false });
                }
                self.patience -= 1;
            }
        }
        if let Some(next) = &self.next_opener {
            for sequence in 0..=self.slack {
                if self.patience == 0 {
                    break;
                }
                if let Some((kind, length)) = next.open(sequence, record, plain) {
                    self.opener = self.next_opener.take();
                    self.epoch = match self.epoch {
                        Epoch::Clear | Epoch::Early => Epoch::Handshake,
                        Epoch::Handshake | Epoch::Application => Epoch::Application,
                    };
                    self.succeed(sequence);
                    return Some(Opened { kind, length, skipped: sequence, advanced: true });
                }
                self.patience -= 1;
            }
        }
        None
    }

    fn succeed(&mut self, sequence: u64) {
        self.sequence = sequence + 1;
        self.slack = 0;
        self.patience = PATIENCE;
        self.opened += 1;
    }

    /// Bytes that this side holds.
    pub(super) fn held_bytes(&self) -> usize {
        self.partial.len() + self.handshake.len() + self.parked_bytes
    }
}
