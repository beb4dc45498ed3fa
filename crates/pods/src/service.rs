//! The service itself: reading the Pods that a person may see, all or one, always as the person.
//! Following them live is `live`'s; how far somebody sees, `scope`'s.

use crate::refusal;
use crate::scope::{Purpose, Scope, Scopes};
use crate::view::{PodList, PodScope, PodView};
use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};
use http_api::{HttpApi, Problem, ProblemCode, SignedIn, Watches};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams};
use kube_io::{Cluster, GetPod, KubeIoError, ListPods, Verdict};
use model::{ClusterName, Identity, Namespace, PodName};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use store::WorkspaceFilter;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What a cluster may take to answer before its Pods are left out.
const CLUSTER_TIME_MAX: Duration = Duration::from_secs(15);
/// How old the answer may be to how far somebody sees.
pub(crate) const SCOPE_AGE_MAX: Duration = Duration::from_secs(15);
const PAGE: u32 = 500;
/// 100,000 Pods of one cluster; no table shows more.
const PAGES_MAX: usize = 200;
const NAMESPACES_AT_ONCE: usize = 16;

/// The Pods of a hub's clusters. Cheap to clone.
#[derive(Clone)]
pub struct Pods {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) api: HttpApi,
    pub(crate) scopes: Scopes,
    pub(crate) watches: Watches,
    pub(crate) tasks: TaskTracker,
    pub(crate) shutdown: CancellationToken,
}

impl Pods {
    /// Puts the service together. Watches end when the token is cancelled.
    pub fn new(api: HttpApi, shutdown: CancellationToken) -> Self {
        Self {
            inner: Arc::new(Inner {
                api,
                scopes: Scopes::default(),
                watches: Watches::default(),
                tasks: TaskTracker::new(),
                shutdown,
            }),
        }
    }

    /// Waits until the watches have ended. Call it after the shutdown token.
    pub async fn drained(&self) {
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
    }

    /// Every read here asks the clusters what the person may.
    pub(crate) async fn count_act(&self, person: &SignedIn) -> Result<(), Problem> {
        person.count_act(&self.inner.api).await
    }

    /// The clusters a person asks: the one named, the one theirs holds for, or all.
    pub(crate) fn clusters_for(
        &self,
        person: &SignedIn,
        named: Option<&ClusterName>,
    ) -> Result<Vec<Cluster>, Problem> {
        let clusters = &self.inner.api.clusters;
        let Some(name) = named.or(person.cluster()) else {
            return Ok(clusters.iter().cloned().collect());
        };
        person.check_cluster(name)?;
        match clusters.get(name) {
            Some(cluster) => Ok(vec![cluster.clone()]),
            None => Err(Problem::new(
                ProblemCode::ClusterUnknown,
                format!("the hub knows no cluster `{name}`"),
            )),
        }
    }

    /// Namespaces that are the person's own because a workspace of theirs is there.
    pub(crate) async fn own_namespaces(&self, cluster: &Cluster, who: &Identity) -> Vec<Namespace> {
        let filter = WorkspaceFilter {
            owner: Some(who.user.clone()),
            cluster: Some(cluster.name().clone()),
            live: Some(true),
        };
        // Without them, only a very large cluster shows too little.
        let rows = self.inner.api.store.workspaces(&filter).await.unwrap_or_default();
        rows.into_iter().map(|row| row.namespace).collect::<BTreeSet<_>>().into_iter().collect()
    }

    pub(crate) async fn scope(
        &self,
        cluster: &Cluster,
        who: &Identity,
        purpose: Purpose,
        age_max: Duration,
    ) -> Result<Scope, KubeIoError> {
        let own = self.own_namespaces(cluster, who).await;
        self.inner.scopes.of(cluster, who, purpose, &own, age_max).await
    }

    /// All Pods that the person may see.
    pub(crate) async fn all(
        &self,
        person: &SignedIn,
        named: Option<&ClusterName>,
    ) -> Result<PodList, Problem> {
        let clusters = self.clusters_for(person, named)?;
        let reading = clusters.iter().map(|cluster| async move {
            let reading = self.in_cluster(cluster, person.identity());
            let read = tokio::time::timeout(CLUSTER_TIME_MAX, reading).await;
            let read = read.unwrap_or_else(|_| Err(silent(cluster.name())));
            (cluster.name(), read)
        });
        let mut list = PodList {
            items: Vec::new(),
            scope: PodScope::Cluster,
            namespaces: Vec::new(),
            clusters_unreachable: Vec::new(),
        };
        for (cluster, read) in join_all(reading).await {
            match read {
                Ok((scope, pods)) => {
                    list.items.extend(pods);
                    if let Scope::Namespaces(names) = scope {
                        list.scope = PodScope::Namespaces;
                        list.namespaces.extend(names.iter().map(ToString::to_string));
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, %cluster, "the Pods of a cluster are left out");
                    list.clusters_unreachable.push(cluster.to_string());
                }
            }
        }
        list.items.sort_by(|one, other| one.place().cmp(&other.place()));
        list.namespaces.sort();
        list.namespaces.dedup();
        Ok(list)
    }

