//! Facts for one verdict: asked for when the union misses them, kept until it has decided.
//! What they mean is known to `authn`; how long the keys of issuers hold, to `issuers`.
//!
//! A cluster that does not answer leaves a fact `Failed`, and the credential that hangs on it is refused.

use crate::machines::Machines;
use crate::webhook::TokenReviewer;
use authn::kubernetes::{
    IssuerKeys, KeySet, Known, ObjectFacts, Objects, Question, SecretFacts, SignInFacts, SignIns,
    TokenReviewStatus, TokenReviewVersion, TokenReviews,
};
use kube_io::{Cluster, TokenVerdict};
use model::{Secret, SignInId, Timestamp};
use serde_json::json;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

pub(crate) type Review = Result<TokenReviewStatus, String>;

/// The keys of issuers, by their URLs.
pub(crate) type Keys = Arc<BTreeMap<String, Arc<KeySet>>>;

/// What is known so far.
pub(crate) struct Facts {
    keys: Keys,
    objects: BTreeMap<Question, Known<ObjectFacts>>,
    secrets: BTreeMap<Question, Known<SecretFacts>>,
    webhook: Option<Arc<TokenReviewer>>,
    reviews: Vec<(Secret, Review)>,
    cluster_reviews: Vec<(Secret, Review)>,
    machines: Arc<Machines>,
    sign_ins: HashMap<SignInId, Known<SignInFacts>>,
    /// The token that the last question was about.
    asked: Mutex<Option<Secret>>,
    now: Timestamp,
}

impl Facts {
    pub(crate) fn new(
        keys: Keys,
        webhook: Option<Arc<TokenReviewer>>,
        machines: Arc<Machines>,
        now: Timestamp,
    ) -> Self {
        Self {
            keys,
            objects: BTreeMap::new(),
            secrets: BTreeMap::new(),
            webhook,
            reviews: Vec::new(),
            cluster_reviews: Vec::new(),
            machines,
            sign_ins: HashMap::new(),
            asked: Mutex::default(),
            now,
        }
    }

    /// Finds out what was asked for. Without a cluster nothing can be.
    pub(crate) async fn learn(&mut self, cluster: Option<&Cluster>, question: Question) {
        match &question {
            Question::ServiceAccount { namespace, name } => {
                let known = match cluster {
                    Some(cluster) => cluster.service_account_facts(namespace, name).await,
                    None => Known::Failed,
                };
                self.objects.insert(question, known);
            }
            Question::Pod { namespace, name } => {
                let known = match cluster {
                    Some(cluster) => cluster.pod_object_facts(namespace, name).await,
                    None => Known::Failed,
                };
                self.objects.insert(question, known);
            }
            Question::Node { name } => {
                let known = match cluster {
                    Some(cluster) => cluster.node_facts(name).await,
                    None => Known::Failed,
                };
                self.objects.insert(question, known);
            }
            Question::Secret { namespace, name } => {
                let known = match cluster {
                    Some(cluster) => cluster.secret_facts(namespace, name).await,
                    None => Known::Failed,
                };
                self.secrets.insert(question, known);
            }
            Question::TokenReview => {
                if let Some(token) = self.taken() {
                    let review = match &self.webhook {
                        Some(webhook) => webhook.review(&token, self.now).await,
                        None => Err("there is no webhook to ask".to_owned()),
                    };
                    self.reviews.push((token, review));
                }
            }
            Question::ClusterReview => {
                if let Some(token) = self.taken() {
                    let review = review(cluster, &token).await;
                    self.cluster_reviews.push((token, review));
                }
            }
            Question::SignIn { id } => {
                if let Ok(id) = id.parse() {
                    let known = self.machines.facts(&id, self.now).await;
                    self.sign_ins.insert(id, known);
                }
            }
            // `keys` never leaves this open.
            Question::IssuerKeys { .. } => {}
        }
    }

    fn taken(&mut self) -> Option<Secret> {
        self.asked.get_mut().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// A review among those that were asked for, or a note of the token that has to be.
    fn reviewed(&self, reviews: &[(Secret, Review)], token: &Secret) -> Known<Review> {
        let known = reviews.iter().find(|(asked, _)| asked.expose() == token.expose());
        if let Some((_, review)) = known {
            return Known::Found(review.clone());
        }
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.clone());
        Known::NotAsked
    }

    fn object(&self, question: &Question) -> Known<ObjectFacts> {
        self.objects.get(question).cloned().unwrap_or(Known::NotAsked)
    }
}

/// The cluster's own TokenReview.
async fn review(cluster: Option<&Cluster>, token: &Secret) -> Review {
    let Some(cluster) = cluster else { return Err("no cluster to ask".to_owned()) };
    let status = match cluster.token_review(token).await {
        Ok(TokenVerdict::Authenticated(identity)) => json!({
            "authenticated": true,
            "user": {
                "username": identity.user,
                "uid": identity.uid.unwrap_or_default(),
                "groups": identity.groups,
                "extra": identity.extra,
            },
        }),
        Ok(TokenVerdict::Refused { reason }) => json!({ "authenticated": false, "error": reason }),
        Err(error) => {
            tracing::warn!(%error, "a token could not be put to its cluster");
            return Err("the cluster did not review the token".to_owned());
        }
    };
    let answer = json!({
        "kind": "TokenReview",
        "apiVersion": "authentication.k8s.io/v1",
        "status": status,
    });
    TokenReviewVersion::V1.answer(answer.to_string().as_bytes()).map_err(|error| error.to_string())
}

impl Objects for Facts {
    fn service_account(&self, namespace: &str, name: &str) -> Known<ObjectFacts> {
        self.object(&Question::ServiceAccount {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }
    fn pod(&self, namespace: &str, name: &str) -> Known<ObjectFacts> {
        self.object(&Question::Pod { namespace: namespace.to_owned(), name: name.to_owned() })
    }
    fn node(&self, name: &str) -> Known<ObjectFacts> {
        self.object(&Question::Node { name: name.to_owned() })
    }
    fn secret(&self, namespace: &str, name: &str) -> Known<SecretFacts> {
        let question = Question::Secret { namespace: namespace.to_owned(), name: name.to_owned() };
        self.secrets.get(&question).cloned().unwrap_or(Known::NotAsked)
    }
}

impl SignIns for Facts {
    fn sign_in(&self, id: &SignInId) -> Known<SignInFacts> {
        self.sign_ins.get(id).cloned().unwrap_or(Known::NotAsked)
    }
}

impl IssuerKeys for Facts {
    fn keys(&self, issuer: &str) -> Known<&KeySet> {
        self.keys.get(issuer).map_or(Known::Failed, |keys| Known::Found(keys.as_ref()))
    }
}

impl TokenReviews for Facts {
    fn review(&self, token: &Secret) -> Known<Review> {
        self.reviewed(&self.reviews, token)
    }
    fn cluster_review(&self, token: &Secret) -> Known<Review> {
        self.reviewed(&self.cluster_reviews, token)
    }
}
