//! Counting failed attempts under a key, for whoever decides how long the next one must wait.
//! What a key is made of and how long the wait is are known to `authn` and the console: never of an account
//! alone, or a stranger could lock its owner out.

use crate::database::{Row, values};
use crate::{Result, Store};
use aws_lc_rs::digest;
use model::Timestamp;
use std::borrow::Cow;

/// How often something failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThrottleState {
    /// Failures since the last success.
    pub failures: u32,
    /// When the last one was.
    pub last_failure_at: Timestamp,
}

/// Longer keys are kept as their hash.
const KEY_BYTES_MAX: usize = 200;

impl Store {
    /// Counts a failure.
    pub async fn throttle_fail(&self, key: &str, now: Timestamp) -> Result<ThrottleState> {
        let rows = self
            .inner
            .database
            .write_rows(
                "INSERT INTO throttles (key, failures, last_failure_at) VALUES ($1, 1, $2)
                 ON CONFLICT (key) DO UPDATE
                 SET failures = throttles.failures + 1, last_failure_at = excluded.last_failure_at
                 RETURNING failures, last_failure_at",
                values![&*bounded(key), now],
            )
            .await?;
        match rows.first() {
            Some(row) => read(row),
            None => Ok(ThrottleState { failures: 1, last_failure_at: now }),
        }
    }

    /// Takes one failure back, counted `at` a time on top of `before`: what was counted beforehand did not fail.
    /// If nothing failed since, the last failure is again the one before.
    pub async fn throttle_take_back(
        &self,
        key: &str,
        at: Timestamp,
        before: Option<Timestamp>,
    ) -> Result<()> {
        let key = bounded(key);
        let database = &self.inner.database;
        database
            .execute(
                "UPDATE throttles
                 SET failures = failures - 1,
                     last_failure_at = CASE WHEN last_failure_at = $2 THEN $3 ELSE last_failure_at END
                 WHERE key = $1 AND failures > 0",
                values![&*key, at, before.unwrap_or(at)],
            )
            .await?;
        let nothing = "DELETE FROM throttles WHERE key = $1 AND failures = 0";
        database.execute(nothing, values![&*key]).await?;
        Ok(())
    }

    /// The failures so far; none if there were none lately.
    pub async fn throttle_state(&self, key: &str) -> Result<Option<ThrottleState>> {
        let sql = "SELECT failures, last_failure_at FROM throttles WHERE key = $1";
        let row = self.inner.database.row(sql, values![&*bounded(key)]).await?;
        row.as_ref().map(read).transpose()
    }

    /// Forgets the failures, after a success.
    pub async fn throttle_clear(&self, key: &str) -> Result<()> {
        let sql = "DELETE FROM throttles WHERE key = $1";
        self.inner.database.execute(sql, values![&*bounded(key)]).await?;
        Ok(())
    }
}

fn read(row: &Row) -> Result<ThrottleState> {
    Ok(ThrottleState {
        failures: u32::try_from(row.int("failures")?).unwrap_or(u32::MAX),
        last_failure_at: row.time("last_failure_at")?,
    })
}

/// Hostile input: the key holds what a stranger typed. A long one, or one with a character that a database
/// refuses, is replaced by its hash.
pub(crate) fn bounded(key: &str) -> Cow<'_, str> {
    if key.len() <= KEY_BYTES_MAX && !key.contains('\0') {
        return Cow::Borrowed(key);
    }
    let digest = digest::digest(&digest::SHA256, key.as_bytes());
    let hex: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    Cow::Owned(format!("sha256:{hex}"))
}
