//! A listener on port 0 with short limits, and strangers who dawdle. Waiting is for what the peer does; the
//! limits are lengths of patience, not of sleep.

use super::*;
use crate::tls;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::time::Instant;
use testkit::Trust;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::client::TlsStream;

/// Long enough for a busy machine, short against "for ever".
const SOON: Duration = Duration::from_secs(20);

/// What strangers get here instead of ten seconds.
const PATIENCE: Duration = Duration::from_secs(1);

struct Hub {
    asked: Arc<Semaphore>,
    address: std::net::SocketAddr,
    directory: tempfile::TempDir,
    certificate: Arc<tls::Certificate>,
    stop: CancellationToken,
    serving: tokio::task::JoinHandle<()>,
}

fn limits() -> Limits {
    Limits {
        handshake: PATIENCE,
        head: PATIENCE,
        idle: PATIENCE,
        last_answers: Duration::from_secs(10),
        connections_max: 100,
        per_network_max: 50,
        head_bytes_max: 16 * 1024,
        headers_max: 100,
    }
}

fn names() -> Vec<String> {
    vec!["localhost".to_owned()]
}

impl Hub {
    async fn serve(limits: Limits) -> Self {
        let asked = Arc::new(Semaphore::new(0));
        let told = Arc::clone(&asked);
        let slow = move || {
            told.add_permits(1);
            async {
                tokio::time::sleep(PATIENCE * 2).await;
                "at last\n"
            }
        };
        let watch = async || {
            let told = futures_util::stream::unfold(0, |told| async move {
                tokio::time::sleep(PATIENCE * 3 / 2).await;
                (told < 2).then_some((Ok::<_, std::io::Error>("told\n"), told + 1))
            });
            Body::from_stream(told)
        };
        let router = Router::new()
            .route("/", get(async || "answered\n"))
            .route("/slow", get(slow))
            .route("/watch", get(watch));
        let directory = tempfile::tempdir().unwrap();
        let files = tls::demonstration(directory.path(), &names()).unwrap();
        let certificate = tls::Certificate::open(&files.certificate, &files.key).unwrap();
        let config = tls::server_config(Arc::clone(&certificate)).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let serving =
            serve(listener, config, router, TrustedProxies::default(), limits, stop.clone());
        let serving = tokio::spawn(serving);
        Self { asked, address, directory, certificate, stop, serving }
    }

    async fn dial(&self, alpn: &[&str]) -> std::io::Result<TlsStream<TcpStream>> {
        let ca = std::fs::read_to_string(self.directory.path().join("demo-ca.pem")).unwrap();
        let mut config = (*Trust::Pem(ca).client_config().unwrap().unwrap()).clone();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        let stream = TcpStream::connect(self.address).await.unwrap();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        connector.connect("localhost".try_into().unwrap(), stream).await
    }

    async fn http1(&self) -> hyper::client::conn::http1::SendRequest<Empty<Bytes>> {
        let stream = self.dial(&["http/1.1"]).await.unwrap();
        let (sender, driver) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(driver);
        sender
    }

    async fn http2(
        &self,
    ) -> (hyper::client::conn::http2::SendRequest<Empty<Bytes>>, tokio::task::JoinHandle<()>) {
        let stream = self.dial(&["h2", "http/1.1"]).await.unwrap();
        let handshake =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (sender, driver) = handshake.await.unwrap();
        let driven = tokio::spawn(async move {
            driver.await.ok();
        });
        (sender, driven)
    }
}

fn request(path: &str) -> http::Request<Empty<Bytes>> {
    http::Request::get(format!("https://localhost{path}"))
        .header("host", "localhost")
        .body(Empty::new())
        .unwrap()
}

