//! The Pod Security Standards' own test data: each Pod must get from our checks what the API server gives it.

#![allow(clippy::unwrap_used, reason = "test data that cannot be read fails its test")]

use posture::check::{Check, Framework};
use posture::scan::{Verdict, scan};
use posture::{checks, document, object};
use std::path::Path;

/// The controls of these frameworks that a Pod fails.
fn failing(manifest: &[u8], frameworks: &[Framework]) -> Vec<&'static str> {
    let inventory = object::inventory(0, document::read(manifest));
    assert!(inventory.unreadable.is_empty(), "{:?}", inventory.unreadable);
    let wanted = |check: &&'static Check| {
        check.mappings.iter().any(|mapping| frameworks.contains(&mapping.framework))
    };
    let checks: Vec<_> = checks::all().filter(wanted).collect();
    let found = scan(&inventory.objects, &checks);
    assert!(found.malformed.is_empty(), "{:?}", found.malformed);
    let mut controls: Vec<_> = found
        .findings
        .iter()
        .filter(|finding| finding.verdict == Verdict::Fail)
        .flat_map(|finding| finding.check.mappings)
        .filter(|mapping| frameworks.contains(&mapping.framework))
        .map(|mapping| mapping.control)
        .collect();
    controls.sort_unstable();
    controls.dedup();
    controls
}

fn files(level: &str, verdict: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/pod-security")
        .join(level)
        .join(verdict);
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            (
                path.file_stem().unwrap().to_string_lossy().into_owned(),
                std::fs::read(&path).unwrap(),
            )
        })
        .collect();
    files.sort();
    assert!(files.len() > 10);
    files
}

/// Which of the standard's checks a file is made for, from its name.
fn control_of(name: &str) -> String {
    name.trim_end_matches(|last: char| last.is_ascii_digit()).to_owned()
}

fn same(control: &str, of_file: &str) -> bool {
    let plain = |text: &str| text.to_lowercase();
    plain(control) == plain(of_file)
        || plain(control) == plain(of_file).trim_end_matches("_baseline")
        || plain(control).trim_end_matches("_baseline") == plain(of_file)
}

#[test]
fn baseline_is_the_api_servers() {
    for (name, manifest) in files("baseline", "pass") {
        assert_eq!(failing(&manifest, &[Framework::PssBaseline]), [""; 0], "{name}");
    }
    for (name, manifest) in files("baseline", "fail") {
        let controls = failing(&manifest, &[Framework::PssBaseline]);
        let wanted = control_of(&name);
        assert!(controls.iter().any(|control| same(control, &wanted)), "{name}: {controls:?}");
    }
}

#[test]
fn restricted_is_the_api_servers() {
    let both = [Framework::PssBaseline, Framework::PssRestricted];
    for (name, manifest) in files("restricted", "pass") {
        assert_eq!(failing(&manifest, &both), [""; 0], "{name}");
    }
    for (name, manifest) in files("restricted", "fail") {
        let controls = failing(&manifest, &both);
        let wanted = control_of(&name);
        assert!(controls.iter().any(|control| same(control, &wanted)), "{name}: {controls:?}");
    }
}
