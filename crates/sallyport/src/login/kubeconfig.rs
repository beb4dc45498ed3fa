//! A kubeconfig for all clusters behind a hub's gateway, whose user is this program.
//! There is no secret in it: kubectl runs `sallyport credential` whenever it needs one.
//!
//! Hostile input: names and addresses come from the hub. Each is written as JSON, which is YAML, so none can end its own
//! text.

use super::place::Login;
use super::said::Cluster;
use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

/// The file.
pub(super) fn text(login: &Login) -> anyhow::Result<String> {
    let program = std::env::current_exe().context("where this program is")?;
    let program = program.to_str().context("this program lies where no kubeconfig can name it")?;
    let authority = login.authority.as_ref().map(|pem| STANDARD.encode(pem));
    let mut clusters = Vec::new();
    let mut contexts = Vec::new();
    for cluster in &login.clusters {
        let name = context(login, cluster)?;
        let mut place = json!({ "server": cluster.server });
        if let Some(authority) = &authority {
            place["certificate-authority-data"] = json!(authority);
        }
        clusters.push(json!({ "name": name, "cluster": place }));
        contexts
            .push(json!({ "name": name, "context": { "cluster": name, "user": user(login)? } }));
    }
    let current = login.clusters.first().map(|first| context(login, first)).transpose()?;
    let file = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": current.unwrap_or_default(),
        "clusters": clusters,
        "contexts": contexts,
        "users": [{
            "name": user(login)?,
            "user": { "exec": {
                "apiVersion": "client.authentication.k8s.io/v1",
                "command": program,
                "args": ["credential", "--hub", login.hub],
                "interactiveMode": "Never",
                "provideClusterInfo": false,
                "installHint": "Install sallyport and sign in with `sallyport login`.",
            } },
        }],
    });
    Ok(format!("{}\n", serde_json::to_string_pretty(&file)?))
}

/// What a cluster is called in it: two hubs may call theirs the same, and kubeconfigs are merged by name.
pub(super) fn context(login: &Login, cluster: &Cluster) -> anyhow::Result<String> {
    Ok(format!("{}@{}", cluster.name, host(login)?))
}

fn user(login: &Login) -> anyhow::Result<String> {
    Ok(format!("sallyport@{}", host(login)?))
}

fn host(login: &Login) -> anyhow::Result<&str> {
    login.hub.strip_prefix("https://").context("the kept hub has no address")
}
