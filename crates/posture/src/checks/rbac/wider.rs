//! More checks on rights: what else a role should not give away, and groups that hold everybody.
//! The rights that most attacks use are `rbac`'s own.

use super::super::{bench, cis, nsa, threat};
use super::rights::{BINDINGS, ROLES, granting, subjects_where, unless_own};
use crate::check::{Check, Example, Outcome, Severity, Test};
use crate::object::Object;
use crate::rights::Right;
use crate::snapshot::{Snapshot, place};
use crate::words::{Words, words};

const WRITE: &[&str] = &["create", "update", "patch", "delete", "deletecollection"];
const NODE_PROXY: Right = Right(&[""], &["nodes/proxy"], &["get", "create"]);
const CONTAINERS: Right = Right(&[""], &["pods/ephemeralcontainers"], &["update", "patch"]);
const FORWARD: Right = Right(&[""], &["pods/portforward"], &["get", "create"]);
const RBAC_WRITE: Right = Right(
    &["rbac.authorization.k8s.io"],
    &["roles", "clusterroles", "rolebindings", "clusterrolebindings"],
    &["create", "update", "patch"],
);
const EVENTS: Right = Right(&["", "events.k8s.io"], &["events"], &["delete", "deletecollection"]);
const POLICIES: Right = Right(&["networking.k8s.io"], &["networkpolicies"], WRITE);
const NODES: Right = Right(&[""], &["nodes", "nodes/status"], &["update", "patch", "delete"]);
const ADMISSION: Right = Right(
    &["admissionregistration.k8s.io"],
    &[
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
        "mutatingadmissionpolicies",
        "mutatingadmissionpolicybindings",
    ],
    WRITE,
);
const API_SERVICES: Right =
    Right(&["apiregistration.k8s.io"], &["apiservices"], &["create", "update", "patch"]);
const NAMESPACES: Right = Right(&[""], &["namespaces"], &["update", "patch"]);

const NOT_WHOLE: Words = words(
    "only who sees all roles of a cluster can say that one is missing",
    "클러스터의 모든 역할을 볼 수 있어야 없는 역할을 알 수 있습니다",
);

/// A binding to a subject.
macro_rules! bound {
    ($kind:literal, $name:literal) => {
        Example::Manifest(concat!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: b}\nroleRef: {kind: ClusterRole, name: r}\nsubjects: [{kind: ",
            $kind, ", name: '", $name, "', namespace: shop}]\n"
        ))
    };
}

