//! The hub's posture room: clusters are scanned when their time has come and when somebody asks, what was found is kept
//! from scan to scan, and administrators look at it and answer for what is meant to be so.
//! What is wrong is `posture`'s knowledge, what is kept the store's; which clusters there are, and how often, the
//! binary's.
//!
//! It is for administrators of the hub alone: a scan is made with the hub's own rights and shows what everybody has in
//! the cluster. An administrator whose sign-in holds for one cluster sees that one.

mod catalogue;
mod excuse;
mod export;
mod metric;
mod routes;
mod scan;
mod schedule;
mod summary;
mod view;

pub use metric::describe_metrics;
pub use routes::router;

use http_api::{Administrator, DecidedBy, HttpApi, Problem, ProblemCode};
use kube_io::Cluster;
use model::ClusterName;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How often clusters are scanned, and how long it is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostureSettings {
    /// The time between two scans of a cluster; without it only who asks has it scanned.
    pub every: Option<Duration>,
    /// How long scans, and findings that are gone, are kept.
    pub kept: Duration,
}

/// The posture of a hub's clusters. Cheap to clone.
#[derive(Clone)]
pub struct Posture {
    inner: Arc<Inner>,
}

struct Inner {
    api: HttpApi,
    settings: PostureSettings,
    /// A scan holds a cluster in memory and takes a core: one at a time.
    seat: Arc<Semaphore>,
    /// A file holds all findings of a cluster in memory, twice: one at a time.
    desk: Arc<Semaphore>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

impl Posture {
    /// Puts the service together. A scan that runs ends when the token is cancelled.
    pub fn new(api: HttpApi, settings: PostureSettings, shutdown: CancellationToken) -> Self {
        Self {
            inner: Arc::new(Inner {
                api,
                settings,
                seat: Arc::new(Semaphore::new(1)),
                desk: Arc::new(Semaphore::new(1)),
                tasks: TaskTracker::new(),
                shutdown,
            }),
        }
    }

    /// Waits until what is scanned has ended. Call it after the shutdown token.
    pub async fn drained(&self) {
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
    }

    /// The cluster, for somebody who may look at it.
    fn cluster(
        &self,
        administrator: &Administrator,
        name: &ClusterName,
    ) -> Result<&Cluster, Problem> {
        administrator.check_cluster(name)?;
        self.inner.api.clusters.get(name).ok_or_else(|| {
            Problem::new(ProblemCode::ClusterUnknown, format!("this hub knows no cluster `{name}`"))
                .decided_by(DecidedBy::Hub)
        })
    }
}
