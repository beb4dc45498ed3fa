//! What rights lead to: more rights, Pods, nodes.
//! Only what leads further is looked at; whether a right is too broad for its purpose is the checks'.

use super::{Proof, Way};
use crate::node::Node;
use crate::object::Object;
use crate::place::Place;
use crate::rights::Right;
use crate::scan;
use crate::snapshot::{Snapshot, place, subjects};
use std::collections::HashMap;

/// Whose rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder<'h> {
    /// A service account: namespace and name.
    Account(&'h str, &'h str),
    /// Who is not signed in.
    Anonymous,
}

/// What a right leads to.
#[derive(Debug)]
pub(super) struct Lead {
    /// To what.
    pub(super) to: Target,
    /// By what.
    pub(super) way: Way,
    /// Binding, role and rule.
    pub(super) proofs: Vec<Proof>,
}

/// What a right leads to. Without a namespace it is the whole cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    ClusterAdmin,
    Accounts(Option<String>),
    Workloads(Option<String>),
    /// A node, by a Pod that is made in this namespace.
    NodeByPod(Option<String>),
}

/// The bindings of a snapshot, by whom they bind.
#[derive(Debug)]
pub(super) struct Bindings<'a> {
    bindings: Vec<Binding<'a>>,
}

#[derive(Debug)]
struct Binding<'a> {
    object: &'a Object,
    index: usize,
    role: Option<&'a Object>,
}

/// What a holder is allowed by one rule, or by a role that is known by its name alone.
struct Grant<'b, 'a> {
    binding: &'b Binding<'a>,
    rule: Option<&'a Node>,
}

const RBAC: &str = "rbac.authorization.k8s.io";

impl<'a> Bindings<'a> {
    pub(super) fn new(snapshot: &Snapshot<'a>) -> Self {
        let all = snapshot.objects.iter().enumerate().filter(|(_, object)| {
            object.seen
                && object.group() == RBAC
                && matches!(object.kind.as_str(), "RoleBinding" | "ClusterRoleBinding")
        });
        let bindings =
            all.map(|(index, object)| Binding { object, index, role: snapshot.role_of(object) });
        Self { bindings: bindings.collect() }
    }

    /// Everything that the holder's rights lead to.
    pub(super) fn leads(
        &self,
        indices: &HashMap<*const Object, usize>,
        holder: Holder<'_>,
    ) -> Vec<Lead> {
        let grants: Vec<Grant<'_, 'a>> = self
            .bindings
            .iter()
            .filter(|binding| subjects(binding.object).any(|subject| is(subject, binding, holder)))
            .flat_map(|binding| {
                let rules = binding.role.and_then(|role| role.root.get("rules"));
                let rules = rules.map_or(&[][..], Node::items).iter().map(Some);
                // The role of the administrator is known, also where it is not among the objects.
                let known = binding.role.is_none() && role_name(binding) == Some("cluster-admin");
                rules.chain(known.then_some(None)).map(move |rule| Grant { binding, rule })
            })
            .collect();
        let proofs = |used: &[&Grant<'_, 'a>]| {
            let mut proofs: Vec<Proof> = Vec::new();
            for grant in used {
                let name = place(grant.binding.object, &["roleRef", "name"]);
                let binding = Proof {
                    object: grant.binding.index,
                    evidence: scan::evidence(grant.binding.object, name),
                };
                let role = grant.binding.role.zip(grant.rule).and_then(|(role, rule)| {
                    let evidence = scan::evidence(role, Place::of(rule).get("resources"));
                    Some(Proof { object: *indices.get(&std::ptr::from_ref(role))?, evidence })
                });
                for proof in [Some(binding), role].into_iter().flatten() {
                    if !proofs.contains(&proof) {
                        proofs.push(proof);
                    }
                }
            }
            proofs
        };
        let mut leads = Vec::new();
        for (rights, way, to) in LEADS {
            for scope in scopes(&grants) {
                // Every right of the list must be there, in one scope.
                let used: Vec<&Grant<'_, 'a>> = rights
                    .iter()
                    .filter_map(|right| {
                        grants.iter().find(|grant| grant.covers(&scope) && grant.gives(right))
                    })
                    .collect();
                if used.len() < rights.len() {
                    continue;
                }
                let Some(to) = target(*to, &scope) else { continue };
                leads.push(Lead { to, way: *way, proofs: proofs(&used) });
            }
        }
        leads
    }
}

/// What a lead leads to, before its scope is known.
#[derive(Debug, Clone, Copy)]
enum To {
    /// Only over the whole cluster.
    Admin,
    Accounts,
    Workloads,
    /// Only over the whole cluster: a node is in no namespace.
    EveryWorkload,
    Node,
}

const MAKE_PODS: Right = Right(
    &["", "apps", "batch"],
    &[
        "pods",
        "deployments",
        "daemonsets",
        "statefulsets",
        "replicasets",
        "jobs",
        "cronjobs",
        "replicationcontrollers",
    ],
    &["create"],
);
const MAKE_BINDINGS: Right = Right(&[RBAC], &["rolebindings"], &["create", "patch", "update"]);

