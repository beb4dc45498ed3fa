//! The HTTP face of the traffic room: which address does what, and how it is described.
//! What is done stands in `live`, `upload` and the store.

use super::upload::Upload;
use super::view::{
    CaptureBody, ConnectionBody, ConnectionsBody, DetailBody, PageBody, StateCount, SummaryBody,
    TrafficNews, TrafficSnapshot, TrafficStale, UnitBody,
};
use super::{Traffic, wanted};
use axum::body::Body;
use axum::extract::{FromRef, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http_api::{Administrator, HttpApi, Json, Path, Problem, ProblemBody, Query, page_limit};
use std::time::Duration;
use store::TrafficQuery;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

const PAGE: u32 = 200;
const MINUTES: u32 = 15;
const MINUTES_MAX: u32 = 24 * 60;

/// The routes of the traffic room.
pub fn router<S>() -> OpenApiRouter<S>
where
    HttpApi: FromRef<S>,
    Traffic: FromRef<S>,
    S: Clone + Send + Sync + 'static,
{
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(read))
        .routes(routes!(live))
        .routes(routes!(summary))
        .routes(routes!(connections))
        .routes(routes!(capture))
        .routes(routes!(super::sources::agents))
        .routes(routes!(super::role::role, super::role::compare))
}

/// Which units.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only units of which this holds, as in `verb == list and status >= 400`.
    filter: Option<String>,
    /// Only units before this number: `next_before` of the page before.
    before: Option<i64>,
    /// How many, 1 to 500; 200 if left out.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// What was said, newest first.
#[utoipa::path(
    get, path = "/api/v1/traffic/units", tag = "traffic", operation_id = "list_traffic",
    params(ListQuery),
    responses(
        (status = OK, body = PageBody),
        (status = BAD_REQUEST, body = ProblemBody, description = "bad_request: not a filter; its detail points at the place"),
        (status = FORBIDDEN, body = ProblemBody, description = "not_admin"),
    ),
)]
async fn list(
    _administrator: Administrator,
    State(traffic): State<Traffic>,
    Query(query): Query<ListQuery>,
) -> Result<Json<PageBody>, Problem> {
    let limit = page_limit(query.limit, PAGE)?;
    let condition = wanted(query.filter.as_deref())?;
    let query = TrafficQuery { before: query.before, after: None, limit, condition };
    let page = traffic.inner.api.store.traffic_units(&query).await?;
    Ok(Json(PageBody {
        items: page.units.into_iter().map(UnitBody::from).collect(),
        next_before: page.next_before,
        newest: page.newest,
    }))
}

/// One unit with its headers and content, its request and answers, its connection, and why the request failed if it
/// did. It is audited.
#[utoipa::path(
    get, path = "/api/v1/traffic/units/{number}", tag = "traffic", operation_id = "get_traffic_unit",
    params(("number" = i64, Path, description = "The unit's number")),
    responses(
        (status = OK, body = DetailBody),
        (status = BAD_REQUEST, body = ProblemBody, description = "bad_request: not a number"),
        (status = FORBIDDEN, body = ProblemBody, description = "not_admin"),
        (status = NOT_FOUND, body = ProblemBody, description = "not_found: never stored, or removed"),
    ),
)]
async fn read(
    administrator: Administrator,
    State(traffic): State<Traffic>,
    Path(number): Path<i64>,
) -> Result<Json<DetailBody>, Problem> {
    let store = &traffic.inner.api.store;
    let Some(exchange) = store.traffic_unit(number).await? else {
        return Err(Problem::not_found(format!("unit {number} (any more)")));
    };
    // Recorded before it is shown: who cannot be recorded sees nothing.
    store.audit(administrator.audit("traffic.read", format!("unit/{number}")).allowed()).await?;
    let explanation = traffic.explanation(&exchange).await?;
    let mut detail = DetailBody::from(exchange);
    detail.explanation = explanation;
    Ok(Json(detail))
}

/// Which units to follow.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LiveQuery {
    /// Only units of which this holds.
    filter: Option<String>,
}

/// The same, live: `snapshot` (TrafficSnapshot) first and whenever more came than is told one by one, then
/// `units` (TrafficNews), `stale` (TrafficStale) while the store does not answer. It is audited.
///
/// Ends with the sign-in.
#[utoipa::path(
    get, path = "/api/v1/traffic/live", tag = "traffic", operation_id = "follow_traffic",
    params(LiveQuery),
    responses(
        (status = OK, content_type = "text/event-stream", body = Told, description = "Server-sent events"),
        (status = BAD_REQUEST, body = ProblemBody, description = "bad_request: not a filter"),
        (status = FORBIDDEN, body = ProblemBody, description = "not_admin"),
        (status = TOO_MANY_REQUESTS, body = ProblemBody, description = "too_many_watches: as many are followed as may be"),
    ),
)]
async fn live(
    administrator: Administrator,
    State(traffic): State<Traffic>,
    Query(query): Query<LiveQuery>,
) -> Result<Response, Problem> {
    let telling = traffic.follow(&administrator, query.filter.as_deref()).await?;
    Ok(telling.into_response())
}

