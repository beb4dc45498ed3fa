//! JSON Web Keys (RFC 7517) as go-jose reads them: the key set of an issuer, and keys inside a token's
//! header, which are only checked for form.
//! Where a key set was fetched from and until when it holds is not known here.
//!
//! Hostile input: one broken key makes go-jose refuse the whole set, and so it is here; a set is bounded by
//! [`KEY_SET_BYTES_MAX`]. Symmetric and private keys are read and can verify nothing.

use super::Jws;
use super::key::{Curve, PublicKey};
use crate::kubernetes::base64url;
use crate::kubernetes::explanation::Reason;
use crate::kubernetes::go_json::{Json, JsonFault, Object, Reading};
use x509_parser::prelude::FromDer as _;

/// Real sets have a few kilobytes; this leaves room for a hundred certificates.
const KEY_SET_BYTES_MAX: usize = 1 << 20;

/// The keys that an issuer publishes.
#[derive(Debug, Clone, Default)]
pub struct KeySet(Vec<Jwk>);

#[derive(Debug, Clone)]
struct Jwk {
    id: String,
    /// `None` for keys that verify nothing here: symmetric, private, or of a curve without use in JWS.
    key: Option<PublicKey>,
}

/// The text is not a key set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeySet {
    /// Not the JSON of a set.
    #[error("the key set is not JSON with a list `keys`")]
    Form,
    /// One key is broken, so that the API server refuses them all.
    #[error("key {number} of the set is broken: {fault}")]
    Key {
        /// Its number, from 1.
        number: usize,
        /// What is wrong.
        fault: &'static str,
    },
    /// Longer than any real set.
    #[error("the key set is longer than {KEY_SET_BYTES_MAX} bytes")]
    TooLong,
}

impl KeySet {
    /// Reads a set.
    pub fn from_json(text: &[u8]) -> Result<Self, InvalidKeySet> {
        if text.len() > KEY_SET_BYTES_MAX {
            return Err(InvalidKeySet::TooLong);
        }
        let form = |_| InvalidKeySet::Form;
        let set = Json::parse(text, Reading::Standard).map_err(form)?;
        let set = set.object(Reading::Standard).map_err(form)?;
        let mut keys = Vec::new();
        for list in set.field("keys") {
            if list.is_null() {
                keys.clear();
                continue;
            }
            keys = list.elements().map_err(form)?;
        }
        let keys = keys.into_iter().enumerate().map(|(at, key)| {
            Jwk::read(key).map_err(|fault| InvalidKeySet::Key { number: at + 1, fault })
        });
        keys.collect::<Result<_, _>>().map(Self)
    }

    /// The payload of a token that one of the keys verifies: those of the token's `kid`, or all of them if it
    /// names none.
    pub(in crate::kubernetes) fn verify<'a>(&self, jws: &'a Jws) -> Result<&'a [u8], Reason> {
        let mut tried = false;
        let mut last = Reason::SignatureWrong;
        for jwk in self.0.iter().filter(|jwk| jws.key_id.is_empty() || jwk.id == jws.key_id) {
            tried = true;
            let Some(key) = &jwk.key else { continue };
            match jws.verified_by(key) {
                Ok(payload) => return Ok(payload),
                Err(reason) => last = reason,
            }
        }
        Err(if tried { last } else { Reason::KeyUnknown { key_id: jws.shown_key_id() } })
    }

    /// The ids of the keys, for people.
    pub fn key_ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|jwk| jwk.id.as_str())
    }
}

type Fault = &'static str;

fn text(object: &Object<'_>, name: &str) -> Result<String, Fault> {
    object.string_field(name).map_err(|_| "a member has the wrong type")
}

/// A member in base64url; `None` if it is missing or empty, as go-jose leaves it.
fn bytes(object: &Object<'_>, name: &str) -> Result<Option<Vec<u8>>, Fault> {
    let encoded = text(object, name)?;
    if encoded.is_empty() {
        return Ok(None);
    }
    base64url::decode(&encoded).map(Some).ok_or("a member is not base64url")
}

impl Jwk {
    fn read(value: Json<'_>) -> Result<Self, Fault> {
        let object = value.object(Reading::Jose).map_err(|_| "not an object, or a member twice")?;
        let id = text(&object, "kid")?;
        for name in ["use", "alg"] {
            text(&object, name)?;
        }
        let certified = match object.entry("x5c") {
            Some(list) if !list.is_null() => {
                certificates(list).map_err(|_| "`x5c` is broken")?.into_iter().next()
            }
            _ => None,
        };
        let private = bytes(&object, "d")?.is_some();
        for name in ["p", "q", "dp", "dq", "qi"] {
            bytes(&object, name)?;
        }
        let key = match text(&object, "kty")?.as_str() {
            "RSA" => {
                let (Some(n), Some(e)) = (bytes(&object, "n")?, bytes(&object, "e")?) else {
                    return Err("an RSA key needs `n` and `e`");
                };
                PublicKey::rsa(&n, &e)
            }
            "EC" => Some(ec(&object)?),
            "oct" => {
                bytes(&object, "k")?.ok_or("a symmetric key needs `k`")?;
                if certified.is_some() {
                    return Err("a symmetric key has no certificate");
                }
                None
            }
            "OKP" => {
                let x = bytes(&object, "x")?;
                if text(&object, "crv")? != "Ed25519" || x.is_none() {
                    return Err("of octet key pairs only Ed25519 is known");
                }
                None
            }
            _ => return Err("its type is unknown"),
        };
        if let (Some(certified), Some(key)) = (&certified, &key)
            && certified != key
        {
            return Err("`x5c` is of another key");
        }
        Ok(Self { id, key: key.filter(|_| !private) })
    }
}

fn ec(object: &Object<'_>) -> Result<PublicKey, Fault> {
    let curve = match text(object, "crv")?.as_str() {
        "P-256" => Curve::P256,
        "P-384" => Curve::P384,
        "P-521" => Curve::P521,
        _ => return Err("its curve is unknown"),
    };
    let (Some(x), Some(y)) = (bytes(object, "x")?, bytes(object, "y")?) else {
        return Err("an EC key needs `x` and `y`");
    };
    if x.len() != curve.coordinate_bytes() || y.len() != curve.coordinate_bytes() {
        return Err("a coordinate has the wrong length");
    }
    PublicKey::ec(curve, &[&[4], x.as_slice(), &y].concat()).ok_or("the point is not on its curve")
}

/// The `jwk` of a token's header: any readable public key; it is never used.
pub(super) fn check_embedded(value: Json<'_>) -> Result<(), Fault> {
    let jwk = Jwk::read(value)?;
    jwk.key.map(|_| ()).ok_or("the embedded key is not a public key")
}

/// The `x5c` of a token's header: readable certificates; they are never used.
pub(super) fn check_certificates(value: Json<'_>) -> Result<(), JsonFault> {
    certificates(value).map(|_| ())
}

fn certificates(value: Json<'_>) -> Result<Vec<PublicKey>, JsonFault> {
    let mut keys = Vec::new();
    for element in value.elements()? {
        let der = base64url::decode_standard(&element.string()?).ok_or(JsonFault::Type)?;
        let (rest, certificate) = x509_parser::certificate::X509Certificate::from_der(&der)
            .map_err(|_| JsonFault::Type)?;
        let key = PublicKey::from_parsed_spki(certificate.public_key());
        keys.push(key.filter(|_| rest.is_empty()).ok_or(JsonFault::Type)?);
    }
    Ok(keys)
}
