//! Checks on how the API server listens, and whom it takes for whom.
//! Its admission, its keys and its log have files of their own.

use super::super::{bench, checkov, cis, threat};
use super::setting::{Found, Rule, Setting, all_set};
use super::{NOT_RUNNING, UNREAD};
use crate::check::{Check, Example, Outcome, Severity, Test};
use crate::node::Node;
use crate::object::Object;
use crate::place::Place;
use crate::snapshot::place;
use crate::words::words;

/// Cipher suites of TLS 1.2 that have forward secrecy and authenticate what they encrypt, and those of TLS 1.3.
pub(super) const STRONG: &[&str] = &[
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
];
const MODES: Setting = Setting::with_default("authorization-mode", "AlwaysAllow")
    .or_at(&["authorization", "authorizers"]);

pub(super) static CHECKS: &[Check] = &[
    node_check!(
        "api-anonymous-auth", Medium, "KubeApiserver",
        words("The API server takes requests of nobody", "API 서버가 익명 요청을 받습니다"),
        words("What is bound to system:unauthenticated by mistake is open to whoever reaches the port.", "system:unauthenticated에 실수로 연결된 권한이 포트에 닿는 누구에게나 열립니다."),
        words("Set `--anonymous-auth=false`, or allow only the health paths under `anonymous.conditions` of the authentication configuration.", "`--anonymous-auth=false`로 설정하거나 인증 설정의 `anonymous.conditions`에 상태 확인 경로만 허용합니다."),
        [cis("1.2.1"), bench("1.2.1"), checkov("CKV_K8S_68"), threat("E1")],
        anonymous,
        pass ["flags: {anonymous-auth: 'false'}", "authentication: {anonymous: {enabled: true, conditions: [{path: /livez}]}}"],
        fail ["flags: {}", "flags: {anonymous-auth: 'true'}", "authentication: {anonymous: {enabled: true}}",
            "authentication: {anonymous: {enabled: true, conditions: [{path: /livez}, {path: /api}]}}"]
    ),
    setting_check!(
        "api-token-file",
        High,
        "KubeApiserver",
        words("The API server takes tokens from a file", "API 서버가 파일의 토큰을 받습니다"),
        words(
            "They stand there in clear, never expire, and change only by a restart.",
            "토큰이 평문으로 저장되고 만료되지 않으며 재시작해야만 바뀝니다."
        ),
        words(
            "Remove `--token-auth-file` and sign people in by OpenID Connect or certificates.",
            "`--token-auth-file`을 지우고 OpenID Connect나 인증서로 로그인하게 합니다."
        ),
        [cis("1.2.2"), bench("1.2.2"), checkov("CKV_K8S_70"), threat("E1"), threat("E7")],
        Setting::flag("token-auth-file"),
        Rule::Unset,
        pass["flags: {}"],
        fail["flags: {token-auth-file: /etc/tokens.csv}"]
    ),
    setting_check!(
        "api-basic-auth-file",
        Critical,
        "KubeApiserver",
        words(
            "The API server takes passwords from a file",
            "API 서버가 파일의 비밀번호를 받습니다"
        ),
        words(
            "They stand there in clear; the API server is older than 1.19.",
            "비밀번호가 평문으로 저장됩니다. API 서버가 1.19보다 오래된 것입니다."
        ),
        words(
            "Remove `--basic-auth-file` and upgrade.",
            "`--basic-auth-file`을 지우고 업그레이드합니다."
        ),
        [checkov("CKV_K8S_69"), threat("E1"), threat("E9")],
        Setting::flag("basic-auth-file"),
        Rule::Unset,
        pass["flags: {}"],
        fail["flags: {basic-auth-file: /etc/users.csv}"]
    ),
    setting_check!(
        "api-insecure-port", Critical, "KubeApiserver",
        words("The API server listens without TLS and without asking who comes", "API 서버가 TLS와 인증 없이 포트를 엽니다"),
        words("Whoever reaches the port is administrator; the API server is older than 1.20.", "포트에 닿는 누구나 관리자가 됩니다. API 서버가 1.20보다 오래된 것입니다."),
        words("Set `--insecure-port=0` and upgrade.", "`--insecure-port=0`으로 설정하고 업그레이드합니다."),
        [checkov("CKV_K8S_88"), threat("E1"), threat("E9"), threat("E10")],
        Setting::with_default("insecure-port", "0"), Rule::Is(&["0"]),
        pass ["flags: {}", "flags: {insecure-port: 0}"], fail ["flags: {insecure-port: 8080}"]
    ),
    setting_check!(
        "api-insecure-bind-address",
        High,
        "KubeApiserver",
        words(
            "The API server's port without TLS has an address of its own",
            "TLS 없는 API 서버 포트에 별도의 주소가 있습니다"
        ),
        words(
            "Beyond the loopback interface the port without TLS is open to the network.",
            "루프백 밖의 주소라면 TLS 없는 포트가 네트워크에 열립니다."
        ),
        words(
            "Remove `--insecure-bind-address` and upgrade.",
            "`--insecure-bind-address`를 지우고 업그레이드합니다."
        ),
        [checkov("CKV_K8S_86"), threat("E1"), threat("E9")],
        Setting::flag("insecure-bind-address"),
        Rule::Unset,
        pass["flags: {}"],
        fail["flags: {insecure-bind-address: 0.0.0.0}"]
    ),
    setting_check!(
        "api-secure-port", High, "KubeApiserver",
        words("The API server's TLS port is switched off", "API 서버의 TLS 포트가 꺼져 있습니다"),
        words("What remains is the port without TLS.", "TLS 없는 포트만 남게 됩니다."),
        words("Remove `--secure-port=0`.", "`--secure-port=0`을 지웁니다."),
        [checkov("CKV_K8S_89"), threat("E1"), threat("E10")],
        Setting::with_default("secure-port", "6443"), Rule::Not(&["0"]),
        pass ["flags: {}", "flags: {secure-port: 6443}"], fail ["flags: {secure-port: 0}"]
    ),
    setting_check!(
        "api-kubelet-https",
        High,
        "KubeApiserver",
        words(
            "The API server speaks to kubelets without TLS",
            "API 서버가 TLS 없이 kubelet과 통신합니다"
        ),
        words(
            "Commands of exec and contents of logs travel in clear.",
            "exec 명령과 로그 내용이 평문으로 오갑니다."
        ),
        words(
            "Remove `--kubelet-https=false` and upgrade.",
            "`--kubelet-https=false`를 지우고 업그레이드합니다."
        ),
        [checkov("CKV_K8S_71"), threat("E10"), threat("E9")],
        Setting::with_default("kubelet-https", "true"),
        Rule::True,
        pass["flags: {}"],
        fail["flags: {kubelet-https: 'false'}"]
    ),
    node_check!(
        "api-authorization-always", Critical, "KubeApiserver",
        words("The API server allows everything to everybody", "API 서버가 모두에게 모든 것을 허용합니다"),
        words("AlwaysAllow among the modes, or no mode at all, ends authorisation for all requests.", "모드에 AlwaysAllow가 있거나 모드가 없으면 모든 요청의 인가가 사라집니다."),
        words("Set `--authorization-mode=Node,RBAC`.", "`--authorization-mode=Node,RBAC`로 설정합니다."),
        [cis("1.2.6"), bench("1.2.6"), checkov("CKV_K8S_74"), threat("E1")],
        |object| modes(object, |modes| !modes.contains(&"AlwaysAllow")),
        pass ["flags: {authorization-mode: 'Node,RBAC'}", "authorization: {authorizers: [{type: Node}, {type: RBAC}]}"],
        fail ["flags: {}", "flags: {authorization-mode: AlwaysAllow}"]
    ),
    node_check!(
        "api-authorization-node",
        Medium,
        "KubeApiserver",
        words("Node is not among the authorisation modes", "인가 모드에 Node가 없습니다"),
        words(
            "A kubelet then reads by broad roles what its own node does not need.",
            "kubelet이 자기 노드에 필요 없는 것까지 넓은 역할로 읽게 됩니다."
        ),
        words(
            "Set `--authorization-mode=Node,RBAC`.",
            "`--authorization-mode=Node,RBAC`로 설정합니다."
        ),
        [cis("1.2.7"), bench("1.2.7"), checkov("CKV_K8S_75"), threat("E5")],
        |object| modes(object, |modes| modes.contains(&"Node")),
        pass["flags: {authorization-mode: 'Node,RBAC'}"],
        fail["flags: {authorization-mode: RBAC}"]
    ),
    node_check!(
        "api-authorization-rbac",
        High,
        "KubeApiserver",
        words("RBAC is not among the authorisation modes", "인가 모드에 RBAC가 없습니다"),
        words(
            "Roles then mean nothing, and others decide who may do what.",
            "역할이 아무 의미가 없어지고 다른 것이 권한을 정하게 됩니다."
        ),
        words(
            "Set `--authorization-mode=Node,RBAC`.",
            "`--authorization-mode=Node,RBAC`로 설정합니다."
        ),
        [cis("1.2.8"), bench("1.2.8"), checkov("CKV_K8S_77"), threat("E1"), threat("E7")],
        |object| modes(object, |modes| modes.contains(&"RBAC")),
        pass["authorization: {authorizers: [{type: Node}, {type: RBAC}]}"],
        fail["flags: {authorization-mode: Node}"]
    ),
    setting_check!(
        "api-profiling",
        Low,
        "KubeApiserver",
        words("The API server serves its profiler", "API 서버가 프로파일러를 제공합니다"),
        words(
            "It shows the program's inside and costs time to whoever may ask.",
            "프로그램 내부가 드러나고 요청만으로 자원을 소모시킬 수 있습니다."
        ),
        words("Set `--profiling=false`.", "`--profiling=false`로 설정합니다."),
        [cis("1.2.15"), bench("1.2.15"), checkov("CKV_K8S_90"), threat("E1")],
        Setting::with_default("profiling", "true"),
        Rule::False,
        pass["flags: {profiling: 'false'}"],
        fail["flags: {}"]
    ),
    node_check!(
        "api-request-timeout", Low, "KubeApiserver",
        words("The API server lets a request last longer than five minutes", "API 서버가 5분보다 긴 요청을 허용합니다"),
        words("Slow requests then hold its places, and a few clients can keep it busy.", "느린 요청이 자리를 차지해 적은 수의 클라이언트로도 서버를 바쁘게 만들 수 있습니다."),
        words("Remove `--request-timeout`, or set at most `300s`; the default is 60 s.", "`--request-timeout`을 지우거나 `300s` 이하로 설정합니다. 기본값은 60초입니다."),
        [cis("1.2.20"), bench("1.2.20"), checkov("CKV_K8S_95"), threat("E1")],
        request_timeout,
        pass ["flags: {}", "flags: {request-timeout: 1m30s}"], fail ["flags: {request-timeout: 1h}"]
    ),
    node_check!(
        "api-tls-certificate", Medium, "KubeApiserver",
        words("The API server serves a certificate that it made itself", "API 서버가 스스로 만든 인증서를 제공합니다"),
        words("Nobody can tell it from another server's; clients learn to look away.", "다른 서버의 것과 구별할 수 없어 클라이언트가 검증을 생략하게 됩니다."),
        words("Set `--tls-cert-file` and `--tls-private-key-file`.", "`--tls-cert-file`과 `--tls-private-key-file`을 설정합니다."),
        [cis("1.2.24"), bench("1.2.24"), checkov("CKV_K8S_100"), threat("E1"), threat("E10")],
        |object| all_set(object, &[Setting::flag("tls-cert-file"), Setting::flag("tls-private-key-file")]),
        pass ["flags: {tls-cert-file: /pki/a.crt, tls-private-key-file: /pki/a.key}"], fail ["flags: {}", "flags: {tls-cert-file: /pki/a.crt}"]
    ),
    setting_check!(
        "api-client-ca",
        Medium,
        "KubeApiserver",
        words(
            "The API server takes no client certificates",
            "API 서버가 클라이언트 인증서를 받지 않습니다"
        ),
        words(
            "Kubelets and controllers must then prove themselves by weaker means.",
            "kubelet과 컨트롤러가 더 약한 방법으로 자신을 증명해야 합니다."
        ),
        words("Set `--client-ca-file`.", "`--client-ca-file`을 설정합니다."),
        [cis("1.2.25"), bench("1.2.25"), threat("E1")],
        Setting::flag("client-ca-file"),
        Rule::Set,
        pass["flags: {client-ca-file: /pki/ca.crt}"],
        fail["flags: {}"]
    ),
    node_check!(
        "api-tls-ciphers", Low, "KubeApiserver",
        words("The API server agrees to weak cipher suites", "API 서버가 약한 암호 스위트를 허용합니다"),
        words("Without a list it also takes suites of TLS 1.2 in CBC mode.", "목록이 없으면 TLS 1.2의 CBC 방식 스위트도 받아들입니다."),
        words("Set `--tls-cipher-suites` to suites with ECDHE and GCM or ChaCha20, or `--tls-min-version=VersionTLS13`.", "`--tls-cipher-suites`에 ECDHE와 GCM 또는 ChaCha20 스위트만 적거나 `--tls-min-version=VersionTLS13`으로 설정합니다."),
        [cis("1.2.29"), bench("1.2.29"), checkov("CKV_K8S_105"), threat("E10")],
        |object| ciphers(object, Setting::flag("tls-cipher-suites"), Setting::flag("tls-min-version")),
        pass ["flags: {tls-cipher-suites: 'TLS_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256'}", "flags: {tls-min-version: VersionTLS13}"],
        fail ["flags: {}", "flags: {tls-cipher-suites: TLS_RSA_WITH_AES_128_CBC_SHA}"]
    ),
    node_check!(
        "api-kubelet-certificate",
        Medium,
        "KubeApiserver",
        words(
            "The API server does not prove itself to kubelets",
            "API 서버가 kubelet에 자신을 증명하지 않습니다"
        ),
        words(
            "Kubelets must then let everybody in, or exec and logs do not work.",
            "kubelet이 모두를 받아들이거나 exec와 로그가 동작하지 않습니다."
        ),
        words(
            "Set `--kubelet-client-certificate` and `--kubelet-client-key`.",
            "`--kubelet-client-certificate`와 `--kubelet-client-key`를 설정합니다."
        ),
        [cis("1.2.4"), bench("1.2.4"), checkov("CKV_K8S_72"), threat("E10")],
        |object| all_set(
            object,
            &[Setting::flag("kubelet-client-certificate"), Setting::flag("kubelet-client-key")]
        ),
        pass["flags: {kubelet-client-certificate: /pki/k.crt, kubelet-client-key: /pki/k.key}"],
        fail["flags: {}"]
    ),
    setting_check!(
        "api-kubelet-ca",
        Medium,
        "KubeApiserver",
        words(
            "The API server does not check who the kubelet is",
            "API 서버가 kubelet이 누구인지 확인하지 않습니다"
        ),
        words(
            "Whoever sits between them reads and changes what exec, logs and port-forward carry.",
            "중간에 있는 누구나 exec, 로그, 포트 포워딩의 내용을 읽고 바꿀 수 있습니다."
        ),
        words(
            "Set `--kubelet-certificate-authority`.",
            "`--kubelet-certificate-authority`를 설정합니다."
        ),
        [cis("1.2.5"), bench("1.2.5"), checkov("CKV_K8S_73"), threat("E10")],
        Setting::flag("kubelet-certificate-authority"),
        Rule::Set,
        pass["flags: {kubelet-certificate-authority: /pki/ca.crt}"],
        fail["flags: {}"]
    ),
    setting_check!(
        "api-bootstrap-tokens",
        Info,
        "KubeApiserver",
        words("The API server takes bootstrap tokens", "API 서버가 부트스트랩 토큰을 받습니다"),
        words(
            "They are made for joining nodes; a person who uses one is nobody's name in the audit log.",
            "노드 참여용 토큰이므로 사람이 쓰면 감사 로그에 누구인지 남지 않습니다."
        ),
        words(
            "Remove `--enable-bootstrap-token-auth` when no node is about to join.",
            "참여할 노드가 없으면 `--enable-bootstrap-token-auth`를 지웁니다."
        ),
        [cis("3.1.3"), bench("3.1.3"), threat("E1")],
        Setting::with_default("enable-bootstrap-token-auth", "false"),
        Rule::False,
        pass["flags: {}"],
        fail["flags: {enable-bootstrap-token-auth: 'true'}"]
    ),
    setting_check!(
        "api-alpha-features",
        Low,
        "KubeApiserver",
        words(
            "The API server runs with all alpha features",
            "API 서버가 모든 알파 기능을 켜고 실행됩니다"
        ),
        words(
            "They are not reviewed for safety and may go without warning.",
            "보안 검토를 거치지 않았고 예고 없이 사라질 수 있습니다."
        ),
        words(
            "Name the features you need under `--feature-gates`.",
            "`--feature-gates`에 필요한 기능만 지정합니다."
        ),
        [threat("E1"), threat("E9")],
        Setting::flag("feature-gates"),
        Rule::Lacks("AllAlpha=true"),
        pass["flags: {}"],
        fail["flags: {feature-gates: 'A=true,AllAlpha=true'}"]
    ),
];

