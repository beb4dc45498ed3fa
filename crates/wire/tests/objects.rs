//! Objects of every built-in kind, as the official codecs wrote them in protobuf and in JSON: an empty one and
//! filled ones of each. `scripts/kubernetes-types` writes them.
#![allow(clippy::unwrap_used, reason = "tests")]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use wire::Redactor;

#[test]
fn protobuf_and_cbor_of_every_kind_are_the_tree_that_their_json_is() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/objects.jsonl.gz");
    let lines = BufReader::new(GzDecoder::new(File::open(path).unwrap())).lines();
    let redactor = Redactor::new(&[3; 32]);
    let (mut kinds, mut differences) = (BTreeSet::new(), BTreeSet::new());
    let (mut objects, mut in_cbor) = (0, 0);
    for line in lines {
        let golden: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let json = &golden["json"];
        let bytes = STANDARD.decode(golden["protobuf"].as_str().unwrap()).unwrap();
        let kind = format!("{} {}", json["apiVersion"], json["kind"]);
        let ours = redactor.protobuf(&bytes, false, usize::MAX).unwrap_or_else(|| panic!("{kind}"));
        let ours: Value = serde_json::from_str(&ours).unwrap();
        // Redacted both, with one key: a replacement is equal where what it replaces is.
        let theirs = redactor.json(&json.to_string(), false).unwrap();
        let theirs: Value = serde_json::from_str(&theirs).unwrap();
        if let Some((place, ours, theirs)) = difference(String::new(), &ours, &theirs) {
            differences.insert(format!("{kind}: at {place} we have {ours}, they {theirs}"));
        }
        if let Some(bytes) = golden["cbor"].as_str().map(|cbor| STANDARD.decode(cbor).unwrap()) {
            let ours = redactor.cbor(&bytes, false, usize::MAX).unwrap_or_else(|| panic!("{kind}"));
            let ours: Value = serde_json::from_str(&ours).unwrap();
            if let Some((place, ours, theirs)) = difference(String::new(), &ours, &theirs) {
                differences.insert(format!("{kind} in CBOR: at {place} {ours}, they {theirs}"));
            }
            in_cbor += 1;
        }
        kinds.insert(kind);
        objects += 1;
    }
    assert!(differences.is_empty(), "{differences:#?}");
    assert!(kinds.len() > 300, "{} kinds", kinds.len());
    assert!(objects >= 2 * kinds.len());
    assert_eq!(in_cbor, kinds.len());
}

/// Where two trees first differ.
fn difference<'a>(
    place: String,
    ours: &'a Value,
    theirs: &'a Value,
) -> Option<(String, &'a Value, &'a Value)> {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            keys.into_iter().find_map(|key| {
                let missing = &Value::Null;
                let (one, other) = (a.get(key), b.get(key));
                let place = format!("{place}.{key}");
                match (one, other) {
                    (Some(one), Some(other)) => difference(place, one, other),
                    _ => Some((place, one.unwrap_or(missing), other.unwrap_or(missing))),
                }
            })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let mut pairs = a.iter().zip(b).enumerate();
            pairs.find_map(|(i, (one, other))| difference(format!("{place}[{i}]"), one, other))
        }
        _ => (ours != theirs).then_some((place, ours, theirs)),
    }
}
