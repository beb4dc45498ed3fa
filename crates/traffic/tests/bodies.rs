//! What a real API server says in JSON and in protobuf, of everything that it serves: decoded it is one tree.
//!
//! `SALLYPORT_TEST_KUBECONFIG` names the administrator's kubeconfig of a cluster for tests. It only reads.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a suite of tests"
)]

use http::Request;
use http_body_util::BodyExt as _;
use kube::client::Body;
use kube_io::{Cluster, ClusterSource};
use serde_json::Value;
use std::path::PathBuf;
use wire::Redactor;

const SUITE: &str = "bodies of a real API server";
const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
const JSON_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Leases and events change while they are read; twice in a row they do not.
const ATTEMPTS: usize = 20;

fn kubeconfig() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("SALLYPORT_TEST_KUBECONFIG") {
        return Some(path.into());
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "{SUITE}: SALLYPORT_TEST_KUBECONFIG is not set, and in CI this suite must run"
    );
    eprintln!("\n=== {SUITE}: NOT RUN. Set SALLYPORT_TEST_KUBECONFIG ===\n");
    None
}

/// An answer's bytes, if it has the type that was asked for.
async fn get(client: &kube::Client, path: &str, media_type: &str) -> Option<Vec<u8>> {
    let request = Request::get(path).header("accept", media_type).body(Body::empty()).unwrap();
    let answer = client.send(request).await.unwrap();
    let is_wanted = answer
        .headers()
        .get("content-type")
        .is_some_and(|found| found.to_str().unwrap().starts_with(media_type));
    let is_ok = answer.status().is_success();
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    (is_ok && is_wanted).then(|| bytes.to_vec())
}

async fn json(client: &kube::Client, path: &str) -> Value {
    let bytes = get(client, path, "application/json").await.unwrap_or_else(|| panic!("{path}"));
    serde_json::from_slice(&bytes).unwrap()
}

fn texts<'a>(value: &'a Value, list: &str, field: &'a str) -> impl Iterator<Item = &'a str> {
    value[list].as_array().into_iter().flatten().filter_map(move |each| each[field].as_str())
}

/// The paths of everything that can be listed.
async fn lists(client: &kube::Client) -> Vec<String> {
    let mut versions = vec!["/api/v1".to_owned()];
    let groups = json(client, "/apis").await;
    for group in groups["groups"].as_array().unwrap() {
        versions
            .extend(texts(group, "versions", "groupVersion").map(|name| format!("/apis/{name}")));
    }
    let mut lists = Vec::new();
    for version in versions {
        let resources = json(client, &version).await;
        for resource in resources["resources"].as_array().unwrap() {
            let can_list = resource["verbs"].as_array().unwrap().iter().any(|verb| verb == "list");
            if can_list {
                lists.push(format!("{version}/{}", resource["name"].as_str().unwrap()));
            }
        }
    }
    lists
}

/// Both forms of one answer as trees, redacted with one key, so that equal secrets are equal.
async fn both(client: &kube::Client, path: &str) -> Option<(Value, Value)> {
    let redactor = Redactor::new(&[5; 32]);
    let is_secret = path.contains("/secrets");
    let bytes = get(client, path, PROTOBUF).await?;
    let ours = redactor.protobuf(&bytes, is_secret, JSON_BYTES_MAX).expect(path);
    let theirs = get(client, path, "application/json").await?;
    let theirs = redactor.json(std::str::from_utf8(&theirs).unwrap(), is_secret).expect(path);
    let tree = |text: &str| {
        let mut tree: Value = serde_json::from_str(text).unwrap();
        // The database's revision goes on between the two, whatever is asked for.
        if tree["items"].is_array() {
            tree["metadata"]["resourceVersion"] = Value::Null;
        }
        tree
    };
    Some((tree(&ours), tree(&theirs)))
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_served_says_the_same_in_both_forms() {
    let Some(kubeconfig) = kubeconfig() else { return };
    let source = ClusterSource::Kubeconfig { path: kubeconfig, context: None };
    let cluster = Cluster::open("real".parse().unwrap(), &source).await.unwrap();
    let client = cluster.as_hub();
    let (mut compared, mut objects, mut only_json) = (0, 0, Vec::new());
    for list in lists(&client).await {
        let mut paths = vec![list.clone()];
        let mut done = 0;
        while let Some(path) = paths.get(done).cloned() {
            done += 1;
            let mut last = None;
            for _ in 0..ATTEMPTS {
                last = both(&client, &path).await;
                match &last {
                    Some((ours, theirs)) if ours != theirs => {}
                    _ => break,
                }
            }
            let Some((ours, theirs)) = last else {
                only_json.push(path);
                continue;
            };
            assert_eq!(ours, theirs, "{path}");
            compared += 1;
            objects += ours["items"].as_array().map_or(1, Vec::len);
            // One object of the list as well, which says its kind.
            if let (1, Some(first)) = (done, ours["items"].get(0)) {
                let (version, resource) = list.rsplit_once('/').unwrap();
                let name = first["metadata"]["name"].as_str().unwrap();
                paths.push(match first["metadata"]["namespace"].as_str() {
                    Some(namespace) => {
                        format!("{version}/namespaces/{namespace}/{resource}/{name}")
                    }
                    None => format!("{version}/{resource}/{name}"),
                });
            }
        }
    }
    eprintln!("{compared} answers with {objects} objects are equal; only JSON: {only_json:?}");
    assert!(compared > 60 && objects > 200, "{compared} answers, {objects} objects");
    // Custom resources have no protobuf.
    assert!(only_json.len() < 10, "{only_json:?}");
}
