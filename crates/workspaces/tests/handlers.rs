//! The handlers against a small double of the API server: each thing that is allowed, beside the same denied.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a suite of tests")]

mod served;
mod support;

use axum::Router;
use http::{Method, StatusCode};
use model::WorkspaceId;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use store::{AuditOutcome, WorkspaceFilter};
use support::double::{Double, status};
use support::{Browser, Hub, hub};
use workspaces::{Template, Workspaces, namespace_of};

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
async fn a_workspace_is_made_as_the_person_in_a_namespace_made_by_the_hub() {
    let double = Double::default().allowing(|_| true);
    let hub = hub(vec![double.cluster("one")]).await;
    let (router, _) = serve(&hub, 3, 10);
    let browser = alice(&hub).await;
    let (code, made) = browser.post(&router, PATH, debian()).await;
    assert_eq!(code, StatusCode::CREATED, "{made}");
    assert_eq!(made["owner"], ALICE);
    let namespace = namespace_of(ALICE);
    assert_eq!(made["namespace"], namespace.as_str());
    assert_eq!(made["steps"][0]["kind"], "created");

    let pods = double.seen("POST", "/pods");
    assert_eq!(pods.len(), 1);
    assert_eq!(pods[0].person.as_deref(), Some(ALICE));
    assert_eq!(double.tried("/pods")[0].person.as_deref(), Some(ALICE));
    for patched in double.seen("PATCH", "/") {
        assert_eq!(patched.person, None, "{}", patched.path);
        assert!(patched.query.contains("fieldManager=sallyport"), "{}", patched.query);
    }
    for part in [
        "serviceaccounts/default",
        "roles/sallyport-workspace-owner",
        "rolebindings/sallyport-workspace-owner",
        "resourcequotas/sallyport-workspaces",
        "resourcequotas/sallyport-no-priority",
        "limitranges/sallyport-workspaces",
        "networkpolicies/sallyport-workspaces",
    ] {
        assert_eq!(double.seen("PATCH", part).len(), 1, "{part}");
    }
    let records = hub.audit("workspace.create").await;
    assert_eq!((records.len(), records[0].entry.outcome), (1, AuditOutcome::Allowed));
    assert_eq!(records[0].entry.actor, ALICE);

    let (_, all) = browser.get(&router, PATH).await;
    assert_eq!(all["items"].as_array().unwrap().len(), 1);
    assert_eq!(all["quota"], json!({ "used": 1, "limit": 3, "total_used": 1, "total_limit": 10 }));
    let (_, templates) = browser.get(&router, "/api/v1/workspace-templates").await;
    assert_eq!(templates["items"][0]["name"], "debian");
    assert_eq!(templates["items"][0]["lifetime_s"], 8 * 3600);
}

