//! The hub's door for agents: a listener of its own, behind mutual TLS, and the authority that signs agents'
//! certificates. What agents send is the crate `traffic`'s.
//!
//! Deny by default: the handshake ends for whoever shows no certificate, one that is out of date, or one of another
//! authority; one that runs out on a connection which lives on is refused with the next request. Whom a certificate speaks for stands in its one URI name, `sallyport://agent/CLUSTER/NODE`; one without
//! is answered nothing.
//!
//! Hostile input: certificates before the handshake ends are rustls's and webpki's to judge, and read by `authn`.

mod authority;

pub(crate) use authority::OwnAuthority;

use crate::config::Config;
use crate::tls;
use anyhow::Context;
use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use gateway::ClientCertificates;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use traffic::{AgentCertificate, AgentName, Traffic};

/// Where the authority of agents stands: the operator's file, or the one that this hub makes.
pub(crate) fn authority_file(config: &Config) -> PathBuf {
    let own = || OwnAuthority::certificate_file(&config.store.directory);
    config.traffic.agents_ca.clone().unwrap_or_else(own)
}

/// Makes the hub's own authority, unless the operator named one or it is there.
pub(crate) fn prepare(config: &Config) -> anyhow::Result<()> {
    if config.traffic.agents_ca.is_none() {
        OwnAuthority::open_or_make(&config.store.directory)?;
    }
    Ok(())
}

/// TLS with the hub's certificate, for whoever shows one that the authority of agents has signed.
pub(crate) fn server_config(
    certificate: Arc<tls::Certificate>,
    authority: &Path,
) -> anyhow::Result<Arc<ServerConfig>> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let roots = Arc::new(roots(authority)?);
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider))
        .build()
        .context("the authority of agents cannot be used")?;
    tls::server_config_with(certificate, provider, Some(verifier))
}

/// The authorities of a PEM file.
pub(crate) fn roots(file: &Path) -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let shown = file.display();
    let certificates = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("{shown} cannot be read as PEM"))?;
    for certificate in certificates {
        roots.add(certificate).with_context(|| format!("{shown} holds no usable authority"))?;
    }
    anyhow::ensure!(!roots.is_empty(), "{shown} holds no certificate");
    Ok(roots)
}

/// What agents find behind the door.
pub(crate) fn router(traffic: &Traffic) -> Router {
    traffic::agents_router(traffic).layer(middleware::from_fn(name_agent))
}

/// Tells the room whose certificate it was.
async fn name_agent(mut request: Request, next: Next) -> Response {
    let shown = request.extensions().get::<ClientCertificates>();
    let named = shown.and_then(|certificates| {
        let leaf = certificates.0.first()?;
        let (not_before, not_after) = (leaf.not_before(), leaf.not_after());
        Some(AgentCertificate { name: name_in(leaf)?, not_before, not_after })
    });
    if let Some(named) = named {
        request.extensions_mut().insert(named);
    }
    next.run(request).await
}

/// For whom a certificate speaks; one that names two agents speaks for none.
pub(crate) fn name_in(certificate: &authn::kubernetes::Certificate) -> Option<AgentName> {
    match certificate.uris() {
        [name] => name.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
