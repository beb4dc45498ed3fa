//! The least-privilege Role that an identity's own requests ask for, as YAML, and how it differs from what is held.
//! Requests come as they are stored, counted by what they asked; nothing is asked of a cluster here. What was not seen
//! is not in it: who reads it is told how much it rests on.
//!
//! A request proves that a right is needed only when the API server let it pass its authoriser: an answer of success,
//! or a refusal that comes behind it (404, 409, 410, 422). A 403 is listed apart and granted to nobody. Every other
//! answer proves neither.
//!
//! A `*` in a rule stands for everything. A request may name it like any other word, and gets its 404; it is never taken
//! for a right, or whoever asks for `*` once would keep all.
//!
//! Which rights Kubernetes asks beside the verb of a request is known for two: `create` for exec, attach and
//! port-forwarding that begin with GET (1.35), and for an update or patch that made its object. Others (`bind`,
//! `escalate`, signers) leave no trace in a request and are not here.
//!
//! Hostile input: names come from paths that anybody may ask for. Each is written as a quoted YAML string.

mod held;
mod manifest;
mod observed;

#[cfg(test)]
mod tests;

pub use held::{HeldFault, HeldRoles};
pub(crate) use held::{RoleDiff, diff};
pub(crate) use observed::Observed;

use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// With more objects than this a rule by names is longer than useful, and false tomorrow.
const NAMES_MAX: usize = 3;
/// A role with more rules is no role that anybody reads.
const RULES_MAX: usize = 2000;
/// Objects whose names controllers make up: another tomorrow.
const NAMED_BY_CONTROLLERS: [&str; 8] = [
    "pods",
    "replicasets",
    "jobs",
    "events",
    "endpointslices",
    "controllerrevisions",
    "certificatesigningrequests",
    "volumeattachments",
];
/// Subresources that are entered with GET, for which `create` is asked too.
const ENTERED: [&str; 3] = ["pods/exec", "pods/attach", "pods/portforward"];
/// Paths that `system:discovery` gives to everybody who is signed in.
const OF_EVERYBODY: [&str; 8] =
    ["/api", "/apis", "/openapi", "/healthz", "/livez", "/readyz", "/version", "/version/"];
/// And all paths below these.
const OF_EVERYBODY_BELOW: [&str; 3] = ["/api/", "/apis/", "/openapi/"];
/// What `system:basic-user` gives to everybody who is signed in.
const REVIEWS_OF_ONESELF: [(&str, &str); 3] = [
    ("authorization.k8s.io", "selfsubjectaccessreviews"),
    ("authorization.k8s.io", "selfsubjectrulesreviews"),
    ("authentication.k8s.io", "selfsubjectreviews"),
];
const ANONYMOUS: &str = "system:anonymous";

/// Requests of one kind with one answer, and how many.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Use {
    pub(crate) verb: String,
    pub(crate) group: String,
    /// None for a path that is no resource.
    pub(crate) resource: Option<String>,
    pub(crate) subresource: Option<String>,
    pub(crate) namespace: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) path: Option<String>,
    pub(crate) status: u16,
    pub(crate) requests: u64,
}

/// One right on one resource, or on one path.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[schema(as = TrafficRight)]
pub(crate) struct Right {
    /// Left out for what is in no namespace, or in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) namespace: Option<String>,
    /// Empty for the core group.
    pub(crate) group: String,
    /// With its subresource; a path where it begins with `/`.
    #[schema(example = "pods/log")]
    pub(crate) resource: String,
    pub(crate) verb: String,
    /// Left out for all objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) name: Option<String>,
}

/// A right and how many requests asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = TrafficRightUse)]
pub(crate) struct RightUse {
    #[serde(flatten)]
    pub(crate) right: Right,
    pub(crate) requests: u64,
}

/// A rule of RBAC in its place.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rule {
    pub(crate) namespace: Option<String>,
    pub(crate) groups: Vec<String>,
    pub(crate) resources: Vec<String>,
    pub(crate) names: Vec<String>,
    pub(crate) paths: Vec<String>,
    pub(crate) verbs: Vec<String>,
}

