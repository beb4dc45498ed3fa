//! Checks on what surrounds workloads in a cluster: namespaces, what is published, admission, nodes, volumes.
//! Flags of a node's programs are `node`'s.

use super::network::HOST_NETWORK;
use super::{bench, cis, nsa, threat};
use crate::check::{Check, Example, Outcome, Severity, Test};
use crate::network::{self, Direction};
use crate::node::Node;
use crate::object::Object;
use crate::place::Place;
use crate::publication;
use crate::selector::selects_plainly;
use crate::snapshot::{Snapshot, place};
use crate::words::{Words, words};
use crate::workload::Pod;
use std::net::Ipv4Addr;

/// The newest minor version of Kubernetes that this program knows. Three are supported at a time, so that what is
/// older than two below it was out of support when this was written.
const NEWEST_MINOR: u32 = 36;
/// containerd 1.6 went out of support in 2025.
const CONTAINERD_OLDEST: (u32, u32) = (1, 7);
/// Ports behind which stands the cluster itself, or a store that trusts whoever reaches it.
const SENSITIVE_PORTS: &[f64] = &[
    22.0, 2375.0, 2376.0, 2379.0, 2380.0, 3306.0, 3389.0, 5432.0, 6379.0, 6443.0, 9200.0, 10250.0,
    10255.0, 11211.0, 27017.0,
];
const KUBERNETES_OWN: &[&str] = &["kube-system", "kube-public", "kube-node-lease"];
const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);

const OWN_NAMESPACE: Words = words(
    "Kubernetes' own programs run there, which may need to be privileged",
    "특권이 필요할 수 있는 Kubernetes 자체 프로그램이 실행되는 곳입니다",
);
const SERVICE_ELSEWHERE: Words = words(
    "no Service or Ingress that publishes the Pod is among what was scanned; scan them together",
    "스캔한 것 가운데 이 Pod를 공개하는 Service나 Ingress가 없습니다. 함께 스캔합니다",
);
const UNKNOWN_RUNTIME: Words = words(
    "which versions of this runtime are supported is not known here",
    "이 런타임의 어느 버전이 지원되는지 알 수 없습니다",
);
const NOT_PUBLISHED: Words = words("nothing publishes the Pod", "이 Pod를 공개하는 것이 없습니다");
const POLICY_ELSEWHERE: Words = words(
    "the Pod is published, and no NetworkPolicy of the namespace is among what was scanned",
    "Pod가 공개되어 있는데 스캔한 것 가운데 이 네임스페이스의 NetworkPolicy가 없습니다",
);
const NO_VERSION: Words = words(
    "the node does not say its version; it is known to the API server alone",
    "노드가 버전을 알려 주지 않습니다. API 서버만 알고 있습니다",
);

