//! A machine that a person signs in from: the key that its credential is bound to, the proof that it holds that key,
//! and the texts by which its request is recognised.
//! Where requests are kept and what a credential looks like is not known here.
//!
//! States of a request: asked (with a proof of the key and the challenge of RFC 7636) → decided in the console, by its
//! [`UserCode`] → collected, once, with the verifier of that challenge. The key never leaves the machine; whoever sees
//! all of the rest can collect nothing without the verifier, and use nothing without the key.
//!
//! Hostile input: everything here comes from strangers. Each text has one length and alphabet, a point is checked to be
//! on its curve by the verification itself, and nothing is repeated in a refusal.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::Secret;
use std::fmt;
use std::str::FromStr;

/// An uncompressed point of P-256: 4, then two coordinates of 32 bytes.
const POINT_BYTES: usize = 65;
/// A signature in ASN.1 has at most 72 bytes.
const PROOF_BYTES_MAX: usize = 72;
/// Consonants alone, without Y: codes that spell no word and hold no letter like another.
const CODE_LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const CODE_LENGTH: usize = 8;

/// A text is not of the form that machines send. It is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not {0} of the form that `sallyport login` sends")]
pub struct InvalidMachineText(&'static str);

/// The public key of a machine, on P-256: what kubectl's TLS and every hardware key speak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineKey([u8; POINT_BYTES]);

/// What a machine proves its key for. A proof for one is none for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MachinePurpose {
    /// To ask for a sign-in.
    Ask,
    /// To get a fresh certificate. Whoever replays it gets one that is worth nothing without the key.
    Renew,
    /// To get an ID token for a cluster's API server. What is signed names the cluster and the time, because whoever
    /// replays it gets a token that is worth something without the key.
    Token,
    /// To end the sign-in.
    End,
}

impl MachinePurpose {
    fn word(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Renew => "renew",
            Self::Token => "token",
            Self::End => "end",
        }
    }
}

impl MachineKey {
    /// Takes the bytes of an uncompressed point over.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidMachineText> {
        let point = <[u8; POINT_BYTES]>::try_from(bytes).ok().filter(|point| point[0] == 4);
        point.map(Self).ok_or(InvalidMachineText("a P-256 key"))
    }

    /// Reads base64url.
    pub fn parse(text: &str) -> Result<Self, InvalidMachineText> {
        let mut bytes = [0; POINT_BYTES];
        match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
            Ok(POINT_BYTES) => Self::from_bytes(&bytes),
            _ => Err(InvalidMachineText("a P-256 key")),
        }
    }

    /// The point.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// What a sign-in of this key is found by.
    pub fn hash(&self) -> [u8; 32] {
        sha256(&[b"sallyport machine key v1\0".as_slice(), &self.0].concat())
    }

    /// What is signed to prove the key.
    pub fn statement(purpose: MachinePurpose, about: &str) -> Vec<u8> {
        format!("sallyport machine v1\0{}\0{about}", purpose.word()).into_bytes()
    }

    /// What a proof for an ID token is about: the cluster that it is for, and the second in which it is asked for.
    pub fn about_token(cluster: &model::ClusterName, asked_at_s: i64) -> String {
        format!("{cluster}\0{asked_at_s}")
    }

    /// Whether `proof` (base64url) is this key's signature of the statement.
    pub fn proves(&self, purpose: MachinePurpose, about: &str, proof: &str) -> bool {
        if proof.len() > PROOF_BYTES_MAX * 4 / 3 + 1 {
            return false;
        }
        let Ok(signature) = URL_SAFE_NO_PAD.decode(proof) else { return false };
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.0);
        key.verify(&Self::statement(purpose, about), &signature).is_ok()
    }
}

/// By what the person recognises the machine's request: `BCDF-GHJK`. It lets nobody collect anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserCode(String);

impl UserCode {
    /// Makes a code of 8 random bytes: one of 25 thousand millions, evenly as far as anybody can tell.
    pub fn from_random(random: [u8; 8]) -> Self {
        let mut rest = u64::from_be_bytes(random);
        let mut text = String::with_capacity(CODE_LENGTH + 1);
        for at in 0..CODE_LENGTH {
            if at == CODE_LENGTH / 2 {
                text.push('-');
            }
            text.push(char::from(CODE_LETTERS[(rest % 20) as usize]));
            rest /= 20;
        }
        Self(text)
    }

    /// The code as it is shown and kept.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for UserCode {
    type Err = InvalidMachineText;

