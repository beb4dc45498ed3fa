//! The hub before API servers that let its people in by themselves: who gets a token, which tokens a review knows, and
//! what is published.

use crate::browser::Reply;
use crate::hub::Hub;
use crate::machines::Machine;
use authn::{IdToken, MachineKey, MachinePurpose, ReviewerSecrets};
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use console::IssuerSettings;
use http::{Method, header};
use model::{ClusterName, Secret};
use serde_json::{Value, json};
use std::time::Duration;

const ISSUER: &str = "https://hub.example/issuer";
const OF_HOME: &str = "0123456789abcdef0123456789abcdef";
const OF_OTHER: &str = "fedcba9876543210fedcba9876543210";

async fn start(url: Option<&str>, reviewers: &[(&str, &str)]) -> Hub {
    let reviewers = reviewers.iter().map(|(cluster, secret)| {
        let secrets = ReviewerSecrets::parse(&Secret::new(*secret)).unwrap();
        (cluster.parse().unwrap(), secrets)
    });
    Hub::start_with(IssuerSettings {
        url: url.map(str::to_owned),
        token_lifetime: Duration::from_secs(600),
        reviewers: reviewers.collect(),
    })
    .await
}

/// With both, for two clusters.
async fn both() -> Hub {
    start(Some(ISSUER), &[("home", OF_HOME), ("other", OF_OTHER)]).await
}

impl Machine {
    async fn ask_token(&mut self, hub: &Hub, cluster: &str) -> Reply {
        self.ask_token_at(cluster, hub.now().as_micros() / 1_000_000).await
    }

    async fn ask_token_at(&mut self, cluster: &str, asked_at_s: i64) -> Reply {
        let name: ClusterName = cluster.parse().unwrap();
        let about = MachineKey::about_token(&name, asked_at_s);
        let body = json!({
            "key": self.public(), "proof": self.proof(MachinePurpose::Token, &about),
            "cluster": cluster, "asked_at_s": asked_at_s,
        });
        self.line.post("/api/v1/machine/token", body).await
    }

    async fn token(&mut self, hub: &Hub, cluster: &str) -> String {
        let reply = self.ask_token(hub, cluster).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()["token"].as_str().unwrap().to_owned()
    }
}

/// As the API server of a cluster asks.
async fn ask(hub: &Hub, cluster: &str, secrets: &[&str], body: &Value) -> Reply {
    let mut line = hub.browser();
    let mut request = line
        .request(Method::POST, &format!("/api/v1/token-reviews/{cluster}"))
        .header(header::CONTENT_TYPE, "application/json");
    for secret in secrets {
        request = request.header(header::AUTHORIZATION, *secret);
    }
    line.send(request.body(Body::from(body.to_string())).unwrap()).await
}

async fn review(hub: &Hub, cluster: &str, secret: &str, token: &str) -> Value {
    let version = "authentication.k8s.io/v1";
    let body = json!({
        "apiVersion": version, "kind": "TokenReview", "metadata": { "creationTimestamp": null },
        "spec": { "token": token, "audiences": ["https://kubernetes.default.svc"] }, "status": {},
    });
    let reply = ask(hub, cluster, &[&format!("Bearer {secret}")], &body).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let answer = reply.json();
    assert_eq!((&answer["apiVersion"], &answer["kind"]), (&json!(version), &json!("TokenReview")));
    answer["status"].clone()
}

async fn of_home(hub: &Hub, token: &str) -> Value {
    review(hub, "home", OF_HOME, token).await
}

fn nobody() -> Value {
    json!({ "authenticated": false })
}

fn no_more(why: &str) -> Value {
    json!({ "authenticated": false, "error": why })
}

