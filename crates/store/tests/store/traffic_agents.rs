//! Batches of agents: stored once whatever happens, and agents whose certificates are refused.

use crate::bench::*;
use crate::traffic::{retention, unit};
use model::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use store::{
    Store, TRAFFIC_STREAM_CONNECTIONS_MAX, TRAFFIC_STREAMS_MAX, TrafficBatchOf, TrafficConnection,
    TrafficNumbers, TrafficQuery, TrafficRetention,
};

/// Stores a batch of so many units; none if it was stored before.
async fn take(
    store: &Store,
    stream: &str,
    (sequence, first_unit, units): (u64, u64, u32),
    connections: &[u64],
    requests: &[u64],
    over: Option<u64>,
    now: Timestamp,
) -> Option<TrafficNumbers> {
    let (connections, requests): (BTreeSet<u64>, BTreeSet<u64>) =
        (connections.iter().copied().collect(), requests.iter().copied().collect());
    let batch = TrafficBatchOf {
        stream,
        sequence,
        first_unit,
        units,
        connections: &connections,
        requests: &requests,
    };
    let (mut append, numbers) = store.traffic_append_of(batch, now).await.unwrap()?;
    let first = append.first_unit();
    let rows: Vec<_> =
        (0..units).map(|n| (unit(first + i64::from(n), u64::from(n)), None)).collect();
    append.units(&rows).await.unwrap();
    if let Some(over) = over {
        append.connection(&ended(numbers.connections[&over]), now).await.unwrap();
    }
    append.commit(now, &retention()).await.unwrap();
    Some(numbers)
}

fn ended(number: i64) -> TrafficConnection {
    TrafficConnection {
        number,
        client: "10.0.0.9:40000".parse().unwrap(),
        server: "10.0.0.1:6443".parse().unwrap(),
        began_at: later(0),
        ended_at: later(1),
        decryption: "decrypted".to_owned(),
        tls: None,
        requests: 1,
        late: false,
        missing: 0,
        wire: BTreeMap::new(),
        content: BTreeMap::new(),
    }
}

async fn units(store: &Store) -> usize {
    let query = TrafficQuery { before: None, after: None, limit: 500, condition: None };
    store.traffic_units(&query).await.unwrap().units.len()
}

fn name<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

