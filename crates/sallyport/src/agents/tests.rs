//! The door for agents on a real listener: who is let in, for whom they may speak, and that nothing is stored twice.

use super::*;
use crate::config::Config;
use crate::{hub, listen};
use axum::body::Body;
use futures_util::stream;
use http::StatusCode;
use http_api::{Clock, HttpApi};
use http_body_util::BodyExt as _;
use hyper_util::rt::TokioIo;
use kube_io::{Cluster, ClusterSource, Clusters};
use model::Timestamp;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType};
use rustls::ClientConfig;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use store::{AuditEntry, AuditOutcome, TrafficQuery, TrafficUnit};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

const KUBECONFIG: &str = "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
    clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\n\
    contexts: [{name: c, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {}}]\n";
const STREAM: &str = "000000000000000000000001";
const DAY: Duration = Duration::from_secs(24 * 3600);

struct Hub {
    address: SocketAddr,
    config: Config,
    api: HttpApi,
    /// How many seconds the hub's clock is ahead of the machine's, by which handshakes go.
    ahead: Arc<AtomicU64>,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Hub {
    async fn start(directory: &Path) -> Self {
        let mut config = Config::default();
        config.store.directory = directory.to_owned();
        let kubeconfig = directory.join("kubeconfig");
        std::fs::write(&kubeconfig, KUBECONFIG).unwrap();
        let source = ClusterSource::Kubeconfig { path: kubeconfig, context: None };
        let cluster = Cluster::open("one".parse().unwrap(), &source).await.unwrap();
        let store = hub::open_store(&config).await.unwrap();
        let mut api = hub::http_api(&config, store, Clusters::new(vec![cluster])).unwrap();
        let ahead = Arc::new(AtomicU64::new(0));
        let seconds = Arc::clone(&ahead);
        api.clock = Clock::turned_by(move || {
            Timestamp::now().after(Duration::from_secs(seconds.load(Ordering::Relaxed)))
        });
        let stop = CancellationToken::new();
        let traffic = Traffic::new(api.clone(), hub::traffic_retention(&config), stop.clone());
        prepare(&config).unwrap();
        let files = tls::demonstration(directory, &["localhost".to_owned()]).unwrap();
        let certificate = tls::Certificate::open(&files.certificate, &files.key).unwrap();
        let tls = server_config(certificate, &authority_file(&config)).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let limits = listen::Limits::of_hub(0, 100);
        let (proxies, router) = (api.proxies.clone(), router(&traffic));
        let serving =
            tokio::spawn(listen::serve(listener, tls, router, proxies, limits, stop.clone()));
        Self { address, config, api, ahead, stop, serving }
    }

    async fn end(self) {
        self.stop.cancel();
        self.serving.await.unwrap();
        self.api.store.close().await;
    }

    fn authority(&self) -> OwnAuthority {
        OwnAuthority::open_or_make(&self.config.store.directory).unwrap()
    }

    fn issued(&self, name: &str) -> Shown {
        let issued = self.authority().issue(&name.parse().unwrap(), DAY).unwrap();
        Shown(issued.certificate, issued.key.expose().to_owned())
    }

    /// What the hub's own authority signs when it is asked for something else than agents' certificates.
    fn signed(&self, change: impl FnOnce(&mut CertificateParams)) -> Shown {
        let directory = &self.config.store.directory;
        let key = std::fs::read_to_string(directory.join("agents-ca.key")).unwrap();
        signed_by(&key, change)
    }

    /// Sends something with a certificate; an error is a handshake or a connection that was ended.
    async fn post(
        &self,
        shown: Option<&Shown>,
        path: &str,
        body: impl Into<Body>,
    ) -> anyhow::Result<(StatusCode, String)> {
        let roots = roots(&self.config.store.directory.join("demo-ca.pem")).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let tls = match shown {
            None => builder.with_no_client_auth(),
            Some(Shown(certificate, key)) => builder
                .with_client_auth_cert(
                    vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
                    PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
                )
                .unwrap(),
        };
        let stream = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(Arc::new(tls)).connect(name, stream).await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let request = http::Request::post(path)
            .header("host", "localhost")
            .header("content-type", "application/json")
            .body(body.into())
            .unwrap();
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let words = answer.into_body().collect().await?.to_bytes();
        Ok((status, String::from_utf8_lossy(&words).into_owned()))
    }

    async fn batch(&self, shown: &Shown, batch: &Value) -> (StatusCode, String) {
        self.post(Some(shown), "/agent/v1/batches", batch.to_string()).await.unwrap()
    }

    async fn units(&self) -> Vec<TrafficUnit> {
        let query = TrafficQuery { before: None, after: None, limit: 500, condition: None };
        self.api.store.traffic_units(&query).await.unwrap().units
    }
}

/// A certificate and its key.
struct Shown(String, String);

fn signed_by(authority_key: &str, change: impl FnOnce(&mut CertificateParams)) -> Shown {
    let mut authority = CertificateParams::default();
    authority.distinguished_name.push(rcgen::DnType::CommonName, "Sallyport agents");
    let issuer = Issuer::new(authority, KeyPair::from_pem(authority_key).unwrap());
    let mut leaf = CertificateParams::default();
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    leaf.is_ca = IsCa::ExplicitNoCa;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    leaf.not_before = rcgen::date_time_ymd(1970, 1, 1) + (now - DAY);
    leaf.not_after = leaf.not_before + 2 * DAY;
    leaf.subject_alt_names = vec![uri("sallyport://agent/one/node-1")];
    change(&mut leaf);
    let key = KeyPair::generate().unwrap();
    Shown(leaf.signed_by(&key, &issuer).unwrap().pem(), key.serialize_pem())
}

fn uri(text: &str) -> SanType {
    SanType::URI(text.to_owned().try_into().unwrap())
}

fn unit(number: u64, request: Option<u64>) -> Value {
    json!([{
        "number": number, "at": "2026-01-31T12:00:00Z", "connection": 1, "from_client": request.is_none(),
        "source": "10.0.0.9:40000", "destination": "10.0.0.1:6443", "protocol": "HTTP/2", "length": 5,
        "info": format!("HEADERS[1]: unit {number}"), "stream": 1, "request": request, "user": "alice",
        "method": "GET", "path": "/api/v1/pods", "verb": "list", "group": "", "version": "v1",
        "resource": "pods", "subresource": null, "namespace": null, "name": null, "status": null,
        "latency_us": null,
    }, null])
}

fn batch(name: (&str, &str), sequence: u64, units: Vec<Value>) -> Value {
    json!({
        "version": 1, "cluster": name.0, "node": name.1, "stream": STREAM, "sequence": sequence,
        "units": units, "closed": [],
    })
}

const NODE_1: (&str, &str) = ("one", "node-1");

#[tokio::test]
async fn without_a_certificate_of_the_authority_the_handshake_ends() {
    let directory = tempfile::tempdir().unwrap();
    let hub = Hub::start(directory.path()).await;
    let foreign = KeyPair::generate().unwrap().serialize_pem();
    let days = |days: u32| {
        move |leaf: &mut CertificateParams| {
            leaf.not_before -= DAY * days;
            leaf.not_after -= DAY * days;
        }
    };
    let read = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap();
    let refused = [
        None,
        Some(signed_by(&foreign, |_| {})),
        Some(hub.signed(days(30))),
        Some(hub.signed(|leaf| leaf.not_before = leaf.not_after - Duration::from_secs(60))),
        Some(
            hub.signed(|leaf| leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]),
        ),
        Some(Shown(read("demo-cert.pem"), read("demo-key.pem"))),
    ];
    let good = batch(NODE_1, 1, vec![unit(1, None)]).to_string();
    for (nth, shown) in refused.iter().enumerate() {
        let answer = hub.post(shown.as_ref(), "/agent/v1/batches", good.clone()).await;
        assert!(answer.is_err(), "{nth}: {answer:?}");
    }
    assert_eq!(hub.units().await, []);
    let shown = hub.signed(|_| {});
    let answer = hub.post(Some(&shown), "/agent/v1/batches", good).await.unwrap();
    assert_eq!(answer.0, StatusCode::NO_CONTENT, "{answer:?}");
    hub.end().await;
}

