//! Checks on service accounts, their tokens, and secrets in the environment.

use super::{checkov, cis, kccss, kubeaudit, kubesec, mkit, nsa, threat};
use crate::check::{Check, Example, Outcome, Remedy, RemedySubject, Severity, Test};
use crate::node::{Node, Value};
use crate::object::Object;
use crate::place::Place;
use crate::snapshot::{Snapshot, place, subjects};
use crate::words::words;
use crate::workload::{Container, Pod};

/// Kinds that Checkov and CIS want outside the default namespace.
const NAMESPACED: &[&str] = &[
    "Pod",
    "Deployment",
    "DaemonSet",
    "StatefulSet",
    "ReplicaSet",
    "ReplicationController",
    "Job",
    "CronJob",
    "Service",
    "Secret",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ConfigMap",
    "Ingress",
];
/// Endings of names that hold secrets and nothing else.
const SECRET_NAMES: &[&str] = &[
    "PASSWORD",
    "PASSWD",
    "SECRET",
    "SECRET_KEY",
    "API_KEY",
    "APIKEY",
    "TOKEN",
    "PRIVATE_KEY",
    "ACCESS_KEY",
];

pub(super) static CHECKS: &[Check] = &[
    Check {
        id: "token-mounted",
        severity: Severity::Medium,
        title: words("A service account's token is mounted", "서비스 계정 토큰이 마운트됩니다"),
        why: words(
            "Few programs speak to the API server; for an intruder the token is the first step into the cluster.",
            "API 서버와 통신하는 프로그램은 드뭅니다. 침입자에게 토큰은 클러스터로 들어가는 첫걸음입니다.",
        ),
        fix: words(
            "Set `automountServiceAccountToken: false` in the Pod's `spec`, unless the program uses the API.",
            "프로그램이 API를 쓰지 않는다면 Pod의 `spec`에 `automountServiceAccountToken: false`를 설정합니다.",
        ),
        mappings: &[
            cis("5.1.6"),
            nsa("Pod security: protecting Pod service account tokens"),
            threat("E7"),
            checkov("CKV_K8S_38"),
            kubesec("AutomountServiceAccountToken"),
        ],
        test: Test::Pod(token_mounted),
        remedy: Some(Remedy {
            subject: RemedySubject::PodSpec,
            field: &["automountServiceAccountToken"],
            value: "false",
            needs_decision: true,
        }),
        passes: &[Example::Spec("automountServiceAccountToken: false")],
        fails: &[
            Example::Container("image: app:1.0"),
            Example::Spec("automountServiceAccountToken: true"),
        ],
    },
    Check {
        id: "default-account-used",
        severity: Severity::Low,
        title: words(
            "The Pod runs as the namespace's default account",
            "Pod가 네임스페이스의 기본 계정으로 실행됩니다",
        ),
        why: words(
            "Whatever is ever granted to `default` is granted to every Pod that names no account.",
            "`default`에 준 권한은 계정을 지정하지 않은 모든 Pod에 주어집니다.",
        ),
        fix: words(
            "Make an account for the workload and name it in `serviceAccountName`.",
            "워크로드를 위한 계정을 만들고 `serviceAccountName`에 지정합니다.",
        ),
        mappings: &[
            cis("5.1.5"),
            threat("E7"),
            kubesec("ServiceAccountName"),
            kubeaudit("AutomountServiceAccountTokenTrueAndDefaultSA"),
        ],
        test: Test::Pod(default_account),
        remedy: None,
        passes: &[Example::Spec("serviceAccountName: web")],
        fails: &[
            Example::Container("image: app:1.0"),
            Example::Spec("serviceAccountName: default"),
        ],
    },
    Check {
        id: "account-field-deprecated",
        severity: Severity::Info,
        title: words(
            "The account is named in a deprecated field",
            "사용이 중단된 필드로 계정을 지정했습니다",
        ),
        why: words(
            "`serviceAccount` is kept only for old clients; two fields can disagree.",
            "`serviceAccount`는 옛 클라이언트를 위해서만 남아 있으며 두 필드가 어긋날 수 있습니다.",
        ),
        fix: words("Use `serviceAccountName` alone.", "`serviceAccountName`만 씁니다."),
        mappings: &[threat("E9"), kubeaudit("AutomountServiceAccountTokenDeprecated")],
        test: Test::Pod(account_deprecated),
        remedy: None,
        passes: &[Example::Spec("serviceAccountName: web")],
        fails: &[Example::Spec("serviceAccount: web")],
    },
    Check {
        id: "account-shared",
        severity: Severity::Low,
        title: words(
            "Several workloads run as the same account",
            "여러 워크로드가 같은 계정으로 실행됩니다",
        ),
        why: words(
            "Each has the rights that the others need, and the audit log cannot tell them apart.",
            "각자가 다른 것에 필요한 권한까지 가지며 감사 로그로 구별할 수 없습니다.",
        ),
        fix: words(
            "Give each workload an account of its own.",
            "워크로드마다 별도의 계정을 줍니다.",
        ),
        mappings: &[threat("E7"), kccss("K-23")],
        test: Test::PodAmong(account_shared),
        remedy: None,
        passes: &[Example::Spec("serviceAccountName: web")],
        fails: &[Example::Manifest(
            "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: shop}\nspec: {serviceAccountName: web, containers: [{name: a, image: 'a:1'}]}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: b, namespace: shop}\nspec: {serviceAccountName: web, containers: [{name: a, image: 'a:1'}]}\n",
        )],
    },
    Check {
        id: "default-account-token",
        severity: Severity::Medium,
        title: words(
            "The default account gives its token to every Pod",
            "기본 계정이 모든 Pod에 토큰을 줍니다",
        ),
        why: words(
            "Pods that say nothing about tokens take what the account says.",
            "토큰에 대해 아무 말도 하지 않은 Pod는 계정의 설정을 따릅니다.",
        ),
        fix: words(
            "Set `automountServiceAccountToken: false` on the account `default`.",
            "`default` 계정에 `automountServiceAccountToken: false`를 설정합니다.",
        ),
        mappings: &[cis("5.1.5"), threat("E7"), checkov("CKV_K8S_41")],
        test: Test::Object(&["ServiceAccount"], default_account_token),
        remedy: Some(Remedy {
            subject: RemedySubject::Object,
            field: &["automountServiceAccountToken"],
            value: "false",
            needs_decision: true,
        }),
        passes: &[
            Example::Manifest(
                "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: default, namespace: shop}\nautomountServiceAccountToken: false\n",
            ),
            Example::Manifest(
                "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: web, namespace: shop}\n",
            ),
        ],
        fails: &[Example::Manifest(
            "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: default, namespace: shop}\n",
        )],
    },
    Check {
        id: "default-account-bound",
        severity: Severity::High,
        title: words("The default account is given rights", "기본 계정에 권한이 주어졌습니다"),
        why: words(
            "Every Pod of the namespace that names no account has them.",
            "계정을 지정하지 않은 네임스페이스의 모든 Pod가 그 권한을 가집니다.",
        ),
        fix: words(
            "Bind the role to an account of the workload that needs it.",
            "권한이 필요한 워크로드의 계정에 역할을 연결합니다.",
        ),
        mappings: &[cis("5.1.5"), threat("E7"), checkov("CKV_K8S_42")],
        test: Test::Object(&["RoleBinding", "ClusterRoleBinding"], default_bound),
        remedy: None,
        passes: &[Example::Manifest(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: b, namespace: shop}\nsubjects: [{kind: ServiceAccount, name: web}]\n",
        )],
        fails: &[Example::Manifest(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: b, namespace: shop}\nsubjects: [{kind: ServiceAccount, name: default}]\n",
        )],
    },
    Check {
        id: "secret-in-environment",
        severity: Severity::Medium,
        title: words("A Secret is put into the environment", "Secret이 환경 변수로 들어갑니다"),
        why: words(
            "The environment is inherited by every child, printed by crash reports, and never renewed.",
            "환경 변수는 모든 자식 프로세스가 물려받고 오류 보고에 출력되며 갱신되지 않습니다.",
        ),
        fix: words("Mount the Secret as a file.", "Secret을 파일로 마운트합니다."),
        mappings: &[
            cis("5.4.1"),
            threat("E7"),
            checkov("CKV_K8S_35"),
            kubesec("SecretsAsEnvironmentVariables"),
            kccss("K-21"),
        ],
        test: Test::Pod(secret_environment),
        remedy: None,
        passes: &[Example::Container("env: [{name: A, value: b}]")],
        fails: &[
            Example::Container("env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]"),
            Example::Container("envFrom: [{secretRef: {name: s}}]"),
        ],
    },
    Check {
        id: "secret-literal",
        severity: Severity::High,
        title: words(
            "A secret seems to be written in the manifest",
            "매니페스트에 비밀 값이 적혀 있는 것으로 보입니다",
        ),
        why: words(
            "A manifest is read by everybody who reads the repository or may get Pods.",
            "매니페스트는 저장소를 읽거나 Pod를 조회할 수 있는 모든 사람이 봅니다.",
        ),
        fix: words(
            "Move the value to a Secret, and change it: it is known.",
            "값을 Secret으로 옮기고 새 값으로 바꿉니다. 이미 알려진 값입니다.",
        ),
        mappings: &[cis("5.4.1"), threat("E7")],
        test: Test::Pod(secret_literal),
        remedy: None,
        passes: &[
            Example::Container(
                "env: [{name: DB_PASSWORD, valueFrom: {secretKeyRef: {name: s, key: k}}}]",
            ),
            Example::Container(
                "env: [{name: DB_PASSWORD_FILE, value: /run/secrets/db}, {name: TOKEN, value: $(OTHER)}]",
            ),
        ],
        fails: &[Example::Container("env: [{name: DB_PASSWORD, value: hunter2}]")],
    },
    Check {
        id: "default-namespace",
        severity: Severity::Low,
        title: words(
            "The object is in the default namespace",
            "객체가 기본 네임스페이스에 있습니다",
        ),
        why: words(
            "Rights, quotas, policies and Pod security are given by namespace; `default` has everybody's.",
            "권한, 할당량, 정책, Pod 보안은 네임스페이스마다 정해집니다. `default`에는 모두의 것이 섞입니다.",
        ),
        fix: words("Set `metadata.namespace`.", "`metadata.namespace`를 설정합니다."),
        mappings: &[
            cis("5.6.4"),
            cis("5.6.1"),
            threat("E7"),
            checkov("CKV_K8S_21"),
            kccss("K-22"),
            mkit("default-namespace"),
        ],
        test: Test::Object(NAMESPACED, default_namespace),
        remedy: None,
        passes: &[
            Example::Container("image: app:1.0"),
            Example::Manifest("apiVersion: v1\nkind: Service\nmetadata: {name: kubernetes}\n"),
        ],
        fails: &[Example::Manifest("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n")],
    },
];

