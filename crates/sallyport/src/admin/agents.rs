//! `sallyport admin agent`: certificates for the agents on nodes, and taking them back.
//! What agents send is judged at the hub's door (`crate::agents`).

use super::by_operator;
use crate::agents::OwnAuthority;
use crate::arguments::AgentCommand;
use crate::config::Config;
use crate::tls::write_private;
use crate::{say, say_error};
use anyhow::{Context, bail};
use model::{ClusterName, NodeName, Timestamp};
use serde_json::json;
use std::path::Path;
use std::time::Duration;
use store::Store;
use traffic::AgentName;

pub(super) async fn run(
    command: AgentCommand,
    config: &Config,
    store: &Store,
) -> anyhow::Result<()> {
    match command {
        AgentCommand::Issue { node, cluster, out, days } => {
            issue(config, store, AgentName { cluster, node }, &out, days).await
        }
        AgentCommand::List { json } => list(store, json).await,
        AgentCommand::Revoke { node, cluster } => {
            let name = AgentName { cluster, node };
            let entry = by_operator("traffic.agent.revoke", object(&name.cluster, &name.node));
            store.revoke_traffic_agent(&name.cluster, &name.node, entry).await?;
            // Certificates count whole seconds: one that is issued within this one would be refused, too.
            tokio::time::sleep(Duration::from_secs(1)).await;
            say(&format!(
                "the certificates of {name} are refused from now on; issue another to let it in again"
            ))
        }
    }
}

async fn issue(
    config: &Config,
    store: &Store,
    name: AgentName,
    out: &Path,
    days: u64,
) -> anyhow::Result<()> {
    if let Some(authority) = &config.traffic.agents_ca {
        bail!(
            "`traffic.agents_ca` names {}: certificates of agents are made with that authority, with the URI {name}",
            authority.display()
        );
    }
    if !config.cluster.is_empty() && !config.cluster.iter().any(|it| it.name == name.cluster) {
        bail!("the configuration has no cluster `{}`", name.cluster);
    }
    let issued = OwnAuthority::open_or_make(&config.store.directory)?
        .issue(&name, Duration::from_secs(days * 24 * 3600))?;
    let mut entry = by_operator("traffic.agent.issue", object(&name.cluster, &name.node));
    entry.detail = json!({ "days": days });
    // Recorded before anybody has it.
    store.audit(entry).await?;
    std::fs::create_dir_all(out).with_context(|| format!("{} cannot be made", out.display()))?;
    let (certificate, key) = (out.join("agent.pem"), out.join("agent.key"));
    write_private(&key, issued.key.expose().as_bytes())?;
    std::fs::write(&certificate, issued.certificate)
        .with_context(|| format!("{} cannot be written", certificate.display()))?;
    say(&format!("{name} for {days} days: {} and {}", certificate.display(), key.display()))?;
    if config.traffic.agents_listen.is_none() {
        say_error("note: `traffic.agents_listen` is not set, so this hub listens to no agent yet");
    }
    Ok(())
}

async fn list(store: &Store, as_json: bool) -> anyhow::Result<()> {
    let agents = store.traffic_agents().await?;
    if as_json {
        let rows: Vec<_> = agents
            .iter()
            .map(|agent| {
                json!({
                    "cluster": agent.cluster, "node": agent.node,
                    "heard_at": agent.heard_at, "revoked_at": agent.revoked_at,
                })
            })
            .collect();
        return say(&serde_json::to_string_pretty(&rows)?);
    }
    if agents.is_empty() {
        return say(
            "no agent was ever heard; make a certificate with `sallyport admin agent issue NODE --cluster NAME --out DIR`",
        );
    }
    let time = |at: Option<Timestamp>| at.map_or_else(|| "never".to_owned(), |at| at.to_string());
    say(&format!("{:<20} {:<32} {:<28} REVOKED", "CLUSTER", "NODE", "LAST HEARD"))?;
    for agent in agents {
        say(&format!(
            "{:<20} {:<32} {:<28} {}",
            agent.cluster.as_str(),
            agent.node.as_str(),
            time(agent.heard_at),
            time(agent.revoked_at),
        ))?;
    }
    Ok(())
}

fn object(cluster: &ClusterName, node: &NodeName) -> String {
    format!("{cluster}/{node}")
}
