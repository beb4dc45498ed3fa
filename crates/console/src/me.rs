//! Who I am, and signing out.
//! How one comes to be signed in is known to `sign_in`.

use crate::Console;
use axum::extract::State;
use axum::response::{AppendHeaders, IntoResponse as _, Response};
use http::{StatusCode, header};
use http_api::{COOKIE_SIGN_IN, Json, Problem, ProblemBody, SignedIn, expired_cookie};
use model::{ClusterName, Timestamp};
use serde_json::json;

/// The signed-in person, as the page needs to know them.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct Me {
    /// The Kubernetes user as which the hub acts.
    #[schema(example = "sallyport:alice")]
    user: String,
    /// The local account's name, unless a token was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    account: Option<String>,
    /// What to call the person.
    display_name: String,
    /// The Kubernetes groups as which the hub acts.
    groups: Vec<String>,
    /// Whether the person administers the hub.
    admin: bool,
    /// How the person signed in.
    #[schema(value_type = Method)]
    method: &'static str,
    /// The only cluster that a sign-in by token holds for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    cluster: Option<ClusterName>,
    /// The clusters to choose from.
    #[schema(value_type = Vec<String>)]
    clusters: Vec<ClusterName>,
    /// To be sent as `X-Sallyport-CSRF` with every unsafe request.
    csrf: String,
    /// When the sign-in lapses if nothing more is asked.
    #[schema(value_type = String, format = DateTime)]
    idle_expires_at: Timestamp,
    /// When it ends in any case.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// The hub's version.
    version: String,
}

/// How somebody signed in.
#[derive(utoipa::ToSchema)]
#[schema(as = SignInMethod, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes what `SignInMethod::as_str` writes")]
pub(crate) enum Method {
    Password,
    Token,
    Invitation,
}

impl Me {
    pub(crate) fn of(signed_in: &SignedIn, console: &Console) -> Self {
        Self {
            user: signed_in.user().to_owned(),
            account: signed_in.account_name().map(|name| name.as_str().to_owned()),
            display_name: signed_in.display_name().to_owned(),
            groups: signed_in.identity().groups.clone(),
            admin: signed_in.is_admin(),
            method: signed_in.method().as_str(),
            cluster: signed_in.cluster().cloned(),
            clusters: match signed_in.cluster() {
                Some(only) => vec![only.clone()],
                None => console.api.clusters.names(),
            },
            csrf: signed_in.csrf().text().expose().to_owned(),
            idle_expires_at: signed_in.idle_expires_at(),
            expires_at: signed_in.expires_at(),
            version: console.version.to_string(),
        }
    }
}

/// Where to sign out.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignOut {
    /// In every browser, not in this one alone.
    everywhere: bool,
}

/// Who is signed in.
#[utoipa::path(
    get,
    path = "/api/v1/me",
    tag = "sign-in",
    responses((status = 200, description = "The signed-in person", body = Me))
)]
pub(crate) async fn me(State(console): State<Console>, signed_in: SignedIn) -> Json<Me> {
    Json(Me::of(&signed_in, &console))
}

/// Sign out here or everywhere.
///
/// Live terminals of the ended sign-ins end too.
#[utoipa::path(
    post,
    path = "/api/v1/sign-out",
    tag = "sign-in",
    request_body = SignOut,
    responses(
        (status = 204, description = "Signed out; the cookie is taken back"),
        (status = 400, description = "Malformed (bad_request)", body = ProblemBody),
    )
)]
pub(crate) async fn sign_out(
    State(console): State<Console>,
    signed_in: SignedIn,
    Json(given): Json<SignOut>,
) -> Result<Response, Problem> {
    let store = &console.api.store;
    let now = signed_in.context().at;
    let record = signed_in
        .audit("sign_out", signed_in.id())
        .detail(json!({ "everywhere": given.everywhere }))
        .allowed();
    if given.everywhere {
        store.end_sign_ins_of(signed_in.user(), signed_in.cluster(), now, record).await?;
    } else {
        store.end_sign_in(signed_in.id(), now, record).await?;
    }
    let cookie = expired_cookie(COOKIE_SIGN_IN).map(|cookie| (header::SET_COOKIE, cookie));
    Ok((StatusCode::NO_CONTENT, AppendHeaders(cookie)).into_response())
}
