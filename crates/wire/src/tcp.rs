//! TCP: the header of a segment, and in [`stream`] one direction of a connection put in order.
//! It knows nothing of connections as a whole; those are [`crate::flows`]'.
//!
//! Specification: RFC 9293. Options are skipped: reassembly from the side needs none of them.
//!
//! Hostile input: the header is read through a checked cursor.

pub(crate) mod stream;

use crate::bytes::Cursor;

/// A TCP segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment<'a> {
    pub(crate) source_port: u16,
    pub(crate) destination_port: u16,
    pub(crate) sequence: u32,
    pub(crate) acknowledged: Option<u32>,
    pub(crate) syn: bool,
    pub(crate) fin: bool,
    pub(crate) rst: bool,
    pub(crate) payload: &'a [u8],
}

impl<'a> Segment<'a> {
    /// Reads a segment from a datagram's payload.
    pub(crate) fn parse(datagram: &'a [u8]) -> Option<Self> {
        let mut header = Cursor::new(datagram);
        let source_port = header.u16()?;
        let destination_port = header.u16()?;
        let sequence = header.u32()?;
        let acknowledged = header.u32()?;
        let header_bytes = usize::from(header.u8()? >> 4) * 4;
        let flags = header.u8()?;
        if header_bytes < 20 {
            return None;
        }
        Some(Self {
            source_port,
            destination_port,
            sequence,
            acknowledged: (flags & 0x10 != 0).then_some(acknowledged),
            syn: flags & 0x02 != 0,
            fin: flags & 0x01 != 0,
            rst: flags & 0x04 != 0,
            payload: datagram.get(header_bytes..)?,
        })
    }
}
