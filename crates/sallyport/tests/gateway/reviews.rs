//! A token webhook in front of the gateway: asked once, believed for a time, and nothing that it does lets anybody in
//! whom it does not know. The service is a small real one, which answers by the token.

use crate::gate::{Gate, Real, unique};
use crate::methods::{refused, who};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// What was posted: the request line, `Authorization`, and the review.
type Asked = Arc<Mutex<Vec<(String, String, Value)>>>;

struct Service {
    address: String,
    authority: String,
    asked: Asked,
}

impl Service {
    async fn start() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let names = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = names.signed_by(&key, &authority).unwrap();
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        );
        let acceptor = TlsAcceptor::from(Arc::new(config.unwrap()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Asked::default();
        let kept = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (acceptor, asked) = (acceptor.clone(), Arc::clone(&kept));
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(tcp).await {
                        serve(stream, asked).await;
                    }
                });
            }
        });
        Self { address: format!("localhost:{port}"), authority: authority.pem(), asked }
    }

    fn file(&self, path: &str, token: &str) -> String {
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "webhook",
            "clusters": [{ "name": "service", "cluster": {
                "server": format!("https://{}{path}", self.address),
                "certificate-authority": "webhook-ca.pem",
            } }],
            "users": [{ "name": "gateway", "user": { "token": token } }],
            "contexts": [{ "name": "webhook", "context": { "cluster": "service", "user": "gateway" } }],
        })
        .to_string()
    }

    /// A gateway that knows nobody but by this service.
    fn gate(&self, real: &Real, settings: &str) -> Gate {
        let settings =
            format!("token_review = false\ntoken_webhook = \"{{dir}}/webhook.yaml\"\n{settings}");
        let files = [
            ("webhook.yaml", self.file("/review", "of-the-gateway")),
            ("webhook-ca.pem", self.authority.clone()),
        ];
        let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
        Gate::start(&real.kubeconfig, &settings, &files)
    }

    fn times_asked(&self, token: &str) -> usize {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|(_, _, review)| review["spec"]["token"] == token).count()
    }
}

async fn serve(stream: TlsStream<TcpStream>, asked: Asked) {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut line, mut authorization, mut length) = (String::new(), String::new(), 0);
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        loop {
            let mut header = String::new();
            stream.read_line(&mut header).await.unwrap();
            let Some((name, value)) = header.trim().split_once(": ") else { break };
            match name.to_ascii_lowercase().as_str() {
                "authorization" => authorization = value.to_owned(),
                "content-length" => length = value.parse().unwrap(),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        let review: Value = serde_json::from_slice(&body).unwrap();
        let token = review["spec"]["token"].as_str().unwrap().to_owned();
        let before = {
            let mut asked = asked.lock().unwrap();
            let before = asked.iter().filter(|(_, _, it)| it["spec"]["token"] == token).count();
            asked.push((line.trim().to_owned(), authorization, review.clone()));
            before
        };
        let answer = answer(&token, before, &review);
        if stream.write_all(answer.as_bytes()).await.is_err() || stream.flush().await.is_err() {
            return;
        }
        if token == "silent" {
            std::future::pending::<()>().await;
        }
    }
}

