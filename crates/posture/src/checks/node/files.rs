//! Checks on the files of a node: whose they are, and who else reads and writes them.
//! Which files there are is told by the programs that use them, and by no table of usual places.

use super::super::{bench, cis, threat};
use super::NOT_RUNNING;
use super::setting::written;
use crate::check::{Check, Example, Outcome, Severity, Test};
use crate::node::Node;
use crate::object::Object;
use crate::place::Place;
use crate::snapshot::place;
use crate::words::{Words, words};

const NO_FILE: Words = words(
    "there is no such file: the program was not started by one, or does not use one",
    "해당 파일이 없습니다. 프로그램이 그런 파일로 시작되지 않았거나 쓰지 않습니다",
);
const FILE_UNSEEN: Words = words(
    "the file could not be looked at; scan as root on the node itself",
    "파일을 살펴볼 수 없었습니다. 노드에서 root로 스캔합니다",
);
const NOT_FOUND: Words = words(
    "it is at none of the usual places, and no program names it",
    "일반적인 위치에 없고 이를 지정하는 프로그램도 없습니다",
);
const OTHERS_READ: Words = words(
    "Whoever else is on the node reads keys and settings there, or writes what runs next.",
    "노드의 다른 사용자가 키와 설정을 읽거나 다음에 실행될 것을 바꿀 수 있습니다.",
);
const OTHERS_OWN: Words = words(
    "Its owner can change it at any time, whatever its mode says.",
    "소유자는 권한 설정과 관계없이 언제든 파일을 바꿀 수 있습니다.",
);
const CLOSE_CERTIFICATE: Words = words(
    "`chmod 644` the file that the finding names.",
    "발견에 나온 파일에 `chmod 644`를 실행합니다.",
);
const CLOSE: Words = words(
    "`chmod 600` the file that the finding names.",
    "발견에 나온 파일에 `chmod 600`을 실행합니다.",
);
const TO_ROOT: Words = words(
    "`chown root:root` the file that the finding names.",
    "발견에 나온 파일에 `chown root:root`를 실행합니다.",
);

/// Facts about one file.
macro_rules! file_facts {
    ($kind:literal, $use:literal, $mode:literal, $owner:literal) => {
        Example::Manifest(concat!(
            "apiVersion: node.sallyport/v1\nkind: ",
            $kind,
            "\nmetadata: {name: node1}\nprocess: {pid: 1, user: etcd}\nfiles: {/f: {use: [",
            $use,
            "], mode: '",
            $mode,
            "', owner: ",
            $owner,
            ", group: ",
            $owner,
            "}}\n"
        ))
    };
}

/// A check on the mode of files of some use: no bit beside the allowed ones.
macro_rules! mode_check {
    ($id:literal, $severity:ident, $kind:literal, $use:literal, [$($mapping:expr),+], $allowed:literal,
     $right:literal, $wrong:literal, $fix:expr, $title:expr) => {
        Check {
            id: $id,
            severity: Severity::$severity,
            title: $title,
            why: OTHERS_READ,
            fix: $fix,
            mappings: &[$($mapping),+],
            test: Test::Object(&[$kind], |object| modes(object, $use, $allowed)),
            remedy: None,
            passes: &[file_facts!($kind, $use, $right, "root")],
            fails: &[file_facts!($kind, $use, $wrong, "root")],
        }
    };
}

/// A check on the owner of files of some use: root.
macro_rules! owner_check {
    ($id:literal, $kind:literal, $use:literal, [$($mapping:expr),+], $title:expr) => {
        Check {
            id: $id,
            severity: Severity::Medium,
            title: $title,
            why: OTHERS_OWN,
            fix: TO_ROOT,
            mappings: &[$($mapping),+],
            test: Test::Object(&[$kind], |object| owners(object, $use)),
            remedy: None,
            passes: &[file_facts!($kind, $use, "0600", "root")],
            fails: &[file_facts!($kind, $use, "0600", "alice")],
        }
    };
}

