//! How long scans and findings that are gone are kept.
//! The number of days is the operator's; what is open, and the newest two scans of each cluster that are done, always
//! stay.

use crate::database::values;
use crate::{Result, Store};
use model::Timestamp;
use std::time::Duration;

/// Rows that one statement removes: some tens of milliseconds for which writers wait.
const AT_ONCE: i64 = 5000;

/// What a purge removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PosturePurged {
    /// Scans.
    pub scans: u64,
    /// Findings that are gone.
    pub findings: u64,
}

impl Store {
    /// Removes scans, and findings that are gone, older than `kept`. Every hub may call it, every few minutes.
    pub async fn purge_posture(&self, now: Timestamp, kept: Duration) -> Result<PosturePurged> {
        let kept = i64::try_from(kept.as_micros()).unwrap_or(i64::MAX);
        let before = now.as_micros().saturating_sub(kept);
        let database = &self.inner.database;
        let mut purged = PosturePurged::default();
        loop {
            let findings = database
                .execute(
                    "DELETE FROM posture_findings WHERE number IN
                       (SELECT number FROM posture_findings WHERE closed_at < $1
                          AND closed_scan < (SELECT COALESCE(MAX(number), 0) FROM posture_scans s
                                             WHERE s.cluster = posture_findings.cluster AND s.state = 'done')
                        ORDER BY closed_at LIMIT $2)",
                    values![before, AT_ONCE],
                )
                .await?;
            purged.findings += findings;
            if findings < AT_ONCE.unsigned_abs() {
                break;
            }
        }
        purged.scans = database
            .execute(
                "DELETE FROM posture_scans WHERE ended_at < $1
                   AND number < (SELECT MAX(number) FROM posture_scans newest
                                 WHERE newest.cluster = posture_scans.cluster)
                   AND (SELECT COUNT(*) FROM posture_scans later
                        WHERE later.cluster = posture_scans.cluster AND later.state = 'done'
                          AND later.number > posture_scans.number) >= 2",
                values![before],
            )
            .await?;
        Ok(purged)
    }
}
