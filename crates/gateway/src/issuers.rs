//! The keys of OpenID Connect issuers: discovered, fetched, and fetched again when they are old or when a token
//! names one that is not among them.
//! What the keys verify is known to `authn`. Until an issuer's discovery has succeeded once, its tokens are
//! refused, as by the API server.
//!
//! Hostile input: the issuer is the operator's choice, its answers are not: bounded by [`DOCUMENT_BYTES_MAX`]
//! and [`FETCH_TAKES`], from https alone, no redirect followed, and the document must name the issuer itself.
//! Tokens with unknown keys make it fetch at most once in [`FETCH_APART`].

use crate::evidence::Keys;
use authn::kubernetes::{JwtIssuer, KeySet};
use http_body_util::{BodyExt as _, Limited};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Discovery documents and key sets have a few kilobytes.
const DOCUMENT_BYTES_MAX: usize = 1 << 20;
const FETCH_TAKES: Duration = Duration::from_secs(10);
/// As the API server: an issuer that is not there at the start is tried every 10 s.
pub(crate) const TRIED_EVERY: Duration = Duration::from_secs(10);
/// Keys that were withdrawn verify nothing any more after this long.
const KEYS_HOLD: Duration = Duration::from_secs(300);
/// An unknown key may be a new one; a flood of them is not.
const FETCH_APART: Duration = Duration::from_secs(5);

/// Why an issuer's keys could not be had.
#[derive(Debug, thiserror::Error)]
enum IssuerFault {
    #[error("`{url}` is no https address")]
    Address { url: String },
    #[error("the certificate authority of the issuer is not PEM")]
    Authority,
    #[error("`{url}` cannot be fetched")]
    Unreachable { url: String, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("`{url}` answered {status}")]
    Status { url: String, status: u16 },
    #[error("`{url}` is no discovery document")]
    Document { url: String, source: serde_json::Error },
    #[error("the discovery document names another issuer, `{named}`")]
    OtherIssuer { named: String },
    #[error("the key set cannot be used")]
    Keys(#[from] authn::kubernetes::InvalidKeySet),
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

/// All issuers' keys.
#[derive(Default)]
pub(crate) struct Issuers {
    keys: RwLock<Keys>,
    /// When each was last fetched, or tried; held while one is, so that many askers fetch once.
    tried: Mutex<HashMap<String, (Instant, bool)>>,
}

impl Issuers {
    /// The keys as they are now.
    pub(crate) fn current(&self) -> Keys {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Fetches what is missing or old; forgets issuers that are not believed any more.
    pub(crate) async fn keep(&self, issuers: &[JwtIssuer]) {
        for issuer in issuers {
            self.fetch(issuer, KEYS_HOLD).await;
        }
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        if keys.keys().any(|url| issuers.iter().all(|issuer| issuer.url != *url)) {
            let mut kept = BTreeMap::clone(&keys);
            kept.retain(|url, _| issuers.iter().any(|issuer| issuer.url == *url));
            *keys = Arc::new(kept);
        }
    }

    /// Fetches an issuer's keys because a token's is not among them. False if they were fetched just now.
    pub(crate) async fn look_again(&self, issuer: &JwtIssuer) -> bool {
        self.fetch(issuer, FETCH_APART).await
    }

    async fn fetch(&self, issuer: &JwtIssuer, holds: Duration) -> bool {
        let mut tried = self.tried.lock().await;
        let is_fresh = tried.get(&issuer.url).is_some_and(|(at, succeeded)| {
            at.elapsed() < if *succeeded { holds } else { holds.min(TRIED_EVERY) }
        });
        if is_fresh {
            return false;
        }
        let fetched = tokio::time::timeout(FETCH_TAKES, keys_of(issuer)).await;
        let succeeded = matches!(fetched, Ok(Ok(_)));
        tried.insert(issuer.url.clone(), (Instant::now(), succeeded));
        match fetched {
            Ok(Ok(set)) => {
                let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
                let mut all = BTreeMap::clone(&keys);
                if all.insert(issuer.url.clone(), Arc::new(set)).is_none() {
                    tracing::info!(issuer = issuer.url, "an issuer's keys are known");
                }
                *keys = Arc::new(all);
            }
            Ok(Err(fault)) => tracing::warn!(
                issuer = issuer.url,
                error = told(&fault),
                "an issuer's keys cannot be had; the old ones stay"
            ),
            Err(_) => tracing::warn!(issuer = issuer.url, "an issuer does not answer in time"),
        }
        succeeded
    }
}

fn told(fault: &dyn std::error::Error) -> String {
    let mut text = fault.to_string();
    let mut cause = fault.source();
    while let Some(inner) = cause {
        text.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    text
}

async fn keys_of(issuer: &JwtIssuer) -> Result<KeySet, IssuerFault> {
    let url = match &issuer.discovery_url {
        Some(url) => url.clone(),
        None => format!("{}/.well-known/openid-configuration", issuer.url.trim_end_matches('/')),
    };
    let document = get(&url, &issuer.certificate_authority).await?;
    let document: Discovery = serde_json::from_slice(&document)
        .map_err(|source| IssuerFault::Document { url: url.clone(), source })?;
    if document.issuer != issuer.url {
        let named = document.issuer.chars().take(200).flat_map(char::escape_default).collect();
        return Err(IssuerFault::OtherIssuer { named });
    }
    let keys = get(&document.jwks_uri, &issuer.certificate_authority).await?;
    Ok(KeySet::from_json(&keys)?)
}

async fn get(url: &str, authority: &str) -> Result<Vec<u8>, IssuerFault> {
    let shown = || url.chars().take(200).flat_map(char::escape_default).collect::<String>();
    let address = || IssuerFault::Address { url: shown() };
    let uri: http::Uri = url.parse().map_err(|_| address())?;
    let host = uri.authority().filter(|_| uri.scheme_str() == Some("https")).ok_or_else(address)?;
    let server = http::Uri::builder().scheme("https").authority(host.as_str()).path_and_query("/");
    // The Kubernetes client is an HTTPS client with the machine's trust or given authorities; nothing else of
    // it is used.
    let mut config = kube::Config::new(server.build().map_err(|_| address())?);
    config.default_retry = false;
    config.connect_timeout = Some(FETCH_TAKES);
    if !authority.is_empty() {
        let roots = CertificateDer::pem_slice_iter(authority.as_bytes())
            .map(|der| der.map(|der| der.to_vec()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| IssuerFault::Authority)?;
        config.root_cert = Some(roots);
    }
    let unreachable = |source: Box<dyn std::error::Error + Send + Sync>| IssuerFault::Unreachable {
        url: shown(),
        source,
    };
    let client = kube::Client::try_from(config).map_err(|error| unreachable(error.into()))?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = http::Request::get(path)
        .header(http::header::ACCEPT, "application/json")
        .body(kube::client::Body::empty())
        .map_err(|error| unreachable(error.into()))?;
    let answer = client.send(request).await.map_err(|error| unreachable(error.into()))?;
    if answer.status() != http::StatusCode::OK {
        return Err(IssuerFault::Status { url: shown(), status: answer.status().as_u16() });
    }
    let body = Limited::new(answer.into_body(), DOCUMENT_BYTES_MAX).collect().await;
    Ok(body.map_err(unreachable)?.to_bytes().to_vec())
}
