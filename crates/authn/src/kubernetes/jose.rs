//! Signed tokens (JWS compact serialisation, RFC 7515) as go-jose v2 reads and verifies them, which is what
//! the API server uses for service account tokens and for OpenID Connect alike.
//! Which issuer, audience or time is right is not known here; each kind of token knows its own.
//!
//! Signatures are verified by aws-lc-rs directly and not by a token crate: those validate claims by rules of
//! their own, read headers with another JSON parser than go-jose, and verify over the text as it came,
//! while go-jose verifies over what it decoded and encoded again; each of the three decides some tokens
//! differently. Cryptography stays the library's, only the envelope is read here.
//!
//! Hostile input: a token is bounded by [`TOKEN_BYTES_MAX`]; the algorithm in its header only chooses among
//! those that fit the type of a key that the cluster trusts, so neither `none` nor a public key used as an
//! HMAC secret can verify; keys inside the token (`jwk`, `x5c`) are never used.

mod jwk;
mod key;

pub use jwk::{InvalidKeySet, KeySet};
#[cfg(test)]
pub(super) use key::Curve;
pub(super) use key::{Hash, RsaPadding};
pub use key::{InvalidPublicKeys, PublicKey, PublicKeys};

use super::base64url;
use super::explanation::{Reason, shown};
use super::go_json::{Json, Reading};

/// The API server reads at most 1 MiB of headers and answers 431 beyond that, so no longer token gets there.
pub const TOKEN_BYTES_MAX: usize = 1 << 20;

/// A token taken apart, not verified.
pub(super) struct Jws {
    /// The `kid` of the header, or empty.
    pub(super) key_id: String,
    /// The `alg` of the header, or empty.
    pub(super) algorithm: String,
    critical_unknown: bool,
    payload_is_raw: bool,
    header: Vec<u8>,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl Jws {
    /// Takes a token apart as go-jose's `ParseSigned` does.
    pub(super) fn parse(token: &str) -> Result<Self, Reason> {
        // go-jose drops every white space first, wherever it stands.
        let token: String = token.chars().filter(|c| !go_space(*c)).collect();
        let mut parts = token.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Reason::NotAJwt);
        };
        let decode =
            |part: &str, what| base64url::decode(part).ok_or(Reason::JwtMalformed { what });
        let mut jws = Self {
            key_id: String::new(),
            algorithm: String::new(),
            critical_unknown: false,
            payload_is_raw: false,
            header: decode(header, "header")?,
            payload: decode(payload, "payload")?,
            signature: decode(signature, "signature")?,
        };
        jws.read_header()?;
        Ok(jws)
    }

    fn read_header(&mut self) -> Result<(), Reason> {
        if self.header.is_empty() {
            return Ok(());
        }
        let malformed = |_| Reason::JwtMalformed { what: "header" };
        let header = Json::parse(&self.header, Reading::Jose).map_err(malformed)?;
        let header = header.object(Reading::Jose).map_err(malformed)?;
        let (mut key_id, mut algorithm) = (String::new(), String::new());
        let (mut critical_unknown, mut payload_is_raw) = (false, false);
        for (name, value) in header.members() {
            if value.is_null() {
                continue;
            }
            match name.as_str() {
                "kid" => key_id = value.string().map_err(malformed)?,
                "alg" => algorithm = value.string().map_err(malformed)?,
                "nonce" => drop(value.string().map_err(malformed)?),
                "jwk" => jwk::check_embedded(*value)
                    .map_err(|_| Reason::JwtMalformed { what: "jwk header" })?,
                "x5c" => jwk::check_certificates(*value)
                    .map_err(|_| Reason::JwtMalformed { what: "x5c header" })?,
                _ => value.refuse_doubled_members().map_err(malformed)?,
            }
            match name.as_str() {
                // What cannot be read as a list is found when the signature is verified.
                "crit" => {
                    critical_unknown = value.elements().map_or(true, |names| {
                        names.iter().any(|name| {
                            name.string().is_ok_and(|n| n != "b64")
                                || !matches!(name.string_or_null(), Ok(Some(_)))
                        })
                    });
                }
                "b64" => payload_is_raw = value.boolean_or_null() == Ok(Some(false)),
                _ => {}
            }
        }
        (self.key_id, self.algorithm) = (key_id, algorithm);
        (self.critical_unknown, self.payload_is_raw) = (critical_unknown, payload_is_raw);
        Ok(())
    }

    /// The payload, once a key has verified it.
    pub(super) fn verified_by(&self, key: &PublicKey) -> Result<&[u8], Reason> {
        if self.critical_unknown {
            return Err(Reason::JwtMalformed { what: "crit header" });
        }
        if self.header.is_empty() {
            return Err(Reason::AlgorithmRefused { algorithm: String::new() });
        }
        let mut signed = base64url::encode(&self.header).into_bytes();
        signed.push(b'.');
        if self.payload_is_raw {
            signed.extend_from_slice(&self.payload);
        } else {
            signed.extend_from_slice(base64url::encode(&self.payload).as_bytes());
        }
        key.verify_jws(&self.algorithm, &signed, &self.signature).map(|()| self.payload.as_slice())
    }

    /// Why no key is tried: the header's `kid`, fit to be shown.
    pub(super) fn shown_key_id(&self) -> String {
        shown(&self.key_id)
    }
}

/// The issuer that a token claims before anything is verified, read as the API server reads it to choose an
/// authenticator: by the standard reading, from the text as it came.
pub(super) fn claimed_issuer(token: &str) -> Result<String, Reason> {
    if token.trim_start_matches(go_space).starts_with('{') {
        return Err(Reason::NotAJwt);
    }
    let mut parts = token.split('.');
    let (Some(_), Some(payload), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Reason::NotAJwt);
    };
    let payload = base64url::decode(payload).ok_or(Reason::NotAJwt)?;
    let claims = Json::parse(&payload, Reading::Standard)
        .and_then(|payload| payload.object(Reading::Standard)?.string_field("iss"));
    claims.map_err(|_| Reason::NotAJwt)
}

/// Go's `unicode.IsSpace`, which is Unicode's White_Space as Rust has it.
pub(super) fn go_space(c: char) -> bool {
    c.is_whitespace()
}

#[cfg(test)]
mod tests;
