//! Requests of the gateway: written in batches, twice without harm, listed, and removed when they are old.

use crate::bench::*;
use model::{RequestId, Timestamp};
use std::time::Duration;
use store::{GatewayRequest, GatewayRequestFilter, Store};

fn request(store: &Store, at: Timestamp, user: Option<&str>) -> GatewayRequest {
    GatewayRequest {
        id: RequestId::from_random(unique()),
        at,
        hub: store.hub().clone(),
        cluster: "demo".to_owned(),
        source: "192.0.2.1".to_owned(),
        user_name: user.map(str::to_owned),
        method: user.map(|_| "token_file".to_owned()),
        acting_as: None,
        verb: "list".to_owned(),
        api_group: Some(String::new()),
        resource: Some("pods".to_owned()),
        subresource: None,
        namespace: Some("web".to_owned()),
        name: None,
        path: "/api/v1/namespaces/web/pods".to_owned(),
        status: 200,
        latency_us: 1234,
    }
}

fn of(user: &str) -> GatewayRequestFilter {
    GatewayRequestFilter { user: Some(user.to_owned()), before: None, limit: 10 }
}

on_both_databases! {
    async fn a_batch_is_kept_as_it_is_and_writing_it_again_changes_nothing(bench: Bench) {
        let store = bench.store().await;
        store.record_gateway_requests(&[]).await.unwrap();
        let batch = [
            request(&store, NOW, Some("alice")),
            request(&store, later(1), Some("alice")),
            request(&store, later(2), None),
        ];
        store.record_gateway_requests(&batch).await.unwrap();
        store.record_gateway_requests(&batch).await.unwrap();
        let [first, second, third] = batch;
        let all = GatewayRequestFilter { limit: 10, ..Default::default() };
        let all = store.gateway_requests(&all).await.unwrap();
        assert_eq!(all, [third, second.clone(), first.clone()]);
        assert_eq!(store.gateway_requests(&of("alice")).await.unwrap(), [second, first.clone()]);
        assert!(store.gateway_requests(&of("bob")).await.unwrap().is_empty());
        let before = GatewayRequestFilter { before: Some(later(1)), ..of("alice") };
        assert_eq!(store.gateway_requests(&before).await.unwrap(), [first]);
    }

    async fn what_a_stranger_wrote_is_escaped_and_cut(bench: Bench) {
        let store = bench.store().await;
        let mut odd = request(&store, NOW, Some("a\0b\u{1b}[31m 홍길동"));
        odd.path = format!("/{}", "x".repeat(100_000));
        odd.name = Some("'); DROP TABLE gateway_requests; --".to_owned());
        store.record_gateway_requests(&[odd.clone()]).await.unwrap();
        let first = GatewayRequestFilter { limit: 1, ..Default::default() };
        let kept = store.gateway_requests(&first).await.unwrap().remove(0);
        assert_eq!(kept.user_name.as_deref(), Some("a\\u{0}b\\u{1b}[31m 홍길동"));
        assert_eq!(kept.path.len(), 512);
        assert_eq!(kept.name, odd.name);
    }

    async fn old_requests_go_and_young_ones_stay(bench: Bench) {
        let store = bench.store().await;
        let many: Vec<_> = (0..6000).map(|_| request(&store, NOW, Some("alice"))).collect();
        store.record_gateway_requests(&many).await.unwrap();
        store.record_gateway_requests(&[request(&store, later(60), Some("alice"))]).await.unwrap();
        let day = Duration::from_secs(24 * 3600);
        let kept = store.purge_gateway_requests(later(30), day);
        assert_eq!(kept.await.unwrap(), 0);
        assert_eq!(store.purge_gateway_requests(later(24 * 3600 + 30), day).await.unwrap(), 6000);
        assert_eq!(store.gateway_requests(&of("alice")).await.unwrap().len(), 1);
    }
}
