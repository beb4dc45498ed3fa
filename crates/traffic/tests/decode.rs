//! Whole jobs on files: what is printed, what is kept back, and what damaged input does.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

#[path = "decode/export.rs"]
mod export;

use std::path::{Path, PathBuf};
use traffic::{Form, Format, Input, Job, JobFault, ReadFault};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../wire/tests/goldens").join(name)
}

fn job(path: PathBuf, filter: Option<&str>) -> Job {
    Job {
        inputs: vec![Input::File(path)],
        keys: Vec::new(),
        filter: filter.map(|filter| filter.parse().unwrap()),
        redaction_key: [3; 32],
        record: None,
    }
}

fn decode(job: &Job, form: impl Into<Form>) -> (String, String, Result<(), JobFault>) {
    let (mut output, mut aside) = (Vec::new(), Vec::new());
    let done = traffic::decode(job, form, &mut output, &mut aside);
    (String::from_utf8(output).unwrap(), String::from_utf8(aside).unwrap(), done)
}

fn lines(text: &str) -> Vec<serde_json::Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn json_lines_tell_units_connections_and_the_account() {
    let (output, _, done) =
        decode(&job(golden("go-tls12-rsa-aes128-h2.pcapng"), None), Format::Json);
    done.unwrap();
    let lines = lines(&output);
    let answer = lines.iter().find(|line| line["status"] == 404).unwrap();
    assert_eq!(answer["info"], "HEADERS[13]: 404 Not Found");
    assert_eq!(answer["call"]["verb"], "delete");
    assert_eq!(answer["call"]["name"], "web-9");
    assert!(answer["latency_us"].is_u64());
    let request = lines.iter().find(|line| line["number"] == answer["request"]).unwrap();
    assert_eq!(request["info"], "HEADERS[13]: DELETE /api/v1/namespaces/shop/pods/web-9");
    let connection = lines.iter().find(|line| line["type"] == "connection").unwrap();
    assert_eq!(connection["decryption"], "decrypted");
    assert_eq!(connection["tls"]["suite"], "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
    let summary = lines.last().unwrap();
    assert_eq!((&summary["type"], &summary["requests"]), (&"summary".into(), &7.into()));
    for canary in ["canary-token", "Y2FuYXJ5"] {
        assert!(!output.contains(canary));
    }
}

#[test]
fn a_table_shows_the_filtered_and_the_account_beside() {
    let job = job(golden("go-tls13-h1.pcapng"), Some("status >= 400"));
    let (output, aside, done) = decode(&job, Format::Table { colour: false });
    done.unwrap();
    assert_eq!(output.lines().count(), 2, "{output}");
    assert!(
        output.contains("404 Not Found  ← DELETE /api/v1/namespaces/shop/pods/web-9"),
        "{output}"
    );
    assert!(!output.contains('\x1b'), "no colours were asked for");
    assert!(aside.contains("1 connection: decrypted"), "{aside}");
}

#[test]
fn the_same_redaction_key_gives_the_same_replacements() {
    let path = || golden("go-tls13-h1.pcapng");
    let (first, ..) = decode(&job(path(), None), Format::Json);
    let (again, ..) = decode(&job(path(), None), Format::Json);
    assert_eq!(first, again);
    let other = Job { redaction_key: [4; 32], ..job(path(), None) };
    assert_ne!(first, decode(&other, Format::Json).0);
}

#[test]
fn a_cut_off_capture_is_decoded_up_to_the_cut_and_says_so() {
    let whole = std::fs::read(golden("go-tls13-h2.pcapng")).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cut.pcapng");
    std::fs::write(&path, &whole[..whole.len() - 150]).unwrap();
    let (output, _, done) = decode(&job(path, None), Format::Json);
    assert!(lines(&output).iter().any(|line| line["status"] == 200));
    assert!(matches!(done, Err(JobFault::Read(ReadFault::CutOff { .. }))), "{done:?}");
}

#[test]
fn what_is_no_capture_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("page.html");
    std::fs::write(&path, "<html>").unwrap();
    let (.., done) = decode(&job(path.clone(), None), Format::Json);
    assert!(done.unwrap_err().to_string().contains("page.html"));
    let (.., done) = decode(&job(directory.path().join("missing"), None), Format::Json);
    assert!(matches!(done, Err(JobFault::Read(ReadFault::Io { .. }))));
}

#[test]
fn stats_count_answers_by_what_was_asked() {
    let mut output = Vec::new();
    let job = job(golden("go-tls13-resumed-h2.pcapng"), None);
    traffic::stats(&job, Format::Json, &mut output).unwrap();
    let lines = lines(std::str::from_utf8(&output).unwrap());
    let of = |verb: &str, resource: &str| {
        lines
            .iter()
            .find(|line| line["verb"] == verb && line["resource"] == resource)
            .map(|line| line["count"].clone())
    };
    assert_eq!(of("list", "pods"), Some(2.into()));
    assert_eq!(of("watch", "configmaps"), Some(2.into()));
    assert_eq!(of("create", "secrets"), Some(2.into()));
}

#[test]
fn requests_that_failed_are_explained_and_others_are_not() {
    let explain = |format, filter| {
        let mut output = Vec::new();
        traffic::explain(&job(golden("go-tls13-h2.pcapng"), filter), format, &mut output).unwrap();
        String::from_utf8(output).unwrap()
    };
    // The golden's server names no object in its Status: then none is claimed to be missing.
    let failures = lines(&explain(Format::Json, None));
    let [failure] = &failures[..] else { panic!("{failures:?}") };
    assert_eq!((&failure["type"], &failure["status"]), (&"failure".into(), &404.into()));
    assert_eq!((&failure["method"], &failure["cause"]), (&"DELETE".into(), &"not_found".into()));
    let table = explain(Format::Table { colour: false }, None);
    assert!(table.contains("404  DELETE /api/v1/namespaces/shop/pods/web-9\n"), "{table}");
    assert!(
        table.contains("there is nothing at this address")
            && table.ends_with("1 requests failed\n"),
        "{table}"
    );
    assert_eq!(explain(Format::Json, Some("status == 403")), "");
}

#[test]
fn a_role_is_of_the_user_alone() {
    let role = |user: &str, format| {
        let of = traffic::RoleOf { user: user.to_owned(), by_name: true, held: None };
        let mut output = Vec::new();
        traffic::role(&job(golden("go-tls13-h2.pcapng"), None), &of, format, &mut output).unwrap();
        String::from_utf8(output).unwrap()
    };
    // The golden's client has an opaque token: who it is, nobody can tell.
    let yaml = role("alice", Format::Table { colour: false });
    assert!(yaml.lines().all(|line| line.starts_with('#')), "{yaml}");
    assert!(
        yaml.contains("# answers whose user is not known, any of which may be this one's: 7\n"),
        "{yaml}"
    );
    let json = &lines(&role("alice", Format::Json))[0];
    assert_eq!(
        (&json["type"], &json["yaml"], &json["basis"]["unknown"]),
        (&"role".into(), &"".into(), &7.into())
    );
}