pub(super) static CHECKS: &[Check] = &[
    mode_check!(
        "api-manifest-mode",
        Medium,
        "KubeApiserver",
        "pod-spec",
        [cis("1.1.1"), bench("1.1.1"), threat("E5")],
        0o600,
        "0600",
        "0644",
        CLOSE,
        words(
            "The manifest of the API server is open to others than its owner",
            "API 서버 매니페스트를 소유자가 아닌 사용자도 열 수 있습니다"
        )
    ),
    owner_check!(
        "api-manifest-owner",
        "KubeApiserver",
        "pod-spec",
        [cis("1.1.2"), bench("1.1.2"), threat("E5")],
        words(
            "The manifest of the API server is not root's",
            "API 서버 매니페스트의 소유자가 root가 아닙니다"
        )
    ),
    mode_check!(
        "controller-manifest-mode",
        Medium,
        "KubeControllerManager",
        "pod-spec",
        [cis("1.1.3"), bench("1.1.3"), threat("E5")],
        0o600,
        "0600",
        "0644",
        CLOSE,
        words(
            "The manifest of the controller manager is open to others than its owner",
            "컨트롤러 매니저 매니페스트를 소유자가 아닌 사용자도 열 수 있습니다"
        )
    ),
    owner_check!(
        "controller-manifest-owner",
        "KubeControllerManager",
        "pod-spec",
        [cis("1.1.4"), bench("1.1.4"), threat("E5")],
        words(
            "The manifest of the controller manager is not root's",
            "컨트롤러 매니저 매니페스트의 소유자가 root가 아닙니다"
        )
    ),
    mode_check!(
        "scheduler-manifest-mode",
        Medium,
        "KubeScheduler",
        "pod-spec",
        [cis("1.1.5"), bench("1.1.5"), threat("E5")],
        0o600,
        "0600",
        "0644",
        CLOSE,
        words(
            "The manifest of the scheduler is open to others than its owner",
            "스케줄러 매니페스트를 소유자가 아닌 사용자도 열 수 있습니다"
        )
    ),
    owner_check!(
        "scheduler-manifest-owner",
        "KubeScheduler",
        "pod-spec",
        [cis("1.1.6"), bench("1.1.6"), threat("E5")],
        words(
            "The manifest of the scheduler is not root's",
            "스케줄러 매니페스트의 소유자가 root가 아닙니다"
        )
    ),
    mode_check!(
        "etcd-manifest-mode",
        Medium,
        "Etcd",
        "pod-spec",
        [cis("1.1.7"), bench("1.1.7"), threat("E5")],
        0o600,
        "0600",
        "0644",
        CLOSE,
        words(
            "The manifest of etcd is open to others than its owner",
            "etcd 매니페스트를 소유자가 아닌 사용자도 열 수 있습니다"
        )
    ),
    owner_check!(
        "etcd-manifest-owner",
        "Etcd",
        "pod-spec",
        [cis("1.1.8"), bench("1.1.8"), threat("E5")],
        words("The manifest of etcd is not root's", "etcd 매니페스트의 소유자가 root가 아닙니다")
    ),
    mode_check!(
        "cni-configuration-mode",
        Medium,
        "NodeHost",
        "cni",
        [cis("1.1.9"), bench("1.1.9"), threat("E5")],
        0o600,
        "0600",
        "0644",
        CLOSE,
        words(
            "The configuration of the Pods' network is open to others than its owner",
            "Pod 네트워크 설정을 소유자가 아닌 사용자도 열 수 있습니다"
        )
    ),
    owner_check!(
        "cni-configuration-owner",
        "NodeHost",
        "cni",
        [cis("1.1.10"), bench("1.1.10"), threat("E5")],
        words(
            "The configuration of the Pods' network is not root's",
            "Pod 네트워크 설정의 소유자가 root가 아닙니다"
        )
    ),
    mode_check!(
        "admin-kubeconfig-mode",
        High,
        "NodeHost",
        "admin",
        [cis("1.1.13"), bench("1.1.13"), threat("E5")],
        0o600,
        "0600",
        "0644",
        CLOSE,
        words(
            "The administrator's kubeconfig is open to others than its owner",
            "관리자 kubeconfig를 소유자가 아닌 사용자도 열 수 있습니다"
        )
    ),
    owner_check!(
        "admin-kubeconfig-owner",
        "NodeHost",
        "admin",
        [cis("1.1.14"), bench("1.1.14"), threat("E5")],
        words(
            "The administrator's kubeconfig is not root's",
            "관리자 kubeconfig의 소유자가 root가 아닙니다"
        )
    ),
    mode_check!(
        "scheduler-kubeconfig-mode",
        Medium,
        "KubeScheduler",
        "kubeconfig",
        [cis("1.1.15"), bench("1.1.15"), threat("E5")],
        0o600,
        "0600",
        "0644",
        CLOSE,
        words(
            "The scheduler's kubeconfig is open to others than its owner",
            "스케줄러 kubeconfig를 소유자가 아닌 사용자도 열 수 있습니다"
        )
    ),
    owner_check!(
        "scheduler-kubeconfig-owner",
        "KubeScheduler",
        "kubeconfig",
        [cis("1.1.16"), bench("1.1.16"), threat("E5")],
        words(
            "The scheduler's kubeconfig is not root's",
            "스케줄러 kubeconfig의 소유자가 root가 아닙니다"
        )
    ),
    mode_check!(
        "controller-kubeconfig-mode",
        Medium,
        "KubeControllerManager",
        "kubeconfig",
        [cis("1.1.17"), bench("1.1.17"), threat("E5")],
        0o600,
        "0600",
        "0644",
        CLOSE,
        words(
            "The controller manager's kubeconfig is open to others than its owner",
            "컨트롤러 매니저 kubeconfig를 소유자가 아닌 사용자도 열 수 있습니다"
        )
    ),
    owner_check!(
        "controller-kubeconfig-owner",
        "KubeControllerManager",
        "kubeconfig",
        [cis("1.1.18"), bench("1.1.18"), threat("E5")],
        words(
            "The controller manager's kubeconfig is not root's",
            "컨트롤러 매니저 kubeconfig의 소유자가 root가 아닙니다"
        )
    ),
    mode_check!(
        "kubelet-service-mode",
        Medium,
        "Kubelet",
        "service",
        [cis("4.1.1"), bench("4.1.1"), threat("E5")],
        0o600,
        "0600",
        "0644",
        CLOSE,
        words(
            "The kubelet's systemd unit is open to others than its owner",
            "kubelet의 systemd 유닛을 소유자가 아닌 사용자도 열 수 있습니다"
        )
    ),
    owner_check!(
        "kubelet-service-owner",
        "Kubelet",
        "service",
        [cis("4.1.2"), bench("4.1.2"), threat("E5")],
        words(
            "The kubelet's systemd unit is not root's",
            "kubelet의 systemd 유닛의 소유자가 root가 아닙니다"
        )
    ),
    mode_check!(
        "proxy-kubeconfig-mode",
        Medium,
        "KubeProxy",
        "kubeconfig",
        [cis("4.1.3"), bench("4.1.3"), threat("E5")],
        0o600,
        "0600",
        "0644",
        CLOSE,
        words(
            "kube-proxy's kubeconfig is open to others than its owner",
            "kube-proxy kubeconfig를 소유자가 아닌 사용자도 열 수 있습니다"
        )
    ),
    owner_check!(
        "proxy-kubeconfig-owner",
        "KubeProxy",
        "kubeconfig",
        [cis("4.1.4"), bench("4.1.4"), threat("E5")],
        words(
            "kube-proxy's kubeconfig is not root's",
            "kube-proxy kubeconfig의 소유자가 root가 아닙니다"
        )
    ),
    mode_check!(
        "kubelet-kubeconfig-mode",
        Medium,
        "Kubelet",
        "kubeconfig",
        [cis("4.1.5"), bench("4.1.5"), threat("E5")],
        0o600,
        "0600",
        "0644",
        CLOSE,
        words(
            "The kubelet's kubeconfig is open to others than its owner",
            "kubelet kubeconfig를 소유자가 아닌 사용자도 열 수 있습니다"
        )
    ),
    owner_check!(
        "kubelet-kubeconfig-owner",
        "Kubelet",
        "kubeconfig",
        [cis("4.1.6"), bench("4.1.6"), threat("E5")],
        words(
            "The kubelet's kubeconfig is not root's",
            "kubelet kubeconfig의 소유자가 root가 아닙니다"
        )
    ),
    mode_check!(
        "kubelet-client-ca-file-mode",
        Medium,
        "Kubelet",
        "client-ca",
        [cis("4.1.7"), bench("4.1.7"), threat("E5")],
        0o644,
        "0644",
        "0666",
        CLOSE_CERTIFICATE,
        words(
            "The certificate authority that the kubelet trusts is open to others than its owner",
            "kubelet이 신뢰하는 인증 기관 파일을 소유자가 아닌 사용자도 열 수 있습니다"
        )
    ),
    owner_check!(
        "kubelet-client-ca-file-owner",
        "Kubelet",
        "client-ca",
        [cis("4.1.8"), bench("4.1.8"), threat("E5")],
        words(
            "The certificate authority that the kubelet trusts is not root's",
            "kubelet이 신뢰하는 인증 기관 파일의 소유자가 root가 아닙니다"
        )
    ),
    mode_check!(
        "kubelet-configuration-mode",
        Medium,
        "Kubelet",
        "config",
        [cis("4.1.9"), bench("4.1.9"), threat("E5")],
        0o600,
        "0600",
        "0644",
        CLOSE,
        words(
            "The kubelet's configuration is open to others than its owner",
            "kubelet 설정 파일을 소유자가 아닌 사용자도 열 수 있습니다"
        )
    ),
    owner_check!(
        "kubelet-configuration-owner",
        "Kubelet",
        "config",
        [cis("4.1.10"), bench("4.1.10"), threat("E5")],
        words(
            "The kubelet's configuration is not root's",
            "kubelet 설정 파일의 소유자가 root가 아닙니다"
        )
    ),
    mode_check!(
        "etcd-data-mode",
        High,
        "Etcd",
        "data",
        [cis("1.1.11"), bench("1.1.11"), threat("E2")],
        0o700,
        "0700",
        "0755",
        words(
            "`chmod 700` the folder that the finding names.",
            "발견에 나온 폴더에 `chmod 700`을 실행합니다."
        ),
        words(
            "etcd's data folder is open to others than its owner",
            "etcd 데이터 폴더를 소유자가 아닌 사용자도 열 수 있습니다"
        )
    ),
    Check {
        id: "etcd-data-owner",
        severity: Severity::Medium,
        title: words(
            "etcd's data folder is not its own",
            "etcd 데이터 폴더가 etcd의 것이 아닙니다",
        ),
        why: OTHERS_OWN,
        fix: words(
            "`chown` the folder to the user as whom etcd runs.",
            "etcd를 실행하는 사용자로 폴더를 `chown` 합니다.",
        ),
        mappings: &[cis("1.1.12"), bench("1.1.12"), threat("E2")],
        test: Test::Object(&["Etcd"], data_owner),
        remedy: None,
        passes: &[file_facts!("Etcd", "data", "0700", "etcd")],
        fails: &[file_facts!("Etcd", "data", "0700", "alice")],
    },
    mode_check!(
        "encryption-configuration-mode",
        High,
        "KubeApiserver",
        "encryption",
        [cis("1.2.27"), threat("E2")],
        0o600,
        "0600",
        "0644",
        CLOSE,
        words(
            "The configuration with the keys that encrypt Secrets is open to others than its owner",
            "Secret 암호화 키가 든 설정을 소유자가 아닌 사용자도 열 수 있습니다"
        )
    ),
    mode_check!(
        "token-file-mode",
        High,
        "KubeApiserver",
        "tokens",
        [cis("1.2.2"), threat("E7")],
        0o600,
        "0600",
        "0644",
        CLOSE,
        words(
            "The file of tokens is open to others than its owner",
            "토큰 파일을 소유자가 아닌 사용자도 열 수 있습니다"
        )
    ),
    mode_check!(
        "audit-log-mode",
        Medium,
        "KubeApiserver",
        "audit-log",
        [cis("1.2.16"), threat("E8")],
        0o600,
        "0600",
        "0644",
        CLOSE,
        words(
            "The audit log is open to others than its owner",
            "감사 로그를 소유자가 아닌 사용자도 열 수 있습니다"
        )
    ),
    Check {
        id: "pki-owner",
        severity: Severity::Medium,
        title: words(
            "A certificate or key is not root's",
            "인증서나 키의 소유자가 root가 아닙니다",
        ),
        why: OTHERS_OWN,
        fix: TO_ROOT,
        mappings: &[cis("1.1.19"), bench("1.1.19"), threat("E5")],
        test: Test::Object(PROGRAMS, pki_owner),
        remedy: None,
        passes: &[file_facts!("KubeApiserver", "key", "0600", "root")],
        fails: &[file_facts!("KubeApiserver", "certificate", "0600", "alice")],
    },
    Check {
        id: "pki-certificate-mode",
        severity: Severity::Low,
        title: words("Others may write a certificate", "다른 사용자가 인증서를 쓸 수 있습니다"),
        why: words(
            "Whoever puts his own authority there is believed everywhere.",
            "그곳에 자기 인증 기관을 넣으면 어디서나 신뢰를 받게 됩니다.",
        ),
        fix: CLOSE_CERTIFICATE,
        mappings: &[cis("1.1.20"), bench("1.1.20"), threat("E5")],
        test: Test::Object(PROGRAMS, |object| modes(object, "certificate", 0o644)),
        remedy: None,
        passes: &[file_facts!("KubeApiserver", "certificate", "0644", "root")],
        fails: &[file_facts!("KubeApiserver", "certificate", "0664", "root")],
    },
    Check {
        id: "pki-key-mode",
        severity: Severity::High,
        title: words(
            "A private key is open to others than its owner",
            "개인 키를 소유자가 아닌 사용자도 열 수 있습니다",
        ),
        why: words(
            "Who reads it is the program whose key it is.",
            "키를 읽으면 그 키의 주인인 프로그램으로 행세할 수 있습니다.",
        ),
        fix: CLOSE,
        mappings: &[cis("1.1.21"), bench("1.1.21"), threat("E5")],
        test: Test::Object(PROGRAMS, |object| modes(object, "key", 0o600)),
        remedy: None,
        passes: &[file_facts!("Etcd", "key", "0600", "root")],
        fails: &[file_facts!("Etcd", "key", "0640", "root")],
    },
];

