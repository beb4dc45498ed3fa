//! The posture room's handlers: a cluster is scanned, what was found is told and compared, somebody answers for it, and
//! who may not see it does not.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "a suite of tests")]

#[path = "../../workspaces/tests/support/mod.rs"]
mod support;

#[path = "room/exceptions.rs"]
mod exceptions;

use authn::TokenAdmins;
use axum::Router;
use axum::extract::FromRef;
use http::{Method, StatusCode};
use http_api::HttpApi;
use scanner::{Posture, PostureSettings};
use serde_json::{Value, json};
use sqlx::Connection as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::{AuditOutcome, PostureBegin};
use support::double::{Double, status};
use support::{Browser, Hub, hub};
use tokio_util::sync::CancellationToken;

#[derive(Clone)]
struct State {
    api: HttpApi,
    posture: Posture,
}
impl FromRef<State> for HttpApi {
    fn from_ref(state: &State) -> Self {
        state.api.clone()
    }
}
impl FromRef<State> for Posture {
    fn from_ref(state: &State) -> Self {
        state.posture.clone()
    }
}

const DAY: Duration = Duration::from_secs(24 * 3600);
const PATIENCE: Duration = Duration::from_secs(60);

/// What the double answers first: a status by the end of a path.
type Answers = Arc<Mutex<Vec<(String, u16, Value)>>>;

struct Room {
    hub: Hub,
    posture: Posture,
    router: Router,
    admin: Browser,
    answers: Answers,
    stop: CancellationToken,
}

fn pods() -> Value {
    let pod = |name: &str, spec: Value| json!({ "metadata": { "name": name, "namespace": "shop", "uid": name }, "spec": spec });
    json!({ "metadata": {}, "items": [
        pod("open", json!({ "hostPID": true, "containers": [
            { "name": "a", "image": "a:1", "securityContext": { "privileged": true } }
        ] })),
        pod("<b>odd</b>", json!({ "containers": [{ "name": "a", "image": "a:1" }] })),
    ] })
}

async fn room(every: Option<Duration>) -> Room {
    let answers = Answers::default();
    let rule = Arc::clone(&answers);
    let double = Double::default()
        .with("/version", json!({ "major": "1", "minor": "36", "gitVersion": "v1.36.0", "gitCommit": "", "gitTreeState": "", "buildDate": "", "goVersion": "", "compiler": "", "platform": "" }))
        .with("/api/v1/namespaces", json!({ "metadata": {}, "items": [{ "metadata": { "name": "shop", "uid": "shop" } }] }))
        .with("/api/v1/pods", pods())
        .intercepting(move |seen| {
            let answers = rule.lock().unwrap();
            let answer = answers.iter().rev().find(|(end, _, _)| seen.path.ends_with(end.as_str()));
            answer.map(|(_, code, body)| (*code, body.clone()))
        });
    let mut hub = hub(vec![double.cluster("one"), Double::default().cluster("two")]).await;
    hub.api.token_admins =
        TokenAdmins::of_home(Some("one".parse().unwrap()), "sallyport:admins".to_owned());
    let stop = CancellationToken::new();
    let settings = PostureSettings { every, kept: 90 * DAY };
    let posture = Posture::new(hub.api.clone(), settings, stop.clone());
    let state = State { api: hub.api.clone(), posture: posture.clone() };
    let (router, _) = scanner::router::<State>().split_for_parts();
    let router = http_api::fortify(router, &hub.api).with_state(state);
    let admin = hub.browser("root", &["sallyport:admins"], "one").await;
    Room { hub, posture, router, admin, answers, stop }
}

const ONE: &str = "/api/v1/posture/clusters/one";

