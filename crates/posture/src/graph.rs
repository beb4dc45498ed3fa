//! Paths through a cluster: from the internet, or from a Pod, to a node's root and to the cluster's administrator.
//! What each step rests on is told with its evidence; how likely somebody takes it is no question here.
//!
//! A step from one Pod to another assumes that the program there can be taken over by whoever reaches it. Steps
//! are found only as the search comes to their beginning, so that a cluster without policies, in which every Pod
//! reaches every other, costs no more than its number of Pods.
//!
//! | from | to | by |
//! | --- | --- | --- |
//! | the internet | a workload | a Service, an Ingress or a port of the node that publishes it |
//! | a workload | another | the network, as far as NetworkPolicies let it |
//! | a workload | its account | the token that is mounted |
//! | a workload | a node | what its containers may do or have of the node |
//! | an account | an account, a workload, a node, the administrator | the rights that it is bound to |
//! | a node | accounts | the tokens of the Pods that run there |
//! | anybody | what is bound to nobody's name | the API server, where it takes anonymous requests |

mod exposure;
mod rights;
mod search;

use crate::object::Object;
use crate::scan::Evidence;
use crate::snapshot::Snapshot;
use crate::words::{Words, words};
use serde::{Deserialize, Serialize};

/// A place that somebody can be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Spot {
    /// Outside of the cluster.
    Internet,
    /// In a workload's Pod: the index of its object.
    Workload(usize),
    /// With an account's rights: its number in the search.
    Account(usize),
    /// With the rights of who is not signed in.
    Anonymous,
    /// Root on a node.
    Node,
    /// Administrator of the cluster.
    ClusterAdmin,
}

/// By what a step is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// A Service publishes it.
    Service,
    /// An Ingress publishes it.
    Ingress,
    /// A port of the node leads to it.
    HostPort,
    /// The network lets it through.
    Network,
    /// The token is mounted.
    Token,
    /// The container is no wall.
    Escape,
    /// Pods of the account run on nodes that were taken.
    SameNode,
    /// The API server takes anonymous requests.
    AnonymousRequest,
    /// Every right there is.
    EveryRight,
    /// Roles beyond one's own.
    GiveRights,
    /// Acting as others.
    Impersonate,
    /// Changing what others send.
    Webhook,
    /// Certificates for any name.
    Certificate,
    /// Making Pods.
    MakePods,
    /// Entering Pods.
    EnterPods,
    /// Making tokens.
    MakeTokens,
}

impl Way {
    /// In words.
    pub fn words(self) -> Words {
        match self {
            Self::Service => words("a Service publishes it", "Service가 공개합니다"),
            Self::Ingress => words("an Ingress publishes it", "Ingress가 공개합니다"),
            Self::HostPort => words("a port of the node leads to it", "노드의 포트로 연결됩니다"),
            Self::Network => words(
                "the network lets it through, if the program there can be taken over",
                "네트워크가 통과시킵니다. 그곳의 프로그램을 빼앗을 수 있어야 합니다",
            ),
            Self::Token => {
                words("the account's token is mounted", "계정의 토큰이 마운트되어 있습니다")
            }
            Self::Escape => words(
                "its container is no wall before the node",
                "컨테이너가 노드를 막아 주지 못합니다",
            ),
            Self::SameNode => words(
                "its Pods may run on the node, which holds their tokens",
                "그 Pod가 노드에서 실행될 수 있고 노드에는 토큰이 있습니다",
            ),
            Self::AnonymousRequest => words(
                "the API server may take requests of nobody",
                "API 서버가 익명 요청을 받을 수 있습니다",
            ),
            Self::EveryRight => words("it has every right", "모든 권한을 가집니다"),
            Self::GiveRights => words(
                "it gives out rights that it does not have",
                "갖고 있지 않은 권한을 나누어 줄 수 있습니다",
            ),
            Self::Impersonate => words("it acts as others", "다른 주체로 행동할 수 있습니다"),
            Self::Webhook => words(
                "it changes what others send to the API server",
                "다른 주체가 API 서버로 보내는 것을 바꿀 수 있습니다",
            ),
            Self::Certificate => {
                words("it makes certificates for any name", "어떤 이름의 인증서든 만들 수 있습니다")
            }
            Self::MakePods => words(
                "it makes Pods, with any account of the namespace and as the namespace lets them be",
                "네임스페이스의 어떤 계정으로든, 네임스페이스가 허용하는 어떤 Pod든 만들 수 있습니다",
            ),
            Self::EnterPods => words("it enters Pods", "Pod에 들어갈 수 있습니다"),
            Self::MakeTokens => words(
                "it makes or reads tokens of accounts",
                "계정의 토큰을 만들거나 읽을 수 있습니다",
            ),
        }
    }
}

/// What a step rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Index of the object.
    pub object: usize,
    /// What was read there.
    pub evidence: Evidence,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// From where.
    pub from: Spot,
    /// To where.
    pub to: Spot,
    /// By what.
    pub way: Way,
    /// Whether it holds for certain, or only if something that cannot be seen here is so.
    pub certain: bool,
    /// What it rests on.
    pub proofs: Vec<Proof>,
}

/// A path, or that there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// Where it begins.
    pub from: Spot,
    /// Where it leads.
    pub to: Spot,
    /// Its steps; empty, if no path was found.
    pub hops: Vec<Hop>,
}

/// All that was found by one search.
#[derive(Debug)]
pub struct Paths {
    /// The shortest path to each goal.
    pub paths: Vec<Path>,
    /// Names of the accounts, by their number.
    accounts: Vec<(String, String)>,
}

impl Paths {
    /// The shortest paths from a place to a node's root and to the cluster's administrator.
    pub fn find(snapshot: &Snapshot<'_>, from: Spot) -> Self {
        search::Search::new(snapshot).run(from)
    }

    /// What a place is called, as reports name objects.
    pub fn name(&self, spot: Spot, objects: &[Object]) -> String {
        match spot {
            Spot::Internet => "internet".to_owned(),
            Spot::Workload(index) => objects.get(index).map(Object::reference).unwrap_or_default(),
            Spot::Account(number) => match self.accounts.get(number) {
                Some((namespace, name)) => format!("ServiceAccount/{namespace}/{name}"),
                None => String::new(),
            },
            Spot::Anonymous => "system:anonymous".to_owned(),
            Spot::Node => "node-root".to_owned(),
            Spot::ClusterAdmin => "cluster-admin".to_owned(),
        }
    }
}

/// The workloads that the internet comes to, by index of their object, and whether for certain.
pub fn published(snapshot: &Snapshot<'_>) -> Vec<(usize, bool)> {
    let ways = search::Search::new(snapshot).ways_in().into_iter();
    ways.filter_map(|hop| match hop.to {
        Spot::Workload(index) => Some((index, hop.certain)),
        _ => None,
    })
    .collect()
}

#[cfg(test)]
mod tests;
