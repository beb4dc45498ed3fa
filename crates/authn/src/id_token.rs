//! ID tokens (OpenID Connect Core 1.0, section 2) that the hub gives people for an API server itself: what one says, and
//! whether a token is the hub's and holds.
//! Who signs them, and whether the sign-in behind one still holds, is asked elsewhere.
//!
//! A token is for one cluster, by its audience, and names the sign-in that it was given for, so that whoever asks the
//! hub learns of that sign-in's end. An API server that verifies tokens by itself learns of it when the token expires,
//! which is why none lives for longer than [`ID_TOKEN_LASTS_MAX`].
//!
//! Hostile input: any bearer token that somebody sends to an API server. Its length is bounded, its header must say what
//! the hub's own say, ES256 alone, the key is chosen among the hub's by its id, and no claim is read before the signature
//! holds. What is not the hub's is told apart from what is and holds no more: only the latter is worth a record.

mod keys;

pub use keys::{
    ISSUER_KEY_PUBLISHED_BEFORE, ISSUER_KEY_SIGNS_FOR, IssuerKey, key_set, published_keys,
    signing_key,
};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{ClusterName, Identity, Secret, SignInId, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The longest life of a token: an API server that verifies it alone takes it for as long after the sign-in's end.
pub const ID_TOKEN_LASTS_MAX: Duration = Duration::from_secs(600);
/// Hundreds of groups; a request's head has room for it at every API server.
pub const ID_TOKEN_BYTES_MAX: usize = 32 * 1024;

const ALGORITHM: &str = "ES256";
/// Two numbers of 32 bytes (RFC 7518, section 3.4).
const SIGNATURE_BYTES: usize = 64;
/// A key's id is a SHA-256 in base64url; the rest of a header has some 30 letters.
const HEADER_BYTES_MAX: usize = 256;
/// Kubernetes' own groups are given by the cluster, never by a token: an API server would believe them.
const RESERVED: &str = "system:";

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdToken {
    #[serde(rename = "iss")]
    issuer: String,
    #[serde(rename = "sub")]
    user: String,
    #[serde(rename = "aud")]
    audience: String,
    #[serde(rename = "exp")]
    expires_at_s: i64,
    #[serde(rename = "iat")]
    issued_at_s: i64,
    #[serde(rename = "jti")]
    id: String,
    #[serde(rename = "sid")]
    sign_in: String,
    groups: Vec<String>,
}

/// What a token is made of.
#[derive(Debug, Clone)]
pub struct NewIdToken<'a> {
    /// The address of the issuer.
    pub issuer: &'a str,
    /// The cluster whose API server it is for.
    pub cluster: &'a ClusterName,
    /// Who the person is to the gateway.
    pub identity: &'a Identity,
    /// The sign-in that it is given for.
    pub sign_in: &'a SignInId,
    /// Its own id, of random bytes.
    pub id: [u8; 16],
    /// Now.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// The token was not made by this hub, as far as can be told. It is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a token that this hub signed with a key of now")]
pub struct NotOurs;

/// A token of the hub's that does not hold here and now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdTokenFault {
    /// It was given in the name of another address.
    #[error("the token is of another issuer")]
    OtherIssuer,
    /// It is for another cluster's API server.
    #[error("the token is for another cluster")]
    OtherCluster,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    kid: String,
    typ: String,
}

/// The audience of a cluster's API server: its client id, in the words of OpenID Connect.
pub fn id_token_audience(cluster: &ClusterName) -> String {
    format!("cluster:{cluster}")
}

/// The groups that a token may carry: all but Kubernetes' own.
pub fn id_token_groups(identity: &Identity) -> Vec<String> {
    identity.groups.iter().filter(|group| !group.starts_with(RESERVED)).cloned().collect()
}

impl IdToken {
    /// Puts a token together, to be signed. Times are kept in whole seconds; it ends no later than is said.
    pub fn new(new: &NewIdToken<'_>) -> Self {
        Self {
            issuer: new.issuer.to_owned(),
            user: new.identity.user.clone(),
            audience: id_token_audience(new.cluster),
            expires_at_s: seconds(new.expires_at),
            issued_at_s: seconds(new.issued_at),
            id: URL_SAFE_NO_PAD.encode(new.id),
            sign_in: new.sign_in.to_string(),
            groups: id_token_groups(new.identity),
        }
    }

    /// The text that `key` signs, to be completed by [`signed_id_token`].
    pub fn to_be_signed(&self, key: &IssuerKey) -> Result<String, serde_json::Error> {
        let header =
            Header { alg: ALGORITHM.to_owned(), kid: key.id().to_owned(), typ: "JWT".to_owned() };
        let part = |json: Vec<u8>| URL_SAFE_NO_PAD.encode(json);
        Ok(format!("{}.{}", part(serde_json::to_vec(&header)?), part(serde_json::to_vec(self)?)))
    }

    /// Reads a token that one of `keys` signed.
    pub fn verified<'k>(
        token: &Secret,
        keys: impl IntoIterator<Item = &'k IssuerKey>,
    ) -> Result<Self, NotOurs> {
        let token = token.expose();
        if token.len() > ID_TOKEN_BYTES_MAX {
            return Err(NotOurs);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(NotOurs)?;
        let (header, payload) = signed.split_once('.').ok_or(NotOurs)?;
        if header.len() > HEADER_BYTES_MAX || payload.contains('.') {
            return Err(NotOurs);
        }
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| NotOurs);
        let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| NotOurs)?;
        if header.alg != ALGORITHM || header.typ != "JWT" {
            return Err(NotOurs);
        }
        let mut keys = keys.into_iter();
        let key = keys.find(|key| key.id() == header.kid).ok_or(NotOurs)?;
        let mut proof = [0; SIGNATURE_BYTES];
        match URL_SAFE_NO_PAD.decode_slice(signature, &mut proof) {
            Ok(SIGNATURE_BYTES) => {}
            _ => return Err(NotOurs),
        }
        let verifier = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.point());
        verifier.verify(signed.as_bytes(), &proof).map_err(|_| NotOurs)?;
        serde_json::from_slice(&decode(payload)?).map_err(|_| NotOurs)
    }

    /// Whether it holds at `now` for a cluster's API server, in the name of `issuer`.
    pub fn holds(
        &self,
        issuer: &str,
        cluster: &ClusterName,
        now: Timestamp,
    ) -> Result<(), IdTokenFault> {
        if self.issuer != issuer {
            return Err(IdTokenFault::OtherIssuer);
        }
        if self.audience != id_token_audience(cluster) {
            return Err(IdTokenFault::OtherCluster);
        }
        // The second in which it ends is not its own any more, as for an API server.
        if seconds(now) >= self.expires_at_s {
            return Err(IdTokenFault::Expired);
        }
        Ok(())
    }

    /// Its own id, which may be shown and logged.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The user that it names.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The sign-in that it was given for.
    pub fn sign_in(&self) -> Option<SignInId> {
        self.sign_in.parse().ok()
    }

    /// When it ends.
    pub fn expires_at(&self) -> Timestamp {
        Timestamp::from_micros(self.expires_at_s.saturating_mul(1_000_000))
    }
}

/// The whole token, of what was to be signed and its signature.
pub fn signed_id_token(to_be_signed: &str, signature: &[u8]) -> Secret {
    Secret::new(format!("{to_be_signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

fn seconds(time: Timestamp) -> i64 {
    time.as_micros().div_euclid(1_000_000)
}

#[cfg(test)]
mod tests;
