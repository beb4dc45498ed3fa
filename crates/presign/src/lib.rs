//! Presigned links: what a link claims, how it is signed, and how a claim is checked.
//! Pure: the clock, the keys and the randomness are handed in; whether a link was used or revoked is the
//! store's knowledge, and whether its bearer may enter the Pod is the cluster's.
//!
//! Form: `sp1.<key id>.<claims>.<tag>`; claims are JSON in unpadded base64url, the tag is HMAC-SHA256
//! (RFC 2104) over a domain label and everything before the last dot. HMAC and not a public-key
//! signature, because only hubs, which share the key, ever check a link. The whole token travels in the
//! URL's fragment, which browsers do not send (RFC 3986 section 3.5), and so reaches no log.
//!
//! Hostile input: a token is bounded, its tag is compared in constant time before anything in it is
//! read, and its base64 must be canonical, so that no two texts are the same link.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{ContainerPlace, LinkId, Process, Secret, SecretBytes, Timestamp};
use serde::{Deserialize, Serialize};

/// A command of 4 KiB in a name of 253 characters fits twice.
pub const LINK_BYTES_MAX: usize = 12 * 1024;
/// What a command may hold in all: arguments travel in the URL of the exec request.
pub const COMMAND_BYTES_MAX: usize = 4 * 1024;
const VERSION: &str = "sp1";
const DOMAIN: &[u8] = b"sallyport presigned link v1\0";

/// The id of a signing key: 8 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KeyId(String);

/// A key with which links are signed and checked.
#[derive(Debug, Clone)]
pub struct SigningKey {
    id: KeyId,
    secret: SecretBytes,
}

/// What a link says. It is a claim until [`check`] has returned it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// The link's id, by which it is listed and revoked.
    pub id: LinkId,
    /// The user, as Kubernetes knows the person, for whom alone the link holds.
    pub user: String,
    /// Where it leads.
    pub place: ContainerPlace,
    /// What runs there.
    pub process: Process,
    /// From when on it holds no more.
    pub expires_at: Timestamp,
}

/// Why a token is not a link that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkFault {
    /// Not of the form, too long, or not canonical.
    #[error("the link is malformed or was cut short")]
    Malformed,
    /// Signed with a key that no hub holds (any more).
    #[error("the link was signed with a key that is not in use")]
    KeyUnknown,
    /// The tag is not ours: the link was changed or made elsewhere.
    #[error("the signature of the link is wrong")]
    Signature,
    /// Its time is over.
    #[error("the link has expired")]
    Expired,
}

impl KeyId {
    /// The id as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for KeyId {
    type Err = LinkFault;

    fn from_str(text: &str) -> Result<Self, LinkFault> {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() == 8 && text.bytes().all(hex) {
            Ok(Self(text.to_owned()))
        } else {
            Err(LinkFault::Malformed)
        }
    }
}

impl SigningKey {
    /// A new key of 36 random bytes: four for its id, 32 for the secret.
    pub fn from_random(random: [u8; 36]) -> Self {
        let (id, secret) = random.split_at(4);
        let id = id.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { id: KeyId(id), secret: SecretBytes::new(secret) }
    }

    /// A key read back from the store.
    pub fn new(id: KeyId, secret: SecretBytes) -> Self {
        Self { id, secret }
    }

    /// The key's id, which links carry.
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// The key's secret, for the store's vault alone.
    pub fn secret(&self) -> &SecretBytes {
        &self.secret
    }

    /// Signs claims. The result is a secret: whoever holds it is half-way in.
    pub fn sign(&self, claims: &Claims) -> Secret {
        // Serialising strings, numbers and booleans into memory cannot fail.
        let json = serde_json::to_vec(claims).unwrap_or_default();
        let signed = format!("{VERSION}.{}.{}", self.id.0, URL_SAFE_NO_PAD.encode(json));
        let tag = hmac::sign(&self.hmac_key(), &labelled(&signed));
        Secret::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag)))
    }

    fn hmac_key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.secret.expose())
    }
}

/// Checks a token against the keys in use and the time. Says nothing of use, revocation or rights.
pub fn check<'a>(
    token: &Secret,
    keys: impl IntoIterator<Item = &'a SigningKey>,
    now: Timestamp,
) -> Result<Claims, LinkFault> {
    let token = token.expose();
    if token.len() > LINK_BYTES_MAX {
        return Err(LinkFault::Malformed);
    }
    let (signed, tag) = token.rsplit_once('.').ok_or(LinkFault::Malformed)?;
    let mut parts = signed.split('.');
    let (Some(VERSION), Some(key_id), Some(claims), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(LinkFault::Malformed);
    };
    let key_id: KeyId = key_id.parse()?;
    let tag = URL_SAFE_NO_PAD.decode(tag).map_err(|_| LinkFault::Malformed)?;
    let key = keys.into_iter().find(|key| key.id == key_id).ok_or(LinkFault::KeyUnknown)?;
    hmac::verify(&key.hmac_key(), &labelled(signed), &tag).map_err(|_| LinkFault::Signature)?;

    let json = URL_SAFE_NO_PAD.decode(claims).map_err(|_| LinkFault::Malformed)?;
    let claims: Claims = serde_json::from_slice(&json).map_err(|_| LinkFault::Malformed)?;
    if now >= claims.expires_at {
        return Err(LinkFault::Expired);
    }
    Ok(claims)
}

fn labelled(signed: &str) -> Vec<u8> {
    [DOMAIN, signed.as_bytes()].concat()
}

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
#[cfg(test)]
mod tests;
