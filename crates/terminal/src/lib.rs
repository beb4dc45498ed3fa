//! Terminals: presigned links, the two gates, and the live sessions behind them.
//! It does not know how people sign in (`http-api`), what RBAC says (`kube-io` asks the cluster) or how
//! anything is stored (`store`); it decides what must hold before a byte reaches a Pod, and moves bytes.
//!
//! The way of a session: `links` mints a link → `gates` checks it and gives a ticket (first gate) →
//! `connect` takes the upgrade, `gates` checks everything again and consumes the ticket (second gate) →
//! `launch` starts the process, `session` pumps until somebody or something ends it, and `guardian`
//! leaves no process behind. `live` knows all sessions of this hub and passes revocations on to them.

mod connect;
mod flow;
mod gates;
mod guardian;
mod keys;
mod launch;
mod links;
mod live;
mod page;
mod protocol;
mod screen;
mod session;
mod standing;
mod terminals;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;

pub use keys::LinkKeys;
pub use live::LiveTerminals;

use axum::extract::FromRef;
use http_api::HttpApi;
use std::sync::Arc;
use std::time::Duration;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What an operator may set.
#[derive(Debug, Clone)]
pub struct TerminalSettings {
    /// How long a link holds when its minter does not say; and at most.
    pub link_lifetime: Duration,
    /// The longest life that may be asked for a link.
    pub link_lifetime_max: Duration,
    /// How long a ticket holds. At most 30 seconds.
    pub ticket_lifetime: Duration,
    /// How often the right of a live session is asked again. At most 60 seconds.
    pub recheck_every: Duration,
    /// Live terminals of one person on this hub.
    pub per_person_max: usize,
    /// Live terminals on this hub.
    pub total_max: usize,
}

impl Default for TerminalSettings {
    fn default() -> Self {
        Self {
            link_lifetime: Duration::from_secs(5 * 60),
            link_lifetime_max: Duration::from_secs(24 * 3600),
            ticket_lifetime: Duration::from_secs(30),
            recheck_every: Duration::from_secs(45),
            per_person_max: 64,
            total_max: 10_000,
        }
    }
}

/// The state of the service. Cheap to clone.
#[derive(Clone)]
pub struct Terminals {
    pub(crate) api: HttpApi,
    pub(crate) keys: LinkKeys,
    pub(crate) live: LiveTerminals,
    pub(crate) settings: Arc<TerminalSettings>,
}

impl Terminals {
    /// Puts the service together; `live` is kept by the binary too, for the drain.
    pub fn new(
        api: HttpApi,
        keys: LinkKeys,
        live: LiveTerminals,
        settings: TerminalSettings,
    ) -> Self {
        Self { api, keys, live, settings: Arc::new(settings) }
    }
}

impl FromRef<Terminals> for HttpApi {
    fn from_ref(terminals: &Terminals) -> Self {
        terminals.api.clone()
    }
}

/// Tells what this crate counts and lets it begin at nothing. Called once the binary has begun to count.
pub fn describe_metrics() {
    gates::describe_metrics();
    connect::describe_metrics();
    live::describe_metrics();
    session::describe_metrics();
}

/// The routes of the service.
pub fn router(terminals: Terminals) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(links::mint, links::list))
        .routes(routes!(links::revoke))
        .routes(routes!(links::revoke_all))
        .routes(routes!(gates::validate))
        .routes(routes!(connect::connect))
        .routes(routes!(terminals::list))
        .routes(routes!(terminals::end))
        .with_state(terminals)
}
