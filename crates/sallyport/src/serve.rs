//! `sallyport serve`: the services wired together, run until a signal, and drained.

use crate::config::{Config, LogFormatName};
use crate::signals::Signals;
use crate::{agents, gateway, health, hub, issuer, listen, tls};
use anyhow::Context;
use authn::Cost;
use axum::Router;
use axum::extract::FromRef;
use axum::routing::get;
use console::{Console, IssuerDesk, MachineDesk, PasswordDesk};
use http_api::HttpApi;
use pods::Pods;
use scanner::{Posture, PostureSettings};
use std::collections::HashMap;
use std::process::ExitCode;
use std::time::Duration;
use store::TrafficRetention;
use telemetry::LogFormat;
use terminal::{LinkKeys, LiveTerminals, TerminalSettings, Terminals};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use traffic::Traffic;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use workspaces::{Template, Workspaces};

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

/// What runs beside the listener for as long as the hub does.
#[derive(Default)]
struct Tasks {
    running: JoinSet<()>,
    names: HashMap<tokio::task::Id, &'static str>,
}

impl Tasks {
    fn spawn(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let id = self.running.spawn(task).id();
        self.names.insert(id, name);
    }

    /// Waits for the first one that ends or panics, which none should.
    async fn first_lost(&mut self) -> &'static str {
        let id = match self.running.join_next_with_id().await {
            Some(Ok((id, ()))) => id,
            Some(Err(error)) => error.id(),
            None => std::future::pending().await,
        };
        self.names.get(&id).copied().unwrap_or("a background task")
    }
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

/// The services of a hub.
struct Services {
    console: Console,
    machines: MachineDesk,
    issuer: IssuerDesk,
    terminals: Terminals,
    cluster: ClusterServices,
}

/// The services which only look at clusters, their traffic and their posture; their routes take their state out of this
/// one.
#[derive(Clone)]
struct ClusterServices {
    api: HttpApi,
    workspaces: Workspaces,
    pods: Pods,
    traffic: Traffic,
    posture: Posture,
}

impl FromRef<ClusterServices> for HttpApi {
    fn from_ref(services: &ClusterServices) -> Self {
        services.api.clone()
    }
}

impl FromRef<ClusterServices> for Workspaces {
    fn from_ref(services: &ClusterServices) -> Self {
        services.workspaces.clone()
    }
}

impl FromRef<ClusterServices> for Pods {
    fn from_ref(services: &ClusterServices) -> Self {
        services.pods.clone()
    }
}

impl FromRef<ClusterServices> for Traffic {
    fn from_ref(services: &ClusterServices) -> Self {
        services.traffic.clone()
    }
}

impl FromRef<ClusterServices> for Posture {
    fn from_ref(services: &ClusterServices) -> Self {
        services.posture.clone()
    }
}

impl Services {
    async fn new(
        config: &Config,
        api: &HttpApi,
        keys: &LinkKeys,
        live: &LiveTerminals,
        stop: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let settings = TerminalSettings {
            link_lifetime: Duration::from_secs(config.links.lifetime_s),
            link_lifetime_max: Duration::from_secs(config.links.lifetime_max_s),
            ticket_lifetime: Duration::from_secs(config.links.ticket_s),
            recheck_every: Duration::from_secs(config.terminals.recheck_s),
            per_person_max: config.terminals.per_person_max,
            total_max: config.terminals.total_max,
        };
        let mut template = Template::debian_shell(&config.workspaces.image);
        template.lifetime = Duration::from_secs(config.workspaces.lifetime_hours * 3600);
        let limits = (config.workspaces.per_person_max, config.workspaces.total_max);
        let workspaces = workspaces::Settings::new(vec![template], limits.0, limits.1)
            .context("configuration section `workspaces`")?
            .adopting_namespaces(config.workspaces.adopt_namespaces);
        let desk = PasswordDesk::new(Cost::default(), hub::random()?)?;
        let machines = MachineDesk::open(
            &api.store,
            Duration::from_secs(config.sign_in.machine_hours * 3600),
            gateway::url(config),
            api.clusters.names(),
            api.clock.now(),
        );
        let machines = machines.await?;
        let issuer = IssuerDesk::open(api.clone(), issuer::settings(config)?);
        let issuer = issuer.await.map_err(|problem| anyhow::anyhow!("{problem}"))?;
        let version = env!("CARGO_PKG_VERSION");
        Ok(Self {
            console: Console::new(api.clone(), desk, machines.clone(), issuer.clone(), version),
            machines,
            issuer,
            terminals: Terminals::new(api.clone(), keys.clone(), live.clone(), settings),
            cluster: ClusterServices {
                api: api.clone(),
                workspaces: Workspaces::new(api.clone(), workspaces, stop.clone()),
                pods: Pods::new(api.clone(), stop.clone()),
                traffic: Traffic::new(api.clone(), hub::traffic_retention(config), stop.clone()),
                posture: Posture::new(api.clone(), hub::posture_settings(config), stop.clone()),
            },
        })
    }

