//! Proof that the union let a request in, for whoever acts for its sender afterwards.
//! What the sender may do is not known here: that is asked of RBAC, or decided by the API server itself.

use super::evidence::{Evidence, Question};
use super::explanation::{Explanation, Method, Outcome};
use super::request::Request;
use super::union::Authenticator;
use model::{Identity, Timestamp};

/// A sender that the union knows, made only by [`Authenticator::admit`]. It cannot be copied; who keeps one
/// for later requests of the same credential shares it, and says for how long.
#[derive(Debug)]
pub struct Authenticated {
    identity: Identity,
    method: Method,
}

impl Authenticated {
    /// Who it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// By which method.
    pub fn method(&self) -> Method {
        self.method
    }
}

/// What the union says to a request.
#[derive(Debug)]
pub struct Admission {
    /// The sender; `None` is 401.
    pub sender: Option<Authenticated>,
    /// Why.
    pub explanation: Explanation,
}

impl Authenticator {
    /// Who a request is of, as a value that lets act for them. An `Err` names a fact that has to be fetched;
    /// ask again with it.
    pub fn admit(
        &self,
        request: &Request,
        evidence: &(impl Evidence + ?Sized),
        now: Timestamp,
    ) -> Result<Admission, Question> {
        let explanation = self.authenticate(request, evidence, now)?;
        let sender = match &explanation.outcome {
            Outcome::Authenticated { identity, method } => {
                Some(Authenticated { identity: identity.clone(), method: *method })
            }
            Outcome::Anonymous { identity } => {
                Some(Authenticated { identity: identity.clone(), method: Method::Anonymous })
            }
            Outcome::Unauthorized => None,
        };
        Ok(Admission { sender, explanation })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        AnonymousAccess, IssuerKeys, KeySet, Known, ObjectFacts, Objects, SecretFacts, SignIns,
        TokenFile, TokenReviewStatus, TokenReviews,
    };
    use super::*;
    use model::Secret;

    struct Nothing;
    impl Objects for Nothing {
        fn service_account(&self, _: &str, _: &str) -> Known<ObjectFacts> {
            Known::NotAsked
        }
        fn pod(&self, _: &str, _: &str) -> Known<ObjectFacts> {
            Known::NotAsked
        }
        fn node(&self, _: &str) -> Known<ObjectFacts> {
            Known::NotAsked
        }
        fn secret(&self, _: &str, _: &str) -> Known<SecretFacts> {
            Known::NotAsked
        }
    }
    impl IssuerKeys for Nothing {
        fn keys(&self, _: &str) -> Known<&KeySet> {
            Known::NotAsked
        }
    }
    impl SignIns for Nothing {}
    impl TokenReviews for Nothing {
        fn review(&self, _: &Secret) -> Known<Result<TokenReviewStatus, String>> {
            Known::NotAsked
        }
    }

    #[test]
    fn only_who_is_known_is_let_in() {
        let authenticator = Authenticator {
            token_file: Some(TokenFile::parse(b"hunter2,alice,1\n").unwrap()),
            ..Authenticator::default()
        };
        let now = Timestamp::from_micros(0);
        let admit = |request: &Request| authenticator.admit(request, &Nothing, now).unwrap();
        let sender = admit(&Request::bearer(&Secret::new("hunter2"))).sender.unwrap();
        assert_eq!(sender.identity().user, "alice");
        assert_eq!(sender.method(), Method::TokenFile);
        assert!(admit(&Request::bearer(&Secret::new("hunter3"))).sender.is_none());
        let nobody = admit(&Request::default()).sender.unwrap();
        assert_eq!(nobody.method(), Method::Anonymous);
        let closed =
            Authenticator { anonymous: AnonymousAccess::Disabled, ..authenticator.clone() };
        assert!(closed.admit(&Request::default(), &Nothing, now).unwrap().sender.is_none());
    }
}
