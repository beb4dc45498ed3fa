//! What a machine asks for, without anybody signed in on it: to be let in, to collect what its owner allowed, to get
//! a fresh certificate, to be signed out. What the owner does is known to `deciding`.
//!
//! Hostile input: all of it is open to strangers, none of it reads a cookie, and each proves the machine's key or
//! the verifier of its own request. Requests that wait are bounded in number and time. Wrong proofs and verifiers are
//! throttled like wrong tokens; right ones never wait, so that no guesser stops the machines of its network, and none
//! is counted, so that a machine that was signed out and goes on asking stops nobody.

use super::{MachineCredential, request_gone};
use crate::Console;
use crate::throttle::Counted;
use authn::{Challenge, MachineKey, MachinePurpose, UserCode};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http_api::{DecidedBy, Json, Problem, ProblemBody, ProblemCode, RequestContext, random};
use model::{Secret, SignInId, Timestamp};
use serde_json::json;
use std::time::Duration;
use store::{CollectOutcome, CurrentSignIn, MachineRequest, SignIn, SignInMethod};

/// Time to sign in and compare a code; RFC 8628 gives as an example half an hour, and shorter is safer.
const REQUEST_LASTS: Duration = Duration::from_secs(600);
const POLL_EVERY: Duration = Duration::from_secs(2);
/// A classroom behind one address asks at once.
const WAITING_OF_NETWORK_MAX: i64 = 600;
/// About 5 MB. Beyond it whoever holds most gives way, so that many networks together shut nobody out.
const WAITING_MAX: i64 = 10_000;
const MACHINE_CHARACTERS_MAX: usize = 64;
const STATE_BYTES_MAX: usize = 64;
/// 32 random bytes, as RFC 7636 recommends, are 43 letters.
const VERIFIER_BYTES: std::ops::RangeInclusive<usize> = 43..=128;

/// A machine that asks to be signed in from.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MachineAsks {
    /// Its public key: an uncompressed point of P-256, in base64url.
    key: String,
    /// That key's signature of the challenge, in base64url.
    proof: String,
    /// The SHA-256 of the verifier with which it will collect, in base64url (RFC 7636, S256).
    challenge: String,
    /// What it is called; shown to the person.
    machine: String,
    /// The port on the machine's own loopback to which the person's browser is led back; left out where the person's
    /// browser is on another machine.
    #[serde(default)]
    #[schema(nullable = false)]
    port: Option<u16>,
    /// What the browser carries back besides, so that the machine knows its own.
    #[serde(default)]
    state: String,
}

/// A request that waits.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct MachineAsked {
    /// What the person compares, or types in.
    #[schema(example = "BCDF-GHJK")]
    code: String,
    /// The page of the console where they do so.
    #[schema(example = "https://hub.example.com/machine")]
    page: String,
    /// How long it waits.
    expires_in_s: u64,
    /// How often to look whether it was decided.
    poll_every_s: u64,
}

/// A machine that wants to collect what was allowed.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MachineCollects {
    /// The code of its request.
    code: String,
    /// The verifier of its challenge.
    #[schema(value_type = String, format = Password)]
    verifier: Secret,
    /// What the browser carried back, if the request named a port.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password, nullable = false)]
    carried: Option<Secret>,
}

/// What became of a request.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct MachineCollected {
    /// How it stands.
    state: RequestState,
    /// The credential, once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    credential: Option<MachineCredential>,
}

/// How a request stands.
#[derive(Debug, Clone, Copy, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RequestState {
    /// Nobody has decided yet.
    Waiting,
    /// The person said no.
    Denied,
    /// The machine is signed in.
    Allowed,
}

/// A machine that proves its key.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MachineProves {
    /// Its public key, as it was asked with.
    key: String,
    /// That key's signature, in base64url.
    proof: String,
}

