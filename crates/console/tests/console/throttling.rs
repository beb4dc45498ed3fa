//! Back-off: guessing gets slower and slower, and nobody can use it to lock somebody else out.

use crate::hub::{Hub, PASSWORD};
use http_api::COOKIE_KNOWN_BROWSER;
use std::time::Duration;

const GUESS: &str = "wrong horse battery";

#[tokio::test]
async fn a_guesser_waits_and_the_owner_elsewhere_does_not() {
    let hub = Hub::start().await;
    let mut stranger = hub.browser().at("198.51.100.7");
    for _ in 0..5 {
        stranger.sign_in("alice", GUESS).await.refused(401, "wrong_credentials");
    }
    let before = hub.desk.checks();
    for _ in 0..20 {
        let reply = stranger.sign_in("alice", GUESS).await;
        reply.refused(429, "too_many_attempts");
        assert_eq!(reply.json()["retry_after_s"], 1);
        assert_eq!(reply.headers["retry-after"], "1");
    }
    // Not even the right password is looked at while the wait runs.
    stranger.sign_in("alice", PASSWORD).await.refused(429, "too_many_attempts");
    assert_eq!(hub.desk.checks(), before, "a refused attempt costs no check");

    // The owner's network has failed at nothing.
    let mut owner = hub.browser().at("203.0.113.5");
    assert_eq!(owner.sign_in("alice", PASSWORD).await.status, 200);
    // Other accounts from the stranger's network are not slowed yet.
    let mut neighbour = hub.browser().at("198.51.100.7");
    assert_eq!(neighbour.sign_in("root", PASSWORD).await.status, 200);

    // Only failures are recorded, not the refusals while waiting, or a stranger could fill the log.
    let denied: Vec<_> = hub.audited("sign_in").await;
    let denied: Vec<_> =
        denied.iter().filter(|record| record.entry.reason == "wrong_credentials").collect();
    assert_eq!(denied.len(), 5);
    assert_eq!(denied[0].entry.detail["next_attempt_in_s"], 1);

    hub.wait(Duration::from_secs(1));
    assert_eq!(stranger.sign_in("alice", PASSWORD).await.status, 200, "the wait is over");
    stranger.sign_in("alice", GUESS).await.refused(401, "wrong_credentials");
}

#[tokio::test]
async fn a_known_browser_behind_the_same_address_is_not_locked_out() {
    let hub = Hub::start().await;
    let mut owner = hub.signed_in("alice").await;
    assert!(owner.cookies.contains_key(COOKIE_KNOWN_BROWSER));
    let csrf = serde_json::json!({ "everywhere": true });
    assert_eq!(owner.post("/api/v1/sign-out", csrf).await.status, 204);

    // A stranger behind the very address, at alice and at everybody else.
    let mut stranger = hub.browser();
    for attempt in 0..70 {
        stranger.sign_in("alice", GUESS).await;
        stranger.sign_in(&format!("nobody-{attempt}"), GUESS).await;
    }
    stranger.sign_in("alice", PASSWORD).await.refused(429, "too_many_attempts");
    stranger.sign_in("root", PASSWORD).await.refused(429, "too_many_attempts");

    assert_eq!(owner.clone().sign_in("alice", PASSWORD).await.status, 200);
    // The mark is alice's: it opens no way to guess at another account.
    owner.clone().sign_in("root", PASSWORD).await.refused(429, "too_many_attempts");
    // Nor is one that was made up.
    stranger.cookies.insert(COOKIE_KNOWN_BROWSER.to_owned(), "A".repeat(64));
    stranger.sign_in("alice", PASSWORD).await.refused(429, "too_many_attempts");
    // And a known browser guesses no faster than anybody.
    for _ in 0..5 {
        owner.sign_in("alice", GUESS).await.refused(401, "wrong_credentials");
    }
    owner.sign_in("alice", GUESS).await.refused(429, "too_many_attempts");
}

#[tokio::test]
async fn guessing_in_parallel_gains_nothing() {
    let hub = Hub::start().await;
    let guesses = (0..40).map(|_| {
        let mut stranger = hub.browser().at("198.51.100.7");
        tokio::spawn(async move { stranger.sign_in("alice", GUESS).await.status })
    });
    let mut checked = 0;
    for guess in guesses.collect::<Vec<_>>() {
        match guess.await.unwrap() {
            401 => checked += 1,
            429 => {}
            other => panic!("{other}"),
        }
    }
    assert!((1..=5).contains(&checked), "{checked} guesses were looked at");
    assert_eq!(hub.desk.checks(), checked);
}