/// What an identity's requests ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = TrafficRoleProposal)]
pub(crate) struct Proposal {
    /// Roles and their bindings, to be read before they are applied; empty if no right is needed.
    pub(crate) yaml: String,
    /// The rights in it.
    pub(crate) granted: Vec<RightUse>,
    /// What was refused (403). It is not in the YAML.
    pub(crate) denied: Vec<RightUse>,
    /// Requests that everybody who is signed in may make: discovery and questions about oneself. No rule is made for them.
    pub(crate) of_everybody: u64,
    /// Requests that prove neither: answered with 401, 429, 5xx and other refusals before or without the authoriser, or
    /// made of what no rule can name.
    pub(crate) unproven: u64,
    /// There were more rights than one role can hold, and the rest is left out.
    pub(crate) cut: bool,
    /// What was used, with each object's name: what a comparison with held rules looks at.
    #[serde(skip)]
    pub(crate) seen: Vec<Right>,
}

/// Makes the role of a user. With `by_name`, rules name their objects where requests named few.
pub(crate) fn propose(user: &str, uses: &[Use], by_name: bool) -> Proposal {
    let mut needed: BTreeMap<Right, u64> = BTreeMap::new();
    let mut denied: BTreeMap<Right, u64> = BTreeMap::new();
    let (mut of_everybody, mut unproven) = (0, 0);
    for each in uses {
        let Some(right) = right(each) else {
            unproven += each.requests;
            continue;
        };
        match each.status {
            403 => *denied.entry(right).or_default() += each.requests,
            101 | 200..=399 | 404 | 409 | 410 | 422 => {
                if user != ANONYMOUS && is_of_everybody(&right) {
                    of_everybody += each.requests;
                    continue;
                }
                if let Some(also) = also(&right, each.status) {
                    *needed.entry(also).or_default() += each.requests;
                }
                *needed.entry(right).or_default() += each.requests;
            }
            _ => unproven += each.requests,
        }
    }
    let seen: Vec<Right> = needed.keys().cloned().collect();
    let needed = narrowed(needed, by_name);
    let cut = needed.len() > RULES_MAX || denied.len() > RULES_MAX;
    let granted: Vec<RightUse> = listed(needed);
    let rules = rules(granted.iter().map(|each| &each.right));
    Proposal {
        yaml: manifest::yaml(user, &rules),
        granted,
        denied: listed(denied),
        of_everybody,
        unproven,
        cut,
        seen,
    }
}

fn listed(rights: BTreeMap<Right, u64>) -> Vec<RightUse> {
    let rights = rights.into_iter().take(RULES_MAX);
    rights.map(|(right, requests)| RightUse { right, requests }).collect()
}

/// What a request asked of RBAC; none if that is not known, or no rule can say it without saying more.
fn right(of: &Use) -> Option<Right> {
    let path = of.path.as_ref().filter(|_| of.resource.is_none());
    let words =
        [Some(&of.verb), Some(&of.group), of.resource.as_ref(), of.subresource.as_ref(), path];
    if of.verb.is_empty() || words.into_iter().flatten().any(|word| word.contains('*')) {
        return None;
    }
    let Some(resource) = &of.resource else {
        let path = of.path.as_deref()?;
        let path = path.split('?').next().unwrap_or_default();
        return path.starts_with('/').then(|| Right {
            resource: path.to_owned(),
            verb: of.verb.clone(),
            ..Right::default()
        });
    };
    let resource = match &of.subresource {
        Some(subresource) => format!("{resource}/{subresource}"),
        None => resource.clone(),
    };
    Some(Right {
        namespace: of.namespace.clone(),
        group: of.group.clone(),
        resource,
        verb: of.verb.clone(),
        name: of.name.clone(),
    })
}

/// The right that is asked beside the request's own.
fn also(right: &Right, status: u16) -> Option<Right> {
    let enters =
        right.verb == "get" && right.group.is_empty() && ENTERED.contains(&right.resource.as_str());
    let made_it = status == 201 && matches!(right.verb.as_str(), "update" | "patch");
    (enters || made_it).then(|| Right { verb: "create".to_owned(), ..right.clone() })
}

