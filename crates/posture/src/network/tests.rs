//! Reachability beside a model that has nothing of its cleverness: every address, label and port is known, and
//! every port is tried by itself, straight from the wording of the API.

use super::{Network, Passage, PortSet, Protocol};
use crate::snapshot::{Scope, Snapshot};
use crate::{document, object, workload};
use proptest::prelude::*;

const SPACES: [&str; 2] = ["a", "b"];
const COLOURS: [&str; 2] = ["red", "blue"];
/// Ports that are tried; policies name no others but by a range that covers them.
const PORTS: [u16; 3] = [80, 81, 443];

#[derive(Debug, Clone)]
struct ModelPod {
    space: usize,
    colour: usize,
    address: u8,
    /// The port that it calls `web`.
    web: u16,
}

#[derive(Debug, Clone)]
enum ModelPeer {
    Pods {
        space: Option<usize>,
        colour: Option<usize>,
    },
    /// All namespaces, by an empty selector.
    Everywhere {
        colour: Option<usize>,
    },
    Block {
        last: u8,
    },
    World,
}

#[derive(Debug, Clone)]
enum ModelPort {
    Number(u16),
    Range(u16, u16),
    Named,
    Udp,
}

#[derive(Debug, Clone)]
struct ModelRule {
    peers: Vec<ModelPeer>,
    ports: Vec<ModelPort>,
}

#[derive(Debug, Clone)]
struct ModelPolicy {
    space: usize,
    colour: Option<usize>,
    ingress: Option<Vec<ModelRule>>,
    egress: Option<Vec<ModelRule>>,
}

impl ModelPeer {
    fn is(&self, home: usize, pod: &ModelPod) -> bool {
        let of_colour = |colour: &Option<usize>| colour.is_none_or(|colour| colour == pod.colour);
        match self {
            Self::Pods { space: None, colour } => pod.space == home && of_colour(colour),
            Self::Pods { space: Some(space), colour } => pod.space == *space && of_colour(colour),
            Self::Everywhere { colour } => of_colour(colour),
            Self::Block { last } => *last == pod.address,
            Self::World => true,
        }
    }

    fn manifest(&self) -> String {
        let pods = |colour: &Option<usize>| match colour {
            Some(colour) => format!("{{matchLabels: {{colour: {}}}}}", COLOURS[*colour]),
            None => "{}".to_owned(),
        };
        match self {
            Self::Pods { space: None, colour } => format!("{{podSelector: {}}}", pods(colour)),
            Self::Pods { space: Some(space), colour } => format!(
                "{{podSelector: {}, namespaceSelector: {{matchLabels: {{team: {}}}}}}}",
                pods(colour),
                SPACES[*space]
            ),
            Self::Everywhere { colour } => {
                format!("{{podSelector: {}, namespaceSelector: {{}}}}", pods(colour))
            }
            Self::Block { last } => format!("{{ipBlock: {{cidr: 10.0.0.{last}/32}}}}"),
            Self::World => "{ipBlock: {cidr: 0.0.0.0/0}}".to_owned(),
        }
    }
}

impl ModelPort {
    fn is(&self, protocol: Protocol, port: u16, to: &ModelPod) -> bool {
        match self {
            Self::Number(own) => protocol == Protocol::Tcp && *own == port,
            Self::Range(first, last) => {
                protocol == Protocol::Tcp && (*first..=*last).contains(&port)
            }
            Self::Named => protocol == Protocol::Tcp && port == to.web,
            Self::Udp => protocol == Protocol::Udp,
        }
    }

    fn manifest(&self) -> String {
        match self {
            Self::Number(port) => format!("{{port: {port}}}"),
            Self::Range(first, last) => format!("{{port: {first}, endPort: {last}}}"),
            Self::Named => "{port: web}".to_owned(),
            Self::Udp => "{protocol: UDP}".to_owned(),
        }
    }
}

