//! Checks on images and on programs that should not be in a cluster at all.

use super::{checkov, cis, kccss, kubeaudit, mkit, nsa, threat};
use crate::check::{Check, Example, Outcome, Severity, Test};
use crate::node::Node;
use crate::object::Object;
use crate::place::Place;
use crate::snapshot::place;
use crate::words::words;
use crate::workload::{Container, ImageName, Pod};

pub(super) static CHECKS: &[Check] = &[
    Check {
        id: "image-tag",
        severity: Severity::Medium,
        title: words("An image has no fixed tag", "이미지에 고정된 태그가 없습니다"),
        why: words(
            "`latest` is another program tomorrow; nobody can say what ran yesterday, nor go back to it.",
            "`latest`는 내일이면 다른 프로그램입니다. 어제 무엇이 실행되었는지 알 수도, 되돌릴 수도 없습니다.",
        ),
        fix: words(
            "Name a version, best with its digest.",
            "버전을 지정합니다. 다이제스트까지 지정하는 것이 가장 좋습니다.",
        ),
        mappings: &[
            cis("5.5.1"),
            nsa("Pod security"),
            threat("E3"),
            checkov("CKV_K8S_14"),
            kubeaudit("ImageTagMissing"),
            mkit("latest"),
        ],
        test: Test::Container(floating),
        remedy: None,
        passes: &[
            Example::Container("image: app:1.0"),
            Example::Container("image: app@sha256:0123"),
        ],
        fails: &[
            Example::Container("image: app"),
            Example::Container("image: registry:5000/app:latest"),
            Example::Container("image: ''"),
        ],
    },
    Check {
        id: "image-digest",
        severity: Severity::Info,
        title: words(
            "An image is not named by its digest",
            "이미지가 다이제스트로 지정되지 않았습니다",
        ),
        why: words(
            "A tag can be moved by whoever may push; a digest is the content itself.",
            "태그는 push 권한이 있으면 옮길 수 있지만 다이제스트는 내용 자체입니다.",
        ),
        fix: words(
            "Write `image: name:tag@sha256:…`.",
            "`image: name:tag@sha256:…` 형식으로 적습니다.",
        ),
        mappings: &[cis("5.5.1"), threat("E3"), checkov("CKV_K8S_43")],
        test: Test::Container(no_digest),
        remedy: None,
        passes: &[Example::Container("image: app:1.0@sha256:0123")],
        fails: &[Example::Container("image: app:1.0")],
    },
    Check {
        id: "image-pull-policy",
        severity: Severity::Info,
        title: words(
            "An image may be used without asking its registry",
            "레지스트리에 묻지 않고 이미지를 쓸 수 있습니다",
        ),
        why: words(
            "With another policy than Always, a Pod runs a private image that the node has, without the right to pull it.",
            "Always가 아니면 Pod가 pull 권한 없이도 노드에 있는 비공개 이미지를 실행할 수 있습니다.",
        ),
        fix: words(
            "Set `imagePullPolicy: Always`, or name the image by digest.",
            "`imagePullPolicy: Always`를 설정하거나 이미지를 다이제스트로 지정합니다.",
        ),
        mappings: &[threat("E3"), checkov("CKV_K8S_15")],
        test: Test::Container(pull_policy),
        remedy: None,
        passes: &[
            Example::Container("image: app:1.0\nimagePullPolicy: Always"),
            Example::Container("image: app"),
            Example::Container("image: app@sha256:0123\nimagePullPolicy: IfNotPresent"),
        ],
        fails: &[
            Example::Container("image: app:1.0"),
            Example::Container("image: app\nimagePullPolicy: IfNotPresent"),
        ],
    },
    Check {
        id: "dashboard-deployed",
        severity: Severity::Medium,
        title: words(
            "The Kubernetes dashboard is deployed",
            "Kubernetes 대시보드가 배포되어 있습니다",
        ),
        why: words(
            "A page with the cluster's rights behind it has been the way into more than one.",
            "클러스터 권한을 가진 이 페이지는 여러 번 침입 경로가 되었습니다.",
        ),
        fix: words(
            "Remove it, or let nobody reach it without signing in.",
            "제거하거나 로그인하지 않으면 접근할 수 없게 합니다.",
        ),
        mappings: &[threat("E1"), checkov("CKV_K8S_33"), mkit("dashboard")],
        test: Test::Container(dashboard),
        remedy: None,
        passes: &[Example::Container("image: app:1.0")],
        fails: &[Example::Container("image: kubernetesui/dashboard:v2.7.0")],
    },
    Check {
        id: "tiller-deployed",
        severity: Severity::High,
        title: words("Tiller (Helm 2) is deployed", "Tiller(Helm 2)가 배포되어 있습니다"),
        why: words(
            "It does whatever it is asked, with the rights of the cluster's administrator, for whoever reaches it.",
            "닿을 수 있는 누구의 요청이든 클러스터 관리자 권한으로 실행합니다.",
        ),
        fix: words("Move to Helm 3 and remove Tiller.", "Helm 3으로 옮기고 Tiller를 제거합니다."),
        mappings: &[
            threat("E7"),
            threat("E9"),
            checkov("CKV_K8S_34"),
            kccss("Helm-1"),
            mkit("tiller"),
        ],
        test: Test::Container(tiller),
        remedy: None,
        passes: &[Example::Container("image: app:1.0")],
        fails: &[Example::Container("image: gcr.io/kubernetes-helm/tiller:v2.17.0")],
    },
    Check {
        id: "tiller-listens",
        severity: Severity::High,
        title: words(
            "Tiller is reachable from within the cluster",
            "Tiller가 클러스터 안에서 접근됩니다",
        ),
        why: words("Every Pod can give it orders.", "모든 Pod가 명령을 내릴 수 있습니다."),
        fix: words(
            "Remove Tiller; until then, start it with `--listen=localhost:44134`.",
            "Tiller를 제거합니다. 그때까지는 `--listen=localhost:44134`로 실행합니다.",
        ),
        mappings: &[threat("E7"), checkov("CKV_K8S_45")],
        test: Test::Container(tiller_listens),
        remedy: None,
        passes: &[Example::Container("image: tiller:v2\nargs: ['--listen=localhost:44134']")],
        fails: &[Example::Container("image: tiller:v2")],
    },
    Check {
        id: "tiller-service",
        severity: Severity::High,
        title: words("There is a Service for Tiller", "Tiller용 Service가 있습니다"),
        why: words(
            "A Service makes it easy to find for whoever is in the cluster.",
            "Service가 있으면 클러스터 안의 누구나 쉽게 찾을 수 있습니다.",
        ),
        fix: words("Delete the Service, and Tiller.", "Service와 Tiller를 삭제합니다."),
        mappings: &[threat("E7"), checkov("CKV_K8S_44")],
        test: Test::Object(&["Service"], tiller_service),
        remedy: None,
        passes: &[Example::Manifest(
            "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\n",
        )],
        fails: &[Example::Manifest(
            "apiVersion: v1\nkind: Service\nmetadata: {name: tiller-deploy, namespace: kube-system}\n",
        )],
    },
];

