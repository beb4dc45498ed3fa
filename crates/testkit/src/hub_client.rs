//! A terminal without a browser: signs in, mints a link, passes the first gate, opens the second, as the
//! console does. What the hub answers is handed on as it is; nothing of the hub's own code is used.

mod terminal;

pub use terminal::{HubTerminal, TerminalEvent};

use crate::{Endpoint, HttpClient, HttpReply, Trust};
use anyhow::Context;
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::{Value, json};

/// The subprotocol of a terminal.
pub const PROTOCOL: &str = "sallyport.terminal.v1";
/// The prefix of the subprotocol that carries the ticket.
pub const TICKET_PROTOCOL: &str = "sallyport.ticket.";

/// A browser of one person.
pub struct HubClient {
    http: HttpClient,
    session: Session,
}

/// What a browser keeps of a sign-in.
#[derive(Debug, Clone, Default)]
pub struct Session {
    /// The cookie, as it is sent back.
    pub cookie: String,
    /// The token of unsafe requests.
    pub csrf: String,
}

/// What a link is to lead to.
#[derive(Debug, Clone)]
pub struct LinkRequest {
    /// The cluster; `None` for the hub's first.
    pub cluster: Option<String>,
    /// The namespace.
    pub namespace: String,
    /// The Pod.
    pub pod: String,
    /// The container; `None` for the Pod's first.
    pub container: Option<String>,
    /// Whether a terminal is allocated.
    pub tty: bool,
    /// The command; empty for the container's shell.
    pub command: Vec<String>,
}

/// What the first gate answers, as far as the second one needs it.
#[derive(Debug, Clone)]
pub struct Passage {
    /// The one-use ticket.
    pub ticket: String,
    /// The whole answer.
    pub facts: Value,
}

impl LinkRequest {
    /// A terminal with the default shell of a Pod.
    pub fn shell(namespace: &str, pod: &str) -> Self {
        Self {
            cluster: None,
            namespace: namespace.to_owned(),
            pod: pod.to_owned(),
            container: None,
            tty: true,
            command: Vec::new(),
        }
    }

    fn json(&self) -> Value {
        let mut link = json!({ "namespace": self.namespace, "pod": self.pod, "tty": self.tty });
        if let Some(cluster) = &self.cluster {
            link["cluster"] = cluster.as_str().into();
        }
        if let Some(container) = &self.container {
            link["container"] = container.as_str().into();
        }
        if !self.command.is_empty() {
            link["command"] = self.command.clone().into();
        }
        link
    }
}

impl HubClient {
    /// A browser that has not signed in.
    pub fn new(url: &str, trust: &Trust) -> anyhow::Result<Self> {
        Ok(Self::of(Endpoint::new(url, trust)?, Session::default()))
    }

    fn of(endpoint: Endpoint, session: Session) -> Self {
        Self { http: HttpClient::new(endpoint), session }
    }

    /// Another tab of the same browser: the same sign-in, a connection of its own.
    pub fn tab(&self) -> Self {
        Self::of(self.http.endpoint().clone(), self.session.clone())
    }

    /// The sign-in.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Puts another sign-in in its place, as an attack would that mixes browsers.
    pub fn set_session(&mut self, session: Session) {
        self.session = session;
    }

    /// Signs in with a local account; returns `Me`.
    pub async fn sign_in(&mut self, username: &str, password: &str) -> anyhow::Result<Value> {
        let body = json!({ "username": username, "password": password });
        self.sign_in_at("/api/v1/sign-in/password", &body).await
    }

    /// Signs in with a Kubernetes bearer token; returns `Me`.
    pub async fn sign_in_with_token(&mut self, token: &str) -> anyhow::Result<Value> {
        self.sign_in_at("/api/v1/sign-in/token", &json!({ "token": token })).await
    }

    /// Takes up an invitation; returns `Me`.
    pub async fn accept(&mut self, invitation: &str, password: &str) -> anyhow::Result<Value> {
        let body = json!({ "invitation": invitation, "password": password });
        self.sign_in_at("/api/v1/sign-in/invitation", &body).await
    }

