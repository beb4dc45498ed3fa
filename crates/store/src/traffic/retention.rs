//! How long traffic is kept, and how much of it: headers and content for hours, rows for days, each with a
//! bound that holds whatever the rate.
//! The numbers are the operator's; the clock is the caller's.
//!
//! Batches are removed whole, oldest first. Age is counted from when a batch was stored, not from when its
//! packets were captured: an old capture that somebody uploads today is looked at today.

use super::{Head, read_head, streams};
use crate::database::{Row, Tx, values};
use crate::{Result, Store};
use model::Timestamp;
use std::time::Duration;

/// Connections that are kept; each is a row of about 1 KiB.
const CONNECTIONS_MAX: i64 = 100_000;
/// Batches that one transaction of a purge removes, and connections: some tens of milliseconds.
const BATCHES_AT_ONCE: i64 = 32;
const CONNECTIONS_AT_ONCE: i64 = 5000;

/// How long traffic is kept, and how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrafficRetention {
    /// How long rows and connections are kept.
    pub kept: Duration,
    /// How long headers and content are kept.
    pub bodies_kept: Duration,
    /// How many units are kept.
    pub units_max: i64,
    /// Bytes of headers and content that are kept.
    pub body_bytes_max: i64,
}

/// What a purge removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TrafficPurged {
    /// Units, with their content.
    pub units: u64,
    /// Bodies of units that stay.
    pub bodies: u64,
    /// Connections.
    pub connections: u64,
    /// Streams of agents, with the connections that each left open.
    pub streams: u64,
}

impl Store {
    /// Removes what is older than it may be, or more. Every hub may call it, every few minutes. Each step is a
    /// transaction of its own, so that nobody waits for long.
    pub async fn purge_traffic(
        &self,
        now: Timestamp,
        retention: &TrafficRetention,
    ) -> Result<TrafficPurged> {
        let mut purged = TrafficPurged::default();
        loop {
            let mut tx = self.inner.database.begin().await?;
            let head = lock_head(&mut tx).await?;
            let mut step = over_bounds(&mut tx, head, retention, BATCHES_AT_ONCE).await?;
            step += out_of_date(&mut tx, now, retention).await?;
            tx.commit().await?;
            if step == TrafficPurged::default() {
                return Ok(purged);
            }
            purged += step;
        }
    }
}

impl std::ops::AddAssign for TrafficPurged {
    fn add_assign(&mut self, more: Self) {
        self.units += more.units;
        self.bodies += more.bodies;
        self.connections += more.connections;
        self.streams += more.streams;
    }
}

/// Removes the oldest batches while there are more units, or more bytes of bodies, than may be.
pub(super) async fn over_bounds(
    tx: &mut Tx,
    head: Head,
    retention: &TrafficRetention,
    at_once: i64,
) -> Result<TrafficPurged> {
    let rows = tx
        .rows(
            "SELECT first_unit, last_unit, body_bytes FROM traffic_batches
             WHERE first_unit <= $1 AND last_unit <= $1 ORDER BY first_unit LIMIT $2",
            values![head.unit.saturating_sub(retention.units_max), at_once],
        )
        .await?;
    let (mut purged, mut freed) = remove_batches(tx, &rows).await?;
    let over = head.body_bytes - freed - retention.body_bytes_max;
    if over > 0 {
        let rows = tx
            .rows(
                "SELECT first_unit, last_unit, body_bytes FROM traffic_batches
                 WHERE body_bytes > 0 ORDER BY first_unit LIMIT $1",
                values![at_once],
            )
            .await?;
        let mut enough = Vec::new();
        let mut bytes = 0;
        for row in rows {
            if bytes >= over {
                break;
            }
            bytes += row.int("body_bytes")?;
            enough.push(row);
        }
        let (bodies, more) = remove_bodies(tx, &enough).await?;
        purged.bodies += bodies;
        freed += more;
    }
    free(tx, freed).await?;
    Ok(purged)
}

async fn out_of_date(
    tx: &mut Tx,
    now: Timestamp,
    retention: &TrafficRetention,
) -> Result<TrafficPurged> {
    let before = |kept: Duration| {
        now.as_micros().saturating_sub(i64::try_from(kept.as_micros()).unwrap_or(i64::MAX))
    };
    let rows = tx
        .rows(
            "SELECT first_unit, last_unit, body_bytes FROM traffic_batches
             WHERE stored_at < $1 ORDER BY first_unit LIMIT $2",
            values![before(retention.kept), BATCHES_AT_ONCE],
        )
        .await?;
    let (mut purged, mut freed) = remove_batches(tx, &rows).await?;
    let rows = tx
        .rows(
            "SELECT first_unit, last_unit, body_bytes FROM traffic_batches
             WHERE body_bytes > 0 AND stored_at < $1 ORDER BY first_unit LIMIT $2",
            values![before(retention.bodies_kept), BATCHES_AT_ONCE],
        )
        .await?;
    let (bodies, more) = remove_bodies(tx, &rows).await?;
    purged.bodies = bodies;
    freed += more;
    free(tx, freed).await?;
    purged.streams = streams::forget(tx, before(retention.kept)).await?;
    purged.connections = tx
        .execute(
            "DELETE FROM traffic_connections WHERE number IN
               (SELECT number FROM traffic_connections
                WHERE stored_at < $1 OR number <= (SELECT connection FROM traffic_head) - $2
                ORDER BY number LIMIT $3)",
            values![before(retention.kept), CONNECTIONS_MAX, CONNECTIONS_AT_ONCE],
        )
        .await?;
    Ok(purged)
}

async fn lock_head(tx: &mut Tx) -> Result<Head> {
    let sql = "UPDATE traffic_head SET unit = unit WHERE one = 1
               RETURNING unit, connection, body_bytes";
    read_head(tx.row(sql, values![]).await?)
}

async fn free(tx: &mut Tx, bytes: i64) -> Result<()> {
    if bytes > 0 {
        let sql = "UPDATE traffic_head SET body_bytes = body_bytes - $1 WHERE one = 1";
        tx.execute(sql, values![bytes]).await?;
    }
    Ok(())
}

/// Removes whole batches; tells what went, and how many bytes of bodies.
async fn remove_batches(tx: &mut Tx, batches: &[Row]) -> Result<(TrafficPurged, i64)> {
    let mut purged = TrafficPurged::default();
    let (_, freed) = remove_bodies(tx, batches).await?;
    for batch in batches {
        let (first, last) = (batch.int("first_unit")?, batch.int("last_unit")?);
        purged.units += tx
            .execute(
                "DELETE FROM traffic_units WHERE number BETWEEN $1 AND $2",
                values![first, last],
            )
            .await?;
        tx.execute("DELETE FROM traffic_batches WHERE first_unit = $1", values![first]).await?;
    }
    Ok((purged, freed))
}

/// Removes the bodies of batches; tells how many went, and how many bytes.
async fn remove_bodies(tx: &mut Tx, batches: &[Row]) -> Result<(u64, i64)> {
    let (mut bodies, mut bytes) = (0, 0);
    for batch in batches {
        let first = batch.int("first_unit")?;
        bodies += tx
            .execute(
                "DELETE FROM traffic_bodies WHERE unit BETWEEN $1 AND $2",
                values![first, batch.int("last_unit")?],
            )
            .await?;
        tx.execute(
            "UPDATE traffic_batches SET body_bytes = 0 WHERE first_unit = $1",
            values![first],
        )
        .await?;
        bytes += batch.int("body_bytes")?;
    }
    Ok((bodies, bytes))
}
