//! The facts of one Pod that the gates and the terminal need, read as the person.
//! Lists and watches of Pods belong to the `pods` service.

use crate::{Cluster, KubeIoError};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::api::Api;
use model::Identity;

/// What the first gate tells of a Pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodFacts {
    /// `metadata.uid`.
    pub uid: String,
    /// `status.phase`.
    pub phase: String,
    /// Whether a deletion has begun.
    pub deleting: bool,
    /// `spec.nodeName`.
    pub node: Option<String>,
    /// `kubectl.kubernetes.io/default-container`, when the Pod names one.
    pub default_container: Option<String>,
    /// Containers one can exec into, in the order of the spec; ephemeral ones last.
    pub containers: Vec<ContainerFacts>,
}

/// One container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerFacts {
    /// Its name.
    pub name: String,
    /// Its image as the spec writes it.
    pub image: String,
    /// Whether it runs now.
    pub running: bool,
    /// How often it was restarted.
    pub restarts: i32,
}

impl PodFacts {
    /// Takes out of a Pod what the gates need.
    pub fn of(pod: &Pod) -> Self {
        let spec = pod.spec.clone().unwrap_or_default();
        let status = pod.status.clone().unwrap_or_default();
        let statuses: Vec<&ContainerStatus> = [
            &status.container_statuses,
            &status.init_container_statuses,
            &status.ephemeral_container_statuses,
        ]
        .into_iter()
        .flatten()
        .flatten()
        .collect();
        let facts = |name: &str, image: Option<&String>| {
            let found = statuses.iter().find(|status| status.name == name);
            ContainerFacts {
                name: name.to_owned(),
                image: image.cloned().unwrap_or_default(),
                running: found
                    .and_then(|status| status.state.as_ref())
                    .is_some_and(|state| state.running.is_some()),
                restarts: found.map_or(0, |status| status.restart_count),
            }
        };
        let sidecars = spec
            .init_containers
            .iter()
            .flatten()
            .filter(|container| container.restart_policy.as_deref() == Some("Always"));
        let containers = spec
            .containers
            .iter()
            .chain(sidecars)
            .map(|container| facts(&container.name, container.image.as_ref()))
            .chain(
                spec.ephemeral_containers
                    .iter()
                    .flatten()
                    .map(|container| facts(&container.name, container.image.as_ref())),
            )
            .collect();
        Self {
            uid: pod.metadata.uid.clone().unwrap_or_default(),
            phase: status.phase.unwrap_or_default(),
            deleting: pod.metadata.deletion_timestamp.is_some(),
            node: spec.node_name,
            default_container: pod
                .metadata
                .annotations
                .as_ref()
                .and_then(|all| all.get("kubectl.kubernetes.io/default-container").cloned()),
            containers,
        }
    }

    /// The container of that name.
    pub fn container(&self, name: &str) -> Option<&ContainerFacts> {
        self.containers.iter().find(|container| container.name == name)
    }

    /// The container entered when none is named: the annotated one, else the first.
    pub fn container_by_default(&self) -> Option<&ContainerFacts> {
        self.default_container
            .as_deref()
            .and_then(|name| self.container(name))
            .or_else(|| self.containers.first())
    }
}

impl Cluster {
    /// Reads the Pod as the person who is to enter it. `None` if there is none of that name.
    ///
    /// It asks for no right, so that the gates can ask about the right and the facts at once; the API server
    /// judges the read by the same RBAC.
    pub async fn pod_facts(
        &self,
        identity: &Identity,
        namespace: &model::Namespace,
        pod: &model::PodName,
    ) -> Result<Option<PodFacts>, KubeIoError> {
        let api: Api<Pod> = Api::namespaced(self.impersonating(identity)?, namespace.as_str());
        let pod = api
            .get_opt(pod.as_str())
            .await
            .map_err(|error| KubeIoError::from_kube(&self.name, error))?;
        Ok(pod.as_ref().map(PodFacts::of))
    }
}
