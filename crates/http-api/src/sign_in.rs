//! Who is signed in: from the cookie to an identity, through the store, on every request.
//! What the person may do is asked of the cluster by the handlers; how a sign-in begins is known to `issue`
//! and the console.
//!
//! States of a sign-in: live → lapsed (idle or at its end), ended (signed out here or everywhere), or
//! its account disabled. Only a live one yields a [`SignedIn`].
//!
//! Hostile input: cookie, `Origin` and CSRF token are anybody's. A request that changes something needs
//! all three to fit; a WebSocket, for which a page can set no header, needs the first two. Refusals of
//! a request that did carry a live sign-in are audited, for they are somebody's attempt; that nobody fills the
//! log with them, or with what is allowed, is `pace`'s.

use crate::{
    AuditDraft, COOKIE_SIGN_IN, DecidedBy, HttpApi, Problem, ProblemCode, RequestContext, cookie_of,
};
use authn::{BrowserSecret, CsrfToken, Lapse};
use axum::extract::{FromRef, FromRequestParts, MatchedPath};
use http::request::Parts;
use http::{HeaderMap, Method, header};
use model::{AccountId, AccountName, ClusterName, Identity, SignInId, Timestamp};
use std::sync::Arc;
use std::time::Duration;
use store::{CurrentSignIn, SignInMethod};

/// The header in which a page of ours repeats the CSRF token.
pub const CSRF_HEADER: &str = "x-sallyport-csrf";
/// A request that the page makes by itself, without the person, carries this header and does not count
/// as activity: an open but forgotten tab must not keep a sign-in alive.
const BACKGROUND_HEADER: &str = "x-sallyport-background";
/// Activity is written down at most so often; idle timeouts are minutes.
const SEEN_EVERY: Duration = Duration::from_secs(60);

/// A person with a live sign-in, in one request. Only this module makes one, after every check that the
/// request's method needs.
#[derive(Debug, Clone)]
pub struct SignedIn(Arc<Facts>);

/// A [`SignedIn`] person who administers the hub.
#[derive(Debug, Clone)]
pub struct Administrator(SignedIn);

#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) id: SignInId,
    pub(crate) identity: Identity,
    pub(crate) admin: bool,
    pub(crate) account: Option<(AccountId, AccountName)>,
    pub(crate) display_name: String,
    pub(crate) cluster: Option<ClusterName>,
    pub(crate) method: SignInMethod,
    pub(crate) idle_expires_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) csrf: CsrfToken,
    pub(crate) context: RequestContext,
}

impl SignedIn {
    pub(crate) fn from_facts(facts: Facts) -> Self {
        Self(Arc::new(facts))
    }

    /// Which sign-in: shown, logged, and what tickets and terminals are bound to.
    pub fn id(&self) -> &SignInId {
        &self.0.id
    }

    /// Whom the hub impersonates for this person.
    pub fn identity(&self) -> &Identity {
        &self.0.identity
    }

    /// The Kubernetes user name, by which links, terminals and workspaces are owned.
    pub fn user(&self) -> &str {
        &self.0.identity.user
    }

    /// Whether the person administers the hub. Routes for administrators take [`Administrator`].
    pub fn is_admin(&self) -> bool {
        self.0.admin
    }

    /// The local account's id, unless a token was used.
    pub fn account_id(&self) -> Option<&AccountId> {
        self.0.account.as_ref().map(|(id, _)| id)
    }

    /// The local account's name, unless a token was used.
    pub fn account_name(&self) -> Option<&AccountName> {
        self.0.account.as_ref().map(|(_, name)| name)
    }

    /// What to call the person.
    pub fn display_name(&self) -> &str {
        &self.0.display_name
    }

    /// The only cluster this sign-in holds for; `None` holds for all. Names of users that tokens bring
    /// mean something in their own cluster alone, so services ask [`Self::check_cluster`] first.
    pub fn cluster(&self) -> Option<&ClusterName> {
        self.0.cluster.as_ref()
    }

    /// Refuses a cluster for which this sign-in does not hold, as if it did not exist.
    pub fn check_cluster(&self, cluster: &ClusterName) -> Result<(), Problem> {
        match &self.0.cluster {
            Some(own) if own != cluster => Err(Problem::new(
                ProblemCode::ClusterUnknown,
                format!("this sign-in holds for cluster `{own}`, not for `{cluster}`"),
            )
            .decided_by(DecidedBy::Hub)
            .fix(format!("sign in with a token of cluster `{cluster}` or with an account"))),
            _ => Ok(()),
        }
    }

