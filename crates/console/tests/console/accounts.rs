//! Accounts over the API: for administrators, recorded, and never beyond what was consented to.

use crate::browser::Browser;
use crate::hub::{Hub, PASSWORD};
use serde_json::json;
use store::AuditOutcome;

const PATH: &str = "/api/v1/accounts";

#[tokio::test]
async fn an_administrator_makes_lists_and_invites_accounts() {
    let hub = Hub::start().await;
    let mut root = hub.signed_in("root").await;
    let reply = root.post(PATH, json!({ "name": "carol", "groups": ["ops"] })).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    let created = reply.json();
    assert_eq!(created["account"]["kubernetes_user"], "sallyport:carol");
    assert_eq!(created["account"]["display_name"], "carol");
    assert_eq!(created["account"]["has_password"], false);
    assert_eq!(created["account"]["disabled"], false);
    let url = created["invitation_url"].as_str().unwrap();
    assert!(url.starts_with("https://hub.example/invitation#inv_carol."), "{url}");

    let reply = root.post(&format!("{PATH}/carol/invite"), json!({})).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_ne!(reply.json()["invitation_url"], url);

    let list = root.get(PATH).await;
    assert!(!list.text.contains("argon2"), "{list:?}");
    let names: Vec<String> = list.json()["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|account| account["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["alice", "carol", "root"]);

    let record = &hub.audited("account.create").await[0].entry;
    assert_eq!((record.actor.as_str(), record.object.as_str()), ("sallyport:root", "carol"));
    assert!(!serde_json::to_string(&record.detail).unwrap().contains("inv_"));
}

#[tokio::test]
async fn nobody_else_may() {
    let hub = Hub::start().await;
    let mut alice = hub.signed_in("alice").await;
    alice.get(PATH).await.refused(403, "not_admin");
    alice.post(PATH, json!({ "name": "mallory", "admin": true })).await.refused(403, "not_admin");
    for act in ["disable", "enable", "invite", "sign-out"] {
        alice.post(&format!("{PATH}/root/{act}"), json!({})).await.refused(403, "not_admin");
    }
    let refused = hub.audited("request").await;
    assert_eq!(refused.len(), 6);
    assert!(refused.iter().all(|record| record.entry.outcome == AuditOutcome::Denied));
    assert_eq!(refused[0].entry.object, "POST /api/v1/accounts/{name}/sign-out");
    assert_eq!(hub.accounts.list().await.unwrap().len(), 2);
}

#[tokio::test]
async fn what_kubernetes_keeps_for_itself_is_not_given_in_a_browser() {
    let hub = Hub::start().await;
    let mut root = hub.signed_in("root").await;
    for group in ["system:masters", "sallyport:admins", "", "a b", "x\r\ny"] {
        let reply = root.post(PATH, json!({ "name": "dave", "groups": [group] })).await;
        reply.refused(400, "bad_request");
    }
    let denied = &hub.audited("account.create").await[0].entry;
    assert_eq!(denied.outcome, AuditOutcome::Denied);
    // The consent of the command line is none of a browser's: an administrator of accounts would become the
    // cluster's by it.
    let body =
        json!({ "name": "dave", "groups": ["system:masters"], "allow_reserved_groups": true });
    root.post(PATH, body).await.refused(400, "bad_request");
}

#[tokio::test]
async fn malformed_and_taken_names_are_refused() {
    let hub = Hub::start().await;
    let mut root = hub.signed_in("root").await;
    for name in ["", "A", "a/b", "../x", "한글", "a\u{1b}[2J", &"a".repeat(64)] {
        root.post(PATH, json!({ "name": name })).await.refused(400, "bad_request");
    }
    root.post(PATH, json!({ "name": "alice" })).await.refused(409, "conflict");
    let long = "x".repeat(101);
    for display_name in ["", "  ", "a\nb", &long] {
        let body = json!({ "name": "erin", "display_name": display_name });
        root.post(PATH, body).await.refused(400, "bad_request");
    }
    let groups: Vec<String> = (0..65).map(|n| format!("g{n}")).collect();
    root.post(PATH, json!({ "name": "erin", "groups": groups })).await.refused(400, "bad_request");
    for act in ["disable", "enable", "invite", "sign-out"] {
        root.post(&format!("{PATH}/nobody/{act}"), json!({})).await.refused(404, "not_found");
        root.post(&format!("{PATH}/No%20Body/{act}"), json!({})).await.refused(400, "bad_request");
    }
}

#[tokio::test]
async fn disabling_enabling_and_signing_out_work_and_spare_oneself() {
    let hub = Hub::start().await;
    let mut root = hub.signed_in("root").await;
    let mut alice = hub.signed_in("alice").await;
    let act = async |browser: &mut Browser, act: &str| {
        browser.post(&format!("{PATH}/alice/{act}"), json!({})).await
    };
    assert_eq!(act(&mut root, "sign-out").await.status, 204);
    alice.get("/api/v1/me").await.refused(401, "session_ended");
    let reply = act(&mut root, "disable").await;
    assert_eq!(reply.json()["disabled"], true, "{reply:?}");
    alice.sign_in("alice", PASSWORD).await.refused(403, "account_disabled");
    act(&mut root, "invite").await.refused(409, "conflict");
    assert_eq!(act(&mut root, "enable").await.json()["disabled"], false);
    assert_eq!(alice.sign_in("alice", PASSWORD).await.status, 200);
    root.post(&format!("{PATH}/root/disable"), json!({})).await.refused(409, "conflict");
    assert_eq!(root.get("/api/v1/me").await.status, 200);
}
