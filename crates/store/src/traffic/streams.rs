//! Batches of agents: numbered and stored once, however often they are sent, by whichever hub they reach.
//! What an agent is, and who it may speak for, is known to the services.
//!
//! An agent counts its units and connections from 1 in each of its streams (one for each time it runs). Where they
//! are in this store is kept beside them, in the same transaction: of a batch the number of its first unit, of a
//! connection its number until it is over. So no hub needs to remember anything, and none that is killed forgets.
//!
//! Limits: [`TRAFFIC_STREAM_CONNECTIONS_MAX`] open connections of a stream are known; of more the oldest are forgotten,
//! whose end was lost on the way. A stream is forgotten when nothing came of
//! it for as long as units are kept; what would be doubled by a batch that is older was removed by then. Of one agent
//! [`TRAFFIC_STREAMS_MAX`] streams are known; with one more, that is forgotten of which for the longest nothing came. By
//! when the hub stored something, and not by their names, which begin with the time: that is the agent's clock, or
//! whatever a false one writes.

use super::append::TrafficAppend;
use crate::database::{Row, Tx, Value, values};
use crate::{Result, Store, StoreError};
use model::Timestamp;
use sqlx::AssertSqlSafe;
use std::collections::{BTreeSet, HashMap};

/// Open connections of one stream: twice what a decoder holds.
pub const TRAFFIC_STREAM_CONNECTIONS_MAX: i64 = 131_072;
/// Streams of one agent. Each is a run of it, and those of which its spool may still hold something are few.
pub const TRAFFIC_STREAMS_MAX: u32 = 64;
/// Batches in which requests are looked for at once: mostly they are in the one before.
const RUNS_AT_ONCE: u32 = 8;
/// Connections that are looked for with one statement; always as many, so that one statement is prepared.
const CONNECTIONS_AT_ONCE: usize = 64;
/// Streams that one transaction forgets, with the connections that each left open.
const FORGOTTEN_AT_ONCE: u32 = 16;
/// Connections that are forgotten at once, so that not every batch has to.
const OLDEST_AT_ONCE: i64 = 1024;

/// A batch of an agent, as it counts.
#[derive(Debug, Clone, Copy)]
pub struct TrafficBatchOf<'a> {
    /// The stream: unique among all agents, and up to its last `/` the agent's own.
    pub stream: &'a str,
    /// The batch's place in it; only what is higher than all before is stored.
    pub sequence: u64,
    /// The number of its first unit; the others follow.
    pub first_unit: u64,
    /// How many units it has.
    pub units: u32,
    /// The connections of its units and reports.
    pub connections: &'a BTreeSet<u64>,
    /// Units of earlier batches that it refers to.
    pub requests: &'a BTreeSet<u64>,
}

/// Which number each thing of a batch has in this store. What is not here is not stored (any more).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrafficNumbers {
    /// Of connections; all of the batch's.
    pub connections: HashMap<u64, i64>,
    /// Of earlier units.
    pub requests: HashMap<u64, i64>,
}

/// Whose batch an append is.
#[derive(Debug)]
pub(super) struct StreamPlace {
    pub(super) stream: String,
    pub(super) first_unit: i64,
}

impl Store {
    /// Begins to append a batch of an agent; none if it is stored already.
    pub async fn traffic_append_of(
        &self,
        batch: TrafficBatchOf<'_>,
        now: Timestamp,
    ) -> Result<Option<(TrafficAppend, TrafficNumbers)>> {
        let odd = |what: &str| StoreError::Invalid {
            object: format!("a batch of the stream `{}`", batch.stream.escape_default()),
            reason: what.to_owned(),
        };
        let number = |number: u64| i64::try_from(number).map_err(|_| odd("a number is too large"));
        let (sequence, first_unit) = (number(batch.sequence)?, number(batch.first_unit)?);
        let mut append = self.traffic_append(batch.units, 0).await?;
        let tx = &mut append.tx;
        // Behind the lock of the head, so that of two hubs with the same batch the second sees the first's.
        let row = tx
            .row(
                "SELECT sequence, connections FROM traffic_streams WHERE stream = $1",
                values![batch.stream],
            )
            .await?;
        let (last, open) = match row {
            Some(row) => (row.int("sequence")?, row.int("connections")?),
            None => {
                make_room(tx, batch.stream).await?;
                (0, 0)
            }
        };
        if sequence <= last {
            return Ok(None);
        }
        let count = i64::try_from(batch.connections.len()).unwrap_or(i64::MAX);
        let over = open.saturating_add(count) - TRAFFIC_STREAM_CONNECTIONS_MAX;
        let open = open - forget_oldest(tx, batch.stream, over).await?;
        let mut numbers = TrafficNumbers {
            connections: known(tx, batch.stream, batch.connections).await?,
            requests: stored(tx, batch.stream, batch.requests).await?,
        };
        let fresh: Vec<u64> = batch
            .connections
            .iter()
            .copied()
            .filter(|connection| !numbers.connections.contains_key(connection))
            .collect();
        let more = i64::try_from(fresh.len()).unwrap_or(i64::MAX);
        let first = append.more_connections(more).await?;
        for (connection, number) in fresh.into_iter().zip(first..) {
            numbers.connections.insert(connection, number);
            append
                .tx
                .execute(
                    "INSERT INTO traffic_stream_connections (stream, connection, number) VALUES ($1, $2, $3)",
                    values![batch.stream, i64::try_from(connection).map_err(|_| odd("a number is too large"))?, number],
                )
                .await?;
        }
        append
            .tx
            .execute(
                "INSERT INTO traffic_streams (stream, sequence, connections, stored_at) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (stream) DO UPDATE SET sequence = excluded.sequence,
                   connections = excluded.connections, stored_at = excluded.stored_at",
                values![batch.stream, sequence, open + more, now],
            )
            .await?;
        append.of = Some(StreamPlace { stream: batch.stream.to_owned(), first_unit });
        Ok(Some((append, numbers)))
    }
}

