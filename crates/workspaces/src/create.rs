//! Making a workspace: room in the store first, then the namespace as the hub, then the Pod as the person.
//! Rules for people who come past the hub are the namespace's (`shape`); this is the hub's own way.
//!
//! The room is taken in one transaction before anything is made in a cluster, so that however many creations
//! run at once, the limits hold. What fails for certain gives the room back at once. Where the cluster fell
//! silent in the middle of making the Pod, the room stays taken until `reconcile` has seen whether there is one.
//! The whole runs as a task of its own: a browser that leaves does not leave half a workspace.

use crate::delete::delete_as;
use crate::manifest;
use crate::namespace::NamespaceRefusal;
use crate::naming::{checked_name, namespace_of, pod_of, suffix_of};
use crate::refusal;
use crate::service::{CLUSTER_TIME_MAX, Workspaces, view};
use crate::template::Template;
use crate::view::{NewWorkspace, WorkspaceView};
use http_api::{DecidedBy, Problem, ProblemCode, SignedIn, random};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, PostParams};
use kube_io::{Authorized, Cluster, CreatePod, KubeIoError, Verdict};
use model::{PodUid, WorkspaceId};
use serde_json::json;
use std::time::Duration;
use store::{ReserveOutcome, StoreError, WorkspaceRow};
use tokio::time::Instant;
use tracing::Instrument as _;

/// How long the API server's authoriser may lag behind a binding that was just made: it learns of it by a watch.
const BINDING_LAG_MAX: Duration = Duration::from_secs(3);
/// How long a new quota may be without its first count, which the controller manager makes.
const QUOTA_LAG_MAX: Duration = Duration::from_secs(10);
const LAG_STEP: Duration = Duration::from_millis(50);
/// What the API server says of a quota whose use is not known (`admission/plugin/resourcequota`).
const STATUS_UNKNOWN: &str = "status unknown for quota";

/// Why no workspace came of it.
enum Stopped {
    /// There is no Pod.
    Certain(Problem),
    /// There may be one.
    Unsure(Problem),
}

impl Workspaces {
    /// Makes a workspace for the person.
    pub(crate) async fn create(
        &self,
        person: SignedIn,
        wish: NewWorkspace,
    ) -> Result<WorkspaceView, Problem> {
        let service = self.clone();
        let work = async move { service.create_whole(&person, &wish).await };
        let task = self.inner.tasks.spawn(work.in_current_span());
        task.await.map_err(Problem::internal)?
    }

    async fn create_whole(
        &self,
        person: &SignedIn,
        wish: &NewWorkspace,
    ) -> Result<WorkspaceView, Problem> {
        let cluster = self.cluster_for(person, wish.cluster.as_ref())?;
        let template = self.settings().template(&wish.template).ok_or_else(|| {
            let name: String =
                wish.template.chars().take(40).flat_map(char::escape_default).collect();
            Problem::not_found(format!("template `{name}`"))
        })?;
        let row = self.draft(person, wish, &cluster, template)?;
        self.reserve(person, &row).await?;
        let turn = self.inner.creations.acquire().await.map_err(Problem::internal)?;
        let building = self.build(person, &cluster, template, &row);
        let built = tokio::time::timeout(CLUSTER_TIME_MAX, building).await;
        drop(turn);
        let stopped = match built {
            Ok(Ok(pod)) => return self.confirm(person, &cluster, row, pod).await,
            Ok(Err(stopped)) => stopped,
            Err(_) => Stopped::Unsure(refusal::too_slow(cluster.name())),
        };
        let (Stopped::Certain(problem) | Stopped::Unsure(problem)) = &stopped;
        let draft = person.audit("workspace.create", object(&row)).detail(json!({
            "workspace": row.id, "detail": problem.detail(),
        }));
        let entry = match problem.code() {
            ProblemCode::Forbidden | ProblemCode::QuotaPerson => draft.denied(problem.code()),
            code => draft.failed(code),
        };
        let store = &self.api().store;
        match stopped {
            Stopped::Certain(problem) => {
                store.delete_workspace(&row.id, self.api().clock.now(), entry).await?;
                Err(problem)
            }
            Stopped::Unsure(problem) => {
                store.audit(entry).await?;
                Err(problem)
            }
        }
    }

    fn draft(
        &self,
        person: &SignedIn,
        wish: &NewWorkspace,
        cluster: &Cluster,
        template: &Template,
    ) -> Result<WorkspaceRow, Problem> {
        let id = WorkspaceId::from_random(random()?);
        let name = match wish.name.as_deref() {
            Some(name) => checked_name(name).map_err(Problem::bad_request)?.to_owned(),
            None => format!("{}-{}", template.name, suffix_of(&id)),
        };
        let now = self.api().clock.now();
        Ok(WorkspaceRow {
            owner: person.user().to_owned(),
            cluster: cluster.name().clone(),
            namespace: namespace_of(person.user()),
            pod: pod_of(&name, &id),
            pod_uid: None,
            container: template.container.clone(),
            template: template.name.clone(),
            name,
            created_at: now,
            expires_at: now.after(template.lifetime),
            deleted_at: None,
            state_note: String::new(),
            id,
        })
    }

