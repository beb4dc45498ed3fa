//! The rights that are asked for, which roles give them, and to whom a binding or a workload's account brings them.
//! What is wrong with that, and how to say it, is known to the checks.

use super::bootstrap::is_made_by_kubernetes;
use crate::check::Outcome;
use crate::node::Node;
use crate::object::Object;
use crate::place::Place;
use crate::rights::{Right, says};
use crate::snapshot::{Snapshot, place, subjects};
use crate::words::{Words, words};
use crate::workload::Pod;

pub(super) const ROLES: &[&str] = &["Role", "ClusterRole"];
pub(super) const BINDINGS: &[&str] = &["RoleBinding", "ClusterRoleBinding"];
const ROLE_ELSEWHERE: Words = words(
    "the role that is bound is not among what was scanned",
    "연결된 역할이 스캔한 것 가운데 없습니다",
);

const KUBERNETES_OWN: Words = words(
    "Kubernetes makes it for its own programs and restores it at every start",
    "Kubernetes가 자체 프로그램을 위해 만들고 시작할 때마다 복원하는 것입니다",
);
const NO_ROLE: Words = words(
    "the role that is bound does not exist, so that the binding gives nothing",
    "연결된 역할이 존재하지 않아 이 연결은 아무 권한도 주지 않습니다",
);

pub(super) const SECRETS: Right = Right(&[""], &["secrets"], &["get", "list", "watch"]);
pub(super) const PODS: Right = Right(
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
    &["create", "update", "patch"],
);
pub(super) const EXEC: Right =
    Right(&[""], &["pods/exec", "pods/attach", "nodes/proxy"], &["create", "get"]);
pub(super) const IMPERSONATE: Right = Right(
    &["", "authentication.k8s.io"],
    &["users", "groups", "serviceaccounts", "userextras", "uids"],
    &["impersonate"],
);
pub(super) const BIND: Right = Right(
    &["rbac.authorization.k8s.io"],
    &["roles", "clusterroles", "rolebindings", "clusterrolebindings"],
    &["bind"],
);
pub(super) const ESCALATE: Right =
    Right(&["rbac.authorization.k8s.io"], &["roles", "clusterroles"], &["escalate"]);
pub(super) const WEBHOOKS: Right = Right(
    &["admissionregistration.k8s.io"],
    &["mutatingwebhookconfigurations", "validatingwebhookconfigurations"],
    &["create", "update", "patch"],
);
pub(super) const APPROVAL: Right = Right(
    &["certificates.k8s.io"],
    &["certificatesigningrequests/approval", "signers"],
    &["update", "patch", "approve"],
);
pub(super) const TOKENS: Right = Right(&[""], &["serviceaccounts/token"], &["create"]);
pub(super) const VOLUMES: Right = Right(&[""], &["persistentvolumes"], &["create"]);
pub(super) const SERVICE_STATUS: Right = Right(&[""], &["services/status"], &["update", "patch"]);

fn rules(role: &Object) -> &[Node] {
    role.root.get("rules").map_or(&[], Node::items)
}

/// The rules of a role that give a right, on more than named objects.
pub(super) fn granting<'a>(role: &'a Object, right: &Right) -> impl Iterator<Item = Place<'a>> {
    rules(role).iter().filter(|rule| right.is_given_by(rule)).map(Place::of)
}

pub(super) fn wildcard(role: &Object) -> Outcome<'_> {
    unless_own(role, || {
        Outcome::of(rules(role).iter().flat_map(|rule| {
            ["apiGroups", "resources", "verbs"]
                .into_iter()
                .filter(|key| says(rule, key).any(|word| word.contains('*')))
                .map(|key| Place::of(rule).get(key))
        }))
    })
}

/// Leaves out what the API server makes at every start.
pub(super) fn unless_own<'a>(
    object: &'a Object,
    otherwise: impl FnOnce() -> Outcome<'a>,
) -> Outcome<'a> {
    if is_made_by_kubernetes(object) {
        return Outcome::NotApplicable(KUBERNETES_OWN);
    }
    otherwise()
}

