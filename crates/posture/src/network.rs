//! What NetworkPolicies let through: from one Pod to another, and from outside of the cluster.
//! Whether the cluster's network enforces them cannot be seen here; who is exposed, and what follows from
//! reaching somebody, is `graph`'s.
//!
//! Addresses of Pods are not known, nor are the labels of a Namespace that was not given. What depends on them is
//! "possible" and neither certain nor ruled out.

mod ports;

use crate::node::Node;
use crate::object::Object;
use crate::selector::{Labels, asks_only_for, selects};
use crate::snapshot::{Snapshot, place};
use crate::workload::Pod;
pub use ports::{PortRange, PortSet, Protocol};
use std::collections::HashMap;

/// The label that every Namespace has: its name.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// How certain it is that traffic passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Passage {
    /// It does not.
    No,
    /// It may, by an address or a label that is not known.
    Possible,
    /// It does, on some port at least.
    Certain,
}

/// The direction of traffic, as seen from the Pod that a policy selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Ingress,
    Egress,
}

impl Direction {
    /// The policy type, the list of rules, and the list of peers in a rule.
    fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Ingress => ("Ingress", "ingress", "from"),
            Self::Egress => ("Egress", "egress", "to"),
        }
    }
}

/// The rules of a policy in a direction.
pub(crate) fn rules(policy: &Object, direction: Direction) -> &[Node] {
    place(policy, &["spec", direction.names().1]).node().map_or(&[], Node::items)
}

/// Whether a policy restricts a direction: by default ingress, and egress where it has rules for it.
pub(crate) fn restricts(policy: &Object, direction: Direction) -> bool {
    let (name, _, _) = direction.names();
    match place(policy, &["spec", "policyTypes"]).node() {
        Some(types) => types.items().iter().any(|item| item.text() == Some(name)),
        None => direction == Direction::Ingress || place(policy, &["spec", "egress"]).is_set(),
    }
}

/// Whether a policy is for Pods of its namespace with these labels.
pub(crate) fn is_for(policy: &Object, labels: &Labels<'_>) -> bool {
    place(policy, &["spec", "podSelector"]).node().is_none_or(|selector| selects(selector, labels))
}

/// Who speaks to a Pod.
#[derive(Debug, Clone, Copy)]
enum Peer<'p, 'a> {
    Pod(&'p Pod<'a>),
    /// Somebody outside of the cluster, or what brings him in and hides him.
    Outside {
        by_a_pod: bool,
    },
}

/// The network of a snapshot.
#[derive(Debug)]
pub struct Network<'s, 'a> {
    snapshot: &'s Snapshot<'a>,
    /// Labels of the namespaces that are among the objects.
    namespaces: HashMap<&'a str, Vec<(&'a str, &'a str)>>,
}

