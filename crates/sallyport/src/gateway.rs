//! The gateway's place in the binary: its authenticator from the files that an API server takes, read again when
//! they change, and its TLS, which asks clients for a certificate.
//! What happens to a request is the crate `gateway`'s.
//!
//! Hostile input: the certificates that a TLS client shows. That it holds the key is proved here; whose they
//! are and who trusts them is judged by `authn`, at every request, as by the API server.

use crate::config::{Config, GatewayConfig, WebhookVersion};
use crate::{hub, tls};
use anyhow::Context;
use authn::kubernetes::{
    AnonymousAccess, AuthenticationConfiguration, Authenticator, Certificate, FrontProxy,
    PublicKeys, ServiceAccounts, TokenFile, TokenReviewVersion, Webhook,
};
use gateway::{Beliefs, Gateway, TokenReviewer};
use kube_io::TokenWebhook;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{
    WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Changed files are in use after this long.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// What the configuration describes, and the authority of machines that people sign in from; the error names the file
/// and the fault in it.
pub(crate) async fn beliefs(
    config: &GatewayConfig,
    machines: Option<&Certificate>,
) -> anyhow::Result<Beliefs> {
    let mut authenticator = authenticator(config)?;
    authenticator.machine_roots = machines.filter(|_| config.login).map(|root| vec![root.clone()]);
    let Some(path) = &config.token_webhook else {
        return Ok(Beliefs { authenticator, webhook: None });
    };
    let version = match config.token_webhook_version {
        WebhookVersion::V1 => TokenReviewVersion::V1,
        WebhookVersion::V1Beta1 => TokenReviewVersion::V1Beta1,
    };
    let webhook = TokenWebhook::open(path, version).await;
    let webhook = webhook.with_context(|| format!("`gateway.token_webhook` {}", path.display()))?;
    let kept_for = Duration::from_secs(config.token_webhook_cache_s);
    let reviewer = TokenReviewer::new(webhook, audiences(config), kept_for, hub::random()?);
    Ok(Beliefs { authenticator, webhook: Some(Arc::new(reviewer)) })
}

/// Where clients find the gateway; `None` if there is none.
pub(crate) fn url(config: &Config) -> Option<String> {
    let listen = config.gateway.listen?;
    if let Some(url) = &config.gateway.url {
        return Some(url.clone());
    }
    let origin = config.server.origins.first()?.parse::<http::Uri>().ok()?;
    Some(format!("https://{}:{}", origin.host()?, listen.port()))
}

/// As of the API server: `--api-audiences`, or the issuers of service account tokens.
fn audiences(config: &GatewayConfig) -> Vec<String> {
    let given = &config.api_audiences;
    if given.is_empty() { config.service_account_issuers.clone() } else { given.clone() }
}

fn authenticator(config: &GatewayConfig) -> anyhow::Result<Authenticator> {
    let mut authenticator = Authenticator {
        bootstrap_tokens: config.bootstrap_tokens,
        anonymous: if config.anonymous {
            AnonymousAccess::Everywhere
        } else {
            AnonymousAccess::Disabled
        },
        front_proxy: front_proxy(config)?,
        webhook: config.token_webhook.as_ref().map(|_| Webhook { audiences: audiences(config) }),
        // Its own audiences are the cluster's to know.
        cluster_review: config.token_review.then(|| Webhook { audiences: Vec::new() }),
        ..Authenticator::default()
    };
    if let Some(path) = &config.client_ca {
        authenticator.client_roots = Some(roots("gateway.client_ca", path)?);
    }
    if let (Some(proxy), Some(clients)) = (&authenticator.front_proxy, &authenticator.client_roots)
    {
        anyhow::ensure!(
            !proxy.is_anybody_of(clients),
            "`gateway.front_proxy_ca` and `gateway.client_ca` hold the same authority: everybody with a client \
             certificate could name themselves as they like; give the front proxy an authority of its own or \
             set `gateway.front_proxy_allowed_names`"
        );
    }
    if let Some(path) = &config.token_file {
        let at = || format!("`gateway.token_file` {}", path.display());
        let file = TokenFile::parse(&read("gateway.token_file", path)?).with_context(at)?;
        for note in file.notes() {
            tracing::warn!(file = %path.display(), ?note, "a row of the token file does nothing");
        }
        authenticator.token_file = Some(file);
    }
    let mut pem = Vec::new();
    for path in &config.service_account_keys {
        pem.extend_from_slice(&read("gateway.service_account_keys", path)?);
        pem.push(b'\n');
    }
    if !pem.is_empty() {
        let issuers = config.service_account_issuers.clone();
        let audiences = audiences(config);
        let keys = PublicKeys::from_pem(&pem).context("`gateway.service_account_keys`")?;
        authenticator.service_accounts =
            Some(ServiceAccounts { issuers, keys, audiences, lookup: true });
    }
    if let Some(path) = &config.authentication_config {
        let at = || format!("`gateway.authentication_config` {}", path.display());
        let text = String::from_utf8(read("gateway.authentication_config", path)?);
        let text = text.context("not UTF-8").with_context(at)?;
        let parsed = AuthenticationConfiguration::parse(&text, &config.service_account_issuers)
            .with_context(at)?;
        authenticator.issuers = parsed.issuers;
        if let Some(anonymous) = parsed.anonymous {
            authenticator.anonymous = anonymous;
        }
    }
    Ok(authenticator)
}

fn front_proxy(config: &GatewayConfig) -> anyhow::Result<Option<FrontProxy>> {
    let Some(path) = &config.front_proxy_ca else { return Ok(None) };
    Ok(Some(FrontProxy {
        roots: roots("gateway.front_proxy_ca", path)?,
        allowed_names: config.front_proxy_allowed_names.clone(),
        user_headers: config.front_proxy_user_headers.clone(),
        uid_headers: config.front_proxy_uid_headers.clone(),
        group_headers: config.front_proxy_group_headers.clone(),
        extra_prefixes: config.front_proxy_extra_prefixes.clone(),
    }))
}

fn roots(key: &str, path: &Path) -> anyhow::Result<Vec<Certificate>> {
    let roots = Certificate::from_pem_bundle(&read(key, path)?);
    let roots = roots.with_context(|| format!("`{key}` {}", path.display()))?;
    anyhow::ensure!(!roots.is_empty(), "`{key}` {} holds no certificate", path.display());
    Ok(roots)
}

fn read(key: &str, path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("`{key}` {} cannot be read", path.display()))
}

