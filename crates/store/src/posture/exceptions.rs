//! Exceptions: which findings somebody answers for, why and until when; made and taken back with their record.
//! Which findings an exception means is known to the scanner, which hands over what to mark.

use super::findings::{excuse_finding, read};
use super::{PostureExcuse, PostureFinding};
use crate::database::{Row, Value, values};
use crate::{AuditEntry, Result, Store};
use model::{ClusterName, Timestamp};
use sqlx::AssertSqlSafe;

/// Findings that one transaction marks.
const AT_ONCE: usize = 256;
/// Findings that are looked at with one statement.
const PAGE: i64 = 5000;

/// An exception to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostureNewException {
    /// In this cluster.
    pub cluster: ClusterName,
    /// The check's id.
    pub check: String,
    /// The object as reports name it; `*` stands for any text.
    pub object: String,
    /// The field; `*` stands for any text. All fields, if left out.
    pub path: Option<String>,
    /// Why it is accepted.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The last day on which it holds, as a date.
    pub expires: String,
    /// When that day is over.
    pub expires_at: Timestamp,
    /// Who makes it.
    pub made_by: String,
}

/// An exception.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostureException {
    /// Its number.
    pub number: i64,
    /// What it says.
    pub says: PostureNewException,
    /// When it was made.
    pub made_at: Timestamp,
}

impl Store {
    /// Makes an exception, with its record; returns its number. Findings are marked by
    /// [`Self::excuse_posture_findings`].
    pub async fn add_posture_exception(
        &self,
        new: &PostureNewException,
        audit: &AuditEntry,
        now: Timestamp,
    ) -> Result<i64> {
        let mut act = self.act().await?;
        let newest = act
            .row("SELECT COALESCE(MAX(number), 0) AS number FROM posture_exceptions", values![])
            .await?;
        let number = newest.map_or(Ok(0), |row| row.int("number"))? + 1;
        act.execute(
            "INSERT INTO posture_exceptions
               (number, cluster, check_id, object, path, reason, owner, expires, expires_at, made_by, made_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            values![
                number,
                new.cluster.as_str(),
                &new.check,
                &new.object,
                new.path.clone(),
                &new.reason,
                &new.owner,
                &new.expires,
                new.expires_at,
                &new.made_by,
                now,
            ],
        )
        .await?;
        act.record(audit).await?;
        act.commit().await?;
        Ok(number)
    }

    /// Takes an exception back, with its record; its findings count again at once. Gives what it said, or none if there
    /// is none of this number.
    pub async fn remove_posture_exception(
        &self,
        cluster: &ClusterName,
        number: i64,
        audit: &AuditEntry,
        now: Timestamp,
    ) -> Result<Option<PostureException>> {
        let mut act = self.act().await?;
        let row = act
            .row(
                "SELECT * FROM posture_exceptions WHERE number = $1 AND cluster = $2 AND removed_at IS NULL",
                values![number, cluster.as_str()],
            )
            .await?;
        let Some(row) = row else { return Ok(None) };
        let exception = exception(&row)?;
        act.execute(
            "UPDATE posture_exceptions SET removed_at = $2 WHERE number = $1",
            values![number, now],
        )
        .await?;
        act.execute(
            "UPDATE posture_findings SET exception = NULL, excepted_until = NULL
             WHERE cluster = $1 AND exception = $2",
            values![cluster.as_str(), number],
        )
        .await?;
        act.record(audit).await?;
        act.commit().await?;
        Ok(Some(exception))
    }

    /// The exceptions of a cluster that were not taken back, newest first; also those that have run out.
    pub async fn posture_exceptions(&self, cluster: &ClusterName) -> Result<Vec<PostureException>> {
        let sql = "SELECT * FROM posture_exceptions WHERE cluster = $1 AND removed_at IS NULL
                   ORDER BY number DESC";
        let rows = self.inner.database.rows(sql, values![cluster.as_str()]).await?;
        rows.iter().map(exception).collect()
    }

    /// Marks the open findings of some checks anew, as `excuse` says; returns how many changed.
    pub async fn excuse_posture_findings(
        &self,
        cluster: &ClusterName,
        checks: &[String],
        excuse: impl Fn(&PostureFinding) -> Option<PostureExcuse> + Send,
    ) -> Result<u64> {
        let mut changed = 0;
        for check in checks {
            let mut after = i64::MIN;
            loop {
                let sql = "SELECT * FROM posture_findings WHERE cluster = $1 AND check_id = $2
                             AND closed_scan IS NULL AND number > $3 ORDER BY number LIMIT $4";
                let bound: Vec<Value> = values![cluster.as_str(), check, after, PAGE];
                let rows = self.inner.database.rows(AssertSqlSafe(sql.to_owned()), bound).await?;
                let findings: Vec<PostureFinding> = rows.iter().map(read).collect::<Result<_>>()?;
                let Some(last) = findings.last() else { break };
                after = last.number;
                let differing: Vec<(i64, Option<PostureExcuse>)> = findings
                    .iter()
                    .map(|finding| (finding, excuse(finding)))
                    .filter(|(finding, excuse)| finding.found.excuse != *excuse)
                    .map(|(finding, excuse)| (finding.number, excuse))
                    .collect();
                for some in differing.chunks(AT_ONCE) {
                    let mut tx = self.inner.database.begin().await?;
                    for (number, excuse) in some {
                        excuse_finding(&mut tx, *number, *excuse).await?;
                        changed += 1;
                    }
                    tx.commit().await?;
                }
            }
        }
        Ok(changed)
    }
}

fn exception(row: &Row) -> Result<PostureException> {
    Ok(PostureException {
        number: row.int("number")?,
        says: PostureNewException {
            cluster: row.parsed("cluster")?,
            check: row.text("check_id")?,
            object: row.text("object")?,
            path: row.text_option("path")?,
            reason: row.text("reason")?,
            owner: row.text("owner")?,
            expires: row.text("expires")?,
            expires_at: row.time("expires_at")?,
            made_by: row.text("made_by")?,
        },
        made_at: row.time("made_at")?,
    })
}
