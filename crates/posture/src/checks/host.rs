//! Checks on what of its node a Pod shares.

use super::{baseline, checkov, cis, kccss, kubeaudit, kubesec, nsa, threat};
use crate::check::{Check, Example, Outcome, Remedy, RemedySubject, Severity, Test};
use crate::place::Place;
use crate::words::words;
use crate::workload::{Container, Pod};

pub(super) static CHECKS: &[Check] = &[
    Check {
        id: "host-network",
        severity: Severity::High,
        title: words(
            "The Pod is in the network of its node",
            "Pod가 노드의 네트워크를 함께 씁니다",
        ),
        why: words(
            "It sees the node's traffic, reaches what listens on the node's loopback, and no NetworkPolicy holds for it.",
            "노드의 트래픽을 볼 수 있고 노드의 루프백 서비스에 닿으며 NetworkPolicy가 적용되지 않습니다.",
        ),
        fix: words(
            "Remove `hostNetwork: true`; publish ports by a Service.",
            "`hostNetwork: true`를 지우고 포트는 Service로 공개합니다.",
        ),
        mappings: &[
            baseline("hostNamespaces"),
            cis("5.2.5"),
            nsa("Pod security"),
            threat("E4"),
            threat("E6"),
            checkov("CKV_K8S_19"),
            kubesec("HostNetwork"),
            kubeaudit("NamespaceHostNetworkTrue"),
            kccss("K-16"),
        ],
        test: Test::Pod(host_network),
        remedy: Some(Remedy {
            subject: RemedySubject::PodSpec,
            field: &["hostNetwork"],
            value: "false",
            needs_decision: true,
        }),
        passes: &[Example::Spec("hostNetwork: false"), Example::Container("image: app:1.0")],
        fails: &[Example::Spec("hostNetwork: true")],
    },
    Check {
        id: "host-pid",
        severity: Severity::High,
        title: words(
            "The Pod sees all processes of its node",
            "Pod가 노드의 모든 프로세스를 봅니다",
        ),
        why: words(
            "Through /proc of the node's processes their environment, their files and, as root, their roots are open.",
            "노드 프로세스의 /proc를 통해 환경 변수와 파일이, root라면 그 루트 디렉터리까지 열립니다.",
        ),
        fix: words("Remove `hostPID: true`.", "`hostPID: true`를 지웁니다."),
        mappings: &[
            baseline("hostNamespaces"),
            cis("5.2.3"),
            nsa("Pod security"),
            threat("E6"),
            checkov("CKV_K8S_17"),
            kubesec("HostPID"),
            kubeaudit("NamespaceHostPIDTrue"),
            kccss("K-17"),
        ],
        test: Test::Pod(host_pid),
        remedy: Some(Remedy {
            subject: RemedySubject::PodSpec,
            field: &["hostPID"],
            value: "false",
            needs_decision: true,
        }),
        passes: &[Example::Spec("hostPID: false")],
        fails: &[Example::Spec("hostPID: true")],
    },
    Check {
        id: "host-ipc",
        severity: Severity::High,
        title: words(
            "The Pod shares the memory segments of its node",
            "Pod가 노드의 공유 메모리를 함께 씁니다",
        ),
        why: words(
            "Shared memory and semaphores of the node's processes can be read and changed.",
            "노드 프로세스의 공유 메모리와 세마포어를 읽고 바꿀 수 있습니다.",
        ),
        fix: words("Remove `hostIPC: true`.", "`hostIPC: true`를 지웁니다."),
        mappings: &[
            baseline("hostNamespaces"),
            cis("5.2.4"),
            nsa("Pod security"),
            threat("E6"),
            checkov("CKV_K8S_18"),
            kubesec("HostIPC"),
            kubeaudit("NamespaceHostIPCTrue"),
            kccss("K-18"),
        ],
        test: Test::Pod(host_ipc),
        remedy: Some(Remedy {
            subject: RemedySubject::PodSpec,
            field: &["hostIPC"],
            value: "false",
            needs_decision: true,
        }),
        passes: &[Example::Spec("hostIPC: false")],
        fails: &[Example::Spec("hostIPC: true")],
    },
    Check {
        id: "host-port",
        severity: Severity::Medium,
        title: words(
            "A container listens on a port of its node",
            "컨테이너가 노드의 포트를 씁니다",
        ),
        why: words(
            "A host port is reachable wherever the node is, past Services and often past NetworkPolicies.",
            "hostPort는 노드에 닿을 수 있는 곳이면 어디서나 접근되며 Service를, 흔히 NetworkPolicy까지 비켜 갑니다.",
        ),
        fix: words(
            "Remove `hostPort` and publish the port by a Service.",
            "`hostPort`를 지우고 포트는 Service로 공개합니다.",
        ),
        mappings: &[
            baseline("hostPorts"),
            cis("5.2.12"),
            threat("E4"),
            checkov("CKV_K8S_26"),
            kccss("K-15"),
        ],
        test: Test::Pod(host_port),
        remedy: None,
        passes: &[
            Example::Container("ports: [{containerPort: 80}]"),
            Example::Container("ports: [{containerPort: 80, hostPort: 0}]"),
        ],
        fails: &[Example::Container("ports: [{containerPort: 80, hostPort: 8080}]")],
    },
    Check {
        id: "probe-host",
        severity: Severity::Medium,
        title: words(
            "A probe or hook names a host other than its Pod",
            "프로브나 훅이 자기 Pod가 아닌 호스트를 가리킵니다",
        ),
        why: words(
            "The kubelet makes the request from the node: whoever writes the Pod reaches what only the node reaches.",
            "요청은 kubelet이 노드에서 보냅니다. Pod를 쓰는 사람이 노드만 닿는 곳에 닿게 됩니다.",
        ),
        fix: words("Remove `host` from the probe or hook.", "프로브나 훅에서 `host`를 지웁니다."),
        mappings: &[baseline("hostProbesAndHostLifecycle"), threat("E4")],
        test: Test::Pod(probe_host),
        remedy: None,
        passes: &[Example::Container("livenessProbe: {httpGet: {path: /, port: 80}}")],
        fails: &[
            Example::Container("livenessProbe: {httpGet: {host: 169.254.169.254, port: 80}}"),
            Example::Container("lifecycle: {preStop: {tcpSocket: {host: 10.0.0.1, port: 80}}}"),
        ],
    },
    Check {
        id: "host-aliases",
        severity: Severity::Low,
        title: words(
            "The Pod overrides names in /etc/hosts",
            "Pod가 /etc/hosts의 이름을 덮어씁니다",
        ),
        why: words(
            "Fixed addresses go stale and hide where a name leads from whoever looks after DNS.",
            "고정한 주소는 낡기 쉽고 DNS 관리자가 이름이 가리키는 곳을 볼 수 없게 합니다.",
        ),
        fix: words(
            "Remove `hostAliases` and give the name in DNS.",
            "`hostAliases`를 지우고 이름은 DNS에 등록합니다.",
        ),
        mappings: &[threat("E4"), kubesec("HostAliases")],
        test: Test::Pod(host_aliases),
        remedy: None,
        passes: &[Example::Container("image: app:1.0")],
        fails: &[Example::Spec("hostAliases: [{ip: 10.0.0.1, hostnames: [db]}]")],
    },
    Check {
        id: "node-pinned",
        severity: Severity::Info,
        title: words("The Pod names its node itself", "Pod가 자기 노드를 직접 지정합니다"),
        why: words(
            "`nodeName` passes by the scheduler and with it taints, quotas of topology and admission by node.",
            "`nodeName`은 스케줄러를 비켜 가므로 taint와 토폴로지 제약이 적용되지 않습니다.",
        ),
        fix: words("Use `nodeSelector` or affinity.", "`nodeSelector`나 affinity를 씁니다."),
        mappings: &[threat("E5")],
        test: Test::Pod(node_name),
        remedy: None,
        passes: &[Example::Spec("nodeSelector: {disk: ssd}")],
        fails: &[Example::Spec("nodeName: control-plane-1")],
    },
    Check {
        id: "control-plane-toleration",
        severity: Severity::Medium,
        title: words(
            "The Pod may run on a control-plane node",
            "Pod가 컨트롤 플레인 노드에서 실행될 수 있습니다",
        ),
        why: words(
            "Whoever gets out of it there stands beside etcd and the keys of the cluster.",
            "그곳에서 컨테이너를 벗어나면 etcd와 클러스터의 키 바로 옆에 서게 됩니다.",
        ),
        fix: words(
            "Remove the toleration of the control plane's taint.",
            "컨트롤 플레인 taint에 대한 toleration을 지웁니다.",
        ),
        mappings: &[threat("E5")],
        test: Test::Pod(control_plane),
        remedy: None,
        passes: &[Example::Spec("tolerations: [{key: gpu, operator: Exists}]")],
        fails: &[
            Example::Spec(
                "tolerations: [{key: node-role.kubernetes.io/control-plane, effect: NoSchedule}]",
            ),
            Example::Spec("tolerations: [{operator: Exists}]"),
        ],
    },
    Check {
        id: "git-sync-command",
        severity: Severity::High,
        title: words(
            "git-sync is told which program to run as git",
            "git-sync가 git으로 실행할 프로그램을 지정받습니다",
        ),
        why: words(
            "GITSYNC_GIT runs whatever it names; who can set it runs commands in the Pod.",
            "GITSYNC_GIT에 지정한 것은 무엇이든 실행됩니다. 이 값을 정할 수 있으면 Pod에서 명령을 실행할 수 있습니다.",
        ),
        fix: words("Remove the variable GITSYNC_GIT.", "GITSYNC_GIT 변수를 지웁니다."),
        mappings: &[threat("E6"), checkov("CKV_K8S_159")],
        test: Test::Container(git_sync),
        remedy: None,
        passes: &[Example::Container("env: [{name: GITSYNC_REPO, value: https://git.example/a}]")],
        fails: &[Example::Container("env: [{name: GITSYNC_GIT, value: /tmp/x}]")],
    },
];

