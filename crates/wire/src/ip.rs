//! IPv4 and IPv6: from a packet to a datagram's addresses, protocol and payload.
//! Fragments are named here and put together in [`fragments`]; what is in the payload is not looked at.
//!
//! Specifications: RFC 791, RFC 8200. Checksums are not verified, because network cards fill them in after
//! the capture.
//!
//! Hostile input: at most [`EXTENSIONS_MAX`] extension headers are followed; lengths that contradict the
//! capture are cut to what is there, and what is missing becomes a gap of TCP's.

pub(crate) mod fragments;

use crate::bytes::Cursor;
use crate::skip::Skip;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// RFC 8200 lists six kinds, each of which should occur once (destination options twice).
const EXTENSIONS_MAX: usize = 8;
pub(crate) const TCP: u8 = 6;

/// A datagram, or a fragment of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Datagram<'a> {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) protocol: u8,
    pub(crate) payload: &'a [u8],
    pub(crate) fragment: Option<Fragment>,
}

/// Which part of a fragmented datagram this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fragment {
    pub(crate) identification: u32,
    pub(crate) offset: usize,
    pub(crate) more: bool,
}

/// Reads the IP header of a packet.
pub(crate) fn parse(packet: &[u8]) -> Result<Datagram<'_>, Skip> {
    match packet.first().map(|byte| byte >> 4) {
        Some(4) => ipv4(packet).ok_or(Skip::Malformed),
        Some(6) => ipv6(packet).ok_or(Skip::Malformed),
        _ => Err(Skip::NotIp),
    }
}

fn ipv4(packet: &[u8]) -> Option<Datagram<'_>> {
    let mut header = Cursor::new(packet);
    let header_bytes = usize::from(header.u8()? & 0x0f) * 4;
    header.u8()?;
    let total = usize::from(header.u16()?);
    let identification = u32::from(header.u16()?);
    let flags = header.u16()?;
    header.u8()?;
    let protocol = header.u8()?;
    header.u16()?;
    let source = IpAddr::V4(Ipv4Addr::from(header.array::<4>()?));
    let destination = IpAddr::V4(Ipv4Addr::from(header.array::<4>()?));
    if header_bytes < 20 {
        return None;
    }
    // Segments joined by the network card (TSO) leave the length 0: then the packet is the length.
    let end = if total == 0 { packet.len() } else { total.min(packet.len()) };
    let payload = packet.get(header_bytes..end)?;
    let (offset, more) = (usize::from(flags & 0x1fff) * 8, flags & 0x2000 != 0);
    let fragment = (offset > 0 || more).then_some(Fragment { identification, offset, more });
    Some(Datagram { source, destination, protocol, payload, fragment })
}

fn ipv6(packet: &[u8]) -> Option<Datagram<'_>> {
    let mut header = Cursor::new(packet);
    header.u32()?;
    let length = usize::from(header.u16()?);
    let mut next = header.u8()?;
    header.u8()?;
    let source = IpAddr::V6(Ipv6Addr::from(header.array::<16>()?));
    let destination = IpAddr::V6(Ipv6Addr::from(header.array::<16>()?));
    let mut rest = header.rest();
    if length > 0 {
        rest = rest.get(..length.min(rest.len()))?;
    }
    let mut fragment = None;
    for _ in 0..EXTENSIONS_MAX {
        let mut extension = Cursor::new(rest);
        match next {
            // Hop-by-hop, routing, destination options, mobility.
            0 | 43 | 60 | 135 => {
                next = extension.u8()?;
                let more = usize::from(extension.u8()?) * 8 + 6;
                extension.take(more)?;
            }
            // Authentication header, counted in words of four.
            51 => {
                next = extension.u8()?;
                let more = usize::from(extension.u8()?) * 4 + 6;
                extension.take(more)?;
            }
            44 => {
                next = extension.u8()?;
                extension.u8()?;
                let place = extension.u16()?;
                let identification = extension.u32()?;
                let (offset, more) = (usize::from(place & !7), place & 1 != 0);
                if offset > 0 || more {
                    fragment = Some(Fragment { identification, offset, more });
                }
            }
            _ => break,
        }
        rest = extension.rest();
        // What follows a later fragment's header is data, not another extension.
        if fragment.is_some_and(|fragment| fragment.offset > 0) {
            break;
        }
    }
    Some(Datagram { source, destination, protocol: next, payload: rest, fragment })
}
