//! The bearer secrets by which an API server proves itself before it may have tokens reviewed.
//! Which file they stand in, and what a review answers, is not known here.
//!
//! Hostile input: whatever a stranger sends as a secret. It is compared as a hash, in constant time.

use aws_lc_rs::digest::{SHA256, digest};
use model::Secret;
use subtle::ConstantTimeEq as _;

/// 32 letters of base64 or 128 bits in hexadecimal: nobody guesses that.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 32..=512;
/// One that is in use, and the next, so that it can be exchanged at leisure.
const SECRETS_MAX: usize = 2;

/// The secrets of one API server.
#[derive(Clone)]
pub struct ReviewerSecrets(Vec<[u8; 32]>);

/// The text holds no usable secrets. It is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected one secret, or two on a line each while one is exchanged, of 32 to 512 printable ASCII characters; make \
     one with `openssl rand -hex 32`"
)]
pub struct InvalidReviewerSecrets;

impl ReviewerSecrets {
    /// Reads secrets, one a line.
    pub fn parse(text: &Secret) -> Result<Self, InvalidReviewerSecrets> {
        let lines = text.expose().lines().map(str::trim).filter(|line| !line.is_empty());
        let secrets: Vec<&str> = lines.collect();
        let usable = |secret: &&str| {
            SECRET_BYTES.contains(&secret.len()) && secret.bytes().all(|b| b.is_ascii_graphic())
        };
        if !(1..=SECRETS_MAX).contains(&secrets.len()) || !secrets.iter().all(usable) {
            return Err(InvalidReviewerSecrets);
        }
        Ok(Self(secrets.into_iter().map(hash).collect()))
    }

    /// Whether `shown` is one of them.
    pub fn has(&self, shown: &str) -> bool {
        let shown = hash(shown);
        self.0.iter().fold(false, |found, secret| found | bool::from(secret.ct_eq(&shown)))
    }
}

impl std::fmt::Debug for ReviewerSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ReviewerSecrets(…)")
    }
}

fn hash(secret: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, secret.as_bytes()).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ReviewerSecrets, InvalidReviewerSecrets> {
        ReviewerSecrets::parse(&Secret::new(text))
    }

    #[test]
    fn each_line_is_a_secret_and_nothing_else_is() {
        let (one, two) = ("a".repeat(32), "b".repeat(64));
        let secrets = parse(&format!("{one}\n{two}\n")).unwrap();
        assert!(secrets.has(&one) && secrets.has(&two));
        for wrong in ["", &one[1..], &format!("{one}\n{two}"), &format!("{one} "), &"c".repeat(32)]
        {
            assert!(!secrets.has(wrong), "{wrong}");
        }
        assert_eq!(format!("{secrets:?}"), "ReviewerSecrets(…)");
    }

    #[test]
    fn what_could_be_guessed_or_cannot_be_sent_is_refused() {
        let good = "a".repeat(32);
        let three = format!("{good}\n{good}b\n{good}c");
        for bad in ["", "\n\n", &good[1..], &"a".repeat(513), &format!("{good} x"), "비밀", &three]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
