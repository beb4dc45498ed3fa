//! Counting refused credentials of each network, so that a flood of guesses asks clusters and fills the record
//! no faster than [`REFUSED_MAX`] a minute.
//! A credential that is known lately, or that no cluster has to be asked about, is never held up by it: many
//! people share an address, and one broken client must not lock the others out.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A client with an expired token asks every few seconds; a hundred of them stay below this.
const REFUSED_MAX: u32 = 300;
const WINDOW: Duration = Duration::from_secs(60);
/// About 10 MB. At the bound windows that have passed are forgotten, and if none has, all.
const NETWORKS_MAX: usize = 100_000;

/// What was refused lately.
#[derive(Default)]
pub(crate) struct Failures(Mutex<HashMap<String, (Instant, u32)>>);

impl Failures {
    /// Counts a refusal; says whether the network is within its bound.
    pub(crate) fn count(&self, network: &str, now: Instant) -> bool {
        let mut networks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if networks.len() >= NETWORKS_MAX && !networks.contains_key(network) {
            networks.retain(|_, (begun, _)| now.duration_since(*begun) < WINDOW);
            if networks.len() >= NETWORKS_MAX {
                networks.clear();
            }
        }
        let (begun, refused) = networks.entry(network.to_owned()).or_insert((now, 0));
        if now.duration_since(*begun) >= WINDOW {
            (*begun, *refused) = (now, 0);
        }
        *refused = refused.saturating_add(1);
        *refused <= REFUSED_MAX
    }

    /// Whether the network has had its share.
    pub(crate) fn too_many(&self, network: &str, now: Instant) -> bool {
        let networks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        networks.get(network).is_some_and(|(begun, refused)| {
            now.duration_since(*begun) < WINDOW && *refused >= REFUSED_MAX
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_its_share_in_each_minute() {
        let (failures, now) = (Failures::default(), Instant::now());
        for _ in 0..REFUSED_MAX {
            assert!(!failures.too_many("a", now));
            assert!(failures.count("a", now));
        }
        assert!(failures.too_many("a", now));
        assert!(!failures.count("a", now));
        assert!(!failures.too_many("b", now), "others are not held up");
        let later = now + WINDOW;
        assert!(!failures.too_many("a", later));
        assert!(failures.count("a", later));
    }
}