/// Forgets the oldest connections of a stream that has so many too many; gives how many went.
async fn forget_oldest(tx: &mut Tx, stream: &str, over: i64) -> Result<i64> {
    if over <= 0 {
        return Ok(0);
    }
    let gone = tx
        .execute(
            "DELETE FROM traffic_stream_connections WHERE stream = $1 AND connection IN
               (SELECT connection FROM traffic_stream_connections WHERE stream = $1 ORDER BY connection LIMIT $2)",
            values![stream, over.max(OLDEST_AT_ONCE)],
        )
        .await?;
    Ok(i64::try_from(gone).unwrap_or_default())
}

/// Connections that have a number already.
async fn known(
    tx: &mut Tx,
    stream: &str,
    connections: &BTreeSet<u64>,
) -> Result<HashMap<u64, i64>> {
    let marks: Vec<String> = (0..CONNECTIONS_AT_ONCE).map(|n| format!("${}", n + 2)).collect();
    let sql = format!(
        "SELECT connection, number FROM traffic_stream_connections WHERE stream = $1 AND connection IN ({})",
        marks.join(", ")
    );
    let all: Vec<i64> = connections.iter().filter_map(|it| i64::try_from(*it).ok()).collect();
    let mut known = HashMap::new();
    for some in all.chunks(CONNECTIONS_AT_ONCE) {
        let mut bound: Vec<Value> = values![stream];
        // The last one again and again fills the statement up.
        let fill = some.last().copied().unwrap_or_default();
        bound.extend((0..CONNECTIONS_AT_ONCE).map(|n| some.get(n).copied().unwrap_or(fill).into()));
        // The text is put together from fixed pieces; every value is bound.
        for row in tx.rows(AssertSqlSafe(sql.clone()), bound).await? {
            known.insert(row.number("connection")?, row.int("number")?);
        }
    }
    Ok(known)
}

/// Where units of earlier batches are.
async fn stored(tx: &mut Tx, stream: &str, units: &BTreeSet<u64>) -> Result<HashMap<u64, i64>> {
    let mut found = HashMap::new();
    let mut left: Vec<i64> = units.iter().filter_map(|it| i64::try_from(*it).ok()).collect();
    let mut limit = RUNS_AT_ONCE;
    while let Some(newest) = left.pop() {
        let rows = tx
            .rows(
                "SELECT stream_unit, first_unit, last_unit FROM traffic_batches
                 WHERE stream = $1 AND stream_unit <= $2 ORDER BY stream_unit DESC LIMIT $3",
                values![stream, newest, limit],
            )
            .await?;
        // Behind the newest few each is looked for alone: the requests of long watches.
        limit = 1;
        left.push(newest);
        for row in rows {
            let (theirs, ours) = (row.int("stream_unit")?, row.int("first_unit")?);
            let count = row.int("last_unit")? - ours + 1;
            while let Some(unit) = left.pop_if(|unit| *unit >= theirs) {
                if unit - theirs < count {
                    found.insert(u64::try_from(unit).unwrap_or_default(), ours + unit - theirs);
                }
            }
        }
        if left.last() == Some(&newest) {
            left.pop();
        }
    }
    Ok(found)
}

/// Takes a connection that is over off its stream.
pub(super) async fn ended(tx: &mut Tx, stream: &str, number: i64) -> Result<()> {
    let gone = tx
        .execute(
            "DELETE FROM traffic_stream_connections WHERE stream = $1 AND number = $2",
            values![stream, number],
        )
        .await?;
    let gone = i64::try_from(gone).unwrap_or_default();
    tx.execute(
        "UPDATE traffic_streams SET connections = connections - $1 WHERE stream = $2",
        values![gone, stream],
    )
    .await?;
    Ok(())
}

/// Forgets streams of which nothing came since; gives how many. There may be more.
pub(super) async fn forget(tx: &mut Tx, before: i64) -> Result<u64> {
    let old = tx
        .rows(
            "SELECT stream FROM traffic_streams WHERE stored_at < $1 ORDER BY stored_at LIMIT $2",
            values![before, FORGOTTEN_AT_ONCE],
        )
        .await?;
    forget_all(tx, &old).await
}

/// Forgets what an agent has too many of when it begins another stream.
async fn make_room(tx: &mut Tx, stream: &str) -> Result<()> {
    let Some((agent, _)) = stream.rsplit_once('/') else { return Ok(()) };
    // All that begins with the agent's name and a `/`, in the order of bytes: behind `/` comes `0`.
    let (from, to) = (format!("{agent}/"), format!("{agent}0"));
    let old = tx
        .rows(
            "SELECT stream FROM traffic_streams WHERE stream >= $1 AND stream < $2
             ORDER BY stored_at DESC, stream DESC LIMIT $3 OFFSET $4",
            values![from, to, FORGOTTEN_AT_ONCE, TRAFFIC_STREAMS_MAX - 1],
        )
        .await?;
    forget_all(tx, &old).await?;
    Ok(())
}

async fn forget_all(tx: &mut Tx, streams: &[Row]) -> Result<u64> {
    let mut gone = 0;
    for row in streams {
        let stream = row.text("stream")?;
        tx.execute("DELETE FROM traffic_stream_connections WHERE stream = $1", values![&stream])
            .await?;
        gone +=
            tx.execute("DELETE FROM traffic_streams WHERE stream = $1", values![&stream]).await?;
    }
    Ok(gone)
}
