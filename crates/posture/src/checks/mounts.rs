//! Checks on volumes: what of the node, or of others, a Pod has in its hands.

use super::{baseline, checkov, cis, hunter, kccss, kubeaudit, kubesec, nsa, restricted, threat};
use crate::check::{Check, Example, Outcome, Severity, Test};
use crate::node::Node;
use crate::object::Object;
use crate::place::Place;
use crate::snapshot::place;
use crate::words::words;
use crate::workload::{Pod, Volume};

/// Kinds of volumes that hold nothing of the node's.
const CONTAINED: &[&str] = &[
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
];
/// Sockets by which a runtime takes orders; whoever has one starts privileged containers.
const SOCKETS: &[&str] = &[
    "/var/run/docker.sock",
    "/run/docker.sock",
    "/run/containerd/containerd.sock",
    "/var/run/containerd/containerd.sock",
    "/var/run/crio/crio.sock",
    "/run/crio/crio.sock",
    "/var/run/cri-dockerd.sock",
    "/run/cri-dockerd.sock",
    "/run/podman/podman.sock",
];
/// Folders of a node from which the node or the cluster can be taken over.
const SENSITIVE: &[&str] = &[
    "/",
    "/boot",
    "/dev",
    "/etc",
    "/home/admin",
    "/lib",
    "/proc",
    "/root",
    "/run",
    "/sys",
    "/usr",
    "/var",
    "/var/lib",
    "/var/lib/etcd",
    "/var/lib/kubelet",
    "/var/run",
    "/run/containerd",
    "/var/run/crio",
    "/var/lib/docker",
    "/var/lib/containerd",
    "/etc/kubernetes",
    "/etc/cni",
    "/opt/cni",
    "/var/log",
];

