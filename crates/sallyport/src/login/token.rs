//! `sallyport token`: a token with which a cluster's own API server lets the signed-in person in, without the gateway.
//! What it says and how long it holds is the hub's to decide.
//!
//! It is asked for anew each time and kept nowhere: it holds for minutes, and whoever has it needs no key.

use super::hub::HubClient;
use super::{OfHub, kept, proof};
use crate::{runtime, say};
use anyhow::bail;
use authn::{MachineKey, MachinePurpose};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use model::{ClusterName, Secret, Timestamp};
use rcgen::PublicKeyData as _;
use serde::Deserialize;
use serde_json::json;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(crate) struct TokenFlags {
    /// The cluster that the token is for, as the hub calls it.
    #[arg(long, value_name = "NAME")]
    cluster: ClusterName,
    /// Print what kubectl takes from a program (ExecCredential v1), instead of the bare token.
    #[arg(long)]
    exec_credential: bool,
    #[command(flatten)]
    of_hub: OfHub,
}

/// What the hub answers.
#[derive(Debug, Deserialize)]
struct Given {
    token: Secret,
    expires_at: Timestamp,
}

/// `sallyport token`.
pub(crate) fn token(flags: &TokenFlags) -> anyhow::Result<ExitCode> {
    let words = super::Words(flags.of_hub.spoken.language);
    let (place, login) = kept(&flags.of_hub, words)?;
    let now = Timestamp::now();
    if now >= login.ends_at {
        bail!(words.ended(&login.hub));
    }
    let key = login.key()?;
    let asked_at_s = now.as_micros() / 1_000_000;
    let about = MachineKey::about_token(&flags.cluster, asked_at_s);
    let given = json!({
        "key": URL_SAFE_NO_PAD.encode(key.der_bytes()),
        "proof": proof(&key, MachinePurpose::Token, &about)?,
        "cluster": flags.cluster,
        "asked_at_s": asked_at_s,
    });
    let answer = runtime()?.block_on(async {
        let hub = HubClient::new(&login.hub, login.authority.as_deref())?;
        hub.post("/api/v1/machine/token", &given).await
    })?;
    if answer.is_session_ended() {
        // As when a certificate cannot be renewed: what is kept opens nothing any more.
        place.forget(&login)?;
        bail!(words.ended(&login.hub));
    }
    let Given { token, expires_at } = answer.expected()?;
    if !token.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
        bail!("{} does not answer as a hub of this version does", login.hub);
    }
    if !flags.exec_credential {
        say(token.expose())?;
        return Ok(ExitCode::SUCCESS);
    }
    say(&json!({
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": { "expirationTimestamp": expires_at, "token": token.expose() },
    })
    .to_string())?;
    Ok(ExitCode::SUCCESS)
}
