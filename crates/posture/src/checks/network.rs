//! Checks on what reaches a Pod, and on NetworkPolicies.
//! Whether the cluster's network enforces policies cannot be seen in a manifest.

use super::{checkov, cis, kccss, kubeaudit, mkit, nsa, threat};
use crate::check::{Check, Example, Outcome, Severity, Test};
use crate::network::{self, Direction};
use crate::node::Node;
use crate::object::Object;
use crate::place::Place;
use crate::snapshot::{Snapshot, place};
use crate::words::{Words, words};
use crate::workload::Pod;

pub(super) const HOST_NETWORK: Words = words(
    "no NetworkPolicy holds for a Pod in its node's network",
    "노드의 네트워크를 쓰는 Pod에는 NetworkPolicy가 적용되지 않습니다",
);
const NOT_HERE: Words = words(
    "no NetworkPolicy of the namespace is among what was scanned; scan it together with the workloads",
    "스캔한 것 가운데 이 네임스페이스의 NetworkPolicy가 없습니다. 워크로드와 함께 스캔합니다",
);
const POLICY: &str = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: n, namespace: shop}\nspec: {podSelector: {}, policyTypes: [Ingress, Egress]}\n";

pub(super) static CHECKS: &[Check] = &[
    Check {
        id: "network-policy-none",
        severity: Severity::Medium,
        title: words(
            "No NetworkPolicy selects the Pod",
            "어떤 NetworkPolicy도 이 Pod를 선택하지 않습니다",
        ),
        why: words(
            "Whoever is anywhere in the cluster reaches it, and it reaches everything.",
            "클러스터 어디에서나 이 Pod에 닿을 수 있고 이 Pod도 모든 곳에 닿을 수 있습니다.",
        ),
        fix: words(
            "Write a policy that selects it, best one for all Pods of the namespace that denies.",
            "이 Pod를 선택하는 정책을 만듭니다. 네임스페이스의 모든 Pod를 거부하는 정책이 가장 좋습니다.",
        ),
        mappings: &[
            cis("5.3.2"),
            nsa("Network separation: network policies"),
            threat("E4"),
            checkov("CKV2_K8S_6"),
            mkit("network-policies"),
        ],
        test: Test::PodAmong(no_policy),
        remedy: None,
        passes: &[Example::Manifest(
            "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop, labels: {app: web}}\nspec: {containers: [{name: a, image: 'a:1'}]}\n---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: n, namespace: shop}\nspec: {podSelector: {matchLabels: {app: web}}}\n",
        )],
        fails: &[Example::Manifest(
            "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop, labels: {app: db}}\nspec: {containers: [{name: a, image: 'a:1'}]}\n---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: n, namespace: shop}\nspec: {podSelector: {matchLabels: {app: web}}}\n",
        )],
    },
    Check {
        id: "namespace-deny-ingress",
        severity: Severity::Medium,
        title: words(
            "The namespace does not deny incoming traffic by default",
            "네임스페이스가 들어오는 트래픽을 기본으로 거부하지 않습니다",
        ),
        why: words(
            "A Pod that nobody thought of is open to all others.",
            "미처 생각하지 못한 Pod가 모두에게 열려 있게 됩니다.",
        ),
        fix: words(
            "Add a NetworkPolicy with an empty `podSelector` and `policyTypes: [Ingress]`.",
            "`podSelector`가 비어 있고 `policyTypes: [Ingress]`인 NetworkPolicy를 추가합니다.",
        ),
        mappings: &[
            cis("5.3.2"),
            nsa("Network separation: network policies"),
            threat("E4"),
            kubeaudit("MissingDefaultDenyIngressNetworkPolicy"),
            kubeaudit("MissingDefaultDenyIngressAndEgressNetworkPolicy"),
        ],
        test: Test::Among(&["Namespace"], deny_ingress),
        remedy: None,
        passes: &[Example::Manifest(
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: n, namespace: shop}\nspec: {podSelector: {}}\n",
        )],
        fails: &[Example::Manifest(
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: n, namespace: shop}\nspec: {podSelector: {}, policyTypes: [Egress]}\n",
        )],
    },
    Check {
        id: "namespace-deny-egress",
        severity: Severity::Low,
        title: words(
            "The namespace does not deny outgoing traffic by default",
            "네임스페이스가 나가는 트래픽을 기본으로 거부하지 않습니다",
        ),
        why: words(
            "Whoever is inside fetches tools and sends out data.",
            "침입자가 도구를 내려받고 데이터를 내보낼 수 있습니다.",
        ),
        fix: words(
            "Add a NetworkPolicy with an empty `podSelector` and `policyTypes: [Egress]`.",
            "`podSelector`가 비어 있고 `policyTypes: [Egress]`인 NetworkPolicy를 추가합니다.",
        ),
        mappings: &[
            cis("5.3.2"),
            nsa("Network separation: network policies"),
            threat("E4"),
            kubeaudit("MissingDefaultDenyEgressNetworkPolicy"),
            kubeaudit("MissingDefaultDenyIngressAndEgressNetworkPolicy"),
        ],
        test: Test::Among(&["Namespace"], deny_egress),
        remedy: None,
        passes: &[Example::Manifest(
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: n, namespace: shop}\nspec: {podSelector: {}, policyTypes: [Egress]}\n",
        )],
        fails: &[Example::Manifest(
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: n, namespace: shop}\nspec: {podSelector: {}}\n",
        )],
    },
    Check {
        id: "policy-allows-all-ingress",
        severity: Severity::Medium,
        title: words("A NetworkPolicy lets everybody in", "NetworkPolicy가 모두를 들여보냅니다"),
        why: words(
            "An empty rule matches everything: other policies of these Pods have no effect.",
            "빈 규칙은 모든 것에 들어맞으므로 이 Pod들의 다른 정책이 효과를 잃습니다.",
        ),
        fix: words(
            "Name who may come in under `from`.",
            "들어올 수 있는 대상을 `from`에 지정합니다.",
        ),
        mappings: &[
            nsa("Network separation: network policies"),
            threat("E4"),
            kubeaudit("AllowAllIngressNetworkPolicyExists"),
        ],
        test: Test::Object(&["NetworkPolicy"], all_ingress),
        remedy: None,
        passes: &[Example::Manifest(POLICY)],
        fails: &[Example::Manifest(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: n, namespace: shop}\nspec: {podSelector: {}, ingress: [{}]}\n",
        )],
    },
    Check {
        id: "policy-allows-all-egress",
        severity: Severity::Low,
        title: words("A NetworkPolicy lets everything out", "NetworkPolicy가 모든 것을 내보냅니다"),
        why: words(
            "An empty rule matches everything: other policies of these Pods have no effect.",
            "빈 규칙은 모든 것에 들어맞으므로 이 Pod들의 다른 정책이 효과를 잃습니다.",
        ),
        fix: words(
            "Name what may be reached under `to`.",
            "닿을 수 있는 대상을 `to`에 지정합니다.",
        ),
        mappings: &[
            nsa("Network separation: network policies"),
            threat("E4"),
            kubeaudit("AllowAllEgressNetworkPolicyExists"),
        ],
        test: Test::Object(&["NetworkPolicy"], all_egress),
        remedy: None,
        passes: &[Example::Manifest(POLICY)],
        fails: &[Example::Manifest(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: n, namespace: shop}\nspec: {podSelector: {}, policyTypes: [Egress], egress: [{}]}\n",
        )],
    },
    Check {
        id: "service-load-balancer",
        severity: Severity::Low,
        title: words("A load balancer publishes the Service", "로드 밸런서가 Service를 공개합니다"),
        why: words(
            "It is reachable from outside of the cluster, on most clouds from the internet.",
            "클러스터 밖에서, 대부분의 클라우드에서는 인터넷에서 접근할 수 있습니다.",
        ),
        fix: words(
            "Make it internal by the cloud's annotation, or limit `loadBalancerSourceRanges`.",
            "클라우드의 어노테이션으로 내부용으로 만들거나 `loadBalancerSourceRanges`를 제한합니다.",
        ),
        mappings: &[threat("E4"), kccss("K-12")],
        test: Test::Object(&["Service"], load_balancer),
        remedy: None,
        passes: &[
            Example::Manifest(
                "apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: shop}\nspec: {type: ClusterIP}\n",
            ),
            Example::Manifest(
                "apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: shop}\nspec: {type: LoadBalancer, loadBalancerSourceRanges: [10.0.0.0/8]}\n",
            ),
        ],
        fails: &[Example::Manifest(
            "apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: shop}\nspec: {type: LoadBalancer}\n",
        )],
    },
    Check {
        id: "service-node-port",
        severity: Severity::Low,
        title: words(
            "The Service listens on a port of every node",
            "Service가 모든 노드의 포트에서 열립니다",
        ),
        why: words(
            "It is reachable wherever a node is, past the cluster's own edge.",
            "클러스터의 경계를 거치지 않고 노드에 닿는 곳이면 어디서나 접근됩니다.",
        ),
        fix: words(
            "Use a ClusterIP behind an ingress or gateway.",
            "인그레스나 게이트웨이 뒤의 ClusterIP를 씁니다.",
        ),
        mappings: &[threat("E4"), kccss("K-13")],
        test: Test::Object(&["Service"], node_port),
        remedy: None,
        passes: &[Example::Manifest(
            "apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: shop}\nspec: {type: ClusterIP}\n",
        )],
        fails: &[Example::Manifest(
            "apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: shop}\nspec: {type: NodePort}\n",
        )],
    },
    Check {
        id: "service-external-ips",
        severity: Severity::High,
        title: words(
            "The Service claims addresses of its own choice",
            "Service가 임의의 주소를 차지합니다",
        ),
        why: words(
            "Traffic of other Pods to these addresses is led here (CVE-2020-8554).",
            "그 주소로 가는 다른 Pod의 트래픽이 이곳으로 옵니다(CVE-2020-8554).",
        ),
        fix: words("Remove `externalIPs`.", "`externalIPs`를 지웁니다."),
        mappings: &[threat("E4")],
        test: Test::Object(&["Service"], external_ips),
        remedy: None,
        passes: &[Example::Manifest(
            "apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: shop}\nspec: {ports: [{port: 80}]}\n",
        )],
        fails: &[Example::Manifest(
            "apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: shop}\nspec: {externalIPs: [203.0.113.1]}\n",
        )],
    },
    Check {
        id: "ingress-without-tls",
        severity: Severity::Medium,
        title: words("An Ingress is served without TLS", "Ingress가 TLS 없이 제공됩니다"),
        why: words(
            "Passwords and sessions travel in clear.",
            "비밀번호와 세션이 평문으로 오갑니다.",
        ),
        fix: words(
            "Name the hosts and their certificate under `spec.tls`.",
            "`spec.tls`에 호스트와 인증서를 지정합니다.",
        ),
        mappings: &[threat("E10")],
        test: Test::Object(&["Ingress"], no_tls),
        remedy: None,
        passes: &[Example::Manifest(
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i, namespace: shop}\nspec: {tls: [{hosts: [a.example]}]}\n",
        )],
        fails: &[Example::Manifest(
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i, namespace: shop}\nspec: {rules: [{host: a.example}]}\n",
        )],
    },
    Check {
        id: "nginx-snippet",
        severity: Severity::High,
        title: words(
            "An Ingress carries configuration for nginx",
            "Ingress에 nginx 설정이 들어 있습니다",
        ),
        why: words(
            "A snippet runs in the controller, which reads all Secrets of the cluster (CVE-2021-25742).",
            "스니펫은 클러스터의 모든 Secret을 읽는 컨트롤러 안에서 실행됩니다(CVE-2021-25742).",
        ),
        fix: words(
            "Remove the snippet annotations and forbid them in the controller.",
            "스니펫 어노테이션을 지우고 컨트롤러에서 금지합니다.",
        ),
        mappings: &[threat("E4"), threat("E7"), checkov("CKV_K8S_153")],
        test: Test::Object(&["Ingress"], snippet),
        remedy: None,
        passes: &[Example::Manifest(
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i, namespace: shop, annotations: {a: b}}\n",
        )],
        fails: &[Example::Manifest(
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i, namespace: shop, annotations: {nginx.ingress.kubernetes.io/server-snippet: 'return 200;'}}\n",
        )],
    },
    Check {
        id: "nginx-snippet-alias",
        severity: Severity::Critical,
        title: words(
            "A snippet for nginx serves files by `alias`",
            "nginx 스니펫이 `alias`로 파일을 내보냅니다",
        ),
        why: words(
            "It gives out the controller's own files, its token among them.",
            "토큰을 포함한 컨트롤러 자신의 파일이 나갑니다.",
        ),
        fix: words("Remove the snippet.", "스니펫을 지웁니다."),
        mappings: &[threat("E7"), checkov("CKV_K8S_154")],
        test: Test::Object(&["Ingress"], snippet_alias),
        remedy: None,
        passes: &[Example::Manifest(
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i, namespace: shop, annotations: {nginx.ingress.kubernetes.io/server-snippet: 'return 200;'}}\n",
        )],
        fails: &[Example::Manifest(
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i, namespace: shop, annotations: {nginx.ingress.kubernetes.io/server-snippet: 'location /x { alias /var/run/; }'}}\n",
        )],
    },
    Check {
        id: "nginx-snippet-lua",
        severity: Severity::Critical,
        title: words("A snippet for nginx runs Lua", "nginx 스니펫이 Lua를 실행합니다"),
        why: words(
            "Programs in a snippet have all that the controller has.",
            "스니펫의 프로그램은 컨트롤러의 모든 권한을 가집니다.",
        ),
        fix: words("Remove the snippet.", "스니펫을 지웁니다."),
        mappings: &[threat("E7"), checkov("CKV_K8S_152")],
        test: Test::Object(&["Ingress"], snippet_lua),
        remedy: None,
        passes: &[Example::Manifest(
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i, namespace: shop, annotations: {nginx.ingress.kubernetes.io/server-snippet: 'return 200;'}}\n",
        )],
        fails: &[Example::Manifest(
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i, namespace: shop, annotations: {nginx.ingress.kubernetes.io/server-snippet: 'content_by_lua_block { }'}}\n",
        )],
    },
];

