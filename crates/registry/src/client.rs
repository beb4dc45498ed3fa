//! One repository of a registry: who one is to it, and where it leads.
//! What documents and blobs are is `image`'s; how bytes come, `transport`'s and `stream`'s.
//!
//! A request goes out without credentials; if the answer is 401, the challenge is answered and the request made once
//! more. A second 401 is a refusal, so that nobody can keep one asking.
//!
//! Hostile input: a challenge may name any token service and any scope. The service must be asked over TLS; the scope is
//! always the least, to pull this repository, whatever the challenge says. A redirect is followed a few times; one that
//! leaves the registry takes no credentials along, not even on its way back, and is followed for blobs alone, whose
//! digest is known before they come.

use crate::challenge::Challenge;
use crate::credentials::Credential;
use crate::fault::{RegistryFault, said, words};
use crate::reference::Reference;
use crate::stream::{Body, Patience};
use crate::transport::{Transport, Trust, authority};
use http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header};
use hyper::body::Incoming;
use model::Secret;
use serde::Deserialize;
use std::sync::{Mutex, PoisonError};

/// Redirects of one request; registries make one.
const REDIRECTS_MAX: usize = 5;
/// A token with its claims, and a refusal with its reasons, have some kilobytes.
const WORDS_BYTES_MAX: u64 = 64 * 1024;

/// Where an answer may come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    /// The registry alone.
    Registry,
    /// Also where it leads.
    Anywhere,
}

/// A repository.
#[derive(Debug)]
pub(crate) struct Repository {
    transport: Transport,
    reference: Reference,
    credential: Option<Credential>,
    patience: Patience,
    /// What answers the last challenge: the value of `Authorization`.
    authorization: Mutex<Option<Secret>>,
}

/// An answer that is none of refusal.
pub(crate) struct Answer {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
}

#[derive(Deserialize)]
struct TokenAnswer {
    #[serde(default)]
    token: Option<Secret>,
    #[serde(default)]
    access_token: Option<Secret>,
}

impl Repository {
    pub(crate) fn new(
        reference: Reference,
        credential: Option<Credential>,
        trust: Trust,
        patience: Patience,
    ) -> Self {
        let transport = Transport::new(trust, reference.host(), patience);
        Self { transport, reference, credential, patience, authorization: Mutex::new(None) }
    }

    pub(crate) fn reference(&self) -> &Reference {
        &self.reference
    }

    /// Asks for a part of the repository, as in `manifests/latest`.
    pub(crate) async fn ask(
        &self,
        part: &str,
        accept: &str,
        max: u64,
        from: From,
    ) -> Result<Answer, RegistryFault> {
        let host = self.reference.host();
        let path = format!("/v2/{}/{part}", self.reference.repository());
        let name = format!("{}/{part}", self.reference.repository());
        let first: Uri = format!("{}://{host}{path}", self.transport.scheme())
            .parse()
            .map_err(|_| self.unreached("its address is none"))?;
        let mut is_challenged = false;
        loop {
            let (url, answer) = self.follow(&first, &name, accept, from).await?;
            let status = answer.status();
            if status.is_success() {
                let headers = answer.headers().clone();
                let body =
                    Body::new(answer.into_body(), authority(&url), &name, max, self.patience);
                return Ok(Answer { headers, body });
            }
            let is_registry = is_same(&url, &first);
            if status == StatusCode::UNAUTHORIZED && is_registry && !is_challenged {
                is_challenged = true;
                self.answer(answer.headers(), &name).await?;
                continue;
            }
            return Err(self.refusal(&url, &name, answer, is_registry).await);
        }
    }