#[tokio::test]
async fn a_token_is_reviewed_as_the_gateway_names_the_person_and_recorded_once() {
    let hub = both().await;
    let mut owner = hub.signed_in("alice").await;
    let (mut machine, _) = Machine::signed_in(&hub, &mut owner).await;
    let given = machine.ask_token(&hub, "home").await.json();
    assert_eq!(given["user"], "sallyport:alice");
    let token = given["token"].as_str().unwrap();
    for _ in 0..3 {
        let status = of_home(&hub, token).await;
        assert_eq!(status["authenticated"], true, "{status}");
        assert_eq!(status["user"]["username"], "sallyport:alice");
        assert_eq!(status["user"]["groups"], json!(["sallyport:users", "dev"]));
        assert!(status["audiences"].is_null(), "the API server's own");
    }
    let (given, reviewed) = (hub.audited("machine.token").await, hub.audited("token.review").await);
    assert_eq!((given.len(), reviewed.len()), (1, 1));
    let (given, reviewed) = (&given[0].entry, &reviewed[0].entry);
    assert_eq!(
        (given.actor.as_str(), reviewed.actor.as_str()),
        ("sallyport:alice", "sallyport:alice")
    );
    assert_eq!(given.detail["token"], reviewed.detail["token"]);
    assert_eq!(
        (given.detail["cluster"].as_str(), reviewed.object.as_str()),
        (Some("home"), "home")
    );
    for record in [given, reviewed] {
        assert!(!format!("{record:?}").contains(token), "no token in a record");
    }
    // In the version that API servers speak unless they are told otherwise.
    let body = json!({ "apiVersion": "authentication.k8s.io/v1beta1", "kind": "TokenReview",
                       "spec": { "token": token } });
    let reply = ask(&hub, "home", &[&format!("bearer {OF_HOME}")], &body).await.json();
    assert_eq!(reply["apiVersion"], "authentication.k8s.io/v1beta1");
    assert_eq!(reply["status"]["authenticated"], true);
}

#[tokio::test]
async fn a_token_ends_with_its_time_its_sign_in_and_its_account() {
    let hub = both().await;
    let mut owner = hub.signed_in("alice").await;
    let (mut machine, _) = Machine::signed_in(&hub, &mut owner).await;
    let token = machine.token(&hub, "home").await;
    hub.wait(Duration::from_secs(599));
    assert_eq!(of_home(&hub, &token).await["authenticated"], true);
    hub.wait(Duration::from_secs(1));
    assert_eq!(of_home(&hub, &token).await, no_more("the token has expired"));

    let token = machine.token(&hub, "home").await;
    assert_eq!(of_home(&hub, &token).await["authenticated"], true);
    assert_eq!(machine.prove("end", MachinePurpose::End).await.status, 204);
    for _ in 0..3 {
        assert_eq!(of_home(&hub, &token).await, no_more("the sign-in has ended"));
    }
    let denied = hub.audited("token.review").await;
    let denied = denied.iter().filter(|it| it.entry.detail["why"] == "the sign-in has ended");
    assert_eq!(denied.count(), 1);
    machine.ask_token(&hub, "home").await.refused(401, "session_ended");

    let (mut machine, _) = Machine::signed_in(&hub, &mut owner).await;
    let token = machine.token(&hub, "home").await;
    owner.post("/api/v1/sign-out", json!({ "everywhere": true })).await;
    assert_eq!(of_home(&hub, &token).await, no_more("the sign-in has ended"));

    let mut owner = hub.signed_in("alice").await;
    let (mut machine, _) = Machine::signed_in(&hub, &mut owner).await;
    let token = machine.token(&hub, "home").await;
    let mut root = hub.signed_in("root").await;
    root.post("/api/v1/accounts/alice/disable", json!({})).await;
    assert_eq!(of_home(&hub, &token).await, no_more("the sign-in has ended"));
    machine.ask_token(&hub, "home").await.refused(401, "session_ended");

    // No token outlives its sign-in.
    let (mut machine, credential) = Machine::signed_in(&hub, &mut root).await;
    hub.wait(Duration::from_secs(12 * 3600 - 100));
    let given = machine.ask_token(&hub, "home").await.json();
    assert_eq!(given["expires_at"], credential["ends_at"]);
}

