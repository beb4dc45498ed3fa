//! How records hang together: the canonical bytes of a record, its hash, and the head of the chain.
//! Pure; where rows come from and where the vault key is kept is known elsewhere.
//!
//! `hash(n) = SHA-256(domain ‖ seq ‖ hash(n-1) ‖ fields)`, each field as its length in 4 bytes (big-endian) and
//! its bytes, the time as 8 bytes. Every part has a fixed or a stated length, so no two different records have
//! the same bytes.

use super::entry::StoredEntry;
use crate::{Result, StoreError};
use aws_lc_rs::digest;

const DOMAIN: &[u8] = b"sallyport audit v1\n";

/// The last record's number and hash; of an empty log, 0 and zeroes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) seq: u64,
    pub(crate) hash: [u8; 32],
}

impl Head {
    pub(crate) const EMPTY: Self = Self { seq: 0, hash: [0; 32] };

    /// The head once `entry` follows.
    pub(crate) fn followed_by(&self, entry: &StoredEntry) -> Self {
        let seq = self.seq + 1;
        let digest = digest::digest(&digest::SHA256, &canonical(seq, &self.hash, entry));
        let mut hash = [0u8; 32];
        hash.copy_from_slice(digest.as_ref());
        Self { seq, hash }
    }

    /// What the vault authenticates.
    pub(crate) fn encoded(&self) -> Vec<u8> {
        [self.seq.to_be_bytes().as_slice(), self.hash.as_slice()].concat()
    }

    pub(crate) fn seq_column(&self) -> Result<i64> {
        i64::try_from(self.seq)
            .map_err(|_| StoreError::corrupt("the audit log's head", "its number is out of range"))
    }
}

/// The bytes that are hashed for one record.
pub(crate) fn canonical(seq: u64, previous: &[u8; 32], entry: &StoredEntry) -> Vec<u8> {
    let texts: usize = entry.texts.iter().map(|text| text.len() + 4).sum();
    let mut bytes = Vec::with_capacity(DOMAIN.len() + 48 + texts);
    bytes.extend_from_slice(DOMAIN);
    bytes.extend_from_slice(&seq.to_be_bytes());
    bytes.extend_from_slice(previous);
    bytes.extend_from_slice(&entry.at.to_be_bytes());
    for text in &entry.texts {
        // A text that was tampered with may be longer than 4 GiB; saturating only makes its hash differ.
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads canonical bytes back. That this can be written at all is what makes them injective.
    fn parse(bytes: &[u8]) -> Option<(u64, [u8; 32], StoredEntry)> {
        let bytes = bytes.strip_prefix(DOMAIN)?;
        let (seq, bytes) = bytes.split_first_chunk::<8>()?;
        let (previous, bytes) = bytes.split_first_chunk::<32>()?;
        let (at, mut bytes) = bytes.split_first_chunk::<8>()?;
        let mut texts: [String; 8] = Default::default();
        for text in &mut texts {
            let (length, rest) = bytes.split_first_chunk::<4>()?;
            let (content, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
            *text = String::from_utf8(content.to_vec()).ok()?;
            bytes = rest;
        }
        let entry = StoredEntry { at: i64::from_be_bytes(*at), texts };
        bytes.is_empty().then_some((u64::from_be_bytes(*seq), *previous, entry))
    }

    fn entries() -> impl Strategy<Value = StoredEntry> {
        let texts =
            proptest::array::uniform8(proptest::string::string_regex("(?s).{0,12}").unwrap());
        (any::<i64>(), texts).prop_map(|(at, texts)| StoredEntry { at, texts })
    }

    proptest! {
        #[test]
        fn the_encoding_is_injective(
            seq in any::<u64>(), previous in any::<[u8; 32]>(), entry in entries(),
        ) {
            let bytes = canonical(seq, &previous, &entry);
            prop_assert_eq!(parse(&bytes), Some((seq, previous, entry)));
        }

        #[test]
        fn moving_a_character_between_fields_changes_the_hash(
            entry in entries(), field in 0usize..7, text in "[a-z]{1,8}",
        ) {
            let head = Head { seq: 4, hash: [9; 32] };
            let (mut left, mut right) = (entry.clone(), entry);
            left.texts[field].push_str(&text);
            right.texts[field + 1].insert_str(0, &text);
            prop_assert_ne!(head.followed_by(&left), head.followed_by(&right));
        }
    }

    #[test]
    fn the_first_hash_is_what_another_program_says() {
        // Python: sha256(domain + pack('>Q', 1) + bytes(32) + pack('>q', 1) + each pack('>I', len(t)) + t)
        let entry = StoredEntry {
            at: 1,
            texts: ["a", "b", "c", "allowed", "", "", "", "{}"].map(str::to_owned),
        };
        let hash: String =
            Head::EMPTY.followed_by(&entry).hash.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hash, "14f242f38a58445eda42b145c598063f3ac47572ac505b56f160a73fcee3cfda");
    }
}
