//! Which findings are asked for, and one of them with all that belongs to it.
//! How they are told is `view`'s.

use super::{LanguageQuery, TEXT_CHARS_MAX};
use crate::room::Posture;
use crate::room::catalogue::{self, Wanted};
use crate::room::view::{
    CheckBody, DetailBody, ExceptionBody, FindingBody, FindingsBody, Lang, SeverityWord,
    VerdictWord,
};
use axum::extract::State;
use http_api::{Administrator, Json, Path, Problem, ProblemBody, Query, page_limit};
use model::{ClusterName, Timestamp};
use posture::words::Language;
use store::{PostureChange, PostureQuery, PostureScan};

const PAGE: u32 = 200;
/// What else is open at an object.
const OTHERS: u32 = 50;

/// How a finding changed with the newest scan.
#[derive(Debug, Clone, Copy, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = PostureChange)]
pub(super) enum ChangeWord {
    /// It was not open before.
    New,
    /// It is gone since.
    Gone,
}

/// Whether somebody answers for a finding.
#[derive(Debug, Clone, Copy, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = PostureStanding)]
pub(super) enum StandingWord {
    /// Nobody does: it counts.
    Open,
    /// Somebody does.
    Excepted,
}

/// Which findings.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct FindingsQuery {
    /// Only these severities, with commas between them.
    #[param(example = "critical,high")]
    severity: Option<String>,
    /// Only what a check said so.
    #[param(inline)]
    verdict: Option<VerdictWord>,
    /// Only what counts, or only what somebody answers for.
    #[param(inline)]
    standing: Option<StandingWord>,
    /// Only what changed so with the newest scan.
    #[param(inline)]
    change: Option<ChangeWord>,
    /// Only of this check.
    check: Option<String>,
    /// Only of this one of the ten threats.
    #[param(example = "E6")]
    threat: Option<String>,
    /// Only what this guide or tool has a rule for.
    #[param(example = "cis")]
    framework: Option<String>,
    /// Only of this rule.
    control: Option<String>,
    /// Only in this namespace.
    namespace: Option<String>,
    /// Only of this kind.
    kind: Option<String>,
    /// Only of this object.
    object: Option<String>,
    /// Only with this text in the object, the field, its value, or the check's id or title.
    q: Option<String>,
    /// Only after this place: `next_after` of the page before.
    after: Option<String>,
    /// How many, 1 to 500; 200 if left out.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// The language of titles and reasons; English, if left out.
    #[serde(default)]
    #[param(inline, required = false)]
    language: Lang,
}

/// What the newest scan found, the heaviest first.
#[utoipa::path(
    get, path = "/api/v1/posture/clusters/{cluster}/findings", tag = "posture",
    operation_id = "list_posture_findings",
    params(("cluster" = String, Path, description = "The cluster's name"), FindingsQuery),
    responses(
        (status = OK, body = FindingsBody),
        (status = BAD_REQUEST, body = ProblemBody, description = "bad_request: no such severity, framework or page"),
        (status = FORBIDDEN, body = ProblemBody, description = "not_admin"),
        (status = NOT_FOUND, body = ProblemBody, description = "cluster_unknown; not_found: no scan is done yet"),
    ),
)]
pub(super) async fn list(
    administrator: Administrator,
    State(posture): State<Posture>,
    Path(name): Path<ClusterName>,
    Query(query): Query<FindingsQuery>,
) -> Result<Json<FindingsBody>, Problem> {
    posture.cluster(&administrator, &name)?;
    let now = posture.inner.api.clock.now();
    let scan = posture.newest(&name).await?;
    let language = query.language.into();
    let page = posture.inner.api.store.posture_findings(&query.of(&scan, now)?).await?;
    let body = |finding| FindingBody::of(finding, scan.number, language, now);
    Ok(Json(FindingsBody {
        items: page.items.into_iter().map(body).collect(),
        next_after: page.next_after.map(|(weight, number)| format!("{weight}.{number}")),
    }))
}