    /// Asks, and follows where one is led.
    async fn follow(
        &self,
        first: &Uri,
        name: &str,
        accept: &str,
        from: From,
    ) -> Result<(Uri, Response<Incoming>), RegistryFault> {
        let (mut url, mut has_left) = (first.clone(), false);
        for _ in 0..=REDIRECTS_MAX {
            let authorization = if has_left { None } else { self.authorization() };
            let answer = self.transport.get(&url, accept, authorization).await?;
            if !matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok((url, answer));
            }
            let location = answer.headers().get(header::LOCATION);
            let location = location.and_then(|value| value.to_str().ok()).unwrap_or_default();
            let refused = |reason| RegistryFault::Redirect {
                host: authority(&url).to_owned(),
                name: name.to_owned(),
                // What stands behind the question mark is often a signature that lets one in.
                to: words(location.split(['?', '#']).next().unwrap_or_default()),
                reason,
            };
            let target = target(&url, location).ok_or_else(|| refused("that is no address"))?;
            if !self.transport.may_ask(&target) {
                return Err(refused("that is not https"));
            }
            if !is_same(&target, &url) {
                if from == From::Registry {
                    return Err(refused("only layers and configurations may come from elsewhere"));
                }
                has_left = true;
            }
            url = target;
        }
        Err(RegistryFault::Redirect {
            host: self.reference.host().to_owned(),
            name: name.to_owned(),
            to: authority(&url).to_owned(),
            reason: "that is one redirect too many",
        })
    }

    /// Answers a challenge, for the requests from now on.
    async fn answer(&self, headers: &HeaderMap, name: &str) -> Result<(), RegistryFault> {
        let values = headers.get_all(header::WWW_AUTHENTICATE).iter();
        let challenge = Challenge::of(values.filter_map(|value| value.to_str().ok()));
        let value = match challenge {
            None => return Err(RegistryFault::Challenge(self.reference.host().to_owned())),
            Some(Challenge::Basic) => match &self.credential {
                Some(credential) => Secret::new(format!("Basic {}", credential.basic().expose())),
                None => {
                    return Err(RegistryFault::Refused {
                        host: self.reference.host().to_owned(),
                        name: name.to_owned(),
                        with_credentials: false,
                        said: "it asks for a password".to_owned(),
                    });
                }
            },
            Some(Challenge::Bearer { realm, service }) => {
                let token = self.token(&realm, service.as_deref(), name).await?;
                Secret::new(format!("Bearer {}", token.expose()))
            }
        };
        *self.authorization.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
        Ok(())
    }

    /// A token that pulls this repository and does nothing else.
    async fn token(
        &self,
        realm: &str,
        service: Option<&str>,
        name: &str,
    ) -> Result<Secret, RegistryFault> {
        let wrong = || {
            let registry = self.reference.host().to_owned();
            RegistryFault::TokenService(
                registry,
                words(realm.split(['?', '#']).next().unwrap_or_default()),
            )
        };
        let (place, query) = realm.split_once('?').unwrap_or((realm, ""));
        let scope = format!("repository:{}:pull", self.reference.repository());
        let mut url = format!("{place}?");
        if !query.is_empty() {
            url = format!("{url}{query}&");
        }
        if let Some(service) = service {
            url = format!("{url}service={}&", encoded(service));
        }
        let url: Uri = format!("{url}scope={}", encoded(&scope)).parse().map_err(|_| wrong())?;
        if !self.transport.may_ask(&url) {
            return Err(wrong());
        }
        let basic = self.credential.as_ref().map(Credential::basic);
        let basic = basic.and_then(|basic| secret_value(&format!("Basic {}", basic.expose())));
        let answer = self.transport.get(&url, "application/json", basic).await?;
        let host = authority(&url).to_owned();
        let status = answer.status();
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Err(self.refusal(&url, name, answer, true).await);
        }
        if !status.is_success() {
            return Err(RegistryFault::NoToken(host));
        }
        let body = Body::new(answer.into_body(), &host, "token", WORDS_BYTES_MAX, self.patience);
        let body = Secret::new(String::from_utf8(body.whole().await?).unwrap_or_default());
        let told: Option<TokenAnswer> = serde_json::from_str(body.expose()).ok();
        let token = told.and_then(|told| told.token.or(told.access_token));
        token
            .filter(|token| {
                !token.expose().is_empty() && token.expose().bytes().all(|b| b.is_ascii_graphic())
            })
            .ok_or(RegistryFault::NoToken(host))
    }

    /// What a refusal comes to.
    async fn refusal(
        &self,
        url: &Uri,
        name: &str,
        answer: Response<Incoming>,
        has_credentials: bool,
    ) -> RegistryFault {
        let (host, name) = (authority(url).to_owned(), name.to_owned());
        let status = answer.status();
        let body = Body::new(answer.into_body(), &host, &name, WORDS_BYTES_MAX, self.patience);
        let said = said(&body.whole().await.unwrap_or_default());
        let with_credentials = has_credentials && self.credential.is_some();
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if has_credentials => {
                RegistryFault::Refused { host, name, with_credentials, said }
            }
            StatusCode::NOT_FOUND => RegistryFault::Missing { host, name, said },
            status => RegistryFault::Status { host, name, status: status.as_u16(), said },
        }
    }

    fn authorization(&self) -> Option<HeaderValue> {
        let kept = self.authorization.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().and_then(|value| secret_value(value.expose()))
    }

    fn unreached(&self, reason: &str) -> RegistryFault {
        let host = self.reference.host().to_owned();
        RegistryFault::Unreached { host, reason: reason.to_owned() }
    }
}

/// A header that is not shown.
fn secret_value(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Where a `Location` leads: an address, or a path of the host that says so.
fn target(from: &Uri, location: &str) -> Option<Uri> {
    let location = location.split('#').next().unwrap_or_default();
    if location.starts_with('/') && !location.starts_with("//") {
        return format!("{}://{}{location}", from.scheme_str()?, authority(from)).parse().ok();
    }
    let target: Uri = location.parse().ok()?;
    (target.scheme().is_some() && target.host().is_some()).then_some(target)
}

/// Whether both are of one scheme, host and port.
fn is_same(one: &Uri, two: &Uri) -> bool {
    one.scheme() == two.scheme() && authority(one).eq_ignore_ascii_case(authority(two))
}

/// A value within a query.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
