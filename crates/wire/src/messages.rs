//! What the fields of Kubernetes' and etcd's protobuf messages are: their numbers, types and names in JSON, and what
//! JSON leaves out.
//! It decodes nothing. The table is written from the official Go types by `scripts/kubernetes-types` and never by
//! hand.
//!
//! Form, a line each: `= MESSAGE [FORM]`; below it `NUMBER CONTAINER TYPE NAME [ABSENT]` for each field; and at the end
//! `k VERSION KIND MESSAGE`, where `*` is any version. Types are messages or one letter: `s` text, `b` bytes, `i`
//! `u` numbers with and without sign, `t` true or false, `f` a fraction, `e:NAMES` a choice; `k` a key of etcd and `v`
//! what is stored under one.

use std::collections::HashMap;
use std::sync::LazyLock;

static TABLE: LazyLock<Table> =
    LazyLock::new(|| Table::parse(include_str!("messages/messages.txt")));

/// All messages.
pub(crate) fn table() -> &'static Table {
    &TABLE
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Table {
    messages: Vec<Message>,
    by_name: HashMap<&'static str, usize>,
    kinds: HashMap<(&'static str, &'static str), usize>,
    /// Lines that were not understood.
    broken: usize,
}

/// A message and how JSON writes it.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) form: Form,
    /// In the order in which JSON has them.
    pub(crate) fields: Vec<Field>,
}

/// How JSON writes a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Object,
    Time,
    MicroTime,
    Duration,
    Quantity,
    IntOrString,
    /// Another document.
    Raw,
    /// A list of texts.
    Items,
    OrBool,
    OrArray,
}

/// A field of a message.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) number: u32,
    pub(crate) container: Container,
    pub(crate) kind: Kind,
    pub(crate) name: &'static str,
    pub(crate) absent: Absent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Container {
    One,
    Optional,
    List,
    Map,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Bytes,
    Signed,
    Unsigned,
    Truth,
    Fraction,
    /// Names from 0, with commas between.
    Choice(&'static str),
    /// A key of etcd.
    Key,
    /// What etcd has stored under a key.
    Stored,
    /// A message, by its place in the table.
    Message(usize),
}

/// What JSON writes for what is absent, zero or empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absent {
    /// Its zero, or null.
    Shown,
    Omitted,
    EmptyList,
    /// The fields of the message stand in its parent.
    Inline,
}

impl Table {
    /// The message of a kind.
    pub(crate) fn kind(&self, version: &str, kind: &str) -> Option<&Message> {
        let found = self.kinds.get(&(version, kind)).or_else(|| self.kinds.get(&("*", kind)))?;
        self.message(*found)
    }

    /// The message of a name.
    pub(crate) fn named(&self, name: &str) -> Option<&Message> {
        self.message(*self.by_name.get(name)?)
    }

    pub(crate) fn message(&self, place: usize) -> Option<&Message> {
        self.messages.get(place)
    }

    fn parse(text: &'static str) -> Self {
        let mut table = Self::default();
        let names = text.lines().filter_map(|line| line.strip_prefix("= "));
        for (place, line) in names.enumerate() {
            let (name, form) = line.split_once(' ').unwrap_or((line, ""));
            table.by_name.insert(name, place);
            match Form::parse(form) {
                Some(form) => table.messages.push(Message { form, fields: Vec::new() }),
                None => table.broken += 1,
            }
        }
        let mut place = None;
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let understood = match line.split_once(' ') {
                Some(("=", _)) => {
                    place = Some(place.map_or(0, |place: usize| place + 1));
                    Some(())
                }
                Some(("k", kind)) => table.add_kind(kind),
                _ => place.and_then(|place| table.add_field(place, line)),
            };
            table.broken += usize::from(understood.is_none());
        }
        table
    }

    fn add_kind(&mut self, line: &'static str) -> Option<()> {
        let mut words = line.split(' ');
        let (version, kind, name) = (words.next()?, words.next()?, words.next()?);
        self.kinds.insert((version, kind), *self.by_name.get(name)?);
        Some(())
    }

    fn add_field(&mut self, place: usize, line: &'static str) -> Option<()> {
        let mut words = line.split(' ');
        let number = words.next()?.parse().ok()?;
        let container = match words.next()? {
            "." => Container::One,
            "?" => Container::Optional,
            "*" => Container::List,
            "%" => Container::Map,
            _ => return None,
        };
        let kind = match words.next()? {
            "s" => Kind::Text,
            "b" => Kind::Bytes,
            "i" => Kind::Signed,
            "u" => Kind::Unsigned,
            "t" => Kind::Truth,
            "f" => Kind::Fraction,
            "k" => Kind::Key,
            "v" => Kind::Stored,
            word => match word.strip_prefix("e:") {
                Some(names) => Kind::Choice(names),
                None => Kind::Message(*self.by_name.get(word)?),
            },
        };
        let name = words.next()?;
        let absent = match words.next() {
            None => Absent::Shown,
            Some("e" | "z") => Absent::Omitted,
            Some("[]") => Absent::EmptyList,
            Some("~") => Absent::Inline,
            Some(_) => return None,
        };
        let message = self.messages.get_mut(place)?;
        message.fields.push(Field { number, container, kind, name, absent });
        Some(())
    }
}

impl Form {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "" => Self::Object,
            "time" => Self::Time,
            "micro_time" => Self::MicroTime,
            "duration" => Self::Duration,
            "quantity" => Self::Quantity,
            "int_or_string" => Self::IntOrString,
            "raw" => Self::Raw,
            "items" => Self::Items,
            "or_bool" => Self::OrBool,
            "or_array" => Self::OrArray,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_understood() {
        assert_eq!(table().broken, 0);
        assert!(table().messages.len() > 1_000, "{}", table().messages.len());
        for (version, kind) in [("v1", "Pod"), ("apps/v1", "Deployment"), ("v1", "Status")] {
            assert!(table().kind(version, kind).is_some(), "{version} {kind}");
        }
        assert!(table().kind("policy/v1", "DeleteOptions").is_some(), "of any version");
        assert!(table().kind("v1", "Deployment").is_none(), "of another group");
        assert!(table().named("etcdserverpb.RangeRequest").is_some());
    }

    #[test]
    fn a_line_that_is_none_is_counted() {
        for text in ["1 . s name", "= A\nx . s name", "= A\n1 . B name", "= A nonsense", "k v1 A A"]
        {
            assert!(Table::parse(text).broken > 0, "{text}");
        }
    }
}
