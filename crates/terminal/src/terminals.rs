//! Live terminals as people see and end them.

use crate::Terminals;
use crate::links::Whose;
use crate::page::{Cursor, cut};
use axum::extract::State;
use http::StatusCode;
use http_api::{Json, Path, Problem, ProblemBody, Query, SignedIn};
use model::TerminalId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{TerminalFilter, TerminalRow};

/// A terminal session.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Terminal {
    id: String,
    user: String,
    link_id: String,
    cluster: String,
    namespace: String,
    pod: String,
    container: String,
    tty: bool,
    /// The hub process that holds it.
    hub: String,
    #[schema(format = DateTime)]
    started_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    ended_at: Option<String>,
    /// `exit`, `closed`, or the code of the problem that ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    end_reason: Option<String>,
}

/// Terminals, a page of them.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct TerminalList {
    items: Vec<Terminal>,
    /// `after` of the next page, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Which terminals to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListTerminals {
    /// Another person's, or `*` for everybody's; administrators only.
    user: Option<String>,
    /// How many at most, 1 to 1,000; 200 if left out.
    limit: Option<u32>,
    /// Goes on behind a page: its `next`.
    after: Option<String>,
}

impl From<TerminalRow> for Terminal {
    fn from(row: TerminalRow) -> Self {
        Self {
            id: row.id.to_string(),
            user: row.user,
            link_id: row.link.to_string(),
            cluster: row.place.pod.cluster.to_string(),
            namespace: row.place.pod.namespace.to_string(),
            pod: row.place.pod.pod.to_string(),
            container: row.place.container.to_string(),
            tty: row.process.tty,
            hub: row.hub.to_string(),
            started_at: row.started_at.to_string(),
            ended_at: row.ended_at.map(|at| at.to_string()),
            end_reason: row.end_reason,
        }
    }
}

/// Terminals in one answer, about 400 KB.
const LISTED_MAX: u32 = 1000;

/// Lists live terminals: one's own, administrators also others'.
#[utoipa::path(
    get, path = "/api/v1/terminals", operation_id = "list_terminals", tag = "terminals", params(ListTerminals),
    responses((status = 200, description = "Live terminals, newest first", body = TerminalList))
)]
pub(crate) async fn list(
    State(terminals): State<Terminals>,
    signed_in: SignedIn,
    Query(wish): Query<ListTerminals>,
) -> Result<Json<TerminalList>, Problem> {
    let Whose { user, cluster } =
        Whose::asked(&signed_in, wish.user.as_deref(), "see others' terminals")?;
    let shown = wish.limit.unwrap_or(200).clamp(1, LISTED_MAX);
    let filter = TerminalFilter {
        user,
        cluster,
        live: Some(true),
        hub: None,
        after: Cursor::asked(wish.after.as_deref())?,
        // One more tells whether there is more.
        limit: shown + 1,
    };
    let rows = terminals.api.store.terminals(&filter).await?;
    let (rows, next) = cut(rows, shown as usize, |row| (row.started_at, &row.id));
    Ok(Json(TerminalList { items: rows.into_iter().map(Terminal::from).collect(), next }))
}

/// Ends a live terminal, on whichever hub it lives, within two seconds.
#[utoipa::path(
    delete, path = "/api/v1/terminals/{id}", operation_id = "end_terminal", tag = "terminals",
    params(("id" = String, Path, description = "The terminal's id")),
    responses((status = 204, description = "It is being ended"), (status = 404, description = "`not_found`", body = ProblemBody))
)]
pub(crate) async fn end(
    State(terminals): State<Terminals>,
    signed_in: SignedIn,
    Path(id): Path<TerminalId>,
) -> Result<StatusCode, Problem> {
    let store = &terminals.api.store;
    let row = store.terminal(&id).await?;
    let is_theirs = |row: &TerminalRow| signed_in.owns(&row.user, &row.place.pod.cluster);
    let Some(row) = row.filter(|row| is_theirs(row) || signed_in.is_admin()) else {
        return Err(Problem::not_found(format!("terminal `{id}`")));
    };
    let audit = signed_in
        .audit("terminal.end", &row.place)
        .detail(json!({ "terminal": id, "of": row.user }))
        .allowed();
    let now = terminals.api.clock.now();
    store.request_terminal_end(&id, signed_in.user(), now, audit).await?;
    Ok(StatusCode::NO_CONTENT)
}
