//! Checks on the user a container runs as. A container's word stands above its Pod's.

use super::{checkov, cis, kccss, kubeaudit, kubesec, nsa, restricted, threat};
use crate::check::{Check, Example, Outcome, Remedy, RemedySubject, Severity, Test};
use crate::place::{Field, Place};
use crate::words::words;
use crate::workload::{Container, Pod};

/// Below it, ids are likely to be somebody's on the node.
const HIGH_ID: f64 = 10_000.0;

pub(super) static CHECKS: &[Check] = &[
    Check {
        id: "run-as-non-root",
        severity: Severity::Medium,
        title: words("A container may run as root", "컨테이너가 root로 실행될 수 있습니다"),
        why: words(
            "Nothing stops the image from running as root, and root inside is one kernel fault away from root on the node.",
            "이미지가 root로 실행되는 것을 막는 설정이 없습니다. 컨테이너 안의 root는 커널 결함 하나만으로 노드의 root가 됩니다.",
        ),
        fix: words(
            "Set `securityContext.runAsNonRoot: true` and see that the image has a numeric user other than 0.",
            "`securityContext.runAsNonRoot: true`를 설정하고 이미지의 사용자가 0이 아닌 숫자인지 확인합니다.",
        ),
        mappings: &[
            restricted("runAsNonRoot"),
            nsa("Pod security: non-root containers"),
            threat("E6"),
            kubesec("RunAsNonRoot"),
            kubeaudit("RunAsNonRootCSCFalse"),
            kubeaudit("RunAsNonRootPSCNilCSCNil"),
            kubeaudit("RunAsNonRootPSCFalseCSCNil"),
        ],
        test: Test::Pod(non_root),
        remedy: Some(Remedy {
            subject: RemedySubject::PodSpec,
            field: &["securityContext", "runAsNonRoot"],
            value: "true",
            needs_decision: true,
        }),
        passes: &[
            Example::Spec("securityContext:\n  runAsNonRoot: true"),
            Example::Container("securityContext:\n  runAsNonRoot: true"),
            Example::Spec("hostUsers: false"),
        ],
        fails: &[
            Example::Container("image: app:1.0"),
            Example::Manifest(
                "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop}\nspec:\n  securityContext: {runAsNonRoot: true}\n  containers: [{name: a, image: a:1, securityContext: {runAsNonRoot: false}}]\n",
            ),
        ],
    },
    Check {
        id: "root-possible",
        severity: Severity::Medium,
        title: words(
            "Neither the user id nor `runAsNonRoot` rules out root",
            "사용자 ID로도 `runAsNonRoot`로도 root 실행이 배제되지 않습니다",
        ),
        why: words(
            "A container that names a user above 0 is not root either; this one does neither.",
            "0보다 큰 사용자를 지정한 컨테이너도 root가 아닙니다. 이 컨테이너는 둘 다 하지 않았습니다.",
        ),
        fix: words(
            "Set `runAsNonRoot: true`, or `runAsUser` above 0.",
            "`runAsNonRoot: true` 또는 0보다 큰 `runAsUser`를 설정합니다.",
        ),
        mappings: &[
            cis("5.2.7"),
            nsa("Pod security: non-root containers"),
            threat("E6"),
            checkov("CKV_K8S_23"),
            kccss("K-2"),
        ],
        test: Test::Container(root_possible),
        remedy: None,
        passes: &[
            Example::Spec("securityContext: {runAsUser: 1000}"),
            Example::Container("securityContext: {runAsNonRoot: true}"),
        ],
        fails: &[
            Example::Container("image: app:1.0"),
            Example::Container("securityContext: {runAsUser: 0}"),
            Example::Manifest(
                "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop}\nspec:\n  securityContext: {runAsUser: 1000}\n  containers: [{name: a, image: a:1, securityContext: {runAsUser: 0}}]\n",
            ),
        ],
    },
    Check {
        id: "run-as-root-user",
        severity: Severity::High,
        title: words(
            "A container is told to run as root",
            "컨테이너를 root로 실행하도록 지정했습니다",
        ),
        why: words(
            "User 0 is root, by intention and not by omission.",
            "사용자 0은 root입니다. 빠뜨린 것이 아니라 의도한 설정입니다.",
        ),
        fix: words(
            "Set `runAsUser` to a number above 0.",
            "`runAsUser`를 0보다 큰 값으로 설정합니다.",
        ),
        mappings: &[
            restricted("runAsUser"),
            cis("5.2.7"),
            nsa("Pod security: non-root containers"),
            threat("E6"),
            kubeaudit("RunAsUserCSCRoot"),
            kubeaudit("RunAsUserPSCRoot"),
        ],
        test: Test::Pod(root_user),
        remedy: None,
        passes: &[
            Example::Spec("securityContext: {runAsUser: 1000}"),
            Example::Container("image: app:1.0"),
        ],
        fails: &[
            Example::Spec("securityContext: {runAsUser: 0}"),
            Example::Container("securityContext: {runAsUser: 0}"),
        ],
    },
    Check {
        id: "low-user-id",
        severity: Severity::Low,
        title: words(
            "A container's user id may be somebody's on the node",
            "컨테이너의 사용자 ID가 노드의 다른 사용자와 겹칠 수 있습니다",
        ),
        why: words(
            "Whoever gets out of the container is that user on the node; high numbers are nobody.",
            "컨테이너를 벗어나면 노드에서 그 번호의 사용자가 됩니다. 큰 번호는 아무도 아닙니다.",
        ),
        fix: words(
            "Set `runAsUser` to 10000 or above.",
            "`runAsUser`를 10000 이상으로 설정합니다.",
        ),
        mappings: &[
            nsa("Pod security: non-root containers"),
            threat("E6"),
            checkov("CKV_K8S_40"),
            kubesec("RunAsUser"),
        ],
        test: Test::Container(low_user),
        remedy: None,
        passes: &[
            Example::Spec("securityContext: {runAsUser: 10001}"),
            Example::Spec("hostUsers: false"),
        ],
        fails: &[
            Example::Container("image: app:1.0"),
            Example::Spec("securityContext: {runAsUser: 1000}"),
        ],
    },
    Check {
        id: "low-group-id",
        severity: Severity::Low,
        title: words(
            "A container's group id may be a group of the node",
            "컨테이너의 그룹 ID가 노드의 그룹과 겹칠 수 있습니다",
        ),
        why: words(
            "Group 0 and other low numbers own files on every node.",
            "그룹 0과 작은 번호의 그룹은 모든 노드에서 파일을 소유합니다.",
        ),
        fix: words(
            "Set `runAsGroup` to 10000 or above.",
            "`runAsGroup`을 10000 이상으로 설정합니다.",
        ),
        mappings: &[threat("E6"), kubesec("RunAsGroup")],
        test: Test::Container(low_group),
        remedy: None,
        passes: &[Example::Spec("securityContext: {runAsGroup: 10001}")],
        fails: &[
            Example::Container("image: app:1.0"),
            Example::Spec("securityContext: {runAsGroup: 0}"),
        ],
    },
    Check {
        id: "host-user-namespace",
        severity: Severity::Info,
        title: words(
            "The Pod has no user namespace of its own",
            "Pod에 별도의 사용자 네임스페이스가 없습니다",
        ),
        why: words(
            "With `hostUsers: false`, root inside is an unprivileged user outside, and most container escapes lead nowhere.",
            "`hostUsers: false`이면 컨테이너 안의 root는 밖에서 권한 없는 사용자이므로 대부분의 컨테이너 탈출이 소용없어집니다.",
        ),
        fix: words(
            "Set `hostUsers: false`; it needs Linux 6.3 and Kubernetes 1.33.",
            "`hostUsers: false`를 설정합니다. Linux 6.3과 Kubernetes 1.33이 필요합니다.",
        ),
        mappings: &[threat("E6"), kubesec("HostUsers")],
        test: Test::Pod(host_users),
        remedy: None,
        passes: &[Example::Spec("hostUsers: false")],
        fails: &[Example::Container("image: app:1.0"), Example::Spec("hostUsers: true")],
    },
];

