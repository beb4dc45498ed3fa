//! Signing in with an invitation, which sets the account's password.
//! An invitation is used once; who made it is in the audit log.

use super::{known_browser, welcome};
use crate::Console;
use crate::desk::Comes;
use crate::me::Me;
use crate::throttle::{Charged, Counted};
use authn::{InvitationSecret, check_password};
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use http_api::{
    DecidedBy, FromOurPage, Json, NewSignIn, Problem, ProblemBody, ProblemCode, RequestContext,
    issue_sign_in,
};
use model::Secret;
use serde_json::json;
use store::{Account, SignInMethod};

/// An invitation and the password to set.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InvitationSignIn {
    /// What stands behind the `#` of the invitation link.
    #[schema(value_type = String, format = Password, example = "inv_alice.…")]
    invitation: Secret,
    /// The password to set: 12 characters or more.
    #[schema(value_type = String, format = Password)]
    password: Secret,
}

/// Set a password with an invitation, and sign in.
///
/// A password that is too weak does not use the invitation up. Setting one ends the account's other
/// sign-ins.
#[utoipa::path(
    post,
    path = "/api/v1/sign-in/invitation",
    tag = "sign-in",
    request_body = InvitationSignIn,
    responses(
        (status = 200, description = "The password is set; signed in", body = Me),
        (status = 400, description = "Malformed, or the password is too weak (bad_request, password_weak)", body = ProblemBody),
        (status = 403, description = "Another site's request, or the invitation is unknown, used or expired (origin_refused, invitation_invalid)", body = ProblemBody),
        (status = 413, description = "Too large (body_too_large)", body = ProblemBody),
        (status = 429, description = "Too many attempts (too_many_attempts)", body = ProblemBody),
    )
)]
pub(crate) async fn sign_in_with_invitation(
    State(console): State<Console>,
    _ours: FromOurPage,
    context: RequestContext,
    headers: HeaderMap,
    Json(given): Json<InvitationSignIn>,
) -> Result<Response, Problem> {
    let store = &console.api.store;
    let attempt = Counted::from_network(context.source).admit(store, context.at).await?;
    let Ok(invitation) = InvitationSecret::parse(given.invitation.expose().trim()) else {
        let attempt = attempt.charge().await?;
        return Err(deny(&console, &context, &attempt).await?);
    };
    check_password(&given.password, invitation.account()).map_err(|weak| {
        Problem::new(ProblemCode::PasswordWeak, weak.to_string())
            .decided_by(DecidedBy::Hub)
            .fix("choose a longer one; a few words make a good one")
    })?;
    let seat = console.desk.seat(Comes::Stranger).await?;
    let attempt = attempt.charge().await?;
    let password = seat.hash(given.password).await?;
    let record = |account: &Account| {
        context.audit(&account.kubernetes_user, "account.password", &account.name).allowed()
    };
    let redeemed =
        store.redeem_invitation(&invitation.hash(), &password, context.at, record).await?;
    let Some(account) = redeemed else {
        return Err(deny(&console, &context, &attempt).await?);
    };
    attempt.succeeded().await?;
    let known = known_browser(&account, &password)?;
    let new = NewSignIn::Account { account, method: SignInMethod::Invitation };
    let issued = issue_sign_in(&console.api, &context, &headers, new).await?;
    Ok(welcome(&console, issued, known))
}

/// Counts and records a refusal, and returns it. Which of the reasons it is, is not told.
async fn deny(
    console: &Console,
    context: &RequestContext,
    attempt: &Charged<'_>,
) -> Result<Problem, Problem> {
    let wait = attempt.failed().await?;
    let problem = Problem::new(
        ProblemCode::InvitationInvalid,
        "the invitation is unknown, expired or was used",
    )
    .decided_by(DecidedBy::Hub)
    .fix("ask an administrator of the hub for a new one");
    let entry = context
        .audit("", "sign_in", "(invitation)")
        .detail(json!({
            "method": SignInMethod::Invitation.as_str(),
            "next_attempt_in_s": wait.map(|wait| wait.as_secs()),
            "user_agent": context.user_agent,
        }))
        .denied(problem.code());
    console.api.store.audit(entry).await?;
    Ok(problem)
}
