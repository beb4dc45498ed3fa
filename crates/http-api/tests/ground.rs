//! The ground that `fortify` makes, under handlers that do everything wrong: forget to ask who is there,
//! panic, lie in headers. What the console's own routes do on it is tested there.

#![allow(clippy::unwrap_used, reason = "a fixture that cannot be made fails its test")]

use authn::{AccountMapping, Lifetimes, TokenAdmins};
use axum::body::Body;
use axum::extract::FromRef;
use axum::routing::{get, post};
use axum::{Extension, Router};
use http::request::Builder;
use http::{Method, Request, header};
use http_api::{
    Administrator, COOKIE_SIGN_IN, CSRF_HEADER, Clock, HttpApi, IssuedSignIn, NewSignIn, Origins,
    Pace, Path, Problem, ProblemCode, Query, RequestContext, SignedIn, TrustedProxies, fortify,
    issue_sign_in,
};
use http_body_util::BodyExt as _;
use kube_io::Clusters;
use model::{HubId, Identity, RequestId, Timestamp};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use store::{AuditFilter, Store, StoreLocation, VaultKey};
use tower::ServiceExt as _;

const ORIGIN: &str = "https://hub.example";

struct Ground {
    router: Router,
    api: HttpApi,
    time: Arc<AtomicI64>,
    _directory: tempfile::TempDir,
}

#[derive(Clone)]
struct State(HttpApi);

impl FromRef<State> for HttpApi {
    fn from_ref(state: &State) -> Self {
        state.0.clone()
    }
}

impl Ground {
    async fn new() -> Self {
        log();
        let directory = tempfile::tempdir().unwrap();
        let location = StoreLocation::Sqlite { directory: directory.path().join("store") };
        let (key, hub) = (VaultKey::new([7; 32]), HubId::from_random([1; 16]));
        let store = Store::open(&location, key, hub, Timestamp::now()).await.unwrap();
        // It stands still unless a test turns it.
        let time = Arc::new(AtomicI64::new(Timestamp::now().as_micros()));
        let api = HttpApi {
            store,
            clusters: Clusters::new(Vec::new()),
            origins: Origins::new([ORIGIN]).unwrap(),
            proxies: TrustedProxies::default(),
            lifetimes: Lifetimes::default(),
            accounts: AccountMapping::default(),
            token_admins: TokenAdmins { groups: Vec::new(), home: None },
            pace: Pace::default(),
            clock: Clock::turned_by({
                let time = Arc::clone(&time);
                move || Timestamp::from_micros(time.load(Ordering::Relaxed))
            }),
        };
        let router = Router::new()
            .route("/api/v1/forgetful", get(async || "secret").post(async || "done"))
            .route("/api/v1/panic", get(panics))
            .route("/api/v1/fails", get(fails))
            .route("/api/v1/who", get(who))
            .route("/api/v1/rule", get(async |_: Administrator| "ruled"))
            .route("/api/v1/things/{id}", get(thing))
            .route("/presigned/connect", get(async || "upgraded"))
            .route("/livez", get(async || "ok"))
            .route("/asks", post(async |Extension(id): Extension<RequestId>| id.to_string()))
            .with_state(State(api.clone()));
        Self { router: fortify(router, &api), api, time, _directory: directory }
    }

    /// Signs somebody in; returns the cookie and the CSRF token.
    async fn signed_in(&self) -> (String, String) {
        let issued = self.try_sign_in().await.unwrap();
        let cookie = issued.cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
        (cookie, issued.signed_in.csrf().text().expose().to_owned())
    }

    async fn try_sign_in(&self) -> Result<IssuedSignIn, Problem> {
        let (parts, ()) = Request::new(()).into_parts();
        let context = RequestContext::of(&parts, &self.api).unwrap();
        let identity = Identity {
            user: "bob".to_owned(),
            uid: None,
            groups: Vec::new(),
            extra: BTreeMap::new(),
        };
        let new = NewSignIn::Token {
            identity,
            cluster: "home".parse().unwrap(),
            token: model::Secret::new("shown"),
            token_ends: None,
        };
        issue_sign_in(&self.api, &context, &parts.headers, new).await
    }

    /// What the log holds of refused requests, newest first: on what, why, and the detail.
    async fn refusals(&self) -> Vec<(String, String, Value)> {
        let filter = AuditFilter {
            limit: 500,
            action: Some("request".to_owned()),
            ..AuditFilter::default()
        };
        let records = self.api.store.audit_page(&filter).await.unwrap();
        records
            .into_iter()
            .map(|record| (record.entry.object, record.entry.reason, record.entry.detail))
            .collect()
    }

