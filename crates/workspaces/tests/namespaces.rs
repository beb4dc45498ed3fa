//! Whose a namespace is, against a small double of the API server: what is ours, and everything that only looks so.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a suite of tests")]

mod served;
mod support;

use axum::Router;
use http::StatusCode;
use model::Timestamp;
use serde_json::{Value, json};
use support::double::Double;
use support::{Hub, hub};
use workspaces::{BIRTH_MARK, MANAGED_BY, OWNER, Settings, Template, namespace_of, owner_hash};

const ALICE: &str = "sallyport:alice";

fn path() -> String {
    format!("/api/v1/namespaces/{}", namespace_of(ALICE))
}

fn settings() -> Settings {
    Settings::new(vec![Template::debian_shell("debian:12")], 9, 20).unwrap()
}

fn serve(hub: &Hub) -> Router {
    served::serve_with(hub, settings()).0
}

/// Somebody's namespace, as it would be of alice by all that can be seen of it.
fn marked(uid: &str) -> Value {
    json!({ "metadata": {
        "name": namespace_of(ALICE).as_str(), "uid": uid,
        "labels": { MANAGED_BY: "sallyport", OWNER: owner_hash(ALICE) },
        "annotations": { OWNER: ALICE },
    } })
}

async fn create(hub: &Hub, router: &Router) -> (StatusCode, Value) {
    let alice = hub.browser(ALICE, &[], "one").await;
    alice.post(router, "/api/v1/workspaces", json!({ "template": "debian" })).await
}

async fn refuses(hub: &Hub, router: &Router, double: &Double, told: &str) {
    let (patched, there) = (double.seen("PATCH", "/").len(), double.object(&path()));
    let (code, answer) = create(hub, router).await;
    assert_eq!((code, &answer["code"]), (StatusCode::CONFLICT, &json!("conflict")), "{answer}");
    assert_eq!(answer["decided_by"], "hub");
    assert!(answer["detail"].as_str().unwrap().contains(told), "{answer}");
    assert_eq!(double.seen("PATCH", "/").len(), patched, "nothing is changed in it");
    assert_eq!(double.object(&path()), there);
}

async fn allows(hub: &Hub, router: &Router) {
    let (code, answer) = create(hub, router).await;
    assert_eq!(code, StatusCode::CREATED, "{answer}");
}

async fn known_uid(hub: &Hub) -> Option<String> {
    let name = namespace_of(ALICE);
    hub.api.store.known_namespace(&"one".parse().unwrap(), &name).await.unwrap().uid
}

#[tokio::test]
async fn a_namespace_that_is_somebody_elses_is_left_alone() {
    let changed = |key: &str, part: &str, value: &str| {
        let mut space = marked("uid-theirs");
        space["metadata"][part][key] = value.into();
        space
    };
    for theirs in [
        json!({ "metadata": { "name": "x", "uid": "u" } }),
        changed(MANAGED_BY, "labels", "helm"),
        changed(OWNER, "annotations", "sallyport:mallory"),
        changed(OWNER, "labels", "0000000000000000"),
    ] {
        let double = Double::default().allowing(|_| true).with(&path(), theirs);
        let hub = hub(vec![double.cluster("one")]).await;
        // Not even an operator's word makes it ours.
        for settings in [settings(), settings().adopting_namespaces(true)] {
            let (router, _, _) = served::serve_with(&hub, settings);
            refuses(&hub, &router, &double, "is not this person's").await;
        }
        assert_eq!(known_uid(&hub).await, None);
    }
}

#[tokio::test]
async fn forged_marks_make_no_namespace_ours() {
    let mut forged = marked("uid-forged");
    forged["metadata"]["annotations"][BIRTH_MARK] = "00000000000000000000000000000000".into();
    for forged in [marked("uid-forged"), forged] {
        let double = Double::default().allowing(|_| true).with(&path(), forged);
        let hub = hub(vec![double.cluster("one")]).await;
        refuses(&hub, &serve(&hub), &double, "this hub did not make it").await;
        assert_eq!(known_uid(&hub).await, None);
    }
}

#[tokio::test]
async fn an_operators_word_adopts_one_and_is_recorded_and_not_needed_again() {
    let double = Double::default().allowing(|_| true).with(&path(), marked("uid-old"));
    let hub = hub(vec![double.cluster("one")]).await;
    let (adopting, _, _) = served::serve_with(&hub, settings().adopting_namespaces(true));
    allows(&hub, &adopting).await;
    assert_eq!(known_uid(&hub).await.as_deref(), Some("uid-old"));
    let records = hub.audit("workspace.namespace.adopt").await;
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].entry.detail, json!({ "owner": ALICE, "uid": "uid-old" }));
    allows(&hub, &serve(&hub)).await;
    allows(&hub, &adopting).await;
    assert_eq!(hub.audit("workspace.namespace.adopt").await.len(), 1);
}

