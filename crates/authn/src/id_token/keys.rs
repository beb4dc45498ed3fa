//! The keys that sign ID tokens: which one signs, and which ones are published.
//! Where they are kept, and the secret halves, are known to whoever signs.
//!
//! States of a key: published, so that every API server and hub can know it before a token of it appears → signing →
//! published for as long as its last token lives → gone. A new key is made every [`ISSUER_KEY_SIGNS_FOR`].

use super::ID_TOKEN_LASTS_MAX;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::Timestamp;
use serde_json::{Value, json};
use std::time::Duration;

/// A day, as of the keys that sign links: whoever stole one has it for no longer.
pub const ISSUER_KEY_SIGNS_FOR: Duration = Duration::from_secs(24 * 3600);
/// Hubs read new keys within a minute; an API server asks for them when it meets one that it does not know.
pub const ISSUER_KEY_PUBLISHED_BEFORE: Duration = Duration::from_secs(600);
/// Hubs' and API servers' clocks may differ by as much.
const SKEW: Duration = Duration::from_secs(60);
/// An uncompressed point of P-256: 4, then two coordinates of 32 bytes.
const POINT_BYTES: usize = 65;

/// The public half of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerKey {
    id: String,
    point: [u8; POINT_BYTES],
    created_at: Timestamp,
}

impl IssuerKey {
    /// Takes an uncompressed point over; `None` if it is none. Its id is its thumbprint (RFC 7638).
    pub fn new(point: &[u8], created_at: Timestamp) -> Option<Self> {
        let point = <[u8; POINT_BYTES]>::try_from(point).ok().filter(|point| point[0] == 4)?;
        let mut key = Self { id: String::new(), point, created_at };
        let (x, y) = key.coordinates();
        let members = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        key.id = URL_SAFE_NO_PAD.encode(digest(&SHA256, members.as_bytes()));
        Some(key)
    }

    /// The `kid` of its tokens.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn point(&self) -> &[u8] {
        &self.point
    }

    fn coordinates(&self) -> (String, String) {
        let (x, y) = self.point[1..].split_at(POINT_BYTES / 2);
        (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y))
    }

    fn jwk(&self) -> Value {
        let (x, y) = self.coordinates();
        json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": self.id, "use": "sig", "alg": "ES256" })
    }
}

/// The key that signs at `now`: the newest that was published long enough, or the oldest if none was. Newest first.
pub fn signing_key(newest_first: &[IssuerKey], now: Timestamp) -> Option<&IssuerKey> {
    let known = |key: &&IssuerKey| key.created_at.after(ISSUER_KEY_PUBLISHED_BEFORE) <= now;
    newest_first.iter().find(known).or(newest_first.last())
}

/// The keys whose tokens may still hold at `now`, or soon will. Newest first.
pub fn published_keys(
    newest_first: &[IssuerKey],
    now: Timestamp,
) -> impl Iterator<Item = &IssuerKey> {
    let kept = ISSUER_KEY_PUBLISHED_BEFORE + ID_TOKEN_LASTS_MAX + SKEW;
    newest_first.iter().enumerate().filter_map(move |(at, key)| {
        let successor = at.checked_sub(1).and_then(|at| newest_first.get(at));
        let retired = successor.is_some_and(|next| next.created_at.after(kept) <= now);
        (!retired).then_some(key)
    })
}

/// What is published of keys: a JSON Web Key Set (RFC 7517).
pub fn key_set<'k>(keys: impl IntoIterator<Item = &'k IssuerKey>) -> Value {
    json!({ "keys": keys.into_iter().map(IssuerKey::jwk).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(number: u8, at_s: i64) -> IssuerKey {
        let mut point = [number; POINT_BYTES];
        point[0] = 4;
        IssuerKey::new(&point, Timestamp::from_micros(at_s * 1_000_000)).unwrap()
    }

    fn at(at_s: i64) -> Timestamp {
        Timestamp::from_micros(at_s * 1_000_000)
    }

    #[test]
    fn the_first_key_signs_at_once_and_each_later_one_is_known_before() {
        assert_eq!(signing_key(&[], at(0)), None);
        let first = [key(1, 1_000)];
        assert_eq!(signing_key(&first, at(1_000)), Some(&first[0]));
        let two = [key(2, 90_000), key(1, 1_000)];
        for (now, signs, published) in
            [(90_000, 1, 2), (90_599, 1, 2), (90_600, 0, 2), (91_259, 0, 2), (91_260, 0, 1)]
        {
            assert_eq!(signing_key(&two, at(now)), Some(&two[signs]), "{now}");
            assert_eq!(published_keys(&two, at(now)).count(), published, "{now}");
        }
    }

    #[test]
    fn a_point_is_of_one_form() {
        assert!(IssuerKey::new(&[4; 64], at(0)).is_none());
        assert!(IssuerKey::new(&[3; 65], at(0)).is_none());
        assert_ne!(key(1, 0).id(), key(2, 0).id());
        assert_eq!(key(1, 0).id(), key(1, 9).id());
    }

    proptest! {
        #[test]
        fn a_token_can_be_verified_until_its_end_whatever_keys_are_made_meanwhile(
            mut made in proptest::collection::vec(0_i64..400_000, 1..8),
            signed_at in 0_i64..400_000,
            later in 0_i64..600,
        ) {
            made.sort_unstable_by(|one, other| other.cmp(one));
            let keys: Vec<_> =
                made.iter().enumerate().map(|(n, at_s)| key(u8::try_from(n).unwrap(), *at_s)).collect();
            let then: Vec<_> =
                keys.iter().filter(|key| key.created_at <= at(signed_at)).cloned().collect();
            if let Some(signs) = signing_key(&then, at(signed_at)) {
                let now = at(signed_at + later);
                let known: Vec<_> =
                    keys.iter().filter(|key| key.created_at <= now).cloned().collect();
                prop_assert!(published_keys(&known, now).any(|key| key == signs));
            }
        }
    }
}
