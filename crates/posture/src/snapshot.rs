//! What a scan looks at: all objects at once, with the Pod view of those that make Pods.
//! Where they come from is the caller's knowledge; what is wrong with them the checks'.

use crate::node::Node;
use crate::object::Object;
use crate::place::Place;
use crate::workload::{self, Pod};
use std::collections::{HashMap, HashSet};

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
    seen_namespaces: HashSet<&'a str>,
}

impl<'a> Snapshot<'a> {
    /// Looks at these objects.
    pub fn new(objects: &'a [Object]) -> Self {
        let pods: Vec<_> = objects.iter().map(workload::pod).collect();
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
        Self { objects, pods, roles, policies, accounts, grants, seen_namespaces }
    }

    /// The role that a binding refers to, if it is here.
    pub fn role_of(&self, binding: &'a Object) -> Option<&'a Object> {
        let reference = binding.root.get("roleRef")?;
        let kind = reference.get("kind").and_then(Node::text)?;
        let name = reference.get("name").and_then(Node::text)?;
        let namespace = if kind == "Role" { binding.effective_namespace() } else { "" };
        self.roles.get(&(kind, namespace, name)).copied()
    }

    /// The network policies of a namespace.
    pub fn policies_of(&self, namespace: &str) -> &[&'a Object] {
        self.policies.get(namespace).map_or(&[], Vec::as_slice)
    }

    /// How many workloads use an account.
    pub fn users_of_account(&self, namespace: &str, name: &str) -> u32 {
        self.accounts.get(&(namespace, name)).copied().unwrap_or_default()
    }

    /// Whether the namespace itself is among the objects.
    pub fn has_namespace(&self, name: &str) -> bool {
        self.seen_namespaces.contains(name)
    }

    /// The bindings that give an account rights.
    pub fn bindings_of(&self, namespace: &'a str, account: &'a str) -> &[&'a Object] {
        self.grants.get(&(namespace, account)).map_or(&[], Vec::as_slice)
    }
}

/// The subjects of a binding.
pub fn subjects(binding: &Object) -> impl Iterator<Item = &Node> {
    binding.root.get("subjects").map_or(&[][..], Node::items).iter()
}

/// The place of a field of an object.
pub fn place<'a>(object: &'a Object, way: &[&'static str]) -> Place<'a> {
    way.iter().fold(Place::of(&object.root), |place, key| place.get(key))
}