async fn text(answer: http::Response<hyper::body::Incoming>) -> String {
    String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

/// Waits for the hub to close, whatever it still sends.
async fn closed(mut stream: impl tokio::io::AsyncRead + Unpin) {
    let mut rest = Vec::new();
    let reading = stream.read_to_end(&mut rest);
    tokio::time::timeout(SOON, reading).await.expect("the hub holds a silent stranger").ok();
}

#[tokio::test]
async fn alpn_chooses_the_version() {
    let hub = Hub::serve(Limits { head: SOON, handshake: SOON, idle: SOON, ..limits() }).await;
    let (mut http2, _) = hub.http2().await;
    let answer = http2.send_request(request("/")).await.unwrap();
    assert_eq!(answer.version(), http::Version::HTTP_2);
    assert_eq!(text(answer).await, "answered\n");

    let answer = hub.http1().await.send_request(request("/")).await.unwrap();
    assert_eq!(answer.version(), http::Version::HTTP_11);
    assert_eq!(answer.headers()["content-length"], "9");
    assert_eq!(text(answer).await, "answered\n");

    for (offered, chosen) in
        [(&["h2"][..], Some("h2")), (&["http/1.1"], Some("http/1.1")), (&[], None)]
    {
        let stream = hub.dial(offered).await.unwrap();
        let agreed = stream.get_ref().1.alpn_protocol();
        assert_eq!(agreed, chosen.map(str::as_bytes), "{offered:?}");
    }
    assert!(hub.dial(&["spdy/3"]).await.is_err(), "what nobody speaks is refused");
}

#[tokio::test]
async fn whoever_says_nothing_is_let_go() {
    let hub = Hub::serve(limits()).await;
    // No handshake.
    closed(TcpStream::connect(hub.address).await.unwrap()).await;
    // A handshake and nothing more, however ALPN was answered.
    for offered in [&["h2"][..], &["http/1.1"], &[]] {
        closed(hub.dial(offered).await.unwrap()).await;
    }
    // The first bytes of HTTP/2, and half a head of HTTP/1.1.
    for (offered, first) in [("h2", "PRI * HTTP/2.0\r\n"), ("http/1.1", "GET / HTTP/1.1\r\nho")] {
        let mut stream = hub.dial(&[offered]).await.unwrap();
        stream.write_all(first.as_bytes()).await.unwrap();
        closed(stream).await;
    }
    // HTTP/2 is agreed upon, and nothing is asked; or one thing is, and nothing then.
    let (_kept, driven) = hub.http2().await;
    tokio::time::timeout(SOON, driven).await.unwrap().unwrap();
    let (mut http2, driven) = hub.http2().await;
    http2.send_request(request("/")).await.unwrap();
    tokio::time::timeout(SOON, driven).await.unwrap().unwrap();
    // And the places are free again.
    assert_eq!(hub.http1().await.send_request(request("/")).await.unwrap().status(), 200);
}

#[tokio::test]
async fn what_is_under_way_is_no_silence() {
    let hub = Hub::serve(limits()).await;
    for path in ["/slow", "/watch"] {
        let (mut http2, _) = hub.http2().await;
        let (mut http1, began) = (hub.http1().await, Instant::now());
        let (two, one) =
            tokio::join!(http2.send_request(request(path)), http1.send_request(request(path)));
        assert_eq!(text(two.unwrap()).await, text(one.unwrap()).await, "{path}");
        assert!(began.elapsed() > PATIENCE, "{path} lasts longer than silence may");
    }
}

#[tokio::test]
async fn a_network_has_its_share_of_connections() {
    let patient =
        Limits { head: SOON, handshake: SOON, idle: SOON, per_network_max: 2, ..limits() };
    let hub = Hub::serve(patient).await;
    let first = hub.dial(&["http/1.1"]).await.unwrap();
    let mut second = hub.http1().await;
    assert!(hub.dial(&["http/1.1"]).await.is_err(), "the third is closed at once");
    assert_eq!(second.send_request(request("/")).await.unwrap().status(), 200);
    drop(first);
    let again = async { while hub.dial(&["http/1.1"]).await.is_err() {} };
    tokio::time::timeout(SOON, again).await.expect("the place is given back");
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_to_newcomers_and_open_connections_stay() {
    let patient = Limits { head: SOON, idle: SOON, ..limits() };
    let hub = Hub::serve(patient).await;
    let keeping = tokio::spawn(Arc::clone(&hub.certificate).keep(Duration::from_millis(20)));
    let mut stayed = hub.http1().await;
    assert_eq!(stayed.send_request(request("/")).await.unwrap().status(), 200);
    let shown = async || -> Option<Vec<u8>> {
        let stream = hub.dial(&["http/1.1"]).await.ok()?;
        Some(stream.get_ref().1.peer_certificates()?.first()?.to_vec())
    };
    let before = shown().await.unwrap();

    let place = |name: &str| hub.directory.path().join(name);
    let fresh = tempfile::tempdir().unwrap();
    tls::demonstration(fresh.path(), &names()).unwrap();
    for name in ["demo-ca.pem", "demo-key.pem", "demo-cert.pem"] {
        std::fs::copy(fresh.path().join(name), place(name)).unwrap();
    }
    let renewed = async {
        while shown().await.is_none_or(|now| now == before) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, renewed).await.expect("the new certificate is shown");
    stayed.ready().await.expect("the connection that was open stays");
    assert_eq!(stayed.send_request(request("/")).await.unwrap().status(), 200);
    keeping.abort();
}

#[tokio::test]
async fn a_broken_certificate_leaves_the_old_one_in_use() {
    let hub = Hub::serve(limits()).await;
    std::fs::write(hub.directory.path().join("demo-cert.pem"), "not a certificate").unwrap();
    let refused = hub.certificate.reload().unwrap_err();
    assert!(format!("{refused:#}").contains("tls.certificate"), "{refused:#}");
    assert_eq!(hub.http1().await.send_request(request("/")).await.unwrap().status(), 200);
}

#[tokio::test]
async fn what_is_under_way_at_the_end_is_answered_and_nobody_new_is() {
    let hub = Hub::serve(Limits { head: SOON, idle: SOON, ..limits() }).await;
    let mut http1 = hub.http1().await;
    let (mut http2, _) = hub.http2().await;
    let idle = hub.dial(&["http/1.1"]).await.unwrap();
    let asked = async {
        let (one, two) = tokio::join!(
            http1.send_request(request("/slow")),
            http2.send_request(request("/slow"))
        );
        (text(one.unwrap()).await, text(two.unwrap()).await)
    };
    let stopping = async {
        hub.asked.acquire_many(2).await.unwrap().forget();
        hub.stop.cancel();
    };
    let (answered, ()) = tokio::join!(asked, stopping);
    assert_eq!(answered, ("at last\n".to_owned(), "at last\n".to_owned()));
    closed(idle).await;
    tokio::time::timeout(SOON, hub.serving).await.unwrap().unwrap();
    assert!(TcpStream::connect(hub.address).await.is_err(), "the door is shut");
}

#[tokio::test]
async fn a_front_proxy_may_name_hundreds_of_groups() {
    for (limits, headers, expected) in [
        (Limits::of_gateway(50, 50), 900, http::StatusCode::OK),
        (Limits::of_gateway(50, 50), 1_100, http::StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
        (Limits::of_hub(0, 50), 110, http::StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
    ] {
        let hub = Hub::serve(limits).await;
        let mut asked = request("/");
        for group in 0..headers {
            let group = http::HeaderValue::from_str(&format!("group-{group}")).unwrap();
            asked.headers_mut().append("x-remote-group", group);
        }
        let answer = hub.http1().await.send_request(asked).await.unwrap();
        assert_eq!(answer.status(), expected, "{headers}");
    }
}