/// Programs that have certificates and keys.
const PROGRAMS: &[&str] =
    &["KubeApiserver", "KubeControllerManager", "KubeScheduler", "Etcd", "Kubelet"];

/// What a file is judged by.
type Judge<'j, 'a> = &'j dyn Fn(&'a Node) -> Option<Place<'a>>;

/// Judges the files of some use.
fn files<'a>(object: &'a Object, uses: &[&str], wrong: Judge<'_, 'a>) -> Outcome<'a> {
    if object.kind != "NodeHost" && !place(object, &["process"]).is_set() {
        return Outcome::NotApplicable(NOT_RUNNING);
    }
    let all = place(object, &["files"]).node().map_or(&[][..], Node::entries);
    let of_use = |file: &&'a Node| {
        let own = file.get("use").map_or(&[][..], Node::items);
        own.iter().filter_map(Node::text).any(|own| uses.contains(&own))
    };
    let files: Vec<&Node> = all.iter().map(|entry| &entry.node).filter(of_use).collect();
    if files.is_empty() {
        // A credential of people is used by no program, so that none says where it lies.
        return if uses == ["admin"] {
            Outcome::Unknown(NOT_FOUND)
        } else {
            Outcome::NotApplicable(NO_FILE)
        };
    }
    let places: Vec<_> = files.iter().filter_map(|file| wrong(file)).collect();
    if places.is_empty() && files.iter().any(|file| file.get("fault").is_some()) {
        return Outcome::Unknown(FILE_UNSEEN);
    }
    Outcome::of(places)
}

