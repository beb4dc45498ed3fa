//! The value tree of a manifest, each value with the place in the text where it was read.
//! How text becomes a tree is `document`'s; what a field means is `workload`'s and the checks'.

use serde::Serialize;
use std::ops::Range;

/// Where something stands in its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
pub struct Span {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// First byte of the value, from the start of the source.
    #[serde(skip)]
    pub start: usize,
    /// First byte behind the value.
    #[serde(skip)]
    pub end: usize,
}

impl Span {
    /// The bytes that the value takes.
    pub fn bytes(self) -> Range<usize> {
        self.start..self.end
    }
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub struct Node {
    /// What it is.
    pub value: Value,
    /// Where it is.
    pub span: Span,
    /// Written in brackets or braces, as all of JSON is.
    pub flow: bool,
}

/// A value as the API server would see it after YAML was turned into JSON.
#[derive(Debug, Clone)]
pub enum Value {
    /// `null`, `~`, or nothing at all.
    Null,
    /// A boolean, and how it was written.
    Bool(bool, String),
    /// A number, and how it was written.
    Number(f64, String),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of its source.
    Map(Vec<Entry>),
}

/// One key of a mapping.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub key_span: Span,
    /// Its value.
    pub node: Node,
    /// It came by `<<` from another mapping, so that no text of its own stands here.
    pub merged: bool,
}

impl Node {
    /// A value that stands in no text.
    pub fn made(value: Value) -> Self {
        Self { value, span: Span::default(), flow: true }
    }

    /// A text that stands in no text.
    pub fn made_text(text: impl Into<String>) -> Self {
        Self::made(Value::Text(text.into()))
    }

    /// A mapping that stands in no text.
    pub fn made_map(entries: impl IntoIterator<Item = (String, Node)>) -> Self {
        let entry = |(key, node)| Entry { key, key_span: Span::default(), node, merged: false };
        Self::made(Value::Map(entries.into_iter().map(entry).collect()))
    }

    /// The value under `key`, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.node)
    }

    /// The entry of `key`, if this is a mapping that has it.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The entries of a mapping; none for anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none for anything else.
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The text, if it is text.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The boolean, if it is one.
    pub fn boolean(&self) -> Option<bool> {
        match &self.value {
            Value::Bool(value, _) => Some(*value),
            _ => None,
        }
    }

    /// The number, if it is one.
    pub fn number(&self) -> Option<f64> {
        match &self.value {
            Value::Number(value, _) => Some(*value),
            _ => None,
        }
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// What it is, in a word for people.
    pub fn type_name(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Bool(..) => "boolean",
            Value::Number(..) => "number",
            Value::Text(_) => "text",
            Value::List(_) => "list",
            Value::Map(_) => "mapping",
        }
    }

    /// The value in a line, for people; long ones are cut.
    pub fn brief(&self) -> String {
        /// What fits on a line of a terminal beside its path.
        const CHARS_MAX: usize = 120;
        let whole = match &self.value {
            Value::Null => "null".to_owned(),
            Value::Bool(_, raw) | Value::Number(_, raw) => raw.clone(),
            Value::Text(text) => text.clone(),
            Value::List(items) => {
                let shown: Vec<_> = items.iter().take(8).map(Node::brief).collect();
                format!("[{}]", shown.join(", "))
            }
            Value::Map(entries) => {
                let shown: Vec<_> = entries.iter().take(8).map(|entry| entry.key.clone()).collect();
                format!("{{{}}}", shown.join(", "))
            }
        };
        match whole.char_indices().nth(CHARS_MAX) {
            Some((cut, _)) => format!("{}…", &whole[..cut]),
            None => whole,
        }
    }

    /// Whether both say the same, wherever and however they are written. Keys may stand in any order.
    pub fn same_as(&self, other: &Node) -> bool {
        match (&self.value, &other.value) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(one, _), Value::Bool(two, _)) => one == two,
            (Value::Number(_, one), Value::Number(_, two)) => one == two,
            (Value::Text(one), Value::Text(two)) => one == two,
            (Value::List(one), Value::List(two)) => {
                one.len() == two.len() && one.iter().zip(two).all(|(one, two)| one.same_as(two))
            }
            (Value::Map(one), Value::Map(two)) => {
                one.len() == two.len()
                    && one.iter().all(|entry| {
                        other.get(&entry.key).is_some_and(|node| node.same_as(&entry.node))
                    })
            }
            _ => false,
        }
    }

    /// The path from here to `wanted`, found by identity and not by equality.
    pub fn path_to(&self, wanted: &Node) -> Option<String> {
        let mut path = String::new();
        self.walk_to(wanted, &mut path).then_some(path)
    }

    fn walk_to(&self, wanted: &Node, path: &mut String) -> bool {
        if std::ptr::eq(self, wanted) {
            return true;
        }
        let length = path.len();
        for (index, item) in self.items().iter().enumerate() {
            path.push_str(&format!("[{index}]"));
            if item.walk_to(wanted, path) {
                return true;
            }
            path.truncate(length);
        }
        for entry in self.entries() {
            push_key(path, &entry.key);
            if entry.node.walk_to(wanted, path) {
                return true;
            }
            path.truncate(length);
        }
        false
    }
}

/// Appends a key to a path; keys with dots or slashes, as annotations have, are put in brackets.
pub(crate) fn push_key(path: &mut String, key: &str) {
    let plain = !key.is_empty()
        && key.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '_'));
    if !plain {
        path.push_str(&format!("[{key:?}]"));
        return;
    }
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(key);
}
