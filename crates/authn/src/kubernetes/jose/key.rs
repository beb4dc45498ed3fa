//! Public keys and what verifies with them: the key's type decides which algorithms are thinkable, the
//! token or certificate only chooses among those.
//! Where keys come from is not known here, but for the PEM files of `--service-account-key-file`.
//!
//! Hostile input: JWS algorithms are matched against RFC 7518's names for the key's own type; a token never
//! chooses a key's type. RSA keys are bounded to 1,024–8,192 bits as Go and aws-lc have it.

use crate::kubernetes::base64url;
use crate::kubernetes::explanation::{Reason, shown};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{self, UnparsedPublicKey};
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::SubjectPublicKeyInfo;

/// A public key that may verify tokens or certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicKey {
    /// RSA, modulus and exponent without leading zeros.
    Rsa {
        /// The modulus.
        modulus: Vec<u8>,
        /// The public exponent.
        exponent: Vec<u8>,
    },
    /// A point on one of the NIST curves, uncompressed.
    Ec {
        /// The curve.
        curve: Curve,
        /// `04 || x || y`.
        point: Vec<u8>,
    },
    /// Ed25519, for certificates alone.
    Ed25519(Vec<u8>),
}

/// The curves that JWS and Go's X.509 share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Curve {
    /// P-256.
    P256,
    /// P-384.
    P384,
    /// P-521.
    P521,
}

/// A hash under a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

/// How an RSA signature is padded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RsaPadding {
    Pkcs1,
    Pss,
}

const OID_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const OID_EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const OID_ED25519: &[u8] = &[0x2b, 0x65, 0x70];

impl Curve {
    /// Bytes of a coordinate.
    pub(crate) fn coordinate_bytes(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    fn oid(self) -> &'static [u8] {
        match self {
            Self::P256 => &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
            Self::P384 => &[0x2b, 0x81, 0x04, 0x00, 0x22],
            Self::P521 => &[0x2b, 0x81, 0x04, 0x00, 0x23],
        }
    }
}

impl PublicKey {
    /// A SubjectPublicKeyInfo as Go's `ParsePKIXPublicKey` takes it.
    pub fn from_spki(der: &[u8]) -> Option<Self> {
        let (rest, spki) = SubjectPublicKeyInfo::from_der(der).ok()?;
        rest.is_empty().then(|| Self::from_parsed_spki(&spki))?
    }

    pub(crate) fn from_parsed_spki(spki: &SubjectPublicKeyInfo<'_>) -> Option<Self> {
        let parameters = spki.algorithm.parameters.as_ref();
        if spki.subject_public_key.unused_bits != 0 {
            return None;
        }
        let data = spki.subject_public_key.data.as_ref();
        match spki.algorithm.algorithm.as_bytes() {
            OID_RSA => {
                // Go insists on the NULL that RFC 3279 asks for.
                let null = parameters.is_some_and(|p| p.tag().0 == 5 && p.data.is_empty());
                let (_, key) = x509_parser::public_key::RSAPublicKey::from_der(data).ok()?;
                null.then(|| Self::rsa(key.modulus, key.exponent))?
            }
            OID_EC => {
                let curve = parameters?.as_bytes();
                let curve = [Curve::P256, Curve::P384, Curve::P521]
                    .into_iter()
                    .find(|known| known.oid() == curve)?;
                Self::ec(curve, data)
            }
            OID_ED25519 => {
                (parameters.is_none() && data.len() == 32).then(|| Self::Ed25519(data.to_vec()))
            }
            _ => None,
        }
    }

