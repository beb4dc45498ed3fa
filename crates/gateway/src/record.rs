//! The record of requests: a place in it is taken before a request goes on, and filled when its answer is known.
//! What a row means is known to `store`.
//!
//! Places are bounded by [`WAITING_MAX`]. When the database cannot keep up, requests wait for a place, and after
//! [`PATIENCE`] they are refused: none goes through that could not be written down. Rows are written in batches
//! a moment after their answers; a hub that is killed loses the last of them.
//!
//! Hostile input: anybody can send requests. Those that end before their sender is known leave a row only while
//! their network is within the bound of [`Failures`], whatever they were answered.

use crate::failures::Failures;
use crate::figures;
use crate::status::Refusal;
use model::{HubId, RequestId, Timestamp};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{GatewayRequest, Store};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wire::Call;

/// Rows in one statement: a few milliseconds.
const BATCH_MAX: usize = 512;
/// Requests under way and rows not yet written. A row is at most about 8 KiB, so this is at most 64 MiB; at
/// 2,000 requests a second it is four seconds of a database that does not answer.
pub(crate) const WAITING_MAX: usize = 8192;
/// How long rows gather: the price is what a killed hub loses, the gain is one commit for a hundred requests.
const GATHERING: Duration = Duration::from_millis(50);
/// How long a request waits for a place.
const PATIENCE: Duration = Duration::from_secs(5);
/// The pause after a batch that could not be written.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// What the row says if the sender left first, as other proxies write it.
const LEFT: u16 = 499;

/// The way into the record.
pub(crate) struct Records {
    rows: mpsc::Sender<GatewayRequest>,
    writing: TaskTracker,
    closing: CancellationToken,
    hub: HubId,
    /// Requests of nobody known, of each network.
    strangers: Arc<Failures>,
}

/// A request's place in the record. Dropped without an answer, it says that the sender left; one of too many
/// strangers' leaves no row.
pub(crate) struct Entry {
    place: Option<mpsc::OwnedPermit<GatewayRequest>>,
    row: Option<GatewayRequest>,
    begun: Instant,
    network: String,
    strangers: Arc<Failures>,
}

impl Records {
    /// Begins to write.
    pub(crate) fn start(store: Store) -> Self {
        let (rows, received) = mpsc::channel(WAITING_MAX);
        let (writing, closing) = (TaskTracker::new(), CancellationToken::new());
        let hub = store.hub().clone();
        writing.spawn(write(store, received, closing.clone()));
        writing.close();
        Self { rows, writing, closing, hub, strangers: Arc::default() }
    }

    /// Takes a place for a request.
    pub(crate) async fn begin(
        &self,
        id: RequestId,
        at: Timestamp,
        source: String,
        network: String,
    ) -> Result<Entry, Refusal> {
        let refused = || Refusal::unavailable("the request cannot be recorded; try again later");
        let place = match self.rows.clone().try_reserve_owned() {
            Ok(place) => place,
            Err(TrySendError::Full(rows)) => {
                metrics::counter!(figures::WAITED).increment(1);
                let waited = tokio::time::timeout(PATIENCE, rows.reserve_owned()).await;
                waited.map_err(|_| refused())?.map_err(|_| refused())?
            }
            Err(TrySendError::Closed(_)) => return Err(refused()),
        };
        let row = GatewayRequest {
            id,
            at,
            hub: self.hub.clone(),
            cluster: String::new(),
            source,
            user_name: None,
            method: None,
            acting_as: None,
            verb: String::new(),
            api_group: None,
            resource: None,
            subresource: None,
            namespace: None,
            name: None,
            path: String::new(),
            status: LEFT,
            latency_us: 0,
        };
        let strangers = Arc::clone(&self.strangers);
        Ok(Entry { place: Some(place), row: Some(row), begun: Instant::now(), network, strangers })
    }

    /// Writes what is there, and ends.
    pub(crate) async fn drained(&self) {
        self.closing.cancel();
        self.writing.wait().await;
    }
}

impl Entry {
    /// Says what is asked for.
    pub(crate) fn asked(&mut self, cluster: &str, call: &Call, path: &str) {
        if let Some(row) = &mut self.row {
            row.cluster = cluster.to_owned();
            row.verb = call.verb.clone().unwrap_or_default();
            row.api_group.clone_from(&call.group);
            row.resource.clone_from(&call.resource);
            row.subresource.clone_from(&call.subresource);
            row.namespace.clone_from(&call.namespace);
            row.name.clone_from(&call.name);
            row.path = path.chars().take(1024).collect();
        }
    }

