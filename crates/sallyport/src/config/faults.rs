//! What is wrong with a configuration, all of it at once: each fault names the key and the fix.
//! `of_values` looks at what is written; `of_serving` also at the files that it names, as `serve` would. Whether
//! a port is free, a database answers and a cluster lives is not the configuration's, and only serving shows it.

use super::Config;
use crate::{hub, tls};
use authn::AccountMapping;
use http_api::{Origins, TrustedProxies};
use std::path::Path;

/// Faults that can be seen without looking at anything else.
pub(crate) fn of_values(config: &Config) -> Vec<String> {
    let mut faults = Vec::new();
    bounds(config, &mut faults);
    server(config, &mut faults);
    let tls = &config.tls;
    match (&tls.certificate, &tls.key, tls.self_signed) {
        (Some(_), Some(_), false) | (None, None, _) => {}
        (_, _, true) => faults.push(
            "`tls.self_signed` and `tls.certificate` exclude each other; leave one out".to_owned(),
        ),
        _ => faults.push(
            "`tls.certificate` and `tls.key` belong together; set both or neither".to_owned(),
        ),
    }
    if let Some(url) = &config.store.url {
        if !["postgres://", "postgresql://"].iter().any(|scheme| url.expose().starts_with(scheme)) {
            // The URL holds a password, so it is not shown.
            faults.push(
                "configuration key `store.url` is no PostgreSQL address; write \
                 postgres://USER:PASSWORD@HOST/DATABASE, or leave it out for SQLite"
                    .to_owned(),
            );
        }
        if config.store.vault_key_file.is_none() {
            faults.push(hub::VAULT_KEY_NEEDED.to_owned());
        }
    }
    if let Err(error) = AccountMapping::new(&config.sign_in.user_prefix) {
        faults.push(format!("configuration key `sign_in.user_prefix`: {error}"));
    }
    if let Err(error) = telemetry::check_filter(&config.log.filter) {
        faults.push(format!("configuration key `log.filter`: {error}"));
    }
    if config.workspaces.image.trim().is_empty() {
        faults.push(
            "configuration key `workspaces.image` is empty; name an image that has a shell, such as \
             debian:bookworm"
                .to_owned(),
        );
    }
    clusters(config, &mut faults);
    gateway(config, &mut faults);
    issuer(config, &mut faults);
    agents(config, &mut faults);
    faults
}

fn issuer(config: &Config, faults: &mut Vec<String>) {
    let Some(url) = &config.issuer.url else { return };
    let path = console::ISSUER_PATH;
    if !is_address(url) || url.parse::<http::Uri>().is_ok_and(|uri| uri.path() != path) {
        faults.push(format!(
            "configuration key `issuer.url` is `{}`; write the hub's address as API servers reach it, and `{path}`, \
             such as https://hub.example.com{path}",
            url.escape_default()
        ));
    }
}

fn agents(config: &Config, faults: &mut Vec<String>) {
    let settings = &config.traffic;
    let Some(listen) = settings.agents_listen else {
        if settings.agents_ca.is_some() {
            faults.push(
                "`traffic.agents_ca` is set, but nobody listens to agents; set `traffic.agents_listen` too"
                    .to_owned(),
            );
        }
        return;
    };
    let others = [Some(config.server.listen), config.server.metrics_listen, config.gateway.listen];
    if others.into_iter().flatten().any(|other| takes(other, listen)) {
        faults.push(format!(
            "configuration key `traffic.agents_listen` is {listen}, which another listener takes; choose \
             another port"
        ));
    }
}

/// Whether one listener stands where another would.
fn takes(one: std::net::SocketAddr, other: std::net::SocketAddr) -> bool {
    one.port() == other.port()
        && other.port() != 0
        && (one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified())
}

