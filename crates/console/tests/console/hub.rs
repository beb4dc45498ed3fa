//! A hub in process: the console's routes on the shared ground, a store, a clock that tests turn, and API
//! servers that know a few tokens.

use crate::browser::Browser;
use authn::{AccountMapping, Cost, Lifetimes, TokenAdmins};
use axum::Router;
use console::{
    Accounts, Author, Console, IssuerDesk, IssuerSettings, MachineDesk, NewAccount, PasswordDesk,
};
use http::{Request, Response};
use http_api::{Clock, HttpApi, Origins, Pace, TrustedProxies, fortify};
use http_body_util::BodyExt as _;
use kube_io::{Cluster, Clusters};
use model::{AccountName, ClusterName, HubId, Secret, Timestamp};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use store::{AuditFilter, AuditRecord, Store, StoreLocation, VaultKey};

pub(crate) const ORIGIN: &str = "https://hub.example";
pub(crate) const PASSWORD: &str = "correct horse battery";

pub(crate) struct Hub {
    pub(crate) router: Router,
    pub(crate) openapi: utoipa::openapi::OpenApi,
    pub(crate) store: Store,
    pub(crate) desk: PasswordDesk,
    pub(crate) accounts: Accounts,
    pub(crate) machine_authority: Vec<u8>,
    pub(crate) issuer: IssuerDesk,
    time: Arc<AtomicI64>,
    _directory: tempfile::TempDir,
}

impl Hub {
    /// A hub with the accounts `alice` and `root`; the latter administers it.
    pub(crate) async fn start() -> Self {
        Self::start_with(no_issuer()).await
    }

    /// The same, before API servers that let its people in.
    pub(crate) async fn start_with(issuer: IssuerSettings) -> Self {
        let hub = Self::empty_with(issuer).await;
        hub.account("alice", false).await;
        hub.account("root", true).await;
        hub
    }

    pub(crate) async fn empty() -> Self {
        Self::empty_with(no_issuer()).await
    }

    async fn empty_with(issuer: IssuerSettings) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let time = Arc::new(AtomicI64::new(1_800_000_000_000_000));
        let clock = Clock::turned_by({
            let time = Arc::clone(&time);
            move || Timestamp::from_micros(time.load(Ordering::Relaxed))
        });
        let location = StoreLocation::Sqlite { directory: directory.path().join("store") };
        let hub = HubId::from_random([1; 16]);
        let store = Store::open(&location, VaultKey::new([7; 32]), hub, clock.now()).await.unwrap();
        let mapping = AccountMapping::default();
        let home: ClusterName = "home".parse().unwrap();
        let api = HttpApi {
            store: store.clone(),
            clusters: Clusters::new(vec![
                cluster("home"),
                cluster("other"),
                away("away"),
                silent("silent"),
            ]),
            origins: Origins::new([ORIGIN]).unwrap(),
            proxies: TrustedProxies::new(["10.0.0.0/8"]).unwrap(),
            lifetimes: Lifetimes::default(),
            token_admins: TokenAdmins::of_home(Some(home), mapping.admins_group()),
            accounts: mapping.clone(),
            pace: Pace::default(),
            clock,
        };
        let desk = PasswordDesk::new(Cost::default(), [9; 32]).unwrap();
        let machines = MachineDesk::open(
            &store,
            Duration::from_secs(12 * 3600),
            Some("https://gateway.example:6443/".to_owned()),
            api.clusters.names(),
            api.clock.now(),
        );
        let machines = machines.await.unwrap();
        let machine_authority = machines.authority().to_vec();
        let issuer = IssuerDesk::open(api.clone(), issuer).await.unwrap();
        let console = Console::new(api.clone(), desk.clone(), machines, issuer.clone(), "1.2.3");
        let (router, mut openapi) = console::router(console).split_for_parts();
        http_api::document(&mut openapi, "1.2.3");
        let router = fortify(router.fallback(console::page), &api);
        let accounts = Accounts::new(store.clone(), mapping, ORIGIN.to_owned());
        Self {
            router,
            openapi,
            store,
            desk,
            accounts,
            machine_authority,
            issuer,
            time,
            _directory: directory,
        }
    }

    pub(crate) fn author(&self) -> Author {
        Author::at_command_line("tester", self.now())
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.time.load(Ordering::Relaxed))
    }

    pub(crate) fn wait(&self, time: Duration) {
        let micros = i64::try_from(time.as_micros()).unwrap();
        self.time.fetch_add(micros, Ordering::Relaxed);
    }

    /// Makes an account with the password of these tests.
    pub(crate) async fn account(&self, name: &str, admin: bool) -> AccountName {
        let name: AccountName = name.parse().unwrap();
        let new = NewAccount {
            name: name.clone(),
            display_name: None,
            groups: vec!["dev".to_owned()],
            admin,
            allow_reserved_groups: false,
        };
        self.accounts.create(&self.author(), new).await.unwrap();
        let password = Secret::new(PASSWORD);
        self.accounts.set_password(&self.author(), &name, password, &self.desk).await.unwrap();
        name
    }

    /// A browser that knows nothing yet, at an address of its own.
    pub(crate) fn browser(&self) -> Browser {
        Browser::new(self.router.clone(), "192.0.2.1")
    }

    /// A browser in which `name` has signed in.
    pub(crate) async fn signed_in(&self, name: &str) -> Browser {
        let mut browser = self.browser();
        let reply = browser.sign_in(name, PASSWORD).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        browser
    }

    /// The records of an action, newest first.
    pub(crate) async fn audited(&self, action: &str) -> Vec<AuditRecord> {
        let filter =
            AuditFilter { limit: 500, action: Some(action.to_owned()), ..AuditFilter::default() };
        self.store.audit_page(&filter).await.unwrap()
    }
}

