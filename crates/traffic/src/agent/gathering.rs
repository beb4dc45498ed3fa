//! From what is heard to batches in the spool: as many rows as a hub takes at once, and none older than a moment.
//! When batches are sent it does not know.
//!
//! Limits: a batch has at most 512 units or connections and about [`BATCH_BYTES_GATHERED`]; of open connections it is
//! remembered who asks, as many as the decoder holds.

use super::{AgentJob, Batch, Shared};
use crate::live::{Listener, ROUND, Standing};
use crate::rows::{Asked, body, bytes_of, over, row};
use std::collections::HashMap;
use std::io;
use std::time::{Duration, Instant};
use store::TRAFFIC_BATCH_UNITS_MAX;
use wire::Event;

/// A batch is whole when it has so many, with one more unit of at most 1.5 MiB.
const BATCH_BYTES_GATHERED: usize = 1024 * 1024;
/// How long a row waits for others; with it a row is seen within what an eye takes for at once.
const GATHER: Duration = Duration::from_millis(50);
/// How often a spool that cannot be written is told.
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);

/// See the module.
pub(super) struct Gatherer<'a> {
    shared: &'a Shared,
    batch: Batch,
    bytes: usize,
    since: Option<Instant>,
    asked: HashMap<u64, Asked>,
    complained: Option<Instant>,
}

impl<'a> Gatherer<'a> {
    pub(super) fn new(job: &AgentJob, shared: &'a Shared) -> Self {
        Self {
            shared,
            batch: Batch::new(&job.name, &job.stream, 1),
            bytes: 0,
            since: None,
            asked: HashMap::new(),
            complained: None,
        }
    }

    fn take(&mut self, event: Event) {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        match event {
            Event::Unit(unit) => {
                self.bytes += bytes_of(&unit);
                let user = self.asked.entry(unit.connection).or_default().of(&unit);
                let (own, connection) = (number(unit.number), number(unit.connection));
                let row = row(&unit, own, connection, unit.request.map(number), user);
                self.batch.units.push((row, body(&unit)));
            }
            Event::Closed(report) => {
                self.bytes += 1024;
                self.asked.remove(&report.connection);
                self.batch.closed.push(over(&report, number(report.connection)));
            }
        }
        self.since.get_or_insert_with(Instant::now);
    }

    fn is_whole(&self) -> bool {
        let most = TRAFFIC_BATCH_UNITS_MAX as usize;
        self.batch.units.len() >= most
            || self.batch.closed.len() >= most
            || self.bytes >= BATCH_BYTES_GATHERED
    }

    /// Writes what was gathered to the spool.
    pub(super) fn spool(&mut self) {
        if self.since.take().is_none() {
            return;
        }
        self.bytes = 0;
        let batch = self.batch.take();
        let units = batch.units.len() as u64;
        let spooled = serde_json::to_vec(&batch)
            .map_err(io::Error::from)
            .and_then(|text| self.shared.spool().add(&batch.stream, batch.sequence, units, &text));
        self.shared.status().units += units;
        match spooled {
            Ok(()) => self.shared.news.notify_one(),
            Err(error) => {
                self.shared.spool().count_lost(units);
                if self.complained.is_none_or(|at| at.elapsed() > COMPLAIN_EVERY) {
                    self.complained = Some(Instant::now());
                    tracing::warn!(%error, "the spool cannot be written: units are lost until it can");
                }
            }
        }
    }
}

impl Listener for Gatherer<'_> {
    fn event(&mut self, event: Event) -> io::Result<()> {
        self.take(event);
        if self.is_whole() {
            self.spool();
        }
        Ok(())
    }

    fn round(&mut self) -> io::Result<()> {
        if self.since.is_some_and(|since| since.elapsed() >= GATHER) {
            self.spool();
        }
        Ok(())
    }

    fn patience(&self) -> Duration {
        // Whole milliseconds are waited; less than one would be a busy round.
        let moment = Duration::from_millis(1);
        self.since.map_or(ROUND, |since| GATHER.saturating_sub(since.elapsed()) + moment)
    }

    fn is_done(&self) -> bool {
        false
    }

    fn standing(&mut self, standing: &Standing) {
        let mut status = self.shared.status();
        status.sources.clone_from(&standing.sources);
        status.packets = standing.packets;
        status.dropped = standing.dropped;
        status.secrets = standing.keys.taken;
        status.secrets_lost = standing.keys.lost + standing.keys.unreadable;
    }
}
