//! The Pod view: every kind that makes Pods, normalised once, with the fields that checks ask for.
//! Whether a field's value is good or bad is the checks'; here is only what the API would read, and that an
//! absent field is the API's default.

mod container;
mod read;

use crate::node::Node;
use crate::object::Object;
use crate::place::{Field, Malformed, Place};
pub use container::{Container, Env, Group, ImageName, Mount, Security};
pub use read::{makes_pods, pod};

/// Kinds of Kubernetes' own that make Pods, and the Pod.
pub const KINDS: &[&str] = &[
    "Pod",
    "ReplicationController",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "Job",
    "CronJob",
];

/// A Pod, or what a workload's template makes of one.
#[derive(Debug)]
pub struct Pod<'a> {
    /// The object that makes it.
    pub object: &'a Object,
    /// `spec` of the Pod.
    pub spec: Place<'a>,
    /// `metadata.annotations` of the Pod.
    pub annotations: Vec<(&'a str, &'a Node)>,
    /// `metadata.labels` of the Pod.
    pub labels: Vec<(&'a str, &'a str)>,
    /// `hostNetwork`; false if unset.
    pub host_network: Field<'a, bool>,
    /// `hostPID`; false if unset.
    pub host_pid: Field<'a, bool>,
    /// `hostIPC`; false if unset.
    pub host_ipc: Field<'a, bool>,
    /// `hostUsers`; true if unset.
    pub host_users: Field<'a, bool>,
    /// `shareProcessNamespace`; false if unset.
    pub share_process_namespace: Field<'a, bool>,
    /// `serviceAccountName`; the deprecated `serviceAccount` if only that is set; `default` if neither is.
    pub service_account: Field<'a, &'a str>,
    /// The deprecated `serviceAccount`.
    pub service_account_deprecated: Field<'a, &'a str>,
    /// `automountServiceAccountToken`; the account decides if unset.
    pub automount_token: Field<'a, bool>,
    /// `securityContext` of the Pod.
    pub security: Security<'a>,
    /// `securityContext.sysctls`.
    pub sysctls: Vec<Field<'a, &'a str>>,
    /// All containers: init, regular, ephemeral, in that order.
    pub containers: Vec<Container<'a>>,
    /// `volumes`.
    pub volumes: Vec<Volume<'a>>,
    /// It runs on Windows by its own word (`os.name`).
    pub windows: bool,
    /// What the API server would refuse to read.
    pub malformed: Malformed<'a>,
}

/// A volume of a Pod.
#[derive(Debug)]
pub struct Volume<'a> {
    /// Its name.
    pub name: Field<'a, &'a str>,
    /// The whole volume.
    pub place: Place<'a>,
    /// Its kinds, as `hostPath`; one, in a valid manifest.
    pub kinds: Vec<&'a str>,
    /// The path on the node, for a `hostPath`.
    pub host_path: Field<'a, &'a str>,
}

impl<'a> Pod<'a> {
    /// The containers that run for the Pod's whole life.
    pub fn regular(&self) -> impl Iterator<Item = &Container<'a>> {
        self.containers.iter().filter(|container| container.group == Group::Regular)
    }

    /// The annotation of this name.
    pub fn annotation(&self, name: &str) -> Option<&'a Node> {
        self.annotations.iter().find(|(key, _)| *key == name).map(|(_, node)| *node)
    }

    /// Whether it has a user namespace of its own, so that root inside is nobody outside.
    pub fn has_user_namespace(&self) -> bool {
        self.host_users.is(false)
    }

    /// Whether this is run to an end rather than kept running.
    pub fn is_batch(&self) -> bool {
        matches!(self.object.kind.as_str(), "Job" | "CronJob")
    }

    /// Where the Pod itself asks for a token of its account for the API server, if a container has it mounted.
    pub fn token_volume(&self) -> Option<Place<'a>> {
        self.volumes.iter().find_map(|volume| {
            self.mounts_of(volume.name.value?).next()?;
            let sources = volume.place.get("projected").get("sources").node()?;
            let tokens =
                sources.items().iter().map(|item| Place::of(item).get("serviceAccountToken"));
            tokens.filter(|token| token.is_set()).find(|token| {
                // One for another audience is refused by the API server.
                let audience = token.get("audience").node().and_then(Node::text);
                audience.is_none_or(|audience| {
                    audience.is_empty() || audience.starts_with("https://kubernetes.default")
                })
            })
        })
    }

    /// The mounts of a volume, with their containers.
    pub fn mounts_of(&self, volume: &'a str) -> impl Iterator<Item = (&Container<'a>, &Mount<'a>)> {
        self.containers.iter().flat_map(move |container| {
            container
                .mounts
                .iter()
                .filter(move |mount| mount.name.is(volume))
                .map(move |mount| (container, mount))
        })
    }
}
