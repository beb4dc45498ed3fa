//! The traffic room's handlers: a capture goes in, units come out, and who may not see them does not.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "a suite of tests")]

#[path = "room/agents.rs"]
mod agents;
#[path = "../../workspaces/tests/support/mod.rs"]
mod support;
#[path = "room/understanding.rs"]
mod understanding;

use authn::TokenAdmins;
use axum::Router;
use axum::body::Body;
use axum::extract::FromRef;
use http::StatusCode;
use http_api::{Clock, HttpApi};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;
use store::{AuditOutcome, TrafficRetention};
use support::double::Double;
use support::{Browser, Hub, hub};
use tokio_util::sync::CancellationToken;
use traffic::{Format, Input, Job, Traffic};

#[derive(Clone)]
struct State {
    api: HttpApi,
    traffic: Traffic,
}
impl FromRef<State> for HttpApi {
    fn from_ref(state: &State) -> Self {
        state.api.clone()
    }
}
impl FromRef<State> for Traffic {
    fn from_ref(state: &State) -> Self {
        state.traffic.clone()
    }
}

const HOUR: Duration = Duration::from_secs(3600);

struct Room {
    hub: Hub,
    traffic: Traffic,
    router: Router,
    admin: Browser,
    stop: CancellationToken,
}

async fn room() -> Room {
    room_with(Clock::of_the_machine()).await
}

async fn room_with(clock: Clock) -> Room {
    let mut hub = hub(vec![Double::default().cluster("one")]).await;
    hub.api.clock = clock;
    hub.api.token_admins =
        TokenAdmins::of_home(Some("one".parse().unwrap()), "sallyport:admins".to_owned());
    let retention = TrafficRetention {
        kept: 24 * HOUR,
        bodies_kept: HOUR,
        units_max: 100_000,
        body_bytes_max: 1 << 30,
    };
    let stop = CancellationToken::new();
    let traffic = Traffic::new(hub.api.clone(), retention, stop.clone());
    let state = State { api: hub.api.clone(), traffic: traffic.clone() };
    let (router, _) = traffic::router::<State>().split_for_parts();
    let router = http_api::fortify(router, &hub.api).with_state(state);
    let admin = hub.browser("root", &["sallyport:admins"], "one").await;
    Room { hub, traffic, router, admin, stop }
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../wire/tests/goldens").join(name)
}

