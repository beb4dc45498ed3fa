//! Findings: what a scan found is compared with what is open, and only the difference is written.
//! Whether what was not found again is gone or merely was not seen is the caller's knowledge.
//!
//! Each transaction first touches the scan's row: a scan that somebody else has ended writes nothing more.

use super::{PostureExcuse, number};
use crate::database::{Row, Tx, Value, insert, values};
use crate::{Result, Store, StoreError};
use aws_lc_rs::digest;
use model::{ClusterName, Timestamp};
use std::collections::{HashMap, HashSet};

/// Rows that one transaction changes: a few milliseconds for which other writers wait.
const AT_ONCE: usize = 256;
/// Open findings that are read with one statement.
const PAGE: i64 = 5000;
/// Numbers of findings that belong to one scan; the scanner's bound is far below.
pub(super) const NUMBERS_OF_A_SCAN: i64 = 1_000_000;

const COLUMNS: [&str; 20] = [
    "number",
    "cluster",
    "fingerprint",
    "check_id",
    "verdict",
    "severity",
    "reach",
    "on_path",
    "weight",
    "object",
    "api_version",
    "kind",
    "namespace",
    "name",
    "path",
    "value",
    "reason",
    "opened_scan",
    "opened_at",
    "returned",
];

/// What a check said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostureVerdict {
    /// Something is wrong.
    Fail,
    /// It cannot be known.
    Unknown,
}

impl PostureVerdict {
    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Unknown => "unknown",
        }
    }
}

/// What a scan found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostureFound {
    /// The check's id.
    pub check: String,
    /// What it said.
    pub verdict: PostureVerdict,
    /// How bad it is by itself, from 0.
    pub severity: u8,
    /// How far outside an attacker may stand, from 0.
    pub reach: u8,
    /// Whether the object is a step of a shortest path.
    pub on_path: bool,
    /// What all of it weighs.
    pub weight: u64,
    /// The object as reports name it.
    pub object: String,
    /// Its `apiVersion`.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its namespace.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// The field.
    pub path: String,
    /// The field's value.
    pub value: Option<String>,
    /// Why it is unknown, in the scanner's own form.
    pub reason: Option<String>,
    /// What answers for it.
    pub excuse: Option<PostureExcuse>,
}

/// A finding as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostureFinding {
    /// Its number.
    pub number: i64,
    /// What was found, as it was found last.
    pub found: PostureFound,
    /// The scan that found it first.
    pub opened_scan: i64,
    /// When that began.
    pub opened_at: Timestamp,
    /// The scan that found it no more.
    pub closed_scan: Option<i64>,
    /// When that began.
    pub closed_at: Option<Timestamp>,
    /// The first scan since which it could neither be found nor be known to be gone.
    pub unconfirmed_scan: Option<i64>,
    /// It had been gone before.
    pub returned: bool,
}

/// An open finding that a scan did not find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostureKnown<'a> {
    /// The check's id.
    pub check: &'a str,
    /// The object as reports name it.
    pub object: &'a str,
    /// Its kind.
    pub kind: &'a str,
}

/// What storing a scan's findings changed, of those that fail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PostureStored {
    /// Findings that were not open before.
    pub opened: u64,
    /// Findings that are gone.
    pub closed: u64,
    /// Findings that could not be confirmed.
    pub unconfirmed: u64,
}

enum Change {
    Update(i64, Box<PostureFound>),
    Close(i64),
    Doubt(i64),
}

