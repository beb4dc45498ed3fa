//! Programs that keep the credentials of registries, as Docker asks them: `docker-credential-NAME get`, the registry's
//! address on its standard input, JSON on its standard output.
//! Which program is asked about which registry stands in `config.json` and is `registry`'s.

use anyhow::{Context, bail};
use model::Secret;
use registry::Credential;
use serde::Deserialize;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

/// A user and a token have some kilobytes.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;
/// One may have to unlock a keyring, or to fetch a token.
const ANSWER_TAKES: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: Secret,
}

/// What the program keeps for this address; none, if it says that it knows of nothing.
pub(super) fn ask(name: &str, address: &str) -> anyhow::Result<Option<Credential>> {
    let program = format!("docker-credential-{name}");
    let asked = crate::runtime()?.block_on(async {
        let answer = answer(&program, address);
        tokio::time::timeout(ANSWER_TAKES, answer).await.context("it did not answer in time")?
    });
    asked.with_context(|| format!("{program}, which keeps the credentials of {address}"))
}

async fn answer(program: &str, address: &str) -> anyhow::Result<Option<Credential>> {
    let mut child = Command::new(program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // It may ask something of a person; what it answers is on its standard output.
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()
        .context("it cannot be run")?;
    if let Some(mut input) = child.stdin.take() {
        // One that does not read its input has still its answer.
        input.write_all(address.as_bytes()).await.ok();
    }
    let mut bytes = Vec::new();
    if let Some(output) = child.stdout.take() {
        output.take(ANSWER_BYTES_MAX + 1).read_to_end(&mut bytes).await?;
    }
    if bytes.len() as u64 > ANSWER_BYTES_MAX {
        bail!("it says more than credentials have");
    }
    let text = Secret::new(String::from_utf8_lossy(&bytes));
    if !child.wait().await?.success() {
        // The one refusal that the programs have a sentence for.
        if text.expose().trim() == "credentials not found in native keychain" {
            return Ok(None);
        }
        bail!("it ended with a failure");
    }
    let Ok(answer) = serde_json::from_str::<Answer>(text.expose()) else {
        bail!("it does not say a user and a secret");
    };
    if answer.username == "<token>" {
        bail!(
            "it keeps an identity token, which is not understood; name a file by --registry-config"
        );
    }
    Ok(Some(Credential { user: answer.username, password: answer.secret }))
}
