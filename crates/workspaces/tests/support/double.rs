//! A small double of an API server: it keeps what it is sent, answers reviews by a rule, and remembers who asked.
//! It enforces nothing: that the real one does is shown in `real.rs`.

use axum::body::Body as Stream;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use kube::client::Body;
use kube_io::Cluster;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    /// Whom it was done as; `None` is the hub itself.
    pub(crate) person: Option<String>,
    pub(crate) body: Value,
}

type Rule<T> = Box<dyn Fn(&Seen) -> T + Send + Sync>;

#[derive(Default)]
struct Inner {
    objects: Mutex<BTreeMap<String, Value>>,
    seen: Mutex<Vec<Seen>>,
    rules: Mutex<Rules>,
    next_uid: std::sync::atomic::AtomicU64,
    watches: Mutex<Vec<mpsc::UnboundedReceiver<String>>>,
}

#[derive(Default)]
struct Rules {
    allow: Option<Rule<bool>>,
    intercept: Option<Rule<Option<(u16, Value)>>>,
}

/// The double. Clones share everything.
#[derive(Clone, Default)]
pub(crate) struct Double(Arc<Inner>);

impl Double {
    /// Reviews are answered by this; it is given `spec` of the review as the body.
    pub(crate) fn allowing(self, rule: impl Fn(&Value) -> bool + Send + Sync + 'static) -> Self {
        self.0.rules.lock().unwrap().allow = Some(Box::new(move |seen| rule(&seen.body["spec"])));
        self
    }

    /// What comes first: an answer of its own, such as a refusal. Status 0 breaks the connection.
    pub(crate) fn intercepting(
        self,
        rule: impl Fn(&Seen) -> Option<(u16, Value)> + Send + Sync + 'static,
    ) -> Self {
        self.0.rules.lock().unwrap().intercept = Some(Box::new(rule));
        self
    }

    /// An object that is there already, by its path.
    pub(crate) fn with(self, path: &str, object: Value) -> Self {
        self.0.objects.lock().unwrap().insert(path.to_owned(), object);
        self
    }

    pub(crate) fn object(&self, path: &str) -> Option<Value> {
        self.0.objects.lock().unwrap().get(path).cloned()
    }

    pub(crate) fn remove(&self, path: &str) {
        self.0.objects.lock().unwrap().remove(path);
    }

    /// Every object whose path begins so.
    pub(crate) fn under(&self, prefix: &str) -> Vec<Value> {
        let objects = self.0.objects.lock().unwrap();
        objects
            .iter()
            .filter(|(path, _)| path.starts_with(prefix))
            .map(|(_, it)| it.clone())
            .collect()
    }

    /// Requests that a test cares about; what was only tried, by a dry run, is apart.
    pub(crate) fn seen(&self, method: &str, part: &str) -> Vec<Seen> {
        self.asked(|it| it.method == method && it.path.contains(part) && !is_dry_run(it))
    }

    /// What was tried without being done.
    pub(crate) fn tried(&self, part: &str) -> Vec<Seen> {
        self.asked(|it| it.path.contains(part) && is_dry_run(it))
    }

    fn asked(&self, which: impl Fn(&Seen) -> bool) -> Vec<Seen> {
        self.0.seen.lock().unwrap().iter().filter(|it| which(it)).cloned().collect()
    }

