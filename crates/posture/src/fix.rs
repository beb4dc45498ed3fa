//! Changes the text of a manifest so that findings are gone, and proves it: comments, order and style stay.
//! Which value answers a finding is the check's [`Remedy`]; writing the file is the caller's.
//!
//! The proof: the new text is read and scanned again. Each document must say what it said before but for the
//! fields that were set, the findings must be gone, and no other may have come. If not, nothing is changed.

mod edit;

use crate::check::{Check, Remedy, RemedySubject};
use crate::document;
use crate::node::{Entry, Node, Span, Value};
use crate::object::{self, Object};
use crate::place::Place;
use crate::scan::{Finding, Verdict, scan};
use crate::workload;
use std::collections::BTreeSet;

/// Edits are made in rounds, each on a text that was read anew; a field below another that does not exist
/// yet waits for the next. Remedies set fields at most three deep.
const ROUNDS_MAX: usize = 8;

/// A text that was changed.
#[derive(Debug)]
pub struct Fixed {
    /// The new text.
    pub text: String,
    /// What was answered: check, object, and the field that was set.
    pub answered: Vec<Answer>,
}

/// A finding that was answered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Answer {
    /// The check.
    pub check: &'static str,
    /// The object's reference.
    pub object: String,
    /// The field that was set.
    pub field: String,
}

/// Why a text was left as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FixFault {
    /// A part of it cannot be read.
    #[error("it cannot be read as a whole")]
    Unreadable,
    /// The change would change something else, or would not help.
    #[error("the change could not be proved: {0}")]
    Unproved(&'static str),
}

/// A field to be set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Setting {
    object: usize,
    /// Keys and indices from the object's root.
    way: Vec<Step>,
    value: &'static str,
}

/// A step into a tree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Key(String),
    Index(usize),
}

/// Answers what these checks found and a machine can answer: where the remedy needs no decision, and where it
/// was decided on by name. `None` if there is nothing. Proved with all checks, not only with these.
pub fn fix(
    text: &str,
    checks: &[&'static Check],
    decided: &[&'static str],
) -> Result<Option<Fixed>, FixFault> {
    let objects = readable(text)?;
    let all: Vec<&'static Check> = crate::checks::all().collect();
    let before = scan(&objects, &all).findings;
    let (mut settings, mut answered) = (BTreeSet::new(), BTreeSet::new());
    let mut gone = BTreeSet::new();
    for finding in before.iter().filter(|finding| finding.verdict == Verdict::Fail) {
        let Some(remedy) = finding.check.remedy else { continue };
        if !checks.iter().any(|check| check.id == finding.check.id) {
            continue;
        }
        let object = &objects[finding.object];
        let allowed = !remedy.needs_decision || decided.contains(&finding.check.id);
        let Some(way) = allowed.then(|| way(object, finding, &remedy)).flatten() else { continue };
        // A bad value that stands elsewhere is not mended by a good one here.
        let stands_elsewhere =
            finding.evidence.value.is_some() && finding.evidence.path != shown(&way);
        if stands_elsewhere || !may_set(object, &way) {
            continue;
        }
        gone.insert((finding.object, finding.check.id, finding.evidence.path.clone()));
        answered.insert(Answer {
            check: finding.check.id,
            object: object.reference(),
            field: shown(&way),
        });
        settings.insert(Setting { object: finding.object, way, value: remedy.value });
    }
    if settings.is_empty() {
        return Ok(None);
    }
    let mut changed = text.to_owned();
    for _ in 0..ROUNDS_MAX {
        let objects = readable(&changed)?;
        let Some(next) = edit::round(&changed, &objects, &settings) else { break };
        changed = next;
    }
    prove(&objects, &before, &changed, &all, &settings, &gone)?;
    Ok(Some(Fixed { text: changed, answered: answered.into_iter().collect() }))
}

fn readable(text: &str) -> Result<Vec<Object>, FixFault> {
    let inventory = object::inventory(0, document::read(text.as_bytes()));
    if inventory.unreadable.is_empty() { Ok(inventory.objects) } else { Err(FixFault::Unreadable) }
}

/// Where the remedy sets its field.
fn way(object: &Object, finding: &Finding, remedy: &Remedy) -> Option<Vec<Step>> {
    let pod = workload::pod(object);
    let subject: &Node = match remedy.subject {
        RemedySubject::Object => &object.root,
        RemedySubject::PodSpec => pod.as_ref()?.spec.node()?,
        RemedySubject::Container => {
            let containers = pod.as_ref()?.containers.iter().map(|container| container.place);
            let of_finding = |place: &Place<'_>| {
                let path = place.path(&object.root);
                finding
                    .evidence
                    .path
                    .strip_prefix(&path)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            containers.into_iter().find(of_finding)?.node()?
        }
    };
    let mut way = steps_to(&object.root, subject)?;
    way.extend(remedy.field.iter().map(|key| Step::Key((*key).to_owned())));
    Some(way)
}

fn steps_to(root: &Node, wanted: &Node) -> Option<Vec<Step>> {
    if std::ptr::eq(root, wanted) {
        return Some(Vec::new());
    }
    let into =
        |step: Step, node: &Node| steps_to(node, wanted).map(|rest| [vec![step], rest].concat());
    let items = root.items().iter().enumerate();
    items.into_iter().find_map(|(index, item)| into(Step::Index(index), item)).or_else(|| {
        root.entries().iter().find_map(|entry| into(Step::Key(entry.key.clone()), &entry.node))
    })
}

/// The API refuses `allowPrivilegeEscalation: false` beside what escalates anyway; and a list that is there
/// is somebody's list, to which a person adds.
fn may_set(object: &Object, way: &[Step]) -> bool {
    let is_list = walk(&object.root, way).is_some_and(|node| matches!(node.value, Value::List(_)));
    let Some((Step::Key(last), above)) = way.split_last() else { return false };
    let escalates = last == "allowPrivilegeEscalation"
        && walk(&object.root, above).is_some_and(|context| {
            let added = context.get("capabilities").and_then(|all| all.get("add"));
            context.get("privileged").and_then(Node::boolean) == Some(true)
                || added.map_or(&[][..], Node::items).iter().any(|name| {
                    name.text().is_some_and(|name| name.contains("SYS_ADMIN") || name == "ALL")
                })
        });
    !is_list && !escalates
}

fn walk<'a>(root: &'a Node, way: &[Step]) -> Option<&'a Node> {
    way.iter().try_fold(root, |node, step| match step {
        Step::Key(key) => node.get(key),
        Step::Index(index) => node.items().get(*index),
    })
}

