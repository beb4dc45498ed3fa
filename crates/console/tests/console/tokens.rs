//! Signing in with a Kubernetes token: the cluster decides who it is, the hub whether that will do.

use crate::browser::{Browser, Reply};
use crate::hub::Hub;
use serde_json::{Value, json};
use std::time::Duration;
use store::AuditOutcome;

const PATH: &str = "/api/v1/sign-in/token";

async fn sign_in(browser: &mut Browser, token: &str, cluster: Option<&str>) -> Reply {
    let mut body = json!({ "token": token });
    if let Some(cluster) = cluster {
        body["cluster"] = Value::from(cluster);
    }
    let reply = browser.post(PATH, body).await;
    if reply.status == 200 {
        browser.csrf = reply.json()["csrf"].as_str().unwrap().to_owned();
    }
    reply
}

#[tokio::test]
async fn a_token_signs_in_to_its_cluster_alone() {
    let hub = Hub::start().await;
    let mut browser = hub.browser();
    let reply = sign_in(&mut browser, " bob\n", Some("other")).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let me = browser.get("/api/v1/me").await.json();
    assert_eq!(me["user"], "bob");
    assert_eq!(me["groups"], json!(["system:authenticated"]));
    assert_eq!(me["method"], "token");
    assert_eq!(me["cluster"], "other");
    assert_eq!(me["clusters"], json!(["other"]));
    assert_eq!(me["admin"], false);
    assert!(me.get("account").is_none());
    // Without a name, the first.
    assert_eq!(sign_in(&mut browser, "bob", None).await.json()["cluster"], "home");
}

#[tokio::test]
async fn only_the_home_cluster_makes_administrators() {
    let hub = Hub::start().await;
    let mut browser = hub.browser();
    assert_eq!(sign_in(&mut browser, "master", None).await.json()["admin"], true);
    assert_eq!(browser.get("/api/v1/accounts").await.status, 200);
    assert_eq!(sign_in(&mut browser, "master", Some("other")).await.json()["admin"], false);
    browser.get("/api/v1/accounts").await.refused(403, "not_admin");
}

#[tokio::test]
async fn tokens_that_are_nobodys_or_an_accounts_are_refused() {
    let hub = Hub::start().await;
    for token in ["made-up", "anonymous", "unauthenticated", "impostor"] {
        let mut browser = hub.browser();
        let reply = sign_in(&mut browser, token, None).await;
        reply.refused(401, "token_refused");
        assert!(browser.cookies.is_empty());
        assert_eq!(hub.audited("sign_in").await[0].entry.reason, "token_refused");
    }
    for token in ["", "  ", &"x".repeat(20_000)] {
        sign_in(&mut hub.browser(), token, None).await.refused(400, "bad_request");
    }
}

#[tokio::test]
async fn the_service_account_of_a_workspace_is_no_person_of_its_own() {
    let hub = Hub::start().await;
    let account = |namespace: &str| format!("system:serviceaccount:{namespace}:default");
    let mut browser = hub.browser();
    let reply = sign_in(&mut browser, &account("ws-dave"), None).await;
    reply.refused(401, "token_refused");
    assert_eq!(reply.json()["decided_by"], "hub");
    assert!(reply.text.contains("the service account of somebody's workspace"), "{reply:?}");
    assert!(browser.cookies.is_empty());
    let record = hub.audited("sign_in").await.remove(0).entry;
    assert_eq!(record.actor, account("ws-dave"));
    assert_eq!((record.outcome, record.reason.as_str()), (AuditOutcome::Denied, "token_refused"));

    // A cluster that does not say whose namespace it is lets nobody in on that.
    for code in [403, 404, 500] {
        let account = account(&format!("answers-{code}"));
        let reply = sign_in(&mut browser, &account, None).await;
        reply.refused(502, "cluster_unreachable");
        assert!(browser.cookies.is_empty());
        let record = hub.audited("sign_in").await.remove(0).entry;
        assert_eq!((record.actor, record.outcome), (account, AuditOutcome::Failed));
    }

    // Every other service account signs in.
    assert_eq!(sign_in(&mut browser, &account("ci"), None).await.status, 200);
}

#[tokio::test]
async fn a_stranger_learns_neither_which_clusters_there_are_nor_what_they_say() {
    let hub = Hub::start().await;
    let mut told = Vec::new();
    for (token, cluster, why) in [
        ("bob", "nowhere", "no such cluster"),
        ("made-up", "home", "the cluster does not take it"),
        ("stale", "home", "the cluster says it has expired"),
        ("strayed", "other", "the cluster says it is for another audience"),
    ] {
        let reply = sign_in(&mut hub.browser(), token, Some(cluster)).await;
        reply.refused(401, "token_refused");
        let mut problem = reply.json();
        problem["request_id"].take();
        told.push(problem);
        let record = hub.audited("sign_in").await.remove(0).entry;
        assert_eq!(record.detail["why"], why);
        let is_known = cluster != "nowhere";
        assert_eq!(record.object, if is_known { cluster } else { "(no such cluster)" });
    }
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:?}");
    assert!(told[0]["fix"].as_str().unwrap().contains("kubectl create token"), "{told:?}");
    let records = hub.audited("sign_in").await;
    assert!(!format!("{records:?}{told:?}").contains("webhook"), "{records:?}");
    // A cluster's name is guessed no faster than a token.
    for _ in told.len()..50 {
        sign_in(&mut hub.browser(), "x", Some("guessed")).await.refused(401, "token_refused");
    }
    for cluster in ["guessed", "home"] {
        let reply = sign_in(&mut hub.browser(), "bob", Some(cluster)).await;
        reply.refused(429, "too_many_attempts");
    }
}

