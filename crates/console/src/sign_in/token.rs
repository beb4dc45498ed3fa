//! Signing in with a Kubernetes bearer token. The cluster itself says who is behind it.
//! A sign-in by token is short and holds for that cluster alone. The token is kept sealed, because a gate asks
//! the cluster again whether it still takes it.
//!
//! Hostile input: whoever shows a token that no cluster takes is told one thing, whatever the reason, and learns neither
//! which clusters there are nor how one checks tokens. The authenticator may be somebody's webhook, so its words go
//! nowhere: the audit log holds their class.

use super::welcome;
use crate::Console;
use crate::me::Me;
use crate::throttle::{Charged, Counted};
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use http_api::{
    DecidedBy, FromOurPage, Json, NewSignIn, Problem, ProblemBody, ProblemCode, RequestContext,
    issue_sign_in,
};
use kube_io::{Cluster, Clusters, TokenVerdict};
use model::{ClusterName, Identity, Secret, Timestamp};
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use store::SignInMethod;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Tokens of identity providers with many claims have a few KiB.
const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// Reviews in flight at once, of each cluster: more would let strangers load its API server through the hub. Of
/// each, because a cluster that never answers must not take the seats of those that do.
const REVIEWS_MAX: usize = 16;
/// A cluster that takes longer is as good as away.
const REVIEW_TIME_MAX: Duration = Duration::from_secs(10);

/// Who may ask a cluster at this moment. Cheap to clone; clones share the seats.
#[derive(Clone)]
pub(crate) struct ReviewSeats(Arc<HashMap<ClusterName, Semaphore>>);

impl ReviewSeats {
    pub(crate) fn of(clusters: &Clusters) -> Self {
        let seats = clusters.names().into_iter().map(|name| (name, Semaphore::new(REVIEWS_MAX)));
        Self(Arc::new(seats.collect()))
    }

    /// Takes a seat; who finds none has made no attempt.
    fn take(&self, cluster: &Cluster) -> Result<SemaphorePermit<'_>, Problem> {
        let seat = self.0.get(cluster.name()).and_then(|seats| seats.try_acquire().ok());
        seat.ok_or_else(|| {
            let detail = "too many people are signing in to this cluster at this moment";
            Problem::new(ProblemCode::TooManyAttempts, detail)
                .decided_by(DecidedBy::Hub)
                .retry_after(Duration::from_secs(2))
        })
    }
}

/// A token and the cluster that knows it.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenSignIn {
    /// A bearer token, as in `kubectl create token`.
    #[schema(value_type = String, format = Password)]
    token: Secret,
    /// The cluster that knows it; the first one if left out.
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false)]
    cluster: Option<ClusterName>,
}

/// Sign in with a Kubernetes bearer token.
///
/// The cluster checks it (TokenReview). The sign-in holds for this cluster, and not longer than the token.
#[utoipa::path(
    post,
    path = "/api/v1/sign-in/token",
    tag = "sign-in",
    request_body = TokenSignIn,
    responses(
        (status = 200, description = "Signed in; the cookie is set", body = Me),
        (status = 400, description = "Malformed (bad_request)", body = ProblemBody),
        (status = 401, description = "The cluster or the hub does not take the token, or there is no such cluster (token_refused)", body = ProblemBody),
        (status = 404, description = "This hub has no cluster (cluster_unknown)", body = ProblemBody),
        (status = 413, description = "Too large (body_too_large)", body = ProblemBody),
        (status = 429, description = "Too many attempts (too_many_attempts)", body = ProblemBody),
        (status = 502, description = "The cluster does not answer (cluster_unreachable)", body = ProblemBody),
    )
)]
pub(crate) async fn sign_in_with_token(
    State(console): State<Console>,
    _ours: FromOurPage,
    context: RequestContext,
    headers: HeaderMap,
    Json(given): Json<TokenSignIn>,
) -> Result<Response, Problem> {
    let token = Secret::new(given.token.expose().trim());
    if !(1..=TOKEN_BYTES_MAX).contains(&token.expose().len()) {
        return Err(Problem::bad_request(format!(
            "`token`: expected 1 to {TOKEN_BYTES_MAX} bytes"
        )));
    }
    // In a task of its own: who leaves before the answer has asked all the same, holds the seat as long, and is
    // counted.
    let judged = judge(console.clone(), context.clone(), given.cluster, token.clone());
    let Judged { identity, cluster, token_ends } =
        tokio::spawn(judged).await.map_err(Problem::internal)??;
    let new = NewSignIn::Token { identity, cluster, token, token_ends };
    let issued = issue_sign_in(&console.api, &context, &headers, new).await?;
    Ok(welcome(&console, issued, None))
}