#[tokio::test]
async fn a_token_of_one_cluster_is_no_good_at_another_nor_one_that_the_hub_did_not_sign() {
    let hub = both().await;
    let mut owner = hub.signed_in("alice").await;
    let (mut machine, _) = Machine::signed_in(&hub, &mut owner).await;
    let token = machine.token(&hub, "home").await;
    let there = review(&hub, "other", OF_OTHER, &token).await;
    assert_eq!(there, no_more("the token is for another cluster"));
    let token_of_other = machine.token(&hub, "other").await;
    assert_eq!(of_home(&hub, &token_of_other).await, no_more("the token is for another cluster"));

    let before = hub.audited("token.review").await.len();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let payload = signed.split_once('.').unwrap().1;
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","kid":"","typ":"JWT"}"#);
    let another = token_of_other.rsplit_once('.').unwrap().1;
    for forged in [
        format!("{none}.{payload}."),
        format!("{none}.{payload}.{signature}"),
        format!("{signed}."),
        format!("{signed}.{another}"),
        "somebody's static token".to_owned(),
        String::new(),
    ] {
        assert_eq!(of_home(&hub, &forged).await, nobody(), "{forged}");
    }
    assert_eq!(hub.audited("token.review").await.len(), before, "strangers fill no log");

    // A hub with the same store under another address.
    let elsewhere = start(None, &[("home", OF_HOME)]).await;
    let foreign = of_home(&elsewhere, &token).await;
    assert_eq!(foreign, nobody(), "another store has other keys");
}