#[tokio::test]
async fn an_agent_speaks_for_its_own_node_alone() {
    let directory = tempfile::tempdir().unwrap();
    let hub = Hub::start(directory.path()).await;
    let own = hub.issued("sallyport://agent/one/node-1");
    for name in [("one", "node-2"), ("two", "node-1"), ("One", "node-1")] {
        let (status, words) = hub.batch(&own, &batch(name, 1, vec![unit(1, None)])).await;
        let expected =
            if name.0 == "One" { StatusCode::BAD_REQUEST } else { StatusCode::FORBIDDEN };
        assert_eq!(status, expected, "{name:?}: {words}");
    }
    // A cluster that this hub does not stand before, and certificates that name no agent, or two.
    let elsewhere = hub.issued("sallyport://agent/two/node-1");
    let (status, words) =
        hub.batch(&elsewhere, &batch(("two", "node-1"), 1, vec![unit(1, None)])).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{words}");
    for names in [
        vec![],
        vec![uri("spiffe://agent/one/node-1")],
        vec![uri("sallyport://agent/one")],
        vec![uri("sallyport://agent/one/node-1/x")],
        vec![uri("sallyport://agent/one/node-1"), uri("sallyport://agent/one/node-2")],
    ] {
        let shown = hub.signed(|leaf| leaf.subject_alt_names.clone_from(&names));
        let (status, words) = hub.batch(&shown, &batch(NODE_1, 1, vec![unit(1, None)])).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{names:?}: {words}");
    }
    let status = hub.post(Some(&own), "/agent/v1/status", status_of("node-2")).await.unwrap();
    assert_eq!(status.0, StatusCode::FORBIDDEN);
    assert_eq!(hub.units().await, []);
    assert_eq!(hub.api.store.traffic_agents().await.unwrap(), []);
    let status = hub.post(Some(&own), "/agent/v1/status", status_of("node-1")).await.unwrap();
    assert_eq!(status.0, StatusCode::NO_CONTENT, "{status:?}");
    assert!(hub.api.store.traffic_agents().await.unwrap()[0].heard_at.is_some());
    hub.end().await;
}

