//! Reading the audit log, newest first.
//! Who may read it is decided by the console.

use super::entry::{AuditEntry, AuditOutcome, AuditRecord, StoredEntry};
use crate::database::{Row, Value, values};
use crate::{Result, Store};
use sqlx::AssertSqlSafe;

/// Which records to read.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Only records before this number; the last one of the page before.
    pub before: Option<u64>,
    /// How many at most; 1 to 500.
    pub limit: u32,
    /// Only this actor's.
    pub actor: Option<String>,
    /// Only this action, or with `terminal.` all that begin so.
    pub action: Option<String>,
    /// Only this outcome.
    pub outcome: Option<AuditOutcome>,
    /// Only records with this text in actor, object, reason, request id, source or detail; ASCII letters match
    /// in either case.
    pub text: Option<String>,
}

/// A page is read by people; more than this is an export, which pages.
const PAGE_MAX: u32 = 500;

impl Store {
    /// Appends a record that belongs to no other row. Returns its number once it is durable.
    pub async fn audit(&self, entry: AuditEntry) -> Result<u64> {
        self.inner.audit.append(entry).await
    }

    /// Reads a page of the log, newest first.
    pub async fn audit_page(&self, filter: &AuditFilter) -> Result<Vec<AuditRecord>> {
        let (sql, values) = query(filter);
        // The text is put together from fixed pieces; every value is bound.
        let rows = self.inner.database.rows(AssertSqlSafe(sql), values).await?;
        rows.iter().map(record).collect()
    }
}

fn query(filter: &AuditFilter) -> (String, Vec<Value>) {
    let mut sql = "SELECT * FROM audit WHERE TRUE".to_owned();
    let mut values = values![];
    let mut and = |condition: &str, value: Value| {
        values.push(value);
        sql.push_str(" AND ");
        sql.push_str(&condition.replace('?', &format!("${}", values.len())));
    };
    if let Some(before) = filter.before {
        and("seq < ?", i64::try_from(before).unwrap_or(i64::MAX).into());
    }
    if let Some(actor) = &filter.actor {
        and("actor = ?", actor.into());
    }
    match &filter.action {
        Some(action) if action.ends_with('.') => {
            and("action LIKE ? ESCAPE '\\'", format!("{}%", literal(action)).into());
        }
        Some(action) => and("action = ?", action.into()),
        None => {}
    }
    if let Some(outcome) = filter.outcome {
        and("outcome = ?", outcome.as_str().into());
    }
    if let Some(text) = &filter.text {
        let pattern = format!("%{}%", literal(text));
        let columns = ["actor", "object", "reason", "request_id", "source", "detail"];
        let condition: Vec<String> = columns
            .iter()
            .map(|column| format!("lower({column}) LIKE lower(?) ESCAPE '\\'"))
            .collect();
        and(&format!("({})", condition.join(" OR ")), pattern.into());
    }
    values.push(filter.limit.clamp(1, PAGE_MAX).into());
    sql.push_str(&format!(" ORDER BY seq DESC LIMIT ${}", values.len()));
    (sql, values)
}

/// The text with LIKE's own signs taken as they are.
pub(crate) fn literal(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

fn record(row: &Row) -> Result<AuditRecord> {
    Ok(AuditRecord {
        seq: row.number("seq")?,
        hash: row.hash("hash")?,
        entry: StoredEntry::read(row)?.into_entry()?,
    })
}
