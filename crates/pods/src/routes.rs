//! The HTTP face: which address does what, and how it is described.
//! What is done stands in `service` and `live`.

use crate::live::{PodChange, PodSnapshot, PodsStale};
use crate::service::Pods;
use crate::view::{PodList, PodView};
use axum::extract::{FromRef, State};
use axum::response::{IntoResponse as _, Response};
use http_api::{HttpApi, Json, Path, Problem, ProblemBody, Query, SignedIn};
use model::{ClusterName, Namespace, PodName};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes of Pods.
pub fn router<S>() -> OpenApiRouter<S>
where
    HttpApi: FromRef<S>,
    Pods: FromRef<S>,
    S: Clone + Send + Sync + 'static,
{
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(watch)).routes(routes!(read))
}

/// Which Pods.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Only this cluster's.
    #[param(value_type = Option<String>)]
    cluster: Option<ClusterName>,
}

/// Every Pod that one may see: of the whole cluster, or of the namespaces into which RBAC lets one look.
///
/// A cluster that does not answer is named; the Pods of the others are listed.
#[utoipa::path(
    get, path = "/api/v1/pods", tag = "pods", operation_id = "list_pods",
    params(Which),
    responses(
        (status = OK, body = PodList),
        (status = BAD_REQUEST, body = ProblemBody, description = "bad_request: not a cluster's name"),
        (status = NOT_FOUND, body = ProblemBody, description = "cluster_unknown"),
    ),
)]
async fn list(
    person: SignedIn,
    State(service): State<Pods>,
    Query(which): Query<Which>,
) -> Result<Json<PodList>, Problem> {
    service.count_act(&person).await?;
    service.all(&person, which.cluster.as_ref()).await.map(Json)
}

/// The same, live: `snapshot` (PodSnapshot) first and whenever changes were missed, then `change` (PodChange),
/// `stale` (PodsStale) while a cluster does not answer, `live` when all do again.
///
/// Ends when nothing may be seen any more, and with the sign-in.
#[utoipa::path(
    get, path = "/api/v1/pods/watch", tag = "pods", operation_id = "watch_pods",
    params(Which),
    responses(
        (status = OK, content_type = "text/event-stream", body = Told, description = "Server-sent events"),
        (status = BAD_REQUEST, body = ProblemBody, description = "bad_request: not a cluster's name"),
        (status = NOT_FOUND, body = ProblemBody, description = "cluster_unknown"),
        (status = TOO_MANY_REQUESTS, body = ProblemBody, description = "too_many_watches: as many watches are open as may be"),
    ),
)]
async fn watch(
    person: SignedIn,
    State(service): State<Pods>,
    Query(which): Query<Which>,
) -> Result<Response, Problem> {
    service.count_act(&person).await?;
    service.watch(&person, which.cluster.as_ref()).await.map(|told| told.into_response())
}

/// The data of the events, for the description alone.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[serde(untagged)]
#[expect(dead_code, clippy::large_enum_variant, reason = "only its schema is used")]
#[schema(as = PodsTold)]
enum Told {
    Snapshot(PodSnapshot),
    Change(PodChange),
    Stale(PodsStale),
}

/// One Pod.
#[utoipa::path(
    get, path = "/api/v1/pods/{cluster}/{namespace}/{name}", tag = "pods", operation_id = "get_pod",
    params(
        ("cluster" = String, Path, description = "The cluster, as the hub names it"),
        ("namespace" = String, Path, description = "The namespace"),
        ("name" = String, Path, description = "The Pod's name"),
    ),
    responses(
        (status = OK, body = PodView),
        (status = BAD_REQUEST, body = ProblemBody, description = "bad_request: not names"),
        (status = FORBIDDEN, body = ProblemBody, description = "forbidden: RBAC said no"),
        (status = NOT_FOUND, body = ProblemBody, description = "not_found; cluster_unknown"),
        (status = BAD_GATEWAY, body = ProblemBody, description = "cluster_unreachable"),
    ),
)]
async fn read(
    person: SignedIn,
    State(service): State<Pods>,
    Path(place): Path<(ClusterName, Namespace, PodName)>,
) -> Result<Json<PodView>, Problem> {
    service.count_act(&person).await?;
    service.one(&person, place).await.map(Json)
}
