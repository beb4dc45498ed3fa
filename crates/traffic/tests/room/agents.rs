//! The face for agents: who is sent away before their body is read, and how many bodies are held at once.

use crate::{Room, room, room_with};
use axum::body::{Body, Bytes};
use futures_util::{Stream, StreamExt as _, stream};
use http::{Request, StatusCode};
use http_api::Clock;
use http_body_util::BodyExt as _;
use model::Timestamp;
use serde_json::json;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use store::{AuditEntry, AuditOutcome};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tower::ServiceExt as _;
use traffic::AgentCertificate;

const BATCHES: &str = "/agent/v1/batches";
const STATUS: &str = "/agent/v1/status";
/// An answer that waits for no body.
const AT_ONCE: Duration = Duration::from_secs(5);

/// The face as one agent after the other finds it.
#[derive(Clone)]
struct Face(axum::Router);

type Answer = (StatusCode, String);

impl Face {
    fn of(room: &Room) -> Self {
        Self(traffic::agents_router(&room.traffic))
    }

    async fn post(&self, shown: Option<AgentCertificate>, path: &str, body: Body) -> Answer {
        let mut request = Request::post(path).body(body).unwrap();
        if let Some(certificate) = shown {
            request.extensions_mut().insert(certificate);
        }
        let answer = self.0.clone().oneshot(request).await.unwrap();
        let status = answer.status();
        let words = answer.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8_lossy(&words).into_owned())
    }

    /// A request of which the hub has begun to read the body, with the rest of it.
    async fn begun<E>(
        &self,
        node: &str,
        path: &'static str,
        rest: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
    ) -> JoinHandle<Answer>
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        let (asked, is_asked) = oneshot::channel();
        let first = stream::once(async move {
            asked.send(()).unwrap();
            Ok(Bytes::from_static(b" "))
        });
        let body = Body::from_stream(first.chain(rest));
        let (face, shown) = (self.clone(), certificate("one", node));
        let answer = tokio::spawn(async move { face.post(Some(shown), path, body).await });
        timeout(AT_ONCE, is_asked).await.unwrap().unwrap();
        answer
    }

    async fn batch(&self, node: &str) -> Answer {
        let text = batch(node);
        timeout(AT_ONCE, self.post(Some(certificate("one", node)), BATCHES, text.into()))
            .await
            .unwrap()
    }
}

fn certificate(cluster: &str, node: &str) -> AgentCertificate {
    let name = format!("sallyport://agent/{cluster}/{node}").parse().unwrap();
    let now = Timestamp::now();
    let day = Duration::from_secs(24 * 3600);
    AgentCertificate { name, not_before: now, not_after: now.after(day) }
}

fn silence() -> stream::Pending<Result<Bytes, Infallible>> {
    stream::pending()
}

/// A batch of one unit.
fn batch(node: &str) -> String {
    let unit = json!([{
        "number": 1, "at": "2026-01-31T12:00:00Z", "connection": 1, "from_client": true,
        "source": "10.0.0.9:40000", "destination": "10.0.0.1:6443", "protocol": "HTTP/2", "length": 5,
        "info": "HEADERS[1]", "stream": 1, "request": null, "user": null, "method": "GET",
        "path": "/api/v1/pods", "verb": "list", "group": "", "version": "v1", "resource": "pods",
        "subresource": null, "namespace": null, "name": null, "status": null, "latency_us": null,
    }, null]);
    json!({
        "version": 1, "cluster": "one", "node": node, "stream": "000000000000000000000001",
        "sequence": 1, "units": [unit], "closed": [],
    })
    .to_string()
}

async fn revoke(room: &Room, node: &str) {
    let entry = AuditEntry {
        at: Timestamp::now(),
        actor: "operator".to_owned(),
        action: "traffic.agent.revoke".to_owned(),
        object: format!("one/{node}"),
        outcome: AuditOutcome::Allowed,
        reason: String::new(),
        request_id: String::new(),
        source: String::new(),
        detail: json!({}),
    };
    let (cluster, node) = ("one".parse().unwrap(), node.parse().unwrap());
    room.hub.api.store.revoke_traffic_agent(&cluster, &node, entry).await.unwrap();
}

