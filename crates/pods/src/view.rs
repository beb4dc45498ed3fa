//! Pods as the console reads them: what a table of thousands shows, and no more.
//! The columns that kubectl shares are in `status`.

use crate::status::columns;
use k8s_openapi::api::core::v1::{Container, ContainerStatus, Pod, PodSpec, PodStatus};
use model::{ClusterName, Timestamp};
use serde::Serialize;
use std::collections::BTreeMap;

/// A container's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContainerState {
    /// It runs.
    Running,
    /// It does not run yet, or not again.
    Waiting,
    /// It has ended.
    Terminated,
}

/// What a container is to its Pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContainerKind {
    /// One of the Pod's own.
    Container,
    /// One that runs before them, or beside them as a sidecar.
    Init,
    /// One that was added for debugging.
    Ephemeral,
}

/// One container of a Pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = PodContainer)]
pub struct ContainerView {
    /// Its name.
    pub name: String,
    /// Its image, as the Pod names it.
    pub image: String,
    /// Its state.
    pub state: ContainerState,
    /// Whether it is ready.
    pub ready: bool,
    /// Whether its main process has a terminal.
    pub tty: bool,
    /// What it is to the Pod.
    pub kind: ContainerKind,
}

/// A Pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Pod)]
pub struct PodView {
    /// The cluster it is in.
    pub cluster: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID; a later Pod of the same name has another.
    pub uid: String,
    /// `status.phase`.
    pub phase: String,
    /// kubectl's column STATUS.
    pub reason: String,
    /// kubectl's column READY, such as `1/1`.
    pub ready: String,
    /// How often its containers were restarted.
    pub restarts: i64,
    /// The node it is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// What made it, such as `Deployment/web`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its containers: its own, init containers, ephemeral ones.
    pub containers: Vec<ContainerView>,
}

/// How far a list reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PodScope {
    /// Every namespace of every cluster that was asked.
    Cluster,
    /// The namespaces that are named, at least in some cluster.
    Namespaces,
}

/// Pods that a person may see.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct PodList {
    /// The Pods, by cluster, namespace and name.
    pub items: Vec<PodView>,
    /// How far the list reaches.
    pub scope: PodScope,
    /// The namespaces listed where it does not reach over the whole cluster.
    pub namespaces: Vec<String>,
    /// Clusters that did not answer; their Pods are missing.
    pub clusters_unreachable: Vec<String>,
}

impl PodView {
    pub(crate) fn of(cluster: &ClusterName, pod: Pod) -> Self {
        let columns = columns(&pod);
        let owner = owner_of(&pod);
        let (meta, spec, status) =
            (pod.metadata, pod.spec.unwrap_or_default(), pod.status.unwrap_or_default());
        let created_at = meta.creation_timestamp.map_or(0, |at| at.0.as_microsecond());
        Self {
            cluster: cluster.to_string(),
            namespace: meta.namespace.unwrap_or_default(),
            name: meta.name.unwrap_or_default(),
            uid: meta.uid.unwrap_or_default(),
            reason: columns.reason,
            ready: columns.ready,
            restarts: columns.restarts,
            created_at: Timestamp::from_micros(created_at),
            owner,
            labels: meta.labels.unwrap_or_default().into_iter().collect(),
            containers: containers(&spec, &status),
            node: spec.node_name,
            ip: status.pod_ip,
            phase: status.phase.unwrap_or_default(),
        }
    }

    /// The order of lists.
    pub(crate) fn place(&self) -> (&str, &str, &str) {
        (&self.cluster, &self.namespace, &self.name)
    }
}

fn containers(spec: &PodSpec, status: &PodStatus) -> Vec<ContainerView> {
    let one = |name: &str,
               image: &Option<String>,
               tty: Option<bool>,
               kind,
               all: &Option<Vec<ContainerStatus>>| {
        let status = all.iter().flatten().find(|status| status.name == name);
        let state = status.and_then(|status| status.state.as_ref());
        ContainerView {
            name: name.to_owned(),
            image: image.clone().unwrap_or_default(),
            state: match state {
                Some(state) if state.running.is_some() => ContainerState::Running,
                Some(state) if state.terminated.is_some() => ContainerState::Terminated,
                _ => ContainerState::Waiting,
            },
            ready: status.is_some_and(|status| status.ready),
            tty: tty.unwrap_or(false),
            kind,
        }
    };
    let plain = |it: &Container, kind, all| one(&it.name, &it.image, it.tty, kind, all);
    let own = spec
        .containers
        .iter()
        .map(|it| plain(it, ContainerKind::Container, &status.container_statuses));
    let inits = spec.init_containers.iter().flatten();
    let inits = inits.map(|it| plain(it, ContainerKind::Init, &status.init_container_statuses));
    let ephemeral = spec.ephemeral_containers.iter().flatten().map(|it| {
        one(
            &it.name,
            &it.image,
            it.tty,
            ContainerKind::Ephemeral,
            &status.ephemeral_container_statuses,
        )
    });
    own.chain(inits).chain(ephemeral).collect()
}