pub(super) static CHECKS: &[Check] = &[
    Check {
        id: "host-path",
        severity: Severity::High,
        title: words("The Pod mounts a folder of its node", "Pod가 노드의 폴더를 마운트합니다"),
        why: words(
            "Files of the node are shared with whoever is inside, and with every other Pod that mounts them.",
            "노드의 파일을 컨테이너 안의 사람, 그리고 그것을 마운트하는 다른 모든 Pod와 나눕니다.",
        ),
        fix: words(
            "Use a PersistentVolumeClaim, a ConfigMap or an `emptyDir`.",
            "PersistentVolumeClaim, ConfigMap 또는 `emptyDir`를 씁니다.",
        ),
        mappings: &[
            baseline("hostPathVolumes"),
            restricted("restrictedVolumes"),
            cis("5.2.11"),
            nsa("Pod security"),
            threat("E6"),
        ],
        test: Test::Pod(host_path),
        remedy: None,
        passes: &[Example::Spec("volumes: [{name: v, emptyDir: {}}]")],
        fails: &[Example::Spec("volumes: [{name: v, hostPath: {path: /data}}]")],
    },
    Check {
        id: "host-path-writable",
        severity: Severity::High,
        title: words(
            "A folder of the node is mounted for writing",
            "노드의 폴더가 쓰기 가능하게 마운트됩니다",
        ),
        why: words(
            "What is written there outlives the container and may be run by the node.",
            "그곳에 쓴 것은 컨테이너보다 오래 남고 노드가 실행할 수도 있습니다.",
        ),
        fix: words(
            "Set `readOnly: true` on the mount, or do without it.",
            "마운트에 `readOnly: true`를 설정하거나 쓰지 않습니다.",
        ),
        mappings: &[threat("E6"), kccss("K-9")],
        test: Test::Pod(host_path_writable),
        remedy: None,
        passes: &[Example::Manifest(
            "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop}\nspec:\n  volumes: [{name: v, hostPath: {path: /data}}]\n  containers: [{name: a, image: 'a:1', volumeMounts: [{name: v, mountPath: /d, readOnly: true}]}]\n",
        )],
        fails: &[Example::Manifest(
            "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop}\nspec:\n  volumes: [{name: v, hostPath: {path: /data}}]\n  containers: [{name: a, image: 'a:1', volumeMounts: [{name: v, mountPath: /d}]}]\n",
        )],
    },
    Check {
        id: "host-path-read-only",
        severity: Severity::Low,
        title: words(
            "A folder of the node is mounted for reading",
            "노드의 폴더가 읽기 전용으로 마운트됩니다",
        ),
        why: words(
            "Reading is enough to learn keys, tokens and what else runs there.",
            "읽기만으로도 키와 토큰, 그곳에서 실행되는 다른 것을 알 수 있습니다.",
        ),
        fix: words(
            "Do without the mount, or narrow its path.",
            "마운트를 쓰지 않거나 경로를 좁힙니다.",
        ),
        mappings: &[threat("E6"), kccss("K-10")],
        test: Test::Pod(host_path_read_only),
        remedy: None,
        passes: &[Example::Spec("volumes: [{name: v, emptyDir: {}}]")],
        fails: &[Example::Manifest(
            "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop}\nspec:\n  volumes: [{name: v, hostPath: {path: /data}}]\n  containers: [{name: a, image: 'a:1', volumeMounts: [{name: v, mountPath: /d, readOnly: true}]}]\n",
        )],
    },
    Check {
        id: "runtime-socket",
        severity: Severity::Critical,
        title: words(
            "The socket of the container runtime is mounted",
            "컨테이너 런타임의 소켓이 마운트됩니다",
        ),
        why: words(
            "Whoever speaks to it starts a privileged container with the node's disk in it.",
            "이 소켓에 말을 걸 수 있으면 노드의 디스크를 가진 특권 컨테이너를 시작할 수 있습니다.",
        ),
        fix: words(
            "Remove the volume; build images without a daemon.",
            "볼륨을 지우고 데몬 없이 이미지를 빌드합니다.",
        ),
        mappings: &[
            threat("E6"),
            nsa("Pod security"),
            checkov("CKV_K8S_27"),
            kubesec("DockerSock"),
            kubeaudit("SensitivePathsMounted"),
        ],
        test: Test::Pod(runtime_socket),
        remedy: None,
        passes: &[Example::Spec("volumes: [{name: v, hostPath: {path: /data}}]")],
        fails: &[
            Example::Spec("volumes: [{name: v, hostPath: {path: /var/run/docker.sock}}]"),
            Example::Spec(
                "volumes: [{name: v, hostPath: {path: /run/containerd/containerd.sock/}}]",
            ),
        ],
    },
    Check {
        id: "host-path-sensitive",
        severity: Severity::Critical,
        title: words(
            "A folder is mounted from which the node can be taken over",
            "노드를 장악할 수 있는 폴더가 마운트됩니다",
        ),
        why: words(
            "Keys of the cluster, programs that the node runs as root, or links by which the kubelet reads any file.",
            "클러스터의 키, 노드가 root로 실행하는 프로그램, 또는 kubelet이 아무 파일이나 읽게 만드는 링크가 있습니다.",
        ),
        fix: words(
            "Remove the volume, or mount only the file that is needed, read-only.",
            "볼륨을 지우거나 필요한 파일만 읽기 전용으로 마운트합니다.",
        ),
        mappings: &[
            threat("E5"),
            threat("E6"),
            kubeaudit("SensitivePathsMounted"),
            hunter("KHV047"),
        ],
        test: Test::Pod(sensitive),
        remedy: None,
        passes: &[Example::Spec("volumes: [{name: v, hostPath: {path: /data}}]")],
        fails: &[
            Example::Spec("volumes: [{name: v, hostPath: {path: /}}]"),
            Example::Spec("volumes: [{name: v, hostPath: {path: /etc/kubernetes/manifests}}]"),
            Example::Spec("volumes: [{name: v, hostPath: {path: /var/log}}]"),
            Example::Spec("volumes: [{name: v, hostPath: {path: /data/../etc}}]"),
        ],
    },
    Check {
        id: "host-proc",
        severity: Severity::High,
        title: words("The node's /proc is mounted", "노드의 /proc가 마운트됩니다"),
        why: words(
            "It shows all processes of the node with their environment and opens their files.",
            "노드의 모든 프로세스와 환경 변수를 보여 주고 그 파일을 엽니다.",
        ),
        fix: words("Remove the volume.", "볼륨을 지웁니다."),
        mappings: &[threat("E6"), kubesec("ProcMount"), kubeaudit("SensitivePathsMounted")],
        test: Test::Pod(host_proc),
        remedy: None,
        passes: &[Example::Spec("volumes: [{name: v, hostPath: {path: /process-data}}]")],
        fails: &[
            Example::Spec("volumes: [{name: v, hostPath: {path: /proc}}]"),
            Example::Spec("volumes: [{name: v, hostPath: {path: /proc/1}}]"),
        ],
    },
    Check {
        id: "volume-kind-restricted",
        severity: Severity::Medium,
        title: words(
            "A volume of a kind that reaches past the Pod",
            "Pod 밖에 닿는 종류의 볼륨입니다",
        ),
        why: words(
            "The restricted level allows volumes that the cluster provides, and none that a Pod's author points at storage.",
            "restricted 수준은 클러스터가 제공하는 볼륨만 허용하고, Pod 작성자가 저장소를 직접 가리키는 볼륨은 허용하지 않습니다.",
        ),
        fix: words("Use a PersistentVolumeClaim.", "PersistentVolumeClaim을 씁니다."),
        mappings: &[restricted("restrictedVolumes"), threat("E6")],
        test: Test::Pod(volume_kind),
        remedy: None,
        passes: &[Example::Spec(
            "volumes: [{name: v, configMap: {name: c}}, {name: w, image: {reference: a}}, {name: x}]",
        )],
        fails: &[
            Example::Spec("volumes: [{name: v, nfs: {server: a, path: /}}]"),
            Example::Spec("volumes: [{name: v, unheardOf: {}}]"),
        ],
    },
    Check {
        id: "git-repo-volume",
        severity: Severity::High,
        title: words(
            "A gitRepo volume runs git on the node",
            "gitRepo 볼륨이 노드에서 git을 실행합니다",
        ),
        why: words(
            "The kubelet clones as root; a hook in the repository ran on the node (CVE-2024-10220).",
            "kubelet이 root로 클론합니다. 저장소의 훅이 노드에서 실행된 적이 있습니다(CVE-2024-10220).",
        ),
        fix: words(
            "Clone in an init container into an `emptyDir`.",
            "초기화 컨테이너에서 `emptyDir`로 클론합니다.",
        ),
        mappings: &[restricted("restrictedVolumes"), threat("E6"), threat("E9")],
        test: Test::Pod(git_repo),
        remedy: None,
        passes: &[Example::Spec("volumes: [{name: v, emptyDir: {}}]")],
        fails: &[Example::Spec(
            "volumes: [{name: v, gitRepo: {repository: https://git.example/a}}]",
        )],
    },
    Check {
        id: "persistent-volume",
        severity: Severity::Info,
        title: words(
            "The Pod keeps data beyond its life",
            "Pod가 자기 수명보다 오래 남는 데이터를 가집니다",
        ),
        why: words(
            "What an intruder leaves in a persistent volume is there again after the Pod is replaced.",
            "침입자가 영구 볼륨에 남긴 것은 Pod를 교체해도 다시 나타납니다.",
        ),
        fix: words(
            "Know that it is so; mount it read-only where the program only reads.",
            "이 사실을 알아 두고, 읽기만 하는 곳에는 읽기 전용으로 마운트합니다.",
        ),
        mappings: &[threat("E6"), kccss("K-24")],
        test: Test::Pod(persistent),
        remedy: None,
        passes: &[Example::Spec("volumes: [{name: v, emptyDir: {}}]")],
        fails: &[Example::Spec("volumes: [{name: v, persistentVolumeClaim: {claimName: c}}]")],
    },
    Check {
        id: "claim-access-mode",
        severity: Severity::Info,
        title: words(
            "A claim template can be mounted by several nodes",
            "클레임 템플릿을 여러 노드가 마운트할 수 있습니다",
        ),
        why: words(
            "A StatefulSet's Pods own their volumes; access by others than their own node is rarely meant.",
            "StatefulSet의 Pod는 자기 볼륨을 가집니다. 다른 노드의 접근을 의도한 경우는 드뭅니다.",
        ),
        fix: words(
            "Use `accessModes: [ReadWriteOnce]` or `[ReadWriteOncePod]`.",
            "`accessModes: [ReadWriteOnce]` 또는 `[ReadWriteOncePod]`를 씁니다.",
        ),
        mappings: &[threat("E6"), kubesec("VolumeClaimAccessModeReadWriteOnce")],
        test: Test::Object(&["StatefulSet"], claim_access),
        remedy: None,
        passes: &[Example::Manifest(
            "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: s, namespace: shop}\nspec: {volumeClaimTemplates: [{spec: {accessModes: [ReadWriteOnce]}}]}\n",
        )],
        fails: &[Example::Manifest(
            "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: s, namespace: shop}\nspec: {volumeClaimTemplates: [{spec: {accessModes: [ReadWriteMany]}}]}\n",
        )],
    },
    Check {
        id: "claim-storage-request",
        severity: Severity::Info,
        title: words(
            "A claim template asks for no size",
            "클레임 템플릿이 크기를 요청하지 않습니다",
        ),
        why: words(
            "Without a size the claim is refused, or takes whatever volume is there.",
            "크기가 없으면 클레임이 거부되거나 남아 있는 아무 볼륨이나 차지합니다.",
        ),
        fix: words(
            "Set `resources.requests.storage`.",
            "`resources.requests.storage`를 설정합니다.",
        ),
        mappings: &[threat("E6"), kubesec("VolumeClaimRequestsStorage")],
        test: Test::Object(&["StatefulSet"], claim_size),
        remedy: None,
        passes: &[Example::Manifest(
            "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: s, namespace: shop}\nspec: {volumeClaimTemplates: [{spec: {resources: {requests: {storage: 1Gi}}}}]}\n",
        )],
        fails: &[Example::Manifest(
            "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: s, namespace: shop}\nspec: {volumeClaimTemplates: [{spec: {}}]}\n",
        )],
    },
];

