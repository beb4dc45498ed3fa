//! What a scan looks at: all objects at once, with the Pod view of those that make Pods.
//! Where they come from is the caller's knowledge; what is wrong with them the checks'.

use crate::check::Outcome;
use crate::node::Node;
use crate::object::Object;
use crate::place::Place;
use crate::publication::Ingresses;
use crate::words::{Words, words};
use crate::workload::{self, Pod};
use std::cell::Cell;
use std::collections::{HashMap, HashSet};

/// How much of a cluster the objects are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Manifests: what is not among them may be elsewhere.
    Part,
    /// All there is, but for the kinds that could not be seen.
    Cluster {
        /// Kinds whose lists were refused.
        unseen: Vec<&'static str>,
    },
}

/// A test asked for objects that could not be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Missed {
    kind: &'static str,
    /// What is told depends on there being none, so that even a failure is not certain.
    by_absence: bool,
}

impl Missed {
    /// What the verdict becomes.
    pub(crate) fn verdict(self, outcome: Outcome<'_>) -> Outcome<'_> {
        match outcome {
            // That a question does not arise is told by what is not there, too.
            Outcome::Pass | Outcome::Unknown(_) | Outcome::NotApplicable(_) => {
                Outcome::Unknown(refused(self.kind))
            }
            Outcome::Fail(_) if self.by_absence => Outcome::Unknown(refused(self.kind)),
            Outcome::Fail(places) => Outcome::Fail(places),
        }
    }
}

/// All objects of a scan.
#[derive(Debug)]
pub struct Snapshot<'a> {
    /// The objects.
    pub objects: &'a [Object],
    /// The Pod view of each object that has one, in the same order.
    pub pods: Vec<Option<Pod<'a>>>,
    roles: HashMap<(&'a str, &'a str, &'a str), &'a Object>,
    policies: HashMap<&'a str, Vec<&'a Object>>,
    accounts: HashMap<(&'a str, &'a str), u32>,
    grants: HashMap<(&'a str, &'a str), Vec<&'a Object>>,
    services: HashMap<&'a str, Vec<&'a Object>>,
    ingresses: Ingresses<'a>,
    seen_namespaces: HashSet<&'a str>,
    scope: &'a Scope,
    missed: Cell<Option<Missed>>,
}

impl<'a> Snapshot<'a> {
    /// Looks at these objects.
    pub fn new(objects: &'a [Object], scope: &'a Scope) -> Self {
        let pods: Vec<_> = objects.iter().map(workload::pod).collect();
        let mut services = HashMap::<_, Vec<_>>::new();
        let (mut roles, mut policies) = (HashMap::new(), HashMap::<_, Vec<_>>::new());
        let mut seen_namespaces = HashSet::new();
        let mut grants = HashMap::<_, Vec<_>>::new();
        for object in objects {
            let namespace = object.effective_namespace();
            match (object.group(), object.kind.as_str()) {
                ("rbac.authorization.k8s.io", "ClusterRole") => {
                    roles.insert(("ClusterRole", "", object.name.as_str()), object);
                }
                ("rbac.authorization.k8s.io", "Role") => {
                    roles.insert(("Role", namespace, object.name.as_str()), object);
                }
                ("networking.k8s.io" | "extensions", "NetworkPolicy") => {
                    policies.entry(namespace).or_default().push(object);
                }
                ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => {
                    for subject in subjects(object) {
                        let text = |key| subject.get(key).and_then(Node::text);
                        if let (Some("ServiceAccount"), Some(name)) = (text("kind"), text("name")) {
                            let home = text("namespace").unwrap_or(namespace);
                            grants.entry((home, name)).or_default().push(object);
                        }
                    }
                }
                ("", "Service") => services.entry(namespace).or_default().push(object),
                ("", "Namespace") => {
                    seen_namespaces.insert(object.name.as_str());
                }
                _ => {}
            }
        }
        let mut accounts = HashMap::new();
        for pod in pods.iter().flatten() {
            let name =
                pod.service_account.value.filter(|name| !name.is_empty()).unwrap_or("default");
            *accounts.entry((pod.object.effective_namespace(), name)).or_default() += 1;
        }
        let missed = Cell::new(None);
        Self {
            objects,
            pods,
            roles,
            policies,
            accounts,
            grants,
            services,
            ingresses: Ingresses::new(objects),
            seen_namespaces,
            scope,
            missed,
        }
    }

    /// Whether what is not here does not exist: a cluster whose list of this kind was given.
    pub fn is_all_of(&self, kind: &str) -> bool {
        matches!(self.scope, Scope::Cluster { unseen } if !unseen.contains(&kind))
    }

    /// Notes that a test asks for objects of this kind.
    fn ask(&self, kinds: &[&str], by_absence: bool) {
        let Scope::Cluster { unseen } = self.scope else { return };
        if let Some(kind) = unseen.iter().find(|unseen| kinds.contains(unseen)) {
            self.missed.set(Some(Missed { kind, by_absence }));
        }
    }

