//! Recognises templates that nobody has rendered: Helm's, which are no YAML or only seem to be.
//! How charts are rendered is Helm's own business; here is only known that it has not happened.
//!
//! Text in double braces is legitimate in many manifests (alert rules, dashboards, workflow parameters), so
//! that only expressions are recognised which have no meaning but to Helm.

use super::{Fault, Unreadable, narrow};
use crate::node::{Node, Value};

/// What begins an expression that only Helm understands.
const HELM: &[&str] = &[
    ".Values",
    ".Release",
    ".Chart",
    ".Capabilities",
    ".Files",
    "include ",
    "template ",
    "define ",
    "tpl ",
    "toYaml ",
    "if ",
    "else",
    "end",
    "range ",
    "with ",
    "-",
    "/*",
];
/// Of these, what alone is no proof when the YAML could be read.
const WEAK_FROM: usize = 10;

/// Looks in a text that is no YAML for the reason that it is a template.
pub(super) fn in_text(slice: &str, lines_before: usize) -> Option<Unreadable> {
    for (index, line) in slice.lines().enumerate() {
        if let Some(column) = expression(line, HELM) {
            let column = line[..column].chars().count() + 1;
            return Some(Unreadable {
                line: narrow(lines_before + index + 1),
                column: narrow(column),
                fault: Fault::Template,
            });
        }
    }
    None
}

/// Looks in values that were read for expressions of Helm, as in `image: "{{ .Values.image }}"`. What
/// these kinds carry is text for others to read, templates among it.
pub(super) fn in_document(node: &Node) -> Option<Unreadable> {
    let carriers = ["ConfigMap", "Secret", "CustomResourceDefinition"];
    if node.get("kind").and_then(Node::text).is_some_and(|kind| carriers.contains(&kind)) {
        return node.get("metadata").and_then(in_tree);
    }
    in_tree(node)
}

fn in_tree(node: &Node) -> Option<Unreadable> {
    match &node.value {
        Value::Text(text) => expression(text, &HELM[..WEAK_FROM]).map(|_| Unreadable {
            line: node.span.line,
            column: node.span.column,
            fault: Fault::Template,
        }),
        Value::List(items) => items.iter().find_map(in_tree),
        Value::Map(entries) => {
            let braces = entries.iter().find(|entry| entry.key.contains("{{"));
            let of_key = braces.map(|entry| Unreadable {
                line: entry.key_span.line,
                column: entry.key_span.column,
                fault: Fault::Template,
            });
            of_key.or_else(|| entries.iter().find_map(|entry| in_tree(&entry.node)))
        }
        _ => None,
    }
}

fn expression(line: &str, words: &[&str]) -> Option<usize> {
    line.match_indices("{{").map(|(at, _)| at).find(|at| {
        let inside = &line[at + 2..];
        let inside = inside.strip_prefix('-').unwrap_or(inside).trim_start();
        words.iter().any(|word| inside.starts_with(word))
            || words.iter().take(5).any(|word| {
                inside.split("}}").next().is_some_and(|expression| expression.contains(word))
            })
    })
}
