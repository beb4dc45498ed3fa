//! All methods together, in the order of the API server: front proxy, client certificate, then the token of
//! the `Authorization` header and that of a WebSocket; a token goes to the token file, the two kinds of
//! service accounts, bootstrap tokens, OpenID Connect and the webhook. A gateway adds two of its own: machines that
//! people signed in from, before client certificates, and the cluster behind it, last.
//! What each method thinks is its own; authorisation comes after and elsewhere.
//!
//! A refusal is remembered and the next method asked: a later success wins. When nobody knew the request and
//! nobody refused, it is anonymous where that is allowed; a bad credential is never anonymous but 401.
//!
//! Hostile input: a request may carry several credentials; the first method that accepts decides, and each
//! step is kept for the explanation, of which there are at most two for each token method.

use super::anonymous::{self, AnonymousAccess};
use super::bootstrap;
use super::certificate::Certificate;
use super::client_certificate;
use super::evidence::{Evidence, Question};
use super::explanation::{
    Answer, Carrier, Explanation, Method, Objection, Opinion, Outcome, Reason, Step,
};
use super::front_proxy::FrontProxy;
use super::machine;
use super::open_id_connect::JwtIssuer;
use super::request::Request;
use super::service_account::ServiceAccounts;
use super::token_file::TokenFile;
use super::webhook::Webhook;
use model::{Identity, Secret, Timestamp};

const AUTHENTICATED: &str = "system:authenticated";

/// What an API server is configured to believe.
#[derive(Debug, Clone, Default)]
pub struct Authenticator {
    /// The `--requestheader-*` flags.
    pub front_proxy: Option<FrontProxy>,
    /// The hub's authority for machines that people sign in from. No setting of an API server.
    pub machine_roots: Option<Vec<Certificate>>,
    /// `--client-ca-file`.
    pub client_roots: Option<Vec<Certificate>>,
    /// `--token-auth-file`.
    pub token_file: Option<TokenFile>,
    /// The `--service-account-*` flags.
    pub service_accounts: Option<ServiceAccounts>,
    /// `--enable-bootstrap-token-auth`.
    pub bootstrap_tokens: bool,
    /// `--authentication-config` or the `--oidc-*` flags.
    pub issuers: Vec<JwtIssuer>,
    /// `--authentication-token-webhook-config-file`.
    pub webhook: Option<Webhook>,
    /// Tokens that nobody knew are put to the cluster behind the gateway, after the webhook. No setting of an API
    /// server.
    pub cluster_review: Option<Webhook>,
    /// `--anonymous-auth` and its conditions.
    pub anonymous: AnonymousAccess,
}

/// The union while it runs.
#[derive(Default)]
struct Account {
    steps: Vec<Step>,
    refused: bool,
}

impl Account {
    /// Writes a method's opinion down; `Some` if it decides.
    fn hear(
        &mut self,
        method: Method,
        carrier: Option<Carrier>,
        opinion: Opinion,
    ) -> Result<Option<(Identity, Method)>, Question> {
        let (answer, reason, identity) = match opinion {
            Ok(identity) => (Answer::Accepted, Reason::Holds, Some(identity)),
            Err(Objection::None(reason)) => (Answer::NoOpinion, reason, None),
            Err(Objection::Refused(reason)) => (Answer::Refused, reason, None),
            Err(Objection::Unknown(question)) => return Err(question),
        };
        self.refused |= answer == Answer::Refused;
        self.steps.push(Step { method, carrier, answer, reason });
        Ok(identity.map(|identity| (identity, method)))
    }
}

impl Authenticator {
    /// Who a request is of, and why. An `Err` names a fact that has to be fetched; ask again with it.
    pub fn authenticate(
        &self,
        request: &Request,
        evidence: &(impl Evidence + ?Sized),
        now: Timestamp,
    ) -> Result<Explanation, Question> {
        let mut account = Account::default();
        if let Some((identity, method)) = self.ask(request, evidence, now, &mut account)? {
            let identity = with_authenticated_group(identity);
            let outcome = Outcome::Authenticated { identity, method };
            return Ok(Explanation { outcome, steps: account.steps });
        }
        let opinion = if account.refused {
            Err(Objection::None(Reason::EarlierRefusal))
        } else {
            self.anonymous.admit(&request.path).map_err(Objection::None)
        };
        let outcome = match account.hear(Method::Anonymous, None, opinion)? {
            Some((identity, _)) => Outcome::Anonymous { identity },
            None => Outcome::Unauthorized,
        };
        Ok(Explanation { outcome, steps: account.steps })
    }