/// The path as the node resolves it, but for links: no doubled slash, no `.` or `..`.
fn resolved(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

fn volumes_where<'a>(pod: &Pod<'a>, wrong: impl Fn(&Volume<'a>) -> bool) -> Outcome<'a> {
    Outcome::of(pod.volumes.iter().filter(|volume| wrong(volume)).map(|volume| {
        if volume.host_path.value.is_some() { volume.host_path.place } else { volume.place }
    }))
}

fn at_host_path<'a>(pod: &Pod<'a>, wrong: impl Fn(&str) -> bool) -> Outcome<'a> {
    volumes_where(pod, |volume| volume.host_path.value.is_some_and(|path| wrong(&resolved(path))))
}

fn is_host(volume: &Volume<'_>) -> bool {
    volume.kinds.contains(&"hostPath")
}

fn host_path<'a>(pod: &Pod<'a>) -> Outcome<'a> {
    volumes_where(pod, is_host)
}

fn host_mounts<'a>(pod: &Pod<'a>, read_only: bool) -> Outcome<'a> {
    let names =
        pod.volumes.iter().filter(|volume| is_host(volume)).filter_map(|volume| volume.name.value);
    Outcome::of(names.flat_map(|name| {
        let mounts = pod.mounts_of(name).filter(|(_, mount)| mount.read_only.is(true) == read_only);
        mounts.map(|(_, mount)| mount.place).collect::<Vec<_>>()
    }))
}