#[tokio::test]
async fn without_a_session_or_csrf_token_nothing_answers() {
    let double = Double::default().allowing(|_| true);
    let hub = hub(vec![double.cluster("one")]).await;
    let (router, _) = serve(&hub, 3, 10);
    use tower::ServiceExt as _;
    for (method, path) in [
        (Method::GET, "/api/v1/workspace-templates"),
        (Method::GET, PATH),
        (Method::POST, PATH),
        (Method::GET, "/api/v1/workspaces/wsp_00000000000000000000000000"),
        (Method::DELETE, "/api/v1/workspaces/wsp_00000000000000000000000000"),
        (Method::GET, "/api/v1/workspaces/wsp_00000000000000000000000000/watch"),
    ] {
        let request = http::Request::builder().method(method).uri(path);
        let request = request.body(axum::body::Body::empty()).unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    assert!(double.seen("POST", "/").is_empty());
}

#[tokio::test]
async fn rbac_that_says_no_leaves_nothing_behind() {
    let double = Double::default().allowing(|_| false);
    let hub = hub(vec![double.cluster("one")]).await;
    let (router, _) = serve(&hub, 3, 10);
    // The hub asks for three seconds more: the namespace is new, and the authoriser may not know it yet.
    let (code, problem) = alice(&hub).await.post(&router, PATH, debian()).await;
    assert_eq!((code, &problem["code"]), (StatusCode::FORBIDDEN, &json!("forbidden")));
    assert_eq!(problem["decided_by"], "kubernetes");
    assert!(problem["detail"].as_str().unwrap().contains("create pods"), "{problem}");
    assert!(double.seen("POST", "/pods").is_empty());
    assert_eq!(live(&hub).await, 0);
    assert_eq!(hub.audit("workspace.create").await[0].entry.outcome, AuditOutcome::Denied);
}

#[tokio::test]
async fn an_owner_whose_right_was_withdrawn_makes_the_hub_read_nothing() {
    let may = Arc::new(AtomicBool::new(true));
    let rule = Arc::clone(&may);
    let double = Double::default().allowing(move |_| rule.load(Ordering::Relaxed));
    let hub = hub(vec![double.cluster("one")]).await;
    let (router, _) = serve(&hub, 3, 10);
    let browser = alice(&hub).await;
    let (code, made) = browser.post(&router, PATH, debian()).await;
    assert_eq!(code, StatusCode::CREATED, "{made}");
    let path = format!("{PATH}/{}", made["id"].as_str().unwrap());
    assert_eq!(browser.get(&router, &path).await.0, StatusCode::OK);

    may.store(false, Ordering::Relaxed);
    let before = double.seen("GET", "/pods").len();
    let (code, problem) = browser.get(&router, &path).await;
    assert_eq!((code, &problem["decided_by"]), (StatusCode::FORBIDDEN, &json!("kubernetes")));
    let (code, all) = browser.get(&router, PATH).await;
    assert_eq!((code, all["items"].as_array().unwrap().len()), (StatusCode::OK, 1));
    assert_eq!(browser.get(&router, &format!("{path}/watch")).await.0, StatusCode::FORBIDDEN);
    assert_eq!(double.seen("GET", "/pods").len(), before, "not even asked for");
    assert_eq!(hub.audit("workspace.read").await[0].entry.outcome, AuditOutcome::Denied);
}

#[tokio::test]
async fn a_hundred_at_once_stay_within_both_limits() {
    let double = Double::default().allowing(|_| true);
    let hub = hub(vec![double.cluster("one")]).await;
    let (router, _) = serve(&hub, 4, 10);
    let mut people = Vec::new();
    for number in 0..5 {
        people.push(hub.browser(&format!("sallyport:p{number}"), &[], "one").await);
    }
    let calls = (0..100).map(|number| {
        let (router, browser) = (router.clone(), people[number % people.len()].clone());
        tokio::spawn(async move { browser.post(&router, PATH, debian()).await })
    });
    let mut codes = std::collections::BTreeMap::new();
    for call in calls.collect::<Vec<_>>() {
        let (code, answer) = call.await.unwrap();
        let word = answer["code"].as_str().unwrap_or("made").to_owned();
        assert!(code == StatusCode::CREATED || code == StatusCode::CONFLICT, "{answer}");
        *codes.entry(word).or_insert(0) += 1;
    }
    assert_eq!(codes["made"], 10, "{codes:?}");
    assert_eq!(codes.values().sum::<i32>(), 100);
    assert_eq!(double.seen("POST", "/pods").len(), 10);
    assert_eq!(live(&hub).await, 10);
    for number in 0..5 {
        let counts =
            hub.api.store.workspace_counts(&format!("sallyport:p{number}"), None).await.unwrap();
        assert!(counts.person <= 4, "{counts:?}");
    }
}

#[tokio::test]
async fn no_pod_is_made_before_the_quota_holds() {
    // An API server that has not heard of the quota admits what is too large; later it has.
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    let double = Double::default().allowing(|_| true).intercepting(move |seen| {
        let is_try = seen.query.contains("dryRun=All");
        let is_early = is_try && counted.fetch_add(1, Ordering::Relaxed) < 3;
        is_early.then(|| (201, seen.body.clone()))
    });
    let hub = hub(vec![double.cluster("one")]).await;
    let (router, _) = serve(&hub, 3, 10);
    let (code, made) = alice(&hub).await.post(&router, PATH, debian()).await;
    assert_eq!(code, StatusCode::CREATED, "{made}");
    assert_eq!(tries.load(Ordering::Relaxed), 4);
    assert_eq!(double.seen("POST", "/pods").len(), 1);
}

#[tokio::test]
async fn where_the_quota_never_holds_nothing_is_made() {
    let double = Double::default()
        .allowing(|_| true)
        .intercepting(|seen| seen.query.contains("dryRun=All").then(|| (201, seen.body.clone())));
    let hub = hub(vec![double.cluster("one")]).await;
    let (router, _) = serve(&hub, 3, 10);
    let (code, problem) = alice(&hub).await.post(&router, PATH, debian()).await;
    assert_eq!((code, &problem["code"]), (StatusCode::BAD_GATEWAY, &json!("cluster_unreachable")));
    assert!(
        problem["detail"].as_str().unwrap().contains("does not enforce the quota"),
        "{problem}"
    );
    assert!(double.seen("POST", "/pods").is_empty());
    assert_eq!(live(&hub).await, 0);
}

#[tokio::test]
async fn what_a_cluster_refuses_gives_the_room_back() {
    for (code, reason, message, expected, problem_code) in [
        (
            403,
            "Forbidden",
            "pods \"x\" is forbidden: exceeded quota: sallyport-workspaces",
            409,
            "quota_person",
        ),
        (
            403,
            "Forbidden",
            "pods \"x\" is forbidden: violates PodSecurity \"baseline:latest\"",
            403,
            "forbidden",
        ),
        (
            403,
            "Forbidden",
            "users \"a\" is forbidden: User \"hub\" cannot impersonate resource",
            502,
            "cluster_unreachable",
        ),
        (422, "Invalid", "spec.containers[0].image: Required value", 400, "bad_request"),
        (500, "InternalError", "etcd is away", 502, "cluster_unreachable"),
    ] {
        let double = Double::default().allowing(|_| true).intercepting(move |seen| {
            (seen.method == "POST" && seen.path.ends_with("/pods"))
                .then(|| (code, status(code, reason, message)))
        });
        let hub = hub(vec![double.cluster("one")]).await;
        let (router, _) = serve(&hub, 3, 10);
        let (code, problem) = alice(&hub).await.post(&router, PATH, debian()).await;
        assert_eq!(
            (code.as_u16(), problem["code"].as_str().unwrap()),
            (expected, problem_code),
            "{message}"
        );
        // After a 500 there may be a Pod.
        assert_eq!(live(&hub).await, usize::from(reason == "InternalError"), "{message}");
    }
}

#[tokio::test]
async fn another_persons_workspace_does_not_exist_unless_rbac_says_so() {
    // Mallory may do nothing, Sam of the support may read, Ada may delete.
    let double = Double::default().allowing(|spec| {
        let verb = spec["resourceAttributes"]["verb"].as_str().unwrap_or_default();
        match spec["user"].as_str().unwrap_or_default() {
            ALICE => true,
            "sam" => verb == "get",
            "ada" => true,
            _ => false,
        }
    });
    let hub = hub(vec![double.cluster("one"), Double::default().cluster("two")]).await;
    let (router, _) = serve(&hub, 3, 10);
    let (_, made) = alice(&hub).await.post(&router, PATH, debian()).await;
    let path = format!("{PATH}/{}", made["id"].as_str().unwrap());
    let mallory = hub.browser("mallory", &[], "one").await;
    let sam = hub.browser("sam", &[], "one").await;
    let elsewhere = hub.browser(ALICE, &[], "two").await;
    for stranger in [&mallory, &elsewhere] {
        let (code, unknown) = stranger.get(&router, &path).await;
        assert_eq!((code, &unknown["code"]), (StatusCode::NOT_FOUND, &json!("not_found")));
        assert_eq!(stranger.delete(&router, &path).await.0, StatusCode::NOT_FOUND);
        let refused = stranger.events(&router, &format!("{path}/watch")).await.err();
        assert_eq!(refused, Some(StatusCode::NOT_FOUND));
        let (_, all) = stranger.get(&router, PATH).await;
        assert_eq!(all["items"], json!([]));
    }
    // One that never was looks the same.
    let never = format!("{PATH}/{}", WorkspaceId::from_random([9; 16]));
    let (code, unknown) = mallory.get(&router, &never).await;
    assert_eq!((code, &unknown["code"]), (StatusCode::NOT_FOUND, &json!("not_found")));
    assert_eq!(hub.audit("workspace.read").await[0].entry.outcome, AuditOutcome::Denied);

    assert_eq!(sam.get(&router, &path).await.0, StatusCode::OK);
    assert_eq!(sam.delete(&router, &path).await.0, StatusCode::NOT_FOUND);
    let ada = hub.browser("ada", &[], "one").await;
    assert_eq!(ada.delete(&router, &path).await.0, StatusCode::ACCEPTED);
    assert_eq!(double.seen("DELETE", "/pods/")[0].person.as_deref(), Some("ada"));
}

#[tokio::test]
async fn hostile_and_wrong_wishes_are_refused_before_anything_is_done() {
    let double = Double::default().allowing(|_| true);
    let hub = hub(vec![double.cluster("one"), Double::default().cluster("two")]).await;
    let (router, _) = serve(&hub, 3, 10);
    let browser = alice(&hub).await;
    for (wish, code, problem_code) in [
        (json!({}), 400, "bad_request"),
        (json!({ "template": "debian", "name": "A b" }), 400, "bad_request"),
        (json!({ "template": "debian", "name": "../../x" }), 400, "bad_request"),
        (json!({ "template": "debian", "name": "파드" }), 400, "bad_request"),
        (json!({ "template": "debian", "name": "\u{1b}[2J" }), 400, "bad_request"),
        (json!({ "template": "debian", "cluster": "a/b" }), 400, "bad_request"),
        (json!({ "template": "debian", "image": "evil" }), 400, "bad_request"),
        (json!({ "template": "\u{1b}[2J" }), 404, "not_found"),
        (json!({ "template": "debian", "cluster": "none" }), 404, "cluster_unknown"),
        (json!({ "template": "debian", "cluster": "two" }), 404, "cluster_unknown"),
    ] {
        let (got, problem) = browser.post(&router, PATH, wish.clone()).await;
        assert_eq!(
            (got.as_u16(), problem["code"].as_str().unwrap()),
            (code, problem_code),
            "{wish}"
        );
        assert!(!problem["detail"].as_str().unwrap().contains('\u{1b}'), "{problem}");
    }
    assert_eq!(browser.get(&router, "/api/v1/workspaces/x").await.0, StatusCode::BAD_REQUEST);
    assert!(double.seen("POST", "/").is_empty());
    let named = json!({ "template": "debian", "name": "mine" });
    assert_eq!(browser.post(&router, PATH, named.clone()).await.0, StatusCode::CREATED);
    let (code, taken) = browser.post(&router, PATH, named).await;
    assert_eq!((code, &taken["code"]), (StatusCode::CONFLICT, &json!("conflict")));
}
