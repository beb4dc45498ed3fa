//! The classic pcap format: one head, then packets of one link type.
//! Timestamps become nanoseconds whichever of the two resolutions the file has.
//!
//! Hostile input: see [`super`].

use super::{CaptureFault, Item, Order, Packet, Progress, bounded};
use crate::link::LinkType;

pub(super) const HEAD_BYTES: usize = 24;
const PACKET_HEAD_BYTES: usize = 16;
const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;

/// What the head of a pcap file said.
#[derive(Debug)]
pub(super) struct Pcap {
    order: Order,
    nanoseconds: bool,
    link: LinkType,
}

impl Pcap {
    /// Whether a file that begins so is of this format.
    pub(super) fn knows(magic: [u8; 4]) -> bool {
        Self::of_magic(magic).is_some()
    }

    fn of_magic(magic: [u8; 4]) -> Option<(Order, bool)> {
        [Order::Big, Order::Little].into_iter().find_map(|order| match order.u32(magic) {
            MICROSECONDS => Some((order, false)),
            NANOSECONDS => Some((order, true)),
            _ => None,
        })
    }

    pub(super) fn of_head(head: &[u8; HEAD_BYTES]) -> Result<Self, CaptureFault> {
        let [a, b, c, d, ..] = *head;
        let (order, nanoseconds) = Self::of_magic([a, b, c, d])
            .ok_or(CaptureFault::NotACapture(u32::from_be_bytes([a, b, c, d])))?;
        let link = order.u32_at(head, 20).unwrap_or(u32::MAX);
        // The upper bits tell the length of a frame check sequence.
        Ok(Self { order, nanoseconds, link: LinkType::of_number(link & 0xffff) })
    }

    pub(super) fn read<'a>(&mut self, input: &'a [u8]) -> Result<Progress<'a>, CaptureFault> {
        let Some((head, rest)) = input.split_first_chunk::<PACKET_HEAD_BYTES>() else {
            return Ok(Progress::Wants(PACKET_HEAD_BYTES));
        };
        let field = |offset| self.order.u32_at(head, offset).unwrap_or(0);
        let kept = bounded(field(8))?;
        let Some(data) = rest.get(..kept) else {
            return Ok(Progress::Wants(PACKET_HEAD_BYTES + kept));
        };
        let fraction = u64::from(field(4)) * if self.nanoseconds { 1 } else { 1_000 };
        let time_ns = u64::from(field(0)) * 1_000_000_000 + fraction;
        let packet = Packet { time_ns, link: self.link, data, length: field(12) };
        Ok(Progress::Item { consumed: PACKET_HEAD_BYTES + kept, item: Item::Packet(packet) })
    }
}