    /// An RSA key; `None` unless both numbers are positive.
    pub(crate) fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        let (modulus, exponent) = (trimmed(modulus), trimmed(exponent));
        (!modulus.is_empty() && !exponent.is_empty())
            .then(|| Self::Rsa { modulus: modulus.to_vec(), exponent: exponent.to_vec() })
    }

    /// An uncompressed point, checked to lie on its curve.
    pub(crate) fn ec(curve: Curve, point: &[u8]) -> Option<Self> {
        if point.len() != 1 + 2 * curve.coordinate_bytes() || point[0] != 4 {
            return None;
        }
        let key = Self::Ec { curve, point: point.to_vec() };
        signature::ParsedPublicKey::new(ec_algorithm(curve, Hash::Sha256), key.spki()).ok()?;
        Some(key)
    }

    /// The SubjectPublicKeyInfo as Go's `MarshalPKIXPublicKey` writes it.
    pub fn spki(&self) -> Vec<u8> {
        let (algorithm, bits) = match self {
            Self::Rsa { modulus, exponent } => (
                [tlv(6, OID_RSA), tlv(5, &[])].concat(),
                tlv(0x30, &[integer(modulus), integer(exponent)].concat()),
            ),
            Self::Ec { curve, point } => {
                ([tlv(6, OID_EC), tlv(6, curve.oid())].concat(), point.clone())
            }
            Self::Ed25519(key) => (tlv(6, OID_ED25519), key.clone()),
        };
        let bits = tlv(3, &[&[0], bits.as_slice()].concat());
        tlv(0x30, &[tlv(0x30, &algorithm), bits].concat())
    }

    /// The key id that the API server derives for service account keys: the SHA-256 of the key's DER.
    pub fn derived_key_id(&self) -> String {
        base64url::encode(digest(&SHA256, &self.spki()).as_ref())
    }

    /// Verifies a JWS signature (RFC 7518 section 3).
    pub(super) fn verify_jws(
        &self,
        algorithm: &str,
        signed: &[u8],
        signature: &[u8],
    ) -> Result<(), Reason> {
        let refused = || Reason::AlgorithmRefused { algorithm: shown(algorithm) };
        let hash = match algorithm.get(2..) {
            Some("256") => Hash::Sha256,
            Some("384") => Hash::Sha384,
            Some("512") => Hash::Sha512,
            _ => return Err(refused()),
        };
        let holds = match (self, &algorithm[..2]) {
            (Self::Rsa { .. }, "RS") => self.verify_rsa(RsaPadding::Pkcs1, hash, signed, signature),
            (Self::Rsa { .. }, "PS") => self.verify_rsa(RsaPadding::Pss, hash, signed, signature),
            (Self::Ec { .. }, "ES") => {
                // go-jose takes the length from the algorithm and does not compare the key's curve.
                let half = match hash {
                    Hash::Sha256 => 32,
                    Hash::Sha384 => 48,
                    Hash::Sha512 => 66,
                };
                signature.len() == 2 * half && {
                    let (r, s) = signature.split_at(half);
                    self.verify_ec(hash, signed, &tlv(0x30, &[integer(r), integer(s)].concat()))
                }
            }
            _ => return Err(refused()),
        };
        if holds { Ok(()) } else { Err(Reason::SignatureWrong) }
    }

    /// Verifies an RSA signature.
    pub(crate) fn verify_rsa(
        &self,
        padding: RsaPadding,
        hash: Hash,
        signed: &[u8],
        signature: &[u8],
    ) -> bool {
        use {Hash::*, RsaPadding::*};
        let Self::Rsa { modulus, .. } = self else { return false };
        let algorithm = match (padding, hash, modulus.len() >= 256) {
            (Pkcs1, Sha256, true) => &signature::RSA_PKCS1_2048_8192_SHA256,
            (Pkcs1, Sha384, true) => &signature::RSA_PKCS1_2048_8192_SHA384,
            (Pkcs1, Sha512, true) => &signature::RSA_PKCS1_2048_8192_SHA512,
            (Pss, Sha256, true) => &signature::RSA_PSS_2048_8192_SHA256,
            (Pss, Sha384, true) => &signature::RSA_PSS_2048_8192_SHA384,
            (Pss, Sha512, true) => &signature::RSA_PSS_2048_8192_SHA512,
            // Go still takes 1,024 bits; aws-lc has these two for them.
            (Pkcs1, Sha256, false) => &signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
            (Pkcs1, Sha512, false) => &signature::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
            _ => return false,
        };
        UnparsedPublicKey::new(algorithm, self.spki()).verify(signed, signature).is_ok()
    }

    /// Verifies an ECDSA signature in DER.
    pub(crate) fn verify_ec(&self, hash: Hash, signed: &[u8], signature: &[u8]) -> bool {
        let Self::Ec { curve, .. } = self else { return false };
        let algorithm = ec_algorithm(*curve, hash);
        UnparsedPublicKey::new(algorithm, self.spki()).verify(signed, signature).is_ok()
    }

    /// Verifies an Ed25519 signature.
    pub(crate) fn verify_ed25519(&self, signed: &[u8], signature: &[u8]) -> bool {
        let Self::Ed25519(key) = self else { return false };
        UnparsedPublicKey::new(&signature::ED25519, key).verify(signed, signature).is_ok()
    }
}

