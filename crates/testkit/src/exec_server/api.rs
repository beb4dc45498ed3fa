//! The API's paths. Each answer has the form that Kubernetes gives it; what is not known is a 404 Status.

use super::record::RequestSeen;
use super::{Shared, lock, reviews, upgrade};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use serde_json::{Value, json};
use std::sync::Arc;

/// Reviews are small.
const BODY_BYTES_MAX: usize = 1024 * 1024;

pub(super) type Reply = Response<Full<Bytes>>;

pub(super) async fn answer(shared: &Arc<Shared>, request: Request<Incoming>) -> Reply {
    let path = request.uri().path().to_owned();
    shared.records.note_request(RequestSeen {
        method: request.method().to_string(),
        path: path.clone(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        impersonation: impersonation(request.headers()),
    });
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let get = request.method() == Method::GET;
    match segments.as_slice() {
        ["version"] if get => json_reply(StatusCode::OK, &version()),
        ["livez" | "readyz" | "healthz"] if get => text_reply("ok"),
        ["apis", "authorization.k8s.io", "v1", "subjectaccessreviews"] => {
            review(request, |asked| {
                let access = reviews::access_asked(&asked);
                let policy = Arc::clone(&lock(&shared.policy).access);
                let verdict = policy(&access);
                shared.records.note_access(access);
                reviews::access_answer(asked, verdict)
            })
            .await
        }
        ["apis", "authentication.k8s.io", "v1", "tokenreviews"] => {
            review(request, |asked| {
                let policy = Arc::clone(&lock(&shared.policy).token);
                let user = policy(&reviews::token_asked(&asked));
                reviews::token_answer(asked, user)
            })
            .await
        }
        ["api", "v1", "pods"] if get => pod_list(shared, None),
        ["api", "v1", "namespaces", namespace, "pods"] if get => pod_list(shared, Some(namespace)),
        ["api", "v1", "namespaces", namespace, "pods", name] if get => {
            let pods = lock(&shared.pods);
            match pods.iter().find(|pod| pod.namespace == *namespace && pod.name == *name) {
                Some(pod) => json_reply(StatusCode::OK, &pod.json()),
                None => missing(&format!("pods \"{name}\" not found")),
            }
        }
        ["api", "v1", "namespaces", namespace, "pods", name, "exec"] => {
            let (namespace, name) = ((*namespace).to_owned(), (*name).to_owned());
            upgrade::exec(shared, request, namespace, name).await
        }
        _ => missing("the server could not find the requested resource"),
    }
}

/// The headers by which somebody acts as somebody else.
pub(super) fn impersonation(headers: &HeaderMap) -> Vec<(String, String)> {
    let telling = |name: &str| name.starts_with("impersonate-") || name.starts_with("x-remote-");
    headers
        .iter()
        .filter(|(name, _)| telling(name.as_str()))
        .map(|(name, value)| {
            (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect()
}

async fn review(request: Request<Incoming>, decide: impl FnOnce(Value) -> Value) -> Reply {
    if request.method() != Method::POST {
        return status_reply(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", "POST a review");
    }
    let body = Limited::new(request.into_body(), BODY_BYTES_MAX).collect().await;
    let body = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    match serde_json::from_slice::<Value>(&body) {
        Ok(asked) if asked.is_object() => json_reply(StatusCode::CREATED, &decide(asked)),
        _ => status_reply(StatusCode::BAD_REQUEST, "BadRequest", "the review is not a JSON object"),
    }
}

fn pod_list(shared: &Shared, namespace: Option<&str>) -> Reply {
    let pods = lock(&shared.pods);
    let items: Vec<Value> = pods
        .iter()
        .filter(|pod| namespace.is_none_or(|namespace| pod.namespace == namespace))
        .map(super::PodDouble::json)
        .collect();
    let list = json!({
        "apiVersion": "v1", "kind": "PodList", "metadata": { "resourceVersion": "1" }, "items": items,
    });
    json_reply(StatusCode::OK, &list)
}

fn version() -> Value {
    json!({
        "major": "1", "minor": "36", "gitVersion": "v1.36.0-double", "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z", "goVersion": "", "compiler": "", "platform": "linux/amd64",
    })
}

fn missing(message: &str) -> Reply {
    status_reply(StatusCode::NOT_FOUND, "NotFound", message)
}

/// A `metav1.Status` of failure.
pub(super) fn status_reply(code: StatusCode, reason: &str, message: &str) -> Reply {
    let status = json!({
        "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code.as_u16(),
    });
    json_reply(code, &status)
}

fn json_reply(code: StatusCode, body: &Value) -> Reply {
    let mut reply = Response::new(Full::new(Bytes::from(body.to_string())));
    *reply.status_mut() = code;
    let json = header::HeaderValue::from_static("application/json");
    reply.headers_mut().insert(header::CONTENT_TYPE, json);
    reply
}

pub(super) fn text_reply(body: &'static str) -> Reply {
    Response::new(Full::new(Bytes::from_static(body.as_bytes())))
}
