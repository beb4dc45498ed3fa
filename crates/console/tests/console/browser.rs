//! A browser as far as the hub can tell: it keeps cookies, sends its origin, and repeats the CSRF token.

use crate::hub::ORIGIN;
use axum::Router;
use axum::body::Body;
use http::request::Builder;
use http::{HeaderMap, Method, Request, header};
use http_api::{CSRF_HEADER, Peer};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use tower::ServiceExt as _;

#[derive(Clone)]
pub(crate) struct Browser {
    router: Router,
    pub(crate) address: String,
    pub(crate) cookies: BTreeMap<String, String>,
    pub(crate) csrf: String,
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Browser {
    pub(crate) fn new(router: Router, address: &str) -> Self {
        Self { router, address: address.to_owned(), cookies: BTreeMap::new(), csrf: String::new() }
    }

    pub(crate) fn at(mut self, address: &str) -> Self {
        address.clone_into(&mut self.address);
        self
    }

    pub(crate) async fn sign_in(&mut self, name: &str, password: &str) -> Reply {
        let body = json!({ "username": name, "password": password });
        let reply = self.post("/api/v1/sign-in/password", body).await;
        if reply.status == 200 {
            self.csrf = reply.json()["csrf"].as_str().unwrap().to_owned();
        }
        reply
    }

    pub(crate) async fn get(&mut self, path: &str) -> Reply {
        let request = self.request(Method::GET, path).body(Body::empty()).unwrap();
        self.send(request).await
    }

    /// As a page of the hub's own posts.
    pub(crate) async fn post(&mut self, path: &str, body: Value) -> Reply {
        let request = self
            .request(Method::POST, path)
            .header(header::ORIGIN, ORIGIN)
            .header(CSRF_HEADER, self.csrf.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        self.send(request).await
    }

    /// The bare request with this browser's cookies.
    pub(crate) fn request(&self, method: Method, path: &str) -> Builder {
        let request = Request::builder().method(method).uri(path);
        if self.cookies.is_empty() {
            return request;
        }
        let pairs: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        request.header(header::COOKIE, pairs.join("; "))
    }

    pub(crate) async fn send(&mut self, mut request: Request<Body>) -> Reply {
        let peer = SocketAddr::new(self.address.parse().unwrap(), 40_000);
        request.extensions_mut().insert(Peer(peer));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        for cookie in parts.headers.get_all(header::SET_COOKIE) {
            let text = cookie.to_str().unwrap();
            let (name, rest) = text.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if text.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let bytes = body.collect().await.unwrap().to_bytes();
        Reply {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts a refusal, whole: status, media type, code and request id.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], format!("https://sallyport.dev/problems/{code}"));
        assert_eq!(problem["request_id"], self.headers["x-request-id"].to_str().unwrap());
    }
}