impl Room {
    async fn upload(&self, name: &str) -> Value {
        let capture = std::fs::read(golden(name)).unwrap();
        let path = format!("/api/v1/traffic/captures?name={name}");
        let (status, done) = self.admin.upload(&self.router, &path, Body::from(capture)).await;
        assert_eq!(status, StatusCode::CREATED, "{done}");
        done
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = self.admin.get(&self.router, path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }
}

fn items(page: &Value) -> &Vec<Value> {
    page["items"].as_array().unwrap()
}

/// What the command line prints of the same capture.
fn lines(name: &str) -> Vec<Value> {
    let job = Job {
        inputs: vec![Input::File(golden(name))],
        keys: Vec::new(),
        filter: None,
        redaction_key: [3; 32],
        record: None,
    };
    let mut output = Vec::new();
    traffic::decode(&job, Format::Json, &mut output, &mut Vec::new()).unwrap();
    String::from_utf8(output)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn a_capture_is_stored_unit_by_unit_as_the_command_line_decodes_it() {
    let room = room().await;
    // An earlier one, so that numbers of the decoder and of the store differ.
    room.upload("go-tls12-ecdsa-aes128-h1.pcapng").await;
    let before = room.get("/api/v1/traffic/units").await["newest"].as_i64().unwrap();
    let name = "go-tls13-h2.pcapng";
    let done = room.upload(name).await;
    assert_eq!((&done["requests"], &done["fault"]), (&json!(7), &Value::Null));
    assert_eq!(done["decryption"], json!([{ "state": "decrypted", "connections": 1 }]));

    let lines = lines(name);
    let expected: Vec<&Value> = lines.iter().filter(|line| line["type"] == "unit").collect();
    assert_eq!(done["units"], expected.len());
    let page = room.get("/api/v1/traffic/units?limit=500&filter=protocol%20!=%20x").await;
    let stored: Vec<&Value> = items(&page)
        .iter()
        .rev()
        .filter(|unit| unit["number"].as_i64().unwrap() > before)
        .collect();
    assert_eq!(stored.len(), expected.len());
    for (unit, line) in stored.iter().zip(expected) {
        for field in [
            "side",
            "source",
            "destination",
            "protocol",
            "length",
            "info",
            "stream",
            "status",
            "latency_us",
        ] {
            assert_eq!(unit[field], line[field], "{field} of {line}");
        }
        for field in ["verb", "resource", "namespace", "name", "path"] {
            assert_eq!(unit[field], line["call"][field], "{field} of {line}");
        }
        let number = |value: &Value| value.as_i64().map(|number| number + before);
        assert_eq!(unit["number"].as_i64(), number(&line["number"]));
        assert_eq!(unit["request"].as_i64(), number(&line["request"]));
        assert_eq!(unit["connection"], 2);
    }
    let connections = room.get("/api/v1/traffic/connections").await;
    let report = &items(&connections)[0];
    let line = lines.iter().find(|line| line["type"] == "connection").unwrap();
    for field in ["client", "server", "decryption", "requests", "late", "missing", "wire"] {
        assert_eq!(report[field], line[field], "{field}");
    }
    assert_eq!(report["tls"]["suite"], line["tls"]["suite"]);
}

#[tokio::test]
async fn a_unit_opens_with_its_content_and_its_exchange_and_that_is_audited() {
    let room = room().await;
    room.upload("go-tls13-h2.pcapng").await;
    let page = room.get("/api/v1/traffic/units?filter=status%20==%20404").await;
    let answer = &items(&page)[0];
    assert_eq!(answer["verb"], "delete");
    assert_eq!(room.hub.audit("traffic.read").await.len(), 0, "a list is no opening");
    let number = &answer["number"];
    let detail = room.get(&format!("/api/v1/traffic/units/{number}")).await;
    assert_eq!(&detail["unit"], answer);
    assert_eq!(detail["exchange"][0]["number"], answer["request"]);
    assert!(detail["exchange"].as_array().unwrap().contains(answer));
    assert!(detail["headers"].as_array().unwrap().contains(&json!([":status", "404"])));
    assert_eq!(detail["connection"]["decryption"], "decrypted");
    let read = &room.hub.audit("traffic.read").await[0].entry;
    assert_eq!((read.actor.as_str(), &read.object), ("root", &format!("unit/{number}")));
    assert_eq!(read.outcome, AuditOutcome::Allowed);

    let list = room.get("/api/v1/traffic/units?filter=verb==list%20and%20side==server").await;
    let mut forms = Vec::new();
    for unit in items(&list) {
        let detail = room.get(&format!("/api/v1/traffic/units/{}", unit["number"])).await;
        let content = &detail["content"];
        if content["form"] == "json" {
            serde_json::from_str::<Value>(content["text"].as_str().unwrap()).unwrap();
            forms.push(content["form"].clone());
        }
    }
    assert!(!forms.is_empty(), "{list}");
    let (status, problem) = room.admin.get(&room.router, "/api/v1/traffic/units/99999").await;
    assert_eq!((status, &problem["code"]), (StatusCode::NOT_FOUND, &json!("not_found")));
}

#[tokio::test]
async fn agents_are_listed_as_they_were_heard_and_whether_any_is_listened_to() {
    let room = room().await;
    let agents = async || room.get("/api/v1/traffic/agents").await;
    assert_eq!(agents().await, json!({ "items": [], "listens": false }));
    drop(traffic::agents_router(&room.traffic));
    let status = json!({
        "cluster": "one", "node": "node-1", "began_at": "2026-01-31T12:00:00Z", "capturing": true,
        "sources": ["/usr/bin/kube-apiserver"], "ports": [6443], "packets": 9, "dropped": 2, "secrets": 4,
        "secrets_lost": 0, "units": 5, "units_lost": 1, "units_refused": 1, "waiting_bytes": 0,
        "waiting_bytes_max": 1024, "lag_ms": 7,
    });
    let (cluster, store) = ("one".parse().unwrap(), &room.hub.api.store);
    let now = room.hub.api.clock.now();
    for (node, status) in
        [("node-1", status.to_string()), ("node-2", "of another version".to_owned())]
    {
        store.traffic_agent_heard(&cluster, &node.parse().unwrap(), &status, now).await.unwrap();
    }
    let told = agents().await;
    assert_eq!(told["listens"], true);
    let [first, second] = &items(&told)[..] else { panic!("{told}") };
    assert_eq!((&first["node"], &first["state"]), (&json!("node-1"), &json!("connected")));
    assert_eq!(
        (&first["status"]["dropped"], &first["status"]["units_lost"]),
        (&json!(2), &json!(2))
    );
    assert_eq!((&second["state"], &second["status"]), (&json!("connected"), &Value::Null));
}

#[tokio::test]
async fn only_administrators_see_or_add_anything() {
    let room = room().await;
    room.upload("go-tls13-h2.pcapng").await;
    let mallory = room.hub.browser("mallory", &["ops"], "one").await;
    for path in ["units", "units/1", "live", "summary", "connections", "agents", "role?user=alice"]
    {
        let (status, problem) = mallory.get(&room.router, &format!("/api/v1/traffic/{path}")).await;
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::FORBIDDEN, &json!("not_admin")),
            "{path}"
        );
    }
    let path = "/api/v1/traffic/captures?name=x";
    let (status, _) = mallory.upload(&room.router, path, Body::from("x")).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let denied = room.hub.audit("request").await;
    assert_eq!(denied.len(), 8);
    assert!(denied.iter().all(|record| record.entry.outcome == AuditOutcome::Denied));
}

