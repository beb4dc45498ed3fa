//! The face for API servers: an API server proves itself by its cluster's secret and asks whose a token is
//! (`TokenReview`, authentication.k8s.io v1 and v1beta1).
//! Which tokens are the hub's is decided by `authn`; whether a sign-in holds, by the store, at every question.
//!
//! Hostile input: without the secret nothing is looked at, and wrong secrets wait as wrong passwords do. With it, an API
//! server hands on whatever strangers send it as a token, so a token that is not the hub's leaves no record, and one that is
//! leaves one record for each way in which it was decided: nobody can fill the audit log. At most [`REVIEWS_MAX`] are
//! under way, a body is bounded as all are.
//!
//! An answer names no audience: the token is for the API server itself, which then compares what was asked for with its
//! own. So a token that somebody in the cluster reviews for another audience is refused there.

use super::{IssuerDesk, REVIEWS};
use crate::Console;
use crate::throttle::Counted;
use authn::{IdToken, id_token_groups};
use axum::extract::State;
use http::{HeaderMap, header};
use http_api::{DecidedBy, Json, Path, Problem, ProblemBody, ProblemCode, RequestContext};
use model::{ClusterName, Identity, Secret, Timestamp};
use serde_json::json;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// A review takes a signature and a look into the store; more at once only wait for each other. API servers come back.
const REVIEWS_MAX: usize = 64;
/// Decisions that are remembered as recorded, about 100 bytes each; at the bound they are recorded anew.
const REMEMBERED_MAX: usize = 10_000;
/// By then a token has expired for an API server as well, whatever its clock.
const REMEMBERED_FOR: Duration = Duration::from_secs(1200);

/// Which decisions were recorded, and how many reviews are under way.
pub(super) struct Reviewed {
    recorded: Mutex<HashMap<(String, &'static str), Timestamp>>,
    seats: Semaphore,
}

impl Default for Reviewed {
    fn default() -> Self {
        Self { recorded: Mutex::default(), seats: Semaphore::new(REVIEWS_MAX) }
    }
}

impl Reviewed {
    /// Whether this decision about a token has a record of this hub's.
    fn is_recorded(&self, token: &str, decision: &'static str) -> bool {
        let recorded = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
        recorded.contains_key(&(token.to_owned(), decision))
    }

    fn remember(&self, token: &str, decision: &'static str, now: Timestamp) {
        let mut recorded = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
        if recorded.len() >= REMEMBERED_MAX {
            recorded.retain(|_, until| now < *until);
            if recorded.len() >= REMEMBERED_MAX {
                recorded.clear();
            }
        }
        recorded.insert((token.to_owned(), decision), now.after(REMEMBERED_FOR));
    }

    fn seat(&self) -> Result<SemaphorePermit<'_>, Problem> {
        self.seats.try_acquire().map_err(|_| {
            Problem::new(ProblemCode::TooManyAttempts, "too many reviews are under way")
                .decided_by(DecidedBy::Hub)
                .retry_after(Duration::from_secs(1))
        })
    }
}

/// The versions in which an API server asks.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub(crate) enum TokenReviewVersion {
    /// `--authentication-token-webhook-version=v1`.
    #[serde(rename = "authentication.k8s.io/v1")]
    V1,
    /// What an API server asks in unless it is told otherwise.
    #[serde(rename = "authentication.k8s.io/v1beta1")]
    V1Beta1,
}

/// The kind of what is asked.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub(crate) enum TokenReviewKind {
    /// The only one.
    TokenReview,
}

/// An API server's question. Whatever else it says is Kubernetes' to define, and not read.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TokenReviewQuestion {
    /// The version.
    api_version: TokenReviewVersion,
    /// `TokenReview`.
    kind: TokenReviewKind,
    /// What is asked.
    spec: TokenReviewSpec,
}

/// What is asked.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct TokenReviewSpec {
    /// Whatever somebody sent as a bearer token.
    #[serde(default = "nothing")]
    #[schema(value_type = String, format = Password)]
    token: Secret,
}

