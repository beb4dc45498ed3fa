//! Bringing the store and the clusters together again: Pods that vanished, ended or outlived their time free
//! their room; Pods that a hub made and could not note are noted.
//! It acts as each workspace's owner, whose right is asked for each act, never with rights of the hub's own; who
//! asked for a deletion is `delete`'s.
//!
//! Several hubs may do this at once: every step is decided from what is there, and freeing a row twice frees it
//! once.

use crate::create::object;
use crate::delete::delete_as;
use crate::service::{CLUSTER_TIME_MAX, Workspaces, pod_of, workspace_pods};
use crate::steps::{end_of, ended_at};
use futures_util::{StreamExt as _, stream};
use k8s_openapi::api::core::v1::Pod;
use kube_io::Cluster;
use model::{ClusterName, Identity, Namespace, PodUid, Timestamp};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;
use store::{AuditEntry, AuditOutcome, WorkspaceFilter, WorkspaceRow};
use tracing::Instrument as _;

const ROUND_EVERY: Duration = Duration::from_secs(30);
/// Namespaces looked at at once: the round must not crowd out people's own requests.
const AT_ONCE: usize = 8;
/// One round in so many also brings the namespaces back into shape.
const SHAPE_ROUNDS: u64 = 20;
/// How long a workspace that ended by itself is still shown, so that its owner reads why.
pub(crate) const SHOWN_AFTER_END: Duration = Duration::from_secs(300);
/// A creation takes 20 s at most (`CLUSTER_TIME_MAX`), and its turn may come late.
const CREATION_MAX: Duration = Duration::from_secs(120);
/// The cluster counts a Pod's lifetime from its start on the node; one that never starts is the hub's to end.
const OVERTIME: Duration = Duration::from_secs(300);

/// What is to be done about a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdicted {
    /// All is well, or not decided yet.
    Keep,
    /// There is a Pod that was not noted.
    Note(PodUid),
    /// The Pod is gone: the room is free.
    Free(String),
    /// The Pod is of no more use: it goes, and the room is free.
    Delete(String),
}

/// Decides from what is there. `shown` is how long one that ended stays.
pub(crate) fn verdict(
    row: &WorkspaceRow,
    pod: Option<&Pod>,
    now: Timestamp,
    shown: Duration,
) -> Verdicted {
    let Some(pod) = pod else {
        let in_creation = row.pod_uid.is_none() && now.since(row.created_at) < CREATION_MAX;
        return if in_creation { Verdicted::Keep } else { Verdicted::Free("pod gone".to_owned()) };
    };
    if pod.metadata.deletion_timestamp.is_some() {
        return Verdicted::Keep;
    }
    if let Some(why) = end_of(row, pod) {
        let ended_at = ended_at(row, pod).unwrap_or(row.created_at);
        return if now.since(ended_at) >= shown { Verdicted::Delete(why) } else { Verdicted::Keep };
    }
    if now > row.expires_at.after(OVERTIME) {
        return Verdicted::Delete("DeadlineExceeded".to_owned());
    }
    match (&row.pod_uid, pod.metadata.uid.as_deref().map(str::parse)) {
        (None, Some(Ok(uid))) => Verdicted::Note(uid),
        _ => Verdicted::Keep,
    }
}

impl Workspaces {
    /// Goes round until the hub is stopped. The binary spawns it once.
    pub async fn reconcile(self) {
        let mut rounds = tokio::time::interval(ROUND_EVERY);
        rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        for number in 0u64.. {
            tokio::select! {
                () = self.inner.shutdown.cancelled() => return,
                _ = rounds.tick() => {}
            }
            let span = tracing::info_span!("workspaces.reconcile", number);
            let round = self.round(number % SHAPE_ROUNDS == 0).instrument(span);
            tokio::select! {
                () = self.inner.shutdown.cancelled() => return,
                () = round => {}
            }
        }
    }

    async fn round(&self, shape: bool) {
        let filter = WorkspaceFilter { live: Some(true), ..WorkspaceFilter::default() };
        let rows = match self.api().store.workspaces(&filter).await {
            Ok(rows) => rows,
            Err(error) => {
                tracing::warn!(%error, "workspaces cannot be read from the store");
                return;
            }
        };
        let settling = by_place(rows).into_iter().map(|((cluster, owner, namespace), rows)| async move {
            let Some(cluster) = self.api().clusters.get(&cluster) else { return };
            if shape && let Err(error) = self.inner.namespaces.ensure(self.api(), cluster, &owner, self.settings()).await {
                tracing::warn!(%error, cluster = %cluster.name(), "a namespace is not in shape");
            }
            self.settle(cluster, &owner, &namespace, rows, SHOWN_AFTER_END).await;
        });
        stream::iter(settling).for_each_concurrent(AT_ONCE, |settling| settling).await;
    }

