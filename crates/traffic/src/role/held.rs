//! What an identity may do already, read from Roles as `kubectl get -o json` prints them, and how that differs from what
//! it did: rights that are missing, never used, or wider than their use.
//! Who holds which role is not decided here unless the bindings are given too.
//!
//! Hostile input: a person's file. What is no Role, binding or List of them is refused; of rights
//! [`RIGHTS_MAX`] are looked at.

use super::manifest::service_account;
use super::{Proposal, Right, Rule};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// `admin` has some 700; each is compared with each that was used.
const RIGHTS_MAX: usize = 5_000;
/// Of each kind of difference that is shown.
const SHOWN_MAX: usize = 500;
const ANY: &str = "*";

/// Why a text holds no roles.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeldFault {
    /// It is not JSON.
    #[error("not JSON: give what `kubectl get roles,rolebindings -o json` prints")]
    NotJson,
    /// It is another object.
    #[error("a `{0}` is neither a Role, a ClusterRole, a binding of them nor a List")]
    Unknown(String),
    /// It holds no role at all.
    #[error("there is no Role or ClusterRole in it")]
    Empty,
    /// It holds too many.
    #[error("it has more than {RIGHTS_MAX} rights")]
    TooMany,
}

/// The rules that a user holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldRoles(Vec<Rule>);

/// How rights that are held differ from those that were used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = TrafficRoleDiff)]
pub(crate) struct RoleDiff {
    /// Used, and given by none of the rules.
    pub(crate) missing: Vec<Right>,
    /// Given, and not used in the traffic that was seen.
    pub(crate) unused: Vec<Right>,
    /// Given with `*`, for all objects or in all namespaces, and used for less.
    pub(crate) wider: Vec<Right>,
    /// There are more differences than are shown.
    pub(crate) cut: bool,
}

impl HeldRoles {
    /// Reads them from Roles, ClusterRoles and bindings as JSON. With bindings, those of this user count; without any,
    /// all roles do.
    pub fn read(text: &str, user: &str) -> Result<Self, HeldFault> {
        read(text, user).map(Self)
    }
}

/// Reads the rules that a user holds. Where there are bindings, those of the roles they bind to this user, directly or
/// by a group that every such user is in; without any, those of all roles.
fn read(text: &str, user: &str) -> Result<Vec<Rule>, HeldFault> {
    let value: Value = serde_json::from_str(text).map_err(|_| HeldFault::NotJson)?;
    let mut objects = Vec::new();
    flatten(&value, &mut objects, 0)?;
    let kind = |object: &Value| text_of(object, "/kind").to_owned();
    let (roles, bindings): (Vec<&Value>, Vec<&Value>) = objects
        .into_iter()
        .partition(|object| matches!(kind(object).as_str(), "Role" | "ClusterRole"));
    if roles.is_empty() {
        return Err(HeldFault::Empty);
    }
    let mut held = Vec::new();
    if bindings.is_empty() {
        for role in &roles {
            let place = (kind(role) == "Role").then(|| text_of(role, "/metadata/namespace"));
            held.extend(rules_of(role, place));
        }
    }
    for binding in bindings.iter().filter(|binding| binds(binding, user)) {
        let of = (text_of(binding, "/roleRef/kind"), text_of(binding, "/roleRef/name"));
        let place =
            (kind(binding) == "RoleBinding").then(|| text_of(binding, "/metadata/namespace"));
        let meant = |role: &&&Value| {
            let here = of.0 != "Role" || Some(text_of(role, "/metadata/namespace")) == place;
            (text_of(role, "/kind"), text_of(role, "/metadata/name")) == of && here
        };
        if let Some(role) = roles.iter().find(meant) {
            held.extend(rules_of(role, place));
        }
    }
    let rights = |rule: &Rule| {
        let what = rule.groups.len() * rule.resources.len() + rule.paths.len();
        what * rule.verbs.len() * rule.names.len().max(1)
    };
    if held.iter().map(rights).fold(0, usize::saturating_add) > RIGHTS_MAX {
        return Err(HeldFault::TooMany);
    }
    Ok(held)
}

fn flatten<'a>(value: &'a Value, into: &mut Vec<&'a Value>, depth: usize) -> Result<(), HeldFault> {
    match text_of(value, "/kind") {
        "Role" | "ClusterRole" | "RoleBinding" | "ClusterRoleBinding" => into.push(value),
        list if list.ends_with("List") && depth < 4 => {
            let items = value.get("items").and_then(Value::as_array);
            for item in items.into_iter().flatten() {
                flatten(item, into, depth + 1)?;
            }
        }
        other => {
            let shown: String = other.chars().filter(|c| !model::is_unseen(*c)).take(60).collect();
            return Err(HeldFault::Unknown(shown));
        }
    }
    Ok(())
}

