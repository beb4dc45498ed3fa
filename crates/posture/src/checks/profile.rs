//! Checks on the kernel's own restrictions: seccomp, AppArmor, SELinux, sysctls.

use super::{baseline, checkov, cis, kccss, kubeaudit, kubesec, nsa, restricted, threat};
use crate::check::{Check, Example, Outcome, Remedy, RemedySubject, Severity, Test};
use crate::place::{Field, Place};
use crate::words::words;
use crate::workload::{Container, Pod, Security};

/// Sysctls that belong to the Pod alone, as of Kubernetes 1.32.
const SAFE_SYSCTLS: &[&str] = &[
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_wmem",
];
const SELINUX_TYPES: &[&str] =
    &["", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"];
const APPARMOR_ANNOTATION: &str = "container.apparmor.security.beta.kubernetes.io/";
const SECCOMP_ANNOTATIONS: &[&str] = &[
    "seccomp.security.alpha.kubernetes.io/pod",
    "container.seccomp.security.alpha.kubernetes.io/",
];

pub(super) static CHECKS: &[Check] = &[
    Check {
        id: "seccomp-unconfined",
        severity: Severity::High,
        title: words("seccomp is switched off", "seccomp이 꺼져 있습니다"),
        why: words(
            "Without a profile every system call of the kernel is open, those of past escapes included.",
            "프로파일이 없으면 과거 탈출에 쓰인 것을 포함해 커널의 모든 시스템 호출이 열립니다.",
        ),
        fix: words(
            "Set `seccompProfile.type: RuntimeDefault`.",
            "`seccompProfile.type: RuntimeDefault`를 설정합니다.",
        ),
        mappings: &[
            baseline("seccompProfile_baseline"),
            cis("5.6.2"),
            nsa("Pod security"),
            threat("E6"),
            kubesec("SeccompUnconfined"),
            kubeaudit("SeccompDisabledPod"),
            kubeaudit("SeccompDisabledContainer"),
        ],
        test: Test::Pod(seccomp_unconfined),
        remedy: None,
        passes: &[
            Example::Spec("securityContext: {seccompProfile: {type: RuntimeDefault}}"),
            Example::Container("image: app:1.0"),
        ],
        fails: &[
            Example::Spec("securityContext: {seccompProfile: {type: Unconfined}}"),
            Example::Container("securityContext: {seccompProfile: {type: Unconfined}}"),
        ],
    },
    Check {
        id: "seccomp-profile",
        severity: Severity::Medium,
        title: words(
            "A container has no seccomp profile",
            "컨테이너에 seccomp 프로파일이 없습니다",
        ),
        why: words(
            "Unless the kubelet sets a default, the container runs without one, with every system call open.",
            "kubelet이 기본값을 정하지 않으면 프로파일 없이 모든 시스템 호출이 열린 채 실행됩니다.",
        ),
        fix: words(
            "Set `securityContext.seccompProfile.type: RuntimeDefault` for the Pod.",
            "Pod에 `securityContext.seccompProfile.type: RuntimeDefault`를 설정합니다.",
        ),
        mappings: &[
            restricted("seccompProfile_restricted"),
            cis("5.6.2"),
            nsa("Pod security"),
            threat("E6"),
            checkov("CKV_K8S_31"),
            kubesec("SeccompAny"),
            kubeaudit("SeccompProfileMissing"),
        ],
        test: Test::Pod(seccomp_missing),
        remedy: Some(Remedy {
            subject: RemedySubject::PodSpec,
            field: &["securityContext", "seccompProfile", "type"],
            value: "RuntimeDefault",
            needs_decision: false,
        }),
        passes: &[
            Example::Spec("securityContext: {seccompProfile: {type: RuntimeDefault}}"),
            Example::Container(
                "securityContext: {seccompProfile: {type: Localhost, localhostProfile: a.json}}",
            ),
            Example::Spec("os: {name: windows}"),
        ],
        fails: &[Example::Container("image: app:1.0")],
    },
    Check {
        id: "seccomp-annotation",
        severity: Severity::Medium,
        title: words(
            "seccomp is set by an annotation that is no longer read",
            "더 이상 읽히지 않는 어노테이션으로 seccomp을 설정했습니다",
        ),
        why: words(
            "Since Kubernetes 1.27 these annotations do nothing: the Pod runs without the profile it asks for.",
            "Kubernetes 1.27부터 이 어노테이션은 효과가 없습니다. Pod는 요청한 프로파일 없이 실행됩니다.",
        ),
        fix: words(
            "Use `securityContext.seccompProfile`.",
            "`securityContext.seccompProfile`을 씁니다.",
        ),
        mappings: &[threat("E9"), kubeaudit("SeccompDeprecatedAnnotations")],
        test: Test::Pod(seccomp_annotation),
        remedy: None,
        passes: &[Example::Container("image: app:1.0")],
        fails: &[Example::Manifest(
            "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop, annotations: {seccomp.security.alpha.kubernetes.io/pod: runtime/default}}\nspec: {containers: [{name: a, image: 'a:1'}]}\n",
        )],
    },
    Check {
        id: "apparmor-unconfined",
        severity: Severity::High,
        title: words(
            "AppArmor is switched off or set to what is not allowed",
            "AppArmor가 꺼져 있거나 허용되지 않은 값입니다",
        ),
        why: words(
            "The runtime's profile keeps a container from writing to /proc and /sys of the node; this one is without.",
            "런타임 프로파일은 컨테이너가 노드의 /proc와 /sys에 쓰지 못하게 합니다. 이 설정은 그것을 없앱니다.",
        ),
        fix: words(
            "Set `appArmorProfile.type: RuntimeDefault`, or leave it out.",
            "`appArmorProfile.type: RuntimeDefault`로 설정하거나 지웁니다.",
        ),
        mappings: &[
            baseline("appArmorProfile"),
            nsa("Pod security"),
            threat("E6"),
            kubesec("ApparmorUnconfined"),
            kubeaudit("AppArmorDisabled"),
            kubeaudit("AppArmorBadValue"),
        ],
        test: Test::Pod(apparmor_unconfined),
        remedy: None,
        passes: &[
            Example::Spec("securityContext: {appArmorProfile: {type: RuntimeDefault}}"),
            Example::Container("image: app:1.0"),
        ],
        fails: &[
            Example::Container("securityContext: {appArmorProfile: {type: Unconfined}}"),
            Example::Manifest(
                "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop, annotations: {container.apparmor.security.beta.kubernetes.io/a: unconfined}}\nspec: {containers: [{name: a, image: 'a:1'}]}\n",
            ),
        ],
    },
    Check {
        id: "apparmor-profile",
        severity: Severity::Info,
        title: words("No AppArmor profile is named", "AppArmor 프로파일이 지정되지 않았습니다"),
        why: words(
            "On nodes with AppArmor the runtime's profile is used anyway; naming it makes a node without it refuse the Pod.",
            "AppArmor가 있는 노드에서는 런타임 프로파일이 쓰입니다. 지정하면 프로파일이 없는 노드가 Pod를 거부합니다.",
        ),
        fix: words(
            "Set `securityContext.appArmorProfile.type: RuntimeDefault`.",
            "`securityContext.appArmorProfile.type: RuntimeDefault`를 설정합니다.",
        ),
        mappings: &[threat("E6"), kubesec("ApparmorAny"), kubeaudit("AppArmorAnnotationMissing")],
        test: Test::Container(apparmor_missing),
        remedy: None,
        passes: &[
            Example::Spec("securityContext: {appArmorProfile: {type: RuntimeDefault}}"),
            Example::Spec("os: {name: windows}"),
        ],
        fails: &[Example::Container("image: app:1.0")],
    },
    Check {
        id: "apparmor-annotation-astray",
        severity: Severity::Medium,
        title: words(
            "An AppArmor annotation names a container that is not there",
            "AppArmor 어노테이션이 없는 컨테이너를 가리킵니다",
        ),
        why: words(
            "The container that was meant runs without the profile.",
            "의도한 컨테이너가 프로파일 없이 실행됩니다.",
        ),
        fix: words(
            "Correct the name, or better, use `appArmorProfile`.",
            "이름을 고치거나 `appArmorProfile`을 씁니다.",
        ),
        mappings: &[threat("E6"), kubeaudit("AppArmorInvalidAnnotation")],
        test: Test::Pod(apparmor_astray),
        remedy: None,
        passes: &[Example::Container("image: app:1.0")],
        fails: &[Example::Manifest(
            "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop, annotations: {container.apparmor.security.beta.kubernetes.io/b: runtime/default}}\nspec: {containers: [{name: a, image: 'a:1'}]}\n",
        )],
    },
    Check {
        id: "selinux-options",
        severity: Severity::High,
        title: words(
            "SELinux options leave the container's domain",
            "SELinux 옵션이 컨테이너 도메인을 벗어납니다",
        ),
        why: words(
            "A type outside the container domains, or a user or role, lifts what keeps the container from the node's files.",
            "컨테이너 도메인 밖의 타입이나 사용자·역할을 지정하면 노드 파일로부터의 격리가 풀립니다.",
        ),
        fix: words(
            "Remove `seLinuxOptions.user` and `role`, and use a container type.",
            "`seLinuxOptions.user`와 `role`을 지우고 컨테이너 타입을 씁니다.",
        ),
        mappings: &[baseline("seLinuxOptions"), nsa("Pod security"), threat("E6")],
        test: Test::Pod(selinux),
        remedy: None,
        passes: &[
            Example::Container("securityContext: {seLinuxOptions: {type: container_t}}"),
            Example::Spec("securityContext: {seLinuxOptions: {level: 's0:c1,c2'}}"),
        ],
        fails: &[
            Example::Container("securityContext: {seLinuxOptions: {type: spc_t}}"),
            Example::Spec("securityContext: {seLinuxOptions: {user: system_u}}"),
        ],
    },
    Check {
        id: "sysctl-unsafe",
        severity: Severity::High,
        title: words(
            "The Pod sets kernel parameters that are not its own",
            "Pod가 자기 것이 아닌 커널 파라미터를 바꿉니다",
        ),
        why: words(
            "Sysctls outside the safe set act on all of the node.",
            "안전한 집합 밖의 sysctl은 노드 전체에 영향을 줍니다.",
        ),
        fix: words(
            "Remove them from `securityContext.sysctls`.",
            "`securityContext.sysctls`에서 지웁니다.",
        ),
        mappings: &[baseline("sysctls"), nsa("Pod security"), threat("E6"), kccss("K-7")],
        test: Test::Pod(sysctls),
        remedy: None,
        passes: &[Example::Spec(
            "securityContext: {sysctls: [{name: net.ipv4.tcp_syncookies, value: '1'}]}",
        )],
        fails: &[Example::Spec(
            "securityContext: {sysctls: [{name: kernel.msgmax, value: '65536'}]}",
        )],
    },
];

fn both<'a, 'p>(pod: &'p Pod<'a>) -> impl Iterator<Item = &'p Security<'a>> {
    [&pod.security].into_iter().chain(pod.containers.iter().map(|container| &container.security))
}

fn is_confined(profile: &str) -> bool {
    matches!(profile, "RuntimeDefault" | "Localhost")
}

fn unconfined<'a>(field: Field<'a, &'a str>) -> Option<Place<'a>> {
    field.value.is_some_and(|profile| !is_confined(profile)).then_some(field.place)
}

fn seccomp_unconfined<'a>(pod: &Pod<'a>) -> Outcome<'a> {
    Outcome::of(both(pod).filter_map(|security| unconfined(security.seccomp)))
}