fn gateway(config: &Config, faults: &mut Vec<String>) {
    let settings = &config.gateway;
    let Some(listen) = settings.listen else { return };
    let others = [Some(config.server.listen), config.server.metrics_listen];
    if others.into_iter().flatten().any(|other| takes(other, listen)) {
        faults.push(format!(
            "configuration key `gateway.listen` is {listen}, which another listener takes; choose \
             another port"
        ));
    }
    if config.cluster.is_empty() {
        faults.push(
            "`gateway.listen` is set but there is no cluster to stand before; add a `[[cluster]]`"
                .to_owned(),
        );
    }
    if let Some(base) = &settings.base_domain
        && base.parse::<model::PodName>().is_err()
    {
        // The name of a Pod is a DNS subdomain, which this must be.
        faults.push(format!(
            "configuration key `gateway.base_domain` is `{}`, which is no domain name in lower case",
            base.escape_default()
        ));
    }
    if let Some(url) = &settings.url
        && !is_address(url)
    {
        faults.push(format!(
            "configuration key `gateway.url` is `{}`; write the address under which clients reach the \
             gateway, such as https://gateway.example.com:6443",
            url.escape_default()
        ));
    }
    if !settings.service_account_keys.is_empty() && settings.service_account_issuers.is_empty() {
        faults.push(
            "`gateway.service_account_keys` need `gateway.service_account_issuers`".to_owned(),
        );
    }
    let knows_somebody = settings.login
        || settings.token_review
        || settings.client_ca.is_some()
        || settings.token_file.is_some()
        || !settings.service_account_keys.is_empty()
        || settings.bootstrap_tokens
        || settings.token_webhook.is_some()
        || settings.authentication_config.is_some()
        || settings.front_proxy_ca.is_some()
        || settings.anonymous;
    if !knows_somebody {
        faults.push(
            "`gateway.listen` is set, but no method is: nobody could ever be let in; leave \
             `gateway.login` or `gateway.token_review` on, or name a file"
                .to_owned(),
        );
    }
    if settings.front_proxy_ca.is_some() && settings.front_proxy_user_headers.is_empty() {
        faults
            .push("`gateway.front_proxy_user_headers` is empty: nobody could be named".to_owned());
    }
}

/// An https address without query, fragment or user, to which `/clusters/NAME` can be added.
fn is_address(url: &str) -> bool {
    url.parse::<http::Uri>().is_ok_and(|uri| {
        let authority = uri.authority().map(http::uri::Authority::as_str);
        uri.scheme_str() == Some("https")
            && authority.is_some_and(|authority| !authority.contains('@'))
            && uri.query().is_none()
            && !url.contains('#')
    })
}