/// Ask to be signed in from a machine.
///
/// The machine proves its key; a person allows it in the console by its code.
#[utoipa::path(
    post,
    path = "/api/v1/machine/ask",
    tag = "machines",
    request_body = MachineAsks,
    responses(
        (status = 200, description = "The request waits for the person", body = MachineAsked),
        (status = 400, description = "Malformed, or the key was not proved (bad_request)", body = ProblemBody),
        (status = 429, description = "Too many requests wait (too_many_attempts)", body = ProblemBody),
    )
)]
pub(crate) async fn ask(
    State(console): State<Console>,
    context: RequestContext,
    Json(given): Json<MachineAsks>,
) -> Result<Json<MachineAsked>, Problem> {
    let store = &console.api.store;
    let network = context.source.network();
    // A look before the work of a proof; what holds is counted with the insertion.
    if store.machines_waiting_of(&network, context.at).await? >= WAITING_OF_NETWORK_MAX {
        return Err(too_many_wait());
    }
    let key = MachineKey::parse(&given.key).map_err(|why| malformed("key", why))?;
    let challenge =
        Challenge::parse(&given.challenge).map_err(|why| malformed("challenge", why))?;
    if !key.proves(MachinePurpose::Ask, &challenge.text(), &given.proof) {
        return Err(malformed("proof", "not the key's signature of the challenge"));
    }
    // The person decides by this name.
    let seen: String = given.machine.chars().filter(|c| !model::is_unseen(*c)).collect();
    let machine: String = seen.trim().chars().take(MACHINE_CHARACTERS_MAX).collect();
    let url_safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if machine.is_empty() {
        return Err(malformed("machine", "expected a name"));
    }
    if given.state.len() > STATE_BYTES_MAX || !given.state.bytes().all(url_safe) {
        return Err(malformed("state", "expected at most 64 letters of base64url"));
    }
    if given.port == Some(0) {
        return Err(malformed("port", "expected 1 to 65535"));
    }
    let code = UserCode::from_random(random()?);
    let request = MachineRequest {
        code: code.to_string(),
        challenge: *challenge.bytes(),
        key: key.bytes().to_vec(),
        machine,
        port: given.port,
        state: given.state,
        network,
        source: context.source.to_string(),
        created_at: context.at,
        expires_at: context.at.after(REQUEST_LASTS),
    };
    if !store.ask_for_machine(&request, WAITING_OF_NETWORK_MAX, WAITING_MAX).await? {
        return Err(too_many_wait());
    }
    Ok(Json(MachineAsked {
        code: request.code,
        page: format!("{}/machine", console.api.origins.first()),
        expires_in_s: REQUEST_LASTS.as_secs(),
        poll_every_s: POLL_EVERY.as_secs(),
    }))
}

/// Collect what the person decided.
///
/// Answers `waiting` until then. The credential is given once.
#[utoipa::path(
    post,
    path = "/api/v1/machine/collect",
    tag = "machines",
    request_body = MachineCollects,
    responses(
        (status = 200, description = "How the request stands", body = MachineCollected),
        (status = 400, description = "Malformed (bad_request)", body = ProblemBody),
        (status = 410, description = "No such request, or not any more (machine_request_gone)", body = ProblemBody),
        (status = 429, description = "Too many attempts (too_many_attempts)", body = ProblemBody),
    )
)]
pub(crate) async fn collect(
    State(console): State<Console>,
    context: RequestContext,
    Json(given): Json<MachineCollects>,
) -> Result<Json<MachineCollected>, Problem> {
    let code: UserCode = given.code.parse().map_err(|why| malformed("code", why))?;
    if !VERIFIER_BYTES.contains(&given.verifier.expose().len()) {
        return Err(malformed("verifier", "expected 43 to 128 bytes"));
    }
    let store = &console.api.store;
    let challenge = Challenge::of(&given.verifier);
    let carried = Challenge::of(&given.carried.unwrap_or_else(|| Secret::new("")));
    let id = SignInId::from_random(random()?);
    let (api, lifetime) = (&console.api, console.machines.0.lifetime);
    let begin = |account: &store::Account, request: &MachineRequest| {
        let identity = api.identity_of(account);
        let expires_at = context.at.after(lifetime);
        let record = context
            .audit(&identity.user, "sign_in", &id)
            .detail(json!({
                "method": SignInMethod::Machine.as_str(),
                "machine": request.machine,
                "asked_from": request.source,
                "expires_at": expires_at,
            }))
            .allowed();
        let key = MachineKey::from_bytes(&request.key);
        let sign_in = SignIn {
            id: id.clone(),
            // What is stored was checked; a row that somebody broke is found by nothing.
            secret_hash: key.map(|key| key.hash()).unwrap_or(*challenge.bytes()),
            account: Some(account.id.clone()),
            identity,
            cluster: None,
            method: SignInMethod::Machine,
            created_at: context.at,
            last_seen_at: context.at,
            idle_timeout: lifetime,
            expires_at,
            ended_at: None,
            source: context.source.to_string(),
            user_agent: request.machine.clone(),
        };
        (sign_in, record)
    };
    let outcome = store
        .collect_machine(code.as_str(), challenge.bytes(), carried.bytes(), context.at, begin)
        .await?;
    let answer = |state, credential| Ok(Json(MachineCollected { state, credential }));
    match outcome {
        CollectOutcome::Waiting => answer(RequestState::Waiting, None),
        CollectOutcome::Denied => answer(RequestState::Denied, None),
        CollectOutcome::Gone => Err(request_gone()),
        // Whoever could answer otherwise has guessed 32 random bytes, wait or no wait.
        CollectOutcome::Unknown => {
            let attempt = Counted::from_network(context.source).admit(store, context.at).await?;
            attempt.charge().await?;
            Err(request_gone())
        }
        CollectOutcome::Collected { current, key } => {
            let key = MachineKey::from_bytes(&key).map_err(Problem::internal)?;
            let credential = credential(&console, &key, &current, context.at)?;
            answer(RequestState::Allowed, Some(credential))
        }
    }
}