    /// Whether something that lies in a cluster and is owned by a user name is this person's own. Of two
    /// people whom the tokens of two clusters give one name, neither owns what is the other's.
    pub fn owns(&self, user: &str, cluster: &ClusterName) -> bool {
        user == self.user() && self.0.cluster.as_ref().is_none_or(|own| own == cluster)
    }

    /// How the person signed in.
    pub fn method(&self) -> SignInMethod {
        self.0.method
    }

    /// When the sign-in lapses if nothing more is asked.
    pub fn idle_expires_at(&self) -> Timestamp {
        self.0.idle_expires_at
    }

    /// When it ends in any case.
    pub fn expires_at(&self) -> Timestamp {
        self.0.expires_at
    }

    /// The CSRF token for the page.
    pub fn csrf(&self) -> &CsrfToken {
        &self.0.csrf
    }

    /// The circumstances of the request.
    pub fn context(&self) -> &RequestContext {
        &self.0.context
    }

    /// Counts an act of this person: something that may leave a record, or asks a cluster for a review. Requests
    /// that change something or open a WebSocket were counted on their way in; handlers of such reads call this.
    pub async fn count_act(&self, api: &HttpApi) -> Result<(), Problem> {
        self.0.context.count_act(api, self.user(), self.cluster()).await
    }

    /// Begins an audit record of something that this person does.
    pub fn audit(&self, action: impl Into<String>, object: impl std::fmt::Display) -> AuditDraft {
        self.0.context.audit(self.user(), action, object)
    }

    /// Checks a request: the cookie's sign-in is live, and an unsafe one comes from our own page.
    pub(crate) async fn authenticate(parts: &Parts, api: &HttpApi) -> Result<Self, Problem> {
        let context = RequestContext::of(parts, api)?;
        let secret = cookie_of(&parts.headers, COOKIE_SIGN_IN)
            .and_then(|text| BrowserSecret::parse(text).ok())
            .ok_or_else(not_signed_in)?;
        let found = api.store.sign_in_by_secret_hash(&secret.hash()).await?;
        let current = found.ok_or_else(not_signed_in)?;
        let last_seen_at = current.sign_in.last_seen_at;
        let signed_in = Self::live(current, secret.csrf_token(), context, api)?;
        if is_unsafe(parts) || is_upgrade(parts) {
            signed_in.count_act(api).await?;
        }
        if let Err(problem) = signed_in.check_page(parts, api) {
            let object = request_name(parts);
            api.store.audit(signed_in.audit("request", object).denied(problem.code())).await?;
            return Err(problem);
        }
        signed_in.note_activity(parts, api, last_seen_at).await;
        Ok(signed_in)
    }

    /// Checks what the store knows of a sign-in against the time.
    fn live(
        current: CurrentSignIn,
        csrf: CsrfToken,
        context: RequestContext,
        api: &HttpApi,
    ) -> Result<Self, Problem> {
        let CurrentSignIn { sign_in, account } = current;
        if sign_in.method == SignInMethod::Machine {
            // A machine's is found by its key, which no cookie can be; and if one could, it is no browser's.
            return Err(not_signed_in());
        }
        if sign_in.ended_at.is_some() {
            return Err(Problem::new(ProblemCode::SessionEnded, "this sign-in was ended")
                .decided_by(DecidedBy::Hub)
                .fix("sign in again"));
        }
        if account.as_ref().is_some_and(|account| account.disabled_at.is_some()) {
            return Err(account_disabled());
        }
        let lapse =
            Lapse::of(context.at, sign_in.last_seen_at, sign_in.idle_timeout, sign_in.expires_at);
        if let Some(lapse) = lapse {
            let detail = match lapse {
                Lapse::Idle => "this sign-in was idle for too long",
                Lapse::Absolute => "this sign-in has come to its end",
            };
            return Err(Problem::new(ProblemCode::SessionExpired, detail)
                .decided_by(DecidedBy::Hub)
                .fix("sign in again"));
        }
        let (identity, admin) = match (&account, &sign_in.cluster) {
            // Rights given or taken since the sign-in hold at once.
            (Some(account), _) => (api.identity_of(account), account.admin),
            (None, Some(cluster)) => {
                let admin = api.token_admins.admits(&sign_in.identity, cluster);
                (sign_in.identity, admin)
            }
            (None, None) => (sign_in.identity, false),
        };
        Ok(Self::from_facts(Facts {
            id: sign_in.id,
            display_name: account
                .as_ref()
                .map_or_else(|| identity.user.clone(), |account| account.display_name.clone()),
            identity,
            admin,
            account: account.map(|account| (account.id, account.name)),
            cluster: sign_in.cluster,
            method: sign_in.method,
            idle_expires_at: context.at.after(sign_in.idle_timeout).min(sign_in.expires_at),
            expires_at: sign_in.expires_at,
            csrf,
            context,
        }))
    }

