//! The authority that signs machines' certificates: one for all hubs of a store, its key sealed there.
//! Whether the sign-in behind a certificate holds is asked of the store at every use, so what is signed here is worth
//! nothing alone.

use authn::MachineKey;
use model::{SecretBytes, SignInId, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, SerialNumber, SignatureAlgorithm,
};
use std::time::Duration;
use store::{MachineAuthorityRow, Store, StoreError};

/// Not rotated by itself: its certificates live for an hour and hang on rows that it cannot make. A new one is made
/// when the row of the old one is removed.
const LASTS: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// Hubs' clocks may differ by as much.
const SKEW: Duration = Duration::from_secs(300);
/// The attribute serialNumber, which names the sign-in.
const SERIAL_NUMBER: [u64; 4] = [2, 5, 4, 5];

/// The authority cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MachineAuthorityError {
    /// The store failed.
    #[error("the authority of machines cannot be read")]
    Store(#[from] StoreError),
    /// Its certificate or key cannot be made or used.
    #[error("the authority of machines cannot be used")]
    Certificate(#[from] rcgen::Error),
    /// The operating system has none.
    #[error("the authority of machines cannot be made")]
    NotMade,
}

pub(super) struct MachineAuthority {
    issuer: Issuer<'static, KeyPair>,
    certificate: Vec<u8>,
}

impl MachineAuthority {
    pub(super) async fn open(store: &Store, now: Timestamp) -> Result<Self, MachineAuthorityError> {
        let row = store.machine_authority(|| make(now).ok(), now).await?;
        let row = row.ok_or(MachineAuthorityError::NotMade)?;
        let key = KeyPair::try_from(row.key.expose())?;
        Ok(Self { issuer: Issuer::new(params(now), key), certificate: row.certificate })
    }

    pub(super) fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// A certificate for a machine's key, in PEM.
    pub(super) fn issue(
        &self,
        key: &MachineKey,
        user: &str,
        sign_in: &SignInId,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<String, rcgen::Error> {
        let mut leaf = CertificateParams::default();
        leaf.distinguished_name = DistinguishedName::new();
        leaf.distinguished_name.push(DnType::CommonName, user);
        let serial_number = DnType::CustomDnType(SERIAL_NUMBER.to_vec());
        leaf.distinguished_name.push(serial_number, sign_in.as_str());
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.use_authority_key_identifier_extension = true;
        let mut number: [u8; 16] = http_api::random().map_err(|_| rcgen::Error::RingUnspecified)?;
        number[0] &= 0x7f;
        leaf.serial_number = Some(SerialNumber::from_slice(&number));
        leaf.not_before = rcgen::date_time_ymd(1970, 1, 1) + seconds(now) - SKEW;
        leaf.not_after = rcgen::date_time_ymd(1970, 1, 1) + seconds(expires_at);
        Ok(leaf.signed_by(&Machine(key), &self.issuer)?.pem())
    }
}

fn make(now: Timestamp) -> Result<MachineAuthorityRow, rcgen::Error> {
    let (key, params) = (KeyPair::generate()?, params(now));
    let certificate = params.self_signed(&key)?.der().to_vec();
    Ok(MachineAuthorityRow { certificate, key: SecretBytes::new(key.serialize_der()) })
}

fn params(now: Timestamp) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Sallyport machines");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.not_before = rcgen::date_time_ymd(1970, 1, 1) + seconds(now) - SKEW;
    params.not_after = rcgen::date_time_ymd(1970, 1, 1) + seconds(now) + LASTS;
    params
}

/// Seconds since 1970, which `rcgen`'s own kind of time is counted from here: certificates have no fractions.
fn seconds(time: Timestamp) -> Duration {
    Duration::from_secs(u64::try_from(time.as_micros() / 1_000_000).unwrap_or_default())
}

/// A machine's key as `rcgen` wants it.
struct Machine<'a>(&'a MachineKey);

impl PublicKeyData for Machine<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0.bytes()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}