pub(super) static CHECKS: &[Check] = &[
    Check {
        id: "namespace-pod-security",
        severity: Severity::Medium,
        title: words("The namespace lets every Pod in", "네임스페이스가 어떤 Pod든 받아들입니다"),
        why: words(
            "Who may make Pods there makes privileged ones, and has the node.",
            "그곳에서 Pod를 만들 수 있으면 특권 Pod를 만들어 노드를 가질 수 있습니다.",
        ),
        fix: words(
            "Label it `pod-security.kubernetes.io/enforce: restricted`, or `baseline`.",
            "`pod-security.kubernetes.io/enforce: restricted` 또는 `baseline` 레이블을 붙입니다.",
        ),
        mappings: &[cis("5.2.1"), bench("5.2.1"), nsa("Pod security"), threat("E6")],
        test: Test::Object(&["Namespace"], pod_security),
        remedy: None,
        passes: &[Example::Manifest(
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {pod-security.kubernetes.io/enforce: restricted}}\n",
        )],
        fails: &[
            Example::Manifest("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"),
            Example::Manifest(
                "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {pod-security.kubernetes.io/enforce: privileged}}\n",
            ),
        ],
    },
    Check {
        id: "published-without-policy",
        severity: Severity::High,
        title: words(
            "The Pod is published, and no NetworkPolicy says who may come in",
            "Pod가 공개되어 있는데 누가 들어올 수 있는지 정한 NetworkPolicy가 없습니다",
        ),
        why: words(
            "All its ports are open, not only the one that was meant; and from it the way goes on to all others.",
            "의도한 포트뿐 아니라 모든 포트가 열려 있고, 그곳에서 다른 모든 곳으로 이어집니다.",
        ),
        fix: words(
            "Write a NetworkPolicy that lets in only the published port.",
            "공개된 포트만 들여보내는 NetworkPolicy를 만듭니다.",
        ),
        mappings: &[cis("5.3.2"), nsa("Network separation: network policies"), threat("E4")],
        test: Test::PodAmong(published),
        remedy: None,
        passes: &[Example::Manifest(
            "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop, labels: {app: web}}\nspec: {containers: [{name: a, image: 'a:1'}]}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: shop}\nspec: {type: NodePort, selector: {app: web}}\n---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: n, namespace: shop}\nspec: {podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: 80}]}]}\n",
        )],
        fails: &[
            Example::Manifest(
                "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop, labels: {app: web}}\nspec: {containers: [{name: a, image: 'a:1'}]}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: shop}\nspec: {type: LoadBalancer, selector: {app: web}}\n---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: n, namespace: shop}\nspec: {podSelector: {matchLabels: {app: db}}}\n",
            ),
            Example::Manifest(
                "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop, labels: {app: web}}\nspec: {containers: [{name: a, image: 'a:1'}]}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: shop}\nspec: {externalIPs: [203.0.113.1], selector: {app: web}}\n---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: n, namespace: shop}\nspec: {podSelector: {matchLabels: {app: db}}}\n",
            ),
            Example::Manifest(
                "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop, labels: {app: web}}\nspec: {containers: [{name: a, image: 'a:1'}]}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: shop}\nspec: {selector: {app: web}}\n---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i, namespace: shop}\nspec: {rules: [{http: {paths: [{backend: {service: {name: s}}}]}}]}\n---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: n, namespace: shop}\nspec: {podSelector: {matchLabels: {app: db}}}\n",
            ),
        ],
    },
    Check {
        id: "service-sensitive-port",
        severity: Severity::High,
        title: words(
            "A port that is for the inside alone is published",
            "내부용 포트가 공개되어 있습니다",
        ),
        why: words(
            "Behind it stand the cluster itself or a database, many of which trust whoever reaches them.",
            "그 뒤에는 클러스터 자체나 데이터베이스가 있으며 닿기만 하면 믿는 것이 많습니다.",
        ),
        fix: words("Make the Service a ClusterIP.", "Service를 ClusterIP로 바꿉니다."),
        mappings: &[threat("E2"), threat("E4")],
        test: Test::Object(&["Service"], sensitive_port),
        remedy: None,
        passes: &[
            Example::Manifest(
                "apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: shop}\nspec: {type: NodePort, ports: [{port: 443}]}\n",
            ),
            Example::Manifest(
                "apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: shop}\nspec: {ports: [{port: 5432}]}\n",
            ),
        ],
        fails: &[Example::Manifest(
            "apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: shop}\nspec: {type: NodePort, ports: [{port: 80, targetPort: 2379}]}\n",
        )],
    },
    Check {
        id: "ingress-any-host",
        severity: Severity::Low,
        title: words(
            "An Ingress answers for every name",
            "Ingress가 모든 호스트 이름에 응답합니다",
        ),
        why: words(
            "It takes requests that were meant for others, and others' names can be pointed at it.",
            "다른 곳으로 갈 요청을 받고, 남의 이름을 이곳으로 향하게 할 수 있습니다.",
        ),
        fix: words("Name the host of each rule.", "규칙마다 호스트를 지정합니다."),
        mappings: &[threat("E4")],
        test: Test::Object(&["Ingress"], any_host),
        remedy: None,
        passes: &[Example::Manifest(
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i, namespace: shop}\nspec: {rules: [{host: a.example}]}\n",
        )],
        fails: &[
            Example::Manifest(
                "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i, namespace: shop}\nspec: {rules: [{http: {}}]}\n",
            ),
            Example::Manifest(
                "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i, namespace: shop}\nspec: {rules: [{host: '*'}]}\n",
            ),
            Example::Manifest(
                "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i, namespace: shop}\nspec: {defaultBackend: {service: {name: s}}}\n",
            ),
        ],
    },
    Check {
        id: "webhook-fails-open",
        severity: Severity::Low,
        title: words(
            "A validating webhook lets in what it cannot judge",
            "검증 웹훅이 판단할 수 없는 것을 받아들입니다",
        ),
        why: words(
            "Who keeps it from answering passes by it.",
            "응답을 막기만 하면 검증을 비켜 갈 수 있습니다.",
        ),
        fix: words(
            "Set `failurePolicy: Fail` where the webhook guards something.",
            "웹훅이 무언가를 지킨다면 `failurePolicy: Fail`로 설정합니다.",
        ),
        mappings: &[threat("E1")],
        test: Test::Object(&["ValidatingWebhookConfiguration"], fails_open),
        remedy: None,
        passes: &[Example::Manifest(
            "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata: {name: w}\nwebhooks: [{name: a.example, failurePolicy: Fail}, {name: b.example}]\n",
        )],
        fails: &[Example::Manifest(
            "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata: {name: w}\nwebhooks: [{name: a.example, failurePolicy: Ignore}]\n",
        )],
    },
    Check {
        id: "policy-allows-metadata",
        severity: Severity::Medium,
        title: words(
            "A NetworkPolicy lets Pods reach the cloud's metadata",
            "NetworkPolicy가 Pod를 클라우드 메타데이터에 닿게 합니다",
        ),
        why: words(
            "169.254.169.254 gives the node's own credentials to whoever asks.",
            "169.254.169.254는 묻는 누구에게나 노드 자신의 자격 증명을 줍니다.",
        ),
        fix: words(
            "Add `except: [169.254.169.254/32]` to the block.",
            "블록에 `except: [169.254.169.254/32]`를 추가합니다.",
        ),
        mappings: &[nsa("Network separation: network policies"), threat("E4"), threat("E5")],
        test: Test::Object(&["NetworkPolicy"], metadata),
        remedy: None,
        passes: &[
            Example::Manifest(
                "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: n, namespace: shop}\nspec: {podSelector: {}, egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [169.254.169.254/32]}}]}]}\n",
            ),
            Example::Manifest(
                "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: n, namespace: shop}\nspec: {podSelector: {}, egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}\n",
            ),
            Example::Manifest(
                "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: n, namespace: shop}\nspec: {podSelector: {}, egress: [{ports: [{port: 53, protocol: UDP}, {port: 53}]}, {to: [{ipBlock: {cidr: 169.0.0.0/8, except: [169.254.128.0/17]}}]}]}\n",
            ),
        ],
        fails: &[
            Example::Manifest(
                "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: n, namespace: shop}\nspec: {podSelector: {}, egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}\n",
            ),
            Example::Manifest(
                "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: n, namespace: shop}\nspec: {podSelector: {}, egress: [{to: [{ipBlock: {cidr: 128.0.0.0/1, except: [169.254.0.0/24]}}]}]}\n",
            ),
            Example::Manifest(
                "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: n, namespace: shop}\nspec: {podSelector: {}, egress: [{to: [], ports: [{port: 1, endPort: 100}]}]}\n",
            ),
        ],
    },
    Check {
        id: "volume-host-path",
        severity: Severity::Medium,
        title: words(
            "A persistent volume is a folder of the node",
            "영구 볼륨이 노드의 폴더입니다",
        ),
        why: words(
            "Pod Security does not look behind a claim: who may use it has the folder.",
            "Pod Security는 클레임 뒤를 보지 않으므로 이를 쓸 수 있으면 폴더를 가집니다.",
        ),
        fix: words(
            "Use a kind of storage that is none of the node's, or `local` with a folder of its own.",
            "노드의 것이 아닌 저장소나 전용 폴더를 쓰는 `local`을 사용합니다.",
        ),
        mappings: &[cis("5.2.11"), threat("E6")],
        test: Test::Object(&["PersistentVolume"], host_volume),
        remedy: None,
        passes: &[Example::Manifest(
            "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: v}\nspec: {csi: {driver: d}}\n",
        )],
        fails: &[Example::Manifest(
            "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: v}\nspec: {hostPath: {path: /data}}\n",
        )],
    },
    Check {
        id: "node-kubelet-outdated",
        severity: Severity::High,
        title: words("The node's kubelet is out of support", "노드의 kubelet 지원이 끝났습니다"),
        why: words(
            "Holes that are found in it are no longer closed.",
            "발견되는 취약점이 더 이상 고쳐지지 않습니다.",
        ),
        fix: words(
            "Upgrade the node to one of the three newest minor versions.",
            "노드를 최신 마이너 버전 셋 가운데 하나로 업그레이드합니다.",
        ),
        mappings: &[threat("E9")],
        test: Test::Object(&["Node"], kubelet_outdated),
        remedy: None,
        passes: &[Example::Manifest(
            "apiVersion: v1\nkind: Node\nmetadata: {name: n}\nstatus: {nodeInfo: {kubeletVersion: v1.36.3}}\n",
        )],
        fails: &[Example::Manifest(
            "apiVersion: v1\nkind: Node\nmetadata: {name: n}\nstatus: {nodeInfo: {kubeletVersion: v1.27.1+k3s1}}\n",
        )],
    },
    Check {
        id: "node-runtime-outdated",
        severity: Severity::Medium,
        title: words(
            "The node's container runtime is out of support",
            "노드의 컨테이너 런타임 지원이 끝났습니다",
        ),
        why: words(
            "It is the wall between containers and the node; holes in it are ways out.",
            "컨테이너와 노드 사이의 벽이므로 그 취약점이 곧 탈출로가 됩니다.",
        ),
        fix: words(
            "Upgrade to containerd 1.7 or 2, or make sure that your distribution still mends it.",
            "containerd 1.7이나 2로 업그레이드하거나 배포판이 계속 고치고 있는지 확인합니다.",
        ),
        mappings: &[threat("E9"), threat("E6")],
        test: Test::Object(&["Node"], runtime_outdated),
        remedy: None,
        passes: &[
            Example::Manifest(
                "apiVersion: v1\nkind: Node\nmetadata: {name: n}\nstatus: {nodeInfo: {containerRuntimeVersion: 'containerd://2.1.0'}}\n",
            ),
            Example::Manifest(
                "apiVersion: v1\nkind: Node\nmetadata: {name: n}\nstatus: {nodeInfo: {containerRuntimeVersion: 'cri-o://1.34.0'}}\n",
            ),
        ],
        fails: &[
            Example::Manifest(
                "apiVersion: v1\nkind: Node\nmetadata: {name: n}\nstatus: {nodeInfo: {containerRuntimeVersion: 'containerd://1.6.20~ds1'}}\n",
            ),
            Example::Manifest(
                "apiVersion: v1\nkind: Node\nmetadata: {name: n}\nstatus: {nodeInfo: {containerRuntimeVersion: 'docker://19.3.0'}}\n",
            ),
        ],
    },
];