#[tokio::test]
async fn what_is_no_capture_no_filter_or_no_number_is_refused_by_name() {
    let room = room().await;
    for (path, body, said) in [
        (
            "captures?name=page.html",
            "<html>",
            "`page.html`, at byte 0: not a pcap or pcapng capture",
        ),
        ("captures?name=empty", "", "has no packets"),
        ("captures?name=%20", "x", "needs a name"),
        ("captures?name=x&keys_bytes=99999999999", "x", "keys_bytes"),
        ("captures", "x", "name"),
    ] {
        let path = format!("/api/v1/traffic/{path}");
        let (status, problem) = room.admin.upload(&room.router, &path, Body::from(body)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(said), "{problem}");
    }
    let long = format!("units?filter={}", "x".repeat(1001));
    for (path, said) in [
        ("units?filter=status%20==%20abc", "expected a number\n  status == abc\n            ^"),
        ("live?filter=(", "expected a comparison"),
        ("summary?filter=colour%20==%20red", "no field `colour`"),
        (long.as_str(), "longer than"),
        ("units?limit=0", "`limit`"),
        ("units?limit=501", "`limit`"),
        ("summary?minutes=0", "`minutes`"),
        ("units?q=x", "q"),
        ("units/x", "x"),
    ] {
        let (status, problem) =
            room.admin.get(&room.router, &format!("/api/v1/traffic/{path}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(said), "{path}: {problem}");
    }
}

#[tokio::test]
async fn a_capture_that_breaks_off_is_stored_up_to_there_and_says_so() {
    let room = room().await;
    let whole = std::fs::read(golden("go-tls13-h2.pcapng")).unwrap();
    let cut = Body::from(whole[..whole.len() - 150].to_vec());
    let (status, done) =
        room.admin.upload(&room.router, "/api/v1/traffic/captures?name=cut", cut).await;
    assert_eq!(status, StatusCode::CREATED);
    assert!(done["fault"].as_str().unwrap().contains("ends in the middle"), "{done}");
    assert!(!items(&room.get("/api/v1/traffic/units?filter=status==200").await).is_empty());

    // A sender that leaves: what it sent is stored, and the next capture finds a free seat.
    let newest = room.get("/api/v1/traffic/units").await["newest"].as_i64().unwrap();
    let pieces =
        [Ok(bytes::Bytes::from(whole[..8000].to_vec())), Err(std::io::Error::other("gone"))];
    let broken = Body::from_stream(futures_util::stream::iter(pieces));
    let (status, problem) =
        room.admin.upload(&room.router, "/api/v1/traffic/captures?name=gone", broken).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{problem}");
    assert!(room.get("/api/v1/traffic/units").await["newest"].as_i64().unwrap() > newest);
    room.upload("go-tls13-h1.pcapng").await;
}

#[tokio::test]
async fn keys_before_the_capture_open_it() {
    let room = room().await;
    // The same capture without the secrets it carries, and these as a key log.
    let (keys, capture) = apart(&std::fs::read(golden("go-tls13-h2.pcapng")).unwrap());
    let sealed = room
        .admin
        .upload(&room.router, "/api/v1/traffic/captures?name=sealed", Body::from(capture.clone()))
        .await
        .1;
    assert_eq!(sealed["decryption"], json!([{ "state": "no_key", "connections": 1 }]));
    assert_eq!(sealed["requests"], 0);
    let path = format!("/api/v1/traffic/captures?name=opened&keys_bytes={}", keys.len());
    let body = Body::from([keys, capture].concat());
    let (status, opened) = room.admin.upload(&room.router, &path, body).await;
    assert_eq!(status, StatusCode::CREATED, "{opened}");
    assert_eq!(opened["decryption"], json!([{ "state": "decrypted", "connections": 1 }]));
    assert_eq!(opened["requests"], 7);
    let closed = room.get("/api/v1/traffic/connections?decryption=no_key").await;
    assert_eq!(items(&closed).len(), 1);
    assert_eq!(closed["by_decryption"].as_array().unwrap().len(), 2);
}

/// Parts the Decryption Secrets Blocks of a little-endian pcapng from the rest.
fn apart(capture: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut keys, mut rest) = (Vec::new(), Vec::new());
    let mut at = 0;
    let number = |at: usize| u32::from_le_bytes(capture[at..at + 4].try_into().unwrap()) as usize;
    while at < capture.len() {
        let (kind, length) = (number(at), number(at + 4));
        match kind {
            0xa => keys.extend_from_slice(&capture[at + 16..at + 16 + number(at + 12)]),
            _ => rest.extend_from_slice(&capture[at..at + length]),
        }
        at += length;
    }
    assert!(!keys.is_empty());
    (keys, rest)
}

/// The token of the fixtures' client, and the Secret it writes and reads: `wire/tests/goldens/peer`.
const CANARIES: [&str; 2] = ["canary-token", "Y2FuYXJ5"];

#[tokio::test]
async fn no_secret_of_a_capture_reaches_the_database_or_an_answer() {
    let room = room().await;
    for file in std::fs::read_dir(golden("")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".pcapng") {
            room.upload(&name).await;
        }
    }
    let page = room.get("/api/v1/traffic/units?limit=500").await;
    assert!(items(&page).len() > 100);
    let mut shown = page.to_string();
    for unit in items(&page) {
        shown += &room.get(&format!("/api/v1/traffic/units/{}", unit["number"])).await.to_string();
    }
    assert!(shown.contains("[redacted:"), "there was something to redact");
    room.hub.api.store.close().await;
    let mut stored = Vec::new();
    for file in std::fs::read_dir(room.hub.directory()).unwrap() {
        stored.extend(std::fs::read(file.unwrap().path()).unwrap());
    }
    assert!(stored.windows(10).any(|part| part == b"[redacted:"), "the database was looked at");
    for canary in CANARIES {
        assert!(!shown.contains(canary), "{canary} was shown");
        let found = stored.windows(canary.len()).any(|part| part == canary.as_bytes());
        assert!(!found, "{canary} is in the database");
    }
}

