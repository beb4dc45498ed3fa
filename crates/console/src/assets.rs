//! The web page and its assets, embedded in the binary, and the page for every address of its own router.
//! Nothing here depends on who asks: it is the same for everybody and holds no data.
//!
//! Hostile input: the path names a key of a fixed table, never a file; what is not in the table is the page
//! or nothing.

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_api::{Problem, StaticAnswer};
use rust_embed::{EmbeddedFile, RustEmbed};
use std::borrow::Cow;

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
struct Dist;

const INDEX: &str = "index.html";
/// Vite writes a hash of the content into the names of files in this folder.
const HASHED: &str = "assets/";
const FOREVER: &str = "public, max-age=31536000, immutable";
/// May be kept, but is asked for again each time, which costs a 304.
const ASK_AGAIN: &str = "no-cache";

/// Answers whatever no route does: an asset, or the page itself for an address that a browser opens.
pub async fn page(request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    let headers = request.headers();
    if let Some(file) = Dist::get(path).filter(|_| !path.is_empty()) {
        return asset(path, file, headers);
    }
    // A script that is gone must not be answered with a page.
    if !path.is_empty() && !accepts_html(headers) {
        return Problem::not_found("such file").into_response();
    }
    match Dist::get(INDEX) {
        Some(index) => asset(INDEX, index, headers),
        None => Problem::internal("the binary holds no page").into_response(),
    }
}

fn asset(path: &str, file: EmbeddedFile, headers: &HeaderMap) -> Response {
    let (file, encoding) = compressed(path, headers).unwrap_or((file, None));
    let tag: String =
        file.metadata.sha256_hash()[..16].iter().map(|b| format!("{b:02x}")).collect();
    let tag = format!("\"{tag}\"");
    let kept = if path.starts_with(HASHED) { FOREVER } else { ASK_AGAIN };
    let mut response = if has_tag(headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let body = match file.data {
            Cow::Borrowed(bytes) => Body::from(bytes),
            Cow::Owned(bytes) => Body::from(bytes),
        };
        let mut response = body.into_response();
        let kind = HeaderValue::from_static(media_type(path));
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    };
    response.extensions_mut().insert(StaticAnswer);
    let set = response.headers_mut();
    set.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    set.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        set.insert(header::ETAG, tag);
    }
    if let Some(encoding) = encoding {
        set.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

/// The file as the build compressed it, if it did and the browser takes it.
fn compressed(path: &str, headers: &HeaderMap) -> Option<(EmbeddedFile, Option<&'static str>)> {
    [("br", ".br"), ("gzip", ".gz")].into_iter().find_map(|(encoding, suffix)| {
        if !lists(headers, &header::ACCEPT_ENCODING, encoding) {
            return None;
        }
        Dist::get(&format!("{path}{suffix}")).map(|file| (file, Some(encoding)))
    })
}

fn accepts_html(headers: &HeaderMap) -> bool {
    lists(headers, &header::ACCEPT, "text/html")
}

/// Whether a list of a header names `wanted`, with any weight but none.
fn lists(headers: &HeaderMap, name: &header::HeaderName, wanted: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|item| {
        let (named, weight) = item.split_once(';').unwrap_or((item, ""));
        let weight = weight.trim().strip_prefix("q=").and_then(|q| q.trim().parse::<f32>().ok());
        named.trim().eq_ignore_ascii_case(wanted) && weight != Some(0.0)
    })
}

fn has_tag(headers: &HeaderMap, tag: &str) -> bool {
    let values = headers.get_all(header::IF_NONE_MATCH).iter();
    values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(|given| {
        let given = given.trim();
        given == "*" || given.strip_prefix("W/").unwrap_or(given) == tag
    })
}

/// What a Vite build holds.
fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
