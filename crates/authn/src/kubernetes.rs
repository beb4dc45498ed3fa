//! Who a request to a Kubernetes API server is of: the API server's seven methods, front proxies and
//! anonymous access, each deciding as kube-apiserver decides, and the union of them with its explanation.
//! Pure: objects, keys and answers are [`Evidence`] handed in, the time is an argument; what the person may
//! do is RBAC's knowledge, and what a request says besides its credentials is nobody's here.
//!
//! Written after Kubernetes 1.36 (`apiserver/pkg/authentication`, `pkg/serviceaccount`), go-jose 2.6 and
//! go-oidc 2.5, and compared with a running API server by the tests of `authn-differential`.

mod anonymous;
mod authenticated;
mod base64url;
mod bootstrap;
mod cel;
mod certificate;
mod client_certificate;
mod evidence;
mod explanation;
mod front_proxy;
mod go_json;
mod go_time;
mod jose;
mod machine;
mod open_id_connect;
mod request;
mod service_account;
mod token_file;
mod union;
mod webhook;

pub use anonymous::AnonymousAccess;
pub use authenticated::{Admission, Authenticated};
pub use cel::Expression;
pub use certificate::{CERTIFICATE_BYTES_MAX, Certificate, InvalidCertificate};
pub use evidence::{
    Evidence, IssuerKeys, Known, ObjectFacts, Objects, Question, SecretFacts, SignInFacts, SignIns,
    TokenReviews,
};
pub use explanation::{Answer, Carrier, Explanation, Method, Outcome, Reason, Step};
pub use front_proxy::{FrontProxy, unescape_extra_key};
pub use jose::{InvalidKeySet, InvalidPublicKeys, KeySet, PublicKey, PublicKeys, TOKEN_BYTES_MAX};
pub use open_id_connect::{
    AuthenticationConfiguration, InvalidConfiguration, JwtIssuer, MappedFrom, Mapping, OidcFlags,
    Rule,
};
pub use request::{HeaderValue, Request};
pub use service_account::ServiceAccounts;
pub use token_file::{InvalidTokenFile, TokenFile, TokenFileNote};
pub use union::Authenticator;
pub use webhook::{
    ANSWER_BYTES_MAX, InvalidAnswer, TokenCache, TokenKey, TokenKeys, TokenReviewStatus,
    TokenReviewVersion, Webhook, WebhookBackOff,
};

#[cfg(any(test, fuzzing))]
pub(crate) use cel::evaluate_any;

#[cfg(test)]
mod fixtures;
