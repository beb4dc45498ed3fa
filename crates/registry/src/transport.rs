//! Requests over TLS, and whom is trusted with them.
//! What is asked, and what an answer means, is `client`'s.
//!
//! HTTP/1.1 alone: a pull is a handful of requests one after another. Proxies of the environment are not used.
//!
//! Hostile input: whoever answers has shown a certificate that is trusted, or is allowed to be asked in clear: a
//! registry on the machine itself, or the one host that a person has named.

use crate::fault::{RegistryFault, words};
use crate::reference::is_loopback;
use crate::stream::Patience;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;

const USER_AGENT: &str = concat!("sallyport/", env!("CARGO_PKG_VERSION"));

/// Why nobody can be trusted.
#[derive(Debug, thiserror::Error)]
pub enum TrustFault {
    /// The authority is no certificate.
    #[error("there is no certificate in PEM in the file of --ca")]
    Authority,
    /// The machine has none.
    #[error("this machine trusts no authority: install ca-certificates, or name one by --ca")]
    Nobody,
    /// TLS itself.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    /// The host to be asked in clear is none.
    #[error(
        "`{0}` is no host to be asked in clear: write HOST or HOST:PORT, as it stands in the image's name"
    )]
    Host(String),
}

/// Whom to believe.
pub struct Trust {
    tls: ClientConfig,
    has_authority: bool,
    plain: Option<String>,
}

impl std::fmt::Debug for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trust")
            .field("has_authority", &self.has_authority)
            .field("plain", &self.plain)
            .finish_non_exhaustive()
    }
}

impl Trust {
    /// Authorities that the machine trusts, and one more if there is a PEM of it; and a host that may be asked without
    /// TLS.
    pub fn new(authority: Option<&[u8]>, plain: Option<&str>) -> Result<Self, TrustFault> {
        let mut roots = RootCertStore::empty();
        // What cannot be read of the machine's own list is only one authority less.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(pem) = authority {
            let before = roots.len();
            for der in CertificateDer::pem_slice_iter(pem) {
                roots
                    .add(der.map_err(|_| TrustFault::Authority)?)
                    .map_err(|_| TrustFault::Authority)?;
            }
            if roots.len() == before {
                return Err(TrustFault::Authority);
            }
        }
        let plain = plain.map(|host| {
            let host = host.to_ascii_lowercase();
            if crate::reference::is_host(&host) { Ok(host) } else { Err(TrustFault::Host(host)) }
        });
        let plain = plain.transpose()?;
        if roots.is_empty() && plain.is_none() {
            return Err(TrustFault::Nobody);
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { tls, has_authority: authority.is_some(), plain })
    }

    /// Whether the registry at this host is asked without TLS. An authority is named for TLS, also on the machine
    /// itself.
    pub(crate) fn is_plain(&self, host: &str) -> bool {
        self.plain.as_deref() == Some(host) || (is_loopback(host) && !self.has_authority)
    }
}

/// What asks.
#[derive(Debug)]
pub(crate) struct Transport {
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    /// The registry, if it is asked without TLS.
    plain: Option<String>,
    named: Option<String>,
    patience: Patience,
}

impl Transport {
    /// For a registry at this host.
    pub(crate) fn new(trust: Trust, host: &str, patience: Patience) -> Self {
        let plain = trust.is_plain(host).then(|| host.to_owned());
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(patience.wait));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(trust.tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Self { client, plain, named: trust.plain, patience }
    }

    /// The scheme that the registry is asked by.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.plain.is_some() { "http" } else { "https" }
    }

    /// Whether this address may be asked at all. A registry elsewhere does not lead to the machine's own services.
    pub(crate) fn may_ask(&self, url: &Uri) -> bool {
        let host = authority(url);
        if host.is_empty() || host.contains('@') {
            return false;
        }
        let registry_is_here = self.plain.as_deref().is_some_and(is_loopback);
        match url.scheme_str() {
            Some("https") => true,
            Some("http") => {
                self.named.as_deref() == Some(host)
                    || self.plain.as_deref() == Some(host)
                    || (registry_is_here && is_loopback(host))
            }
            _ => false,
        }
    }

    /// Asks, and gives the head of the answer. No redirect is followed.
    pub(crate) async fn get(
        &self,
        url: &Uri,
        accept: &str,
        authorization: Option<HeaderValue>,
    ) -> Result<Response<Incoming>, RegistryFault> {
        let host = authority(url).to_owned();
        let unreached = |reason: String| RegistryFault::Unreached { host: host.clone(), reason };
        if !self.may_ask(url) {
            return Err(unreached("it may not be asked without TLS".to_owned()));
        }
        let mut request = Request::get(url.clone())
            .header(header::ACCEPT, accept)
            .header(header::USER_AGENT, USER_AGENT);
        if let Some(value) = authorization {
            request = request.header(header::AUTHORIZATION, value);
        }
        let request =
            request.body(Empty::new()).map_err(|error| unreached(words(&error.to_string())))?;
        match tokio::time::timeout(self.patience.wait, self.client.request(request)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(unreached(words(&chain(&error)))),
            Err(_) => Err(RegistryFault::Silent(host.clone(), self.patience.wait.as_secs())),
        }
    }
}

/// Host and port of an address, or nothing.
pub(crate) fn authority(url: &Uri) -> &str {
    url.authority().map(http::uri::Authority::as_str).unwrap_or_default()
}

/// An error with its causes; hyper's own words alone say little.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = cause.source();
    }
    text
}
