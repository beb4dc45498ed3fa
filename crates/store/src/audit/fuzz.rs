//! A record of anybody's words: what is stored of it, and what is searched in it.

use super::chain::Head;
use super::entry::{AuditEntry, AuditOutcome, StoredEntry};
use super::page::literal;
use model::Timestamp;
use serde_json::Value as Json;

/// One text a line, the last one JSON. What is stored is bounded, moves no cursor, and hashes to itself alone.
pub(crate) fn record(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut parts = text.split('\u{1}').map(str::to_owned);
    let mut next = || parts.next().unwrap_or_default();
    let (actor, action, object) = (next(), next(), next());
    let (reason, request_id, source, detail) = (next(), next(), next(), next());
    let detail = serde_json::from_str(&detail).unwrap_or(Json::String(detail));
    let outcome = AuditOutcome::Denied;
    let at = Timestamp::from_micros(1);
    let entry =
        AuditEntry { at, actor, action, object, outcome, reason, request_id, source, detail };
    let stored = StoredEntry::of(&entry);
    for (at, text) in stored.texts.iter().enumerate() {
        let most = if at == 7 { 16 * 1024 } else { 2048 };
        assert!(text.len() <= most, "{} bytes", text.len());
        assert!(!text.chars().any(char::is_control), "{text:?}");
        assert!(!text.contains(['\u{202e}', '\u{2066}']), "{text:?}");
    }
    let read = stored.clone().into_entry();
    assert!(read.is_ok(), "{read:?}");
    let head = Head::EMPTY.followed_by(&stored);
    let mut other = stored.clone();
    let moved = other.texts[0].pop();
    if let Some(moved) = moved {
        other.texts[1].insert(0, moved);
        assert_ne!(Head::EMPTY.followed_by(&other), head, "a word moved unseen");
    }
    assert!(like_matches(&literal(&text), &text), "a text does not find itself");
    if !text.is_empty() {
        assert!(!like_matches(&literal(&text), ""), "a text finds what it is not");
    }
}

/// Whether a pattern without wildcards left in it is that text, as SQL's LIKE with `\` reads it.
fn like_matches(pattern: &str, text: &str) -> bool {
    let mut letters = pattern.chars();
    let mut plain = String::new();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => plain.extend(letters.next()),
            '%' | '_' => return false,
            other => plain.push(other),
        }
    }
    plain == text
}
