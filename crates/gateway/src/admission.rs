//! Who sends a request: the union of methods asked with the facts it needs, and what it said lately of tokens.
//! Each method's rules are known to `authn`; what a refused sender is told, to `status`.
//!
//! A token that was accepted is believed for [`KNOWN_FOR`] without being looked at again, as in the API server;
//! refusals are not kept. Certificates are judged at every request.
//!
//! Hostile input: a credential is looked at only as far as the union does; questions to clusters are bounded by
//! [`ASKING_MAX`] at once for each, [`QUESTIONS_MAX`] for a request, and by `failures` for a network.

use crate::evidence::Facts;
use crate::failures::Failures;
use crate::figures;
use crate::gateway::Beliefs;
use crate::issuers::{Issuers, TRIED_EVERY};
use crate::machines::Machines;
use crate::status::Refusal;
use authn::kubernetes::{
    Admission, Answer, Authenticated, Authenticator, Method, Question, Reason, Request, TokenCache,
    TokenKey, TokenKeys,
};
use http::{HeaderMap, header};
use kube_io::Cluster;
use model::{Secret, SecretBytes, Timestamp};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The API server's default.
const KNOWN_FOR: Duration = Duration::from_secs(10);
/// A bound token hangs on a ServiceAccount and two objects; then perhaps two reviews, for each of two tokens.
const QUESTIONS_MAX: usize = 10;
/// Requests that ask one cluster about their credentials at one time; the others wait, and take what the first
/// found out of their token.
const ASKING_MAX: usize = 64;

/// What decides who somebody is.
pub(crate) struct Doorkeeper {
    beliefs: RwLock<Arc<Beliefs>>,
    known: Mutex<TokenCache<Arc<Authenticated>>>,
    keys: TokenKeys,
    issuers: Issuers,
    pub(crate) machines: Arc<Machines>,
    pub(crate) failures: Failures,
    /// By the clusters' names, so that one which does not answer holds up nobody else's senders.
    asking: Mutex<HashMap<String, Arc<Semaphore>>>,
}

/// On whose behalf a cluster is asked.
struct Asker<'a> {
    cluster: Option<&'a Cluster>,
    network: &'a str,
    key: Option<TokenKey>,
    now: Timestamp,
}

/// What asking led to.
enum Asked {
    Judged(Box<Admission>),
    /// Another request with the same token was let in while this one waited.
    Known(Arc<Authenticated>),
}

impl Doorkeeper {
    pub(crate) fn new(beliefs: Beliefs, machines: Machines, keys: TokenKeys) -> Self {
        Self {
            beliefs: RwLock::new(Arc::new(beliefs)),
            known: Mutex::default(),
            keys,
            issuers: Issuers::default(),
            machines: Arc::new(machines),
            failures: Failures::default(),
            asking: Mutex::default(),
        }
    }

    pub(crate) fn believe(&self, beliefs: Beliefs) {
        *self.beliefs.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(beliefs);
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = TokenCache::default();
    }

    pub(crate) async fn keep_issuers(&self) {
        loop {
            let beliefs = self.beliefs();
            self.issuers.keep(&beliefs.authenticator.issuers).await;
            tokio::time::sleep(TRIED_EVERY).await;
        }
    }

