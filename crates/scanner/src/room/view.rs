//! What the API tells of posture: bodies as the console reads them.
//! What they are made of is the store's and `summary`'s; texts come in the language that was asked for.

use super::catalogue::{self, framework_word};
use super::scan::{KeptPaths, Outcome};
use super::summary::{SEVERITIES, Summary, Tally, Term, outcome};
use crate::report::{Path, Reason, severity_name};
use model::Timestamp;
use posture::check::{Check, Framework, Severity};
use posture::risk::{Reach, Weight, escalation, impact};
use posture::words::Language;
use serde::{Deserialize, Serialize};
use store::{PostureException, PostureFinding, PostureScan, PostureState, PostureVerdict};

/// In which language texts are told.
#[derive(Debug, Clone, Copy, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = PostureLanguage)]
pub(super) enum Lang {
    /// English.
    #[default]
    En,
    /// Korean.
    Ko,
}

impl From<Lang> for Language {
    fn from(lang: Lang) -> Self {
        match lang {
            Lang::En => Self::En,
            Lang::Ko => Self::Ko,
        }
    }
}

/// How bad a failure is by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = PostureSeverity)]
pub(super) enum SeverityWord {
    /// Worth knowing.
    Info,
    /// Hardening.
    Low,
    /// It helps who is already inside.
    Medium,
    /// A way to more than the workload should have.
    High,
    /// The node or the cluster.
    Critical,
}

impl From<Severity> for SeverityWord {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Info => Self::Info,
            Severity::Low => Self::Low,
            Severity::Medium => Self::Medium,
            Severity::High => Self::High,
            Severity::Critical => Self::Critical,
        }
    }
}

impl SeverityWord {
    pub(super) fn of_number(number: u8) -> Self {
        SEVERITIES.get(usize::from(number)).copied().unwrap_or(Severity::Info).into()
    }

    /// The word's number.
    pub(super) fn numbered(word: &str) -> Option<u8> {
        let found = SEVERITIES.into_iter().find(|severity| severity_name(*severity) == word);
        found.map(|severity| severity as u8)
    }
}

/// How far outside an attacker may stand.
#[derive(Debug, Clone, Copy, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PostureReach)]
pub(super) enum ReachWord {
    /// Inside the cluster.
    Inside,
    /// Perhaps on the internet.
    MaybeInternet,
    /// On the internet.
    Internet,
}

impl From<Reach> for ReachWord {
    fn from(reach: Reach) -> Self {
        match reach {
            Reach::Inside => Self::Inside,
            Reach::MaybeInternet => Self::MaybeInternet,
            Reach::Internet => Self::Internet,
        }
    }
}

/// What a check said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = PostureVerdict)]
pub(super) enum VerdictWord {
    /// Something is wrong.
    Fail,
    /// It cannot be known.
    Unknown,
}

impl From<VerdictWord> for PostureVerdict {
    fn from(word: VerdictWord) -> Self {
        match word {
            VerdictWord::Fail => Self::Fail,
            VerdictWord::Unknown => Self::Unknown,
        }
    }
}

impl From<PostureVerdict> for VerdictWord {
    fn from(verdict: PostureVerdict) -> Self {
        match verdict {
            PostureVerdict::Fail => Self::Fail,
            PostureVerdict::Unknown => Self::Unknown,
        }
    }
}

/// How far a scan is.
#[derive(Debug, Clone, Copy, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = PostureScanState)]
pub(super) enum StateWord {
    /// It is being made.
    Running,
    /// What it found is shown.
    Done,
    /// It was not made.
    Failed,
}

/// A scan of a cluster.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostureScan)]
pub(super) struct ScanBody {
    /// Its number.
    number: i64,
    /// How far it is.
    state: StateWord,
    /// Who asked for it; nobody, if its time had come.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    asked_by: Option<String>,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    began_at: Timestamp,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    ended_at: Option<Timestamp>,
    /// While it runs: the resource that is read, or `*` when all is read and looked at.
    progress: String,
    /// How many of it came so far.
    progress_count: u64,
    /// Why it was not made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "cluster_unreachable")]
    fault: Option<String>,
    /// What the cluster said to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    detail: Option<String>,
    /// The score as it was when the scan ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    score: Option<ScoreBody>,
    /// What was open when it ended.
    open: BySeverity,
    /// What could not be known.
    unknown: u64,
    /// Objects that were looked at.
    objects: u64,
    /// What was not open at the scan before.
    opened: u64,
    /// What is gone since.
    closed: u64,
    /// What was open and could not be looked at.
    unconfirmed: u64,
}

