//! `/livez` and `/readyz`: whether the process lives, and whether it can do its work.
//! They tell a stranger nothing but that: reasons are logged, not answered.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use http::StatusCode;
use store::Store;
use terminal::LiveTerminals;

/// The health routes, for the main listener and the metrics listener alike.
pub(crate) fn router(store: Store, live: LiveTerminals) -> Router {
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .with_state((store, live))
}

async fn ready(State((store, live)): State<(Store, LiveTerminals)>) -> (StatusCode, &'static str) {
    if live.is_draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n");
    }
    match store.ping().await {
        Ok(()) => (StatusCode::OK, "ok\n"),
        Err(error) => {
            tracing::warn!(%error, "not ready: the store does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
        }
    }
}