    async fn send(&self, request: Builder) -> (u16, http::HeaderMap, String) {
        let request = request.body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        (parts.status.as_u16(), parts.headers, String::from_utf8_lossy(&bytes).into_owned())
    }

    async fn code(&self, request: Builder) -> (u16, String) {
        let (status, _, text) = self.send(request).await;
        let problem: Value = serde_json::from_str(&text).unwrap_or_default();
        (status, problem["code"].as_str().unwrap_or_default().to_owned())
    }
}

async fn panics() {
    panic!("the vault key is 1234");
}

async fn fails() -> Problem {
    Problem::internal("postgres://hub:hunter2@db is away")
}

async fn who(who: SignedIn) -> String {
    format!("{} of {}", who.user(), who.cluster().unwrap())
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Filter {
    limit: Option<u8>,
}

async fn thing(
    Path(id): Path<model::LinkId>,
    Query(filter): Query<Filter>,
) -> Result<String, Problem> {
    match filter.limit {
        Some(0) => Err(Problem::new(ProblemCode::Conflict, "no")),
        _ => Ok(id.to_string()),
    }
}

fn request(method: Method, path: &str) -> Builder {
    Request::builder().method(method).uri(path)
}

#[tokio::test]
async fn a_handler_that_forgets_to_ask_is_still_behind_a_sign_in() {
    let ground = Ground::new().await;
    let path = "/api/v1/forgetful";
    let (cookie, csrf) = ground.signed_in().await;
    for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::OPTIONS] {
        let (status, _) = ground.code(request(method.clone(), path)).await;
        assert_eq!(status, 401, "{method}");
    }
    let (status, headers, text) =
        ground.send(request(Method::GET, path).header(header::COOKIE, &cookie)).await;
    assert_eq!((status, text.as_str()), (200, "secret"));
    assert_eq!(headers[header::CACHE_CONTROL], "no-store");

    let post = || {
        request(Method::POST, path).header(header::COOKIE, &cookie).header(header::ORIGIN, ORIGIN)
    };
    assert_eq!(ground.code(post()).await, (403, "csrf".to_owned()));
    assert_eq!(ground.send(post().header(CSRF_HEADER, &csrf)).await.0, 200);
    let twice = post().header(CSRF_HEADER, &csrf).header(CSRF_HEADER, &csrf);
    assert_eq!(ground.code(twice).await, (403, "csrf".to_owned()));
    let two_origins = post().header(CSRF_HEADER, &csrf).header(header::ORIGIN, "https://evil");
    assert_eq!(ground.code(two_origins).await, (403, "origin_refused".to_owned()));
    // Known to who is signed in: the address, but not this method.
    let delete = request(Method::DELETE, path)
        .header(header::COOKIE, &cookie)
        .header(header::ORIGIN, ORIGIN)
        .header(CSRF_HEADER, &csrf);
    let (status, headers, text) = ground.send(delete).await;
    assert_eq!(status, 405, "{text}");
    assert_eq!(headers[header::ALLOW], "GET,HEAD,POST");
    assert!(text.contains("bad_request"), "{text}");
}

#[tokio::test]
async fn a_web_socket_needs_our_origin_though_it_is_a_get() {
    let ground = Ground::new().await;
    let (cookie, _) = ground.signed_in().await;
    let upgrade = |origin: Option<&str>| {
        let request = request(Method::GET, "/presigned/connect")
            .header(header::COOKIE, &cookie)
            .header(header::CONNECTION, "upgrade")
            .header(header::UPGRADE, "websocket");
        match origin {
            Some(origin) => request.header(header::ORIGIN, origin),
            None => request,
        }
    };
    for foreign in [None, Some("null"), Some("https://evil.example"), Some("http://hub.example")] {
        let refusal = ground.code(upgrade(foreign)).await;
        assert_eq!(refusal, (403, "origin_refused".to_owned()), "{foreign:?}");
    }
    assert_eq!(ground.send(upgrade(Some(ORIGIN))).await.0, 200);
    // An upgrade is no way around the token for a method that changes something.
    let smuggled = request(Method::POST, "/api/v1/forgetful")
        .header(header::COOKIE, &cookie)
        .header(header::ORIGIN, ORIGIN)
        .header(header::UPGRADE, "websocket");
    assert_eq!(ground.code(smuggled).await, (403, "csrf".to_owned()));
    let stranger = request(Method::GET, "/presigned/connect")
        .header(header::ORIGIN, ORIGIN)
        .header(header::UPGRADE, "websocket");
    assert_eq!(ground.code(stranger).await, (401, "not_signed_in".to_owned()));
}

