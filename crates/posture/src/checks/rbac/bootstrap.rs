//! What the API server of Kubernetes 1.36 makes at every start: its roles, and its bindings with whom they bind.
//! It is told by exact names, for anybody can write the label and the prefix; what the roles allow is not looked at.

use crate::node::Node;
use crate::object::Object;
use crate::snapshot::{place, subjects};

/// The label that all of them have.
const LABEL: &str = "kubernetes.io/bootstrapping";
/// What the names of controllers begin with: those of their role and of its binding.
const CONTROLLER: &str = "system:controller:";
const SYSTEM: &str = "kube-system";

/// Roles of the cluster, without those of controllers.
const CLUSTER_ROLES: &[&str] = &[
    "admin",
    "cluster-admin",
    "edit",
    "system:aggregate-to-admin",
    "system:aggregate-to-edit",
    "system:aggregate-to-view",
    "system:auth-delegator",
    "system:basic-user",
    "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
    "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
    "system:certificates.k8s.io:kube-apiserver-client-approver",
    "system:certificates.k8s.io:kube-apiserver-client-kubelet-approver",
    "system:certificates.k8s.io:kubelet-serving-approver",
    "system:certificates.k8s.io:legacy-unknown-approver",
    "system:cluster-trust-bundle-discovery",
    "system:discovery",
    "system:heapster",
    "system:kube-aggregator",
    "system:kube-controller-manager",
    "system:kube-dns",
    "system:kube-scheduler",
    "system:kubelet-api-admin",
    "system:monitoring",
    "system:node",
    "system:node-bootstrapper",
    "system:node-problem-detector",
    "system:node-proxier",
    "system:persistent-volume-provisioner",
    "system:public-info-viewer",
    "system:service-account-issuer-discovery",
    "system:volume-scheduler",
    "view",
];

/// Controllers, each with a role of the cluster, its binding, and an account in `kube-system`.
const CONTROLLERS: &[&str] = &[
    "attachdetach-controller",
    "certificate-controller",
    "clusterrole-aggregation-controller",
    "cronjob-controller",
    "daemon-set-controller",
    "deployment-controller",
    "device-taint-eviction-controller",
    "disruption-controller",
    "endpoint-controller",
    "endpointslice-controller",
    "endpointslicemirroring-controller",
    "ephemeral-volume-controller",
    "expand-controller",
    "generic-garbage-collector",
    "horizontal-pod-autoscaler",
    "job-controller",
    "kube-apiserver-serving-clustertrustbundle-publisher",
    "legacy-service-account-token-cleaner",
    "namespace-controller",
    "node-controller",
    "persistent-volume-binder",
    "pod-garbage-collector",
    "podcertificaterequestcleaner",
    "podgroup-protection-controller",
    "pv-protection-controller",
    "pvc-protection-controller",
    "replicaset-controller",
    "replication-controller",
    "resource-claim-controller",
    "resourcepoolstatusrequest-controller",
    "resourcequota-controller",
    "root-ca-cert-publisher",
    "route-controller",
    "selinux-warning-controller",
    "service-account-controller",
    "service-cidrs-controller",
    "service-controller",
    "statefulset-controller",
    "storage-version-garbage-collector",
    "storage-version-migrator-controller",
    "ttl-after-finished-controller",
    "ttl-controller",
    "validatingadmissionpolicy-status-controller",
    "volumeattributesclass-protection-controller",
];

/// Roles of a namespace.
const ROLES: &[(&str, &str)] = &[
    ("kube-public", "system:controller:bootstrap-signer"),
    (SYSTEM, "extension-apiserver-authentication-reader"),
    (SYSTEM, "system::leader-locking-kube-controller-manager"),
    (SYSTEM, "system::leader-locking-kube-scheduler"),
    (SYSTEM, "system:controller:bootstrap-signer"),
    (SYSTEM, "system:controller:cloud-provider"),
    (SYSTEM, "system:controller:token-cleaner"),
];