impl Room {
    async fn get(&self, path: &str) -> Value {
        let (status, body) = self.admin.get(&self.router, &format!("{ONE}{path}")).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    fn answer(&self, end: &str, code: u16, body: Value) {
        self.answers.lock().unwrap().push((end.to_owned(), code, body));
    }

    fn refuse(&self, end: &str) {
        self.answer(end, 403, status(403, "Forbidden", "the hub may not"));
    }

    /// Asks for a scan and waits until it has ended; gives the scan.
    async fn scan(&self) -> Value {
        let path = format!("{ONE}/scans");
        let (status, begun) = self.admin.call(&self.router, Method::POST, &path, None).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{begun}");
        self.ended(&begun["number"]).await
    }

    async fn ended(&self, number: &Value) -> Value {
        let waiting = async {
            loop {
                let scans = self.get("/scans").await;
                let scan = scans["items"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .find(|scan| scan["number"] == *number);
                if let Some(scan) = scan.filter(|scan| scan["state"] != "running") {
                    return scan.clone();
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("a scan ends")
    }

    /// Runs a statement past the store.
    async fn raw(&self, sql: &'static str) {
        let file = self.hub.directory().join("sallyport.db");
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
        let options = options.busy_timeout(Duration::from_secs(5));
        let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    }

    async fn findings(&self, query: &str) -> Vec<Value> {
        self.get(&format!("/findings?{query}")).await["items"].as_array().unwrap().clone()
    }
}

#[tokio::test]
async fn a_scan_is_made_kept_and_told() {
    let room = room(None).await;
    let (status, _) = room.admin.get(&room.router, ONE).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "nothing was scanned yet");
    let scan = room.scan().await;
    assert_eq!((&scan["state"], &scan["asked_by"]), (&json!("done"), &json!("root")));
    assert!(scan["objects"].as_u64().unwrap() >= 3, "{scan}");

    let privileged = room.findings("check=privileged-container").await;
    assert_eq!(privileged.len(), 1, "{privileged:?}");
    let found = &privileged[0];
    assert_eq!(found["object"], "Pod/shop/open");
    assert_eq!(found["path"], "spec.containers[0].securityContext.privileged");
    assert_eq!((&found["value"], &found["verdict"]), (&json!("true"), &json!("fail")));
    let detail = room.get(&format!("/findings/{}?language=ko", found["number"])).await;
    assert!(detail["check"]["why"].as_str().unwrap().chars().any(|c| ('가'..='힣').contains(&c)));
    assert!(detail["others"].as_array().unwrap().iter().any(|other| other["check"] == "host-pid"));
    assert!(
        detail["check"]["mappings"].as_array().unwrap().iter().any(|each| each["control"] == "E6")
    );

    let overview = room.get("").await;
    let threats = overview["threats"].as_array().unwrap();
    assert_eq!(threats.len(), 10);
    let escape = threats.iter().find(|threat| threat["id"] == "E6").unwrap();
    assert!(escape["open"].as_u64().unwrap() > 0 && escape["worst"] == "critical", "{escape}");
    // What a scan of the cluster does not see is no pass.
    let etcd = threats.iter().find(|threat| threat["id"] == "E2").unwrap();
    assert_eq!(
        (&etcd["passed"], &etcd["open"], &etcd["unknown"]),
        (&json!(0), &json!(0), &json!(0))
    );
    assert!(escape["passed"].as_u64().unwrap() > 0);
    // The score can be reckoned again from its terms.
    let terms = overview["terms"].as_array().unwrap();
    let sum = |of: &str| -> u64 {
        terms.iter().map(|term| term["weight"].as_u64().unwrap() * term[of].as_u64().unwrap()).sum()
    };
    for term in terms {
        let factors =
            ["impact", "reach_factor", "path_factor"].map(|of| term[of].as_u64().unwrap());
        assert_eq!(term["weight"], factors.iter().product::<u64>(), "{term}");
    }
    let (passed, open, unknown) = (sum("passed"), sum("open"), sum("unknown"));
    assert_eq!(overview["score"]["value"], passed * 100 / (passed + open));
    assert_eq!(overview["score"]["least"], passed * 100 / (passed + open + unknown));
    assert_eq!(scan["score"], overview["score"]);

    // Pages, the heaviest first, and every filter.
    let all = room.findings("limit=500").await;
    let weights: Vec<u64> = all.iter().map(|each| each["weight"].as_u64().unwrap()).collect();
    assert!(weights.is_sorted_by(|a, b| a >= b), "{weights:?}");
    let (mut paged, mut after) = (0, String::new());
    loop {
        let page = room.get(&format!("/findings?limit=7{after}")).await;
        paged += page["items"].as_array().unwrap().len();
        match page["next_after"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(paged, all.len());
    for (query, holds) in [
        (
            "severity=critical,high",
            &(|each: &Value| each["severity"] == "critical" || each["severity"] == "high")
                as &dyn Fn(&Value) -> bool,
        ),
        ("verdict=fail&namespace=shop", &|each| {
            each["verdict"] == "fail" && each["namespace"] == "shop"
        }),
        ("kind=Pod&standing=open", &|each| each["kind"] == "Pod" && each["exception"].is_null()),
        ("object=Pod/shop/open", &|each| each["object"] == "Pod/shop/open"),
        ("q=HOSTPID", &|each| {
            each["path"].as_str().unwrap().contains("hostPID") || each["check"] == "host-pid"
        }),
        ("framework=checkov&control=CKV_K8S_17", &|each| each["check"] == "host-pid"),
    ] {
        let some = room.findings(&format!("limit=500&{query}")).await;
        assert!(!some.is_empty() && some.len() < all.len(), "{query}");
        assert!(some.iter().all(holds), "{query}: {some:?}");
    }
    let korean = room.findings("language=ko&check=host-pid").await;
    assert_ne!(korean[0]["title"], room.findings("check=host-pid").await[0]["title"]);

    let paths = room.get("/paths").await;
    assert_eq!(paths["paths"].as_array().unwrap().len(), 2);
    assert!(paths["starts"].as_array().unwrap().contains(&json!("Pod/shop/open")), "{paths}");
    let from = room.get("/paths?from=Pod/shop/open").await;
    assert!(
        from["paths"]
            .as_array()
            .unwrap()
            .iter()
            .any(|path| path["to"] == "node-root" && !path["hops"].as_array().unwrap().is_empty())
    );
    let (status, _) =
        room.admin.get(&room.router, &format!("{ONE}/paths?from=Pod/shop/none")).await;
    assert_eq!(status, StatusCode::NOT_FOUND);

    assert_eq!(room.hub.audit("posture.scan").await.len(), 1);
}

#[tokio::test]
async fn what_comes_and_goes_is_told_and_what_cannot_be_read_is_not_gone() {
    let room = room(None).await;
    room.scan().await;
    let before = room.findings("limit=500&verdict=fail&kind=Pod").await.len();
    assert!(before > 0);

    // The list of Pods is refused: what was open is not gone, and it is said which kind was not seen.
    room.refuse("/pods");
    let scan = room.scan().await;
    assert_eq!(scan["state"], "done", "{scan}");
    let overview = room.get("").await;
    assert_eq!(overview["unseen"], json!(["Pod"]));
    let doubtful = room.findings("limit=500&verdict=fail&kind=Pod").await;
    assert_eq!(doubtful.len(), before);
    assert!(doubtful.iter().all(|each| each["unconfirmed_scan"] == scan["number"]));
    assert!(
        room.findings("verdict=unknown&kind=Pod&limit=1").await[0]["reason"]
            .as_str()
            .unwrap()
            .contains("refused")
    );
    assert!(room.findings("change=gone&kind=Pod").await.is_empty());

    // A list that breaks off says no more than a refused one.
    room.answer("/pods", 500, status(500, "InternalError", "it broke"));
    let scan = room.scan().await;
    assert_eq!(scan["unconfirmed"], before, "{scan}");
    assert!(!room.get("").await["failures"].as_array().unwrap().is_empty());

    // One Pod is mended and another comes.
    let mut mended = pods();
    mended["items"][0]["spec"]["hostPID"] = json!(false);
    mended["items"].as_array_mut().unwrap().push(json!({
        "metadata": { "name": "new", "namespace": "shop", "uid": "new" },
        "spec": { "hostPID": true, "containers": [{ "name": "a", "image": "a:1" }] },
    }));
    room.answer("/pods", 200, mended);
    room.scan().await;
    let gone = room.findings("change=gone&check=host-pid").await;
    assert_eq!(gone.len(), 1);
    assert_eq!(
        (&gone[0]["object"], gone[0]["closed_at"].is_string()),
        (&json!("Pod/shop/open"), true)
    );
    let new = room.findings("change=new&check=host-pid").await;
    assert_eq!(
        (new.len(), &new[0]["object"], &new[0]["returned"]),
        (1, &json!("Pod/shop/new"), &json!(false))
    );
    let detail = room.get(&format!("/findings/{}", gone[0]["number"])).await;
    assert_eq!(detail["finding"]["number"], gone[0]["number"]);

    // What was mended comes back.
    room.answer("/pods", 200, pods());
    room.scan().await;
    let back = room.findings("change=new&check=host-pid").await;
    assert_eq!((&back[0]["object"], &back[0]["returned"]), (&json!("Pod/shop/open"), &json!(true)));
}

#[tokio::test]
async fn a_scan_that_cannot_be_made_says_why_and_leaves_what_is_known() {
    let room = room(None).await;
    room.answer("/version", 0, Value::Null);
    let scan = room.scan().await;
    assert_eq!((&scan["state"], &scan["fault"]), (&json!("failed"), &json!("cluster_unreachable")));
    // Who is not known is not who may not, and what the cluster says of it is harmless to read.
    room.answer("/version", 401, status(401, "Unauthorized", "expired\u{1b}[31m\u{7}"));
    let scan = room.scan().await;
    assert_eq!((&scan["state"], &scan["fault"]), (&json!("failed"), &json!("hub_refused")));
    let detail = scan["detail"].as_str().unwrap();
    assert!(detail.contains("expired") && !detail.contains(char::is_control), "{detail:?}");
    room.answer("/version", 403, status(403, "Forbidden", "no"));
    assert_eq!(room.scan().await["fault"], "cluster_unreachable");
    room.answer("/version", 200, json!({ "major": "1", "minor": "36", "gitVersion": "v1.36.0", "gitCommit": "", "gitTreeState": "", "buildDate": "", "goVersion": "", "compiler": "", "platform": "" }));
    room.scan().await;
    let known = room.findings("limit=500").await.len();
    room.refuse("");
    room.answer("/version", 200, json!({ "major": "1", "minor": "36", "gitVersion": "v1.36.0", "gitCommit": "", "gitTreeState": "", "buildDate": "", "goVersion": "", "compiler": "", "platform": "" }));
    let scan = room.scan().await;
    assert_eq!(scan["fault"], "all_refused", "{scan}");
    assert_eq!(room.findings("limit=500").await.len(), known);
    let (_, clusters) = room.admin.get(&room.router, "/api/v1/posture/clusters").await;
    let told = &clusters["items"][0];
    assert_eq!(
        (&told["newest"]["state"], &told["scan"]["state"]),
        (&json!("failed"), &json!("done"))
    );
}

#[tokio::test]
async fn the_newest_scan_is_a_file_in_three_forms() {
    let room = room(None).await;
    room.scan().await;
    let read = async |query: &str| {
        let path = format!("{ONE}/report?{query}");
        let (status, body) = room.admin.get(&room.router, &path).await;
        assert_eq!(status, StatusCode::OK, "{query}");
        body
    };
    let report = read("format=json").await;
    assert_eq!(report["schema"], "sallyport.scan/v1");
    let overview = room.get("").await;
    assert_eq!(report["summary"]["objects"], overview["scan"]["objects"]);
    assert_eq!(report["summary"]["by_severity"]["critical"], overview["open"]["critical"]);
    assert!(
        report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .any(|each| each["check"] == "host-pid" && each["object"] == "Pod/shop/open")
    );
    let sarif = read("format=sarif&language=ko").await;
    assert_eq!(sarif["version"], "2.1.0");
    // No JSON, which the browser of the test reads as nothing.
    assert_eq!(read("format=html").await, Value::Null);
    let (status, _) = room.admin.get(&room.router, &format!("{ONE}/report?format=exe")).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(room.hub.audit("posture.export").await.len(), 3);
}

#[tokio::test]
async fn who_does_not_administer_the_hub_sees_and_changes_nothing() {
    let room = room(None).await;
    room.scan().await;
    let found = room.findings("limit=1").await[0]["number"].clone();
    let person = room.hub.browser("alice", &["developers"], "one").await;
    let elsewhere = room.hub.browser("root", &["sallyport:admins"], "two").await;
    let doors = [
        (Method::GET, "/api/v1/posture/clusters".to_owned()),
        (Method::GET, "/api/v1/posture/checks".to_owned()),
        (Method::GET, ONE.to_owned()),
        (Method::GET, format!("{ONE}/scans")),
        (Method::POST, format!("{ONE}/scans")),
        (Method::GET, format!("{ONE}/findings")),
        (Method::GET, format!("{ONE}/findings/{found}")),
        (Method::GET, format!("{ONE}/paths")),
        (Method::GET, format!("{ONE}/exceptions")),
        (Method::DELETE, format!("{ONE}/exceptions/1")),
        (Method::GET, format!("{ONE}/report?format=json")),
    ];
    for browser in [&person, &elsewhere] {
        for (method, path) in &doors {
            let (status, problem) = browser.call(&room.router, method.clone(), path, None).await;
            assert_eq!(
                (status, &problem["code"]),
                (StatusCode::FORBIDDEN, &json!("not_admin")),
                "{path}: {problem}"
            );
        }
        let body = json!({ "check": "host-pid", "object": "*", "reason": "r", "owner": "o", "expires": "2027-01-01" });
        let (status, _) = browser.post(&room.router, &format!("{ONE}/exceptions"), body).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
    }
    assert_eq!(room.get("/scans").await["items"].as_array().unwrap().len(), 1);
    assert!(room.get("/exceptions").await["items"].as_array().unwrap().is_empty());
    let denied = room.hub.audit("request").await;
    assert!(denied.iter().all(|record| record.entry.outcome == AuditOutcome::Denied));

    // An administrator whose sign-in holds for one cluster sees that one.
    for path in ["/scans", "/findings", "/paths", "/exceptions", "/report?format=json", ""] {
        let (status, problem) =
            room.admin.get(&room.router, &format!("/api/v1/posture/clusters/two{path}")).await;
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::NOT_FOUND, &json!("cluster_unknown")),
            "{path}"
        );
    }
    let two = "/api/v1/posture/clusters/two/scans";
    assert_eq!(
        room.admin.call(&room.router, Method::POST, two, None).await.0,
        StatusCode::NOT_FOUND
    );
    let (_, clusters) = room.admin.get(&room.router, "/api/v1/posture/clusters").await;
    let names: Vec<&Value> =
        clusters["items"].as_array().unwrap().iter().map(|each| &each["cluster"]).collect();
    assert_eq!(names, [&json!("one")]);
    // A finding of one cluster is none of another.
    for odd in [
        "limit=0",
        "limit=501",
        "severity=bad",
        "framework=none",
        "after=x",
        "verdict=pass",
        "bogus=1",
    ] {
        let (status, _) = room.admin.get(&room.router, &format!("{ONE}/findings?{odd}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{odd}");
    }
}

#[tokio::test]
async fn a_cluster_is_scanned_by_itself_and_a_hub_that_stops_says_so() {
    let room = room(Some(DAY)).await;
    let keeping = tokio::spawn(room.posture.clone().keep());
    let scan = room.ended(&json!(1)).await;
    assert!(scan["asked_by"].is_null() && scan["state"] == "done", "{scan}");
    let (_, clusters) = room.admin.get(&room.router, "/api/v1/posture/clusters").await;
    assert!(clusters["items"][0]["next_at"].is_string(), "{clusters}");

    room.stop.cancel();
    let path = format!("{ONE}/scans");
    let (status, begun) = room.admin.call(&room.router, Method::POST, &path, None).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let scan = room.ended(&begun["number"]).await;
    assert!(
        scan["state"] == "failed" && scan["fault"] == "hub_stopped" || scan["state"] == "done",
        "{scan}"
    );
    tokio::time::timeout(PATIENCE, room.posture.drained()).await.unwrap();
    keeping.abort();
}

#[tokio::test]
async fn what_a_hub_that_is_gone_left_is_made_again_even_if_nothing_is_scanned_by_itself() {
    let room = room(None).await;
    let one = "one".parse().unwrap();
    let wish = PostureBegin {
        cluster: &one,
        asked_by: Some("root"),
        unless_since: None,
        silent_max: DAY,
        audit: None,
    };
    let now = room.hub.api.clock.now();
    room.hub.api.store.begin_posture_scan(&wish, now).await.unwrap();
    let free = async || {
        let (_, clusters) = room.admin.get(&room.router, "/api/v1/posture/clusters").await;
        clusters["items"][0]["free"].clone()
    };
    assert_eq!(free().await, json!(false));
    room.raw("UPDATE posture_scans SET heard_at = heard_at - 61000000").await;
    assert_eq!(free().await, json!(true));

    let keeping = tokio::spawn(room.posture.clone().keep());
    let again = async {
        while room.get("/scans").await["items"].as_array().unwrap().len() < 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, again).await.expect("it is made again");
    assert_eq!(room.ended(&json!(1)).await["fault"], "interrupted");
    assert_eq!(room.ended(&json!(2)).await["state"], "done");
    keeping.abort();
}
