//! Somebody signed in with a token that the cluster no longer takes: no link is made, no gate passed, and the
//! sign-in ends. A cluster that cannot be asked lets nobody in either, but ends nothing.

use crate::hub::{Browser, Hub};
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use kube_io::Cluster;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use store::{AuditFilter, AuditOutcome};

/// What the API server says of every token; `None` breaks the connection.
type Says = Arc<Mutex<Option<Value>>>;

fn bob(uid: Option<&str>, groups: &[&str]) -> Option<Value> {
    let user = json!({ "username": "bob", "uid": uid, "groups": groups });
    Some(json!({ "authenticated": true, "user": user }))
}

/// An API server that grants every right and has the Pod `team/web-0`.
fn cluster(says: &Says) -> Cluster {
    let says = Arc::clone(says);
    let service = tower::service_fn(move |request: Request<kube::client::Body>| {
        let says = Arc::clone(&says);
        async move {
            let path = request.uri().path().to_owned();
            let body = request.into_body().collect().await.unwrap().to_bytes();
            let body: Value = serde_json::from_slice(&body).unwrap_or_default();
            let reply = if path.ends_with("/tokenreviews") {
                assert_eq!(body["spec"]["token"], "shown", "the token that was shown, unsealed");
                let status = says.lock().unwrap().clone();
                let status = status.ok_or_else(|| std::io::Error::other("connection refused"))?;
                json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
                        "metadata": {}, "spec": {}, "status": status })
            } else if path.ends_with("/subjectaccessreviews") {
                json!({ "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
                        "metadata": {}, "spec": body["spec"], "status": { "allowed": true } })
            } else if let Some(space) = path.strip_prefix("/api/v1/namespaces/ws-") {
                let labels = match space {
                    "dave" => json!({ "sallyport.dev/owner": "1f2e3d" }),
                    _ => json!({}),
                };
                json!({ "apiVersion": "v1", "kind": "Namespace",
                        "metadata": { "name": format!("ws-{space}"), "labels": labels } })
            } else {
                assert_eq!(path, "/api/v1/namespaces/team/pods/web-0");
                json!({ "apiVersion": "v1", "kind": "Pod",
                        "metadata": { "name": "web-0", "namespace": "team", "uid": "uid-1" },
                        "spec": { "containers": [{ "name": "app", "image": "debian" }] },
                        "status": { "phase": "Running", "containerStatuses": [{
                            "name": "app", "image": "debian", "imageID": "", "ready": true,
                            "restartCount": 0, "state": { "running": {} } }] } })
            };
            let bytes = serde_json::to_vec(&reply).unwrap();
            Ok::<_, std::io::Error>(Response::new(kube::client::Body::from(bytes)))
        }
    });
    Cluster::from_client("home".parse().unwrap(), kube::Client::new(service, "default"))
}

async fn hub() -> (Hub, Says) {
    let says = Says::new(Mutex::new(bob(None, &["dev"])));
    (Hub::before(vec![cluster(&says)]).await, says)
}

async fn mint(hub: &Hub, browser: &Browser) -> (StatusCode, Value) {
    let wish = json!({ "namespace": "team", "pod": "web-0" });
    hub.call(browser, Method::POST, "/api/v1/links", Some(wish)).await
}

async fn validate(hub: &Hub, browser: &Browser, minted: &Value) -> (StatusCode, Value) {
    let (_, link) = minted["url"].as_str().unwrap().split_once('#').unwrap();
    hub.call(browser, Method::POST, "/presigned/validate", Some(json!({ "link": link }))).await
}