impl Store {
    /// Writes what a scan found. An open finding that is not among it is gone, unless `is_doubtful` says that it could
    /// not be looked at. What it opens, closes and doubts is shown once the scan is finished; what is new about a finding
    /// that stays open (its weight, value and exception, and that it was confirmed) at once.
    pub async fn store_posture_findings(
        &self,
        scan: i64,
        cluster: &ClusterName,
        found: Vec<PostureFound>,
        is_doubtful: impl Fn(&PostureKnown<'_>) -> bool + Send,
        now: Timestamp,
    ) -> Result<PostureStored> {
        let mut fresh: HashMap<String, PostureFound> =
            found.into_iter().map(|found| (fingerprint(&found), found)).collect();
        let mut changes = Vec::new();
        let mut stored = PostureStored::default();
        let mut after = i64::MIN;
        loop {
            let rows = self
                .inner
                .database
                .rows(
                    "SELECT * FROM posture_findings
                     WHERE cluster = $1 AND closed_scan IS NULL AND number > $2 ORDER BY number LIMIT $3",
                    values![cluster.as_str(), after, PAGE],
                )
                .await?;
            for row in &rows {
                let known = read(row)?;
                after = known.number;
                match fresh.remove(&row.text("fingerprint")?) {
                    Some(found) if found == known.found && known.unconfirmed_scan.is_none() => {}
                    Some(found) => changes.push(Change::Update(known.number, Box::new(found))),
                    None => {
                        let of = &known.found;
                        let seen =
                            PostureKnown { check: &of.check, object: &of.object, kind: &of.kind };
                        if of.verdict == PostureVerdict::Fail && is_doubtful(&seen) {
                            stored.unconfirmed += 1;
                            if known.unconfirmed_scan.is_none() {
                                changes.push(Change::Doubt(known.number));
                            }
                        } else {
                            if of.verdict == PostureVerdict::Fail {
                                stored.closed += 1;
                            }
                            changes.push(Change::Close(known.number));
                        }
                    }
                }
            }
            if i64::try_from(rows.len()).is_ok_and(|count| count < PAGE) {
                break;
            }
        }
        for some in changes.chunks(AT_ONCE) {
            let mut tx = self.begin_of_scan(scan, now).await?;
            for change in some {
                apply(&mut tx, scan, change, now).await?;
            }
            tx.commit().await?;
        }
        let failing = fresh.values().filter(|found| found.verdict == PostureVerdict::Fail);
        stored.opened = failing.count() as u64;
        self.open_findings(scan, cluster, fresh, now).await?;
        Ok(stored)
    }

    async fn open_findings(
        &self,
        scan: i64,
        cluster: &ClusterName,
        fresh: HashMap<String, PostureFound>,
        now: Timestamp,
    ) -> Result<()> {
        let mut fresh: Vec<(String, PostureFound)> = fresh.into_iter().collect();
        // In an order that does not change from scan to scan.
        fresh.sort_by(|(a, left), (b, right)| (&left.object, a).cmp(&(&right.object, b)));
        let gone = self.gone_before(cluster).await?;
        let first = scan.saturating_mul(NUMBERS_OF_A_SCAN);
        let mut numbers = first..first.saturating_add(NUMBERS_OF_A_SCAN);
        for some in fresh.chunks(AT_ONCE) {
            let mut rows = Vec::new();
            let mut excused = Vec::new();
            for (fingerprint, found) in some {
                let Some(number) = numbers.next() else {
                    return Err(StoreError::Invalid {
                        object: "the findings of a scan".to_owned(),
                        reason: format!("there are more than {NUMBERS_OF_A_SCAN}"),
                    });
                };
                if let Some(excuse) = found.excuse {
                    excused.push((number, excuse));
                }
                let returned = gone.contains(fingerprint);
                rows.push(row_of(number, cluster, fingerprint, found, scan, now, returned));
            }
            let mut tx = self.begin_of_scan(scan, now).await?;
            insert(&mut tx, "posture_findings", &COLUMNS, rows).await?;
            for (number, excuse) in excused {
                excuse_finding(&mut tx, number, Some(excuse)).await?;
            }
            tx.commit().await?;
        }
        Ok(())
    }

    /// Fingerprints of what was open once and is gone.
    async fn gone_before(&self, cluster: &ClusterName) -> Result<HashSet<String>> {
        let rows = self
            .inner
            .database
            .rows(
                "SELECT DISTINCT fingerprint FROM posture_findings
                 WHERE cluster = $1 AND closed_scan IS NOT NULL",
                values![cluster.as_str()],
            )
            .await?;
        rows.iter().map(|row| row.text("fingerprint")).collect()
    }

    async fn begin_of_scan(&self, scan: i64, now: Timestamp) -> Result<Tx> {
        let mut tx = self.inner.database.begin().await?;
        let touched = tx
            .execute(
                "UPDATE posture_scans SET heard_at = CASE WHEN heard_at > $2 THEN heard_at ELSE $2 END
                 WHERE number = $1 AND state = 'running'",
                values![scan, now],
            )
            .await?;
        if touched == 0 {
            return Err(StoreError::conflict(format!("scan {scan}, which was ended,")));
        }
        Ok(tx)
    }
}

async fn apply(tx: &mut Tx, scan: i64, change: &Change, now: Timestamp) -> Result<()> {
    match change {
        Change::Update(number, found) => {
            tx.execute(
                "UPDATE posture_findings SET severity = $2, reach = $3, on_path = $4, weight = $5, value = $6,
                   reason = $7, exception = $8, excepted_until = $9, unconfirmed_scan = NULL
                 WHERE number = $1",
                values![
                    *number,
                    i64::from(found.severity),
                    i64::from(found.reach),
                    found.on_path,
                    super::number(found.weight),
                    found.value.clone(),
                    found.reason.clone(),
                    found.excuse.map(|(number, _)| number),
                    found.excuse.map(|(_, until)| until),
                ],
            )
            .await?
        }
        Change::Close(number) => {
            tx.execute(
                "UPDATE posture_findings SET closed_scan = $2, closed_at = $3 WHERE number = $1",
                values![*number, scan, now],
            )
            .await?
        }
        Change::Doubt(number) => {
            tx.execute(
                "UPDATE posture_findings SET unconfirmed_scan = $2 WHERE number = $1",
                values![*number, scan],
            )
            .await?
        }
    };
    Ok(())
}

/// Sets what answers for a finding.
pub(super) async fn excuse_finding(
    tx: &mut Tx,
    number: i64,
    excuse: Option<PostureExcuse>,
) -> Result<()> {
    tx.execute(
        "UPDATE posture_findings SET exception = $2, excepted_until = $3 WHERE number = $1",
        values![number, excuse.map(|(number, _)| number), excuse.map(|(_, until)| until)],
    )
    .await?;
    Ok(())
}

fn row_of(
    at: i64,
    cluster: &ClusterName,
    fingerprint: &str,
    found: &PostureFound,
    scan: i64,
    now: Timestamp,
    returned: bool,
) -> Vec<Value> {
    values![
        at,
        cluster.as_str(),
        fingerprint,
        &found.check,
        found.verdict.as_str(),
        i64::from(found.severity),
        i64::from(found.reach),
        found.on_path,
        number(found.weight),
        &found.object,
        &found.api_version,
        &found.kind,
        found.namespace.clone(),
        &found.name,
        &found.path,
        found.value.clone(),
        found.reason.clone(),
        scan,
        now,
        returned,
    ]
}

/// What a finding is recognised by in a later scan. Not its place in a text, which moves.
fn fingerprint(found: &PostureFound) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for text in [found.verdict.as_str(), &found.check, &found.object, &found.path] {
        // Lengths first, so that no two lists of texts are one text.
        context.update(&(text.len() as u64).to_be_bytes());
        context.update(text.as_bytes());
    }
    context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn read(row: &Row) -> Result<PostureFinding> {
    let verdict = match row.text("verdict")?.as_str() {
        "fail" => PostureVerdict::Fail,
        "unknown" => PostureVerdict::Unknown,
        other => {
            return Err(StoreError::corrupt("a finding's verdict", format!("it is `{other}`")));
        }
    };
    let excuse = match (row.int_option("exception")?, row.time_option("excepted_until")?) {
        (Some(number), Some(until)) => Some((number, until)),
        _ => None,
    };
    Ok(PostureFinding {
        number: row.int("number")?,
        found: PostureFound {
            check: row.text("check_id")?,
            verdict,
            severity: row.number("severity")?,
            reach: row.number("reach")?,
            on_path: row.bool("on_path")?,
            weight: row.number("weight")?,
            object: row.text("object")?,
            api_version: row.text("api_version")?,
            kind: row.text("kind")?,
            namespace: row.text_option("namespace")?,
            name: row.text("name")?,
            path: row.text("path")?,
            value: row.text_option("value")?,
            reason: row.text_option("reason")?,
            excuse,
        },
        opened_scan: row.int("opened_scan")?,
        opened_at: row.time("opened_at")?,
        closed_scan: row.int_option("closed_scan")?,
        closed_at: row.time_option("closed_at")?,
        unconfirmed_scan: row.int_option("unconfirmed_scan")?,
        returned: row.bool("returned")?,
    })
}
