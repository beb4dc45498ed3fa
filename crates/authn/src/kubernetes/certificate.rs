//! X.509 certificates (RFC 5280) as Go's `crypto/x509` reads them, as far as a verdict on a client needs.
//! Which chain is trusted is judged in `chain`; who the subject is to Kubernetes, in `client_certificate`.
//!
//! The structure is taken apart by `x509-parser`; names and extensions are read by Go's rules on top of it.
//! `rustls-webpki` would verify chains by rules of its own (no certificates of version 1, no root that is
//! its own leaf, other treatment of key usages), and does not give out subjects.
//!
//! Hostile input: whoever opens a TLS connection sends certificates. Each is bounded by
//! [`CERTIFICATE_BYTES_MAX`]; what Go would refuse to parse, which ends the TLS handshake, is refused here.

mod chain;
mod constraints;
mod envelope;
mod name;

pub(super) use chain::verify_client;
pub(super) use name::Attribute;

use super::explanation::shown;
use super::jose::{Hash, PublicKey, RsaPadding};
use constraints::{AlternativeNames, NameConstraints};
use model::Timestamp;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer as _;
use x509_parser::signature_algorithm::SignatureAlgorithm;

/// rustls and Go both read handshake messages of at most 64 KiB.
pub const CERTIFICATE_BYTES_MAX: usize = 64 << 10;

/// A certificate, taken apart.
#[derive(Debug, Clone)]
pub struct Certificate {
    pub(super) der: Vec<u8>,
    signed: Vec<u8>,
    signature: Vec<u8>,
    signed_with: Option<SignedWith>,
    version: u32,
    issuer: Vec<u8>,
    issuer_shown: String,
    subject: Vec<u8>,
    pub(super) attributes: Vec<Attribute>,
    not_before: Timestamp,
    not_after: Timestamp,
    spki: Vec<u8>,
    key: Option<PublicKey>,
    /// Whether it may sign certificates, and how many may stand between; `None` without the extension.
    basic: Option<(bool, Option<u32>)>,
    may_sign_certificates: bool,
    usages: Option<Usages>,
    alternative_names_der: Option<Vec<u8>>,
    alternative_names: AlternativeNames,
    constraints: NameConstraints,
    subject_key_id: Vec<u8>,
    authority_key_id: Vec<u8>,
    requires_policy: bool,
    critical_unknown: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SignedWith {
    Rsa(RsaPadding, Hash),
    Ecdsa(Hash),
    Ed25519,
}

#[derive(Debug, Clone, Copy)]
struct Usages {
    any: bool,
    client: bool,
}

/// The bytes are not a certificate that Go would read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidCertificate(pub(super) &'static str);

impl Certificate {
    /// Reads DER.
    pub fn from_der(der: &[u8]) -> Result<Self, InvalidCertificate> {
        if der.len() > CERTIFICATE_BYTES_MAX {
            return Err(InvalidCertificate("the certificate is longer than 64 KiB"));
        }
        let parsed = x509_parser::certificate::X509Certificate::from_der(der);
        let (rest, parsed) = parsed.map_err(|_| InvalidCertificate("not an X.509 certificate"))?;
        if !rest.is_empty() {
            return Err(InvalidCertificate("there is more than a certificate"));
        }
        if !envelope::is_sound(der) {
            return Err(InvalidCertificate(
                "it is not in DER, or names two algorithms of signature",
            ));
        }
        let tbs = &parsed.tbs_certificate;
        if tbs.version.0 > 2 {
            return Err(InvalidCertificate("its version is unknown"));
        }
        if tbs.raw_serial().first().is_none_or(|byte| *byte >= 0x80) {
            return Err(InvalidCertificate("its serial number is negative"));
        }
        let key = PublicKey::from_parsed_spki(&tbs.subject_pki);
        if key.is_none() && known_key_type(tbs.subject_pki.algorithm.algorithm.as_bytes()) {
            return Err(InvalidCertificate("its public key is malformed"));
        }
        let second = |time: x509_parser::time::ASN1Time| {
            Timestamp::from_micros(time.timestamp().saturating_mul(1_000_000))
        };
        // Issuers are read as strictly as subjects, because a broken one ends Go's handshake as well.
        name::attributes(tbs.issuer.as_raw())?;
        let mut certificate = Self {
            der: der.to_vec(),
            signed: tbs.as_ref().to_vec(),
            signature: right_aligned(&parsed.signature_value)
                .ok_or(InvalidCertificate("its signature is malformed"))?,
            signed_with: signed_with(&parsed),
            version: tbs.version.0 + 1,
            issuer: tbs.issuer.as_raw().to_vec(),
            issuer_shown: shown(&tbs.issuer.to_string()),
            subject: tbs.subject.as_raw().to_vec(),
            attributes: name::attributes(tbs.subject.as_raw())?,
            not_before: second(tbs.validity.not_before),
            not_after: second(tbs.validity.not_after),
            spki: tbs.subject_pki.raw.to_vec(),
            key,
            basic: None,
            may_sign_certificates: true,
            usages: None,
            alternative_names_der: None,
            alternative_names: AlternativeNames::default(),
            constraints: NameConstraints::default(),
            subject_key_id: Vec::new(),
            authority_key_id: Vec::new(),
            requires_policy: false,
            critical_unknown: None,
        };
        let mut seen = std::collections::HashSet::new();
        for extension in tbs.extensions() {
            if !seen.insert(extension.oid.clone()) {
                return Err(InvalidCertificate("it has an extension twice"));
            }
            let known = certificate.take_extension(extension)?;
            if !known && extension.critical && certificate.critical_unknown.is_none() {
                certificate.critical_unknown = Some(extension.oid.to_id_string());
            }
        }
        Ok(certificate)
    }

