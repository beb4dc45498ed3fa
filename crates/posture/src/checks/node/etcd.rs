//! Checks on etcd: who may speak to it, and whether that can be overheard.
//! Its data folder is a file, which is `files`'.

use super::super::{bench, checkov, cis, threat};
use super::NOT_RUNNING;
use super::setting::{Found, Rule, Setting, all_set, written};
use crate::check::{Check, Example, Outcome, Severity, Test};
use crate::object::Object;
use crate::snapshot::{Snapshot, place};
use crate::words::{Words, words};

const SEPARATE: Words = words(
    "the API server does not run here, so that its certificate authority is not known",
    "이 노드에 API 서버가 없어 그 인증 기관을 알 수 없습니다",
);

pub(super) static CHECKS: &[Check] = &[
    node_check!(
        "etcd-certificate", High, "Etcd",
        words("etcd serves its clients without TLS", "etcd가 TLS 없이 클라이언트를 받습니다"),
        words("Every Secret passes in clear.", "모든 Secret이 평문으로 오갑니다."),
        words("Set `--cert-file` and `--key-file`.", "`--cert-file`과 `--key-file`을 설정합니다."),
        [cis("2.1"), bench("2.1"), checkov("CKV_K8S_116"), threat("E2"), threat("E10")],
        |object| all_set(object, &[
            Setting::flag("cert-file").or_at(&["config", "client-transport-security", "cert-file"]),
            Setting::flag("key-file").or_at(&["config", "client-transport-security", "key-file"]),
        ]),
        pass ["flags: {cert-file: /e.crt, key-file: /e.key}", "environment: {ETCD_CERT_FILE: /e.crt, ETCD_KEY_FILE: /e.key}",
            "config: {client-transport-security: {cert-file: /e.crt, key-file: /e.key}}"],
        fail ["flags: {}", "flags: {cert-file: /e.crt, key-file: /e.key}\nconfig: {name: a}"]
    ),
    setting_check!(
        "etcd-client-auth", Critical, "Etcd",
        words("etcd does not ask its clients who they are", "etcd가 클라이언트를 확인하지 않습니다"),
        words("Whoever reaches the port reads all Secrets and writes himself the rights of an administrator.", "포트에 닿는 누구나 모든 Secret을 읽고 스스로 관리자 권한을 적을 수 있습니다."),
        words("Set `--client-cert-auth=true` and `--trusted-ca-file`.", "`--client-cert-auth=true`와 `--trusted-ca-file`을 설정합니다."),
        [cis("2.2"), bench("2.2"), checkov("CKV_K8S_117"), threat("E2")],
        Setting::with_default("client-cert-auth", "false").or_at(&["config", "client-transport-security", "client-cert-auth"]), Rule::True,
        pass ["flags: {client-cert-auth: 'true'}", "environment: {ETCD_CLIENT_CERT_AUTH: 'true'}"], fail ["flags: {}", "flags: {client-cert-auth: 'false'}"]
    ),
    setting_check!(
        "etcd-auto-tls",
        High,
        "Etcd",
        words("etcd makes its own certificate", "etcd가 스스로 인증서를 만듭니다"),
        words(
            "No client can tell it from another server's.",
            "어떤 클라이언트도 다른 서버의 것과 구별할 수 없습니다."
        ),
        words(
            "Remove `--auto-tls` and set `--cert-file` and `--key-file`.",
            "`--auto-tls`를 지우고 `--cert-file`과 `--key-file`을 설정합니다."
        ),
        [cis("2.3"), bench("2.3"), checkov("CKV_K8S_118"), threat("E2")],
        Setting::with_default("auto-tls", "false").or_at(&[
            "config",
            "client-transport-security",
            "auto-tls"
        ]),
        Rule::False,
        pass["flags: {}"],
        fail["flags: {auto-tls: 'true'}"]
    ),
    node_check!(
        "etcd-peer-certificate", High, "Etcd",
        words("Members of etcd speak to each other without TLS", "etcd 멤버가 TLS 없이 서로 통신합니다"),
        words("All that is written passes between them in clear.", "기록되는 모든 것이 멤버 사이에서 평문으로 오갑니다."),
        words("Set `--peer-cert-file` and `--peer-key-file`.", "`--peer-cert-file`과 `--peer-key-file`을 설정합니다."),
        [cis("2.4"), bench("2.4"), checkov("CKV_K8S_119"), threat("E2"), threat("E10")],
        |object| all_set(object, &[
            Setting::flag("peer-cert-file").or_at(&["config", "peer-transport-security", "cert-file"]),
            Setting::flag("peer-key-file").or_at(&["config", "peer-transport-security", "key-file"]),
        ]),
        pass ["flags: {peer-cert-file: /p.crt, peer-key-file: /p.key}"], fail ["flags: {}", "flags: {peer-cert-file: /p.crt}"]
    ),
    setting_check!(
        "etcd-peer-auth",
        High,
        "Etcd",
        words(
            "etcd does not ask who joins it as a member",
            "etcd가 멤버로 참여하는 상대를 확인하지 않습니다"
        ),
        words(
            "Whoever reaches the port becomes a member and is given all data.",
            "포트에 닿는 누구나 멤버가 되어 모든 데이터를 받을 수 있습니다."
        ),
        words(
            "Set `--peer-client-cert-auth=true` and `--peer-trusted-ca-file`.",
            "`--peer-client-cert-auth=true`와 `--peer-trusted-ca-file`을 설정합니다."
        ),
        [cis("2.5"), bench("2.5"), checkov("CKV_K8S_121"), threat("E2")],
        Setting::with_default("peer-client-cert-auth", "false").or_at(&[
            "config",
            "peer-transport-security",
            "client-cert-auth"
        ]),
        Rule::True,
        pass["flags: {peer-client-cert-auth: 'true'}"],
        fail["flags: {}"]
    ),
    setting_check!(
        "etcd-peer-auto-tls",
        High,
        "Etcd",
        words(
            "Members of etcd make their own certificates",
            "etcd 멤버가 스스로 인증서를 만듭니다"
        ),
        words(
            "None can tell another member from a stranger.",
            "다른 멤버와 낯선 상대를 구별할 수 없습니다."
        ),
        words("Remove `--peer-auto-tls`.", "`--peer-auto-tls`를 지웁니다."),
        [cis("2.6"), bench("2.6"), threat("E2")],
        Setting::with_default("peer-auto-tls", "false").or_at(&[
            "config",
            "peer-transport-security",
            "auto-tls"
        ]),
        Rule::False,
        pass["flags: {}"],
        fail["flags: {peer-auto-tls: 'true'}"]
    ),
    Check {
        id: "etcd-own-ca",
        severity: Severity::Medium,
        title: words(
            "etcd trusts the certificates of the whole cluster",
            "etcd가 클러스터 전체의 인증서를 신뢰합니다",
        ),
        why: words(
            "A kubelet's or a person's certificate then opens etcd, past all authorisation.",
            "kubelet이나 사람의 인증서로 모든 인가를 비켜 etcd를 열 수 있습니다.",
        ),
        fix: words(
            "Give etcd a certificate authority of its own by `--trusted-ca-file`.",
            "`--trusted-ca-file`에 etcd 전용 인증 기관을 지정합니다.",
        ),
        mappings: &[cis("2.7"), bench("2.7"), threat("E2")],
        test: Test::Among(&["Etcd"], own_ca),
        remedy: None,
        passes: &[Example::Manifest(
            "apiVersion: node.sallyport/v1\nkind: Etcd\nmetadata: {name: n}\nprocess: {pid: 1}\nflags: {trusted-ca-file: /pki/etcd/ca.crt}\n---\napiVersion: node.sallyport/v1\nkind: KubeApiserver\nmetadata: {name: n}\nprocess: {pid: 2}\nflags: {client-ca-file: /pki/ca.crt}\n",
        )],
        fails: &[
            Example::Manifest(
                "apiVersion: node.sallyport/v1\nkind: Etcd\nmetadata: {name: n}\nprocess: {pid: 1}\nflags: {trusted-ca-file: /pki/ca.crt}\n---\napiVersion: node.sallyport/v1\nkind: KubeApiserver\nmetadata: {name: n}\nprocess: {pid: 2}\nflags: {client-ca-file: /pki/ca.crt}\n",
            ),
            facts!("Etcd", "flags: {}"),
        ],
    },
    node_check!(
        "etcd-listens-in-clear",
        Critical,
        "Etcd",
        words(
            "etcd listens without TLS beyond its own node",
            "etcd가 노드 밖에서 TLS 없이 포트를 엽니다"
        ),
        words(
            "Whoever reaches the node's network reads and writes the whole cluster.",
            "노드의 네트워크에 닿는 누구나 클러스터 전체를 읽고 쓸 수 있습니다."
        ),
        words(
            "Write `https://` in `--listen-client-urls`, or listen on 127.0.0.1 alone.",
            "`--listen-client-urls`에 `https://`를 쓰거나 127.0.0.1에서만 엽니다."
        ),
        [threat("E2"), threat("E10")],
        |object| in_clear(
            object,
            Setting::with_default("listen-client-urls", "http://localhost:2379")
                .or_at(&["config", "listen-client-urls"])
        ),
        pass["flags: {listen-client-urls: 'http://127.0.0.1:2379,https://10.0.0.1:2379'}"],
        fail["flags: {listen-client-urls: 'https://10.0.0.1:2379,http://10.0.0.1:2381'}"]
    ),
    node_check!(
        "etcd-peers-in-clear",
        High,
        "Etcd",
        words(
            "etcd takes members without TLS beyond its own node",
            "etcd가 노드 밖의 멤버를 TLS 없이 받습니다"
        ),
        words(
            "Whoever reaches the port is given all data.",
            "포트에 닿는 누구나 모든 데이터를 받을 수 있습니다."
        ),
        words(
            "Write `https://` in `--listen-peer-urls`, or listen on 127.0.0.1 alone.",
            "`--listen-peer-urls`에 `https://`를 쓰거나 127.0.0.1에서만 엽니다."
        ),
        [threat("E2"), threat("E10")],
        |object| in_clear(
            object,
            Setting::with_default("listen-peer-urls", "http://localhost:2380")
                .or_at(&["config", "listen-peer-urls"])
        ),
        pass["flags: {}"],
        fail["flags: {listen-peer-urls: 'http://0.0.0.0:2380'}"]
    ),
    Check {
        id: "etcd-runs-as-root",
        severity: Severity::Low,
        title: words("etcd runs as root", "etcd가 root로 실행됩니다"),
        why: words(
            "Its data folder is then root's, and a fault in etcd is a fault of the node.",
            "데이터 폴더도 root의 것이 되고 etcd의 결함이 곧 노드의 결함이 됩니다.",
        ),
        fix: words(
            "Run it as a user of its own, to whom the data folder belongs.",
            "전용 사용자로 실행하고 데이터 폴더를 그 사용자의 것으로 합니다.",
        ),
        mappings: &[cis("1.1.12"), bench("1.1.12"), threat("E5")],
        test: Test::Object(&["Etcd"], runs_as_root),
        remedy: None,
        passes: &[facts!("Etcd", "flags: {}")],
        fails: &[Example::Manifest(
            "apiVersion: node.sallyport/v1\nkind: Etcd\nmetadata: {name: n}\nprocess: {pid: 1, user: root}\n",
        )],
    },
];