fn no_policy<'a>(snapshot: &Snapshot<'a>, pod: &Pod<'a>) -> Outcome<'a> {
    if pod.host_network.is(true) {
        return Outcome::NotApplicable(HOST_NETWORK);
    }
    let policies = snapshot.policies_of(pod.object.effective_namespace());
    if policies.is_empty() && !snapshot.is_all_of("NetworkPolicy") {
        // They may well be kept elsewhere; only who sees the cluster can say that there is none.
        return Outcome::Unknown(NOT_HERE);
    }
    let selected = policies.iter().any(|policy| network::is_for(policy, &pod.labels));
    Outcome::fail_if(!selected, Place::of(&pod.object.root).get("metadata"))
}

fn denies_by_default<'a>(
    snapshot: &Snapshot<'a>,
    namespace: &'a Object,
    direction: Direction,
) -> Outcome<'a> {
    let policies = snapshot.policies_of(&namespace.name);
    if policies.is_empty() && !snapshot.is_all_of("NetworkPolicy") {
        return Outcome::Unknown(NOT_HERE);
    }
    let denies = policies.iter().any(|policy| {
        let selector = place(policy, &["spec", "podSelector"]).node();
        selector.is_none_or(|selector| selector.entries().is_empty())
            && network::restricts(policy, direction)
            && network::rules(policy, direction).is_empty()
    });
    Outcome::fail_if(!denies, place(namespace, &["metadata", "name"]))
}

