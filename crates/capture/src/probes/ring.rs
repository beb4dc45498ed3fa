//! The ring buffer through which the programs send their records.
//! What a record says is [`super::programs`]' knowledge.
//!
//! Format: the kernel's Documentation/bpf/ringbuf.rst. A page with how far was read, a page with how far was written,
//! and the records, mapped twice one behind the other, so that none is torn at the end.
//!
//! Hostile input: lengths come from the kernel and are bounded all the same.

use super::{ProbeFault, of_bpf};
use crate::mapping::Mapping;
use crate::probes::programs::RECORD_BYTES;
use crate::system::{self, MapKind};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::Ordering;

/// x86-64 has no other.
const PAGE_BYTES: u32 = 4096;
const HEADER_BYTES: usize = 8;
const IS_BEING_WRITTEN: u32 = 1 << 31;
const IS_DISCARDED: u32 = 1 << 30;

/// See the module.
#[derive(Debug)]
pub(crate) struct RecordRing {
    map: OwnedFd,
    read: Mapping,
    written: Mapping,
    bytes: u64,
}

impl RecordRing {
    pub(crate) fn new(bytes: u32) -> Result<Self, ProbeFault> {
        let map = system::make_map(MapKind::RingBuffer, bytes).map_err(of_bpf)?;
        let page = PAGE_BYTES as usize;
        let mapped =
            |source| ProbeFault::System { step: "the ring of records cannot be mapped", source };
        let read = Mapping::new(map.as_fd(), 0, page, true).map_err(mapped)?;
        let both = page + 2 * bytes as usize;
        let written = Mapping::new(map.as_fd(), PAGE_BYTES, both, false).map_err(mapped)?;
        Ok(Self { map, read, written, bytes: bytes.into() })
    }

    /// Copies the next record out; false if there is none (yet).
    pub(crate) fn next(&mut self, into: &mut Vec<u8>) -> bool {
        loop {
            let (Some(read), Some(written)) =
                (self.read.double_word(0), self.written.double_word(0))
            else {
                return false;
            };
            let place = read.load(Ordering::Relaxed);
            if place >= written.load(Ordering::Acquire) {
                return false;
            }
            let Ok(within) = usize::try_from(place % self.bytes) else { return false };
            let at = PAGE_BYTES as usize + within;
            let Some(header) = self.written.word(at) else { return false };
            let header = header.load(Ordering::Acquire);
            if header & IS_BEING_WRITTEN != 0 {
                return false;
            }
            let length = header & !(IS_BEING_WRITTEN | IS_DISCARDED);
            let kept = (length as usize).min(usize::from(RECORD_BYTES));
            let whole =
                header & IS_DISCARDED == 0 && self.written.copy(at + HEADER_BYTES, kept, into);
            let step = (u64::from(length) + HEADER_BYTES as u64).next_multiple_of(8);
            read.store(place + step, Ordering::Release);
            if whole {
                return true;
            }
        }
    }
}

impl AsFd for RecordRing {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.map.as_fd()
    }
}