    pub(crate) fn beliefs(&self) -> Arc<Beliefs> {
        Arc::clone(&self.beliefs.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Who sends `request` to `cluster`; without one only what needs no cluster can tell.
    pub(crate) async fn admit(
        &self,
        cluster: Option<&Cluster>,
        network: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<Arc<Authenticated>, Refusal> {
        let beliefs = self.beliefs();
        let key = self.key(cluster, request);
        if let Some(sender) = key.and_then(|key| self.known(&key, now)) {
            return Ok(sender);
        }
        let asker = Asker { cluster, network, key, now };
        let admission = match self.ask(&beliefs, &asker, request).await? {
            Asked::Known(sender) => return Ok(sender),
            Asked::Judged(admission) => admission,
        };
        let admission = match unknown_key(&beliefs.authenticator, &admission) {
            Some(issuer)
                if !self.failures.too_many(network, Instant::now())
                    && self.issuers.look_again(issuer).await =>
            {
                match self.ask(&beliefs, &asker, request).await? {
                    Asked::Known(sender) => return Ok(sender),
                    Asked::Judged(admission) => admission,
                }
            }
            _ => admission,
        };
        let Some(sender) = admission.sender.map(Arc::new) else {
            metrics::counter!(figures::UNAUTHORIZED).increment(1);
            if self.failures.count(network, Instant::now()) {
                let steps: Vec<_> = admission
                    .explanation
                    .steps
                    .iter()
                    .filter(|step| step.reason != Reason::NotPresented)
                    .map(|step| format!("{}: {}", step.method.code(), logged(&step.reason)))
                    .collect();
                tracing::info!(network, steps = steps.join("; "), "a credential was refused");
            }
            return Err(Refusal::unauthorized());
        };
        if let Some(key) = key
            && sender.method() != Method::Anonymous
        {
            // The lock comes first: `believe` forgets under it, after what is believed anew is in place.
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if Arc::ptr_eq(&beliefs, &self.beliefs()) {
                known.put(key, Arc::clone(&sender), KNOWN_FOR, now);
            }
        }
        Ok(sender)
    }

    async fn ask(
        &self,
        beliefs: &Beliefs,
        asker: &Asker<'_>,
        request: &Request,
    ) -> Result<Asked, Refusal> {
        let Asker { cluster, network, key, now } = asker;
        let mut facts = Facts::new(
            self.issuers.current(),
            beliefs.webhook.clone(),
            Arc::clone(&self.machines),
            *now,
        );
        let mut asking = None;
        for _ in 0..QUESTIONS_MAX {
            let question = match beliefs.authenticator.admit(request, &facts, *now) {
                Ok(admission) => return Ok(Asked::Judged(Box::new(admission))),
                Err(question) => question,
            };
            // Asked of the hub's own store, and only with a certificate that the hub signed: neither a cluster that
            // does not answer nor a neighbour's guesses hold it up.
            if matches!(question, Question::SignIn { .. }) {
                facts.learn(None, question).await;
                continue;
            }
            if asking.is_none() {
                if self.failures.too_many(network, Instant::now()) {
                    metrics::counter!(figures::THROTTLED).increment(1);
                    return Err(Refusal::too_many_failures());
                }
                asking = self.may_ask(*cluster).await;
                // Perhaps it was found out meanwhile.
                if let Some(sender) = key.as_ref().and_then(|key| self.known(key, *now)) {
                    return Ok(Asked::Known(sender));
                }
            }
            facts.learn(*cluster, question).await;
        }
        tracing::error!("a credential raised more questions than any should");
        Err(Refusal::unavailable("the credential cannot be verified"))
    }

    /// Waits for a cluster to be askable. The clusters are the configuration's, so these are few.
    async fn may_ask(&self, cluster: Option<&Cluster>) -> Option<OwnedSemaphorePermit> {
        let name = cluster.map(|cluster| cluster.name().as_str()).unwrap_or_default();
        let asking = {
            let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
            let of_cluster = asking.entry(name.to_owned());
            Arc::clone(of_cluster.or_insert_with(|| Arc::new(Semaphore::new(ASKING_MAX))))
        };
        // It is never closed.
        asking.acquire_owned().await.ok()
    }

    /// Under what a verdict on this request is kept: nothing but one bearer token, and for one cluster, since
    /// each reviews tokens for itself.
    fn key(&self, cluster: Option<&Cluster>, request: &Request) -> Option<TokenKey> {
        let cluster = cluster?.name().as_str().to_owned();
        let is = |name: &str, wanted: &http::HeaderName| name == wanted.as_str();
        let protocol = header::SEC_WEBSOCKET_PROTOCOL;
        if !request.certificates.is_empty()
            || request.headers.iter().any(|(name, _)| is(name, &protocol))
        {
            return None;
        }
        let (_, value) =
            request.headers.iter().find(|(name, _)| is(name, &header::AUTHORIZATION))?;
        let value = std::str::from_utf8(value.expose()).ok()?;
        Some(self.keys.key(&Secret::new(value), &[cluster]))
    }

    fn known(&self, key: &TokenKey, now: Timestamp) -> Option<Arc<Authenticated>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(key, now).cloned()
    }
}

/// A reason for the log. What a reviewer says is somebody else's text, which may repeat the credential.
fn logged(reason: &Reason) -> String {
    match reason {
        Reason::ReviewError { .. } => "ReviewError".to_owned(),
        reason => format!("{reason:?}"),
    }
}

/// The issuer whose token is signed with a key that is not among those at hand.
fn unknown_key<'a>(
    authenticator: &'a Authenticator,
    admission: &Admission,
) -> Option<&'a authn::kubernetes::JwtIssuer> {
    if admission.sender.is_some() {
        return None;
    }
    let steps =
        admission.explanation.steps.iter().filter(|step| step.method == Method::OpenIdConnect);
    let refused = steps.clone().find(|step| {
        step.answer == Answer::Refused
            && matches!(step.reason, Reason::KeyUnknown { .. } | Reason::SignatureWrong)
    })?;
    // For each token issuers are asked in their order, so the refused one is as far down the list as its step.
    let at = steps
        .filter(|step| step.carrier == refused.carrier)
        .position(|step| step.answer == Answer::Refused)?;
    authenticator.issuers.get(at)
}

/// What of a request the union looks at.
pub(crate) fn credentials(
    headers: &HeaderMap,
    path: &str,
    certificates: Option<&crate::ClientCertificates>,
    authenticator: &Authenticator,
) -> Request {
    let is_front_proxy = authenticator.front_proxy.is_some() && certificates.is_some();
    let looked_at = [
        header::AUTHORIZATION,
        header::CONNECTION,
        header::UPGRADE,
        header::SEC_WEBSOCKET_PROTOCOL,
    ];
    let headers = headers
        .iter()
        .filter(|(name, _)| is_front_proxy || looked_at.contains(name))
        .map(|(name, value)| (name.as_str().to_owned(), SecretBytes::new(value.as_bytes())))
        .collect();
    let certificates = certificates.map(|shown| shown.0.to_vec()).unwrap_or_default();
    Request { headers, path: path.to_owned(), certificates }
}
