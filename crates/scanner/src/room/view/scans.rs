//! Scans as the API tells them, and the clusters they are of.
//! What they found is told by `findings`, what it comes to by `overview`.

use crate::room::summary::outcome;
use model::Timestamp;
use serde::Serialize;
use store::{PostureScan, PostureState};

/// How far a scan is.
#[derive(Debug, Clone, Copy, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = PostureScanState)]
pub(in crate::room) enum StateWord {
    /// It is being made.
    Running,
    /// What it found is shown.
    Done,
    /// It was not made.
    Failed,
}

/// A scan of a cluster.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostureScan)]
pub(in crate::room) struct ScanBody {
    /// Its number.
    number: i64,
    /// How far it is.
    state: StateWord,
    /// Who asked for it; nobody, if its time had come.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    asked_by: Option<String>,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    began_at: Timestamp,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    ended_at: Option<Timestamp>,
    /// While it runs: the resource that is read, or `*` when all is read and looked at.
    progress: String,
    /// How many of it came so far.
    progress_count: u64,
    /// Why it was not made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "cluster_unreachable")]
    fault: Option<String>,
    /// What the cluster said to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    detail: Option<String>,
    /// The score as it was when the scan ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    score: Option<ScoreBody>,
    /// What was open when it ended.
    open: BySeverity,
    /// What could not be known.
    unknown: u64,
    /// Objects that were looked at.
    objects: u64,
    /// What was not open at the scan before.
    opened: u64,
    /// What is gone since.
    closed: u64,
    /// What was open and could not be looked at.
    unconfirmed: u64,
}

impl From<&PostureScan> for ScanBody {
    fn from(scan: &PostureScan) -> Self {
        let outcome = outcome(scan);
        Self {
            number: scan.number,
            state: match scan.state {
                PostureState::Running => StateWord::Running,
                PostureState::Done => StateWord::Done,
                PostureState::Failed => StateWord::Failed,
            },
            asked_by: scan.asked_by.clone(),
            began_at: scan.began_at,
            ended_at: scan.ended_at,
            progress: scan.progress.clone(),
            progress_count: scan.progress_count,
            fault: outcome.fault,
            detail: outcome.detail,
            score: outcome.score.map(|score| ScoreBody { value: score.value, least: score.least }),
            open: BySeverity::from(outcome.open),
            unknown: outcome.unknown,
            objects: outcome.objects,
            opened: outcome.opened,
            closed: outcome.closed,
            unconfirmed: outcome.unconfirmed,
        }
    }
}

/// Of all that could be decided, how much holds, 0 to 100.
#[derive(Debug, Clone, Copy, Serialize, utoipa::ToSchema)]
#[schema(as = PostureScore)]
pub(in crate::room) struct ScoreBody {
    /// The score.
    pub(super) value: u64,
    /// The same if all that is unknown were open.
    pub(super) least: u64,
}

/// How many of each severity.
#[derive(Debug, Clone, Copy, Default, Serialize, utoipa::ToSchema)]
#[schema(as = PostureBySeverity)]
pub(in crate::room) struct BySeverity {
    critical: u64,
    high: u64,
    medium: u64,
    low: u64,
    info: u64,
}

impl From<[u64; 5]> for BySeverity {
    fn from([info, low, medium, high, critical]: [u64; 5]) -> Self {
        Self { critical, high, medium, low, info }
    }
}

/// A cluster of this hub.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostureCluster)]
pub(in crate::room) struct ClusterBody {
    /// Its name.
    pub(in crate::room) cluster: String,
    /// The newest scan that is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(in crate::room) scan: Option<ScanBody>,
    /// The newest scan, if it is another one: it runs, or it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(in crate::room) newest: Option<ScanBody>,
    /// When it is scanned next by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    pub(in crate::room) next_at: Option<Timestamp>,
    /// Whether a scan can be asked for: none runs, or the hub that makes it is gone.
    pub(in crate::room) free: bool,
}

/// The clusters of this hub.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostureClusters)]
pub(in crate::room) struct ClustersBody {
    pub(in crate::room) items: Vec<ClusterBody>,
}

/// Scans, newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostureScans)]
pub(in crate::room) struct ScansBody {
    pub(in crate::room) items: Vec<ScanBody>,
}

/// A scan that was begun.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostureBegun)]
pub(in crate::room) struct BegunBody {
    /// Its number.
    pub(in crate::room) number: i64,
}