fn own_ca<'a>(snapshot: &Snapshot<'a>, object: &'a Object) -> Outcome<'a> {
    const TRUSTED: Setting = Setting::flag("trusted-ca-file").or_at(&[
        "config",
        "client-transport-security",
        "trusted-ca-file",
    ]);
    let (values, own) = match TRUSTED.find(object) {
        Found::NotRunning => return Outcome::NotApplicable(NOT_RUNNING),
        Found::Unknown(reason) => return Outcome::Unknown(reason),
        Found::Default(_, place) => return Outcome::Fail(vec![place]),
        Found::Set(values, place) => (values, place),
    };
    let servers = snapshot
        .objects
        .iter()
        .filter(|other| other.kind == "KubeApiserver" && place(other, &["process"]).is_set())
        .filter(|other| !place(other, &["unread", "flags"]).is_set());
    let mut authorities = servers
        .filter_map(|server| place(server, &["flags", "client-ca-file"]).node().and_then(written));
    match authorities.next() {
        None => Outcome::Unknown(SEPARATE),
        Some(first) => {
            let same = values.first() == Some(&first)
                || authorities.any(|other| values.first() == Some(&other));
            Outcome::fail_if(same, own)
        }
    }
}

fn in_clear<'a>(object: &'a Object, setting: Setting) -> Outcome<'a> {
    match setting.find(object) {
        Found::NotRunning => Outcome::NotApplicable(NOT_RUNNING),
        Found::Unknown(reason) => Outcome::Unknown(reason),
        Found::Default(..) => Outcome::Pass,
        Found::Set(urls, place) => {
            let local = |host: &str| {
                ["127.", "localhost", "[::1]"].iter().any(|local| host.starts_with(local))
            };
            let wrong = |url: &&str| url.strip_prefix("http://").is_some_and(|host| !local(host));
            Outcome::fail_if(urls.iter().any(wrong), place)
        }
    }
}

fn runs_as_root(object: &Object) -> Outcome<'_> {
    let user = place(object, &["process", "user"]);
    match user.node().and_then(written) {
        None => Outcome::NotApplicable(NOT_RUNNING),
        Some(name) => Outcome::fail_if(name == "root", user),
    }
}