/// The controller; a Deployment's for its ReplicaSet, which people never made. The ReplicaSet's name is the
/// Deployment's and the Pod template's hash, so that no further request is needed.
fn owner_of(pod: &Pod) -> Option<String> {
    let owners = pod.metadata.owner_references.as_deref().unwrap_or_default();
    let owner = owners.iter().find(|owner| owner.controller == Some(true))?;
    let hash = pod.metadata.labels.as_ref().and_then(|labels| labels.get("pod-template-hash"));
    if owner.kind == "ReplicaSet"
        && let Some(name) = hash
            .and_then(|hash| owner.name.strip_suffix(hash.as_str()))
            .and_then(|name| name.strip_suffix('-'))
            .filter(|name| !name.is_empty())
    {
        return Some(format!("Deployment/{name}"));
    }
    Some(format!("{}/{}", owner.kind, owner.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn owner(kind: &str, name: &str, labels: Value) -> Option<String> {
        let pod = json!({ "metadata": { "labels": labels, "ownerReferences": [
            { "apiVersion": "v1", "kind": "Other", "name": "x", "uid": "u" },
            { "apiVersion": "apps/v1", "kind": kind, "name": name, "uid": "u", "controller": true },
        ] } });
        owner_of(&serde_json::from_value(pod).unwrap())
    }

    #[test]
    fn the_owner_is_what_somebody_made() {
        let hash = json!({ "pod-template-hash": "5f9" });
        for (kind, name, labels, expected) in [
            ("ReplicaSet", "web-5f9", hash.clone(), "Deployment/web"),
            ("ReplicaSet", "web-abc", hash.clone(), "ReplicaSet/web-abc"),
            ("ReplicaSet", "-5f9", hash.clone(), "ReplicaSet/-5f9"),
            ("ReplicaSet", "web-5f9", json!({}), "ReplicaSet/web-5f9"),
            ("StatefulSet", "db", json!({}), "StatefulSet/db"),
            ("Node", "node1", json!({}), "Node/node1"),
        ] {
            assert_eq!(owner(kind, name, labels).as_deref(), Some(expected));
        }
        assert_eq!(owner_of(&Pod::default()), None);
    }

    #[test]
    fn every_kind_of_container_is_told_with_its_state() {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": { "name": "p", "namespace": "n", "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z" },
            "spec": {
                "containers": [{ "name": "a", "image": "i:1", "tty": true }],
                "initContainers": [{ "name": "b", "image": "i:2" }],
                "ephemeralContainers": [{ "name": "c", "image": "i:3" }],
            },
            "status": { "phase": "Running", "containerStatuses": [
                { "name": "a", "image": "i", "imageID": "i", "ready": true, "restartCount": 0, "state": { "running": {} } },
            ], "initContainerStatuses": [
                { "name": "b", "image": "i", "imageID": "i", "ready": true, "restartCount": 0, "state": { "terminated": { "exitCode": 0 } } },
            ] },
        }))
        .unwrap();
        let view = PodView::of(&"demo".parse().unwrap(), pod);
        let told: Vec<_> = view
            .containers
            .iter()
            .map(|it| (it.name.as_str(), it.state, it.tty, it.kind))
            .collect();
        assert_eq!(
            told,
            [
                ("a", ContainerState::Running, true, ContainerKind::Container),
                ("b", ContainerState::Terminated, false, ContainerKind::Init),
                ("c", ContainerState::Waiting, false, ContainerKind::Ephemeral),
            ]
        );
        assert_eq!(view.created_at.to_string(), "2026-01-01T00:00:00Z");
    }
}
