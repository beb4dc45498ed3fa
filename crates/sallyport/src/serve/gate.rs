//! The gateway while the hub serves it: opened with its listener and what keeps it, shut within the hub's own grace.
//! What it believes comes from [`crate::gateway`], what it does with requests from the crate of that name.

use super::PURGE_EVERY;
use super::tasks::Tasks;
use crate::config::Config;
use crate::{gateway, hub, listen, tls};
use anyhow::Context;
use console::MachineDesk;
use http_api::HttpApi;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The gateway while it is served.
pub(super) struct Gate {
    gateway: ::gateway::Gateway,
    pub(super) serving: tokio::task::JoinHandle<()>,
    stop: CancellationToken,
}

impl Gate {
    /// Serves the gateway until it is [shut](Self::shut).
    pub(super) async fn open(
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
    pub(super) async fn shut(self, grace: Duration) -> anyhow::Result<()> {
        self.stop.cancel();
        self.serving.await.context("the gateway's listener failed")?;
        self.gateway.drained(grace).await;
        Ok(())
    }
}