#[tokio::test]
async fn ours_is_known_again_by_a_hub_that_was_just_started() {
    let double = Double::default().allowing(|_| true);
    let hub = hub(vec![double.cluster("one")]).await;
    allows(&hub, &serve(&hub)).await;
    allows(&hub, &serve(&hub)).await;
    assert_eq!(double.seen("POST", "/api/v1/namespaces").iter().filter(is_space).count(), 1);
    let made = double.object(&path()).unwrap();
    assert_eq!(known_uid(&hub).await.as_deref(), made["metadata"]["uid"].as_str());
}

#[tokio::test]
async fn one_that_took_the_place_of_ours_is_not_ours() {
    let double = Double::default().allowing(|_| true);
    let hub = hub(vec![double.cluster("one")]).await;
    let running = serve(&hub);
    allows(&hub, &running).await;
    // Deleted, and made again with all that could be read of the first.
    let born = double.seen("POST", "/api/v1/namespaces").into_iter().find(|it| is_space(&it));
    let mut copy = born.unwrap().body;
    assert_eq!(copy["metadata"]["annotations"][BIRTH_MARK].as_str().unwrap().len(), 32);
    copy["metadata"]["uid"] = "uid-copy".into();
    let double = double.with(&path(), copy);
    // Also to the hub that had it in shape a moment ago.
    refuses(&hub, &running, &double, "this hub did not make it").await;
    refuses(&hub, &serve(&hub), &double, "this hub did not make it").await;
    // Gone, it is made again, and then that one is ours.
    double.remove(&path());
    allows(&hub, &running).await;
    allows(&hub, &serve(&hub)).await;
}

#[tokio::test]
async fn one_that_a_hub_made_and_could_not_note_is_ours_once() {
    let double = Double::default().allowing(|_| true);
    let hub = hub(vec![double.cluster("one")]).await;
    let (cluster, name) = ("one".parse().unwrap(), namespace_of(ALICE));
    let store = &hub.api.store;
    let mark = store.announce_namespace(&cluster, &name, "ab12", Timestamp::now()).await.unwrap();
    // Here the hub was killed.
    let mut born = marked("uid-born");
    born["metadata"]["annotations"][BIRTH_MARK] = mark.into();
    let double = double.with(&path(), born.clone());
    allows(&hub, &serve(&hub)).await;
    assert_eq!(known_uid(&hub).await.as_deref(), Some("uid-born"));
    born["metadata"]["uid"] = "uid-second".into();
    let double = double.with(&path(), born);
    refuses(&hub, &serve(&hub), &double, "this hub did not make it").await;
}

#[tokio::test]
async fn many_hubs_on_one_store_make_one_namespace_together() {
    let double = Double::default().allowing(|_| true);
    let hub = hub(vec![double.cluster("one")]).await;
    let alice = hub.browser(ALICE, &[], "one").await;
    let calls = (0..8).map(|_| {
        let (router, alice) = (serve(&hub), alice.clone());
        let wish = json!({ "template": "debian" });
        tokio::spawn(async move { alice.post(&router, "/api/v1/workspaces", wish).await })
    });
    for call in calls.collect::<Vec<_>>() {
        let (code, answer) = call.await.unwrap();
        assert_eq!(code, StatusCode::CREATED, "{answer}");
    }
    let uid = known_uid(&hub).await;
    assert_eq!(uid.as_deref(), double.object(&path()).unwrap()["metadata"]["uid"].as_str());
}

#[tokio::test]
async fn one_that_is_being_deleted_is_waited_for() {
    let double = Double::default().allowing(|_| true);
    let hub = hub(vec![double.cluster("one")]).await;
    let router = serve(&hub);
    allows(&hub, &router).await;
    let mut going = double.object(&path()).unwrap();
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    let double = double.with(&path(), going);
    let (code, answer) = create(&hub, &router).await;
    assert_eq!((code, &answer["decided_by"]), (StatusCode::CONFLICT, &json!("kubernetes")));
    assert!(answer["detail"].as_str().unwrap().contains("is being deleted"), "{answer}");
    assert_eq!(double.seen("POST", "/pods").len(), 1);
}

fn is_space(seen: &&support::double::Seen) -> bool {
    seen.path == "/api/v1/namespaces"
}
