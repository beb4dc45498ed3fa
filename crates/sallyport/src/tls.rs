//! The hub's own TLS: certificate and key from files, reloaded when they change, or made for a demonstration.
//! Which names the certificate must have is the operator's; the demonstration's are the origins'.

use anyhow::{Context, bail};
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

/// Said to whoever configures none.
pub(crate) const NEEDED: &str = "the hub serves TLS only: set `tls.certificate` and `tls.key`, or \
    --self-signed for a demonstration";
/// A renewed certificate is in use after this long.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(10);

/// The certificate in use, exchanged without dropping a connection.
#[derive(Debug)]
pub(crate) struct Certificate {
    current: RwLock<Arc<CertifiedKey>>,
    certificate: PathBuf,
    key: PathBuf,
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // Writers only swap the pointer, so a poisoned lock holds a whole one.
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Certificate {
    /// Reads certificate and key.
    pub(crate) fn open(certificate: &Path, key: &Path) -> anyhow::Result<Arc<Self>> {
        let current = RwLock::new(read(certificate, key)?);
        Ok(Arc::new(Self { current, certificate: certificate.to_owned(), key: key.to_owned() }))
    }

    /// Looks for changed files for as long as the hub lives. A broken pair is told once, and the old one
    /// stays.
    pub(crate) async fn keep(self: Arc<Self>, look_every: Duration) {
        let mut seen = self.changed_at();
        loop {
            tokio::time::sleep(look_every).await;
            let now = self.changed_at();
            if now == seen {
                continue;
            }
            seen = now;
            match self.reload() {
                Ok(()) => {
                    tracing::info!(file = %self.certificate.display(), "the certificate was reloaded");
                }
                Err(error) => tracing::error!(
                    error = format!("{error:#}"),
                    "the changed certificate is not usable; the old one stays in use"
                ),
            }
        }
    }

    /// Takes what the files hold now, if it is usable.
    pub(crate) fn reload(&self) -> anyhow::Result<()> {
        let fresh = read(&self.certificate, &self.key)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    fn changed_at(&self) -> [Option<SystemTime>; 2] {
        [&self.certificate, &self.key]
            .map(|path| std::fs::metadata(path).and_then(|data| data.modified()).ok())
    }
}

fn read(certificate: &Path, key: &Path) -> anyhow::Result<Arc<CertifiedKey>> {
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| {
            format!("`tls.certificate` {} cannot be read as PEM", certificate.display())
        })?;
    if chain.is_empty() {
        bail!("`tls.certificate` {} holds no certificate", certificate.display());
    }
    let private = PrivateKeyDer::from_pem_file(key)
        .with_context(|| format!("`tls.key` {} cannot be read as PEM", key.display()))?;
    let certified = CertifiedKey::from_der(chain, private, &aws_lc_rs::default_provider())
        .with_context(|| format!("`tls.key` {} does not fit the certificate", key.display()))?;
    Ok(Arc::new(certified))
}

/// TLS 1.2 and 1.3, HTTP/2 before HTTP/1.1.
pub(crate) fn server_config(certificate: Arc<Certificate>) -> anyhow::Result<Arc<ServerConfig>> {
    server_config_with(certificate, Arc::new(aws_lc_rs::default_provider()), None)
}

/// The same with a judge of client certificates.
pub(crate) fn server_config_with(
    certificate: Arc<Certificate>,
    provider: Arc<CryptoProvider>,
    clients: Option<Arc<dyn ClientCertVerifier>>,
) -> anyhow::Result<Arc<ServerConfig>> {
    let builder =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let builder = match clients {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(certificate);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The files of a demonstration's certificate.
pub(crate) struct Demonstration {
    /// To be trusted by browsers and scripts.
    pub(crate) ca: PathBuf,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// Makes a CA and a certificate for `names`, unless they are there and fresh. For demonstrations: the
/// CA's key is thrown away at once, so that nothing else can ever be signed with it.
pub(crate) fn demonstration(directory: &Path, names: &[String]) -> anyhow::Result<Demonstration> {
    let files = Demonstration {
        ca: directory.join("demo-ca.pem"),
        certificate: directory.join("demo-cert.pem"),
        key: directory.join("demo-key.pem"),
    };
    let is_fresh = |path: &Path| {
        std::fs::metadata(path)
            .and_then(|data| data.modified())
            .ok()
            .and_then(|at| at.elapsed().ok())
            .is_some_and(|age| age < Duration::from_secs(7 * 24 * 3600))
    };
    if [&files.ca, &files.certificate, &files.key].into_iter().all(|path| is_fresh(path)) {
        return Ok(files);
    }
    let mut ca = rcgen::CertificateParams::new(Vec::new())?;
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(0));
    ca.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
    ca.distinguished_name.push(rcgen::DnType::CommonName, "Sallyport demonstration (throw-away)");
    ca.not_before = rcgen::date_time_ymd(2025, 1, 1);
    ca.not_after = rcgen::date_time_ymd(2035, 1, 1);
    let ca_key = rcgen::KeyPair::generate()?;
    let ca_certificate = ca.self_signed(&ca_key)?;
    let issuer = rcgen::Issuer::new(ca, ca_key);
    let mut leaf = rcgen::CertificateParams::new(names.to_vec())?;
    leaf.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    leaf.not_before = rcgen::date_time_ymd(2025, 1, 1);
    leaf.not_after = rcgen::date_time_ymd(2035, 1, 1);
    let leaf_key = rcgen::KeyPair::generate()?;
    let leaf_certificate = leaf.signed_by(&leaf_key, &issuer)?;
    write_private(&files.key, leaf_key.serialize_pem().as_bytes())?;
    std::fs::write(&files.certificate, leaf_certificate.pem())?;
    std::fs::write(&files.ca, ca_certificate.pem())?;
    Ok(files)
}

/// Writes a file that only its owner may read.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("{} cannot be written", path.display()))?;
    file.write_all(content)?;
    file.sync_all()?;
    Ok(())
}
