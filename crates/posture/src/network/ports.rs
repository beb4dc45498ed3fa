//! Sets of ports, by protocol, and whether two of them meet.
//! Who may use them is `network`'s.

use crate::node::{Node, Value};
use crate::place::Place;
use crate::workload::Pod;

/// A protocol of NetworkPolicies and Services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Tcp, Self::Udp, Self::Sctp];

    /// The protocol of this name; TCP, if none is given, and none for a name that the API server refuses.
    pub fn named(name: Option<&str>) -> Option<Self> {
        match name {
            None | Some("TCP") => Some(Self::Tcp),
            Some("UDP") => Some(Self::Udp),
            Some("SCTP") => Some(Self::Sctp),
            Some(_) => None,
        }
    }
}

/// Ports of a protocol that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortRange {
    /// The protocol.
    pub protocol: Protocol,
    /// The first.
    pub first: u16,
    /// The last.
    pub last: u16,
}

/// A set of ports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PortSet(Vec<PortRange>);

impl PortSet {
    /// All ports of all protocols.
    pub fn all() -> Self {
        Self(Protocol::ALL.map(|protocol| PortRange { protocol, first: 1, last: u16::MAX }).into())
    }

    /// These ports.
    pub fn of(ranges: impl IntoIterator<Item = PortRange>) -> Self {
        Self(ranges.into_iter().collect())
    }

    /// The ports of a policy's rule; names are those of the Pod that is spoken to.
    pub(super) fn of_rule(rule: &Node, to: &Pod<'_>) -> Self {
        let ports = rule.get("ports").map_or(&[][..], Node::items);
        if ports.is_empty() {
            return Self::all();
        }
        Self::of(ports.iter().flat_map(|entry| {
            let protocol = Protocol::named(entry.get("protocol").and_then(Node::text));
            let port = entry.get("port").filter(|node| !node.is_null());
            let end = entry.get("endPort").and_then(whole);
            protocol.map(|protocol| ports_of(port, end, protocol, to)).unwrap_or_default()
        }))
    }

    /// The port of a Pod at which a port of a Service arrives.
    pub fn of_target(port: &Node, to: &Pod<'_>) -> Self {
        let Some(protocol) = Protocol::named(port.get("protocol").and_then(Node::text)) else {
            return Self::default();
        };
        let target =
            port.get("targetPort").filter(|node| !node.is_null() && node.number() != Some(0.0));
        Self::of(ports_of(target.or_else(|| port.get("port")), None, protocol, to))
    }

    /// The port that an entry of a container's `ports` names; all, if it says none that can be read.
    pub(crate) fn of_container(port: Place<'_>) -> Self {
        let protocol = Protocol::named(port.get("protocol").node().and_then(Node::text));
        match protocol.zip(port.get("containerPort").node().and_then(whole)) {
            Some((protocol, number)) => {
                Self::of([PortRange { protocol, first: number, last: number }])
            }
            None => Self::all(),
        }
    }

    /// Takes in another set.
    pub fn add(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    /// Whether both have a port in common.
    pub fn meets(&self, other: &Self) -> bool {
        self.0.iter().any(|one| {
            other.0.iter().any(|two| {
                one.protocol == two.protocol && one.first <= two.last && two.first <= one.last
            })
        })
    }
}

fn ports_of(
    port: Option<&Node>,
    end: Option<u16>,
    protocol: Protocol,
    to: &Pod<'_>,
) -> Vec<PortRange> {
    let range = |first, last| PortRange { protocol, first, last };
    let Some(port) = port else { return vec![range(1, u16::MAX)] };
    if let Some(first) = whole(port) {
        return vec![range(first, end.unwrap_or(first).max(first))];
    }
    let Some(name) = port.text() else { return Vec::new() };
    named_ports(to)
        .filter(|(own, of, _)| *own == name && *of == protocol)
        .map(|(_, _, number)| range(number, number))
        .collect()
}

/// The ports to which a Pod's containers give names.
fn named_ports<'p>(pod: &'p Pod<'_>) -> impl Iterator<Item = (&'p str, Protocol, u16)> {
    let ports = pod
        .containers
        .iter()
        .flat_map(|container| container.place.get("ports").node().map_or(&[][..], Node::items));
    ports.filter_map(|port| {
        let name = port.get("name").and_then(Node::text)?;
        let number = port.get("containerPort").and_then(whole)?;
        Some((name, Protocol::named(port.get("protocol").and_then(Node::text))?, number))
    })
}

/// A port's number.
fn whole(node: &Node) -> Option<u16> {
    match &node.value {
        Value::Number(_, raw) => raw.parse().ok().filter(|port| *port != 0),
        _ => None,
    }
}
