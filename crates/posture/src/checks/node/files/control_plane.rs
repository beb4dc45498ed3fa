//! Checks on the files of the control plane: static Pods, kubeconfigs, keys, etcd's data, the audit log.
//! Which files those are, and how they are judged, is `files`'.

use super::super::super::{bench, cis, threat};
use super::{
    CLOSE, CLOSE_CERTIFICATE, OTHERS_OWN, OTHERS_READ, PROGRAMS, TO_ROOT, data_owner, modes,
    owners, pki_owner,
};
use crate::check::{Check, Example, Severity, Test};
use crate::words::words;

pub(in super::super) static CHECKS: &[Check] = &[
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
