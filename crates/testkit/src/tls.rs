//! TLS for doubles and clients: a certificate authority that lives as long as a test, and what a client
//! trusts. It knows no protocol above TLS.

use anyhow::Context;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme};
use std::sync::Arc;

/// Which server a client takes for the right one.
#[derive(Debug, Clone)]
pub enum Trust {
    /// No TLS: the address begins with `http://`.
    Plain,
    /// PEM certificates: the server's chain must end at one of them, or its own must be one of them
    /// (a hub that made its certificate itself is trusted by that certificate).
    Pem(String),
}

/// A server certificate for the loopback addresses, and the authority that signed it.
#[derive(Debug)]
pub struct TestTls {
    /// The authority, for clients.
    pub ca_pem: String,
    /// For a TLS server that speaks HTTP/1.1.
    pub server: Arc<ServerConfig>,
}

impl TestTls {
    /// Makes an authority and a certificate of it for `127.0.0.1`, `::1` and `localhost`.
    pub fn new() -> anyhow::Result<Self> {
        let mut ca = rcgen::CertificateParams::new(Vec::new())?;
        ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        ca.distinguished_name.push(rcgen::DnType::CommonName, "sallyport testkit");
        let ca_key = rcgen::KeyPair::generate()?;
        let ca_certificate = ca.self_signed(&ca_key)?;
        let issuer = rcgen::Issuer::new(ca, ca_key);

        let names = ["127.0.0.1", "::1", "localhost"].map(str::to_owned);
        let key = rcgen::KeyPair::generate()?;
        let certificate = rcgen::CertificateParams::new(names)?.signed_by(&key, &issuer)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut server = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)?;
        server.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { ca_pem: ca_certificate.pem(), server: Arc::new(server) })
    }
}

impl Trust {
    /// The client's side; `None` without TLS. Only HTTP/1.1 is offered, since upgrades need it.
    pub fn client_config(&self) -> anyhow::Result<Option<Arc<ClientConfig>>> {
        self.client_config_as(None)
    }

    /// The same for a client that shows a certificate: its chain and its key in PEM.
    pub fn client_config_as(
        &self,
        identity: Option<(&str, &str)>,
    ) -> anyhow::Result<Option<Arc<ClientConfig>>> {
        let Self::Pem(pem) = self else { return Ok(None) };
        let pinned: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes())
            .collect::<Result<_, _>>()
            .context("the trusted certificates are not PEM")?;
        anyhow::ensure!(!pinned.is_empty(), "the file of trusted certificates holds none");
        let mut roots = RootCertStore::empty();
        for certificate in &pinned {
            roots.add(certificate.clone())?;
        }
        let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
            .build()
            .context("the trusted certificates cannot be used")?;
        let verifier = ChainOrPinned { chain, pinned, provider: provider() };
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match identity {
            Some((chain, key)) => {
                let chain = CertificateDer::pem_slice_iter(chain.as_bytes());
                let chain = chain.collect::<Result<_, _>>().context("the chain is not PEM")?;
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes());
                builder.with_client_auth_cert(chain, key.context("the key is not PEM")?)?
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Some(Arc::new(config)))
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// Accepts exactly the pinned certificates, whatever names they carry, and what WebPKI accepts.
#[derive(Debug)]
struct ChainOrPinned {
    chain: Arc<WebPkiServerVerifier>,
    pinned: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for ChainOrPinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.pinned.iter().any(|pinned| pinned == end_entity) {
            return Ok(ServerCertVerified::assertion());
        }
        self.chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
