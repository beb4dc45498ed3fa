//! Whole scans: what is read, told, waived, and in which form.

#![allow(clippy::unwrap_used, reason = "a fixture that cannot be made fails its test")]

use posture::words::Language;
use scanner::{Format, Report, Selection, Sources, Waivers};
use std::path::PathBuf;

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop}\nspec:\n  hostPID: true\n  containers: [{name: a, image: 'a:1'}]\n";

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    folder
}

fn scan(paths: &[PathBuf], only: &[&str], waivers: &Waivers) -> Report {
    let only = only.iter().map(|id| (*id).to_owned()).collect();
    let checks = Selection { only, ..Selection::default() }.checks().unwrap();
    Report::make(&Sources::gather(paths), &checks, waivers)
}

fn written(report: &Report, format: Format) -> String {
    report.written(format, Language::En, false)
}

#[test]
fn a_folder_is_scanned_and_what_is_no_manifest_is_told() {
    let folder = folder(&[
        ("a/pod.yaml", POD),
        ("a/values.yaml", "replicas: 2\n"),
        ("notes.txt", "hostPID: true"),
        (".git/x.yaml", POD),
        ("b/chart.yaml", "image: {{ .Values.image }}\n"),
    ]);
    let report = scan(&[folder.path().to_owned()], &["host-pid"], &Waivers::default());
    let told = report.told();
    assert_eq!((told.objects, told.open, told.failures), (1, 1, 1));
    assert_eq!(report.left_out.len(), 1);
    let text = written(&report, Format::Terminal { colour: false });
    assert!(text.contains("Pod/shop/p"), "{text}");
    assert!(text.contains("spec.hostPID = true"), "{text}");
    assert!(text.contains("pod.yaml:5:12"), "{text}");
    assert!(text.contains("chart.yaml:1:8  this is a template"), "{text}");
    assert!(text.contains("values.yaml:1  `apiVersion` and `kind` are missing"), "{text}");
}

#[test]
fn nothing_to_scan_and_a_missing_file_are_failures() {
    let folder = folder(&[("values.yaml", "a: 1\n")]);
    assert_eq!(scan(&[folder.path().to_owned()], &[], &Waivers::default()).told().failures, 1);
    let missing = folder.path().join("no.yaml");
    assert_eq!(scan(&[missing], &[], &Waivers::default()).told().failures, 1);
}

#[test]
fn escapes_of_a_hostile_manifest_reach_no_output() {
    let hostile = "apiVersion: v1\nkind: Pod\nmetadata: {name: \"p\\e[31m\\u202e<&\\n::error::\", namespace: shop}\nspec: {hostPID: true, hostAliases: [{ip: \"\\e]0;x\\a\"}], containers: [{name: \"a\\e[2J\", image: \"x\\e[1m\\u009b\"}]}\n";
    let folder = folder(&[("p.yaml", hostile)]);
    let report = scan(&[folder.path().to_owned()], &[], &Waivers::default());
    for format in [Format::Terminal { colour: false }, Format::Json, Format::Sarif, Format::Junit] {
        let text = report.written(format, Language::Ko, true);
        assert!(!text.contains(['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}']), "{format:?}");
        assert!(!text.contains("\n::error::"), "{format:?}");
    }
}

#[test]
fn the_forms_for_programs_are_sound() {
    let folder = folder(&[("p.yaml", POD), ("t.yaml", "a: {{ .Values.b }}\n")]);
    let report = scan(&[folder.path().to_owned()], &["host-pid"], &Waivers::default());
    let json: serde_json::Value = serde_json::from_str(&written(&report, Format::Json)).unwrap();
    assert_eq!(json["schema"], "sallyport.scan/v1");
    assert_eq!(json["findings"][0]["check"], "host-pid");
    assert_eq!(json["findings"][0]["line"], 5);
    assert_eq!(json["unreadable"][0]["line"], 1);
    assert_eq!(json["objects"][0]["kubesec"]["score"], -9);
    let sarif: serde_json::Value = serde_json::from_str(&written(&report, Format::Sarif)).unwrap();
    let run = &sarif["runs"][0];
    assert_eq!(run["results"][0]["ruleId"], "host-pid");
    assert_eq!(run["results"][0]["level"], "error");
    assert_eq!(run["tool"]["driver"]["rules"][0]["id"], "host-pid");
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    let junit = written(&report, Format::Junit);
    assert!(junit.contains("tests=\"2\" failures=\"1\" errors=\"1\""), "{junit}");
}

#[test]
fn a_baseline_leaves_only_what_is_new() {
    let folder = folder(&[("p.yaml", POD)]);
    let path = folder.path().to_owned();
    let first = scan(std::slice::from_ref(&path), &["host-pid", "host-ipc"], &Waivers::default());
    let mut waivers = Waivers::default();
    waivers.read_baseline(&serde_json::to_string(&first.baseline()).unwrap()).unwrap();
    let again = scan(std::slice::from_ref(&path), &["host-pid", "host-ipc"], &waivers).told();
    assert_eq!((again.open, again.waived), (0, 1));
    // The line moves, and something new comes.
    std::fs::write(
        folder.path().join("p.yaml"),
        POD.replace("  hostPID", "  hostIPC: true\n  hostPID"),
    )
    .unwrap();
    let later = scan(&[path], &["host-pid", "host-ipc"], &waivers);
    assert_eq!((later.told().open, later.told().waived), (1, 1));
    assert!(waivers.read_baseline("{\"schema\": \"other/v9\", \"findings\": []}").is_err());
}