    /// All certificates of a PEM file, as `--client-ca-file` has them.
    pub fn from_pem_bundle(pem: &[u8]) -> Result<Vec<Self>, InvalidCertificate> {
        let mut certificates = Vec::new();
        for block in x509_parser::pem::Pem::iter_from_buffer(pem) {
            let block = block.map_err(|_| InvalidCertificate("the PEM is broken"))?;
            if block.label == "CERTIFICATE" {
                certificates.push(Self::from_der(&block.contents)?);
            }
        }
        if certificates.is_empty() {
            return Err(InvalidCertificate("there is no CERTIFICATE in the PEM"));
        }
        Ok(certificates)
    }

    /// Takes an extension over; `false` if Go does not understand it (all of it).
    fn take_extension(
        &mut self,
        extension: &x509_parser::extensions::X509Extension<'_>,
    ) -> Result<bool, InvalidCertificate> {
        match extension.parsed_extension() {
            ParsedExtension::KeyUsage(usage) => {
                self.may_sign_certificates = usage.flags == 0 || usage.key_cert_sign();
            }
            ParsedExtension::BasicConstraints(basic) => {
                self.basic = Some((basic.ca, basic.path_len_constraint));
            }
            ParsedExtension::SubjectAlternativeName(names) => {
                self.alternative_names_der = Some(extension.value.to_vec());
                self.alternative_names = AlternativeNames::read(&names.general_names)?;
                return Ok(!self.alternative_names.is_empty());
            }
            ParsedExtension::NameConstraints(constraints) => {
                let (constraints, all) = NameConstraints::read(constraints)?;
                self.constraints = constraints;
                return Ok(all);
            }
            ParsedExtension::ExtendedKeyUsage(usage) => {
                self.usages = Some(Usages { any: usage.any, client: usage.client_auth });
            }
            ParsedExtension::SubjectKeyIdentifier(id) => {
                if extension.critical {
                    return Err(InvalidCertificate("its subject key identifier is critical"));
                }
                self.subject_key_id = id.0.to_vec();
            }
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                if extension.critical {
                    return Err(InvalidCertificate("its authority key identifier is critical"));
                }
                self.authority_key_id =
                    id.key_identifier.as_ref().map(|id| id.0.to_vec()).unwrap_or_default();
            }
            ParsedExtension::AuthorityInfoAccess(_) => {
                if extension.critical {
                    return Err(InvalidCertificate("its authority info access is critical"));
                }
            }
            ParsedExtension::PolicyConstraints(policy) => {
                self.requires_policy = policy.require_explicit_policy.is_some();
            }
            ParsedExtension::CRLDistributionPoints(_)
            | ParsedExtension::CertificatePolicies(_)
            | ParsedExtension::PolicyMappings(_)
            | ParsedExtension::InhibitAnyPolicy(_) => {}
            ParsedExtension::ParseError { .. } => {
                return Err(InvalidCertificate("an extension is malformed"));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The last common name of the subject, as Go takes it.
    pub fn common_name(&self) -> &str {
        self.attributes.iter().rev().find(|a| a.oid == name::COMMON_NAME).map_or("", |a| &a.value)
    }

    /// The URIs among its alternative names.
    pub fn uris(&self) -> &[String] {
        self.alternative_names.uris()
    }

    /// When it begins to hold.
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// Whether its issuer goes by the name of `authority`; whether that signed it, is not said.
    pub(super) fn names_as_issuer(&self, authority: &Self) -> bool {
        self.issuer == authority.subject
    }

    /// When it ends to hold.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    fn is_signed_by(&self, parent: &Self) -> bool {
        // RFC 5280 section 4.2.1.9, with Go's tolerance for certificates older than version 3.
        if parent.version == 3 && parent.basic.is_none()
            || parent.basic.is_some_and(|(authority, _)| !authority)
            || !parent.may_sign_certificates
        {
            return false;
        }
        let (Some(key), Some(signed_with)) = (&parent.key, self.signed_with) else { return false };
        match signed_with {
            SignedWith::Rsa(padding, hash) => {
                key.verify_rsa(padding, hash, &self.signed, &self.signature)
            }
            SignedWith::Ecdsa(hash) => key.verify_ec(hash, &self.signed, &self.signature),
            SignedWith::Ed25519 => key.verify_ed25519(&self.signed, &self.signature),
        }
    }
}

/// The bits of a BIT STRING, aligned to the right as Go takes them; `None` if bits are set that it declares
/// to be unused. Without this a signature would still verify after its count of unused bits was changed.
fn right_aligned(bits: &x509_parser::asn1_rs::BitString<'_>) -> Option<Vec<u8>> {
    let unused = u32::from(bits.unused_bits);
    let data = bits.data.as_ref();
    let last = data.last().copied().unwrap_or_default();
    if unused > 7 || last.trailing_zeros() < unused || (data.is_empty() && unused > 0) {
        return None;
    }
    let mut above = 0;
    let shifted = data.iter().map(|byte| {
        let shifted = (byte >> unused) | above;
        above = byte.checked_shl(8 - unused).unwrap_or(0);
        shifted
    });
    Some(shifted.collect())
}

/// Key types that Go knows and therefore insists on reading.
fn known_key_type(oid: &[u8]) -> bool {
    const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
    const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
    const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
    [RSA, EC, ED25519].contains(&oid)
}

/// The algorithm of the signature; `None` for what Go refuses: MD5, SHA-1, DSA, and what it does not know.
fn signed_with(parsed: &x509_parser::certificate::X509Certificate<'_>) -> Option<SignedWith> {
    use Hash::{Sha256, Sha384, Sha512};
    if let Ok(SignatureAlgorithm::RSASSA_PSS(parameters)) =
        SignatureAlgorithm::try_from(&parsed.signature_algorithm)
    {
        let hash = match parameters.hash_algorithm_oid().to_id_string().as_str() {
            "2.16.840.1.101.3.4.2.1" => Sha256,
            "2.16.840.1.101.3.4.2.2" => Sha384,
            "2.16.840.1.101.3.4.2.3" => Sha512,
            _ => return None,
        };
        let salt = match hash {
            Sha256 => 32,
            Sha384 => 48,
            Sha512 => 64,
        };
        let mask = parameters.mask_gen_algorithm().ok()?;
        let same = mask.hash == *parameters.hash_algorithm_oid();
        return (same && parameters.salt_length() == salt && parameters.trailer_field() == 1)
            .then_some(SignedWith::Rsa(RsaPadding::Pss, hash));
    }
    Some(match parsed.signature_algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.113549.1.1.11" => SignedWith::Rsa(RsaPadding::Pkcs1, Sha256),
        "1.2.840.113549.1.1.12" => SignedWith::Rsa(RsaPadding::Pkcs1, Sha384),
        "1.2.840.113549.1.1.13" => SignedWith::Rsa(RsaPadding::Pkcs1, Sha512),
        "1.2.840.10045.4.3.2" => SignedWith::Ecdsa(Sha256),
        "1.2.840.10045.4.3.3" => SignedWith::Ecdsa(Sha384),
        "1.2.840.10045.4.3.4" => SignedWith::Ecdsa(Sha512),
        "1.3.101.112" if parsed.signature_algorithm.parameters.is_none() => SignedWith::Ed25519,
        _ => return None,
    })
}
