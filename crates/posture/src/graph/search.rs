//! The search for shortest paths: breadth first, each place entered once.
//! Which steps there are from a place is told here, from what `network`, `exposure` and `rights` know.

use super::exposure;
use super::rights::{Bindings, Holder, Target};
use super::{Hop, Path, Paths, Proof, Spot, Way};
use crate::check::Check;
use crate::network::{Direction, Network, Passage};
use crate::node::Node;
use crate::object::Object;
use crate::place::Place;
use crate::scan::{self, Verdict};
use crate::snapshot::{Snapshot, place};
use crate::workload::Pod;
use std::collections::{BTreeSet, HashMap, VecDeque};

/// Checks whose failure lets somebody in a container have its node, and whether for certain.
const ESCAPES: &[(&str, bool)] = &[
    ("privileged-container", true),
    ("runtime-socket", true),
    ("windows-host-process", true),
    ("capability-sys-admin", true),
    ("host-path-sensitive", false),
    ("host-proc", false),
];

/// A search over a snapshot.
#[derive(Debug)]
pub(super) struct Search<'s, 'a> {
    snapshot: &'s Snapshot<'a>,
    network: Network<'s, 'a>,
    bindings: Bindings<'a>,
    /// The checks of [`ESCAPES`].
    escapes: Vec<(&'static Check, bool)>,
    /// Of each Namespace that was seen, whether Pod Security keeps privileged Pods out of it.
    guarded: HashMap<&'a str, bool>,
    indices: HashMap<*const Object, usize>,
    accounts: Vec<(String, String)>,
    numbers: HashMap<(String, String), usize>,
    /// The objects of accounts, where there are any.
    account_objects: HashMap<usize, usize>,
    /// Workloads and accounts that were not entered yet.
    workloads_left: BTreeSet<usize>,
    accounts_left: BTreeSet<usize>,
    /// By which step each place was entered.
    entered: HashMap<Spot, Hop>,
    queue: VecDeque<Spot>,
    start: Spot,
}

impl<'s, 'a> Search<'s, 'a> {
    pub(super) fn new(snapshot: &'s Snapshot<'a>) -> Self {
        let mut search = Self {
            snapshot,
            network: Network::new(snapshot),
            bindings: Bindings::new(snapshot),
            escapes: crate::checks::all()
                .filter_map(|check| {
                    let (_, certain) = ESCAPES.iter().find(|(id, _)| *id == check.id)?;
                    Some((check, *certain))
                })
                .collect(),
            guarded: guarded(snapshot.objects),
            indices: snapshot
                .objects
                .iter()
                .enumerate()
                .map(|(index, object)| (std::ptr::from_ref(object), index))
                .collect(),
            accounts: Vec::new(),
            numbers: HashMap::new(),
            account_objects: HashMap::new(),
            workloads_left: BTreeSet::new(),
            accounts_left: BTreeSet::new(),
            entered: HashMap::new(),
            queue: VecDeque::new(),
            start: Spot::Internet,
        };
        for (index, object) in snapshot.objects.iter().enumerate() {
            if let Some(pod) = snapshot.pods.get(index).and_then(Option::as_ref) {
                search.workloads_left.insert(index);
                search.account(object.effective_namespace(), account_of(pod));
            } else if object.kind == "ServiceAccount" && object.seen {
                let number = search.account(object.effective_namespace(), &object.name);
                search.account_objects.insert(number, index);
            }
        }
        search.accounts_left = (0..search.accounts.len()).collect();
        search
    }

    fn account(&mut self, namespace: &str, name: &str) -> usize {
        let key = (namespace.to_owned(), name.to_owned());
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        let number = self.accounts.len();
        self.accounts.push(key.clone());
        self.numbers.insert(key, number);
        number
    }

    /// Runs the search.
    pub(super) fn run(mut self, from: Spot) -> Paths {
        self.start = from;
        self.leave(from);
        self.queue.push_back(from);
        while let Some(spot) = self.queue.pop_front() {
            match spot {
                Spot::Internet => self.beyond_internet(),
                Spot::Workload(index) => self.beyond_workload(index),
                Spot::Account(number) => self.beyond_account(spot, Some(number)),
                Spot::Anonymous => self.beyond_account(spot, None),
                Spot::Node => self.beyond_node(),
                Spot::ClusterAdmin => {}
            }
        }
        let goals = [Spot::Node, Spot::ClusterAdmin];
        let paths = goals.map(|to| Path { from, to, hops: self.way_to(to) });
        Paths { paths: paths.into(), accounts: self.accounts }
    }

