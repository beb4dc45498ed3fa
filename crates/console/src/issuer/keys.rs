//! The keys in use, of the store that all hubs share, and signing with them.
//! Which one signs and which are published is decided by `authn`; how they lie sealed is the store's.

use authn::{
    ISSUER_KEY_SIGNS_FOR, IdToken, IssuerKey, published_keys, signed_id_token, signing_key,
};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use http_api::{HttpApi, Problem};
use model::{Secret, SecretBytes, Timestamp};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use store::IssuerKeyRow;

/// A new key is published for ten minutes before it signs; every hub has read it long before.
pub(super) const REREAD_EVERY: Duration = Duration::from_secs(60);

/// The keys, newest first.
#[derive(Default)]
pub(super) struct IssuerKeys(RwLock<Arc<Known>>);

#[derive(Default)]
struct Known {
    public: Vec<IssuerKey>,
    /// In the same order.
    pairs: Vec<EcdsaKeyPair>,
}

impl IssuerKeys {
    /// Makes a key if it is time for one, and reads all.
    pub(super) async fn rotate(&self, api: &HttpApi) -> Result<(), Problem> {
        let now = api.clock.now();
        let stored = api.store.issuer_keys().await?;
        let stored = match stored.first() {
            Some(newest) if now.since(newest.created_at) < ISSUER_KEY_SIGNS_FOR => stored,
            _ => {
                // Only one hub succeeds where several try; the others read what it made.
                api.store.create_issuer_key(&make(now)?, ISSUER_KEY_SIGNS_FOR).await?;
                api.store.issuer_keys().await?
            }
        };
        let mut known = Known::default();
        for row in stored {
            let pair = pair(&row.secret)?;
            let public = IssuerKey::new(pair.public_key().as_ref(), row.created_at);
            known
                .public
                .push(public.ok_or_else(|| Problem::internal("an issuer key is no point"))?);
            known.pairs.push(pair);
        }
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(known);
        Ok(())
    }

    /// The keys that are published at `now`.
    pub(super) fn published(&self, now: Timestamp) -> Vec<IssuerKey> {
        published_keys(&self.known().public, now).cloned().collect()
    }

    pub(super) fn sign(&self, token: &IdToken, now: Timestamp) -> Result<Secret, Problem> {
        let known = self.known();
        let signing = signing_key(&known.public, now);
        let at = known.public.iter().position(|key| Some(key) == signing);
        let pair = at.and_then(|at| known.pairs.get(at));
        let (Some(key), Some(pair)) = (signing, pair) else {
            return Err(Problem::internal("no issuer key is in use"));
        };
        let text = token.to_be_signed(key).map_err(Problem::internal)?;
        let signature = pair
            .sign(&SystemRandom::new(), text.as_bytes())
            .map_err(|_| Problem::internal("an issuer key does not sign"))?;
        Ok(signed_id_token(&text, signature.as_ref()))
    }

    fn known(&self) -> Arc<Known> {
        // A poisoned lock still holds a whole list: writers only swap it.
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn make(now: Timestamp) -> Result<IssuerKeyRow, Problem> {
    let not_made = |_| Problem::internal("the cryptographic library makes no key");
    let random = SystemRandom::new();
    let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
    let secret = SecretBytes::new(made.map_err(not_made)?.as_ref());
    let public = IssuerKey::new(pair(&secret)?.public_key().as_ref(), now);
    let public = public.ok_or_else(|| Problem::internal("an issuer key is no point"))?;
    Ok(IssuerKeyRow { kid: public.id().to_owned(), secret, created_at: now })
}

fn pair(secret: &SecretBytes) -> Result<EcdsaKeyPair, Problem> {
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, secret.expose())
        .map_err(|_| Problem::internal("an issuer key of the store cannot be used"))
}
