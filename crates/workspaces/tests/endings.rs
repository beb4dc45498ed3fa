//! How workspaces end, and what happens when a cluster falls silent, against a small double of the API server.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a suite of tests")]

mod served;
mod support;

use axum::Router;
use http::StatusCode;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use store::{AuditOutcome, WorkspaceFilter};
use support::double::Double;
use support::{Browser, Hub, hub};
use workspaces::{Template, Workspaces};

fn serve(hub: &Hub, limit_person: u32, limit_total: u32) -> (Router, Workspaces) {
    let debian = Template::debian_shell("debian:12");
    let (router, workspaces, _) = served::serve(hub, vec![debian], limit_person, limit_total);
    (router, workspaces)
}

const ALICE: &str = "sallyport:alice";
const PATH: &str = "/api/v1/workspaces";

fn debian() -> Value {
    json!({ "template": "debian" })
}

async fn live(hub: &Hub) -> usize {
    let filter = WorkspaceFilter { live: Some(true), ..WorkspaceFilter::default() };
    hub.api.store.workspaces(&filter).await.unwrap().len()
}

async fn alice(hub: &Hub) -> Browser {
    hub.browser(ALICE, &[], "one").await
}

#[tokio::test]
async fn a_cluster_that_falls_silent_while_the_pod_is_made_keeps_the_room_until_it_is_known() {
    let made = Arc::new(AtomicBool::new(false));
    let watching = Arc::clone(&made);
    let double = Double::default().allowing(|_| true).intercepting(move |seen| {
        (seen.method == "POST" && seen.path.ends_with("/pods")).then(|| {
            watching.store(true, Ordering::Relaxed);
            (0, Value::Null)
        })
    });
    let hub = hub(vec![double.cluster("one")]).await;
    let (router, _) = serve(&hub, 1, 10);
    let browser = alice(&hub).await;
    let (code, problem) = browser.post(&router, PATH, debian()).await;
    assert_eq!((code, &problem["code"]), (StatusCode::BAD_GATEWAY, &json!("cluster_unreachable")));
    assert!(made.load(Ordering::Relaxed));
    assert_eq!(live(&hub).await, 1);
    let (code, _) = browser.post(&router, PATH, debian()).await;
    assert_eq!(code, StatusCode::CONFLICT, "the room is still taken");
}

#[tokio::test]
async fn deleting_frees_the_room_once_the_pod_is_gone() {
    let double = Double::default().allowing(|_| true);
    let hub = hub(vec![double.cluster("one")]).await;
    let (router, workspaces) = serve(&hub, 1, 10);
    let browser = alice(&hub).await;
    let (_, made) = browser.post(&router, PATH, debian()).await;
    let (code, full) = browser.post(&router, PATH, debian()).await;
    assert_eq!((code, &full["code"]), (StatusCode::CONFLICT, &json!("quota_person")));
    let path = format!("{PATH}/{}", made["id"].as_str().unwrap());
    assert_eq!(browser.delete(&router, &path).await.0, StatusCode::ACCEPTED);
    let deleted = double.seen("DELETE", "/pods/");
    assert_eq!(deleted[0].person.as_deref(), Some(ALICE));
    assert_eq!(deleted[0].body["preconditions"]["uid"], made["pod_uid"]);
    workspaces.drained().await;
    assert_eq!(live(&hub).await, 0);
    assert_eq!(hub.audit("workspace.delete").await[0].entry.outcome, AuditOutcome::Allowed);
    assert_eq!(hub.audit("workspace.end").await.len(), 1);
    assert_eq!(browser.delete(&router, &path).await.0, StatusCode::NOT_FOUND, "twice");
    let (code, ended) = browser.get(&router, &path).await;
    assert_eq!((code, &ended["state"]), (StatusCode::OK, &json!("finished")));
}

