//! From the configuration to what the services share: store, vault key, clusters, origins, lifetimes.
//! `serve` runs the services on it, `admin` works on the store alone.

use crate::config::{ClusterConfig, Config};
use crate::tls::write_private;
use anyhow::{Context, bail};
use authn::{AccountMapping, Lifetimes, TokenAdmins};
use http_api::{Clock, HttpApi, Origins, Pace, TrustedProxies};
use kube_io::{Cluster, ClusterSource, Clusters, KubeIoError};
use model::{HubId, Timestamp};
use scanner::PostureSettings;
use std::path::Path;
use std::time::Duration;
use store::{AuditMark, Store, StoreLocation, TrafficRetention, VaultKey};

/// Said to whoever has PostgreSQL and no key.
pub(crate) const VAULT_KEY_NEEDED: &str = "`store.vault_key_file` is needed with PostgreSQL: all hubs \
    must hold the same key; make one with `openssl rand -hex 32`";

/// SQLite's file in `store.directory`.
const DATABASE: &str = "sallyport.db";

/// `N` random bytes of the operating system.
pub(crate) fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| anyhow::anyhow!("the operating system gives no randomness"))?;
    Ok(bytes)
}

/// Opens the store that the configuration names. An audit log that fell behind this hub's mark is refused.
pub(crate) async fn open_store(config: &Config) -> anyhow::Result<Store> {
    let (store, mark) = open_marked_store(config).await?;
    match mark {
        AuditMark::Holds => {}
        AuditMark::Missing => tracing::warn!(
            directory = %config.store.directory.display(),
            "this hub had no mark of the audit log here and makes one now: records cut off before are not \
             found. Expected at a hub's first start only"
        ),
        AuditMark::Broken(why) => {
            store.close().await;
            bail!(
                "the audit log is not the one that this hub knows: {why}. Look into it with `sallyport admin \
                 audit verify`; if you restored the database yourself, say so with `--accept-restored`"
            );
        }
    }
    if let Some((seq, hash)) = store.audit_mark() {
        tracing::info!(seq, hash, "the audit log is marked");
    }
    Ok(store)
}

/// Whether there is a store already. It looks, and makes none.
pub(crate) async fn has_store(config: &Config) -> anyhow::Result<bool> {
    let location = match &config.store.url {
        Some(url) => StoreLocation::Postgres { url: url.clone() },
        None => StoreLocation::Sqlite { directory: config.store.directory.clone() },
    };
    Store::is_there(&location)
        .await
        .map_err(|error| anyhow::Error::new(error).context("the store cannot be looked at"))
}

/// The same for whoever wants to look at a log that cannot be trusted.
pub(crate) async fn open_marked_store(config: &Config) -> anyhow::Result<(Store, AuditMark)> {
    let settings = &config.store;
    let (location, vault) = match &settings.url {
        Some(url) => {
            let Some(path) = &settings.vault_key_file else {
                bail!(VAULT_KEY_NEEDED);
            };
            // Nothing of the database is there, but the hub's own mark of the audit log.
            if let Err(error) = make_private_directory(&settings.directory) {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "the audit log's mark has no place to stay"
                );
            }
            (StoreLocation::Postgres { url: url.clone() }, read_vault_key(path)?)
        }
        None => {
            let directory = &settings.directory;
            make_private_directory(directory)?;
            let made = directory.join("vault.key");
            let path = settings.vault_key_file.as_ref().unwrap_or(&made);
            if *path == made && !check_own_vault_key(directory)? {
                let hex: String = random::<32>()?.iter().map(|b| format!("{b:02x}")).collect();
                write_private(&made, hex.as_bytes())?;
            }
            (StoreLocation::Sqlite { directory: directory.clone() }, read_vault_key(path)?)
        }
    };
    let hub = HubId::from_random(random()?);
    let store = Store::open(&location, vault, hub, Timestamp::now())
        .await
        .map_err(|error| anyhow::Error::new(error).context("the store cannot be opened"))?;
    let mark = store
        .keep_audit_mark(&settings.directory)
        .await
        .map_err(|error| anyhow::Error::new(error).context("the audit log's mark"))?;
    Ok((store, mark))
}

/// Whether the directory holds the key that a hub made in it; one that cannot be used is an error.
pub(crate) fn check_own_vault_key(directory: &Path) -> anyhow::Result<bool> {
    let made = directory.join("vault.key");
    if made.exists() {
        read_vault_key(&made)?;
        return Ok(true);
    }
    if directory.join(DATABASE).exists() {
        bail!(
            "{} is missing, but the database is there: what it sealed cannot be read without it; put \
             the key back",
            made.display()
        );
    }
    Ok(false)
}

