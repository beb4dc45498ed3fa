//! Where a terminal leads: a Pod in a cluster, one of its containers, and what runs there.
//! Whether somebody may go there is decided by the cluster through `kube-io`.

use crate::{ClusterName, ContainerName, Namespace, PodName, PodUid};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One Pod, told apart by its UID from a later one of the same name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PodPlace {
    /// The cluster as the hub's configuration names it.
    pub cluster: ClusterName,
    /// The Pod's namespace.
    pub namespace: Namespace,
    /// The Pod's name.
    pub pod: PodName,
    /// The Pod's UID at the time the place was named.
    pub uid: PodUid,
}

/// One container of a Pod.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ContainerPlace {
    /// The Pod.
    #[serde(flatten)]
    pub pod: PodPlace,
    /// The container's name.
    pub container: ContainerName,
}

/// What runs in the container when the person has passed both gates.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Process {
    /// Whether a terminal is allocated.
    pub tty: bool,
    /// The program and its arguments; empty means the best login shell that the container has.
    #[serde(default)]
    pub command: Vec<String>,
}

impl fmt::Display for PodPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.cluster, self.namespace, self.pod)
    }
}

impl fmt::Display for ContainerPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.pod, self.container)
    }
}