    /// Takes room, and records who did.
    async fn reserve(&self, person: &SignedIn, row: &WorkspaceRow) -> Result<(), Problem> {
        let (store, settings) = (&self.api().store, self.settings());
        let draft = || {
            let detail = json!({ "workspace": row.id, "template": row.template });
            person.audit("workspace.create", object(row)).detail(detail)
        };
        let (person_max, total_max) = (settings.limit_person(), settings.limit_total());
        let reserve = || {
            let (within, at) = (person.cluster(), row.created_at);
            store.reserve_workspace(row, within, person_max, total_max, at, draft().allowed())
        };
        let mut outcome = reserve().await?;
        if matches!(outcome, ReserveOutcome::PersonFull { .. }) {
            // What has ended is still shown for a while, but must not stand in the way.
            if self.settle_of(person.user(), Duration::ZERO).await > 0 {
                outcome = reserve().await?;
            }
        }
        let problem = match outcome {
            ReserveOutcome::Reserved => return Ok(()),
            ReserveOutcome::PersonFull { limit } => Problem::new(
                ProblemCode::QuotaPerson,
                format!("`{}` has {limit} workspaces, as many as one person may", row.owner),
            )
            .fix("delete one that you do not need any more"),
            ReserveOutcome::TotalFull { limit } => Problem::new(
                ProblemCode::QuotaTotal,
                format!("there are {limit} workspaces, as many as this hub may have"),
            )
            .fix(
                "try again when somebody has deleted one, or ask the hub's operator for more room",
            ),
            ReserveOutcome::NameTaken => Problem::new(
                ProblemCode::Conflict,
                format!("you have a workspace called `{}`", row.name),
            )
            .fix("choose another name, or none"),
        }
        .decided_by(DecidedBy::Hub);
        store.audit(draft().denied(problem.code())).await?;
        Err(problem)
    }

    async fn build(
        &self,
        person: &SignedIn,
        cluster: &Cluster,
        template: &Template,
        row: &WorkspaceRow,
    ) -> Result<Pod, Stopped> {
        let manifest = manifest::pod(template, row);
        for attempt in 0.. {
            let in_shape_for = self
                .inner
                .namespaces
                .ensure(self.api(), cluster, person.user(), self.settings())
                .await
                .map_err(|refused| Stopped::Certain(told(cluster, refused)))?;
            let right = self.right_to_create(person, cluster, row, in_shape_for).await?;
            if in_shape_for < QUOTA_LAG_MAX {
                let bites = quota_bites(cluster, &right, &manifest).await;
                if !bites.map_err(|error| Stopped::Certain(refusal::of_hub(error)))? {
                    return Err(Stopped::Certain(refusal::uncounted(cluster.name())));
                }
            }
            match make(cluster, &right, &manifest).await {
                Ok(pod) => return Ok(pod),
                // Somebody deleted the namespace since it was last in shape.
                Err(error) if error.is_not_found() && attempt == 0 => {
                    self.inner.namespaces.forget(cluster.name(), person.user());
                }
                Err(
                    error @ (KubeIoError::Unreachable { .. }
                    | KubeIoError::Refused { code: 500.., .. }),
                ) => {
                    return Err(Stopped::Unsure(refusal::of_person(&object(row), error)));
                }
                Err(error) => {
                    self.inner.namespaces.forget(cluster.name(), person.user());
                    return Err(Stopped::Certain(refusal::of_person(&object(row), error)));
                }
            }
        }
        Err(Stopped::Certain(refusal::too_slow(cluster.name())))
    }

    /// The right to make the Pod. A binding that was just made may take the authoriser a moment to learn.
    async fn right_to_create(
        &self,
        person: &SignedIn,
        cluster: &Cluster,
        row: &WorkspaceRow,
        in_shape_for: Duration,
    ) -> Result<Authorized<CreatePod>, Stopped> {
        let patience = BINDING_LAG_MAX.saturating_sub(in_shape_for);
        let since = Instant::now();
        loop {
            let action = CreatePod { namespace: row.namespace.clone(), pod: row.pod.clone() };
            let verdict = cluster.authorize(person.identity(), action).await;
            match verdict.map_err(|error| Stopped::Certain(refusal::of_hub(error)))? {
                Verdict::Allowed(right) => return Ok(right),
                Verdict::Denied { .. } if since.elapsed() < patience => {
                    tokio::time::sleep(LAG_STEP).await;
                }
                Verdict::Denied { access, reason } => {
                    // Perhaps somebody took the binding away: the next attempt puts it back.
                    self.inner.namespaces.forget(cluster.name(), person.user());
                    let problem =
                        http_api::cluster_denies(cluster.name(), person.user(), &access, &reason);
                    return Err(Stopped::Certain(problem));
                }
            }
        }
    }

