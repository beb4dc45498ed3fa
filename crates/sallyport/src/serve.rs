//! `sallyport serve`: run until a signal, and drained. What the services are made of is known to [`services`], how the
//! gateway is served to [`gate`], and what must never end by itself to [`tasks`].

mod gate;
mod services;
mod tasks;

use crate::config::{Config, LogFormatName};
use crate::signals::Signals;
use crate::{agents, health, hub, issuer, listen, tls};
use anyhow::Context;
use axum::Router;
use axum::routing::get;
use gate::Gate;
use http_api::HttpApi;
use scanner::PostureSettings;
use services::Services;
use std::process::ExitCode;
use std::time::Duration;
use store::TrafficRetention;
use tasks::Tasks;
use telemetry::LogFormat;
use terminal::{LinkKeys, LiveTerminals};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use traffic::Traffic;

/// Expired rows are removed this often.
const PURGE_EVERY: Duration = Duration::from_secs(600);

/// Runs the hub until it is told to stop; told twice, it ends at once with the signal's exit code.
pub(crate) async fn serve(config: Config) -> anyhow::Result<ExitCode> {
    let format = match config.log.format {
        LogFormatName::Json => LogFormat::Json,
        LogFormatName::Text => LogFormat::Text,
    };
    telemetry::log(format, &config.log.filter)?;
    let mut signals = Signals::take().context("signals cannot be heeded")?;
    let metrics = telemetry::metrics()?;
    http_api::describe_metrics();
    console::describe_metrics();
    terminal::describe_metrics();
    scanner::describe_metrics();
    listen::describe_metrics();
    traffic::describe_agent_metrics();
    let store = hub::open_store(&config).await?;
    let clusters = hub::open_clusters(&config).await?;
    let api = hub::http_api(&config, store.clone(), clusters)?;
    let live = LiveTerminals::new();
    let keys = LinkKeys::open(api.clone()).await.map_err(|problem| anyhow::anyhow!("{problem}"))?;
    let stop = CancellationToken::new();

    let services = Services::new(&config, &api, &keys, &live, &stop).await?;
    let machines = services.machines.clone();
    let issuing = services.issuer.clone();
    let cluster = services.cluster.clone();
    let (router, openapi) = services.routes();
    let openapi = openapi.to_json().context("the OpenAPI description cannot be written")?;
    let description = Router::new().route(
        "/api/v1/openapi.json",
        get(async move || ([("content-type", "application/json")], openapi)),
    );
    let router = router
        .merge(description)
        .merge(health::router(store.clone(), live.clone()))
        .fallback(console::page);
    let router = http_api::fortify(router, &api);

    let (certificate, key) = certificate_files(&config, &api)?;
    let certificate = tls::Certificate::open(&certificate, &key)?;
    let server_config = tls::server_config(std::sync::Arc::clone(&certificate))?;
    let listener = TcpListener::bind(config.server.listen)
        .await
        .with_context(|| format!("`server.listen` {} cannot be bound", config.server.listen))?;
    let address = listener.local_addr()?;

    let mut tasks = Tasks::default();
    tasks.spawn(
        "the look at the certificate",
        std::sync::Arc::clone(&certificate).keep(tls::LOOK_EVERY),
    );
    tasks.spawn("the keeping of the links' keys", keys.keep());
    tasks.spawn("the keeping of the issuer's keys", issuing.clone().keep());
    tasks.spawn("the look at API servers' secrets", issuer::keep(issuing, config.clone()));
    tasks.spawn("the feed of changes", live.clone().heed(api.clone()));
    let ended_kept = Duration::from_secs(config.store.keep_ended_days * 24 * 3600);
    let expired = purge(
        api.clone(),
        ended_kept,
        hub::traffic_retention(&config),
        hub::posture_settings(&config),
    );
    tasks.spawn("the removal of expired rows", expired);
    tasks.spawn("the look after workspaces", cluster.workspaces.clone().reconcile());
    tasks.spawn("the schedule of scans", cluster.posture.clone().keep());
    if let Some(address) = config.server.metrics_listen {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("`server.metrics_listen` {address} cannot be bound"))?;
        tracing::info!(address = %listener.local_addr()?, "metrics are served");
        let figures = Router::new()
            .route("/metrics", get(async move || metrics.render()))
            .merge(health::router(store.clone(), live.clone()));
        tasks.spawn("the serving of metrics", async move {
            if let Err(error) = axum::serve(listener, figures).await {
                tracing::error!(%error, "metrics are not served any more");
            }
        });
    }
    let limits = listen::Limits::of_hub(
        config.terminals.total_max,
        config.server.connections_per_network_max,
    );
    let proxies = api.proxies.clone();
    let serving = listen::serve(listener, server_config, router, proxies, limits, stop.clone());
    let mut serving = tokio::spawn(serving);
    if let Some(address) = config.traffic.agents_listen {
        let door = std::sync::Arc::clone(&certificate);
        let door = agents_door(address, &config, &api, door, &cluster.traffic, &stop).await?;
        tasks.spawn("the listener for agents", door);
    }
    let mut gate = match config.gateway.listen {
        Some(address) => {
            let parts = (&config, &api, &machines);
            Some(Gate::open(address, parts, certificate, &mut tasks).await?)
        }
        None => None,
    };
    tracing::info!(
        %address,
        origin = api.origins.first(),
        hub = %store.hub(),
        "the hub serves"
    );

    let lost = tokio::select! {
        _ = signals.next() => None,
        lost = tasks.first_lost() => Some(lost),
        ended = &mut serving => {
            tracing::error!(?ended, "the listener ended by itself");
            anyhow::bail!("the listener ended by itself");
        }
        ended = gate_ended(&mut gate) => {
            tracing::error!(?ended, "the gateway's listener ended by itself");
            anyhow::bail!("the gateway's listener ended by itself");
        }
    };
    if let Some(lost) = &lost {
        // Without it revocations would not arrive, or worse; a hub that is started anew has all of it again.
        tracing::error!(lost, "a part of the hub ended by itself, so the hub stops");
    }
    tracing::info!(terminals = live.count(), "stopping");
    let grace = Duration::from_secs(config.server.drain_grace_s);
    let hub_drained = async {
        // New connections go elsewhere from here on; open terminals are told and given their time.
        live.drain(grace).await;
        stop.cancel();
        cluster.workspaces.drained().await;
        cluster.pods.drained().await;
        cluster.traffic.drained().await;
        cluster.posture.drained().await;
        serving.await.context("the listener failed")
    };
    // The same time, not a second one after the terminals'.
    let gate_drained = async {
        match gate {
            Some(gate) => gate.shut(grace).await,
            None => Ok(()),
        }
    };
    let drained = async {
        let (hub, gate) = tokio::join!(hub_drained, gate_drained);
        hub.and(gate)?;
        tasks.running.shutdown().await;
        store.close().await;
        if let Some((seq, hash)) = store.audit_mark() {
            tracing::info!(seq, hash, "the audit log is marked");
        }
        anyhow::Ok(())
    };
    tokio::select! {
        drained = drained => drained?,
        signal = signals.next() => {
            // Whoever insists has a reason. What was acknowledged is in the store; the next hub ends the
            // rows of terminals that were cut.
            tracing::warn!(terminals = live.count(), "a second signal: stopped without waiting");
            return Ok(ExitCode::from(128 + signal));
        }
    }
    if let Some(lost) = lost {
        anyhow::bail!("{lost} ended by itself; its words are in the log above");
    }
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// The OpenAPI description as pretty JSON, of services on an empty store that is thrown away.
pub(crate) fn description() -> anyhow::Result<String> {
    let runtime = tokio::runtime::Runtime::new()?;
    let directory = std::env::temp_dir().join(format!("sallyport-openapi-{}", std::process::id()));
    let mut config = Config::default();
    config.store.directory.clone_from(&directory);
    let written = runtime.block_on(async {
        let store = hub::open_store(&config).await?;
        let api = hub::http_api(&config, store.clone(), kube_io::Clusters::default())?;
        let keys =
            LinkKeys::open(api.clone()).await.map_err(|problem| anyhow::anyhow!("{problem}"))?;
        let (live, stop) = (LiveTerminals::new(), CancellationToken::new());
        let (_, openapi) = Services::new(&config, &api, &keys, &live, &stop).await?.routes();
        store.close().await;
        openapi.to_pretty_json().context("the OpenAPI description cannot be written")
    });
    std::fs::remove_dir_all(&directory)
        .with_context(|| format!("{} cannot be removed", directory.display()))?;
    written
}