fn bounds(config: &Config, faults: &mut Vec<String>) {
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let (sign_in, terminals) = (&config.sign_in, &config.terminals);
    let (workspaces, traffic) = (&config.workspaces, &config.traffic);
    let per_network = count(config.server.connections_per_network_max);
    // A bound that is another key's value names that key, so that a fault there is not told twice.
    for (key, value, least, most) in [
        ("server.drain_grace_s", config.server.drain_grace_s, 0, 3600),
        ("server.connections_per_network_max", per_network, 1, 1_000_000),
        ("server.acts_per_second_max", config.server.acts_per_second_max.into(), 1, 10_000),
        // Within what `authn::Lifetimes` takes; a test holds the two together.
        ("sign_in.idle_minutes", sign_in.idle_minutes, 1, 7 * 24 * 60),
        ("sign_in.password_hours", sign_in.password_hours, 1, 30 * 24),
        ("sign_in.token_hours", sign_in.token_hours, 1, 24),
        ("sign_in.machine_hours", sign_in.machine_hours, 1, 7 * 24),
        ("links.lifetime_s", config.links.lifetime_s, 1, config.links.lifetime_max_s),
        ("links.lifetime_max_s", config.links.lifetime_max_s, 1, 24 * 3600),
        ("links.ticket_s", config.links.ticket_s, 1, 30),
        ("store.keep_ended_days", config.store.keep_ended_days, 1, 3650),
        ("terminals.recheck_s", terminals.recheck_s, 1, 60),
        (
            "terminals.per_person_max",
            count(terminals.per_person_max),
            1,
            count(terminals.total_max),
        ),
        ("terminals.total_max", count(terminals.total_max), 1, 1_000_000),
        (
            "workspaces.per_person_max",
            workspaces.per_person_max.into(),
            1,
            workspaces.total_max.into(),
        ),
        ("workspaces.total_max", workspaces.total_max.into(), 1, 1_000_000),
        ("workspaces.lifetime_hours", workspaces.lifetime_hours, 1, 24 * 30),
        ("traffic.keep_hours", traffic.keep_hours, 1, 24 * 365),
        ("posture.scan_every_hours", config.posture.scan_every_hours, 0, 24 * 30),
        ("posture.keep_days", config.posture.keep_days, 1, 3650),
        ("traffic.keep_content_hours", traffic.keep_content_hours, 1, traffic.keep_hours),
        ("traffic.units_max", traffic.units_max, 1_000, 100_000_000),
        ("traffic.content_mib_max", traffic.content_mib_max, 16, 1024 * 1024),
        (
            "gateway.connections_per_network_max",
            count(config.gateway.connections_per_network_max),
            1,
            count(config.gateway.connections_max),
        ),
        ("gateway.connections_max", count(config.gateway.connections_max), 1, 1_000_000),
        ("gateway.token_webhook_cache_s", config.gateway.token_webhook_cache_s, 0, 24 * 3600),
        ("issuer.token_s", config.issuer.token_s, 60, authn::ID_TOKEN_LASTS_MAX.as_secs()),
        ("gateway.keep_requests_days", config.gateway.keep_requests_days, 1, 3650),
    ] {
        if !(least..=most).contains(&value) {
            let bound = match key {
                "links.lifetime_s" => ", which is `links.lifetime_max_s`",
                "terminals.per_person_max" => ", which is `terminals.total_max`",
                "workspaces.per_person_max" => ", which is `workspaces.total_max`",
                "traffic.keep_content_hours" => ", which is `traffic.keep_hours`",
                "gateway.connections_per_network_max" => ", which is `gateway.connections_max`",
                _ => "",
            };
            faults.push(format!(
                "configuration key `{key}` is {value}; it must be {least} to {most}{bound}"
            ));
        }
    }
}

fn server(config: &Config, faults: &mut Vec<String>) {
    let server = &config.server;
    if server.origins.is_empty() {
        faults.push(
            "configuration key `server.origins` is empty; name the address under which browsers reach \
             the hub, such as https://hub.example.com"
                .to_owned(),
        );
    }
    for origin in &server.origins {
        if let Err(error) = Origins::new([origin]) {
            faults.push(format!("configuration key `server.origins`: {error}"));
        }
    }
    for proxy in &server.trusted_proxies {
        if let Err(error) = TrustedProxies::new([proxy]) {
            faults.push(format!("configuration key `server.trusted_proxies`: {error}"));
        }
    }
    let same_port = |address: &std::net::SocketAddr| {
        address.port() == server.listen.port() && address.port() != 0
    };
    if let Some(metrics) = server.metrics_listen.filter(same_port)
        && (metrics.ip() == server.listen.ip()
            || metrics.ip().is_unspecified()
            || server.listen.ip().is_unspecified())
    {
        faults.push(format!(
            "configuration key `server.metrics_listen` is {metrics}, which `server.listen` takes; \
             choose another port"
        ));
    }
}

