//! Checks on resources, probes, and APIs that are gone.

use super::{checkov, kccss, kubeaudit, kubesec, nsa, threat};
use crate::check::{Check, Example, Outcome, Severity, Test};
use crate::object::Object;
use crate::place::Place;
use crate::snapshot::place;
use crate::words::words;
use crate::workload::{Container, Group, Pod};

/// Group and version, kind, and the release that no longer serves it.
const REMOVED: &[(&str, &str, &str)] = &[
    ("extensions/v1beta1", "Deployment", "1.16"),
    ("extensions/v1beta1", "DaemonSet", "1.16"),
    ("extensions/v1beta1", "ReplicaSet", "1.16"),
    ("extensions/v1beta1", "NetworkPolicy", "1.16"),
    ("extensions/v1beta1", "PodSecurityPolicy", "1.16"),
    ("extensions/v1beta1", "Ingress", "1.22"),
    ("apps/v1beta1", "Deployment", "1.16"),
    ("apps/v1beta1", "StatefulSet", "1.16"),
    ("apps/v1beta2", "Deployment", "1.16"),
    ("apps/v1beta2", "DaemonSet", "1.16"),
    ("apps/v1beta2", "ReplicaSet", "1.16"),
    ("apps/v1beta2", "StatefulSet", "1.16"),
    ("networking.k8s.io/v1beta1", "Ingress", "1.22"),
    ("networking.k8s.io/v1beta1", "IngressClass", "1.22"),
    ("rbac.authorization.k8s.io/v1alpha1", "Role", "1.22"),
    ("rbac.authorization.k8s.io/v1beta1", "Role", "1.22"),
    ("rbac.authorization.k8s.io/v1beta1", "ClusterRole", "1.22"),
    ("rbac.authorization.k8s.io/v1beta1", "RoleBinding", "1.22"),
    ("rbac.authorization.k8s.io/v1beta1", "ClusterRoleBinding", "1.22"),
    ("apiextensions.k8s.io/v1beta1", "CustomResourceDefinition", "1.22"),
    ("admissionregistration.k8s.io/v1beta1", "ValidatingWebhookConfiguration", "1.22"),
    ("admissionregistration.k8s.io/v1beta1", "MutatingWebhookConfiguration", "1.22"),
    ("certificates.k8s.io/v1beta1", "CertificateSigningRequest", "1.22"),
    ("scheduling.k8s.io/v1beta1", "PriorityClass", "1.22"),
    ("storage.k8s.io/v1beta1", "StorageClass", "1.22"),
    ("batch/v1beta1", "CronJob", "1.25"),
    ("policy/v1beta1", "PodDisruptionBudget", "1.25"),
    ("policy/v1beta1", "PodSecurityPolicy", "1.25"),
    ("discovery.k8s.io/v1beta1", "EndpointSlice", "1.25"),
    ("events.k8s.io/v1beta1", "Event", "1.25"),
    ("node.k8s.io/v1beta1", "RuntimeClass", "1.25"),
    ("autoscaling/v2beta1", "HorizontalPodAutoscaler", "1.25"),
    ("autoscaling/v2beta2", "HorizontalPodAutoscaler", "1.26"),
    ("storage.k8s.io/v1beta1", "CSIStorageCapacity", "1.27"),
    ("flowcontrol.apiserver.k8s.io/v1beta2", "FlowSchema", "1.29"),
    ("flowcontrol.apiserver.k8s.io/v1beta3", "FlowSchema", "1.32"),
];
/// The kinds of the list above, each once.
const REMOVED_KINDS: &[&str] = &[
    "Deployment",
    "DaemonSet",
    "ReplicaSet",
    "StatefulSet",
    "NetworkPolicy",
    "PodSecurityPolicy",
    "Ingress",
    "IngressClass",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
    "CertificateSigningRequest",
    "PriorityClass",
    "StorageClass",
    "CronJob",
    "PodDisruptionBudget",
    "EndpointSlice",
    "Event",
    "RuntimeClass",
    "HorizontalPodAutoscaler",
    "CSIStorageCapacity",
    "FlowSchema",
];

