//! The handlers against a small double of the API server: what is seen, and beside it what is not.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a suite of tests")]

#[path = "../../workspaces/tests/support/mod.rs"]
mod support;

use axum::Router;
use axum::extract::FromRef;
use http::StatusCode;
use http_api::HttpApi;
use pods::Pods;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use store::AuditOutcome;
use support::double::{Double, status};
use support::{Hub, hub};
use tokio_util::sync::CancellationToken;

#[derive(Clone)]
struct State {
    api: HttpApi,
    pods: Pods,
}
impl FromRef<State> for HttpApi {
    fn from_ref(state: &State) -> Self {
        state.api.clone()
    }
}
impl FromRef<State> for Pods {
    fn from_ref(state: &State) -> Self {
        state.pods.clone()
    }
}

fn serve(hub: &Hub) -> Router {
    let pods = Pods::new(hub.api.clone(), CancellationToken::new());
    let state = State { api: hub.api.clone(), pods };
    let (router, _) = pods::router::<State>().split_for_parts();
    http_api::fortify(router, &hub.api).with_state(state)
}

const PATH: &str = "/api/v1/pods";

fn pod(namespace: &str, name: &str) -> Value {
    json!({
        "metadata": { "name": name, "namespace": namespace, "uid": format!("uid-{name}"), "resourceVersion": "7" },
        "spec": { "containers": [{ "name": "c", "image": "i:1" }] },
        "status": { "phase": "Running" },
    })
}

/// Three namespaces with a Pod each.
fn populated() -> Double {
    ["red", "green", "blue"].into_iter().fold(Double::default(), |double, name| {
        let space = json!({ "metadata": { "name": name, "uid": name } });
        double.with(&format!("/api/v1/namespaces/{name}"), space).with(
            &format!("/api/v1/namespaces/{name}/pods/{name}-0"),
            pod(name, &format!("{name}-0")),
        )
    })
}

/// Root sees all, Alice sees green, everybody else nothing.
fn rule(spec: &Value) -> bool {
    let namespace = spec["resourceAttributes"]["namespace"].as_str();
    match spec["user"].as_str().unwrap_or_default() {
        "root" => true,
        "alice" => namespace == Some("green"),
        _ => false,
    }
}

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|pod| pod["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_list_reaches_as_far_as_rbac_lets_the_person_see() {
    let double = populated().allowing(rule);
    let hub = hub(vec![double.cluster("one")]).await;
    let router = serve(&hub);
    for (user, seen, scope, namespaces) in [
        ("root", vec!["blue-0", "green-0", "red-0"], "cluster", json!([])),
        ("alice", vec!["green-0"], "namespaces", json!(["green"])),
        ("mallory", vec![], "namespaces", json!([])),
    ] {
        let browser = hub.browser(user, &[], "one").await;
        let (code, list) = browser.get(&router, PATH).await;
        assert_eq!(code, StatusCode::OK, "{list}");
        assert_eq!(names(&list), seen);
        assert_eq!((&list["scope"], &list["namespaces"]), (&json!(scope), &namespaces));
        assert_eq!(list["clusters_unreachable"], json!([]));
    }
    // Pods are read as the person, every time; the hub reads the names of namespaces.
    let reads = double.seen("GET", "/pods");
    assert!(!reads.is_empty() && reads.iter().all(|it| it.person.is_some()), "{reads:?}");
    // How far Alice sees is remembered for a while; only for what she sees is her right asked each time.
    let before = double.seen("POST", "subjectaccessreviews").len();
    hub.browser("alice", &[], "one").await.get(&router, PATH).await;
    assert_eq!(double.seen("POST", "subjectaccessreviews").len(), before + 1);
    // With another group she is somebody else to RBAC.
    hub.browser("alice", &["ops"], "one").await.get(&router, PATH).await;
    assert!(double.seen("POST", "subjectaccessreviews").len() > before);
}

#[tokio::test]
async fn looking_again_and_again_is_held_back_before_the_cluster_is_asked() {
    let double = populated().allowing(rule);
    let hub = hub(vec![double.cluster("one")]).await;
    let router = serve(&hub);
    let alice = hub.browser("alice", &[], "one").await;
    let mut codes = Vec::new();
    for _ in 0..400 {
        codes.push(alice.get(&router, "/api/v1/pods/one/red/red-0").await.0);
    }
    let asked = codes.iter().filter(|code| **code == StatusCode::FORBIDDEN).count();
    let held = codes.iter().filter(|code| **code == StatusCode::TOO_MANY_REQUESTS).count();
    assert!(asked >= 199 && held > 0 && asked + held == 400, "{asked} asked, {held} held back");
    // A refusal is made of one review for each verb that is refused, and one record.
    assert!(double.seen("POST", "subjectaccessreviews").len() <= asked);
    assert_eq!(hub.audit("request").await.len(), 1);
}