/// Rights that lead further together, the shortest way first.
const LEADS: &[(&[Right], Way, To)] = &[
    (&[Right(&["*"], &["*"], &["*"])], Way::EveryRight, To::Admin),
    (
        &[
            Right(&[RBAC], &["clusterroles"], &["escalate"]),
            Right(&[RBAC], &["clusterroles"], &["create", "patch", "update"]),
        ],
        Way::GiveRights,
        To::Admin,
    ),
    (
        &[
            Right(&[RBAC], &["clusterroles"], &["bind"]),
            Right(&[RBAC], &["clusterrolebindings"], &["create", "patch", "update"]),
        ],
        Way::GiveRights,
        To::Admin,
    ),
    (&[Right(&[""], &["users", "groups"], &["impersonate"])], Way::Impersonate, To::Admin),
    (
        &[Right(
            &["admissionregistration.k8s.io"],
            &["mutatingwebhookconfigurations"],
            &["create", "patch", "update"],
        )],
        Way::Webhook,
        To::Admin,
    ),
    (
        &[
            Right(&["certificates.k8s.io"], &["certificatesigningrequests"], &["create"]),
            Right(
                &["certificates.k8s.io"],
                &["certificatesigningrequests/approval"],
                &["patch", "update"],
            ),
            Right(&["certificates.k8s.io"], &["signers"], &["approve"]),
        ],
        Way::Certificate,
        To::Admin,
    ),
    (&[Right(&[""], &["serviceaccounts"], &["impersonate"])], Way::Impersonate, To::Accounts),
    (&[Right(&[""], &["serviceaccounts/token"], &["create"])], Way::MakeTokens, To::Accounts),
    // A Secret that names an account is filled with its token by the controller manager.
    (
        &[
            Right(&[""], &["secrets"], &["create"]),
            Right(&[""], &["secrets"], &["get", "list", "watch"]),
        ],
        Way::MakeTokens,
        To::Accounts,
    ),
    (&[MAKE_PODS], Way::MakePods, To::Accounts),
    (&[MAKE_PODS], Way::MakePods, To::Node),
    (
        &[MAKE_BINDINGS, Right(&[RBAC], &["roles", "clusterroles"], &["bind"])],
        Way::GiveRights,
        To::Accounts,
    ),
    (
        &[Right(&[""], &["pods/exec", "pods/attach"], &["create", "get"])],
        Way::EnterPods,
        To::Workloads,
    ),
    (
        &[Right(&[""], &["pods/ephemeralcontainers"], &["patch", "update"])],
        Way::EnterPods,
        To::Workloads,
    ),
    (&[Right(&[""], &["nodes/proxy"], &["create", "get"])], Way::EnterPods, To::EveryWorkload),
];

fn target(to: To, scope: &Option<String>) -> Option<Target> {
    match to {
        To::Admin => scope.is_none().then_some(Target::ClusterAdmin),
        To::Accounts => Some(Target::Accounts(scope.clone())),
        To::Workloads => Some(Target::Workloads(scope.clone())),
        To::EveryWorkload => scope.is_none().then_some(Target::Workloads(None)),
        To::Node => Some(Target::NodeByPod(scope.clone())),
    }
}

/// The whole cluster, then each namespace in which there is a grant of its own.
fn scopes(grants: &[Grant<'_, '_>]) -> Vec<Option<String>> {
    let mut scopes = vec![None];
    for grant in grants {
        let scope = grant.binding.scope().map(str::to_owned);
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    scopes
}

fn role_name<'b>(binding: &'b Binding<'_>) -> Option<&'b str> {
    let reference = binding.object.root.get("roleRef")?;
    reference.get("name").and_then(Node::text)
}

impl Binding<'_> {
    /// The namespace to which it is limited.
    fn scope(&self) -> Option<&str> {
        (self.object.kind == "RoleBinding").then(|| self.object.effective_namespace())
    }
}

impl Grant<'_, '_> {
    fn covers(&self, scope: &Option<String>) -> bool {
        let own = self.binding.scope();
        own.is_none() || own == scope.as_deref()
    }

    fn gives(&self, right: &Right) -> bool {
        self.rule.is_none_or(|rule| right.is_given_by(rule))
    }
}

/// Whether a subject is the holder, by name or by a group that every such holder is in.
fn is(subject: &Node, binding: &Binding<'_>, holder: Holder<'_>) -> bool {
    let text = |key| subject.get(key).and_then(Node::text).unwrap_or_default();
    match (holder, text("kind")) {
        (Holder::Account(namespace, name), "ServiceAccount") => {
            let home = subject.get("namespace").and_then(Node::text);
            let home = home.unwrap_or_else(|| binding.object.effective_namespace());
            text("name") == name && home == namespace
        }
        (Holder::Account(namespace, name), "User") => {
            text("name") == format!("system:serviceaccount:{namespace}:{name}")
        }
        (Holder::Account(namespace, _), "Group") => {
            let group = text("name");
            matches!(group, "system:serviceaccounts" | "system:authenticated")
                || group.strip_prefix("system:serviceaccounts:") == Some(namespace)
        }
        (Holder::Anonymous, "User") => text("name") == "system:anonymous",
        (Holder::Anonymous, "Group") => text("name") == "system:unauthenticated",
        _ => false,
    }
}
