//! Ids: 128 random bits with a prefix that tells what they name, as in `lnk_01h…`.
//! Randomness is handed in; nothing here knows where it comes from or what the id points to.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

/// Crockford's alphabet in lower case: no letter looks like a digit.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const DIGITS: usize = 26;

/// What an id names; the prefix keeps a link's id from being taken for a terminal's.
pub trait IdKind {
    /// Three letters, without the underscore.
    const PREFIX: &'static str;
}

/// A prefixed 128-bit id, 30 characters long.
pub struct Id<K> {
    text: String,
    kind: PhantomData<fn() -> K>,
}

/// The text is not an id of the expected kind.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is not an id of the form `{prefix}_` and {DIGITS} characters")]
pub struct InvalidId {
    text: String,
    prefix: &'static str,
}

impl<K: IdKind> Id<K> {
    /// Makes an id of 16 random bytes.
    pub fn from_random(random: [u8; 16]) -> Self {
        let mut bits = u128::from_be_bytes(random);
        let mut digits = [0u8; DIGITS];
        for digit in digits.iter_mut().rev() {
            *digit = ALPHABET[(bits & 31) as usize];
            bits >>= 5;
        }
        let mut text = String::with_capacity(K::PREFIX.len() + 1 + DIGITS);
        text.push_str(K::PREFIX);
        text.push('_');
        text.extend(digits.iter().map(|&digit| char::from(digit)));
        Self { text, kind: PhantomData }
    }

    /// The id as it is written everywhere.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl<K: IdKind> FromStr for Id<K> {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let digits = text.strip_prefix(K::PREFIX).and_then(|rest| rest.strip_prefix('_'));
        match digits {
            Some(digits)
                if digits.len() == DIGITS && digits.bytes().all(|b| ALPHABET.contains(&b)) =>
            {
                Ok(Self { text: text.to_owned(), kind: PhantomData })
            }
            _ => Err(InvalidId {
                text: text.chars().take(40).flat_map(char::escape_default).collect(),
                prefix: K::PREFIX,
            }),
        }
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        Self { text: self.text.clone(), kind: PhantomData }
    }
}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}
impl<K> Eq for Id<K> {}
impl<K> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}
impl<K> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
impl<K> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
impl<K> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}
impl<'de, K: IdKind> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

macro_rules! id_kinds {
    ($($(#[$doc:meta])* $alias:ident, $marker:ident, $prefix:literal;)*) => {$(
        #[doc(hidden)]
        pub struct $marker;
        impl IdKind for $marker {
            const PREFIX: &'static str = $prefix;
        }
        $(#[$doc])*
        pub type $alias = Id<$marker>;
    )*};
}

id_kinds! {
    /// A local account.
    AccountId, AccountKind, "acc";
    /// One signed-in browser. The cookie holds a secret; this id may be shown and logged.
    SignInId, SignInKind, "sgn";
    /// A presigned link.
    LinkId, LinkKind, "lnk";
    /// A terminal session, from the second gate to its end.
    TerminalId, TerminalKind, "trm";
    /// A workspace.
    WorkspaceId, WorkspaceKind, "wsp";
    /// One running hub process.
    HubId, HubKind, "hub";
    /// One HTTP request, as told in its response, its problem and the logs.
    RequestId, RequestKind, "req";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_another_kind_is_refused() {
        let id = LinkId::from_random([0xff; 16]);
        assert_eq!(id.as_str(), "lnk_7zzzzzzzzzzzzzzzzzzzzzzzzz");
        assert_eq!(id.as_str().parse::<LinkId>().unwrap(), id);
        assert!(id.as_str().parse::<TerminalId>().is_err());
        for bad in ["", "lnk_", "lnk_7ZZ", "lnk_7zzzzzzzzzzzzzzzzzzzzzzzzi", "lnk_\u{1b}[2J"] {
            assert!(bad.parse::<LinkId>().is_err(), "{bad}");
        }
    }
}