#[tokio::test]
async fn whoever_may_not_send_is_told_before_the_body_is_there() {
    let room = room().await;
    let face = Face::of(&room);
    let revoked = certificate("one", "node-1");
    revoke(&room, "node-1").await;
    let refused = [
        (None, StatusCode::UNAUTHORIZED, "a certificate that names an agent"),
        (Some(certificate("two", "node-1")), StatusCode::FORBIDDEN, "no cluster `two`"),
        (Some(revoked), StatusCode::FORBIDDEN, "revoked"),
    ];
    for path in [BATCHES, STATUS] {
        for (shown, expected, reason) in &refused {
            let answer =
                timeout(AT_ONCE, face.post(shown.clone(), path, Body::from_stream(silence())))
                    .await;
            let (status, words) = answer.expect("an answer before the body");
            assert_eq!(status, *expected, "{path}: {words}");
            assert!(words.contains(reason), "{words}");
        }
    }
    assert_eq!(face.batch("node-2").await.0, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn what_was_on_its_way_when_its_certificate_was_revoked_is_not_stored() {
    let room = room().await;
    let face = Face::of(&room);
    let (rest, ended) = oneshot::channel();
    let body = stream::once(async { ended.await.map(Bytes::from) });
    let slow = face.begun("node-1", BATCHES, body).await;
    revoke(&room, "node-1").await;
    rest.send(batch("node-1")).unwrap();
    let (status, words) = timeout(AT_ONCE, slow).await.unwrap().unwrap();
    assert_eq!(status, StatusCode::FORBIDDEN, "{words}");
    assert!(words.contains("revoked"), "{words}");
    assert_eq!(room.get("/api/v1/traffic/units").await["items"], json!([]));
}

#[tokio::test]
async fn a_certificate_that_runs_out_on_a_connection_is_refused_from_then_on() {
    let began = Timestamp::now();
    let ahead = Arc::new(AtomicU64::new(0));
    let seconds = Arc::clone(&ahead);
    let clock =
        Clock::turned_by(move || began.after(Duration::from_secs(seconds.load(Ordering::Relaxed))));
    let room = room_with(clock).await;
    let face = Face::of(&room);
    let held = AgentCertificate {
        not_after: began.after(Duration::from_secs(60)),
        ..certificate("one", "node-1")
    };
    let send = async |path, text: String| face.post(Some(held.clone()), path, text.into()).await;
    let status = json!({
        "cluster": "one", "node": "node-1", "began_at": "2026-01-31T12:00:00Z", "capturing": true,
        "sources": [], "ports": [6443], "packets": 9, "dropped": 2, "secrets": 4, "secrets_lost": 0,
        "units": 5, "units_lost": u64::MAX, "units_refused": u64::MAX, "waiting_bytes": 0,
        "waiting_bytes_max": 1024, "lag_ms": 7,
    })
    .to_string();
    for last in [0, 60] {
        ahead.store(last, Ordering::Relaxed);
        assert_eq!(send(BATCHES, batch("node-1")).await.0, StatusCode::NO_CONTENT, "{last}");
        // Whatever it counts, nothing overflows.
        assert_eq!(send(STATUS, status.clone()).await.0, StatusCode::NO_CONTENT, "{last}");
    }
    ahead.store(61, Ordering::Relaxed);
    for (path, text) in [(BATCHES, batch("node-1")), (STATUS, status)] {
        let (status, words) = send(path, text).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{words}");
        assert_eq!(words, "this certificate has expired: issue another and restart the agent");
    }
}

#[tokio::test]
async fn a_slow_agent_stands_in_its_own_way_alone() {
    let room = room().await;
    let face = Face::of(&room);
    let slow = face.begun("node-1", BATCHES, silence()).await;
    for _ in 0..8 {
        let (status, words) = face.batch("node-1").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{words}");
    }
    assert_eq!(face.batch("node-2").await.0, StatusCode::NO_CONTENT);
    // Its status has a place of its own.
    let slow_status = face.begun("node-1", STATUS, silence()).await;
    // When the connection ends, the place is free again.
    slow.abort();
    slow_status.abort();
    assert!(slow.await.unwrap_err().is_cancelled());
    assert_eq!(face.batch("node-1").await.0, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn bodies_over_their_bound_are_refused() {
    let room = room().await;
    let face = Face::of(&room);
    for (path, bytes_max) in [(BATCHES, 16 * 1024 * 1024), (STATUS, 256 * 1024)] {
        // Without a length that tells it in advance.
        let pieces =
            stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from_static(&[b' '; 65_536])));
        let body = Body::from_stream(pieces);
        let (status, words) = face.post(Some(certificate("one", "node-1")), path, body).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{words}");
        assert!(words.contains(&bytes_max.to_string()), "{words}");
        let exact = Body::from(" ".repeat(bytes_max));
        let (status, words) = face.post(Some(certificate("one", "node-1")), path, exact).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{words}");
    }
}
