//! The hub before API servers that let its people in by themselves: tokens for one cluster, the documents by which an
//! API server verifies them alone (OpenID Connect), and the face where it has them reviewed (`TokenReview`).
//! What a token says is known to `authn`; where secrets and addresses are configured, to the binary.
//!
//! Deny by default: without an address there are no documents, a cluster without a secret reviews nothing, and a cluster
//! that does neither gets no tokens.

pub(crate) mod asking;
mod keys;
pub(crate) mod published;
pub(crate) mod reviewing;

use authn::{IdToken, NewIdToken, ReviewerSecrets};
use http_api::{DecidedBy, HttpApi, Problem, ProblemCode, random};
use keys::IssuerKeys;
use model::{ClusterName, Secret, Timestamp};
use reviewing::Reviewed;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use store::CurrentSignIn;

/// Where the documents stand below the hub's origins.
pub const ISSUER_PATH: &str = "/issuer";

/// What API servers are given.
#[derive(Debug, Clone)]
pub struct IssuerSettings {
    /// The address of the issuer, which ends in [`ISSUER_PATH`]; no documents if left out.
    pub url: Option<String>,
    /// How long a token holds.
    pub token_lifetime: Duration,
    /// By what the API server of a cluster proves itself; no reviews for a cluster that is left out.
    pub reviewers: HashMap<ClusterName, ReviewerSecrets>,
}

/// Where tokens for API servers are made and judged. Cheap to clone.
#[derive(Clone)]
pub struct IssuerDesk(Arc<Inner>);

struct Inner {
    api: HttpApi,
    /// In whose name tokens are made, documents or not.
    issuer: String,
    publishes: bool,
    token_lifetime: Duration,
    reviewers: RwLock<HashMap<ClusterName, ReviewerSecrets>>,
    keys: IssuerKeys,
    reviewed: Reviewed,
}

impl IssuerDesk {
    /// Opens the desk. The first key is made if there is any use for one.
    pub async fn open(api: HttpApi, settings: IssuerSettings) -> Result<Self, Problem> {
        let of_origin = || format!("{}{ISSUER_PATH}", api.origins.first());
        let desk = Self(Arc::new(Inner {
            publishes: settings.url.is_some(),
            issuer: settings.url.unwrap_or_else(of_origin),
            token_lifetime: settings.token_lifetime,
            reviewers: RwLock::new(settings.reviewers),
            keys: IssuerKeys::default(),
            reviewed: Reviewed::default(),
            api,
        }));
        if desk.is_of_use() {
            desk.rotate().await?;
        }
        Ok(desk)
    }

    /// Whether any API server is given anything.
    pub fn is_of_use(&self) -> bool {
        self.0.publishes
            || !self.0.reviewers.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Rotates the keys for as long as the hub lives; owned by the binary, which drops it at the end.
    pub async fn keep(self) {
        if !self.is_of_use() {
            return std::future::pending().await;
        }
        loop {
            tokio::time::sleep(keys::REREAD_EVERY).await;
            if let Err(problem) = self.rotate().await {
                tracing::warn!(%problem, "the issuer's keys could not be read; the known ones serve on");
            }
        }
    }

    /// Makes a key if it is time for one, and reads what other hubs made.
    pub async fn rotate(&self) -> Result<(), Problem> {
        self.0.keys.rotate(&self.0.api).await
    }

    /// Takes secrets that were changed.
    pub fn believe(&self, reviewers: HashMap<ClusterName, ReviewerSecrets>) {
        *self.0.reviewers.write().unwrap_or_else(PoisonError::into_inner) = reviewers;
    }

    /// The secrets of a cluster, if its API server may have tokens reviewed.
    fn reviewer(&self, cluster: &ClusterName) -> Option<ReviewerSecrets> {
        self.0.reviewers.read().unwrap_or_else(PoisonError::into_inner).get(cluster).cloned()
    }

    /// A token for a cluster, of a machine's sign-in that holds.
    fn token(
        &self,
        cluster: &ClusterName,
        current: &CurrentSignIn,
        now: Timestamp,
    ) -> Result<(Secret, IdToken), Problem> {
        let is_served = self.0.publishes || self.reviewer(cluster).is_some();
        if !is_served || self.0.api.clusters.get(cluster).is_none() {
            let detail = format!("this hub gives no tokens for a cluster `{cluster}`");
            return Err(Problem::new(ProblemCode::ClusterUnknown, detail)
                .decided_by(DecidedBy::Hub)
                .fix("check its name; an operator sets `issuer.url` or the cluster's `token_review_secret`"));
        }
        let identity = match &current.account {
            Some(account) => self.0.api.identity_of(account),
            // A machine's sign-in is of an account.
            None => return Err(Problem::internal("a machine's sign-in without an account")),
        };
        let token = IdToken::new(&NewIdToken {
            issuer: &self.0.issuer,
            cluster,
            identity: &identity,
            sign_in: &current.sign_in.id,
            id: random()?,
            issued_at: now,
            expires_at: now.after(self.0.token_lifetime).min(current.sign_in.expires_at),
        });
        Ok((self.0.keys.sign(&token, now)?, token))
    }
}

const TOKENS: &str = "sallyport_id_tokens_total";
const REVIEWS: &str = "sallyport_token_reviews_total";
const OUTCOMES: [&str; 4] = ["allowed", "denied", "unknown", "unproved"];

pub(crate) fn describe_metrics() {
    metrics::describe_counter!(TOKENS, "ID tokens given for API servers.");
    metrics::counter!(TOKENS).absolute(0);
    metrics::describe_counter!(REVIEWS, "Tokens that API servers had reviewed, by outcome.");
    for outcome in OUTCOMES {
        metrics::counter!(REVIEWS, "outcome" => outcome).absolute(0);
    }
}
