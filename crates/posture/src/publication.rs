//! By what a Service is published: its own type, addresses that it claims, or an Ingress that leads to it.
//! What NetworkPolicies then let through is `network`'s, and who stands behind the Service the caller's.

use crate::node::Node;
use crate::object::Object;
use crate::place::Place;
use crate::snapshot::place;
use std::collections::HashMap;

/// All Ingresses by the Service to which each leads: namespace and name.
#[derive(Debug)]
pub(crate) struct Ingresses<'a> {
    backends: HashMap<(&'a str, &'a str), (usize, Place<'a>)>,
}

impl<'a> Ingresses<'a> {
    pub(crate) fn new(objects: &'a [Object]) -> Self {
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

    /// The Ingress that leads to a Service, and where it says so.
    pub(crate) fn to(&self, namespace: &'a str, service: &'a str) -> Option<(usize, Place<'a>)> {
        self.backends.get(&(namespace, service)).copied()
    }
}

/// Where a Service says that it can be reached from outside of the cluster, be it from a private network alone.
pub(crate) fn outside(service: &Object) -> Option<Place<'_>> {
    let kind = place(service, &["spec", "type"]);
    match kind.node().and_then(Node::text) {
        Some("LoadBalancer" | "NodePort") => Some(kind),
        _ => addresses(service),
    }
}

/// Where a Service says that it is published to the internet, and whether that is so for certain. A port of the
/// nodes is only as public as they are.
pub(crate) fn internet(service: &Object) -> Option<(Place<'_>, bool)> {
    let kind = place(service, &["spec", "type"]);
    let ranges = place(service, &["spec", "loadBalancerSourceRanges"]);
    let is_limited = ranges.node().is_some_and(|ranges| {
        let open = |range: &Node| range.text().is_some_and(|range| range.trim().ends_with("/0"));
        !ranges.items().is_empty() && !ranges.items().iter().any(open)
    });
    match kind.node().and_then(Node::text) {
        Some("LoadBalancer") if !is_limited && !crate::checks::is_internal(service) => {
            Some((kind, true))
        }
        Some("NodePort") => Some((kind, false)),
        _ => addresses(service).map(|addresses| (addresses, false)),
    }
}

fn addresses(service: &Object) -> Option<Place<'_>> {
    let addresses = place(service, &["spec", "externalIPs"]);
    addresses.node().is_some_and(|node| !node.items().is_empty()).then_some(addresses)
}
