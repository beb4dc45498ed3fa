//! Memory that is shared with the kernel, read and written within its bounds.
//! What lies in it, and which part belongs to whom at a moment, the users know.

#![allow(
    unsafe_code,
    reason = "shared memory is an address; every access is checked against the mapping's length"
)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};

/// See the module. It is unmapped when dropped.
#[derive(Debug)]
pub(crate) struct Mapping {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: the memory belongs to the process and not to a thread, and all access to it is atomic.
unsafe impl Send for Mapping {}

impl Mapping {
    /// Maps so many bytes of what a descriptor stands for, from a place on.
    pub(crate) fn new(
        of: BorrowedFd<'_>,
        place: u32,
        bytes: usize,
        writable: bool,
    ) -> io::Result<Self> {
        let protection = libc::PROT_READ | if writable { libc::PROT_WRITE } else { 0 };
        // SAFETY: the kernel chooses the address, so that no memory in use is touched.
        let start = unsafe {
            libc::mmap(
                ptr::null_mut(),
                bytes,
                protection,
                libc::MAP_SHARED,
                of.as_raw_fd(),
                libc::off_t::from(place),
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or_else(|| io::Error::other("mapped at zero"))?;
        Ok(Self { start, bytes })
    }

    /// A word that the kernel may be writing.
    pub(crate) fn word(&self, place: usize) -> Option<&AtomicU32> {
        let at = self.place(place, size_of::<AtomicU32>())?;
        // SAFETY: `place` checked bounds and alignment; the mapping lives as long as `self`.
        at.cast::<AtomicU32>().is_aligned().then(|| unsafe { at.cast().as_ref() })
    }

    /// A double word that the kernel may be writing.
    pub(crate) fn double_word(&self, place: usize) -> Option<&AtomicU64> {
        let at = self.place(place, size_of::<AtomicU64>())?;
        // SAFETY: as in `word`.
        at.cast::<AtomicU64>().is_aligned().then(|| unsafe { at.cast().as_ref() })
    }

    /// Copies bytes out; false if they are not within the mapping. Word by word and atomically, so that it is
    /// sound whatever the kernel does meanwhile; that a copy is of one piece, whoever calls has made sure.
    pub(crate) fn copy(&self, place: usize, count: usize, into: &mut Vec<u8>) -> bool {
        into.clear();
        if place.checked_add(count).is_none_or(|end| end > self.bytes) {
            return false;
        }
        into.reserve(count);
        let (mut at, end) = (place, place + count);
        while at < end {
            match self.double_word(at).filter(|_| end - at >= 8) {
                Some(word) => {
                    into.extend_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes());
                    at += 8;
                }
                None => {
                    let Some(byte) = self.place(at, 1) else { return false };
                    // SAFETY: `place` checked the bounds; a byte is always aligned.
                    let byte: &AtomicU8 = unsafe { byte.cast().as_ref() };
                    into.push(byte.load(Ordering::Relaxed));
                    at += 1;
                }
            }
        }
        true
    }

    fn place(&self, place: usize, count: usize) -> Option<NonNull<u8>> {
        if place.checked_add(count)? > self.bytes {
            return None;
        }
        // SAFETY: the place is within the mapping.
        Some(unsafe { self.start.add(place) })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: this is the whole mapping as it was made, and nothing borrows from it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.bytes) };
    }
}