    fn routes(self) -> (Router, OpenApi) {
        let cluster = workspaces::router()
            .merge(pods::router())
            .merge(traffic::router())
            .merge(scanner::router())
            .with_state(self.cluster);
        let (router, mut openapi) = OpenApiRouter::new()
            .merge(console::router(self.console))
            .merge(terminal::router(self.terminals))
            .merge(cluster)
            .split_for_parts();
        http_api::document(&mut openapi, env!("CARGO_PKG_VERSION"));
        (router, openapi)
    }
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

/// The gateway while it is served.
struct Gate {
    gateway: ::gateway::Gateway,
    serving: tokio::task::JoinHandle<()>,
    stop: CancellationToken,
}

impl Gate {
    /// Serves the gateway until it is [shut](Self::shut).
    async fn open(
        address: std::net::SocketAddr,
        (config, api, machines): (&Config, &HttpApi, &MachineDesk),
        certificate: std::sync::Arc<tls::Certificate>,
        tasks: &mut Tasks,
    ) -> anyhow::Result<Self> {
        let stop = CancellationToken::new();
        let settings = &config.gateway;
        let parts = ::gateway::GatewayParts {
            store: api.store.clone(),
            clusters: api.clusters.clone(),
            proxies: api.proxies.clone(),
            clock: api.clock.clone(),
            accounts: api.accounts.clone(),
            base_domain: settings.base_domain.clone(),
            random: hub::random()?,
        };
        let machines = authn::kubernetes::Certificate::from_der(machines.authority())
            .context("the authority of machines")?;
        let beliefs = gateway::beliefs(settings, Some(&machines)).await?;
        let gateway = ::gateway::Gateway::new(parts, beliefs);
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("`gateway.listen` {address} cannot be bound"))?;
        let address = listener.local_addr()?;
        tasks.spawn("the keys of issuers", gateway.clone().keep_issuers());
        tasks.spawn(
            "the look at the gateway's files",
            gateway::keep(gateway.clone(), settings.clone(), machines),
        );
        tasks.spawn("the feed of sign-outs", gateway.clone().heed_sign_outs());
        let kept = Duration::from_secs(settings.keep_requests_days * 24 * 3600);
        let purging = gateway.clone().purge_records(kept, PURGE_EVERY);
        tasks.spawn("the removal of old requests", purging);
        let limits = listen::Limits::of_gateway(
            settings.connections_max,
            settings.connections_per_network_max,
        );
        let tls = gateway::server_config(certificate)?;
        let serving = listen::serve(
            listener,
            tls,
            gateway.router(),
            api.proxies.clone(),
            limits,
            stop.clone(),
        );
        tracing::info!(%address, clusters = ?api.clusters.names(), "the gateway serves");
        Ok(Self { gateway, serving: tokio::spawn(serving), stop })
    }

    /// Takes no more, and waits for what is open, for a time.
    async fn shut(self, grace: Duration) -> anyhow::Result<()> {
        self.stop.cancel();
        self.serving.await.context("the gateway's listener failed")?;
        self.gateway.drained(grace).await;
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_part_that_ends_or_panics_is_named_at_once() {
        let mut tasks = Tasks::default();
        let waits = async |tasks: &mut Tasks| {
            tokio::time::timeout(Duration::from_millis(50), tasks.first_lost()).await.ok()
        };
        assert_eq!(waits(&mut tasks).await, None);
        tasks.spawn("one that lives", std::future::pending());
        assert_eq!(waits(&mut tasks).await, None);
        tasks.spawn("one that ends", async {});
        assert_eq!(tasks.first_lost().await, "one that ends");
        tasks.spawn("one that panics", async { panic!("as a test wants it") });
        assert_eq!(tasks.first_lost().await, "one that panics");
    }
}