/// Kind, namespace and name.
type Subject = (&'static str, &'static str, &'static str);

const MANAGER: Subject = ("User", "", "system:kube-controller-manager");
const SCHEDULER: Subject = ("User", "", "system:kube-scheduler");
const SIGNED_IN: Subject = ("Group", "", "system:authenticated");
const ACCOUNTS: Subject = ("Group", "", "system:serviceaccounts");

/// Bindings of the cluster without those of controllers; each binds the role of its own name.
const CLUSTER_BINDINGS: &[(&str, &[Subject])] = &[
    ("cluster-admin", &[("Group", "", "system:masters")]),
    ("system:basic-user", &[SIGNED_IN]),
    ("system:cluster-trust-bundle-discovery", &[ACCOUNTS]),
    ("system:discovery", &[SIGNED_IN]),
    ("system:kube-controller-manager", &[MANAGER]),
    ("system:kube-dns", &[account("kube-dns")]),
    ("system:kube-scheduler", &[SCHEDULER]),
    ("system:monitoring", &[("Group", "", "system:monitoring")]),
    ("system:node", &[]),
    ("system:node-proxier", &[("User", "", "system:kube-proxy")]),
    ("system:public-info-viewer", &[SIGNED_IN, ("Group", "", "system:unauthenticated")]),
    ("system:service-account-issuer-discovery", &[ACCOUNTS]),
    ("system:volume-scheduler", &[SCHEDULER]),
];

/// Bindings of a namespace: where, how they are called, which role they bind, and whom.
const BINDINGS: &[(&str, &str, &str, &[Subject])] = &[
    (
        "kube-public",
        "system:controller:bootstrap-signer",
        "system:controller:bootstrap-signer",
        &[account("bootstrap-signer")],
    ),
    (
        SYSTEM,
        "system::extension-apiserver-authentication-reader",
        "extension-apiserver-authentication-reader",
        &[MANAGER, SCHEDULER],
    ),
    (
        SYSTEM,
        "system::leader-locking-kube-controller-manager",
        "system::leader-locking-kube-controller-manager",
        &[MANAGER, account("kube-controller-manager"), account("leader-election-controller")],
    ),
    (
        SYSTEM,
        "system::leader-locking-kube-scheduler",
        "system::leader-locking-kube-scheduler",
        &[SCHEDULER, account("kube-scheduler")],
    ),
    (
        SYSTEM,
        "system:controller:bootstrap-signer",
        "system:controller:bootstrap-signer",
        &[account("bootstrap-signer")],
    ),
    (
        SYSTEM,
        "system:controller:cloud-provider",
        "system:controller:cloud-provider",
        &[account("cloud-provider")],
    ),
    (
        SYSTEM,
        "system:controller:token-cleaner",
        "system:controller:token-cleaner",
        &[account("token-cleaner")],
    ),
];

const fn account(name: &'static str) -> Subject {
    ("ServiceAccount", SYSTEM, name)
}

/// Whether the API server made the object, and nobody has since bound it otherwise or bound anybody else by it.
pub(super) fn is_made_by_kubernetes(object: &Object) -> bool {
    let labels = place(object, &["metadata", "labels"]).node();
    let label = labels.and_then(|labels| labels.get(LABEL)).and_then(Node::text);
    if label != Some("rbac-defaults") {
        return false;
    }
    let (namespace, name) = (object.effective_namespace(), object.name.as_str());
    let controller = name.strip_prefix(CONTROLLER).filter(|own| CONTROLLERS.contains(own));
    match object.kind.as_str() {
        "ClusterRole" => controller.is_some() || CLUSTER_ROLES.contains(&name),
        "Role" => ROLES.contains(&(namespace, name)),
        "ClusterRoleBinding" => {
            binds(object, name)
                && match controller {
                    Some(controller) => {
                        holds_only(object, &[("ServiceAccount", SYSTEM, controller)])
                    }
                    None => CLUSTER_BINDINGS
                        .iter()
                        .any(|(own, subjects)| *own == name && holds_only(object, subjects)),
                }
        }
        "RoleBinding" => BINDINGS.iter().any(|(home, own, role, subjects)| {
            (*home, *own) == (namespace, name)
                && binds(object, role)
                && holds_only(object, subjects)
        }),
        _ => false,
    }
}

fn binds(binding: &Object, role: &str) -> bool {
    let name = place(binding, &["roleRef", "name"]).node().and_then(Node::text);
    name == Some(role)
}

/// Whether nobody but these stands in a binding.
fn holds_only(binding: &Object, allowed: &[(&str, &str, &str)]) -> bool {
    let text =
        |subject: &Node, key| subject.get(key).and_then(Node::text).unwrap_or_default().to_owned();
    subjects(binding).all(|subject| {
        let own = ["kind", "namespace", "name"].map(|key| text(subject, key));
        allowed.iter().any(|(kind, namespace, name)| own == [*kind, *namespace, *name])
    })
}