    fn leave(&mut self, spot: Spot) {
        match spot {
            Spot::Workload(index) => drop(self.workloads_left.remove(&index)),
            Spot::Account(number) => drop(self.accounts_left.remove(&number)),
            _ => {}
        }
    }

    /// Enters a place, if nobody did before.
    fn enter(&mut self, hop: Hop) {
        let to = hop.to;
        if to == self.start || self.entered.contains_key(&to) {
            return;
        }
        self.leave(to);
        self.entered.insert(to, hop);
        self.queue.push_back(to);
    }

    fn way_to(&self, goal: Spot) -> Vec<Hop> {
        let mut hops = Vec::new();
        let mut at = goal;
        // Each place was entered once, so that the way back ends.
        while let Some(hop) = self.entered.get(&at) {
            hops.push(hop.clone());
            at = hop.from;
        }
        hops.reverse();
        hops
    }

    fn pod(&self, index: usize) -> Option<&'s Pod<'a>> {
        self.snapshot.pods.get(index).and_then(Option::as_ref)
    }

    fn proof(&self, object: usize, place: Place<'a>) -> Proof {
        Proof { object, evidence: scan::evidence(&self.snapshot.objects[object], place) }
    }

    fn beyond_internet(&mut self) {
        self.ways_in().into_iter().for_each(|hop| self.enter(hop));
        self.anonymously(Spot::Internet);
    }

    /// The steps from the internet.
    pub(super) fn ways_in(&self) -> Vec<Hop> {
        let mut hops: Vec<Hop> = self
            .workloads_left
            .iter()
            .filter_map(|index| {
                let pod = self.pod(*index)?;
                exposure::hop(self.snapshot, &self.network, &self.indices, *index, pod)
            })
            .collect();
        // What is certain is gone through first, so that of two paths of a length the better is told.
        hops.sort_by_key(|hop| !hop.certain);
        hops
    }

    /// Whoever reaches the API server can be nobody there.
    fn anonymously(&mut self, from: Spot) {
        let (to, way) = (Spot::Anonymous, Way::AnonymousRequest);
        self.enter(Hop { from, to, way, certain: false, proofs: Vec::new() });
    }

    fn beyond_workload(&mut self, index: usize) {
        let Some(pod) = self.pod(index) else { return };
        let from = Spot::Workload(index);
        if let Some((proof, certain)) = self.escape(index, pod) {
            let (to, way) = (Spot::Node, Way::Escape);
            self.enter(Hop { from, to, way, certain, proofs: vec![proof] });
        }
        if let Some(hop) = self.token(index, pod) {
            self.enter(hop);
        }
        self.anonymously(from);
        let mut hops: Vec<Hop> = Vec::new();
        for other in self.workloads_left.iter().copied() {
            let Some(to) = self.pod(other) else { continue };
            let passage = self.network.reaches(pod, to);
            if passage == Passage::No {
                continue;
            }
            // What lets it through is the policy there is, or that there is none.
            let policy = self.network.restriction(to, Direction::Ingress);
            let proof = policy.and_then(|policy| {
                let object = *self.indices.get(&std::ptr::from_ref(policy))?;
                Some(self.proof(object, place(policy, &["spec", "ingress"])))
            });
            hops.push(Hop {
                from,
                to: Spot::Workload(other),
                way: Way::Network,
                certain: passage == Passage::Certain && self.snapshot.is_all_of("NetworkPolicy"),
                proofs: proof.into_iter().collect(),
            });
        }
        hops.sort_by_key(|hop| !hop.certain);
        hops.into_iter().for_each(|hop| self.enter(hop));
    }

    /// What gives a container its node.
    fn escape(&self, index: usize, pod: &Pod<'a>) -> Option<(Proof, bool)> {
        let mut found: Vec<(Proof, bool)> = Vec::new();
        for (check, certain) in &self.escapes {
            // Root of a user namespace is nobody on the node, whatever it may do inside.
            let by_kernel = matches!(check.id, "privileged-container" | "capability-sys-admin");
            if by_kernel && pod.has_user_namespace() {
                continue;
            }
            let failing = scan::one(check, self.snapshot, index)
                .into_iter()
                .filter(|finding| finding.verdict == Verdict::Fail);
            found
                .extend(failing.map(|finding| {
                    (Proof { object: index, evidence: finding.evidence }, *certain)
                }));
        }
        found.sort_by_key(|(_, certain)| !certain);
        found.into_iter().next()
    }

