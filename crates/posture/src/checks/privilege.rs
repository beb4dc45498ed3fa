//! Checks on what a container may do that its user could not.

use super::{baseline, checkov, cis, kccss, kubeaudit, kubesec, nsa, restricted, threat};
use crate::check::{Check, Example, Outcome, Remedy, RemedySubject, Severity, Test};
use crate::place::Place;
use crate::words::words;
use crate::workload::{Container, Pod};

pub(super) static CHECKS: &[Check] = &[
    Check {
        id: "privileged-container",
        severity: Severity::Critical,
        title: words("A container is privileged", "컨테이너가 특권 모드로 실행됩니다"),
        why: words(
            "A privileged container has all capabilities, all devices and no kernel profile: who is inside is root on the node.",
            "특권 컨테이너는 모든 권한과 장치를 가지며 커널 프로파일이 적용되지 않습니다. 그 안에 있는 사람은 노드의 root입니다.",
        ),
        fix: words(
            "Remove `privileged: true` and add only the capabilities that the program needs.",
            "`privileged: true`를 지우고 프로그램에 필요한 capability만 추가합니다.",
        ),
        mappings: &[
            baseline("privileged"),
            cis("5.2.2"),
            nsa("Pod security"),
            threat("E6"),
            checkov("CKV_K8S_16"),
            kubesec("Privileged"),
            kubeaudit("PrivilegedTrue"),
            kccss("K-1"),
        ],
        test: Test::Container(privileged),
        remedy: Some(Remedy {
            subject: RemedySubject::Container,
            field: &["securityContext", "privileged"],
            value: "false",
            needs_decision: true,
        }),
        passes: &[
            Example::Container("securityContext:\n  privileged: false"),
            Example::Container("image: app:1.0"),
        ],
        fails: &[
            Example::Container("securityContext:\n  privileged: true"),
            Example::Container("securityContext: {privileged: yes}"),
        ],
    },
    Check {
        id: "privilege-escalation",
        severity: Severity::Medium,
        title: words(
            "A process can gain more privileges than its parent",
            "프로세스가 부모보다 많은 권한을 얻을 수 있습니다",
        ),
        why: words(
            "Unless it is forbidden, set-user-ID programs in the image turn an ordinary user into root.",
            "금지하지 않으면 이미지 안의 set-user-ID 프로그램으로 일반 사용자가 root가 될 수 있습니다.",
        ),
        fix: words(
            "Set `securityContext.allowPrivilegeEscalation: false` on the container.",
            "컨테이너에 `securityContext.allowPrivilegeEscalation: false`를 설정합니다.",
        ),
        mappings: &[
            restricted("allowPrivilegeEscalation"),
            cis("5.2.6"),
            nsa("Pod security"),
            threat("E6"),
            checkov("CKV_K8S_20"),
            kubesec("AllowPrivilegeEscalation"),
            kubeaudit("AllowPrivilegeEscalationNil"),
            kubeaudit("AllowPrivilegeEscalationTrue"),
            kccss("K-3"),
        ],
        test: Test::Container(privilege_escalation),
        remedy: Some(Remedy {
            subject: RemedySubject::Container,
            field: &["securityContext", "allowPrivilegeEscalation"],
            value: "false",
            needs_decision: false,
        }),
        passes: &[
            Example::Container("securityContext:\n  allowPrivilegeEscalation: false"),
            Example::Spec("os: {name: windows}"),
        ],
        fails: &[
            Example::Container("image: app:1.0"),
            Example::Container("securityContext:\n  allowPrivilegeEscalation: true"),
        ],
    },
    Check {
        id: "writable-root-filesystem",
        severity: Severity::Low,
        title: words(
            "A container can write to its root file system",
            "컨테이너가 루트 파일 시스템에 쓸 수 있습니다",
        ),
        why: words(
            "Who breaks in can leave tools and change programs; a read-only root makes that harder and changes visible.",
            "침입자가 도구를 남기거나 프로그램을 바꿀 수 있습니다. 읽기 전용 루트는 이를 어렵게 하고 변화를 드러냅니다.",
        ),
        fix: words(
            "Set `securityContext.readOnlyRootFilesystem: true` and mount an `emptyDir` where the program must write.",
            "`securityContext.readOnlyRootFilesystem: true`를 설정하고, 써야 하는 곳에는 `emptyDir`를 마운트합니다.",
        ),
        mappings: &[
            nsa("Pod security: immutable container file systems"),
            threat("E6"),
            checkov("CKV_K8S_22"),
            kubesec("ReadOnlyRootFilesystem"),
            kubeaudit("ReadOnlyRootFilesystemNil"),
            kubeaudit("ReadOnlyRootFilesystemFalse"),
        ],
        test: Test::Container(writable_root),
        remedy: Some(Remedy {
            subject: RemedySubject::Container,
            field: &["securityContext", "readOnlyRootFilesystem"],
            value: "true",
            needs_decision: true,
        }),
        passes: &[Example::Container("securityContext:\n  readOnlyRootFilesystem: true")],
        fails: &[
            Example::Container("image: app:1.0"),
            Example::Container("securityContext:\n  readOnlyRootFilesystem: false"),
        ],
    },
    Check {
        id: "container-security-context",
        severity: Severity::Low,
        title: words("A container has no security context", "컨테이너에 보안 컨텍스트가 없습니다"),
        why: words(
            "Without one, everything that it could restrict is at the runtime's default, which is made for convenience.",
            "보안 컨텍스트가 없으면 제한할 수 있는 모든 것이 편의를 위한 런타임 기본값으로 남습니다.",
        ),
        fix: words(
            "Give the container a `securityContext`.",
            "컨테이너에 `securityContext`를 지정합니다.",
        ),
        mappings: &[cis("5.6.3"), nsa("Pod security"), threat("E6"), checkov("CKV_K8S_30")],
        test: Test::Container(no_context),
        remedy: None,
        passes: &[Example::Container("securityContext:\n  runAsNonRoot: true")],
        fails: &[Example::Container("image: app:1.0"), Example::Container("securityContext: {}")],
    },
    Check {
        id: "pod-security-context",
        severity: Severity::Low,
        title: words("The Pod has no security context", "Pod에 보안 컨텍스트가 없습니다"),
        why: words(
            "What is set for the Pod holds for each of its containers, also for one that is added later.",
            "Pod에 설정한 내용은 나중에 추가되는 컨테이너를 포함해 모든 컨테이너에 적용됩니다.",
        ),
        fix: words(
            "Give the Pod's `spec` a `securityContext`.",
            "Pod의 `spec`에 `securityContext`를 지정합니다.",
        ),
        mappings: &[cis("5.6.3"), nsa("Pod security"), threat("E6"), checkov("CKV_K8S_29")],
        test: Test::Pod(no_pod_context),
        remedy: None,
        passes: &[Example::Spec("securityContext:\n  runAsNonRoot: true")],
        fails: &[Example::Container("image: app:1.0"), Example::Spec("securityContext: {}")],
    },
    Check {
        id: "proc-mount-unmasked",
        severity: Severity::High,
        title: words("A container sees the whole of /proc", "컨테이너가 /proc 전체를 봅니다"),
        why: words(
            "Unmasked, /proc shows and lets change what belongs to the kernel of the node, unless the Pod has a user namespace of its own.",
            "마스킹하지 않은 /proc는 노드 커널의 정보를 보여 주고 바꿀 수 있게 합니다. Pod가 별도의 사용자 네임스페이스를 가진 경우는 예외입니다.",
        ),
        fix: words(
            "Remove `procMount`, or set `hostUsers: false`.",
            "`procMount`를 지우거나 `hostUsers: false`를 설정합니다.",
        ),
        mappings: &[baseline("procMount"), nsa("Pod security"), threat("E6"), kccss("K-6")],
        test: Test::Container(proc_mount),
        remedy: None,
        passes: &[
            Example::Container("securityContext: {procMount: Default}"),
            Example::Manifest(
                "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop}\nspec:\n  hostUsers: false\n  containers: [{name: a, image: a:1, securityContext: {procMount: Unmasked}}]\n",
            ),
        ],
        fails: &[Example::Container("securityContext: {procMount: Unmasked}")],
    },
    Check {
        id: "proc-mount-not-default",
        severity: Severity::Low,
        title: words(
            "A container changes how /proc is mounted",
            "컨테이너가 /proc 마운트 방식을 바꿉니다",
        ),
        why: words(
            "The restricted level leaves /proc masked even in a user namespace: the kernel behind it is still the node's.",
            "restricted 수준은 사용자 네임스페이스에서도 /proc 마스킹을 유지합니다. 그 뒤의 커널은 여전히 노드의 것입니다.",
        ),
        fix: words("Remove `procMount`.", "`procMount`를 지웁니다."),
        mappings: &[restricted("procMount_restricted"), threat("E6")],
        test: Test::Container(proc_mount_restricted),
        remedy: None,
        passes: &[Example::Container("securityContext: {procMount: Default}")],
        fails: &[Example::Container("securityContext: {procMount: Unmasked}")],
    },
    Check {
        id: "windows-host-process",
        severity: Severity::Critical,
        title: words(
            "A Windows container runs as a process of the host",
            "Windows 컨테이너가 호스트 프로세스로 실행됩니다",
        ),
        why: words(
            "A HostProcess container is the node's administrator.",
            "HostProcess 컨테이너는 노드의 관리자와 같습니다.",
        ),
        fix: words(
            "Remove `windowsOptions.hostProcess`.",
            "`windowsOptions.hostProcess`를 지웁니다.",
        ),
        mappings: &[baseline("windowsHostProcess"), cis("5.2.10"), threat("E6")],
        test: Test::Pod(host_process),
        remedy: None,
        passes: &[Example::Spec("securityContext: {windowsOptions: {hostProcess: false}}")],
        fails: &[
            Example::Spec("securityContext: {windowsOptions: {hostProcess: true}}"),
            Example::Container("securityContext: {windowsOptions: {hostProcess: true}}"),
        ],
    },
    Check {
        id: "shared-process-namespace",
        severity: Severity::Low,
        title: words(
            "The Pod's containers see each other's processes",
            "Pod의 컨테이너들이 서로의 프로세스를 봅니다",
        ),
        why: words(
            "With `shareProcessNamespace` a container reads the files and environment of the others through /proc.",
            "`shareProcessNamespace`를 쓰면 한 컨테이너가 /proc를 통해 다른 컨테이너의 파일과 환경 변수를 읽을 수 있습니다.",
        ),
        fix: words(
            "Remove `shareProcessNamespace` unless the containers are one program.",
            "컨테이너들이 하나의 프로그램이 아니라면 `shareProcessNamespace`를 지웁니다.",
        ),
        mappings: &[threat("E6")],
        test: Test::Pod(shared_processes),
        remedy: None,
        passes: &[Example::Spec("shareProcessNamespace: false")],
        fails: &[Example::Spec("shareProcessNamespace: true")],
    },
];

