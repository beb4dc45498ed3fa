//! What failed is explained where it is opened, and a role is made from what a user did; both for administrators alone.

use super::{Room, room, unit};
use http::StatusCode;
use serde_json::{Value, json};
use store::{AuditOutcome, TrafficBody, TrafficContent, TrafficRetention, TrafficUnit};

/// One exchange: the request's line, the answer's status and content.
struct Told<'a> {
    user: Option<&'a str>,
    line: &'a str,
    status: u16,
    content: Option<&'a str>,
}

impl Room {
    /// Stores exchanges of three units each: the request, the answer's head, and its content. Gives the first's number.
    async fn store(&self, told: &[Told<'_>], keeps_bodies: bool) -> i64 {
        let store = &self.hub.api.store;
        let count = u32::try_from(told.len() * 3).unwrap();
        let mut append = store.traffic_append(count, 1).await.unwrap();
        let first = append.first_unit();
        let rows: Vec<_> =
            told.iter().zip((first..).step_by(3)).flat_map(|(told, at)| rows(told, at)).collect();
        append.units(&rows).await.unwrap();
        let hour = super::HOUR;
        let body_bytes_max = if keeps_bodies { 1 << 30 } else { 0 };
        let retention =
            TrafficRetention { kept: hour, bodies_kept: hour, units_max: 10_000, body_bytes_max };
        append.commit(model::Timestamp::now(), &retention).await.unwrap();
        first
    }
}

fn rows(told: &Told<'_>, at: i64) -> [(TrafficUnit, Option<TrafficBody>); 3] {
    let (method, path) = told.line.split_once(' ').unwrap();
    let call = wire::Call::parse(Some(method), Some(path));
    let part = |number: i64, from_client: bool| TrafficUnit {
        from_client,
        request: (number != at).then_some(at),
        user: told.user.map(str::to_owned),
        method: call.method.clone(),
        path: call.path.clone(),
        verb: call.verb.clone(),
        group: call.group.clone(),
        version: call.version.clone(),
        resource: call.resource.clone(),
        subresource: call.subresource.clone(),
        namespace: call.namespace.clone(),
        name: call.name.clone(),
        ..unit(number)
    };
    let body = |name: &str, value: &str, content: TrafficContent| TrafficBody {
        headers: vec![(Some(name.to_owned()), Some(value.to_owned()))],
        media_type: None,
        length: Some(1),
        content,
        cut: false,
    };
    let content =
        told.content.map_or(TrafficContent::None, |text| TrafficContent::Json(text.to_owned()));
    [
        (part(at, true), Some(body("accept", "*/*", TrafficContent::None))),
        (
            TrafficUnit { status: Some(told.status), latency_us: Some(7), ..part(at + 1, false) },
            Some(body("audit-id", "a-1", TrafficContent::None)),
        ),
        (part(at + 2, false), Some(body("x", "y", content))),
    ]
}

const DENIED: &str = r#"{"kind":"Status","reason":"Forbidden","code":403,"message":"pods is forbidden: User \"alice\" cannot list resource \"pods\" in API group \"\" in the namespace \"shop\""}"#;
const LIST: &str = "GET /api/v1/namespaces/shop/pods";

fn alice(line: &str, status: u16) -> Told<'_> {
    Told { user: Some("alice"), line, status, content: None }
}

#[tokio::test]
async fn what_failed_is_explained_in_each_unit_of_its_exchange() {
    let room = room().await;
    let first = room
        .store(&[Told { content: Some(DENIED), ..alice(LIST, 403) }, alice(LIST, 200)], true)
        .await;
    for number in first..first + 3 {
        let detail = room.get(&format!("/api/v1/traffic/units/{number}")).await;
        let found = &detail["explanation"];
        assert_eq!(found["cause"], "rbac_denied", "{detail}");
        let has = |name: &str, value: &str| {
            found["evidence"].as_array().unwrap().contains(&json!({ "name": name, "value": value }))
        };
        assert!(
            has("user", "alice") && has("resource", "pods") && has("audit_id", "a-1"),
            "{found}"
        );
        assert_eq!(found["commands"], json!(["kubectl auth can-i list pods -n shop --as alice"]));
    }
    let detail = room.get(&format!("/api/v1/traffic/units/{}", first + 4)).await;
    assert_eq!(detail["explanation"], Value::Null, "it went well");
}

#[tokio::test]
async fn an_explanation_says_when_the_content_is_gone() {
    let room = room().await;
    let first = room.store(&[Told { content: Some(DENIED), ..alice(LIST, 403) }], true).await;
    // The next batch is over the bound of bodies, and the oldest go.
    room.store(&[alice(LIST, 200)], false).await;
    let found = &room.get(&format!("/api/v1/traffic/units/{}", first + 1)).await["explanation"];
    assert_eq!(found["cause"], "forbidden", "{found}");
    assert_eq!(found["evidence"][0], json!({ "name": "unseen", "value": "removed" }));
}

