//! Who is published to the internet: by Services, by Ingresses, by ports of nodes.
//! What NetworkPolicies then let through is `network`'s.

use super::{Hop, Proof, Spot, Way};
use crate::network::{Network, Passage, PortRange, PortSet, Protocol};
use crate::node::Node;
use crate::object::Object;
use crate::place::Place;
use crate::scan;
use crate::selector::selects_plainly;
use crate::snapshot::{Snapshot, place};
use crate::workload::Pod;
use std::collections::HashMap;

/// All Ingresses by the Service to which each leads: namespace and name.
#[derive(Debug)]
pub(super) struct Ingresses<'a> {
    backends: HashMap<(&'a str, &'a str), (usize, Place<'a>)>,
}

impl<'a> Ingresses<'a> {
    pub(super) fn new(objects: &'a [Object]) -> Self {
        let mut backends = HashMap::new();
        for (index, object) in objects.iter().enumerate() {
            if object.kind != "Ingress" || !object.seen {
                continue;
            }
            let default = place(object, &["spec", "defaultBackend"]);
            let rules = place(object, &["spec", "rules"]).node().map_or(&[][..], Node::items);
            let paths = rules.iter().flat_map(|rule| {
                let paths = rule.get("http").and_then(|http| http.get("paths"));
                paths.map_or(&[][..], Node::items)
            });
            let all = paths.map(|path| Place::of(path).get("backend")).chain([default]);
            for service in all.map(|backend| backend.get("service").get("name")) {
                if let Some(name) = service.node().and_then(Node::text) {
                    backends
                        .entry((object.effective_namespace(), name))
                        .or_insert((index, service));
                }
            }
        }
        Self { backends }
    }
}

/// How the internet comes to a workload, if it does; the more certain way.
pub(super) fn hop<'a>(
    snapshot: &Snapshot<'a>,
    network: &Network<'_, 'a>,
    ingresses: &Ingresses<'a>,
    indices: &HashMap<*const Object, usize>,
    index: usize,
    pod: &Pod<'a>,
) -> Option<Hop> {
    let namespace = pod.object.effective_namespace();
    let mut best: Option<Hop> = None;
    let mut offer = |way, certain: bool, proofs: Vec<Proof>| {
        if best.as_ref().is_none_or(|best| certain && !best.certain) {
            let (from, to) = (Spot::Internet, Spot::Workload(index));
            best = Some(Hop { from, to, way, certain, proofs });
        }
    };
    for service in snapshot.services_of(namespace) {
        let selected = place(service, &["spec", "selector"])
            .node()
            .is_some_and(|selector| selects_plainly(selector, &pod.labels));
        let Some(&number) = indices.get(&std::ptr::from_ref(*service)) else { continue };
        if !selected {
            continue;
        }
        let proof = |object: usize, place| Proof {
            object,
            evidence: scan::evidence(&snapshot.objects[object], place),
        };
        let ports = place(service, &["spec", "ports"]).node().map_or(&[][..], Node::items);
        let mut at = PortSet::default();
        for port in ports {
            at.add(&PortSet::of_target(port, pod));
        }
        if let Some((published, certain)) = published(service) {
            let passage = network.reached_from_outside(pod, &at, false);
            if passage > Passage::No {
                let proofs = vec![proof(number, published)];
                offer(Way::Service, certain && passage == Passage::Certain, proofs);
            }
        }
        if let Some((ingress, backend)) =
            ingresses.backends.get(&(namespace, service.name.as_str()))
        {
            let passage = network.reached_from_outside(pod, &at, true);
            if passage > Passage::No {
                let selector = place(service, &["spec", "selector"]);
                let proofs = vec![proof(*ingress, *backend), proof(number, selector)];
                offer(Way::Ingress, passage == Passage::Certain, proofs);
            }
        }
    }
    for port in pod.containers.iter().flat_map(|container| &container.host_ports) {
        let number = port.place.node().and_then(crate::network::port_number);
        let at = PortSet::of(number.map(|number| PortRange {
            protocol: Protocol::Tcp,
            first: number,
            last: number,
        }));
        if network.reached_from_outside(pod, &at, false) > Passage::No {
            let evidence = scan::evidence(pod.object, port.place);
            // Whether the node has an address on the internet is not known.
            offer(Way::HostPort, false, vec![Proof { object: index, evidence }]);
        }
    }
    best
}

/// Where a Service says that it is published, and whether that is the internet for certain. A port of the nodes
/// is only as public as they are.
fn published(service: &Object) -> Option<(Place<'_>, bool)> {
    let kind = place(service, &["spec", "type"]);
    let addresses = place(service, &["spec", "externalIPs"]);
    let ranges = place(service, &["spec", "loadBalancerSourceRanges"]);
    let is_limited = ranges.node().is_some_and(|ranges| {
        let open = |range: &Node| range.text().is_some_and(|range| range.trim().ends_with("/0"));
        !ranges.items().is_empty() && !ranges.items().iter().any(open)
    });
    match kind.node().and_then(Node::text) {
        Some("LoadBalancer") if crate::checks::is_internal(service) || is_limited => None,
        Some("LoadBalancer") => Some((kind, true)),
        Some("NodePort") => Some((kind, false)),
        _ => addresses
            .node()
            .is_some_and(|node| !node.items().is_empty())
            .then_some((addresses, false)),
    }
}
