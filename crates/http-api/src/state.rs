//! The state that every HTTP face of the hub embeds (through axum's `FromRef`).
//! It is put together by the binary; nothing here reads configuration.

use crate::{Origins, Pace, TrustedProxies};
use authn::{AccountMapping, Lifetimes, TokenAdmins};
use kube_io::Clusters;
use model::{Identity, Timestamp};
use std::sync::Arc;
use store::{Account, Store};

/// What all services share. Cheap to clone.
#[derive(Clone)]
pub struct HttpApi {
    /// The hub's store.
    pub store: Store,
    /// The clusters of the configuration.
    pub clusters: Clusters,
    /// The origins under which browsers reach this hub.
    pub origins: Origins,
    /// The proxies whose `X-Forwarded-For` is believed.
    pub proxies: TrustedProxies,
    /// How long sign-ins last.
    pub lifetimes: Lifetimes,
    /// What local accounts are to Kubernetes.
    pub accounts: AccountMapping,
    /// Which token sign-ins administer the hub.
    pub token_admins: TokenAdmins,
    /// How much each person does.
    pub pace: Pace,
    /// The time; the machine's clock outside of tests.
    pub clock: Clock,
}

impl HttpApi {
    /// What the hub impersonates for a local account, as the account now is.
    pub fn identity_of(&self, account: &Account) -> Identity {
        identity_of(&self.accounts, account)
    }
}

/// What is impersonated for a local account, as the account now is.
pub fn identity_of(mapping: &AccountMapping, account: &Account) -> Identity {
    let identity = mapping.identity(&account.name, &account.groups, account.admin);
    // The user is what the account was created as: a prefix changed since must not change who owns what.
    Identity { user: account.kubernetes_user.clone(), ..identity }
}

/// Where the services read the time.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The machine's clock.
    pub fn of_the_machine() -> Self {
        Self(Arc::new(Timestamp::now))
    }

    /// A clock that a test turns.
    pub fn turned_by(time: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(time))
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::of_the_machine()
    }
}