/// Whom a cluster says the token stands for, and when the token ends.
struct Judged {
    identity: Identity,
    cluster: ClusterName,
    token_ends: Option<Timestamp>,
}

/// Asks the cluster named, or the first, about the token, and whether the hub takes whom it stands for.
async fn judge(
    console: Console,
    context: RequestContext,
    named: Option<ClusterName>,
    token: Secret,
) -> Result<Judged, Problem> {
    let counted = Counted::from_network(context.source);
    let attempt = counted.admit(&console.api.store, context.at).await?;
    let clusters = &console.api.clusters;
    let found = match &named {
        Some(name) => clusters.get(name),
        None => clusters.first(),
    };
    let Some(cluster) = found.cloned() else {
        if named.is_none() {
            return Err(Problem::new(ProblemCode::ClusterUnknown, "this hub has no cluster")
                .decided_by(DecidedBy::Hub));
        }
        // What was typed is left out of the log: it may have been the token.
        let attempt = attempt.charge().await?;
        let refusal = Refusal { user: "", why: "no such cluster", problem: not_taken() };
        return Err(deny(&console, &context, &attempt, "(no such cluster)", refusal).await?);
    };
    let seat = console.token_reviews.take(&cluster)?;
    let attempt = attempt.charge().await?;
    let verdict = review(&cluster, &token).await;
    let own = match &verdict {
        Ok(TokenVerdict::Authenticated(identity)) => {
            a_person_of_their_own(&cluster, identity).await
        }
        _ => Ok(()),
    };
    drop(seat);
    let identity = match verdict {
        Ok(TokenVerdict::Authenticated(identity)) => identity,
        // Counted like a wrong token, or strangers could have the hub wait for a dead cluster for ever.
        Err(problem) => {
            let why = problem.detail().to_owned();
            let refusal = Refusal { user: "", why: &why, problem };
            return Err(deny(&console, &context, &attempt, cluster.name(), refusal).await?);
        }
        Ok(TokenVerdict::Refused { reason }) => {
            let refusal = Refusal { user: "", why: class_of(&reason), problem: not_taken() };
            return Err(deny(&console, &context, &attempt, cluster.name(), refusal).await?);
        }
    };
    let turned_away = async |problem: Problem| {
        let why = problem.detail().to_owned();
        let refusal = Refusal { user: &identity.user, why: &why, problem };
        deny(&console, &context, &attempt, cluster.name(), refusal).await
    };
    let token_ends = authn::token_ends_at(&token);
    if token_ends.is_some_and(|ends| ends <= context.at) {
        let problem = refused("the token has expired").decided_by(DecidedBy::Hub);
        return Err(turned_away(problem).await?);
    }
    let welcome = match unwelcome(&console, &identity) {
        Some(why) => Err(refused(why).decided_by(DecidedBy::Hub)),
        None => own,
    };
    if let Err(problem) = welcome {
        return Err(turned_away(problem).await?);
    }
    attempt.succeeded().await?;
    Ok(Judged { identity, cluster: cluster.name().clone(), token_ends })
}