fn files(config: &GatewayConfig) -> Vec<PathBuf> {
    let single = [
        &config.client_ca,
        &config.token_file,
        &config.authentication_config,
        &config.front_proxy_ca,
    ];
    let named = single.into_iter().flatten().chain(&config.service_account_keys).cloned();
    let webhook = config.token_webhook.iter().flat_map(|path| TokenWebhook::files(path));
    named.chain(webhook).collect()
}

fn changed_at(files: &[PathBuf]) -> Vec<(PathBuf, Option<SystemTime>)> {
    let at = |path: &PathBuf| std::fs::metadata(path).and_then(|data| data.modified()).ok();
    files.iter().map(|path| (path.clone(), at(path))).collect()
}

/// Looks for changed files for as long as the hub lives. A file that is broken is told once, and what was
/// believed before stays.
pub(crate) async fn keep(gateway: Gateway, config: GatewayConfig, machines: Certificate) {
    let mut seen = changed_at(&files(&config));
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        // A webhook's file may name others by now.
        let now = changed_at(&files(&config));
        if now == seen {
            continue;
        }
        seen = now;
        match beliefs(&config, Some(&machines)).await {
            Ok(fresh) => {
                gateway.believe(fresh);
                tracing::info!("the gateway's files were reloaded");
            }
            Err(error) => tracing::error!(
                error = format!("{error:#}"),
                "a changed file of the gateway is not usable; the old ones stay in use"
            ),
        }
    }
}

/// TLS as the hub's, and every client is asked for a certificate.
pub(crate) fn server_config(
    certificate: Arc<tls::Certificate>,
) -> anyhow::Result<Arc<ServerConfig>> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Arc::new(HoldsTheKey(provider.signature_verification_algorithms));
    tls::server_config_with(certificate, provider, Some(verifier))
}

/// Takes any certificate whose key the client proves to hold, and none at all.
#[derive(Debug)]
struct HoldsTheKey(WebPkiSupportedAlgorithms);

impl ClientCertVerifier for HoldsTheKey {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // With hints a client that has another certificate would show none, and be told nothing.
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        // What cannot be read ends the handshake, as in the API server.
        certificates(std::iter::once(end_entity).chain(intermediates))
            .map(|_| ClientCertVerified::assertion())
            .map_err(|_| rustls::CertificateError::BadEncoding.into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

/// Certificates as `authn` reads them.
pub(crate) fn certificates<'a, 'b: 'a>(
    shown: impl Iterator<Item = &'a CertificateDer<'b>>,
) -> Result<Vec<Certificate>, authn::kubernetes::InvalidCertificate> {
    shown.map(|der| Certificate::from_der(der)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_authority_of_clients_and_front_proxy_needs_names() {
        let directory = tempfile::tempdir().unwrap();
        let files = tls::demonstration(directory.path(), &["localhost".to_owned()]).unwrap();
        // Another file with the same certificate is no other authority.
        let copy = directory.path().join("copy.pem");
        std::fs::copy(&files.ca, &copy).unwrap();
        let mut config = GatewayConfig {
            client_ca: Some(files.ca),
            front_proxy_ca: Some(copy),
            ..GatewayConfig::default()
        };
        let refused = authenticator(&config).unwrap_err().to_string();
        assert!(refused.contains("front_proxy_allowed_names"), "{refused}");
        config.front_proxy_allowed_names = vec!["front-proxy-client".to_owned()];
        assert!(authenticator(&config).is_ok());
        config.front_proxy_allowed_names.clear();
        config.client_ca = None;
        assert!(authenticator(&config).is_ok());
    }
}
