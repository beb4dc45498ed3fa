//! The pcapng format: sections of blocks, with several interfaces and secrets among the packets.
//! A new section may change the byte order and forgets the interfaces of the last.
//!
//! Hostile input: see [`super`]; a block's two lengths must agree, unknown blocks are structure.

use super::{CaptureFault, INTERFACES_MAX, Item, Order, Packet, Progress, bounded};
use crate::link::LinkType;

pub(super) const SECTION_HEADER: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
pub(super) const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
pub(super) const INTERFACE_DESCRIPTION: u32 = 1;
const PACKET_OBSOLETE: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const INTERFACE_STATISTICS: u32 = 5;
pub(super) const ENHANCED_PACKET: u32 = 6;
pub(super) const DECRYPTION_SECRETS: u32 = 10;
/// "TLSK": the secrets are an NSS key log.
pub(super) const TLS_KEY_LOG: u32 = 0x544c_534b;
pub(super) const OPTION_TIMESTAMP_RESOLUTION: u16 = 9;
const OPTION_TIMESTAMP_OFFSET: u16 = 14;
const OPTION_DROPPED: u16 = 5;

/// Where a reader stands in a pcapng file.
#[derive(Debug)]
pub(super) struct Pcapng {
    order: Order,
    interfaces: Vec<Interface>,
}

#[derive(Debug, Clone, Copy)]
struct Interface {
    link: LinkType,
    ticks: Ticks,
    offset_s: u64,
    snap_length: u32,
    dropped: u64,
}

/// How many ticks of an interface's clock make a second.
#[derive(Debug, Clone, Copy)]
struct Ticks(u64);

impl Default for Pcapng {
    fn default() -> Self {
        Self { order: Order::Little, interfaces: Vec::new() }
    }
}

