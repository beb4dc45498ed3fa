//! How long a verdict on a token is kept: 2 minutes for the webhook's, 10 s for a success of all methods,
//! in the API server's defaults.
//! Who computes a verdict that is missing, and once for many askers, is not known here.
//!
//! Keys are HMAC-SHA256 with a random key over token and audiences, so that the cache holds no token, nobody
//! can choose where an entry falls, and no two questions meet in one key.
//!
//! Limits: [`ENTRIES_MAX`] entries; at the bound those that have ended go first, then whatever ends soonest.

use aws_lc_rs::hmac;
use model::{Secret, Timestamp};
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

/// What Kubernetes advertises: 5,000 nodes and 10,000 namespaces, twice.
const ENTRIES_MAX: usize = 32_768;

/// Makes keys of tokens.
#[derive(Debug)]
pub struct TokenKeys(hmac::Key);

/// What stands for a token and its audiences in a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenKey([u8; 32]);

impl TokenKeys {
    /// Takes 32 random bytes over.
    pub fn from_random(random: [u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, &random))
    }

    /// The key of a question.
    pub fn key(&self, token: &Secret, audiences: &[String]) -> TokenKey {
        let mut context = hmac::Context::with_key(&self.0);
        // Lengths go along, so that "xy" + "z" is not "x" + "yz".
        let mut put = |text: &str| {
            context.update(&text.len().to_be_bytes());
            context.update(text.as_bytes());
        };
        put(token.expose());
        for audience in audiences {
            put(audience);
        }
        let mut key = [0; 32];
        key.copy_from_slice(context.sign().as_ref());
        TokenKey(key)
    }
}

/// Verdicts that still hold.
#[derive(Debug)]
pub struct TokenCache<V> {
    entries: HashMap<TokenKey, (Timestamp, V)>,
    by_end: BTreeSet<(i64, TokenKey)>,
    entries_max: usize,
}

impl<V> Default for TokenCache<V> {
    fn default() -> Self {
        Self { entries: HashMap::new(), by_end: BTreeSet::new(), entries_max: ENTRIES_MAX }
    }
}

impl<V> TokenCache<V> {
    /// A verdict, if it still holds.
    pub fn get(&self, key: &TokenKey, now: Timestamp) -> Option<&V> {
        let (end, verdict) = self.entries.get(key)?;
        (now < *end).then_some(verdict)
    }

    /// Keeps a verdict for a time; none keeps nothing.
    pub fn put(&mut self, key: TokenKey, verdict: V, ttl: Duration, now: Timestamp) {
        self.remove(&key);
        if ttl.is_zero() {
            return;
        }
        while self.entries.len() >= self.entries_max {
            let Some((_, first)) = self.by_end.pop_first() else { break };
            self.entries.remove(&first);
        }
        let end = now.after(ttl);
        self.by_end.insert((end.as_micros(), key));
        self.entries.insert(key, (end, verdict));
    }

    /// Forgets a verdict.
    pub fn remove(&mut self, key: &TokenKey) {
        if let Some((end, _)) = self.entries.remove(key) {
            self.by_end.remove(&(end.as_micros(), *key));
        }
    }

    /// How many are kept, ended ones included.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);
    const TTL: Duration = Duration::from_secs(120);

    fn key(token: &str, audiences: &[&str]) -> TokenKey {
        let audiences: Vec<_> = audiences.iter().map(|a| (*a).to_owned()).collect();
        TokenKeys::from_random([7; 32]).key(&Secret::new(token), &audiences)
    }

    #[test]
    fn a_verdict_holds_for_its_time_and_its_own_question() {
        let mut cache = TokenCache::default();
        cache.put(key("t", &["a"]), "yes", TTL, NOW);
        assert_eq!(cache.get(&key("t", &["a"]), NOW), Some(&"yes"));
        assert_eq!(cache.get(&key("t", &["a"]), NOW.after(TTL)), None);
        for other in [key("t", &[]), key("t", &["a", "a"]), key("ta", &[]), key("", &["t", "a"])] {
            assert_eq!(cache.get(&other, NOW), None);
        }
        cache.put(key("t", &["a"]), "no", Duration::ZERO, NOW);
        assert!(cache.is_empty());
        let others = TokenKeys::from_random([8; 32]).key(&Secret::new("t"), &[]);
        assert_ne!(others, key("t", &[]));
    }

    #[test]
    fn the_cache_is_bounded_and_drops_what_ends_first() {
        let mut cache = TokenCache { entries_max: 2, ..TokenCache::default() };
        cache.put(key("long", &[]), 1, 2 * TTL, NOW);
        cache.put(key("short", &[]), 2, TTL, NOW);
        cache.put(key("new", &[]), 3, TTL, NOW.after(TTL / 2));
        assert_eq!(cache.len(), 2);
        assert_eq!(cache.get(&key("short", &[]), NOW), None);
        assert_eq!(cache.get(&key("long", &[]), NOW), Some(&1));
    }
}
