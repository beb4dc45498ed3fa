//! Captures on their way to other programs: HTTP Archive, OpenTelemetry, and pcapng with the secrets in it. The captures
//! are of `curl` and Go's client with their key logs, and what they said was told by tshark (`crates/wire/tests/goldens`).
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use traffic::{Form, Format, Input, Job, JobFault};

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

fn decode(job: &Job, form: impl Into<Form>) -> (String, String) {
    let (mut output, mut aside) = (Vec::new(), Vec::new());
    traffic::decode(job, form, &mut output, &mut aside).unwrap();
    (String::from_utf8(output).unwrap(), String::from_utf8(aside).unwrap())
}

fn entries(name: &str, filter: Option<&str>) -> Vec<Value> {
    let (output, _) = decode(&job(golden(name), filter), Form::Har);
    for canary in ["canary-token", "Y2FuYXJ5"] {
        assert!(!output.contains(canary), "{output}");
    }
    let mut har: Value = serde_json::from_str(&output).unwrap();
    assert_eq!(har["log"]["version"], "1.2");
    serde_json::from_value(har["log"]["entries"].take()).unwrap()
}

fn spans(name: &str, filter: Option<&str>) -> Vec<Value> {
    let (output, _) = decode(&job(golden(name), filter), Form::Otlp);
    assert!(!output.contains("canary-token"), "{output}");
    let span = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["resourceSpans"][0]["scopeSpans"][0]["spans"][0].clone()
    };
    output.lines().map(span).collect()
}

fn attribute<'a>(span: &'a Value, key: &str) -> &'a Value {
    let attributes = span["attributes"].as_array().unwrap();
    attributes
        .iter()
        .find(|attribute| attribute["key"] == key)
        .map_or(&Value::Null, |attribute| &attribute["value"])
}

#[test]
fn every_request_is_an_entry_with_its_answer() {
    for name in ["go-tls12-rsa-aes128-h2.pcapng", "go-tls13-h1.pcapng"] {
        let entries = entries(name, None);
        assert_eq!(entries.len(), 7, "{name}");
        for entry in &entries {
            let url = entry["request"]["url"].as_str().unwrap();
            assert!(url.starts_with("https://"), "{url}");
            assert!(entry["response"]["status"].as_u64().unwrap() >= 200, "{entry}");
            assert!(entry["time"].as_f64().unwrap() >= 0.0, "{entry}");
            assert_eq!(entry["serverIPAddress"], "127.0.0.1");
        }
    }
}

#[test]
fn an_entry_is_chosen_whole_by_what_is_said_in_it() {
    let found = entries("go-tls13-h1.pcapng", Some("status == 404"));
    let [entry] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(entry["request"]["method"], "DELETE");
    assert_eq!(entry["response"]["status"], 404);
    assert_eq!(entry["response"]["statusText"], "Not Found");
    let words = ["_verb", "_resource", "_namespace", "_name"].map(|key| entry[key].as_str());
    assert_eq!(words, [Some("delete"), Some("pods"), Some("shop"), Some("web-9")]);
    assert!(entries("go-tls13-h1.pcapng", Some("status == 418")).is_empty());
}

#[test]
fn a_span_says_who_asked_for_what_and_how_it_ended() {
    let found = spans("go-tls12-rsa-aes128-h2.pcapng", Some("status == 404"));
    let [span] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((&span["name"], &span["kind"]), (&"delete pods".into(), &2.into()));
    assert_eq!(attribute(span, "http.response.status_code")["intValue"], "404");
    assert_eq!(attribute(span, "url.scheme")["stringValue"], "https");
    assert_eq!(attribute(span, "k8s.namespace.name")["stringValue"], "shop");
    assert!(attribute(span, "no.such")["stringValue"].is_null());
    assert!(span["status"].is_null(), "of a server, only its own faults are errors");
    assert_eq!(span["traceId"].as_str().unwrap().len(), 32);
    assert_eq!(span["spanId"].as_str().unwrap().len(), 16);
    let nanoseconds = |key: &str| span[key].as_str().unwrap().parse::<u64>().unwrap();
    assert!(nanoseconds("startTimeUnixNano") < nanoseconds("endTimeUnixNano"));
}

#[test]
fn spans_of_one_capture_have_ids_of_their_own_and_the_same_again() {
    let first = spans("go-tls13-h2.pcapng", None);
    let ids: std::collections::HashSet<_> =
        first.iter().map(|span| span["spanId"].clone()).collect();
    assert_eq!(ids.len(), first.len());
    assert_eq!(first, spans("go-tls13-h2.pcapng", None));
}

#[test]
fn a_written_capture_opens_decrypted_and_for_its_owner_alone() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["go-tls12-resumed-h1.pcapng", "go-tls13-h2.pcapng", "openssl-tls13-chacha.pcapng"]
    {
        let path = directory.path().join(name);
        let record = Some(path.clone());
        let (first, aside) = decode(&Job { record, ..job(golden(name), None) }, Format::Json);
        assert!(aside.contains("unredacted"), "{aside}");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let (again, _) = decode(&job(path, None), Format::Json);
        assert!(first.contains("\"decryption\":\"decrypted\""), "{first}");
        assert_eq!(first, again, "{name}");
    }
}

#[test]
fn a_capture_is_never_written_over_another_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("there.pcapng");
    std::fs::write(&path, "mine").unwrap();
    let job = Job { record: Some(path.clone()), ..job(golden("go-tls13-h1.pcapng"), None) };
    let fault = traffic::decode(&job, Format::Json, &mut Vec::new(), &mut Vec::new()).unwrap_err();
    assert!(matches!(fault, JobFault::Record(_)), "{fault:?}");
    assert!(fault.to_string().contains("there.pcapng"), "{fault}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
}

#[test]
fn an_archive_without_requests_is_whole_too() {
    assert!(entries("go-tls13-h2.pcapng", Some("user == nobody")).is_empty());
}