fn deny_ingress<'a>(snapshot: &Snapshot<'a>, namespace: &'a Object) -> Outcome<'a> {
    denies_by_default(snapshot, namespace, Direction::Ingress)
}

fn deny_egress<'a>(snapshot: &Snapshot<'a>, namespace: &'a Object) -> Outcome<'a> {
    denies_by_default(snapshot, namespace, Direction::Egress)
}

/// A rule that names neither peers nor ports.
fn open_rules<'a>(policy: &'a Object, direction: Direction, peers: &'static str) -> Outcome<'a> {
    Outcome::of(network::rules(policy, direction).iter().map(Place::of).filter(|rule| {
        let is_empty = |key| rule.get(key).node().is_none_or(|node| node.items().is_empty());
        is_empty(peers) && is_empty("ports")
    }))
}

fn all_ingress(policy: &Object) -> Outcome<'_> {
    open_rules(policy, Direction::Ingress, "from")
}

fn all_egress(policy: &Object) -> Outcome<'_> {
    open_rules(policy, Direction::Egress, "to")
}

fn service_type(object: &Object, wanted: &str) -> bool {
    place(object, &["spec", "type"]).node().and_then(Node::text) == Some(wanted)
}

/// Whether a cloud is told to keep a load balancer's address inside.
pub(crate) fn is_internal(object: &Object) -> bool {
    let annotations = place(object, &["metadata", "annotations"]).node();
    annotations.map_or(&[][..], Node::entries).iter().any(|entry| {
        entry.key.contains("load-balancer")
            && (entry.key.contains("internal") && entry.node.brief() != "false"
                || entry.node.text().is_some_and(|text| text.eq_ignore_ascii_case("internal")))
    })
}

