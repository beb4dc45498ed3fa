//! The hub's traffic room: units are stored as they are decoded, listed, followed live and opened.
//! Units come from captures that somebody uploads (`upload`) and from agents on the nodes (`agents`); decoding and
//! redaction are `wire`'s, so that nothing here ever sees a secret.
//!
//! It is for administrators of the hub alone: traffic shows what everybody does in the cluster, whatever RBAC
//! lets the viewer see. Opening a unit, following the list, making a role from use and uploading are written to the
//! audit log first.

mod agents;
mod explaining;
mod ingest;
mod live;
mod role;
mod routes;
mod sources;
mod upload;
mod view;

pub use agents::{AgentCertificate, agents_router, describe_agent_metrics};
pub use ingest::Stored;
pub use routes::router;

use crate::{Filter, FilterFault};
use http_api::{HttpApi, Problem, Watches};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use store::{TrafficCondition, TrafficRetention};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Each comparison costs the database a look at each row: what nobody would type is refused.
const FILTER_CHARS_MAX: usize = 1000;

/// The traffic of a hub. Cheap to clone.
#[derive(Clone)]
pub struct Traffic {
    inner: Arc<Inner>,
}

struct Inner {
    api: HttpApi,
    retention: TrafficRetention,
    /// The newest unit that this hub stored, for those who follow.
    newest: watch::Sender<i64>,
    watches: Watches,
    /// Decoding takes a core: one upload at a time.
    uploads: Arc<Semaphore>,
    /// Whether this hub listens to agents.
    takes_agents: AtomicBool,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

impl Traffic {
    /// Puts the service together. What is followed and uploaded ends when the token is cancelled.
    pub fn new(api: HttpApi, retention: TrafficRetention, shutdown: CancellationToken) -> Self {
        Self {
            inner: Arc::new(Inner {
                api,
                retention,
                newest: watch::Sender::new(0),
                watches: Watches::default(),
                uploads: Arc::new(Semaphore::new(1)),
                takes_agents: AtomicBool::new(false),
                tasks: TaskTracker::new(),
                shutdown,
            }),
        }
    }

    /// Waits until what is followed, uploaded and stored has ended. Call it after the shutdown token.
    pub async fn drained(&self) {
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
    }
}

/// Reads a filter; an empty one is none.
fn wanted(filter: Option<&str>) -> Result<Option<TrafficCondition>, Problem> {
    let Some(text) = filter.filter(|text| !text.trim().is_empty()) else { return Ok(None) };
    if text.chars().count() > FILTER_CHARS_MAX {
        return Err(Problem::bad_request(format!(
            "`filter` is longer than {FILTER_CHARS_MAX} characters"
        )));
    }
    let filter: Filter = text
        .parse()
        .map_err(|fault: FilterFault| Problem::bad_request(format!("`filter`: {fault}")))?;
    Ok(Some(filter.condition()))
}
