//! Scans: begun by one hub of several, heard of while they run, and ended once.
//! What is scanned and when is known to the scanner.
//!
//! Beginning is an act, so of two hubs that find a scan due at once one begins it. A scan of which nothing was heard
//! for a while belongs to a hub that was killed: whoever begins the next one ends it, and takes back what it wrote.
//!
//! That may be hundreds of thousands of rows, so it is no act, for which every writer of the audit log would wait: the
//! scan is ended first, from when on nobody writes for it and nobody sees what it wrote, and then its rows are taken back
//! in pieces. Who is killed meanwhile leaves the rest to whoever begins the next scan: none begins before all is back.

use super::findings::NUMBERS_OF_A_SCAN;
use super::number;
use crate::database::{Row, Value, values};
use crate::{AuditEntry, Result, Store, StoreError};
use model::{ClusterName, HubId, Timestamp};
use std::time::Duration;

/// Scans of one list: a year of one every four hours has as many.
const LISTED_MAX: u32 = 2000;

/// Rows of a failed scan that one statement takes back: some milliseconds for which other writers wait.
const AT_ONCE: u64 = 1000;

/// How far a scan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostureState {
    /// It is being made.
    Running,
    /// What it found is shown.
    Done,
    /// It was not made, or not to its end.
    Failed,
}

impl PostureState {
    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// A scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostureScan {
    /// Its place in the order of all scans.
    pub number: i64,
    /// Of which cluster.
    pub cluster: ClusterName,
    /// By which hub.
    pub hub: HubId,
    /// Who asked for it; nobody, if its time had come.
    pub asked_by: Option<String>,
    /// When it began.
    pub began_at: Timestamp,
    /// When it was last heard of.
    pub heard_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How far it is.
    pub state: PostureState,
    /// What is being read.
    pub progress: String,
    /// How many of it came so far.
    pub progress_count: u64,
    /// What it came to, in the scanner's own form.
    pub report: Option<String>,
}

/// A wish to scan.
#[derive(Debug, Clone)]
pub struct PostureBegin<'a> {
    /// Which cluster.
    pub cluster: &'a ClusterName,
    /// Who asks; nobody, if its time has come.
    pub asked_by: Option<&'a str>,
    /// Begin only if none has begun since.
    pub unless_since: Option<Timestamp>,
    /// A scan of which nothing was heard for so long is over.
    pub silent_max: Duration,
    /// What to record with it.
    pub audit: Option<AuditEntry>,
}

/// What became of the wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostureBeginOutcome {
    /// The scan of this number is the caller's to make.
    Begun(i64),
    /// This one runs.
    Running(i64),
    /// One has begun since.
    NotDue,
}