fn pod_security(namespace: &Object) -> Outcome<'_> {
    if KUBERNETES_OWN.contains(&namespace.name.as_str()) {
        return Outcome::NotApplicable(OWN_NAMESPACE);
    }
    let level = place(namespace, &["metadata", "labels", "pod-security.kubernetes.io/enforce"]);
    let holds = matches!(level.node().and_then(Node::text), Some("baseline" | "restricted"));
    Outcome::fail_if(!holds, level)
}

fn published<'a>(snapshot: &Snapshot<'a>, pod: &Pod<'a>) -> Outcome<'a> {
    if pod.host_network.is(true) {
        return Outcome::NotApplicable(HOST_NETWORK);
    }
    let namespace = pod.object.effective_namespace();
    let policies = snapshot.policies_of(namespace);
    let guarded = policies.iter().any(|policy| {
        network::restricts(policy, Direction::Ingress) && network::is_for(policy, &pod.labels)
    });
    if guarded {
        return Outcome::Pass;
    }
    let is_published = snapshot.services_of(namespace).iter().any(|service| {
        place(service, &["spec", "selector"])
            .node()
            .is_some_and(|selector| selects_plainly(selector, &pod.labels))
            && (publication::outside(service).is_some()
                || snapshot.ingress_to(namespace, &service.name).is_some())
    });
    if !is_published {
        let is_whole = snapshot.is_all_of("Service") && snapshot.is_all_of("Ingress");
        return if is_whole {
            Outcome::NotApplicable(NOT_PUBLISHED)
        } else {
            Outcome::Unknown(SERVICE_ELSEWHERE)
        };
    }
    if policies.is_empty() && !snapshot.is_all_of("NetworkPolicy") {
        return Outcome::Unknown(POLICY_ELSEWHERE);
    }
    Outcome::Fail(vec![Place::of(&pod.object.root).get("metadata")])
}

