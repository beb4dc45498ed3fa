//! What an unmodified API server says and hears, live: keys by eBPF, packets from the wire. Needs root.
//!
//! `SALLYPORT_TEST_KUBECONFIG` names the administrator's kubeconfig of a cluster for tests whose API server runs on this
//! machine (`cluster/cluster`). Every run makes a Secret of its own and takes it away.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a suite of tests"
)]

use capture::golang::Program;
use http::Request;
use kube_io::{Cluster, ClusterSource};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use traffic::{Format, Input, Job, LiveFault, LiveJob, ProgramName, Tap};

const SUITE: &str = "live traffic of a real API server";
const BREAKPOINT: u8 = 0xcc;
const PATIENCE: Duration = Duration::from_secs(30);

fn kubeconfig() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("SALLYPORT_TEST_KUBECONFIG") {
        return Some(path.into());
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "{SUITE}: SALLYPORT_TEST_KUBECONFIG is not set, and in CI this suite must run"
    );
    eprintln!(
        "\n=== {SUITE}: NOT RUN. Set SALLYPORT_TEST_KUBECONFIG to a test cluster's kubeconfig \
         (cluster/cluster kubeconfig) ===\n"
    );
    None
}

/// A writer that can be read, and waited on, by others.
#[derive(Clone, Default)]
struct Paper(Arc<(Mutex<Vec<u8>>, Condvar)>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.0.lock().unwrap().extend_from_slice(bytes);
        self.0.1.notify_all();
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.0.lock().unwrap().clone()).unwrap()
    }

    fn wait_for(&self, what: &str, holds: impl Fn(&str) -> bool) {
        let lacks = |text: &mut Vec<u8>| !holds(std::str::from_utf8(text).unwrap_or_default());
        let (text, timeout) =
            self.0.1.wait_timeout_while(self.0.0.lock().unwrap(), PATIENCE, lacks).unwrap();
        assert!(!timeout.timed_out(), "{what} did not come: {}", String::from_utf8_lossy(&text));
    }
}

/// A capture in a thread of its own.
struct Running {
    output: Paper,
    aside: Paper,
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Result<(), LiveFault>>,
}

impl Running {
    fn start(programs: Vec<ProgramName>, keys: Vec<PathBuf>, record: Option<PathBuf>) -> Self {
        let job = LiveJob {
            tap: Tap { programs, keys, ports: vec![6443], interface: None, waits: false },
            duration: None,
            units_max: None,
            filter: None,
            redaction_key: [9; 32],
            record,
        };
        let (output, aside, stop) = (Paper::default(), Paper::default(), Arc::default());
        let thread = std::thread::spawn({
            let (mut output, mut aside, stop) = (output.clone(), aside.clone(), Arc::clone(&stop));
            move || traffic::capture(&job, Format::Json, &mut output, &mut aside, &stop)
        });
        aside.wait_for("the capture's beginning", |text| text.contains("keys from "));
        Self { output, aside, stop, thread }
    }

    fn end(self) -> (Vec<Value>, String) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap().unwrap();
        let text = self.output.text();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (lines, text + &self.aside.text())
    }
}

