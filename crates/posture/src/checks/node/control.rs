//! Checks on the controller manager and the scheduler.
//! Their kubeconfigs are files, which are `files`'.

use super::super::{bench, checkov, cis, threat};
use super::setting::{Rule, Setting};
use crate::check::{Check, Example, Severity, Test};
use crate::words::words;

const LOOPBACK: Rule = Rule::Is(&["127.0.0.1", "::1", "localhost"]);

pub(super) static CHECKS: &[Check] = &[
    setting_check!(
        "controller-pod-garbage",
        Low,
        "KubeControllerManager",
        words(
            "Nobody decided how many ended Pods are kept",
            "종료된 Pod를 몇 개 보관할지 정하지 않았습니다"
        ),
        words(
            "The default is 12,500 for the whole cluster: they fill etcd before they are swept.",
            "기본값은 클러스터 전체에서 12,500개로, 정리되기 전에 etcd를 채웁니다."
        ),
        words(
            "Set `--terminated-pod-gc-threshold` to what you want to look at, as 100.",
            "`--terminated-pod-gc-threshold`를 100처럼 살펴볼 만큼으로 설정합니다."
        ),
        [cis("1.3.1"), bench("1.3.1"), checkov("CKV_K8S_106"), threat("E5")],
        Setting::flag("terminated-pod-gc-threshold"),
        Rule::Set,
        pass["flags: {terminated-pod-gc-threshold: 100}"],
        fail["flags: {}"]
    ),
    setting_check!(
        "controller-profiling",
        Low,
        "KubeControllerManager",
        words(
            "The controller manager serves its profiler",
            "컨트롤러 매니저가 프로파일러를 제공합니다"
        ),
        words(
            "It shows the program's inside to whoever may ask.",
            "요청할 수 있는 사람에게 프로그램 내부가 드러납니다."
        ),
        words("Set `--profiling=false`.", "`--profiling=false`로 설정합니다."),
        [cis("1.3.2"), bench("1.3.2"), checkov("CKV_K8S_107"), threat("E5")],
        Setting::with_default("profiling", "true"),
        Rule::False,
        pass["flags: {profiling: 'false'}"],
        fail["flags: {}"]
    ),
    setting_check!(
        "controller-own-accounts",
        Medium,
        "KubeControllerManager",
        words("All controllers act by one account", "모든 컨트롤러가 하나의 계정으로 행동합니다"),
        words(
            "A fault in one has the rights of all, and the audit log tells them not apart.",
            "하나의 결함이 모두의 권한을 가지고, 감사 로그에서 서로 구별되지 않습니다."
        ),
        words(
            "Set `--use-service-account-credentials=true`.",
            "`--use-service-account-credentials=true`로 설정합니다."
        ),
        [cis("1.3.3"), bench("1.3.3"), checkov("CKV_K8S_108"), threat("E7")],
        Setting::with_default("use-service-account-credentials", "false"),
        Rule::True,
        pass["flags: {use-service-account-credentials: 'true'}"],
        fail["flags: {}"]
    ),
    setting_check!(
        "controller-account-key",
        Medium,
        "KubeControllerManager",
        words(
            "No key signs the tokens of service accounts",
            "서비스 계정 토큰에 서명할 키가 없습니다"
        ),
        words(
            "Without a key of its own, tokens cannot be rotated apart from other keys.",
            "전용 키가 없으면 토큰을 다른 키와 따로 교체할 수 없습니다."
        ),
        words(
            "Set `--service-account-private-key-file`.",
            "`--service-account-private-key-file`을 설정합니다."
        ),
        [cis("1.3.4"), bench("1.3.4"), checkov("CKV_K8S_110"), threat("E7")],
        Setting::flag("service-account-private-key-file"),
        Rule::Set,
        pass["flags: {service-account-private-key-file: /pki/sa.key}"],
        fail["flags: {}"]
    ),
    setting_check!(
        "controller-root-ca",
        Medium,
        "KubeControllerManager",
        words(
            "Pods are not told how to check the API server",
            "Pod가 API 서버를 확인할 방법을 받지 못합니다"
        ),
        words(
            "A Pod then gives its token to whoever answers in the API server's place.",
            "API 서버 대신 응답하는 누구에게나 토큰을 건네게 됩니다."
        ),
        words("Set `--root-ca-file`.", "`--root-ca-file`을 설정합니다."),
        [cis("1.3.5"), bench("1.3.5"), checkov("CKV_K8S_111"), threat("E10")],
        Setting::flag("root-ca-file"),
        Rule::Set,
        pass["flags: {root-ca-file: /pki/ca.crt}"],
        fail["flags: {}"]
    ),
    setting_check!(
        "controller-kubelet-rotation",
        Medium,
        "KubeControllerManager",
        words(
            "Serving certificates of kubelets are not renewed",
            "kubelet의 서버 인증서가 갱신되지 않습니다"
        ),
        words(
            "They run out, and people switch off the check instead.",
            "만료되면 사람들이 검증을 꺼 버리게 됩니다."
        ),
        words(
            "Remove `RotateKubeletServerCertificate=false` from `--feature-gates`.",
            "`--feature-gates`에서 `RotateKubeletServerCertificate=false`를 지웁니다."
        ),
        [cis("1.3.6"), bench("1.3.6"), checkov("CKV_K8S_112"), threat("E10")],
        Setting::flag("feature-gates"),
        Rule::Lacks("RotateKubeletServerCertificate=false"),
        pass["flags: {}"],
        fail["flags: {feature-gates: 'A=true,RotateKubeletServerCertificate=false'}"]
    ),
    setting_check!(
        "controller-bind-address", Low, "KubeControllerManager",
        words("The controller manager listens on all addresses", "컨트롤러 매니저가 모든 주소에서 포트를 엽니다"),
        words("Its port is for the node's own probes; the default is every interface.", "노드 안의 상태 확인용 포트인데 기본값은 모든 인터페이스입니다."),
        words("Set `--bind-address=127.0.0.1`.", "`--bind-address=127.0.0.1`로 설정합니다."),
        [cis("1.3.7"), bench("1.3.7"), checkov("CKV_K8S_113"), threat("E5")],
        Setting::with_default("bind-address", "0.0.0.0"), LOOPBACK,
        pass ["flags: {bind-address: 127.0.0.1}"], fail ["flags: {}", "flags: {bind-address: 10.0.0.1}"]
    ),
    setting_check!(
        "scheduler-profiling", Low, "KubeScheduler",
        words("The scheduler serves its profiler", "스케줄러가 프로파일러를 제공합니다"),
        words("It shows the program's inside to whoever may ask.", "요청할 수 있는 사람에게 프로그램 내부가 드러납니다."),
        words("Set `--profiling=false`, or `enableProfiling: false` in its configuration.", "`--profiling=false` 또는 설정 파일의 `enableProfiling: false`로 설정합니다."),
        [cis("1.4.1"), bench("1.4.1"), checkov("CKV_K8S_114"), threat("E5")],
        Setting::with_default("profiling", "true").or_at(&["config", "enableProfiling"]), Rule::False,
        pass ["flags: {profiling: 'false'}", "flags: {config: /s}\nconfig: {enableProfiling: false}"], fail ["flags: {}", "flags: {config: /s}\nconfig: {kind: KubeSchedulerConfiguration}"]
    ),
    setting_check!(
        "scheduler-bind-address",
        Low,
        "KubeScheduler",
        words("The scheduler listens on all addresses", "스케줄러가 모든 주소에서 포트를 엽니다"),
        words(
            "Its port is for the node's own probes; the default is every interface.",
            "노드 안의 상태 확인용 포트인데 기본값은 모든 인터페이스입니다."
        ),
        words("Set `--bind-address=127.0.0.1`.", "`--bind-address=127.0.0.1`로 설정합니다."),
        [cis("1.4.2"), bench("1.4.2"), checkov("CKV_K8S_115"), threat("E5")],
        Setting::with_default("bind-address", "0.0.0.0"),
        LOOPBACK,
        pass["flags: {bind-address: '::1'}"],
        fail["flags: {}"]
    ),
];
