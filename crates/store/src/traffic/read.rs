//! Reading units: a page of them newest first, and one with all that belongs to it.
//! Who may read is decided by the services, and written to the audit log by them.

use super::condition::{self, TrafficCondition};
use super::{
    Head, TrafficBody, TrafficConnection, TrafficContent, TrafficUnit, connections, read_head,
    read_unit,
};
use crate::database::{Row, Tx, Value, values};
use crate::{Result, Store};
use sqlx::AssertSqlSafe;
use std::collections::BTreeMap;

/// A page is read by people; more than this is an export, which pages.
const PAGE_MAX: u32 = 500;
/// Units of one exchange: a request, its answer, and the first events of a watch.
const EXCHANGE_MAX: i64 = 100;
/// Bodies that are read at once: each may have half a MiB.
const BODIES_MAX: usize = 8;
/// How far one page looks for units that match: some 100 ms. Who looks for rare ones asks again from there.
pub(super) const LOOKED_AT_MAX: i64 = 100_000;

/// Which units to read.
#[derive(Debug, Clone, Default)]
pub struct TrafficQuery {
    /// Only units before this number: `next_before` of the page before.
    pub before: Option<i64>,
    /// Only units after this number, which a reader has seen.
    pub after: Option<i64>,
    /// How many at most; 1 to 500.
    pub limit: u32,
    /// Only units of which this holds.
    pub condition: Option<TrafficCondition>,
}

/// A page of units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrafficPage {
    /// The units, newest first.
    pub units: Vec<TrafficUnit>,
    /// `before` of the next page, if there may be more; a page may be short, or empty, and yet not be the last.
    pub next_before: Option<i64>,
    /// The newest unit there was when this was read, whether it matches or not; 0 if there was none ever.
    pub newest: i64,
}

/// A unit with what it carries and what it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrafficExchange {
    /// The unit.
    pub unit: TrafficUnit,
    /// What it carries; none if it carries nothing, or if that was removed already.
    pub body: Option<TrafficBody>,
    /// The request and all that belongs to it, this unit among them, in their order; the first 100.
    pub exchange: Vec<TrafficUnit>,
    /// Its connection, when it is over.
    pub connection: Option<TrafficConnection>,
}

impl Store {
    /// Reads a page of units.
    pub async fn traffic_units(&self, query: &TrafficQuery) -> Result<TrafficPage> {
        let mut tx = self.inner.database.begin_snapshot().await?;
        let head = head(&mut tx).await?;
        let oldest = oldest(&mut tx).await?.unwrap_or(head.unit + 1);
        let after = query.after.unwrap_or(0).max(oldest - 1);
        let before = query.before.unwrap_or(i64::MAX).min(head.unit.saturating_add(1));
        let limit = query.limit.clamp(1, PAGE_MAX);
        // Without a condition, every row that is looked at is wanted.
        let down_to = match &query.condition {
            Some(_) => after.max(before.saturating_sub(LOOKED_AT_MAX + 1)),
            None => after,
        };
        let mut values: Vec<Value> = values![down_to, before, limit];
        let wanted = match &query.condition {
            Some(wanted) => format!(" AND {}", condition::sql(wanted, &mut values)),
            None => String::new(),
        };
        let sql = format!(
            "SELECT * FROM traffic_units WHERE number > $1 AND number < $2{wanted}
             ORDER BY number DESC LIMIT $3"
        );
        // The text is put together from fixed pieces; every value is bound.
        let rows = tx.rows(AssertSqlSafe(sql), values).await?;
        let units: Vec<TrafficUnit> = rows.iter().map(read_unit).collect::<Result<_>>()?;
        let is_full = u32::try_from(units.len()).is_ok_and(|read| read >= limit);
        let next = match units.last() {
            Some(last) if is_full => last.number,
            _ => down_to + 1,
        };
        let next_before = (next > after + 1).then_some(next);
        Ok(TrafficPage { units, next_before, newest: head.unit })
    }

    /// The newest unit's number; 0 if there was none ever.
    pub async fn traffic_newest(&self) -> Result<i64> {
        let sql = "SELECT unit, connection, body_bytes FROM traffic_head WHERE one = 1";
        Ok(read_head(self.inner.database.row(sql, values![]).await?)?.unit)
    }

    /// The unit of that number, with what it carries and belongs to.
    pub async fn traffic_unit(&self, number: i64) -> Result<Option<TrafficExchange>> {
        let mut tx = self.inner.database.begin_snapshot().await?;
        let sql = "SELECT * FROM traffic_units WHERE number = $1";
        let Some(row) = tx.row(sql, values![number]).await? else { return Ok(None) };
        let unit = read_unit(&row)?;
        let body = tx.row("SELECT * FROM traffic_bodies WHERE unit = $1", values![number]).await?;
        let request = unit.request.unwrap_or(unit.number);
        let exchange = tx
            .rows(
                "SELECT * FROM traffic_units WHERE number = $1 OR request = $1
                 ORDER BY number LIMIT $2",
                values![request, EXCHANGE_MAX],
            )
            .await?;
        let connection = tx
            .row("SELECT * FROM traffic_connections WHERE number = $1", values![unit.connection])
            .await?;
        Ok(Some(TrafficExchange {
            body: body.as_ref().map(read_body).transpose()?,
            exchange: exchange.iter().map(read_unit).collect::<Result<_>>()?,
            connection: connection.as_ref().map(connections::read).transpose()?,
            unit,
        }))
    }

    /// What units carry, by their numbers; of the first eight. A unit that carries nothing, or whose body was removed
    /// already, is not among them.
    pub async fn traffic_bodies(&self, units: &[i64]) -> Result<BTreeMap<i64, TrafficBody>> {
        let mut bodies = BTreeMap::new();
        let mut tx = self.inner.database.begin_snapshot().await?;
        for unit in units.iter().take(BODIES_MAX) {
            let row =
                tx.row("SELECT * FROM traffic_bodies WHERE unit = $1", values![*unit]).await?;
            if let Some(row) = row {
                bodies.insert(*unit, read_body(&row)?);
            }
        }
        Ok(bodies)
    }
}

pub(super) async fn head(tx: &mut Tx) -> Result<Head> {
    let sql = "SELECT unit, connection, body_bytes FROM traffic_head WHERE one = 1";
    read_head(tx.row(sql, values![]).await?)
}

/// The oldest unit that is still there.
pub(super) async fn oldest(tx: &mut Tx) -> Result<Option<i64>> {
    let sql = "SELECT MIN(first_unit) AS oldest FROM traffic_batches";
    match tx.row(sql, values![]).await? {
        Some(row) => row.int_option("oldest"),
        None => Ok(None),
    }
}

fn read_body(row: &Row) -> Result<TrafficBody> {
    let content = row.text_option("content")?;
    let form = row.text("form")?;
    let content = match (form.as_str(), content) {
        ("json", Some(text)) => TrafficContent::Json(text),
        ("text", Some(text)) => TrafficContent::Text(text),
        (form, fingerprint) => match form.strip_prefix("omitted:") {
            Some(reason) => TrafficContent::Omitted { reason: reason.to_owned(), fingerprint },
            None => TrafficContent::None,
        },
    };
    Ok(TrafficBody {
        headers: row.json("headers")?,
        media_type: row.text_option("media_type")?,
        length: row.int_option("length")?.and_then(|length| u64::try_from(length).ok()),
        content,
        cut: row.bool("cut")?,
    })
}
