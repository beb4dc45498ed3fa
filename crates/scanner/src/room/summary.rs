//! What a scan comes to now: counts and the score, with the exceptions that hold at this hour.
//! What a scan came to when it was made is kept with it, and is `scan`'s.

use super::catalogue;
use super::scan::Outcome;
use super::{Posture, catalogue::framework_word};
use crate::report::severity_name;
use posture::check::{Framework, Severity};
use posture::risk::{Reach, Sums, Weight};
use std::collections::{BTreeMap, BTreeSet};
use store::{PostureCount, PostureScan, PostureVerdict, StoreError};

/// The severities by their number.
pub(super) const SEVERITIES: [Severity; 5] =
    [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];

/// How many of one weight hold, are open, or are not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Term {
    pub(super) passed: u64,
    pub(super) open: u64,
    pub(super) unknown: u64,
    pub(super) excepted: u64,
}

/// How many of one check, or of all checks of a control.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) passed: u64,
    pub(super) open: u64,
    pub(super) unknown: u64,
    pub(super) excepted: u64,
    pub(super) fresh: u64,
    /// The worst of what is open.
    pub(super) worst: Option<Severity>,
}

/// What a scan comes to.
#[derive(Debug, Default)]
pub(super) struct Summary {
    pub(super) outcome: Outcome,
    pub(super) sums: Sums,
    pub(super) terms: BTreeMap<Weight, Term>,
    pub(super) open: [u64; 5],
    pub(super) unknown: u64,
    pub(super) excepted: u64,
    pub(super) fresh: u64,
    pub(super) gone: u64,
    pub(super) checks: BTreeMap<String, Tally>,
}

impl Posture {
    /// What a scan that is done comes to now.
    pub(super) async fn summary(&self, scan: &PostureScan) -> Result<Summary, StoreError> {
        let store = &self.inner.api.store;
        let now = self.inner.api.clock.now();
        let counts = store.posture_counts(&scan.cluster, scan.number, now).await?;
        let gone = store.posture_gone(&scan.cluster, scan.number).await?;
        Ok(Summary::of(outcome(scan), &counts, gone))
    }
}

/// What a scan came to when it ended. One that a later release wrote otherwise is told as far as it is understood.
pub(super) fn outcome(scan: &PostureScan) -> Outcome {
    scan.report.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

impl Summary {
    fn of(outcome: Outcome, counts: &[PostureCount], gone: u64) -> Self {
        let mut summary = Self { gone, ..Self::default() };
        for (weight, count) in &outcome.passed {
            summary.terms.entry(*weight).or_default().passed += count;
            summary.sums.passed += weight.product() * count;
        }
        for (check, count) in &outcome.passed_by_check {
            summary.checks.entry(check.clone()).or_default().passed += count;
        }
        summary.outcome = outcome;
        for count in counts {
            summary.add(count);
        }
        summary
    }

    fn add(&mut self, count: &PostureCount) {
        let severity = SEVERITIES.get(usize::from(count.severity)).copied();
        let severity = severity.unwrap_or(Severity::Info);
        let reach = Reach::ALL.get(usize::from(count.reach)).copied().unwrap_or(Reach::Inside);
        let weight = Weight { severity, reach, on_path: count.on_path };
        let term = self.terms.entry(weight).or_default();
        let tally = self.checks.entry(count.check.clone()).or_default();
        let weighs = weight.product() * count.count;
        match (count.verdict, count.excepted) {
            (PostureVerdict::Unknown, _) => {
                term.unknown += count.count;
                tally.unknown += count.count;
                self.unknown += count.count;
                self.sums.unknown += weighs;
            }
            (PostureVerdict::Fail, true) => {
                term.excepted += count.count;
                tally.excepted += count.count;
                self.excepted += count.count;
            }
            (PostureVerdict::Fail, false) => {
                term.open += count.count;
                tally.open += count.count;
                tally.fresh += count.fresh;
                tally.worst = tally.worst.max(Some(severity));
                self.fresh += count.fresh;
                self.sums.open += weighs;
                if let Some(open) = self.open.get_mut(severity as usize) {
                    *open += count.count;
                }
            }
        }
    }

    /// What is open, by severity.
    pub(super) fn by_severity(&self) -> impl Iterator<Item = (&'static str, u64)> {
        SEVERITIES.into_iter().map(severity_name).zip(self.open)
    }

    /// The controls of the framework, with what there is to all of their checks.
    pub(super) fn of_framework(&self, framework: Framework) -> BTreeMap<&'static str, Tally> {
        let mut controls: BTreeMap<&'static str, Tally> = BTreeMap::new();
        for (id, tally) in &self.checks {
            let Some(check) = catalogue::check(id) else { continue };
            let of = check.mappings.iter().filter(|mapping| mapping.framework == framework);
            for control in of.map(|mapping| mapping.control).collect::<BTreeSet<_>>() {
                let sum = controls.entry(control).or_default();
                sum.passed += tally.passed;
                sum.open += tally.open;
                sum.unknown += tally.unknown;
                sum.excepted += tally.excepted;
                sum.fresh += tally.fresh;
                sum.worst = sum.worst.max(tally.worst);
            }
        }
        controls
    }

    /// Each framework with the number of its controls of which something is open, and of what is open.
    pub(super) fn frameworks(&self) -> Vec<(String, Framework, u64, u64)> {
        Framework::ALL
            .iter()
            .filter(|framework| **framework != Framework::Threat)
            .map(|framework| {
                let controls = self.of_framework(*framework);
                let open = self.checks.iter().filter(|(id, _)| {
                    catalogue::check(id)
                        .is_some_and(|c| c.mappings.iter().any(|m| m.framework == *framework))
                });
                let open = open.map(|(_, tally)| tally.open).sum();
                let broken = controls.values().filter(|tally| tally.open > 0).count() as u64;
                (framework_word(*framework), *framework, broken, open)
            })
            .collect()
    }
}