/// What a capture says that carries its keys.
fn decoded(capture: PathBuf) -> Vec<Value> {
    let job = Job {
        inputs: vec![Input::File(capture)],
        keys: Vec::new(),
        filter: None,
        redaction_key: [9; 32],
        record: None,
    };
    let mut output = Vec::new();
    traffic::decode(&job, Format::Json, &mut output, &mut Vec::new()).unwrap();
    let text = String::from_utf8(output).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn client(kubeconfig: PathBuf) -> kube::Client {
    let source = ClusterSource::Kubeconfig { path: kubeconfig, context: None };
    Cluster::open("real".parse().unwrap(), &source).await.unwrap().as_hub()
}

fn request(method: &str, path: &str, body: &Value) -> Request<Vec<u8>> {
    let content =
        if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", content)
        .header("accept", "application/json")
        .body(body)
        .unwrap()
}

/// The first byte of `writeKeyLog` in the memory of every API server on this machine.
fn first_bytes() -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().map(Result::unwrap) {
        let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
        if name != "kube-apiserver\n" {
            continue;
        }
        let file = File::open(entry.path().join("exe")).unwrap();
        let program = Program::read(&file, &["crypto/tls.(*Config).writeKeyLog"]).unwrap();
        let mut byte = [0];
        let memory = File::open(entry.path().join("mem")).unwrap();
        memory.read_exact_at(&mut byte, program.functions()[0].unwrap().address).unwrap();
        bytes.push(byte[0]);
    }
    assert!(!bytes.is_empty(), "{SUITE}: the API server must run on this machine");
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unmodified_api_server_is_read_live_and_left_as_it_was() {
    let Some(kubeconfig) = kubeconfig() else { return };
    let before = first_bytes();
    assert!(!before.contains(&BREAKPOINT), "another capture runs on this machine");
    let directory = tempfile::tempdir().unwrap();
    let record = directory.path().join("live.pcapng");
    let programs = vec![ProgramName::Named("kube-apiserver".to_owned())];
    let running = Running::start(programs, Vec::new(), Some(record.clone()));
    assert!(first_bytes().iter().all(|byte| *byte == BREAKPOINT));

    // A client of its own: connections that are older than the capture cannot be read.
    let client = client(kubeconfig).await;
    let name = format!("capture-{}", std::process::id());
    let secrets = "/api/v1/namespaces/default/secrets";
    let (canary, token) = ("canary-in-a-secret", "canary-in-a-token");
    // What `kubectl apply` leaves in an annotation is the secret once more.
    let applied = json!({ "stringData": { "password": canary } }).to_string();
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "stringData": { "password": canary },
        "metadata": { "name": name, "annotations": {
            "kubectl.kubernetes.io/last-applied-configuration": applied,
        }},
    });
    let one = format!("{secrets}/{name}");
    for (method, path, body) in [
        ("POST", secrets, &secret),
        ("GET", &one, &Value::Null),
        ("PATCH", &one, &json!({ "stringData": { "other": canary } })),
        ("GET", secrets, &Value::Null),
        ("GET", "/api/v1/namespaces/default/pods", &Value::Null),
        ("DELETE", &one, &Value::Null),
    ] {
        client.request_text(request(method, path, body)).await.unwrap();
    }
    // The certificate is believed before the token is looked at; it travels all the same.
    let mut last = request("GET", "/version", &Value::Null);
    let bearer = format!("Bearer {token}").parse().unwrap();
    last.headers_mut().insert("authorization", bearer);
    client.request_text(last).await.unwrap();

    // The request, its answer and the content name their path.
    running.output.wait_for("the last answer", |text| text.matches("\"/version\"").count() >= 3);
    let (lines, all) = running.end();
    let answered = |lines: &[Value], verb: &str, resource: &str, status: u16| {
        lines.iter().any(|line| {
            line["status"] == status
                && line["call"]["verb"] == verb
                && line["call"]["resource"] == resource
                && line["latency_us"].is_u64()
        })
    };
    let recorded = decoded(record);
    for (verb, resource, status) in [
        ("create", "secrets", 201),
        ("get", "secrets", 200),
        ("patch", "secrets", 200),
        ("list", "secrets", 200),
        ("list", "pods", 200),
        ("delete", "secrets", 200),
    ] {
        assert!(answered(&lines, verb, resource, status), "{verb} {resource} is missing: {all}");
        let words = "is not in the written capture";
        assert!(answered(&recorded, verb, resource, status), "{verb} {resource} {words}");
    }
    let named = |line: &&Value| line["call"]["name"] == name.as_str() && line["data"].is_object();
    let shown = lines.iter().find(named).expect("the Secret's content is shown, redacted");
    assert!(shown["data"]["text"].as_str().unwrap().contains("[redacted:"), "{shown}");
    for canary in [canary, token, "Y2FuYXJ5LWluLWEtc2VjcmV0"] {
        assert!(!all.contains(canary), "`{canary}` has come out");
    }
    let summary = lines.last().unwrap();
    assert_eq!((&summary["type"], &summary["dropped"]), (&"summary".into(), &0.into()));

    assert_eq!(first_bytes(), before, "the probes are gone");
    client.request_text(request("GET", "/readyz", &Value::Null)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_keys_nothing_of_it_is_read() {
    let Some(kubeconfig) = kubeconfig() else { return };
    let directory = tempfile::tempdir().unwrap();
    let running = Running::start(Vec::new(), vec![directory.path().join("keys.log")], None);
    let client = client(kubeconfig).await;
    client.request_text(request("GET", "/api/v1/namespaces", &Value::Null)).await.unwrap();
    running.output.wait_for("the handshake", |text| text.contains("ServerHello"));
    drop(client);
    let (lines, all) = running.end();
    assert!(!lines.iter().any(|line| line["call"].is_object()), "{all}");
    let kept_back = lines.iter().find(|line| line["decryption"] == "no_key").expect(&all);
    assert!(kept_back["advice"].as_str().unwrap().contains("--process"), "{kept_back}");
}
