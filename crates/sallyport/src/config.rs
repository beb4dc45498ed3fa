//! The configuration: one TOML file, `SALLYPORT_*` variables over it, flags over both; checked whole.
//! It yields checked values (`faults`); what they name is opened by `hub` and `serve`.

mod faults;
mod gateway;
mod keys;
mod reading;

pub(crate) use gateway::{GatewayConfig, WebhookVersion};
pub(crate) use keys::KEYS;

use anyhow::bail;
use model::{ClusterName, Secret};
use reading::Reading;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;

/// The whole configuration as it is written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    pub(crate) server: Server,
    pub(crate) tls: Tls,
    pub(crate) store: StoreConfig,
    pub(crate) cluster: Vec<ClusterConfig>,
    pub(crate) sign_in: SignIn,
    pub(crate) links: Links,
    pub(crate) terminals: TerminalsConfig,
    pub(crate) workspaces: Workspaces,
    pub(crate) traffic: TrafficConfig,
    pub(crate) posture: PostureConfig,
    pub(crate) gateway: GatewayConfig,
    pub(crate) issuer: IssuerConfig,
    pub(crate) log: Log,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Server {
    pub(crate) listen: SocketAddr,
    pub(crate) origins: Vec<String>,
    pub(crate) trusted_proxies: Vec<String>,
    pub(crate) metrics_listen: Option<SocketAddr>,
    pub(crate) drain_grace_s: u64,
    pub(crate) connections_per_network_max: usize,
    pub(crate) acts_per_second_max: u32,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Tls {
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    pub(crate) self_signed: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StoreConfig {
    pub(crate) directory: PathBuf,
    pub(crate) url: Option<Secret>,
    pub(crate) vault_key_file: Option<PathBuf>,
    pub(crate) keep_ended_days: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClusterConfig {
    pub(crate) name: ClusterName,
    pub(crate) kubeconfig: Option<PathBuf>,
    pub(crate) context: Option<String>,
    #[serde(default)]
    pub(crate) in_cluster: bool,
    pub(crate) token_review_secret: Option<PathBuf>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SignIn {
    pub(crate) idle_minutes: u64,
    pub(crate) password_hours: u64,
    pub(crate) token_hours: u64,
    pub(crate) machine_hours: u64,
    pub(crate) user_prefix: String,
    pub(crate) admin_groups: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Links {
    pub(crate) lifetime_s: u64,
    pub(crate) lifetime_max_s: u64,
    pub(crate) ticket_s: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TerminalsConfig {
    pub(crate) recheck_s: u64,
    pub(crate) per_person_max: usize,
    pub(crate) total_max: usize,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Workspaces {
    pub(crate) image: String,
    pub(crate) per_person_max: u32,
    pub(crate) total_max: u32,
    pub(crate) lifetime_hours: u64,
    pub(crate) adopt_namespaces: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TrafficConfig {
    pub(crate) keep_hours: u64,
    pub(crate) keep_content_hours: u64,
    pub(crate) units_max: u64,
    pub(crate) content_mib_max: u64,
    pub(crate) agents_listen: Option<SocketAddr>,
    pub(crate) agents_ca: Option<PathBuf>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PostureConfig {
    pub(crate) scan_every_hours: u64,
    pub(crate) keep_days: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct IssuerConfig {
    pub(crate) url: Option<String>,
    pub(crate) token_s: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Log {
    pub(crate) format: LogFormatName,
    pub(crate) filter: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogFormatName {
    Json,
    Text,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8443)),
            origins: vec!["https://localhost:8443".to_owned()],
            trusted_proxies: Vec::new(),
            metrics_listen: None,
            drain_grace_s: 20,
            connections_per_network_max: 1_000,
            acts_per_second_max: 20,
        }
    }
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            directory: PathBuf::from("/var/lib/sallyport"),
            url: None,
            vault_key_file: None,
            keep_ended_days: 90,
        }
    }
}

impl Default for SignIn {
    fn default() -> Self {
        Self {
            idle_minutes: 90,
            password_hours: 12,
            token_hours: 1,
            machine_hours: 12,
            user_prefix: "sallyport:".to_owned(),
            admin_groups: Vec::new(),
        }
    }
}

impl Default for Links {
    fn default() -> Self {
        Self { lifetime_s: 300, lifetime_max_s: 24 * 3600, ticket_s: 30 }
    }
}

impl Default for TerminalsConfig {
    fn default() -> Self {
        Self { recheck_s: 45, per_person_max: 64, total_max: 10_000 }
    }
}

impl Default for Workspaces {
    fn default() -> Self {
        Self {
            image: "debian:bookworm".to_owned(),
            per_person_max: 3,
            total_max: 300,
            lifetime_hours: 8,
            adopt_namespaces: false,
        }
    }
}

impl Default for TrafficConfig {
    fn default() -> Self {
        Self {
            keep_hours: 168,
            keep_content_hours: 24,
            units_max: 1_000_000,
            content_mib_max: 1024,
            agents_listen: None,
            agents_ca: None,
        }
    }
}

impl Default for PostureConfig {
    fn default() -> Self {
        Self { scan_every_hours: 12, keep_days: 90 }
    }
}

impl Default for IssuerConfig {
    fn default() -> Self {
        Self { url: None, token_s: 600 }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormatName::Json, filter: "info".to_owned() }
    }
}

/// Where values come from, in rising order of precedence.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// The file.
    pub(crate) file: Option<PathBuf>,
    /// `SALLYPORT_*` variables.
    pub(crate) environment: Vec<(String, String)>,
    /// `KEY=VALUE` of flags.
    pub(crate) flags: Vec<(String, String)>,
    /// Name, kubeconfig and context of a cluster named by flags; it takes the place of all others.
    pub(crate) cluster: Option<(String, PathBuf, Option<String>)>,
}

impl Sources {
    /// Takes the file and flags given, and this process's environment.
    pub(crate) fn of_process(file: Option<PathBuf>, flags: Vec<(String, String)>) -> Self {
        let environment =
            std::env::vars().filter(|(name, _)| name.starts_with("SALLYPORT_")).collect();
        Self { file, environment, flags, cluster: None }
    }
}

/// Reads everything and checks every value; the error names the keys and the fixes, all of them at once.
pub(crate) fn load(sources: &Sources) -> anyhow::Result<Config> {
    let mut reading = Reading::of(sources);
    reading.judge(faults::of_values(&reading.config));
    refuse(reading.faults)?;
    Ok(reading.config)
}

/// The same, and what keeps a hub from serving. It changes nothing.
pub(crate) async fn check(sources: &Sources) -> anyhow::Result<Config> {
    let mut reading = Reading::of(sources);
    reading.judge(faults::of_values(&reading.config));
    let serving = faults::of_serving(&reading.config).await;
    reading.judge(serving);
    refuse(reading.faults)?;
    Ok(reading.config)
}

/// Faults as one error: alone as they are, several as a list.
pub(crate) fn refuse(faults: Vec<String>) -> anyhow::Result<()> {
    match faults.as_slice() {
        [] => Ok(()),
        [only] => bail!("{only}"),
        all => bail!("the configuration has {} faults:\n- {}", all.len(), all.join("\n- ")),
    }
}

#[cfg(test)]
mod tests;