    fn ask(
        &self,
        request: &Request,
        evidence: &(impl Evidence + ?Sized),
        now: Timestamp,
        account: &mut Account,
    ) -> Result<Option<(Identity, Method)>, Question> {
        if let Some(front_proxy) = &self.front_proxy {
            let opinion = front_proxy.authenticate(request, now);
            if let Some(decided) = account.hear(Method::FrontProxy, None, opinion)? {
                return Ok(Some(decided));
            }
        }
        if let Some(roots) = &self.machine_roots {
            let opinion = machine::authenticate(&request.certificates, roots, evidence, now);
            if let Some(decided) = account.hear(Method::Machine, None, opinion)? {
                return Ok(Some(decided));
            }
        }
        if let Some(roots) = &self.client_roots {
            let opinion = client_certificate::authenticate(&request.certificates, roots, now);
            if let Some(decided) = account.hear(Method::ClientCertificate, None, opinion)? {
                return Ok(Some(decided));
            }
        }
        if !self.takes_tokens() {
            return Ok(None);
        }
        for carrier in [Carrier::AuthorizationHeader, Carrier::WebSocketProtocol] {
            let token = match carrier {
                Carrier::AuthorizationHeader => request.bearer_token().map_err(Objection::None),
                Carrier::WebSocketProtocol => match request.web_socket_token() {
                    Ok(token) => token.map_err(Objection::None),
                    Err(reason) => Err(Objection::Refused(reason)),
                },
            };
            let token = match token {
                Ok(token) => token,
                Err(objection) => {
                    account.hear(Method::BearerToken, Some(carrier), Err(objection))?;
                    continue;
                }
            };
            let decided = self.ask_token_methods(&token, carrier, evidence, now, account)?;
            if decided.is_some() {
                return Ok(decided);
            }
            // A token that nobody knows is a bad one, and so the request is not anonymous.
            account.hear(Method::BearerToken, Some(carrier), Err(Reason::KnownToNobody.into()))?;
        }
        Ok(None)
    }

    /// Without a method for tokens the API server does not even look for one.
    fn takes_tokens(&self) -> bool {
        self.token_file.is_some()
            || self.service_accounts.is_some()
            || self.bootstrap_tokens
            || !self.issuers.is_empty()
            || self.webhook.is_some()
            || self.cluster_review.is_some()
    }

    fn ask_token_methods(
        &self,
        token: &Secret,
        carrier: Carrier,
        evidence: &(impl Evidence + ?Sized),
        now: Timestamp,
        account: &mut Account,
    ) -> Result<Option<(Identity, Method)>, Question> {
        let carrier = Some(carrier);
        if let Some(file) = &self.token_file {
            let opinion = file.authenticate(token);
            if let Some(decided) = account.hear(Method::TokenFile, carrier, opinion)? {
                return Ok(Some(decided));
            }
        }
        if let Some(accounts) = &self.service_accounts {
            let opinion = accounts.authenticate_legacy(token, evidence);
            if let Some(decided) = account.hear(Method::LegacyServiceAccount, carrier, opinion)? {
                return Ok(Some(decided));
            }
            let opinion = accounts.authenticate_bound(token, evidence, now);
            if let Some(decided) = account.hear(Method::ServiceAccount, carrier, opinion)? {
                return Ok(Some(decided));
            }
        }
        if self.bootstrap_tokens {
            let opinion = bootstrap::authenticate(token, evidence, now);
            if let Some(decided) = account.hear(Method::BootstrapToken, carrier, opinion)? {
                return Ok(Some(decided));
            }
        }
        // Among issuers a refusal ends the search: a token is of one issuer only.
        for issuer in &self.issuers {
            let opinion = issuer.authenticate(token, evidence, now);
            let refused = matches!(opinion, Err(Objection::Refused(_)));
            if let Some(decided) = account.hear(Method::OpenIdConnect, carrier, opinion)? {
                return Ok(Some(decided));
            }
            if refused {
                break;
            }
        }
        if let Some(webhook) = &self.webhook {
            let opinion = webhook.authenticate(token, evidence);
            if let Some(decided) = account.hear(Method::Webhook, carrier, opinion)? {
                return Ok(Some(decided));
            }
        }
        if let Some(cluster) = &self.cluster_review {
            let opinion = cluster.authenticate_by_cluster(token, evidence);
            return account.hear(Method::ClusterReview, carrier, opinion);
        }
        Ok(None)
    }
}

/// What the API server adds to everybody whom a method knew.
fn with_authenticated_group(mut identity: Identity) -> Identity {
    let named = [AUTHENTICATED, anonymous::GROUP].iter().any(|group| identity.is_in(group));
    if identity.user != anonymous::USER && !named {
        identity.groups.push(AUTHENTICATED.to_owned());
    }
    identity
}

#[cfg(test)]
mod tests;