fn token_mounted<'a>(pod: &Pod<'a>) -> Outcome<'a> {
    Outcome::fail_if(!pod.automount_token.is(false), pod.automount_token.place)
}

fn default_account<'a>(pod: &Pod<'a>) -> Outcome<'a> {
    let name = pod.service_account.value.unwrap_or_default();
    Outcome::fail_if(matches!(name, "" | "default"), pod.service_account.place)
}

fn account_deprecated<'a>(pod: &Pod<'a>) -> Outcome<'a> {
    let field = pod.service_account_deprecated;
    Outcome::fail_if(field.value.is_some_and(|name| !name.is_empty()), field.place)
}

fn account_shared<'a>(snapshot: &Snapshot<'a>, pod: &Pod<'a>) -> Outcome<'a> {
    let name = pod.service_account.value.filter(|name| !name.is_empty()).unwrap_or("default");
    let users = snapshot.users_of_account(pod.object.effective_namespace(), name);
    Outcome::fail_if(users > 1, pod.service_account.place)
}

fn default_account_token(object: &Object) -> Outcome<'_> {
    let token = place(object, &["automountServiceAccountToken"]);
    let gives = token.node().and_then(Node::boolean) != Some(false);
    Outcome::fail_if(object.name == "default" && gives, token)
}

