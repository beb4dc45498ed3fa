//! The HTTP face of the posture room: which address does what, and how it is described.
//! What is done stands in `schedule`, `scan`, `export` and the store.
//!
//! Hostile input: an administrator's, but names and fields of findings are what strangers wrote; they went through
//! `clean` before they were stored.

use super::catalogue::{self, Wanted};
use super::scan::{KeptPaths, checks};
use super::schedule;
use super::summary::outcome;
use super::view::{
    BegunBody, CheckBody, ChecksBody, ClusterBody, ClustersBody, DetailBody, ExceptionBody,
    ExceptionMadeBody, ExceptionsBody, FindingBody, FindingsBody, Lang, NewExceptionBody,
    OverviewBody, PathsBody, ScanBody, ScansBody, SeverityWord, VerdictWord,
};
use super::{Posture, excuse};
use crate::report::Format;
use axum::extract::{FromRef, State};
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};
use http_api::{
    Administrator, HttpApi, Json, Path, Problem, ProblemBody, ProblemCode, Query, page_limit,
};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use kube_io::Cluster;
use model::{ClusterName, Timestamp};
use posture::words::Language;
use serde_json::json;
use store::{
    PostureChange, PostureException, PostureNewException, PostureQuery, PostureScan, PostureState,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

const PAGE: u32 = 200;
/// Scans of the history.
const SCANS: u32 = 500;
/// What else is open at an object.
const OTHERS: u32 = 50;
/// Letters of a text that somebody types into an exception or a filter.
const TEXT_CHARS_MAX: usize = 1000;
/// Exceptions of a cluster. More of them is a policy, and belongs into the checks that are made.
const EXCEPTIONS_MAX: usize = 1000;
/// What nobody looks at for five years is no exception any more.
const EXPIRES_YEARS_MAX: i16 = 5;

/// The routes of the posture room.
pub fn router<S>() -> OpenApiRouter<S>
where
    HttpApi: FromRef<S>,
    Posture: FromRef<S>,
    S: Clone + Send + Sync + 'static,
{
    OpenApiRouter::new()
        .routes(routes!(clusters))
        .routes(routes!(overview))
        .routes(routes!(scans, scan))
        .routes(routes!(findings))
        .routes(routes!(finding))
        .routes(routes!(paths))
        .routes(routes!(exceptions, except))
        .routes(routes!(unexcept))
        .routes(routes!(export))
        .routes(routes!(all_checks))
}

/// In which language texts are told.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LanguageQuery {
    /// English, if left out.
    #[serde(default)]
    #[param(inline, required = false)]
    language: Lang,
}

/// The clusters of this hub with their newest scans.
#[utoipa::path(
    get, path = "/api/v1/posture/clusters", tag = "posture", operation_id = "list_posture",
    responses(
        (status = OK, body = ClustersBody),
        (status = FORBIDDEN, body = ProblemBody, description = "not_admin"),
    ),
)]
async fn clusters(
    administrator: Administrator,
    State(posture): State<Posture>,
) -> Result<Json<ClustersBody>, Problem> {
    let mut items = Vec::new();
    for cluster in posture.inner.api.clusters.iter() {
        if administrator.check_cluster(cluster.name()).is_ok() {
            items.push(posture.told(cluster).await?);
        }
    }
    Ok(Json(ClustersBody { items }))
}

/// What a cluster comes to: the score with its terms, and how much of what is open.
#[utoipa::path(
    get, path = "/api/v1/posture/clusters/{cluster}", tag = "posture", operation_id = "get_posture",
    params(("cluster" = String, Path, description = "The cluster's name")),
    responses(
        (status = OK, body = OverviewBody),
        (status = FORBIDDEN, body = ProblemBody, description = "not_admin"),
        (status = NOT_FOUND, body = ProblemBody, description = "cluster_unknown; not_found: no scan is done yet"),
    ),
)]
async fn overview(
    administrator: Administrator,
    State(posture): State<Posture>,
    Path(name): Path<ClusterName>,
) -> Result<Json<OverviewBody>, Problem> {
    posture.cluster(&administrator, &name)?;
    let store = &posture.inner.api.store;
    let (scan, previous) = store.posture_latest(&name).await?;
    let scan = scan.ok_or_else(|| not_scanned(&name))?;
    let summary = posture.summary(&scan).await?;
    let facets = store.posture_facets(&name, scan.number).await?;
    Ok(Json(OverviewBody::of(&scan, previous.as_ref(), &summary, facets)))
}

