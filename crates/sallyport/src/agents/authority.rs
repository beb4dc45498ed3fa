//! The hub's own authority of agents, in two files of its directory, for whoever has none to name.
//! Who may have a certificate, and that it is recorded, is `admin`'s to know.
//!
//! The key signs agents' certificates and nothing else is trusted by it: whoever reads it may send traffic in the name
//! of any node, and see none.

use crate::tls::write_private;
use anyhow::Context;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use std::path::{Path, PathBuf};
use std::time::Duration;
use traffic::AgentName;

const CERTIFICATE: &str = "agents-ca.pem";
const KEY: &str = "agents-ca.key";
const NAME: &str = "Sallyport agents";
/// An authority that ends takes all agents with it.
const LIFETIME: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// See the module.
pub(crate) struct OwnAuthority {
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its key, as PEM.
pub(crate) struct Issued {
    pub(crate) certificate: String,
    pub(crate) key: model::Secret,
}

impl OwnAuthority {
    pub(crate) fn certificate_file(directory: &Path) -> PathBuf {
        directory.join(CERTIFICATE)
    }

    /// Takes the authority that is there, or makes one.
    pub(crate) fn open_or_make(directory: &Path) -> anyhow::Result<Self> {
        let (certificate, key) = (directory.join(CERTIFICATE), directory.join(KEY));
        if key.exists() && certificate.exists() {
            let pem = std::fs::read_to_string(&key)
                .with_context(|| format!("{} cannot be read", key.display()))?;
            let pair = KeyPair::from_pem(&pem)
                .with_context(|| format!("{} holds no key", key.display()))?;
            return Ok(Self { issuer: Issuer::new(of_authority(), pair) });
        }
        anyhow::ensure!(
            !key.exists() && !certificate.exists(),
            "of {} and {} one is missing: put it back, or remove the other for a new authority, which no agent has yet",
            certificate.display(),
            key.display()
        );
        let pair = KeyPair::generate()?;
        let mut authority = of_authority();
        hold(&mut authority, LIFETIME)?;
        let signed = authority.self_signed(&pair)?;
        write_private(&key, pair.serialize_pem().as_bytes())?;
        std::fs::write(&certificate, signed.pem())
            .with_context(|| format!("{} cannot be written", certificate.display()))?;
        Ok(Self { issuer: Issuer::new(of_authority(), pair) })
    }

    /// Signs a new certificate for an agent, which holds from now on.
    pub(crate) fn issue(&self, name: &AgentName, lifetime: Duration) -> anyhow::Result<Issued> {
        let mut leaf = CertificateParams::default();
        leaf.distinguished_name.push(DnType::CommonName, "Sallyport agent");
        leaf.subject_alt_names = vec![SanType::URI(name.to_string().try_into()?)];
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        leaf.is_ca = IsCa::ExplicitNoCa;
        hold(&mut leaf, lifetime)?;
        let pair = KeyPair::generate()?;
        let certificate = leaf.signed_by(&pair, &self.issuer)?.pem();
        Ok(Issued { certificate, key: model::Secret::new(pair.serialize_pem()) })
    }
}

/// What makes the issuer the same after a restart: its name, and how its key is identified.
fn of_authority() -> CertificateParams {
    let mut authority = CertificateParams::default();
    authority.distinguished_name.push(DnType::CommonName, NAME);
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    authority
}

/// Makes a certificate hold from now on.
fn hold(certificate: &mut CertificateParams, lifetime: Duration) -> anyhow::Result<()> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let now = rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(now.as_secs());
    certificate.not_before = now;
    certificate.not_after = now + lifetime;
    Ok(())
}
