//! Links that are refused for what they say, before any cluster is asked.

use crate::hub::Hub;
use http::{Method, StatusCode};
use serde_json::json;
use store::AuditFilter;

#[tokio::test]
async fn a_command_holds_no_nul() {
    // Without a cluster, what is well said ends there.
    let hub = Hub::before(Vec::new()).await;
    let browser = hub.by_token("bob", &["dev"], "home").await;
    for (command, status, code) in [
        (json!(["id\0"]), StatusCode::BAD_REQUEST, "bad_request"),
        (json!(["sh", "-c", "\0"]), StatusCode::BAD_REQUEST, "bad_request"),
        (json!(["printf", "a\tb\n"]), StatusCode::NOT_FOUND, "cluster_unknown"),
    ] {
        let wish = json!({ "namespace": "team", "pod": "web-0", "command": command });
        let answer = hub.call(&browser, Method::POST, "/api/v1/links", Some(wish)).await;
        assert_eq!((answer.0, &answer.1["code"]), (status, &json!(code)), "{command}: {answer:?}");
        if status == StatusCode::BAD_REQUEST {
            assert!(answer.1["detail"].as_str().unwrap().contains("NUL"), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn whoever_loops_at_the_gates_is_held_back_and_fills_no_log() {
    // With the machine's own clock the bucket fills again by a few while the loop runs.
    let hub = Hub::before(Vec::new()).await;
    let browser = hub.by_token("bob", &["dev"], "home").await;
    let recorded = async || {
        let filter = AuditFilter { limit: 500, ..AuditFilter::default() };
        hub.api.store.audit_page(&filter).await.unwrap().len()
    };
    let place = json!({ "namespace": "team", "pod": "web-0" });
    let acts = [
        ("/presigned/validate", json!({ "link": "x" }), StatusCode::BAD_REQUEST),
        ("/api/v1/links", place, StatusCode::NOT_FOUND),
        ("/api/v1/links/revoke-all", json!({ "user": "bob" }), StatusCode::OK),
    ];
    let (before, mut done, mut held) = (recorded().await, 0, 0);
    while held < 200 {
        for (path, body, expected) in &acts {
            let (status, answer) = hub.call(&browser, Method::POST, path, Some(body.clone())).await;
            if status == StatusCode::TOO_MANY_REQUESTS {
                assert_eq!(answer["code"], "too_many_attempts", "{answer}");
                assert_eq!(answer["retry_after_s"], 1, "{answer}");
                held += 1;
            } else {
                assert_eq!(status, *expected, "{path}: {answer}");
                done += 1;
            }
        }
    }
    assert!(done >= 199, "{done} went through");
    // Each that was done left its record; all that were not, one.
    assert_eq!(recorded().await, before + done + 1);
    // Nobody else waits for bob.
    let eve = hub.by_token("eve", &["dev"], "home").await;
    let (_, body, _) = &acts[0];
    let answer = hub.call(&eve, Method::POST, "/presigned/validate", Some(body.clone())).await;
    assert_eq!(answer.0, StatusCode::BAD_REQUEST, "{answer:?}");
}

#[tokio::test]
async fn lists_are_read_on_to_their_end_and_only_ones_own() {
    let hub = Hub::before(Vec::new()).await;
    let bob = hub.by_token("bob", &["dev"], "home").await;
    let eve = hub.by_token("eve", &["dev"], "home").await;
    for _ in 0..5 {
        hub.terminal(&bob, "home").await;
    }
    let theirs = hub.terminal(&eve, "home").await;
    for (path, foreign) in
        [("links", &theirs.link.to_string()), ("terminals", &theirs.id.to_string())]
    {
        let mut read = Vec::new();
        let mut after = String::new();
        loop {
            let page = format!("/api/v1/{path}?limit=2{after}");
            let (status, page) = hub.call(&bob, Method::GET, &page, None).await;
            assert_eq!(status, StatusCode::OK, "{page}");
            let items = page["items"].as_array().unwrap();
            assert!((1..=2).contains(&items.len()), "no page is empty: {page}");
            read.extend(items.iter().map(|each| each["id"].as_str().unwrap().to_owned()));
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        let (_, whole) = hub.call(&bob, Method::GET, &format!("/api/v1/{path}"), None).await;
        let whole: Vec<_> = whole["items"].as_array().unwrap().iter().map(|it| &it["id"]).collect();
        assert_eq!(json!(read), json!(whole), "{path}");
        assert!(read.len() == 5 && !read.contains(foreign), "{path}: {read:?}");
        for bad in ["x", "5.", "5.acc_00000000000000000000000000", "%00"] {
            let page = format!("/api/v1/{path}?after={bad}");
            let (status, problem) = hub.call(&bob, Method::GET, &page, None).await;
            assert_eq!(
                (status, &problem["code"]),
                (StatusCode::BAD_REQUEST, &json!("bad_request"))
            );
        }
    }
}
