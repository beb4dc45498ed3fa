//! Opaque secrets of 256 random bits: what a browser holds in its cookie, and what an invitation link
//! carries. Only their SHA-256 leaves this type for the store; that is enough for random secrets.
//! Who holds one, and until when, is known to the store.
//!
//! Hostile input: texts come from cookies and request bodies. They are of one fixed length and alphabet,
//! and anything else is refused without being repeated.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{AccountName, Secret, SecretBytes};
use subtle::ConstantTimeEq as _;

/// The text is not a secret of the expected form. It is not shown: it may be a mistyped real one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not {what} of the form this hub gives out")]
pub struct InvalidOpaque {
    what: &'static str,
}

/// What the cookie of a signed-in browser holds.
#[derive(Debug, Clone)]
pub struct BrowserSecret(SecretBytes);

/// What an invitation link carries in its fragment: `inv_`, the account's name, a dot, and the secret.
///
/// The name is there so that a password can be judged before the invitation is used up; its hash covers
/// the name, so an invitation with another name in it is another invitation.
#[derive(Debug, Clone)]
pub struct InvitationSecret {
    account: AccountName,
    secret: SecretBytes,
}

const COOKIE: InvalidOpaque = InvalidOpaque { what: "a sign-in cookie" };
const INVITATION: InvalidOpaque = InvalidOpaque { what: "an invitation" };
const INVITATION_PREFIX: &str = "inv_";

impl BrowserSecret {
    /// Takes 32 random bytes over.
    pub fn from_random(random: [u8; 32]) -> Self {
        Self(SecretBytes::new(random))
    }

    /// Reads the text that [`Self::text`] wrote.
    pub fn parse(text: &str) -> Result<Self, InvalidOpaque> {
        decode(text).map(Self).ok_or(COOKIE)
    }

    /// The text for the cookie.
    pub fn text(&self) -> Secret {
        Secret::new(URL_SAFE_NO_PAD.encode(self.0.expose()))
    }

    /// What the store keeps and looks up.
    pub fn hash(&self) -> [u8; 32] {
        sha256(self.0.expose())
    }

    /// The CSRF token of this sign-in: HMAC-SHA256 keyed by the cookie's secret.
    pub fn csrf_token(&self) -> CsrfToken {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.expose());
        CsrfToken(Secret::new(URL_SAFE_NO_PAD.encode(hmac::sign(&key, b"sallyport csrf v1"))))
    }
}

impl InvitationSecret {
    /// Takes 32 random bytes over for an invitation of `account`.
    pub fn from_random(account: AccountName, random: [u8; 32]) -> Self {
        Self { account, secret: SecretBytes::new(random) }
    }

    /// Reads the text that [`Self::text`] wrote.
    pub fn parse(text: &str) -> Result<Self, InvalidOpaque> {
        let (account, secret) = text
            .strip_prefix(INVITATION_PREFIX)
            .and_then(|rest| rest.split_once('.'))
            .ok_or(INVITATION)?;
        let account = account.parse().map_err(|_| INVITATION)?;
        Ok(Self { account, secret: decode(secret).ok_or(INVITATION)? })
    }

    /// Whom the text claims to invite; true once the store knows its hash.
    pub fn account(&self) -> &AccountName {
        &self.account
    }

    /// The text for the link, shown once.
    pub fn text(&self) -> Secret {
        let secret = URL_SAFE_NO_PAD.encode(self.secret.expose());
        Secret::new(format!("{INVITATION_PREFIX}{}.{secret}", self.account))
    }

    /// What the store keeps and looks up.
    pub fn hash(&self) -> [u8; 32] {
        sha256(&[self.secret.expose(), self.account.as_str().as_bytes()].concat())
    }
}

/// 43 letters of base64url are 32 bytes; the decoder refuses spare bits that are set.
fn decode(text: &str) -> Option<SecretBytes> {
    let mut bytes = [0; 32];
    if text.len() != 43 || URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) != Ok(bytes.len()) {
        return None;
    }
    Some(SecretBytes::new(bytes))
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

/// The token that a page of ours sends with every unsafe request. It is derived from the cookie's secret,
/// so it needs no storing and holds for that sign-in alone; a foreign page knows neither.
#[derive(Debug, Clone)]
pub struct CsrfToken(Secret);

impl CsrfToken {
    /// The text for the page.
    pub fn text(&self) -> &Secret {
        &self.0
    }

    /// Compares in constant time.
    pub fn fits(&self, given: &str) -> bool {
        self.0.expose().as_bytes().ct_eq(given.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_reads_back_and_hides_itself() {
        let cookie = BrowserSecret::from_random([0xfb; 32]);
        assert_eq!(cookie.text().expose(), "-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s");
        assert_eq!(BrowserSecret::parse(cookie.text().expose()).unwrap().hash(), cookie.hash());
        assert_eq!(format!("{cookie:?}"), "BrowserSecret(SecretBytes(…))");
        // `printf '\373%.0s' {1..32} | sha256sum`
        assert_eq!(cookie.hash()[..4], [0x45, 0x6a, 0x04, 0x98]);
    }

    #[test]
    fn an_invitation_is_its_accounts_alone() {
        let alice = InvitationSecret::from_random("alice".parse().unwrap(), [1; 32]);
        let text = alice.text();
        assert!(text.expose().starts_with("inv_alice."), "{}", text.expose());
        let again = InvitationSecret::parse(text.expose()).unwrap();
        assert_eq!(again.account().as_str(), "alice");
        assert_eq!(again.hash(), alice.hash());
        let renamed = text.expose().replace("alice", "admin");
        assert_ne!(InvitationSecret::parse(&renamed).unwrap().hash(), alice.hash());
        for bad in ["", "inv_", "inv_alice", "inv_alice.", "inv_Alice.x", &text.expose()[4..]] {
            let refusal = InvitationSecret::parse(bad).unwrap_err().to_string();
            assert_eq!(refusal, "not an invitation of the form this hub gives out", "{bad}");
        }
        assert!(!format!("{alice:?}").contains("AQEB"));
    }

    #[test]
    fn anything_else_is_refused_and_not_repeated() {
        let good = BrowserSecret::from_random([1; 32]).text();
        assert!(BrowserSecret::parse(good.expose()).is_ok());
        for bad in [
            String::new(),
            "inv_".to_owned(),
            format!("inv_{}", good.expose()),
            format!("{}=", good.expose()),
            format!("{}A", good.expose()),
            good.expose()[1..].to_owned(),
            // The last character has bits to spare; another one that decodes to the same bytes is refused.
            format!("{}F", &good.expose()[..42]),
            "é".repeat(22),
            "+".repeat(43),
            "A".repeat(100_000),
        ] {
            let refusal = BrowserSecret::parse(&bad).unwrap_err();
            assert_eq!(refusal.to_string(), "not a sign-in cookie of the form this hub gives out");
        }
    }

    #[test]
    fn a_csrf_token_holds_for_its_own_sign_in_alone() {
        let mine = BrowserSecret::from_random([1; 32]);
        let other = BrowserSecret::from_random([2; 32]);
        let token = mine.csrf_token();
        assert!(mine.csrf_token().fits(token.text().expose()));
        assert!(!other.csrf_token().fits(token.text().expose()));
        assert!(!token.fits(""));
        assert!(!token.fits(&token.text().expose()[1..]));
        assert_ne!(token.text().expose(), mine.text().expose());
    }
}