    /// The next watch that is opened gets these lines.
    pub(crate) fn next_watch(&self) -> mpsc::UnboundedSender<String> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.0.watches.lock().unwrap().push(receiver);
        sender
    }

    /// A cluster that is this double.
    pub(crate) fn cluster(&self, name: &str) -> Cluster {
        let double = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let double = double.clone();
            async move { double.answer(request).await }
        });
        Cluster::from_client(name.parse().unwrap(), kube::Client::new(service, "default"))
    }

    async fn answer(&self, request: Request<Body>) -> Result<Response<Stream>, std::io::Error> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
        let person = parts.headers.get("impersonate-user");
        let seen = Seen {
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            person: person.map(|it| String::from_utf8_lossy(it.as_bytes()).into_owned()),
            body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        };
        self.0.seen.lock().unwrap().push(seen.clone());
        let intercepted =
            self.0.rules.lock().unwrap().intercept.as_ref().and_then(|rule| rule(&seen));
        let (code, answer) = match intercepted {
            Some((0, _)) => return Err(std::io::Error::other("connection refused")),
            Some(answer) => answer,
            None if seen.query.contains("watch=true") => return Ok(self.watch()),
            None => self.answer_to(&seen),
        };
        let mut response = Response::new(Stream::from(answer.to_string()));
        *response.status_mut() = StatusCode::from_u16(code).unwrap();
        Ok(response)
    }

    fn watch(&self) -> Response<Stream> {
        let mut watches = self.0.watches.lock().unwrap();
        // One that nobody prepared stays silent, as most do.
        let receiver = if watches.is_empty() { None } else { Some(watches.remove(0)) };
        let lines = futures_util::stream::unfold(receiver, |receiver| async {
            let Some(mut receiver) = receiver else { return std::future::pending().await };
            let line = receiver.recv().await?;
            Some((Ok::<_, std::io::Error>(format!("{line}\n")), Some(receiver)))
        });
        Response::new(Stream::from_stream(lines))
    }

    fn answer_to(&self, seen: &Seen) -> (u16, Value) {
        let path = seen.path.as_str();
        let mut objects = self.0.objects.lock().unwrap();
        if path.ends_with("/subjectaccessreviews") {
            let rules = self.0.rules.lock().unwrap();
            let allowed = rules.allow.as_ref().is_some_and(|rule| rule(seen));
            return (201, json!({ "spec": {}, "status": { "allowed": allowed } }));
        }
        match seen.method.as_str() {
            // The hub tries whether the quota bites with a Pod that is too large for any.
            "POST" if is_dry_run(seen) => {
                (403, status(403, "Forbidden", "exceeded quota: sallyport-workspaces"))
            }
            "GET" if objects.contains_key(path) => (200, objects[path].clone()),
            "GET" if is_collection(path) => (200, list(&objects, path)),
            "POST" => {
                let name = seen.body["metadata"]["name"].as_str().unwrap_or_default();
                let path = format!("{path}/{name}");
                if objects.contains_key(&path) {
                    return (409, status(409, "AlreadyExists", "it exists already"));
                }
                let object = self.made(seen.body.clone());
                objects.insert(path, object.clone());
                (201, object)
            }
            "PATCH" => {
                let object = self.made(seen.body.clone());
                objects.insert(path.to_owned(), object.clone());
                (200, object)
            }
            "DELETE" => match objects.remove(path) {
                Some(object) => (200, object),
                None => (404, status(404, "NotFound", "there is none")),
            },
            _ => (404, status(404, "NotFound", "there is none")),
        }
    }

    fn made(&self, mut object: Value) -> Value {
        let number = self.0.next_uid.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if object["metadata"]["uid"].is_null() {
            object["metadata"]["uid"] = format!("uid-{number}").into();
        }
        object["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z".into();
        object
    }
}

fn is_dry_run(seen: &Seen) -> bool {
    seen.query.contains("dryRun=All")
}

fn is_collection(path: &str) -> bool {
    ["pods", "events", "namespaces"].iter().any(|kind| path.ends_with(&format!("/{kind}")))
}

/// A list: of one namespace by its path, of all by the kind.
fn list(objects: &BTreeMap<String, Value>, path: &str) -> Value {
    let kind = path.rsplit('/').next().unwrap_or_default();
    let everywhere = path == format!("/api/v1/{kind}");
    let items: Vec<&Value> = objects
        .iter()
        .filter(|(at, _)| {
            let inside = at
                .strip_prefix(path)
                .is_some_and(|rest| rest.starts_with('/') && !rest[1..].contains('/'));
            inside || (everywhere && kind == "pods" && at.contains("/pods/"))
        })
        .map(|(_, object)| object)
        .collect();
    json!({ "metadata": { "resourceVersion": "1" }, "items": items })
}

/// A `metav1.Status` of failure.
pub(crate) fn status(code: u16, reason: &str, message: &str) -> Value {
    json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message })
}
