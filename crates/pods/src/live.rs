//! All Pods that a person may see, live, as server-sent events: a snapshot, then changes.
//! How one place is followed is known to `feed`; how far the person sees, to `scope`.
//!
//! A *generation* is a snapshot and what follows from it. A new one begins, with a new snapshot that replaces
//! the old one, when changes were missed (410) or when the person sees farther or less far than before. The stream
//! ends when they see nothing any more, when the sign-in ends, when the hub stops, or after half an hour; the page
//! reconnects by itself.
//!
//! A cluster that does not answer at first is left out of the snapshot and told as `stale`; its Pods come as
//! changes once it does.
//!
//! Bounds: [`FEEDS_MAX`] places are followed; 64 messages wait for a slow browser, and then for each place
//! what fits into its connection. Beyond that nothing is read, until the API server cuts the watch and a new
//! snapshot brings the browser up to date.

use crate::feed::{Feed, Told};
use crate::scope::{Purpose, Scope};
use crate::service::{Pods, SCOPE_AGE_MAX};
use crate::view::PodView;
use axum::response::sse::Event;
use futures_util::future::join_all;
use http_api::{Problem, SignInEnd, SignedIn, Telling, WatchPlace, telling};
use kube_io::Cluster;
use model::{ClusterName, Identity};
use serde::Serialize;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout, timeout_at};
use tracing::Instrument as _;

const WAITING_MAX: usize = 64;
/// A person with rights in more namespaces than these, but not in all, sees the rest on reload only.
const FEEDS_MAX: usize = 100;
/// How long the snapshot waits for a slow cluster.
const SNAPSHOT_TIME_MAX: Duration = Duration::from_secs(5);
/// Rights are asked about so often; with the time the asking takes, a withdrawal counts within a minute.
const RIGHT_EVERY: Duration = Duration::from_secs(30);
/// New rights are looked for so often. The person's own new workspaces are seen at the next check of rights.
const DISCOVER_EVERY: Duration = Duration::from_secs(60);
const PAUSE_MIN: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// The data of `event: snapshot`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PodSnapshot {
    /// Every Pod; it replaces all that was told before.
    pub items: Vec<PodView>,
}

/// What happened to a Pod.
#[derive(Debug, Clone, Copy, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PodChangeKind {
    /// It is as told, or new.
    Applied,
    /// It is gone.
    Deleted,
}

/// The data of `event: change`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PodChange {
    /// What happened.
    pub kind: PodChangeKind,
    /// The Pod.
    pub pod: PodView,
}

/// The data of `event: stale`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
pub struct PodsStale {
    /// Why what is shown may be out of date.
    pub reason: PodsStaleReason,
    /// The cluster that is silent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The same in English, with the object's name.
    pub detail: String,
}

/// Why Pods that are shown may be out of date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PodsStaleReason {
    /// A cluster does not answer.
    ClusterSilent,
    /// A cluster takes long to answer.
    ClusterSlow,
    /// The right to see Pods was withdrawn.
    RightWithdrawn,
    /// There are more namespaces than are followed.
    NotAllFollowed,
}

impl PodsStale {
    pub(crate) fn cluster_silent(cluster: &ClusterName) -> Self {
        Self {
            reason: PodsStaleReason::ClusterSilent,
            cluster: Some(cluster.to_string()),
            detail: format!("cluster `{cluster}` does not answer"),
        }
    }

    fn cluster_slow() -> Self {
        let detail = "a cluster takes long to answer".to_owned();
        Self { reason: PodsStaleReason::ClusterSlow, cluster: None, detail }
    }

    fn right_withdrawn() -> Self {
        let detail = "the right to see Pods was withdrawn".to_owned();
        Self { reason: PodsStaleReason::RightWithdrawn, cluster: None, detail }
    }

    fn not_all_followed(left_out: usize) -> Self {
        let detail = format!("{left_out} namespaces more than are followed live");
        Self { reason: PodsStaleReason::NotAllFollowed, cluster: None, detail }
    }
}

struct Live {
    service: Pods,
    who: Identity,
    clusters: Vec<Cluster>,
    sender: mpsc::Sender<Event>,
    _place: WatchPlace,
}