#[tokio::test]
async fn what_vanished_or_ended_makes_room() {
    let double = Double::default().allowing(|_| true);
    let hub = hub(vec![double.cluster("one")]).await;
    let (router, _) = serve(&hub, 1, 10);
    let browser = alice(&hub).await;
    let pod_path = |made: &Value| {
        let (namespace, pod) = (made["namespace"].as_str().unwrap(), made["pod"].as_str().unwrap());
        format!("/api/v1/namespaces/{namespace}/pods/{pod}")
    };
    // Somebody deleted the Pod with kubectl.
    let (_, first) = browser.post(&router, PATH, debian()).await;
    double.remove(&pod_path(&first));
    let (code, second) = browser.post(&router, PATH, debian()).await;
    assert_eq!(code, StatusCode::CREATED, "{second}");
    // It ended by itself: shown for a while, but not in the way.
    let mut pod = double.object(&pod_path(&second)).unwrap();
    pod["status"] = json!({ "phase": "Failed", "reason": "Evicted" });
    let double = double.with(&pod_path(&second), pod);
    let (_, all) = browser.get(&router, PATH).await;
    assert_eq!(all["items"][0]["state"], "failed");
    let (code, third) = browser.post(&router, PATH, debian()).await;
    assert_eq!(code, StatusCode::CREATED, "{third}");
    assert!(double.object(&pod_path(&second)).is_none(), "the ended Pod was deleted");
    assert_eq!(live(&hub).await, 1);
}

#[tokio::test]
async fn a_silent_cluster_hides_no_workspace() {
    let silent = Arc::new(AtomicBool::new(false));
    let rule = Arc::clone(&silent);
    let double = Double::default()
        .allowing(|_| true)
        .intercepting(move |_| rule.load(Ordering::Relaxed).then_some((0, Value::Null)));
    let hub = hub(vec![double.cluster("one")]).await;
    let (router, _) = serve(&hub, 3, 10);
    let browser = alice(&hub).await;
    let (_, made) = browser.post(&router, PATH, debian()).await;
    silent.store(true, Ordering::Relaxed);
    let (code, all) = browser.get(&router, PATH).await;
    assert_eq!((code, all["items"].as_array().unwrap().len()), (StatusCode::OK, 1));
    let (code, one) =
        browser.get(&router, &format!("{PATH}/{}", made["id"].as_str().unwrap())).await;
    assert_eq!((code, &one["code"]), (StatusCode::BAD_GATEWAY, &json!("cluster_unreachable")));
    let (code, _) = browser.post(&router, PATH, debian()).await;
    assert_eq!(code, StatusCode::BAD_GATEWAY);
}

#[tokio::test]
async fn a_person_has_sixteen_watches_and_they_end_with_the_sign_in() {
    let double = Double::default().allowing(|_| true);
    let hub = hub(vec![double.cluster("one")]).await;
    let (router, _) = serve(&hub, 3, 10);
    let browser = alice(&hub).await;
    let (_, made) = browser.post(&router, PATH, debian()).await;
    let path = format!("{PATH}/{}/watch", made["id"].as_str().unwrap());
    let mut open = Vec::new();
    for _ in 0..16 {
        open.push(browser.events(&router, &path).await.unwrap());
    }
    let refused = browser.events(&router, &path).await.err();
    assert_eq!(refused, Some(StatusCode::TOO_MANY_REQUESTS));
    let (name, told) = open[0].next().await.unwrap();
    assert_eq!((name.as_str(), &told["id"]), ("workspace", &made["id"]));
    hub.sign_out(&browser).await;
    for mut events in open {
        while events.next().await.is_some() {}
    }
}

#[tokio::test]
async fn the_reconciler_frees_what_vanished_and_stops_when_told() {
    let double = Double::default().allowing(|_| true);
    let hub = hub(vec![double.cluster("one")]).await;
    let debian_shell = Template::debian_shell("debian:12");
    let (router, workspaces, shutdown) = served::serve(&hub, vec![debian_shell], 3, 10);
    let browser = alice(&hub).await;
    let (_, kept) = browser.post(&router, PATH, debian()).await;
    let (_, lost) = browser.post(&router, PATH, debian()).await;
    let path = format!(
        "/api/v1/namespaces/{}/pods/{}",
        lost["namespace"].as_str().unwrap(),
        lost["pod"].as_str().unwrap()
    );
    double.remove(&path);
    let rounds = tokio::spawn(workspaces.clone().reconcile());
    while live(&hub).await > 1 {
        tokio::task::yield_now().await;
    }
    let (_, all) = browser.get(&router, PATH).await;
    assert_eq!(all["items"][0]["id"], kept["id"]);
    let records = hub.audit("workspace.end").await;
    assert_eq!((records[0].entry.actor.as_str(), records.len()), ("sallyport", 1));
    shutdown.cancel();
    rounds.await.unwrap();
}