    async fn sign_in_at(&mut self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.session = Session::default();
        let reply = self.request(Method::POST, path, Some(body)).await?;
        let reply = reply.success().context("the hub refused the sign-in")?;
        let cookie = reply
            .headers
            .get_all(header::SET_COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .find(|value| value.starts_with("__Host-sallyport="))
            .and_then(|value| value.split(';').next())
            .context("the hub set no cookie")?;
        let me = reply.json();
        let csrf = me["csrf"].as_str().context("the hub told no CSRF token")?;
        self.session = Session { cookie: cookie.to_owned(), csrf: csrf.to_owned() };
        Ok(me)
    }

    /// One request with everything that the console sends along: cookie, origin, CSRF token.
    pub async fn request(
        &mut self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<HttpReply> {
        let mut headers = self.headers()?;
        if !matches!(method, Method::GET | Method::HEAD) && !self.session.csrf.is_empty() {
            let csrf = HeaderValue::from_str(&self.session.csrf)?;
            headers.insert("x-sallyport-csrf", csrf);
        }
        self.http.send(method, path, &headers, body).await
    }

    /// One request with headers of the caller's, and nothing else.
    pub async fn request_with(
        &mut self,
        method: Method,
        path: &str,
        headers: &HeaderMap,
        body: Option<&Value>,
    ) -> anyhow::Result<HttpReply> {
        self.http.send(method, path, headers, body).await
    }

    /// The headers by which a browser of this sign-in is known: cookie and origin.
    pub fn headers(&self) -> anyhow::Result<HeaderMap> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, HeaderValue::from_str(&self.http.endpoint().origin())?);
        if !self.session.cookie.is_empty() {
            headers.insert(header::COOKIE, HeaderValue::from_str(&self.session.cookie)?);
        }
        Ok(headers)
    }

    /// Mints a link; returns its secret part, `sp1.…`, and the whole answer.
    pub async fn mint(&mut self, link: &LinkRequest) -> anyhow::Result<(String, Value)> {
        let reply = self.request(Method::POST, "/api/v1/links", Some(&link.json())).await?;
        let link = reply.success().context("the hub minted no link")?.json();
        let url = link["url"].as_str().context("the hub told no address of the link")?;
        let (_, secret) = url.split_once('#').context("the link has no fragment")?;
        Ok((secret.to_owned(), link))
    }

    /// Passes the first gate.
    pub async fn validate(&mut self, link: &str) -> anyhow::Result<Passage> {
        let body = json!({ "link": link });
        let reply = self.request(Method::POST, "/presigned/validate", Some(&body)).await?;
        let facts = reply.success().context("the first gate refused")?.json();
        let ticket = facts["ticket"].as_str().context("the first gate gave no ticket")?;
        Ok(Passage { ticket: ticket.to_owned(), facts })
    }

    /// Opens the second gate. The hub's words, a denial among them, are the terminal's first event.
    pub async fn connect(&self, ticket: &str, cols: u16, rows: u16) -> anyhow::Result<HubTerminal> {
        let path = format!("/presigned/connect?cols={cols}&rows={rows}");
        let ticket = format!("{TICKET_PROTOCOL}{ticket}");
        let (socket, headers) =
            self.http.endpoint().web_socket(&path, &self.headers()?, &[PROTOCOL, &ticket]).await?;
        let chosen = headers.get(header::SEC_WEBSOCKET_PROTOCOL).map(HeaderValue::as_bytes);
        anyhow::ensure!(
            chosen == Some(PROTOCOL.as_bytes()),
            "the hub chose the subprotocol {chosen:?}"
        );
        Ok(HubTerminal::new(socket))
    }

    /// From a link to an open terminal: mint, first gate, second gate.
    pub async fn open(&mut self, link: &LinkRequest) -> anyhow::Result<HubTerminal> {
        let (secret, _) = self.mint(link).await?;
        let passage = self.validate(&secret).await?;
        self.connect(&passage.ticket, 80, 24).await
    }
}
