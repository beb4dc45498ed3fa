//! Appending records that stand alone: all that wait share one commit.
//! Records that belong to an act are written in that act's own transaction instead.
//!
//! Denials come in floods, and a commit that waits for the disk takes a millisecond; one at a time an attacker
//! would hold the writer busy. While one batch is on its way to the disk, the next gathers.

use super::act::Act;
use super::entry::AuditEntry;
use super::mark::Mark;
use crate::database::{Database, Pending};
use crate::vault::Vault;
use crate::{Result, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::error::SendTimeoutError;
use tokio::sync::{mpsc, oneshot};

/// Records in one commit; bounds how long the writer is held (about 10 ms).
const BATCH_MAX: usize = 128;
/// Records that wait for the batch under way: two batches, so that whoever hands one in while the database is
/// locked has an answer after three times its timeout. Each is at most about 30 KiB.
const WAITING_MAX: usize = 2 * BATCH_MAX;
/// How long a caller waits to hand a record in when so many wait already.
const PATIENCE: Duration = Duration::from_secs(10);

struct Waiting {
    entry: AuditEntry,
    done: oneshot::Sender<Result<u64>>,
}

/// The way into the log for single records. The task behind it ends when this is dropped.
pub(crate) struct AuditQueue {
    waiting: mpsc::Sender<Waiting>,
}

impl AuditQueue {
    pub(crate) fn start(database: Database, vault: Arc<Vault>, mark: Arc<Mark>) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        tokio::spawn(write_batches(database, vault, mark, receiver));
        Self { waiting: sender }
    }

    /// Returns once the record is durable.
    pub(crate) fn append(&self, entry: AuditEntry) -> Pending<'_, u64> {
        Box::pin(async move {
            let (done, written) = oneshot::channel();
            let waiting = Waiting { entry, done };
            self.waiting.send_timeout(waiting, PATIENCE).await.map_err(|error| match error {
                SendTimeoutError::Timeout(_) => StoreError::Busy(None),
                SendTimeoutError::Closed(_) => StoreError::closed(),
            })?;
            written.await.map_err(|_| StoreError::closed())?
        })
    }
}

async fn write_batches(
    database: Database,
    vault: Arc<Vault>,
    mark: Arc<Mark>,
    mut receiver: mpsc::Receiver<Waiting>,
) {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    while receiver.recv_many(&mut batch, BATCH_MAX).await > 0 {
        match write(&database, &vault, &mark, &batch).await {
            Ok(numbers) => {
                for (waiting, seq) in batch.drain(..).zip(numbers) {
                    // Whoever asked may have gone; the record stays.
                    waiting.done.send(Ok(seq)).ok();
                }
            }
            // None was written. No record is refused for what it says, so that the cause is common to all.
            Err(error) => {
                for waiting in batch.drain(..) {
                    waiting.done.send(Err(error.retold())).ok();
                }
            }
        }
    }
}

async fn write(
    database: &Database,
    vault: &Arc<Vault>,
    mark: &Arc<Mark>,
    batch: &[Waiting],
) -> Result<Vec<u64>> {
    let mut act = Act::begin(database, vault, mark, None).await?;
    let mut numbers = Vec::with_capacity(batch.len());
    for waiting in batch {
        numbers.push(act.record(&waiting.entry).await?);
    }
    act.commit().await?;
    Ok(numbers)
}
