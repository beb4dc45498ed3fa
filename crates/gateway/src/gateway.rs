//! The gateway as the binary holds it: made of its parts, given its configuration anew, drained.
//! What happens to a request is known to `handle`.

use crate::admission::Doorkeeper;
use crate::crowd::Crowd;
use crate::figures;
use crate::handle::handle;
use crate::machines::Machines;
use crate::record::{Records, WAITING_MAX};
use crate::webhook::TokenReviewer;
use authn::AccountMapping;
use authn::kubernetes::{Authenticator, Certificate, TokenKeys};
use axum::Router;
use axum::extract::Request;
use http_api::{Clock, TrustedProxies};
use kube_io::Clusters;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The certificates of a TLS client, its own first. Whoever accepts connections puts them into each request of
/// a client that showed some and proved to hold the key.
#[derive(Debug, Clone)]
pub struct ClientCertificates(pub Arc<[Certificate]>);

/// What a gateway believes of senders: the files of its configuration, read.
#[derive(Debug, Clone, Default)]
pub struct Beliefs {
    /// The methods.
    pub authenticator: Authenticator,
    /// The service that is asked where the authenticator has a webhook.
    pub webhook: Option<Arc<TokenReviewer>>,
}

/// What a gateway is made of.
pub struct GatewayParts {
    /// Where requests are recorded.
    pub store: Store,
    /// The clusters it stands before.
    pub clusters: Clusters,
    /// Whose `X-Forwarded-For` is believed.
    pub proxies: TrustedProxies,
    /// The time.
    pub clock: Clock,
    /// Who an account is to Kubernetes, for machines that people signed in from.
    pub accounts: AccountMapping,
    /// Clusters answer to `NAME.<base>` as well as to `/clusters/NAME`.
    pub base_domain: Option<String>,
    /// 32 random bytes, for the keys under which verdicts on tokens are kept.
    pub random: [u8; 32],
}

/// Requests of one network that have no answer yet: with its watches begun, nobody has so many.
const UNANSWERED_OF_NETWORK_MAX: usize = WAITING_MAX / 8;
/// Requests to one cluster, or to clusters that there are not, that have no answer yet. More than a network's, so that
/// one network does not take a whole cluster; few enough that clusters which do not answer leave room for others.
const UNANSWERED_OF_CLUSTER_MAX: usize = WAITING_MAX / 4;

/// The gateway. Cheap to clone.
#[derive(Clone)]
pub struct Gateway(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) clusters: Clusters,
    pub(crate) proxies: TrustedProxies,
    pub(crate) clock: Clock,
    pub(crate) base_domain: Option<String>,
    pub(crate) door: Doorkeeper,
    pub(crate) records: Records,
    pub(crate) of_network: Crowd,
    pub(crate) of_cluster: Crowd,
    pub(crate) store: Store,
    pub(crate) tunnels: TaskTracker,
    pub(crate) cut: CancellationToken,
}

impl Gateway {
    /// Puts a gateway together. Call within a tokio runtime: the writer of its records is a task of its own,
    /// which ends with [`Gateway::drained`].
    pub fn new(parts: GatewayParts, beliefs: Beliefs) -> Self {
        figures::describe();
        let GatewayParts { store, clusters, proxies, clock, accounts, base_domain, random } = parts;
        let machines = Machines::new(store.clone(), accounts, clock.clone());
        Self(Arc::new(Inner {
            clusters,
            proxies,
            clock,
            base_domain: base_domain.map(|base| base.to_ascii_lowercase()),
            door: Doorkeeper::new(beliefs, machines, TokenKeys::from_random(random)),
            records: Records::start(store.clone()),
            of_network: Crowd::new(UNANSWERED_OF_NETWORK_MAX),
            of_cluster: Crowd::new(UNANSWERED_OF_CLUSTER_MAX),
            store,
            tunnels: TaskTracker::new(),
            cut: CancellationToken::new(),
        }))
    }

    /// All its routes, which is one: everything.
    pub fn router(&self) -> Router {
        let gateway = self.clone();
        Router::new().fallback(async move |request: Request| handle(gateway.0, request).await)
    }

    /// Believes this from now on. Verdicts of what was believed before are forgotten.
    pub fn believe(&self, beliefs: Beliefs) {
        self.0.door.believe(beliefs);
    }

    /// Keeps the keys of OpenID Connect issuers fresh for as long as it is polled.
    pub async fn keep_issuers(self) {
        self.0.door.keep_issuers().await;
    }

    /// Cuts what machines have open when their sign-ins end, for as long as it is polled.
    pub async fn heed_sign_outs(self) {
        self.0.door.machines.heed().await;
    }

    /// Removes records older than `kept`, for as long as it is polled.
    pub async fn purge_records(self, kept: Duration, every: Duration) {
        loop {
            tokio::time::sleep(every).await;
            match self.0.store.purge_gateway_requests(self.0.clock.now(), kept).await {
                Ok(removed) if removed > 0 => {
                    tracing::info!(removed, "old requests of the gateway were removed");
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(
                    %error,
                    "old requests of the gateway could not be removed; it is tried again later"
                ),
            }
        }
    }

    /// Ends what is open and writes what is recorded; call once no request comes any more. Tunnels have
    /// `grace` to end by themselves; what is unanswered after it is answered 503.
    pub async fn drained(&self, grace: Duration) {
        let inner = &self.0;
        inner.tunnels.close();
        if tokio::time::timeout(grace, inner.tunnels.wait()).await.is_err() {
            tracing::warn!(tunnels = inner.tunnels.len(), "open tunnels are cut");
        }
        inner.cut.cancel();
        inner.tunnels.wait().await;
        inner.records.drained().await;
    }
}