fn make_private_directory(directory: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).with_context(|| {
        format!(
            "`store.directory` {} cannot be made; set another with --data-dir",
            directory.display()
        )
    })
}

pub(crate) fn read_vault_key(path: &Path) -> anyhow::Result<VaultKey> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("the vault key {} cannot be read", path.display()))?;
    let text = text.trim();
    let wrong = || format!("the vault key {} is not 64 hexadecimal digits", path.display());
    if text.len() != 64 || !text.is_ascii() {
        bail!(wrong());
    }
    let mut key = [0u8; 32];
    for (byte, pair) in key.iter_mut().zip(text.as_bytes().chunks(2)) {
        let pair = std::str::from_utf8(pair).with_context(wrong)?;
        *byte = u8::from_str_radix(pair, 16).with_context(wrong)?;
    }
    Ok(VaultKey::new(key))
}

/// Opens every cluster. Nothing is asked of them yet, so that one that is away holds up nobody.
pub(crate) async fn open_clusters(config: &Config) -> anyhow::Result<Clusters> {
    let mut clusters = Vec::new();
    for cluster in &config.cluster {
        let cluster = open_cluster(cluster).await?;
        tracing::info!(
            cluster = %cluster.name(),
            server = cluster.server(),
            context = cluster.context().unwrap_or("(the hub's own Pod)"),
            "the hub stands before a cluster"
        );
        clusters.push(cluster);
    }
    if clusters.is_empty() {
        tracing::warn!("no cluster is configured: people can sign in, but there is nowhere to go");
    }
    Ok(Clusters::new(clusters))
}

/// Opens one.
pub(crate) async fn open_cluster(cluster: &ClusterConfig) -> Result<Cluster, KubeIoError> {
    Cluster::open(cluster.name.clone(), &source_of(cluster)).await
}

fn source_of(cluster: &ClusterConfig) -> ClusterSource {
    match &cluster.kubeconfig {
        Some(path) => {
            ClusterSource::Kubeconfig { path: path.clone(), context: cluster.context.clone() }
        }
        None => ClusterSource::InCluster,
    }
}

/// What local accounts are to Kubernetes.
pub(crate) fn account_mapping(config: &Config) -> anyhow::Result<AccountMapping> {
    AccountMapping::new(&config.sign_in.user_prefix)
        .context("configuration key `sign_in.user_prefix`")
}

/// How long traffic is kept, and how much of it.
pub(crate) fn traffic_retention(config: &Config) -> TrafficRetention {
    let traffic = &config.traffic;
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    TrafficRetention {
        kept: Duration::from_secs(traffic.keep_hours * 3600),
        bodies_kept: Duration::from_secs(traffic.keep_content_hours * 3600),
        units_max: number(traffic.units_max),
        body_bytes_max: number(traffic.content_mib_max * 1024 * 1024),
    }
}

/// How often clusters are scanned, and how long it is remembered.
pub(crate) fn posture_settings(config: &Config) -> PostureSettings {
    let hours = config.posture.scan_every_hours;
    PostureSettings {
        every: (hours > 0).then(|| Duration::from_secs(hours * 3600)),
        kept: Duration::from_secs(config.posture.keep_days * 24 * 3600),
    }
}

/// Puts together what all services share.
pub(crate) fn http_api(
    config: &Config,
    store: Store,
    clusters: Clusters,
) -> anyhow::Result<HttpApi> {
    let hours = |hours: u64| Duration::from_secs(hours * 3600);
    let lifetimes = Lifetimes {
        idle_timeout: Duration::from_secs(config.sign_in.idle_minutes * 60),
        password: hours(config.sign_in.password_hours),
        token: hours(config.sign_in.token_hours),
    }
    .check()
    .context("configuration section `sign_in`")?;
    let accounts = account_mapping(config)?;
    let home = clusters.first().map(|cluster| cluster.name().clone());
    let token_admins = if config.sign_in.admin_groups.is_empty() {
        TokenAdmins::of_home(home, accounts.admins_group())
    } else {
        TokenAdmins { groups: config.sign_in.admin_groups.clone(), home }
    };
    Ok(HttpApi {
        store,
        clusters,
        origins: Origins::new(&config.server.origins)
            .context("configuration key `server.origins`")?,
        proxies: TrustedProxies::new(&config.server.trusted_proxies)
            .context("configuration key `server.trusted_proxies`")?,
        lifetimes,
        accounts,
        token_admins,
        pace: Pace::of(config.server.acts_per_second_max),
        clock: Clock::of_the_machine(),
    })
}
