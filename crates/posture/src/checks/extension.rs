//! Checks on what extends or configures a cluster's API server: webhooks, policies, aggregated APIs; and on values
//! that stand in manifests and should not.
//! The flags of the API server itself are `node`'s.

use super::opened::is_secret_setting;
use super::{cis, nsa, threat};
use crate::check::{Check, Example, Outcome, Severity, Test};
use crate::node::Node;
use crate::object::Object;
use crate::place::Place;
use crate::snapshot::place;
use crate::words::words;

const WEBHOOKS: &[&str] = &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// A check whose examples are whole manifests.
macro_rules! object_check {
    ($id:literal, $severity:ident, $kinds:expr, $title:expr, $why:expr, $fix:expr, [$($mapping:expr),* $(,)?],
     $test:expr, pass [$($pass:literal),+], fail [$($fail:literal),+]) => {
        Check {
            id: $id,
            severity: Severity::$severity,
            title: $title,
            why: $why,
            fix: $fix,
            mappings: &[$($mapping),*],
            test: Test::Object($kinds, $test),
            remedy: None,
            passes: &[$(Example::Manifest($pass)),+],
            fails: &[$(Example::Manifest($fail)),+],
        }
    };
}

pub(super) static CHECKS: &[Check] = &[
    object_check!(
        "webhook-outside",
        Medium,
        WEBHOOKS,
        words(
            "A webhook is called by an address and not by a Service",
            "웹훅이 Service가 아니라 주소로 호출됩니다"
        ),
        words(
            "Objects that people make, Secrets too, are sent to whoever is at that address.",
            "사람들이 만드는 객체가, Secret까지 그 주소로 전송됩니다."
        ),
        words(
            "Run the webhook in the cluster and name it by `service`.",
            "웹훅을 클러스터 안에서 실행하고 `service`로 지정합니다."
        ),
        [threat("E1"), nsa("Authentication and authorization")],
        |object| of_webhooks(object, |webhook| webhook.get("clientConfig").get("url"), |_| true),
        pass["apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata: {name: x}\nwebhooks: [{name: a.b.c, clientConfig: {service: {name: a, namespace: b}}}]\n"],
        fail["apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata: {name: x}\nwebhooks: [{name: a.b.c, clientConfig: {url: 'https://hook.example.com'}}]\n"]
    ),
    object_check!(
        "webhook-changes-everything",
        Medium,
        &["MutatingWebhookConfiguration"],
        words("A webhook may change every object", "웹훅이 모든 객체를 바꿀 수 있습니다"),
        words(
            "Whoever has it puts a container into every Pod, or a subject into every binding.",
            "그것을 가진 사람은 모든 Pod에 컨테이너를, 모든 바인딩에 주체를 넣을 수 있습니다."
        ),
        words(
            "Name the groups and resources that it needs in `rules`.",
            "`rules`에 필요한 그룹과 리소스를 적습니다."
        ),
        [threat("E7"), threat("E1")],
        |object| of_webhooks(
            object,
            |webhook| webhook.get("rules"),
            |rules| rules.items().iter().any(is_everything)
        ),
        pass["apiVersion: admissionregistration.k8s.io/v1\nkind: MutatingWebhookConfiguration\nmetadata: {name: x}\nwebhooks: [{name: a.b.c, rules: [{apiGroups: [''], resources: [pods]}]}]\n"],
        fail["apiVersion: admissionregistration.k8s.io/v1\nkind: MutatingWebhookConfiguration\nmetadata: {name: x}\nwebhooks: [{name: a.b.c, rules: [{apiGroups: ['*'], resources: ['*/*']}]}]\n"]
    ),
    object_check!(
        "policy-fails-open",
        Low,
        &["ValidatingAdmissionPolicy", "MutatingAdmissionPolicy"],
        words("What a policy cannot judge is let in", "정책이 판단할 수 없는 것을 통과시킵니다"),
        words(
            "An object that makes its expression fail gets round the policy.",
            "표현식을 실패하게 만드는 객체는 정책을 피해 갑니다."
        ),
        words("Leave `failurePolicy` at `Fail`.", "`failurePolicy`를 `Fail`로 둡니다."),
        [threat("E1")],
        |object| {
            let policy = place(object, &["spec", "failurePolicy"]);
            Outcome::fail_if(policy.node().and_then(Node::text) == Some("Ignore"), policy)
        },
        pass["apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata: {name: x}\nspec: {}\n"],
        fail["apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata: {name: x}\nspec: {failurePolicy: Ignore}\n"]
    ),
    object_check!(
        "policy-refuses-nothing",
        Low,
        &["ValidatingAdmissionPolicyBinding"],
        words(
            "A policy is bound and refuses nothing",
            "정책이 바인딩되었지만 아무것도 거부하지 않습니다"
        ),
        words(
            "It warns or writes into the audit log; what it was made against is let in.",
            "경고하거나 감사 로그에 남길 뿐, 막으려던 것을 통과시킵니다."
        ),
        words("Put `Deny` into `validationActions`.", "`validationActions`에 `Deny`를 넣습니다."),
        [threat("E1")],
        |object| {
            let actions = place(object, &["spec", "validationActions"]);
            let denies = |action: &Node| action.text() == Some("Deny");
            let refuses = actions.node().is_some_and(|node| node.items().iter().any(denies));
            Outcome::fail_if(!refuses, actions)
        },
        pass["apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicyBinding\nmetadata: {name: x}\nspec: {policyName: p, validationActions: [Deny, Audit]}\n"],
        fail["apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicyBinding\nmetadata: {name: x}\nspec: {policyName: p, validationActions: [Warn]}\n"]
    ),
    object_check!(
        "aggregated-api-unverified",
        High,
        &["APIService"],
        words(
            "The API server does not verify an API that it passes requests to",
            "API 서버가 요청을 넘기는 API를 검증하지 않습니다"
        ),
        words(
            "Whoever answers in its place gets the requests of everybody, with their names and groups.",
            "대신 응답하는 사람이 모두의 요청을 이름과 그룹까지 받습니다."
        ),
        words(
            "Remove `insecureSkipTLSVerify` and set `caBundle`.",
            "`insecureSkipTLSVerify`를 없애고 `caBundle`을 설정합니다."
        ),
        [threat("E10"), threat("E1")],
        |object| {
            let skips = place(object, &["spec", "insecureSkipTLSVerify"]);
            Outcome::fail_if(skips.node().and_then(Node::boolean) == Some(true), skips)
        },
        pass["apiVersion: apiregistration.k8s.io/v1\nkind: APIService\nmetadata: {name: v1.x}\nspec: {caBundle: eA==}\n"],
        fail["apiVersion: apiregistration.k8s.io/v1\nkind: APIService\nmetadata: {name: v1.x}\nspec: {insecureSkipTLSVerify: true}\n"]
    ),
    object_check!(
        "config-map-secret", High, &["ConfigMap"],
        words("A secret stands in a ConfigMap", "ConfigMap에 비밀이 있습니다"),
        words(
            "ConfigMaps are read by many who may not read Secrets, and are not encrypted in etcd.",
            "ConfigMap은 Secret을 읽을 수 없는 많은 사람이 읽고, etcd에서 암호화되지 않습니다."
        ),
        words("Change the secret, and put the new one into a Secret.", "비밀을 바꾸고 새 것은 Secret에 넣습니다."),
        [threat("E7"), cis("5.4.1")],
        |object| {
            let data = place(object, &["data"]).node().map_or(&[][..], Node::entries).iter();
            let secrets = data.filter(|entry| {
                is_secret_setting(&entry.key, entry.node.text().unwrap_or_default())
            });
            // The key's place, and not the value: reports are read by many, too.
            Outcome::of(secrets.map(|_| place(object, &["data"])))
        },
        pass ["apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {LOG_LEVEL: debug, DB_PASSWORD_FILE: /run/secrets/db}\n"],
        fail ["apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {DB_PASSWORD: hunter22}\n", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {DSN: 'postgres://app:hunter22@db/shop'}\n"]
    ),
    object_check!(
        "secret-in-manifest", Medium, &["Secret"],
        words("A Secret's values stand in a manifest", "Secret의 값이 매니페스트에 있습니다"),
        words(
            "They are only encoded; whoever reads the repository reads them, now and in its history.",
            "인코딩되었을 뿐이므로 저장소를 읽는 누구나 지금도, 이력에서도 읽습니다."
        ),
        words(
            "Let an operator fetch them from a vault, or keep them encrypted in the repository.",
            "오퍼레이터가 볼트에서 가져오게 하거나, 저장소에는 암호화해 둡니다."
        ),
        [threat("E7"), cis("5.4.1")],
        |object| {
            let filled = |key| {
                let place = place(object, &[key]);
                let has = |entry: &crate::node::Entry| !matches!(entry.node.text(), None | Some(""));
                place.node().is_some_and(|node| node.entries().iter().any(has)).then_some(place)
            };
            // The mapping's place and not the values'.
            Outcome::of(["data", "stringData"].into_iter().filter_map(filled))
        },
        pass ["apiVersion: v1\nkind: Secret\nmetadata: {name: x}\ntype: Opaque\n", "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\ndata: {key: ''}\n"],
        fail ["apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nstringData: {key: hunter22}\n"]
    ),
    object_check!(
        "account-token-secret",
        Medium,
        &["Secret"],
        words(
            "A Secret holds a token that never expires",
            "Secret에 만료되지 않는 토큰이 있습니다"
        ),
        words(
            "Kubernetes fills it with a token of the account that holds until somebody deletes the Secret.",
            "Kubernetes가 Secret을 지울 때까지 유효한 계정 토큰을 채웁니다."
        ),
        words(
            "Delete it; ask for a token that expires: `kubectl create token`.",
            "지우고, 만료되는 토큰을 요청합니다: `kubectl create token`."
        ),
        [threat("E7"), nsa("Authentication and authorization")],
        |object| {
            let kind = place(object, &["type"]);
            Outcome::fail_if(
                kind.node().and_then(Node::text) == Some("kubernetes.io/service-account-token"),
                kind,
            )
        },
        pass["apiVersion: v1\nkind: Secret\nmetadata: {name: x}\ntype: Opaque\n"],
        fail["apiVersion: v1\nkind: Secret\nmetadata: {name: x, annotations: {kubernetes.io/service-account.name: app}}\ntype: kubernetes.io/service-account-token\n"]
    ),
];

fn of_webhooks<'a>(
    object: &'a Object,
    field: impl Fn(Place<'a>) -> Place<'a>,
    wrong: impl Fn(&Node) -> bool,
) -> Outcome<'a> {
    let webhooks = place(object, &["webhooks"]).node().map_or(&[][..], Node::items).iter();
    let fields = webhooks.map(|webhook| field(Place::of(webhook)));
    Outcome::of(fields.filter(|field| field.node().is_some_and(&wrong)))
}

fn is_everything(rule: &Node) -> bool {
    let has = |key: &str, wanted: &[&str]| {
        let items = rule.get(key).map_or(&[][..], Node::items).iter();
        items.filter_map(Node::text).any(|text| wanted.contains(&text))
    };
    has("apiGroups", &["*"]) && has("resources", &["*", "*/*"])
}