fn nothing() -> Secret {
    Secret::new("")
}

/// The hub's answer.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TokenReviewAnswer {
    /// The version in which it was asked.
    api_version: TokenReviewVersion,
    /// `TokenReview`.
    kind: TokenReviewKind,
    /// The answer.
    status: TokenReviewStatus,
}

/// Whose the token is.
#[derive(Debug, Default, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct TokenReviewStatus {
    /// Whether it is anybody's.
    authenticated: bool,
    /// Whose.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    user: Option<TokenReviewUser>,
    /// Why it is nobody's, if it was once the hub's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<String>,
}

/// A person, as the gateway names them.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct TokenReviewUser {
    /// The user name.
    #[schema(example = "sallyport:alice")]
    username: String,
    /// The groups; none of Kubernetes' own.
    groups: Vec<String>,
    /// The token's id, as an API server that verifies tokens by itself notes it.
    extra: HashMap<&'static str, Vec<String>>,
}

/// Under this key the API server's audit log names the token, whichever way it was verified.
const CREDENTIAL_ID: &str = "authentication.kubernetes.io/credential-id";

/// Have a token reviewed, as the API server of a cluster.
///
/// The webhook of `--authentication-token-webhook-config-file`. The API server shows its cluster's secret as a bearer
/// token; there is no such face for a cluster that has none.
#[utoipa::path(
    post,
    path = "/api/v1/token-reviews/{cluster}",
    tag = "issuer",
    params(("cluster" = String, Path, description = "The cluster's name")),
    request_body = TokenReviewQuestion,
    responses(
        (status = 200, description = "Whose the token is, if anybody's", body = TokenReviewAnswer),
        (status = 400, description = "No TokenReview (bad_request)", body = ProblemBody),
        (status = 401, description = "Not the cluster's secret (token_refused)", body = ProblemBody),
        (status = 404, description = "No such face (cluster_unknown)", body = ProblemBody),
        (status = 413, description = "Too large (body_too_large)", body = ProblemBody),
        (status = 429, description = "Too many attempts, or too many under way (too_many_attempts)", body = ProblemBody),
    )
)]
pub(crate) async fn review_token(
    State(console): State<Console>,
    context: RequestContext,
    Path(cluster): Path<ClusterName>,
    _proved: Reviewer,
    Json(question): Json<TokenReviewQuestion>,
) -> Result<Json<TokenReviewAnswer>, Problem> {
    let _seat = console.issuer.0.reviewed.seat()?;
    let status = match judge(&console, &context, &cluster, &question.spec.token).await? {
        Judged::Person(identity, id) => {
            counted("allowed");
            let groups = id_token_groups(&identity);
            let extra = HashMap::from([(CREDENTIAL_ID, vec![format!("JTI={id}")])]);
            let user = TokenReviewUser { username: identity.user, groups, extra };
            TokenReviewStatus { authenticated: true, user: Some(user), error: None }
        }
        Judged::Nobody => {
            counted("unknown");
            TokenReviewStatus::default()
        }
        Judged::NoMore(why) => {
            counted("denied");
            TokenReviewStatus { error: Some(why.to_owned()), ..TokenReviewStatus::default() }
        }
    };
    let TokenReviewQuestion { api_version, kind, .. } = question;
    Ok(Json(TokenReviewAnswer { api_version, kind, status }))
}

