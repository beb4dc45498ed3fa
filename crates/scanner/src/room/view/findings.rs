//! Findings and the checks that made them as the API tells them.
//! Which findings are asked for is known to the routes.

use super::exceptions::ExceptionBody;
use super::{ReachWord, SeverityWord, VerdictWord};
use crate::report::Reason;
use crate::room::catalogue::{self, framework_word};
use model::Timestamp;
use posture::check::Check;
use posture::risk::Reach;
use posture::words::Language;
use serde::Serialize;
use store::PostureFinding;

/// A rule of a guide or of another tool.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostureMapping)]
pub(in crate::room) struct MappingBody {
    framework: String,
    name: &'static str,
    version: &'static str,
    control: &'static str,
}

/// A check.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostureCheck)]
pub(in crate::room) struct CheckBody {
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
    pub(in crate::room) fn of(check: &'static Check, language: Language) -> Self {
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
pub(in crate::room) struct FindingBody {
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
    /// The finding as it was at a scan that is done: what a later one, which runs or failed, thinks of it is not told.
    pub(in crate::room) fn of(
        finding: PostureFinding,
        scan: i64,
        language: Language,
        now: Timestamp,
    ) -> Self {
        let found = finding.found;
        let closed_scan = finding.closed_scan.filter(|closed| *closed <= scan);
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
            closed_scan,
            closed_at: closed_scan.and(finding.closed_at),
            unconfirmed_scan: finding.unconfirmed_scan.filter(|first| *first <= scan),
            returned: finding.returned,
            exception: found.excuse.filter(|(_, until)| *until > now).map(|(number, _)| number),
            check: found.check,
        }
    }
}

/// A page of findings, the heaviest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostureFindings)]
pub(in crate::room) struct FindingsBody {
    pub(in crate::room) items: Vec<FindingBody>,
    /// `after` of the next page, unless this is the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(in crate::room) next_after: Option<String>,
}

/// One finding with what its check says and what answers for it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostureFindingDetail)]
pub(in crate::room) struct DetailBody {
    pub(in crate::room) finding: FindingBody,
    /// The check; none, if this release does not know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(in crate::room) check: Option<CheckBody>,
    /// What answers for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(in crate::room) exception: Option<ExceptionBody>,
    /// What else is open at the same object, the heaviest first; 50 at most.
    pub(in crate::room) others: Vec<FindingBody>,
}

/// All checks.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostureChecks)]
pub(in crate::room) struct ChecksBody {
    pub(in crate::room) items: Vec<CheckBody>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::{PostureFound, PostureVerdict};

    #[test]
    fn what_a_scan_that_is_not_done_thinks_of_a_finding_is_not_told() {
        let finding = PostureFinding {
            number: 1,
            found: PostureFound {
                check: "host-pid".to_owned(),
                verdict: PostureVerdict::Fail,
                severity: 3,
                reach: 0,
                on_path: false,
                weight: 6,
                object: "Pod/shop/a".to_owned(),
                api_version: "v1".to_owned(),
                kind: "Pod".to_owned(),
                namespace: Some("shop".to_owned()),
                name: "a".to_owned(),
                path: "spec.hostPID".to_owned(),
                value: Some("true".to_owned()),
                reason: None,
                excuse: None,
            },
            opened_scan: 1,
            opened_at: Timestamp::from_micros(1),
            closed_scan: Some(3),
            closed_at: Some(Timestamp::from_micros(3)),
            unconfirmed_scan: Some(2),
            returned: false,
        };
        let told = |scan| {
            let body =
                FindingBody::of(finding.clone(), scan, Language::En, Timestamp::from_micros(9));
            (body.unconfirmed_scan, body.closed_scan, body.closed_at.map(|at| at.as_micros()))
        };
        assert_eq!(told(1), (None, None, None));
        assert_eq!(told(2), (Some(2), None, None));
        assert_eq!(told(3), (Some(2), Some(3), Some(3)));
    }
}
