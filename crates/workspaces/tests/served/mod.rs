//! The routes of workspaces on a hub, as the binary serves them.

use crate::support::Hub;
use axum::Router;
use axum::extract::FromRef;
use http_api::HttpApi;
use tokio_util::sync::CancellationToken;
use workspaces::{Settings, Template, Workspaces};

#[derive(Clone)]
struct State {
    api: HttpApi,
    workspaces: Workspaces,
}

impl FromRef<State> for HttpApi {
    fn from_ref(state: &State) -> Self {
        state.api.clone()
    }
}

impl FromRef<State> for Workspaces {
    fn from_ref(state: &State) -> Self {
        state.workspaces.clone()
    }
}

/// The routes, the service behind them, and the token that stops it.
#[allow(dead_code, reason = "one suite has settings of its own")]
pub(crate) fn serve(
    hub: &Hub,
    templates: Vec<Template>,
    limit_person: u32,
    limit_total: u32,
) -> (Router, Workspaces, CancellationToken) {
    serve_with(hub, Settings::new(templates, limit_person, limit_total).unwrap())
}

/// The same with all settings.
pub(crate) fn serve_with(hub: &Hub, settings: Settings) -> (Router, Workspaces, CancellationToken) {
    let shutdown = CancellationToken::new();
    let workspaces = Workspaces::new(hub.api.clone(), settings, shutdown.clone());
    let state = State { api: hub.api.clone(), workspaces: workspaces.clone() };
    let (router, _) = workspaces::router::<State>().split_for_parts();
    (http_api::fortify(router, &hub.api).with_state(state), workspaces, shutdown)
}