    /// Notes the Pod. If the workspace was deleted meanwhile, the Pod goes too.
    async fn confirm(
        &self,
        person: &SignedIn,
        cluster: &Cluster,
        mut row: WorkspaceRow,
        pod: Pod,
    ) -> Result<WorkspaceView, Problem> {
        let uid: PodUid =
            pod.metadata.uid.as_deref().unwrap_or_default().parse().map_err(Problem::internal)?;
        match self.api().store.set_workspace_pod(&row.id, &uid).await {
            Ok(()) => {
                row.pod_uid = Some(uid);
                Ok(view(&row, Some(&pod), &[]))
            }
            Err(StoreError::NotFound { .. }) => {
                row.pod_uid = Some(uid);
                // Whose owner may not delete it any more keeps it, until the Pod's own time is over.
                if let Err(error) = delete_as(cluster, person.identity(), &row).await {
                    tracing::warn!(%error, workspace = %row.id, "the Pod of a deleted workspace stays");
                }
                Err(Problem::new(
                    ProblemCode::Conflict,
                    "the workspace was deleted while it was made",
                ))
            }
            // There is a Pod and a row for it; `reconcile` brings them together.
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether the API server enforces the namespace's quota by now. It learns of a new one by a watch and takes
/// it for no bound at all until the controller manager has counted, so a Pod made too early would never
/// count. A Pod that no quota has room for is tried without being made, until it is refused.
async fn quota_bites(
    cluster: &Cluster,
    right: &Authorized<CreatePod>,
    manifest: &Pod,
) -> Result<bool, KubeIoError> {
    let namespace = right.action().namespace.as_str();
    let pods: Api<Pod> = Api::namespaced(cluster.as_person(right)?, namespace);
    let dry_run = PostParams { dry_run: true, ..PostParams::default() };
    let too_large = manifest::too_large(manifest);
    let since = Instant::now();
    loop {
        match pods.create(&dry_run, &too_large).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.message.contains(STATUS_UNKNOWN) => {}
            // `exceeded quota`; or something else of this cluster decides before the quota does, and then
            // the Pod itself is to show what.
            Err(_) => return Ok(true),
        }
        if since.elapsed() >= QUOTA_LAG_MAX {
            return Ok(false);
        }
        tokio::time::sleep(LAG_STEP).await;
    }
}

/// Makes the Pod as the person whose right it is.
async fn make(
    cluster: &Cluster,
    right: &Authorized<CreatePod>,
    manifest: &Pod,
) -> Result<Pod, KubeIoError> {
    let namespace = right.action().namespace.as_str();
    let pods: Api<Pod> = Api::namespaced(cluster.as_person(right)?, namespace);
    let since = Instant::now();
    loop {
        let error = match pods.create(&PostParams::default(), manifest).await {
            Ok(pod) => return Ok(pod),
            Err(error) => error,
        };
        // A quota whose use is not counted yet, or that many creations change at once: both pass.
        let passes = matches!(&error, kube::Error::Api(status)
            if (status.code == 403 && status.message.contains(STATUS_UNKNOWN))
                || (status.code == 409 && status.reason == "Conflict"));
        if !passes || since.elapsed() >= QUOTA_LAG_MAX {
            return Err(KubeIoError::from_kube(cluster.name(), error));
        }
        tokio::time::sleep(LAG_STEP).await;
    }
}

fn told(cluster: &Cluster, refused: NamespaceRefusal) -> Problem {
    match refused {
        NamespaceRefusal::Foreign(namespace) => {
            tracing::warn!(cluster = %cluster.name(), %namespace, "a namespace is not ours; it is left alone");
            refusal::foreign(cluster.name(), &namespace)
        }
        NamespaceRefusal::Unknown(namespace) => {
            tracing::warn!(cluster = %cluster.name(), %namespace, "a namespace carries a person's marks, but no hub on this store made it; it is left alone");
            refusal::unknown(cluster.name(), &namespace)
        }
        NamespaceRefusal::Going(namespace) => refusal::going(cluster.name(), &namespace),
        NamespaceRefusal::Cluster(error) => refusal::of_hub(error),
        NamespaceRefusal::Store(error) => error.into(),
        NamespaceRefusal::Hub(problem) => problem,
    }
}

/// How audit records and problems name a workspace.
pub(crate) fn object(row: &WorkspaceRow) -> String {
    format!("{}/{}/{}", row.cluster, row.namespace, row.pod)
}
