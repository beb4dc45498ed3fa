//! Captures on their way to other programs: HTTP Archive, OpenTelemetry, and pcapng with the secrets in it. The captures
//! are of `curl` and Go's client with their key logs, and what they said was told by tshark (`crates/wire/tests/goldens`).

use crate::{golden, job};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use traffic::{Form, Format, Input, Job, JobFault, ReadFault};

fn decode(job: &Job, form: impl Into<Form>) -> (String, String) {
    let (output, aside, done) = crate::decode(job, form);
    done.unwrap();
    (output, aside)
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

#[test]
fn a_key_log_is_read_once_and_opens_what_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let (pipe, path) = (directory.path().join("keys"), directory.path().join("out.pcapng"));
    let (capture, log) = without_its_keys(&golden("go-tls13-h2.pcapng"));
    let bare = directory.path().join("bare.pcapng");
    std::fs::write(&bare, capture).unwrap();
    // A pipe gives what it holds once; its last line has no newline.
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let log = log.trim_ascii_end().to_owned();
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        move || std::fs::write(pipe, log).unwrap()
    });
    let record = Some(path.clone());
    let (first, _) = decode(&Job { keys: vec![pipe], record, ..job(bare, None) }, Format::Json);
    writer.join().unwrap();
    assert!(first.contains("\"decryption\":\"decrypted\""), "{first}");
    assert_eq!(first, decode(&job(path, None), Format::Json).0);
}

/// A capture's packets alone, and the key log that was among them.
fn without_its_keys(capture: &std::path::Path) -> (Vec<u8>, Vec<u8>) {
    let bytes = std::fs::read(capture).unwrap();
    let (mut rest, mut reader) = (bytes.as_slice(), wire::CaptureReader::new());
    let (mut bare, mut log) = (Vec::new(), Vec::new());
    let mut writer = wire::CaptureWriter::begin(&mut bare);
    while !rest.is_empty() {
        let wire::Progress::Item { consumed, item } = reader.read(rest).unwrap() else {
            panic!("the capture is cut off");
        };
        match item {
            wire::Item::Packet(packet) => writer.packet(&packet, &mut bare),
            wire::Item::Keys(text) => log.extend_from_slice(text),
            wire::Item::Structure | wire::Item::Dropped(_) => {}
        }
        rest = &rest[consumed..];
    }
    (bare, log)
}

#[test]
fn a_fault_before_the_first_packet_leaves_no_file_and_one_behind_it_what_there_was() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.pcapng");
    let missing = || directory.path().join("missing");
    let of = |inputs, keys| {
        let record = Some(path.clone());
        let job = Job { inputs, keys, record, ..job(missing(), None) };
        crate::decode(&job, Format::Json).2.unwrap_err()
    };
    let good = || Input::File(golden("go-tls13-h2.pcapng"));
    for (inputs, keys) in
        [(vec![Input::File(missing())], Vec::new()), (vec![good()], vec![missing()])]
    {
        let fault = of(inputs, keys);
        assert!(matches!(fault, JobFault::Read(ReadFault::Io { .. })), "{fault:?}");
        assert!(!path.exists(), "an empty file stands in the way of the next try");
    }
    of(vec![good(), Input::File(missing())], Vec::new());
    let (kept, _) = decode(&job(path.clone(), None), Format::Json);
    assert!(kept.contains("\"status\":200"), "{kept}");
}
