//! From a decoder's events to rows: gathered into batches, numbered by the store, joined to their requests.
//! It does not know where events come from, and takes them through a channel that holds back whoever decodes
//! faster than the store writes.
//!
//! A decoder counts units and connections from 1; the store counts those of all decoders, ever. So the numbers
//! in `request` and `connection` are translated: runs of units by what was stored when, connections until they
//! end.
//!
//! Bounds: [`EVENTS_MAX`] events wait; a batch has at most 512 units and about [`BATCH_BYTES_MAX`]; of a
//! decoder 65,536 runs and its open connections (its own bound) are remembered. What is forgotten leaves
//! `request` unknown.

use super::Traffic;
use crate::rows::{Asked, body, bytes_of, over, row};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;
use store::{Store, StoreError, TRAFFIC_BATCH_UNITS_MAX, TrafficRetention};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::Instrument as _;
use wire::{ConnectionReport, Event, Unit};

/// Events that wait for the store. Each may carry 512 KiB of content and a head of 1 MiB; with more, a slow disk would
/// cost memory.
const EVENTS_MAX: usize = 64;
/// How long a batch waits for more after its first event: as long as nobody notices.
const GATHER: Duration = Duration::from_millis(50);
const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;
const RUNS_MAX: usize = 65_536;
/// A store that is busy or away is asked again so often, with growing pauses: about 10 seconds in all.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(500);

/// What was stored of a decoder's events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stored {
    /// Units.
    pub units: u64,
    /// Connections that are over.
    pub connections: u64,
}

impl Traffic {
    /// Stores all that comes through the channel, until its last sender is gone. When the store fails for good,
    /// the channel closes early, and the task tells why.
    pub fn ingest(&self) -> (mpsc::Sender<Event>, JoinHandle<Result<Stored, StoreError>>) {
        let (sender, events) = mpsc::channel(EVENTS_MAX);
        let traffic = self.clone();
        let task = self.inner.tasks.spawn(traffic.store_all(events).in_current_span());
        (sender, task)
    }

    async fn store_all(self, mut events: mpsc::Receiver<Event>) -> Result<Stored, StoreError> {
        let mut source = Source::default();
        let mut stored = Stored::default();
        while let Some(batch) = gather(&mut events).await {
            let mut attempt = 0;
            let newest = loop {
                match source.store(&self.inner.api.store, &self.inner, &batch).await {
                    Ok(newest) => break newest,
                    Err(error @ (StoreError::Busy(_) | StoreError::Unavailable { .. }))
                        if attempt < ATTEMPTS =>
                    {
                        attempt += 1;
                        tracing::warn!(%error, attempt, "traffic waits for the store");
                        sleep(PAUSE * attempt).await;
                    }
                    Err(error) => return Err(error),
                }
            };
            stored.units += batch.units.len() as u64;
            stored.connections += batch.closed.len() as u64;
            if let Some(newest) = newest {
                self.inner.newest.send_replace(newest);
            }
        }
        Ok(stored)
    }
}

/// Events that are stored together.
#[derive(Debug, Default)]
struct Batch {
    units: Vec<Unit>,
    closed: Vec<ConnectionReport>,
}

/// Waits for events, then a moment for more; none at the end.
async fn gather(events: &mut mpsc::Receiver<Event>) -> Option<Batch> {
    let mut batch = Batch::default();
    let mut bytes = batch.take(events.recv().await?);
    let until = Instant::now() + GATHER;
    while batch.units.len() < TRAFFIC_BATCH_UNITS_MAX as usize
        && batch.closed.len() < TRAFFIC_BATCH_UNITS_MAX as usize
        && bytes < BATCH_BYTES_MAX
    {
        match timeout_at(until, events.recv()).await {
            Ok(Some(event)) => bytes += batch.take(event),
            Ok(None) | Err(_) => break,
        }
    }
    Some(batch)
}

impl Batch {
    /// Adds an event; gives roughly how many bytes it holds.
    fn take(&mut self, event: Event) -> usize {
        match event {
            Event::Unit(unit) => {
                let bytes = bytes_of(&unit);
                self.units.push(*unit);
                bytes
            }
            Event::Closed(report) => {
                self.closed.push(*report);
                1024
            }
        }
    }
}

/// What must be remembered of a decoder to translate its numbers.
#[derive(Debug, Default)]
struct Source {
    runs: Runs,
    connections: HashMap<u64, Connection>,
}

#[derive(Debug, Default)]
struct Connection {
    number: i64,
    asked: Asked,
}

