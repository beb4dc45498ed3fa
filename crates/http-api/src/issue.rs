//! The beginning and end of a sign-in: a new secret for the browser, a row in the store, the cookie.
//! Whether the person proved who they are is the console's to know before it calls this.
//!
//! A sign-in that the browser already had is ended, and its secret never used again: whoever planted or
//! saw the old cookie gains nothing from the new sign-in (session fixation).

use crate::sign_in::Facts;
use crate::{
    COOKIE_SIGN_IN, DecidedBy, HttpApi, Problem, ProblemCode, RequestContext, SignedIn, cookie_of,
    random, secure_cookie,
};
use authn::BrowserSecret;
use http::{HeaderMap, HeaderValue};
use model::{ClusterName, Identity, Secret, SignInId, Timestamp};
use serde_json::json;
use store::{Account, Proof, SignIn, SignInMethod, SignInOutcome};

/// What was proved, and for how long it holds.
#[derive(Debug)]
pub enum NewSignIn {
    /// A local account, by its password or an invitation.
    Account {
        /// The account, with the password that was checked or set.
        account: Account,
        /// [`SignInMethod::Password`] or [`SignInMethod::Invitation`].
        method: SignInMethod,
    },
    /// A token that a cluster authenticated.
    Token {
        /// Whom the cluster said it is.
        identity: Identity,
        /// The cluster, for which alone the sign-in holds.
        cluster: ClusterName,
        /// The token itself, which the store keeps sealed so that the cluster can be asked again.
        token: Secret,
        /// When the token itself ends, if it says so.
        token_ends: Option<Timestamp>,
    },
}

/// A sign-in that has begun.
#[derive(Debug)]
pub struct IssuedSignIn {
    /// The person, as handlers see them.
    pub signed_in: SignedIn,
    /// The `Set-Cookie` for the browser.
    pub cookie: HeaderValue,
}

/// Begins a sign-in and audits it as `sign_in`; ends the one that the browser presented. All of it in one
/// transaction: unrecorded, nobody is signed in.
///
/// An account whose password was changed since it was read, or that was disabled, is refused, and that is
/// audited too.
pub async fn issue_sign_in(
    api: &HttpApi,
    context: &RequestContext,
    presented: &HeaderMap,
    new: NewSignIn,
) -> Result<IssuedSignIn, Problem> {
    let now = context.at;
    let secret = BrowserSecret::from_random(random()?);
    let (identity, admin, account, cluster, method, expires_at) = match &new {
        NewSignIn::Account { account, method } => {
            let identity = api.identity_of(account);
            let expires_at = api.lifetimes.password_expires_at(now);
            (identity, account.admin, Some(account), None, *method, expires_at)
        }
        NewSignIn::Token { identity, cluster, token_ends, .. } => {
            let expires_at = api.lifetimes.token_expires_at(now, *token_ends);
            let admin = api.token_admins.admits(identity, cluster);
            let method = SignInMethod::Token;
            (identity.clone(), admin, None, Some(cluster.clone()), method, expires_at)
        }
    };
    let proof = match &new {
        NewSignIn::Account { account, .. } => Proof::Account(account),
        NewSignIn::Token { token, .. } => Proof::Token(token),
    };
    let row = SignIn {
        id: SignInId::from_random(random()?),
        secret_hash: secret.hash(),
        account: account.map(|account| account.id.clone()),
        identity: identity.clone(),
        cluster: cluster.clone(),
        method,
        created_at: now,
        last_seen_at: now,
        idle_timeout: api.lifetimes.idle_timeout,
        expires_at,
        ended_at: None,
        source: context.source.to_string(),
        user_agent: context.user_agent.clone(),
    };
    let signed_in = SignedIn::from_facts(Facts {
        id: row.id.clone(),
        display_name: account
            .map_or_else(|| identity.user.clone(), |account| account.display_name.clone()),
        identity,
        admin,
        account: account.map(|account| (account.id.clone(), account.name.clone())),
        cluster,
        method,
        idle_expires_at: now.after(api.lifetimes.idle_timeout).min(expires_at),
        expires_at,
        csrf: secret.csrf_token(),
        context: context.clone(),
    });
    // Whoever proves who they are over and over leaves a record each time, too.
    signed_in.count_act(api).await?;
    let entry = signed_in
        .audit("sign_in", signed_in.id())
        .detail(json!({
            "method": method.as_str(),
            "cluster": signed_in.cluster(),
            "admin": admin,
            "expires_at": expires_at,
            "user_agent": context.user_agent,
        }))
        .allowed();
    let presented = cookie_of(presented, COOKIE_SIGN_IN)
        .and_then(|text| BrowserSecret::parse(text).ok())
        .map(|secret| secret.hash());
    let outcome = api.store.create_sign_in(&row, proof, presented.as_ref(), entry).await?;
    if let (SignInOutcome::AccountChanged, Some(account)) = (outcome, account) {
        let problem = account_changed(method);
        let entry = context
            .audit("", "sign_in", &account.name)
            .detail(json!({ "method": method.as_str(), "why": problem.detail() }))
            .denied(problem.code());
        api.store.audit(entry).await?;
        return Err(problem);
    }
    let cookie = signed_in_cookie(&secret, now, expires_at)?;
    Ok(IssuedSignIn { signed_in, cookie })
}

/// What was right when it was checked is wrong by now, so it is refused like what was never right.
fn account_changed(method: SignInMethod) -> Problem {
    let code = match method {
        SignInMethod::Invitation => ProblemCode::InvitationInvalid,
        SignInMethod::Password | SignInMethod::Token | SignInMethod::Machine => {
            ProblemCode::WrongCredentials
        }
    };
    let detail = "the account's password was changed, or the account disabled, at this moment";
    Problem::new(code, detail)
        .decided_by(DecidedBy::Hub)
        .fix("sign in with the new password; an administrator can send a new invitation")
}

/// The cookie of a sign-in; it goes when the sign-in does.
pub fn signed_in_cookie(
    secret: &BrowserSecret,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<HeaderValue, Problem> {
    secure_cookie(COOKIE_SIGN_IN, secret.text().expose(), expires_at.since(now))
        .ok_or_else(|| Problem::internal("a secret of ours does not fit into a cookie"))
}