fn anonymous(object: &Object) -> Outcome<'_> {
    let conditions = place(object, &["authentication", "anonymous", "conditions"]);
    let paths = conditions.node().map_or(&[][..], Node::items);
    let is_health = |condition: &Node| {
        let path = condition.get("path").and_then(Node::text);
        matches!(path, Some("/healthz" | "/livez" | "/readyz"))
    };
    if !paths.is_empty()
        && paths.iter().all(is_health)
        && !place(object, &["flags", "anonymous-auth"]).is_set()
    {
        return Outcome::Pass;
    }
    Setting::with_default("anonymous-auth", "true")
        .or_at(&["authentication", "anonymous", "enabled"])
        .judge(object, &Rule::False)
}

/// The authorisation modes must be so; they stand in a flag or in a file of their own.
fn modes<'a>(object: &'a Object, right: impl Fn(&[&str]) -> bool) -> Outcome<'a> {
    let authorizers = place(object, &["authorization", "authorizers"]);
    if let Some(node) = authorizers.node() {
        let types: Vec<&str> = node
            .items()
            .iter()
            .filter_map(|authorizer| authorizer.get("type").and_then(Node::text))
            .collect();
        return Outcome::fail_if(!right(&types), authorizers);
    }
    match MODES.find(object) {
        Found::NotRunning => Outcome::NotApplicable(NOT_RUNNING),
        Found::Unknown(_) => Outcome::Unknown(UNREAD),
        Found::Set(modes, place) => Outcome::fail_if(!right(&modes), place),
        Found::Default(default, place) => {
            Outcome::fail_if(!right(&default.into_iter().collect::<Vec<_>>()), place)
        }
    }
}

