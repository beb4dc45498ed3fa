//! The values of an evaluation, and how they are looked into, compared and turned into names and groups.
//! What an expression does with them is `evaluate`'s.
//!
//! Kubernetes lets a field be named with its characters escaped (`claims.example__dot__com`), also below the
//! claims, but not in what a macro takes out of a list or two lists joined: a JSON value here knows whether it
//! is `escapable`.

use super::{COMPARED_LEVELS_MAX, ClaimValues, Fault, STEPS_MAX};
use crate::kubernetes::go_json::{Json, Reading};
use model::Identity;
use std::cell::Cell;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::rc::Rc;

/// What an expression speaks of.
pub(super) enum Root<'r, 'a> {
    Claims(&'r ClaimValues<'a>),
    User(&'a Identity),
}

#[derive(Debug, Clone)]
pub(in crate::kubernetes) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Rc<str>),
    /// An array or an object, opened where it is used.
    Array {
        json: Json<'a>,
        escapable: bool,
    },
    Object {
        json: Json<'a>,
        escapable: bool,
    },
    List(Rc<[Value<'a>]>),
    /// A list of texts that Go made. As a result it is none to Kubernetes (`split` alone makes no groups).
    Texts(Rc<[Rc<str>]>),
    /// The extra of a user.
    Extra(&'a BTreeMap<String, Vec<String>>),
    Absent,
    Present(Rc<Value<'a>>),
}

/// What is left of [`STEPS_MAX`].
pub(super) struct Budget(Cell<u32>);

impl Budget {
    pub(super) fn new() -> Self {
        Self(Cell::new(STEPS_MAX))
    }

    pub(super) fn charge(&self, steps: usize) -> Result<(), Fault> {
        let steps = u32::try_from(steps).map_err(|_| Fault::Exhausted)?;
        self.0.set(self.0.get().checked_sub(steps).ok_or(Fault::Exhausted)?);
        Ok(())
    }

    /// The cost of touching so many bytes.
    pub(super) fn bytes(&self, bytes: usize) -> Result<(), Fault> {
        self.charge(1 + bytes / 8)
    }
}

/// A name of a field, as Kubernetes unescapes it; `None` where an escape is none.
fn unescape(name: &str) -> Option<String> {
    let mut plain = String::new();
    let mut rest = name;
    while let Some(at) = rest.find("__") {
        let inner = &rest[at + 2..];
        // What Go's `_{2}[^_]+_{2}` matches: two underscores on both sides, none between.
        let word = inner.split('_').next().unwrap_or_default();
        let after = inner.get(word.len()..).unwrap_or_default();
        let Some(after) = after.strip_prefix("__").filter(|_| !word.is_empty()) else {
            plain.push_str(&rest[..=at]);
            rest = &rest[at + 1..];
            continue;
        };
        plain.push_str(&rest[..at]);
        plain.push_str(match word {
            "underscores" => "__",
            "dot" => ".",
            "dash" => "-",
            "slash" => "/",
            reserved if RESERVED.contains(&reserved) && word.len() + 4 == name.len() => reserved,
            _ => return None,
        });
        rest = after;
    }
    plain.push_str(rest);
    Some(plain)
}

const RESERVED: [&str; 21] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// The members of an object by name, of doubled ones the last.
fn members<'a>(json: Json<'a>, budget: &Budget) -> Result<BTreeMap<String, Json<'a>>, Fault> {
    budget.bytes(json.text_len())?;
    let object = json.object(Reading::Standard).map_err(|_| Fault::Error)?;
    Ok(object.members().iter().cloned().collect())
}

/// A field of a user, all of which are there.
pub(super) fn user_field<'a>(user: &'a Identity, field: &str) -> Option<Value<'a>> {
    match field {
        "username" => Some(Value::text(user.user.as_str())),
        "uid" => Some(Value::text(user.uid.as_deref().unwrap_or_default())),
        "groups" => Some(texts(user.groups.iter().map(String::as_str))),
        "extra" => Some(Value::Extra(&user.extra)),
        _ => None,
    }
}

