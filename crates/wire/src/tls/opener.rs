//! Opens one record with one key at a stated sequence number.
//! Which sequence number, and what to do when a record does not open, is [`super::half`]'s.
//!
//! Specifications: RFC 5246 section 6.2.3.3, RFC 5288, RFC 7905, RFC 8446 section 5.2.
//!
//! Hostile input: plaintext is given only when the tag is right.

use super::suite::Aead as AeadKind;
use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce, UnboundKey};
use std::fmt;
use zeroize::Zeroize;

const TAG_BYTES: usize = 16;
const EXPLICIT_BYTES: usize = 8;
pub(crate) const HEADER_BYTES: usize = 5;

/// How a record's nonce is made.
#[derive(Clone, Copy)]
pub(super) enum Nonces {
    /// TLS 1.2 with GCM: a secret salt, and eight bytes in the record.
    Explicit([u8; 4]),
    /// All others: the secret IV xor the sequence number.
    Counted([u8; 12]),
}

/// A key with which records can be opened.
pub(super) struct Opener {
    key: LessSafeKey,
    nonces: Nonces,
    is_1_3: bool,
}

impl Opener {
    pub(super) fn new(aead: AeadKind, key: &[u8], nonces: Nonces, is_1_3: bool) -> Option<Self> {
        let key = UnboundKey::new(aead.algorithm(), key).ok()?;
        Some(Self { key: LessSafeKey::new(key), nonces, is_1_3 })
    }

    /// What protection adds to each record's plaintext (TLS 1.3: the type byte, and padding if any).
    pub(super) fn overhead_bytes(&self) -> usize {
        match (self.is_1_3, self.nonces) {
            (true, _) => TAG_BYTES + 1,
            (false, Nonces::Explicit(_)) => TAG_BYTES + EXPLICIT_BYTES,
            (false, Nonces::Counted(_)) => TAG_BYTES,
        }
    }

    /// The nonce that a record shows, which most implementations derive from the sequence number.
    pub(super) fn explicit_nonce(&self, record: &[u8]) -> Option<u64> {
        match self.nonces {
            Nonces::Explicit(_) => {
                record.get(HEADER_BYTES..)?.first_chunk().map(|bytes| u64::from_be_bytes(*bytes))
            }
            Nonces::Counted(_) => None,
        }
    }

    /// Opens a whole record into `plain` and gives its content type and length, if the tag is right.
    pub(super) fn open(
        &self,
        sequence: u64,
        record: &[u8],
        plain: &mut Vec<u8>,
    ) -> Option<(u8, usize)> {
        let (header, fragment) = record.split_first_chunk::<HEADER_BYTES>()?;
        let (nonce, sealed) = self.nonce(sequence, fragment)?;
        let (cipher, tag) = sealed.split_at_checked(sealed.len().checked_sub(TAG_BYTES)?)?;
        if plain.len() < cipher.len() {
            plain.resize(cipher.len(), 0);
        }
        let output = plain.get_mut(..cipher.len())?;
        let nonce = Nonce::assume_unique_for_key(nonce);
        let opened = if self.is_1_3 {
            self.key.open_separate_gather(nonce, Aad::from(header), cipher, tag, output)
        } else {
            let mut aad = [0; 13];
            let (numbered, rest) = aad.split_at_mut(8);
            numbered.copy_from_slice(&sequence.to_be_bytes());
            let [high, low] = u16::try_from(cipher.len()).ok()?.to_be_bytes();
            let [kind, major, minor, ..] = *header;
            rest.copy_from_slice(&[kind, major, minor, high, low]);
            self.key.open_separate_gather(nonce, Aad::from(aad), cipher, tag, output)
        };
        opened.ok()?;
        if !self.is_1_3 {
            return Some((header[0], cipher.len()));
        }
        // The last byte that is not zero is the type; before it is the content, after it padding.
        let length = output.iter().rposition(|byte| *byte != 0)?;
        Some((*output.get(length)?, length))
    }

    fn nonce<'a>(&self, sequence: u64, fragment: &'a [u8]) -> Option<([u8; 12], &'a [u8])> {
        let mut nonce = [0; 12];
        match self.nonces {
            Nonces::Explicit(salt) => {
                let (explicit, sealed) = fragment.split_first_chunk::<EXPLICIT_BYTES>()?;
                let (first, last) = nonce.split_at_mut(salt.len());
                first.copy_from_slice(&salt);
                last.copy_from_slice(explicit);
                Some((nonce, sealed))
            }
            Nonces::Counted(iv) => {
                nonce.copy_from_slice(&iv);
                for (byte, number) in nonce.iter_mut().skip(4).zip(sequence.to_be_bytes()) {
                    *byte ^= number;
                }
                Some((nonce, fragment))
            }
        }
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opener(…)")
    }
}

impl Drop for Opener {
    fn drop(&mut self) {
        // The key schedule is wiped by aws-lc itself; the IV is half a secret and ours.
        match &mut self.nonces {
            Nonces::Explicit(salt) => salt.zeroize(),
            Nonces::Counted(iv) => iv.zeroize(),
        }
    }
}
