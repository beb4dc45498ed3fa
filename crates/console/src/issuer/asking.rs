//! A machine that is signed in asks for a token for one cluster.
//! What its key proves is known to `authn`; what the token says, to `issuer`.
//!
//! Hostile input: open to strangers, as everything that machines ask. A proof is about one cluster and one second, and
//! taken for [`PROOF_LASTS`] around it: whoever sees one sees the token in the answer as well, and gains no more than
//! that time by sending it again.

use super::TOKENS;
use crate::Console;
use crate::machines::asking::{malformed, proved};
use authn::{MachineKey, MachinePurpose};
use axum::extract::State;
use http_api::{Json, Problem, ProblemBody, RequestContext};
use model::{ClusterName, Timestamp};
use serde_json::json;
use std::time::Duration;

/// As far as a laptop's clock may be wrong.
const PROOF_LASTS: Duration = Duration::from_secs(300);

/// A machine that proves its key for a token.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MachineWantsToken {
    /// Its public key, as it was asked with.
    key: String,
    /// That key's signature, in base64url.
    proof: String,
    /// The cluster that the token is for.
    #[schema(value_type = String)]
    cluster: ClusterName,
    /// The second since 1970 in which it is asked for, by the machine's clock.
    asked_at_s: i64,
}

/// A token for an API server.
#[derive(serde::Serialize, utoipa::ToSchema)]
pub(crate) struct MachineToken {
    /// The token (an ID token of OpenID Connect).
    #[schema(format = Password)]
    token: String,
    /// The Kubernetes user.
    #[schema(example = "sallyport:alice")]
    user: String,
    /// When it expires.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// Get a token for a cluster's own API server, for a machine that is signed in.
///
/// It holds for minutes, and for that cluster alone. An API server that has it reviewed refuses it as soon as the
/// sign-in ends.
#[utoipa::path(
    post,
    path = "/api/v1/machine/token",
    tag = "machines",
    request_body = MachineWantsToken,
    responses(
        (status = 200, description = "The token", body = MachineToken),
        (status = 400, description = "Malformed, the key was not proved, or the machine's clock is wrong (bad_request)", body = ProblemBody),
        (status = 401, description = "The machine is not signed in, or not any more (session_ended)", body = ProblemBody),
        (status = 404, description = "No tokens are given for such a cluster (cluster_unknown)", body = ProblemBody),
        (status = 429, description = "Too many attempts (too_many_attempts)", body = ProblemBody),
    )
)]
pub(crate) async fn token(
    State(console): State<Console>,
    context: RequestContext,
    Json(given): Json<MachineWantsToken>,
) -> Result<Json<MachineToken>, Problem> {
    let asked_at = Timestamp::from_micros(given.asked_at_s.saturating_mul(1_000_000));
    let apart = context.at.since(asked_at).max(asked_at.since(context.at));
    if apart > PROOF_LASTS {
        return Err(malformed("asked_at_s", "the machine's clock and the hub's differ by minutes")
            .fix("set the machine's clock, then try again"));
    }
    let about = MachineKey::about_token(&given.cluster, given.asked_at_s);
    let proof = (given.key.as_str(), given.proof.as_str());
    let (_, current) = proved(&console, &context, proof, MachinePurpose::Token, &about).await?;
    let (text, token) = console.issuer.token(&given.cluster, &current, context.at)?;
    let record = context
        .audit(token.user(), "machine.token", &current.sign_in.id)
        .detail(json!({
            "cluster": given.cluster,
            "token": token.id(),
            "expires_at": token.expires_at(),
        }))
        .allowed();
    console.api.store.audit(record).await?;
    metrics::counter!(TOKENS).increment(1);
    Ok(Json(MachineToken {
        token: text.expose().to_owned(),
        user: token.user().to_owned(),
        expires_at: token.expires_at(),
    }))
}