/// No file of this use may have a bit that is not among these.
fn modes<'a>(object: &'a Object, of_use: &str, allowed: u32) -> Outcome<'a> {
    files(object, &[of_use], &|file| {
        let mode = u32::from_str_radix(file.get("mode").and_then(written)?, 8).ok()?;
        (mode & 0o777 & !allowed != 0).then(|| Place::of(file).get("mode"))
    })
}

fn owned<'a>(file: &'a Node, owner: &str) -> Option<Place<'a>> {
    ["owner", "group"]
        .into_iter()
        .find(|key| file.get(key).and_then(written).is_some_and(|own| own != owner))
        .map(|key| Place::of(file).get(key))
}

/// Each file of this use must be root's.
fn owners<'a>(object: &'a Object, of_use: &str) -> Outcome<'a> {
    files(object, &[of_use], &|file| owned(file, "root"))
}

fn pki_owner(object: &Object) -> Outcome<'_> {
    // A program that runs as somebody may have keys of its own.
    let user = place(object, &["process", "user"]).node().and_then(written).unwrap_or("root");
    files(object, &["certificate", "key"], &|file| owned(file, "root").and(owned(file, user)))
}

fn data_owner(object: &Object) -> Outcome<'_> {
    let user = place(object, &["process", "user"]).node().and_then(written).unwrap_or("etcd");
    files(object, &["data"], &|file| owned(file, user))
}
