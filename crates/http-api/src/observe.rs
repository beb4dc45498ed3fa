//! The outermost layer: gives a request its id, span and metrics, and writes problems out.
//! Logs, spans and metrics hold the route's pattern and never the path, query or fragment, where a
//! careless link may carry a secret.
//!
//! Hostile input: an id from outside is not taken, and headers by which proxies assert an identity are
//! dropped, so that nothing behind this layer can come to believe them.

use crate::{Problem, random};
use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use model::RequestId;
use std::time::Instant;
use tracing::Instrument as _;

/// What the page and its files, which a browser asks for by the dozen, are called in logs and metrics.
const STATIC: &str = "static";
const DURATIONS: &str = "sallyport_http_request_duration_seconds";
const REQUESTS: &str = "sallyport_http_requests_total";

/// Rides in the extensions of an answer that is the same for everybody and holds no data: the page or a file of
/// it. Such answers share one label, and are logged for those who debug.
#[derive(Debug, Clone, Copy)]
pub struct StaticAnswer;

/// Tells what this crate counts and lets it begin at nothing, so that the figures are there before the first
/// request. Called once the binary has begun to count.
pub fn describe_metrics() {
    metrics::describe_histogram!(DURATIONS, "How long requests took, by method and route.");
    crate::pace::describe_metrics();
    metrics::describe_counter!(REQUESTS, "Requests answered, by method, route and status.");
    let _begun = metrics::histogram!(DURATIONS, "method" => "GET", "path" => STATIC);
    metrics::counter!(REQUESTS, "method" => "GET", "path" => STATIC, "status" => "200").absolute(0);
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

pub(crate) async fn observe(mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = match random() {
        Ok(bytes) => RequestId::from_random(bytes),
        // No randomness, no secrets: nothing may go on. The problem carries an id of zeros.
        Err(problem) => {
            let id = RequestId::from_random([0; 16]);
            problem.log(&id);
            return problem.answer(&id);
        }
    };
    drop_asserted_identities(request.headers_mut());
    request.headers_mut().remove(&REQUEST_ID);
    request.extensions_mut().insert(id.clone());
    let method = label_of(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let span = tracing::info_span!("request", request = %id, method, path = tracing::field::Empty);
    if let Some(route) = &route {
        span.record("path", route.as_str());
    }

    let mut response = next.run(request).instrument(span.clone()).await;

    // Patterns of routes are few; whatever fits none shares one label, so that metrics stay bounded.
    let is_static = response.extensions_mut().remove::<StaticAnswer>().is_some();
    let path = match &route {
        Some(route) => route.as_str(),
        None => {
            let path = if is_static { STATIC } else { "unmatched" };
            span.record("path", path);
            path
        }
    }
    .to_owned();
    let _entered = span.enter();
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        problem.log(&id);
        let (finished, body) = problem.answer(&id).into_parts();
        response.headers_mut().extend(finished.headers);
        *response.body_mut() = body;
    }
    // An id is letters and digits, so this holds always.
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let (status, took) = (response.status().as_u16(), started.elapsed());
    let labels = [("method", method.to_owned()), ("path", path.clone())];
    metrics::histogram!(DURATIONS, &labels).record(took.as_secs_f64());
    let labels = [("method", method.to_owned()), ("path", path), ("status", status.to_string())];
    metrics::counter!(REQUESTS, &labels).increment(1);
    let latency_ms = took.as_secs_f64() * 1e3;
    if is_static {
        tracing::debug!(status, latency_ms, "request answered");
    } else {
        tracing::info!(status, latency_ms, "request answered");
    }
    response
}

/// Methods are anybody's text as well.
fn label_of(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::CONNECT => "CONNECT",
        _ => "OTHER",
    }
}

fn drop_asserted_identities(headers: &mut HeaderMap) {
    let asserted: Vec<HeaderName> = headers
        .keys()
        .filter(|name| {
            let name = name.as_str();
            name.starts_with("x-remote-") || name.starts_with("impersonate-")
        })
        .cloned()
        .collect();
    for name in asserted {
        headers.remove(name);
    }
}
