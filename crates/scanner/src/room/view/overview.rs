//! What a cluster comes to as the API tells it: the score with its terms, and tallies by threat, guide and check.
//! How all of it is counted is `summary`'s.

use super::scans::{BySeverity, ScanBody, ScoreBody};
use super::{ReachWord, SeverityWord};
use crate::room::scan::Outcome;
use crate::room::summary::{Summary, Tally, Term};
use posture::check::Framework;
use posture::risk::{Weight, escalation, impact};
use serde::Serialize;
use store::PostureScan;

/// One term of the score: all verdicts that weigh the same.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostureTerm)]
pub(in crate::room) struct TermBody {
    severity: SeverityWord,
    /// What the severity weighs.
    impact: u64,
    reach: ReachWord,
    /// What the reach multiplies by.
    reach_factor: u64,
    /// Whether the objects are steps of a shortest path.
    on_path: bool,
    /// What that multiplies by.
    path_factor: u64,
    /// The product.
    weight: u64,
    passed: u64,
    open: u64,
    unknown: u64,
    excepted: u64,
}

impl TermBody {
    fn of(weight: Weight, term: Term) -> Self {
        Self {
            severity: weight.severity.into(),
            impact: impact(weight.severity),
            reach: weight.reach.into(),
            reach_factor: weight.reach.factor(),
            on_path: weight.on_path,
            path_factor: escalation(weight.on_path),
            weight: weight.product(),
            passed: term.passed,
            open: term.open,
            unknown: term.unknown,
            excepted: term.excepted,
        }
    }
}

/// What there is to a check, a control or a threat.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostureTally)]
pub(in crate::room) struct TallyBody {
    /// Which.
    id: String,
    /// What holds. Where all numbers are nothing, nothing could be looked at.
    passed: u64,
    open: u64,
    unknown: u64,
    excepted: u64,
    /// What of the open was not open at the scan before.
    fresh: u64,
    /// The worst of what is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    worst: Option<SeverityWord>,
}

impl TallyBody {
    fn of(id: &str, tally: &Tally) -> Self {
        Self {
            id: id.to_owned(),
            passed: tally.passed,
            open: tally.open,
            unknown: tally.unknown,
            excepted: tally.excepted,
            fresh: tally.fresh,
            worst: tally.worst.map(SeverityWord::from),
        }
    }
}

/// A guide or another tool.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostureFramework)]
pub(in crate::room) struct FrameworkBody {
    /// Its word in filters.
    #[schema(example = "cis")]
    id: String,
    name: &'static str,
    version: &'static str,
    /// Controls of which something is open.
    controls: u64,
    /// Findings of them.
    open: u64,
}

/// Something to choose from, and how many findings it has.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostureFacet)]
pub(in crate::room) struct FacetBody {
    pub(in crate::room) name: String,
    pub(in crate::room) findings: u64,
}

/// Something that could not be read.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostureFailure)]
pub(in crate::room) struct FailureBody {
    source: String,
    reason: String,
}

/// What a cluster comes to.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostureOverview)]
pub(in crate::room) struct OverviewBody {
    /// The scan that is told; without one nothing was scanned yet.
    scan: ScanBody,
    /// The scan that was done before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    previous: Option<ScanBody>,
    /// The score now, with the exceptions that hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    score: Option<ScoreBody>,
    /// What the score is made of, the heaviest first.
    terms: Vec<TermBody>,
    open: BySeverity,
    unknown: u64,
    excepted: u64,
    /// What was not open at the scan before; only if there is one.
    fresh: u64,
    /// What is gone since then.
    gone: u64,
    /// The ten threats.
    threats: Vec<TallyBody>,
    frameworks: Vec<FrameworkBody>,
    /// The checks that were made.
    checks: Vec<TallyBody>,
    namespaces: Vec<FacetBody>,
    kinds: Vec<FacetBody>,
    /// Kinds whose lists the API server refused.
    unseen: Vec<String>,
    failures: Vec<FailureBody>,
    /// How many more could not be read.
    failures_left: u64,
    /// Findings beyond those that are kept.
    findings_left: u64,
}

impl OverviewBody {
    pub(in crate::room) fn of(
        scan: &PostureScan,
        previous: Option<&PostureScan>,
        summary: &Summary,
        facets: store::PostureFacets,
    ) -> Self {
        let Outcome { unseen, failures, failures_left, findings_left, .. } =
            summary.outcome.clone();
        let score = summary.sums.score();
        let of_threats = summary.of_framework(Framework::Threat);
        let facet = |(name, findings)| FacetBody { name, findings };
        Self {
            scan: scan.into(),
            previous: previous.map(ScanBody::from),
            score: score.map(|score| ScoreBody { value: score.value, least: score.least }),
            terms: {
                let mut terms: Vec<TermBody> = summary
                    .terms
                    .iter()
                    .map(|(weight, term)| TermBody::of(*weight, *term))
                    .collect();
                terms.sort_by_key(|term| std::cmp::Reverse((term.weight, term.impact)));
                terms
            },
            open: summary.open.into(),
            unknown: summary.unknown,
            excepted: summary.excepted,
            fresh: if previous.is_some() { summary.fresh } else { 0 },
            gone: summary.gone,
            threats: (1..=10)
                .map(|number| {
                    let id = format!("E{number}");
                    let tally = of_threats.get(id.as_str()).cloned().unwrap_or_default();
                    TallyBody::of(&id, &tally)
                })
                .collect(),
            frameworks: summary
                .frameworks()
                .into_iter()
                .map(|(id, framework, controls, open)| FrameworkBody {
                    id,
                    name: framework.name(),
                    version: framework.version(),
                    controls,
                    open,
                })
                .collect(),
            checks: summary.checks.iter().map(|(id, tally)| TallyBody::of(id, tally)).collect(),
            namespaces: facets.namespaces.into_iter().map(facet).collect(),
            kinds: facets.kinds.into_iter().map(facet).collect(),
            unseen,
            failures: failures
                .into_iter()
                .map(|(source, reason)| FailureBody { source, reason })
                .collect(),
            failures_left,
            findings_left,
        }
    }
}
