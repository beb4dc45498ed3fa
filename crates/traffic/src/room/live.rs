//! The list as it grows, as server-sent events: a snapshot, then what is new.
//! What is stored is read, not what this hub decodes: two hubs on one database show the same.
//!
//! When more came between two looks than one message takes, a new snapshot replaces the list: nothing is
//! missing from it, because older units are read by their numbers. The stream ends with the sign-in, when the
//! hub stops, or after half an hour; the page reconnects by itself.
//!
//! Bounds: what `Watches` counts; a message has at most 500 units, and there are at most ten a second; two wait
//! for a slow browser, and then nothing is read.

use super::view::{TrafficNews, TrafficSnapshot, TrafficStale, UnitBody};
use super::{Traffic, wanted};
use axum::response::sse::Event;
use http_api::{Administrator, Problem, SignInEnd, Telling, WatchPlace, telling};
use serde::Serialize;
use std::time::Duration;
use store::{StoreError, TrafficCondition, TrafficPage, TrafficQuery};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tracing::Instrument as _;

const WAITING_MAX: usize = 2;
const SNAPSHOT_UNITS: u32 = 200;
const NEWS_UNITS_MAX: u32 = 500;
/// No eye sees more often.
const LOOK_EVERY_MIN: Duration = Duration::from_millis(100);
/// How soon another hub's units are seen.
const LOOK_EVERY_MAX: Duration = Duration::from_secs(1);
/// A store that does not answer is asked again after this.
const PAUSE: Duration = Duration::from_secs(2);

struct Live {
    traffic: Traffic,
    condition: Option<TrafficCondition>,
    sender: mpsc::Sender<Event>,
    _place: WatchPlace,
}

/// The browser has left.
struct Gone;

impl Traffic {
    /// Begins to follow the units that a filter wants.
    pub(super) async fn follow(
        &self,
        administrator: &Administrator,
        filter: Option<&str>,
    ) -> Result<Telling, Problem> {
        let condition = wanted(filter)?;
        let inner = &self.inner;
        let place = inner.watches.take(administrator)?;
        inner.api.store.audit(administrator.audit("traffic.follow", "").allowed()).await?;
        let end = SignInEnd::of(administrator, &inner.api.store, inner.api.clock.now());
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        let shutdown = inner.shutdown.clone();
        let live = Live { traffic: self.clone(), condition, sender: sender.clone(), _place: place };
        let following = async move {
            tokio::select! {
                () = sender.closed() => {}
                () = shutdown.cancelled() => {}
                () = end.come() => {}
                () = live.play() => {}
            }
        };
        inner.tasks.spawn(following.in_current_span());
        Ok(telling(receiver))
    }
}

impl Live {
    async fn play(self) {
        loop {
            match self.generation().await {
                Ok(()) => {}
                Err(Broken::Gone) => return,
                Err(Broken::Store(error)) => {
                    tracing::warn!(%error, "traffic that is followed cannot be read");
                    if self.tell("stale", &TrafficStale {}).await.is_err() {
                        return;
                    }
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// A snapshot and what follows from it, until more came than is told.
    async fn generation(&self) -> Result<(), Broken> {
        let mut newest = self.traffic.inner.newest.subscribe();
        let page = self.read(None, SNAPSHOT_UNITS).await?;
        let mut seen = page.newest;
        let snapshot = TrafficSnapshot {
            items: page.units.into_iter().map(UnitBody::from).collect(),
            next_before: page.next_before,
            newest: page.newest,
        };
        self.tell("snapshot", &snapshot).await?;
        loop {
            sleep(LOOK_EVERY_MIN).await;
            // Either way it is looked.
            let _ = timeout(LOOK_EVERY_MAX, newest.changed()).await;
            if self.traffic.inner.api.store.traffic_newest().await? <= seen {
                continue;
            }
            let page = self.read(Some(seen), NEWS_UNITS_MAX).await?;
            if page.next_before.is_some() {
                return Ok(());
            }
            seen = page.newest;
            if page.units.is_empty() {
                continue;
            }
            let news = TrafficNews {
                items: page.units.into_iter().map(UnitBody::from).collect(),
                newest: page.newest,
            };
            self.tell("units", &news).await?;
        }
    }

    async fn read(&self, after: Option<i64>, limit: u32) -> Result<TrafficPage, StoreError> {
        let query = TrafficQuery { before: None, after, limit, condition: self.condition.clone() };
        self.traffic.inner.api.store.traffic_units(&query).await
    }

    async fn tell(&self, name: &str, told: &impl Serialize) -> Result<(), Gone> {
        let event = Event::default().event(name).json_data(told).map_err(|error| {
            tracing::error!(%error, "what is followed cannot be written");
            Gone
        })?;
        self.sender.send(event).await.map_err(|_| Gone)
    }
}

enum Broken {
    Gone,
    Store(StoreError),
}

impl From<Gone> for Broken {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<StoreError> for Broken {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