fn seccomp_missing<'a>(pod: &Pod<'a>) -> Outcome<'a> {
    if pod.windows {
        return Outcome::Pass;
    }
    let wrong = |field: Field<'a, &'a str>| !field.value.is_some_and(is_confined);
    let pod_is_wrong = wrong(pod.security.seccomp);
    // A bad word of the Pod's fails by itself, even where every container has a good one.
    let explicit = unconfined(pod.security.seccomp);
    let own = pod.containers.iter().map(|container| container.security.seccomp);
    let places = own.filter_map(|field| match field.value {
        Some(_) => unconfined(field),
        None => pod_is_wrong.then_some(pod.security.seccomp.place),
    });
    Outcome::of(explicit.into_iter().chain(places))
}

fn seccomp_annotation<'a>(pod: &Pod<'a>) -> Outcome<'a> {
    let old = pod
        .annotations
        .iter()
        .filter(|(key, _)| SECCOMP_ANNOTATIONS.iter().any(|old| key.starts_with(old)));
    Outcome::of(old.map(|(_, node)| Place::of(node)))
}

fn apparmor_unconfined<'a>(pod: &Pod<'a>) -> Outcome<'a> {
    let annotations = pod.annotations.iter().filter(|(key, node)| {
        let profile = node.text().unwrap_or_default();
        let allowed =
            profile.is_empty() || profile == "runtime/default" || profile.starts_with("localhost/");
        key.starts_with(APPARMOR_ANNOTATION) && !allowed
    });
    let fields = both(pod).filter_map(|security| unconfined(security.app_armor));
    Outcome::of(fields.chain(annotations.map(|(_, node)| Place::of(node))))
}