/// The data of the events, for the description alone.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
#[schema(as = TrafficTold)]
enum Told {
    Snapshot(TrafficSnapshot),
    Units(TrafficNews),
    Stale(TrafficStale),
}

/// What to sum up.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SummaryQuery {
    /// Only units of which this holds.
    filter: Option<String>,
    /// How long before the newest unit the span begins, 1 to 1440 minutes; 15 if left out.
    #[param(minimum = 1, maximum = 1440)]
    minutes: Option<u32>,
}

/// How many answers, how many of them errors, how long they took, and who asked for what.
#[utoipa::path(
    get, path = "/api/v1/traffic/summary", tag = "traffic", operation_id = "sum_up_traffic",
    params(SummaryQuery),
    responses(
        (status = OK, body = SummaryBody),
        (status = BAD_REQUEST, body = ProblemBody, description = "bad_request: not a filter, or a span out of range"),
        (status = FORBIDDEN, body = ProblemBody, description = "not_admin"),
    ),
)]
async fn summary(
    _administrator: Administrator,
    State(traffic): State<Traffic>,
    Query(query): Query<SummaryQuery>,
) -> Result<Json<SummaryBody>, Problem> {
    let minutes = query.minutes.unwrap_or(MINUTES);
    if !(1..=MINUTES_MAX).contains(&minutes) {
        return Err(Problem::bad_request(format!("`minutes`: expected 1 to {MINUTES_MAX}")));
    }
    let condition = wanted(query.filter.as_deref())?;
    let span = Duration::from_secs(u64::from(minutes) * 60);
    let summary = traffic.inner.api.store.traffic_summary(span, condition.as_ref()).await?;
    Ok(Json(summary.into()))
}

/// Which connections.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ConnectionsQuery {
    /// Only those that could be read so far.
    #[param(example = "no_key")]
    decryption: Option<String>,
    /// Only connections before this number: `next_before` of the page before.
    before: Option<i64>,
    /// How many, 1 to 500; 200 if left out.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// The connections that are over, newest first, and how far they could be read.
#[utoipa::path(
    get, path = "/api/v1/traffic/connections", tag = "traffic",
    operation_id = "list_traffic_connections",
    params(ConnectionsQuery),
    responses(
        (status = OK, body = ConnectionsBody),
        (status = BAD_REQUEST, body = ProblemBody, description = "bad_request: a limit out of range"),
        (status = FORBIDDEN, body = ProblemBody, description = "not_admin"),
    ),
)]
async fn connections(
    _administrator: Administrator,
    State(traffic): State<Traffic>,
    Query(query): Query<ConnectionsQuery>,
) -> Result<Json<ConnectionsBody>, Problem> {
    let limit = page_limit(query.limit, PAGE)?;
    let decryption = query.decryption.as_deref().filter(|state| !state.is_empty());
    let store = &traffic.inner.api.store;
    let found = store.traffic_connections(decryption, query.before, limit).await?;
    Ok(Json(ConnectionsBody {
        items: found.items.into_iter().map(ConnectionBody::from).collect(),
        next_before: found.next_before,
        by_decryption: found
            .by_decryption
            .into_iter()
            .map(|(state, connections)| StateCount { state, connections })
            .collect(),
    }))
}

/// Decodes a capture (pcap or pcapng) and stores what it holds, redacted. It is audited.
///
/// The body is the key log, if there is one, and then the capture, of 4 GiB at most together; it is decoded as
/// it arrives and not kept. One capture is decoded at a time.
#[utoipa::path(
    post, path = "/api/v1/traffic/captures", tag = "traffic", operation_id = "upload_capture",
    params(Upload),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "Key log, then capture"),
    responses(
        (status = CREATED, body = CaptureBody),
        (status = BAD_REQUEST, body = ProblemBody, description = "bad_request: not a capture, or it broke off"),
        (status = FORBIDDEN, body = ProblemBody, description = "not_admin"),
        (status = CONFLICT, body = ProblemBody, description = "conflict: a capture is being decoded already"),
        (status = PAYLOAD_TOO_LARGE, body = ProblemBody, description = "body_too_large"),
    ),
)]
async fn capture(
    administrator: Administrator,
    State(traffic): State<Traffic>,
    Query(upload): Query<Upload>,
    body: Body,
) -> Result<(StatusCode, Json<CaptureBody>), Problem> {
    let done = traffic.upload(&administrator, upload, body).await?;
    Ok((StatusCode::CREATED, Json(done)))
}