#[tokio::test]
async fn one_pod_is_shown_or_refused_by_rbac() {
    let double = populated().allowing(rule);
    let hub = hub(vec![double.cluster("one"), Double::default().cluster("two")]).await;
    let router = serve(&hub);
    let alice = hub.browser("alice", &[], "one").await;
    let (code, seen) = alice.get(&router, "/api/v1/pods/one/green/green-0").await;
    assert_eq!((code, &seen["reason"]), (StatusCode::OK, &json!("Running")));
    assert_eq!(alice.get(&router, "/api/v1/pods/one/green/none").await.0, StatusCode::NOT_FOUND);
    for name in ["red-0", "there-is-none"] {
        let (code, problem) = alice.get(&router, &format!("/api/v1/pods/one/red/{name}")).await;
        assert_eq!((code, &problem["decided_by"]), (StatusCode::FORBIDDEN, &json!("kubernetes")));
    }
    assert_eq!(hub.audit("pod.read").await[0].entry.outcome, AuditOutcome::Denied);
    assert_eq!(double.seen("GET", "/namespaces/red/pods").len(), 0, "not even asked for");
    for (path, code, problem_code) in [
        ("/api/v1/pods/two/green/green-0", 404, "cluster_unknown"),
        ("/api/v1/pods/none/green/green-0", 404, "cluster_unknown"),
        ("/api/v1/pods/one/green/..%2F..%2Fsecrets", 400, "bad_request"),
        ("/api/v1/pods/one/gr%1B%5B2Jeen/x", 400, "bad_request"),
        ("/api/v1/pods/one/green/%ED%8C%8C%EB%93%9C", 400, "bad_request"),
        ("/api/v1/pods/ONE/green/x", 400, "bad_request"),
        ("/api/v1/pods?cluster=a%2Fb", 400, "bad_request"),
        ("/api/v1/pods?cluster=two", 404, "cluster_unknown"),
        ("/api/v1/pods?namespace=green", 400, "bad_request"),
    ] {
        let (got, problem) = alice.get(&router, path).await;
        assert_eq!(
            (got.as_u16(), problem["code"].as_str().unwrap()),
            (code, problem_code),
            "{path}"
        );
        assert!(!problem["detail"].as_str().unwrap().contains('\u{1b}'), "{problem}");
    }
}

#[tokio::test]
async fn a_silent_cluster_is_named_and_the_others_are_listed() {
    let silent = Double::default().intercepting(|_| Some((0, Value::Null)));
    let broken =
        Double::default().intercepting(|_| Some((401, status(401, "Unauthorized", "who?"))));
    let double = populated().allowing(rule);
    let clusters = vec![double.cluster("one"), silent.cluster("two"), broken.cluster("three")];
    let hub = hub(clusters).await;
    let router = serve(&hub);
    // A token's sign-in holds for its own cluster; no other one is asked in its name.
    let root = hub.browser("root", &[], "one").await;
    let (_, list) = root.get(&router, PATH).await;
    assert_eq!((names(&list).len(), &list["clusters_unreachable"]), (3, &json!([])));
    assert!(silent.seen("POST", "/").is_empty());
    // An account's holds for all.
    let all = hub.account("bob").await;
    let (code, list) = all.get(&router, PATH).await;
    assert_eq!((code, &list["clusters_unreachable"]), (StatusCode::OK, &json!(["two", "three"])));
    let (code, problem) = all.get(&router, "/api/v1/pods/two/x/y").await;
    assert_eq!((code, &problem["code"]), (StatusCode::BAD_GATEWAY, &json!("cluster_unreachable")));
}

fn line(kind: &str, object: Value) -> String {
    json!({ "type": kind, "object": object }).to_string()
}

#[tokio::test]
async fn a_watch_is_a_snapshot_and_then_changes_and_a_new_snapshot_after_410() {
    let double = populated().allowing(rule);
    let hub = hub(vec![double.cluster("one")]).await;
    let router = serve(&hub);
    let alice = hub.browser("alice", &[], "one").await;
    let watch = double.next_watch();
    let mut events = alice.events(&router, "/api/v1/pods/watch").await.unwrap();
    let (name, snapshot) = events.next().await.unwrap();
    assert_eq!((name.as_str(), names(&snapshot)), ("snapshot", vec!["green-0"]));
    watch.send(line("ADDED", pod("green", "green-1"))).unwrap();
    let change = events.named("change").await;
    assert_eq!((&change["kind"], &change["pod"]["name"]), (&json!("applied"), &json!("green-1")));
    watch.send(line("DELETED", pod("green", "green-1"))).unwrap();
    assert_eq!(events.named("change").await["kind"], "deleted");
    // The cluster forgets: everything is told anew.
    let next = double.next_watch();
    watch.send(line("ERROR", status(410, "Expired", "too old resource version"))).unwrap();
    let (name, snapshot) = events.next().await.unwrap();
    assert_eq!((name.as_str(), names(&snapshot)), ("snapshot", vec!["green-0"]));
    // The connection breaks and comes back: stale, then live.
    let broken = Arc::new(AtomicBool::new(true));
    let rule_broken = Arc::clone(&broken);
    let _double = double.clone().intercepting(move |seen| {
        (seen.query.contains("watch=true") && rule_broken.load(Ordering::Relaxed))
            .then_some((0, Value::Null))
    });
    drop(next);
    let (name, told) = events.next().await.unwrap();
    assert_eq!(name, "stale", "{told}");
    broken.store(false, Ordering::Relaxed);
    let (name, _) = events.next().await.unwrap();
    assert_eq!(name, "live");
    for asked in double.seen("GET", "/pods") {
        assert_eq!(asked.person.as_deref(), Some("alice"));
    }
    hub.sign_out(&alice).await;
    while events.next().await.is_some() {}
}

