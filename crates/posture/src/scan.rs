//! Runs checks over a snapshot: objects in, findings out.
//! Where objects come from and how findings are shown is the caller's.

use crate::check::{Check, Outcome, Test};
use crate::node::Span;
use crate::object::Object;
use crate::place::Place;
use crate::snapshot::{Scope, Snapshot, refused};
use crate::words::{Words, words};
use crate::workload::{self, Pod};
use serde::Serialize;

/// What a check says of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Nothing is wrong.
    Pass,
    /// Something is.
    Fail,
    /// It cannot be known; never to be taken for a pass.
    Unknown,
    /// The question does not arise.
    NotApplicable,
}

/// What was read, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// Path of the field in its object.
    pub path: String,
    /// Its value; `None` if it is not set.
    pub value: Option<String>,
    /// Where it stands, or the nearest value that does.
    pub span: Span,
}

/// One thing that a check says of an object. A failing check says one for each place.
#[derive(Debug)]
pub struct Finding {
    /// The check.
    pub check: &'static Check,
    /// Index of the object.
    pub object: usize,
    /// What is said.
    pub verdict: Verdict,
    /// What was read.
    pub evidence: Evidence,
    /// Why it is unknown or not applicable.
    pub reason: Option<Words>,
}

/// A field that the API server would refuse, so that nothing in its object is certain.
#[derive(Debug)]
pub struct MalformedField {
    /// Index of the object.
    pub object: usize,
    /// What was read.
    pub evidence: Evidence,
    /// What should have been there.
    pub expected: &'static str,
}

/// What a scan says.
#[derive(Debug, Default)]
pub struct Findings {
    /// All findings, by object and then in the order of the checks.
    pub findings: Vec<Finding>,
    /// Fields that the API server would refuse.
    pub malformed: Vec<MalformedField>,
    /// Objects of kinds that no check looks at.
    pub unexamined: Vec<usize>,
}

const MALFORMED: Words = words(
    "a field of the object is of a type that the API server refuses, so that what it would do is not known",
    "객체의 필드 하나가 API 서버가 거부하는 형식이어서 실제 동작을 알 수 없습니다",
);
const NO_CONTAINERS: Words = words(
    "the manifest names no container; something must fill it in before it can run",
    "매니페스트에 컨테이너가 없습니다. 실행하려면 다른 무언가가 채워야 합니다",
);

impl Findings {
    /// What was found in one object.
    pub fn of(&self, object: usize) -> &[Finding] {
        let start = self.findings.partition_point(|finding| finding.object < object);
        let end = self.findings.partition_point(|finding| finding.object <= object);
        &self.findings[start..end]
    }
}

/// Runs the checks over manifests.
pub fn scan(objects: &[Object], checks: &[&'static Check]) -> Findings {
    scan_in(objects, &Scope::Part, checks)
}

/// Runs the checks over objects of which is known how much of a cluster they are.
pub fn scan_in(objects: &[Object], scope: &Scope, checks: &[&'static Check]) -> Findings {
    let snapshot = Snapshot::new(objects, scope);
    let mut found = Findings::default();
    for (index, object) in objects.iter().enumerate() {
        let before = found.findings.len();
        let pod = snapshot.pods.get(index).and_then(Option::as_ref);
        for check in checks {
            let Some(outcome) = outcome(check, &snapshot, object, pod) else { continue };
            let outcome = match snapshot.take_missed() {
                Some(missed) => missed.verdict(outcome),
                None => outcome,
            };
            tell(check, index, object, pod, outcome, &mut found.findings);
        }
        if found.findings.len() == before {
            found.unexamined.push(index);
        }
        let malformed = pod.map(|pod| pod.malformed.places()).unwrap_or_default();
        found.malformed.extend(malformed.into_iter().map(|(place, expected)| MalformedField {
            object: index,
            evidence: evidence(object, place),
            expected,
        }));
    }
    found
}

/// What one check says of one object.
pub(crate) fn one(check: &'static Check, snapshot: &Snapshot<'_>, index: usize) -> Vec<Finding> {
    let mut findings = Vec::new();
    let object = &snapshot.objects[index];
    let pod = snapshot.pods.get(index).and_then(Option::as_ref);
    if let Some(outcome) = outcome(check, snapshot, object, pod) {
        tell(check, index, object, pod, outcome, &mut findings);
    }
    findings
}

/// What the check says of the object; nothing, if it is not made for its kind.
fn outcome<'a>(
    check: &Check,
    snapshot: &Snapshot<'a>,
    object: &'a Object,
    pod: Option<&Pod<'a>>,
) -> Option<Outcome<'a>> {
    if !object.seen {
        return is_for(check, object).then(|| Outcome::Unknown(refused(&object.kind)));
    }
    match check.test {
        Test::Pod(test) => pod.map(test),
        Test::PodAmong(test) => pod.map(|pod| test(snapshot, pod)),
        Test::Container(_) if pod.is_some_and(|pod| pod.containers.is_empty()) => {
            Some(Outcome::Unknown(NO_CONTAINERS))
        }
        Test::Container(test) => pod.map(|pod| {
            Outcome::of(pod.containers.iter().filter_map(|container| test(pod, container)))
        }),
        Test::Object(kinds, test) => kinds.contains(&object.kind.as_str()).then(|| test(object)),
        Test::Among(kinds, test) => {
            kinds.contains(&object.kind.as_str()).then(|| test(snapshot, object))
        }
    }
}

/// Whether the check is made for objects of this kind.
fn is_for(check: &Check, object: &Object) -> bool {
    match check.test {
        Test::Pod(_) | Test::PodAmong(_) | Test::Container(_) => workload::makes_pods(object),
        Test::Object(kinds, _) | Test::Among(kinds, _) => kinds.contains(&object.kind.as_str()),
    }
}

fn tell(
    check: &'static Check,
    index: usize,
    object: &Object,
    pod: Option<&Pod<'_>>,
    outcome: Outcome<'_>,
    findings: &mut Vec<Finding>,
) {
    let whole = || Evidence { path: String::new(), value: None, span: object.root.span };
    let one =
        |verdict, reason| Finding { check, object: index, verdict, evidence: whole(), reason };
    match outcome {
        // A malformed field may be the one that this check would have failed.
        Outcome::Pass if pod.is_some_and(|pod| !pod.malformed.places().is_empty()) => {
            findings.push(one(Verdict::Unknown, Some(MALFORMED)));
        }
        Outcome::Pass => findings.push(one(Verdict::Pass, None)),
        Outcome::Unknown(reason) => findings.push(one(Verdict::Unknown, Some(reason))),
        Outcome::NotApplicable(reason) => findings.push(one(Verdict::NotApplicable, Some(reason))),
        Outcome::Fail(places) => {
            let mut told: Vec<Evidence> = Vec::new();
            for place in places {
                let evidence = evidence(object, place);
                if !told.contains(&evidence) {
                    told.push(evidence);
                }
            }
            findings.extend(told.into_iter().map(|evidence| Finding {
                check,
                object: index,
                verdict: Verdict::Fail,
                evidence,
                reason: None,
            }));
        }
    }
}

pub(crate) fn evidence(object: &Object, place: Place<'_>) -> Evidence {
    let node = place.nearest();
    let value = place.written().map(|node| node.brief());
    Evidence { path: place.path(&object.root), value, span: node.span }
}

#[cfg(test)]
mod tests;
