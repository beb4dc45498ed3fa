//! Checks on rights: what a role allows, whom it is bound to, and which workload has it through its account.
//! Only roles among the scanned objects are known; what a cluster holds besides is not guessed.

use super::{checkov, cis, kccss, kubesec, nsa, threat};
use crate::check::{Check, Example, Outcome, Severity, Test};
use crate::words::words;

/// The data of a check on what a role allows.
macro_rules! role_check {
    ($id:literal, $severity:expr, $title:expr, $why:expr, $fix:expr, [$($mapping:expr),*], $right:expr,
     $verb:literal, $group:literal, $resource:literal) => {
        Check {
            id: $id,
            severity: $severity,
            title: $title,
            why: $why,
            fix: $fix,
            mappings: &[nsa("Authentication and authorization"), threat("E7") $(, $mapping)*],
            test: Test::Object(ROLES, |role| unless_own(role, || Outcome::of(granting(role, &$right)))),
            remedy: None,
            passes: &[Example::Manifest("apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: r}\nrules: [{apiGroups: [''], resources: [configmaps], verbs: [get]}]\n")],
            fails: &[
                Example::Manifest(concat!("apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: r}\nrules: [{apiGroups: ['", $group, "'], resources: ['", $resource, "'], verbs: ['", $verb, "']}]\n")),
                Example::Manifest("apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: r}\nrules: [{apiGroups: ['*'], resources: ['*'], verbs: ['*']}]\n"),
            ],
        }
    };
}

mod bootstrap;
mod rights;
mod wider;

use rights::{
    APPROVAL, BIND, BINDINGS, ESCALATE, EXEC, IMPERSONATE, PODS, ROLES, SECRETS, SERVICE_STATUS,
    TOKENS, VOLUMES, WEBHOOKS, anonymous, cluster_admin, dangerous_binding, granting, masters,
    secrets_binding, unless_own, wildcard, workload_makes, workload_reads,
};
pub(super) use wider::CHECKS as WIDER;