impl ModelRule {
    fn manifest(&self, peers: &str) -> String {
        let join = |items: Vec<String>| items.join(", ");
        format!(
            "{{{peers}: [{}], ports: [{}]}}",
            join(self.peers.iter().map(ModelPeer::manifest).collect()),
            join(self.ports.iter().map(ModelPort::manifest).collect())
        )
    }

    fn lets(
        &self,
        home: usize,
        peer: &ModelPod,
        protocol: Protocol,
        port: u16,
        to: &ModelPod,
    ) -> bool {
        (self.peers.is_empty() || self.peers.iter().any(|own| own.is(home, peer)))
            && (self.ports.is_empty() || self.ports.iter().any(|own| own.is(protocol, port, to)))
    }
}

fn direction_lets(
    policies: &[ModelPolicy],
    rules_of: impl Fn(&ModelPolicy) -> Option<&Vec<ModelRule>>,
    subject: &ModelPod,
    peer: &ModelPod,
    protocol: Protocol,
    port: u16,
    to: &ModelPod,
) -> bool {
    let own = |policy: &&ModelPolicy| {
        policy.space == subject.space && policy.colour.is_none_or(|colour| colour == subject.colour)
    };
    let mut rules = policies.iter().filter(own).filter_map(rules_of).peekable();
    rules.peek().is_none()
        || rules.flatten().any(|rule| rule.lets(subject.space, peer, protocol, port, to))
}

/// Whether any port of any protocol gets through.
fn model_reaches(policies: &[ModelPolicy], from: &ModelPod, to: &ModelPod) -> bool {
    Protocol::ALL.into_iter().any(|protocol| {
        PORTS.into_iter().any(|port| {
            direction_lets(policies, |policy| policy.egress.as_ref(), from, to, protocol, port, to)
                && direction_lets(
                    policies,
                    |policy| policy.ingress.as_ref(),
                    to,
                    from,
                    protocol,
                    port,
                    to,
                )
        })
    })
}

fn manifests(pods: &[ModelPod], policies: &[ModelPolicy]) -> String {
    let mut text = String::new();
    for space in SPACES {
        text.push_str(&format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {space}, labels: {{team: {space}}}}}\n---\n"));
    }
    for (index, pod) in pods.iter().enumerate() {
        text.push_str(&format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p{index}, namespace: {}, labels: {{colour: {}}}}}\n\
             spec: {{containers: [{{name: c, image: 'i:1', ports: [{{name: web, containerPort: {}}}]}}]}}\n---\n",
            SPACES[pod.space], COLOURS[pod.colour], pod.web
        ));
    }
    for (index, policy) in policies.iter().enumerate() {
        let selector = match policy.colour {
            Some(colour) => format!("{{matchLabels: {{colour: {}}}}}", COLOURS[colour]),
            None => "{}".to_owned(),
        };
        let list = |rules: &Option<Vec<ModelRule>>, peers: &str| {
            let rules = rules.iter().flatten().map(|rule| rule.manifest(peers)).collect::<Vec<_>>();
            format!("[{}]", rules.join(", "))
        };
        let types: Vec<&str> = [(&policy.ingress, "Ingress"), (&policy.egress, "Egress")]
            .into_iter()
            .filter_map(|(rules, name)| rules.as_ref().map(|_| name))
            .collect();
        text.push_str(&format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: n{index}, namespace: {}}}\n\
             spec: {{podSelector: {selector}, policyTypes: [{}], ingress: {}, egress: {}}}\n---\n",
            SPACES[policy.space],
            types.join(", "),
            list(&policy.ingress, "from"),
            list(&policy.egress, "to")
        ));
    }
    text
}

fn pod() -> impl Strategy<Value = ModelPod> {
    (0..2usize, 0..2usize, 1..4u8, prop::sample::select(&PORTS[..]))
        .prop_map(|(space, colour, address, web)| ModelPod { space, colour, address, web })
}