fn shown(way: &[Step]) -> String {
    let mut path = String::new();
    for step in way {
        match step {
            Step::Key(key) => crate::node::push_key(&mut path, key),
            Step::Index(index) => path.push_str(&format!("[{index}]")),
        }
    }
    path
}

fn prove(
    objects: &[Object],
    before: &[Finding],
    changed: &str,
    checks: &[&'static Check],
    settings: &BTreeSet<Setting>,
    gone: &BTreeSet<(usize, &'static str, String)>,
) -> Result<(), FixFault> {
    let after = readable(changed).map_err(|_| FixFault::Unproved("the new text cannot be read"))?;
    if after.len() != objects.len() {
        return Err(FixFault::Unproved("the number of objects would change"));
    }
    for (index, (old, new)) in objects.iter().zip(&after).enumerate() {
        let mut expected = old.root.clone();
        for setting in settings.iter().filter(|setting| setting.object == index) {
            set(&mut expected, &setting.way, setting.value)
                .ok_or(FixFault::Unproved("the field has no place"))?;
        }
        if !expected.same_as(&new.root) {
            return Err(FixFault::Unproved("something else would change"));
        }
    }
    let failing = |findings: &[Finding]| -> BTreeSet<(usize, &'static str)> {
        let failing = findings.iter().filter(|finding| finding.verdict == Verdict::Fail);
        failing.map(|finding| (finding.object, finding.check.id)).collect()
    };
    let found = scan(&after, checks).findings;
    let (old, new) = (failing(before), failing(&found));
    if !new.is_subset(&old) {
        return Err(FixFault::Unproved("another finding would come"));
    }
    let remains = found.iter().any(|finding| {
        let named = (finding.object, finding.check.id, finding.evidence.path.clone());
        finding.verdict == Verdict::Fail && gone.contains(&named)
    });
    if remains { Err(FixFault::Unproved("the finding would remain")) } else { Ok(()) }
}

/// Sets a field in a tree, making what is missing on the way.
fn set(root: &mut Node, way: &[Step], value: &str) -> Option<()> {
    let Some((step, rest)) = way.split_first() else {
        let read = document::read(value.as_bytes()).pop()?.ok()?;
        *root = read;
        return Some(());
    };
    match step {
        Step::Index(index) => match &mut root.value {
            Value::List(items) => set(items.get_mut(*index)?, rest, value),
            _ => None,
        },
        Step::Key(key) => {
            if root.is_null() {
                root.value = Value::Map(Vec::new());
            }
            let Value::Map(entries) = &mut root.value else { return None };
            if !entries.iter().any(|entry| entry.key == *key) {
                let node = Node { value: Value::Null, span: Span::default(), flow: false };
                let key = key.clone();
                entries.push(Entry { key, key_span: Span::default(), node, merged: false });
            }
            let entry = entries.iter_mut().find(|entry| entry.key == *key)?;
            set(&mut entry.node, rest, value)
        }
    }
}

#[cfg(test)]
mod tests;
