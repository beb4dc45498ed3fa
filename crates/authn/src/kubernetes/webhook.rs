//! Webhook tokens: what is asked of a `TokenReview` service, what its answer means, how long the answer is
//! kept and when a failed call is tried again.
//! How the call is made is not known here.
//!
//! Hostile input: the service's answer may lie, and is bounded by [`ANSWER_BYTES_MAX`] where the API server
//! has no bound; an answer of another kind or version is no answer.

mod back_off;
mod cache;

pub use back_off::WebhookBackOff;
pub use cache::{TokenCache, TokenKey, TokenKeys};

use super::evidence::{Known, Question, TokenReviews};
use super::explanation::{Objection, Opinion, Reason, shown};
use model::{Identity, Secret};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Longest answer of a webhook. A user with ten thousand groups fits.
pub const ANSWER_BYTES_MAX: usize = 1 << 20;

/// The version of `--authentication-token-webhook-version`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenReviewVersion {
    /// `authentication.k8s.io/v1`.
    V1,
    /// `authentication.k8s.io/v1beta1`, the flag's default.
    V1Beta1,
}

impl TokenReviewStatus {
    /// Whether the service could not tell, so that its answer is not to be kept: the API server keeps what a
    /// webhook says for a time, but never an error.
    pub fn is_error(&self) -> bool {
        !self.authenticated && !self.error.is_empty()
    }
}

/// The token webhook as far as a verdict needs it.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// `--api-audiences`; the API server takes its service account issuers when it is not given.
    pub audiences: Vec<String>,
}

/// The `status` of a `TokenReview`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct TokenReviewStatus {
    #[serde(deserialize_with = "null_is_empty")]
    authenticated: bool,
    #[serde(deserialize_with = "null_is_empty")]
    user: ReviewedUser,
    #[serde(deserialize_with = "null_is_empty")]
    audiences: Vec<String>,
    #[serde(deserialize_with = "null_is_empty")]
    error: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct ReviewedUser {
    #[serde(deserialize_with = "null_is_empty")]
    username: String,
    #[serde(deserialize_with = "null_is_empty")]
    uid: String,
    #[serde(deserialize_with = "null_is_empty")]
    groups: Vec<String>,
    #[serde(deserialize_with = "null_is_empty")]
    extra: BTreeMap<String, Vec<String>>,
}

/// Go leaves a field as it was for `null`.
fn null_is_empty<'de, T: Default + Deserialize<'de>, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// The service's answer is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAnswer {
    /// Too long.
    #[error("the webhook's answer is longer than {ANSWER_BYTES_MAX} bytes")]
    TooLong,
    /// Not the JSON of a TokenReview of the version that was asked for.
    #[error("the webhook's answer is not a TokenReview in {expected}")]
    Form {
        /// The version that was asked for.
        expected: &'static str,
    },
}

impl TokenReviewVersion {
    fn api_version(self) -> &'static str {
        match self {
            Self::V1 => "authentication.k8s.io/v1",
            Self::V1Beta1 => "authentication.k8s.io/v1beta1",
        }
    }

    /// The body that is posted to the service. It holds the token.
    pub fn question(self, token: &Secret, audiences: &[String]) -> Secret {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Review<'a> {
            kind: &'static str,
            api_version: &'static str,
            metadata: BTreeMap<String, String>,
            spec: Spec<'a>,
        }
        #[derive(Serialize)]
        struct Spec<'a> {
            token: &'a str,
            #[serde(skip_serializing_if = "<[String]>::is_empty")]
            audiences: &'a [String],
        }
        let review = Review {
            kind: "TokenReview",
            api_version: self.api_version(),
            metadata: BTreeMap::new(),
            spec: Spec { token: token.expose(), audiences },
        };
        // Serialising strings into memory cannot fail.
        Secret::new(serde_json::to_string(&review).unwrap_or_default())
    }

    /// Reads the service's answer. Of a longer one than [`ANSWER_BYTES_MAX`] no more need be read than shows that it
    /// is.
    pub fn answer(self, body: &[u8]) -> Result<TokenReviewStatus, InvalidAnswer> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Review {
            kind: String,
            api_version: String,
            #[serde(default, deserialize_with = "null_is_empty")]
            status: TokenReviewStatus,
        }
        if body.len() > ANSWER_BYTES_MAX {
            return Err(InvalidAnswer::TooLong);
        }
        let form = InvalidAnswer::Form { expected: self.api_version() };
        match serde_json::from_slice::<Review>(body) {
            Ok(Review { kind, api_version, status })
                if kind == "TokenReview" && api_version == self.api_version() =>
            {
                Ok(status)
            }
            _ => Err(form),
        }
    }
}

impl Webhook {
    pub(super) fn authenticate(
        &self,
        token: &Secret,
        reviews: &(impl TokenReviews + ?Sized),
    ) -> Opinion {
        self.heard(reviews.review(token), Question::TokenReview)
    }

    /// The same of the cluster behind a gateway, which is asked like a webhook.
    pub(super) fn authenticate_by_cluster(
        &self,
        token: &Secret,
        reviews: &(impl TokenReviews + ?Sized),
    ) -> Opinion {
        self.heard(reviews.cluster_review(token), Question::ClusterReview)
    }

    fn heard(
        &self,
        review: Known<Result<TokenReviewStatus, String>>,
        question: Question,
    ) -> Opinion {
        match review {
            Known::Found(Ok(status)) => self.judge(status),
            Known::Found(Err(fault)) => Err(Reason::ReviewFailed { fault: shown(&fault) }.into()),
            Known::Absent | Known::Failed => {
                Err(Reason::ReviewFailed { fault: String::new() }.into())
            }
            Known::NotAsked => Err(question.into()),
        }
    }

    /// An answer without audiences is of a service that does not know them, and stands for the API server's.
    fn judge(&self, status: TokenReviewStatus) -> Opinion {
        let got = if status.audiences.is_empty() { &self.audiences } else { &status.audiences };
        if !self.audiences.is_empty() && !got.iter().any(|a| self.audiences.contains(a)) {
            return Err(Objection::None(Reason::AudienceMismatch {
                token: got.iter().take(8).map(|audience| shown(audience)).collect(),
                accepted: self.audiences.clone(),
            }));
        }
        if !status.authenticated {
            return Err(if status.error.is_empty() {
                Objection::None(Reason::ReviewNotAuthenticated)
            } else {
                Objection::Refused(Reason::ReviewError { error: shown(&status.error) })
            });
        }
        let ReviewedUser { username, uid, groups, extra } = status.user;
        let uid = Some(uid).filter(|uid| !uid.is_empty());
        Ok(Identity { user: username, uid, groups, extra })
    }
}

#[cfg(test)]
mod tests;