/// The scans of a cluster, newest first: 500 at most.
#[utoipa::path(
    get, path = "/api/v1/posture/clusters/{cluster}/scans", tag = "posture", operation_id = "list_posture_scans",
    params(("cluster" = String, Path, description = "The cluster's name")),
    responses(
        (status = OK, body = ScansBody),
        (status = FORBIDDEN, body = ProblemBody, description = "not_admin"),
        (status = NOT_FOUND, body = ProblemBody, description = "cluster_unknown"),
    ),
)]
async fn scans(
    administrator: Administrator,
    State(posture): State<Posture>,
    Path(name): Path<ClusterName>,
) -> Result<Json<ScansBody>, Problem> {
    posture.cluster(&administrator, &name)?;
    let scans = posture.inner.api.store.posture_scans(&name, SCANS).await?;
    Ok(Json(ScansBody { items: scans.iter().map(ScanBody::from).collect() }))
}

/// Scans a cluster now. It reads and changes nothing there, with the hub's own rights. It is audited.
#[utoipa::path(
    post, path = "/api/v1/posture/clusters/{cluster}/scans", tag = "posture", operation_id = "scan_cluster",
    params(("cluster" = String, Path, description = "The cluster's name")),
    responses(
        (status = ACCEPTED, body = BegunBody),
        (status = FORBIDDEN, body = ProblemBody, description = "not_admin"),
        (status = NOT_FOUND, body = ProblemBody, description = "cluster_unknown"),
        (status = CONFLICT, body = ProblemBody, description = "conflict: it is being scanned already"),
    ),
)]
async fn scan(
    administrator: Administrator,
    State(posture): State<Posture>,
    Path(name): Path<ClusterName>,
) -> Result<(StatusCode, Json<BegunBody>), Problem> {
    let cluster = posture.cluster(&administrator, &name)?;
    let audit = administrator.audit("posture.scan", &name).allowed();
    let number = posture.ask(cluster, administrator.user(), audit).await?;
    Ok((StatusCode::ACCEPTED, Json(BegunBody { number })))
}

/// How a finding changed with the newest scan.
#[derive(Debug, Clone, Copy, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = PostureChange)]
enum ChangeWord {
    /// It was not open before.
    New,
    /// It is gone since.
    Gone,
}

/// Whether somebody answers for a finding.
#[derive(Debug, Clone, Copy, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = PostureStanding)]
enum StandingWord {
    /// Nobody does: it counts.
    Open,
    /// Somebody does.
    Excepted,
}

/// Which findings.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FindingsQuery {
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
async fn findings(
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
    let body = |finding| FindingBody::of(finding, language, now);
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
async fn finding(
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
            .map(|other| FindingBody::of(other, language, now))
            .collect(),
        finding: FindingBody::of(finding, language, now),
    }))
}

/// From where.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PathsQuery {
    /// A workload, as reports name it; the internet, if left out.
    #[param(example = "Deployment/shop/web")]
    from: Option<String>,
    /// The language of the steps; English, if left out.
    #[serde(default)]
    #[param(inline, required = false)]
    language: Lang,
}

