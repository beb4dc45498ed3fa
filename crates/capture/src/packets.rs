//! Packets as they pass: a ring of blocks that the kernel fills, with a filter that it runs itself.
//! What is in a packet it does not know; that is `wire`'s.
//!
//! Specification: the kernel's Documentation/networking/packet_mmap.rst, TPACKET_V3.
//! Limits: [`RING_BYTES`] wait to be read; what comes while the ring is full is dropped by the kernel and counted.
//! Of a packet [`SNAP_BYTES`] are kept: receive offload joins segments into packets of up to 64 KiB, and of twice
//! that and more where an administrator said so.
//! Cold start: the filter stands before the first packet is let in, so that nothing unasked for is ever read.

pub(crate) mod block;
pub(crate) mod filter;

use crate::mapping::Mapping;
use crate::system;
use filter::PORTS_MAX;
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::Ordering;
use wire::{LinkType, Packet};

/// What is kept of a packet.
pub const SNAP_BYTES: u32 = 256 * 1024;
/// A second of traffic at half a gigabit; below what anybody misses on a node.
pub const RING_BYTES: usize = (BLOCK_BYTES * RING_BLOCKS) as usize;
/// Holds a packet of the largest kind, and is small enough to be filled soon.
const BLOCK_BYTES: u32 = 1024 * 1024;
/// How many blocks the ring has.
pub const RING_BLOCKS: u32 = 64;
/// A block that is not full is handed over after this: the delay of a single packet on a silent link.
const RETIRE_MS: u32 = 10;
/// The loopback interface is the first of every network namespace (`LOOPBACK_IFINDEX`).
pub(crate) const LOOPBACK: u32 = 1;

const BLOCK_IS_OURS: u32 = 1;

/// Why packets cannot be captured.
#[derive(Debug, thiserror::Error)]
pub enum PacketFault {
    /// The capability is missing.
    #[error(
        "packets cannot be captured without CAP_NET_RAW: run this as root or give it that capability"
    )]
    NotPermitted,
    /// An interface that is not there.
    #[error("there is no interface `{name}` in this network namespace: `ip link` lists them")]
    NoInterface {
        /// Which.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// No port, or too many.
    #[error("packets of 1 to {PORTS_MAX} ports can be captured at once, not of {0}")]
    Ports(usize),
    /// The kernel refused.
    #[error("packets cannot be captured: {step}")]
    System {
        /// What was being done.
        step: &'static str,
        /// Why.
        source: io::Error,
    },
}

/// See the module.
#[derive(Debug)]
pub struct PacketRing {
    socket: OwnedFd,
    memory: Mapping,
    next: u32,
    block: Vec<u8>,
    dropped: u64,
}

/// Packets that the kernel handed over together.
#[derive(Debug)]
pub struct Block<'a>(&'a [u8]);

impl PacketRing {
    /// Begins to capture TCP packets of these ports, of one interface or of all.
    pub fn open(interface: Option<&str>, ports: &[u16]) -> Result<Self, PacketFault> {
        let filter = filter::tcp_ports(ports).ok_or(PacketFault::Ports(ports.len()))?;
        let interface = match interface {
            None => None,
            Some(name) => Some(number_of(name)?),
        };
        let socket = system::packet_socket().map_err(|source| match source.kind() {
            io::ErrorKind::PermissionDenied => PacketFault::NotPermitted,
            _ => PacketFault::System { step: "there is no packet socket", source },
        })?;
        let step = |step| move |source| PacketFault::System { step, source };
        system::set_packet_filter(socket.as_fd(), &filter)
            .map_err(step("the filter was refused"))?;
        system::make_packet_ring(socket.as_fd(), BLOCK_BYTES, RING_BLOCKS, RETIRE_MS)
            .map_err(step("there is no memory for the ring"))?;
        let memory = Mapping::new(socket.as_fd(), 0, RING_BYTES, true)
            .map_err(step("the ring cannot be mapped"))?;
        system::bind_packets(socket.as_fd(), interface)
            .map_err(step("the socket cannot be bound"))?;
        Ok(Self { socket, memory, next: 0, block: Vec::new(), dropped: 0 })
    }

    /// The next block, if the kernel has handed one over. It is copied and given back at once.
    pub fn next_block(&mut self) -> Option<Block<'_>> {
        let start = (self.next * BLOCK_BYTES) as usize;
        let status = self.memory.word(start + block::STATUS_AT)?;
        if status.load(Ordering::Acquire) & BLOCK_IS_OURS == 0 {
            return None;
        }
        let filled = self.memory.word(start + block::LENGTH_AT)?.load(Ordering::Relaxed);
        self.memory.copy(start, filled.min(BLOCK_BYTES) as usize, &mut self.block);
        status.store(0, Ordering::Release);
        self.next = (self.next + 1) % RING_BLOCKS;
        Some(Block(&self.block))
    }

    /// Packets dropped since the capture began, because the ring was full.
    pub fn dropped(&mut self) -> u64 {
        // The count starts again with each question; one that fails loses nothing.
        if let Ok(more) = system::packets_dropped(self.socket.as_fd()) {
            self.dropped += u64::from(more);
        }
        self.dropped
    }
}

impl AsFd for PacketRing {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl<'a> Block<'a> {
    /// Its packets, in the order in which they passed.
    pub fn packets(&self) -> impl Iterator<Item = Packet<'a>> + use<'a> {
        block::frames(self.0).map(|frame| Packet {
            time_ns: frame.time_ns,
            link: LinkType::Raw,
            data: frame.data,
            length: frame.length,
        })
    }
}

fn number_of(name: &str) -> Result<u32, PacketFault> {
    let found = CString::new(name).map_err(io::Error::from);
    found
        .and_then(|name| system::interface_number(&name))
        .map_err(|source| PacketFault::NoInterface { name: name.to_owned(), source })
}
