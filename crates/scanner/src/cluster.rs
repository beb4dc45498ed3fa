//! A live cluster as a source: which lists are read, in what order, and what a refusal means.
//! It reads and never writes, with the credentials of the kubeconfig alone; what is wrong there is `posture`'s.
//!
//! Owners are listed before what they make, so that a Pod of a Deployment is dropped as it arrives: the memory
//! of a scan grows with the workloads and not with their replicas. A list that is refused is no empty list: it
//! makes what depends on it unknown, by name. Any other failure makes the scan not whole.
//!
//! Hostile input: what an API server answers is bounded in size, pages and number, and comes out as trees of
//! the same kind as manifests.

mod page;
mod tree;

use kube_io::Cluster;
use page::{Page, PageFault};
use posture::object::Object;
use posture::snapshot::Scope;

/// Objects that one scan takes in. Ten times the Pods of the largest cluster that Kubernetes supports would not
/// reach it, for Pods of controllers are not kept.
const OBJECTS_MAX: usize = 500_000;
/// A list whose continuation has expired is begun anew this often; more means that it never ends in time.
const RESTARTS_MAX: usize = 3;
/// Pages of one list: twice what the most objects take, for a server may give short pages, but not for ever.
const PAGES_MAX: usize = 2 * OBJECTS_MAX / page::ITEMS;

/// A kind of object that is listed.
#[derive(Debug)]
pub struct Kind {
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The version.
    pub version: &'static str,
    /// The resource, as in paths and roles.
    pub resource: &'static str,
    /// The kind.
    pub kind: &'static str,
}

/// All that is listed, owners before what they make. Secrets and ConfigMaps are not: checks look at them in manifests
/// alone, for no scan of a cluster is to hold its secrets. What an API server does not serve, as the Gateway API where
/// nobody installed it, is not there.
pub static KINDS: &[Kind] = &[
    kind("", "v1", "namespaces", "Namespace"),
    kind("", "v1", "nodes", "Node"),
    kind("apps", "v1", "deployments", "Deployment"),
    kind("apps", "v1", "statefulsets", "StatefulSet"),
    kind("apps", "v1", "daemonsets", "DaemonSet"),
    kind("batch", "v1", "cronjobs", "CronJob"),
    kind("", "v1", "replicationcontrollers", "ReplicationController"),
    kind("apps", "v1", "replicasets", "ReplicaSet"),
    kind("batch", "v1", "jobs", "Job"),
    kind("", "v1", "pods", "Pod"),
    kind("", "v1", "services", "Service"),
    kind("", "v1", "serviceaccounts", "ServiceAccount"),
    kind("", "v1", "persistentvolumes", "PersistentVolume"),
    kind("networking.k8s.io", "v1", "ingresses", "Ingress"),
    kind("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy"),
    kind("rbac.authorization.k8s.io", "v1", "roles", "Role"),
    kind("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole"),
    kind("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding"),
    kind("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding"),
    kind(
        "admissionregistration.k8s.io",
        "v1",
        "mutatingwebhookconfigurations",
        "MutatingWebhookConfiguration",
    ),
    kind(
        "admissionregistration.k8s.io",
        "v1",
        "validatingwebhookconfigurations",
        "ValidatingWebhookConfiguration",
    ),
    kind(
        "admissionregistration.k8s.io",
        "v1",
        "validatingadmissionpolicies",
        "ValidatingAdmissionPolicy",
    ),
    kind(
        "admissionregistration.k8s.io",
        "v1",
        "validatingadmissionpolicybindings",
        "ValidatingAdmissionPolicyBinding",
    ),
    kind("apiregistration.k8s.io", "v1", "apiservices", "APIService"),
    kind("gateway.networking.k8s.io", "v1", "gateways", "Gateway"),
    kind("gateway.networking.k8s.io", "v1", "httproutes", "HTTPRoute"),
    kind("gateway.networking.k8s.io", "v1", "grpcroutes", "GRPCRoute"),
    kind("gateway.networking.k8s.io", "v1beta1", "referencegrants", "ReferenceGrant"),
];

const fn kind(
    group: &'static str,
    version: &'static str,
    resource: &'static str,
    kind: &'static str,
) -> Kind {
    Kind { group, version, resource, kind }
}