#[tokio::test]
async fn one_person_cannot_fill_the_audit_log() {
    let ground = Ground::new().await;
    let (cookie, csrf) = ground.signed_in().await;
    let forged = || {
        request(Method::POST, "/api/v1/forgetful")
            .header(header::COOKIE, &cookie)
            .header(header::ORIGIN, "https://evil.example")
    };
    // One act was to sign in.
    for _ in 0..199 {
        assert_eq!(ground.code(forged()).await, (403, "origin_refused".to_owned()));
    }
    let recorded = ground.refusals().await.len();
    let (status, headers, text) = ground.send(forged()).await;
    assert_eq!((status, &headers["retry-after"]), (429, &http::HeaderValue::from_static("1")));
    let problem: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (problem["code"].as_str(), &problem["retry_after_s"]),
        (Some("too_many_attempts"), &1.into())
    );
    // Nor by what is allowed, by reads that administrators alone may do, or by upgrades; nor by another sign-in.
    let allowed = || {
        request(Method::POST, "/api/v1/forgetful")
            .header(header::COOKIE, &cookie)
            .header(header::ORIGIN, ORIGIN)
            .header(CSRF_HEADER, &csrf)
    };
    let reading = |path: &str| request(Method::GET, path).header(header::COOKIE, &cookie);
    for refused in [
        allowed(),
        reading("/api/v1/rule"),
        reading("/presigned/connect").header(header::UPGRADE, "websocket"),
    ] {
        assert_eq!(ground.code(refused).await, (429, "too_many_attempts".to_owned()));
    }
    assert_eq!(ground.try_sign_in().await.err().unwrap().code(), ProblemCode::TooManyAttempts);
    let told = ground.refusals().await;
    assert_eq!(told.len(), recorded + 1, "one record of all of it");
    assert_eq!(told[0].1, "too_many_attempts");
    assert_eq!(told[0].2["refused"], 1);
    // Reading goes on.
    assert_eq!(ground.send(reading("/api/v1/who")).await.0, 200);

    let later = |ms: i64| ground.time.fetch_add(ms * 1000, Ordering::Relaxed);
    later(50);
    assert_eq!(ground.send(allowed()).await.0, 200, "the wait is over");
    assert_eq!(ground.send(allowed()).await.0, 429);
    later(60_000);
    assert_eq!(ground.send(allowed()).await.0, 200);
    let told = ground.refusals().await;
    assert_eq!(told.len(), recorded + 2);
    assert_eq!(told[0].2["refused"], 5, "what was refused meanwhile is counted");
    assert_eq!(ground.code(reading("/api/v1/rule")).await, (403, "not_admin".to_owned()));
}

#[tokio::test]
async fn faults_are_problems_that_tell_an_id_and_no_cause() {
    let ground = Ground::new().await;
    let (cookie, _) = ground.signed_in().await;
    let mut ids = BTreeSet::new();
    for path in ["/api/v1/panic", "/api/v1/fails"] {
        let (status, headers, text) =
            ground.send(request(Method::GET, path).header(header::COOKIE, &cookie)).await;
        assert_eq!(status, 500, "{text}");
        assert!(!text.contains("1234") && !text.contains("hunter2"), "{text}");
        let problem: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(problem["code"], "internal");
        assert_eq!(problem["request_id"], headers["x-request-id"].to_str().unwrap());
        assert!(headers.contains_key("content-security-policy"));
        ids.insert(headers["x-request-id"].clone().to_str().unwrap().to_owned());
    }
    assert_eq!(ids.len(), 2, "an id of its own for each");
}

#[tokio::test]
async fn paths_and_queries_are_parsed_or_refused() {
    let ground = Ground::new().await;
    let (cookie, _) = ground.signed_in().await;
    let good = model::LinkId::from_random([3; 16]);
    for (path, status) in [
        (format!("/api/v1/things/{good}"), 200),
        (format!("/api/v1/things/{good}?limit=7"), 200),
        (format!("/api/v1/things/{good}?limit=0"), 409),
        (format!("/api/v1/things/{good}?limit=256"), 400),
        (format!("/api/v1/things/{good}?limit=x"), 400),
        (format!("/api/v1/things/{good}?other=1"), 400),
        ("/api/v1/things/lnk_short".to_owned(), 400),
        ("/api/v1/things/%1b%5b2J".to_owned(), 400),
        ("/api/v1/things/%ff".to_owned(), 400),
    ] {
        let (got, headers, text) =
            ground.send(request(Method::GET, &path).header(header::COOKIE, &cookie)).await;
        assert_eq!(got, status, "{path}: {text}");
        if status != 200 {
            assert_eq!(headers[header::CONTENT_TYPE], "application/problem+json");
            assert!(!text.contains('\u{1b}'), "{text}");
        }
    }
}

