//! The audit log over the API.

use crate::hub::{Hub, PASSWORD};
use serde_json::Value;

const PATH: &str = "/api/v1/audit";

#[tokio::test]
async fn an_administrator_pages_through_the_log_and_verifies_it() {
    let hub = Hub::start().await;
    for _ in 0..3 {
        hub.browser().sign_in("alice", "wrong horse battery").await;
    }
    let mut root = hub.signed_in("root").await;
    let all = root.get(PATH).await.json();
    let seqs = |page: &Value| -> Vec<u64> {
        page["items"].as_array().unwrap().iter().map(|it| it["seq"].as_u64().unwrap()).collect()
    };
    let everything = seqs(&all);
    assert!(all.get("next_before").is_none());
    assert_eq!(everything.last(), Some(&1));

    let mut paged = Vec::new();
    let mut next = String::new();
    loop {
        let page = root.get(&format!("{PATH}?limit=3{next}")).await.json();
        paged.extend(seqs(&page));
        match page.get("next_before") {
            Some(before) => next = format!("&before={before}"),
            None => break,
        }
    }
    assert_eq!(paged, everything);

    let denied = root.get(&format!("{PATH}?action=sign_in&outcome=denied")).await.json();
    assert_eq!(denied["items"].as_array().unwrap().len(), 3);
    let first = &denied["items"][0];
    assert_eq!(first["reason"], "wrong_credentials");
    assert_eq!(first["object"], "alice");
    assert_eq!(first["detail"]["method"], "password");
    assert!(first["at"].as_str().unwrap().ends_with('Z'), "{first}");
    let by_root = root.get(&format!("{PATH}?actor=sallyport:root&q=password")).await.json();
    assert_eq!(by_root["items"].as_array().unwrap().len(), 1);

    let verdict = root.get(&format!("{PATH}/verify")).await.json();
    assert_eq!(verdict["intact"], true, "{verdict}");
    assert_eq!(verdict["records"].as_u64().unwrap(), everything[0] + 1);
}

#[tokio::test]
async fn nobody_else_reads_it_and_malformed_queries_are_refused() {
    let hub = Hub::start().await;
    let mut alice = hub.signed_in("alice").await;
    alice.get(PATH).await.refused(403, "not_admin");
    alice.get(&format!("{PATH}/verify")).await.refused(403, "not_admin");
    hub.browser().get(PATH).await.refused(401, "not_signed_in");
    let mut root = hub.signed_in("root").await;
    for query in ["limit=0", "limit=501", "limit=x", "before=-1", "outcome=maybe", "unknown=1"] {
        root.get(&format!("{PATH}?{query}")).await.refused(400, "bad_request");
    }
}

#[tokio::test]
async fn no_secret_is_ever_in_the_log() {
    let hub = Hub::start().await;
    let mut browser = hub.signed_in("alice").await;
    browser.sign_in(PASSWORD, "typed into the wrong field").await;
    let mut root = hub.signed_in("root").await;
    let log = root.get(&format!("{PATH}?limit=500")).await.text;
    for secret in [PASSWORD, "typed into", "inv_", "argon2"]
        .into_iter()
        .chain(root.cookies.values().map(String::as_str))
        .chain([root.csrf.as_str()])
    {
        assert!(!log.contains(secret), "{secret}");
    }
}