/// The shortest paths to a node's root and to the cluster's administrator.
#[utoipa::path(
    get, path = "/api/v1/posture/clusters/{cluster}/paths", tag = "posture", operation_id = "get_posture_paths",
    params(("cluster" = String, Path, description = "The cluster's name"), PathsQuery),
    responses(
        (status = OK, body = PathsBody),
        (status = FORBIDDEN, body = ProblemBody, description = "not_admin"),
        (status = NOT_FOUND, body = ProblemBody, description = "cluster_unknown; not_found: no scan is done yet, or no path leads on from there"),
    ),
)]
async fn paths(
    administrator: Administrator,
    State(posture): State<Posture>,
    Path(name): Path<ClusterName>,
    Query(query): Query<PathsQuery>,
) -> Result<Json<PathsBody>, Problem> {
    posture.cluster(&administrator, &name)?;
    let scan = posture.newest(&name).await?;
    let kept = posture.inner.api.store.posture_paths(scan.number).await?.unwrap_or_default();
    let kept: KeptPaths = serde_json::from_str(&kept).unwrap_or_default();
    let (from, language) = (query.from.as_deref(), query.language.into());
    PathsBody::of(&kept, from, &outcome(&scan), language)
        .map(Json)
        .ok_or_else(|| Problem::not_found("a path from that workload"))
}

/// What somebody answers for, newest first.
#[utoipa::path(
    get, path = "/api/v1/posture/clusters/{cluster}/exceptions", tag = "posture",
    operation_id = "list_posture_exceptions",
    params(("cluster" = String, Path, description = "The cluster's name")),
    responses(
        (status = OK, body = ExceptionsBody),
        (status = FORBIDDEN, body = ProblemBody, description = "not_admin"),
        (status = NOT_FOUND, body = ProblemBody, description = "cluster_unknown"),
    ),
)]
async fn exceptions(
    administrator: Administrator,
    State(posture): State<Posture>,
    Path(name): Path<ClusterName>,
) -> Result<Json<ExceptionsBody>, Problem> {
    posture.cluster(&administrator, &name)?;
    let now = posture.inner.api.clock.now();
    let all = posture.inner.api.store.posture_exceptions(&name).await?;
    let body = |each| ExceptionBody::of(each, now);
    Ok(Json(ExceptionsBody { items: all.into_iter().map(body).collect() }))
}

/// Answers for findings until a day: they do not count. It is audited.
#[utoipa::path(
    post, path = "/api/v1/posture/clusters/{cluster}/exceptions", tag = "posture",
    operation_id = "add_posture_exception",
    params(("cluster" = String, Path, description = "The cluster's name")),
    request_body = NewExceptionBody,
    responses(
        (status = CREATED, body = ExceptionMadeBody),
        (status = BAD_REQUEST, body = ProblemBody, description = "bad_request: no such check, a text that is missing or too long, or no day ahead"),
        (status = FORBIDDEN, body = ProblemBody, description = "not_admin"),
        (status = NOT_FOUND, body = ProblemBody, description = "cluster_unknown"),
        (status = CONFLICT, body = ProblemBody, description = "conflict: there are too many"),
    ),
)]
async fn except(
    administrator: Administrator,
    State(posture): State<Posture>,
    Path(name): Path<ClusterName>,
    Json(body): Json<NewExceptionBody>,
) -> Result<(StatusCode, Json<ExceptionMadeBody>), Problem> {
    posture.cluster(&administrator, &name)?;
    let store = &posture.inner.api.store;
    let now = posture.inner.api.clock.now();
    let new = checked(body, name.clone(), administrator.user(), now)?;
    if store.posture_exceptions(&name).await?.len() >= EXCEPTIONS_MAX {
        return Err(Problem::new(
            ProblemCode::Conflict,
            format!("cluster `{name}` has {EXCEPTIONS_MAX} exceptions already"),
        )
        .fix("remove those that have run out"));
    }
    let detail = json!({
        "check": new.check, "path": new.path, "reason": new.reason, "owner": new.owner, "expires": new.expires,
    });
    let object = format!("{name}/{}", new.object);
    let audit = administrator.audit("posture.except", object).detail(detail).allowed();
    let number = store.add_posture_exception(&new, &audit, now).await?;
    let findings = posture.excuse(&name, new.check).await?;
    Ok((StatusCode::CREATED, Json(ExceptionMadeBody { number, findings })))
}

