//! How far a person's sight reaches in a cluster: over all of it, or over some namespaces.
//! It only chooses what to ask for. Before the Pods of a place are read, the right to is asked anew, and they are
//! read as the person; a stale answer here shows too little or asks in vain, and never shows too much.
//!
//! Bounds: at most [`NAMESPACES_MAX`] namespaces are asked about, [`REVIEWS_AT_ONCE`] at a time over all people,
//! so that a class that opens the page at once does not flood the API server.

use futures_util::{StreamExt as _, stream};
use kube::api::{Api, ListParams};
use kube_io::{Access, Action, Cluster, KubeIoError, Verdict};
use model::{ClusterName, Identity, Namespace};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// Namespaces that are asked about; the person's own workspaces' come first.
pub(crate) const NAMESPACES_MAX: usize = 500;
const REVIEWS_AT_ONCE: usize = 16;
/// People remembered at once; beyond it, all are asked about anew.
const REMEMBERED_MAX: usize = 1024;

/// How far somebody sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Every namespace.
    Cluster,
    /// These, possibly none.
    Namespaces(BTreeSet<Namespace>),
}

impl Scope {
    /// What to ask the API server for: `None` is the whole cluster.
    pub(crate) fn places(&self) -> Vec<Option<Namespace>> {
        match self {
            Self::Cluster => vec![None],
            Self::Namespaces(names) => names.iter().cloned().map(Some).collect(),
        }
    }

    /// Whether it reaches nowhere.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Namespaces(names) if names.is_empty())
    }

    /// Whether it reaches into all of these.
    pub(crate) fn covers(&self, namespaces: &[Namespace]) -> bool {
        match self {
            Self::Cluster => true,
            Self::Namespaces(names) => namespaces.iter().all(|name| names.contains(name)),
        }
    }
}

/// What the Pods are read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Purpose {
    List,
    /// Listing and then watching.
    Follow,
}

/// Reading the Pods of a namespace, or of all.
#[derive(Debug, Clone)]
pub(crate) struct ReadPods {
    pub(crate) namespace: Option<Namespace>,
    pub(crate) purpose: Purpose,
}

impl Action for ReadPods {
    fn accesses(&self) -> Vec<Access> {
        let verbs: &[&'static str] = match self.purpose {
            Purpose::List => &["list"],
            Purpose::Follow => &["list", "watch"],
        };
        let access = |&verb: &&'static str| Access {
            verb,
            group: "",
            resource: "pods",
            subresource: "".into(),
            namespace: self.namespace.clone(),
            name: None,
        };
        verbs.iter().map(access).collect()
    }
}

type Key = (ClusterName, String, Purpose);
type Known = Arc<tokio::sync::Mutex<Option<(Instant, Scope)>>>;

/// Scopes asked for lately, each by one asker at a time.
pub(crate) struct Scopes {
    known: Mutex<HashMap<Key, Known>>,
    reviews: Semaphore,
}

impl Default for Scopes {
    fn default() -> Self {
        Self { known: Mutex::default(), reviews: Semaphore::new(REVIEWS_AT_ONCE) }
    }
}

impl Scopes {
    /// How far the person sees, as asked no longer ago than `age_max`. `own` are namespaces that are likely theirs.
    pub(crate) async fn of(
        &self,
        cluster: &Cluster,
        who: &Identity,
        purpose: Purpose,
        own: &[Namespace],
        age_max: Duration,
    ) -> Result<Scope, KubeIoError> {
        let known = self.known(cluster, who, purpose);
        let mut known = known.lock().await;
        if let Some((asked_at, scope)) = &*known
            && asked_at.elapsed() < age_max
            && scope.covers(own)
        {
            return Ok(scope.clone());
        }
        let scope = self.ask(cluster, who, purpose, own).await?;
        *known = Some((Instant::now(), scope.clone()));
        Ok(scope)
    }

    /// Whether all of a scope still holds, asked now.
    pub(crate) async fn holds(
        &self,
        cluster: &Cluster,
        who: &Identity,
        purpose: Purpose,
        scope: &Scope,
    ) -> Result<bool, KubeIoError> {
        let answers = stream::iter(scope.places())
            .map(|place| self.may(cluster, who, purpose, place))
            .buffer_unordered(REVIEWS_AT_ONCE);
        let mut answers = std::pin::pin!(answers);
        while let Some(answer) = answers.next().await {
            if !answer? {
                self.forget(cluster, who, purpose);
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn ask(
        &self,
        cluster: &Cluster,
        who: &Identity,
        purpose: Purpose,
        own: &[Namespace],
    ) -> Result<Scope, KubeIoError> {
        if self.may(cluster, who, purpose, None).await? {
            return Ok(Scope::Cluster);
        }
        let mut candidates: BTreeSet<Namespace> = own.iter().cloned().collect();
        for name in namespaces(cluster).await? {
            if candidates.len() == NAMESPACES_MAX {
                tracing::info!(cluster = %cluster.name(), "more namespaces than are asked about");
                break;
            }
            candidates.insert(name);
        }
        let answers: Vec<_> = stream::iter(candidates)
            .map(|name| async move {
                let answer = self.may(cluster, who, purpose, Some(name.clone())).await;
                answer.map(|may| may.then_some(name))
            })
            .buffer_unordered(REVIEWS_AT_ONCE)
            .collect()
            .await;
        let mut allowed = BTreeSet::new();
        for answer in answers {
            allowed.extend(answer?);
        }
        Ok(Scope::Namespaces(allowed))
    }

    async fn may(
        &self,
        cluster: &Cluster,
        who: &Identity,
        purpose: Purpose,
        namespace: Option<Namespace>,
    ) -> Result<bool, KubeIoError> {
        // Never closed; without a permit nothing worse happens than one review more at a time.
        let _turn = self.reviews.acquire().await;
        let verdict = cluster.authorize(who, ReadPods { namespace, purpose }).await?;
        Ok(matches!(verdict, Verdict::Allowed(_)))
    }

    fn known(&self, cluster: &Cluster, who: &Identity, purpose: Purpose) -> Known {
        let mut all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= REMEMBERED_MAX {
            all.clear();
        }
        Arc::clone(all.entry(key(cluster, who, purpose)).or_default())
    }

    fn forget(&self, cluster: &Cluster, who: &Identity, purpose: Purpose) {
        let mut all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(&key(cluster, who, purpose));
    }
}

/// The whole identity, for groups and extras decide too.
fn key(cluster: &Cluster, who: &Identity, purpose: Purpose) -> Key {
    let who = serde_json::to_string(who).unwrap_or_else(|_| format!("{who:?}"));
    (cluster.name().clone(), who, purpose)
}

/// The names of namespaces, read as the hub: people often may not list them, and still may see into some.
async fn namespaces(cluster: &Cluster) -> Result<Vec<Namespace>, KubeIoError> {
    type Space = k8s_openapi::api::core::v1::Namespace;
    let spaces: Api<Space> = Api::all(cluster.as_hub());
    let page = ListParams::default().limit(500);
    let listed = spaces.list_metadata(&page).await;
    let listed = listed.map_err(|error| KubeIoError::from_kube(cluster.name(), error))?;
    let names = listed.items.into_iter().filter_map(|space| space.metadata.name);
    Ok(names.filter_map(|name| name.parse().ok()).collect())
}