fn clusters(config: &Config, faults: &mut Vec<String>) {
    let mut names = std::collections::BTreeSet::new();
    for cluster in &config.cluster {
        let name = &cluster.name;
        if !names.insert(name.as_str()) {
            faults.push(format!("two clusters are named `{name}`; each needs a name of its own"));
        }
        match (&cluster.kubeconfig, cluster.in_cluster) {
            (Some(_), false) => {}
            (None, true) if cluster.context.is_some() => faults.push(format!(
                "cluster `{name}`: `context` belongs to a `kubeconfig`; leave it out with `in_cluster`"
            )),
            (None, true) => {}
            _ => faults.push(format!(
                "cluster `{name}` needs either `kubeconfig` (with `context`) or `in_cluster = true`"
            )),
        }
    }
}

/// Faults that keep a hub from serving, besides those of the values.
pub(crate) async fn of_serving(config: &Config) -> Vec<String> {
    let mut faults = Vec::new();
    match (&config.tls.certificate, &config.tls.key) {
        (Some(certificate), Some(key)) => {
            if let Err(error) = tls::Certificate::open(certificate, key) {
                faults.push(format!("{error:#}"));
            }
        }
        (None, None) if !config.tls.self_signed => faults.push(tls::NEEDED.to_owned()),
        // Half a pair is a fault of the values.
        _ => {}
    }
    store(config, &mut faults);
    if config.gateway.listen.is_some()
        && let Err(error) = crate::gateway::beliefs(&config.gateway, None).await
    {
        faults.push(format!("{error:#}"));
    }
    // Whoever administers the store need not name the clusters that the flags of serving name.
    if config.traffic.agents_listen.is_some() && config.cluster.is_empty() {
        faults.push(
            "`traffic.agents_listen` is set but there is no cluster that agents could speak of; add a `[[cluster]]`"
                .to_owned(),
        );
    }
    if config.traffic.agents_listen.is_some()
        && let Some(authority) = &config.traffic.agents_ca
        && let Err(error) = crate::agents::roots(authority)
    {
        faults.push(format!("configuration key `traffic.agents_ca`: {error:#}"));
    }
    if config.issuer.url.is_some() && config.cluster.is_empty() {
        faults.push(
            "`issuer.url` is set but there is no cluster to give tokens for; add a `[[cluster]]`"
                .to_owned(),
        );
    }
    if let Err(error) = crate::issuer::settings(config) {
        faults.push(format!("{error:#}"));
    }
    for cluster in &config.cluster {
        // What names neither or both is a fault of the values.
        if cluster.kubeconfig.is_some() != cluster.in_cluster
            && let Err(error) = hub::open_cluster(cluster).await
        {
            faults.push(format!("{:#}", anyhow::Error::new(error)));
        }
    }
    faults
}

fn store(config: &Config, faults: &mut Vec<String>) {
    let settings = &config.store;
    if let Some(file) = &settings.vault_key_file
        && let Err(error) = hub::read_vault_key(file)
    {
        faults.push(format!("configuration key `store.vault_key_file`: {error:#}"));
    }
    // PostgreSQL needs no directory, but a demonstration's certificate does.
    if settings.url.is_some() && !config.tls.self_signed {
        return;
    }
    if let Err(error) = can_be_written(&settings.directory) {
        faults.push(format!(
            "configuration key `store.directory`: {} cannot be written ({error}); set another with \
             --data-dir",
            settings.directory.display()
        ));
        return;
    }
    if settings.url.is_none()
        && settings.vault_key_file.is_none()
        && let Err(error) = hub::check_own_vault_key(&settings.directory)
    {
        faults.push(format!("{error:#}"));
    }
}

/// Tries it with a file that is removed at once, in the directory or where it would be made.
fn can_be_written(directory: &Path) -> std::io::Result<()> {
    let directory = std::path::absolute(directory)?;
    let there = directory.ancestors().find(|path| path.exists());
    let there = there.ok_or(std::io::ErrorKind::NotFound)?;
    let probe = there.join(format!(".sallyport-check-{}", std::process::id()));
    std::fs::OpenOptions::new().write(true).create_new(true).open(&probe)?;
    std::fs::remove_file(&probe)
}
