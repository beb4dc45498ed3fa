//! A sign-in from its beginning to its end, and the guards of requests that change something.

use crate::hub::{Hub, ORIGIN};
use axum::body::Body;
use http::{Method, header};
use http_api::{COOKIE_SIGN_IN, CSRF_HEADER};
use serde_json::json;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn an_idle_sign_in_lapses_and_a_used_one_goes_on_to_its_end() {
    let hub = Hub::start().await;
    let mut idle = hub.signed_in("alice").await;
    let mut used = hub.signed_in("alice").await;
    for _ in 0..11 {
        hub.wait(60 * MINUTE);
        assert_eq!(used.get("/api/v1/me").await.status, 200);
    }
    idle.get("/api/v1/me").await.refused(401, "session_expired");
    hub.wait(59 * MINUTE);
    assert_eq!(used.get("/api/v1/me").await.status, 200);
    hub.wait(MINUTE);
    used.get("/api/v1/me").await.refused(401, "session_expired");
}

#[tokio::test]
async fn what_the_page_asks_by_itself_is_no_activity() {
    let by_itself = [("x-sallyport-background", "1"), ("accept", "text/event-stream")];
    let by_a_person = [("accept", "application/json"), ("accept", "text/html, text/event-stream")];
    let cases = by_itself.map(|header| (header, 401)).into_iter();
    for ((name, value), last) in cases.chain(by_a_person.map(|header| (header, 200))) {
        let hub = Hub::start().await;
        let mut browser = hub.signed_in("alice").await;
        let mut statuses = Vec::new();
        for _ in 0..3 {
            hub.wait(50 * MINUTE);
            let request = browser
                .request(Method::GET, "/api/v1/me")
                .header(name, value)
                .body(Body::empty())
                .unwrap();
            statuses.push(browser.send(request).await.status);
        }
        assert_eq!(statuses, [200, 200, last], "{name}: {value}");
    }
}

#[tokio::test]
async fn signing_out_here_leaves_other_browsers_and_everywhere_does_not() {
    let hub = Hub::start().await;
    let (mut first, mut second, mut third) =
        (hub.signed_in("alice").await, hub.signed_in("alice").await, hub.signed_in("alice").await);
    let mut root = hub.signed_in("root").await;
    let kept = first.cookies.clone();
    let reply = first.post("/api/v1/sign-out", json!({ "everywhere": false })).await;
    assert_eq!(reply.status, 204, "{reply:?}");
    assert!(!first.cookies.contains_key(COOKIE_SIGN_IN), "the cookie is taken back");
    first.cookies = kept;
    first.get("/api/v1/me").await.refused(401, "session_ended");
    assert_eq!(second.get("/api/v1/me").await.status, 200);

    assert_eq!(second.post("/api/v1/sign-out", json!({ "everywhere": true })).await.status, 204);
    third.get("/api/v1/me").await.refused(401, "session_ended");
    assert_eq!(root.get("/api/v1/me").await.status, 200);
    assert_eq!(hub.audited("sign_out").await.len(), 2);
}

#[tokio::test]
async fn cookies_that_nobody_issued_are_nobodys() {
    let hub = Hub::start().await;
    let good = hub.signed_in("alice").await.cookies[COOKIE_SIGN_IN].clone();
    for cookie in [
        String::new(),
        "x".to_owned(),
        "A".repeat(43),
        good.to_lowercase(),
        format!("{good}A"),
        good[1..].to_owned(),
        "A".repeat(8000),
        // Twice the right one: a second may have been planted, so neither counts.
        format!("{good}; {COOKIE_SIGN_IN}={good}"),
    ] {
        let mut browser = hub.browser();
        browser.cookies.insert(COOKIE_SIGN_IN.to_owned(), cookie);
        browser.get("/api/v1/me").await.refused(401, "not_signed_in");
    }
}

#[tokio::test]
async fn an_unsafe_request_needs_our_origin_and_this_sign_ins_token() {
    let hub = Hub::start().await;
    let mut alice = hub.signed_in("alice").await;
    let other = hub.signed_in("alice").await.csrf;
    let right = alice.csrf.clone();
    let ours = Some(ORIGIN);
    for (origin, token, code) in [
        (ours, None, "csrf"),
        (ours, Some(String::new()), "csrf"),
        (ours, Some(format!("{right}A")), "csrf"),
        (ours, Some(right[1..].to_owned()), "csrf"),
        (ours, Some(other), "csrf"),
        (None, Some(right.clone()), "origin_refused"),
        (Some("null"), Some(right.clone()), "origin_refused"),
        (Some("https://evil.example"), Some(right.clone()), "origin_refused"),
        (Some("https://hub.example."), Some(right.clone()), "origin_refused"),
    ] {
        let mut request = alice
            .request(Method::POST, "/api/v1/sign-out")
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(origin) = origin {
            request = request.header(header::ORIGIN, origin);
        }
        if let Some(token) = token {
            request = request.header(CSRF_HEADER, token);
        }
        let request = request.body(Body::from(r#"{"everywhere":false}"#)).unwrap();
        alice.send(request).await.refused(403, code);
    }
    assert_eq!(alice.get("/api/v1/me").await.status, 200, "nothing was done");
    let attempts = hub.audited("request").await;
    assert_eq!(attempts.len(), 9, "attempts on a live sign-in are recorded");
    assert_eq!(attempts[8].entry.object, "POST /api/v1/sign-out");
    assert_eq!(alice.post("/api/v1/sign-out", json!({ "everywhere": false })).await.status, 204);
}

#[tokio::test]
async fn disabling_an_account_ends_its_sign_ins_at_once() {
    let hub = Hub::start().await;
    let mut alice = hub.signed_in("alice").await;
    let name = "alice".parse().unwrap();
    hub.accounts.disable(&hub.author(), &name).await.unwrap();
    alice.get("/api/v1/me").await.refused(401, "session_ended");
    hub.accounts.enable(&hub.author(), &name).await.unwrap();
    alice.get("/api/v1/me").await.refused(401, "session_ended");
}
