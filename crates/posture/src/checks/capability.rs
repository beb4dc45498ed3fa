//! Checks on capabilities: parts of root's power that a container is given or keeps.

use super::{baseline, checkov, cis, kccss, kubeaudit, kubesec, nsa, restricted, threat};
use crate::check::{Check, Example, Outcome, Remedy, RemedySubject, Severity, Test};
use crate::place::Place;
use crate::words::words;
use crate::workload::{Container, Pod};

/// What runtimes give by default but NET_RAW; the baseline level lets it be added by name.
const BASELINE: &[&str] = &[
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

pub(super) static CHECKS: &[Check] = &[
    Check {
        id: "capability-beyond-default",
        severity: Severity::High,
        title: words(
            "A container is given a capability beyond the default set",
            "컨테이너에 기본 집합을 넘는 capability가 추가되었습니다",
        ),
        why: words(
            "Capabilities outside the runtime's default set reach into the node: its network, its modules, its processes.",
            "런타임 기본 집합 밖의 capability는 노드의 네트워크, 모듈, 프로세스에 손이 닿습니다.",
        ),
        fix: words("Remove it from `capabilities.add`.", "`capabilities.add`에서 지웁니다."),
        mappings: &[
            baseline("capabilities_baseline"),
            cis("5.2.9"),
            nsa("Pod security"),
            threat("E6"),
        ],
        test: Test::Pod(beyond_default),
        remedy: None,
        passes: &[Example::Container("securityContext: {capabilities: {add: [CHOWN]}}")],
        fails: &[
            Example::Container("securityContext: {capabilities: {add: [NET_ADMIN]}}"),
            Example::Container("securityContext: {capabilities: {add: [ALL]}}"),
        ],
    },
    Check {
        id: "capability-beyond-net-bind",
        severity: Severity::Medium,
        title: words(
            "A container is given a capability other than NET_BIND_SERVICE",
            "컨테이너에 NET_BIND_SERVICE 외의 capability가 추가되었습니다",
        ),
        why: words(
            "The restricted level allows only what binding to a low port needs.",
            "restricted 수준은 낮은 포트를 여는 데 필요한 것만 허용합니다.",
        ),
        fix: words(
            "Leave only NET_BIND_SERVICE in `capabilities.add`.",
            "`capabilities.add`에 NET_BIND_SERVICE만 남깁니다.",
        ),
        mappings: &[restricted("capabilities_restricted"), cis("5.2.9"), threat("E6")],
        test: Test::Pod(beyond_net_bind),
        remedy: None,
        passes: &[
            Example::Container(
                "securityContext: {capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}}",
            ),
            Example::Spec("os: {name: windows}"),
        ],
        fails: &[Example::Container("securityContext: {capabilities: {add: [CHOWN]}}")],
    },
    Check {
        id: "capability-added",
        severity: Severity::Low,
        title: words("A container is given capabilities", "컨테이너에 capability가 추가되었습니다"),
        why: words(
            "Each capability that is added is a part of root's power that somebody has to justify.",
            "추가된 capability는 하나하나가 정당화가 필요한 root 권한의 일부입니다.",
        ),
        fix: words(
            "Remove `capabilities.add`, or write down why it is needed in an exception.",
            "`capabilities.add`를 지우거나 필요한 까닭을 예외로 남깁니다.",
        ),
        mappings: &[
            cis("5.2.9"),
            threat("E6"),
            checkov("CKV_K8S_25"),
            kubeaudit("CapabilityAdded"),
        ],
        test: Test::Pod(added),
        remedy: None,
        passes: &[Example::Container("securityContext: {capabilities: {drop: [ALL]}}")],
        fails: &[Example::Container("securityContext: {capabilities: {add: [NET_BIND_SERVICE]}}")],
    },
    Check {
        id: "capability-sys-admin",
        severity: Severity::Critical,
        title: words("A container has SYS_ADMIN", "컨테이너에 SYS_ADMIN이 있습니다"),
        why: words(
            "SYS_ADMIN mounts file systems and joins namespaces; it is nearly the whole of root.",
            "SYS_ADMIN은 파일 시스템을 마운트하고 네임스페이스에 들어갈 수 있어 사실상 root와 같습니다.",
        ),
        fix: words(
            "Remove SYS_ADMIN from `capabilities.add`.",
            "`capabilities.add`에서 SYS_ADMIN을 지웁니다.",
        ),
        mappings: &[
            cis("5.2.9"),
            nsa("Pod security"),
            threat("E6"),
            checkov("CKV_K8S_39"),
            kubesec("CapSysAdmin"),
            kccss("K-11"),
        ],
        test: Test::Pod(sys_admin),
        remedy: None,
        passes: &[Example::Container("securityContext: {capabilities: {add: [SYS_TIME]}}")],
        fails: &[
            Example::Container("securityContext: {capabilities: {add: [SYS_ADMIN]}}"),
            Example::Container("securityContext: {capabilities: {add: [CAP_SYS_ADMIN]}}"),
            Example::Container("securityContext: {capabilities: {add: [ALL]}}"),
        ],
    },
    Check {
        id: "capability-net-raw",
        severity: Severity::Medium,
        title: words("A container keeps NET_RAW", "컨테이너에 NET_RAW가 남아 있습니다"),
        why: words(
            "NET_RAW, which runtimes give by default, forges packets: answers of other Pods, ARP, DNS.",
            "런타임이 기본으로 주는 NET_RAW로 다른 Pod의 응답, ARP, DNS 패킷을 위조할 수 있습니다.",
        ),
        fix: words("Drop ALL, or at least NET_RAW.", "ALL 또는 적어도 NET_RAW를 제거합니다."),
        mappings: &[
            cis("5.2.8"),
            nsa("Pod security"),
            threat("E4"),
            checkov("CKV_K8S_28"),
            kccss("K-4"),
        ],
        test: Test::Container(net_raw),
        remedy: Some(Remedy {
            subject: RemedySubject::Container,
            field: &["securityContext", "capabilities", "drop"],
            value: r#"["NET_RAW"]"#,
            needs_decision: true,
        }),
        passes: &[
            Example::Container("securityContext: {capabilities: {drop: [ALL]}}"),
            Example::Container("securityContext: {capabilities: {drop: [NET_RAW]}}"),
        ],
        fails: &[
            Example::Container("image: app:1.0"),
            Example::Container("securityContext: {capabilities: {drop: [ALL], add: [NET_RAW]}}"),
        ],
    },
    Check {
        id: "capability-drop-all",
        severity: Severity::Medium,
        title: words(
            "A container does not drop all capabilities",
            "컨테이너가 모든 capability를 제거하지 않습니다",
        ),
        why: words(
            "Ordinary programs need none of the capabilities which runtimes give by default.",
            "일반 프로그램에는 런타임이 기본으로 주는 capability가 하나도 필요하지 않습니다.",
        ),
        fix: words(
            "Set `capabilities.drop: [\"ALL\"]` and add what is missed, one by one.",
            "`capabilities.drop: [\"ALL\"]`을 설정하고 필요한 것만 하나씩 추가합니다.",
        ),
        mappings: &[
            restricted("capabilities_restricted"),
            cis("5.2.9"),
            nsa("Pod security"),
            threat("E6"),
            checkov("CKV_K8S_37"),
            kubesec("CapDropAll"),
            kubeaudit("CapabilityShouldDropAll"),
            kubeaudit("CapabilityOrSecurityContextMissing"),
        ],
        test: Test::Container(drop_all),
        remedy: Some(Remedy {
            subject: RemedySubject::Container,
            field: &["securityContext", "capabilities", "drop"],
            value: r#"["ALL"]"#,
            needs_decision: true,
        }),
        passes: &[
            Example::Container("securityContext:\n  capabilities:\n    drop: [\"ALL\"]"),
            Example::Spec("os: {name: windows}"),
        ],
        fails: &[
            Example::Container("image: app:1.0"),
            Example::Container("securityContext: {capabilities: {drop: [NET_RAW]}}"),
        ],
    },
    Check {
        id: "capability-drop-none",
        severity: Severity::Low,
        title: words(
            "A container drops no capability at all",
            "컨테이너가 capability를 하나도 제거하지 않습니다",
        ),
        why: words("Not even one was thought about.", "하나도 검토하지 않았다는 뜻입니다."),
        fix: words(
            "Set `capabilities.drop`, best to `[\"ALL\"]`.",
            "`capabilities.drop`을 설정합니다. `[\"ALL\"]`이 가장 좋습니다.",
        ),
        mappings: &[threat("E6"), kubesec("CapDropAny")],
        test: Test::Container(drop_none),
        remedy: None,
        passes: &[Example::Container("securityContext: {capabilities: {drop: [KILL]}}")],
        fails: &[
            Example::Container("image: app:1.0"),
            Example::Container("securityContext: {capabilities: {drop: []}}"),
        ],
    },
];

/// The API takes names with and without `CAP_`, in any case, as the runtime does.
fn bare(name: &str) -> String {
    let upper = name.to_ascii_uppercase();
    upper.strip_prefix("CAP_").unwrap_or(&upper).to_owned()
}

fn added_where<'a>(pod: &Pod<'a>, wrong: impl Fn(&str) -> bool) -> Outcome<'a> {
    let added = pod.containers.iter().flat_map(|container| &container.capabilities_added);
    Outcome::of(added.filter(|name| name.value.is_some_and(&wrong)).map(|name| name.place))
}

