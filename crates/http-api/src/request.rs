//! What is known of a request before anybody is signed in: its id, where and when it came, with what.
//! Who sent it is known to `sign_in`.
//!
//! Hostile input: the user agent is anybody's text; it is cut and cleaned here once.

use crate::{AuditDraft, DecidedBy, HttpApi, Peer, Problem, ProblemCode, Source, random};
use axum::extract::{FromRef, FromRequestParts};
use http::{header, request::Parts};
use model::{ClusterName, RequestId, Timestamp};
use serde_json::json;

/// Enough to tell browsers apart in a list of sign-ins.
const USER_AGENT_CHARACTERS_MAX: usize = 256;

/// The circumstances of a request.
#[derive(Debug, Clone)]
pub struct RequestContext {
    /// The id told in the answer and the log.
    pub request_id: RequestId,
    /// Where it came from.
    pub source: Source,
    /// What the browser calls itself, cut to 256 characters.
    pub user_agent: String,
    /// When it came.
    pub at: Timestamp,
}

impl RequestContext {
    /// Reads the circumstances off a request.
    pub fn of(parts: &Parts, api: &HttpApi) -> Result<Self, Problem> {
        let request_id = match parts.extensions.get::<RequestId>() {
            Some(id) => id.clone(),
            // Only where `observe` was not put on, as in a service's own tests.
            None => RequestId::from_random(random()?),
        };
        let user_agent = parts.headers.get(header::USER_AGENT);
        let user_agent = user_agent.map(|value| String::from_utf8_lossy(value.as_bytes()));
        Ok(Self {
            request_id,
            source: api.proxies.source(parts.extensions.get::<Peer>().copied(), &parts.headers),
            user_agent: user_agent
                .unwrap_or_default()
                .chars()
                .filter(|c| !c.is_control())
                .take(USER_AGENT_CHARACTERS_MAX)
                .collect(),
            at: api.clock.now(),
        })
    }

    /// Counts an act of a person, and refuses it where that is too many at once. Such a refusal leaves no record
    /// of its own: one a minute says how many there were.
    pub async fn count_act(
        &self,
        api: &HttpApi,
        user: &str,
        cluster: Option<&ClusterName>,
    ) -> Result<(), Problem> {
        let paced = api.pace.act(user, cluster, self.at);
        if let Some(refused) = paced.to_tell {
            let record = self
                .audit(user, "request", "(too many at once)")
                .detail(json!({ "refused": refused, "cluster": cluster }))
                .denied(ProblemCode::TooManyAttempts);
            api.store.audit(record).await?;
        }
        let Some(wait) = paced.wait else { return Ok(()) };
        Err(Problem::new(
            ProblemCode::TooManyAttempts,
            format!("`{user}` asks for too much at once"),
        )
        .decided_by(DecidedBy::Hub)
        .fix("wait a moment; whoever needs more asks the hub's operator")
        .retry_after(wait))
    }

    /// Begins an audit record of something that `actor` does in this request.
    pub fn audit(
        &self,
        actor: impl Into<String>,
        action: impl Into<String>,
        object: impl std::fmt::Display,
    ) -> AuditDraft {
        AuditDraft::new(self, actor.into(), action.into(), object.to_string())
    }
}

impl<S> FromRequestParts<S> for RequestContext
where
    HttpApi: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Self::of(parts, &HttpApi::from_ref(state))
    }
}