fn text_of<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn binds(binding: &Value, user: &str) -> bool {
    let subjects = binding.get("subjects").and_then(Value::as_array);
    subjects.into_iter().flatten().any(|subject| {
        let name = text_of(subject, "/name");
        match text_of(subject, "/kind") {
            "User" => name == user,
            "ServiceAccount" => {
                service_account(user) == Some((text_of(subject, "/namespace"), name))
            }
            "Group" => is_in(user, name),
            _ => false,
        }
    })
}

/// The groups in which every user of such a name is; of others nothing is known.
fn is_in(user: &str, group: &str) -> bool {
    if user == super::ANONYMOUS {
        return group == "system:unauthenticated";
    }
    match (group, service_account(user)) {
        ("system:authenticated", _) | ("system:serviceaccounts", Some(_)) => true,
        (group, Some((namespace, _))) => {
            group.strip_prefix("system:serviceaccounts:") == Some(namespace)
        }
        _ => false,
    }
}

fn rules_of(role: &Value, place: Option<&str>) -> Vec<Rule> {
    let words = |rule: &Value, key: &str| -> Vec<String> {
        let words = rule.get(key).and_then(Value::as_array);
        words.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let rules = role.get("rules").and_then(Value::as_array);
    rules
        .into_iter()
        .flatten()
        .map(|rule| Rule {
            namespace: place.map(str::to_owned),
            groups: words(rule, "apiGroups"),
            resources: words(rule, "resources"),
            names: words(rule, "resourceNames"),
            paths: words(rule, "nonResourceURLs"),
            verbs: words(rule, "verbs"),
        })
        .collect()
}

/// Compares what is held with what was used. What everybody may is no difference.
pub(crate) fn diff(proposal: &Proposal, held: &HeldRoles) -> RoleDiff {
    let used = &proposal.seen;
    let is_granted = |right: &Right| proposal.granted.iter().any(|each| each.right == *right);
    let mut held: BTreeSet<Right> = held.0.iter().flat_map(single).collect();
    held.retain(|right| !super::is_of_everybody(right));
    let mut diff = RoleDiff::default();
    for right in used {
        if !held.iter().any(|wide| covers(wide, right)) {
            diff.missing.push(right.clone());
        }
    }
    for right in held {
        if !used.iter().any(|each| covers(&right, each)) {
            diff.unused.push(right);
        } else if !is_granted(&right) && !used.contains(&right) {
            diff.wider.push(right);
        }
    }
    for list in [&mut diff.missing, &mut diff.unused, &mut diff.wider] {
        diff.cut |= list.len() > SHOWN_MAX;
        list.truncate(SHOWN_MAX);
    }
    diff
}

/// A rule as single rights.
fn single(rule: &Rule) -> Vec<Right> {
    let names: Vec<Option<&String>> = match rule.names.is_empty() {
        true => vec![None],
        false => rule.names.iter().map(Some).collect(),
    };
    let mut rights = Vec::new();
    for verb in &rule.verbs {
        for path in &rule.paths {
            // Alone it stands for all paths.
            let resource = if path == ANY { "/*".to_owned() } else { path.clone() };
            rights.push(Right { resource, verb: verb.clone(), ..Right::default() });
        }
        for group in &rule.groups {
            for resource in &rule.resources {
                rights.extend(names.iter().map(|name| Right {
                    namespace: rule.namespace.clone(),
                    group: group.clone(),
                    resource: resource.clone(),
                    verb: verb.clone(),
                    name: name.cloned(),
                }));
            }
        }
    }
    rights
}

/// Whether a right that is held gives another, as RBAC decides it.
fn covers(held: &Right, wanted: &Right) -> bool {
    let word = |held: &str, wanted: &str| held == ANY || held == wanted;
    if !word(&held.verb, &wanted.verb) {
        return false;
    }
    let held_is_path = held.resource.starts_with('/');
    if wanted.resource.starts_with('/') || held_is_path {
        return match held.resource.strip_suffix('*') {
            Some(root) => held_is_path && wanted.resource.starts_with(root),
            None => held.resource == wanted.resource,
        };
    }
    let resource = word(&held.resource, &wanted.resource)
        || held
            .resource
            .strip_prefix("*/")
            .is_some_and(|sub| wanted.resource.split_once('/').is_some_and(|(_, own)| own == sub));
    resource
        && word(&held.group, &wanted.group)
        && (held.namespace.is_none() || held.namespace == wanted.namespace)
        && (held.name.is_none() || held.name == wanted.name)
}