#[tokio::test]
async fn a_cluster_that_is_away_is_told_as_that_and_without_the_cause() {
    let hub = Hub::start().await;
    let mut browser = hub.browser();
    sign_in(&mut browser, "bob", Some("No Where")).await.refused(400, "bad_request");
    let reply = sign_in(&mut browser, "bob", Some("away")).await;
    reply.refused(502, "cluster_unreachable");
    assert!(!reply.text.contains("connection refused"), "the cause is for the log: {reply:?}");
}

#[tokio::test]
async fn a_cluster_that_never_answers_takes_only_its_own_seats() {
    let hub = Hub::start().await;
    let mut strangers = tokio::task::JoinSet::new();
    for _ in 0..17 {
        let mut browser = hub.browser();
        strangers.spawn(async move { sign_in(&mut browser, "bob", Some("silent")).await });
    }
    // Sixteen wait for the cluster; the one that finds no seat is answered at once.
    strangers.join_next().await.unwrap().unwrap().refused(429, "too_many_attempts");
    assert_eq!(strangers.len(), 16);
    for cluster in ["home", "other"] {
        assert_eq!(sign_in(&mut hub.browser(), "bob", Some(cluster)).await.status, 200);
    }
    // Whoever gives up frees no seat early, and is counted when the hub gives up too.
    strangers.shutdown().await;
    let reply = sign_in(&mut hub.browser(), "bob", Some("silent")).await;
    reply.refused(429, "too_many_attempts");
    let failed = async || {
        let records = hub.audited("sign_in").await;
        records.iter().filter(|record| record.entry.reason == "cluster_unreachable").count()
    };
    while failed().await < 16 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let counted = hub.store.throttle_state("network:192.0.2.1").await.unwrap().unwrap();
    assert_eq!(counted.failures, 16);
}

#[tokio::test]
async fn asking_for_a_cluster_that_is_away_counts_as_a_failure() {
    let hub = Hub::start().await;
    for _ in 0..50 {
        let reply = sign_in(&mut hub.browser(), "bob", Some("away")).await;
        reply.refused(502, "cluster_unreachable");
    }
    let records = hub.audited("sign_in").await;
    assert_eq!(records.len(), 50);
    assert!(records.iter().all(|record| record.entry.outcome == AuditOutcome::Failed));
    assert!(records.iter().all(|record| record.entry.reason == "cluster_unreachable"));
    for cluster in ["away", "home"] {
        let reply = sign_in(&mut hub.browser(), "bob", Some(cluster)).await;
        reply.refused(429, "too_many_attempts");
    }
    assert_eq!(hub.audited("sign_in").await.len(), 50, "who waits is not recorded again");
    let mut elsewhere = Browser::new(hub.router.clone(), "198.51.100.7");
    assert_eq!(sign_in(&mut elsewhere, "bob", None).await.status, 200);
}

#[tokio::test]
async fn a_sign_in_ends_with_its_token_or_after_an_hour() {
    let hub = Hub::start().await;
    let now_s = hub.now().as_micros() / 1_000_000;
    // `{"exp":…}` as an unsigned web token whose last part the double takes for the user.
    let ending = |exp: i64| {
        let claims = format!(r#"{{"exp":{exp}}}"#);
        format!("e30.{}.bob", base64url(claims.as_bytes()))
    };
    let mut short = hub.browser();
    assert_eq!(sign_in(&mut short, &ending(now_s + 600), None).await.status, 200);
    let mut long = hub.browser();
    assert_eq!(sign_in(&mut long, &ending(now_s + 86_400), None).await.status, 200);
    let mut past = hub.browser();
    sign_in(&mut past, &ending(now_s), None).await.refused(401, "token_refused");

    hub.wait(Duration::from_secs(599));
    assert_eq!(short.get("/api/v1/me").await.status, 200);
    hub.wait(Duration::from_secs(1));
    short.get("/api/v1/me").await.refused(401, "session_expired");
    hub.wait(Duration::from_secs(2999));
    assert_eq!(long.get("/api/v1/me").await.status, 200);
    hub.wait(Duration::from_secs(1));
    long.get("/api/v1/me").await.refused(401, "session_expired");
}

#[tokio::test]
async fn signing_out_everywhere_stays_within_the_cluster() {
    let hub = Hub::start().await;
    let (mut home, mut home_too, mut other) = (hub.browser(), hub.browser(), hub.browser());
    sign_in(&mut home, "bob", Some("home")).await;
    sign_in(&mut home_too, "bob", Some("home")).await;
    sign_in(&mut other, "bob", Some("other")).await;
    assert_eq!(home.post("/api/v1/sign-out", json!({ "everywhere": true })).await.status, 204);
    home_too.get("/api/v1/me").await.refused(401, "session_ended");
    // The other cluster's bob may be somebody else.
    assert_eq!(other.get("/api/v1/me").await.status, 200);
}

fn base64url(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut bits = [0u8; 4];
        bits[1..=chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes(bits);
        for at in 0..=chunk.len() {
            let six = (bits >> (18 - 6 * at)) & 63;
            text.push(char::from(LETTERS[six as usize]));
        }
    }
    text
}
