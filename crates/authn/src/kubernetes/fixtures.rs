//! What the tests of the methods share: a world of facts, and keys that sign tokens.

use super::base64url;
use super::evidence::{
    IssuerKeys, Known, ObjectFacts, Objects, SecretFacts, SignInFacts, SignIns, TokenReviews,
};
use super::jose::{KeySet, PublicKey};
use super::webhook::TokenReviewStatus;
use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, EcdsaKeyPair, KeyPair as _, RsaKeyPair};
use model::{Secret, SecretBytes, SignInId, Timestamp};
use std::collections::BTreeMap;
use std::sync::LazyLock;

pub(super) const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);
pub(super) const NOW_S: i64 = 1_800_000_000;

/// Facts by `kind/namespace/name`.
#[derive(Default)]
pub(super) struct World {
    pub(super) objects: BTreeMap<String, ObjectFacts>,
    pub(super) secrets: BTreeMap<String, SecretFacts>,
    pub(super) keys: BTreeMap<String, KeySet>,
    pub(super) review: Option<Result<TokenReviewStatus, String>>,
    pub(super) cluster_review: Option<Result<TokenReviewStatus, String>>,
    pub(super) sign_ins: BTreeMap<String, SignInFacts>,
    /// What is not known has not been asked for, instead of being absent.
    pub(super) unasked: bool,
}

impl World {
    fn missing<T>(&self) -> Known<T> {
        if self.unasked { Known::NotAsked } else { Known::Absent }
    }

    fn object(&self, path: String) -> Known<ObjectFacts> {
        self.objects.get(&path).cloned().map_or_else(|| self.missing(), Known::Found)
    }

    pub(super) fn with(mut self, path: &str, uid: &str) -> Self {
        let facts = ObjectFacts { uid: uid.to_owned(), deleted_at: None };
        self.objects.insert(path.to_owned(), facts);
        self
    }
}

impl Objects for World {
    fn service_account(&self, namespace: &str, name: &str) -> Known<ObjectFacts> {
        self.object(format!("sa/{namespace}/{name}"))
    }
    fn pod(&self, namespace: &str, name: &str) -> Known<ObjectFacts> {
        self.object(format!("pod/{namespace}/{name}"))
    }
    fn node(&self, name: &str) -> Known<ObjectFacts> {
        self.object(format!("node/{name}"))
    }
    fn secret(&self, namespace: &str, name: &str) -> Known<SecretFacts> {
        let path = format!("{namespace}/{name}");
        self.secrets.get(&path).cloned().map_or_else(|| self.missing(), Known::Found)
    }
}

impl IssuerKeys for World {
    fn keys(&self, issuer: &str) -> Known<&KeySet> {
        self.keys.get(issuer).map_or_else(|| self.missing(), Known::Found)
    }
}

impl TokenReviews for World {
    fn review(&self, _: &Secret) -> Known<Result<TokenReviewStatus, String>> {
        self.review.clone().map_or_else(|| self.missing(), Known::Found)
    }
    fn cluster_review(&self, _: &Secret) -> Known<Result<TokenReviewStatus, String>> {
        self.cluster_review.clone().map_or_else(|| self.missing(), Known::Found)
    }
}

impl SignIns for World {
    fn sign_in(&self, id: &SignInId) -> Known<SignInFacts> {
        self.sign_ins.get(id.as_str()).cloned().map_or_else(|| self.missing(), Known::Found)
    }
}

pub(super) fn secret(uid: &str, kind: &str, data: &[(&str, &str)]) -> SecretFacts {
    SecretFacts {
        object: ObjectFacts { uid: uid.to_owned(), deleted_at: None },
        kind: kind.to_owned(),
        labels: BTreeMap::new(),
        data: data
            .iter()
            .map(|(key, value)| ((*key).to_owned(), SecretBytes::new(*value)))
            .collect(),
    }
}

pub(super) static RSA: LazyLock<RsaKeyPair> =
    LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap());
pub(super) static OTHER_RSA: LazyLock<RsaKeyPair> =
    LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap());
pub(super) static EC: LazyLock<EcdsaKeyPair> =
    LazyLock::new(|| EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING).unwrap());

pub(super) fn rsa_public(pair: &RsaKeyPair) -> PublicKey {
    let der: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    PublicKey::from_spki(der.as_ref()).unwrap()
}

pub(super) fn ec_public() -> PublicKey {
    PublicKey::ec(super::jose::Curve::P256, EC.public_key().as_ref()).unwrap()
}

pub(super) fn compact(header: &str, payload: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> Secret {
    let signed = format!(
        "{}.{}",
        base64url::encode(header.as_bytes()),
        base64url::encode(payload.as_bytes())
    );
    let signature = base64url::encode(&sign(signed.as_bytes()));
    Secret::new(format!("{signed}.{signature}"))
}

pub(super) fn rsa_sign(
    pair: &RsaKeyPair,
    encoding: &'static dyn signature::RsaEncoding,
    signed: &[u8],
) -> Vec<u8> {
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(encoding, &SystemRandom::new(), signed, &mut signature).unwrap();
    signature
}

pub(super) fn rs256(header: &str, payload: &str) -> Secret {
    compact(header, payload, |signed| rsa_sign(&RSA, &signature::RSA_PKCS1_SHA256, signed))
}

pub(super) fn es256(header: &str, payload: &str) -> Secret {
    compact(header, payload, |signed| {
        EC.sign(&SystemRandom::new(), signed).unwrap().as_ref().to_vec()
    })
}
