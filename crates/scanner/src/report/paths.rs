//! Paths as they are told: for people step by step with the evidence of each, for programs as JSON.
//! How they are found is `posture`'s.

use crate::clean::clean;
use posture::graph::{Paths, Spot, Way};
use posture::object::Object;
use posture::snapshot::{Scope, Snapshot};
use posture::words::{Language, Words, words};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt::Write;

/// There is no workload of this name.
#[derive(Debug, thiserror::Error)]
#[error("there is no workload `{0}`; name one as the report does, as Deployment/shop/web")]
pub struct UnknownStart(String);

/// A path, made harmless.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Path {
    /// Where it begins.
    pub from: String,
    /// Where it leads.
    pub to: String,
    /// Its steps; empty, if there is none.
    pub hops: Vec<Hop>,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// From where.
    pub from: String,
    /// To where.
    pub to: String,
    /// By what.
    pub way: Way,
    /// Whether it holds for certain.
    pub certain: bool,
    /// What it rests on.
    pub proofs: Vec<Proof>,
}

/// What a step rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The object.
    pub object: String,
    /// The field.
    pub path: String,
    /// Its value.
    pub value: Option<String>,
    source: String,
    place: (u32, u32),
}

/// Finds the paths from the internet, or from the workload of this reference.
pub(super) fn find(
    objects: &[Object],
    sources: &[String],
    scope: &Scope,
    from: Option<&str>,
) -> Result<Vec<Path>, UnknownStart> {
    find_in(&Snapshot::new(objects, scope), sources, from)
}

/// The same in a snapshot that there is already.
pub(super) fn find_in(
    snapshot: &Snapshot<'_>,
    sources: &[String],
    from: Option<&str>,
) -> Result<Vec<Path>, UnknownStart> {
    let objects = snapshot.objects;
    let start = match from {
        None => Spot::Internet,
        Some(name) => snapshot
            .pods
            .iter()
            .position(|pod| pod.as_ref().is_some_and(|pod| pod.object.reference() == name))
            .map(Spot::Workload)
            .ok_or_else(|| UnknownStart(clean(name)))?,
    };
    let found = Paths::find(snapshot, start);
    let name = |spot| clean(&found.name(spot, objects));
    let proof = |proof: &posture::graph::Proof| {
        let object = &objects[proof.object];
        let evidence = &proof.evidence;
        Proof {
            object: clean(&object.reference()),
            path: clean(&evidence.path),
            value: evidence.value.as_deref().map(clean),
            source: sources[object.source_of(&evidence.path)].clone(),
            place: (evidence.span.line, evidence.span.column),
        }
    };
    let path = |path: &posture::graph::Path| Path {
        from: name(path.from),
        to: name(path.to),
        hops: path
            .hops
            .iter()
            .map(|hop| Hop {
                from: name(hop.from),
                to: name(hop.to),
                way: hop.way,
                certain: hop.certain,
                proofs: hop.proofs.iter().map(proof).collect(),
            })
            .collect(),
    };
    Ok(found.paths.iter().map(path).collect())
}

/// The paths for people.
pub(super) fn text(paths: &[Path], is_whole: bool, language: Language) -> String {
    let say = |words: Words| words.say(language);
    let mut page = String::new();
    for path in paths {
        let _ = writeln!(page, "{} → {}", path.from, path.to);
        if path.hops.is_empty() {
            let _ = writeln!(page, "  {}\n", say(if is_whole { NONE } else { NONE_SEEN }));
            continue;
        }
        for (number, hop) in path.hops.iter().enumerate() {
            let sure = if hop.certain { "" } else { say(POSSIBLE) };
            let _ = writeln!(
                page,
                "  {}. {} → {}: {}{sure}",
                number + 1,
                hop.from,
                hop.to,
                say(hop.way.words())
            );
            for proof in &hop.proofs {
                let value = proof.value.as_deref().unwrap_or_else(|| say(UNSET));
                let place = super::place(&proof.source, Some(proof.place));
                let place =
                    if place == proof.object { String::new() } else { format!("  {place}") };
                let _ = writeln!(page, "       {}: {} = {value}{place}", proof.object, proof.path);
            }
        }
        page.push('\n');
    }
    page
}

/// The paths for programs.
pub(super) fn json(paths: &[Path], language: Language) -> Value {
    let hop = |hop: &Hop| {
        let proofs: Vec<Value> = hop
            .proofs
            .iter()
            .map(|proof| {
                json!({
                    "object": proof.object,
                    "path": proof.path,
                    "value": proof.value,
                    "source": proof.source,
                    "line": proof.place.0,
                    "column": proof.place.1,
                })
            })
            .collect();
        json!({
            "from": hop.from,
            "to": hop.to,
            "way": hop.way,
            "text": hop.way.words().say(language),
            "certain": hop.certain,
            "evidence": proofs,
        })
    };
    paths
        .iter()
        .map(|path| {
            let hops: Vec<Value> = path.hops.iter().map(hop).collect();
            json!({"from": path.from, "to": path.to, "found": !hops.is_empty(), "hops": hops})
        })
        .collect()
}

const NONE: Words = words("no path was found", "경로를 찾지 못했습니다");
const NONE_SEEN: Words = words(
    "no path was found in what was seen; there may be one in what was not",
    "살펴본 것에서는 경로를 찾지 못했습니다. 살펴보지 못한 것에 있을 수 있습니다",
);
const POSSIBLE: Words = words(" (possible)", " (가능성 있음)");
const UNSET: Words = words("(not set)", "(설정 안 됨)");
