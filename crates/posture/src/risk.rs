//! Risk: how much the findings of a scan weigh together, by terms that can each be told.
//! What is found and which paths there are is known to `scan` and `graph`; whether somebody answers for a finding, to
//! the caller.
//!
//! A finding weighs its impact, times how far outside an attacker may stand, times whether its object is a step of a
//! shortest path to a node's root or the cluster's administrator. What passes weighs the same, so that the score is a
//! share: of all that could be decided, how much holds. What is unknown is in neither part; with all of it failing the
//! score would be [`Score::least`].

use crate::check::Severity;
use crate::graph::{self, Paths};
use crate::snapshot::Snapshot;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// How far outside an attacker may stand to begin with this object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// Inside the cluster.
    Inside,
    /// Perhaps on the internet: it depends on what cannot be seen.
    MaybeInternet,
    /// On the internet.
    Internet,
}

impl Reach {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Inside, Self::MaybeInternet, Self::Internet];

    /// What it multiplies by.
    pub fn factor(self) -> u64 {
        match self {
            Self::Inside => 1,
            Self::MaybeInternet => 2,
            Self::Internet => 3,
        }
    }
}

/// What a finding of this severity weighs by itself.
pub fn impact(severity: Severity) -> u64 {
    match severity {
        Severity::Info => 0,
        Severity::Low => 1,
        Severity::Medium => 3,
        Severity::High => 6,
        Severity::Critical => 10,
    }
}

/// What it multiplies by that the object is a step of a shortest path.
pub fn escalation(on_path: bool) -> u64 {
    if on_path { 3 } else { 1 }
}

/// What something weighs, by its terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Weight {
    /// How bad it is by itself.
    pub severity: Severity,
    /// How far outside an attacker may stand.
    pub reach: Reach,
    /// Whether its object is a step of a shortest path.
    pub on_path: bool,
}

impl Weight {
    /// The product of the terms.
    pub fn product(self) -> u64 {
        impact(self.severity) * self.reach.factor() * escalation(self.on_path)
    }
}

/// Of each object, what multiplies its findings.
#[derive(Debug, Default)]
pub struct Risk {
    reach: HashMap<usize, Reach>,
    on_path: HashSet<usize>,
}

impl Risk {
    /// Of all objects, given the paths from the internet.
    pub fn of(snapshot: &Snapshot<'_>, paths: &Paths) -> Self {
        let reach = graph::published(snapshot).into_iter().map(|(index, certain)| {
            (index, if certain { Reach::Internet } else { Reach::MaybeInternet })
        });
        let hops = paths.paths.iter().flat_map(|path| &path.hops);
        let on_path = hops.flat_map(|hop| hop.proofs.iter().map(|proof| proof.object));
        Self { reach: reach.collect(), on_path: on_path.collect() }
    }

    /// What a finding of this severity weighs in this object.
    pub fn weight(&self, object: usize, severity: Severity) -> Weight {
        let reach = self.reach.get(&object).copied().unwrap_or(Reach::Inside);
        Weight { severity, reach, on_path: self.on_path.contains(&object) }
    }
}

/// What verdicts of each kind weigh together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    /// What holds.
    pub passed: u64,
    /// What is open and nobody answers for.
    pub open: u64,
    /// What could not be known.
    pub unknown: u64,
}

/// How much of what was looked at holds, in hundredths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// Of what could be decided.
    pub value: u64,
    /// If all that is unknown were open.
    pub least: u64,
}

impl Sums {
    /// The score; none, if nothing could be decided. It is 100 only if nothing is open.
    pub fn score(self) -> Option<Score> {
        let share = |open: u64| (self.passed * 100).checked_div(self.passed + open);
        Some(Score { value: share(self.open)?, least: share(self.open + self.unknown)? })
    }
}

#[cfg(test)]
mod tests {
    use super::{Reach, Risk, Sums, Weight};
    use crate::check::Severity;
    use crate::graph::{Paths, Spot};
    use crate::snapshot::{Scope, Snapshot};
    use crate::{document, object};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn more_that_is_open_never_scores_better_and_unknown_is_never_a_pass(
            passed in 0u64..1 << 40, open in 0u64..1 << 40, unknown in 0u64..1 << 40, more in 1u64..1 << 40
        ) {
            let sums = Sums { passed, open, unknown };
            let Some(score) = sums.score() else {
                prop_assert_eq!(passed + open, 0);
                return Ok(());
            };
            prop_assert!(score.value <= 100 && score.least <= score.value);
            prop_assert!(score.value < 100 || open == 0);
            let worse = Sums { open: open + more, ..sums }.score().unwrap();
            prop_assert!(worse.value <= score.value);
            let less_known = Sums { unknown: unknown + more, ..sums }.score().unwrap();
            prop_assert!(less_known.least <= score.least && less_known.value == score.value);
        }
    }

    #[test]
    fn what_the_internet_reaches_and_what_leads_on_weighs_more() {
        let text = b"apiVersion: v1\nkind: Pod\nmetadata: {name: open, namespace: shop, labels: {app: open}}\n\
            spec: {containers: [{name: a, image: a, securityContext: {privileged: true}}]}\n---\n\
            apiVersion: v1\nkind: Service\nmetadata: {name: open, namespace: shop}\n\
            spec: {type: LoadBalancer, selector: {app: open}, ports: [{port: 80}]}\n---\n\
            apiVersion: v1\nkind: Pod\nmetadata: {name: shut, namespace: shop}\nspec: {containers: [{name: a, image: a}]}\n";
        let objects = object::inventory(0, document::read(text)).objects;
        let scope = Scope::Cluster { unseen: Vec::new() };
        let snapshot = Snapshot::new(&objects, &scope);
        let risk = Risk::of(&snapshot, &Paths::find(&snapshot, Spot::Internet));
        let open = risk.weight(0, Severity::High);
        assert!(open.reach > Reach::Inside && open.on_path, "{open:?}");
        let shut = Weight { severity: Severity::High, reach: Reach::Inside, on_path: false };
        assert_eq!(risk.weight(2, Severity::High), shut);
        assert!(open.product() > shut.product());
    }
}
