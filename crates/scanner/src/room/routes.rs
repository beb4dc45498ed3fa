//! The HTTP face of the posture room: which address does what, and how it is described.
//! What is done stands in `schedule`, `scan`, `export` and the store.
//!
//! Hostile input: an administrator's, but names and fields of findings are what strangers wrote; they went through
//! `clean` before they were stored.

mod exceptions;
mod export;
mod findings;

use super::Posture;
use super::scan::{KeptPaths, checks};
use super::schedule;
use super::summary::outcome;
use super::view::{
    BegunBody, CheckBody, ChecksBody, ClusterBody, ClustersBody, Lang, OverviewBody, PathsBody,
    ScanBody, ScansBody,
};
use axum::extract::{FromRef, State};
use http::StatusCode;
use http_api::{Administrator, HttpApi, Json, Path, Problem, ProblemBody, Query};
use kube_io::Cluster;
use model::ClusterName;
use posture::words::Language;
use store::{PostureScan, PostureState};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Scans of the history.
const SCANS: u32 = 500;
/// Letters of a text that somebody types into an exception or a filter.
const TEXT_CHARS_MAX: usize = 1000;

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
        .routes(routes!(findings::list))
        .routes(routes!(findings::read))
        .routes(routes!(paths))
        .routes(routes!(exceptions::list, exceptions::add))
        .routes(routes!(exceptions::remove))
        .routes(routes!(export::export))
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
        let free = schedule::is_free(newest.as_ref(), now);
        Ok(ClusterBody {
            cluster: name.to_string(),
            newest: newest
                .filter(|scan| scan.state != PostureState::Done)
                .as_ref()
                .map(ScanBody::from),
            scan: done.as_ref().map(ScanBody::from),
            next_at: next_at.filter(|_| !is_running),
            free,
        })
    }

    /// The newest scan that is done.
    async fn newest(&self, name: &ClusterName) -> Result<PostureScan, Problem> {
        let (scan, _) = self.inner.api.store.posture_latest(name).await?;
        scan.ok_or_else(|| not_scanned(name))
    }
}

fn not_scanned(name: &ClusterName) -> Problem {
    Problem::not_found(format!("a scan of cluster `{name}` that is done"))
}