on_both_databases! {
    async fn a_batch_is_stored_once_and_its_numbers_outlive_the_hub(bench: Bench) {
        let store = bench.store().await;
        let first = take(&store, "one", (1, 1, 10), &[1, 2], &[], None, later(0)).await.unwrap();
        assert_eq!(first.connections, [(1, 1), (2, 2)].into());
        // Something else in between, so that numbers differ.
        take(&store, "two", (1, 1, 3), &[1], &[], None, later(0)).await.unwrap();
        assert_eq!(take(&store, "one", (1, 1, 10), &[1, 2], &[], None, later(1)).await, None);
        assert_eq!(units(&store).await, 13);
        store.close().await;

        let store = bench.store().await;
        let second = take(&store, "one", (2, 11, 5), &[2, 3], &[1, 10, 12], Some(2), later(1)).await.unwrap();
        assert_eq!(second.connections, [(2, 2), (3, 4)].into());
        assert_eq!(second.requests, [(1, 1), (10, 10)].into());
        // What is over is forgotten; the number comes back as another connection's.
        let third = take(&store, "one", (9, 40, 5), &[2], &[12, 30, 39], None, later(2)).await.unwrap();
        assert_eq!(third.connections, [(2, 5)].into());
        // What was lost on the way is unknown, and nobody else's.
        assert_eq!(third.requests, [(12, 15)].into());
        assert_eq!(take(&store, "one", (8, 30, 5), &[], &[], None, later(2)).await, None);
        assert_eq!(take(&store, "one", (9, 40, 5), &[], &[], None, later(2)).await, None);
        assert_eq!(units(&store).await, 23);
    }

    async fn two_hubs_that_are_sent_the_same_batch_store_it_once(bench: Bench) {
        let (one, two) = (bench.store().await, bench.store().await);
        let batch = |store| async move {
            take(store, "one", (1, 1, 7), &[1], &[], None, later(0)).await.is_some()
        };
        let (left, right) = tokio::join!(batch(&one), batch(&two));
        assert!(left != right, "one of them stores it");
        assert_eq!(units(&one).await, 7);
    }

    async fn requests_are_found_however_far_back_their_batch_lies(bench: Bench) {
        let store = bench.store().await;
        for nth in 0..12_u64 {
            take(&store, "one", (nth + 1, nth * 4 + 1, 4), &[1], &[], None, later(nth)).await.unwrap();
        }
        let numbers =
            take(&store, "one", (13, 49, 4), &[1], &[1, 2, 7, 20, 48], None, later(13)).await.unwrap();
        assert_eq!(numbers.requests, [(1, 1), (2, 2), (7, 7), (20, 20), (48, 48)].into());
        assert_eq!(numbers.connections, [(1, 1)].into());
    }

    async fn of_too_many_open_connections_the_oldest_are_forgotten(bench: Bench) {
        let store = bench.store().await;
        take(&store, "one", (1, 1, 1), &[1], &[], None, later(0)).await.unwrap();
        bench.raw(&format!("UPDATE traffic_streams SET connections = {TRAFFIC_STREAM_CONNECTIONS_MAX}")).await;
        let numbers = take(&store, "one", (2, 2, 1), &[2], &[], None, later(1)).await.unwrap();
        assert_eq!(numbers.connections, [(2, 2)].into());
        assert_eq!(bench.count("traffic_stream_connections").await, 1);
    }

    async fn a_stream_is_forgotten_with_its_last_units(bench: Bench) {
        let store = bench.store().await;
        take(&store, "one", (1, 1, 2), &[1, 2], &[], None, later(0)).await.unwrap();
        let short = TrafficRetention { kept: Duration::from_secs(60), ..retention() };
        store.purge_traffic(later(30), &short).await.unwrap();
        assert_eq!(bench.count("traffic_stream_connections").await, 2);
        store.purge_traffic(later(120), &short).await.unwrap();
        for table in ["traffic_streams", "traffic_stream_connections", "traffic_units"] {
            assert_eq!(bench.count(table).await, 0, "{table}");
        }
    }

    async fn a_purge_goes_on_while_there_are_streams_to_forget(bench: Bench) {
        let store = bench.store().await;
        // Batches of connections alone: no unit's removal keeps the purge going.
        for nth in 0..40 {
            take(&store, &format!("one/node-{nth}/a"), (1, 1, 0), &[1], &[], None, later(0)).await.unwrap();
        }
        let short = TrafficRetention { kept: Duration::from_secs(60), ..retention() };
        assert_eq!(store.purge_traffic(later(30), &short).await.unwrap().streams, 0);
        assert_eq!(store.purge_traffic(later(120), &short).await.unwrap().streams, 40);
        for table in ["traffic_streams", "traffic_stream_connections"] {
            assert_eq!(bench.count(table).await, 0, "{table}");
        }
    }

    async fn of_one_agents_streams_the_longest_silent_is_forgotten(bench: Bench) {
        let store = bench.store().await;
        let most = u64::from(TRAFFIC_STREAMS_MAX);
        // Agents whose names begin alike are others.
        let others = ["one/node/a", "one/node-1.example/a", "one/node-10/a", "one/node-1", "on/node-1/a"];
        for other in others {
            take(&store, other, (1, 1, 0), &[1], &[], None, later(0)).await.unwrap();
        }
        // What a name says of the time counts for nothing: these run backwards.
        let stream = |nth: u64| format!("one/node-1/{:04}", 9999 - nth);
        for nth in 0..most {
            take(&store, &stream(nth), (1, 1, 1), &[1], &[], None, later(nth)).await.unwrap();
        }
        // The first is heard again, and is the second's elder no more.
        take(&store, &stream(0), (2, 2, 1), &[], &[], None, later(most)).await.unwrap();
        for nth in most..most + 20 {
            take(&store, &stream(nth), (1, 1, 1), &[1], &[], None, later(nth + 1)).await.unwrap();
        }
        let kept = i64::from(TRAFFIC_STREAMS_MAX) + 5;
        assert_eq!(bench.count("traffic_streams").await, kept);
        assert_eq!(bench.count("traffic_stream_connections").await, kept);
        for known in [0, 21, most + 19] {
            let again = take(&store, &stream(known), (1, 1, 1), &[1], &[], None, later(200)).await;
            assert_eq!(again, None, "{known}");
        }
        for other in others {
            assert_eq!(take(&store, other, (1, 1, 0), &[1], &[], None, later(200)).await, None, "{other}");
        }
        // A batch that is not stored forgets nothing.
        assert!(take(&store, &stream(1), (1, 1, 1), &[1], &[], None, later(201)).await.is_some());
        assert_eq!(bench.count("traffic_streams").await, kept);
    }

    async fn an_agent_is_heard_and_revoked_with_a_record(bench: Bench) {
        let store = bench.store().await;
        let (cluster, node) = (name("one"), name("node-1.example"));
        assert_eq!(store.traffic_agent(&cluster, &node).await.unwrap(), None);
        store.traffic_agent_heard(&cluster, &node, "{}", later(1)).await.unwrap();
        store.traffic_agent_heard(&cluster, &node, "{\"a\":1}", later(2)).await.unwrap();
        let mut revoking = entry("traffic.agent.revoke");
        revoking.at = later(3);
        store.revoke_traffic_agent(&cluster, &node, revoking).await.unwrap();
        let all = store.traffic_agents().await.unwrap();
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].heard_at, all[0].revoked_at), (Some(later(2)), Some(later(3))));
        assert_eq!(all[0].status.as_deref(), Some("{\"a\":1}"));
        assert_intact(&store, 1).await;
    }
}