fn floating<'a>(_: &Pod<'a>, container: &Container<'a>) -> Option<Place<'a>> {
    let name = container.image.value.unwrap_or_default().trim();
    (name.is_empty() || ImageName::of(name).floats()).then_some(container.image.place)
}

fn no_digest<'a>(_: &Pod<'a>, container: &Container<'a>) -> Option<Place<'a>> {
    let has = container.image.value.is_some_and(|name| ImageName::of(name).digest.is_some());
    (!has).then_some(container.image.place)
}

fn pull_policy<'a>(_: &Pod<'a>, container: &Container<'a>) -> Option<Place<'a>> {
    let name = ImageName::of(container.image.value.unwrap_or_default());
    let fresh = match container.pull_policy.value {
        Some(policy) => policy == "Always",
        // The API's default: Always where the tag floats, IfNotPresent otherwise.
        None => name.floats(),
    };
    (!fresh && name.digest.is_none()).then_some(container.pull_policy.place)
}

fn has_label(pod: &Pod<'_>, key: &str, value: &str) -> bool {
    pod.labels.contains(&(key, value))
}

fn dashboard<'a>(pod: &Pod<'a>, container: &Container<'a>) -> Option<Place<'a>> {
    let by_image = container.image.value.is_some_and(|image| {
        image.contains("kubernetes-dashboard") || image.contains("kubernetesui")
    });
    let by_label = ["app", "k8s-app"].iter().any(|key| has_label(pod, key, "kubernetes-dashboard"));
    (by_image || by_label).then_some(container.image.place)
}

fn is_tiller(pod: &Pod<'_>, container: &Container<'_>) -> bool {
    container.image.value.is_some_and(|image| image.contains("tiller"))
        || has_label(pod, "app", "helm")
        || has_label(pod, "name", "tiller")
}

fn tiller<'a>(pod: &Pod<'a>, container: &Container<'a>) -> Option<Place<'a>> {
    is_tiller(pod, container).then_some(container.image.place)
}

fn tiller_listens<'a>(pod: &Pod<'a>, container: &Container<'a>) -> Option<Place<'a>> {
    let local = container.command.iter().any(|word| {
        word.contains("--listen") && (word.contains("localhost") || word.contains("127.0.0.1"))
    });
    (is_tiller(pod, container) && !local).then_some(container.place.get("args"))
}

fn tiller_service(object: &Object) -> Outcome<'_> {
    let says = |way: &[&'static str]| {
        let map = place(object, way).node();
        let mut entries = map.map_or(&[][..], Node::entries).iter();
        entries.any(|entry| {
            entry.node.text().is_some_and(|text| text.to_lowercase().contains("tiller"))
        })
    };
    let wrong = object.name.to_lowercase().contains("tiller")
        || says(&["metadata", "labels"])
        || says(&["spec", "selector"]);
    Outcome::fail_if(wrong, place(object, &["metadata", "name"]))
}