#[tokio::test]
async fn a_watch_ends_when_the_api_server_takes_the_right_away() {
    let allowed = Arc::new(AtomicBool::new(true));
    let still = Arc::clone(&allowed);
    let double = populated().allowing(move |spec| still.load(Ordering::Relaxed) && rule(spec));
    let hub = hub(vec![double.cluster("one")]).await;
    let router = serve(&hub);
    let alice = hub.browser("alice", &[], "one").await;
    let watch = double.next_watch();
    let mut events = alice.events(&router, "/api/v1/pods/watch").await.unwrap();
    events.named("snapshot").await;
    allowed.store(false, Ordering::Relaxed);
    watch.send(line("ERROR", status(403, "Forbidden", "not any more"))).unwrap();
    let told = events.named("stale").await;
    assert_eq!(told["reason"], "right_withdrawn", "{told}");
    assert!(told["detail"].as_str().unwrap().contains("withdrawn"), "{told}");
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn a_silent_cluster_does_not_hold_the_snapshot_back() {
    let silent = Double::default().intercepting(|_| Some((0, Value::Null)));
    let everybody = populated().allowing(|_| true);
    let hub = hub(vec![everybody.cluster("one"), silent.cluster("two")]).await;
    let router = serve(&hub);
    let bob = hub.account("bob").await;
    let mut events = bob.events(&router, "/api/v1/pods/watch").await.unwrap();
    let (name, snapshot) = events.next().await.unwrap();
    assert_eq!((name.as_str(), names(&snapshot).len()), ("snapshot", 3));
    let told = events.named("stale").await;
    assert_eq!([&told["reason"], &told["cluster"]], ["cluster_silent", "two"], "{told}");
    assert!(told["detail"].as_str().unwrap().contains("`two`"), "{told}");
}

#[tokio::test]
async fn watches_are_bounded_and_give_their_place_back() {
    let double = populated().allowing(rule);
    let hub = hub(vec![double.cluster("one")]).await;
    let router = serve(&hub);
    let alice = hub.browser("alice", &[], "one").await;
    let path = "/api/v1/pods/watch";
    // Signing in again makes no more room.
    let again = hub.browser("alice", &[], "one").await;
    let mut open = Vec::new();
    for _ in 0..8 {
        open.push(alice.events(&router, path).await.unwrap());
        open.push(again.events(&router, path).await.unwrap());
    }
    for browser in [&alice, &again, &hub.browser("alice", &[], "one").await] {
        let refused = browser.events(&router, path).await.err();
        assert_eq!(refused, Some(StatusCode::TOO_MANY_REQUESTS));
    }
    let root = hub.browser("root", &[], "one").await;
    assert!(root.events(&router, path).await.is_ok(), "another person has their own");
    let namesake = hub.browser("alice", &[], "two").await;
    let refused = namesake.events(&router, path).await.err();
    assert_ne!(refused, Some(StatusCode::TOO_MANY_REQUESTS), "and so has a namesake elsewhere");
    open.clear();
    // The tasks notice that nobody listens.
    for _ in 0..1000 {
        match alice.events(&router, path).await {
            Ok(_) => return,
            Err(_) => tokio::task::yield_now().await,
        }
    }
    panic!("no place came back");
}

#[test]
fn every_route_is_described_with_its_refusals() {
    let (_, api) = pods::router::<State>().split_for_parts();
    let api = serde_json::to_value(&api).unwrap();
    for (path, refusals) in [
        ("/api/v1/pods", vec!["400", "404"]),
        ("/api/v1/pods/watch", vec!["400", "404", "429"]),
        ("/api/v1/pods/{cluster}/{namespace}/{name}", vec!["400", "403", "404", "502"]),
    ] {
        let responses = &api["paths"][path]["get"]["responses"];
        assert!(responses["200"].is_object(), "{path}");
        for refusal in refusals {
            let schema = &responses[refusal]["content"]["application/json"]["schema"]["$ref"];
            assert_eq!(schema, "#/components/schemas/Problem", "{path} {refusal}");
        }
    }
    let told = &api["components"]["schemas"]["PodsTold"]["oneOf"];
    assert_eq!(told.as_array().unwrap().len(), 3, "{told}");
}
