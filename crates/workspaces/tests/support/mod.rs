//! What the suites of the cluster services share: a hub on a throw-away store, browsers signed in to it, and
//! where the real cluster is. What an API server answers in the small suites is in `double`.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "fixtures of tests; each suite uses its part of them"
)]

pub(crate) mod double;

use axum::Router;
use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt as _;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_api::{
    CSRF_HEADER, Clock, HttpApi, NewSignIn, Origins, Pace, Peer, RequestContext, TrustedProxies,
    issue_sign_in,
};
use http_body_util::BodyExt as _;
use kube_io::{Cluster, ClusterSource, Clusters};
use model::{ClusterName, HubId, Identity, RequestId, Timestamp};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use store::{AuditFilter, AuditRecord, Store, StoreLocation, VaultKey};
use tower::ServiceExt as _;

const ORIGIN: &str = "https://hub.test";

/// A hub's shared state on a store of its own.
pub(crate) struct Hub {
    pub(crate) api: HttpApi,
    directory: tempfile::TempDir,
}

pub(crate) async fn hub(clusters: Vec<Cluster>) -> Hub {
    let directory = tempfile::tempdir().unwrap();
    let location = StoreLocation::Sqlite { directory: directory.path().to_owned() };
    let hub = HubId::from_random([1; 16]);
    let store =
        Store::open(&location, VaultKey::new([7; 32]), hub, Timestamp::now()).await.unwrap();
    let api = HttpApi {
        store,
        clusters: Clusters::new(clusters),
        origins: Origins::new([ORIGIN]).unwrap(),
        proxies: TrustedProxies::default(),
        lifetimes: authn::Lifetimes::default(),
        accounts: authn::AccountMapping::default(),
        token_admins: authn::TokenAdmins::of_home(None, "sallyport:admins".to_owned()),
        pace: Pace::default(),
        clock: Clock::of_the_machine(),
    };
    Hub { api, directory }
}

impl Hub {
    /// Where its database is.
    pub(crate) fn directory(&self) -> &std::path::Path {
        self.directory.path()
    }

    /// Signs somebody in as if `cluster` had authenticated their token.
    pub(crate) async fn browser(&self, user: &str, groups: &[&str], cluster: &str) -> Browser {
        let identity = Identity {
            user: user.to_owned(),
            uid: None,
            groups: groups.iter().map(|&group| group.to_owned()).collect(),
            extra: BTreeMap::new(),
        };
        self.browser_of(identity, cluster).await
    }

    /// The same with all that an authenticator tells of somebody.
    pub(crate) async fn browser_of(&self, identity: Identity, cluster: &str) -> Browser {
        let cluster: ClusterName = cluster.parse().unwrap();
        self.begin(NewSignIn::Token {
            identity,
            cluster,
            token: model::Secret::new("shown"),
            token_ends: None,
        })
        .await
    }

    /// Signs an account in, which holds for all clusters. Its user is `sallyport:<name>`.
    pub(crate) async fn account(&self, name: &str) -> Browser {
        let account = store::Account {
            id: model::AccountId::from_random(http_api::random().unwrap()),
            name: name.parse().unwrap(),
            display_name: name.to_owned(),
            kubernetes_user: format!("sallyport:{name}"),
            groups: Vec::new(),
            admin: false,
            disabled_at: None,
            password: None,
            created_at: Timestamp::now(),
            last_sign_in_at: None,
        };
        let audit = context().audit("tester", "account.create", name).allowed();
        self.api.store.create_account(&account, None, audit).await.unwrap();
        self.begin(NewSignIn::Account { account, method: store::SignInMethod::Password }).await
    }

    async fn begin(&self, new: NewSignIn) -> Browser {
        let issued = issue_sign_in(&self.api, &context(), &HeaderMap::new(), new).await.unwrap();
        let cookie = issued.cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
        Browser {
            cookie,
            csrf: issued.signed_in.csrf().text().expose().to_owned(),
            sign_in: issued.signed_in.id().clone(),
        }
    }

    /// Ends a browser's sign-in.
    pub(crate) async fn sign_out(&self, browser: &Browser) {
        let audit = context().audit("tester", "sign_out", &browser.sign_in).allowed();
        let store = &self.api.store;
        assert!(store.end_sign_in(&browser.sign_in, Timestamp::now(), audit).await.unwrap());
    }

    /// The newest records of an action.
    pub(crate) async fn audit(&self, action: &str) -> Vec<AuditRecord> {
        let filter =
            AuditFilter { limit: 500, action: Some(action.to_owned()), ..AuditFilter::default() };
        self.api.store.audit_page(&filter).await.unwrap()
    }
}