pub(super) static CHECKS: &[Check] = &[
    Check {
        id: "role-wildcard",
        severity: Severity::High,
        title: words(
            "A role allows by wildcard",
            "역할로 와일드카드에 맞는 모든 것을 할 수 있습니다",
        ),
        why: words(
            "It allows also what is added to the cluster tomorrow.",
            "내일 클러스터에 추가될 것까지 허용합니다.",
        ),
        fix: words("Name groups, resources and verbs.", "그룹, 리소스, 동사를 지정합니다."),
        mappings: &[
            cis("5.1.3"),
            nsa("Authentication and authorization"),
            threat("E7"),
            checkov("CKV_K8S_49"),
        ],
        test: Test::Object(ROLES, wildcard),
        remedy: None,
        passes: &[Example::Manifest(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: r, namespace: shop}\nrules: [{apiGroups: [''], resources: [pods], verbs: [get]}]\n",
        )],
        fails: &[Example::Manifest(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: r, namespace: shop}\nrules: [{apiGroups: [''], resources: [pods], verbs: ['*']}]\n",
        )],
    },
    role_check!(
        "role-reads-secrets",
        Severity::High,
        words("A role reads Secrets", "역할로 Secret을 읽을 수 있습니다"),
        words(
            "Tokens and passwords of others are among them; `list` and `watch` give their contents, too.",
            "다른 것의 토큰과 비밀번호가 들어 있으며 `list`와 `watch`도 내용을 보여 줍니다."
        ),
        words(
            "Name the Secrets in `resourceNames` and allow only `get`.",
            "`resourceNames`에 Secret을 지정하고 `get`만 허용합니다."
        ),
        [cis("5.1.2")],
        SECRETS,
        "list",
        "",
        "secrets"
    ),
    role_check!(
        "role-makes-pods",
        Severity::High,
        words("A role makes or changes workloads", "역할로 워크로드를 만들거나 바꿀 수 있습니다"),
        words(
            "Who makes Pods runs as any account of the namespace and mounts any of its Secrets.",
            "Pod를 만들 수 있으면 네임스페이스의 어떤 계정으로든 실행하고 어떤 Secret이든 마운트할 수 있습니다."
        ),
        words(
            "Give it only to what deploys, and enforce Pod Security there.",
            "배포하는 것에만 주고 그곳에 Pod Security를 강제합니다."
        ),
        [cis("5.1.4")],
        PODS,
        "create",
        "",
        "pods"
    ),
    role_check!(
        "role-enters-pods",
        Severity::High,
        words("A role enters Pods or the kubelet", "역할로 Pod나 kubelet에 들어갈 수 있습니다"),
        words(
            "`pods/exec` runs commands as any Pod; `nodes/proxy` does it past the audit log and admission.",
            "`pods/exec`는 어떤 Pod로든 명령을 실행하고, `nodes/proxy`는 감사 로그와 어드미션을 비켜 갑니다."
        ),
        words(
            "Give it to people through a gate that records, not to programs.",
            "프로그램이 아니라 기록이 남는 관문을 거친 사람에게만 줍니다."
        ),
        [cis("5.1.10")],
        EXEC,
        "create",
        "",
        "pods/exec"
    ),
    role_check!(
        "role-impersonates",
        Severity::Critical,
        words("A role acts as others", "역할로 다른 주체로 행동할 수 있습니다"),
        words(
            "Impersonating `system:masters` is every right there is.",
            "`system:masters`를 가장하면 모든 권한을 가집니다."
        ),
        words(
            "Name whom it may impersonate in `resourceNames`.",
            "`resourceNames`에 가장할 수 있는 대상을 지정합니다."
        ),
        [cis("5.1.8")],
        IMPERSONATE,
        "impersonate",
        "",
        "users"
    ),
    role_check!(
        "role-binds",
        Severity::Critical,
        words(
            "A role gives out rights that it does not have",
            "역할로 갖고 있지 않은 권한을 나누어 줄 수 있습니다"
        ),
        words(
            "`bind` binds any role, cluster-admin included, to anybody.",
            "`bind`는 cluster-admin을 포함한 어떤 역할이든 누구에게나 연결합니다."
        ),
        words(
            "Remove `bind`, or name the roles in `resourceNames`.",
            "`bind`를 지우거나 `resourceNames`에 역할을 지정합니다."
        ),
        [cis("5.1.8"), checkov("CKV_K8S_157")],
        BIND,
        "bind",
        "rbac.authorization.k8s.io",
        "rolebindings"
    ),
    role_check!(
        "role-escalates",
        Severity::Critical,
        words(
            "A role writes rights into roles that it does not have",
            "역할로 갖고 있지 않은 권한을 다른 역할에 적을 수 있습니다"
        ),
        words(
            "`escalate` lifts the API server's own guard against exactly that.",
            "`escalate`는 바로 그것을 막는 API 서버의 보호를 풉니다."
        ),
        words("Remove `escalate`.", "`escalate`를 지웁니다."),
        [cis("5.1.8"), checkov("CKV_K8S_158")],
        ESCALATE,
        "escalate",
        "rbac.authorization.k8s.io",
        "roles"
    ),
    role_check!(
        "role-changes-webhooks",
        Severity::High,
        words("A role changes admission webhooks", "역할로 어드미션 웹훅을 바꿀 수 있습니다"),
        words(
            "A webhook reads and rewrites everything that is written to the cluster.",
            "웹훅은 클러스터에 쓰이는 모든 것을 읽고 고칠 수 있습니다."
        ),
        words("Leave it to administrators.", "관리자에게만 맡깁니다."),
        [cis("5.1.12"), checkov("CKV_K8S_155")],
        WEBHOOKS,
        "update",
        "admissionregistration.k8s.io",
        "mutatingwebhookconfigurations"
    ),
    role_check!(
        "role-approves-certificates",
        Severity::High,
        words("A role approves certificates", "역할로 인증서를 승인할 수 있습니다"),
        words(
            "A certificate of the cluster is an identity of any name, and cannot be revoked.",
            "클러스터 인증서는 어떤 이름의 신원이든 될 수 있고 폐기할 수 없습니다."
        ),
        words("Leave it to the controllers that do it.", "이를 맡은 컨트롤러에게만 줍니다."),
        [cis("5.1.11"), checkov("CKV_K8S_156")],
        APPROVAL,
        "update",
        "certificates.k8s.io",
        "certificatesigningrequests/approval"
    ),
    role_check!(
        "role-makes-tokens",
        Severity::High,
        words(
            "A role makes tokens of service accounts",
            "역할로 서비스 계정의 토큰을 만들 수 있습니다"
        ),
        words(
            "Who makes an account's token is that account, for as long as the token lives.",
            "계정의 토큰을 만들 수 있으면 토큰이 유효한 동안 그 계정이 됩니다."
        ),
        words("Name the accounts in `resourceNames`.", "`resourceNames`에 계정을 지정합니다."),
        [cis("5.1.13")],
        TOKENS,
        "create",
        "",
        "serviceaccounts/token"
    ),
    role_check!(
        "role-makes-volumes",
        Severity::Medium,
        words("A role makes persistent volumes", "역할로 영구 볼륨을 만들 수 있습니다"),
        words(
            "A volume of kind hostPath is any folder of a node, past Pod Security.",
            "hostPath 종류의 볼륨은 Pod Security를 비켜 노드의 어떤 폴더든 될 수 있습니다."
        ),
        words("Let a provisioner make them.", "프로비저너가 만들게 합니다."),
        [cis("5.1.9")],
        VOLUMES,
        "create",
        "",
        "persistentvolumes"
    ),
    role_check!(
        "role-changes-service-status",
        Severity::Medium,
        words("A role changes the status of Services", "역할로 Service의 상태를 바꿀 수 있습니다"),
        words(
            "An address set there draws the traffic of others (CVE-2020-8554).",
            "그곳에 적은 주소로 다른 것의 트래픽을 끌어올 수 있습니다(CVE-2020-8554)."
        ),
        words("Leave it to the controllers that do it.", "이를 맡은 컨트롤러에게만 줍니다."),
        [threat("E4")],
        SERVICE_STATUS,
        "patch",
        "",
        "services/status"
    ),
    Check {
        id: "binding-anonymous",
        severity: Severity::Critical,
        title: words(
            "Somebody who is not signed in is given rights",
            "로그인하지 않은 사용자에게 권한이 주어졌습니다",
        ),
        why: words(
            "Whoever reaches the API server has them.",
            "API 서버에 닿는 누구나 그 권한을 가집니다.",
        ),
        fix: words(
            "Remove `system:anonymous` and `system:unauthenticated` from the subjects.",
            "주체에서 `system:anonymous`와 `system:unauthenticated`를 지웁니다.",
        ),
        mappings: &[
            nsa("Authentication and authorization"),
            threat("E1"),
            threat("E7"),
            kubesec("BindingsToSystemAnonymous"),
        ],
        test: Test::Object(BINDINGS, anonymous),
        remedy: None,
        passes: &[Example::Manifest(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: b}\nsubjects: [{kind: User, name: alice}]\n",
        )],
        fails: &[Example::Manifest(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: b}\nsubjects: [{kind: Group, name: 'system:unauthenticated'}]\n",
        )],
    },
    Check {
        id: "binding-cluster-admin",
        severity: Severity::High,
        title: words(
            "Somebody is made administrator of the cluster",
            "클러스터 관리자 권한이 주어졌습니다",
        ),
        why: words(
            "cluster-admin is every right on everything; in a namespace, on all of that.",
            "cluster-admin은 모든 것에 대한 모든 권한입니다. 네임스페이스 안에서는 그 전부입니다.",
        ),
        fix: words(
            "Bind a role with the rights that are used.",
            "실제로 쓰는 권한만 가진 역할을 연결합니다.",
        ),
        mappings: &[cis("5.1.1"), nsa("Authentication and authorization"), threat("E7")],
        test: Test::Object(BINDINGS, cluster_admin),
        remedy: None,
        passes: &[Example::Manifest(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: b}\nroleRef: {kind: ClusterRole, name: view}\n",
        )],
        fails: &[Example::Manifest(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: b}\nroleRef: {kind: ClusterRole, name: cluster-admin}\n",
        )],
    },
    Check {
        id: "binding-masters",
        severity: Severity::Critical,
        title: words(
            "Rights are given to the group system:masters",
            "system:masters 그룹에 권한이 주어졌습니다",
        ),
        why: words(
            "The group passes by authorisation and cannot be taken from whoever has its certificate.",
            "이 그룹은 인가를 거치지 않으며 인증서를 가진 사람에게서 빼앗을 수 없습니다.",
        ),
        fix: words("Use a group of your own.", "별도의 그룹을 씁니다."),
        mappings: &[cis("5.1.7"), threat("E7")],
        test: Test::Object(BINDINGS, masters),
        remedy: None,
        passes: &[Example::Manifest(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: b}\nsubjects: [{kind: Group, name: admins}]\n",
        )],
        fails: &[Example::Manifest(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: b}\nsubjects: [{kind: Group, name: 'system:masters'}]\n",
        )],
    },
    Check {
        id: "account-dangerous-rights",
        severity: Severity::High,
        title: words(
            "A service account or node is bound to a role that leads to more",
            "서비스 계정이나 노드가 더 큰 권한으로 이어지는 역할에 연결되어 있습니다",
        ),
        why: words(
            "From any Pod of the account: acting as others, binding roles, entering Pods, or drawing their traffic.",
            "그 계정의 어떤 Pod에서든 다른 주체로 행동하거나 역할을 연결하거나 Pod에 들어가거나 트래픽을 끌어올 수 있습니다.",
        ),
        fix: words("Take these rights out of the role.", "역할에서 그 권한을 뺍니다."),
        mappings: &[
            cis("5.1.8"),
            threat("E7"),
            checkov("CKV2_K8S_1"),
            checkov("CKV2_K8S_2"),
            checkov("CKV2_K8S_3"),
            checkov("CKV2_K8S_4"),
        ],
        test: Test::Among(BINDINGS, dangerous_binding),
        remedy: None,
        passes: &[Example::Manifest(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: r}\nrules: [{apiGroups: [''], resources: [pods], verbs: [get]}]\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: b}\nroleRef: {kind: ClusterRole, name: r}\nsubjects: [{kind: ServiceAccount, name: web, namespace: shop}]\n",
        )],
        fails: &[Example::Manifest(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: r}\nrules: [{apiGroups: [''], resources: [users], verbs: [impersonate]}]\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: b}\nroleRef: {kind: ClusterRole, name: r}\nsubjects: [{kind: ServiceAccount, name: web, namespace: shop}]\n",
        )],
    },
    Check {
        id: "account-reads-secrets",
        severity: Severity::High,
        title: words(
            "A service account or node is bound to a role that reads all Secrets",
            "서비스 계정이나 노드가 모든 Secret을 읽는 역할에 연결되어 있습니다",
        ),
        why: words(
            "Who gets into one Pod has the secrets of all.",
            "Pod 하나에 들어가면 모두의 비밀을 가지게 됩니다.",
        ),
        fix: words(
            "Name the Secrets in `resourceNames`.",
            "`resourceNames`에 Secret을 지정합니다.",
        ),
        mappings: &[cis("5.1.2"), threat("E7"), checkov("CKV2_K8S_5")],
        test: Test::Among(BINDINGS, secrets_binding),
        remedy: None,
        passes: &[Example::Manifest(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: r, namespace: shop}\nrules: [{apiGroups: [''], resources: [secrets], verbs: [get], resourceNames: [s]}]\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: b, namespace: shop}\nroleRef: {kind: Role, name: r}\nsubjects: [{kind: ServiceAccount, name: web}]\n",
        )],
        fails: &[Example::Manifest(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: r, namespace: shop}\nrules: [{apiGroups: [''], resources: [secrets], verbs: [list]}]\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: b, namespace: shop}\nroleRef: {kind: Role, name: r}\nsubjects: [{kind: ServiceAccount, name: web}]\n",
        )],
    },
    Check {
        id: "workload-reads-secrets",
        severity: Severity::High,
        title: words("A workload's token reads Secrets", "워크로드의 토큰이 Secret을 읽습니다"),
        why: words(
            "Its account is bound to a role that reads them.",
            "그 계정이 Secret을 읽는 역할에 연결되어 있습니다.",
        ),
        fix: words(
            "Take the right away, or do not mount the token.",
            "권한을 빼거나 토큰을 마운트하지 않습니다.",
        ),
        mappings: &[cis("5.1.2"), threat("E7"), kccss("K-19")],
        test: Test::PodAmong(workload_reads),
        remedy: None,
        passes: &[Example::Container("image: app:1.0")],
        fails: &[Example::Manifest(
            "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop}\nspec: {serviceAccountName: web, containers: [{name: a, image: 'a:1'}]}\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: r, namespace: shop}\nrules: [{apiGroups: [''], resources: [secrets], verbs: [list]}]\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: b, namespace: shop}\nroleRef: {kind: Role, name: r}\nsubjects: [{kind: ServiceAccount, name: web}]\n",
        )],
    },
    Check {
        id: "workload-makes-pods",
        severity: Severity::High,
        title: words("A workload's token makes Pods", "워크로드의 토큰이 Pod를 만듭니다"),
        why: words(
            "Who gets into it makes the next Pod as he likes.",
            "그곳에 들어간 사람은 다음 Pod를 마음대로 만들 수 있습니다.",
        ),
        fix: words(
            "Take the right away, or do not mount the token.",
            "권한을 빼거나 토큰을 마운트하지 않습니다.",
        ),
        mappings: &[cis("5.1.4"), threat("E7"), kccss("K-20")],
        test: Test::PodAmong(workload_makes),
        remedy: None,
        passes: &[Example::Container("image: app:1.0")],
        fails: &[Example::Manifest(
            "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop}\nspec: {serviceAccountName: web, containers: [{name: a, image: 'a:1'}]}\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: r, namespace: shop}\nrules: [{apiGroups: [''], resources: [pods], verbs: [create]}]\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: b, namespace: shop}\nroleRef: {kind: Role, name: r}\nsubjects: [{kind: ServiceAccount, name: web}]\n",
        )],
    },
];