    /// Checks that a request which changes something, or opens a WebSocket, comes from our own page.
    fn check_page(&self, parts: &Parts, api: &HttpApi) -> Result<(), Problem> {
        if is_unsafe(parts) || is_upgrade(parts) {
            api.origins.check(&parts.headers)?;
        }
        // A page cannot set headers on a WebSocket. Over HTTP/2 that is a CONNECT (RFC 8441).
        if is_unsafe(parts) && parts.method != Method::CONNECT {
            let mut given = parts.headers.get_all(CSRF_HEADER).iter();
            let (first, second) = (given.next(), given.next());
            let fits = first
                .and_then(|token| token.to_str().ok())
                .is_some_and(|token| self.0.csrf.fits(token));
            if !fits || second.is_some() {
                return Err(Problem::new(
                    ProblemCode::Csrf,
                    format!("`{CSRF_HEADER}` is missing or belongs to another sign-in"),
                )
                .decided_by(DecidedBy::Hub)
                .fix("reload the page"));
            }
        }
        Ok(())
    }

    async fn note_activity(&self, parts: &Parts, api: &HttpApi, last_seen_at: Timestamp) {
        let now = self.0.context.at;
        if is_of_the_page(&parts.headers) || now.since(last_seen_at) < SEEN_EVERY {
            return;
        }
        // At worst the sign-in lapses early; a store that cannot write need not stop who only reads.
        if let Err(error) = api.store.touch_sign_in_seen(&self.0.id, now).await {
            tracing::warn!(sign_in = %self.0.id, %error, "activity could not be written down");
        }
    }
}

/// Whether the page asks by itself. A browser opens a stream of events again for ever, and lets no page add a header.
fn is_of_the_page(headers: &HeaderMap) -> bool {
    headers.contains_key(BACKGROUND_HEADER)
        || headers.get(header::ACCEPT).is_some_and(|accept| accept == "text/event-stream")
}

impl Administrator {
    /// The person.
    pub fn signed_in(&self) -> &SignedIn {
        &self.0
    }
}

impl std::ops::Deref for Administrator {
    type Target = SignedIn;

    fn deref(&self) -> &SignedIn {
        &self.0
    }
}

impl<S> FromRequestParts<S> for SignedIn
where
    HttpApi: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // The guard has checked already; only our own code can put a `SignedIn` there.
        if let Some(signed_in) = parts.extensions.get::<Self>() {
            return Ok(signed_in.clone());
        }
        let signed_in = Self::authenticate(parts, &HttpApi::from_ref(state)).await?;
        parts.extensions.insert(signed_in.clone());
        Ok(signed_in)
    }
}

impl<S> FromRequestParts<S> for Administrator
where
    HttpApi: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let signed_in = SignedIn::from_request_parts(parts, state).await?;
        if signed_in.is_admin() {
            return Ok(Self(signed_in));
        }
        let api = HttpApi::from_ref(state);
        if !is_unsafe(parts) && !is_upgrade(parts) {
            signed_in.count_act(&api).await?;
        }
        let problem = Problem::new(
            ProblemCode::NotAdmin,
            format!("`{}` does not administer this hub", signed_in.user()),
        )
        .decided_by(DecidedBy::Hub)
        .fix("ask an administrator of the hub");
        let denied = signed_in.audit("request", request_name(parts)).denied(problem.code());
        api.store.audit(denied).await?;
        Err(problem)
    }
}

/// The refusal for a disabled account, here and at signing in.
pub(crate) fn account_disabled() -> Problem {
    Problem::new(ProblemCode::AccountDisabled, "this account is disabled")
        .decided_by(DecidedBy::Hub)
        .fix("ask an administrator of the hub")
}

fn not_signed_in() -> Problem {
    Problem::new(ProblemCode::NotSignedIn, "nobody is signed in in this browser")
        .decided_by(DecidedBy::Hub)
        .fix("sign in")
}

fn is_unsafe(parts: &Parts) -> bool {
    !matches!(parts.method, Method::GET | Method::HEAD)
}

fn is_upgrade(parts: &Parts) -> bool {
    parts.method == Method::CONNECT || parts.headers.contains_key(header::UPGRADE)
}

/// Method and route of a request, for the audit log: never its path, which may hold what it should not.
fn request_name(parts: &Parts) -> String {
    let route = parts.extensions.get::<MatchedPath>();
    format!("{} {}", parts.method, route.map_or("(no such address)", MatchedPath::as_str))
}