impl Pcapng {
    pub(super) fn read<'a>(&mut self, input: &'a [u8]) -> Result<Progress<'a>, CaptureFault> {
        let Some(head) = input.first_chunk::<12>() else { return Ok(Progress::Wants(12)) };
        let is_section = head.starts_with(&SECTION_HEADER);
        if is_section {
            self.order = [Order::Big, Order::Little]
                .into_iter()
                .find(|order| order.u32_at(head, 8) == Some(BYTE_ORDER_MAGIC))
                .ok_or(CaptureFault::BlockMalformed)?;
            self.interfaces.clear();
        }
        let kind = self.order.u32_at(head, 0).unwrap_or(0);
        let consumed = bounded(self.order.u32_at(head, 4).unwrap_or(0))?;
        if consumed < 12 || !consumed.is_multiple_of(4) {
            return Err(CaptureFault::BlockMalformed);
        }
        let Some(block) = input.get(..consumed) else { return Ok(Progress::Wants(consumed)) };
        if block.get(4..8) != block.get(consumed - 4..) {
            return Err(CaptureFault::BlockMalformed);
        }
        let body = block.get(8..consumed - 4).unwrap_or_default();
        let item = if is_section { Item::Structure } else { self.block(kind, body)? };
        Ok(Progress::Item { consumed, item })
    }

    fn block<'a>(&mut self, kind: u32, body: &'a [u8]) -> Result<Item<'a>, CaptureFault> {
        let u32_at = |offset| self.order.u32_at(body, offset).ok_or(CaptureFault::BlockMalformed);
        match kind {
            INTERFACE_DESCRIPTION => {
                let interface = self.interface(body).ok_or(CaptureFault::BlockMalformed)?;
                if self.interfaces.len() >= INTERFACES_MAX {
                    return Err(CaptureFault::InterfacesOverBound);
                }
                self.interfaces.push(interface);
                Ok(Item::Structure)
            }
            ENHANCED_PACKET => {
                let ticks = (u64::from(u32_at(4)?) << 32) | u64::from(u32_at(8)?);
                self.packet(u32_at(0)?, ticks, u32_at(12)?, u32_at(16)?, body.get(20..))
            }
            PACKET_OBSOLETE => {
                let interface = self.order.u16_at(body, 0).ok_or(CaptureFault::BlockMalformed)?;
                let ticks = (u64::from(u32_at(4)?) << 32) | u64::from(u32_at(8)?);
                self.packet(u32::from(interface), ticks, u32_at(12)?, u32_at(16)?, body.get(20..))
            }
            SIMPLE_PACKET => {
                let length = u32_at(0)?;
                let snap = match self.interfaces.first() {
                    Some(interface) if interface.snap_length > 0 => interface.snap_length,
                    _ => u32::MAX,
                };
                self.packet(0, 0, length.min(snap), length, body.get(4..))
            }
            DECRYPTION_SECRETS if u32_at(0)? == TLS_KEY_LOG => {
                let length = bounded(u32_at(4)?)?;
                let text = body.get(8..).and_then(|rest| rest.get(..length));
                text.map(Item::Keys).ok_or(CaptureFault::BlockMalformed)
            }
            INTERFACE_STATISTICS => Ok(self.statistics(body).unwrap_or(Item::Structure)),
            _ => Ok(Item::Structure),
        }
    }

    fn packet<'a>(
        &self,
        interface: u32,
        ticks: u64,
        kept: u32,
        length: u32,
        rest: Option<&'a [u8]>,
    ) -> Result<Item<'a>, CaptureFault> {
        let known = usize::try_from(interface).ok().and_then(|index| self.interfaces.get(index));
        let known = known.ok_or(CaptureFault::InterfaceUnknown(interface))?;
        let data = rest.and_then(|rest| rest.get(..bounded(kept).ok()?));
        Ok(Item::Packet(Packet {
            time_ns: known.time_ns(ticks),
            link: known.link,
            data: data.ok_or(CaptureFault::BlockMalformed)?,
            length,
        }))
    }

    fn interface(&self, body: &[u8]) -> Option<Interface> {
        let link = self.order.u16_at(body, 0)?;
        let mut interface = Interface {
            link: LinkType::of_number(u32::from(link)),
            ticks: Ticks(1_000_000),
            offset_s: 0,
            snap_length: self.order.u32_at(body, 4)?,
            dropped: 0,
        };
        self.options(body.get(8..)?, |code, value| match (code, value) {
            (OPTION_TIMESTAMP_RESOLUTION, [resolution, ..]) => {
                interface.ticks = Ticks::of_resolution(*resolution);
            }
            (OPTION_TIMESTAMP_OFFSET, value) => {
                interface.offset_s = self.u64_of(value).unwrap_or(0);
            }
            _ => {}
        });
        Some(interface)
    }

    /// The writer's count of drops is a running total of an interface; told on is what it grew by.
    fn statistics<'a>(&mut self, body: &[u8]) -> Option<Item<'a>> {
        let index = usize::try_from(self.order.u32_at(body, 0)?).ok()?;
        let mut dropped = None;
        self.options(body.get(12..)?, |code, value| {
            if code == OPTION_DROPPED {
                dropped = self.u64_of(value);
            }
        });
        let interface = self.interfaces.get_mut(index)?;
        let grown = dropped?.saturating_sub(interface.dropped);
        interface.dropped += grown;
        Some(Item::Dropped(grown))
    }

    fn u64_of(&self, value: &[u8]) -> Option<u64> {
        let (first, second) = (self.order.u32_at(value, 0)?, self.order.u32_at(value, 4)?);
        let (high, low) = match self.order {
            Order::Big => (first, second),
            Order::Little => (second, first),
        };
        Some((u64::from(high) << 32) | u64::from(low))
    }

    fn options(&self, mut rest: &[u8], mut each: impl FnMut(u16, &[u8])) {
        while let (Some(code), Some(length)) =
            (self.order.u16_at(rest, 0), self.order.u16_at(rest, 2))
        {
            let length = usize::from(length);
            let Some(value) = rest.get(4..4 + length) else { return };
            if code == 0 {
                return;
            }
            each(code, value);
            rest = rest.get(4 + length.next_multiple_of(4)..).unwrap_or_default();
        }
    }
}

impl Interface {
    fn time_ns(&self, ticks: u64) -> u64 {
        let whole_s = (ticks / self.ticks.0).saturating_add(self.offset_s);
        let part = u128::from(ticks % self.ticks.0) * 1_000_000_000 / u128::from(self.ticks.0);
        whole_s.saturating_mul(1_000_000_000).saturating_add(u64::try_from(part).unwrap_or(0))
    }
}

impl Ticks {
    /// Powers of ten, or of two with the highest bit set. What no clock has falls back to microseconds.
    fn of_resolution(resolution: u8) -> Self {
        let exponent = u32::from(resolution & 0x7f);
        let base: u64 = if resolution & 0x80 == 0 { 10 } else { 2 };
        Self(base.checked_pow(exponent).unwrap_or(1_000_000))
    }
}
