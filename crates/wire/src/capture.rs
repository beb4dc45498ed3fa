//! Capture files: pcap and pcapng in both byte orders, cut into packets and secrets, and pcapng written.
//! It opens no file and keeps no buffer: whoever reads hands over what there is and hears how much more is
//! needed. What stands in a packet is the business of [`crate::link`].
//!
//! States: a [`CaptureReader`] expects the file's head, then packets or blocks until the end. A fault is
//! final, because neither format lets one find the next packet after a broken length.
//! Limits: a block of more than [`BLOCK_BYTES_MAX`] and more than [`INTERFACES_MAX`] interfaces are refused.
//! Formats: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng.
//!
//! Hostile input: lengths are checked before use, and nothing is allocated from a length in the file.

mod pcap;
mod pcapng;
mod write;

pub use write::CaptureWriter;

use crate::link::LinkType;

/// libpcap's own largest snap length is 256 KiB; Decryption Secrets Blocks of long captures reach megabytes.
pub const BLOCK_BYTES_MAX: usize = 16 * 1024 * 1024;
/// A host with more interfaces than this in one section is not seen outside of attacks.
pub const INTERFACES_MAX: usize = 1024;

/// One packet as it was captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Nanoseconds since the Unix epoch.
    pub time_ns: u64,
    /// What the first byte of `data` belongs to.
    pub link: LinkType,
    /// The bytes that were kept.
    pub data: &'a [u8],
    /// How many there were on the wire.
    pub length: u32,
}

/// What the next bytes of a capture are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'a> {
    /// A packet.
    Packet(Packet<'a>),
    /// Text of a key log, from a Decryption Secrets Block.
    Keys(&'a [u8]),
    /// The file's own structure: headers, interface descriptions, statistics, names.
    Structure,
    /// Packets dropped before they reached the file, as its writer counted them.
    Dropped(u64),
}

/// What a look at the front of the input gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress<'a> {
    /// An item, and how many bytes of input it took.
    Item {
        /// Bytes to drop from the front of the input.
        consumed: usize,
        /// What they were.
        item: Item<'a>,
    },
    /// The input must be at least this long before the next item can be read.
    Wants(usize),
}

/// Why a capture cannot be read (on).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CaptureFault {
    /// The first bytes are of neither format.
    #[error("not a pcap or pcapng capture: it begins with {0:#010x}")]
    NotACapture(u32),
    /// A block or packet is longer than any honest one.
    #[error("a block of {0} bytes is over the bound of {BLOCK_BYTES_MAX}: the capture is damaged")]
    BlockOverBound(u64),
    /// A block's lengths contradict each other.
    #[error("a block's lengths contradict each other: the capture is damaged")]
    BlockMalformed,
    /// A packet names an interface that was not described.
    #[error("a packet names interface {0}, which the capture does not describe")]
    InterfaceUnknown(u32),
    /// More interfaces than the bound.
    #[error("more than {INTERFACES_MAX} interfaces in one section")]
    InterfacesOverBound,
}

/// Reads a capture item by item.
#[derive(Debug, Default)]
pub struct CaptureReader {
    format: Format,
}

#[derive(Debug, Default)]
enum Format {
    #[default]
    ExpectHead,
    Pcap(pcap::Pcap),
    Pcapng(pcapng::Pcapng),
}

/// How numbers are written in a capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Big,
    Little,
}

impl CaptureReader {
    /// A reader at the start of a capture.
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks at the front of the input. The same reader must see every byte of a capture once, in order.
    pub fn read<'a>(&mut self, input: &'a [u8]) -> Result<Progress<'a>, CaptureFault> {
        match &mut self.format {
            Format::Pcap(pcap) => pcap.read(input),
            Format::Pcapng(pcapng) => pcapng.read(input),
            Format::ExpectHead => {
                let Some(magic) = input.first_chunk::<4>() else {
                    return Ok(Progress::Wants(4));
                };
                if *magic == pcapng::SECTION_HEADER {
                    let mut pcapng = pcapng::Pcapng::default();
                    let progress = pcapng.read(input);
                    self.format = Format::Pcapng(pcapng);
                    return progress;
                }
                let Some(head) = input.first_chunk::<{ pcap::HEAD_BYTES }>() else {
                    return match pcap::Pcap::knows(*magic) {
                        true => Ok(Progress::Wants(pcap::HEAD_BYTES)),
                        false => Err(CaptureFault::NotACapture(u32::from_be_bytes(*magic))),
                    };
                };
                self.format = Format::Pcap(pcap::Pcap::of_head(head)?);
                Ok(Progress::Item { consumed: pcap::HEAD_BYTES, item: Item::Structure })
            }
        }
    }
}

impl Order {
    fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Big => u16::from_be_bytes(bytes),
            Self::Little => u16::from_le_bytes(bytes),
        }
    }

    fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Big => u32::from_be_bytes(bytes),
            Self::Little => u32::from_le_bytes(bytes),
        }
    }

    /// The 32-bit number at an offset; the caller has checked that it is there, or gets none.
    fn u32_at(self, bytes: &[u8], offset: usize) -> Option<u32> {
        bytes.get(offset..)?.first_chunk().map(|chunk| self.u32(*chunk))
    }

    fn u16_at(self, bytes: &[u8], offset: usize) -> Option<u16> {
        bytes.get(offset..)?.first_chunk().map(|chunk| self.u16(*chunk))
    }
}

/// The length of a block as a number to index with, if it is within the bound.
fn bounded(length: u32) -> Result<usize, CaptureFault> {
    usize::try_from(length)
        .ok()
        .filter(|length| *length <= BLOCK_BYTES_MAX)
        .ok_or(CaptureFault::BlockOverBound(u64::from(length)))
}

#[cfg(test)]
mod tests;
