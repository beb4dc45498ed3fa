//! A place in a manifest: a value that is there, or where it would be; and typed reading of it.
//! Which fields exist, and what they default to, is `workload`'s.

use crate::node::{Node, Value, push_key};
use std::cell::RefCell;

/// Fields below the last value that exists. The API's deepest path that a check asks for has fewer.
const MISSING_MAX: usize = 6;

/// A value that is there, or the nearest one above where it would be and the way from there.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    node: &'a Node,
    missing: [&'static str; MISSING_MAX],
    missing_count: usize,
}

/// A field as it was read: its value, if it is set, and its place.
#[derive(Debug, Clone, Copy)]
pub struct Field<'a, T> {
    /// The value; `None` if the manifest does not set it.
    pub value: Option<T>,
    /// Where it stands, or would.
    pub place: Place<'a>,
}

/// Fields whose type the API server would refuse. What such an object would do cannot be known.
#[derive(Debug, Default)]
pub struct Malformed<'a> {
    places: RefCell<Vec<(Place<'a>, &'static str)>>,
}

impl<'a> Malformed<'a> {
    /// The places, and what should have been there.
    pub fn places(&self) -> Vec<(Place<'a>, &'static str)> {
        self.places.borrow().clone()
    }

    fn note(&self, place: Place<'a>, expected: &'static str) {
        self.places.borrow_mut().push((place, expected));
    }
}

impl<'a> Place<'a> {
    /// The place of a value that is there.
    pub fn of(node: &'a Node) -> Self {
        Self { node, missing: [""; MISSING_MAX], missing_count: 0 }
    }

    /// The place of a field below.
    pub fn get(self, key: &'static str) -> Self {
        if self.missing_count == 0
            && let Some(node) = self.node.get(key)
        {
            return Self::of(node);
        }
        let mut below = self;
        if below.missing_count < MISSING_MAX {
            below.missing[below.missing_count] = key;
            below.missing_count += 1;
        }
        below
    }

    /// The value, if it is set to something.
    pub fn node(self) -> Option<&'a Node> {
        self.written().filter(|node| !node.is_null())
    }

    /// The value as it is written, null included.
    pub fn written(self) -> Option<&'a Node> {
        (self.missing_count == 0).then_some(self.node)
    }

    /// Whether something other than null is there.
    pub fn is_set(self) -> bool {
        self.node().is_some()
    }

    /// The value that is there, or the nearest one above.
    pub fn nearest(self) -> &'a Node {
        self.node
    }

    /// The names of the fields that are missing below the nearest value.
    pub fn missing(&self) -> &[&'static str] {
        &self.missing[..self.missing_count]
    }

    /// The path from the root of its document.
    pub fn path(&self, root: &Node) -> String {
        let mut path = root.path_to(self.node).unwrap_or_default();
        for key in self.missing() {
            push_key(&mut path, key);
        }
        path
    }

    /// The items of a list that should be one.
    pub fn items(self, malformed: &Malformed<'a>) -> &'a [Node] {
        match self.node().map(|node| &node.value) {
            Some(Value::List(items)) => items,
            Some(_) => {
                malformed.note(self, "list");
                &[]
            }
            None => &[],
        }
    }

    /// Notes it as malformed unless it is a mapping or absent.
    pub fn mapping(self, malformed: &Malformed<'a>) -> Self {
        if self.node().is_some_and(|node| !matches!(node.value, Value::Map(_))) {
            malformed.note(self, "mapping");
        }
        self
    }

    /// Reads a boolean.
    pub fn boolean(self, malformed: &Malformed<'a>) -> Field<'a, bool> {
        self.read(malformed, "boolean", Node::boolean)
    }

    /// Reads a whole number.
    pub fn number(self, malformed: &Malformed<'a>) -> Field<'a, f64> {
        self.read(malformed, "number", Node::number)
    }

    /// Reads text.
    pub fn text(self, malformed: &Malformed<'a>) -> Field<'a, &'a str> {
        self.read(malformed, "text", Node::text)
    }

    fn read<T>(
        self,
        malformed: &Malformed<'a>,
        expected: &'static str,
        take: impl Fn(&'a Node) -> Option<T>,
    ) -> Field<'a, T> {
        let Some(node) = self.node() else { return Field { value: None, place: self } };
        let value = take(node);
        if value.is_none() {
            malformed.note(self, expected);
        }
        Field { value, place: self }
    }
}

impl<T: PartialEq> Field<'_, T> {
    /// Whether it is set to exactly this.
    pub fn is(&self, value: T) -> bool {
        self.value.as_ref() == Some(&value)
    }
}