#[tokio::test]
async fn keys_are_exchanged_with_an_overlap_and_what_a_removed_one_signed_is_nobodys() {
    let hub = both().await;
    let mut owner = hub.signed_in("alice").await;
    let (mut machine, _) = Machine::signed_in(&hub, &mut owner).await;
    let published = async || hub.browser().get("/issuer/keys").await.json()["keys"].clone();
    let count = |keys: &Value| keys.as_array().unwrap().len();
    let first = published().await;
    assert_eq!(count(&first), 1);
    let kid_of = |token: &str| {
        let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
        serde_json::from_slice::<Value>(&header).unwrap()["kid"].clone()
    };
    let old = machine.token(&hub, "home").await;
    assert_eq!(kid_of(&old), first[0]["kid"]);

    // Half a day later nothing changes; after a day there is a new one, which does not sign yet.
    let mut owner = hub.signed_in("alice").await;
    hub.wait(Duration::from_secs(12 * 3600));
    hub.issuer.rotate().await.unwrap();
    assert_eq!(published().await, first);
    hub.wait(Duration::from_secs(12 * 3600));
    hub.issuer.rotate().await.unwrap();
    hub.issuer.rotate().await.unwrap();
    let two = published().await;
    assert_eq!((count(&two), &two[1]), (2, &first[0]));
    owner.sign_in("alice", crate::hub::PASSWORD).await;
    let (mut machine, _) = Machine::signed_in(&hub, &mut owner).await;
    let by_first = machine.token(&hub, "home").await;
    assert_eq!(kid_of(&by_first), first[0]["kid"]);
    hub.wait(Duration::from_secs(599));
    let by_first_at_last = machine.token(&hub, "home").await;
    assert_eq!(kid_of(&by_first_at_last), first[0]["kid"]);
    hub.wait(Duration::from_secs(1));
    let by_second = machine.token(&hub, "home").await;
    assert_eq!(kid_of(&by_second), two[0]["kid"]);
    hub.wait(Duration::from_secs(598));
    for token in [&by_first_at_last, &by_second] {
        assert_eq!(of_home(&hub, token).await["authenticated"], true);
    }
    // The old one goes when all that it signed has ended; then its tokens are not even known to have ended.
    assert_eq!(count(&published().await), 2);
    assert_eq!(of_home(&hub, &by_first).await, no_more("the token has expired"));
    hub.wait(Duration::from_secs(62));
    assert_eq!(published().await.as_array().unwrap().as_slice(), &two.as_array().unwrap()[..1]);
    assert_eq!(of_home(&hub, &by_first_at_last).await, nobody());
    assert_eq!(of_home(&hub, &old).await, nobody());
    hub.wait(Duration::from_secs(3600));
    hub.store.purge(hub.now(), Duration::from_secs(3600)).await.unwrap();
    hub.issuer.rotate().await.unwrap();
    assert_eq!(hub.store.issuer_keys().await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_face_opens_to_its_clusters_secret_alone_and_guesses_wait() {
    let hub = both().await;
    let mut owner = hub.signed_in("alice").await;
    let (mut machine, _) = Machine::signed_in(&hub, &mut owner).await;
    let token = machine.token(&hub, "home").await;
    let body = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
                       "spec": { "token": token } });
    let right = format!("Bearer {OF_HOME}");
    for wrong in [
        &[][..],
        &["Bearer "],
        &[OF_HOME],
        &["Basic MDEyMw=="],
        &[&format!("Bearer {OF_OTHER}")],
        &[&format!("Bearer {OF_HOME}0")],
        &[right.as_str(), right.as_str()],
    ] {
        ask(&hub, "home", wrong, &body).await.refused(401, "token_refused");
    }
    let denied = hub.audited("token.review").await;
    assert_eq!(denied.len(), 7);
    assert!(!format!("{denied:?}").contains(OF_OTHER));
    // A cluster without a secret, and none of the hub's.
    for cluster in ["away", "nowhere"] {
        ask(&hub, cluster, &[&right], &body).await.refused(404, "cluster_unknown");
    }
    let mut waits = false;
    for _ in 0..200 {
        let reply = ask(&hub, "home", &["Bearer guess"], &body).await;
        if reply.status == 429 {
            waits = true;
            break;
        }
    }
    assert!(waits, "guesses do not wait");
    assert_eq!(ask(&hub, "home", &[&right], &body).await.status, 200, "the right one never does");
    // What is no question.
    for bad in [
        json!({}),
        json!({ "apiVersion": "v1", "kind": "TokenReview", "spec": {} }),
        json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "Pod", "spec": {} }),
    ] {
        ask(&hub, "home", &[&right], &bad).await.refused(400, "bad_request");
    }
    let large = json!({ "spec": { "token": "a".repeat(70_000) } });
    ask(&hub, "home", &[&right], &large).await.refused(413, "body_too_large");
    // A changed secret is in use at once.
    let next = "next-0123456789abcdef0123456789abcdef";
    let secrets = ReviewerSecrets::parse(&Secret::new(next)).unwrap();
    hub.issuer.believe([("home".parse().unwrap(), secrets)].into());
    hub.wait(Duration::from_secs(3600));
    ask(&hub, "home", &[&right], &body).await.refused(401, "token_refused");
    assert_eq!(ask(&hub, "home", &[&format!("Bearer {next}")], &body).await.status, 200);
}

#[tokio::test]
async fn only_a_signed_in_machine_that_proves_its_key_now_and_for_that_cluster_gets_a_token() {
    let hub = both().await;
    let mut owner = hub.signed_in("alice").await;
    let (mut machine, _) = Machine::signed_in(&hub, &mut owner).await;
    let now_s = hub.now().as_micros() / 1_000_000;
    for apart in [-300, 300] {
        assert_eq!(machine.ask_token_at("home", now_s + apart).await.status, 200);
    }
    for apart in [-301, 301, i64::MIN / 2, i64::MAX / 2] {
        machine.ask_token_at("home", now_s.saturating_add(apart)).await.refused(400, "bad_request");
    }
    machine.ask_token(&hub, "nowhere").await.refused(404, "cluster_unknown");
    // A proof for another cluster, another second or another purpose is none.
    let home: ClusterName = "home".parse().unwrap();
    for (purpose, about) in [
        (MachinePurpose::Token, MachineKey::about_token(&"other".parse().unwrap(), now_s)),
        (MachinePurpose::Token, MachineKey::about_token(&home, now_s - 1)),
        (MachinePurpose::Token, String::new()),
        (MachinePurpose::Renew, MachineKey::about_token(&home, now_s)),
    ] {
        let body = json!({
            "key": machine.public(), "proof": machine.proof(purpose, &about),
            "cluster": "home", "asked_at_s": now_s,
        });
        machine.line.post("/api/v1/machine/token", body).await.refused(400, "bad_request");
    }
}

