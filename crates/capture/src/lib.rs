//! Packets and TLS keys of this machine as they come: packets from a ring that the kernel fills, keys from
//! unmodified Go programs by eBPF and from key logs that grow.
//! What packets mean, and what of them may be shown, it does not know; that is `wire`'s. In the programs it looks at
//! nothing changes but breakpoints, which go with the capture.
//!
//! All `unsafe` of the project stands here, in two modules: [`system`] (system calls) and [`mapping`] (memory
//! shared with the kernel). The kernel is trusted; programs, key logs and packets are not.

#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod golang;
mod key_log;
mod mapping;
mod packets;
mod probes;
mod processes;
mod system;

pub use key_log::{KeyLogFault, KeyLogTail, LINE_BYTES_MAX};
pub use packets::filter::PORTS_MAX;
pub use packets::{Block, PacketFault, PacketRing, RING_BLOCKS, RING_BYTES, SNAP_BYTES};
pub use probes::{KeyProbes, ProbeCounts, ProbeFault, Probed, TlsKey};
pub use processes::{Target, TargetFault};
pub use system::{Way, wait};
