//! The section of the gateway: where it listens, and the files by which an API server knows who somebody is.
//! What the files hold is read by `crate::gateway`.

use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct GatewayConfig {
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) url: Option<String>,
    pub(crate) base_domain: Option<String>,
    pub(crate) login: bool,
    pub(crate) token_review: bool,
    pub(crate) client_ca: Option<PathBuf>,
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) service_account_keys: Vec<PathBuf>,
    pub(crate) service_account_issuers: Vec<String>,
    pub(crate) api_audiences: Vec<String>,
    pub(crate) bootstrap_tokens: bool,
    pub(crate) authentication_config: Option<PathBuf>,
    pub(crate) token_webhook: Option<PathBuf>,
    pub(crate) token_webhook_version: WebhookVersion,
    pub(crate) token_webhook_cache_s: u64,
    pub(crate) anonymous: bool,
    pub(crate) front_proxy_ca: Option<PathBuf>,
    pub(crate) front_proxy_allowed_names: Vec<String>,
    pub(crate) front_proxy_user_headers: Vec<String>,
    pub(crate) front_proxy_uid_headers: Vec<String>,
    pub(crate) front_proxy_group_headers: Vec<String>,
    pub(crate) front_proxy_extra_prefixes: Vec<String>,
    pub(crate) connections_per_network_max: usize,
    pub(crate) connections_max: usize,
    pub(crate) keep_requests_days: u64,
}

/// The version in which a webhook is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum WebhookVersion {
    V1,
    V1Beta1,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        let one = |text: &str| vec![text.to_owned()];
        Self {
            listen: None,
            url: None,
            base_domain: None,
            login: true,
            token_review: true,
            client_ca: None,
            token_file: None,
            service_account_keys: Vec::new(),
            service_account_issuers: one("https://kubernetes.default.svc.cluster.local"),
            api_audiences: Vec::new(),
            bootstrap_tokens: false,
            authentication_config: None,
            token_webhook: None,
            token_webhook_version: WebhookVersion::V1Beta1,
            token_webhook_cache_s: 120,
            anonymous: false,
            front_proxy_ca: None,
            front_proxy_allowed_names: Vec::new(),
            front_proxy_user_headers: one("X-Remote-User"),
            front_proxy_uid_headers: one("X-Remote-Uid"),
            front_proxy_group_headers: one("X-Remote-Group"),
            front_proxy_extra_prefixes: one("X-Remote-Extra-"),
            connections_per_network_max: 1_000,
            connections_max: 20_000,
            keep_requests_days: 30,
        }
    }
}