#[tokio::test]
async fn a_token_that_is_not_taken_any_more_makes_no_link_and_passes_no_gate() {
    for no in [
        Some(json!({ "authenticated": false, "error": "service account bob has been deleted" })),
        // The same name, made again; and the same person with other rights.
        bob(Some("another"), &["dev"]),
        bob(None, &["dev", "ops"]),
        bob(None, &[]),
    ] {
        let (hub, says) = hub().await;
        let [minting, opening] = [
            hub.by_token("bob", &["dev"], "home").await,
            hub.by_token("bob", &["dev"], "home").await,
        ];
        let (status, minted) = mint(&hub, &opening).await;
        assert_eq!(status, StatusCode::CREATED, "{minted}");
        let (status, passage) = validate(&hub, &opening, &minted).await;
        assert_eq!(status, StatusCode::OK, "{passage}");

        *says.lock().unwrap() = no;
        let (status, problem) = mint(&hub, &minting).await;
        assert_eq!((status, &problem["code"]), (StatusCode::UNAUTHORIZED, &json!("session_ended")));
        assert_eq!(problem["decided_by"], "kubernetes");
        let (status, problem) = validate(&hub, &opening, &minted).await;
        assert_eq!((status, &problem["code"]), (StatusCode::UNAUTHORIZED, &json!("session_ended")));
        assert!(problem.get("ticket").is_none());

        for browser in [&minting, &opening] {
            // Nothing else answers either, and the token is gone.
            let (status, _) = hub.call(browser, Method::GET, "/api/v1/links", None).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED);
            let store = &hub.api.store;
            assert!(store.sign_in_token(browser.signed_in.id()).await.unwrap().is_none());
        }
        let filter = |action: &str| AuditFilter {
            limit: 500,
            action: Some(action.to_owned()),
            ..AuditFilter::default()
        };
        let ended = hub.api.store.audit_page(&filter("sign_out")).await.unwrap();
        assert_eq!(ended.len(), 2);
        assert!(ended.iter().all(|record| record.entry.detail["why"] == "token_refused"));
        for action in ["link.mint", "terminal.validate"] {
            let records = hub.api.store.audit_page(&filter(action)).await.unwrap();
            assert_eq!(records[0].entry.outcome, AuditOutcome::Denied);
            assert_eq!(records[0].entry.reason, "session_ended");
        }
    }
}

#[tokio::test]
async fn the_service_account_of_a_workspace_gets_no_further_though_it_signed_in() {
    for (namespace, expected) in
        [("ws-dave", StatusCode::UNAUTHORIZED), ("ws-nobodys", StatusCode::CREATED)]
    {
        let (hub, says) = hub().await;
        let account = format!("system:serviceaccount:{namespace}:default");
        let user = json!({ "username": account, "groups": ["dev"] });
        *says.lock().unwrap() = Some(json!({ "authenticated": true, "user": user }));
        let browser = hub.by_token(&account, &["dev"], "home").await;
        let (status, answer) = mint(&hub, &browser).await;
        assert_eq!(status, expected, "{answer}");
        if status != StatusCode::CREATED {
            assert_eq!(answer["code"], "session_ended");
            assert_eq!(answer["decided_by"], "hub");
        }
        let (status, _) = hub.call(&browser, Method::GET, "/api/v1/links", None).await;
        assert_eq!(status == StatusCode::OK, expected == StatusCode::CREATED);
    }
}

#[tokio::test]
async fn a_cluster_that_cannot_be_asked_lets_nobody_in_and_ends_nothing() {
    let (hub, says) = hub().await;
    let browser = hub.by_token("bob", &["dev"], "home").await;
    let (_, minted) = mint(&hub, &browser).await;
    *says.lock().unwrap() = None;
    for (status, problem) in [mint(&hub, &browser).await, validate(&hub, &browser, &minted).await] {
        let code = &problem["code"];
        assert_eq!((status, code), (StatusCode::BAD_GATEWAY, &json!("cluster_unreachable")));
    }
    *says.lock().unwrap() = bob(None, &["dev"]);
    let (status, passage) = validate(&hub, &browser, &minted).await;
    assert_eq!(status, StatusCode::OK, "{passage}");
    let text = passage.to_string() + &minted.to_string();
    assert!(!text.contains("shown"), "the token is shown to nobody");
}
