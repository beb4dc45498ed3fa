//! A hub in process: the service's routes on the shared ground, a store, and people signed in by tokens.
//! What is asked of it is known to the other modules.

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_api::{
    CSRF_HEADER, Clock, HttpApi, NewSignIn, Origins, Pace, RequestContext, SignedIn,
    TrustedProxies, fortify, issue_sign_in,
};
use http_body_util::BodyExt as _;
use kube_io::{Cluster, Clusters};
use model::{ContainerPlace, HubId, Identity, LinkId, PodPlace, Process, TerminalId, Timestamp};
use serde_json::Value;
use store::{AuditEntry, AuditOutcome, LinkRow, Store, StoreLocation, TerminalRow, VaultKey};
use terminal::{LinkKeys, LiveTerminals, TerminalSettings, Terminals};
use testkit::hub_client::{PROTOCOL, TICKET_PROTOCOL};
use testkit::{Endpoint, HubTerminal, Trust};
use tower::ServiceExt as _;

const ORIGIN: &str = "https://hub.example";

pub(crate) struct Hub {
    pub(crate) api: HttpApi,
    pub(crate) live: LiveTerminals,
    router: Router,
    _directory: tempfile::TempDir,
}

pub(crate) struct Browser {
    cookie: String,
    pub(crate) signed_in: SignedIn,
}

fn allowed(action: &str) -> AuditEntry {
    AuditEntry {
        at: Timestamp::now(),
        actor: "bob".to_owned(),
        action: action.to_owned(),
        object: String::new(),
        outcome: AuditOutcome::Allowed,
        reason: String::new(),
        request_id: String::new(),
        source: String::new(),
        detail: Value::Null,
    }
}

impl Hub {
    pub(crate) async fn before(clusters: Vec<Cluster>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let location = StoreLocation::Sqlite { directory: directory.path().join("store") };
        let (key, hub) = (VaultKey::new([7; 32]), HubId::from_random([1; 16]));
        let store = Store::open(&location, key, hub, Timestamp::now()).await.unwrap();
        let accounts = authn::AccountMapping::default();
        let home = Some("home".parse().unwrap());
        let api = HttpApi {
            store,
            clusters: Clusters::new(clusters),
            origins: Origins::new([ORIGIN]).unwrap(),
            proxies: TrustedProxies::default(),
            lifetimes: authn::Lifetimes::default(),
            token_admins: authn::TokenAdmins::of_home(home, accounts.admins_group()),
            accounts,
            pace: Pace::default(),
            clock: Clock::of_the_machine(),
        };
        let keys = LinkKeys::open(api.clone()).await.unwrap();
        let live = LiveTerminals::new();
        let terminals =
            Terminals::new(api.clone(), keys, live.clone(), TerminalSettings::default());
        let (router, _) = terminal::router(terminals).split_for_parts();
        Self { router: fortify(router, &api), api, live, _directory: directory }
    }

    pub(crate) async fn by_token(&self, user: &str, groups: &[&str], cluster: &str) -> Browser {
        let (parts, ()) = Request::new(()).into_parts();
        let context = RequestContext::of(&parts, &self.api).unwrap();
        let identity = Identity {
            user: user.to_owned(),
            uid: None,
            groups: groups.iter().map(|&group| group.to_owned()).collect(),
            extra: std::collections::BTreeMap::new(),
        };
        let cluster = cluster.parse().unwrap();
        let new = NewSignIn::Token {
            identity,
            cluster,
            token: model::Secret::new("shown"),
            token_ends: None,
        };
        let issued = issue_sign_in(&self.api, &context, &HeaderMap::new(), new).await.unwrap();
        let cookie = issued.cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
        Browser { cookie, signed_in: issued.signed_in }
    }