fn is_of_everybody(right: &Right) -> bool {
    if right.resource.starts_with('/') {
        let path = right.resource.as_str();
        let is_given = OF_EVERYBODY.contains(&path)
            || OF_EVERYBODY_BELOW.iter().any(|root| path.starts_with(root));
        return right.verb == "get" && is_given;
    }
    right.verb == "create"
        && REVIEWS_OF_ONESELF.contains(&(right.group.as_str(), right.resource.as_str()))
}

/// Leaves names out where they are many, made up, or not always given; and what all namespaces grant, in one.
fn narrowed(needed: BTreeMap<Right, u64>, by_name: bool) -> BTreeMap<Right, u64> {
    let kind = |right: &Right| Right { name: None, ..right.clone() };
    let mut names: BTreeMap<Right, BTreeSet<Option<&str>>> = BTreeMap::new();
    for right in needed.keys() {
        names.entry(kind(right)).or_default().insert(right.name.as_deref());
    }
    let is_named = |right: &Right| {
        let bare = right.resource.split('/').next().unwrap_or_default();
        by_name
            && !NAMED_BY_CONTROLLERS.contains(&bare)
            && names
                .get(&kind(right))
                .is_some_and(|names| names.len() <= NAMES_MAX && !names.contains(&None))
    };
    let mut narrow: BTreeMap<Right, u64> = BTreeMap::new();
    for (right, requests) in &needed {
        let right = if is_named(right) { right.clone() } else { kind(right) };
        *narrow.entry(right).or_default() += requests;
    }
    let everywhere: BTreeSet<Right> = narrow
        .keys()
        .filter(|right| right.namespace.is_none() && right.name.is_none())
        .cloned()
        .collect();
    let is_covered = |right: &Right| {
        let wide = Right { namespace: None, name: None, ..right.clone() };
        *right != wide && everywhere.contains(&wide)
    };
    let covered: Vec<Right> = narrow.keys().filter(|right| is_covered(right)).cloned().collect();
    for right in covered {
        let requests = narrow.remove(&right).unwrap_or_default();
        *narrow.entry(Right { namespace: None, name: None, ..right }).or_default() += requests;
    }
    narrow
}

/// The fewest rules that give these rights and no others.
fn rules<'a>(rights: impl Iterator<Item = &'a Right>) -> Vec<Rule> {
    // Of one resource: verbs by the names they are for.
    let mut verbs: BTreeMap<(Option<&str>, &str, &str, &str), BTreeSet<&str>> = BTreeMap::new();
    for right in rights {
        let key = (
            right.namespace.as_deref(),
            right.group.as_str(),
            right.resource.as_str(),
            right.name.as_deref().unwrap_or_default(),
        );
        verbs.entry(key).or_default().insert(right.verb.as_str());
    }
    // Names of the same resource that may do the same, together.
    type Same<'a> = (Option<&'a str>, &'a str, BTreeSet<&'a str>, &'a str);
    let mut named: BTreeMap<Same<'_>, BTreeSet<&str>> = BTreeMap::new();
    for ((namespace, group, resource, name), verbs) in verbs {
        let key = (namespace, group, verbs, resource);
        let names = named.entry(key).or_default();
        if !name.is_empty() {
            names.insert(name);
        }
    }
    // Resources of the same group that may do the same, together, unless they are named one by one.
    type Kind<'a> = (Option<&'a str>, bool, &'a str, BTreeSet<&'a str>, BTreeSet<&'a str>, &'a str);
    let mut together: BTreeMap<Kind<'_>, BTreeSet<&str>> = BTreeMap::new();
    for ((namespace, group, verbs, resource), names) in named {
        let alone = if names.is_empty() { "" } else { resource };
        let key = (namespace, resource.starts_with('/'), group, verbs, names, alone);
        together.entry(key).or_default().insert(resource);
    }
    let owned = |of: BTreeSet<&str>| of.into_iter().map(str::to_owned).collect::<Vec<_>>();
    together
        .into_iter()
        .map(|((namespace, is_path, group, verbs, names, _), what)| Rule {
            namespace: namespace.map(str::to_owned),
            groups: if is_path { Vec::new() } else { vec![group.to_owned()] },
            resources: if is_path { Vec::new() } else { owned(what.clone()) },
            names: owned(names),
            paths: if is_path { owned(what) } else { Vec::new() },
            verbs: owned(verbs),
        })
        .collect()
}
