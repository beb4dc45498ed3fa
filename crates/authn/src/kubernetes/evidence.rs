//! What a verdict needs to know of the world: objects of the cluster, keys of issuers, answers of a webhook.
//! How it is fetched, kept fresh and cached is not known here: a fact that is not at hand ends the
//! authentication with a [`Question`], and the caller comes again with the answer.

use super::jose::KeySet;
use super::webhook::TokenReviewStatus;
use model::{Identity, Secret, SecretBytes, SignInId, Timestamp};
use std::collections::BTreeMap;

/// What is known of a fact.
#[derive(Debug, Clone)]
pub enum Known<T> {
    /// This it is.
    Found(T),
    /// It does not exist.
    Absent,
    /// It could not be found out.
    Failed,
    /// It has not been asked for yet.
    NotAsked,
}

/// A fact that has to be fetched before there is a verdict.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the fields are the names of Kubernetes objects")]
pub enum Question {
    /// A ServiceAccount.
    ServiceAccount { namespace: String, name: String },
    /// A Secret.
    Secret { namespace: String, name: String },
    /// A Pod.
    Pod { namespace: String, name: String },
    /// A Node.
    Node { name: String },
    /// What the token webhook says to the request's token.
    TokenReview,
    /// What the cluster behind the gateway says to the request's token.
    ClusterReview,
    /// The keys of an issuer.
    IssuerKeys { issuer: String },
    /// A sign-in at the hub, of a machine.
    SignIn { id: String },
}

/// What matters of an object's metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectFacts {
    /// Its UID.
    pub uid: String,
    /// When its deletion was asked for.
    pub deleted_at: Option<Timestamp>,
}

/// What matters of a Secret.
#[derive(Debug, Clone)]
pub struct SecretFacts {
    /// Its metadata.
    pub object: ObjectFacts,
    /// Its type, for example `bootstrap.kubernetes.io/token`.
    pub kind: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its data, decoded.
    pub data: BTreeMap<String, SecretBytes>,
}

/// Objects of the cluster.
pub trait Objects {
    /// A ServiceAccount.
    fn service_account(&self, namespace: &str, name: &str) -> Known<ObjectFacts>;
    /// A Pod.
    fn pod(&self, namespace: &str, name: &str) -> Known<ObjectFacts>;
    /// A Node.
    fn node(&self, name: &str) -> Known<ObjectFacts>;
    /// A Secret.
    fn secret(&self, namespace: &str, name: &str) -> Known<SecretFacts>;
}

/// The published keys of OpenID Connect issuers.
pub trait IssuerKeys {
    /// The keys of an issuer; `Failed` until its discovery has succeeded once.
    fn keys(&self, issuer: &str) -> Known<&KeySet>;
}

/// The answers of the token webhook.
pub trait TokenReviews {
    /// What it says to this token.
    fn review(&self, token: &Secret) -> Known<Result<TokenReviewStatus, String>>;
    /// What the cluster behind a gateway says to it. Who stands before none leaves it out.
    fn cluster_review(&self, _token: &Secret) -> Known<Result<TokenReviewStatus, String>> {
        Known::Failed
    }
}

/// What matters of a machine's sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInFacts {
    /// Who it is, as of now.
    pub identity: Identity,
    /// When it ends in any case.
    pub ends_at: Timestamp,
}

/// Sign-ins at the hub.
pub trait SignIns {
    /// A machine's sign-in; `Absent` if it was ended. An API server has none.
    fn sign_in(&self, _id: &SignInId) -> Known<SignInFacts> {
        Known::Absent
    }
}

/// Everything that a verdict may need to know.
pub trait Evidence: Objects + IssuerKeys + TokenReviews + SignIns {}

impl<T: Objects + IssuerKeys + TokenReviews + SignIns> Evidence for T {}