fn host_network<'a>(pod: &Pod<'a>) -> Outcome<'a> {
    Outcome::fail_if(pod.host_network.is(true), pod.host_network.place)
}

fn host_pid<'a>(pod: &Pod<'a>) -> Outcome<'a> {
    Outcome::fail_if(pod.host_pid.is(true), pod.host_pid.place)
}

fn host_ipc<'a>(pod: &Pod<'a>) -> Outcome<'a> {
    Outcome::fail_if(pod.host_ipc.is(true), pod.host_ipc.place)
}

fn host_port<'a>(pod: &Pod<'a>) -> Outcome<'a> {
    let ports = pod.containers.iter().flat_map(|container| &container.host_ports);
    Outcome::of(ports.map(|port| port.place))
}

fn probe_host<'a>(pod: &Pod<'a>) -> Outcome<'a> {
    let hosts = pod.containers.iter().flat_map(|container| &container.handler_hosts);
    Outcome::of(hosts.map(|host| host.place))
}

fn host_aliases<'a>(pod: &Pod<'a>) -> Outcome<'a> {
    let aliases = pod.spec.get("hostAliases");
    Outcome::fail_if(aliases.node().is_some_and(|node| !node.items().is_empty()), aliases)
}

fn node_name<'a>(pod: &Pod<'a>) -> Outcome<'a> {
    let name = pod.spec.get("nodeName");
    Outcome::fail_if(name.is_set(), name)
}

fn control_plane<'a>(pod: &Pod<'a>) -> Outcome<'a> {
    let tolerations = pod.spec.get("tolerations").items(&pod.malformed).iter().map(Place::of);
    Outcome::of(tolerations.filter(|toleration| {
        let text = |key| toleration.get(key).node().and_then(|node| node.text());
        match text("key") {
            Some(key) => matches!(
                key,
                "node-role.kubernetes.io/control-plane" | "node-role.kubernetes.io/master"
            ),
            // No key and `Exists` tolerates everything.
            None => text("operator") == Some("Exists"),
        }
    }))
}

fn git_sync<'a>(_: &Pod<'a>, container: &Container<'a>) -> Option<Place<'a>> {
    container.env.iter().find(|env| env.name.is("GITSYNC_GIT")).map(|env| env.name.place)
}
