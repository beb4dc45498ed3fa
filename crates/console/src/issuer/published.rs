//! What an API server reads to verify tokens by itself: the discovery document (OpenID Connect Discovery 1.0, section 3)
//! and the keys.
//! Which keys are published when is decided by `authn`.
//!
//! Open to everybody, as such documents are: they hold public keys and addresses, and are made of what lies in memory.

use super::IssuerDesk;
use crate::Console;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header;
use http_api::{Json, Problem, ProblemBody};
use serde_json::{Value, json};

/// An API server asks again when it meets a key that it does not know. A minute keeps what stands between from holding
/// an old set for longer than a new key is published before it signs.
const CACHED: &str = "max-age=60";

/// Read how to verify the hub's ID tokens.
///
/// The discovery document of OpenID Connect. There is none unless an operator set `issuer.url`.
#[utoipa::path(
    get,
    path = "/issuer/.well-known/openid-configuration",
    tag = "issuer",
    responses(
        (status = 200, description = "The document", body = Value, content_type = "application/json"),
        (status = 404, description = "The hub is no issuer (not_found)", body = ProblemBody),
    )
)]
pub(crate) async fn issuer_configuration(
    State(console): State<Console>,
) -> Result<Response, Problem> {
    let issuer = issuer(&console.issuer)?;
    Ok(cached(json!({
        "issuer": issuer,
        "jwks_uri": format!("{issuer}/keys"),
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "claims_supported": ["iss", "sub", "aud", "exp", "iat", "jti", "sid", "groups"],
    })))
}

/// Read the keys that the hub's ID tokens are signed with.
///
/// A JSON Web Key Set. A new key is in it ten minutes before it signs, and an old one for as long as a token of it holds.
#[utoipa::path(
    get,
    path = "/issuer/keys",
    tag = "issuer",
    responses(
        (status = 200, description = "The keys", body = Value, content_type = "application/json"),
        (status = 404, description = "The hub is no issuer (not_found)", body = ProblemBody),
    )
)]
pub(crate) async fn issuer_keys(State(console): State<Console>) -> Result<Response, Problem> {
    issuer(&console.issuer)?;
    let keys = console.issuer.0.keys.published(console.api.clock.now());
    Ok(cached(authn::key_set(&keys)))
}

fn issuer(desk: &IssuerDesk) -> Result<&str, Problem> {
    match desk.0.publishes {
        true => Ok(&desk.0.issuer),
        false => Err(Problem::not_found("issuer of tokens on this hub")),
    }
}

fn cached(document: Value) -> Response {
    let mut response = Json(document).into_response();
    let cached = http::HeaderValue::from_static(CACHED);
    response.headers_mut().insert(header::CACHE_CONTROL, cached);
    response
}
