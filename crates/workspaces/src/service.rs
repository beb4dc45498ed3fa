//! The service itself: what it holds, who may see a workspace, and reading one or all of a person's.
//! Making, deleting, settling and watching stand in `create`, `delete`, `reconcile` and `watch`.

use crate::namespace::Namespaces;
use crate::refusal;
use crate::settings::Settings;
use crate::shape::WORKSPACE;
use crate::steps::story;
use crate::view::{Quota, State, Step, StepKind, WorkspaceList, WorkspaceView};
use crate::words;
use futures_util::future::join_all;
use http_api::{HttpApi, Problem, ProblemCode, SignedIn, Watches};
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::api::{Api, ListParams};
use kube_io::{Authorized, Cluster, DeletePod, GetPod, KubeIoError, ListPods, Verdict};
use model::{ClusterName, Identity, Namespace, WorkspaceId};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use store::{WorkspaceFilter, WorkspaceRow};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What a cluster may take for one answer before the person is told that it does not answer.
pub(crate) const CLUSTER_TIME_MAX: Duration = Duration::from_secs(20);
/// Creations that talk to clusters at once; others wait for their turn, their room already being counted.
const CREATIONS_MAX: usize = 32;
/// Pods read of one namespace. Its quota admits far fewer that run.
const PODS_MAX: u32 = 500;
const EVENTS_MAX: u32 = 200;

/// The workspaces of a hub. Cheap to clone.
#[derive(Clone)]
pub struct Workspaces {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) api: HttpApi,
    pub(crate) settings: Settings,
    pub(crate) namespaces: Namespaces,
    pub(crate) creations: Semaphore,
    pub(crate) watches: Watches,
    /// Creations and deletions go on when the browser that asked for them has left.
    pub(crate) tasks: TaskTracker,
    pub(crate) shutdown: CancellationToken,
}

/// What somebody who is not the owner needs the right to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    See,
    Delete,
}

impl Workspaces {
    /// Puts the service together. The binary runs [`Workspaces::reconcile`] beside it.
    pub fn new(api: HttpApi, settings: Settings, shutdown: CancellationToken) -> Self {
        Self {
            inner: Arc::new(Inner {
                api,
                settings,
                namespaces: Namespaces::default(),
                creations: Semaphore::new(CREATIONS_MAX),
                watches: Watches::default(),
                tasks: TaskTracker::new(),
                shutdown,
            }),
        }
    }

