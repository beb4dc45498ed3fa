//! Signing in with a local account's name and password.
//! How passwords are checked is the desk's to know, how long a failure makes one wait `authn`'s.

use super::{known_browser, welcome};
use crate::Console;
use crate::desk::Comes;
use crate::me::Me;
use crate::throttle::Counted;
use authn::{KnownBrowser, PASSWORD_BYTES_MAX, Verdict};
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use http_api::{
    COOKIE_KNOWN_BROWSER, DecidedBy, FromOurPage, Json, NewSignIn, Problem, ProblemBody,
    ProblemCode, RequestContext, cookie_of, issue_sign_in,
};
use model::{AccountName, Secret};
use serde_json::json;
use std::time::Duration;
use store::{Account, PasswordPhc, SignInMethod, Store};

/// No account's name is longer.
const NAME_CHARACTERS_MAX: usize = 63;

/// Name and password.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordSignIn {
    /// The account's name; upper and lower case are the same.
    #[schema(example = "alice")]
    username: String,
    /// The password.
    #[schema(value_type = String, format = Password)]
    password: Secret,
}

/// Sign in with a local account.
///
/// Ends the sign-in that the browser had, if any. Whether the name or the password was wrong is not told,
/// and an unknown name takes as long as a known one.
#[utoipa::path(
    post,
    path = "/api/v1/sign-in/password",
    tag = "sign-in",
    request_body = PasswordSignIn,
    responses(
        (status = 200, description = "Signed in; the cookie is set", body = Me),
        (status = 400, description = "Malformed (bad_request)", body = ProblemBody),
        (status = 401, description = "Name or password is wrong (wrong_credentials)", body = ProblemBody),
        (status = 403, description = "Another site's request, or the account is disabled (origin_refused, account_disabled)", body = ProblemBody),
        (status = 413, description = "Too large (body_too_large)", body = ProblemBody),
        (status = 429, description = "Too many attempts; `retry_after_s` tells the wait (too_many_attempts)", body = ProblemBody),
    )
)]
pub(crate) async fn sign_in_with_password(
    State(console): State<Console>,
    _ours: FromOurPage,
    context: RequestContext,
    headers: HeaderMap,
    Json(given): Json<PasswordSignIn>,
) -> Result<Response, Problem> {
    let store = &console.api.store;
    if given.password.expose().len() > PASSWORD_BYTES_MAX {
        return Err(Problem::bad_request(format!(
            "`password`: at most {PASSWORD_BYTES_MAX} bytes"
        )));
    }
    let typed = given.username.trim().to_lowercase();
    let typed: String = typed.chars().take(NAME_CHARACTERS_MAX + 1).collect();
    let name = typed.parse::<AccountName>().ok();
    let account = account_of(store, name.as_ref()).await?;
    let stored = account.as_ref().and_then(|account| account.password.clone());
    let known = cookie_of(&headers, COOKIE_KNOWN_BROWSER)
        .and_then(KnownBrowser::parse)
        .zip(account.as_ref().zip(stored.as_ref()))
        .and_then(|(mark, (account, stored))| mark.check(&account.name, stored.expose()));
    let who = if known.is_some() { Comes::Known } else { Comes::Stranger };
    let counted = Counted::at_account(&typed, context.source, known.as_ref());
    let attempt = counted.admit(store, context.at).await?;
    // The seat comes first: who finds none has made no attempt.
    let seat = console.desk.seat(who).await?;
    let attempt = attempt.charge().await?;
    // Waiting took a while: what is checked is the password as it is now.
    let account = account_of(store, name.as_ref()).await?;
    let stored = account.as_ref().and_then(|account| account.password.clone());
    let verdict = seat.check(given.password.clone(), stored.clone()).await?;

    let (mut account, stored, rehash) = match (verdict, account, stored) {
        (Verdict::Right { rehash }, Some(account), Some(stored)) => (account, stored, rehash),
        (_, account, _) => {
            let wait = attempt.failed().await?;
            deny(&console, &context, account.as_ref(), ProblemCode::WrongCredentials, wait).await?;
            return Err(Problem::new(
                ProblemCode::WrongCredentials,
                "the name or the password is wrong",
            )
            .decided_by(DecidedBy::Hub)
            .fix("check both; an administrator can send a new invitation"));
        }
    };
    attempt.succeeded().await?;
    if account.disabled_at.is_some() {
        let code = ProblemCode::AccountDisabled;
        deny(&console, &context, Some(&account), code, None).await?;
        return Err(Problem::new(code, format!("account `{}` is disabled", account.name))
            .decided_by(DecidedBy::Hub)
            .fix("ask an administrator of the hub"));
    }
    let stored =
        if rehash { renew(&console, &account, given.password, stored).await } else { stored };
    let known = known_browser(&account, &stored)?;
    account.password = Some(stored);
    let new = NewSignIn::Account { account, method: SignInMethod::Password };
    let issued = issue_sign_in(&console.api, &context, &headers, new).await?;
    Ok(welcome(&console, issued, known))
}

async fn account_of(store: &Store, name: Option<&AccountName>) -> Result<Option<Account>, Problem> {
    let Some(name) = name else { return Ok(None) };
    Ok(store.account_by_name(name).await?)
}

/// Records a refusal. What was typed as the name is left out unless it is an account's: people type
/// passwords into the wrong field.
async fn deny(
    console: &Console,
    context: &RequestContext,
    account: Option<&Account>,
    code: ProblemCode,
    wait: Option<Duration>,
) -> Result<(), Problem> {
    let object = account.map_or("(no such account)", |account| account.name.as_str());
    let entry = context
        .audit("", "sign_in", object)
        .detail(json!({
            "method": SignInMethod::Password.as_str(),
            "next_attempt_in_s": wait.map(|wait| wait.as_secs()),
            "user_agent": context.user_agent,
        }))
        .denied(code);
    console.api.store.audit(entry).await?;
    Ok(())
}

/// Hashes the password again at today's cost. A failure only puts it off to the next sign-in.
async fn renew(
    console: &Console,
    account: &Account,
    password: Secret,
    stored: PasswordPhc,
) -> PasswordPhc {
    let renewed = match console.desk.hash(password).await {
        Ok(renewed) => renewed,
        Err(error) => {
            tracing::warn!(account = %account.name, %error, "a password was not hashed anew");
            return stored;
        }
    };
    match console.api.store.renew_password_hash(&account.id, &stored, &renewed).await {
        Ok(true) => renewed,
        // Another password was set while this one was checked.
        Ok(false) => stored,
        Err(error) => {
            tracing::warn!(account = %account.name, %error, "a renewed hash was not stored");
            stored
        }
    }
}
