use crate::{Beliefs, Gateway, GatewayParts};
use authn::AccountMapping;
use authn::kubernetes::{AnonymousAccess, Authenticator, Webhook};
use axum::body::Body;
use http::{Request, StatusCode};
use http_api::{Clock, TrustedProxies};
use kube_io::{Cluster, Clusters};
use model::{HubId, Timestamp};
use std::convert::Infallible;
use std::time::Duration;
use store::{GatewayRequestFilter, Store, StoreLocation, VaultKey};
use tower::ServiceExt as _;

const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

/// A gateway before a cluster `mute`, which answers nothing, and which is asked about every token.
async fn gateway(directory: &tempfile::TempDir) -> (Gateway, Store) {
    let location = StoreLocation::Sqlite { directory: directory.path().to_owned() };
    let hub = HubId::from_random([1; 16]);
    let store = Store::open(&location, VaultKey::new([7; 32]), hub, NOW).await.unwrap();
    let service = tower::service_fn(|_: Request<kube::client::Body>| {
        std::future::pending::<Result<http::Response<kube::client::Body>, Infallible>>()
    });
    let client = kube::Client::new(service, "default");
    let parts = GatewayParts {
        store: store.clone(),
        clusters: Clusters::new(vec![Cluster::from_client("mute".parse().unwrap(), client)]),
        proxies: TrustedProxies::default(),
        clock: Clock::turned_by(|| NOW),
        accounts: AccountMapping::default(),
        base_domain: None,
        random: [7; 32],
    };
    let authenticator = Authenticator {
        cluster_review: Some(Webhook { audiences: Vec::new() }),
        anonymous: AnonymousAccess::Disabled,
        ..Authenticator::default()
    };
    (Gateway::new(parts, Beliefs { authenticator, webhook: None }), store)
}

async fn ask(gateway: &Gateway, path: &str, token: Option<&str>) -> StatusCode {
    let mut request = Request::get(path);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let answer = gateway.router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    answer.status()
}

#[tokio::test]
async fn strangers_fill_the_record_no_faster_than_they_may() {
    let directory = tempfile::tempdir().unwrap();
    let (gateway, store) = gateway(&directory).await;
    for _ in 0..400 {
        assert_eq!(ask(&gateway, "/x", None).await, StatusCode::NOT_FOUND);
    }
    assert_eq!(ask(&gateway, "/clusters/mute/%2e%2e", None).await, StatusCode::BAD_REQUEST);
    assert_eq!(ask(&gateway, "/clusters/mute/api", None).await, StatusCode::UNAUTHORIZED);
    gateway.drained(Duration::ZERO).await;
    let filter = GatewayRequestFilter { limit: 1000, ..GatewayRequestFilter::default() };
    let rows = store.gateway_requests(&filter).await.unwrap();
    assert_eq!(rows.len(), 300);
}

#[tokio::test]
async fn a_request_that_no_cluster_answers_does_not_hold_up_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let (gateway, store) = gateway(&directory).await;
    let asking = tokio::spawn({
        let gateway = gateway.clone();
        async move { ask(&gateway, "/clusters/mute/api", Some("a-token")).await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    let drained = gateway.drained(Duration::ZERO);
    tokio::time::timeout(Duration::from_secs(5), drained).await.unwrap();
    assert_eq!(asking.await.unwrap(), StatusCode::SERVICE_UNAVAILABLE);
    let filter = GatewayRequestFilter { limit: 10, ..GatewayRequestFilter::default() };
    assert_eq!(store.gateway_requests(&filter).await.unwrap()[0].status, 503);
}

#[tokio::test]
async fn requests_that_a_cluster_leaves_unanswered_leave_room_for_others() {
    let directory = tempfile::tempdir().unwrap();
    let (gateway, _store) = gateway(&directory).await;
    let unanswered: Vec<_> = (0..8192 / 8)
        .map(|_| {
            let gateway = gateway.clone();
            tokio::spawn(async move { ask(&gateway, "/clusters/mute/api", Some("a-token")).await })
        })
        .collect();
    let crowded = async {
        while ask(&gateway, "/x", None).await != StatusCode::TOO_MANY_REQUESTS {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), crowded).await.unwrap();
    for request in &unanswered {
        request.abort();
    }
    for request in unanswered {
        assert!(request.await.unwrap_err().is_cancelled(), "it waited");
    }
    assert_eq!(ask(&gateway, "/x", None).await, StatusCode::NOT_FOUND);
}
