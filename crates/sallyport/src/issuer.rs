//! The hub as an issuer in the binary: its settings from the configuration, and the secrets of API servers from files
//! that are read again when they change.
//! What API servers are given is the crate `console`'s.

use crate::config::Config;
use anyhow::Context;
use authn::ReviewerSecrets;
use console::{IssuerDesk, IssuerSettings};
use model::{ClusterName, Secret};
use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// A changed secret is in use after this long.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// What the configuration says; the error names the file and the fault in it.
pub(crate) fn settings(config: &Config) -> anyhow::Result<IssuerSettings> {
    Ok(IssuerSettings {
        url: config.issuer.url.clone(),
        token_lifetime: Duration::from_secs(config.issuer.token_s),
        reviewers: reviewers(config)?,
    })
}

fn reviewers(config: &Config) -> anyhow::Result<HashMap<ClusterName, ReviewerSecrets>> {
    let named = config.cluster.iter().filter_map(|cluster| {
        let path = cluster.token_review_secret.as_ref()?;
        Some(read(path).map(|secrets| (cluster.name.clone(), secrets)).with_context(|| {
            format!("cluster `{}`: `token_review_secret` {}", cluster.name, path.display())
        }))
    });
    named.collect()
}

/// Reads the secrets of a file.
pub(crate) fn read(path: &Path) -> anyhow::Result<ReviewerSecrets> {
    let text = std::fs::read_to_string(path).context("cannot be read")?;
    Ok(ReviewerSecrets::parse(&Secret::new(text))?)
}

/// Looks for changed secrets for as long as the hub lives. A file that is broken is told once, and what was believed
/// before stays.
pub(crate) async fn keep(desk: IssuerDesk, config: Config) {
    let files = config.cluster.iter().filter_map(|cluster| cluster.token_review_secret.clone());
    let files: Vec<_> = files.collect();
    let changed_at = || -> Vec<Option<SystemTime>> {
        files.iter().map(|path| std::fs::metadata(path).and_then(|it| it.modified()).ok()).collect()
    };
    let mut seen = changed_at();
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let now = changed_at();
        if now == seen {
            continue;
        }
        seen = now;
        match reviewers(&config) {
            Ok(fresh) => {
                desk.believe(fresh);
                tracing::info!("the secrets of API servers were reloaded");
            }
            Err(error) => tracing::error!(
                error = format!("{error:#}"),
                "a changed secret of an API server is not usable; the old one stays in use"
            ),
        }
    }
}