fn host_path_writable<'a>(pod: &Pod<'a>) -> Outcome<'a> {
    host_mounts(pod, false)
}

fn host_path_read_only<'a>(pod: &Pod<'a>) -> Outcome<'a> {
    host_mounts(pod, true)
}

fn runtime_socket<'a>(pod: &Pod<'a>) -> Outcome<'a> {
    at_host_path(pod, |path| SOCKETS.contains(&path))
}

fn sensitive<'a>(pod: &Pod<'a>) -> Outcome<'a> {
    at_host_path(pod, |path| {
        SENSITIVE.contains(&path)
            || ["/etc/kubernetes/", "/var/lib/kubelet/", "/var/lib/etcd/", "/root/", "/proc/"]
                .iter()
                .any(|folder| path.starts_with(folder))
    })
}

fn host_proc<'a>(pod: &Pod<'a>) -> Outcome<'a> {
    at_host_path(pod, |path| path == "/proc" || path.starts_with("/proc/"))
}

fn volume_kind<'a>(pod: &Pod<'a>) -> Outcome<'a> {
    // Without a kind the API server makes it an `emptyDir`.
    volumes_where(pod, |volume| {
        !volume.kinds.is_empty() && !volume.kinds.iter().any(|kind| CONTAINED.contains(kind))
    })
}

fn git_repo<'a>(pod: &Pod<'a>) -> Outcome<'a> {
    volumes_where(pod, |volume| volume.kinds.contains(&"gitRepo"))
}

fn persistent<'a>(pod: &Pod<'a>) -> Outcome<'a> {
    volumes_where(pod, |volume| volume.kinds.contains(&"persistentVolumeClaim"))
}

fn claims(object: &Object) -> impl Iterator<Item = Place<'_>> {
    let templates = place(object, &["spec", "volumeClaimTemplates"]).node();
    templates.map_or(&[][..], Node::items).iter().map(Place::of)
}

fn claim_access(object: &Object) -> Outcome<'_> {
    let modes = claims(object).map(|claim| claim.get("spec").get("accessModes"));
    Outcome::of(modes.filter(|modes| {
        let own = |mode: &Node| matches!(mode.text(), Some("ReadWriteOnce" | "ReadWriteOncePod"));
        !modes
            .node()
            .is_some_and(|modes| !modes.items().is_empty() && modes.items().iter().all(own))
    }))
}

fn claim_size(object: &Object) -> Outcome<'_> {
    let way = ["spec", "resources", "requests", "storage"];
    let sizes = claims(object).map(|claim| way.iter().fold(claim, |place, key| place.get(key)));
    Outcome::of(sizes.filter(|size| !size.is_set()))
}