fn status_of(node: &str) -> String {
    json!({
        "cluster": "one", "node": node, "began_at": "2026-01-31T12:00:00Z", "capturing": true,
        "sources": ["/usr/bin/kube-apiserver"], "ports": [6443], "packets": 1, "dropped": 0, "secrets": 4,
        "secrets_lost": 0, "units": 1, "units_lost": 0, "units_refused": 0, "waiting_bytes": 0,
        "waiting_bytes_max": 1024, "lag_ms": 0,
    })
    .to_string()
}

#[tokio::test]
async fn a_batch_that_comes_again_is_stored_once_also_by_a_hub_that_was_started_anew() {
    let directory = tempfile::tempdir().unwrap();
    let hub = Hub::start(directory.path()).await;
    let own = hub.issued("sallyport://agent/one/node-1");
    let first = batch(NODE_1, 1, vec![unit(1, None), unit(2, Some(1))]);
    for _ in 0..3 {
        assert_eq!(hub.batch(&own, &first).await.0, StatusCode::NO_CONTENT);
    }
    assert_eq!(hub.units().await.len(), 2);
    hub.end().await;

    let hub = Hub::start(directory.path()).await;
    assert_eq!(hub.batch(&own, &first).await.0, StatusCode::NO_CONTENT);
    // The other node's stream has the same name, and is another all the same.
    let other = hub.issued("sallyport://agent/one/node-2");
    let theirs = batch(("one", "node-2"), 1, vec![unit(1, None)]);
    assert_eq!(hub.batch(&other, &theirs).await.0, StatusCode::NO_CONTENT);
    let second = batch(NODE_1, 2, vec![unit(3, Some(1)), unit(4, None), unit(5, Some(4))]);
    assert_eq!(hub.batch(&own, &second).await.0, StatusCode::NO_CONTENT);
    let units = hub.units().await;
    let told: Vec<_> =
        units.iter().rev().map(|it| (it.number, it.request, it.connection)).collect();
    let expected = [
        (1, None, 1),
        (2, Some(1), 1),
        (3, None, 2),
        (4, Some(1), 1),
        (5, None, 1),
        (6, Some(5), 1),
    ];
    assert_eq!(told, expected);
    hub.end().await;
}

#[tokio::test]
async fn a_revoked_certificate_is_refused_and_the_next_one_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let hub = Hub::start(directory.path()).await;
    let old = hub.issued("sallyport://agent/one/node-1");
    let first = batch(NODE_1, 1, vec![unit(1, None)]);
    assert_eq!(hub.batch(&old, &first).await.0, StatusCode::NO_CONTENT);
    let now = Timestamp::now();
    let entry = AuditEntry {
        at: now,
        actor: "operator".to_owned(),
        action: "traffic.agent.revoke".to_owned(),
        object: "one/node-1".to_owned(),
        outcome: AuditOutcome::Allowed,
        reason: String::new(),
        request_id: String::new(),
        source: String::new(),
        detail: json!({}),
    };
    let (cluster, node) = ("one".parse().unwrap(), "node-1".parse().unwrap());
    hub.api.store.revoke_traffic_agent(&cluster, &node, entry).await.unwrap();
    let second = batch(NODE_1, 2, vec![unit(2, None)]);
    let (status, words) = hub.batch(&old, &second).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(words.contains("revoked"), "{words}");
    assert_eq!(
        hub.batch(
            &hub.issued("sallyport://agent/one/node-2"),
            &batch(("one", "node-2"), 1, vec![unit(1, None)])
        )
        .await
        .0,
        StatusCode::NO_CONTENT
    );
    // Certificates count whole seconds.
    while Timestamp::now().as_micros() / 1_000_000 == now.as_micros() / 1_000_000 {
        tokio::task::yield_now().await;
    }
    let fresh = hub.issued("sallyport://agent/one/node-1");
    assert_eq!(hub.batch(&fresh, &second).await.0, StatusCode::NO_CONTENT);
    assert_eq!(hub.batch(&old, &second).await.0, StatusCode::FORBIDDEN);
    hub.end().await;
}