fn privileged<'a>(_: &Pod<'a>, container: &Container<'a>) -> Option<Place<'a>> {
    container.privileged.is(true).then_some(container.privileged.place)
}

fn privilege_escalation<'a>(pod: &Pod<'a>, container: &Container<'a>) -> Option<Place<'a>> {
    // The API refuses the field on Windows, where there is nothing to escalate to.
    let wrong = !pod.windows && !container.privilege_escalation.is(false);
    wrong.then_some(container.privilege_escalation.place)
}

fn writable_root<'a>(_: &Pod<'a>, container: &Container<'a>) -> Option<Place<'a>> {
    (!container.read_only_root.is(true)).then_some(container.read_only_root.place)
}

fn no_context<'a>(_: &Pod<'a>, container: &Container<'a>) -> Option<Place<'a>> {
    is_empty(container.security.place).then_some(container.security.place)
}

fn no_pod_context<'a>(pod: &Pod<'a>) -> Outcome<'a> {
    Outcome::fail_if(is_empty(pod.security.place), pod.security.place)
}

fn is_empty(place: Place<'_>) -> bool {
    place.node().is_none_or(|node| node.entries().is_empty())
}

fn proc_mount<'a>(pod: &Pod<'a>, container: &Container<'a>) -> Option<Place<'a>> {
    if pod.has_user_namespace() { None } else { proc_mount_restricted(pod, container) }
}

fn proc_mount_restricted<'a>(_: &Pod<'a>, container: &Container<'a>) -> Option<Place<'a>> {
    let wrong = container.proc_mount.value.is_some_and(|mount| mount != "Default");
    wrong.then_some(container.proc_mount.place)
}

fn host_process<'a>(pod: &Pod<'a>) -> Outcome<'a> {
    let own = pod.containers.iter().map(|container| container.security.host_process);
    let all = own.chain([pod.security.host_process]);
    Outcome::of(all.filter(|field| field.is(true)).map(|field| field.place))
}

fn shared_processes<'a>(pod: &Pod<'a>) -> Outcome<'a> {
    Outcome::fail_if(pod.share_process_namespace.is(true), pod.share_process_namespace.place)
}