#[tokio::test]
async fn what_is_stored_is_told_as_it_happens_and_only_what_is_wanted() {
    let room = room().await;
    room.upload("go-tls13-h1.pcapng").await;
    let path = "/api/v1/traffic/live?filter=status%20%3E=%20400";
    let mut events = room.admin.events(&room.router, path).await.unwrap();
    let snapshot = events.named("snapshot").await;
    assert_eq!(items(&snapshot).len(), 1, "{snapshot}");
    assert_eq!(room.hub.audit("traffic.follow").await.len(), 1);
    let before = std::time::Instant::now();
    room.upload("go-tls13-h2.pcapng").await;
    let news = events.named("units").await;
    assert_eq!(items(&news).len(), 1, "{news}");
    assert_eq!(items(&news)[0]["status"], 404);
    assert!(items(&news)[0]["number"].as_i64() > snapshot["newest"].as_i64());
    assert!(before.elapsed() < Duration::from_secs(10));
    room.hub.sign_out(&room.admin).await;
    assert!(events.next().await.is_none(), "it ends with the sign-in");
    room.stop.cancel();
    room.traffic.drained().await;
}

#[tokio::test]
async fn who_falls_behind_gets_a_new_snapshot_instead_of_a_gap() {
    let room = room().await;
    let mut events = room.admin.events(&room.router, "/api/v1/traffic/live").await.unwrap();
    assert_eq!(items(&events.named("snapshot").await).len(), 0);
    // More in one batch than a message takes.
    let store = &room.hub.api.store;
    let retention =
        TrafficRetention { kept: HOUR, bodies_kept: HOUR, units_max: 10_000, body_bytes_max: 1 };
    let mut append = store.traffic_append(512, 0).await.unwrap();
    let rows: Vec<_> = (0..512).map(|nth| (unit(append.first_unit() + nth), None)).collect();
    append.units(&rows).await.unwrap();
    append.commit(model::Timestamp::now(), &retention).await.unwrap();
    let (name, told) = events.next().await.unwrap();
    assert_eq!((name.as_str(), items(&told).len()), ("snapshot", 200));
    assert_eq!((&told["newest"], &told["next_before"]), (&json!(512), &json!(313)));
}

