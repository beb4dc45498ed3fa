//! One workspace, live: the Pod and its events watched as the person, told as server-sent events.
//! Each event carries the whole workspace, so that one which is missed does no harm.
//!
//! States: told whenever something changed → ended, because the Pod is gone, the sign-in or the right to watch
//! ended, the hub stops, or half an hour is over. A cluster that falls silent ends nothing: the watch is taken up
//! again with growing pauses. The page reconnects by itself (`EventSource`).
//!
//! Bounds: at most 200 events are kept of a Pod, and 16 messages wait for a slow browser; beyond that
//! nothing more is read from the cluster until it has caught up.

use crate::refusal;
use crate::service::{Need, Workspaces, event_selector, is_of, view};
use crate::view::WorkspaceView;
use axum::response::sse::Event as Sent;
use futures_util::StreamExt as _;
use http_api::{Problem, SignInEnd, SignedIn, Telling, WatchPlace, telling};
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::api::Api;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, watcher};
use kube_io::{Authorized, Cluster, Verdict, WatchPods};
use model::{Identity, WorkspaceId};
use std::time::Duration;
use store::WorkspaceRow;
use tokio::sync::mpsc;
use tracing::Instrument as _;

const WAITING_MAX: usize = 16;
const EVENTS_MAX: usize = 200;
/// A right that was withdrawn ends the watch within a minute.
const RIGHT_EVERY: Duration = Duration::from_secs(45);

/// What is known so far.
struct Scene {
    row: WorkspaceRow,
    pod: Option<Pod>,
    events: Vec<Event>,
    told: Option<WorkspaceView>,
    sender: mpsc::Sender<Sent>,
    _place: WatchPlace,
}

impl Workspaces {
    /// Begins to watch a workspace.
    pub(crate) async fn watch(
        &self,
        person: &SignedIn,
        id: &WorkspaceId,
    ) -> Result<Telling, Problem> {
        person.count_act(self.api()).await?;
        let place = self.inner.watches.take(person)?;
        let end = SignInEnd::of(person, &self.api().store, self.api().clock.now());
        let (row, cluster) = self.find(person, id, Need::See).await?;
        let right = match right_to_watch(&cluster, person.identity(), &row).await? {
            Ok(right) => right,
            Err(problem) => {
                let entry = person.audit("workspace.watch", id).denied(problem.code());
                self.api().store.audit(entry).await?;
                return Err(problem);
            }
        };
        let client = cluster.as_person(&right).map_err(refusal::of_hub)?;
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        let scene = Scene {
            row,
            pod: None,
            events: Vec::new(),
            told: None,
            sender: sender.clone(),
            _place: place,
        };
        let (who, shutdown) = (person.identity().clone(), self.inner.shutdown.clone());
        let namespace = scene.row.clone();
        let watching = async move {
            tokio::select! {
                () = sender.closed() => {}
                () = shutdown.cancelled() => {}
                () = end.come() => {}
                () = right_ends(&cluster, &who, &namespace) => {}
                () = scene.play(client) => {}
            }
        };
        self.inner.tasks.spawn(watching.in_current_span());
        Ok(telling(receiver))
    }
}

/// The right to watch, or why there is none.
async fn right_to_watch(
    cluster: &Cluster,
    who: &Identity,
    row: &WorkspaceRow,
) -> Result<Result<Authorized<WatchPods>, Problem>, Problem> {
    let action = WatchPods { namespace: Some(row.namespace.clone()) };
    match cluster.authorize(who, action).await.map_err(refusal::of_hub)? {
        Verdict::Allowed(right) => Ok(Ok(right)),
        Verdict::Denied { access, reason } => {
            Ok(Err(http_api::cluster_denies(cluster.name(), &who.user, &access, &reason)))
        }
    }
}

async fn right_ends(cluster: &Cluster, who: &Identity, row: &WorkspaceRow) {
    loop {
        tokio::time::sleep(RIGHT_EVERY).await;
        // A cluster that does not answer takes no right away; nor does it tell anything new.
        if let Ok(Err(_)) = right_to_watch(cluster, who, row).await {
            return;
        }
    }
}

impl Scene {
    async fn play(mut self, client: kube::Client) {
        let namespace = self.row.namespace.as_str();
        let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
        let events: Api<Event> = Api::namespaced(client, namespace);
        let this = watcher::Config::default().fields(&format!("metadata.name={}", self.row.pod));
        let about = watcher::Config::default().fields(&event_selector(&self.row));
        let mut pods = std::pin::pin!(watcher(pods, this).default_backoff());
        let mut events = std::pin::pin!(watcher(events, about).default_backoff());
        let mut listed = false;
        loop {
            tokio::select! {
                seen = pods.next() => match seen {
                    Some(Ok(watcher::Event::Init)) => self.pod = None,
                    Some(Ok(watcher::Event::InitApply(pod) | watcher::Event::Apply(pod))) => {
                        if is_of(&self.row, &pod) {
                            self.pod = Some(pod);
                        }
                        if !listed { continue }
                    }
                    Some(Ok(watcher::Event::InitDone)) => listed = true,
                    Some(Ok(watcher::Event::Delete(pod))) => if is_of(&self.row, &pod) {
                        self.row.pod_uid = pod.metadata.uid.and_then(|uid| uid.parse().ok());
                        self.pod = None;
                    },
                    Some(Err(error)) => {
                        tracing::debug!(%error, workspace = %self.row.id, "the watch of a Pod pauses");
                        continue;
                    }
                    None => return,
                },
                seen = events.next() => match seen {
                    Some(Ok(watcher::Event::Init)) => self.events.clear(),
                    Some(Ok(watcher::Event::InitApply(event))) => { self.keep(event); continue }
                    Some(Ok(watcher::Event::Apply(event))) => self.keep(event),
                    Some(Ok(watcher::Event::InitDone)) => {}
                    // Events grow old and are taken away; their story stays.
                    Some(Ok(watcher::Event::Delete(_))) => continue,
                    Some(Err(error)) => {
                        tracing::debug!(%error, workspace = %self.row.id, "the watch of events pauses");
                        continue;
                    }
                    None => return,
                },
            }
            if listed && !self.tell().await {
                return;
            }
        }
    }

    fn keep(&mut self, event: Event) {
        self.events.retain(|kept| kept.metadata.uid != event.metadata.uid);
        if self.events.len() == EVENTS_MAX {
            self.events.remove(0);
        }
        self.events.push(event);
    }

    /// Tells how the workspace stands, if that changed. False when there is nothing more to tell.
    async fn tell(&mut self) -> bool {
        let now = view(&self.row, self.pod.as_ref(), &self.events);
        if self.told.as_ref() != Some(&now) {
            let sent = match Sent::default().event("workspace").json_data(&now) {
                Ok(message) => self.sender.send(message).await.is_ok(),
                Err(error) => {
                    tracing::error!(%error, "a workspace cannot be written as JSON");
                    false
                }
            };
            self.told = Some(now);
            if !sent {
                return false;
            }
        }
        // One that has no Pod yet may still get it; one that lost it is over.
        self.pod.is_some() || self.row.pod_uid.is_none()
    }
}