impl Store {
    /// Begins a scan, if none runs.
    pub async fn begin_posture_scan(
        &self,
        wish: &PostureBegin<'_>,
        now: Timestamp,
    ) -> Result<PostureBeginOutcome> {
        let cluster = wish.cluster.as_str();
        let newest =
            "SELECT number, state, began_at, heard_at FROM posture_scans WHERE cluster = $1
                      ORDER BY number DESC LIMIT 1";
        let before = self.inner.database.row(newest, values![cluster]).await?;
        // Of the scans before this one the same was seen to when it began.
        if let Some(row) = &before {
            let number = row.int("number")?;
            match row.text("state")?.as_str() {
                "running" if now.since(row.time("heard_at")?) < wish.silent_max => {
                    return Ok(PostureBeginOutcome::Running(number));
                }
                "running" => {
                    self.fail_posture_scan(number, r#"{"fault":"interrupted"}"#, now).await?;
                }
                "failed" => self.take_back(number).await?,
                _ => {}
            }
        }
        let before = before.map(|row| row.int("number")).transpose()?;
        let mut act = self.act().await?;
        if let Some(row) = act.row(newest, values![cluster]).await? {
            let number = row.int("number")?;
            // Another hub began one in this moment, or has ended one since.
            if row.text("state")? == "running" || Some(number) != before {
                return Ok(PostureBeginOutcome::Running(number));
            }
            let began_at = row.time("began_at")?;
            if wish.unless_since.is_some_and(|since| began_at >= since) {
                return Ok(PostureBeginOutcome::NotDue);
            }
        }
        let newest = act
            .row("SELECT COALESCE(MAX(number), 0) AS number FROM posture_scans", values![])
            .await?;
        let number = newest.map_or(Ok(0), |row| row.int("number"))? + 1;
        act.execute(
            "INSERT INTO posture_scans
               (number, cluster, hub, asked_by, began_at, heard_at, state, progress, progress_count)
             VALUES ($1, $2, $3, $4, $5, $5, 'running', '', 0)",
            values![number, cluster, self.hub(), wish.asked_by.map(str::to_owned), now],
        )
        .await?;
        if let Some(entry) = &wish.audit {
            act.record(entry).await?;
        }
        act.commit().await?;
        Ok(PostureBeginOutcome::Begun(number))
    }

    /// Notes how far a scan is. False if it is not this hub's to make any more.
    pub async fn posture_scan_heard(
        &self,
        scan: i64,
        progress: &str,
        count: u64,
        now: Timestamp,
    ) -> Result<bool> {
        let touched = self
            .inner
            .database
            .execute(
                "UPDATE posture_scans SET heard_at = $2, progress = $3, progress_count = $4
                 WHERE number = $1 AND state = 'running'",
                values![scan, now, progress, number(count)],
            )
            .await?;
        Ok(touched == 1)
    }

    /// Ends a scan whose findings are stored: from here on they are shown. Paths of earlier scans are removed. False if
    /// it was ended already.
    pub async fn finish_posture_scan(
        &self,
        scan: i64,
        report: &str,
        paths: &str,
        now: Timestamp,
    ) -> Result<bool> {
        let mut tx = self.inner.database.begin().await?;
        let ended = tx
            .execute(
                "UPDATE posture_scans SET state = 'done', ended_at = $2, heard_at = $2, report = $3, paths = $4
                 WHERE number = $1 AND state = 'running'",
                values![scan, now, report, paths],
            )
            .await?;
        tx.execute(
            "UPDATE posture_scans SET paths = NULL WHERE number < $1 AND paths IS NOT NULL
               AND cluster = (SELECT cluster FROM posture_scans WHERE number = $1)",
            values![scan],
        )
        .await?;
        tx.commit().await?;
        Ok(ended == 1)
    }

    /// Ends a scan that was not made, and takes back what it wrote. False if it was ended already.
    pub async fn fail_posture_scan(&self, scan: i64, report: &str, now: Timestamp) -> Result<bool> {
        let ended = self
            .inner
            .database
            .execute(
                "UPDATE posture_scans SET state = 'failed', ended_at = $2, report = $3
                 WHERE number = $1 AND state = 'running'",
                values![scan, now, report],
            )
            .await?;
        if ended == 1 {
            self.take_back(scan).await?;
        }
        Ok(ended == 1)
    }

    /// Takes back what a failed scan wrote; what is left of it, if that was broken off.
    async fn take_back(&self, scan: i64) -> Result<()> {
        let first = scan.saturating_mul(NUMBERS_OF_A_SCAN);
        let next = first.saturating_add(NUMBERS_OF_A_SCAN);
        let opened = "DELETE FROM posture_findings WHERE number IN
                        (SELECT number FROM posture_findings WHERE number >= $1 AND number < $2
                         ORDER BY number LIMIT $3)";
        self.in_pieces(opened, &[first, next]).await?;
        let closed = "UPDATE posture_findings SET closed_scan = NULL, closed_at = NULL
                      WHERE closed_scan = $1 AND number IN
                        (SELECT number FROM posture_findings WHERE closed_scan = $1 ORDER BY number LIMIT $2)";
        self.in_pieces(closed, &[scan]).await?;
        let doubted = "UPDATE posture_findings SET unconfirmed_scan = NULL
                       WHERE unconfirmed_scan = $1 AND number IN
                         (SELECT number FROM posture_findings WHERE unconfirmed_scan = $1
                          ORDER BY number LIMIT $2)";
        self.in_pieces(doubted, &[scan]).await
    }

    /// Runs a statement, whose last value is how many rows it may change, until none are left.
    async fn in_pieces(&self, sql: &'static str, of: &[i64]) -> Result<()> {
        loop {
            let mut bound: Vec<Value> = of.iter().map(|number| Value::from(*number)).collect();
            bound.push(number(AT_ONCE).into());
            if self.inner.database.execute(sql, bound).await? < AT_ONCE {
                return Ok(());
            }
        }
    }

    /// The scans of a cluster, newest first.
    pub async fn posture_scans(
        &self,
        cluster: &ClusterName,
        limit: u32,
    ) -> Result<Vec<PostureScan>> {
        let rows = self
            .inner
            .database
            .rows(
                "SELECT number, cluster, hub, asked_by, began_at, heard_at, ended_at, state, progress,
                   progress_count, report
                 FROM posture_scans WHERE cluster = $1 ORDER BY number DESC LIMIT $2",
                values![cluster.as_str(), limit.clamp(1, LISTED_MAX)],
            )
            .await?;
        rows.iter().map(read).collect()
    }

    /// The newest scan of a cluster that is done, and the one before it.
    pub async fn posture_latest(
        &self,
        cluster: &ClusterName,
    ) -> Result<(Option<PostureScan>, Option<PostureScan>)> {
        let rows = self
            .inner
            .database
            .rows(
                "SELECT number, cluster, hub, asked_by, began_at, heard_at, ended_at, state, progress,
                   progress_count, report
                 FROM posture_scans WHERE cluster = $1 AND state = 'done' ORDER BY number DESC LIMIT 2",
                values![cluster.as_str()],
            )
            .await?;
        let mut scans = rows.iter().map(read);
        Ok((scans.next().transpose()?, scans.next().transpose()?))
    }

    /// The paths that a scan found, in the scanner's own form; none once a later scan is done.
    pub async fn posture_paths(&self, scan: i64) -> Result<Option<String>> {
        let sql = "SELECT paths FROM posture_scans WHERE number = $1";
        let row = self.inner.database.row(sql, values![scan]).await?;
        row.map_or(Ok(None), |row| row.text_option("paths"))
    }
}

fn read(row: &Row) -> Result<PostureScan> {
    let state = match row.text("state")?.as_str() {
        "running" => PostureState::Running,
        "done" => PostureState::Done,
        "failed" => PostureState::Failed,
        other => {
            return Err(StoreError::corrupt("a scan's state", format!("it is `{other}`")));
        }
    };
    Ok(PostureScan {
        number: row.int("number")?,
        cluster: row.parsed("cluster")?,
        hub: row.parsed("hub")?,
        asked_by: row.text_option("asked_by")?,
        began_at: row.time("began_at")?,
        heard_at: row.time("heard_at")?,
        ended_at: row.time_option("ended_at")?,
        state,
        progress: row.text("progress")?,
        progress_count: row.number("progress_count")?,
        report: row.text_option("report")?,
    })
}