pub(super) fn subjects_where<'a>(
    binding: &'a Object,
    wrong: impl Fn(&str, &str) -> bool,
) -> Outcome<'a> {
    let text = |subject: &'a Node, key| subject.get(key).and_then(Node::text).unwrap_or_default();
    Outcome::of(
        subjects(binding)
            .filter(|subject| wrong(text(subject, "kind"), text(subject, "name")))
            .map(|subject| Place::of(subject).get("name")),
    )
}

pub(super) fn anonymous(binding: &Object) -> Outcome<'_> {
    unless_own(binding, || {
        subjects_where(binding, |_, name| {
            matches!(name, "system:anonymous" | "system:unauthenticated")
        })
    })
}

pub(super) fn masters(binding: &Object) -> Outcome<'_> {
    unless_own(binding, || {
        subjects_where(binding, |kind, name| kind == "Group" && name == "system:masters")
    })
}

pub(super) fn cluster_admin(binding: &Object) -> Outcome<'_> {
    let name = place(binding, &["roleRef", "name"]);
    unless_own(binding, || {
        Outcome::fail_if(name.node().and_then(Node::text) == Some("cluster-admin"), name)
    })
}

fn binds_program(binding: &Object) -> bool {
    subjects(binding).any(|subject| {
        matches!(subject.get("kind").and_then(Node::text), Some("ServiceAccount" | "Node"))
    })
}

fn bound_rights<'a>(
    snapshot: &Snapshot<'a>,
    binding: &'a Object,
    rights: &[&Right],
) -> Outcome<'a> {
    if !binds_program(binding) {
        return Outcome::Pass;
    }
    let Some(role) = snapshot.role_of(binding) else {
        return if snapshot.is_all_of("Role") && snapshot.is_all_of("ClusterRole") {
            Outcome::NotApplicable(NO_ROLE)
        } else {
            Outcome::Unknown(ROLE_ELSEWHERE)
        };
    };
    let has = rights.iter().any(|right| granting(role, right).next().is_some());
    Outcome::fail_if(has, place(binding, &["roleRef", "name"]))
}

pub(super) fn dangerous_binding<'a>(snapshot: &Snapshot<'a>, binding: &'a Object) -> Outcome<'a> {
    let rights = [&BIND, &ESCALATE, &IMPERSONATE, &EXEC, &SERVICE_STATUS];
    unless_own(binding, || bound_rights(snapshot, binding, &rights))
}

pub(super) fn secrets_binding<'a>(snapshot: &Snapshot<'a>, binding: &'a Object) -> Outcome<'a> {
    unless_own(binding, || bound_rights(snapshot, binding, &[&SECRETS]))
}

fn workload_has<'a>(snapshot: &Snapshot<'a>, pod: &Pod<'a>, right: &Right) -> Outcome<'a> {
    let name = pod.service_account.value.filter(|name| !name.is_empty()).unwrap_or("default");
    if pod.automount_token.is(false) && pod.token_volume().is_none() {
        return Outcome::Pass;
    }
    let bindings = snapshot.bindings_of(pod.object.effective_namespace(), name);
    let roles: Vec<_> = bindings.iter().map(|binding| snapshot.role_of(binding)).collect();
    if roles.iter().flatten().any(|role| granting(role, right).next().is_some()) {
        return Outcome::Fail(vec![pod.service_account.place]);
    }
    let is_whole = snapshot.is_all_of("Role") && snapshot.is_all_of("ClusterRole");
    if roles.iter().any(Option::is_none) && !is_whole {
        return Outcome::Unknown(ROLE_ELSEWHERE);
    }
    Outcome::Pass
}

pub(super) fn workload_reads<'a>(snapshot: &Snapshot<'a>, pod: &Pod<'a>) -> Outcome<'a> {
    workload_has(snapshot, pod, &SECRETS)
}

pub(super) fn workload_makes<'a>(snapshot: &Snapshot<'a>, pod: &Pod<'a>) -> Outcome<'a> {
    workload_has(snapshot, pod, &PODS)
}