/// Takes an exception back: its findings count again. It is audited.
#[utoipa::path(
    delete, path = "/api/v1/posture/clusters/{cluster}/exceptions/{number}", tag = "posture",
    operation_id = "remove_posture_exception",
    params(
        ("cluster" = String, Path, description = "The cluster's name"),
        ("number" = i64, Path, description = "The exception's number"),
    ),
    responses(
        (status = NO_CONTENT, description = "Taken back"),
        (status = BAD_REQUEST, body = ProblemBody, description = "bad_request: not a number"),
        (status = FORBIDDEN, body = ProblemBody, description = "not_admin"),
        (status = NOT_FOUND, body = ProblemBody, description = "cluster_unknown; not_found: there is none"),
    ),
)]
async fn unexcept(
    administrator: Administrator,
    State(posture): State<Posture>,
    Path((name, number)): Path<(ClusterName, i64)>,
) -> Result<StatusCode, Problem> {
    posture.cluster(&administrator, &name)?;
    let store = &posture.inner.api.store;
    let now = posture.inner.api.clock.now();
    let audit = administrator.audit("posture.unexcept", format!("{name}/{number}")).allowed();
    let taken = store.remove_posture_exception(&name, number, &audit, now).await?;
    let taken = taken.ok_or_else(|| Problem::not_found(format!("exception {number}")))?;
    // Another one may answer for the same findings.
    posture.excuse(&name, taken.says.check).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The form of a file.
#[derive(Debug, Clone, Copy, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = PostureFormat)]
enum FormatWord {
    /// `sallyport.scan/v1`.
    Json,
    /// SARIF 2.1.0.
    Sarif,
    /// One page of HTML.
    Html,
}

/// Which file.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ExportQuery {
    /// Its form.
    #[param(inline)]
    format: FormatWord,
    /// Its language; English, if left out.
    #[serde(default)]
    #[param(inline, required = false)]
    language: Lang,
}

/// The newest scan as a file. It is audited.
#[utoipa::path(
    get, path = "/api/v1/posture/clusters/{cluster}/report", tag = "posture", operation_id = "export_posture",
    params(("cluster" = String, Path, description = "The cluster's name"), ExportQuery),
    responses(
        (status = OK, content_type = "application/octet-stream", body = Vec<u8>, description = "The file"),
        (status = BAD_REQUEST, body = ProblemBody, description = "bad_request: no such form"),
        (status = FORBIDDEN, body = ProblemBody, description = "not_admin"),
        (status = NOT_FOUND, body = ProblemBody, description = "cluster_unknown; not_found: no scan is done yet"),
    ),
)]
async fn export(
    administrator: Administrator,
    State(posture): State<Posture>,
    Path(name): Path<ClusterName>,
    Query(query): Query<ExportQuery>,
) -> Result<Response, Problem> {
    posture.cluster(&administrator, &name)?;
    let scan = posture.newest(&name).await?;
    let (format, ending) = match query.format {
        FormatWord::Json => (Format::Json, "json"),
        FormatWord::Sarif => (Format::Sarif, "sarif"),
        FormatWord::Html => (Format::Html, "html"),
    };
    let detail = json!({ "scan": scan.number, "format": ending });
    let audit = administrator.audit("posture.export", &name).detail(detail).allowed();
    posture.inner.api.store.audit(audit).await?;
    let report = posture.report(&scan).await?;
    let language = query.language.into();
    let written = tokio::task::spawn_blocking(move || report.written(format, language, false));
    let file = written.await.map_err(Problem::internal)?;
    // Names of clusters are labels, which need no quoting. As bytes: no browser is to show a stranger's page as ours.
    let disposition = format!("attachment; filename=\"posture-{name}-{}.{ending}\"", scan.number);
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    Ok((headers, file).into_response())
}

/// The checks that are made of a cluster, with their words.
#[utoipa::path(
    get, path = "/api/v1/posture/checks", tag = "posture", operation_id = "list_posture_checks",
    params(LanguageQuery),
    responses(
        (status = OK, body = ChecksBody),
        (status = FORBIDDEN, body = ProblemBody, description = "not_admin"),
    ),
)]
async fn all_checks(
    _administrator: Administrator,
    State(_posture): State<Posture>,
    Query(query): Query<LanguageQuery>,
) -> Result<Json<ChecksBody>, Problem> {
    let language: Language = query.language.into();
    let items = checks().into_iter().map(|check| CheckBody::of(check, language)).collect();
    Ok(Json(ChecksBody { items }))
}