    /// Waits until what was begun is done. Call it after the shutdown token, before the store is closed.
    pub async fn drained(&self) {
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    pub(crate) fn api(&self) -> &HttpApi {
        &self.inner.api
    }

    /// The cluster a person named, or the one theirs holds for, or the hub's first.
    pub(crate) fn cluster_for(
        &self,
        person: &SignedIn,
        named: Option<&ClusterName>,
    ) -> Result<Cluster, Problem> {
        let clusters = &self.api().clusters;
        let chosen = named.or(person.cluster());
        if let Some(name) = chosen {
            person.check_cluster(name)?;
        }
        match chosen {
            Some(name) => clusters.get(name),
            None => clusters.first(),
        }
        .cloned()
        .ok_or_else(|| {
            let name = chosen.map_or_else(|| "any".to_owned(), ToString::to_string);
            Problem::new(ProblemCode::ClusterUnknown, format!("the hub knows no cluster `{name}`"))
        })
    }

    /// The workspace, if it is the person's own or the cluster's RBAC entitles them. To everybody else it does
    /// not exist, so that ids tell nothing.
    pub(crate) async fn find(
        &self,
        person: &SignedIn,
        id: &WorkspaceId,
        need: Need,
    ) -> Result<(WorkspaceRow, Cluster), Problem> {
        let unknown = || Problem::not_found(format!("workspace `{id}`"));
        let row = self.api().store.workspace(id).await?.ok_or_else(unknown)?;
        let elsewhere = person.check_cluster(&row.cluster).is_err();
        let cluster = self.api().clusters.get(&row.cluster).cloned();
        let Some(cluster) = cluster.filter(|_| !elsewhere) else { return Err(unknown()) };
        if row.owner == person.user() {
            return Ok((row, cluster));
        }
        let (namespace, pod) = (row.namespace.clone(), row.pod.clone());
        let entitled = if row.deleted_at.is_some() {
            false
        } else {
            let who = person.identity();
            match need {
                Need::See => is_allowed(cluster.authorize(who, GetPod { namespace, pod }).await)?,
                Need::Delete => {
                    is_allowed(cluster.authorize(who, DeletePod { namespace, pod }).await)?
                }
            }
        };
        if entitled {
            return Ok((row, cluster));
        }
        let action = if need == Need::See { "workspace.read" } else { "workspace.delete" };
        self.api().store.audit(person.audit(action, id).denied(ProblemCode::NotFound)).await?;
        Err(unknown())
    }

    /// One workspace with its steps.
    pub(crate) async fn one(
        &self,
        person: &SignedIn,
        id: &WorkspaceId,
    ) -> Result<WorkspaceView, Problem> {
        person.count_act(self.api()).await?;
        let (row, cluster) = self.find(person, id, Need::See).await?;
        if row.deleted_at.is_some() {
            return Ok(view(&row, None, &[]));
        }
        let reading = async {
            let action = GetPod { namespace: row.namespace.clone(), pod: row.pod.clone() };
            let right = match cluster.authorize(person.identity(), action).await? {
                Verdict::Allowed(right) => right,
                Verdict::Denied { access, reason } => return Ok(Err((access, reason))),
            };
            let client = cluster.as_person(&right)?;
            let failed = |error| KubeIoError::from_kube(cluster.name(), error);
            let pods: Api<Pod> = Api::namespaced(client.clone(), row.namespace.as_str());
            let pod = pods.get_opt(row.pod.as_str()).await.map_err(failed)?;
            let events = match &pod {
                Some(_) => events_of(client, &row).await,
                None => Vec::new(),
            };
            Ok::<_, KubeIoError>(Ok((pod, events)))
        };
        let read = tokio::time::timeout(CLUSTER_TIME_MAX, reading).await;
        let read = read
            .map_err(|_| refusal::too_slow(cluster.name()))?
            .map_err(|error| refusal::of_person(&format!("workspace `{id}`"), error))?;
        match read {
            Ok((pod, events)) => Ok(view(&row, own_pod(&row, pod).as_ref(), &events)),
            Err((access, reason)) => {
                let problem =
                    http_api::cluster_denies(cluster.name(), person.user(), &access, &reason);
                let entry = person.audit("workspace.read", id).denied(problem.code());
                self.api().store.audit(entry).await?;
                Err(problem)
            }
        }
    }

    /// All of a person's, and how much room is taken.
    pub(crate) async fn all(&self, person: &SignedIn) -> Result<WorkspaceList, Problem> {
        person.count_act(self.api()).await?;
        let filter = WorkspaceFilter {
            owner: Some(person.user().to_owned()),
            cluster: person.cluster().cloned(),
            live: Some(true),
        };
        let rows = self.api().store.workspaces(&filter).await?;
        let mut places: BTreeMap<(ClusterName, Namespace), Vec<WorkspaceRow>> = BTreeMap::new();
        for row in &rows {
            let place = (row.cluster.clone(), row.namespace.clone());
            places.entry(place).or_default().push(row.clone());
        }
        let seen = join_all(places.into_iter().map(|((cluster, namespace), rows)| async move {
            self.views_in(person.identity(), &cluster, &namespace, rows).await
        }))
        .await;
        let mut items: Vec<WorkspaceView> = seen.into_iter().flatten().collect();
        items.sort_by(|one, other| {
            other.created_at.cmp(&one.created_at).then_with(|| one.id.cmp(&other.id))
        });
        let counts = self.api().store.workspace_counts(person.user(), person.cluster()).await?;
        Ok(WorkspaceList { items, quota: Quota::of(counts, self.settings()) })
    }

    /// The workspaces of one namespace. A cluster that does not answer does not hide them.
    async fn views_in(
        &self,
        who: &Identity,
        cluster: &ClusterName,
        namespace: &Namespace,
        rows: Vec<WorkspaceRow>,
    ) -> Vec<WorkspaceView> {
        let reading = async {
            let cluster = self.api().clusters.get(cluster)?;
            let right = right_to_list(cluster, who, namespace).await.inspect_err(|error| {
                tracing::debug!(%error, cluster = %cluster.name(), %namespace, "rights cannot be asked about");
            });
            let client = cluster.as_person(&right.ok()??).ok()?;
            let pods = listed(client.clone(), namespace).await.inspect_err(|error| {
                tracing::debug!(%error, cluster = %cluster.name(), %namespace, "workspaces cannot be read");
            });
            let pods = pods.ok()?;
            // Events matter while something is not running yet.
            let all_run =
                rows.iter().all(|row| story(row, pod_of(row, &pods), &[]).0 == State::Running);
            let events = if all_run { Vec::new() } else { events_in(client, namespace).await };
            Some((pods, events))
        };
        match tokio::time::timeout(CLUSTER_TIME_MAX, reading).await.ok().flatten() {
            None => rows.iter().map(unknown_view).collect(),
            Some((pods, events)) => {
                // What has ended since frees its room now, not at the next round of `reconcile`.
                self.settle_soon(rows.clone(), &pods);
                let views = rows.iter().map(|row| {
                    let about = |event: &&Event| {
                        event.involved_object.name.as_deref() == Some(row.pod.as_str())
                    };
                    let events: Vec<Event> = events.iter().filter(about).cloned().collect();
                    view(row, pod_of(row, &pods), &events)
                });
                views.collect()
            }
        }
    }
}

/// A verdict as yes or no, where it only tells whether a workspace is to be known of; each act asks anew.
fn is_allowed<A>(verdict: Result<Verdict<A>, KubeIoError>) -> Result<bool, Problem> {
    match verdict {
        Ok(Verdict::Allowed(_)) => Ok(true),
        Ok(Verdict::Denied { .. }) => Ok(false),
        Err(error) => Err(refusal::of_hub(error)),
    }
}

/// The Pods of workspaces in a namespace, as somebody sees them. `None` for whoever may not, or if the namespace
/// is gone.
pub(crate) async fn workspace_pods(
    cluster: &Cluster,
    who: &Identity,
    namespace: &Namespace,
) -> Result<Option<Vec<Pod>>, KubeIoError> {
    let Some(right) = right_to_list(cluster, who, namespace).await? else { return Ok(None) };
    match listed(cluster.as_person(&right)?, namespace).await {
        Ok(pods) => Ok(Some(pods)),
        Err(kube::Error::Api(status)) if status.code == 403 || status.code == 404 => Ok(None),
        Err(error) => Err(KubeIoError::from_kube(cluster.name(), error)),
    }
}

async fn right_to_list(
    cluster: &Cluster,
    who: &Identity,
    namespace: &Namespace,
) -> Result<Option<Authorized<ListPods>>, KubeIoError> {
    let action = ListPods { namespace: Some(namespace.clone()) };
    match cluster.authorize(who, action).await? {
        Verdict::Allowed(right) => Ok(Some(right)),
        Verdict::Denied { .. } => Ok(None),
    }
}

async fn listed(client: kube::Client, namespace: &Namespace) -> Result<Vec<Pod>, kube::Error> {
    let pods: Api<Pod> = Api::namespaced(client, namespace.as_str());
    Ok(pods.list(&ListParams::default().labels(WORKSPACE).limit(PODS_MAX)).await?.items)
}

/// The row's Pod among those of its namespace.
pub(crate) fn pod_of<'a>(row: &WorkspaceRow, pods: &'a [Pod]) -> Option<&'a Pod> {
    pods.iter().find(|pod| is_of(row, pod))
}