    async fn in_cluster(
        &self,
        cluster: &Cluster,
        who: &Identity,
    ) -> Result<(Scope, Vec<PodView>), KubeIoError> {
        let scope = self.scope(cluster, who, Purpose::List, SCOPE_AGE_MAX).await?;
        let pages: Vec<_> = stream::iter(scope.places())
            .map(|place| async move {
                let action = ListPods { namespace: place.clone() };
                let right = match cluster.authorize(who, action).await? {
                    Verdict::Allowed(right) => right,
                    Verdict::Denied { .. } => return Ok(None),
                };
                let pods = api(cluster.as_person(&right)?, place.as_ref());
                pods_in(cluster.name(), pods).await.map(Some)
            })
            .buffer_unordered(NAMESPACES_AT_ONCE)
            .collect()
            .await;
        let mut pods = Vec::new();
        for page in pages {
            match page {
                Ok(None) => {}
                Ok(Some((more, _))) => pods.extend(more),
                // The right was withdrawn since, or the namespace is gone: nothing to see there.
                Err(error) if error.is_forbidden() || error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
        Ok((scope, pods))
    }

    /// One Pod.
    pub(crate) async fn one(
        &self,
        person: &SignedIn,
        (cluster, namespace, name): (ClusterName, Namespace, PodName),
    ) -> Result<PodView, Problem> {
        let cluster = self.clusters_for(person, Some(&cluster))?.remove(0);
        let object = format!("{}/{namespace}/{name}", cluster.name());
        let reading = async {
            let action = GetPod { namespace: namespace.clone(), pod: name.clone() };
            let right = match cluster.authorize(person.identity(), action).await? {
                Verdict::Allowed(right) => right,
                Verdict::Denied { access, reason } => {
                    return Ok(Err(http_api::cluster_denies(
                        cluster.name(),
                        person.user(),
                        &access,
                        &reason,
                    )));
                }
            };
            let pods: Api<Pod> = api(cluster.as_person(&right)?, Some(&namespace));
            let found = pods.get_opt(name.as_str()).await;
            found.map(Ok).map_err(|error| KubeIoError::from_kube(cluster.name(), error))
        };
        let read = tokio::time::timeout(CLUSTER_TIME_MAX, reading).await;
        let read = read.map_err(|_| refusal::unreachable(cluster.name()))?;
        match read.map_err(|error| refusal::told(&format!("Pod `{object}`"), error))? {
            Ok(Some(pod)) => Ok(PodView::of(cluster.name(), pod)),
            Ok(None) => Err(Problem::not_found(format!("Pod `{object}`"))),
            Err(problem) => {
                let entry = person.audit("pod.read", &object).denied(problem.code());
                self.inner.api.store.audit(entry).await?;
                Err(problem)
            }
        }
    }
}

/// The Pods of a place, page by page, and the version to watch on from.
pub(crate) async fn pods_in(
    cluster: &ClusterName,
    api: Api<Pod>,
) -> Result<(Vec<PodView>, String), KubeIoError> {
    let mut pods = Vec::new();
    let mut page = ListParams::default().limit(PAGE);
    for _ in 0..PAGES_MAX {
        let list = api.list(&page).await.map_err(|error| KubeIoError::from_kube(cluster, error))?;
        let (version, more) = (list.metadata.resource_version, list.metadata.continue_);
        // Pods are large; what is shown of one is a twentieth of it.
        pods.extend(list.items.into_iter().map(|pod| PodView::of(cluster, pod)));
        match more.filter(|token| !token.is_empty()) {
            Some(token) => page = page.continue_token(&token),
            None => return Ok((pods, version.unwrap_or_default())),
        }
    }
    Err(KubeIoError::PeerMisbehaved {
        cluster: cluster.clone(),
        detail: format!("a list of Pods went on after {PAGES_MAX} pages"),
    })
}

/// The Pods of one namespace or of all.
pub(crate) fn api(client: kube::Client, namespace: Option<&Namespace>) -> Api<Pod> {
    match namespace {
        Some(name) => Api::namespaced(client, name.as_str()),
        None => Api::all(client),
    }
}

pub(crate) fn silent(cluster: &ClusterName) -> KubeIoError {
    KubeIoError::Unreachable { cluster: cluster.clone(), detail: "no answer in time".to_owned() }
}
