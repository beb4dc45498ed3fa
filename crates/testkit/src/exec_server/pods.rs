//! Pods as the API shows them, reduced to what a hub reads before it enters one.

use serde_json::{Value, json};

/// A Pod of the double.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodDouble {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// `metadata.uid`.
    pub uid: String,
    /// `status.phase`.
    pub phase: String,
    /// Whether a deletion has begun.
    pub deleting: bool,
    /// Its containers.
    pub containers: Vec<ContainerDouble>,
}

/// A container of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerDouble {
    /// Its name.
    pub name: String,
    /// Its image.
    pub image: String,
    /// Whether it runs.
    pub running: bool,
}

impl PodDouble {
    /// A running Pod with one container `shell`; its UID follows from the name.
    pub fn running(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            uid: format!("uid-of-{namespace}-{name}"),
            phase: "Running".to_owned(),
            deleting: false,
            containers: vec![ContainerDouble {
                name: "shell".to_owned(),
                image: "example.test/shell:1".to_owned(),
                running: true,
            }],
        }
    }

    /// The same with another UID, as after a deletion and a new creation.
    #[must_use]
    pub fn with_uid(mut self, uid: &str) -> Self {
        uid.clone_into(&mut self.uid);
        self
    }

    pub(super) fn json(&self) -> Value {
        let spec = |container: &ContainerDouble| json!({ "name": container.name, "image": container.image, "tty": true, "stdin": true });
        let status = |container: &ContainerDouble| {
            let state = if container.running {
                json!({ "running": { "startedAt": "2026-01-01T00:00:00Z" } })
            } else {
                json!({ "waiting": { "reason": "ContainerCreating" } })
            };
            json!({
                "name": container.name, "image": container.image, "imageID": "", "ready": container.running,
                "restartCount": 0, "started": container.running, "state": state,
            })
        };
        let mut metadata = json!({
            "name": self.name, "namespace": self.namespace, "uid": self.uid, "resourceVersion": "1",
            "creationTimestamp": "2026-01-01T00:00:00Z",
        });
        if self.deleting {
            metadata["deletionTimestamp"] = "2026-01-01T01:00:00Z".into();
        }
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": metadata,
            "spec": {
                "nodeName": "node1",
                "containers": self.containers.iter().map(spec).collect::<Vec<_>>(),
            },
            "status": {
                "phase": self.phase, "podIP": "10.0.0.2", "hostIP": "10.0.0.1",
                "containerStatuses": self.containers.iter().map(status).collect::<Vec<_>>(),
            },
        })
    }
}
