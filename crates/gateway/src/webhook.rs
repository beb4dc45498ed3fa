//! The token webhook as the gateway asks it: each token once for all who wait for it, and its answers kept for a
//! time, yes and no alike, as by the API server; errors are not kept.
//! How the service is called is known to `kube-io`, what an answer means to `authn`.
//!
//! Limits: [`ASKING_MAX`] calls at once; the cache is bounded by `authn`. An answer is kept with what it was asked
//! for, so that nothing outlives a changed file: the reviewer is made anew with it.

use crate::evidence::Review;
use authn::kubernetes::{TokenCache, TokenKey, TokenKeys, TokenReviewStatus};
use kube_io::TokenWebhook;
use model::{Secret, Timestamp};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{OnceCell, Semaphore};

/// As many as one cluster is asked at once; a service that hangs holds no more places than these.
const ASKING_MAX: usize = 64;

/// A webhook with what it said lately.
#[derive(Debug)]
pub struct TokenReviewer {
    webhook: TokenWebhook,
    audiences: Vec<String>,
    kept_for: Duration,
    keys: TokenKeys,
    known: Mutex<TokenCache<TokenReviewStatus>>,
    /// Calls under way; an entry lives as long as somebody waits for it.
    asking: Mutex<HashMap<TokenKey, Weak<OnceCell<Review>>>>,
    seats: Semaphore,
}

impl TokenReviewer {
    /// Asks `webhook` whether tokens are for `audiences`, and keeps its answers for `kept_for`. `random` makes the
    /// keys under which they are kept.
    pub fn new(
        webhook: TokenWebhook,
        audiences: Vec<String>,
        kept_for: Duration,
        random: [u8; 32],
    ) -> Self {
        Self {
            webhook,
            audiences,
            kept_for,
            keys: TokenKeys::from_random(random),
            known: Mutex::default(),
            asking: Mutex::default(),
            seats: Semaphore::new(ASKING_MAX),
        }
    }

    /// What the service says to a token.
    pub(crate) async fn review(&self, token: &Secret, now: Timestamp) -> Review {
        let key = self.keys.key(token, &self.audiences);
        {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(status) = known.get(&key, now) {
                return Ok(status.clone());
            }
        }
        // Whoever leaves while it asks leaves the call to the next who waits.
        let cell = self.under_way(key);
        cell.get_or_init(|| self.ask(key, token, now)).await.clone()
    }

    fn under_way(&self, key: TokenKey) -> Arc<OnceCell<Review>> {
        let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cell) = asking.get(&key).and_then(Weak::upgrade) {
            return cell;
        }
        asking.retain(|_, cell| cell.strong_count() > 0);
        let cell = Arc::new(OnceCell::new());
        asking.insert(key, Arc::downgrade(&cell));
        cell
    }

    async fn ask(&self, key: TokenKey, token: &Secret, now: Timestamp) -> Review {
        // It is never closed.
        let _seat = self.seats.acquire().await;
        let review = self.webhook.review(token, &self.audiences, drawn).await;
        let status = review.map_err(|fault| {
            tracing::warn!(error = %fault, "the token webhook gave no answer");
            fault.to_string()
        })?;
        if !status.is_error() {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.put(key, status.clone(), self.kept_for, now);
        }
        Ok(status)
    }
}

/// From 0.0 up to 1.0; nothing secret hangs on it, so without randomness pauses are simply the shortest.
fn drawn() -> f64 {
    let bytes = http_api::random::<2>().unwrap_or_default();
    f64::from(u16::from_be_bytes(bytes)) / f64::from(u16::MAX)
}