    /// Takes it as people type it: in small letters, without the dash or with blanks.
    fn from_str(text: &str) -> Result<Self, InvalidMachineText> {
        let invalid = InvalidMachineText("a code");
        if text.len() > 4 * CODE_LENGTH {
            return Err(invalid);
        }
        let letters = text.chars().filter(|c| !matches!(c, '-' | ' ')).collect::<String>();
        let letters = letters.to_ascii_uppercase();
        let known = |letter: u8| CODE_LETTERS.contains(&letter);
        if letters.len() != CODE_LENGTH || !letters.bytes().all(known) {
            return Err(invalid);
        }
        let (first, second) = letters.split_at(CODE_LENGTH / 2);
        Ok(Self(format!("{first}-{second}")))
    }
}

/// The challenge of a request (RFC 7636, S256).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Challenge([u8; 32]);

impl Challenge {
    /// Reads base64url.
    pub fn parse(text: &str) -> Result<Self, InvalidMachineText> {
        let mut bytes = [0; 32];
        match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
            Ok(32) => Ok(Self(bytes)),
            _ => Err(InvalidMachineText("a challenge")),
        }
    }

    /// The challenge of a verifier.
    pub fn of(verifier: &Secret) -> Self {
        Self(sha256(verifier.expose().as_bytes()))
    }

    /// What is kept.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The text that is sent.
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
    use proptest::prelude::*;

    fn signed(pair: &EcdsaKeyPair, purpose: MachinePurpose, about: &str) -> String {
        let statement = MachineKey::statement(purpose, about);
        URL_SAFE_NO_PAD.encode(pair.sign(&SystemRandom::new(), &statement).unwrap())
    }

    #[test]
    fn a_proof_holds_for_its_key_purpose_and_request_alone() {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let other = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let key = MachineKey::from_bytes(pair.public_key().as_ref()).unwrap();
        assert_eq!(MachineKey::parse(&URL_SAFE_NO_PAD.encode(key.bytes())), Ok(key.clone()));
        let proof = signed(&pair, MachinePurpose::Ask, "challenge");
        assert!(key.proves(MachinePurpose::Ask, "challenge", &proof));
        assert!(!key.proves(MachinePurpose::Ask, "another", &proof));
        assert!(!key.proves(MachinePurpose::Renew, "challenge", &proof));
        assert!(!key.proves(
            MachinePurpose::Ask,
            "challenge",
            &signed(&other, MachinePurpose::Ask, "challenge")
        ));
        for bad in ["", "AAAA", "!", &"A".repeat(4096)] {
            assert!(!key.proves(MachinePurpose::Ask, "challenge", bad), "{bad:.10}");
        }
        // Of the right length and no point of the curve.
        let nowhere = MachineKey::from_bytes(&[&[4][..], &[1; 64]].concat()).unwrap();
        assert!(!nowhere.proves(MachinePurpose::Ask, "challenge", &proof));
        for bad in [&[][..], &[2; 33], &[3; 65], &[4; 66]] {
            assert!(MachineKey::from_bytes(bad).is_err());
        }
    }

    #[test]
    fn a_verifier_has_the_challenge_of_rfc_7636_appendix_b() {
        let verifier = Secret::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        assert_eq!(Challenge::of(&verifier).text(), challenge);
        assert_eq!(Challenge::parse(challenge), Ok(Challenge::of(&verifier)));
        assert!(Challenge::parse(&challenge[1..]).is_err());
    }

    #[test]
    fn a_code_is_taken_as_people_type_it() {
        let code: UserCode = "BCDF-GHJK".parse().unwrap();
        for typed in ["bcdfghjk", "bcdf ghjk", " BCDF-GHJK "] {
            assert_eq!(typed.parse::<UserCode>(), Ok(code.clone()));
        }
        for bad in ["", "BCDF-GHJ", "BCDF-GHJA", "BCDF-GHJKL", "BCDF_GHJK", &"-".repeat(64)] {
            assert!(bad.parse::<UserCode>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_code_that_is_made_is_read(random: [u8; 8]) {
            let code = UserCode::from_random(random);
            prop_assert_eq!(code.as_str().parse::<UserCode>(), Ok(code.clone()));
        }

        #[test]
        fn any_text_is_refused_or_read(text: String) {
            if let Ok(code) = text.parse::<UserCode>() {
                prop_assert_eq!(code.as_str().len(), 9);
            }
            prop_assert!(MachineKey::parse(&text).is_err());
            Challenge::parse(&text).ok();
        }
    }
}