enum Judged {
    /// The person, and the token's id.
    Person(Identity, String),
    /// Not the hub's: another method of the API server may know it.
    Nobody,
    NoMore(&'static str),
}

async fn judge(
    console: &Console,
    context: &RequestContext,
    cluster: &ClusterName,
    token: &Secret,
) -> Result<Judged, Problem> {
    let IssuerDesk(desk) = &console.issuer;
    let keys = desk.keys.published(context.at);
    let Ok(token) = IdToken::verified(token, &keys) else { return Ok(Judged::Nobody) };
    let verdict = match token.holds(&desk.issuer, cluster, context.at) {
        Ok(()) => person(console, &token, context.at).await?.ok_or("the sign-in has ended"),
        Err(authn::IdTokenFault::OtherIssuer) => Err("the token is of another issuer"),
        Err(authn::IdTokenFault::OtherCluster) => Err("the token is for another cluster"),
        Err(authn::IdTokenFault::Expired) => Err("the token has expired"),
    };
    let decision = verdict.as_ref().err().copied().unwrap_or("allowed");
    // One record for a token and a decision, not one for each question about it.
    if !desk.reviewed.is_recorded(token.id(), decision) {
        let record = context.audit(token.user(), "token.review", cluster);
        let sign_in = token.sign_in().map(|id| id.to_string());
        let record = match &verdict {
            Ok(_) => record.detail(json!({ "token": token.id(), "sign_in": sign_in })).allowed(),
            Err(why) => record
                .detail(json!({ "token": token.id(), "sign_in": sign_in, "why": why }))
                .denied(ProblemCode::TokenRefused),
        };
        console.api.store.audit(record).await?;
        desk.reviewed.remember(token.id(), decision, context.at);
    }
    Ok(match verdict {
        Ok(identity) => Judged::Person(identity, token.id().to_owned()),
        Err(why) => Judged::NoMore(why),
    })
}

/// Who stands behind the token's sign-in now, if that holds: the account may have lost a group since.
async fn person(
    console: &Console,
    token: &IdToken,
    now: Timestamp,
) -> Result<Option<Identity>, Problem> {
    let store = &console.api.store;
    let Some(id) = token.sign_in() else { return Ok(None) };
    let Some(current) = store.machine_sign_in(&id, now).await? else { return Ok(None) };
    let identity = current.account.as_ref().map(|account| console.api.identity_of(account));
    let Some(identity) = identity.filter(|identity| identity.user == token.user()) else {
        return Ok(None);
    };
    if let Err(error) = store.touch_sign_in_seen(&id, now).await {
        tracing::warn!(%error, "the use of a machine's sign-in could not be written down");
    }
    Ok(Some(identity))
}

/// An API server that has shown the secret of the cluster in the path. Extracted before the body is read.
pub(crate) struct Reviewer;

impl axum::extract::FromRequestParts<Console> for Reviewer {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut http::request::Parts,
        console: &Console,
    ) -> Result<Self, Problem> {
        let Path(cluster) = Path::<ClusterName>::from_request_parts(parts, console).await?;
        let context = RequestContext::of(parts, &console.api)?;
        let Some(secrets) = console.issuer.reviewer(&cluster) else {
            let detail = format!("no API server of a cluster `{cluster}` has tokens reviewed here");
            return Err(Problem::new(ProblemCode::ClusterUnknown, detail)
                .decided_by(DecidedBy::Hub)
                .fix("an operator sets the cluster's `token_review_secret`"));
        };
        if bearer(&parts.headers).is_some_and(|shown| secrets.has(shown)) {
            return Ok(Self);
        }
        // Right secrets never wait, so that no guesser shuts an API server out.
        let network = Counted::from_network(context.source);
        let attempt = network.admit(&console.api.store, context.at).await?.charge().await?;
        let wait = attempt.failed().await?;
        counted("unproved");
        let problem = Problem::new(
            ProblemCode::TokenRefused,
            "not the secret of this cluster's API server",
        )
        .decided_by(DecidedBy::Hub)
        .fix(
            "put the secret of the hub's `token_review_secret` into the webhook's file, as `token`",
        );
        let record = context
            .audit("", "token.review", &cluster)
            .detail(json!({
                "why": problem.detail(),
                "next_attempt_in_s": wait.map(|wait| wait.as_secs()),
                "user_agent": context.user_agent,
            }))
            .denied(problem.code());
        console.api.store.audit(record).await?;
        Err(problem)
    }
}

/// The one bearer token of a request.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(only), None) = (given.next(), given.next()) else { return None };
    let (scheme, token) = only.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then_some(token)
}

fn counted(outcome: &'static str) {
    metrics::counter!(REVIEWS, "outcome" => outcome).increment(1);
}