#[tokio::test]
async fn a_watch_that_ended_badly_is_explained_where_it_says_so() {
    let room = room().await;
    let gone = r#"{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old resource version: 1 (9)"}}"#;
    let line = "GET /api/v1/pods?resourceVersion=1&watch=true";
    let first = room.store(&[Told { content: Some(gone), ..alice(line, 200) }], true).await;
    for number in first..first + 3 {
        let detail = room.get(&format!("/api/v1/traffic/units/{number}")).await;
        assert_eq!(detail["explanation"]["cause"], "version_expired", "{number}: {detail}");
    }
}

#[tokio::test]
async fn the_end_of_a_long_watch_is_explained_though_it_is_not_listed() {
    let room = room().await;
    let store = &room.hub.api.store;
    let mut append = store.traffic_append(150, 1).await.unwrap();
    let first = append.first_unit();
    let line = "GET /api/v1/pods?watch=true";
    let [head, answer, event] = rows(&alice(line, 200), first);
    let events = (first + 2..first + 150).map(|number| {
        let text = match number - first {
            149 => r#"{"type":"ERROR","object":{"kind":"Status","code":410,"message":"too old resource version: 1 (9)"}}"#,
            _ => r#"{"type":"ADDED","object":{"kind":"Pod"}}"#,
        };
        let content = TrafficContent::Json(text.to_owned());
        let body = event.1.clone().map(|body| TrafficBody { content, ..body });
        (TrafficUnit { number, ..event.0.clone() }, body)
    });
    let all: Vec<_> = [head, answer].into_iter().chain(events).collect();
    append.units(&all).await.unwrap();
    let hour = super::HOUR;
    let retention = TrafficRetention {
        kept: hour,
        bodies_kept: hour,
        units_max: 10_000,
        body_bytes_max: 1 << 30,
    };
    append.commit(model::Timestamp::now(), &retention).await.unwrap();
    let detail = async |number: i64| room.get(&format!("/api/v1/traffic/units/{number}")).await;
    let last = detail(first + 149).await;
    assert_eq!(last["exchange"].as_array().unwrap().len(), 100);
    assert_eq!(last["explanation"]["cause"], "version_expired", "{last}");
    assert_eq!(detail(first + 140).await["explanation"], Value::Null);
}

#[tokio::test]
async fn a_role_is_what_was_used_and_that_is_audited() {
    let room = room().await;
    let create = "POST /api/v1/namespaces/shop/secrets";
    let told = [
        alice(LIST, 200),
        alice(LIST, 200),
        alice(create, 403),
        alice("GET /version", 200),
        Told { user: Some("bob"), ..alice("GET /api/v1/nodes", 200) },
        Told { user: None, ..alice("GET /api/v1/nodes", 200) },
    ];
    room.store(&told, true).await;
    let role = room.get("/api/v1/traffic/role?user=alice").await;
    let right = |verb: &str, resource: &str, requests: u64| json!({ "namespace": "shop", "group": "", "resource": resource, "verb": verb, "requests": requests });
    assert_eq!(role["granted"], json!([right("list", "pods", 2)]));
    assert_eq!(role["denied"], json!([right("create", "secrets", 1)]));
    assert_eq!(role["of_everybody"], 1);
    let basis = &role["basis"];
    assert_eq!(
        (&basis["units"], &basis["requests"], &basis["unknown"]),
        (&json!(18), &json!(4), &json!(1))
    );
    let yaml = role["yaml"].as_str().unwrap();
    assert!(
        yaml.contains("kind: RoleBinding") && !yaml.contains("secrets") && !yaml.contains("nodes"),
        "{yaml}"
    );
    assert_eq!(role["diff"], Value::Null);
    let entry = &room.hub.audit("traffic.role").await[0].entry;
    assert_eq!((entry.actor.as_str(), entry.object.as_str()), ("root", "user/alice"));
    assert_eq!(entry.outcome, AuditOutcome::Allowed);

    let nobody = room.get("/api/v1/traffic/role?user=carol").await;
    assert_eq!((&nobody["yaml"], &nobody["basis"]["requests"]), (&json!(""), &json!(0)));
    for path in ["role?user=", "role?user=%20", "role"] {
        let (status, problem) =
            room.admin.get(&room.router, &format!("/api/v1/traffic/{path}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}: {problem}");
    }
}

#[tokio::test]
async fn a_role_is_compared_with_what_is_held() {
    let room = room().await;
    room.store(&[alice(LIST, 200)], true).await;
    let held = json!({ "kind": "Role", "metadata": { "namespace": "shop" }, "rules": [
        { "apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"] },
    ] });
    let path = "/api/v1/traffic/role?user=alice";
    let ask = async |held: &str| room.admin.post(&room.router, path, json!({ "held": held })).await;
    let (status, role) = ask(&held.to_string()).await;
    assert_eq!(status, StatusCode::OK, "{role}");
    let unused = json!([{ "namespace": "shop", "group": "", "resource": "pods", "verb": "get" }]);
    assert_eq!(role["diff"], json!({ "missing": [], "unused": unused, "wider": [], "cut": false }));
    let (status, problem) = ask("{}").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(problem["detail"].as_str().unwrap().starts_with("`held`: "), "{problem}");

    let mallory = room.hub.browser("mallory", &["ops"], "one").await;
    let (status, _) = mallory.post(&room.router, path, json!({ "held": held.to_string() })).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(
        room.hub.audit("traffic.role").await.len(),
        1,
        "neither a refusal nor a fault is a look"
    );
}