/// What a hub has unless an operator says otherwise.
fn no_issuer() -> IssuerSettings {
    IssuerSettings {
        url: None,
        token_lifetime: Duration::from_secs(600),
        reviewers: std::collections::HashMap::new(),
    }
}

/// A cluster whose API server knows these tokens.
fn cluster(name: &str) -> Cluster {
    let service = tower::service_fn(async |request: Request<kube::client::Body>| {
        if let Some(namespace) = request.uri().path().strip_prefix("/api/v1/namespaces/") {
            let reply = match namespace {
                "ws-dave" => space(namespace, &json!({ "sallyport.dev/owner": "1f2e3d" })),
                "ci" => space(namespace, &json!({ "team": "ci" })),
                code => refusal(code.trim_start_matches("answers-").parse().unwrap()),
            };
            return Ok(reply);
        }
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let review: Value = serde_json::from_slice(&body).unwrap();
        let token = review["spec"]["token"].as_str().unwrap();
        let status = match token.split('.').next_back().unwrap() {
            "bob" => user("bob", &["system:authenticated"]),
            "master" => user("eve", &["system:masters", "system:authenticated"]),
            "anonymous" => user("system:anonymous", &["system:unauthenticated"]),
            "unauthenticated" => user("ghost", &["system:unauthenticated"]),
            account if account.starts_with("system:serviceaccount:") => {
                user(account, &["system:serviceaccounts", "system:authenticated"])
            }
            "impostor" => user("sallyport:alice", &["system:authenticated"]),
            "stale" => {
                json!({ "authenticated": false, "error": "webhook 10.1.2.3: token has Expired" })
            }
            "strayed" => json!({ "authenticated": false, "error": "webhook: bad audience \u{1b}" }),
            _ => json!({ "authenticated": false, "error": "invalid bearer token" }),
        };
        let reply = json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "metadata": {},
            "spec": {},
            "status": status,
        });
        Ok::<_, std::convert::Infallible>(Response::new(kube::client::Body::from(
            serde_json::to_vec(&reply).unwrap(),
        )))
    });
    Cluster::from_client(name.parse().unwrap(), kube::Client::new(service, "default"))
}

/// A namespace with these labels.
fn space(name: &str, labels: &Value) -> Response<kube::client::Body> {
    let space = json!({ "apiVersion": "v1", "kind": "Namespace",
                        "metadata": { "name": name, "labels": labels } });
    Response::new(kube::client::Body::from(serde_json::to_vec(&space).unwrap()))
}

/// The API server's no.
fn refusal(code: u16) -> Response<kube::client::Body> {
    let status = json!({ "apiVersion": "v1", "kind": "Status", "status": "Failure",
                         "code": code, "reason": "", "message": "no" });
    let body = kube::client::Body::from(serde_json::to_vec(&status).unwrap());
    Response::builder().status(code).body(body).unwrap()
}

fn user(name: &str, groups: &[&str]) -> Value {
    json!({ "authenticated": true, "user": { "username": name, "groups": groups } })
}

/// A cluster that takes every question and answers none.
fn silent(name: &str) -> Cluster {
    let service = tower::service_fn(async |_: Request<kube::client::Body>| {
        std::future::pending::<Result<Response<kube::client::Body>, std::io::Error>>().await
    });
    Cluster::from_client(name.parse().unwrap(), kube::Client::new(service, "default"))
}

/// A cluster that nobody reaches.
fn away(name: &str) -> Cluster {
    let service = tower::service_fn(async |_: Request<kube::client::Body>| {
        Err::<Response<kube::client::Body>, _>(std::io::Error::other("connection refused"))
    });
    Cluster::from_client(name.parse().unwrap(), kube::Client::new(service, "default"))
}