pub(super) static CHECKS: &[Check] = &[
    Check {
        id: "cpu-limit",
        severity: Severity::Low,
        title: words("A container has no CPU limit", "컨테이너에 CPU 제한이 없습니다"),
        why: words(
            "One container can slow all others on its node.",
            "한 컨테이너가 노드의 다른 모든 컨테이너를 느리게 할 수 있습니다.",
        ),
        fix: words(
            "Set `resources.limits.cpu`, or a LimitRange for the namespace.",
            "`resources.limits.cpu`를 설정하거나 네임스페이스에 LimitRange를 둡니다.",
        ),
        mappings: &[
            nsa("Network separation: resource policies"),
            threat("E4"),
            checkov("CKV_K8S_11"),
            kubesec("LimitsCPU"),
            kubeaudit("LimitsCPUNotSet"),
            kubeaudit("LimitsNotSet"),
            kccss("K-8"),
        ],
        test: Test::Container(cpu_limit),
        remedy: None,
        passes: &[Example::Container("resources: {limits: {cpu: 1}}")],
        fails: &[Example::Container("resources: {requests: {cpu: 1}}")],
    },
    Check {
        id: "cpu-request",
        severity: Severity::Low,
        title: words("A container asks for no CPU", "컨테이너가 CPU를 요청하지 않습니다"),
        why: words(
            "It is the first to starve, and the scheduler cannot place it well.",
            "가장 먼저 굶게 되며 스케줄러가 제대로 배치할 수 없습니다.",
        ),
        fix: words("Set `resources.requests.cpu`.", "`resources.requests.cpu`를 설정합니다."),
        mappings: &[
            nsa("Network separation: resource policies"),
            threat("E4"),
            checkov("CKV_K8S_10"),
            kubesec("RequestsCPU"),
        ],
        test: Test::Container(cpu_request),
        remedy: None,
        passes: &[
            Example::Container("resources: {requests: {cpu: 100m}}"),
            Example::Container("resources: {limits: {cpu: 1}}"),
        ],
        fails: &[Example::Container("image: app:1.0")],
    },
    Check {
        id: "memory-limit",
        severity: Severity::Medium,
        title: words("A container has no memory limit", "컨테이너에 메모리 제한이 없습니다"),
        why: words(
            "It can take all of the node's memory, and others are killed for it.",
            "노드의 메모리를 모두 차지하여 다른 것들이 종료될 수 있습니다.",
        ),
        fix: words("Set `resources.limits.memory`.", "`resources.limits.memory`를 설정합니다."),
        mappings: &[
            nsa("Network separation: resource policies"),
            threat("E4"),
            checkov("CKV_K8S_13"),
            kubesec("LimitsMemory"),
            kubeaudit("LimitsMemoryNotSet"),
            kubeaudit("LimitsNotSet"),
            kccss("K-8"),
        ],
        test: Test::Container(memory_limit),
        remedy: None,
        passes: &[Example::Container("resources: {limits: {memory: 1Gi}}")],
        fails: &[Example::Container("image: app:1.0")],
    },
    Check {
        id: "memory-request",
        severity: Severity::Low,
        title: words("A container asks for no memory", "컨테이너가 메모리를 요청하지 않습니다"),
        why: words(
            "It is the first to be killed when the node runs short.",
            "노드의 메모리가 부족하면 가장 먼저 종료됩니다.",
        ),
        fix: words("Set `resources.requests.memory`.", "`resources.requests.memory`를 설정합니다."),
        mappings: &[
            nsa("Network separation: resource policies"),
            threat("E4"),
            checkov("CKV_K8S_12"),
            kubesec("RequestsMemory"),
        ],
        test: Test::Container(memory_request),
        remedy: None,
        passes: &[
            Example::Container("resources: {requests: {memory: 64Mi}}"),
            Example::Container("resources: {limits: {memory: 1Gi}}"),
        ],
        fails: &[Example::Container("image: app:1.0")],
    },
    Check {
        id: "liveness-probe",
        severity: Severity::Info,
        title: words("A container has no liveness probe", "컨테이너에 liveness 프로브가 없습니다"),
        why: words(
            "A program that hangs goes on hanging.",
            "멈춘 프로그램이 계속 멈춰 있게 됩니다.",
        ),
        fix: words(
            "Set `livenessProbe`, if the program can hang.",
            "프로그램이 멈출 수 있다면 `livenessProbe`를 설정합니다.",
        ),
        mappings: &[threat("E8"), checkov("CKV_K8S_8")],
        test: Test::Container(liveness),
        remedy: None,
        passes: &[
            Example::Container("livenessProbe: {httpGet: {port: 80}}"),
            Example::Manifest(
                "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j, namespace: shop}\nspec: {template: {spec: {containers: [{name: a, image: 'a:1'}]}}}\n",
            ),
        ],
        fails: &[Example::Container("image: app:1.0")],
    },
    Check {
        id: "readiness-probe",
        severity: Severity::Info,
        title: words(
            "A container has no readiness probe",
            "컨테이너에 readiness 프로브가 없습니다",
        ),
        why: words(
            "Requests are sent to it before it can answer.",
            "응답할 준비가 되기 전에 요청이 전달됩니다.",
        ),
        fix: words("Set `readinessProbe`.", "`readinessProbe`를 설정합니다."),
        mappings: &[threat("E8"), checkov("CKV_K8S_9")],
        test: Test::Container(readiness),
        remedy: None,
        passes: &[Example::Container("readinessProbe: {httpGet: {port: 80}}")],
        fails: &[Example::Container("image: app:1.0")],
    },
    Check {
        id: "api-removed",
        severity: Severity::Medium,
        title: words(
            "The object uses an API that is no longer served",
            "객체가 더 이상 제공되지 않는 API를 씁니다",
        ),
        why: words(
            "A current API server refuses it; who still serves it is out of support.",
            "최신 API 서버는 이를 거부합니다. 아직 제공하는 서버는 지원이 끝난 버전입니다.",
        ),
        fix: words(
            "Move to the API that replaced it; see the deprecation guide of Kubernetes.",
            "대체된 API로 옮깁니다. Kubernetes의 사용 중단 안내를 참고합니다.",
        ),
        mappings: &[threat("E9"), kubeaudit("DeprecatedAPIUsed")],
        test: Test::Object(REMOVED_KINDS, removed),
        remedy: None,
        passes: &[Example::Manifest(
            "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: c, namespace: shop}\n",
        )],
        fails: &[Example::Manifest(
            "apiVersion: batch/v1beta1\nkind: CronJob\nmetadata: {name: c, namespace: shop}\n",
        )],
    },
];