/// What comes after a generation.
enum Next {
    Anew,
    End,
}

/// The browser has left.
struct Gone;

type Reach = Vec<(Cluster, Option<Scope>)>;

impl Pods {
    /// Begins to follow the Pods.
    pub(crate) async fn watch(
        &self,
        person: &SignedIn,
        named: Option<&ClusterName>,
    ) -> Result<Telling, Problem> {
        let clusters = self.clusters_for(person, named)?;
        let place = self.inner.watches.take(person)?;
        let end = SignInEnd::of(person, &self.inner.api.store, self.inner.api.clock.now());
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        let shutdown = self.inner.shutdown.clone();
        let live = Live {
            service: self.clone(),
            who: person.identity().clone(),
            clusters,
            sender: sender.clone(),
            _place: place,
        };
        let following = async move {
            tokio::select! {
                () = sender.closed() => {}
                () = shutdown.cancelled() => {}
                () = end.come() => {}
                () = live.play() => {}
            }
        };
        self.inner.tasks.spawn(following.in_current_span());
        Ok(telling(receiver))
    }
}

impl Live {
    async fn play(self) {
        let mut pause = PAUSE_MIN;
        let mut saw_something = false;
        loop {
            let began = Instant::now();
            match self.generation(&mut saw_something).await {
                Ok(Next::Anew) => {}
                Ok(Next::End) | Err(Gone) => return,
            }
            // A cluster that forgets quickly must not make every browser list it without end.
            if began.elapsed() > PAUSE_MAX {
                pause = PAUSE_MIN;
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn generation(&self, saw_something: &mut bool) -> Result<Next, Gone> {
        let reach = self.reach(SCOPE_AGE_MAX).await;
        let sees = reach.iter().any(|(_, scope)| scope.as_ref().is_none_or(|it| !it.is_empty()));
        if !sees && *saw_something {
            self.stale(PodsStale::right_withdrawn()).await?;
            return Ok(Next::End);
        }
        *saw_something |= sees;
        let (out, mut told) = mpsc::channel(WAITING_MAX);
        let mut feeds = JoinSet::new();
        let mut silent: BTreeSet<PodsStale> = BTreeSet::new();
        let mut left_out = 0;
        for (cluster, scope) in &reach {
            let Some(scope) = scope else {
                silent.insert(PodsStale::cluster_silent(cluster.name()));
                continue;
            };
            for namespace in scope.places() {
                if feeds.len() == FEEDS_MAX {
                    left_out += 1;
                    continue;
                }
                let feed = Feed {
                    number: feeds.len(),
                    cluster: cluster.clone(),
                    who: self.who.clone(),
                    namespace,
                    out: out.clone(),
                };
                feeds.spawn(feed.follow().in_current_span());
            }
        }
        drop(out);
        if left_out > 0 {
            silent.insert(PodsStale::not_all_followed(left_out));
        }
        let mut stale: BTreeSet<usize> = BTreeSet::new();
        let early = self.snapshot(&mut told, feeds.len(), &mut stale, &mut silent).await?;
        for why in silent {
            self.stale(why).await?;
        }
        for (number, told) in early {
            if let Some(next) = self.pass(number, told, &mut stale).await? {
                return Ok(next);
            }
        }
        let mut checks = interval(RIGHT_EVERY);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        checks.tick().await;
        loop {
            tokio::select! {
                next = told.recv() => match next {
                    Some((number, told)) => {
                        if let Some(next) = self.pass(number, told, &mut stale).await? {
                            return Ok(next);
                        }
                    }
                    // Nothing to follow, yet.
                    None => {
                        checks.tick().await;
                        if self.has_changed(&reach).await {
                            return Ok(Next::Anew);
                        }
                    }
                },
                _ = checks.tick() => if self.has_changed(&reach).await {
                    return Ok(Next::Anew);
                },
            }
        }
    }

    /// Waits for the lists, sends them as one, and returns what came too early to be sent.
    async fn snapshot(
        &self,
        told: &mut mpsc::Receiver<(usize, Told)>,
        feeds: usize,
        stale: &mut BTreeSet<usize>,
        silent: &mut BTreeSet<PodsStale>,
    ) -> Result<Vec<(usize, Told)>, Gone> {
        let until = Instant::now() + SNAPSHOT_TIME_MAX;
        let mut waiting: BTreeSet<usize> = (0..feeds).collect();
        let (mut items, mut early) = (Vec::new(), Vec::new());
        while !waiting.is_empty() {
            let Ok(next) = timeout_at(until, told.recv()).await else {
                silent.insert(PodsStale::cluster_slow());
                stale.extend(&waiting);
                break;
            };
            let Some((number, told)) = next else { break };
            match told {
                Told::Listed(pods) if waiting.remove(&number) => items.extend(pods),
                Told::Stale(why) if waiting.remove(&number) => {
                    stale.insert(number);
                    silent.insert(why);
                }
                told => {
                    waiting.remove(&number);
                    early.push((number, told));
                }
            }
        }
        items.sort_by(|one: &PodView, other| one.place().cmp(&other.place()));
        self.send("snapshot", &PodSnapshot { items }).await?;
        Ok(early)
    }

    /// Hands on what a feed told.
    async fn pass(
        &self,
        number: usize,
        told: Told,
        stale: &mut BTreeSet<usize>,
    ) -> Result<Option<Next>, Gone> {
        let change = |kind, pod| PodChange { kind, pod };
        match told {
            // Later than the snapshot.
            Told::Listed(pods) => {
                for pod in pods {
                    self.send("change", &change(PodChangeKind::Applied, pod)).await?;
                }
                self.live_again(number, stale).await?;
            }
            Told::Applied(pod) => self.send("change", &change(PodChangeKind::Applied, pod)).await?,
            Told::Deleted(pod) => self.send("change", &change(PodChangeKind::Deleted, pod)).await?,
            Told::Stale(why) => {
                stale.insert(number);
                self.stale(why).await?;
            }
            Told::Live => self.live_again(number, stale).await?,
            Told::Expired => return Ok(Some(Next::Anew)),
            Told::Withdrawn => {
                // The API server was asked as the person and said no; the cached answer is out of date.
                self.reach(Duration::ZERO).await;
                return Ok(Some(Next::Anew));
            }
        }
        Ok(None)
    }

    async fn live_again(&self, number: usize, stale: &mut BTreeSet<usize>) -> Result<(), Gone> {
        if stale.remove(&number) && stale.is_empty() {
            self.send("live", &serde_json::json!({})).await?;
        }
        Ok(())
    }

    /// How far the person sees in each cluster; nothing for one that does not answer.
    async fn reach(&self, age_max: Duration) -> Reach {
        let asking = self.clusters.iter().map(|cluster| async move {
            let asking = self.service.scope(cluster, &self.who, Purpose::Follow, age_max);
            let scope = timeout(SNAPSHOT_TIME_MAX, asking).await;
            let scope = scope.ok().and_then(|scope| {
                scope
                    .inspect_err(|error| tracing::debug!(%error, "rights cannot be asked about"))
                    .ok()
            });
            (cluster.clone(), scope)
        });
        join_all(asking).await
    }

    /// Whether the person sees farther or less far than `reach`. A cluster that fell silent changes nothing.
    async fn has_changed(&self, reach: &Reach) -> bool {
        let scopes = &self.service.inner.scopes;
        let asking = reach.iter().map(|(cluster, scope)| async move {
            let Some(scope) = scope else { return false };
            let holds = scopes.holds(cluster, &self.who, Purpose::Follow, scope);
            matches!(timeout(SNAPSHOT_TIME_MAX, holds).await, Ok(Ok(false)))
        });
        if join_all(asking).await.contains(&true) {
            return true;
        }
        let now = self.reach(DISCOVER_EVERY).await;
        reach.iter().zip(now).any(|((_, before), (_, now))| now.is_some() && *before != now)
    }

    async fn stale(&self, why: PodsStale) -> Result<(), Gone> {
        self.send("stale", &why).await
    }

    async fn send(&self, name: &str, data: &impl Serialize) -> Result<(), Gone> {
        let message = Event::default().event(name).json_data(data).map_err(|error| {
            tracing::error!(%error, "Pods cannot be written as JSON");
            Gone
        })?;
        self.sender.send(message).await.map_err(|_| Gone)
    }
}
