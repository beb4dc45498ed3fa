//! The default: no. Whatever is not named public here needs a sign-in, whether a handler asks for one or
//! not, and an address that no service knows is told only to who is signed in.
//! Which right an act needs is asked by the handlers and decided by the cluster.

use crate::{HttpApi, Problem, SignedIn, headers, observe};
use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state, map_response};
use axum::response::{IntoResponse as _, Response};
use http::Method;
use std::any::Any;
use tower_http::catch_panic::CatchPanicLayer;

/// The routes of the API that take requests without a sign-in: those that make one.
const SIGN_IN_ROUTES: &[&str] = &[
    "/api/v1/sign-in/password",
    "/api/v1/sign-in/token",
    "/api/v1/sign-in/invitation",
    // A machine has no cookie; it proves its key, or the verifier of its own request.
    "/api/v1/machine/ask",
    "/api/v1/machine/collect",
    "/api/v1/machine/renew",
    "/api/v1/machine/end",
    "/api/v1/machine/token",
];
/// Below it, by a cluster's name, an API server asks: it has no cookie, and shows its cluster's secret.
const REVIEWS: &str = "/api/v1/token-reviews/";

/// Everything under these is the API.
const API_ROOTS: &[&str] = &["/api", "/presigned"];

/// Whether a request is answered without a sign-in: signing in itself, what proves itself otherwise, and reading what is the same for
/// everybody (the page, its assets, health).
pub fn is_public(method: &Method, path: &str) -> bool {
    if is_api(path) {
        *method == Method::POST && (SIGN_IN_ROUTES.contains(&path) || is_review(path))
    } else {
        matches!(*method, Method::GET | Method::HEAD)
    }
}

/// Puts the three layers (and one that turns panics into problems) around the whole router, once, after
/// every route and the fallback are in it.
pub fn fortify<S>(router: Router<S>, api: &HttpApi) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    router
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(DefaultBodyLimit::max(crate::BODY_BYTES_MAX))
        .layer(from_fn_with_state(api.clone(), guard))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(map_response(headers::secure))
        .layer(from_fn(observe::observe))
}

async fn guard(State(api): State<HttpApi>, request: Request, next: Next) -> Response {
    if is_public(request.method(), request.uri().path()) {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let signed_in = match SignedIn::authenticate(&parts, &api).await {
        Ok(signed_in) => signed_in,
        Err(problem) => return problem.into_response(),
    };
    // Only a fallback has no pattern, and it is a page for reading: nothing of the API, no other method.
    if parts.extensions.get::<MatchedPath>().is_none() {
        return Problem::not_found("such address in the API").into_response();
    }
    parts.extensions.insert(signed_in);
    next.run(Request::from_parts(parts, body)).await
}

fn is_api(path: &str) -> bool {
    API_ROOTS.iter().any(|root| {
        path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

fn is_review(path: &str) -> bool {
    path.strip_prefix(REVIEWS).is_some_and(|name| !name.is_empty() && !name.contains('/'))
}

fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let said = match (panic.downcast_ref::<String>(), panic.downcast_ref::<&str>()) {
        (Some(text), _) => text.clone(),
        (None, Some(text)) => (*text).to_owned(),
        (None, None) => "without words".to_owned(),
    };
    Problem::internal(format!("a handler panicked: {said}")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_signing_in_and_reading_the_page_is_public() {
        for (method, path, public) in [
            (Method::GET, "/", true),
            (Method::GET, "/pods/x", true),
            (Method::HEAD, "/livez", true),
            (Method::GET, "/apiary", true),
            (Method::POST, "/", false),
            (Method::POST, "/api/v1/sign-in/password", true),
            (Method::POST, "/api/v1/machine/ask", true),
            (Method::POST, "/api/v1/machine/requests/BCDF-GHJK", false),
            (Method::POST, "/api/v1/machine/token", true),
            (Method::POST, "/api/v1/token-reviews/demo", true),
            (Method::GET, "/api/v1/token-reviews/demo", false),
            (Method::POST, "/api/v1/token-reviews/", false),
            (Method::POST, "/api/v1/token-reviews/demo/x", false),
            (Method::GET, "/api/v1/sign-in/password", false),
            (Method::POST, "/api/v1/sign-in/password/", false),
            (Method::POST, "/api/v1/sign-in", false),
            (Method::GET, "/api", false),
            (Method::GET, "/api/", false),
            (Method::GET, "/api/v1/me", false),
            (Method::OPTIONS, "/api/v1/me", false),
            (Method::POST, "/presigned/validate", false),
            (Method::GET, "/presigned/connect", false),
            (Method::CONNECT, "/presigned/connect", false),
        ] {
            assert_eq!(is_public(&method, path), public, "{method} {path}");
        }
    }
}