impl Kind {
    /// `apiVersion` of its objects.
    fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// The path of its list over all namespaces.
    fn path(&self) -> String {
        let root = if self.group.is_empty() { "/api" } else { "/apis" };
        format!("{root}/{}/{}", self.api_version(), self.resource)
    }
}

/// What was read of a cluster.
#[derive(Debug, Default)]
pub struct Gathered {
    /// The objects; those that a controller makes stand in it by their controller.
    pub objects: Vec<Object>,
    /// Kinds whose lists were refused.
    pub unseen: Vec<&'static str>,
    /// Lists that could not be had for another reason: which, and why.
    pub failed: Vec<(String, String)>,
}

impl Gathered {
    /// How much of the cluster this is. A list that broke off says nothing of what is not in it either.
    pub fn scope(&self) -> Scope {
        let broken = KINDS
            .iter()
            .filter(|kind| self.failed.iter().any(|(name, _)| name == kind.resource))
            .map(|kind| kind.kind);
        Scope::Cluster { unseen: self.unseen.iter().copied().chain(broken).collect() }
    }
}

/// Reads the cluster. `progress` is told the resource and how many of it came so far.
pub async fn read(cluster: &Cluster, mut progress: impl FnMut(&str, usize)) -> Gathered {
    let mut gathered = Gathered::default();
    // The uids of all workloads that stand in the scan, by themselves or by their owner.
    let mut told = tree::Told::new();
    for kind in KINDS {
        match list(cluster, kind, &mut gathered.objects, &mut told, &mut progress).await {
            Ok(()) => {}
            // The API server does not serve the group: there is none of the kind.
            Err(PageFault::NotServed) => {}
            Err(PageFault::Refused) => {
                gathered.unseen.push(kind.kind);
                gathered.objects.push(Object::unseen(
                    gathered.objects.len(),
                    &kind.api_version(),
                    kind.kind,
                ));
            }
            Err(fault) => gathered.failed.push((kind.resource.to_owned(), fault.to_string())),
        }
    }
    gathered
}

async fn list(
    cluster: &Cluster,
    kind: &'static Kind,
    objects: &mut Vec<Object>,
    told: &mut tree::Told,
    progress: &mut impl FnMut(&str, usize),
) -> Result<(), PageFault> {
    let is_workload = posture::workload::KINDS.contains(&kind.kind);
    let begin = objects.len();
    let mut restarts = 0;
    let (mut next, mut count) = (String::new(), 0);
    for _ in 0..PAGES_MAX {
        let Page { items, rest } = match page::read(cluster, &kind.path(), &next).await {
            Err(PageFault::Expired) if restarts < RESTARTS_MAX => {
                restarts += 1;
                objects.truncate(begin);
                (next, count) = (String::new(), 0);
                continue;
            }
            page => page?,
        };
        count += items.len();
        progress(kind.resource, count);
        for item in items {
            if is_workload && tree::is_told_by_its_owner(kind.kind, &item, told) {
                continue;
            }
            if objects.len() >= OBJECTS_MAX {
                return Err(PageFault::TooMany(OBJECTS_MAX));
            }
            let source = objects.len();
            objects.extend(tree::object(source, &kind.api_version(), kind.kind, item));
        }
        match rest {
            // A server that gives the same continuation again would never come to an end.
            Some(rest) if rest != next => next = rest,
            _ => return Ok(()),
        }
    }
    Err(PageFault::TooMany(OBJECTS_MAX))
}

/// The role that a scan needs, and nothing more, as a manifest.
pub fn least_role() -> String {
    let mut role = String::from(
        "# What `sallyport scan cluster` reads. It reads no Secret, no ConfigMap and no log, and changes nothing.\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: sallyport-scan\nrules:\n",
    );
    let mut groups: Vec<&str> = Vec::new();
    for kind in KINDS {
        if !groups.contains(&kind.group) {
            groups.push(kind.group);
        }
    }
    for group in groups {
        let resources: Vec<&str> =
            KINDS.iter().filter(|kind| kind.group == group).map(|kind| kind.resource).collect();
        role.push_str(&format!(
            "  - apiGroups: [\"{group}\"]\n    resources: [{}]\n    verbs: [list]\n",
            resources.join(", ")
        ));
    }
    role
}

/// The object of an item, for fuzzing.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzzed_object(kind: &str, item: serde_json::Value) -> Option<Object> {
    tree::object(0, "v1", kind, item)
}

#[cfg(test)]
mod tests;
