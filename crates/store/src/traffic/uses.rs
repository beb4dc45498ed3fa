//! What one user's requests asked for, counted by what they asked and what came of it; and how much of the traffic that
//! rests on. What follows from it is known to the services.
//!
//! Bounds: it looks at the newest [`LOOKED_AT`] units, in pieces of 100,000 so that nobody waits for it long, and gives
//! [`KINDS_MAX`] kinds; it says so when there are more of either.

use super::read::{self, LOOKED_AT_MAX};
use crate::database::{Row, values};
use crate::{Result, Store};
use model::Timestamp;
use std::collections::BTreeMap;

/// The most that a hub keeps unless it is told otherwise.
const LOOKED_AT: i64 = 1_000_000;
/// A user who asks for more kinds of things is a flood, or a scan.
const KINDS_MAX: usize = 20_000;

/// What requests asked, and what came of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TrafficUse {
    /// What it does to Kubernetes.
    pub verb: Option<String>,
    /// The API group; empty for the core group.
    pub group: Option<String>,
    /// The resource.
    pub resource: Option<String>,
    /// The subresource.
    pub subresource: Option<String>,
    /// The namespace.
    pub namespace: Option<String>,
    /// The object's name.
    pub name: Option<String>,
    /// The path, where it is no resource.
    pub path: Option<String>,
    /// The answer's status.
    pub status: u16,
}

/// What a user's requests asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrafficUses {
    /// Kinds of requests with how many there were of each, in order.
    pub uses: Vec<(TrafficUse, u64)>,
    /// When the first unit that was looked at was captured; none if there is none.
    pub from: Option<Timestamp>,
    /// When the last was.
    pub to: Option<Timestamp>,
    /// Units that were looked at.
    pub units: u64,
    /// Answers among them whose user is not known: any of them may be this one's.
    pub unknown: u64,
    /// Bytes that are missing from the captures of connections that are over, whoever's they were.
    pub missing: u64,
    /// Connections that are over, by how far they could be read.
    pub by_decryption: Vec<(String, u64)>,
    /// There are older units, which were not looked at.
    pub partial: bool,
    /// There were more kinds than are given.
    pub cut: bool,
}

impl Store {
    /// Counts what a user asked for.
    pub async fn traffic_uses(&self, user: &str) -> Result<TrafficUses> {
        let mut found = TrafficUses::default();
        let (newest, oldest) = {
            let mut tx = self.inner.database.begin_snapshot().await?;
            let newest = read::head(&mut tx).await?.unit;
            (newest, read::oldest(&mut tx).await?.unwrap_or(newest + 1))
        };
        let last = newest.saturating_sub(LOOKED_AT).max(oldest - 1);
        found.partial = last >= oldest;
        let mut kinds: BTreeMap<TrafficUse, u64> = BTreeMap::new();
        let mut before = newest + 1;
        while before > last + 1 {
            let after = last.max(before - 1 - LOOKED_AT_MAX);
            self.count_uses(user, after, before, &mut found, &mut kinds).await?;
            before = after + 1;
        }
        found.cut = kinds.len() > KINDS_MAX;
        found.uses = kinds.into_iter().take(KINDS_MAX).collect();
        let rows = self
            .inner
            .database
            .rows(
                "SELECT decryption, COUNT(*) AS connections, CAST(COALESCE(SUM(missing), 0) AS BIGINT) AS missing
                 FROM traffic_connections GROUP BY decryption ORDER BY decryption",
                values![],
            )
            .await?;
        for row in &rows {
            found.missing = found.missing.saturating_add(row.number("missing")?);
            found.by_decryption.push((row.text("decryption")?, row.number("connections")?));
        }
        Ok(found)
    }

    /// Counts in the units behind one number and before another.
    async fn count_uses(
        &self,
        user: &str,
        after: i64,
        before: i64,
        found: &mut TrafficUses,
        kinds: &mut BTreeMap<TrafficUse, u64>,
    ) -> Result<()> {
        let seen = self
            .inner
            .database
            .row(
                "SELECT COUNT(*) AS units, MIN(at) AS oldest, MAX(at) AS newest,
                   COUNT(CASE WHEN status IS NOT NULL AND user_name IS NULL THEN 1 END) AS unknown
                 FROM traffic_units WHERE number > $1 AND number < $2",
                values![after, before],
            )
            .await?;
        if let Some(seen) = seen {
            found.units += seen.number::<u64>("units")?;
            found.unknown += seen.number::<u64>("unknown")?;
            let time = |column: &str| seen.time_option(column);
            found.from = [found.from, time("oldest")?].into_iter().flatten().min();
            found.to = [found.to, time("newest")?].into_iter().flatten().max();
        }
        let rows = self
            .inner
            .database
            .rows(
                "SELECT verb, api_group, resource, subresource, namespace, name,
                   CASE WHEN resource IS NULL THEN path END AS place, status, COUNT(*) AS requests
                 FROM traffic_units
                 WHERE number > $1 AND number < $2 AND status IS NOT NULL AND status <> 100 AND user_name = $3
                 GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 LIMIT $4",
                values![after, before, user, i64::try_from(KINDS_MAX + 1).unwrap_or(i64::MAX)],
            )
            .await?;
        for row in &rows {
            let requests: u64 = row.number("requests")?;
            *kinds.entry(read_use(row)?).or_default() += requests;
        }
        Ok(())
    }
}

fn read_use(row: &Row) -> Result<TrafficUse> {
    Ok(TrafficUse {
        verb: row.text_option("verb")?,
        group: row.text_option("api_group")?,
        resource: row.text_option("resource")?,
        subresource: row.text_option("subresource")?,
        namespace: row.text_option("namespace")?,
        name: row.text_option("name")?,
        path: row.text_option("place")?,
        status: row.number("status")?,
    })
}
