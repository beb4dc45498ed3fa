//! Signing in with a password.

use crate::hub::{Hub, ORIGIN, PASSWORD};
use axum::body::Body;
use http::{Method, header};
use http_api::{COOKIE_SIGN_IN, CSRF_HEADER};
use model::Secret;
use serde_json::json;
use store::{AuditEntry, AuditOutcome};

const PATH: &str = "/api/v1/sign-in/password";

#[tokio::test]
async fn the_right_password_signs_in_and_tells_who_i_am() {
    let hub = Hub::start().await;
    let mut browser = hub.browser();
    browser.get("/api/v1/me").await.refused(401, "not_signed_in");
    let reply = browser.sign_in(" Alice ", PASSWORD).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let cookie = reply.headers.get_all(header::SET_COOKIE).iter().next().unwrap();
    let cookie = cookie.to_str().unwrap();
    assert!(cookie.starts_with("__Host-sallyport="), "{cookie}");
    for guard in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite=Strict"] {
        assert!(cookie.contains(guard), "{cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    assert_eq!(reply.headers[header::CACHE_CONTROL], "no-store");

    let me = browser.get("/api/v1/me").await.json();
    assert_eq!(me, reply.json());
    assert_eq!(me["user"], "sallyport:alice");
    assert_eq!(me["account"], "alice");
    assert_eq!(me["groups"], json!(["sallyport:users", "dev"]));
    assert_eq!(me["admin"], false);
    assert_eq!(me["method"], "password");
    assert_eq!(me["clusters"], json!(["home", "other", "away", "silent"]));
    assert_eq!(me["version"], "1.2.3");
    assert!(me.get("cluster").is_none());

    let records = hub.audited("sign_in").await;
    assert_eq!(records[0].entry.actor, "sallyport:alice");
    assert_eq!(records[0].entry.outcome, AuditOutcome::Allowed);
    assert_eq!(records[0].entry.source, "192.0.2.1");
}

#[tokio::test]
async fn wrong_passwords_and_unknown_names_are_refused_alike_and_cost_the_same() {
    let hub = Hub::start().await;
    let mut replies = Vec::new();
    for (name, password) in [
        ("alice", "wrong horse battery"),
        ("nobody", PASSWORD),
        ("not a name!", PASSWORD),
        ("", ""),
        (&"a".repeat(10_000), PASSWORD),
    ] {
        let before = hub.desk.checks();
        let mut browser = hub.browser();
        let reply = browser.sign_in(name, password).await;
        reply.refused(401, "wrong_credentials");
        assert_eq!(hub.desk.checks(), before + 1, "{name}: one check, account or not");
        assert!(browser.cookies.is_empty());
        let mut problem = reply.json();
        problem["request_id"].take();
        replies.push(problem);
    }
    assert!(replies.windows(2).all(|pair| pair[0] == pair[1]), "{replies:?}");

    let records = hub.audited("sign_in").await;
    assert_eq!(records.len(), 5);
    assert!(records.iter().all(|record| record.entry.outcome == AuditOutcome::Denied));
    assert!(records.iter().all(|record| record.entry.actor.is_empty()));
    // What was typed as a name may have been a password.
    assert_eq!(records[4].entry.object, "alice");
    assert_eq!(records[3].entry.object, "(no such account)");
}

#[tokio::test]
async fn an_account_without_a_password_lets_nobody_in() {
    let hub = Hub::start().await;
    let new = console::NewAccount {
        name: "fresh".parse().unwrap(),
        display_name: None,
        groups: Vec::new(),
        admin: false,
        allow_reserved_groups: false,
    };
    hub.accounts.create(&hub.author(), new).await.unwrap();
    let before = hub.desk.checks();
    hub.browser().sign_in("fresh", "").await.refused(401, "wrong_credentials");
    assert_eq!(hub.desk.checks(), before + 1);
}

#[tokio::test]
async fn a_disabled_account_is_told_only_to_who_knows_its_password() {
    let hub = Hub::start().await;
    hub.accounts.disable(&hub.author(), &"alice".parse().unwrap()).await.unwrap();
    hub.browser().sign_in("alice", "wrong horse battery").await.refused(401, "wrong_credentials");
    let mut browser = hub.browser();
    browser.sign_in("alice", PASSWORD).await.refused(403, "account_disabled");
    assert!(browser.cookies.is_empty());
    assert_eq!(hub.audited("sign_in").await[0].entry.reason, "account_disabled");
}

#[tokio::test]
async fn a_password_that_is_replaced_while_one_waits_signs_in_no_more() {
    let hub = Hub::start().await;
    let alice = hub.store.account_by_name(&"alice".parse().unwrap()).await.unwrap().unwrap();
    let new = "a new and better password";
    let new_hash = hub.desk.hash(Secret::new(new)).await.unwrap();
    // Enough work for all seats that the sign-in finds none for a while.
    let mut busy = tokio::task::JoinSet::new();
    let seats = std::thread::available_parallelism().unwrap().get();
    for _ in 0..seats * 3 {
        let desk = hub.desk.clone();
        busy.spawn(async move { desk.hash(Secret::new(PASSWORD)).await.map(drop) });
    }
    let mut browser = hub.browser();
    let (reply, ()) = tokio::join!(browser.sign_in("alice", PASSWORD), async {
        busy.join_next().await.unwrap().unwrap().unwrap();
        let audit = AuditEntry {
            action: "account.password".to_owned(),
            ..hub.audited("account.create").await.remove(0).entry
        };
        hub.store.change_password(&alice.id, &new_hash, hub.now(), audit).await.unwrap();
    });
    reply.refused(401, "wrong_credentials");
    assert!(browser.cookies.is_empty());
    let stored = hub.store.account(&alice.id).await.unwrap().unwrap().password.unwrap();
    assert_eq!(stored.expose(), new_hash.expose());
    assert_eq!(hub.browser().sign_in("alice", new).await.status, 200);
}

#[tokio::test]
async fn other_sites_cannot_sign_anybody_in() {
    let hub = Hub::start().await;
    let body = json!({ "username": "alice", "password": PASSWORD }).to_string();
    for origin in [
        None,
        Some("null"),
        Some("https://evil.example"),
        Some("https://hub.example.evil.example"),
        Some("http://hub.example"),
        Some("https://hub.example:8443"),
    ] {
        let mut browser = hub.browser();
        let mut request =
            browser.request(Method::POST, PATH).header(header::CONTENT_TYPE, "application/json");
        if let Some(origin) = origin {
            request = request.header(header::ORIGIN, origin);
        }
        let before = hub.desk.checks();
        let request = request.body(Body::from(body.clone())).unwrap();
        browser.send(request).await.refused(403, "origin_refused");
        assert!(browser.cookies.is_empty(), "{origin:?}");
        assert_eq!(hub.desk.checks(), before, "no work for other sites");
    }
}

#[tokio::test]
async fn malformed_and_oversized_bodies_are_refused() {
    let hub = Hub::start().await;
    let large = format!(r#"{{"username":"alice","password":"{}"}}"#, "x".repeat(70_000));
    let long = format!(r#"{{"username":"alice","password":"{}"}}"#, "x".repeat(2_000));
    for (kind, body, status, code) in [
        ("application/json", "", 400, "bad_request"),
        ("application/json", "{", 400, "bad_request"),
        ("application/json", r#"{"username":"alice"}"#, 400, "bad_request"),
        ("application/json", r#"{"username":1,"password":"x"}"#, 400, "bad_request"),
        ("application/json", r#"{"username":"a","password":"x","admin":true}"#, 400, "bad_request"),
        ("application/json", &long, 400, "bad_request"),
        ("application/json", &large, 413, "body_too_large"),
        ("text/plain", r#"{"username":"alice","password":"x"}"#, 400, "bad_request"),
        ("application/x-www-form-urlencoded", "username=alice", 400, "bad_request"),
    ] {
        let mut browser = hub.browser();
        let request = browser
            .request(Method::POST, PATH)
            .header(header::ORIGIN, ORIGIN)
            .header(header::CONTENT_TYPE, kind)
            .body(Body::from(body.to_owned()))
            .unwrap();
        browser.send(request).await.refused(status, code);
    }
    assert_eq!(hub.desk.checks(), 0);
}

#[tokio::test]
async fn a_planted_cookie_is_not_adopted_and_the_old_sign_in_ends() {
    let hub = Hub::start().await;
    // An attacker signs in, and plants the cookie of that sign-in in somebody's browser.
    let attacker = hub.signed_in("alice").await;
    let planted = attacker.cookies[COOKIE_SIGN_IN].clone();
    let mut victim = hub.browser();
    victim.cookies.insert(COOKIE_SIGN_IN.to_owned(), planted.clone());
    assert_eq!(victim.sign_in("root", PASSWORD).await.status, 200);
    assert_ne!(victim.cookies[COOKIE_SIGN_IN], planted, "a sign-in makes a new secret");
    assert_eq!(victim.get("/api/v1/me").await.json()["account"], "root");
    // The attacker's cookie is worth nothing now, not even as their own.
    attacker.clone().get("/api/v1/me").await.refused(401, "session_ended");

    // One that nobody issued is not adopted either.
    let mut victim = hub.browser();
    let made_up = "A".repeat(43);
    victim.cookies.insert(COOKIE_SIGN_IN.to_owned(), made_up.clone());
    assert_eq!(victim.sign_in("alice", PASSWORD).await.status, 200);
    assert_ne!(victim.cookies[COOKIE_SIGN_IN], made_up);
}

#[tokio::test]
async fn a_sign_in_that_cannot_be_recorded_does_not_happen() {
    let hub = Hub::start().await;
    let mut signed_in = hub.signed_in("alice").await;
    hub.store.close().await;
    let mut browser = hub.browser();
    browser.sign_in("alice", PASSWORD).await.refused(503, "store_unavailable");
    assert!(browser.cookies.is_empty());
    signed_in.get("/api/v1/me").await.refused(503, "store_unavailable");
}

#[tokio::test]
async fn asserted_identities_and_request_ids_are_ignored() {
    let hub = Hub::start().await;
    let smuggled = [
        ("x-remote-user", "sallyport:root"),
        ("x-remote-group", "system:masters"),
        ("impersonate-user", "sallyport:root"),
        ("impersonate-group", "system:masters"),
        ("authorization", "Bearer root"),
        ("connection", "impersonate-user, x-remote-user"),
        ("x-request-id", "req_forged"),
    ];
    let with = |mut request: http::request::Builder| {
        for (name, value) in smuggled {
            request = request.header(name, value);
        }
        request.body(Body::empty()).unwrap()
    };
    let mut stranger = hub.browser();
    let request = with(stranger.request(Method::GET, "/api/v1/accounts"));
    let reply = stranger.send(request).await;
    reply.refused(401, "not_signed_in");
    assert_ne!(reply.headers["x-request-id"], "req_forged");

    let mut alice = hub.signed_in("alice").await;
    let request = with(alice.request(Method::GET, "/api/v1/me"));
    let me = alice.send(request).await.json();
    assert_eq!(me["user"], "sallyport:alice");
    assert_eq!(me["groups"], json!(["sallyport:users", "dev"]));
    let request = with(alice.request(Method::GET, "/api/v1/accounts").header(CSRF_HEADER, "x"));
    alice.send(request).await.refused(403, "not_admin");
}