/// What holds for the container: its own word, or its Pod's.
fn effective<'a, T: Copy>(own: Field<'a, T>, pod: Field<'a, T>) -> Field<'a, T> {
    if own.value.is_none() && pod.value.is_some() { pod } else { own }
}

fn non_root<'a>(pod: &Pod<'a>) -> Outcome<'a> {
    if pod.has_user_namespace() {
        return Outcome::Pass;
    }
    let explicit = pod.security.non_root.is(false).then_some(pod.security.non_root.place);
    let places = pod.containers.iter().filter_map(|container| {
        let field = effective(container.security.non_root, pod.security.non_root);
        let inherited = container.security.non_root.value.is_none() && explicit.is_some();
        (!field.is(true) && !inherited).then_some(field.place)
    });
    Outcome::of(explicit.into_iter().chain(places))
}

fn root_possible<'a>(pod: &Pod<'a>, container: &Container<'a>) -> Option<Place<'a>> {
    let non_root = effective(container.security.non_root, pod.security.non_root);
    let user = effective(container.security.user, pod.security.user);
    let is_safe = non_root.is(true) || user.value.is_some_and(|user| user > 0.0);
    (!is_safe).then_some(if user.value.is_some() { user.place } else { non_root.place })
}

fn root_user<'a>(pod: &Pod<'a>) -> Outcome<'a> {
    if pod.has_user_namespace() {
        return Outcome::Pass;
    }
    let own = pod.containers.iter().map(|container| container.security.user);
    let all = [pod.security.user].into_iter().chain(own);
    Outcome::of(all.filter(|user| user.is(0.0)).map(|user| user.place))
}

fn low_user<'a>(pod: &Pod<'a>, container: &Container<'a>) -> Option<Place<'a>> {
    let user = effective(container.security.user, pod.security.user);
    let is_high = user.value.is_some_and(|user| user >= HIGH_ID);
    (!pod.has_user_namespace() && !is_high).then_some(user.place)
}

fn low_group<'a>(pod: &Pod<'a>, container: &Container<'a>) -> Option<Place<'a>> {
    let group = effective(container.security.group, pod.security.group);
    let is_high = group.value.is_some_and(|group| group >= HIGH_ID);
    (!pod.has_user_namespace() && !is_high).then_some(group.place)
}

fn host_users<'a>(pod: &Pod<'a>) -> Outcome<'a> {
    Outcome::fail_if(!pod.has_user_namespace(), pod.host_users.place)
}
