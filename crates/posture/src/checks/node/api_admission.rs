//! Checks on the API server's admission plugins.
//! Which are on by default is the API server's word: a plugin that is on by default fails only where it is
//! switched off.

use super::super::{bench, checkov, cis, threat};
use super::setting::{Rule, Setting};
use crate::check::{Check, Example, Severity, Test};
use crate::words::words;

const ON: Setting = Setting::flag("enable-admission-plugins");
const OFF: Setting = Setting::flag("disable-admission-plugins");

pub(super) static CHECKS: &[Check] = &[
    setting_check!(
        "admission-external-ips",
        Low,
        "KubeApiserver",
        words("Services may claim any address", "Service가 임의의 주소를 차지할 수 있습니다"),
        words(
            "Who makes a Service with `externalIPs` draws the traffic of others (CVE-2020-8554).",
            "`externalIPs`가 있는 Service를 만들면 다른 것의 트래픽을 끌어올 수 있습니다(CVE-2020-8554)."
        ),
        words(
            "Add DenyServiceExternalIPs to `--enable-admission-plugins`.",
            "`--enable-admission-plugins`에 DenyServiceExternalIPs를 추가합니다."
        ),
        [cis("1.2.3"), bench("1.2.3"), threat("E4")],
        ON,
        Rule::Has("DenyServiceExternalIPs"),
        pass["flags: {enable-admission-plugins: 'NodeRestriction,DenyServiceExternalIPs'}"],
        fail["flags: {enable-admission-plugins: NodeRestriction}"]
    ),
    setting_check!(
        "admission-event-rate",
        Low,
        "KubeApiserver",
        words("Nothing limits how many events are written", "기록되는 이벤트 수에 제한이 없습니다"),
        words(
            "A program that fails in a loop fills etcd and slows the API server.",
            "반복해서 실패하는 프로그램이 etcd를 채우고 API 서버를 느리게 만듭니다."
        ),
        words(
            "Add EventRateLimit to `--enable-admission-plugins`, with its configuration.",
            "`--enable-admission-plugins`에 EventRateLimit과 그 설정을 추가합니다."
        ),
        [cis("1.2.9"), bench("1.2.9"), checkov("CKV_K8S_78"), threat("E1")],
        ON,
        Rule::Has("EventRateLimit"),
        pass["flags: {enable-admission-plugins: EventRateLimit}"],
        fail["flags: {}"]
    ),
    setting_check!(
        "admission-always-admit",
        High,
        "KubeApiserver",
        words("Admission lets everything in", "어드미션이 모든 것을 받아들입니다"),
        words(
            "AlwaysAdmit stands for no admission at all; it is deprecated.",
            "AlwaysAdmit은 어드미션이 없는 것과 같으며 사용 중단되었습니다."
        ),
        words(
            "Take AlwaysAdmit out of `--enable-admission-plugins`.",
            "`--enable-admission-plugins`에서 AlwaysAdmit을 뺍니다."
        ),
        [cis("1.2.10"), bench("1.2.10"), checkov("CKV_K8S_79"), threat("E1")],
        ON,
        Rule::Lacks("AlwaysAdmit"),
        pass["flags: {}"],
        fail["flags: {enable-admission-plugins: AlwaysAdmit}"]
    ),
    setting_check!(
        "admission-always-pull",
        Low,
        "KubeApiserver",
        words(
            "Pods may use images that the node has without a right to pull them",
            "당겨올 권한이 없어도 노드에 있는 이미지를 쓸 수 있습니다"
        ),
        words(
            "On a node of several tenants a private image is everybody's who knows its name.",
            "여러 테넌트가 쓰는 노드에서는 이름만 알면 남의 비공개 이미지를 쓸 수 있습니다."
        ),
        words(
            "Add AlwaysPullImages to `--enable-admission-plugins`.",
            "`--enable-admission-plugins`에 AlwaysPullImages를 추가합니다."
        ),
        [cis("1.2.11"), bench("1.2.11"), checkov("CKV_K8S_80"), threat("E3")],
        ON,
        Rule::Has("AlwaysPullImages"),
        pass["flags: {enable-admission-plugins: AlwaysPullImages}"],
        fail["flags: {}"]
    ),
    setting_check!(
        "admission-service-account",
        High,
        "KubeApiserver",
        words(
            "The admission of service accounts is switched off",
            "ServiceAccount 어드미션이 꺼져 있습니다"
        ),
        words(
            "Pods then name accounts that do not exist, and mount what is not theirs.",
            "존재하지 않는 계정을 쓰거나 남의 것을 마운트하는 Pod가 생깁니다."
        ),
        words(
            "Take ServiceAccount out of `--disable-admission-plugins`.",
            "`--disable-admission-plugins`에서 ServiceAccount를 뺍니다."
        ),
        [cis("1.2.12"), bench("1.2.12"), checkov("CKV_K8S_82"), threat("E7")],
        OFF,
        Rule::Lacks("ServiceAccount"),
        pass["flags: {}"],
        fail["flags: {disable-admission-plugins: ServiceAccount}"]
    ),
    setting_check!(
        "admission-namespace-lifecycle",
        Medium,
        "KubeApiserver",
        words(
            "The admission of namespaces is switched off",
            "NamespaceLifecycle 어드미션이 꺼져 있습니다"
        ),
        words(
            "Objects are then made in namespaces that are being deleted or do not exist.",
            "삭제 중이거나 없는 네임스페이스에 객체가 만들어집니다."
        ),
        words(
            "Take NamespaceLifecycle out of `--disable-admission-plugins`.",
            "`--disable-admission-plugins`에서 NamespaceLifecycle을 뺍니다."
        ),
        [cis("1.2.13"), bench("1.2.13"), checkov("CKV_K8S_83"), threat("E1")],
        OFF,
        Rule::Lacks("NamespaceLifecycle"),
        pass["flags: {}"],
        fail["flags: {disable-admission-plugins: 'A,NamespaceLifecycle'}"]
    ),
    setting_check!(
        "admission-node-restriction",
        High,
        "KubeApiserver",
        words("Kubelets may change other nodes", "kubelet이 다른 노드를 바꿀 수 있습니다"),
        words(
            "Who takes one node labels others as he likes and draws Pods with secrets to himself.",
            "노드 하나를 빼앗으면 다른 노드의 레이블을 바꾸어 비밀을 가진 Pod를 끌어올 수 있습니다."
        ),
        words(
            "Add NodeRestriction to `--enable-admission-plugins`.",
            "`--enable-admission-plugins`에 NodeRestriction을 추가합니다."
        ),
        [cis("1.2.14"), bench("1.2.14"), checkov("CKV_K8S_85"), threat("E5")],
        ON,
        Rule::Has("NodeRestriction"),
        pass["flags: {enable-admission-plugins: NodeRestriction}"],
        fail["flags: {}"]
    ),
    setting_check!(
        "admission-pod-security",
        High,
        "KubeApiserver",
        words("Pod Security admission is switched off", "Pod Security 어드미션이 꺼져 있습니다"),
        words(
            "The labels of namespaces that forbid privileged Pods then mean nothing.",
            "특권 Pod를 금지하는 네임스페이스 레이블이 아무 효과가 없습니다."
        ),
        words(
            "Take PodSecurity out of `--disable-admission-plugins`.",
            "`--disable-admission-plugins`에서 PodSecurity를 뺍니다."
        ),
        [cis("5.2.1"), bench("5.2.1"), threat("E6")],
        OFF,
        Rule::Lacks("PodSecurity"),
        pass["flags: {}"],
        fail["flags: {disable-admission-plugins: PodSecurity}"]
    ),
];
