//! The agent on a node: it captures, decrypts, redacts and decodes where the packets are, and sends rows to a hub.
//! What it may see is its capabilities' to say, and what the hub does with rows, the hub's. No key and nothing that
//! was not redacted leaves it: what is spooled and sent is made of `wire`'s units alone.
//!
//! States: the spool is opened and locked; what an earlier run left in it goes first; then what is captured follows, in
//! the order in which it was heard. When it is asked to end, the capture ends, its last batch is spooled, and the hub has
//! [`FAREWELL`] to take what it can; the rest stays for the next run.
//! Bounds: the spool's bytes; when they are used up the oldest batch goes, and its units are counted as lost. If the
//! spool cannot be written, units are counted as lost and the capture goes on.

mod batch;
mod gathering;
mod sending;
mod spool;

pub use batch::AgentName;
pub(crate) use batch::{AgentStatus, BATCH_BYTES_MAX, Batch, BatchFault, STATUS_BYTES_MAX};
pub use sending::HubDoor;
pub use spool::SpoolFault;

use crate::live::{self, LiveFault, Tap};
use crate::rows::CONTENT_BYTES_MAX;
use gathering::Gatherer;
use sending::Courier;
use spool::Spool;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use wire::{Decoder, Limits, Redactor};

/// Time for the hub to take the last batches when the agent is stopped; below what a supervisor waits.
const FAREWELL: Duration = Duration::from_secs(5);

/// What an agent does.
#[derive(Debug)]
pub struct AgentJob {
    /// What is captured.
    pub tap: Tap,
    /// For whom the agent speaks, as its certificate says.
    pub name: AgentName,
    /// This run: no other of this agent has the same, and a later one sorts behind.
    pub stream: String,
    /// The directory of what the hub has not taken yet.
    pub spool: PathBuf,
    /// The most bytes of it.
    pub spool_bytes_max: u64,
    /// The key of redaction: with the same key the same secrets get the same replacement.
    pub redaction_key: [u8; 32],
}

/// Why an agent ended.
#[derive(Debug, thiserror::Error)]
pub enum AgentFault {
    /// Nothing (more) can be captured.
    #[error(transparent)]
    Capture(#[from] LiveFault),
    /// There is no spool.
    #[error(transparent)]
    Spool(#[from] SpoolFault),
    /// A thread of it was lost.
    #[error("a part of the agent ended by itself")]
    Lost(#[from] tokio::task::JoinError),
}

/// What the capture's thread and the courier share.
#[derive(Debug)]
pub(crate) struct Shared {
    spool: Mutex<Spool>,
    status: Mutex<AgentStatus>,
    /// There is something to send.
    news: Notify,
}

impl Shared {
    fn spool(&self) -> MutexGuard<'_, Spool> {
        // Each change is made whole or told; what a panic left is what the disk has.
        self.spool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn status(&self) -> MutexGuard<'_, AgentStatus> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A name for a run that begins now: later ones sort behind earlier ones.
pub fn stream_name(now: model::Timestamp, random: [u8; 4]) -> String {
    format!("{:016x}{:08x}", now.as_micros().max(0), u32::from_be_bytes(random))
}

/// Captures and sends until it is told to stop.
pub async fn agent(job: AgentJob, hub: HubDoor, stop: CancellationToken) -> Result<(), AgentFault> {
    let spool = Spool::open(&job.spool, job.spool_bytes_max)?;
    let status = AgentStatus::new(&job, spool.bytes_max());
    let shared = Arc::new(Shared {
        spool: Mutex::new(spool),
        status: Mutex::new(status),
        news: Notify::new(),
    });
    let ended = CancellationToken::new();
    let courier = Courier::new(hub, Arc::clone(&shared), ended.clone());
    let sending = tokio::spawn(courier.run(FAREWELL));
    let stopping = Arc::new(AtomicBool::new(false));
    let (ask, shared) = (Arc::clone(&stopping), Arc::clone(&shared));
    let mut capturing = tokio::task::spawn_blocking(move || capture(&job, &shared, &ask));
    let captured = tokio::select! {
        captured = &mut capturing => captured,
        () = stop.cancelled() => {
            stopping.store(true, Ordering::Relaxed);
            capturing.await
        }
    };
    ended.cancel();
    sending.await?;
    Ok(captured??)
}

fn capture(job: &AgentJob, shared: &Shared, stop: &AtomicBool) -> Result<(), LiveFault> {
    let limits = Limits { body_bytes_max: CONTENT_BYTES_MAX, ..Limits::default() };
    let mut decoder = Decoder::new(Redactor::new(&job.redaction_key), limits);
    let mut gatherer = Gatherer::new(job, shared);
    let heard = live::listen(
        &job.tap,
        &mut decoder,
        &mut None,
        None,
        &mut gatherer,
        &mut LogLines::default(),
        stop,
    );
    gatherer.spool();
    heard.map(drop)
}

/// What a capture tells beside its units, as lines of the log.
#[derive(Debug, Default)]
struct LogLines(Vec<u8>);

impl Write for LogLines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        while let Some(end) = self.0.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.0.drain(..=end).collect();
            tracing::info!("{}", String::from_utf8_lossy(&line).trim_end());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