fn ec_algorithm(curve: Curve, hash: Hash) -> &'static signature::EcdsaVerificationAlgorithm {
    use {Curve::*, Hash::*};
    match (curve, hash) {
        (P256, Sha256) => &signature::ECDSA_P256_SHA256_ASN1,
        (P256, Sha384) => &signature::ECDSA_P256_SHA384_ASN1,
        (P256, Sha512) => &signature::ECDSA_P256_SHA512_ASN1,
        (P384, Sha256) => &signature::ECDSA_P384_SHA256_ASN1,
        (P384, Sha384) => &signature::ECDSA_P384_SHA384_ASN1,
        (P384, Sha512) => &signature::ECDSA_P384_SHA512_ASN1,
        (P521, Sha256) => &signature::ECDSA_P521_SHA256_ASN1,
        (P521, Sha384) => &signature::ECDSA_P521_SHA384_ASN1,
        (P521, Sha512) => &signature::ECDSA_P521_SHA512_ASN1,
    }
}

fn trimmed(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

/// A DER value of a tag.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut der = vec![tag];
    let length = content.len().to_be_bytes();
    match (content.len(), trimmed(&length)) {
        (short @ 0..=0x7f, _) => der.push(short.to_be_bytes()[length.len() - 1]),
        (_, long) => {
            // At most eight bytes of length, so the count fits.
            der.push(0x80 | long.len().to_be_bytes()[length.len() - 1]);
            der.extend_from_slice(long);
        }
    }
    der.extend_from_slice(content);
    der
}

/// A DER INTEGER of an unsigned number.
fn integer(number: &[u8]) -> Vec<u8> {
    let number = trimmed(number);
    let sign = number.first().is_none_or(|byte| *byte >= 0x80);
    let zero: &[u8] = if sign { &[0] } else { &[] };
    tlv(2, &[zero, number].concat())
}

/// The keys of `--service-account-key-file`, each with its derived key id.
#[derive(Debug, Clone, Default)]
pub struct PublicKeys(Vec<(String, PublicKey)>);

/// A file of public keys that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPublicKeys {
    /// A block holds no RSA or ECDSA public key.
    #[error(
        "PEM block {block} is not an RSA or ECDSA public key or certificate; private keys are refused, \
         `openssl pkey -pubout` makes the public one"
    )]
    Block {
        /// Its number, from 1.
        block: usize,
    },
    /// Nothing at all.
    #[error("there is no public key in it")]
    Empty,
}

impl PublicKeys {
    /// Reads PEM.
    pub fn from_pem(pem: &[u8]) -> Result<Self, InvalidPublicKeys> {
        let mut keys = Vec::new();
        for (number, block) in x509_parser::pem::Pem::iter_from_buffer(pem).enumerate() {
            let invalid = InvalidPublicKeys::Block { block: number + 1 };
            let Ok(block) = block else { return Err(invalid) };
            let key = PublicKey::from_spki(&block.contents).or_else(|| {
                let (_, certificate) =
                    x509_parser::certificate::X509Certificate::from_der(&block.contents).ok()?;
                PublicKey::from_parsed_spki(certificate.public_key())
            });
            match key {
                Some(key @ (PublicKey::Rsa { .. } | PublicKey::Ec { .. })) => {
                    keys.push((key.derived_key_id(), key));
                }
                _ => return Err(invalid),
            }
        }
        if keys.is_empty() { Err(InvalidPublicKeys::Empty) } else { Ok(Self(keys)) }
    }

    /// Takes over keys.
    pub fn new(keys: impl IntoIterator<Item = PublicKey>) -> Self {
        Self(keys.into_iter().map(|key| (key.derived_key_id(), key)).collect())
    }

    /// The keys of an id; all of them for a token that names none.
    pub(crate) fn candidates(&self, key_id: &str) -> impl Iterator<Item = &PublicKey> {
        self.0.iter().filter(move |(id, _)| key_id.is_empty() || id == key_id).map(|(_, key)| key)
    }
}