fn apparmor_missing<'a>(pod: &Pod<'a>, container: &Container<'a>) -> Option<Place<'a>> {
    let annotated = container.name.value.is_some_and(|name| {
        pod.annotations.iter().any(|(key, _)| key.strip_prefix(APPARMOR_ANNOTATION) == Some(name))
    });
    let named = container.security.app_armor.value.or(pod.security.app_armor.value).is_some();
    (!pod.windows && !annotated && !named).then_some(container.security.app_armor.place)
}

fn apparmor_astray<'a>(pod: &Pod<'a>) -> Outcome<'a> {
    let astray = pod.annotations.iter().filter(|(key, _)| {
        key.strip_prefix(APPARMOR_ANNOTATION)
            .is_some_and(|name| !pod.containers.iter().any(|container| container.name.is(name)))
    });
    Outcome::of(astray.map(|(_, node)| Place::of(node)))
}

fn selinux<'a>(pod: &Pod<'a>) -> Outcome<'a> {
    let is_set = |field: &Field<'a, &'a str>| field.value.is_some_and(|text| !text.is_empty());
    Outcome::of(both(pod).flat_map(|security| {
        let bad = security.selinux_type.value.is_some_and(|name| !SELINUX_TYPES.contains(&name));
        let wrong = [
            bad.then_some(security.selinux_type.place),
            is_set(&security.selinux_user).then_some(security.selinux_user.place),
            is_set(&security.selinux_role).then_some(security.selinux_role.place),
        ];
        wrong.into_iter().flatten()
    }))
}

fn sysctls<'a>(pod: &Pod<'a>) -> Outcome<'a> {
    let unsafe_ones = pod
        .sysctls
        .iter()
        .filter(|name| !name.value.is_some_and(|name| SAFE_SYSCTLS.contains(&name)));
    Outcome::of(unsafe_ones.map(|name| name.place))
}