fn sensitive_port(service: &Object) -> Outcome<'_> {
    if publication::outside(service).is_none() {
        return Outcome::Pass;
    }
    let ports = place(service, &["spec", "ports"]).node().map_or(&[][..], Node::items);
    Outcome::of(ports.iter().flat_map(|port| {
        ["port", "targetPort"].map(|key| Place::of(port).get(key)).into_iter().filter(|port| {
            port.node().and_then(Node::number).is_some_and(|own| SENSITIVE_PORTS.contains(&own))
        })
    }))
}

fn any_host(ingress: &Object) -> Outcome<'_> {
    let rules = place(ingress, &["spec", "rules"]).node().map_or(&[][..], Node::items);
    let default = place(ingress, &["spec", "defaultBackend"]);
    if rules.is_empty() {
        return Outcome::fail_if(default.is_set(), default);
    }
    Outcome::of(
        rules
            .iter()
            .map(|rule| Place::of(rule).get("host"))
            .filter(|host| matches!(host.node().and_then(Node::text), None | Some("" | "*"))),
    )
}

fn fails_open(configuration: &Object) -> Outcome<'_> {
    let hooks = place(configuration, &["webhooks"]).node().map_or(&[][..], Node::items);
    Outcome::of(
        hooks
            .iter()
            .map(|hook| Place::of(hook).get("failurePolicy"))
            .filter(|policy| policy.node().and_then(Node::text) == Some("Ignore")),
    )
}

