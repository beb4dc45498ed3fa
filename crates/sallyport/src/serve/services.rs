//! The services of a hub made from its configuration, and their routes put together. Listening is [`super`]'s.

use crate::config::Config;
use crate::{gateway, hub, issuer};
use anyhow::Context;
use authn::Cost;
use axum::Router;
use axum::extract::FromRef;
use console::{Console, IssuerDesk, MachineDesk, PasswordDesk};
use http_api::HttpApi;
use pods::Pods;
use scanner::Posture;
use std::time::Duration;
use terminal::{LinkKeys, LiveTerminals, TerminalSettings, Terminals};
use tokio_util::sync::CancellationToken;
use traffic::Traffic;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use workspaces::{Template, Workspaces};

/// The services of a hub.
pub(super) struct Services {
    console: Console,
    pub(super) machines: MachineDesk,
    pub(super) issuer: IssuerDesk,
    terminals: Terminals,
    pub(super) cluster: ClusterServices,
}

/// The services which only look at clusters, their traffic and their posture; their routes take their state out of this
/// one.
#[derive(Clone)]
pub(super) struct ClusterServices {
    api: HttpApi,
    pub(super) workspaces: Workspaces,
    pub(super) pods: Pods,
    pub(super) traffic: Traffic,
    pub(super) posture: Posture,
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
    pub(super) async fn new(
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

    pub(super) fn routes(self) -> (Router, OpenApi) {
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