fn rule() -> impl Strategy<Value = ModelRule> {
    let colour = || prop::option::of(0..2usize);
    let peer = prop_oneof![
        (prop::option::of(0..2usize), colour())
            .prop_map(|(space, colour)| ModelPeer::Pods { space, colour }),
        colour().prop_map(|colour| ModelPeer::Everywhere { colour }),
        (1..4u8).prop_map(|last| ModelPeer::Block { last }),
        Just(ModelPeer::World),
    ];
    let port = prop_oneof![
        prop::sample::select(&PORTS[..]).prop_map(ModelPort::Number),
        Just(ModelPort::Range(80, 81)),
        Just(ModelPort::Range(81, 443)),
        Just(ModelPort::Named),
        Just(ModelPort::Udp),
    ];
    (prop::collection::vec(peer, 0..3), prop::collection::vec(port, 0..3))
        .prop_map(|(peers, ports)| ModelRule { peers, ports })
}

fn policy() -> impl Strategy<Value = ModelPolicy> {
    let rules = || prop::option::of(prop::collection::vec(rule(), 0..3));
    (0..2usize, prop::option::of(0..2usize), rules(), rules()).prop_filter_map(
        "a policy restricts something",
        |(space, colour, ingress, egress)| {
            (ingress.is_some() || egress.is_some()).then_some(ModelPolicy {
                space,
                colour,
                ingress,
                egress,
            })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// What is certain holds for any addresses; what is ruled out holds for none.
    #[test]
    fn reachability_is_the_models(
        pods in prop::collection::vec(pod(), 2..5),
        policies in prop::collection::vec(policy(), 0..5),
    ) {
        let inventory = object::inventory(0, document::read(manifests(&pods, &policies).as_bytes()));
        prop_assert!(inventory.unreadable.is_empty(), "{:?}", inventory.unreadable);
        let scope = Scope::Part;
        let snapshot = Snapshot::new(&inventory.objects, &scope);
        let network = Network::new(&snapshot);
        let views: Vec<_> = snapshot.pods.iter().flatten().collect();
        let blocks = format!("{policies:?}").contains("Block") || format!("{policies:?}").contains("World");
        for (from, one) in views.iter().enumerate() {
            for (to, other) in views.iter().enumerate().filter(|(to, _)| *to != from) {
                let truth = model_reaches(&policies, &pods[from], &pods[to]);
                match network.reaches(one, other) {
                    Passage::Certain => prop_assert!(truth, "{from} does not reach {to}"),
                    Passage::No => prop_assert!(!truth, "{from} reaches {to}"),
                    Passage::Possible => prop_assert!(blocks, "only addresses are not known here"),
                }
            }
        }
    }
}

fn outside(policy: &str, by_a_pod: bool) -> Passage {
    let text = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: p, namespace: shop}}\nspec: {{containers: [{{name: a, image: 'a:1'}}]}}\n---\n\
         apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: n, namespace: shop}}\nspec: {{podSelector: {{}}, {policy}}}\n"
    );
    let inventory = object::inventory(0, document::read(text.as_bytes()));
    let scope = Scope::Part;
    let snapshot = Snapshot::new(&inventory.objects, &scope);
    let pod = workload::pod(&inventory.objects[0]).unwrap();
    Network::new(&snapshot).reached_from_outside(&pod, &PortSet::all(), by_a_pod)
}

#[test]
fn from_outside_only_addresses_and_open_rules_let_in() {
    assert_eq!(outside("ingress: [{}]", false), Passage::Certain);
    assert_eq!(
        outside("ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]", false),
        Passage::Certain
    );
    assert_eq!(
        outside("ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]", false),
        Passage::Possible
    );
    assert_eq!(outside("ingress: [{from: [{podSelector: {}}]}]", false), Passage::No);
    assert_eq!(outside("ingress: [{from: [{namespaceSelector: {}}]}]", true), Passage::Possible);
    assert_eq!(outside("policyTypes: [Egress]", false), Passage::Certain);
    assert_eq!(outside("ingress: []", true), Passage::No);
}
