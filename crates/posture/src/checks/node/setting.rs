//! A setting of a program: where the program looks for it, what it takes if nobody says, and what is asked of it.
//! Which settings there are is the business of each program's checks.

use super::{NOT_RUNNING, UNREAD};
use crate::check::Outcome;
use crate::node::{Node, Value};
use crate::object::Object;
use crate::place::Place;
use crate::words::Words;

/// A setting, by flag and by file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting {
    /// The flag, without dashes.
    flag: &'static str,
    /// Where it stands in the files that flags name: the object's key, and the way from there.
    config: &'static [&'static str],
    /// What the program takes if nobody says; `None` if it then goes without.
    default: Option<&'static str>,
    /// The same where there is no configuration file: the kubelet keeps older, laxer defaults for that.
    bare: Option<&'static str>,
}

/// What is asked of a setting.
#[derive(Debug)]
pub(super) enum Rule {
    /// It must be set.
    Set,
    /// It must not be set.
    Unset,
    /// It must be true.
    True,
    /// It must be false.
    False,
    /// It must be one of these.
    Is(&'static [&'static str]),
    /// It must be none of these.
    Not(&'static [&'static str]),
    /// Its list must hold this.
    Has(&'static str),
    /// Its list must not hold this.
    Lacks(&'static str),
    /// Each in its list must be one of these.
    Within(&'static [&'static str]),
    /// Each in its list must begin so.
    Begin(&'static str),
    /// It must be a number of at least this.
    AtLeast(f64),
}

/// What was found of a setting.
#[derive(Debug)]
pub(super) enum Found<'a> {
    /// It is set to this.
    Set(Vec<&'a str>, Place<'a>),
    /// Nobody says; this is where it could be said, and the default.
    Default(Option<&'static str>, Place<'a>),
    /// It cannot be known.
    Unknown(Words),
    /// There is no such program here.
    NotRunning,
}

impl Setting {
    /// A flag whose absence means that the program goes without.
    pub(super) const fn flag(flag: &'static str) -> Self {
        Self { flag, config: &[], default: None, bare: None }
    }

    /// The same with a default.
    pub(super) const fn with_default(flag: &'static str, default: &'static str) -> Self {
        Self { default: Some(default), bare: Some(default), ..Self::flag(flag) }
    }

    /// That can stand in a configuration file, too.
    pub(super) const fn or_at(self, config: &'static [&'static str]) -> Self {
        Self { config, ..self }
    }

    /// Which has another default without a configuration file.
    pub(super) const fn bare(self, bare: &'static str) -> Self {
        Self { bare: Some(bare), ..self }
    }

    /// Finds the setting where the program itself looks for it.
    pub(super) fn find<'a>(&self, object: &'a Object) -> Found<'a> {
        let root = Place::of(&object.root);
        if !root.get("process").is_set() {
            return Found::NotRunning;
        }
        if root.get("unread").get("flags").is_set() {
            return Found::Unknown(UNREAD);
        }
        let flag = root.get("flags").get(self.flag);
        let is_etcd = object.kind == "Etcd";
        let at_config = (!self.config.is_empty())
            .then(|| self.config.iter().fold(root, |place, key| place.get(key)));
        let file = self.config.first().copied().unwrap_or("config");
        let is_unread = root.get("unread").get(file).is_set();
        // etcd with a configuration file forgets its flags and its environment; the others' flags stand above.
        if is_etcd && (root.get("config").is_set() || is_unread) {
            return match at_config.filter(|place| place.is_set()) {
                Some(place) => Found::Set(values(place), place),
                None if is_unread => Found::Unknown(UNREAD),
                None => Found::Default(self.default, at_config.unwrap_or(flag)),
            };
        }
        // A variable may name a configuration file, which then stands above the flags.
        if is_etcd && root.get("unread").get("environment").is_set() {
            return Found::Unknown(UNREAD);
        }
        if flag.is_set() {
            return Found::Set(values(flag), flag);
        }
        if is_etcd {
            let name = format!("ETCD_{}", self.flag.replace('-', "_").to_ascii_uppercase());
            let variable = object.root.get("environment").and_then(|all| all.get(&name));
            if let Some(place) = variable.map(Place::of) {
                return Found::Set(values(place), place);
            }
        }
        if let Some(place) = at_config {
            if place.is_set() {
                return Found::Set(values(place), place);
            }
            if is_unread {
                return Found::Unknown(UNREAD);
            }
            if root.get(file).is_set() {
                return Found::Default(self.default, place);
            }
        }
        Found::Default(if self.config.is_empty() { self.default } else { self.bare }, flag)
    }

    /// What the rule says of it.
    pub(super) fn judge<'a>(&self, object: &'a Object, rule: &Rule) -> Outcome<'a> {
        let (values, place): (Vec<&str>, _) = match self.find(object) {
            Found::NotRunning => return Outcome::NotApplicable(NOT_RUNNING),
            Found::Unknown(reason) => return Outcome::Unknown(reason),
            Found::Set(values, place) => (values, place),
            Found::Default(default, place) => (default.into_iter().collect(), place),
        };
        Outcome::fail_if(!rule.allows(&values), place)
    }
}

/// Fails at each of the settings that is not set, as the two halves of a key pair must be.
pub(super) fn all_set<'a>(object: &'a Object, settings: &[Setting]) -> Outcome<'a> {
    let mut missing = Vec::new();
    for setting in settings {
        match setting.judge(object, &Rule::Set) {
            Outcome::Pass => {}
            Outcome::Fail(places) => missing.extend(places),
            other => return other,
        }
    }
    Outcome::of(missing)
}

impl Rule {
    fn allows(&self, values: &[&str]) -> bool {
        let one = values.first().copied();
        match self {
            Self::Set => one.is_some_and(|value| !value.is_empty()),
            Self::Unset => one.is_none_or(str::is_empty),
            Self::True => one.and_then(boolean) == Some(true),
            Self::False => one.and_then(boolean) == Some(false),
            Self::Is(allowed) => one.is_some_and(|value| allowed.contains(&value)),
            Self::Not(refused) => one.is_none_or(|value| !refused.contains(&value)),
            Self::Has(wanted) => values.contains(wanted),
            Self::Lacks(refused) => !values.contains(refused),
            Self::Within(allowed) => {
                !values.is_empty() && values.iter().all(|value| allowed.contains(value))
            }
            Self::Begin(with) => {
                !values.is_empty() && values.iter().all(|value| value.starts_with(with))
            }
            Self::AtLeast(least) => {
                one.and_then(|value| value.parse::<f64>().ok()).is_some_and(|value| value >= *least)
            }
        }
    }
}

/// A boolean as Go's flags read it.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// How a scalar was written.
pub(super) fn written(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Bool(_, raw) | Value::Number(_, raw) => Some(raw),
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// A value, or the values of a list; a flag's list is parted by commas.
fn values(place: Place<'_>) -> Vec<&str> {
    let Some(node) = place.node() else { return Vec::new() };
    match &node.value {
        Value::List(items) => items.iter().filter_map(written).collect(),
        _ => written(node).map(|text| text.split(',').map(str::trim).collect()).unwrap_or_default(),
    }
}