    /// Settles one person's workspaces now. Returns how many were freed.
    pub(crate) async fn settle_of(&self, owner: &str, shown: Duration) -> usize {
        let filter = WorkspaceFilter {
            owner: Some(owner.to_owned()),
            live: Some(true),
            ..WorkspaceFilter::default()
        };
        let rows = self.api().store.workspaces(&filter).await.unwrap_or_default();
        let mut freed = 0;
        for ((cluster, owner, namespace), rows) in by_place(rows) {
            if let Some(cluster) = self.api().clusters.get(&cluster) {
                freed += self.settle(cluster, &owner, &namespace, rows, shown).await;
            }
        }
        freed
    }

    /// Settles what a list has just shown to have ended, in the background.
    pub(crate) fn settle_soon(&self, rows: Vec<WorkspaceRow>, pods: &[Pod]) {
        let now = self.api().clock.now();
        let due = rows
            .iter()
            .any(|row| verdict(row, pod_of(row, pods), now, SHOWN_AFTER_END) != Verdicted::Keep);
        let Some(first) = rows.first().filter(|_| due) else { return };
        let Some(cluster) = self.api().clusters.get(&first.cluster).cloned() else { return };
        let (service, owner, namespace) =
            (self.clone(), first.owner.clone(), first.namespace.clone());
        let settling = async move {
            service.settle(&cluster, &owner, &namespace, rows, SHOWN_AFTER_END).await;
        };
        self.inner.tasks.spawn(settling.in_current_span());
    }

    /// The rows were read before the Pods are: a row with a UID whose Pod is not there has lost it.
    async fn settle(
        &self,
        cluster: &Cluster,
        owner: &str,
        namespace: &Namespace,
        rows: Vec<WorkspaceRow>,
        shown: Duration,
    ) -> usize {
        let who = identity_of(owner);
        let listing = workspace_pods(cluster, &who, namespace);
        let pods = match tokio::time::timeout(CLUSTER_TIME_MAX, listing).await {
            Ok(Ok(Some(pods))) => pods,
            // A namespace that is gone has no Pods: without its binding, the owner may not even ask.
            Ok(Ok(None)) => match self.is_gone(cluster, namespace).await {
                true => Vec::new(),
                false => return 0,
            },
            Ok(Err(error)) => {
                tracing::debug!(%error, cluster = %cluster.name(), %namespace, "cannot settle");
                return 0;
            }
            Err(_) => return 0,
        };
        let mut freed = 0;
        for row in rows {
            match verdict(&row, pod_of(&row, &pods), self.api().clock.now(), shown) {
                Verdicted::Keep => {}
                Verdicted::Note(uid) => {
                    if let Err(error) = self.api().store.set_workspace_pod(&row.id, &uid).await {
                        tracing::warn!(%error, workspace = %row.id, "a Pod cannot be noted");
                    }
                }
                Verdicted::Free(why) => {
                    self.free(&row, &why).await;
                    freed += 1;
                }
                Verdicted::Delete(why) => {
                    // Whose owner may not delete it any more keeps an ended Pod, which uses nothing.
                    if let Err(error) = delete_as(cluster, &who, &row).await {
                        tracing::warn!(%error, workspace = %row.id, "an ended Pod cannot be deleted");
                        continue;
                    }
                    self.free(&row, &why).await;
                    freed += 1;
                }
            }
        }
        freed
    }

    async fn is_gone(&self, cluster: &Cluster, namespace: &Namespace) -> bool {
        type Space = k8s_openapi::api::core::v1::Namespace;
        let spaces: kube::Api<Space> = kube::Api::all(cluster.as_hub());
        matches!(spaces.get_metadata_opt(namespace.as_str()).await, Ok(None))
    }