impl Posture {
    async fn told(&self, cluster: &Cluster) -> Result<ClusterBody, Problem> {
        let store = &self.inner.api.store;
        let name = cluster.name();
        let newest = store.posture_scans(name, 1).await?.into_iter().next();
        let (done, _) = store.posture_latest(name).await?;
        let now = self.inner.api.clock.now();
        let next_at = schedule::next(self.inner.settings.every, name, newest.as_ref(), now);
        let is_running = newest.as_ref().is_some_and(|scan| scan.state == PostureState::Running);
        Ok(ClusterBody {
            cluster: name.to_string(),
            newest: newest
                .filter(|scan| scan.state != PostureState::Done)
                .as_ref()
                .map(ScanBody::from),
            scan: done.as_ref().map(ScanBody::from),
            next_at: next_at.filter(|_| !is_running),
        })
    }

    /// The newest scan that is done.
    async fn newest(&self, name: &ClusterName) -> Result<PostureScan, Problem> {
        let (scan, _) = self.inner.api.store.posture_latest(name).await?;
        scan.ok_or_else(|| not_scanned(name))
    }

    /// Marks the findings of a check by the exceptions there are; returns how many changed.
    async fn excuse(&self, name: &ClusterName, check: String) -> Result<u64, Problem> {
        let store = &self.inner.api.store;
        let all: Vec<PostureException> = store.posture_exceptions(name).await?;
        let by = |finding: &store::PostureFinding| excuse::of(&all, &finding.found);
        Ok(store.excuse_posture_findings(name, &[check], by).await?)
    }
}

fn not_scanned(name: &ClusterName) -> Problem {
    Problem::not_found(format!("a scan of cluster `{name}` that is done"))
}

fn checked(
    body: NewExceptionBody,
    cluster: ClusterName,
    user: &str,
    now: Timestamp,
) -> Result<PostureNewException, Problem> {
    let check = catalogue::check(&body.check)
        .ok_or_else(|| Problem::bad_request("`check`: there is no such check"))?;
    let text = |name: &str, text: &str| -> Result<String, Problem> {
        let clean = crate::clean::clean(text.trim());
        if clean.is_empty() {
            return Err(Problem::bad_request(format!("`{name}`: write down who answers and why")));
        }
        if clean.chars().count() > TEXT_CHARS_MAX {
            return Err(Problem::bad_request(format!(
                "`{name}` is longer than {TEXT_CHARS_MAX} characters"
            )));
        }
        Ok(clean)
    };
    let day: Date = body
        .expires
        .parse()
        .map_err(|_| Problem::bad_request("`expires`: expected a day such as 2027-06-30"))?;
    let today = jiff::Timestamp::from_microsecond(now.as_micros())
        .map_err(Problem::internal)?
        .to_zoned(TimeZone::UTC)
        .date();
    if day < today || day.year() > today.year().saturating_add(EXPIRES_YEARS_MAX) {
        return Err(Problem::bad_request(format!(
            "`expires`: expected a day from today on, at most {EXPIRES_YEARS_MAX} years ahead"
        )));
    }
    let over = day.tomorrow().map_err(Problem::internal)?;
    let over = over.to_zoned(TimeZone::UTC).map_err(Problem::internal)?.timestamp();
    Ok(PostureNewException {
        cluster,
        check: check.id.to_owned(),
        object: text("object", &body.object)?,
        path: match body.path.as_deref().map(str::trim).filter(|path| !path.is_empty()) {
            Some(path) => Some(text("path", path)?),
            None => None,
        },
        reason: text("reason", &body.reason)?,
        owner: text("owner", &body.owner)?,
        expires: day.to_string(),
        expires_at: Timestamp::from_micros(over.as_microsecond()),
        made_by: user.to_owned(),
    })
}
