//! Puts fragmented datagrams together again.
//! It knows nothing of what is in them.
//!
//! Limits: [`DATAGRAMS_MAX`] unfinished datagrams of at most 64 KiB each, 4 MiB in all; the oldest goes when
//! another comes.
//! Failure: fragments that overlap in any other way than by exact repetition end their datagram (RFC 5722),
//! because there is no telling which of them the receiver took.
//!
//! Hostile input: a datagram is stored as its fragments, so that nothing is allocated beyond what came.

use super::{Datagram, Fragment};
use crate::skip::{Skip, Tally};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::IpAddr;

/// API servers do not fragment; what does comes from tunnels with a wrong MTU, a few at a time.
const DATAGRAMS_MAX: usize = 64;
const DATAGRAM_BYTES_MAX: usize = 65_535;
/// The least fragment in use carries 8 bytes; honest ones carry hundreds.
const FRAGMENTS_MAX: usize = 256;

type Key = (IpAddr, IpAddr, u8, u32);

/// Datagrams of which some part is missing.
#[derive(Debug, Default)]
pub(crate) struct Fragments {
    unfinished: HashMap<Key, Unfinished>,
    order: VecDeque<Key>,
}

#[derive(Debug, Default)]
struct Unfinished {
    parts: BTreeMap<usize, Vec<u8>>,
    bytes: usize,
    length: Option<usize>,
    broken: bool,
}

impl Fragments {
    /// Takes a fragment, and gives the datagram's payload when it was the last one missing. Of the bytes it
    /// keeps, those that come to nothing are accounted for when that is known.
    pub(crate) fn push(
        &mut self,
        datagram: &Datagram<'_>,
        fragment: Fragment,
        tally: &mut Tally,
    ) -> Option<Vec<u8>> {
        let Datagram { source, destination, protocol, payload, .. } = *datagram;
        let key = (source, destination, protocol, fragment.identification);
        if !self.unfinished.contains_key(&key) {
            if self.order.len() >= DATAGRAMS_MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.forget(&oldest, tally);
            }
            self.order.push_back(key);
        }
        let unfinished = self.unfinished.entry(key).or_default();
        unfinished.take(fragment, payload, tally);
        if !unfinished.is_whole() {
            return None;
        }
        self.order.retain(|other| *other != key);
        let whole = self.unfinished.remove(&key)?;
        Some(whole.parts.into_values().flatten().collect())
    }

    /// Accounts for what is still unfinished at the end.
    pub(crate) fn finish(&mut self, tally: &mut Tally) {
        while let Some(key) = self.order.pop_front() {
            self.forget(&key, tally);
        }
    }

    fn forget(&mut self, key: &Key, tally: &mut Tally) {
        if let Some(forgotten) = self.unfinished.remove(key) {
            tally.skip(Skip::FragmentIncomplete, forgotten.bytes as u64);
        }
    }
}

impl Unfinished {
    fn take(&mut self, fragment: Fragment, payload: &[u8], tally: &mut Tally) {
        let end = fragment.offset + payload.len();
        if self.parts.get(&fragment.offset).is_some_and(|part| part == payload) {
            return tally.skip(Skip::Repeated, payload.len() as u64);
        }
        let before = self.parts.range(..=fragment.offset).next_back();
        let after = self.parts.range(fragment.offset..).next();
        let overlaps = before.is_some_and(|(start, part)| start + part.len() > fragment.offset)
            || after.is_some_and(|(start, _)| *start < end);
        let past_end = self.length.is_some_and(|length| end > length || !fragment.more);
        if self.broken
            || overlaps
            || past_end
            || payload.is_empty()
            || end > DATAGRAM_BYTES_MAX
            || self.parts.len() >= FRAGMENTS_MAX
        {
            self.broken = true;
            return tally.skip(Skip::FragmentIncomplete, payload.len() as u64);
        }
        if !fragment.more {
            self.length = Some(end);
        }
        self.bytes += payload.len();
        self.parts.insert(fragment.offset, payload.to_vec());
    }

    fn is_whole(&self) -> bool {
        !self.broken && self.length == Some(self.bytes)
    }
}