fn load_balancer(object: &Object) -> Outcome<'_> {
    let limited = place(object, &["spec", "loadBalancerSourceRanges"])
        .node()
        .is_some_and(|ranges| !ranges.items().is_empty());
    let wrong = service_type(object, "LoadBalancer") && !is_internal(object) && !limited;
    Outcome::fail_if(wrong, place(object, &["spec", "type"]))
}

fn node_port(object: &Object) -> Outcome<'_> {
    Outcome::fail_if(service_type(object, "NodePort"), place(object, &["spec", "type"]))
}

fn external_ips(object: &Object) -> Outcome<'_> {
    let addresses = place(object, &["spec", "externalIPs"]);
    Outcome::fail_if(addresses.node().is_some_and(|node| !node.items().is_empty()), addresses)
}

fn no_tls(object: &Object) -> Outcome<'_> {
    let tls = place(object, &["spec", "tls"]);
    Outcome::fail_if(tls.node().is_none_or(|node| node.items().is_empty()), tls)
}

fn snippets_where(object: &Object, wrong: impl Fn(&str) -> bool) -> Outcome<'_> {
    let annotations = place(object, &["metadata", "annotations"]).node();
    let all = annotations.map_or(&[][..], Node::entries).iter();
    let snippets = all.filter(|entry| entry.key.contains("snippet"));
    Outcome::of(
        snippets
            .filter(|entry| wrong(entry.node.text().unwrap_or_default()))
            .map(|entry| Place::of(&entry.node)),
    )
}

fn snippet(object: &Object) -> Outcome<'_> {
    snippets_where(object, |_| true)
}

fn snippet_alias(object: &Object) -> Outcome<'_> {
    snippets_where(object, |text| text.contains("alias"))
}

fn snippet_lua(object: &Object) -> Outcome<'_> {
    snippets_where(object, |text| {
        let mut words = text.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        let is_lua = |word: &str| {
            word.starts_with("lua_") || word.ends_with("_lua") || word.contains("_lua_")
        };
        words.any(is_lua) || text.contains("kubernetes.io")
    })
}
