//! Keys that sign a database of vulnerabilities, and that say whether a signature holds: Ed25519, in PEM.
//! Where keys are kept is the caller's; OpenSSL makes and reads the same files.
//!
//! Hostile input: a text that is no such key is refused; a secret key cannot be printed.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// SubjectPublicKeyInfo of Ed25519 (RFC 8410, section 4), before the key's 32 bytes.
const PUBLIC_HEAD: &[u8] =
    &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Why a text is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyFault {
    /// It is not in this form.
    #[error("this is no Ed25519 {0} key in PEM; `sallyport scan vulnerabilities key` makes one")]
    Form(&'static str),
    /// The machine gave no randomness.
    #[error("no key could be made")]
    Made,
}

/// A key that signs.
pub struct SecretKey(Ed25519KeyPair);

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("SecretKey(…)")
    }
}

/// A key that says whether a signature holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(Vec<u8>);

impl SecretKey {
    /// Reads PKCS#8 in PEM.
    pub fn read(text: &str) -> Result<Self, KeyFault> {
        let form = KeyFault::Form("secret");
        let Some(bytes) = unwrapped(text, "PRIVATE KEY") else { return Err(form) };
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(&bytes).map(Self).map_err(|_| form)
    }

    /// Makes a key: its text in PEM.
    pub fn make() -> Result<String, KeyFault> {
        let pair = Ed25519KeyPair::generate().map_err(|_| KeyFault::Made)?;
        let document = pair.to_pkcs8v1().map_err(|_| KeyFault::Made)?;
        Ok(wrapped(document.as_ref(), "PRIVATE KEY"))
    }

    /// The key that says whether its signatures hold.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.public_key().as_ref().to_vec())
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(message).as_ref().to_vec()
    }
}

impl PublicKey {
    /// Reads SubjectPublicKeyInfo in PEM.
    pub fn read(text: &str) -> Result<Self, KeyFault> {
        let key = unwrapped(text, "PUBLIC KEY")
            .and_then(|bytes| bytes.strip_prefix(PUBLIC_HEAD).map(<[u8]>::to_vec))
            .filter(|key| key.len() == 32);
        key.map(Self).ok_or(KeyFault::Form("public"))
    }

    /// Its text in PEM.
    pub fn text(&self) -> String {
        wrapped(&[PUBLIC_HEAD, &self.0].concat(), "PUBLIC KEY")
    }

    pub(crate) fn holds(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0).verify(message, signature).is_ok()
    }
}

fn wrapped(bytes: &[u8], label: &str) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(bytes))
}

fn unwrapped(text: &str, label: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (inner, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let inner: String = inner.chars().filter(|letter| !letter.is_whitespace()).collect();
    STANDARD.decode(inner).ok()
}

#[cfg(test)]
mod tests {
    use super::{PublicKey, SecretKey};

    /// Made by `openssl genpkey -algorithm ed25519` and `openssl pkey -pubout`.
    const SECRET: &str = include_str!("../tests/data/secret.pem");
    const PUBLIC: &str = include_str!("../tests/data/public.pem");

    #[test]
    fn keys_of_openssl_are_read_and_written_as_it_does() {
        let (secret, public) = (SecretKey::read(SECRET).unwrap(), PublicKey::read(PUBLIC).unwrap());
        assert_eq!(secret.public(), public);
        assert_eq!(public.text(), PUBLIC);
        let signature = secret.sign(b"message");
        assert!(public.holds(b"message", &signature));
        assert!(!public.holds(b"massage", &signature));
        assert_eq!(format!("{secret:?}"), "SecretKey(…)");
    }

    #[test]
    fn a_key_that_is_made_can_be_read_and_others_do_not_hold() {
        let made = SecretKey::read(&SecretKey::make().unwrap()).unwrap();
        let other = PublicKey::read(PUBLIC).unwrap();
        assert!(made.public().holds(b"x", &made.sign(b"x")));
        assert!(!other.holds(b"x", &made.sign(b"x")));
        assert!(SecretKey::read(PUBLIC).is_err() && PublicKey::read(SECRET).is_err());
    }
}
