//! Traffic: appended in order, read newest first and by condition, kept within its bounds.

use crate::bench::*;
use model::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;
use store::{
    Store, StoreError, TRAFFIC_BATCH_UNITS_MAX, TrafficBody, TrafficComparison, TrafficCondition,
    TrafficConnection, TrafficContent, TrafficNumberField, TrafficPurged, TrafficQuery,
    TrafficRetention, TrafficTextField, TrafficTls, TrafficUnit, TrafficUse, TrafficUses,
};

const HOUR: Duration = Duration::from_secs(3600);

pub(crate) fn retention() -> TrafficRetention {
    TrafficRetention {
        kept: 24 * HOUR,
        bodies_kept: HOUR,
        units_max: 1_000_000,
        body_bytes_max: 1 << 30,
    }
}

/// An answer of the `nth` request: every third is a 403, every seventh a 500.
pub(crate) fn unit(number: i64, nth: u64) -> TrafficUnit {
    let text = |text: &str| Some(text.to_owned());
    TrafficUnit {
        number,
        at: later(nth),
        connection: 1,
        from_client: false,
        source: "10.0.0.1:6443".parse().unwrap(),
        destination: "[fd00::9]:40000".parse().unwrap(),
        protocol: "HTTP/2".to_owned(),
        length: 100 + nth,
        info: format!("HEADERS[{nth}]: 200 OK"),
        stream: Some(1),
        request: None,
        user: if nth.is_multiple_of(2) { text("alice") } else { None },
        method: text("GET"),
        path: text("/api/v1/namespaces/shop/pods?limit=500"),
        verb: text("list"),
        group: text(""),
        version: text("v1"),
        resource: text("pods"),
        subresource: None,
        namespace: text("shop"),
        name: None,
        status: Some(match nth {
            nth if nth.is_multiple_of(7) => 500,
            nth if nth.is_multiple_of(3) => 403,
            _ => 200,
        }),
        latency_us: Some(nth * 1000),
    }
}

fn body(text: &str) -> TrafficBody {
    TrafficBody {
        headers: vec![
            (Some("content-type".to_owned()), Some("application/json".to_owned())),
            (None, Some("[redacted:0123456789abcdef]".to_owned())),
            (Some("x-\"quoted\\".to_owned()), None),
        ],
        media_type: Some("application/json".to_owned()),
        length: Some(7),
        content: TrafficContent::Json(text.to_owned()),
        cut: false,
    }
}

/// Appends units `nths`, with bodies of so many bytes; returns their numbers.
async fn append_with(
    store: &Store,
    nths: std::ops::Range<u64>,
    body_bytes: usize,
    now: Timestamp,
    retention: &TrafficRetention,
) -> Vec<i64> {
    let count = u32::try_from(nths.clone().count()).unwrap();
    let mut append = store.traffic_append(count, 0).await.unwrap();
    let rows: Vec<_> = nths
        .zip(append.first_unit()..)
        .map(|(nth, number)| {
            let body = (body_bytes > 0).then(|| body(&"x".repeat(body_bytes)));
            (unit(number, nth), body)
        })
        .collect();
    append.units(&rows).await.unwrap();
    append.commit(now, retention).await.unwrap();
    rows.into_iter().map(|(unit, _)| unit.number).collect()
}

async fn append(store: &Store, nths: std::ops::Range<u64>) -> Vec<i64> {
    append_with(store, nths, 0, NOW, &retention()).await
}

async fn numbers(store: &Store, query: TrafficQuery) -> Vec<i64> {
    let page = store.traffic_units(&query).await.unwrap();
    page.units.into_iter().map(|unit| unit.number).collect()
}

fn all() -> TrafficQuery {
    TrafficQuery { limit: 500, ..TrafficQuery::default() }
}

async fn matching(store: &Store, condition: TrafficCondition) -> Vec<i64> {
    numbers(store, TrafficQuery { condition: Some(condition), ..all() }).await
}

fn text(field: TrafficTextField, comparison: TrafficComparison, value: &str) -> TrafficCondition {
    TrafficCondition::Text { field, comparison, value: value.to_owned() }
}

fn number(
    field: TrafficNumberField,
    comparison: TrafficComparison,
    value: i64,
) -> TrafficCondition {
    TrafficCondition::Number { field, comparison, value }
}

