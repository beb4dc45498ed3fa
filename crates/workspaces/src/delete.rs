//! Deleting a workspace: the Pod as the person who asks; its room is free when the Pod is gone.
//! Workspaces that end by themselves are `reconcile`'s.

use crate::create::object;
use crate::refusal;
use crate::service::{CLUSTER_TIME_MAX, Need, Workspaces};
use http_api::{Problem, SignedIn};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, Preconditions};
use kube_io::{Authorized, Cluster, DeletePod, KubeIoError, Verdict};
use model::{Identity, WorkspaceId};
use serde_json::json;
use std::time::Duration;
use store::WorkspaceRow;
use tokio::time::Instant;
use tracing::Instrument as _;

/// A Pod has a second to end, and the node a few more to clean up; after that `reconcile` sees to it.
const GONE_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(250);

impl Workspaces {
    /// Begins the deletion.
    pub(crate) async fn delete(&self, person: &SignedIn, id: &WorkspaceId) -> Result<(), Problem> {
        let (row, cluster) = self.find(person, id, Need::Delete).await?;
        if row.deleted_at.is_some() {
            return Err(Problem::not_found(format!("workspace `{id}`")));
        }
        let draft = || {
            person.audit("workspace.delete", object(&row)).detail(json!({
                "workspace": id, "owner": row.owner,
            }))
        };
        let action = DeletePod { namespace: row.namespace.clone(), pod: row.pod.clone() };
        let verdict =
            cluster.authorize(person.identity(), action).await.map_err(refusal::of_hub)?;
        let right = match verdict {
            Verdict::Allowed(right) => right,
            Verdict::Denied { access, reason } => {
                let problem =
                    http_api::cluster_denies(cluster.name(), person.user(), &access, &reason);
                self.api().store.audit(draft().denied(problem.code())).await?;
                return Err(problem);
            }
        };
        self.api().store.audit(draft().allowed()).await?;
        let deleting = tokio::time::timeout(CLUSTER_TIME_MAX, delete_pod(&cluster, &right, &row));
        let deleted = deleting.await.map_err(|_| refusal::too_slow(cluster.name()));
        let outcome = match deleted {
            Ok(Ok(still_there)) => Ok(still_there),
            Ok(Err(error)) => Err(refusal::of_person(&format!("workspace `{id}`"), error)),
            Err(problem) => Err(problem),
        };
        match outcome {
            Ok(true) => {
                let (service, row) = (self.clone(), row.clone());
                let waiting = async move { service.free_when_gone(&cluster, &right, &row).await };
                self.inner.tasks.spawn(waiting.in_current_span());
                Ok(())
            }
            Ok(false) => {
                self.free(&row, "deleted").await;
                Ok(())
            }
            Err(problem) => {
                self.api().store.audit(draft().failed(problem.code())).await?;
                Err(problem)
            }
        }
    }

    async fn free_when_gone(
        &self,
        cluster: &Cluster,
        right: &Authorized<DeletePod>,
        row: &WorkspaceRow,
    ) {
        let Ok(client) = cluster.as_person(right) else { return };
        let pods: Api<Pod> = Api::namespaced(client, row.namespace.as_str());
        let since = Instant::now();
        while since.elapsed() < GONE_WITHIN && !self.inner.shutdown.is_cancelled() {
            match pods.get_metadata_opt(row.pod.as_str()).await {
                Ok(None) => return self.free(row, "deleted").await,
                Ok(Some(_)) | Err(_) => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    }
}

/// Deletes the row's own Pod as somebody, if they may.
pub(crate) async fn delete_as(
    cluster: &Cluster,
    who: &Identity,
    row: &WorkspaceRow,
) -> Result<(), KubeIoError> {
    let action = DeletePod { namespace: row.namespace.clone(), pod: row.pod.clone() };
    if let Verdict::Allowed(right) = cluster.authorize(who, action).await? {
        delete_pod(cluster, &right, row).await?;
    }
    Ok(())
}

/// Deletes the row's own Pod, no other of its name. False if it is gone already.
pub(crate) async fn delete_pod(
    cluster: &Cluster,
    right: &Authorized<DeletePod>,
    row: &WorkspaceRow,
) -> Result<bool, KubeIoError> {
    let client = cluster.as_person(right)?;
    let pods: Api<Pod> = Api::namespaced(client, row.namespace.as_str());
    let only_this = row
        .pod_uid
        .as_ref()
        .map(|uid| Preconditions { uid: Some(uid.to_string()), resource_version: None });
    let how = DeleteParams { preconditions: only_this, ..DeleteParams::default() };
    match pods.delete(row.pod.as_str(), &how).await {
        Ok(_) => Ok(true),
        // 409: another Pod has the name now, so the row's own is gone.
        Err(kube::Error::Api(status)) if status.code == 404 || status.code == 409 => Ok(false),
        Err(error) => Err(KubeIoError::from_kube(cluster.name(), error)),
    }
}