    /// Frees a row's room, with a note for its owner and a record.
    pub(crate) async fn free(&self, row: &WorkspaceRow, why: &str) {
        let store = &self.api().store;
        let now = self.api().clock.now();
        let entry = AuditEntry {
            at: now,
            actor: "sallyport".to_owned(),
            action: "workspace.end".to_owned(),
            object: object(row),
            outcome: AuditOutcome::Allowed,
            reason: why.to_owned(),
            request_id: String::new(),
            source: "hub".to_owned(),
            detail: json!({ "workspace": row.id, "owner": row.owner }),
        };
        // The note is for people; without it the row still ends.
        if let Err(error) = store.set_workspace_note(&row.id, why).await {
            tracing::debug!(%error, workspace = %row.id, "no note");
        }
        if let Err(error) = store.delete_workspace(&row.id, now, entry).await {
            tracing::warn!(%error, workspace = %row.id, "the room of a workspace cannot be freed yet");
        }
    }
}

/// The owner, by the user name alone: the binding names the user, no group.
fn identity_of(owner: &str) -> Identity {
    Identity { user: owner.to_owned(), uid: None, groups: Vec::new(), extra: BTreeMap::new() }
}

fn by_place(
    rows: Vec<WorkspaceRow>,
) -> BTreeMap<(ClusterName, String, Namespace), Vec<WorkspaceRow>> {
    let mut places: BTreeMap<_, Vec<WorkspaceRow>> = BTreeMap::new();
    for row in rows {
        let place = (row.cluster.clone(), row.owner.clone(), row.namespace.clone());
        places.entry(place).or_default().push(row);
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn row(uid: Option<&str>) -> WorkspaceRow {
        WorkspaceRow {
            id: model::WorkspaceId::from_random([7; 16]),
            owner: "sallyport:alice".to_owned(),
            cluster: "demo".parse().unwrap(),
            namespace: "ws-alice-x".parse().unwrap(),
            pod: "debian-abc".parse().unwrap(),
            pod_uid: uid.map(|uid| uid.parse().unwrap()),
            container: "shell".parse().unwrap(),
            template: "debian".to_owned(),
            name: "debian".to_owned(),
            created_at: "2026-01-01T00:00:00Z".parse().unwrap(),
            expires_at: "2026-01-01T08:00:00Z".parse().unwrap(),
            deleted_at: None,
            state_note: String::new(),
        }
    }

    fn pod(status: Value) -> Pod {
        serde_json::from_value(json!({ "metadata": { "uid": "uid-1" }, "status": status })).unwrap()
    }

    #[test]
    fn a_row_is_freed_when_its_pod_is_gone_or_has_ended_and_not_before() {
        let ended = |at: &str| {
            pod(json!({ "phase": "Failed", "containerStatuses": [{
                "name": "shell", "image": "i", "imageID": "i", "ready": false, "restartCount": 0,
                "state": { "terminated": { "exitCode": 137, "reason": "OOMKilled", "finishedAt": at } },
            }] }))
        };
        let runs = pod(json!({ "phase": "Running" }));
        let free = |why: &str| Verdicted::Free(why.to_owned());
        let delete = |why: &str| Verdicted::Delete(why.to_owned());
        let note = || Verdicted::Note("uid-1".parse().unwrap());
        for (uid, pod, now, expected) in [
            (None, None, "2026-01-01T00:01:00Z", Verdicted::Keep),
            (None, None, "2026-01-01T00:03:00Z", free("pod gone")),
            (Some("uid-1"), None, "2026-01-01T00:00:01Z", free("pod gone")),
            (Some("uid-1"), Some(&runs), "2026-01-01T07:00:00Z", Verdicted::Keep),
            (None, Some(&runs), "2026-01-01T00:00:10Z", note()),
            (
                Some("uid-1"),
                Some(&ended("2026-01-01T01:00:00Z")),
                "2026-01-01T01:01:00Z",
                Verdicted::Keep,
            ),
            (
                Some("uid-1"),
                Some(&ended("2026-01-01T01:00:00Z")),
                "2026-01-01T01:06:00Z",
                delete("failed: OOMKilled"),
            ),
            (
                Some("uid-1"),
                Some(&pod(json!({ "phase": "Pending" }))),
                "2026-01-01T08:01:00Z",
                Verdicted::Keep,
            ),
            (
                Some("uid-1"),
                Some(&pod(json!({ "phase": "Pending" }))),
                "2026-01-01T08:06:00Z",
                delete("DeadlineExceeded"),
            ),
        ] {
            let now = now.parse().unwrap();
            assert_eq!(verdict(&row(uid), pod, now, SHOWN_AFTER_END), expected, "{now}");
        }
    }
}