impl FindingsQuery {
    fn of(&self, scan: &PostureScan, now: Timestamp) -> Result<PostureQuery, Problem> {
        let severities = self.severity.as_deref().into_iter().flat_map(|text| text.split(','));
        let severities = severities
            .map(|word| {
                SeverityWord::numbered(word.trim()).ok_or_else(|| {
                    Problem::bad_request("`severity`: expected critical, high, medium, low or info")
                })
            })
            .collect::<Result<_, _>>()?;
        let framework = match self.framework.as_deref() {
            None => None,
            Some(word) => Some(catalogue::framework(word).ok_or_else(|| {
                Problem::bad_request("`framework`: the overview lists those there are")
            })?),
        };
        let wanted = Wanted {
            check: self.check.as_deref(),
            threat: self.threat.as_deref(),
            framework,
            control: self.control.as_deref(),
        };
        let text = self.q.as_deref().map(str::trim).filter(|text| !text.is_empty());
        if text.is_some_and(|text| text.chars().count() > TEXT_CHARS_MAX) {
            return Err(Problem::bad_request(format!(
                "`q` is longer than {TEXT_CHARS_MAX} characters"
            )));
        }
        Ok(PostureQuery {
            cluster: scan.cluster.clone(),
            scan: scan.number,
            now,
            change: self.change.map(|change| match change {
                ChangeWord::New => PostureChange::New,
                ChangeWord::Gone => PostureChange::Gone,
            }),
            checks: wanted.checks(),
            severities,
            verdict: self.verdict.map(Into::into),
            excepted: self.standing.map(|standing| matches!(standing, StandingWord::Excepted)),
            namespace: self.namespace.clone(),
            kind: self.kind.clone(),
            object: self.object.clone(),
            text: text.map(|text| (text.to_owned(), catalogue::titled(text, self.language.into()))),
            after: self.after.as_deref().map(place).transpose()?,
            limit: page_limit(self.limit, PAGE)?,
        })
    }
}

/// The place of a page, `weight.number`.
fn place(text: &str) -> Result<(i64, i64), Problem> {
    text.split_once('.')
        .and_then(|(weight, number)| Some((weight.parse().ok()?, number.parse().ok()?)))
        .ok_or_else(|| Problem::bad_request("`after`: not a `next_after` of a page"))
}

/// One finding: its evidence, why it matters, what to do, and what else is open at the object.
#[utoipa::path(
    get, path = "/api/v1/posture/clusters/{cluster}/findings/{number}", tag = "posture",
    operation_id = "get_posture_finding",
    params(
        ("cluster" = String, Path, description = "The cluster's name"),
        ("number" = i64, Path, description = "The finding's number"),
        LanguageQuery,
    ),
    responses(
        (status = OK, body = DetailBody),
        (status = BAD_REQUEST, body = ProblemBody, description = "bad_request: not a number"),
        (status = FORBIDDEN, body = ProblemBody, description = "not_admin"),
        (status = NOT_FOUND, body = ProblemBody, description = "cluster_unknown; not_found: there is none, or it was removed"),
    ),
)]
pub(super) async fn read(
    administrator: Administrator,
    State(posture): State<Posture>,
    Path((name, number)): Path<(ClusterName, i64)>,
    Query(query): Query<LanguageQuery>,
) -> Result<Json<DetailBody>, Problem> {
    posture.cluster(&administrator, &name)?;
    let store = &posture.inner.api.store;
    let now = posture.inner.api.clock.now();
    let language: Language = query.language.into();
    let gone = || Problem::not_found(format!("finding {number} (any more)"));
    let scan = posture.newest(&name).await?;
    let finding = store.posture_finding(&name, number).await?.ok_or_else(gone)?;
    // What a scan that runs, or failed, has found is not shown.
    if finding.opened_scan > scan.number {
        return Err(gone());
    }
    let others = PostureQuery {
        cluster: name.clone(),
        scan: scan.number,
        now,
        change: None,
        checks: None,
        severities: Vec::new(),
        verdict: None,
        excepted: None,
        namespace: None,
        kind: None,
        object: Some(finding.found.object.clone()),
        text: None,
        after: None,
        limit: OTHERS + 1,
    };
    let others = store.posture_findings(&others).await?.items;
    let exception = match finding.found.excuse.filter(|(_, until)| *until > now) {
        None => None,
        Some((number, _)) => {
            let all = store.posture_exceptions(&name).await?;
            all.into_iter().find(|each| each.number == number)
        }
    };
    Ok(Json(DetailBody {
        check: catalogue::check(&finding.found.check).map(|check| CheckBody::of(check, language)),
        exception: exception.map(|each| ExceptionBody::of(each, now)),
        others: others
            .into_iter()
            .filter(|other| other.number != number)
            .take(OTHERS as usize)
            .map(|other| FindingBody::of(other, scan.number, language, now))
            .collect(),
        finding: FindingBody::of(finding, scan.number, language, now),
    }))
}
