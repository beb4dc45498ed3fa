//! What an etcd and its own client say to each other, with objects as an API server stores them. The capture is made
//! by `goldens/etcd/make`.
#![allow(clippy::unwrap_used, reason = "tests")]

mod captures;

use captures::{Capture, decode};
use serde_json::Value;
use wire::{Content, Event, Side, Unit};

fn units() -> Vec<Unit> {
    let path = captures::directory().join("etcd/etcd.pcapng");
    let events = decode(&Capture::read(&path)).events.into_iter();
    let units = events.filter_map(|event| match event {
        Event::Unit(unit) => Some(*unit),
        Event::Closed(_) => None,
    });
    units.collect()
}

/// The units whose info ends so, with their content.
fn said(units: &[Unit], side: Side, info: &str) -> Vec<Value> {
    let found = units.iter().filter(|unit| unit.side == side && unit.info.ends_with(info));
    let content = |unit: &Unit| match &unit.data.as_ref().unwrap().content {
        Content::Json(text) => serde_json::from_str(text).unwrap(),
        other => panic!("{info}: {other:?}"),
    };
    found.map(content).collect()
}

#[test]
fn what_is_asked_of_etcd_is_told_in_a_line_and_its_objects_are_trees() {
    let units = units();
    let client = |info| said(&units, Side::Client, info);
    let server = |info| said(&units, Side::Server, info);
    for info in [
        "etcd Watch /registry/pods/*",
        "etcd LeaseGrant 60 s",
        "etcd Put /registry/secrets/shop/mine",
        "etcd Txn Put /registry/pods/shop/web",
        "etcd Range /registry/secrets/*",
        "etcd Range /registry/pods/shop/web",
        "etcd LeaseKeepAlive",
        "etcd DeleteRange /registry/pods/shop/web",
    ] {
        assert_eq!(client(info).len(), 1, "{info}: {:?}", infos(&units));
    }
    let put = &client("etcd Txn Put /registry/pods/shop/web")[0];
    let pod = &put["success"][0]["request_put"]["object"];
    assert_eq!(
        (&pod["kind"], &pod["spec"]["containers"][0]["image"]),
        (&"Pod".into(), &"web:1".into())
    );
    assert_eq!(put["compare"][0]["target"], "MOD");
    let event = &server("etcd Watch: PUT /registry/pods/shop/web")[0]["events"][0];
    assert_eq!((&event["type"], &event["kv"]["object"]["kind"]), (&"PUT".into(), &"Pod".into()));
    let event = &server("etcd Watch: DELETE /registry/pods/shop/web")[0]["events"][0];
    assert_eq!(event["prev_kv"]["object"]["metadata"]["name"], "web");
    assert_eq!(server("etcd Txn: succeeded").len(), 1);
    assert_eq!(server("etcd Range: 0 of 1")[0]["count"], 1);
    let states = infos(&units).into_iter().filter(|info| info.contains("gRPC "));
    let states: Vec<String> = states.filter(|info| !info.contains("gRPC OK")).collect();
    assert!(states.iter().any(|info| info.contains("gRPC OUT_OF_RANGE")), "{states:?}");
}

fn infos(units: &[Unit]) -> Vec<String> {
    units.iter().map(|unit| unit.info.clone()).collect()
}

#[test]
fn no_secret_in_etcd_is_shown() {
    let units = units();
    let all = format!("{units:?}");
    assert!(!all.contains("canary"), "in clear");
    for base64 in ["Y2FuYXJ5LXNlY3JldA", "Y2FuYXJ5LWFwcGxpZWQ", "Y2FuYXJ5LXNlYWxlZA"] {
        assert!(!all.contains(base64), "{base64}");
    }
    let secret = &said(&units, Side::Client, "etcd Put /registry/secrets/shop/mine")[0]["object"];
    assert_eq!((&secret["kind"], &secret["metadata"]["name"]), (&"Secret".into(), &"mine".into()));
    assert!(secret["data"]["password"].as_str().unwrap().starts_with("[redacted:"), "{secret}");
    let sealed = &said(&units, Side::Client, "etcd Put /registry/secrets/shop/sealed")[0];
    assert!(sealed["stored"].as_str().unwrap().starts_with("[encrypted at rest:"), "{sealed}");
}