fn unit(number: i64) -> store::TrafficUnit {
    store::TrafficUnit {
        number,
        at: model::Timestamp::from_micros(number),
        connection: 1,
        from_client: true,
        source: "10.0.0.9:40000".parse().unwrap(),
        destination: "10.0.0.1:6443".parse().unwrap(),
        protocol: "TLS".to_owned(),
        length: 1,
        info: "ClientHello".to_owned(),
        stream: None,
        request: None,
        user: None,
        method: None,
        path: None,
        verb: None,
        group: None,
        version: None,
        resource: None,
        subresource: None,
        namespace: None,
        name: None,
        status: None,
        latency_us: None,
    }
}

#[tokio::test]
async fn a_summary_tells_answers_errors_and_latencies() {
    let room = room().await;
    let none = room.get("/api/v1/traffic/summary").await;
    assert_eq!((&none["answers"], &none["to"]), (&json!(0), &Value::Null));
    room.upload("go-tls13-h2.pcapng").await;
    let summary = room.get("/api/v1/traffic/summary?minutes=1440").await;
    assert_eq!((&summary["answers"], &summary["client_errors"]), (&json!(7), &json!(1)));
    assert!(summary["latency_us"]["p99"].as_u64() >= summary["latency_us"]["p50"].as_u64());
    assert_eq!(summary["pieces"].as_array().unwrap().len(), 60);
    let named = |name: &str| {
        summary["resources"].as_array().unwrap().iter().any(|count| count["name"] == name)
    };
    assert!(named("list pods") && named("create secrets"), "{summary}");
    let wanted = room.get("/api/v1/traffic/summary?minutes=1440&filter=verb==delete").await;
    assert_eq!((&wanted["answers"], &wanted["client_errors"]), (&json!(1), &json!(1)));
}