fn certificate_files(
    config: &Config,
    api: &HttpApi,
) -> anyhow::Result<(std::path::PathBuf, std::path::PathBuf)> {
    match (&config.tls.certificate, &config.tls.key) {
        (Some(certificate), Some(key)) => Ok((certificate.clone(), key.clone())),
        _ if config.tls.self_signed => {
            let names: Vec<String> = api
                .origins
                .authorities()
                .filter_map(|authority| authority.parse::<http::uri::Authority>().ok())
                .map(|authority| authority.host().trim_matches(['[', ']']).to_owned())
                .collect();
            std::fs::create_dir_all(&config.store.directory)?;
            let files = tls::demonstration(&config.store.directory, &names)?;
            tracing::warn!(ca = %files.ca.display(), "a throw-away certificate is in use: for demonstrations only");
            Ok((files.certificate, files.key))
        }
        _ => anyhow::bail!(tls::NEEDED),
    }
}

/// Binds where agents bring what they capture; what is given serves them until `stop`. A batch that is cut then is
/// sent again.
async fn agents_door(
    address: std::net::SocketAddr,
    config: &Config,
    api: &HttpApi,
    certificate: std::sync::Arc<tls::Certificate>,
    traffic: &Traffic,
    stop: &CancellationToken,
) -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    agents::prepare(config)?;
    let authority = agents::authority_file(config);
    let tls = agents::server_config(certificate, &authority)
        .context("configuration key `traffic.agents_ca`")?;
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("`traffic.agents_listen` {address} cannot be bound"))?;
    tracing::info!(address = %listener.local_addr()?, authority = %authority.display(), "agents are listened to");
    let limits = listen::Limits::of_hub(0, config.server.connections_per_network_max);
    let (router, proxies) = (agents::router(traffic), api.proxies.clone());
    Ok(listen::serve(listener, tls, router, proxies, limits, stop.clone()))
}

/// How the gateway's listener ended, if there is one; it never should before it is told.
async fn gate_ended(gate: &mut Option<Gate>) -> Result<(), tokio::task::JoinError> {
    match gate {
        Some(gate) => (&mut gate.serving).await,
        None => std::future::pending().await,
    }
}

async fn purge(
    api: HttpApi,
    ended_kept: Duration,
    traffic: TrafficRetention,
    posture: PostureSettings,
) {
    loop {
        tokio::time::sleep(PURGE_EVERY).await;
        let now = api.clock.now();
        if let Err(error) = api.store.purge(now, ended_kept).await {
            tracing::warn!(%error, "expired rows could not be removed; it is tried again later");
        }
        if let Err(error) = api.store.purge_traffic(now, &traffic).await {
            tracing::warn!(%error, "old traffic could not be removed; it is tried again later");
        }
        if let Err(error) = api.store.purge_posture(now, posture.kept).await {
            tracing::warn!(%error, "old scans could not be removed; it is tried again later");
        }
    }
}
