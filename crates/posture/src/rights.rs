//! What a right is, and whether a rule of a role gives it.
//! Whom a binding brings it to, and what it leads to, is known to the checks and to `graph`.

use crate::node::Node;

/// A right: API groups, resources and verbs, of each of which one is enough.
#[derive(Debug)]
pub(crate) struct Right(
    pub(crate) &'static [&'static str],
    pub(crate) &'static [&'static str],
    pub(crate) &'static [&'static str],
);

impl Right {
    /// Whether a rule gives it. A right on named objects is for those alone, which are mostly somebody's own.
    pub(crate) fn is_given_by(&self, rule: &Node) -> bool {
        let Self(groups, resources, verbs) = self;
        says(rule, "resourceNames").next().is_none()
            && gives(rule, "apiGroups", groups)
            && gives(rule, "resources", resources)
            && gives(rule, "verbs", verbs)
    }
}

/// The words of a rule under a key.
pub(crate) fn says<'a>(rule: &'a Node, key: &str) -> impl Iterator<Item = &'a str> {
    rule.get(key).map_or(&[][..], Node::items).iter().filter_map(Node::text)
}

/// Whether one of the rule's words gives one of the wanted; `*` gives all, `*/sub` all of that subresource.
fn gives(rule: &Node, key: &str, wanted: &[&str]) -> bool {
    let is_sub = |wanted: &&str, sub| wanted.split_once('/').is_some_and(|(_, own)| own == sub);
    says(rule, key).any(|word| {
        word == "*"
            || wanted.contains(&word)
            || word
                .strip_prefix("*/")
                .is_some_and(|sub| wanted.iter().any(|wanted| is_sub(wanted, sub)))
    })
}