fn resource<'a>(
    container: &Container<'a>,
    kind: &'static str,
    name: &'static str,
) -> Option<Place<'a>> {
    let value = container.place.get("resources").get(kind).get(name);
    // Ephemeral containers can have none: the API refuses the field.
    (container.group != Group::Ephemeral && !value.is_set()).then_some(value)
}

fn cpu_limit<'a>(_: &Pod<'a>, container: &Container<'a>) -> Option<Place<'a>> {
    resource(container, "limits", "cpu")
}

fn memory_limit<'a>(_: &Pod<'a>, container: &Container<'a>) -> Option<Place<'a>> {
    resource(container, "limits", "memory")
}

/// The API's default for a request is its limit.
fn cpu_request<'a>(_: &Pod<'a>, container: &Container<'a>) -> Option<Place<'a>> {
    resource(container, "limits", "cpu").and_then(|_| resource(container, "requests", "cpu"))
}

fn memory_request<'a>(_: &Pod<'a>, container: &Container<'a>) -> Option<Place<'a>> {
    resource(container, "limits", "memory").and_then(|_| resource(container, "requests", "memory"))
}

fn probe<'a>(pod: &Pod<'a>, container: &Container<'a>, name: &'static str) -> Option<Place<'a>> {
    let probe = container.place.get(name);
    let wanted = container.group == Group::Regular && !pod.is_batch();
    (wanted && !probe.is_set()).then_some(probe)
}

fn liveness<'a>(pod: &Pod<'a>, container: &Container<'a>) -> Option<Place<'a>> {
    probe(pod, container, "livenessProbe")
}

fn readiness<'a>(pod: &Pod<'a>, container: &Container<'a>) -> Option<Place<'a>> {
    probe(pod, container, "readinessProbe")
}

fn removed(object: &Object) -> Outcome<'_> {
    let is_gone = REMOVED
        .iter()
        .any(|(version, kind, _)| *version == object.api_version && *kind == object.kind);
    Outcome::fail_if(is_gone, place(object, &["apiVersion"]))
}