fn default_bound(object: &Object) -> Outcome<'_> {
    let is_default = |subject: &&Node| {
        let text = |key| subject.get(key).and_then(Node::text);
        text("kind") == Some("ServiceAccount") && text("name") == Some("default")
    };
    Outcome::of(subjects(object).filter(is_default).map(Place::of))
}

fn secrets_of<'a, 'c>(container: &'c Container<'a>) -> impl Iterator<Item = Place<'a>> + 'c {
    let single = container.env.iter().map(|env| env.secret).filter(|secret| secret.is_set());
    single.chain(container.env_from_secrets.iter().copied())
}

fn secret_environment<'a>(pod: &Pod<'a>) -> Outcome<'a> {
    Outcome::of(pod.containers.iter().flat_map(secrets_of))
}

fn secret_literal<'a>(pod: &Pod<'a>) -> Outcome<'a> {
    let variables = pod.containers.iter().flat_map(|container| &container.env);
    Outcome::of(variables.filter_map(|env| {
        let name = env.name.value?.to_ascii_uppercase();
        let is_secret = SECRET_NAMES.iter().any(|ending| {
            name.strip_suffix(ending).is_some_and(|rest| rest.is_empty() || rest.ends_with('_'))
        });
        let literal = match &env.value?.value {
            Value::Text(text) => !text.is_empty() && !text.contains("$("),
            Value::Number(..) => true,
            _ => false,
        };
        // The name is the evidence: a report that printed the value would publish it once more.
        (is_secret && literal).then_some(env.name.place)
    }))
}

fn default_namespace(object: &Object) -> Outcome<'_> {
    let is_clusters_own = (object.kind == "ServiceAccount" && object.name == "default")
        || (object.kind == "Service" && object.name == "kubernetes");
    let wrong = object.effective_namespace() == "default" && !is_clusters_own;
    Outcome::fail_if(wrong, place(object, &["metadata", "namespace"]))
}