/// The numbers of a capture's units that a filter wants, as the command line says.
fn decoded(name: &str, filter: &str) -> Vec<i64> {
    let job = Job {
        inputs: vec![Input::File(golden(name))],
        keys: Vec::new(),
        filter: Some(filter.parse().unwrap()),
        redaction_key: [3; 32],
        record: None,
    };
    let mut output = Vec::new();
    traffic::decode(&job, Format::Json, &mut output, &mut Vec::new()).unwrap();
    let lines = output.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let lines = lines.map(|line| serde_json::from_slice::<Value>(line).unwrap());
    lines.filter(|line| line["type"] == "unit").map(|it| it["number"].as_i64().unwrap()).collect()
}

/// Filters of any form over values that occur, and some that do not. Not `user`: on the command line only
/// requests have one.
fn filters() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::*;
    let number = (
        prop::sample::select(vec![
            "number",
            "connection",
            "stream",
            "port",
            "length",
            "status",
            "latency_ms",
        ]),
        prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">=", "~"]),
        prop::sample::select(vec!["0", "1", "5", "20", "200", "404", "18446744073709551615"]),
    );
    let text = (
        prop::sample::select(vec![
            "side",
            "source",
            "destination",
            "protocol",
            "info",
            "method",
            "path",
            "verb",
            "group",
            "resource",
            "subresource",
            "namespace",
            "name",
        ]),
        prop::sample::select(vec!["==", "!=", "<", ">=", "~"]),
        prop::sample::select(vec![
            "client",
            "127.0.0.1",
            "HTTP/2",
            "headers",
            "'HEADERS[1]: 200 OK'",
            "get",
            "LIST",
            "pods",
            "secrets",
            "shop",
            "%",
            "_",
            "web-9",
            "''",
            "\"it's\"",
            "\\",
        ]),
    );
    let header = prop::sample::select(vec![
        "header ~ json",
        "header ~ 'content-type: application/json'",
        "header != ':method: GET'",
        "header == ':status: 404'",
        "forbidden",
        "'200 ok'",
    ]);
    let one = prop_oneof![
        number.prop_map(|(field, sign, value)| format!("{field} {sign} {value}")),
        text.prop_map(|(field, sign, value)| format!("{field} {sign} {value}")),
        header.prop_map(str::to_owned),
    ];
    one.prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|filter| format!("not ({filter})")),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("({one} and {other})")),
            (inner.clone(), inner).prop_map(|(one, other)| format!("({one} or {other})")),
        ]
    })
}

#[test]
fn a_filter_means_in_the_room_what_it_means_on_the_command_line() {
    let name = "go-tls13-h2.pcapng";
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let room = runtime.block_on(async {
        let room = room().await;
        room.upload(name).await;
        room
    });
    let config = proptest::test_runner::Config { failure_persistence: None, ..Default::default() };
    proptest::proptest!(config, |(filter in filters())| {
        let coded: String = filter.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let path = format!("/api/v1/traffic/units?limit=500&filter={coded}");
        let page = runtime.block_on(room.get(&path));
        let numbers = items(&page).iter().rev().map(|unit| unit["number"].as_i64().unwrap());
        proptest::prop_assert_eq!(numbers.collect::<Vec<_>>(), decoded(name, &filter));
    });
}
