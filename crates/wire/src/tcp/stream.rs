//! One direction of a TCP connection, put in order from the side: what was sent comes out once, in order,
//! with what is missing declared as a gap of known length.
//! It does not know what the bytes mean, and trusts neither their order nor their sender.
//!
//! States: nothing known; from the first SYN or payload on, a next expected sequence number.
//! Limits: [`HELD_BYTES_MAX`] and [`HELD_SEGMENTS_MAX`] behind a hole. A hole is given up when the bounds are
//! reached, when the peer has acknowledged past it and [`PATIENCE_SEGMENTS`] more segments have come, or at
//! the end.
//! Cold start: without a SYN the first payload is the beginning, and the stream says that it joined late.
//!
//! Hostile input: offsets are 64 bits wide and count from the beginning, so that sequence numbers may wrap
//! any number of times; a segment far outside any window is not held; of overlapping bytes those count
//! that were seen first.

use crate::skip::{Skip, Tally};
use std::collections::BTreeMap;

/// A receive window of 64 segments of 64 KiB after segmentation offload.
const HELD_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Small segments cost their entry, too.
const HELD_SEGMENTS_MAX: usize = 4096;
/// Packets overtake each other within one burst of a queue; 64 were never exceeded in captures of loopback
/// and of veth pairs.
const PATIENCE_SEGMENTS: u32 = 64;
/// The largest window that RFC 7323 allows.
const WINDOW_BYTES_MAX: i64 = 1 << 30;

/// What comes out of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery<'a> {
    /// The next bytes, and when their packet was captured.
    Data(&'a [u8], u64),
    /// So many bytes were sent that the capture does not hold.
    Gap(u64),
}

/// One direction of a connection.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    /// Sequence number of offset 0.
    base: Option<u32>,
    /// Offset of the next byte to deliver.
    next: u64,
    held: BTreeMap<u64, Held>,
    held_bytes: usize,
    /// Offset up to which the peer has acknowledged.
    acknowledged: u64,
    /// Segments seen since something has been held.
    waited: u32,
    end: Option<u64>,
    late: bool,
}

#[derive(Debug)]
struct Held {
    time_ns: u64,
    data: Vec<u8>,
}

impl Stream {
    /// Takes the sequence number of a SYN: the first byte follows it.
    pub(crate) fn open(&mut self, sequence: u32) {
        if self.base.is_none() {
            self.base = Some(sequence.wrapping_add(1));
        }
    }

    /// Whether the beginning was not seen.
    pub(crate) fn is_late(&self) -> bool {
        self.late
    }

    /// Whether anything is known of it.
    pub(crate) fn is_open(&self) -> bool {
        self.base.is_some()
    }

    /// Whether it has been delivered up to its FIN.
    pub(crate) fn is_finished(&self) -> bool {
        self.end.is_some_and(|end| self.next >= end)
    }

    /// Whether a RST with this sequence number is believed: only at the very next byte (RFC 5961), so that a
    /// forged one ends nothing.
    pub(crate) fn believes_reset(&self, sequence: u32) -> bool {
        self.base.is_none() || self.offset_of(sequence) == Some(self.next)
    }

    /// Whether a sequence number is the one behind the FIN: whoever has closed and gets more answers so.
    pub(crate) fn is_behind_fin(&self, sequence: u32) -> bool {
        self.is_finished() && self.offset_of(sequence) == Some(self.next + 1)
    }