#[tokio::test]
async fn guessing_at_many_accounts_in_parallel_gains_nothing() {
    let hub = Hub::start().await;
    let spray = async |turn: u32| {
        let before = hub.desk.checks();
        let guesses = (0..120).map(|n| {
            let mut stranger = hub.browser().at("198.51.100.7");
            let name = format!("somebody-{turn}-{n}");
            tokio::spawn(async move { stranger.sign_in(&name, GUESS).await.status })
        });
        for guess in guesses.collect::<Vec<_>>() {
            let status = guess.await.unwrap();
            assert!([401, 429].contains(&status), "{status}");
        }
        hub.desk.checks() - before
    };
    let checked = spray(0).await;
    assert!((1..=50).contains(&checked), "{checked} guesses were looked at");
    // Each time a wait ends, one guess is looked at, however many have waited for it.
    for turn in 1..4 {
        hub.wait(Duration::from_secs(60));
        assert_eq!(spray(turn).await, 1);
    }
    // That is by network: elsewhere nobody waits, nor does a neighbour once it is over, and what they get right
    // makes nobody else wait.
    assert_eq!(hub.browser().at("203.0.113.5").sign_in("alice", PASSWORD).await.status, 200);
    let mut neighbour = hub.browser().at("198.51.100.7");
    neighbour.sign_in("alice", PASSWORD).await.refused(429, "too_many_attempts");
    hub.wait(Duration::from_secs(60));
    for name in ["alice", "root"] {
        let mut neighbour = hub.browser().at("198.51.100.7");
        assert_eq!(neighbour.sign_in(name, PASSWORD).await.status, 200);
    }
    // Made-up tokens and invitations are guesses of the same network.
    let mut stranger = hub.browser().at("198.51.100.7");
    let body = serde_json::json!({ "invitation": "inv_made.up", "password": PASSWORD });
    stranger.post("/api/v1/sign-in/invitation", body).await.refused(403, "invitation_invalid");
    let body = serde_json::json!({ "token": "bob" });
    stranger.post("/api/v1/sign-in/token", body).await.refused(429, "too_many_attempts");
}

#[tokio::test]
async fn a_class_that_signs_in_at_once_from_one_address_does_not_wait() {
    let hub = Hub::start().await;
    let class = (0..80).map(|_| {
        let mut student = hub.browser().at("198.51.100.7");
        tokio::spawn(async move { student.sign_in("alice", PASSWORD).await.status })
    });
    for student in class.collect::<Vec<_>>() {
        assert_eq!(student.await.unwrap(), 200);
    }
    assert_eq!(hub.store.throttle_state("network:198.51.100.7").await.unwrap(), None);
}

#[tokio::test]
async fn a_forged_forwarding_header_does_not_make_a_new_network() {
    let hub = Hub::start().await;
    let body = serde_json::json!({ "username": "alice", "password": GUESS }).to_string();
    let attempt = |peer: &'static str, forwarded: String| {
        let mut stranger = hub.browser().at(peer);
        let request = stranger
            .request(http::Method::POST, "/api/v1/sign-in/password")
            .header("origin", crate::hub::ORIGIN)
            .header("content-type", "application/json")
            .header("x-forwarded-for", forwarded)
            .body(axum::body::Body::from(body.clone()))
            .unwrap();
        async move { stranger.send(request).await.status }
    };
    let mut last = 0;
    for n in 0..6 {
        last = attempt("198.51.100.7", format!("203.0.113.{n}")).await;
    }
    assert_eq!(last, 429, "an untrusted peer speaks only for itself");
    // A proxy of ours does speak for others, but what a client wrote before it does not count.
    for n in 0..6 {
        last = attempt("10.0.0.1", format!("203.0.113.{n}, 198.51.100.8")).await;
    }
    assert_eq!(last, 429);
    assert_eq!(attempt("10.0.0.1", "198.51.100.9".to_owned()).await, 401);
}

#[tokio::test]
async fn tokens_and_invitations_are_throttled_by_network_too() {
    let hub = Hub::start().await;
    let mut stranger = hub.browser().at("198.51.100.7");
    for _ in 0..25 {
        let body = serde_json::json!({ "token": "made-up" });
        stranger.post("/api/v1/sign-in/token", body).await.refused(401, "token_refused");
        let body = serde_json::json!({ "invitation": "inv_made.up", "password": PASSWORD });
        stranger.post("/api/v1/sign-in/invitation", body).await.refused(403, "invitation_invalid");
    }
    for (path, body) in [
        ("token", serde_json::json!({ "token": "bob" })),
        ("invitation", serde_json::json!({ "invitation": "inv_x", "password": PASSWORD })),
        ("password", serde_json::json!({ "username": "alice", "password": PASSWORD })),
    ] {
        let reply = stranger.post(&format!("/api/v1/sign-in/{path}"), body.clone()).await;
        reply.refused(429, "too_many_attempts");
    }
    let mut elsewhere = hub.browser().at("203.0.113.5");
    let body = serde_json::json!({ "token": "bob" });
    assert_eq!(elsewhere.post("/api/v1/sign-in/token", body).await.status, 200);
}
