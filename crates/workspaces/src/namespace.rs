//! The person's namespace: made when it is missing, brought into shape, and refused when it is not ours.
//! What its shape is stands in `shape`; everything here is done with the hub's own identity.
//!
//! A namespace is ours if it carries our mark and the full name of this very person, and if the store knows its UID:
//! marks can be forged by whoever may create namespaces, who would so prepare a room for somebody else. Anything else
//! of that name is left as it is. How the store comes to know a UID, and why a hub that dies in the middle loses none,
//! stands in `store::namespaces`; only an operator's word (`workspaces.adopt_namespaces`) makes one ours that no hub on
//! this store made.

use crate::naming::{namespace_of, owner_hash};
use crate::settings::Settings;
use crate::shape::{self, BIRTH_MARK, FIELD_MANAGER, MANAGED_BY, OWNER};
use futures_util::future::try_join_all;
use http_api::{HttpApi, Problem, random};
use k8s_openapi::api::core::v1::{LimitRange, Namespace as Space, ResourceQuota, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube_io::{Cluster, KubeIoError};
use model::{ClusterName, Namespace};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use store::{AuditEntry, AuditOutcome, KnownNamespace, StoreError};

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
    /// It carries this person's marks, but no hub on this store made it.
    #[error("namespace `{0}` carries this person's marks, but no hub on this store made it")]
    Unknown(Namespace),
    /// It is being deleted.
    #[error("namespace `{0}` is being deleted")]
    Going(Namespace),
    /// The cluster did not do it.
    #[error(transparent)]
    Cluster(#[from] KubeIoError),
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The hub did not do it.
    #[error("{}", .0.detail())]
    Hub(Problem),
}

type Place = (ClusterName, String);
type Turn = Arc<tokio::sync::Mutex<Option<InShape>>>;

/// That a namespace was brought into shape.
struct InShape {
    uid: String,
    since: Instant,
}

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
        api: &HttpApi,
        cluster: &Cluster,
        user: &str,
        settings: &Settings,
    ) -> Result<Duration, NamespaceRefusal> {
        let turn = self.turn(cluster.name(), user);
        let mut in_shape = turn.lock().await;
        // Its shape is trusted for a while, but never that it is still the same one.
        if let Some(known) = in_shape.as_ref()
            && known.since.elapsed() < FRESH_FOR
            && is_still(cluster, &namespace_of(user), &known.uid).await?
        {
            return Ok(known.since.elapsed());
        }
        *in_shape = None;
        let uid = shape_now(api, cluster, user, settings).await?;
        *in_shape = Some(InShape { uid, since: Instant::now() });
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

/// Returns the UID of what was brought into shape.
async fn shape_now(
    api: &HttpApi,
    cluster: &Cluster,
    user: &str,
    settings: &Settings,
) -> Result<String, NamespaceRefusal> {
    let name = namespace_of(user);
    let uid = Ownership { api, cluster, name: &name, user, settings }.establish().await?;
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
    Ok(uid)
}

/// Whether the namespace of that name is the one of that UID, and stays.
async fn is_still(cluster: &Cluster, name: &Namespace, uid: &str) -> Result<bool, KubeIoError> {
    let spaces: Api<Space> = Api::all(cluster.as_hub());
    let found = spaces.get_metadata_opt(name.as_str()).await;
    let found = found.map_err(|error| KubeIoError::from_kube(cluster.name(), error))?;
    Ok(found.is_some_and(|found| {
        found.metadata.uid.as_deref() == Some(uid) && found.metadata.deletion_timestamp.is_none()
    }))
}

/// One person's namespace in one cluster, whose it is to be found out.
struct Ownership<'a> {
    api: &'a HttpApi,
    cluster: &'a Cluster,
    name: &'a Namespace,
    user: &'a str,
    settings: &'a Settings,
}