    /// Bytes held behind a hole.
    pub(crate) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Takes a segment of this direction and delivers what is in order now.
    pub(crate) fn push(
        &mut self,
        sequence: u32,
        payload: &[u8],
        fin: bool,
        time_ns: u64,
        tally: &mut Tally,
        deliver: &mut dyn FnMut(Delivery<'_>),
    ) {
        if self.base.is_none() {
            self.base = Some(sequence);
            self.late = true;
        }
        let Some(offset) = self.offset_of(sequence) else {
            // Before the beginning: of a late join, or of a connection that is no more.
            let before = self.before_start(sequence, payload.len());
            let (early, rest) = payload.split_at(before);
            tally.skip(
                if self.late { Skip::JoinedLate } else { Skip::OutsideWindow },
                early.len() as u64,
            );
            if rest.is_empty() {
                return;
            }
            return self.place(0, rest, fin, time_ns, tally, deliver);
        };
        self.place(offset, payload, fin, time_ns, tally, deliver);
    }

    /// Takes what the peer acknowledged, after which a hole will not be filled any more.
    pub(crate) fn acknowledge(&mut self, sequence: u32, deliver: &mut dyn FnMut(Delivery<'_>)) {
        if let Some(offset) = self.offset_of(sequence) {
            self.acknowledged = self.acknowledged.max(offset);
        }
        self.wait(deliver);
    }

    /// Delivers everything that is held, with its gaps, because nothing more will come.
    pub(crate) fn finish(&mut self, deliver: &mut dyn FnMut(Delivery<'_>)) {
        while !self.held.is_empty() {
            self.give_up_hole(deliver);
        }
    }

    fn place(
        &mut self,
        offset: u64,
        payload: &[u8],
        fin: bool,
        time_ns: u64,
        tally: &mut Tally,
        deliver: &mut dyn FnMut(Delivery<'_>),
    ) {
        let end = offset + payload.len() as u64;
        if fin && self.end.is_none() {
            self.end = Some(end);
        }
        let fresh = self.fresh(offset, payload);
        tally.skip(Skip::Repeated, (payload.len() - fresh.len()) as u64);
        if fresh.is_empty() {
            return self.wait(deliver);
        }
        let offset = end - fresh.len() as u64;
        if offset == self.next && self.held.is_empty() {
            self.next = end;
            return deliver(Delivery::Data(fresh, time_ns));
        }
        self.hold(offset, fresh, time_ns, tally);
        self.deliver_held(deliver);
        while self.held_bytes > HELD_BYTES_MAX || self.held.len() > HELD_SEGMENTS_MAX {
            self.give_up_hole(deliver);
        }
        self.wait(deliver);
    }

    /// The part of a payload that lies after what was delivered.
    fn fresh<'a>(&self, offset: u64, payload: &'a [u8]) -> &'a [u8] {
        let behind = usize::try_from(self.next.saturating_sub(offset)).unwrap_or(usize::MAX);
        payload.get(behind..).unwrap_or_default()
    }

    /// Holds the parts of a payload that are not held yet.
    fn hold(&mut self, mut offset: u64, mut payload: &[u8], time_ns: u64, tally: &mut Tally) {
        while !payload.is_empty() {
            let covered_to = self
                .held
                .range(..=offset)
                .next_back()
                .map_or(0, |(start, held)| start + held.data.len() as u64);
            let room = match self.held.range(offset..).next() {
                Some((start, _)) if covered_to <= offset => *start - offset,
                _ => u64::MAX,
            };
            let (repeats, count) = match covered_to > offset {
                true => (true, covered_to - offset),
                false => (false, room),
            };
            let count = usize::try_from(count).unwrap_or(usize::MAX).min(payload.len());
            let (part, rest) = payload.split_at(count);
            if repeats {
                tally.skip(Skip::Repeated, part.len() as u64);
            } else if !part.is_empty() {
                self.held_bytes += part.len();
                self.held.insert(offset, Held { time_ns, data: part.to_vec() });
            }
            offset += count as u64;
            payload = rest;
        }
    }

    fn deliver_held(&mut self, deliver: &mut dyn FnMut(Delivery<'_>)) {
        while let Some(entry) = self.held.first_entry() {
            if *entry.key() > self.next {
                return;
            }
            let held = entry.remove();
            self.held_bytes -= held.data.len();
            self.next += held.data.len() as u64;
            self.waited = 0;
            deliver(Delivery::Data(&held.data, held.time_ns));
        }
    }

    fn give_up_hole(&mut self, deliver: &mut dyn FnMut(Delivery<'_>)) {
        let Some((start, _)) = self.held.first_key_value() else { return };
        let gap = start.saturating_sub(self.next);
        self.next = *start;
        if gap > 0 {
            deliver(Delivery::Gap(gap));
        }
        self.deliver_held(deliver);
    }

    /// Gives up a hole that the peer has got, after some patience with packets that overtook each other.
    fn wait(&mut self, deliver: &mut dyn FnMut(Delivery<'_>)) {
        let Some((start, _)) = self.held.first_key_value() else { return };
        self.waited = self.waited.saturating_add(1);
        if self.acknowledged >= *start && self.waited > PATIENCE_SEGMENTS {
            self.give_up_hole(deliver);
        }
    }

    /// The offset of a sequence number near the next expected one; none before the beginning or far outside.
    fn offset_of(&self, sequence: u32) -> Option<u64> {
        let distance = self.distance(sequence);
        if distance > WINDOW_BYTES_MAX {
            return None;
        }
        self.next.checked_add_signed(distance)
    }

    fn distance(&self, sequence: u32) -> i64 {
        let base = self.base.unwrap_or(sequence);
        // The low half of the next offset is all that a sequence number can be compared to.
        let low = u32::try_from(self.next & u64::from(u32::MAX)).unwrap_or(0);
        i64::from(sequence.wrapping_sub(base.wrapping_add(low)).cast_signed())
    }

    fn before_start(&self, sequence: u32, length: usize) -> usize {
        let distance = self.distance(sequence);
        let before = distance.unsigned_abs().saturating_sub(self.next);
        match distance > 0 {
            true => length,
            false => usize::try_from(before).unwrap_or(usize::MAX).min(length),
        }
    }
}

#[cfg(test)]
mod tests;
