//! Sealing what must be secret but recoverable, and authenticating the audit log's head.
//! Where the key comes from (a file, a mounted secret) is known to the binary.

use crate::{Result, StoreError};
use aws_lc_rs::aead::{AES_256_GCM, Aad, RandomizedNonceKey};
use aws_lc_rs::hmac;
use model::SecretBytes;
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The 32 bytes from which the store derives what it seals and authenticates with.
///
/// All hubs on one database share it. Whoever has the database but not this key can neither read the keys that
/// sign links nor cut the audit log's end off unnoticed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct VaultKey([u8; 32]);

impl VaultKey {
    /// Takes 32 random bytes over as the key.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// One key for one purpose, so that no two uses share a key.
    fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        let master = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        let tag = hmac::sign(&master, purpose.as_bytes());
        let mut derived = Zeroizing::new([0u8; 32]);
        derived.copy_from_slice(tag.as_ref());
        derived
    }
}

impl fmt::Debug for VaultKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VaultKey(…)")
    }
}

/// The keys derived from a [`VaultKey`], ready for use.
pub(crate) struct Vault {
    seal: RandomizedNonceKey,
    head: hmac::Key,
    mark: hmac::Key,
    check: hmac::Key,
    redaction: Zeroizing<[u8; 32]>,
}

impl Vault {
    pub(crate) fn new(key: &VaultKey) -> Result<Self> {
        let seal = key.derive("sallyport store seal v1");
        let seal = RandomizedNonceKey::new(&AES_256_GCM, seal.as_slice()).map_err(|_| {
            StoreError::corrupt("the vault key", "the cryptographic library refuses it")
        })?;
        let mac = |purpose| hmac::Key::new(hmac::HMAC_SHA256, key.derive(purpose).as_slice());
        Ok(Self {
            seal,
            head: mac("sallyport store audit head v1"),
            mark: mac("sallyport store audit mark v1"),
            check: mac("sallyport store vault check v1"),
            redaction: key.derive("sallyport traffic redaction v1"),
        })
    }

    /// Seals `secret` for one row; moved to another row it does not open.
    pub(crate) fn seal(&self, table: &str, id: &str, secret: &SecretBytes) -> Result<Vec<u8>> {
        let mut text = Zeroizing::new(Vec::with_capacity(secret.expose().len() + 16));
        text.extend_from_slice(secret.expose());
        let nonce = self
            .seal
            .seal_in_place_append_tag(Aad::from(row_name(table, id)), &mut *text)
            .map_err(|_| StoreError::corrupt(format!("{table} `{id}`"), "sealing it failed"))?;
        let mut sealed = nonce.as_ref().to_vec();
        sealed.extend_from_slice(&text);
        Ok(sealed)
    }

    /// Opens what [`Vault::seal`] made for the same row.
    pub(crate) fn open(&self, table: &str, id: &str, sealed: &[u8]) -> Result<SecretBytes> {
        let corrupt = || {
            StoreError::corrupt(
                format!("{table} `{id}`"),
                "its secret does not open; was it altered, or stored with another vault key?",
            )
        };
        let (nonce, text) = sealed.split_at_checked(NONCE_BYTES).ok_or_else(corrupt)?;
        let nonce = aws_lc_rs::aead::Nonce::try_assume_unique_for_key(nonce)
            .map_err(|_unspecified| corrupt())?;
        let mut text = Zeroizing::new(text.to_vec());
        let clear = self
            .seal
            .open_in_place(nonce, Aad::from(row_name(table, id)), &mut text)
            .map_err(|_unspecified| corrupt())?;
        Ok(SecretBytes::new(&*clear))
    }

    /// Authenticates the audit log's head.
    pub(crate) fn head_mac(&self, head: &[u8]) -> [u8; 32] {
        tag(&self.head, head)
    }

    /// Whether `mac` is the head's, in constant time.
    pub(crate) fn is_head_mac(&self, head: &[u8], mac: &[u8]) -> bool {
        hmac::verify(&self.head, head, mac).is_ok()
    }

    /// Authenticates the audit log's mark; another key than the head's, so that neither passes for the other.
    pub(crate) fn mark_mac(&self, mark: &[u8]) -> [u8; 32] {
        tag(&self.mark, mark)
    }

    /// Whether `mac` is the mark's, in constant time.
    pub(crate) fn is_mark_mac(&self, mark: &[u8], mac: &[u8]) -> bool {
        hmac::verify(&self.mark, mark, mac).is_ok()
    }

    /// What a database remembers of its vault key, so that another key is refused at the start.
    pub(crate) fn check_mac(&self) -> [u8; 32] {
        tag(&self.check, b"sallyport")
    }

    /// The key by which equal secrets in traffic get equal replacements.
    pub(crate) fn redaction_key(&self) -> &Zeroizing<[u8; 32]> {
        &self.redaction
    }

    pub(crate) fn is_check_mac(&self, mac: &[u8]) -> bool {
        hmac::verify(&self.check, b"sallyport", mac).is_ok()
    }
}

const NONCE_BYTES: usize = 12;

fn tag(key: &hmac::Key, data: &[u8]) -> [u8; 32] {
    let mut bytes = [0u8; 32];
    bytes.copy_from_slice(hmac::sign(key, data).as_ref());
    bytes
}

fn row_name(table: &str, id: &str) -> String {
    format!("{table}\0{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_secret_opens_in_its_own_row_with_its_own_key_only() {
        let vault = Vault::new(&VaultKey::new([7; 32])).unwrap();
        let secret = SecretBytes::new(*b"a signing key");
        let sealed = vault.seal("link_keys", "k1", &secret).unwrap();
        assert!(!sealed.windows(7).any(|part| part == b"signing"));
        assert_eq!(vault.open("link_keys", "k1", &sealed).unwrap().expose(), b"a signing key");
        assert_ne!(sealed, vault.seal("link_keys", "k1", &secret).unwrap());

        assert!(vault.open("link_keys", "k2", &sealed).is_err());
        assert!(vault.open("other", "k1", &sealed).is_err());
        let other = Vault::new(&VaultKey::new([8; 32])).unwrap();
        assert!(other.open("link_keys", "k1", &sealed).is_err());
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert!(vault.open("link_keys", "k1", &altered).is_err(), "byte {at}");
            assert!(vault.open("link_keys", "k1", &sealed[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", VaultKey::new([0x41; 32])), "VaultKey(…)");
    }
}