fn context() -> RequestContext {
    RequestContext {
        request_id: RequestId::from_random([3; 16]),
        source: TrustedProxies::default()
            .source(Some(Peer(([127, 0, 0, 1], 1).into())), &HeaderMap::new()),
        user_agent: "test".to_owned(),
        at: Timestamp::now(),
    }
}

/// Somebody's browser.
#[derive(Clone)]
pub(crate) struct Browser {
    cookie: String,
    csrf: String,
    pub(crate) sign_in: model::SignInId,
}

impl Browser {
    fn request(&self, method: Method, path: &str, body: Option<Value>) -> Request<Body> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::COOKIE, &self.cookie)
            .header(header::ORIGIN, ORIGIN)
            .header(CSRF_HEADER, &self.csrf);
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        request.body(body.map_or_else(Body::empty, |body| Body::from(body.to_string()))).unwrap()
    }

    /// Sends a request and reads the answer.
    pub(crate) async fn call(
        &self,
        router: &Router,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let response = router.clone().oneshot(self.request(method, path, body)).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    /// Sends bytes as a file is sent.
    pub(crate) async fn upload(
        &self,
        router: &Router,
        path: &str,
        body: Body,
    ) -> (StatusCode, Value) {
        let request = self.request(Method::POST, path, None).map(|_| body);
        let response = router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    pub(crate) async fn get(&self, router: &Router, path: &str) -> (StatusCode, Value) {
        self.call(router, Method::GET, path, None).await
    }

    pub(crate) async fn post(
        &self,
        router: &Router,
        path: &str,
        body: Value,
    ) -> (StatusCode, Value) {
        self.call(router, Method::POST, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, router: &Router, path: &str) -> (StatusCode, Value) {
        self.call(router, Method::DELETE, path, None).await
    }

    /// Opens a stream of server-sent events.
    pub(crate) async fn events(&self, router: &Router, path: &str) -> Result<Events, StatusCode> {
        let request = self.request(Method::GET, path, None);
        let response = router.clone().oneshot(request).await.unwrap();
        match response.status() {
            StatusCode::OK => {
                Ok(Events { body: response.into_body().into_data_stream(), buffer: String::new() })
            }
            refused => Err(refused),
        }
    }
}

/// Server-sent events, read one by one.
pub(crate) struct Events {
    body: BodyDataStream,
    buffer: String,
}

impl Events {
    /// The next event's name and data; `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<(String, Value)> {
        self.within(Duration::from_secs(60)).await
    }

    pub(crate) async fn within(&mut self, patience: Duration) -> Option<(String, Value)> {
        loop {
            while let Some(end) = self.buffer.find("\n\n") {
                let block: String = self.buffer.drain(..end + 2).collect();
                let field = |name: &str| {
                    let found = block.lines().find_map(|line| line.strip_prefix(name));
                    found.map(|text| text.trim_start().to_owned())
                };
                if let (Some(name), Some(data)) = (field("event:"), field("data:")) {
                    return Some((name, serde_json::from_str(&data).unwrap()));
                }
            }
            let more = tokio::time::timeout(patience, self.body.next());
            let more = more.await.expect("an event or the end in time")?;
            self.buffer.push_str(std::str::from_utf8(&more.unwrap()).unwrap());
        }
    }

    /// The next event of that name, passing over others.
    pub(crate) async fn named(&mut self, wanted: &str) -> Value {
        loop {
            let (name, data) = self.next().await.expect("the stream goes on");
            if name == wanted {
                return data;
            }
        }
    }
}

/// The kubeconfig of the real cluster's administrator. A suite that cannot run for want of one fails, because a test
/// that passes in silence says what nobody tried.
pub(crate) fn kubeconfig() -> std::path::PathBuf {
    let Some(path) = std::env::var_os("SALLYPORT_TEST_KUBECONFIG") else {
        panic!(
            "SALLYPORT_TEST_KUBECONFIG is not set: run `make test`, or `cluster/cluster up --name test` and set it to \
             what `cluster/cluster kubeconfig --name test` prints"
        );
    };
    path.into()
}

/// The real cluster, reached as its administrator.
pub(crate) async fn administrator(kubeconfig: &std::path::Path) -> Cluster {
    let source = ClusterSource::Kubeconfig { path: kubeconfig.to_owned(), context: None };
    Cluster::open("real".parse().unwrap(), &source).await.unwrap()
}

/// A suffix that keeps one run's names apart from another's.
pub(crate) fn run_id() -> String {
    let bytes: [u8; 4] = http_api::random().unwrap();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