/// Get a fresh certificate for a machine that is signed in.
///
/// The machine proves its key; the certificate is for that key, and expires with the sign-in at the latest.
#[utoipa::path(
    post,
    path = "/api/v1/machine/renew",
    tag = "machines",
    request_body = MachineProves,
    responses(
        (status = 200, description = "The credential", body = MachineCredential),
        (status = 400, description = "Malformed, or the key was not proved (bad_request)", body = ProblemBody),
        (status = 401, description = "The machine is not signed in, or not any more (session_ended)", body = ProblemBody),
        (status = 429, description = "Too many attempts (too_many_attempts)", body = ProblemBody),
    )
)]
pub(crate) async fn renew(
    State(console): State<Console>,
    context: RequestContext,
    Json(given): Json<MachineProves>,
) -> Result<Json<MachineCredential>, Problem> {
    let proof = (given.key.as_str(), given.proof.as_str());
    let (key, current) = proved(&console, &context, proof, MachinePurpose::Renew, "").await?;
    let credential = credential(&console, &key, &current, context.at)?;
    let record = context
        .audit(&credential.user, "machine.renew", &current.sign_in.id)
        .detail(json!({ "expires_at": credential.expires_at }))
        .allowed();
    console.api.store.audit(record).await?;
    Ok(Json(credential))
}

/// Sign a machine out.
///
/// Its credential is worth nothing from then on, and what it has open at the gateway is cut.
#[utoipa::path(
    post,
    path = "/api/v1/machine/end",
    tag = "machines",
    request_body = MachineProves,
    responses(
        (status = 204, description = "The machine is signed out"),
        (status = 400, description = "Malformed, or the key was not proved (bad_request)", body = ProblemBody),
        (status = 401, description = "The machine is not signed in, or not any more (session_ended)", body = ProblemBody),
        (status = 429, description = "Too many attempts (too_many_attempts)", body = ProblemBody),
    )
)]
pub(crate) async fn end(
    State(console): State<Console>,
    context: RequestContext,
    Json(given): Json<MachineProves>,
) -> Result<Response, Problem> {
    let proof = (given.key.as_str(), given.proof.as_str());
    let (_, current) = proved(&console, &context, proof, MachinePurpose::End, "").await?;
    let id = &current.sign_in.id;
    let record = context
        .audit(&current.sign_in.identity.user, "sign_out", id)
        .detail(json!({ "everywhere": false, "machine": current.sign_in.user_agent }))
        .allowed();
    console.api.store.end_sign_in(id, context.at, record).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The live sign-in of a machine that shows its key and proves it.
pub(crate) async fn proved(
    console: &Console,
    context: &RequestContext,
    (key, proof): (&str, &str),
    purpose: MachinePurpose,
    about: &str,
) -> Result<(MachineKey, CurrentSignIn), Problem> {
    let key = MachineKey::parse(key).map_err(|why| malformed("key", why))?;
    let store = &console.api.store;
    if !key.proves(purpose, about, proof) {
        let attempt = Counted::from_network(context.source).admit(store, context.at).await?;
        attempt.charge().await?;
        return Err(malformed("proof", "not the key's signature"));
    }
    if let Some(found) = store.sign_in_by_secret_hash(&key.hash()).await?
        && let Some(live) = store.machine_sign_in(&found.sign_in.id, context.at).await?
    {
        let account = live.account.as_ref();
        let user = account.map_or(&live.sign_in.identity.user, |account| &account.kubernetes_user);
        context.count_act(&console.api, user, None).await?;
        return Ok((key, live));
    }
    // Whoever proves a key of their own has guessed nothing.
    Err(Problem::new(ProblemCode::SessionEnded, "this machine is not signed in, or not any more")
        .decided_by(DecidedBy::Hub)
        .fix("run `sallyport login` on it"))
}

fn credential(
    console: &Console,
    key: &MachineKey,
    current: &CurrentSignIn,
    now: Timestamp,
) -> Result<MachineCredential, Problem> {
    let account = current.account.as_ref();
    let user = account.map_or(&current.sign_in.identity.user, |account| &account.kubernetes_user);
    console.machines.credential(key, current, user, now)
}

fn too_many_wait() -> Problem {
    let detail = "too many machines of your network, or in all, wait to be let in";
    Problem::new(ProblemCode::TooManyAttempts, detail)
        .decided_by(DecidedBy::Hub)
        .fix("wait, then run `sallyport login` again")
        .retry_after(REQUEST_LASTS / 10)
}

pub(crate) fn malformed(part: &str, why: impl std::fmt::Display) -> Problem {
    Problem::bad_request(format!("`{part}`: {why}"))
}
