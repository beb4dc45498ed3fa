//! The newest scan as a file.
//! What stands in it is `export`'s of the room and `report`'s.

use crate::report::Format;
use crate::room::Posture;
use crate::room::view::Lang;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header;
use http_api::{Administrator, Path, Problem, ProblemBody, Query};
use model::ClusterName;
use serde_json::json;

/// The form of a file.
#[derive(Debug, Clone, Copy, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = PostureFormat)]
pub(super) enum FormatWord {
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
pub(super) struct ExportQuery {
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
        (status = CONFLICT, body = ProblemBody, description = "conflict: a report is being written"),
    ),
)]
pub(super) async fn export(
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
    let desk = posture.desk()?;
    let detail = json!({ "scan": scan.number, "format": ending });
    let audit = administrator.audit("posture.export", &name).detail(detail).allowed();
    posture.inner.api.store.audit(audit).await?;
    let file = posture.file(&scan, format, query.language.into(), desk).await?;
    // Names of clusters are labels, which need no quoting. As bytes: no browser is to show a stranger's page as ours.
    let disposition = format!("attachment; filename=\"posture-{name}-{}.{ending}\"", scan.number);
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    Ok((headers, file).into_response())
}
