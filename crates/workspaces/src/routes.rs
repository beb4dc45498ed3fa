//! The HTTP face: which address does what, and how it is described.
//! What is done stands in the modules that the handlers call.

use crate::service::Workspaces;
use crate::view::{NewWorkspace, TemplateView, WorkspaceList, WorkspaceTemplates, WorkspaceView};
use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use http_api::{HttpApi, Json, Path, Problem, ProblemBody, SignedIn};
use model::WorkspaceId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes of workspaces.
pub fn router<S>() -> OpenApiRouter<S>
where
    HttpApi: FromRef<S>,
    Workspaces: FromRef<S>,
    S: Clone + Send + Sync + 'static,
{
    OpenApiRouter::new()
        .routes(routes!(templates))
        .routes(routes!(list, create))
        .routes(routes!(read, delete))
        .routes(routes!(watch))
}

/// What workspaces can be made of.
#[utoipa::path(
    get, path = "/api/v1/workspace-templates", tag = "workspaces",
    operation_id = "list_workspace_templates",
    responses((status = OK, body = WorkspaceTemplates)),
)]
async fn templates(_: SignedIn, State(service): State<Workspaces>) -> Json<WorkspaceTemplates> {
    let items = service.settings().templates().iter().map(TemplateView::of).collect();
    Json(WorkspaceTemplates { items })
}

/// One's own workspaces, and how much room is taken.
///
/// One whose cluster does not answer is listed as the hub last knew it.
#[utoipa::path(
    get, path = "/api/v1/workspaces", tag = "workspaces", operation_id = "list_workspaces",
    responses((status = OK, body = WorkspaceList)),
)]
async fn list(
    person: SignedIn,
    State(service): State<Workspaces>,
) -> Result<Json<WorkspaceList>, Problem> {
    service.all(&person).await.map(Json)
}

/// Makes a workspace.
#[utoipa::path(
    post, path = "/api/v1/workspaces", tag = "workspaces", operation_id = "create_workspace",
    request_body = NewWorkspace,
    responses(
        (status = CREATED, body = WorkspaceView, description = "The Pod exists and begins to start"),
        (status = BAD_REQUEST, body = ProblemBody, description = "bad_request, or the cluster finds the Pod malformed"),
        (status = FORBIDDEN, body = ProblemBody, description = "forbidden: RBAC or Pod Security said no; csrf; origin_refused"),
        (status = NOT_FOUND, body = ProblemBody, description = "not_found: no such template; cluster_unknown"),
        (status = CONFLICT, body = ProblemBody, description = "quota_person, quota_total; conflict: the name is taken, or the namespace is somebody else's"),
        (status = PAYLOAD_TOO_LARGE, body = ProblemBody, description = "body_too_large"),
        (status = BAD_GATEWAY, body = ProblemBody, description = "cluster_unreachable"),
    ),
)]
async fn create(
    person: SignedIn,
    State(service): State<Workspaces>,
    Json(wish): Json<NewWorkspace>,
) -> Result<(StatusCode, Json<WorkspaceView>), Problem> {
    service.create(person, wish).await.map(|made| (StatusCode::CREATED, Json(made)))
}

/// One workspace: one's own, or one whose Pod the cluster lets one read.
#[utoipa::path(
    get, path = "/api/v1/workspaces/{id}", tag = "workspaces", operation_id = "get_workspace",
    params(("id" = String, Path, description = "The workspace's id")),
    responses(
        (status = OK, body = WorkspaceView),
        (status = BAD_REQUEST, body = ProblemBody, description = "bad_request: not an id"),
        (status = FORBIDDEN, body = ProblemBody, description = "forbidden: the owner lost the right to read the Pod"),
        (status = NOT_FOUND, body = ProblemBody, description = "not_found: none, or somebody else's"),
        (status = BAD_GATEWAY, body = ProblemBody, description = "cluster_unreachable"),
    ),
)]
async fn read(
    person: SignedIn,
    State(service): State<Workspaces>,
    Path(id): Path<WorkspaceId>,
) -> Result<Json<WorkspaceView>, Problem> {
    service.one(&person, &id).await.map(Json)
}

/// Begins to delete a workspace. Its room is free when the Pod is gone.
#[utoipa::path(
    delete, path = "/api/v1/workspaces/{id}", tag = "workspaces", operation_id = "delete_workspace",
    params(("id" = String, Path, description = "The workspace's id")),
    responses(
        (status = ACCEPTED, description = "The Pod is going"),
        (status = BAD_REQUEST, body = ProblemBody, description = "bad_request: not an id"),
        (status = FORBIDDEN, body = ProblemBody, description = "forbidden: RBAC said no; csrf; origin_refused"),
        (status = NOT_FOUND, body = ProblemBody, description = "not_found: none, or somebody else's"),
        (status = BAD_GATEWAY, body = ProblemBody, description = "cluster_unreachable"),
    ),
)]
async fn delete(
    person: SignedIn,
    State(service): State<Workspaces>,
    Path(id): Path<WorkspaceId>,
) -> Result<StatusCode, Problem> {
    service.delete(&person, &id).await.map(|()| StatusCode::ACCEPTED)
}

/// One workspace, live: an event `workspace` with the whole workspace at first and whenever it changed.
///
/// Ends when the Pod is gone, and when the sign-in or the right to watch does.
#[utoipa::path(
    get, path = "/api/v1/workspaces/{id}/watch", tag = "workspaces", operation_id = "watch_workspace",
    params(("id" = String, Path, description = "The workspace's id")),
    responses(
        (status = OK, body = WorkspaceView, content_type = "text/event-stream", description = "`event: workspace`, its data a Workspace"),
        (status = BAD_REQUEST, body = ProblemBody, description = "bad_request: not an id"),
        (status = FORBIDDEN, body = ProblemBody, description = "forbidden: RBAC said no"),
        (status = NOT_FOUND, body = ProblemBody, description = "not_found: none, or somebody else's"),
        (status = TOO_MANY_REQUESTS, body = ProblemBody, description = "too_many_watches: as many watches are open as may be"),
        (status = BAD_GATEWAY, body = ProblemBody, description = "cluster_unreachable"),
    ),
)]
async fn watch(
    person: SignedIn,
    State(service): State<Workspaces>,
    Path(id): Path<WorkspaceId>,
) -> Result<axum::response::Response, Problem> {
    service.watch(&person, &id).await.map(axum::response::IntoResponse::into_response)
}
