//! The console's own part of the hub: signing in and out, machines that people sign in from, the tokens that
//! API servers take of them, who I am, local accounts, the audit log, and the web page itself.
//! It knows no Pod, workspace, link or terminal; their services share only the ground of `http-api`.

mod accounts;
mod assets;
mod audit;
mod desk;
mod issuer;
mod machines;
mod me;
mod sign_in;
mod throttle;

pub use accounts::{Accounts, AccountsError, Author, Created, Invitation, NewAccount};
pub use assets::page;
pub use desk::PasswordDesk;
pub use issuer::{ISSUER_PATH, IssuerDesk, IssuerSettings};
pub use machines::{MachineAuthorityError, MachineDesk};

use axum::extract::FromRef;
use http_api::HttpApi;
use sign_in::token::ReviewSeats;
use std::sync::Arc;
use tokio::sync::Semaphore;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The state of the console's routes. Cheap to clone.
#[derive(Clone)]
pub struct Console {
    api: HttpApi,
    desk: PasswordDesk,
    accounts: Accounts,
    machines: MachineDesk,
    issuer: IssuerDesk,
    version: Arc<str>,
    token_reviews: ReviewSeats,
    audit_verification: Arc<Semaphore>,
}

impl Console {
    /// Puts the state together. `version` is the hub's, as `me` shows it.
    pub fn new(
        api: HttpApi,
        desk: PasswordDesk,
        machines: MachineDesk,
        issuer: IssuerDesk,
        version: &str,
    ) -> Self {
        Self {
            accounts: Accounts::new(
                api.store.clone(),
                api.accounts.clone(),
                api.origins.first().to_owned(),
            ),
            token_reviews: ReviewSeats::of(&api.clusters),
            api,
            desk,
            machines,
            issuer,
            version: version.into(),
            audit_verification: Arc::new(Semaphore::new(1)),
        }
    }
}

impl FromRef<Console> for HttpApi {
    fn from_ref(console: &Console) -> Self {
        console.api.clone()
    }
}

/// Tells what this crate counts and lets it begin at nothing.
pub fn describe_metrics() {
    desk::describe_metrics();
    issuer::describe_metrics();
    throttle::describe_metrics();
}

/// The console's routes. The page itself is [`page`], to be the whole router's fallback.
pub fn router(console: Console) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(sign_in::password::sign_in_with_password))
        .routes(routes!(sign_in::token::sign_in_with_token))
        .routes(routes!(sign_in::invitation::sign_in_with_invitation))
        .routes(routes!(machines::asking::ask))
        .routes(routes!(machines::asking::collect))
        .routes(routes!(machines::asking::renew))
        .routes(routes!(machines::asking::end))
        .routes(routes!(issuer::asking::token))
        .routes(routes!(issuer::published::issuer_configuration))
        .routes(routes!(issuer::published::issuer_keys))
        .routes(routes!(issuer::reviewing::review_token))
        .routes(routes!(machines::deciding::look, machines::deciding::decide))
        .routes(routes!(me::me))
        .routes(routes!(me::sign_out))
        .routes(routes!(accounts::routes::list_accounts, accounts::routes::create_account))
        .routes(routes!(accounts::routes::disable_account))
        .routes(routes!(accounts::routes::enable_account))
        .routes(routes!(accounts::routes::invite_account))
        .routes(routes!(accounts::routes::sign_out_account))
        .routes(routes!(audit::list_audit))
        .routes(routes!(audit::verify_audit))
        .with_state(console)
}