/// By the token, and how often it was asked about before.
fn answer(token: &str, before: usize, review: &Value) -> String {
    let user = json!({
        "username": "webhooked", "uid": "7", "groups": ["devs"], "extra": { "team": ["a"] },
    });
    let known = json!({ "authenticated": true, "user": user });
    let mut version = review["apiVersion"].clone();
    let status = match token {
        "good" => known,
        "flaky" if before < 2 => return "HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n".to_owned(),
        "flaky" | "otherversion" => known,
        "forus" => {
            json!({ "authenticated": true, "user": user, "audiences": review["spec"]["audiences"] })
        }
        "elsewhere" => json!({ "authenticated": true, "user": user, "audiences": ["elsewhere"] }),
        "error" => json!({ "authenticated": false, "error": "the directory is away" }),
        "long" => json!({ "authenticated": true, "user": { "username": "x".repeat(10 << 20) } }),
        "moved" => {
            return "HTTP/1.1 307 Go\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n"
                .to_owned();
        }
        "silent" => return "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{".to_owned(),
        "garbage" => return "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>".to_owned(),
        _ => json!({ "authenticated": false }),
    };
    if token == "otherversion" {
        version = json!("authentication.k8s.io/v9");
    }
    let body =
        json!({ "apiVersion": version, "kind": "TokenReview", "status": status }).to_string();
    format!("HTTP/1.1 201 Created\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_webhooks_word_is_taken_and_kept_for_a_time() {
    let (real, service) = (Real::of_tests(), Service::start().await);
    for version in ["v1", "v1beta1"] {
        let settings = format!("token_webhook_version = \"{version}\"");
        let gate = service.gate(&real, &settings);
        service.asked.lock().unwrap().clear();
        for token in ["good", "forus", "flaky"] {
            let user = who(&real, &gate, token).unwrap();
            assert_eq!((&user["username"], &user["uid"]), (&json!("webhooked"), &json!("7")));
            assert_eq!(user["groups"], json!(["devs", "system:authenticated"]));
            assert_eq!(user["extra"], json!({ "team": ["a"] }));
        }
        assert_eq!(service.times_asked("flaky"), 3, "broken twice, then it answered");
        for token in ["unknown", "elsewhere"] {
            refused(who(&real, &gate, token));
            refused(who(&real, &gate, token));
            assert_eq!(service.times_asked(token), 1, "a no is kept as well as a yes");
        }
        // Longer than the gateway keeps a success itself.
        tokio::time::sleep(std::time::Duration::from_secs(11)).await;
        assert!(who(&real, &gate, "good").is_ok());
        assert_eq!(service.times_asked("good"), 1);
        let (line, authorization, review) = service.asked.lock().unwrap()[0].clone();
        assert_eq!(line, "POST /review?timeout=30s HTTP/1.1");
        assert_eq!(authorization, "Bearer of-the-gateway");
        assert_eq!(review["apiVersion"], format!("authentication.k8s.io/{version}"));
        let ours = json!(["https://kubernetes.default.svc.cluster.local"]);
        assert_eq!(review["spec"]["audiences"], ours);
        gate.recorded(|row| row["method"] == "webhook" && row["user_name"] == "webhooked");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_lies_hangs_or_errs_lets_nobody_in_and_its_errors_are_not_kept() {
    let (real, service) = (Real::of_tests(), Service::start().await);
    let gate = service.gate(&real, "");
    for token in ["error", "otherversion", "long", "garbage", "moved"] {
        refused(who(&real, &gate, token));
        refused(who(&real, &gate, token));
        assert!(service.times_asked(token) >= 2, "{token}: an error is no answer");
    }
    let asked = service.asked.lock().unwrap().clone();
    assert!(asked.iter().all(|(line, _, _)| line.contains(" /review?")), "no redirect is followed");
    let begun = std::time::Instant::now();
    refused(who(&real, &gate, "silent"));
    assert!(begun.elapsed() < std::time::Duration::from_secs(45), "it is given up");
    gate.logged("the token webhook gave no answer");
    assert!(who(&real, &gate, "good").is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_the_webhook_does_not_know_the_cluster_may() {
    let (real, service) = (Real::of_tests(), Service::start().await);
    let settings = "token_webhook = \"{dir}/webhook.yaml\"\ntoken_webhook_version = \"v1\"";
    let (file, ca) = (service.file("/review", "x"), service.authority.clone());
    let files = [("webhook.yaml", file.as_str()), ("webhook-ca.pem", ca.as_str())];
    let gate = Gate::start(&real.kubeconfig, settings, &files);
    assert_eq!(who(&real, &gate, "good").unwrap()["username"], "webhooked");
    let alice = real.token_of("alice");
    assert_eq!(who(&real, &gate, &alice).unwrap()["username"], "alice");
    assert_eq!(service.times_asked(&alice), 1, "the webhook comes first");
    gate.recorded(|row| row["method"] == "token_review" && row["user_name"] == "alice");
    refused(who(&real, &gate, &unique("nobody")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_webhooks_file_and_what_it_names_are_read_again() {
    let (real, service) = (Real::of_tests(), Service::start().await);
    let gate = service.gate(&real, "");
    assert!(who(&real, &gate, "good").is_ok());
    gate.write("webhook.yaml", "current-context: none\n");
    gate.told("a changed file of the gateway is not usable");
    assert!(who(&real, &gate, "good").is_ok(), "the old one stays");
    gate.write("webhook.yaml", &service.file("/other", "anew"));
    gate.told("files were reloaded");
    assert!(who(&real, &gate, "good").is_ok());
    let (line, authorization, _) = service.asked.lock().unwrap().last().cloned().unwrap();
    assert_eq!(
        (line.as_str(), authorization.as_str()),
        ("POST /other?timeout=30s HTTP/1.1", "Bearer anew")
    );
    // An authority that did not sign the service's certificate.
    let other = Service::start().await;
    gate.write("webhook-ca.pem", &other.authority);
    gate.told("files were reloaded");
    refused(who(&real, &gate, "good"));
}