impl Ownership<'_> {
    /// The UID of the person's namespace, which is made if there is none.
    async fn establish(&self) -> Result<String, NamespaceRefusal> {
        // Whoever loses a race to make it finds it the second time; one that another hub deleted and made again
        // between two questions, the third time.
        let mut last = NamespaceRefusal::Going(self.name.clone());
        for _ in 0..3 {
            last = match self.spaces().get_opt(self.name.as_str()).await {
                Ok(Some(found)) => match self.known(found).await {
                    Err(refused @ NamespaceRefusal::Unknown(_)) => refused,
                    settled => return settled,
                },
                Ok(None) => match self.make().await? {
                    Some(uid) => return Ok(uid),
                    None => continue,
                },
                Err(error) => return Err(self.failed(error)),
            };
        }
        Err(last)
    }

    /// Makes it. `None` if somebody else was first, and it is to be looked at again.
    async fn make(&self) -> Result<Option<String>, NamespaceRefusal> {
        let (store, now) = (&self.api.store, self.api.clock.now());
        let bits: [u8; 16] = random().map_err(NamespaceRefusal::Hub)?;
        let mark: String = bits.iter().map(|byte| format!("{byte:02x}")).collect();
        let mark = store.announce_namespace(self.cluster.name(), self.name, &mark, now).await?;
        let mut manifest = shape::namespace(self.name, None, self.user);
        manifest["metadata"]["annotations"][BIRTH_MARK] = mark.into();
        let manifest: Space = serde_json::from_value(manifest)
            .map_err(|error| self.failed(kube::Error::SerdeError(error)))?;
        let by_us =
            PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
        match self.spaces().create(&by_us, &manifest).await {
            Ok(made) => match self.known(made).await {
                // Another hub that found it noted it in between.
                Err(NamespaceRefusal::Unknown(_)) => Ok(None),
                settled => settled.map(Some),
            },
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(None),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// The UID of one that is there, if it is the person's and ours.
    async fn known(&self, found: Space) -> Result<String, NamespaceRefusal> {
        if !is_of(&found, self.user) {
            return Err(NamespaceRefusal::Foreign(self.name.clone()));
        }
        if found.metadata.deletion_timestamp.is_some() {
            return Err(NamespaceRefusal::Going(self.name.clone()));
        }
        let uid = found.metadata.uid.clone().unwrap_or_default();
        let (store, now) = (&self.api.store, self.api.clock.now());
        let (cluster, name) = (self.cluster.name(), self.name);
        // Asked after the cluster was: whoever made what was found had announced it before.
        let KnownNamespace { uid: ours, birth_mark } = store.known_namespace(cluster, name).await?;
        if ours.as_deref() == Some(uid.as_str()) {
            return Ok(uid);
        }
        let carried = found.metadata.annotations.as_ref().and_then(|all| all.get(BIRTH_MARK));
        if let (Some(mark), Some(carried)) = (birth_mark, carried)
            && mark == *carried
        {
            // Not noted means that another hub has, or has taken another one since: look again.
            return match store.note_namespace(cluster, name, &mark, &uid, now).await? {
                true => Ok(uid),
                false => Err(NamespaceRefusal::Unknown(name.clone())),
            };
        }
        if self.settings.adopts_namespaces() {
            tracing::warn!(%cluster, namespace = %name, uid, "a namespace that no hub on this store made is adopted");
            store.adopt_namespace(cluster, name, &uid, now, self.adoption(&uid)).await?;
            return Ok(uid);
        }
        Err(NamespaceRefusal::Unknown(name.clone()))
    }

    fn adoption(&self, uid: &str) -> AuditEntry {
        AuditEntry {
            at: self.api.clock.now(),
            actor: "sallyport".to_owned(),
            action: "workspace.namespace.adopt".to_owned(),
            object: format!("{}/{}", self.cluster.name(), self.name),
            outcome: AuditOutcome::Allowed,
            reason: "workspaces.adopt_namespaces".to_owned(),
            request_id: String::new(),
            source: "hub".to_owned(),
            detail: json!({ "owner": self.user, "uid": uid }),
        }
    }

    fn spaces(&self) -> Api<Space> {
        Api::all(self.cluster.as_hub())
    }

    fn failed(&self, error: kube::Error) -> NamespaceRefusal {
        KubeIoError::from_kube(self.cluster.name(), error).into()
    }
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
