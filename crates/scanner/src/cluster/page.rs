//! One page of a list: asked for, bounded, and told apart by what its failure means.
//! Which lists are read, and what becomes of the items, is `cluster`'s.
//!
//! Hostile input: a page is bounded in bytes and depth before anything of it is kept.

use http_body_util::{BodyExt as _, Limited};
use kube::client::Body;
use kube_io::Cluster;
use serde::Deserialize;
use serde_json::Value;

/// Objects of a page: kubectl's own number.
pub(super) const ITEMS: usize = 500;
/// Bytes of a page. An object has at most 1.5 MiB in etcd; 500 of the largest Pods seen have 10 MiB.
const BYTES_MAX: usize = 128 * 1024 * 1024;
/// Letters of the API server's words that are told.
const WORDS_MAX: usize = 300;

/// A page of a list.
#[derive(Debug)]
pub(super) struct Page {
    /// Its objects.
    pub(super) items: Vec<Value>,
    /// Where the list goes on.
    pub(super) rest: Option<String>,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub(super) enum PageFault {
    /// Authorisation.
    #[error("the API server refused the list")]
    Refused,
    /// The group or resource does not exist there.
    #[error("the API server does not serve the list")]
    NotServed,
    /// The continuation is too old.
    #[error("the list changed faster than it could be read; try again")]
    Expired,
    /// Another status.
    #[error("the API server answered {0}: {1}")]
    Answered(u16, String),
    /// No whole answer.
    #[error("the API server does not answer: {0}")]
    Unreachable(String),
    /// Not a list.
    #[error("what the API server answered is no list")]
    Misbehaved,
    /// More than a scan takes.
    #[error("there are more than {0} objects, which is more than a scan takes")]
    TooMany(usize),
}

#[derive(Deserialize)]
struct List {
    #[serde(default)]
    metadata: Metadata,
    // The API server writes null for an empty list of some old kinds.
    items: Option<Vec<Value>>,
}

#[derive(Deserialize, Default)]
struct Metadata {
    #[serde(default, rename = "continue")]
    rest: String,
}

/// Asks for the page at `next`; the first, if that is empty.
pub(super) async fn read(cluster: &Cluster, path: &str, next: &str) -> Result<Page, PageFault> {
    let mut uri = format!("{path}?limit={ITEMS}");
    if !next.is_empty() {
        uri.push_str("&continue=");
        uri.extend(next.bytes().map(encoded));
    }
    let unreachable = |error: &dyn std::error::Error| PageFault::Unreachable(error.to_string());
    let request = http::Request::get(uri)
        .header(http::header::ACCEPT, "application/json")
        .body(Body::empty())
        .map_err(|error| unreachable(&error))?;
    let answer = cluster.as_hub().send(request).await.map_err(|error| unreachable(&error))?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), BYTES_MAX)
        .collect()
        .await
        .map_err(|error| PageFault::Unreachable(error.to_string()))?
        .to_bytes();
    match status.as_u16() {
        200 => {
            let list: List = serde_json::from_slice(&body).map_err(|_| PageFault::Misbehaved)?;
            let rest = Some(list.metadata.rest).filter(|rest| !rest.is_empty());
            Ok(Page { items: list.items.unwrap_or_default(), rest })
        }
        // Who is not known to the server is not told what there is either.
        401 | 403 => Err(PageFault::Refused),
        404 | 405 => Err(PageFault::NotServed),
        410 => Err(PageFault::Expired),
        code => {
            let words = serde_json::from_slice::<Value>(&body)
                .ok()
                .and_then(|status| Some(status.get("message")?.as_str()?.to_owned()))
                .unwrap_or_else(|| "no reason was given".to_owned());
            Err(PageFault::Answered(code, words.chars().take(WORDS_MAX).collect()))
        }
    }
}

/// A byte of a continuation, which is opaque, for a query.
fn encoded(byte: u8) -> String {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    }
}