async fn review(cluster: &Cluster, token: &Secret) -> Result<TokenVerdict, Problem> {
    match tokio::time::timeout(REVIEW_TIME_MAX, cluster.token_review(token)).await {
        Ok(verdict) => Ok(verdict?),
        Err(_) => Err(Problem::new(
            ProblemCode::ClusterUnreachable,
            format!("cluster `{}` did not answer in time", cluster.name()),
        )),
    }
}

/// Why the hub does not take somebody whom the cluster knows.
fn unwelcome(console: &Console, identity: &Identity) -> Option<String> {
    if identity.user == "system:anonymous" || identity.is_in("system:unauthenticated") {
        return Some("the token is nobody's".to_owned());
    }
    // Links and workspaces are owned by user names, so a name must not have two owners.
    if console.api.accounts.owns(&identity.user) {
        return Some(format!("`{}` is a name that this hub keeps for its accounts", identity.user));
    }
    None
}

/// Refuses the ServiceAccounts of workspace namespaces. Whoever has a workspace may make Pods beside it, and so get
/// their token: they would be a second person, with a workspace, a quota and terminals of their own, and disabling
/// the first would not end the second.
async fn a_person_of_their_own(cluster: &Cluster, identity: &Identity) -> Result<(), Problem> {
    let name = cluster.name();
    let asked = cluster.is_workspace_account(identity);
    let Ok(answer) = tokio::time::timeout(REVIEW_TIME_MAX, asked).await else {
        let detail = format!("cluster `{name}` did not say in time whose namespace it is");
        return Err(Problem::new(ProblemCode::ClusterUnreachable, detail));
    };
    match answer {
        Ok(false) => Ok(()),
        Ok(true) => {
            let detail = format!(
                "`{}` is the service account of somebody's workspace, and nobody signs in as it",
                identity.user
            );
            Err(Problem::new(ProblemCode::TokenRefused, detail)
                .decided_by(DecidedBy::Hub)
                .fix("sign in as yourself"))
        }
        Err(error) => {
            let detail = format!(
                "cluster `{name}` does not say whose namespace it is; nobody gets in on that"
            );
            Err(Problem::new(ProblemCode::ClusterUnreachable, detail)
                .fix("have the hub's role allow `get namespaces`, as deploy/hub-role.yaml does")
                .caused_by(error))
        }
    }
}

fn refused(detail: impl Into<String>) -> Problem {
    Problem::new(ProblemCode::TokenRefused, detail)
        .fix("get a new token, as in `kubectl create token`, and check the cluster")
}

/// All that is said of a token that is nobody's.
fn not_taken() -> Problem {
    refused(
        "no cluster of this name takes the token: it may be cut, expired, or of another cluster",
    )
}

/// What an authenticator's words come to.
fn class_of(reason: &str) -> &'static str {
    let says = |word: &str| reason.to_ascii_lowercase().contains(word);
    if says("expired") {
        "the cluster says it has expired"
    } else if says("audience") {
        "the cluster says it is for another audience"
    } else {
        "the cluster does not take it"
    }
}

/// Who is refused, as far as the cluster knows, and why: as the log has it, and as they are told.
struct Refusal<'a> {
    user: &'a str,
    why: &'a str,
    problem: Problem,
}

/// Counts and records a refusal or a failure, and returns it.
async fn deny(
    console: &Console,
    context: &RequestContext,
    attempt: &Charged<'_>,
    at: impl std::fmt::Display,
    refusal: Refusal<'_>,
) -> Result<Problem, Problem> {
    let Refusal { user, why, problem } = refusal;
    let wait = attempt.failed().await?;
    let entry = context.audit(user, "sign_in", at).detail(json!({
        "method": SignInMethod::Token.as_str(),
        "why": why,
        "next_attempt_in_s": wait.map(|wait| wait.as_secs()),
        "user_agent": context.user_agent,
    }));
    let entry = match problem.code() {
        ProblemCode::TokenRefused => entry.denied(problem.code()),
        _ => entry.failed(problem.code()),
    };
    console.api.store.audit(entry).await?;
    Ok(problem)
}
