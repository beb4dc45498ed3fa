//! What happened lately in figures: how many answers, how many of them errors, how long they took, and who
//! asked for what.
//! How it is drawn is known to the console.
//!
//! Bound: it looks at the newest 100,000 units and says so if the span began before them.

use super::condition::{self, TrafficCondition};
use super::read::{self, LOOKED_AT_MAX};
use crate::database::{Row, Tx, Value, values};
use crate::{Result, Store};
use model::Timestamp;
use sqlx::AssertSqlSafe;
use std::time::Duration;

/// Pieces into which the span is cut.
const PIECES: i64 = 60;
/// Users and resources that are told, the busiest first.
const TOP: i64 = 10;

/// The answers of a span of time that ends with the newest unit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrafficSummary {
    /// The span's beginning; none if there is no unit.
    pub from: Option<Timestamp>,
    /// Its end: when the newest unit was captured.
    pub to: Option<Timestamp>,
    /// The span began before what was looked at.
    pub partial: bool,
    /// Answers.
    pub answers: u64,
    /// Answers with a status of 400 to 499.
    pub client_errors: u64,
    /// Answers with a status from 500 on.
    pub server_errors: u64,
    /// Latencies that half, 90 of 100 and 99 of 100 answers did not exceed, and the longest.
    pub latency_us: Option<[u64; 4]>,
    /// Answers and errors (from 400 on) in each 60th of the span.
    pub pieces: Vec<(u64, u64)>,
    /// Answers by user; the name is empty where it is not known.
    pub users: Vec<TrafficCount>,
    /// Answers by verb and resource.
    pub resources: Vec<TrafficCount>,
}

/// Answers of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrafficCount {
    /// What they have in common.
    pub name: String,
    /// How many.
    pub answers: u64,
    /// How many of them with a status from 400 on.
    pub errors: u64,
    /// The longest latency.
    pub longest_us: u64,
}

/// The rows that are summed up, and their values.
struct Span {
    rows: String,
    values: Vec<Value>,
}

impl Store {
    /// Sums up the answers of the last `span` before the newest unit.
    pub async fn traffic_summary(
        &self,
        span: Duration,
        wanted: Option<&TrafficCondition>,
    ) -> Result<TrafficSummary> {
        let mut tx = self.inner.database.begin_snapshot().await?;
        let head = read::head(&mut tx).await?;
        let down_to = head.unit.saturating_sub(LOOKED_AT_MAX);
        let ends = tx
            .row(
                "SELECT MAX(at) AS newest, MIN(at) AS oldest FROM traffic_units WHERE number > $1",
                values![down_to],
            )
            .await?;
        let ends = match ends {
            Some(row) => (row.int_option("newest")?, row.int_option("oldest")?),
            None => (None, None),
        };
        let (Some(to), Some(oldest)) = ends else {
            return Ok(TrafficSummary::default());
        };
        let long = i64::try_from(span.as_micros()).unwrap_or(i64::MAX).max(PIECES);
        let from = to.saturating_sub(long);
        let is_more = read::oldest(&mut tx).await?.is_some_and(|first| first <= down_to);
        let mut values: Vec<Value> = values![down_to, from, to];
        let wanted = match wanted {
            Some(wanted) => format!(" AND {}", condition::sql(wanted, &mut values)),
            None => String::new(),
        };
        let rows = format!(
            "FROM traffic_units WHERE number > $1 AND at > $2 AND at <= $3 AND status IS NOT NULL{wanted}"
        );
        let span = Span { rows, values };
        let mut summary = TrafficSummary {
            from: Some(Timestamp::from_micros(from)),
            to: Some(Timestamp::from_micros(to)),
            partial: is_more && oldest > from,
            ..TrafficSummary::default()
        };
        span.totals(&mut tx, &mut summary).await?;
        span.latencies(&mut tx, &mut summary).await?;
        span.pieces(&mut tx, long, &mut summary).await?;
        summary.users = span.by(&mut tx, "COALESCE(user_name, '')").await?;
        summary.resources = span
            .by(
                &mut tx,
                "COALESCE(verb, '') || ' ' || COALESCE(resource, '')
                 || CASE WHEN subresource IS NULL THEN '' ELSE '/' || subresource END",
            )
            .await?;
        Ok(summary)
    }
}

impl Span {
    async fn rows(&self, tx: &mut Tx, select: &str, rest: &str) -> Result<Vec<Row>> {
        let sql = format!("SELECT {select} {} {rest}", self.rows);
        tx.rows(AssertSqlSafe(sql), self.values.clone()).await
    }

    async fn totals(&self, tx: &mut Tx, summary: &mut TrafficSummary) -> Result<()> {
        let select = "COUNT(*) AS answers,
            COUNT(CASE WHEN status >= 500 THEN 1 END) AS server_errors,
            COUNT(CASE WHEN status >= 400 AND status < 500 THEN 1 END) AS client_errors";
        for row in self.rows(tx, select, "").await? {
            summary.answers = row.number("answers")?;
            summary.server_errors = row.number("server_errors")?;
            summary.client_errors = row.number("client_errors")?;
        }
        Ok(())
    }

    async fn latencies(&self, tx: &mut Tx, summary: &mut TrafficSummary) -> Result<()> {
        let known = "AND latency_us IS NOT NULL";
        let mut count = 0;
        for row in self.rows(tx, "COUNT(*) AS count", known).await? {
            count = row.int("count")?;
        }
        if count == 0 {
            return Ok(());
        }
        let mut told = [0; 4];
        for (told, percent) in told.iter_mut().zip([50, 90, 99, 100]) {
            // The smallest that so many of 100 do not exceed.
            let skipped = (count * percent + 99) / 100 - 1;
            let rest = format!("{known} ORDER BY latency_us LIMIT 1 OFFSET {skipped}");
            for row in self.rows(tx, "latency_us", &rest).await? {
                *told = row.number("latency_us")?;
            }
        }
        summary.latency_us = Some(told);
        Ok(())
    }

    async fn pieces(&self, tx: &mut Tx, long: i64, summary: &mut TrafficSummary) -> Result<()> {
        let piece = (long + PIECES - 1) / PIECES;
        let select = format!(
            "(at - $2 - 1) / {piece} AS piece, COUNT(*) AS answers,
             COUNT(CASE WHEN status >= 400 THEN 1 END) AS errors"
        );
        summary.pieces = vec![(0, 0); usize::try_from(PIECES).unwrap_or_default()];
        // By place, because PostgreSQL takes `piece` for a column first.
        for row in self.rows(tx, &select, "GROUP BY 1").await? {
            let place: usize = row.number("piece")?;
            if let Some(piece) = summary.pieces.get_mut(place) {
                *piece = (row.number("answers")?, row.number("errors")?);
            }
        }
        Ok(())
    }

    async fn by(&self, tx: &mut Tx, name: &str) -> Result<Vec<TrafficCount>> {
        let select = format!(
            "{name} AS kind, COUNT(*) AS answers,
             COUNT(CASE WHEN status >= 400 THEN 1 END) AS errors,
             COALESCE(MAX(latency_us), 0) AS longest_us"
        );
        let rest = format!("GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {TOP}");
        let rows = self.rows(tx, &select, &rest).await?;
        rows.iter()
            .map(|row| {
                Ok(TrafficCount {
                    name: row.text("kind")?,
                    answers: row.number("answers")?,
                    errors: row.number("errors")?,
                    longest_us: row.number("longest_us")?,
                })
            })
            .collect()
    }
}