impl Source {
    /// Stores a batch. What is remembered changes only when it is stored, so that it can be tried again.
    async fn store(
        &mut self,
        store: &Store,
        inner: &super::Inner,
        batch: &Batch,
    ) -> Result<Option<i64>, StoreError> {
        let mut fresh: Vec<u64> = Vec::new();
        let units = batch.units.iter().map(|unit| unit.connection);
        for connection in units.chain(batch.closed.iter().map(|report| report.connection)) {
            if !self.connections.contains_key(&connection) && !fresh.contains(&connection) {
                fresh.push(connection);
            }
        }
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let mut append = store.traffic_append(count(batch.units.len()), count(fresh.len())).await?;
        let (first_unit, first_connection) = (append.first_unit(), append.first_connection());
        let fresh: HashMap<u64, i64> = fresh.into_iter().zip(first_connection..).collect();
        let number_of = |connection: u64| {
            let known = self.connections.get(&connection).map(|known| known.number);
            known.or_else(|| fresh.get(&connection).copied()).unwrap_or_default()
        };
        let mut runs = self.runs.clone_tail();
        let mut asked: HashMap<u64, Asked> = HashMap::new();
        let mut rows = Vec::with_capacity(batch.units.len());
        for (unit, number) in batch.units.iter().zip(first_unit..) {
            runs.push(unit.number, number);
            let of_connection = asked.entry(unit.connection).or_insert_with(|| {
                let known = self.connections.get(&unit.connection);
                known.map(|known| known.asked.clone()).unwrap_or_default()
            });
            let user = of_connection.of(unit);
            let request =
                unit.request.and_then(|request| runs.find(request).or(self.runs.find(request)));
            let row = row(unit, number, number_of(unit.connection), request, user);
            rows.push((row, body(unit)));
        }
        append.units(&rows).await?;
        let now = inner.api.clock.now();
        for report in &batch.closed {
            append.connection(&over(report, number_of(report.connection)), now).await?;
        }
        let retention: &TrafficRetention = &inner.retention;
        append.commit(now, retention).await?;

        self.runs.join(runs);
        for (connection, number) in fresh {
            self.connections.insert(connection, Connection { number, ..Connection::default() });
        }
        for (connection, asked) in asked {
            if let Some(known) = self.connections.get_mut(&connection) {
                known.asked = asked;
            }
        }
        for report in &batch.closed {
            self.connections.remove(&report.connection);
        }
        Ok(rows.last().map(|(row, _)| row.number))
    }
}

/// Which stored number each unit of a decoder has: runs in which both count on by one.
#[derive(Debug, Default)]
struct Runs(VecDeque<Run>);

#[derive(Debug, Clone, Copy)]
struct Run {
    unit: u64,
    number: i64,
    count: u64,
}

impl Runs {
    /// The last run alone, to go on from.
    fn clone_tail(&self) -> Self {
        Self(self.0.back().copied().into_iter().collect())
    }

    fn push(&mut self, unit: u64, number: i64) {
        match self.0.back_mut() {
            Some(run)
                if run.unit + run.count == unit
                    && run.number.checked_add_unsigned(run.count) == Some(number) =>
            {
                run.count += 1;
            }
            _ => self.0.push_back(Run { unit, number, count: 1 }),
        }
    }

    fn find(&self, unit: u64) -> Option<i64> {
        let after = self.0.partition_point(|run| run.unit <= unit);
        let run = self.0.get(after.checked_sub(1)?)?;
        let place = unit - run.unit;
        (place < run.count).then(|| run.number.saturating_add_unsigned(place))
    }

    /// Takes what followed from [`Runs::clone_tail`].
    fn join(&mut self, more: Self) {
        self.0.pop_back();
        self.0.extend(more.0);
        while self.0.len() > RUNS_MAX {
            self.0.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_in_their_runs_and_nowhere_else() {
        let mut runs = Runs::default();
        for (unit, number) in [(1, 10), (2, 11), (3, 12), (4, 100), (5, 101), (9, 102)] {
            runs.push(unit, number);
        }
        assert_eq!(runs.0.len(), 3);
        let found: Vec<_> = (0..11).map(|unit| runs.find(unit)).collect();
        let expected = [
            None,
            Some(10),
            Some(11),
            Some(12),
            Some(100),
            Some(101),
            None,
            None,
            None,
            Some(102),
            None,
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_tail_goes_on_where_the_runs_ended() {
        let mut runs = Runs::default();
        runs.push(1, 10);
        let mut tail = runs.clone_tail();
        tail.push(2, 11);
        tail.push(3, 50);
        runs.join(tail);
        assert_eq!(runs.0.len(), 2);
        assert_eq!((runs.find(1), runs.find(2), runs.find(3)), (Some(10), Some(11), Some(50)));
    }
}
