//! Reading sentences of the API server: what stands between its own words, and names in Go's quotes.
//! Which sentence means what, it does not know.
//!
//! Hostile input: names in quotes are people's own; a quote within is escaped by Go's `%q`, and read so.

/// What stands between two texts, the first of which is looked for first.
pub(super) fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let rest = text.split_once(before)?.1;
    Some(rest.split_once(after)?.0)
}

/// The name in double quotes that follows a text, and what is behind it.
pub(super) fn quoted_after<'a>(text: &'a str, before: &str) -> Option<(String, &'a str)> {
    quoted(text.split_once(before)?.1)
}

/// The name in double quotes with which a text begins, and what is behind it.
pub(super) fn quoted(text: &str) -> Option<(String, &str)> {
    let inner = text.strip_prefix('"')?;
    let mut name = String::new();
    let mut escaped = false;
    for (place, letter) in inner.char_indices() {
        match letter {
            _ if escaped => {
                name.push(letter);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => return Some((name, inner.get(place + 1..).unwrap_or_default())),
            _ => name.push(letter),
        }
    }
    None
}

/// What an authoriser refused: `User "alice" cannot list resource "pods" in API group "" in the namespace "shop"`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Denial {
    pub(super) user: String,
    pub(super) verb: String,
    pub(super) resource: String,
    pub(super) group: String,
    pub(super) namespace: String,
    pub(super) path: String,
    /// What the authoriser said more.
    pub(super) more: String,
}

/// Reads it, where it is what the API server says itself: at the beginning, or behind its own `is forbidden: `.
pub(super) fn denial(message: &str) -> Option<Denial> {
    const BEHIND: &str = "forbidden: ";
    let said = message.split_once(BEHIND).map_or(message, |(_, said)| said);
    let (user, rest) = quoted(said.strip_prefix("User ")?)?;
    let (verb, rest) = rest.strip_prefix(" cannot ")?.split_once(' ')?;
    let mut denial = Denial { user, verb: verb.to_owned(), ..Denial::default() };
    let rest = if let Some(rest) = rest.strip_prefix("path ") {
        let (path, rest) = quoted(rest)?;
        denial.path = path;
        rest
    } else {
        let (resource, rest) = quoted(rest.strip_prefix("resource ")?)?;
        let (group, rest) = quoted(rest.strip_prefix(" in API group ")?)?;
        (denial.resource, denial.group) = (resource, group);
        match rest.strip_prefix(" in the namespace ") {
            Some(rest) => {
                let (namespace, rest) = quoted(rest)?;
                denial.namespace = namespace;
                rest
            }
            None => rest.strip_prefix(" at the cluster scope")?,
        }
    };
    denial.more = rest.trim_start_matches([':', ' ']).to_owned();
    Some(denial)
}