    /// What the last test asked for in vain.
    pub(crate) fn take_missed(&self) -> Option<Missed> {
        self.missed.take()
    }

    /// The role that a binding refers to, if it is here.
    pub fn role_of(&self, binding: &'a Object) -> Option<&'a Object> {
        let reference = binding.root.get("roleRef")?;
        let kind = reference.get("kind").and_then(Node::text)?;
        let name = reference.get("name").and_then(Node::text)?;
        let namespace = if kind == "Role" { binding.effective_namespace() } else { "" };
        self.ask(&[kind], false);
        self.roles.get(&(kind, namespace, name)).copied()
    }

    /// The network policies of a namespace.
    pub fn policies_of(&self, namespace: &str) -> &[&'a Object] {
        self.ask(&["NetworkPolicy"], true);
        self.policies.get(namespace).map_or(&[], Vec::as_slice)
    }

    /// The Services of a namespace.
    pub fn services_of(&self, namespace: &str) -> &[&'a Object] {
        self.ask(&["Service"], false);
        self.services.get(namespace).map_or(&[], Vec::as_slice)
    }

    /// The Ingress that leads to a Service, and where it says so.
    pub(crate) fn ingress_to(
        &self,
        namespace: &'a str,
        service: &'a str,
    ) -> Option<(usize, Place<'a>)> {
        self.ask(&["Ingress"], false);
        self.ingresses.to(namespace, service)
    }

    /// The routes of HTTP, in all namespaces.
    pub(crate) fn http_routes(&self) -> impl Iterator<Item = &'a Object> {
        self.ask(&["HTTPRoute"], true);
        self.objects.iter().filter(|object| object.kind == "HTTPRoute" && object.seen)
    }

    /// How many workloads use an account.
    pub fn users_of_account(&self, namespace: &str, name: &str) -> u32 {
        self.ask(workload::KINDS, false);
        self.accounts.get(&(namespace, name)).copied().unwrap_or_default()
    }

    /// Whether the namespace itself is among the objects.
    pub fn has_namespace(&self, name: &str) -> bool {
        self.ask(&["Namespace"], true);
        self.seen_namespaces.contains(name)
    }

    /// The bindings that give an account rights.
    pub fn bindings_of(&self, namespace: &'a str, account: &'a str) -> &[&'a Object] {
        self.ask(&["RoleBinding", "ClusterRoleBinding"], false);
        self.grants.get(&(namespace, account)).map_or(&[], Vec::as_slice)
    }
}

/// A text for each kind whose list can be refused.
macro_rules! refused {
    ($kind:expr; $($name:literal => $plural:literal),+ $(,)?) => {
        match $kind {
            $($name => words(
                concat!("the API server refused the list of ", $plural),
                concat!("API 서버가 ", $name, " 목록을 거부했습니다"),
            ),)+
            _ => words(
                "the API server refused a list that this depends on",
                "이 검사에 필요한 목록을 API 서버가 거부했습니다",
            ),
        }
    };
}

/// Why a check cannot be answered: the API server refused the list of a kind.
pub(crate) fn refused(kind: &str) -> Words {
    refused!(kind;
        "Namespace" => "Namespaces",
        "Node" => "Nodes",
        "Deployment" => "Deployments",
        "StatefulSet" => "StatefulSets",
        "DaemonSet" => "DaemonSets",
        "CronJob" => "CronJobs",
        "ReplicationController" => "ReplicationControllers",
        "ReplicaSet" => "ReplicaSets",
        "Job" => "Jobs",
        "Pod" => "Pods",
        "Service" => "Services",
        "ServiceAccount" => "ServiceAccounts",
        "PersistentVolume" => "PersistentVolumes",
        "Ingress" => "Ingresses",
        "NetworkPolicy" => "NetworkPolicies",
        "Role" => "Roles",
        "ClusterRole" => "ClusterRoles",
        "RoleBinding" => "RoleBindings",
        "ClusterRoleBinding" => "ClusterRoleBindings",
        "MutatingWebhookConfiguration" => "MutatingWebhookConfigurations",
        "ValidatingWebhookConfiguration" => "ValidatingWebhookConfigurations",
        "ValidatingAdmissionPolicy" => "ValidatingAdmissionPolicies",
        "ValidatingAdmissionPolicyBinding" => "ValidatingAdmissionPolicyBindings",
        "APIService" => "APIServices",
        "Gateway" => "Gateways",
        "HTTPRoute" => "HTTPRoutes",
        "GRPCRoute" => "GRPCRoutes",
        "ReferenceGrant" => "ReferenceGrants",
    )
}

/// The subjects of a binding.
pub fn subjects(binding: &Object) -> impl Iterator<Item = &Node> {
    binding.root.get("subjects").map_or(&[][..], Node::items).iter()
}

/// The place of a field of an object.
pub fn place<'a>(object: &'a Object, way: &[&'static str]) -> Place<'a> {
    way.iter().fold(Place::of(&object.root), |place, key| place.get(key))
}
