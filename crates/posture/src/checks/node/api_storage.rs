//! Checks on what the API server writes to etcd, how it gets there, and the keys of service accounts.
//! etcd's own side is `etcd`'s.

use super::super::{bench, checkov, cis, threat};
use super::setting::{Rule, Setting, all_set};
use super::{NOT_RUNNING, UNREAD};
use crate::check::{Check, Example, Outcome, Severity, Test};
use crate::node::Node;
use crate::object::Object;
use crate::place::Place;
use crate::snapshot::place;
use crate::words::{Words, words};

/// Providers that encrypt.
const ENCRYPTING: &[&str] = &["aescbc", "aesgcm", "kms", "secretbox"];
const NO_ENCRYPTION: Words = words(
    "no encryption is configured; `api-encryption` tells that",
    "암호화가 설정되지 않았습니다. `api-encryption`이 알려 줍니다",
);

pub(super) static CHECKS: &[Check] = &[
    node_check!(
        "api-etcd-certificate",
        High,
        "KubeApiserver",
        words(
            "The API server does not prove itself to etcd",
            "API 서버가 etcd에 자신을 증명하지 않습니다"
        ),
        words(
            "etcd must then take everybody's word, and it holds everything.",
            "모든 것을 가진 etcd가 누구의 말이든 들어야 합니다."
        ),
        words(
            "Set `--etcd-certfile` and `--etcd-keyfile`.",
            "`--etcd-certfile`과 `--etcd-keyfile`을 설정합니다."
        ),
        [cis("1.2.23"), bench("1.2.23"), checkov("CKV_K8S_99"), threat("E2")],
        |object| all_set(object, &[Setting::flag("etcd-certfile"), Setting::flag("etcd-keyfile")]),
        pass["flags: {etcd-certfile: /pki/e.crt, etcd-keyfile: /pki/e.key}"],
        fail["flags: {}"]
    ),
    setting_check!(
        "api-etcd-ca",
        High,
        "KubeApiserver",
        words(
            "The API server does not check who etcd is",
            "API 서버가 etcd가 누구인지 확인하지 않습니다"
        ),
        words(
            "Whoever sits between them is given every Secret and gives what he likes.",
            "중간에 있는 누구나 모든 Secret을 받고 원하는 값을 돌려줄 수 있습니다."
        ),
        words("Set `--etcd-cafile`.", "`--etcd-cafile`을 설정합니다."),
        [cis("1.2.26"), bench("1.2.26"), checkov("CKV_K8S_102"), threat("E2"), threat("E10")],
        Setting::flag("etcd-cafile"),
        Rule::Set,
        pass["flags: {etcd-cafile: /pki/ca.crt}"],
        fail["flags: {}"]
    ),
    setting_check!(
        "api-etcd-clear-text",
        High,
        "KubeApiserver",
        words("The API server speaks to etcd without TLS", "API 서버가 TLS 없이 etcd와 통신합니다"),
        words(
            "Secrets pass in clear, and whoever reaches etcd's port reads and writes all.",
            "비밀이 평문으로 오가고 etcd 포트에 닿는 누구나 모두 읽고 쓸 수 있습니다."
        ),
        words(
            "Serve etcd by TLS and name it with `https://` in `--etcd-servers`.",
            "etcd를 TLS로 제공하고 `--etcd-servers`에 `https://`로 적습니다."
        ),
        [threat("E2"), threat("E10")],
        Setting::flag("etcd-servers"),
        Rule::Begin("https://"),
        pass["flags: {etcd-servers: 'https://10.0.0.1:2379,https://10.0.0.2:2379'}"],
        fail["flags: {etcd-servers: 'https://10.0.0.1:2379,http://10.0.0.2:2379'}"]
    ),
    setting_check!(
        "api-encryption",
        Medium,
        "KubeApiserver",
        words("Secrets are written to etcd in clear", "Secret이 평문으로 etcd에 기록됩니다"),
        words(
            "Each backup and each disk of etcd holds them readable.",
            "etcd의 모든 백업과 디스크에 읽을 수 있는 상태로 남습니다."
        ),
        words(
            "Write an EncryptionConfiguration and name it by `--encryption-provider-config`.",
            "EncryptionConfiguration을 만들고 `--encryption-provider-config`에 지정합니다."
        ),
        [cis("1.2.27"), bench("1.2.27"), threat("E2")],
        Setting::flag("encryption-provider-config"),
        Rule::Set,
        pass["flags: {encryption-provider-config: /etc/enc.yaml}"],
        fail["flags: {}"]
    ),
    node_check!(
        "api-encryption-providers", High, "KubeApiserver",
        words("The encryption configuration does not encrypt Secrets", "암호화 설정이 Secret을 암호화하지 않습니다"),
        words("The first provider writes; `identity` there writes in clear, and a resource that no rule names is not encrypted.", "첫 번째 제공자가 기록하므로 `identity`가 처음이면 평문으로 기록되고, 규칙에 없는 리소스는 암호화되지 않습니다."),
        words("Put kms or secretbox first in the rule for `secrets`.", "`secrets` 규칙의 맨 앞에 kms나 secretbox를 둡니다."),
        [cis("1.2.28"), bench("1.2.28"), checkov("CKV_K8S_104"), threat("E2")],
        providers,
        pass ["flags: {encryption-provider-config: /e}\nencryption: {resources: [{resources: [secrets], providers: [{kms: {name: k}}, {identity: {}}]}]}"],
        fail [
            "flags: {encryption-provider-config: /e}\nencryption: {resources: [{resources: [secrets], providers: [{identity: {}}, {aescbc: {}}]}]}",
            "flags: {encryption-provider-config: /e}\nencryption: {resources: [{resources: [configmaps], providers: [{kms: {}}]}]}"
        ]
    ),
    setting_check!(
        "api-account-lookup",
        High,
        "KubeApiserver",
        words(
            "Tokens of deleted service accounts stay valid",
            "삭제된 서비스 계정의 토큰이 계속 유효합니다"
        ),
        words(
            "The API server then checks only the signature and not whether the account still is.",
            "API 서버가 서명만 확인하고 계정이 아직 있는지는 확인하지 않습니다."
        ),
        words(
            "Remove `--service-account-lookup=false`.",
            "`--service-account-lookup=false`를 지웁니다."
        ),
        [cis("1.2.21"), bench("1.2.21"), checkov("CKV_K8S_96"), threat("E7")],
        Setting::with_default("service-account-lookup", "true"),
        Rule::True,
        pass["flags: {}"],
        fail["flags: {service-account-lookup: 'false'}"]
    ),
    setting_check!(
        "api-account-key",
        Medium,
        "KubeApiserver",
        words(
            "Tokens of service accounts are checked by the key of the TLS port",
            "서비스 계정 토큰을 TLS 포트의 키로 확인합니다"
        ),
        words(
            "Two uses of one key cannot be rotated apart.",
            "한 키를 두 용도로 쓰면 따로 교체할 수 없습니다."
        ),
        words("Set `--service-account-key-file`.", "`--service-account-key-file`을 설정합니다."),
        [cis("1.2.22"), bench("1.2.22"), checkov("CKV_K8S_97"), threat("E7")],
        Setting::flag("service-account-key-file"),
        Rule::Set,
        pass["flags: {service-account-key-file: /pki/sa.pub}"],
        fail["flags: {}"]
    ),
    setting_check!(
        "api-token-extension",
        Low,
        "KubeApiserver",
        words("Tokens in Pods live for a year", "Pod의 토큰이 1년 동안 유효합니다"),
        words(
            "The API server extends them for old clients; a stolen one lives as long.",
            "오래된 클라이언트를 위해 기한이 늘어나므로 도난당한 토큰도 그만큼 유효합니다."
        ),
        words(
            "Set `--service-account-extend-token-expiration=false` when all clients reload their tokens.",
            "모든 클라이언트가 토큰을 다시 읽는다면 `--service-account-extend-token-expiration=false`로 설정합니다."
        ),
        [cis("1.2.30"), bench("1.2.30"), threat("E7")],
        Setting::with_default("service-account-extend-token-expiration", "true"),
        Rule::False,
        pass["flags: {service-account-extend-token-expiration: 'false'}"],
        fail["flags: {}"]
    ),
];

fn providers(object: &Object) -> Outcome<'_> {
    if !place(object, &["process"]).is_set() {
        return Outcome::NotApplicable(NOT_RUNNING);
    }
    if !place(object, &["flags", "encryption-provider-config"]).is_set() {
        return Outcome::NotApplicable(NO_ENCRYPTION);
    }
    let rules = place(object, &["encryption", "resources"]);
    let Some(node) = rules.node() else { return Outcome::Unknown(UNREAD) };
    let of_secrets = node.items().iter().find(|rule| {
        rule.get("resources")
            .map_or(&[][..], Node::items)
            .iter()
            .any(|resource| matches!(resource.text(), Some("secrets" | "*." | "*.*")))
    });
    let Some(rule) = of_secrets else { return Outcome::Fail(vec![rules]) };
    let first = rule.get("providers").and_then(|providers| providers.items().first());
    let encrypts = first.is_some_and(|provider| {
        provider.entries().iter().any(|entry| ENCRYPTING.contains(&entry.key.as_str()))
    });
    Outcome::fail_if(!encrypts, Place::of(rule).get("providers"))
}
