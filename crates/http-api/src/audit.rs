//! Audit records begun from a request, so that who, when, whence and under which id are never left out.
//! The log itself, its chain and its bounds are the store's.

use crate::{ProblemCode, RequestContext};
use serde_json::Value;
use store::{AuditEntry, AuditOutcome};

/// A record that lacks its outcome.
#[derive(Debug, Clone)]
#[must_use = "a record counts once the store has it"]
pub struct AuditDraft(AuditEntry);

impl AuditDraft {
    pub(crate) fn new(
        context: &RequestContext,
        actor: String,
        action: String,
        object: String,
    ) -> Self {
        Self(AuditEntry {
            at: context.at,
            actor,
            action,
            object,
            outcome: AuditOutcome::Failed,
            reason: String::new(),
            request_id: context.request_id.to_string(),
            source: context.source.to_string(),
            detail: Value::Null,
        })
    }

    /// Adds facts for the reader. Nothing secret belongs here.
    pub fn detail(mut self, detail: Value) -> Self {
        self.0.detail = detail;
        self
    }

    /// It was allowed, and is done when the record is written.
    pub fn allowed(self) -> AuditEntry {
        self.finish(AuditOutcome::Allowed, "")
    }

    /// It was refused.
    pub fn denied(self, code: ProblemCode) -> AuditEntry {
        self.finish(AuditOutcome::Denied, code.as_str())
    }

    /// It was allowed, but did not work out.
    pub fn failed(self, code: ProblemCode) -> AuditEntry {
        self.finish(AuditOutcome::Failed, code.as_str())
    }

    fn finish(mut self, outcome: AuditOutcome, reason: &str) -> AuditEntry {
        self.0.outcome = outcome;
        reason.clone_into(&mut self.0.reason);
        self.0
    }
}
