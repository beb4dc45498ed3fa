//! Invitations: used once, for one account, in time.

use crate::browser::{Browser, Reply};
use crate::hub::{Hub, PASSWORD};
use console::{Invitation, NewAccount};
use serde_json::json;
use std::time::Duration;

async fn invited(hub: &Hub) -> Invitation {
    let new = NewAccount {
        name: "bob".parse().unwrap(),
        display_name: Some("Bob Hwang".to_owned()),
        groups: Vec::new(),
        admin: false,
        allow_reserved_groups: false,
    };
    hub.accounts.create(&hub.author(), new).await.unwrap().invitation
}

fn secret(invitation: &Invitation) -> String {
    let url = invitation.url.expose();
    url.strip_prefix("https://hub.example/invitation#").unwrap().to_owned()
}

async fn redeem(browser: &mut Browser, invitation: &str, password: &str) -> Reply {
    let body = json!({ "invitation": invitation, "password": password });
    browser.post("/api/v1/sign-in/invitation", body).await
}

#[tokio::test]
async fn an_invitation_sets_the_password_and_signs_in_once() {
    let hub = Hub::start().await;
    let invitation = secret(&invited(&hub).await);
    let mut bob = hub.browser();
    let reply = redeem(&mut bob, &invitation, PASSWORD).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.json()["method"], "invitation");
    assert_eq!(reply.json()["display_name"], "Bob Hwang");
    assert_eq!(bob.get("/api/v1/me").await.status, 200);
    assert_eq!(hub.browser().sign_in("bob", PASSWORD).await.status, 200);

    let mut thief = hub.browser();
    let reply = redeem(&mut thief, &invitation, "another good password").await;
    reply.refused(403, "invitation_invalid");
    assert!(thief.cookies.is_empty());
    hub.browser().sign_in("bob", "another good password").await.refused(401, "wrong_credentials");
}

#[tokio::test]
async fn a_weak_password_does_not_use_the_invitation_up() {
    let hub = Hub::start().await;
    let invitation = secret(&invited(&hub).await);
    let mut bob = hub.browser();
    for weak in ["", "short", "bobbobbobbob", "password12345", &"x".repeat(300)] {
        redeem(&mut bob, &invitation, weak).await.refused(400, "password_weak");
    }
    assert_eq!(redeem(&mut bob, &invitation, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn expired_replaced_renamed_and_made_up_invitations_are_refused() {
    let hub = Hub::start().await;
    let first = secret(&invited(&hub).await);
    let bob = "bob".parse().unwrap();
    let second = secret(&hub.accounts.invite(&hub.author(), &bob).await.unwrap());
    let mut browser = hub.browser();
    for bad in [
        first.as_str(),
        &second.replace("inv_bob", "inv_root"),
        &second[..second.len() - 1],
        "inv_bob.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "inv_",
        "",
    ] {
        redeem(&mut browser, bad, PASSWORD).await.refused(403, "invitation_invalid");
    }
    hub.browser().sign_in("root", PASSWORD).await;
    hub.wait(Duration::from_secs(3 * 24 * 60 * 60));
    redeem(&mut browser, &second, PASSWORD).await.refused(403, "invitation_invalid");
}

#[tokio::test]
async fn of_many_that_redeem_at_once_one_gets_in() {
    let hub = Hub::start().await;
    let invitation = secret(&invited(&hub).await);
    let racers: Vec<_> = (0..12)
        .map(|_| {
            let (mut browser, invitation) = (hub.browser(), invitation.clone());
            tokio::spawn(async move { redeem(&mut browser, &invitation, PASSWORD).await.status })
        })
        .collect();
    let mut statuses = Vec::new();
    for racer in racers {
        statuses.push(racer.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses[0], 200);
    assert!(statuses[1..].iter().all(|status| *status == 403), "{statuses:?}");
}

#[tokio::test]
async fn a_new_password_signs_out_whoever_had_the_old_one() {
    let hub = Hub::start().await;
    let mut thief = hub.signed_in("alice").await;
    let alice = "alice".parse().unwrap();
    let invitation = hub.accounts.invite(&hub.author(), &alice).await.unwrap();
    let mut owner = hub.browser();
    let reply = redeem(&mut owner, &secret(&invitation), "another good password").await;
    assert_eq!(reply.status, 200);
    thief.get("/api/v1/me").await.refused(401, "session_ended");
    assert_eq!(owner.get("/api/v1/me").await.status, 200);
    hub.browser().sign_in("alice", PASSWORD).await.refused(401, "wrong_credentials");
}