#[tokio::test]
async fn health_needs_nobody_and_knows_nobody() {
    let ground = Ground::new().await;
    assert_eq!(ground.send(request(Method::GET, "/livez")).await.0, 200);
    assert_eq!(ground.send(request(Method::HEAD, "/livez")).await.0, 200);
    assert_eq!(ground.code(request(Method::POST, "/asks")).await.0, 401);
    let (cookie, _) = ground.signed_in().await;
    let (_, _, text) =
        ground.send(request(Method::GET, "/api/v1/who").header(header::COOKIE, cookie)).await;
    assert_eq!(text, "bob of home");
}

#[derive(Default)]
struct Labels(Mutex<BTreeSet<String>>);

impl Labels {
    fn note(&self, key: &metrics::Key) {
        let labels: Vec<String> =
            key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        self.0.lock().unwrap().insert(format!("{} {}", key.name(), labels.join(" ")));
    }
}

impl metrics::Recorder for Labels {
    fn describe_counter(
        &self,
        _: metrics::KeyName,
        _: Option<metrics::Unit>,
        _: metrics::SharedString,
    ) {
    }
    fn describe_gauge(
        &self,
        _: metrics::KeyName,
        _: Option<metrics::Unit>,
        _: metrics::SharedString,
    ) {
    }
    fn describe_histogram(
        &self,
        _: metrics::KeyName,
        _: Option<metrics::Unit>,
        _: metrics::SharedString,
    ) {
    }
    fn register_counter(&self, key: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Counter {
        self.note(key);
        metrics::Counter::noop()
    }
    fn register_gauge(&self, key: &metrics::Key, _: &metrics::Metadata<'_>) -> metrics::Gauge {
        self.note(key);
        metrics::Gauge::noop()
    }
    fn register_histogram(
        &self,
        key: &metrics::Key,
        _: &metrics::Metadata<'_>,
    ) -> metrics::Histogram {
        self.note(key);
        metrics::Histogram::noop()
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What all tests of this process log. One for all, because `tracing` remembers for each callsite whether
/// anybody listens, and a test without a subscriber would make it forget those that have one.
fn log() -> &'static Log {
    static LOG: OnceLock<Log> = OnceLock::new();
    LOG.get_or_init(|| {
        let log = Log::default();
        let writer = log.clone();
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::DEBUG)
            .with_writer(move || writer.clone())
            .init();
        log
    })
}

/// Both are told per route and never per path, query or method that a stranger made up; the log has the
/// cause of a fault, for the operator.
#[test]
fn logs_and_metrics_hold_routes_and_no_secrets() {
    let labels = Labels::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (cookie, id) = metrics::with_local_recorder(&labels, || {
        runtime.block_on(async {
            let ground = Ground::new().await;
            let (cookie, csrf) = ground.signed_in().await;
            for (method, path) in [
                ("GET", "/api/v1/who?token=sp1.stolen"),
                ("GET", "/api/v1/things/sp1.stolen"),
                ("BREW", "/sp1.stolen"),
                ("GET", "/api/sp1.stolen"),
            ] {
                let sent = request(method.parse().unwrap(), path)
                    .header(header::COOKIE, &cookie)
                    .header(header::ORIGIN, ORIGIN)
                    .header(CSRF_HEADER, &csrf);
                ground.send(sent).await;
            }
            let fails = request(Method::GET, "/api/v1/fails").header(header::COOKIE, &cookie);
            let (_, headers, _) = ground.send(fails).await;
            (cookie, headers["x-request-id"].to_str().unwrap().to_owned())
        })
    });
    let labels = labels.0.into_inner().unwrap();
    let counted: Vec<&String> =
        labels.iter().filter(|it| it.starts_with("sallyport_http_requests_total")).collect();
    assert_eq!(
        counted,
        [
            "sallyport_http_requests_total method=GET path=/api/v1/fails status=500",
            "sallyport_http_requests_total method=GET path=/api/v1/things/{id} status=400",
            "sallyport_http_requests_total method=GET path=/api/v1/who status=200",
            "sallyport_http_requests_total method=GET path=unmatched status=404",
            "sallyport_http_requests_total method=OTHER path=unmatched status=404",
        ]
    );
    let log = String::from_utf8(log().0.lock().unwrap().clone()).unwrap();
    let secret = cookie.strip_prefix(&format!("{COOKIE_SIGN_IN}=")).unwrap();
    assert!(!log.contains(secret), "{log}");
    assert!(!log.contains("sp1.stolen"), "{log}");
    let fault = log.lines().find(|line| line.contains("hunter2") && line.contains(&id)).unwrap();
    assert!(fault.contains("ERROR"), "{fault}");
}
