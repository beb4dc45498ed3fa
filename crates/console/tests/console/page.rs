//! The page and its assets: for everybody, with every guard in its headers, and never in place of the API.

use crate::hub::Hub;
use axum::body::Body;
use http::{Method, header};

#[tokio::test]
async fn a_browser_gets_the_page_at_any_address_of_its_router() {
    let hub = Hub::empty().await;
    for path in ["/", "/sign-in", "/pods/home/default/web-0", "/invitation", "/apiary"] {
        let mut browser = hub.browser();
        let request = browser
            .request(Method::GET, path)
            .header(header::ACCEPT, "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
            .body(Body::empty())
            .unwrap();
        let reply = browser.send(request).await;
        assert_eq!(reply.status, 200, "{path}");
        assert_eq!(reply.headers[header::CONTENT_TYPE], "text/html; charset=utf-8");
        assert_eq!(reply.headers[header::CACHE_CONTROL], "no-cache");
        let policy = reply.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe-eval"), "{policy}");
        assert!(!policy.split(';').any(|it| it.contains("script-src") && it.contains("unsafe")));
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(reply.headers[name], value);
        }
        assert!(reply.headers.contains_key("strict-transport-security"));
        assert!(browser.cookies.is_empty());
    }
}

#[tokio::test]
async fn an_unchanged_page_is_not_sent_again() {
    let hub = Hub::empty().await;
    let mut browser = hub.browser();
    let tag = browser.get("/").await.headers[header::ETAG].clone();
    let request = browser
        .request(Method::GET, "/")
        .header(header::IF_NONE_MATCH, &tag)
        .body(Body::empty())
        .unwrap();
    let reply = browser.send(request).await;
    assert_eq!((reply.status, reply.text.as_str()), (304, ""));
    let request = browser
        .request(Method::GET, "/")
        .header(header::IF_NONE_MATCH, "\"other\"")
        .body(Body::empty())
        .unwrap();
    assert_eq!(browser.send(request).await.status, 200);
}

#[tokio::test]
async fn what_is_not_there_is_not_a_page() {
    let hub = Hub::start().await;
    let mut stranger = hub.browser();
    for path in ["/assets/gone-123.js", "/../Cargo.toml", "/%2e%2e/Cargo.toml", "/favicon.gone"] {
        stranger.get(path).await.refused(404, "not_found");
    }
    for path in ["/api", "/api/", "/api/v1/nothing", "/api/v2/me", "/presigned/nothing"] {
        let accept = |browser: &crate::browser::Browser| {
            let request = browser.request(Method::GET, path).header(header::ACCEPT, "text/html");
            request.body(Body::empty()).unwrap()
        };
        let request = accept(&stranger);
        stranger.send(request).await.refused(401, "not_signed_in");
        let mut alice = hub.signed_in("alice").await;
        let request = accept(&alice);
        alice.send(request).await.refused(404, "not_found");
    }
    let request = stranger.request(Method::POST, "/").body(Body::empty()).unwrap();
    stranger.send(request).await.refused(401, "not_signed_in");
}