fn own_pod(row: &WorkspaceRow, pod: Option<Pod>) -> Option<Pod> {
    pod.filter(|pod| is_of(row, pod))
}

/// Whether a Pod is the row's own and not another one under its name.
pub(crate) fn is_of(row: &WorkspaceRow, pod: &Pod) -> bool {
    let labelled = pod.metadata.labels.as_ref().and_then(|all| all.get(WORKSPACE));
    let uid = pod.metadata.uid.as_deref();
    pod.metadata.name.as_deref() == Some(row.pod.as_str())
        && labelled.is_some_and(|id| id == row.id.as_str())
        && row.pod_uid.as_ref().is_none_or(|own| uid == Some(own.as_str()))
}

/// Events are a help: whoever may not read them, or when they are away, sees the Pod's status alone.
pub(crate) async fn events_of(client: kube::Client, row: &WorkspaceRow) -> Vec<Event> {
    let events: Api<Event> = Api::namespaced(client, row.namespace.as_str());
    let about = event_selector(row);
    let listed = events.list(&ListParams::default().fields(&about).limit(EVENTS_MAX)).await;
    listed.map(|list| list.items).unwrap_or_default()
}

async fn events_in(client: kube::Client, namespace: &Namespace) -> Vec<Event> {
    let events: Api<Event> = Api::namespaced(client, namespace.as_str());
    let about = ListParams::default().fields("involvedObject.kind=Pod").limit(EVENTS_MAX);
    events.list(&about).await.map(|list| list.items).unwrap_or_default()
}

pub(crate) fn event_selector(row: &WorkspaceRow) -> String {
    format!("involvedObject.kind=Pod,involvedObject.name={}", row.pod)
}

/// A workspace as the console reads it.
pub(crate) fn view(row: &WorkspaceRow, pod: Option<&Pod>, events: &[Event]) -> WorkspaceView {
    let (state, steps) = story(row, pod, events);
    WorkspaceView {
        id: row.id.to_string(),
        name: row.name.clone(),
        template: row.template.clone(),
        owner: row.owner.clone(),
        cluster: row.cluster.to_string(),
        namespace: row.namespace.to_string(),
        pod: row.pod.to_string(),
        pod_uid: pod
            .and_then(|pod| pod.metadata.uid.clone())
            .or_else(|| row.pod_uid.as_ref().map(ToString::to_string)),
        container: row.container.to_string(),
        state,
        steps,
        created_at: row.created_at,
        expires_at: row.expires_at,
    }
}

/// A workspace of which the cluster says nothing now.
fn unknown_view(row: &WorkspaceRow) -> WorkspaceView {
    // Without a UID, `story` takes it for not made yet; that is as much as the hub itself knows.
    let unseen = WorkspaceRow { pod_uid: None, ..row.clone() };
    let mut view = view(&unseen, None, &[]);
    view.pod_uid = row.pod_uid.as_ref().map(ToString::to_string);
    view.steps.push(Step {
        at: row.created_at,
        kind: StepKind::Waiting,
        message: words::cluster_silent(),
        detail: String::new(),
    });
    view
}