on_both_databases! {
    async fn units_read_back_as_they_were_written(bench: Bench) {
        let store = bench.store().await;
        let mut append = store.traffic_append(3, 1).await.unwrap();
        let first = append.first_unit();
        assert_eq!((first, append.first_connection()), (1, 1));
        let request = TrafficUnit { from_client: true, status: None, latency_us: None, ..unit(first, 1) };
        let answer = TrafficUnit { request: Some(first), ..unit(first + 1, 2) };
        let hostile = TrafficUnit { info: "a\0b".to_owned(), ..unit(first + 2, 4) };
        let carried = body(r#"{"kind":"PodList"}"#);
        append.units(&[(request.clone(), None), (answer.clone(), Some(carried.clone())), (hostile, None)]).await.unwrap();
        let connection = TrafficConnection {
            number: 1,
            client: "[fd00::9]:40000".parse().unwrap(),
            server: "10.0.0.1:6443".parse().unwrap(),
            began_at: NOW,
            ended_at: later(3),
            decryption: "decrypted".to_owned(),
            tls: Some(TrafficTls { version: Some("TLS 1.3".to_owned()), resumed: true, ..TrafficTls::default() }),
            requests: 1,
            late: false,
            missing: 7,
            wire: BTreeMap::from([("decoded".to_owned(), 10), ("no_key".to_owned(), 5)]),
            content: BTreeMap::from([("decoded".to_owned(), 9)]),
        };
        append.connection(&connection, NOW).await.unwrap();
        append.commit(NOW, &retention()).await.unwrap();

        let read = store.traffic_unit(first + 1).await.unwrap().unwrap();
        assert_eq!((&read.unit, &read.body), (&answer, &Some(carried)));
        assert_eq!(read.exchange, [request.clone(), answer]);
        assert_eq!(read.connection.as_ref(), Some(&connection));
        let of_request = store.traffic_unit(first).await.unwrap().unwrap();
        assert_eq!((of_request.unit, of_request.body, of_request.exchange.len()), (request, None, 2));
        assert_eq!(store.traffic_unit(first + 2).await.unwrap().unwrap().unit.info, "a\u{fffd}b");
        assert_eq!(store.traffic_unit(99).await.unwrap(), None);
        let listed = store.traffic_connections(None, None, 10).await.unwrap();
        assert_eq!(listed.items, [connection]);
        assert_eq!(listed.by_decryption, BTreeMap::from([("decrypted".to_owned(), 1)]));
        assert!(store.traffic_connections(Some("no_key"), None, 10).await.unwrap().items.is_empty());
    }

    async fn a_batch_that_is_dropped_never_happened(bench: Bench) {
        let store = bench.store().await;
        let mut dropped = store.traffic_append(1, 0).await.unwrap();
        dropped.units(&[(unit(dropped.first_unit(), 1), None)]).await.unwrap();
        drop(dropped);
        assert_eq!(store.traffic_newest().await.unwrap(), 0);
        assert_eq!(append(&store, 0..1).await, [1]);
        let refused = store.traffic_append(TRAFFIC_BATCH_UNITS_MAX + 1, 0).await.err().unwrap();
        assert!(matches!(refused, StoreError::Invalid { .. }), "{refused:?}");
    }

    async fn pages_go_back_to_the_oldest_and_forward_to_the_newest(bench: Bench) {
        let store = bench.store().await;
        assert_eq!(store.traffic_units(&all()).await.unwrap().next_before, None);
        // More than one statement inserts.
        append(&store, 0..301).await;
        let mut before = None;
        let mut seen = Vec::new();
        loop {
            let page = store.traffic_units(&TrafficQuery { before, limit: 100, ..all() }).await.unwrap();
            assert_eq!(page.newest, 301);
            seen.extend(page.units.iter().map(|unit| unit.number));
            match page.next_before {
                Some(next) => before = Some(next),
                None => break,
            }
        }
        assert_eq!(seen, (1..=301).rev().collect::<Vec<_>>());
        let news = TrafficQuery { after: Some(299), ..all() };
        assert_eq!(numbers(&store, news.clone()).await, [301, 300]);
        assert_eq!(numbers(&store, TrafficQuery { after: Some(301), ..news.clone() }).await, [0; 0]);
        // A reader that fell behind is told that there is more than it was given.
        let behind = TrafficQuery { after: Some(100), limit: 10, ..news };
        assert_eq!(store.traffic_units(&behind).await.unwrap().next_before, Some(292));
    }

    async fn conditions_mean_what_they_say(bench: Bench) {
        use {TrafficComparison::*, TrafficNumberField as Number, TrafficTextField as Text};
        let store = bench.store().await;
        let mut append = store.traffic_append(3, 0).await.unwrap();
        let named = TrafficUnit { name: Some("Web_1".to_owned()), status: Some(404), ..unit(1, 1) };
        let other = TrafficUnit { namespace: Some("Ärger".to_owned()), verb: Some("watch".to_owned()), latency_us: Some(9_999), ..unit(2, 2) };
        let bare = TrafficUnit { verb: None, status: None, latency_us: None, user: None, ..unit(3, 5) };
        append.units(&[(named, Some(body("{}"))), (other, None), (bare, None)]).await.unwrap();
        append.commit(NOW, &retention()).await.unwrap();
        for (condition, expected) in [
            (number(Number::Status, Equal, 404), vec![1]),
            (number(Number::Status, NotEqual, 404), vec![3, 2]),
            (number(Number::Status, GreaterOrEqual, 200), vec![2, 1]),
            (number(Number::LatencyMs, Equal, 9), vec![2]),
            (number(Number::LatencyMs, Less, 9), vec![1]),
            (number(Number::Port, Equal, 6443), vec![3, 2, 1]),
            (number(Number::Port, NotEqual, 40000), vec![]),
            (text(Text::Digits(Number::Status), Contains, "40"), vec![1]),
            (text(Text::Verb, Equal, "WATCH"), vec![2]),
            (text(Text::Verb, NotEqual, "watch"), vec![3, 1]),
            (text(Text::Name, Contains, "b_"), vec![1]),
            // Folded in ASCII alone, whatever the locale of the database; and NUL is no error of the store.
            (text(Text::Namespace, Equal, "ärger"), vec![]),
            (text(Text::Namespace, Equal, "ÄRGER"), vec![2]),
            (text(Text::Namespace, Contains, "RGE"), vec![2]),
            (text(Text::Name, Equal, "web\0"), vec![]),
            (text(Text::Name, Contains, "\0"), vec![]),
            // LIKE's own signs are taken as they are.
            (text(Text::Name, Contains, "b%1"), vec![]),
            (text(Text::Info, Contains, "headers[5]"), vec![3]),
            (text(Text::Source, Equal, "10.0.0.1"), vec![3, 2, 1]),
            (text(Text::Source, Equal, "10.0.0.1:6443"), vec![3, 2, 1]),
            (text(Text::Destination, Equal, "[fd00::9]:40000"), vec![3, 2, 1]),
            (text(Text::Destination, Contains, "fd00"), vec![3, 2, 1]),
            (text(Text::Side, Equal, "server"), vec![3, 2, 1]),
            (text(Text::User, Equal, "alice"), vec![2]),
            (text(Text::User, NotEqual, "alice"), vec![3, 1]),
            (text(Text::Header, Contains, "Content-Type: application/j"), vec![1]),
            (text(Text::Header, Equal, "content-type: application/json"), vec![1]),
            (text(Text::Header, Equal, "content-type: application"), vec![]),
            (text(Text::Header, Contains, "x-\"quoted\\"), vec![1]),
            (text(Text::Header, NotEqual, "content-type: application/json"), vec![3, 2]),
            (text(Text::Verb, Equal, "'; DROP TABLE traffic_units; --"), vec![]),
            (
                TrafficCondition::Not(Box::new(TrafficCondition::Any(vec![
                    text(Text::Verb, Equal, "watch"),
                    number(Number::Status, Equal, 404),
                ]))),
                vec![3],
            ),
            (
                TrafficCondition::All(vec![
                    text(Text::Verb, Equal, "list"),
                    number(Number::Status, Greater, 400),
                ]),
                vec![1],
            ),
            (TrafficCondition::All(vec![]), vec![3, 2, 1]),
            (TrafficCondition::Any(vec![]), vec![]),
        ] {
            assert_eq!(matching(&store, condition.clone()).await, expected, "{condition:?}");
        }
    }

    async fn a_summary_counts_the_span_before_the_newest_unit(bench: Bench) {
        let store = bench.store().await;
        assert_eq!(store.traffic_summary(HOUR, None).await.unwrap(), store::TrafficSummary::default());
        append(&store, 0..200).await;
        // The newest is second 199: seconds 100 to 199 count.
        let summary = store.traffic_summary(Duration::from_secs(100), None).await.unwrap();
        assert_eq!((summary.from, summary.to), (Some(later(99)), Some(later(199))));
        assert_eq!(summary.answers, 100);
        let (fives, threes) = (
            (100..200).filter(|nth| nth % 7 == 0).count() as u64,
            (100..200).filter(|nth| nth % 3 == 0 && nth % 7 != 0).count() as u64,
        );
        assert_eq!((summary.server_errors, summary.client_errors), (fives, threes));
        assert_eq!(summary.latency_us, Some([149_000, 189_000, 198_000, 199_000]));
        assert_eq!(summary.pieces.len(), 60);
        assert_eq!(summary.pieces.iter().map(|piece| piece.0).sum::<u64>(), 100);
        assert_eq!(summary.pieces.iter().map(|piece| piece.1).sum::<u64>(), fives + threes);
        let users: Vec<_> = summary.users.iter().map(|user| (user.name.as_str(), user.answers)).collect();
        assert_eq!(users, [("", 50), ("alice", 50)]);
        assert_eq!((summary.resources[0].name.as_str(), summary.resources[0].longest_us), ("list pods", 199_000));
        assert!(!summary.partial);
        let bad = number(TrafficNumberField::Status, TrafficComparison::Equal, 500);
        let summary = store.traffic_summary(Duration::from_secs(100), Some(&bad)).await.unwrap();
        assert_eq!((summary.answers, summary.server_errors), (fives, fives));
    }

    async fn content_goes_before_rows_and_rows_before_long(bench: Bench) {
        let store = bench.store().await;
        append_with(&store, 0..10, 100, NOW, &retention()).await;
        append_with(&store, 10..20, 100, later(1800), &retention()).await;
        let none = TrafficPurged::default();
        assert_eq!(store.purge_traffic(later(3600), &retention()).await.unwrap(), none);
        let purged = store.purge_traffic(later(3601), &retention()).await.unwrap();
        assert_eq!(purged, TrafficPurged { bodies: 10, ..none });
        assert_eq!(store.traffic_unit(1).await.unwrap().unwrap().body, None);
        assert!(store.traffic_unit(11).await.unwrap().unwrap().body.is_some());
        let purged = store.purge_traffic(later(24 * 3600 + 1), &retention()).await.unwrap();
        assert_eq!(purged, TrafficPurged { units: 10, bodies: 10, ..none });
        let page = store.traffic_units(&all()).await.unwrap();
        assert_eq!((page.units.len(), page.next_before, page.newest), (10, None, 20));
        store.purge_traffic(later(48 * 3600), &retention()).await.unwrap();
        for table in ["units", "bodies", "batches"] {
            assert_eq!(bench.count(&format!("traffic_{table}")).await, 0, "{table}");
        }
        assert_eq!(append(&store, 0..1).await, [21], "numbers are not given twice");
    }

    async fn content_that_is_only_counted_goes_in_its_time_too(bench: Bench) {
        let store = bench.store().await;
        let content = TrafficContent::Omitted { reason: "binary".to_owned(), fingerprint: None };
        let counted = TrafficBody { headers: vec![], media_type: None, content, ..body("") };
        let mut append = store.traffic_append(1, 0).await.unwrap();
        append.units(&[(unit(1, 1), Some(counted))]).await.unwrap();
        append.commit(NOW, &retention()).await.unwrap();
        let purged = store.purge_traffic(later(3601), &retention()).await.unwrap();
        assert_eq!(purged.bodies, 1);
        assert_eq!(bench.count("traffic_bodies").await, 0);
    }

    async fn bounds_hold_at_any_rate_without_a_purge(bench: Bench) {
        let store = bench.store().await;
        let tight = TrafficRetention { units_max: 1000, body_bytes_max: 100_000, ..retention() };
        for nth in 0..30 {
            append_with(&store, 0..100, 200, later(nth), &tight).await;
            assert!(bench.count("traffic_units").await <= 1100);
            // A batch's bodies are some 30 kB.
            assert!(bench.count("traffic_bodies").await <= 500);
        }
        assert_eq!(numbers(&store, TrafficQuery { limit: 1, ..all() }).await, [3000]);
        // What was counted is what is there.
        bench.raw("DELETE FROM traffic_units").await;
        store.purge_traffic(later(48 * 3600), &tight).await.unwrap();
        assert_eq!(bench.count("traffic_bodies").await, 0);
        assert_eq!(bench.raw("UPDATE traffic_head SET unit = unit WHERE body_bytes <> 0").await, 0);
    }

    async fn a_users_requests_are_counted_by_what_they_asked(bench: Bench) {
        let store = bench.store().await;
        assert_eq!(store.traffic_uses("alice").await.unwrap(), TrafficUses::default());
        let mut append = store.traffic_append(8, 2).await.unwrap();
        let text = |text: &str| Some(text.to_owned());
        let of = |nth: i64, status: u16, user: Option<&str>| {
            TrafficUnit { status: Some(status), user: user.map(str::to_owned), ..unit(nth, 2) }
        };
        let path = |place: TrafficUnit| TrafficUnit { verb: text("get"), group: None, version: None, resource: None, namespace: None, path: text("/version?x=1"), ..place };
        let units = [
            TrafficUnit { from_client: true, status: None, ..unit(1, 1) },
            of(2, 100, Some("alice")),
            of(3, 200, Some("alice")),
            of(4, 200, Some("alice")),
            of(5, 403, Some("alice")),
            of(6, 200, Some("bob")),
            of(7, 200, None),
            path(of(8, 200, Some("alice"))),
        ];
        append.units(&units.map(|unit| (unit, None))).await.unwrap();
        for (number, decryption, missing) in [(1, "decrypted", 0), (2, "partly", 7)] {
            let connection = TrafficConnection {
                number,
                client: "10.0.0.9:40000".parse().unwrap(),
                server: "10.0.0.1:6443".parse().unwrap(),
                began_at: NOW,
                ended_at: NOW,
                decryption: decryption.to_owned(),
                tls: None,
                requests: 1,
                late: false,
                missing,
                wire: BTreeMap::new(),
                content: BTreeMap::new(),
            };
            append.connection(&connection, NOW).await.unwrap();
        }
        append.commit(NOW, &retention()).await.unwrap();
        let found = store.traffic_uses("alice").await.unwrap();
        let list = |status| TrafficUse {
            verb: text("list"),
            group: text(""),
            resource: text("pods"),
            namespace: text("shop"),
            status,
            ..TrafficUse::default()
        };
        let version = TrafficUse { verb: text("get"), path: text("/version?x=1"), status: 200, ..TrafficUse::default() };
        assert_eq!(found.uses, [(version, 1), (list(200), 2), (list(403), 1)]);
        assert_eq!((found.units, found.unknown, found.missing), (8, 1, 7));
        assert_eq!((found.partial, found.cut), (false, false));
        assert_eq!((found.from, found.to), (Some(later(1)), Some(later(2))));
        assert_eq!(found.by_decryption, [("decrypted".to_owned(), 1), ("partly".to_owned(), 1)]);
        let nobodys = store.traffic_uses("carol").await.unwrap();
        assert_eq!((nobodys.uses.len(), nobodys.units), (0, 8));
    }

    async fn bodies_are_read_together_and_no_more_than_eight(bench: Bench) {
        let store = bench.store().await;
        append_with(&store, 0..10, 5, NOW, &retention()).await;
        append(&store, 10..11).await;
        let bodies = store.traffic_bodies(&[2, 11, 99, 3]).await.unwrap();
        assert_eq!(bodies.keys().collect::<Vec<_>>(), [&2, &3]);
        assert_eq!(bodies[&2], body("xxxxx"));
        let all: Vec<i64> = (1..=10).collect();
        assert_eq!(store.traffic_bodies(&all).await.unwrap().len(), 8);
    }

    async fn two_hubs_number_as_one(bench: Bench) {
        let hubs = [bench.store().await, bench.store().await];
        let mut given = Vec::new();
        for _ in 0..10 {
            let (one, two) = tokio::join!(append(&hubs[0], 0..3), append(&hubs[1], 0..5));
            given.extend(one);
            given.extend(two);
        }
        given.sort_unstable();
        assert_eq!(given, (1..=80).collect::<Vec<_>>());
        assert_eq!(hubs[0].traffic_newest().await.unwrap(), 80);
        assert_eq!(*hubs[0].traffic_redaction_key(), *hubs[1].traffic_redaction_key());
    }
}
