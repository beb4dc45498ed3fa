//! The measurements. Each takes the subjects in turn, round by round, and adds to their figures; what the
//! figures should be is known to `report`.

mod bulk;
mod connect;
mod echo;
mod flooder;
mod interrupt;
mod memory;
mod orphans;

pub(crate) use bulk::{bulk, tiny_frames};
pub(crate) use connect::connect;
pub(crate) use echo::{echo_idle, echo_under_flood};
pub(crate) use interrupt::interrupt;
pub(crate) use memory::memory;
pub(crate) use orphans::orphans;

use crate::stats::Samples;
use crate::subject::Subject;
use serde::Serialize;

/// How many samples are taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    /// Keys, idle.
    pub echo_keys: usize,
    /// Keys beside a flood, for each round.
    pub flood_keys: usize,
    /// Rounds of what takes seconds.
    pub rounds: usize,
    /// Bytes of a bulk transfer.
    pub bulk_bytes: u64,
    /// Connections.
    pub connects: usize,
    /// Ctrl-C with a fast viewer, for each subject.
    pub interrupts: usize,
    /// Ctrl-C with a slow viewer: of those that answer in a tenth of a second, and of the others.
    pub slow_interrupts: (usize, usize),
    /// Sessions at once for the memory of one: through the hub, and through the peer.
    pub memory_sessions: (usize, usize),
}

impl Scale {
    /// Some ten minutes, or one.
    pub(crate) fn new(quick: bool) -> Self {
        if quick {
            Self {
                echo_keys: 200,
                flood_keys: 60,
                rounds: 1,
                bulk_bytes: 50_000_000,
                connects: 20,
                interrupts: 8,
                slow_interrupts: (8, 1),
                memory_sessions: (20, 5),
            }
        } else {
            Self {
                echo_keys: 2000,
                flood_keys: 350,
                rounds: 3,
                bulk_bytes: 200_000_000,
                connects: 100,
                interrupts: 30,
                slow_interrupts: (30, 4),
                memory_sessions: (200, 10),
            }
        }
    }
}

/// What was measured of one subject.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Figures {
    /// Key to its echo.
    pub echo_idle: Samples,
    /// The same while another session floods.
    pub echo_flood: Samples,
    /// Megabytes a second of long lines, each round.
    pub bulk_mb_s: Vec<f64>,
    /// CPU seconds of the serving process for them.
    pub bulk_cpu_s: Vec<f64>,
    /// CPU seconds of the whole machine for them.
    pub bulk_machine_s: Vec<f64>,
    /// Megabytes a second of tiny frames.
    pub tiny_mb_s: Vec<f64>,
    /// CPU seconds of the serving process for a megabyte of them.
    pub tiny_cpu_s_per_mb: Vec<f64>,
    /// Ctrl-C to the prompt, viewer at full speed.
    pub interrupt_fast: Samples,
    /// The same with a viewer of 2 MB/s.
    pub interrupt_slow: Samples,
    /// Click to prompt.
    pub connect: Samples,
    /// Bytes of memory that a session adds to the serving process, its own alone.
    pub memory_private: Option<u64>,
    /// The same, with its share of shared pages.
    pub memory_pss: Option<u64>,
    /// Processes left in the Pod after sockets were cut.
    pub orphans: Option<usize>,
    /// Bytes that the viewer was spared.
    pub skipped_bytes: u64,
}

/// The figures of all subjects.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct AllFigures {
    /// The API server alone.
    pub direct: Figures,
    /// The hub.
    pub hub: Figures,
    /// The peer.
    pub peer: Figures,
}

impl AllFigures {
    /// Those of one.
    pub(crate) fn of(&mut self, subject: Subject) -> &mut Figures {
        match subject {
            Subject::Direct => &mut self.direct,
            Subject::Hub => &mut self.hub,
            Subject::Peer => &mut self.peer,
        }
    }
}