impl From<&PostureScan> for ScanBody {
    fn from(scan: &PostureScan) -> Self {
        let outcome = outcome(scan);
        Self {
            number: scan.number,
            state: match scan.state {
                PostureState::Running => StateWord::Running,
                PostureState::Done => StateWord::Done,
                PostureState::Failed => StateWord::Failed,
            },
            asked_by: scan.asked_by.clone(),
            began_at: scan.began_at,
            ended_at: scan.ended_at,
            progress: scan.progress.clone(),
            progress_count: scan.progress_count,
            fault: outcome.fault,
            detail: outcome.detail,
            score: outcome.score.map(|score| ScoreBody { value: score.value, least: score.least }),
            open: BySeverity::from(outcome.open),
            unknown: outcome.unknown,
            objects: outcome.objects,
            opened: outcome.opened,
            closed: outcome.closed,
            unconfirmed: outcome.unconfirmed,
        }
    }
}

/// Of all that could be decided, how much holds, 0 to 100.
#[derive(Debug, Clone, Copy, Serialize, utoipa::ToSchema)]
#[schema(as = PostureScore)]
pub(super) struct ScoreBody {
    /// The score.
    value: u64,
    /// The same if all that is unknown were open.
    least: u64,
}

/// How many of each severity.
#[derive(Debug, Clone, Copy, Default, Serialize, utoipa::ToSchema)]
#[schema(as = PostureBySeverity)]
pub(super) struct BySeverity {
    critical: u64,
    high: u64,
    medium: u64,
    low: u64,
    info: u64,
}

impl From<[u64; 5]> for BySeverity {
    fn from([info, low, medium, high, critical]: [u64; 5]) -> Self {
        Self { critical, high, medium, low, info }
    }
}

/// A cluster of this hub.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostureCluster)]
pub(super) struct ClusterBody {
    /// Its name.
    pub(super) cluster: String,
    /// The newest scan that is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) scan: Option<ScanBody>,
    /// The newest scan, if it is another one: it runs, or it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) newest: Option<ScanBody>,
    /// When it is scanned next by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    pub(super) next_at: Option<Timestamp>,
}

/// The clusters of this hub.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostureClusters)]
pub(super) struct ClustersBody {
    pub(super) items: Vec<ClusterBody>,
}

/// Scans, newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostureScans)]
pub(super) struct ScansBody {
    pub(super) items: Vec<ScanBody>,
}

/// A scan that was begun.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostureBegun)]
pub(super) struct BegunBody {
    /// Its number.
    pub(super) number: i64,
}