pub(in super::super) static CHECKS: &[Check] = &[
    role_check!(
        "role-node-proxy",
        Severity::High,
        words(
            "A role speaks to kubelets past the API server",
            "역할로 API 서버를 비켜 kubelet과 통신할 수 있습니다"
        ),
        words(
            "`nodes/proxy` runs commands in every Pod of a node, and neither admission nor the audit log sees them.",
            "`nodes/proxy`는 노드의 모든 Pod에서 명령을 실행하며 어드미션도 감사 로그도 이를 보지 못합니다."
        ),
        words(
            "Give `nodes/metrics` or `nodes/stats` instead.",
            "`nodes/metrics`나 `nodes/stats`를 대신 줍니다."
        ),
        [cis("5.1.10"), bench("5.1.10"), threat("E5")],
        NODE_PROXY,
        "get",
        "",
        "nodes/proxy"
    ),
    role_check!(
        "role-changes-containers",
        Severity::High,
        words(
            "A role adds containers to running Pods",
            "역할로 실행 중인 Pod에 컨테이너를 추가할 수 있습니다"
        ),
        words(
            "A debug container sees the others' processes and files.",
            "디버그 컨테이너는 다른 컨테이너의 프로세스와 파일을 볼 수 있습니다."
        ),
        words(
            "Give it to people for a time, not to programs.",
            "프로그램이 아니라 사람에게 기한을 정해 줍니다."
        ),
        [threat("E6")],
        CONTAINERS,
        "patch",
        "",
        "pods/ephemeralcontainers"
    ),
    role_check!(
        "role-forwards-ports",
        Severity::Medium,
        words("A role reaches every port of Pods", "역할로 Pod의 모든 포트에 닿을 수 있습니다"),
        words(
            "Port-forward passes NetworkPolicies, and ports that were only for the Pod itself.",
            "포트 포워딩은 NetworkPolicy를 비켜 Pod 내부용 포트에도 닿습니다."
        ),
        words(
            "Give it to people for a time, not to programs.",
            "프로그램이 아니라 사람에게 기한을 정해 줍니다."
        ),
        [threat("E4")],
        FORWARD,
        "create",
        "",
        "pods/portforward"
    ),
    role_check!(
        "role-changes-roles",
        Severity::Medium,
        words("A role writes roles or bindings", "역할로 역할이나 연결을 쓸 수 있습니다"),
        words(
            "Whoever has it passes on all that he has, and nobody sees where it ends.",
            "가진 권한을 모두 남에게 넘길 수 있고 어디까지 퍼지는지 알기 어렵습니다."
        ),
        words(
            "Leave roles to what deploys the cluster.",
            "역할은 클러스터를 배포하는 것에 맡깁니다."
        ),
        [cis("5.1.1")],
        RBAC_WRITE,
        "create",
        "rbac.authorization.k8s.io",
        "rolebindings"
    ),
    role_check!(
        "role-deletes-events",
        Severity::Low,
        words("A role deletes events", "역할로 이벤트를 삭제할 수 있습니다"),
        words("That is how traces are wiped away.", "흔적을 지우는 방법입니다."),
        words(
            "Remove the right; events go by themselves after an hour.",
            "권한을 지웁니다. 이벤트는 한 시간 뒤 저절로 사라집니다."
        ),
        [threat("E8")],
        EVENTS,
        "delete",
        "",
        "events"
    ),
    role_check!(
        "role-changes-network-policies",
        Severity::Medium,
        words("A role changes NetworkPolicies", "역할로 NetworkPolicy를 바꿀 수 있습니다"),
        words("It opens what others closed.", "다른 사람이 닫은 것을 열 수 있습니다."),
        words(
            "Leave policies to what deploys the namespace.",
            "정책은 네임스페이스를 배포하는 것에 맡깁니다."
        ),
        [threat("E4")],
        POLICIES,
        "patch",
        "networking.k8s.io",
        "networkpolicies"
    ),
    role_check!(
        "role-changes-nodes",
        Severity::Medium,
        words("A role changes nodes", "역할로 노드를 바꿀 수 있습니다"),
        words(
            "By labels and taints it draws Pods with secrets to a node of its choice.",
            "레이블과 taint로 비밀을 가진 Pod를 원하는 노드로 끌어올 수 있습니다."
        ),
        words("Leave nodes to the cloud's controllers.", "노드는 클라우드 컨트롤러에 맡깁니다."),
        [threat("E5")],
        NODES,
        "patch",
        "",
        "nodes"
    ),
    role_check!(
        "role-changes-admission-policies",
        Severity::Medium,
        words("A role changes admission policies", "역할로 어드미션 정책을 바꿀 수 있습니다"),
        words("It switches off what guards the cluster.", "클러스터를 지키는 것을 끌 수 있습니다."),
        words("Leave them to what deploys the cluster.", "클러스터를 배포하는 것에 맡깁니다."),
        [cis("5.1.12"), threat("E1")],
        ADMISSION,
        "delete",
        "admissionregistration.k8s.io",
        "validatingadmissionpolicybindings"
    ),
    role_check!(
        "role-changes-api-services",
        Severity::High,
        words(
            "A role puts servers behind the API server",
            "역할로 API 서버 뒤에 서버를 둘 수 있습니다"
        ),
        words(
            "Requests of everybody to that group go to a server of its choice.",
            "그 그룹에 대한 모두의 요청이 원하는 서버로 갑니다."
        ),
        words("Leave them to what deploys the cluster.", "클러스터를 배포하는 것에 맡깁니다."),
        [threat("E1")],
        API_SERVICES,
        "create",
        "apiregistration.k8s.io",
        "apiservices"
    ),
    role_check!(
        "role-changes-namespaces",
        Severity::Medium,
        words(
            "A role changes labels of namespaces",
            "역할로 네임스페이스의 레이블을 바꿀 수 있습니다"
        ),
        words(
            "Labels say which Pods are let in and whom NetworkPolicies mean.",
            "레이블은 어떤 Pod를 받아들이고 NetworkPolicy가 누구를 뜻하는지 정합니다."
        ),
        words("Leave them to what deploys the cluster.", "클러스터를 배포하는 것에 맡깁니다."),
        [threat("E6")],
        NAMESPACES,
        "patch",
        "",
        "namespaces"
    ),
    Check {
        id: "binding-all-accounts",
        severity: Severity::High,
        title: words(
            "All service accounts are given rights at once",
            "모든 서비스 계정에 한꺼번에 권한이 주어졌습니다",
        ),
        why: words(
            "Every Pod with a token has them, also those that are made tomorrow.",
            "내일 만들어질 것까지 토큰이 있는 모든 Pod가 그 권한을 가집니다.",
        ),
        fix: words("Name the accounts that need them.", "필요한 계정을 지정합니다."),
        mappings: &[
            cis("5.1.5"),
            bench("5.1.5"),
            nsa("Authentication and authorization"),
            threat("E7"),
        ],
        test: Test::Object(BINDINGS, all_accounts),
        remedy: None,
        passes: &[bound!("ServiceAccount", "web"), bound!("Group", "admins")],
        fails: &[
            bound!("Group", "system:serviceaccounts"),
            bound!("Group", "system:serviceaccounts:shop"),
        ],
    },
    Check {
        id: "binding-all-users",
        severity: Severity::Medium,
        title: words(
            "Everybody who is signed in is given rights",
            "로그인한 모두에게 권한이 주어졌습니다",
        ),
        why: words(
            "That is every person, every Pod with a token, and every node.",
            "모든 사람, 토큰이 있는 모든 Pod, 모든 노드를 뜻합니다.",
        ),
        fix: words("Name groups of people.", "사람의 그룹을 지정합니다."),
        mappings: &[cis("5.1.1"), nsa("Authentication and authorization"), threat("E7")],
        test: Test::Object(BINDINGS, all_users),
        remedy: None,
        passes: &[bound!("Group", "developers")],
        fails: &[bound!("Group", "system:authenticated")],
    },
    Check {
        id: "binding-role-missing",
        severity: Severity::Low,
        title: words(
            "A binding waits for a role that does not exist",
            "연결이 존재하지 않는 역할을 기다립니다",
        ),
        why: words(
            "Whoever makes a role of that name gives these subjects what he likes.",
            "그 이름의 역할을 만드는 사람이 이 주체들에게 원하는 권한을 줄 수 있습니다.",
        ),
        fix: words("Delete the binding, or make the role.", "연결을 지우거나 역할을 만듭니다."),
        mappings: &[nsa("Authentication and authorization"), threat("E7")],
        test: Test::Among(BINDINGS, missing_role),
        remedy: None,
        passes: &[Example::Manifest(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: r}\nrules: []\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: b}\nroleRef: {kind: ClusterRole, name: r}\nsubjects: [{kind: User, name: a}]\n",
        )],
        fails: &[Example::Manifest(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: b}\nroleRef: {kind: ClusterRole, name: ''}\nsubjects: [{kind: User, name: a}]\n",
        )],
    },
];

fn all_accounts(binding: &Object) -> Outcome<'_> {
    unless_own(binding, || {
        subjects_where(binding, |kind, name| {
            kind == "Group"
                && (name == "system:serviceaccounts" || name.starts_with("system:serviceaccounts:"))
        })
    })
}

fn all_users(binding: &Object) -> Outcome<'_> {
    unless_own(binding, || {
        subjects_where(binding, |kind, name| kind == "Group" && name == "system:authenticated")
    })
}

fn missing_role<'a>(snapshot: &Snapshot<'a>, binding: &'a Object) -> Outcome<'a> {
    let name = place(binding, &["roleRef", "name"]);
    if snapshot.role_of(binding).is_some() {
        return Outcome::Pass;
    }
    let is_nobodys = name.node().and_then(crate::node::Node::text).is_none_or(str::is_empty);
    if is_nobodys || (snapshot.is_all_of("Role") && snapshot.is_all_of("ClusterRole")) {
        return Outcome::Fail(vec![name]);
    }
    Outcome::Unknown(NOT_WHOLE)
}