#[tokio::test]
async fn a_certificate_that_runs_out_behind_the_handshake_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let hub = Hub::start(directory.path()).await;
    let own = hub.issued("sallyport://agent/one/node-1");
    assert_eq!(
        hub.batch(&own, &batch(NODE_1, 1, vec![unit(1, None)])).await.0,
        StatusCode::NO_CONTENT
    );
    hub.ahead.store(DAY.as_secs() + 1, Ordering::Relaxed);
    let second = batch(NODE_1, 2, vec![unit(2, None)]);
    let (status, words) = hub.batch(&own, &second).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{words}");
    assert!(words.contains("expired"), "{words}");
    let longer = hub.authority().issue(&"sallyport://agent/one/node-1".parse().unwrap(), 2 * DAY);
    let longer = longer.map(|it| Shown(it.certificate, it.key.expose().to_owned())).unwrap();
    assert_eq!(hub.batch(&longer, &second).await.0, StatusCode::NO_CONTENT);
    hub.end().await;
}

#[tokio::test]
async fn whom_the_hub_does_not_let_in_hears_it_before_the_body_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let hub = Hub::start(directory.path()).await;
    let elsewhere = hub.issued("sallyport://agent/two/node-1");
    let unfinished = stream::pending::<std::io::Result<Vec<u8>>>();
    let asked = hub.post(Some(&elsewhere), "/agent/v1/batches", Body::from_stream(unfinished));
    let answer = tokio::time::timeout(Duration::from_secs(5), asked).await;
    let (status, words) = answer.expect("an answer before the body").unwrap();
    assert_eq!(status, StatusCode::FORBIDDEN, "{words}");
    hub.end().await;
}

#[tokio::test]
async fn what_no_agent_sends_is_refused_whole() {
    let directory = tempfile::tempdir().unwrap();
    let hub = Hub::start(directory.path()).await;
    let own = hub.issued("sallyport://agent/one/node-1");
    let with = |change: fn(&mut Value)| {
        let mut batch = batch(NODE_1, 1, vec![unit(1, None), unit(2, Some(1))]);
        change(&mut batch);
        batch.to_string()
    };
    let odd = [
        "no JSON".to_owned(),
        "[".repeat(100_000),
        with(|batch| batch["units"] = json!([])),
        with(|batch| batch["units"] = (1..=513).map(|number| unit(number, None)).collect()),
        with(|batch| batch["units"][1][0]["number"] = json!(7)),
        with(|batch| batch["units"][1][0]["request"] = json!(2)),
        with(|batch| batch["units"][0][0]["request"] = json!(-1)),
        with(|batch| batch["units"][0][0]["connection"] = json!(0)),
        with(|batch| batch["stream"] = json!("one/../two")),
        with(|batch| batch["sequence"] = json!(0)),
        with(|batch| batch["version"] = json!(2)),
    ];
    for text in odd {
        let beginning: String = text.chars().take(80).collect();
        let (status, words) = hub.post(Some(&own), "/agent/v1/batches", text).await.unwrap();
        assert_eq!(status, StatusCode::BAD_REQUEST, "{beginning}: {words}");
    }
    assert_eq!(hub.units().await, []);
    // Lines of an agent move no terminal's cursor.
    let hostile = with(|batch| batch["units"][0][0]["info"] = json!("a\u{1b}[2Jb\u{202e}"));
    assert_eq!(
        hub.post(Some(&own), "/agent/v1/batches", hostile).await.unwrap().0,
        StatusCode::NO_CONTENT
    );
    assert_eq!(hub.units().await[1].info, "a [2Jb ");
    hub.end().await;
}

#[test]
fn half_an_authority_is_told_and_a_whole_one_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let file = OwnAuthority::certificate_file(directory.path());
    OwnAuthority::open_or_make(directory.path()).unwrap();
    let before = std::fs::read(&file).unwrap();
    OwnAuthority::open_or_make(directory.path()).unwrap();
    assert_eq!(std::fs::read(&file).unwrap(), before);
    std::fs::remove_file(&file).unwrap();
    let refused = OwnAuthority::open_or_make(directory.path()).err().unwrap().to_string();
    assert!(refused.contains("agents-ca.pem"), "{refused}");
}