impl<'s, 'a> Network<'s, 'a> {
    /// Looks at the policies of a snapshot.
    pub fn new(snapshot: &'s Snapshot<'a>) -> Self {
        let spaces = snapshot.objects.iter().filter(|object| {
            object.seen && object.kind == "Namespace" && object.group().is_empty()
        });
        let labels_of = |space: &'a Object| {
            let labels = place(space, &["metadata", "labels"]).node();
            let mut labels: Vec<_> = labels
                .map_or(&[][..], Node::entries)
                .iter()
                .filter_map(|entry| Some((entry.key.as_str(), entry.node.text()?)))
                .filter(|(key, _)| *key != NAME_LABEL)
                .collect();
            labels.push((NAME_LABEL, space.name.as_str()));
            labels
        };
        let namespaces = spaces.map(|space| (space.name.as_str(), labels_of(space))).collect();
        Self { snapshot, namespaces }
    }

    /// Whether a Pod reaches another.
    pub fn reaches(&self, from: &Pod<'a>, to: &Pod<'a>) -> Passage {
        if std::ptr::eq(from.object, to.object) {
            return Passage::Certain;
        }
        let mut passage = Passage::No;
        for least in [Passage::Possible, Passage::Certain] {
            let out = self.allowed(Direction::Egress, from, Peer::Pod(to), to, least);
            let inward = self.allowed(Direction::Ingress, to, Peer::Pod(from), to, least);
            if out.meets(&inward) {
                passage = least;
            }
        }
        passage
    }

    /// Whether somebody outside reaches these ports of a Pod; `by_a_pod` if a controller of Ingresses brings him.
    pub fn reached_from_outside(&self, to: &Pod<'a>, at: &PortSet, by_a_pod: bool) -> Passage {
        let mut passage = Passage::No;
        for least in [Passage::Possible, Passage::Certain] {
            let peer = Peer::Outside { by_a_pod };
            if self.allowed(Direction::Ingress, to, peer, to, least).meets(at) {
                passage = least;
            }
        }
        passage
    }

    /// The policy that restricts a Pod in a direction, if one does.
    pub(crate) fn restriction(&self, pod: &Pod<'a>, direction: Direction) -> Option<&'a Object> {
        let policies = self.snapshot.policies_of(pod.object.effective_namespace());
        policies
            .iter()
            .find(|policy| restricts(policy, direction) && is_for(policy, &pod.labels))
            .copied()
    }

    /// The ports on which `subject` may speak with `peer`; named ports are those of `to`.
    fn allowed(
        &self,
        direction: Direction,
        subject: &Pod<'a>,
        peer: Peer<'_, 'a>,
        to: &Pod<'a>,
        least: Passage,
    ) -> PortSet {
        // No policy holds for a Pod in its node's network. And what comes from a node's address, as its traffic
        // does, is let in by most networks on the same node.
        let from_node = matches!(peer, Peer::Pod(pod) if pod.host_network.is(true));
        if subject.host_network.is(true) || (from_node && least == Passage::Possible) {
            return PortSet::all();
        }
        let namespace = subject.object.effective_namespace();
        let mut restricted = false;
        let mut ports = PortSet::default();
        for policy in self.snapshot.policies_of(namespace) {
            if !restricts(policy, direction) || !is_for(policy, &subject.labels) {
                continue;
            }
            restricted = true;
            for rule in rules(policy, direction) {
                let peers = rule.get(direction.names().2).map_or(&[][..], Node::items);
                let matches = peers.is_empty()
                    || peers.iter().any(|entry| self.matches(entry, namespace, peer) >= least);
                if matches {
                    ports.add(&PortSet::of_rule(rule, to));
                }
            }
        }
        if restricted { ports } else { PortSet::all() }
    }

    /// Whether a peer of a rule is this one.
    fn matches(&self, entry: &Node, home: &str, peer: Peer<'_, 'a>) -> Passage {
        let present = |key| entry.get(key).filter(|node| !node.is_null());
        let (pods, spaces) = (present("podSelector"), present("namespaceSelector"));
        if let Some(block) = present("ipBlock") {
            let all =
                block.get("cidr").and_then(Node::text).is_some_and(|cidr| cidr.ends_with("/0"));
            let outside = matches!(peer, Peer::Outside { by_a_pod: false });
            return if outside && all { Passage::Certain } else { Passage::Possible };
        }
        let pod = match peer {
            Peer::Pod(pod) => pod,
            Peer::Outside { by_a_pod: true } => return Passage::Possible,
            Peer::Outside { by_a_pod: false } => return Passage::No,
        };
        // A Pod in its node's network has no address by which a selector could know it.
        if pod.host_network.is(true) || pods.is_some_and(|selector| !selects(selector, &pod.labels))
        {
            return Passage::No;
        }
        match spaces {
            Some(selector) => self.in_namespace(selector, pod.object.effective_namespace()),
            None if pods.is_some() && pod.object.effective_namespace() == home => Passage::Certain,
            None => Passage::No,
        }
    }

    fn in_namespace(&self, selector: &Node, namespace: &str) -> Passage {
        let certain = |matches| if matches { Passage::Certain } else { Passage::No };
        match self.namespaces.get(namespace) {
            Some(labels) => certain(selects(selector, labels)),
            None if asks_only_for(selector, NAME_LABEL) => {
                certain(selects(selector, &[(NAME_LABEL, namespace)]))
            }
            None => Passage::Possible,
        }
    }
}

#[cfg(test)]
mod tests;