    /// The token that a workload's containers find, unless it or its account says no.
    fn token(&self, index: usize, pod: &Pod<'a>) -> Option<Hop> {
        let namespace = pod.object.effective_namespace();
        let name = account_of(pod);
        let number = *self.numbers.get(&(namespace.to_owned(), name.to_owned()))?;
        let account = self.account_objects.get(&number).map(|at| &self.snapshot.objects[*at]);
        let of_account = account.and_then(|account| {
            place(account, &["automountServiceAccountToken"]).node().and_then(Node::boolean)
        });
        let mounted = pod.automount_token.value.or(of_account);
        // A token that the Pod asks for by itself is there whatever the account says.
        let own = pod.token_volume();
        if own.is_none() && mounted == Some(false) {
            return None;
        }
        Some(Hop {
            from: Spot::Workload(index),
            to: Spot::Account(number),
            way: Way::Token,
            certain: own.is_some() || pod.automount_token.value.is_some() || account.is_some(),
            proofs: vec![self.proof(index, own.unwrap_or(pod.service_account.place))],
        })
    }

    fn beyond_account(&mut self, from: Spot, number: Option<usize>) {
        let named = number.map(|number| self.accounts[number].clone());
        let holder = match &named {
            Some((namespace, name)) => Holder::Account(namespace, name),
            None => Holder::Anonymous,
        };
        for lead in self.bindings.leads(&self.indices, holder) {
            let (way, proofs) = (lead.way, lead.proofs);
            let in_scope = |scope: &Option<String>, namespace: &str| {
                scope.as_deref().is_none_or(|scope| scope == namespace)
            };
            let (spots, certain): (Vec<Spot>, bool) = match &lead.to {
                Target::ClusterAdmin => (vec![Spot::ClusterAdmin], true),
                Target::Accounts(scope) => {
                    let mine = |number: &&usize| in_scope(scope, &self.accounts[**number].0);
                    (
                        self.accounts_left.iter().filter(mine).map(|n| Spot::Account(*n)).collect(),
                        true,
                    )
                }
                Target::Workloads(scope) => {
                    let mine = |index: &&usize| {
                        in_scope(scope, self.snapshot.objects[**index].effective_namespace())
                    };
                    (
                        self.workloads_left
                            .iter()
                            .filter(mine)
                            .map(|n| Spot::Workload(*n))
                            .collect(),
                        true,
                    )
                }
                Target::NodeByPod(scope) => match self.forbids_privileged(scope.as_deref()) {
                    Some(true) => continue,
                    Some(false) => (vec![Spot::Node], true),
                    None => (vec![Spot::Node], false),
                },
            };
            for to in spots {
                self.enter(Hop { from, to, way, certain, proofs: proofs.clone() });
            }
        }
    }

    /// Whether Pod Security keeps privileged Pods out of a namespace; of the cluster, out of all.
    fn forbids_privileged(&self, scope: Option<&str>) -> Option<bool> {
        match scope {
            Some(name) => self.guarded.get(name).copied(),
            None if self.snapshot.is_all_of("Namespace") => {
                Some(self.guarded.values().all(|guarded| *guarded))
            }
            None => None,
        }
    }

    fn beyond_node(&mut self) {
        let all: Vec<(usize, &'s Pod<'a>)> = (0..self.snapshot.pods.len())
            .filter_map(|index| Some((index, self.pod(index)?)))
            .collect();
        for (index, pod) in all {
            if let Some(hop) = self.token(index, pod) {
                self.enter(Hop { from: Spot::Node, way: Way::SameNode, certain: false, ..hop });
            }
        }
    }
}

/// Of each Namespace, whether Pod Security keeps privileged Pods out of it.
fn guarded(objects: &[Object]) -> HashMap<&str, bool> {
    let spaces = objects.iter().filter(|object| object.seen && object.kind == "Namespace");
    spaces
        .map(|space| {
            let labels = place(space, &["metadata", "labels"]).node();
            let level = labels.and_then(|all| all.get("pod-security.kubernetes.io/enforce"));
            let level = level.and_then(Node::text);
            (space.name.as_str(), matches!(level, Some("baseline" | "restricted")))
        })
        .collect()
}

/// The account's name of a Pod.
fn account_of<'a>(pod: &Pod<'a>) -> &'a str {
    pod.service_account.value.filter(|name| !name.is_empty()).unwrap_or("default")
}
