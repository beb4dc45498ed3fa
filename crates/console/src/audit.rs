//! The audit log as administrators read and check it.
//! It is written by whoever acts, and kept and chained by the store.

use crate::Console;
use axum::extract::State;
use http_api::{
    Administrator, DecidedBy, Json, Problem, ProblemBody, ProblemCode, Query, page_limit,
};
use model::Timestamp;
use store::{AuditFilter, AuditOutcome, AuditRecord};

/// A page that a person looks through.
const PAGE: u32 = 100;

/// Which records to read.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditQuery {
    /// Only records before this number: `next_before` of the page before.
    before: Option<u64>,
    /// How many, 1 to 500; 100 if left out.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// Only this user's.
    actor: Option<String>,
    /// Only this action, or with a dot at the end all that begin so.
    #[param(example = "terminal.")]
    action: Option<String>,
    /// Only this outcome.
    #[param(value_type = Option<Outcome>)]
    outcome: Option<String>,
    /// Only records with this text in them.
    q: Option<String>,
}

/// How an act ended.
#[derive(utoipa::ToSchema)]
#[schema(as = AuditOutcome, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes what `AuditOutcome::as_str` writes")]
pub(crate) enum Outcome {
    Allowed,
    Denied,
    Failed,
}

/// A record of the audit log.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
#[schema(as = AuditRecord)]
pub(crate) struct RecordBody {
    /// Its place in the log, from 1 without gaps.
    seq: u64,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Who did it; empty for a stranger.
    actor: String,
    /// What was done.
    #[schema(example = "terminal.enter")]
    action: String,
    /// To what.
    object: String,
    /// How it ended.
    #[schema(value_type = Outcome)]
    outcome: &'static str,
    /// The problem's code, if it was refused or failed.
    reason: String,
    /// The request it belongs to.
    request_id: String,
    /// The address it came from.
    source: String,
    /// Whatever else helps.
    #[schema(value_type = Object)]
    detail: serde_json::Value,
}

/// A page of the log, newest first.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct AuditPage {
    /// The records.
    items: Vec<RecordBody>,
    /// `before` of the next page, unless this is the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next_before: Option<u64>,
}

/// What a verification found.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct AuditVerification {
    /// How many records were found good.
    records: u64,
    /// Whether the log is whole.
    intact: bool,
    /// The first record that is not as it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    first_bad: Option<u64>,
    /// What was found, in a sentence; of a whole log, its head.
    detail: String,
}

impl From<AuditRecord> for RecordBody {
    fn from(AuditRecord { seq, entry, .. }: AuditRecord) -> Self {
        Self {
            seq,
            at: entry.at,
            actor: entry.actor,
            action: entry.action,
            object: entry.object,
            outcome: entry.outcome.as_str(),
            reason: entry.reason,
            request_id: entry.request_id,
            source: entry.source,
            // The contract promises an object.
            detail: if entry.detail.is_null() { serde_json::json!({}) } else { entry.detail },
        }
    }
}

/// Read the audit log, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/audit",
    tag = "audit",
    params(AuditQuery),
    responses(
        (status = 200, description = "A page", body = AuditPage),
        (status = 400, description = "Malformed (bad_request)", body = ProblemBody),
        (status = 403, description = "For administrators only (not_admin)", body = ProblemBody),
    )
)]
pub(crate) async fn list_audit(
    State(console): State<Console>,
    _administrator: Administrator,
    Query(query): Query<AuditQuery>,
) -> Result<Json<AuditPage>, Problem> {
    let limit = page_limit(query.limit, PAGE)?;
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let outcome = match given(query.outcome) {
        Some(text) => Some(
            text.parse::<AuditOutcome>()
                .map_err(|error| Problem::bad_request(format!("`outcome`: {error}")))?,
        ),
        None => None,
    };
    let filter = AuditFilter {
        before: query.before,
        limit,
        actor: given(query.actor),
        action: given(query.action),
        outcome,
        text: given(query.q),
    };
    let records = console.api.store.audit_page(&filter).await?;
    let full = u32::try_from(records.len()).is_ok_and(|read| read >= limit);
    let last = records.last().map(|record| record.seq);
    Ok(Json(AuditPage {
        items: records.into_iter().map(RecordBody::from).collect(),
        // The log begins at 1, before which there is nothing to page to.
        next_before: last.filter(|last| full && *last > 1),
    }))
}

/// Check that the audit log is whole: nothing edited, removed, inserted or reordered.
#[utoipa::path(
    get,
    path = "/api/v1/audit/verify",
    tag = "audit",
    responses(
        (status = 200, description = "What was found", body = AuditVerification),
        (status = 403, description = "For administrators only (not_admin)", body = ProblemBody),
        (status = 409, description = "A verification runs already (conflict)", body = ProblemBody),
    )
)]
pub(crate) async fn verify_audit(
    State(console): State<Console>,
    administrator: Administrator,
) -> Result<Json<AuditVerification>, Problem> {
    // It reads the whole log; two at once would read it twice for the same answer.
    let _alone = console.audit_verification.try_acquire().map_err(|_| {
        Problem::new(ProblemCode::Conflict, "a verification of the audit log runs already")
            .decided_by(DecidedBy::Hub)
    })?;
    let store = &console.api.store;
    store.audit(administrator.audit("audit.verify", "").allowed()).await?;
    let verdict = store.audit_verify(|_, _| {}).await?;
    if !verdict.intact {
        tracing::error!(
            first_bad = verdict.first_bad,
            verdict.detail,
            "the audit log is not whole"
        );
    }
    Ok(Json(AuditVerification {
        records: verdict.records,
        intact: verdict.intact,
        first_bad: verdict.first_bad,
        detail: verdict.detail,
    }))
}
