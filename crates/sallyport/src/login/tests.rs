//! Signing in and renewing against a small hub that answers what it was told to.

use super::*;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// What was asked, and what is answered to it, in turn.
#[derive(Clone, Default)]
struct Answers {
    left: Arc<Mutex<VecDeque<(u16, serde_json::Value)>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Answers {
    async fn answer(State(answers): State<Self>, request: axum::extract::Request) -> Response {
        answers.asked.lock().unwrap().push(request.uri().path().to_owned());
        let (status, body) = answers.left.lock().unwrap().pop_front().expect("more was asked");
        let status = http::StatusCode::from_u16(status).unwrap();
        let mut answer = (status, body.to_string()).into_response();
        if let Some(wait) = body["retry_after_s"].as_u64() {
            answer.headers_mut().insert(http::header::RETRY_AFTER, wait.into());
        }
        answer
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// A hub that gives these answers.
async fn hub(answers: Vec<(u16, serde_json::Value)>) -> (String, Answers) {
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    let state = Answers { left: Arc::new(Mutex::new(answers.into())), ..Answers::default() };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(Answers::answer).with_state(state.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, state)
}

fn credential_of(user: &str) -> serde_json::Value {
    let now = Timestamp::now();
    json!({
        "certificate": "PEM", "user": user, "clusters": [],
        "expires_at": now.after(Duration::from_secs(3600)),
        "ends_at": now.after(Duration::from_secs(7200)),
    })
}

fn flags() -> LoginFlags {
    LoginFlags {
        hub: String::new(),
        ca: None,
        no_browser: true,
        name: Some("laptop".to_owned()),
        spoken: Spoken { language: Language::En },
    }
}

async fn signed_in(
    answers: Vec<(u16, serde_json::Value)>,
) -> (anyhow::Result<Credential>, Answers) {
    let (address, answers) = hub(answers).await;
    let client = HubClient::new(&address, None).unwrap();
    let key = KeyPair::generate().unwrap();
    (sign_in(&client, &key, &flags(), Words(Language::En)).await, answers)
}

fn waits(page: &str) -> (u16, serde_json::Value) {
    (200, json!({ "code": "BCDF-GHJK", "page": page, "expires_in_s": 60, "poll_every_s": 1 }))
}

#[tokio::test]
async fn a_hub_that_is_asked_too_often_is_asked_later() {
    let begun = Instant::now();
    let (credential, answers) = signed_in(vec![
        waits("https://hub.example/machine"),
        (429, json!({ "code": "too_many_attempts", "detail": "wait", "retry_after_s": 2 })),
        (200, json!({ "state": "allowed", "credential": credential_of("sallyport:alice") })),
    ])
    .await;
    assert_eq!(credential.unwrap().user, "sallyport:alice");
    assert_eq!(answers.asked().len(), 3);
    assert!(begun.elapsed() >= Duration::from_secs(3), "one to poll, two to wait");
}

#[tokio::test]
async fn a_page_that_is_none_is_neither_shown_nor_opened() {
    let (refused, answers) = signed_in(vec![waits("file:///etc/passwd")]).await;
    let said = format!("{:#}", refused.unwrap_err());
    assert!(said.contains("does not answer as a hub"), "{said}");
    assert_eq!(answers.asked(), ["/api/v1/machine/ask"]);
}

fn login_at(hub: &str) -> Login {
    let now = Timestamp::now();
    Login {
        hub: hub.to_owned(),
        authority: None,
        key: KeyPair::generate().unwrap().serialize_pem(),
        certificate: "old".to_owned(),
        user: "sallyport:alice".to_owned(),
        expires_at: now.after(Duration::from_secs(60)),
        ends_at: now.after(Duration::from_secs(7200)),
        clusters: Vec::new(),
    }
}

#[tokio::test]
async fn a_login_that_ended_asks_no_more() {
    let ended = (401, json!({ "code": "session_ended", "detail": "not signed in" }));
    let (address, answers) = hub(vec![ended.clone(), ended]).await;
    let folder = tempfile::tempdir().unwrap();
    let place = Place::at(&address, folder.path().join("hub"));
    let login = login_at(&address);
    place.write(&login).unwrap();
    let kubeconfig = place.write_kubeconfig("{}").unwrap();
    let (now, words) = (Timestamp::now(), Words(Language::En));
    let said = renewed(&place, place.read().unwrap().unwrap(), now, words).await.err().unwrap();
    assert!(said.to_string().contains("sallyport login --hub"), "{said}");
    assert!(place.read().unwrap().is_none(), "nothing is kept to ask with");
    assert!(kubeconfig.exists(), "kubectl goes on saying where to sign in");
    assert_eq!(answers.asked(), ["/api/v1/machine/renew"]);

    // A login that was kept meanwhile is another.
    let fresh = login_at(&address);
    place.write(&fresh).unwrap();
    assert!(renewed(&place, login, now, words).await.is_err());
    assert_eq!(place.read().unwrap().unwrap().key, fresh.key);
}

#[tokio::test]
async fn a_certificate_is_renewed_in_time_and_holds_while_the_hub_is_away() {
    let (address, answers) = hub(vec![(200, credential_of("sallyport:alice2"))]).await;
    let folder = tempfile::tempdir().unwrap();
    let place = Place::at(&address, folder.path().join("hub"));
    let (now, words) = (Timestamp::now(), Words(Language::En));
    let fresh = renewed(&place, login_at(&address), now, words).await.unwrap();
    assert_eq!((fresh.certificate.as_str(), fresh.user.as_str()), ("PEM", "sallyport:alice2"));
    assert_eq!(place.read().unwrap().unwrap().certificate, "PEM");
    renewed(&place, fresh, now, words).await.unwrap();
    assert_eq!(answers.asked().len(), 1, "it holds");

    // Nothing listens at port 9 of the loopback.
    let away = login_at("http://127.0.0.1:9");
    assert_eq!(renewed(&place, away, now, words).await.unwrap().certificate, "old");
    let later = now.after(Duration::from_secs(61));
    assert!(renewed(&place, login_at("http://127.0.0.1:9"), later, words).await.is_err());
}