fn beyond_default<'a>(pod: &Pod<'a>) -> Outcome<'a> {
    // Exactly these words: the standard does not know `CAP_CHOWN`.
    added_where(pod, |name| !BASELINE.contains(&name))
}

fn beyond_net_bind<'a>(pod: &Pod<'a>) -> Outcome<'a> {
    if pod.windows {
        return Outcome::Pass;
    }
    added_where(pod, |name| name != "NET_BIND_SERVICE")
}

fn added<'a>(pod: &Pod<'a>) -> Outcome<'a> {
    added_where(pod, |_| true)
}

fn sys_admin<'a>(pod: &Pod<'a>) -> Outcome<'a> {
    added_where(pod, |name| matches!(bare(name).as_str(), "SYS_ADMIN" | "ALL"))
}

fn drops(container: &Container<'_>, wanted: &[&str]) -> bool {
    let mut names = container.capabilities_dropped.iter().filter_map(|name| name.value);
    names.any(|name| wanted.contains(&bare(name).as_str()))
}

fn dropped_place<'a>(container: &Container<'a>) -> Place<'a> {
    container.security.place.get("capabilities").get("drop")
}

fn net_raw<'a>(_: &Pod<'a>, container: &Container<'a>) -> Option<Place<'a>> {
    let mut added = container.capabilities_added.iter();
    let again = added.find(|name| {
        name.value.is_some_and(|name| matches!(bare(name).as_str(), "NET_RAW" | "ALL"))
    });
    match again {
        Some(name) => Some(name.place),
        None if drops(container, &["ALL", "NET_RAW"]) => None,
        None => Some(dropped_place(container)),
    }
}

fn drop_all<'a>(pod: &Pod<'a>, container: &Container<'a>) -> Option<Place<'a>> {
    // Only this word is understood by the API's own standard.
    let all = container.capabilities_dropped.iter().any(|name| name.is("ALL"));
    (!pod.windows && !all).then_some(dropped_place(container))
}

fn drop_none<'a>(_: &Pod<'a>, container: &Container<'a>) -> Option<Place<'a>> {
    container.capabilities_dropped.is_empty().then_some(dropped_place(container))
}
