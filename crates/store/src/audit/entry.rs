//! What one audit record says, and how it is bounded before it is stored.
//! How records are chained is known to `chain`.
//!
//! Hostile input: user names, Pod names, addresses and reasons come from strangers. Control characters are
//! written escaped, so that a record cannot redraw the terminal or forge a line of whoever reads it.

use crate::database::Row;
use crate::{Result, StoreError};
use model::Timestamp;
use serde_json::Value as Json;
use std::fmt;
use std::str::FromStr;

/// How an act ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditOutcome {
    /// It was allowed and done.
    Allowed,
    /// It was refused.
    Denied,
    /// It was allowed, but did not work out.
    Failed,
}

/// The text names no outcome.
#[derive(Debug, thiserror::Error)]
#[error("an audit outcome is `allowed`, `denied` or `failed`")]
pub struct UnknownAuditOutcome;

/// What is to be recorded. Texts over 2 KiB are cut, and say so.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// When it happened.
    pub at: Timestamp,
    /// Who did it: a Kubernetes user name, or empty for a stranger.
    pub actor: String,
    /// What was done, as in `terminal.enter`.
    pub action: String,
    /// To what, as in `prod/web/nginx-0/app`.
    pub object: String,
    /// How it ended.
    pub outcome: AuditOutcome,
    /// Why it ended so: a problem code, or empty.
    pub reason: String,
    /// The HTTP request it belongs to, or empty.
    pub request_id: String,
    /// The address it came from, or empty.
    pub source: String,
    /// Whatever else helps, at most 16 KiB as JSON.
    pub detail: Json,
}

/// A stored record.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRecord {
    /// Its place in the log, from 1 without gaps.
    pub seq: u64,
    /// The hash that chains it to all records before it.
    pub hash: [u8; 32],
    /// What it says.
    pub entry: AuditEntry,
}

impl AuditOutcome {
    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for AuditOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for AuditOutcome {
    type Err = UnknownAuditOutcome;

    fn from_str(text: &str) -> Result<Self, UnknownAuditOutcome> {
        match text {
            "allowed" => Ok(Self::Allowed),
            "denied" => Ok(Self::Denied),
            "failed" => Ok(Self::Failed),
            _ => Err(UnknownAuditOutcome),
        }
    }
}

const TEXT_BYTES_MAX: usize = 2048;
const DETAIL_BYTES_MAX: usize = 16 * 1024;
const CUT: &str = "…(cut)";

/// The columns of a record exactly as they are stored; hashes are made of these, not of parsed values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredEntry {
    pub(crate) at: i64,
    /// actor, action, object, outcome, reason, request id, source, detail
    pub(crate) texts: [String; 8],
}

impl StoredEntry {
    pub(crate) fn of(entry: &AuditEntry) -> Self {
        Self {
            at: entry.at.as_micros(),
            texts: [
                bounded(&entry.actor),
                bounded(&entry.action),
                bounded(&entry.object),
                entry.outcome.as_str().to_owned(),
                bounded(&entry.reason),
                bounded(&entry.request_id),
                bounded(&entry.source),
                bounded_detail(&entry.detail),
            ],
        }
    }

    pub(crate) fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            at: row.int("at")?,
            texts: [
                row.text("actor")?,
                row.text("action")?,
                row.text("object")?,
                row.text("outcome")?,
                row.text("reason")?,
                row.text("request_id")?,
                row.text("source")?,
                row.text("detail")?,
            ],
        })
    }

    pub(crate) fn into_entry(self) -> Result<AuditEntry> {
        let [actor, action, object, outcome, reason, request_id, source, detail] = self.texts;
        let odd = |error: &dyn fmt::Display| {
            StoreError::corrupt("an audit record", format!("{error}; run the verification"))
        };
        Ok(AuditEntry {
            at: Timestamp::from_micros(self.at),
            actor,
            action,
            object,
            outcome: outcome.parse().map_err(|error| odd(&error))?,
            reason,
            request_id,
            source,
            detail: serde_json::from_str(&detail).map_err(|error| odd(&error))?,
        })
    }
}

/// Whether a character could act on the screen or the line order of whoever reads it.
fn must_be_escaped(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn bounded(text: &str) -> String {
    let mut kept = String::with_capacity(text.len().min(TEXT_BYTES_MAX));
    // Where to cut, should the whole not fit.
    let mut fits_with_mark = 0;
    for character in text.chars() {
        if must_be_escaped(character) {
            kept.extend(character.escape_default());
        } else {
            kept.push(character);
        }
        if kept.len() + CUT.len() <= TEXT_BYTES_MAX {
            fits_with_mark = kept.len();
        } else if kept.len() > TEXT_BYTES_MAX {
            kept.truncate(fits_with_mark);
            kept.push_str(CUT);
            break;
        }
    }
    kept
}

fn bounded_detail(detail: &Json) -> String {
    let text = bounded_json(detail).to_string();
    if text.len() <= DETAIL_BYTES_MAX {
        return text;
    }
    serde_json::json!({ "cut": true, "bytes": text.len() }).to_string()
}

fn bounded_json(json: &Json) -> Json {
    match json {
        Json::String(text) => Json::String(bounded(text)),
        Json::Array(items) => Json::Array(items.iter().map(bounded_json).collect()),
        Json::Object(fields) => Json::Object(
            fields.iter().map(|(name, json)| (bounded(name), bounded_json(json))).collect(),
        ),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_and_cut_at_a_character() {
        assert_eq!(bounded("plain 파드 \\"), "plain 파드 \\");
        assert_eq!(bounded("a\u{1b}[2J\nb\0"), "a\\u{1b}[2J\\nb\\u{0}");
        assert_eq!(bounded("\u{202e}gnp"), "\\u{202e}gnp");
        assert_eq!(bounded(&"x".repeat(2048)), "x".repeat(2048));
        for hostile in ["x".repeat(2049), "파".repeat(3000), "\u{1b}".repeat(2000)] {
            let kept = bounded(&hostile);
            assert!(kept.len() <= TEXT_BYTES_MAX, "{}", kept.len());
            assert!(kept.len() > TEXT_BYTES_MAX - 32, "{}", kept.len());
            assert!(kept.ends_with(CUT));
        }
    }

    #[test]
    fn a_detail_is_bounded_inside_and_as_a_whole() {
        let detail = serde_json::json!({ "command": ["\u{1b}c"], "n": 1 });
        assert_eq!(bounded_detail(&detail), r#"{"command":["\\u{1b}c"],"n":1}"#);
        let large = Json::Array(vec![Json::String("y".repeat(2000)); 20]);
        assert!(bounded_detail(&large).starts_with(r#"{"bytes":40"#));
    }
}
