//! One round of edits of a text by the places of its values.
//! Whether the result is right is proved by `fix`; here is only where the letters go.

use super::{Setting, Step, walk};
use crate::node::{Node, Value};
use crate::object::Object;
use std::collections::BTreeSet;

/// Text that is put in the place of a stretch.
#[derive(Debug)]
struct Edit {
    start: usize,
    end: usize,
    text: String,
}

/// Makes the edits that can be made on this text; `None` if nothing is left to be set.
pub(super) fn round(
    text: &str,
    objects: &[Object],
    settings: &BTreeSet<Setting>,
) -> Option<String> {
    let mut edits: Vec<Edit> = Vec::new();
    for setting in settings {
        let Some(object) = objects.get(setting.object) else { continue };
        let Some(edit) = edit(text, &object.root, &setting.way, setting.value) else { continue };
        // Two at one place wait for each other: the second is then made on what the first left.
        let apart = |other: &Edit| edit.end < other.start || other.end < edit.start;
        if edits.iter().all(apart) {
            edits.push(edit);
        }
    }
    if edits.is_empty() {
        return None;
    }
    edits.sort_by_key(|edit| std::cmp::Reverse(edit.start));
    let mut changed = text.to_owned();
    for edit in edits {
        changed.replace_range(edit.start..edit.end, &edit.text);
    }
    Some(changed)
}

fn edit(text: &str, root: &Node, way: &[Step], value: &'static str) -> Option<Edit> {
    if let Some(node) = walk(root, way)
        && !node.is_null()
    {
        let is_so = match &node.value {
            Value::Bool(_, raw) | Value::Number(_, raw) => raw == value,
            Value::Text(own) => own == value,
            _ => true,
        };
        let quoted = text[node.span.bytes()].starts_with(['"', '\'']);
        let value =
            if quoted && !is_json_word(value) { format!("\"{value}\"") } else { value.to_owned() };
        return (!is_so).then_some(Edit {
            start: node.span.start,
            end: node.span.end,
            text: value,
        });
    }
    // The deepest value on the way that is there, and the keys that are missing below.
    let depth = (0..way.len())
        .rev()
        .find(|depth| walk(root, &way[..*depth]).is_some_and(|node| !node.is_null()))?;
    let parent = walk(root, &way[..depth])?;
    let Value::Map(entries) = &parent.value else { return None };
    let keys: Vec<&str> = way[depth..]
        .iter()
        .map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Index(_) => None,
        })
        .collect::<Option<_>>()?;
    if let Some(null) = entries.iter().find(|entry| entry.key == keys[0]) {
        return fill(text, &null.node, null.key_span.end, &keys[1..], value);
    }
    if parent.flow {
        return into_braces(text, parent, &keys, value);
    }
    below_last(text, parent, &keys, value)
}

/// Whether the text is JSON and must stay so, though its reader takes YAML as well.
fn is_json(text: &str) -> bool {
    let braces = text.trim_start_matches('\u{feff}').trim_start().strip_prefix('{');
    braces.is_some_and(|inside| inside.trim_start().starts_with('"'))
}

fn is_json_word(value: &str) -> bool {
    matches!(value, "true" | "false") || value.starts_with(['[', '{'])
}

/// `{"a": {"b": value}}` without the outermost braces, or as YAML writes it.
fn in_flow(keys: &[&str], value: &str, json: bool) -> String {
    let quote = |text: &str| if json { format!("\"{text}\"") } else { text.to_owned() };
    match keys.split_first() {
        None if json && !is_json_word(value) => quote(value),
        None => value.to_owned(),
        Some((key, rest)) => {
            let inner = in_flow(rest, value, json);
            let inner = if rest.is_empty() { inner } else { format!("{{{inner}}}") };
            format!("{}: {inner}", quote(key))
        }
    }
}

/// A key is there and says nothing: `key:`, `key: ~` or `key: null`.
fn fill(text: &str, null: &Node, key_end: usize, keys: &[&str], value: &str) -> Option<Edit> {
    let rest = in_flow(keys, value, is_json(text));
    let rest = if keys.is_empty() { rest } else { format!("{{{rest}}}") };
    let written = text.get(null.span.bytes()).unwrap_or_default();
    if matches!(written, "~" | "null" | "Null" | "NULL") {
        return Some(Edit { start: null.span.start, end: null.span.end, text: rest });
    }
    let colon = key_end + text.get(key_end..)?.find(':')? + 1;
    Some(Edit { start: colon, end: colon, text: format!(" {rest}") })
}

fn into_braces(text: &str, parent: &Node, keys: &[&str], value: &str) -> Option<Edit> {
    let inside = text.get(parent.span.bytes())?;
    let close = parent.span.start + inside.rfind('}')?;
    let before = text[..close].trim_end();
    let added = in_flow(keys, value, is_json(text));
    let is_empty = before.ends_with('{') && before.len() == parent.span.start + 1;
    let follows_comma = before.ends_with(',');
    // JSON over several lines gets a line of its own, indented as the one before.
    let last_line = before.rfind('\n').map(|at| &before[at + 1..]);
    let gap = match last_line {
        Some(line)
            if before.len() > parent.span.start && before[parent.span.start..].contains('\n') =>
        {
            let indent: String = line.chars().take_while(|letter| letter.is_whitespace()).collect();
            format!("\n{indent}")
        }
        _ if is_empty => String::new(),
        _ => " ".to_owned(),
    };
    let comma = if is_empty || follows_comma { "" } else { "," };
    Some(Edit { start: before.len(), end: before.len(), text: format!("{comma}{gap}{added}") })
}

/// A new line behind the last entry of a block mapping, under its keys.
fn below_last(text: &str, parent: &Node, keys: &[&str], value: &str) -> Option<Edit> {
    let mut own = parent.entries().iter().filter(|entry| !entry.merged);
    let column = usize::try_from(own.clone().next()?.key_span.column).ok()? - 1;
    let last = own.next_back()?;
    let end = last.node.span.end.max(last.key_span.end);
    let end = text.get(..end)?.trim_end().len();
    let line_end = text[end..].find('\n').map_or(text.len(), |at| end + at);
    let line_end = if text[..line_end].ends_with('\r') { line_end - 1 } else { line_end };
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut added = String::new();
    for (depth, key) in keys.iter().enumerate() {
        let indent = " ".repeat(column + 2 * depth);
        added.push_str(&format!("{newline}{indent}{key}:"));
    }
    added.push_str(&format!(" {value}"));
    Some(Edit { start: line_end, end: line_end, text: added })
}
