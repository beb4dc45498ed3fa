//! The link layer: what stands between the first byte of a packet and its IP header.
//! It knows link types and VLAN tags; IP itself is [`crate::ip`]'s.
//!
//! Formats: IEEE 802.3 and 802.1Q, and LINKTYPE_* of the tcpdump group.
//!
//! Hostile input: at most [`TAGS_MAX`] VLAN tags are stripped; everything is read through checked cursors.

use crate::bytes::Cursor;
use crate::skip::Skip;

/// Provider networks stack two; more than this is somebody playing.
const TAGS_MAX: usize = 4;
const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;

/// How the packets of an interface begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkType {
    /// BSD loopback: the address family in the capturing host's order.
    Null,
    /// Ethernet.
    Ethernet,
    /// No link layer: IPv4 or IPv6 by the first nibble.
    Raw,
    /// OpenBSD loopback: the address family in network order.
    Loop,
    /// Linux "cooked" capture.
    LinuxSll,
    /// Linux "cooked" capture, version 2.
    LinuxSll2,
    /// Any other, by its number.
    Other(u32),
}

impl LinkType {
    /// The link type that a capture file's number stands for.
    pub fn of_number(number: u32) -> Self {
        match number {
            0 => Self::Null,
            1 => Self::Ethernet,
            12 | 14 | 101 | 228 | 229 => Self::Raw,
            108 => Self::Loop,
            113 => Self::LinuxSll,
            276 => Self::LinuxSll2,
            other => Self::Other(other),
        }
    }

    /// The number of this link type in a capture file.
    pub fn number(self) -> u32 {
        match self {
            Self::Null => 0,
            Self::Ethernet => 1,
            Self::Raw => 101,
            Self::Loop => 108,
            Self::LinuxSll => 113,
            Self::LinuxSll2 => 276,
            Self::Other(number) => number,
        }
    }

    /// Strips the link layer and gives what follows if it is IP.
    pub(crate) fn strip(self, packet: &[u8]) -> Result<&[u8], Skip> {
        let mut cursor = Cursor::new(packet);
        let ethertype = match self {
            Self::Raw => return Ok(packet),
            Self::Null | Self::Loop => {
                // 2 is IPv4 everywhere; IPv6 has a number of its own on each system. The IP header's
                // version says the same without guessing the byte order.
                cursor.take(4).ok_or(Skip::Malformed)?;
                return Ok(cursor.rest());
            }
            Self::Ethernet => {
                cursor.take(12).ok_or(Skip::Malformed)?;
                cursor.u16()
            }
            Self::LinuxSll => {
                cursor.take(14).ok_or(Skip::Malformed)?;
                cursor.u16()
            }
            Self::LinuxSll2 => {
                let ethertype = cursor.u16();
                cursor.take(18).ok_or(Skip::Malformed)?;
                ethertype
            }
            Self::Other(_) => return Err(Skip::LinkUnknown),
        };
        let mut ethertype = ethertype.ok_or(Skip::Malformed)?;
        for _ in 0..TAGS_MAX {
            match ethertype {
                ETHERTYPE_IPV4 | ETHERTYPE_IPV6 => return Ok(cursor.rest()),
                // 802.1Q, 802.1ad and the old double tag.
                0x8100 | 0x88a8 | 0x9100 => {
                    cursor.take(2).ok_or(Skip::Malformed)?;
                    ethertype = cursor.u16().ok_or(Skip::Malformed)?;
                }
                _ => break,
            }
        }
        match ethertype {
            ETHERTYPE_IPV4 | ETHERTYPE_IPV6 => Ok(cursor.rest()),
            _ => Err(Skip::NotIp),
        }
    }
}
