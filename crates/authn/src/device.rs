//! Known browsers: a browser in which an account signed in before proves so by a cookie of its own, and
//! its failures are then counted apart from the rest of its network.
//! It lets nobody in: the password is still asked. It only keeps a stranger behind the same address from
//! using up the owner's attempts (OWASP: "device cookies").
//!
//! The proof is an HMAC keyed by the account's stored password hash, which holds 256 unknown bits. It
//! needs no storing, and dies when the password is changed.
//!
//! Hostile input: the text is a cookie, so it is anybody's; it is of fixed length and parsed whole.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::AccountName;

const NONCE_BYTES: usize = 16;
const PROOF_BYTES: usize = 32;
const TEXT_BYTES: usize = 64;

/// The claim in a browser's cookie, not yet checked against an account.
#[derive(Clone)]
pub struct KnownBrowser {
    nonce: [u8; NONCE_BYTES],
    proof: [u8; PROOF_BYTES],
}

/// A browser that has been checked: the key under which its failures are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownBrowserId(String);

impl KnownBrowser {
    /// Marks a browser in which `account`, whose stored hash is `password_hash`, has just signed in.
    pub fn mark(account: &AccountName, password_hash: &str, nonce: [u8; NONCE_BYTES]) -> Self {
        let mut proof = [0; PROOF_BYTES];
        proof.copy_from_slice(hmac::sign(&key(password_hash), &message(account, &nonce)).as_ref());
        Self { nonce, proof }
    }

    /// Reads the text of a cookie; anything but our own form is `None`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; NONCE_BYTES + PROOF_BYTES];
        if text.len() != TEXT_BYTES
            || URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()? != bytes.len()
        {
            return None;
        }
        let (nonce, proof) = bytes.split_at(NONCE_BYTES);
        Some(Self { nonce: nonce.try_into().ok()?, proof: proof.try_into().ok()? })
    }

    /// The text for the cookie.
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode([self.nonce.as_slice(), self.proof.as_slice()].concat())
    }

    /// Whether this browser signed in to `account` while `password_hash` was its hash.
    pub fn check(&self, account: &AccountName, password_hash: &str) -> Option<KnownBrowserId> {
        hmac::verify(&key(password_hash), &message(account, &self.nonce), &self.proof).ok()?;
        Some(KnownBrowserId(URL_SAFE_NO_PAD.encode(self.nonce)))
    }
}

impl KnownBrowserId {
    /// The key's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn key(password_hash: &str) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, password_hash.as_bytes())
}

fn message(account: &AccountName, nonce: &[u8]) -> Vec<u8> {
    [b"sallyport known browser v1\0", nonce, account.as_str().as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_known_to_its_account_and_password_alone() {
        let alice: AccountName = "alice".parse().unwrap();
        let bob: AccountName = "bob".parse().unwrap();
        let marked = KnownBrowser::mark(&alice, "$argon2id$a", [9; 16]);
        let read = KnownBrowser::parse(&marked.text()).unwrap();
        assert!(read.check(&alice, "$argon2id$a").is_some());
        assert!(read.check(&bob, "$argon2id$a").is_none());
        assert!(read.check(&alice, "$argon2id$b").is_none());
    }

    #[test]
    fn forged_and_malformed_marks_are_worth_nothing() {
        let alice: AccountName = "alice".parse().unwrap();
        let text = KnownBrowser::mark(&alice, "$argon2id$a", [9; 16]).text();
        assert_eq!(text.len(), TEXT_BYTES);
        for at in [0, 20, 40, 63] {
            let mut flipped = text.clone().into_bytes();
            flipped[at] = if flipped[at] == b'A' { b'B' } else { b'A' };
            let flipped = String::from_utf8(flipped).unwrap();
            let known =
                KnownBrowser::parse(&flipped).and_then(|it| it.check(&alice, "$argon2id$a"));
            assert_eq!(known, None, "flipped at {at}");
        }
        for malformed in ["", "x", &text[1..], &format!("{text}A"), &"é".repeat(32)] {
            assert!(KnownBrowser::parse(malformed).is_none(), "{malformed}");
        }
    }
}
