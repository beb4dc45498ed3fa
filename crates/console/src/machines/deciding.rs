//! What a signed-in person sees and decides of a machine that asks: its name, where it asked from, yes or no.
//! The credential is not known here: the machine collects it itself.
//!
//! Hostile input: the code may be somebody else's, sent to have a stranger's machine let in. So the page shows where it
//! asked from and asks to compare; and where the browser is on the same machine, what allows it is carried by that
//! browser, and reaches no other machine.

use super::request_gone;
use crate::Console;
use authn::{BrowserSecret, Challenge, UserCode};
use axum::extract::State;
use http_api::{DecidedBy, Json, Path, Problem, ProblemBody, ProblemCode, SignedIn, random};
use model::Timestamp;
use serde_json::json;
use store::{MachineApproval, MachineRequest};

/// A machine that waits.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct WaitingMachine {
    /// Its code.
    code: String,
    /// What it calls itself.
    machine: String,
    /// Where it asked from.
    source: String,
    /// Whether it is led back to by the browser, which must be on the same machine.
    by_browser: bool,
    /// When it asked.
    #[schema(value_type = String, format = DateTime)]
    asked_at: Timestamp,
    /// Until when it waits.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// Yes or no.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MachineDecision {
    /// Let it in.
    allow: bool,
}

/// What the browser does next.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct MachineDecided {
    /// Where to go, so that the machine learns of it; nothing if it looks for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    return_to: Option<String>,
}

/// Look at a machine that asks to be signed in from.
#[utoipa::path(
    get,
    path = "/api/v1/machine/requests/{code}",
    tag = "machines",
    params(("code" = String, Path, description = "The code that the machine shows")),
    responses(
        (status = 200, description = "The machine", body = WaitingMachine),
        (status = 400, description = "Malformed (bad_request)", body = ProblemBody),
        (status = 410, description = "No such request, or not any more (machine_request_gone)", body = ProblemBody),
    )
)]
pub(crate) async fn look(
    State(console): State<Console>,
    signed_in: SignedIn,
    Path(code): Path<String>,
) -> Result<Json<WaitingMachine>, Problem> {
    let request = waiting(&console, &code, signed_in.context().at).await?;
    Ok(Json(WaitingMachine {
        code: request.code,
        machine: request.machine,
        source: request.source,
        by_browser: request.port.is_some(),
        asked_at: request.created_at,
        expires_at: request.expires_at,
    }))
}

/// Let a machine in, or not.
///
/// It is signed in as the person once it has collected. The sign-in ends like every other: everywhere, with the
/// account, or with a new password.
#[utoipa::path(
    post,
    path = "/api/v1/machine/requests/{code}",
    tag = "machines",
    params(("code" = String, Path, description = "The code that the machine shows")),
    request_body = MachineDecision,
    responses(
        (status = 200, description = "Decided", body = MachineDecided),
        (status = 400, description = "Malformed (bad_request)", body = ProblemBody),
        (status = 403, description = "Signed in with a token (needs_account)", body = ProblemBody),
        (status = 410, description = "No such request, or not any more (machine_request_gone)", body = ProblemBody),
    )
)]
pub(crate) async fn decide(
    State(console): State<Console>,
    signed_in: SignedIn,
    Path(code): Path<String>,
    Json(given): Json<MachineDecision>,
) -> Result<Json<MachineDecided>, Problem> {
    let (store, now) = (&console.api.store, signed_in.context().at);
    let request = waiting(&console, &code, now).await?;
    let action = if given.allow { "machine.allow" } else { "machine.deny" };
    let draft = signed_in.audit(action, &request.machine).detail(json!({
        "code": request.code,
        "asked_from": request.source,
    }));
    if !given.allow {
        if !store.decide_machine(&request.code, None, now, draft.allowed()).await? {
            return Err(request_gone());
        }
        let return_to = request.port.map(|port| back(port, "error=denied", &request.state));
        return Ok(Json(MachineDecided { return_to }));
    }
    let Some(account) = signed_in.account_id() else {
        let problem = Problem::new(
            ProblemCode::NeedsAccount,
            "you signed in with a token, and a machine is signed in with an account",
        )
        .decided_by(DecidedBy::Hub)
        .fix("put the token itself into the kubeconfig, or sign in with an account");
        store.audit(draft.denied(problem.code())).await?;
        return Err(problem);
    };
    let carried = BrowserSecret::from_random(random()?).text();
    let grant_hash = *Challenge::of(&carried).bytes();
    let approval = MachineApproval { account, sign_in: signed_in.id(), grant_hash };
    if !store.decide_machine(&request.code, Some(approval), now, draft.allowed()).await? {
        return Err(request_gone());
    }
    let code = format!("code={}", carried.expose());
    let return_to = request.port.map(|port| back(port, &code, &request.state));
    Ok(Json(MachineDecided { return_to }))
}

/// Back to the machine that the browser is on. All of it is letters of base64url.
fn back(port: u16, what: &str, state: &str) -> String {
    format!("http://127.0.0.1:{port}/signed-in?{what}&state={state}")
}

async fn waiting(console: &Console, code: &str, now: Timestamp) -> Result<MachineRequest, Problem> {
    let code: UserCode =
        code.parse().map_err(|why| Problem::bad_request(format!("`code`: {why}")))?;
    let found = console.api.store.waiting_machine(code.as_str(), now).await?;
    found.ok_or_else(request_gone)
}