impl<'a> ClaimValues<'a> {
    pub(super) fn find(&self, name: &str, budget: &Budget) -> Result<Option<Value<'a>>, Fault> {
        let Some(name) = unescape(name) else { return Ok(None) };
        match self.claims.get(&name) {
            None => Ok(None),
            Some(None) => Err(Fault::Error),
            Some(Some(json)) => Value::of_json(*json, true, budget).map(Some),
        }
    }
}

pub(super) fn texts<'t>(texts: impl IntoIterator<Item = &'t str>) -> Value<'static> {
    Value::Texts(texts.into_iter().map(Rc::from).collect())
}

impl<'a> Value<'a> {
    pub(super) fn text(text: impl Into<Rc<str>>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn of_json(json: Json<'a>, escapable: bool, budget: &Budget) -> Result<Self, Fault> {
        if json.is_null() {
            return Ok(Self::Null);
        }
        if let Ok(Some(truth)) = json.boolean_or_null() {
            return Ok(Self::Bool(truth));
        }
        if let Ok(number) = json.number() {
            return number.parse().map(Self::Double).map_err(|_| Fault::Error);
        }
        budget.bytes(json.text_len())?;
        if let Ok(text) = json.string() {
            return Ok(Self::text(text));
        }
        Ok(if json.is_array() {
            Self::Array { json, escapable }
        } else {
            Self::Object { json, escapable }
        })
    }

    pub(in crate::kubernetes) fn boolean(&self) -> Result<bool, Fault> {
        match self {
            Self::Bool(truth) => Ok(*truth),
            _ => Err(Fault::Error),
        }
    }

    /// The text, if it is one: what a name must be.
    pub(in crate::kubernetes) fn into_text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.to_string()),
            _ => None,
        }
    }

    /// Groups, or the values of an extra: a text or a list of them, without the empty ones; none for null.
    pub(in crate::kubernetes) fn into_texts(self) -> Option<Vec<String>> {
        let mut texts = match self {
            Self::Null => Vec::new(),
            Self::Text(text) => vec![text.to_string()],
            Self::Array { json, .. } => {
                let elements = json.elements().ok()?.into_iter();
                elements.map(|element| element.string().ok()).collect::<Option<Vec<_>>>()?
            }
            Self::List(elements) => {
                elements.iter().cloned().map(Self::into_text).collect::<Option<Vec<_>>>()?
            }
            _ => return None,
        };
        texts.retain(|text| !text.is_empty());
        Some(texts)
    }

    /// The elements of a list. Those of an array are escapable only where they are looked up.
    pub(super) fn elements(
        &self,
        looked_up: bool,
        budget: &Budget,
    ) -> Result<Vec<Value<'a>>, Fault> {
        match self {
            Self::Array { json, escapable } => {
                budget.bytes(json.text_len())?;
                let elements = json.elements().map_err(|_| Fault::Error)?.into_iter();
                elements.map(|json| Self::of_json(json, looked_up && *escapable, budget)).collect()
            }
            Self::List(elements) => {
                budget.charge(1 + elements.len())?;
                Ok(elements.to_vec())
            }
            Self::Texts(texts) => {
                budget.charge(1 + texts.len())?;
                Ok(texts.iter().cloned().map(Self::Text).collect())
            }
            _ => Err(Fault::Error),
        }
    }

    /// What a macro goes over: the elements of a list, the names of a map. Those come in no order in Go.
    pub(super) fn range(&self, budget: &Budget) -> Result<Vec<Value<'a>>, Fault> {
        match self {
            Self::Object { json, .. } => {
                Ok(members(*json, budget)?.into_keys().map(Self::text).collect())
            }
            Self::Extra(extra) => {
                budget.charge(1 + extra.len())?;
                Ok(extra.keys().map(|key| Self::text(key.as_str())).collect())
            }
            other => other.elements(false, budget),
        }
    }

    pub(super) fn size(&self, budget: &Budget) -> Result<i64, Fault> {
        let size = match self {
            Self::Text(text) => {
                budget.bytes(text.len())?;
                text.chars().count()
            }
            Self::Array { json, .. } => {
                budget.bytes(json.text_len())?;
                json.elements().map_err(|_| Fault::Error)?.len()
            }
            Self::Object { json, .. } => members(*json, budget)?.len(),
            Self::List(elements) => elements.len(),
            Self::Texts(texts) => texts.len(),
            Self::Extra(extra) => extra.len(),
            _ => return Err(Fault::Error),
        };
        i64::try_from(size).map_err(|_| Fault::Error)
    }

    fn is_list(&self) -> bool {
        matches!(self, Self::Array { .. } | Self::List(_) | Self::Texts(_))
    }

    /// The value under a key: `None` where there is none, as in whatever has no keys.
    pub(super) fn find(
        &self,
        key: &Value<'a>,
        budget: &Budget,
    ) -> Result<Option<Value<'a>>, Fault> {
        if self.is_list() {
            let at = match key {
                Self::Int(at) => *at,
                Self::Double(at) => whole(*at).ok_or(Fault::Error)?,
                _ => return Err(Fault::Error),
            };
            let elements = self.elements(true, budget)?;
            return Ok(usize::try_from(at).ok().and_then(|at| elements.into_iter().nth(at)));
        }
        match key {
            Self::Text(name) => self.field(name, budget),
            Self::Bool(_) | Self::Int(_) | Self::Double(_) => Ok(None),
            _ => Err(Fault::Error),
        }
    }

    pub(super) fn field(&self, name: &str, budget: &Budget) -> Result<Option<Value<'a>>, Fault> {
        match self {
            Self::Object { json, escapable } => {
                let plain = if *escapable { unescape(name) } else { None };
                let found = members(*json, budget)?.remove(plain.as_deref().unwrap_or(name));
                found.map(|json| Self::of_json(json, *escapable, budget)).transpose()
            }
            Self::Extra(extra) => {
                let plain = unescape(name);
                let found = extra.get(plain.as_deref().unwrap_or(name));
                Ok(found.map(|values| texts(values.iter().map(String::as_str))))
            }
            // A name is no index.
            list if list.is_list() => Err(Fault::Error),
            _ => Ok(None),
        }
    }

    /// `self in container`.
    pub(super) fn is_in(&self, container: &Value<'a>, budget: &Budget) -> Result<bool, Fault> {
        match container {
            Self::Object { json, .. } => match self {
                Self::Text(name) => Ok(members(*json, budget)?.contains_key(&**name)),
                _ => Ok(false),
            },
            Self::Extra(extra) => match self {
                Self::Text(name) => Ok(extra.contains_key(&**name)),
                _ => Ok(false),
            },
            list => {
                for element in list.elements(false, budget)? {
                    if self.equals(&element, 0, budget)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }

    pub(super) fn equals(
        &self,
        other: &Value<'a>,
        level: u32,
        budget: &Budget,
    ) -> Result<bool, Fault> {
        if level > COMPARED_LEVELS_MAX {
            return Err(Fault::Exhausted);
        }
        budget.charge(1)?;
        if self.is_list() && other.is_list() {
            if self.size(budget)? != other.size(budget)? {
                return Ok(false);
            }
            let (ours, theirs) = (self.elements(false, budget)?, other.elements(true, budget)?);
            for (ours, theirs) in ours.iter().zip(&theirs) {
                if !ours.equals(theirs, level + 1, budget)? {
                    return Ok(false);
                }
            }
            return Ok(true);
        }
        match (self, other) {
            (Self::Null, Self::Null) => Ok(true),
            (Self::Bool(a), Self::Bool(b)) => Ok(a == b),
            (Self::Text(a), Self::Text(b)) => {
                budget.bytes(a.len().min(b.len()))?;
                Ok(a == b)
            }
            (Self::Extra(a), Self::Extra(b)) => {
                budget.charge(1 + a.len())?;
                Ok(a == b)
            }
            (Self::Object { json: a, .. }, Self::Object { json: b, .. }) => {
                let ours = members(*a, budget)?;
                if ours.len() != members(*b, budget)?.len() {
                    return Ok(false);
                }
                for (name, ours) in ours {
                    let Some(theirs) = other.field(&name, budget)? else { return Ok(false) };
                    if !Self::of_json(ours, false, budget)?.equals(&theirs, level + 1, budget)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            (a, b) => Ok(a.compare_numbers(b) == Some(Ordering::Equal)),
        }
    }

    /// The order of two numbers, texts or truths.
    pub(super) fn order(&self, other: &Value<'a>, budget: &Budget) -> Result<Ordering, Fault> {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => Ok(a.cmp(b)),
            (Self::Text(a), Self::Text(b)) => {
                budget.bytes(a.len().min(b.len()))?;
                Ok(a.cmp(b))
            }
            (a, b) => a.compare_numbers(b).ok_or(Fault::Error),
        }
    }

    fn compare_numbers(&self, other: &Value<'a>) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(b)),
            (Self::Double(a), Self::Double(b)) => a.partial_cmp(b),
            (Self::Int(a), Self::Double(b)) => compare_mixed(*a, *b),
            (Self::Double(a), Self::Int(b)) => compare_mixed(*b, *a).map(Ordering::reverse),
            _ => None,
        }
    }

    /// `self + other`.
    pub(super) fn plus(&self, other: &Value<'a>, budget: &Budget) -> Result<Value<'a>, Fault> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.checked_add(*b).map(Self::Int).ok_or(Fault::Error),
            (Self::Double(a), Self::Double(b)) => Ok(Self::Double(a + b)),
            (Self::Text(a), Self::Text(b)) => {
                budget.bytes(a.len() + b.len())?;
                Ok(Self::text(format!("{a}{b}")))
            }
            (a, b) if a.is_list() && b.is_list() => {
                if a.size(budget)? == 0 {
                    return Ok(b.clone());
                }
                if b.size(budget)? == 0 {
                    return Ok(match a {
                        Self::Array { json, .. } => Self::Array { json: *json, escapable: false },
                        other => other.clone(),
                    });
                }
                let mut joined = a.elements(false, budget)?;
                joined.extend(b.elements(true, budget)?);
                Ok(Self::List(joined.into()))
            }
            _ => Err(Fault::Error),
        }
    }
}

/// The int that a double is, in cel-go's eyes.
#[expect(clippy::cast_possible_truncation, reason = "whole and within the bounds")]
#[expect(clippy::cast_precision_loss, reason = "cel-go's bounds are rounded alike")]
fn whole(double: f64) -> Option<i64> {
    let bounded = double > i64::MIN as f64 && double < i64::MAX as f64;
    (bounded && double.trunc() == double).then_some(double as i64)
}

/// As cel-go compares an int and a double.
#[expect(clippy::cast_precision_loss, reason = "cel-go loses it as well")]
fn compare_mixed(int: i64, double: f64) -> Option<Ordering> {
    if double < i64::MIN as f64 {
        return Some(Ordering::Greater);
    }
    if double > i64::MAX as f64 {
        return Some(Ordering::Less);
    }
    (int as f64).partial_cmp(&double)
}

#[cfg(test)]
mod tests {
    use super::unescape;

    #[test]
    fn names_are_unescaped_as_kubernetes_does() {
        for (name, plain) in [
            ("a", Some("a")),
            ("a_b", Some("a_b")),
            ("a__dot__b", Some("a.b")),
            ("a__dot__b__slash__c__dash__", Some("a.b/c-")),
            ("__underscores__", Some("__")),
            ("__namespace__", Some("namespace")),
            ("x__namespace__", None),
            ("a__b__", None),
            ("a__b", Some("a__b")),
            ("___dot__", Some("_.")),
            ("____", Some("____")),
        ] {
            assert_eq!(unescape(name).as_deref(), plain, "{name}");
        }
    }
}
