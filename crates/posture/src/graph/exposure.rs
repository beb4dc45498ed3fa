//! Who is published to the internet: by Services, by Ingresses, by ports of nodes.
//! What NetworkPolicies then let through is `network`'s.

use super::{Hop, Proof, Spot, Way};
use crate::network::{Network, Passage, PortSet};
use crate::node::Node;
use crate::object::Object;
use crate::place::Place;
use crate::publication;
use crate::scan;
use crate::selector::selects_plainly;
use crate::snapshot::{Snapshot, place};
use crate::workload::Pod;
use std::collections::HashMap;

/// How the internet comes to a workload, if it does; the more certain way.
pub(super) fn hop<'a>(
    snapshot: &Snapshot<'a>,
    network: &Network<'_, 'a>,
    indices: &HashMap<*const Object, usize>,
    index: usize,
    pod: &Pod<'a>,
) -> Option<Hop> {
    let namespace = pod.object.effective_namespace();
    // A policy that was not seen may close what those that were seen let through.
    let certainly = |passage| passage == Passage::Certain && snapshot.is_all_of("NetworkPolicy");
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
        if let Some((published, certain)) = publication::internet(service) {
            let passage = network.reached_from_outside(pod, &at, false);
            if passage > Passage::No {
                let proofs = vec![proof(number, published)];
                offer(Way::Service, certain && certainly(passage), proofs);
            }
        }
        if let Some((ingress, backend)) = snapshot.ingress_to(namespace, &service.name) {
            let passage = network.reached_from_outside(pod, &at, true);
            if passage > Passage::No {
                let selector = place(service, &["spec", "selector"]);
                let proofs = vec![proof(ingress, backend), proof(number, selector)];
                offer(Way::Ingress, certainly(passage), proofs);
            }
        }
    }
    let ports = pod.containers.iter().flat_map(|container| {
        container.place.get("ports").node().map_or(&[][..], Node::items).iter().map(Place::of)
    });
    for port in ports {
        let on_node = port.get("hostPort");
        if on_node.node().and_then(Node::number).is_none_or(|number| number == 0.0) {
            continue;
        }
        // Policies know the Pod's own port, for the node's is translated before they are asked.
        let at = PortSet::of_container(port);
        if network.reached_from_outside(pod, &at, false) > Passage::No {
            let evidence = scan::evidence(pod.object, on_node);
            // Whether the node has an address on the internet is not known.
            offer(Way::HostPort, false, vec![Proof { object: index, evidence }]);
        }
    }
    best
}