#[tokio::test]
async fn neither_is_there_unless_an_operator_says_so() {
    let documents = ["/issuer/.well-known/openid-configuration", "/issuer/keys"];
    let hub = Hub::start().await;
    let mut owner = hub.signed_in("alice").await;
    let (mut machine, _) = Machine::signed_in(&hub, &mut owner).await;
    machine.ask_token(&hub, "home").await.refused(404, "cluster_unknown");
    for path in documents {
        hub.browser().get(path).await.refused(404, "not_found");
    }
    assert!(hub.store.issuer_keys().await.unwrap().is_empty());

    // Reviews alone: for that cluster, and no documents.
    let hub = start(None, &[("home", OF_HOME)]).await;
    let mut owner = hub.signed_in("alice").await;
    let (mut machine, _) = Machine::signed_in(&hub, &mut owner).await;
    let token = machine.token(&hub, "home").await;
    assert_eq!(of_home(&hub, &token).await["authenticated"], true);
    machine.ask_token(&hub, "other").await.refused(404, "cluster_unknown");
    for path in documents {
        hub.browser().get(path).await.refused(404, "not_found");
    }

    // Documents alone: for every cluster of the hub, and no reviews.
    let hub = start(Some(ISSUER), &[]).await;
    let mut owner = hub.signed_in("alice").await;
    let (mut machine, _) = Machine::signed_in(&hub, &mut owner).await;
    machine.token(&hub, "other").await;
    let document = hub.browser().get(documents[0]).await.json();
    assert_eq!(document["issuer"], ISSUER);
    assert_eq!(document["jwks_uri"], "https://hub.example/issuer/keys");
    assert_eq!(document["id_token_signing_alg_values_supported"], json!(["ES256"]));
    let keys = hub.browser().get(documents[1]).await;
    assert!(!keys.text.contains("\"d\""), "public halves alone");
    let body =
        json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {} });
    ask(&hub, "home", &["Bearer x"], &body).await.refused(404, "cluster_unknown");
}

#[tokio::test]
async fn kubernetes_own_groups_are_in_no_token_and_no_review() {
    let hub = both().await;
    let new = console::NewAccount {
        name: "carol".parse().unwrap(),
        display_name: None,
        groups: vec!["system:masters".to_owned(), "ops".to_owned()],
        admin: false,
        allow_reserved_groups: true,
    };
    hub.accounts.create(&hub.author(), new).await.unwrap();
    let password = Secret::new(crate::hub::PASSWORD);
    let name = "carol".parse().unwrap();
    hub.accounts.set_password(&hub.author(), &name, password, &hub.desk).await.unwrap();
    let mut owner = hub.signed_in("carol").await;
    let (mut machine, _) = Machine::signed_in(&hub, &mut owner).await;
    let token = machine.token(&hub, "home").await;
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims: IdToken = serde_json::from_slice(&payload).unwrap();
    assert_eq!(claims.user(), "sallyport:carol");
    let claims: Value = serde_json::from_slice(&payload).unwrap();
    let groups = json!(["sallyport:users", "ops"]);
    assert_eq!(claims["groups"], groups);
    assert_eq!(of_home(&hub, &token).await["user"]["groups"], groups);
}