    /// Says who asks.
    pub(crate) fn sent_by(&mut self, user: &str, method: &str) {
        if let Some(row) = &mut self.row {
            (row.user_name, row.method) = (Some(user.to_owned()), Some(method.to_owned()));
        }
    }

    /// Says as whom they wish to act.
    pub(crate) fn as_other(&mut self, user: &str) {
        if let Some(row) = &mut self.row {
            row.acting_as = Some(user.to_owned());
        }
    }

    /// Says what was answered; the row goes its way.
    pub(crate) fn answered(mut self, status: u16) -> Duration {
        if let Some(row) = &mut self.row {
            row.status = status;
        }
        self.begun.elapsed()
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let (Some(place), Some(mut row)) = (self.place.take(), self.row.take()) {
            if row.user_name.is_none() && !self.strangers.count(&self.network, Instant::now()) {
                return;
            }
            row.latency_us = u32::try_from(self.begun.elapsed().as_micros()).unwrap_or(u32::MAX);
            place.send(row);
        }
    }
}

async fn write(store: Store, mut rows: mpsc::Receiver<GatewayRequest>, closing: CancellationToken) {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    loop {
        let received = tokio::select! {
            received = rows.recv_many(&mut batch, BATCH_MAX) => received,
            () = closing.cancelled(), if !rows.is_closed() => {
                rows.close();
                continue;
            }
        };
        if received == 0 {
            return;
        }
        if !closing.is_cancelled() && batch.len() < BATCH_MAX {
            tokio::time::sleep(GATHERING).await;
            while batch.len() < BATCH_MAX
                && let Ok(row) = rows.try_recv()
            {
                batch.push(row);
            }
        }
        let mut pause = Duration::from_millis(200);
        loop {
            let Err(error) = store.record_gateway_requests(&batch).await else { break };
            if closing.is_cancelled() {
                tracing::error!(%error, lost = batch.len(), "requests could not be recorded");
                break;
            }
            tracing::error!(
                %error,
                rows = batch.len(),
                "requests cannot be recorded; it is tried again, and new ones wait"
            );
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
        batch.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::{GatewayRequestFilter, StoreLocation, VaultKey};

    const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

    async fn open(directory: &tempfile::TempDir) -> Store {
        let location = StoreLocation::Sqlite { directory: directory.path().to_owned() };
        let hub = HubId::from_random([1; 16]);
        Store::open(&location, VaultKey::new([7; 32]), hub, NOW).await.unwrap()
    }

    async fn begin(records: &Records, id: u8) -> Entry {
        let id = RequestId::from_random([id; 16]);
        let address = || "192.0.2.1".to_owned();
        records.begin(id, NOW, address(), address()).await.unwrap()
    }

    #[tokio::test]
    async fn every_request_leaves_a_row() {
        let directory = tempfile::tempdir().unwrap();
        let store = open(&directory).await;
        let records = Records::start(store.clone());
        let mut answered = begin(&records, 1).await;
        let call = Call::parse(Some("GET"), Some("/api/v1/namespaces/web/pods/a/log?follow=true"));
        answered.asked("demo", &call, "/clusters/demo/api/v1/namespaces/web/pods/a/log");
        answered.sent_by("alice", "token_file");
        answered.answered(200);
        drop(begin(&records, 2).await);
        records.drained().await;
        let filter = GatewayRequestFilter { limit: 10, ..GatewayRequestFilter::default() };
        let rows = store.gateway_requests(&filter).await.unwrap();
        let mut statuses: Vec<u16> = rows.iter().map(|row| row.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, LEFT]);
        let row = rows.iter().find(|row| row.status == 200).unwrap();
        assert_eq!(row.user_name.as_deref(), Some("alice"));
        assert_eq!((row.verb.as_str(), row.subresource.as_deref()), ("get", Some("log")));
        let id = RequestId::from_random([4; 16]);
        let late = records.begin(id, NOW, String::new(), String::new()).await;
        assert!(late.is_err(), "nothing goes through that is not written down any more");
    }

    #[tokio::test]
    async fn what_cannot_be_written_down_does_not_go_through() {
        let directory = tempfile::tempdir().unwrap();
        let store = open(&directory).await;
        let records = Records::start(store.clone());
        store.close().await;
        // The writer takes a few batches off the queue, then holds on to one that it cannot write.
        let mut let_in = 0_usize;
        tokio::time::pause();
        let id = || RequestId::from_random([1; 16]);
        while let Ok(mut entry) = records.begin(id(), NOW, String::new(), String::new()).await {
            entry.sent_by("alice", "token_file");
            entry.answered(200);
            let_in += 1;
            assert!(let_in <= WAITING_MAX + 2 * BATCH_MAX, "there is a bound");
        }
        assert!(let_in >= WAITING_MAX);
    }
}