/// A list of strong suites, or a version in which all are.
pub(super) fn ciphers<'a>(object: &'a Object, suites: Setting, version: Setting) -> Outcome<'a> {
    if matches!(version.judge(object, &Rule::Is(&["VersionTLS13"])), Outcome::Pass) {
        return Outcome::Pass;
    }
    suites.judge(object, &Rule::Within(STRONG))
}

fn request_timeout(object: &Object) -> Outcome<'_> {
    match Setting::with_default("request-timeout", "1m0s").find(object) {
        Found::NotRunning => Outcome::NotApplicable(NOT_RUNNING),
        Found::Unknown(reason) => Outcome::Unknown(reason),
        Found::Default(..) => Outcome::Pass,
        Found::Set(values, place) => {
            let seconds = values.first().and_then(|value| seconds(value));
            Outcome::fail_if(seconds.is_none_or(|seconds| seconds > 300.0), place)
        }
    }
}

/// A duration as Go writes it, as `1h2m3.5s`, in seconds.
pub(super) fn seconds(text: &str) -> Option<f64> {
    let mut rest = text;
    let mut sum = 0.0;
    if rest == "0" {
        return Some(0.0);
    }
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        let units = &rest[digits..];
        let end = units.find(|letter: char| letter.is_ascii_digit()).unwrap_or(units.len());
        sum += number
            * match &units[..end] {
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 1e-3,
                "us" | "µs" => 1e-6,
                "ns" => 1e-9,
                _ => return None,
            };
        rest = &units[end..];
    }
    (!text.is_empty()).then_some(sum)
}

/// The place of a program's flag.
pub(super) fn flag<'a>(object: &'a Object, name: &'static str) -> Place<'a> {
    place(object, &["flags", name])
}