/// One term of the score: all verdicts that weigh the same.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostureTerm)]
pub(super) struct TermBody {
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
pub(super) struct TallyBody {
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
pub(super) struct FrameworkBody {
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
pub(super) struct FacetBody {
    pub(super) name: String,
    pub(super) findings: u64,
}

/// Something that could not be read.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostureFailure)]
pub(super) struct FailureBody {
    source: String,
    reason: String,
}

/// What a cluster comes to.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostureOverview)]
pub(super) struct OverviewBody {
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
    pub(super) fn of(
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

/// A rule of a guide or of another tool.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostureMapping)]
pub(super) struct MappingBody {
    framework: String,
    name: &'static str,
    version: &'static str,
    control: &'static str,
}

/// A check.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostureCheck)]
pub(super) struct CheckBody {
    #[schema(example = "privileged-container")]
    id: &'static str,
    severity: SeverityWord,
    /// What is wrong when it fails.
    title: &'static str,
    /// Why that matters.
    why: &'static str,
    /// What to do.
    fix: &'static str,
    mappings: Vec<MappingBody>,
    /// Whether `sallyport scan manifests --fix` can make the change.
    fixable: bool,
}

impl CheckBody {
    pub(super) fn of(check: &'static Check, language: Language) -> Self {
        Self {
            id: check.id,
            severity: check.severity.into(),
            title: check.title.say(language),
            why: check.why.say(language),
            fix: check.fix.say(language),
            mappings: check
                .mappings
                .iter()
                .map(|mapping| MappingBody {
                    framework: framework_word(mapping.framework),
                    name: mapping.framework.name(),
                    version: mapping.framework.version(),
                    control: mapping.control,
                })
                .collect(),
            fixable: check.remedy.is_some(),
        }
    }
}

/// A finding.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostureFinding)]
pub(super) struct FindingBody {
    number: i64,
    /// The check's id.
    check: String,
    /// What is wrong, in the language that was asked for.
    title: String,
    verdict: VerdictWord,
    severity: SeverityWord,
    reach: ReachWord,
    on_path: bool,
    /// What all of it weighs.
    weight: u64,
    /// The object as reports name it.
    #[schema(example = "Deployment/shop/web")]
    object: String,
    api_version: String,
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    namespace: Option<String>,
    name: String,
    /// The field.
    path: String,
    /// The field's value; none, if it is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    value: Option<String>,
    /// Why it is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<String>,
    /// The scan that found it first.
    opened_scan: i64,
    #[schema(value_type = String, format = DateTime)]
    opened_at: Timestamp,
    /// The scan that found it no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    closed_scan: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, nullable = false)]
    closed_at: Option<Timestamp>,
    /// The first scan since which it could not be looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    unconfirmed_scan: Option<i64>,
    /// It had been gone before.
    returned: bool,
    /// The exception that answers for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    exception: Option<i64>,
}

impl FindingBody {
    pub(super) fn of(finding: PostureFinding, language: Language, now: Timestamp) -> Self {
        let found = finding.found;
        let reason: Option<Reason> =
            found.reason.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let reach = Reach::ALL.get(usize::from(found.reach)).copied().unwrap_or(Reach::Inside);
        let title = catalogue::check(&found.check).map(|check| check.title.say(language));
        Self {
            number: finding.number,
            // A check of a later or an earlier release is told by its id.
            title: title.unwrap_or(&found.check).to_owned(),
            verdict: found.verdict.into(),
            severity: SeverityWord::of_number(found.severity),
            reach: reach.into(),
            on_path: found.on_path,
            weight: found.weight,
            object: found.object,
            api_version: found.api_version,
            kind: found.kind,
            namespace: found.namespace,
            name: found.name,
            path: found.path,
            value: found.value,
            reason: reason.map(|reason| reason.say(language).to_owned()),
            opened_scan: finding.opened_scan,
            opened_at: finding.opened_at,
            closed_scan: finding.closed_scan,
            closed_at: finding.closed_at,
            unconfirmed_scan: finding.unconfirmed_scan,
            returned: finding.returned,
            exception: found.excuse.filter(|(_, until)| *until > now).map(|(number, _)| number),
            check: found.check,
        }
    }
}

/// A page of findings, the heaviest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostureFindings)]
pub(super) struct FindingsBody {
    pub(super) items: Vec<FindingBody>,
    /// `after` of the next page, unless this is the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) next_after: Option<String>,
}

/// One finding with what its check says and what answers for it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostureFindingDetail)]
pub(super) struct DetailBody {
    pub(super) finding: FindingBody,
    /// The check; none, if this release does not know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) check: Option<CheckBody>,
    /// What answers for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) exception: Option<ExceptionBody>,
    /// What else is open at the same object, the heaviest first; 50 at most.
    pub(super) others: Vec<FindingBody>,
}

/// What somebody answers for.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostureException)]
pub(super) struct ExceptionBody {
    number: i64,
    check: String,
    /// The object as reports name it; `*` stands for any text.
    object: String,
    /// The field; all fields, if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    path: Option<String>,
    reason: String,
    owner: String,
    /// The last day on which it holds (UTC).
    #[schema(value_type = String, format = Date)]
    expires: String,
    /// Whether that day is over.
    expired: bool,
    made_by: String,
    #[schema(value_type = String, format = DateTime)]
    made_at: Timestamp,
}

impl ExceptionBody {
    pub(super) fn of(exception: PostureException, now: Timestamp) -> Self {
        let says = exception.says;
        Self {
            number: exception.number,
            check: says.check,
            object: says.object,
            path: says.path,
            reason: says.reason,
            owner: says.owner,
            expires: says.expires,
            expired: says.expires_at <= now,
            made_by: says.made_by,
            made_at: exception.made_at,
        }
    }
}

/// The exceptions of a cluster, newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostureExceptions)]
pub(super) struct ExceptionsBody {
    pub(super) items: Vec<ExceptionBody>,
}

/// An exception to be made.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPostureException)]
pub(super) struct NewExceptionBody {
    /// The check's id.
    #[schema(example = "host-pid")]
    pub(super) check: String,
    /// The object as reports name it; `*` stands for any text.
    #[schema(example = "DaemonSet/monitoring/*")]
    pub(super) object: String,
    /// The field; `*` stands for any text. All fields, if left out.
    #[serde(default)]
    #[schema(nullable = false)]
    pub(super) path: Option<String>,
    /// Why it is accepted.
    pub(super) reason: String,
    /// Who answers for it.
    pub(super) owner: String,
    /// The last day on which it holds (UTC), at most five years ahead.
    #[schema(format = Date, example = "2027-06-30")]
    pub(super) expires: String,
}

/// An exception that was made.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostureExceptionMade)]
pub(super) struct ExceptionMadeBody {
    /// Its number.
    pub(super) number: i64,
    /// Findings that it answers for.
    pub(super) findings: u64,
}

/// What a step rests on.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostureProof)]
pub(super) struct ProofBody {
    object: String,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    value: Option<String>,
}

/// A step.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostureHop)]
pub(super) struct HopBody {
    from: String,
    to: String,
    /// By what, in words.
    text: &'static str,
    /// Whether it holds for certain.
    certain: bool,
    proofs: Vec<ProofBody>,
}

/// A path, or that none was found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PosturePath)]
pub(super) struct PathBody {
    /// `internet`, or a workload.
    from: String,
    /// `node-root` or `cluster-admin`.
    to: String,
    /// Its steps; empty, if no path was found.
    hops: Vec<HopBody>,
}

/// Paths through a cluster.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PosturePaths)]
pub(super) struct PathsBody {
    /// The paths from where was asked for.
    paths: Vec<PathBody>,
    /// Workloads from which a path leads on.
    starts: Vec<String>,
    /// Workloads from which none was looked for, because there are too many.
    starts_left: u64,
    /// Kinds whose lists were refused: there may be a path in what was not seen.
    unseen: Vec<String>,
}

impl PathsBody {
    /// The paths from the internet, or from a workload; none, if there is none from it.
    pub(super) fn of(
        kept: &KeptPaths,
        from: Option<&str>,
        outcome: &Outcome,
        language: Language,
    ) -> Option<Self> {
        let paths = match from {
            None => &kept.internet,
            Some(from) => &kept.workloads.iter().find(|(name, _)| name == from)?.1,
        };
        Some(Self {
            paths: paths.iter().map(|path| PathBody::of(path, language)).collect(),
            starts: kept.workloads.iter().map(|(name, _)| name.clone()).collect(),
            starts_left: outcome.starts_left,
            unseen: outcome.unseen.clone(),
        })
    }
}

impl PathBody {
    fn of(path: &Path, language: Language) -> Self {
        let hops = path.hops.iter().map(|hop| HopBody {
            from: hop.from.clone(),
            to: hop.to.clone(),
            text: hop.way.words().say(language),
            certain: hop.certain,
            proofs: hop
                .proofs
                .iter()
                .map(|proof| ProofBody {
                    object: proof.object.clone(),
                    path: proof.path.clone(),
                    value: proof.value.clone(),
                })
                .collect(),
        });
        Self { from: path.from.clone(), to: path.to.clone(), hops: hops.collect() }
    }
}

/// All checks.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostureChecks)]
pub(super) struct ChecksBody {
    pub(super) items: Vec<CheckBody>,
}