    /// A live terminal of that browser's person in that cluster, behind both gates.
    pub(crate) async fn terminal(&self, of: &Browser, cluster: &str) -> TerminalRow {
        let now = self.api.clock.now();
        let place = ContainerPlace {
            pod: PodPlace {
                cluster: cluster.parse().unwrap(),
                namespace: "team".parse().unwrap(),
                pod: "web-0".parse().unwrap(),
                uid: "uid-1".parse().unwrap(),
            },
            container: "app".parse().unwrap(),
        };
        let user = of.signed_in.user().to_owned();
        let process = Process { tty: true, command: Vec::new() };
        let expires_at = now.after(std::time::Duration::from_secs(60));
        let link = LinkRow {
            id: LinkId::from_random(http_api::random().unwrap()),
            user: user.clone(),
            minted_by: user.clone(),
            place: place.clone(),
            process: process.clone(),
            created_at: now,
            expires_at,
            bound_to: None,
            used_at: None,
            revoked_at: None,
            revoked_by: None,
        };
        let (store, ticket) = (&self.api.store, http_api::random::<32>().unwrap());
        let sign_in = of.signed_in.id();
        store.create_link(&link, 1000, allowed("link.mint")).await.unwrap();
        let audit = allowed("terminal.validate");
        store.bind_link(&link.id, sign_in, &ticket, expires_at, now, audit).await.unwrap();
        let terminal = TerminalRow {
            id: TerminalId::from_random(http_api::random().unwrap()),
            link: link.id,
            user,
            sign_in: sign_in.clone(),
            place,
            process,
            hub: store.hub().clone(),
            started_at: now,
            ended_at: None,
            end_reason: None,
            last_alive_at: now,
        };
        let audit = allowed("terminal.enter");
        let outcome = store.consume_ticket(&ticket, sign_in, now, &terminal, audit).await.unwrap();
        assert!(matches!(outcome, store::ConsumeOutcome::Entered(_)), "{outcome:?}");
        terminal
    }

    pub(crate) async fn call(
        &self,
        browser: &Browser,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::COOKIE, &browser.cookie)
            .header(header::ORIGIN, ORIGIN)
            .header(header::CONTENT_TYPE, "application/json")
            .header(CSRF_HEADER, browser.signed_in.csrf().text().expose())
            .body(body.map_or_else(Body::empty, |body| Body::from(body.to_string())))
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    /// Mints a link and passes the first gate; returns the ticket.
    pub(crate) async fn ticket(&self, browser: &Browser, wish: Value) -> String {
        let (status, minted) = self.call(browser, Method::POST, "/api/v1/links", Some(wish)).await;
        assert_eq!(status, StatusCode::CREATED, "{minted}");
        let (_, link) = minted["url"].as_str().unwrap().split_once('#').unwrap();
        let body = serde_json::json!({ "link": link });
        let (status, passage) =
            self.call(browser, Method::POST, "/presigned/validate", Some(body)).await;
        assert_eq!(status, StatusCode::OK, "{passage}");
        passage["ticket"].as_str().unwrap().to_owned()
    }

    /// Opens the second gate, over a real socket.
    pub(crate) async fn connect(&self, browser: &Browser, ticket: &str) -> HubTerminal {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        // It goes with the test's runtime.
        tokio::spawn(axum::serve(listener, self.router.clone()).into_future());
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, ORIGIN.parse().unwrap());
        headers.insert(header::COOKIE, browser.cookie.parse().unwrap());
        let ticket = format!("{TICKET_PROTOCOL}{ticket}");
        let endpoint = Endpoint::new(&url, &Trust::Plain).unwrap();
        let offered = [PROTOCOL, &ticket];
        let socket = endpoint.web_socket("/presigned/connect", &headers, &offered).await;
        HubTerminal::new(socket.unwrap().0)
    }

    pub(crate) async fn listed(&self, browser: &Browser, path: &str) -> Vec<String> {
        let (status, answer) = self.call(browser, Method::GET, path, None).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let items = answer["items"].as_array().unwrap();
        items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    }
}
