//! The person's namespace: made when it is missing, brought into shape, and refused when it is not ours.
//! What its shape is stands in `shape`; everything here is done with the hub's own identity.
//!
//! A namespace is ours if it carries our mark and the full name of this very person. Anything else of that
//! name is left as it is. (Whoever may create namespaces could forge the marks beforehand, and so prepare a
//! room for somebody else; in a cluster that right belongs to administrators alone.)

use crate::naming::{namespace_of, owner_hash};
use crate::settings::Settings;
use crate::shape::{self, FIELD_MANAGER, MANAGED_BY, OWNER};
use futures_util::future::try_join_all;
use k8s_openapi::api::core::v1::{LimitRange, Namespace as Space, ResourceQuota, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube_io::{Cluster, KubeIoError};
use model::{ClusterName, Namespace};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a namespace is taken to be in shape. What somebody changed by hand is mended after that.
const FRESH_FOR: Duration = Duration::from_secs(60);
/// Namespaces remembered at once; more people than work at the same time. Beyond it, all are checked anew.
const REMEMBERED_MAX: usize = 4096;

/// Why the namespace cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NamespaceRefusal {
    /// It exists and is not this person's.
    #[error("namespace `{0}` exists and is not this person's")]
    Foreign(Namespace),
    /// It is being deleted.
    #[error("namespace `{0}` is being deleted")]
    Going(Namespace),
    /// The cluster did not do it.
    #[error(transparent)]
    Cluster(#[from] KubeIoError),
}

type Place = (ClusterName, String);
type Turn = Arc<tokio::sync::Mutex<Option<Instant>>>;

/// Which namespaces are in shape, and a turn for each, so that parallel creations shape it once.
#[derive(Default)]
pub(crate) struct Namespaces {
    turns: Mutex<HashMap<Place, Turn>>,
}

impl Namespaces {
    /// Sees to it that the person's namespace exists, is theirs and is in shape. Returns how long it has been so,
    /// for the API server's own caches may lag behind.
    pub(crate) async fn ensure(
        &self,
        cluster: &Cluster,
        user: &str,
        settings: &Settings,
    ) -> Result<Duration, NamespaceRefusal> {
        let turn = self.turn(cluster.name(), user);
        let mut shaped_at = turn.lock().await;
        if let Some(age) = shaped_at.map(|at| at.elapsed())
            && age < FRESH_FOR
        {
            return Ok(age);
        }
        *shaped_at = None;
        shape_now(cluster, user, settings).await?;
        *shaped_at = Some(Instant::now());
        Ok(Duration::ZERO)
    }

    /// Forgets that it was in shape: something there was not as it should be.
    pub(crate) fn forget(&self, cluster: &ClusterName, user: &str) {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.remove(&(cluster.clone(), user.to_owned()));
    }

    fn turn(&self, cluster: &ClusterName, user: &str) -> Turn {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if turns.len() >= REMEMBERED_MAX {
            turns.clear();
        }
        Arc::clone(turns.entry((cluster.clone(), user.to_owned())).or_default())
    }
}

async fn shape_now(
    cluster: &Cluster,
    user: &str,
    settings: &Settings,
) -> Result<(), NamespaceRefusal> {
    let name = namespace_of(user);
    let uid = own(cluster, &name, user).await?;
    // With the UID in it, the apply fails if the namespace was replaced since it was checked.
    apply::<Space>(Api::all(cluster.as_hub()), cluster, shape::namespace(&name, Some(&uid), user))
        .await?;
    type Applied<'a> = Pin<Box<dyn Future<Output = Result<(), KubeIoError>> + Send + 'a>>;
    // First, so that the API server has counted by the time that somebody may make a Pod.
    apply::<ResourceQuota>(inside(cluster, &name), cluster, shape::resource_quota(&name, settings))
        .await?;
    let parts: [Applied<'_>; 5] = [
        Box::pin(apply::<ResourceQuota>(
            inside(cluster, &name),
            cluster,
            shape::no_priority_quota(&name),
        )),
        Box::pin(apply::<ServiceAccount>(
            inside(cluster, &name),
            cluster,
            shape::service_account(&name),
        )),
        Box::pin(apply::<Role>(inside(cluster, &name), cluster, shape::role(&name))),
        Box::pin(apply::<LimitRange>(
            inside(cluster, &name),
            cluster,
            shape::limit_range(&name, settings),
        )),
        Box::pin(apply::<NetworkPolicy>(
            inside(cluster, &name),
            cluster,
            shape::network_policy(&name),
        )),
    ];
    try_join_all(parts).await?;
    // Last, for it opens the door, and it is checked against the Role.
    apply::<RoleBinding>(inside(cluster, &name), cluster, shape::role_binding(&name, user)).await?;
    Ok(())
}

/// The UID of the person's namespace, which is made if there is none.
async fn own(cluster: &Cluster, name: &Namespace, user: &str) -> Result<String, NamespaceRefusal> {
    let spaces: Api<Space> = Api::all(cluster.as_hub());
    let failed = |error| NamespaceRefusal::from(KubeIoError::from_kube(cluster.name(), error));
    // Twice: whoever loses a race to make it finds it the second time.
    for _ in 0..2 {
        if let Some(found) = spaces.get_opt(name.as_str()).await.map_err(failed)? {
            if !is_of(&found, user) {
                return Err(NamespaceRefusal::Foreign(name.clone()));
            }
            if found.metadata.deletion_timestamp.is_some() {
                return Err(NamespaceRefusal::Going(name.clone()));
            }
            return Ok(found.metadata.uid.unwrap_or_default());
        }
        let manifest = shape::namespace(name, None, user);
        let manifest: Space = serde_json::from_value(manifest)
            .map_err(|error| failed(kube::Error::SerdeError(error)))?;
        let by_us =
            PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
        match spaces.create(&by_us, &manifest).await {
            Ok(made) => return Ok(made.metadata.uid.unwrap_or_default()),
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Err(NamespaceRefusal::Going(name.clone()))
}

fn is_of(space: &Space, user: &str) -> bool {
    let label = |key: &str| space.metadata.labels.as_ref().and_then(|all| all.get(key));
    let owner = space.metadata.annotations.as_ref().and_then(|all| all.get(OWNER));
    label(MANAGED_BY).is_some_and(|it| it == FIELD_MANAGER)
        && label(OWNER).is_some_and(|it| *it == owner_hash(user))
        && owner.is_some_and(|it| it == user)
}

fn inside<K>(cluster: &Cluster, namespace: &Namespace) -> Api<K>
where
    K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>,
    K::DynamicType: Default,
{
    Api::namespaced(cluster.as_hub(), namespace.as_str())
}

/// Server-side apply. Forced: in what the hub owns, the hub's configuration is the one place to change it.
async fn apply<K>(api: Api<K>, cluster: &Cluster, manifest: Value) -> Result<(), KubeIoError>
where
    K: Clone + DeserializeOwned + std::fmt::Debug,
{
    let name = manifest["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let by_us = PatchParams::apply(FIELD_MANAGER).force();
    match api.patch(&name, &by_us, &Patch::Apply(&manifest)).await {
        Ok(_) => Ok(()),
        Err(error) => Err(KubeIoError::from_kube(cluster.name(), error)),
    }
}
