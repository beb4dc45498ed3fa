//! Label selectors, as Services, NetworkPolicies and workloads use them.
//! Whose labels are asked for, and what follows from a match, is the caller's.

use crate::node::Node;

/// Labels of an object.
pub type Labels<'a> = [(&'a str, &'a str)];

/// Whether a selector (`matchLabels` and `matchExpressions`) selects these labels; an empty one selects all.
pub fn selects(selector: &Node, labels: &Labels<'_>) -> bool {
    let label = |key: &str| labels.iter().find(|(own, _)| *own == key).map(|(_, value)| *value);
    let wanted = selector.get("matchLabels").map_or(&[][..], Node::entries);
    let expressions = selector.get("matchExpressions").map_or(&[][..], Node::items);
    wanted.iter().all(|entry| label(&entry.key).is_some() && label(&entry.key) == entry.node.text())
        && expressions.iter().all(|expression| {
            let key = expression.get("key").and_then(Node::text).unwrap_or_default();
            let values = expression.get("values").map_or(&[][..], Node::items);
            let among =
                label(key).is_some_and(|own| values.iter().any(|value| value.text() == Some(own)));
            match expression.get("operator").and_then(Node::text) {
                Some("In") => among,
                Some("NotIn") => !among,
                Some("Exists") => label(key).is_some(),
                Some("DoesNotExist") => label(key).is_none(),
                _ => false,
            }
        })
}

/// Whether a plain mapping of labels, as a Service has it, selects these labels. An empty one selects nothing.
pub fn selects_plainly(selector: &Node, labels: &Labels<'_>) -> bool {
    let wanted = selector.entries();
    !wanted.is_empty()
        && wanted.iter().all(|entry| {
            labels.iter().any(|(key, value)| *key == entry.key && entry.node.text() == Some(*value))
        })
}

/// Whether a selector asks for one label and nothing else.
pub(crate) fn asks_only_for(selector: &Node, label: &str) -> bool {
    let labels = selector.get("matchLabels").map_or(&[][..], Node::entries);
    let expressions = selector.get("matchExpressions").map_or(&[][..], Node::items);
    labels.iter().all(|entry| entry.key == label)
        && expressions
            .iter()
            .all(|expression| expression.get("key").and_then(Node::text) == Some(label))
}