fn metadata(policy: &Object) -> Outcome<'_> {
    let rules = network::rules(policy, Direction::Egress).iter();
    Outcome::of(rules.flat_map(|rule| {
        let peers = rule.get("to").map_or(&[][..], Node::items);
        let everywhere =
            (peers.is_empty() && is_for_the_web(rule)).then(|| Place::of(rule).get("to"));
        let blocks = peers.iter().map(|peer| Place::of(peer).get("ipBlock")).filter(|block| {
            let excepted = block.get("except").node().map_or(&[][..], Node::items);
            block.get("cidr").node().and_then(Node::text).is_some_and(holds_metadata)
                && !excepted.iter().filter_map(Node::text).any(holds_metadata)
        });
        blocks.chain(everywhere).collect::<Vec<_>>()
    }))
}

/// Whether an address block holds the address of the metadata.
fn holds_metadata(block: &str) -> bool {
    let Some((address, bits)) = block.trim().split_once('/') else { return false };
    let (Ok(address), Ok(bits)) = (address.parse::<Ipv4Addr>(), bits.parse::<u32>()) else {
        return false;
    };
    let mask = u32::MAX.checked_shl(32_u32.saturating_sub(bits)).unwrap_or(0);
    bits <= 32 && (address.to_bits() ^ METADATA.to_bits()) & mask == 0
}

/// Whether a rule lets through the ports at which metadata is served. A rule for name servers alone does not.
fn is_for_the_web(rule: &Node) -> bool {
    let ports = rule.get("ports").map_or(&[][..], Node::items);
    ports.is_empty()
        || ports.iter().any(|entry| {
            let is_tcp = matches!(entry.get("protocol").and_then(Node::text), None | Some("TCP"));
            let number = |key| entry.get(key).and_then(Node::number);
            let covers = |port| match (number("port"), number("endPort")) {
                (Some(first), Some(last)) => first <= port && port <= last,
                (Some(first), None) => first == port,
                // A name is one of a Pod's ports.
                (None, _) => entry.get("port").is_none_or(Node::is_null),
            };
            is_tcp && (covers(80.0) || covers(443.0))
        })
}

fn host_volume(volume: &Object) -> Outcome<'_> {
    let path = place(volume, &["spec", "hostPath"]);
    Outcome::fail_if(path.is_set(), path)
}

/// Major and minor of a version as `v1.36.3+k3s1`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim_start_matches('v').split('.');
    let minor = |part: &str| {
        let end = part.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(part.len());
        part[..end].parse().ok()
    };
    Some((numbers.next()?.parse().ok()?, minor(numbers.next()?)?))
}

fn kubelet_outdated(node: &Object) -> Outcome<'_> {
    let own = place(node, &["status", "nodeInfo", "kubeletVersion"]);
    match own.node().and_then(Node::text).and_then(version) {
        None => Outcome::Unknown(NO_VERSION),
        Some((major, minor)) => {
            Outcome::fail_if(major < 1 || (major == 1 && minor + 2 < NEWEST_MINOR), own)
        }
    }
}

fn runtime_outdated(node: &Object) -> Outcome<'_> {
    let own = place(node, &["status", "nodeInfo", "containerRuntimeVersion"]);
    let Some((name, number)) =
        own.node().and_then(Node::text).and_then(|text| text.split_once("://"))
    else {
        return Outcome::Unknown(NO_VERSION);
    };
    match (name, version(number)) {
        // The kubelet speaks to Docker no more since 1.24.
        ("docker", _) => Outcome::Fail(vec![own]),
        ("containerd", Some(version)) => Outcome::fail_if(version < CONTAINERD_OLDEST, own),
        ("containerd", None) => Outcome::Unknown(NO_VERSION),
        // It is numbered with Kubernetes.
        ("cri-o", Some((1, minor))) => Outcome::fail_if(minor + 2 < NEWEST_MINOR, own),
        _ => Outcome::Unknown(UNKNOWN_RUNTIME),
    }
}
