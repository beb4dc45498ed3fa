//! How long somebody has to wait before the next attempt to sign in, as a function of what failed before.
//! It keeps no counts (the store does) and knows no addresses.
//!
//! Failures are counted twice: by account **and** source network, and by source network alone. Never by
//! account alone, for then whoever knows a name could lock its owner out by guessing wrong on purpose.
//! A browser that its account signed in with before has a count of its own (see `device`), so that even
//! a stranger on the owner's network, behind the same address, cannot make the owner wait.

use model::Timestamp;
use std::time::Duration;

/// Wrong passwords for one account from one network that cost nothing: people mistype.
const FREE_BY_ACCOUNT: u32 = 5;
/// Failures of one network that cost nothing: an office behind one address mistypes a lot.
const FREE_BY_NETWORK: u32 = 50;
/// From one network at one account: at most four guesses an hour in the end.
const WAIT_BY_ACCOUNT_MAX: Duration = Duration::from_secs(15 * 60);
/// One network over all accounts: a minute a guess, which an honest neighbour can sit out.
const WAIT_BY_NETWORK_MAX: Duration = Duration::from_secs(60);
/// After so long without a failure the count starts again from nothing.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// How often something failed, and when last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Failures since the count began.
    pub failures: u32,
    /// The time of the last one; `None` if there was none.
    pub last_failure_at: Option<Timestamp>,
}

/// What is known of an attempt before it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backoff {
    /// Failures at this account from this network, or from this known browser.
    pub account: Tally,
    /// Failures of this network at all accounts; nothing for a known browser.
    pub network: Tally,
}

impl Backoff {
    /// The wait that is left at `now`; `None` lets the attempt be made.
    pub fn wait(&self, now: Timestamp) -> Option<Duration> {
        let account = self.account.wait(now, FREE_BY_ACCOUNT, WAIT_BY_ACCOUNT_MAX);
        let network = self.network.wait(now, FREE_BY_NETWORK, WAIT_BY_NETWORK_MAX);
        account.max(network)
    }
}

impl Tally {
    /// Whether the count is so old that the next failure is the first again.
    pub fn is_forgotten(&self, now: Timestamp) -> bool {
        self.last_failure_at.is_none_or(|last| now.since(last) >= FORGOTTEN_AFTER)
    }

    fn wait(&self, now: Timestamp, free: u32, most: Duration) -> Option<Duration> {
        let last = self.last_failure_at?;
        if self.failures < free || self.is_forgotten(now) {
            return None;
        }
        // 1, 2, 4 … seconds; the shift is bounded so that it cannot overflow.
        let doublings = (self.failures - free).min(20);
        let whole = Duration::from_secs(1 << doublings).min(most);
        // A clock that went backwards must not stretch the wait beyond its whole.
        whole.checked_sub(now.since(last)).filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

    fn failed(failures: u32, ago_s: u64) -> Tally {
        let then = Timestamp::from_micros(NOW.as_micros() - 1_000_000 * ago_s.cast_signed());
        Tally { failures, last_failure_at: Some(then) }
    }

    fn wait_s(account: Tally, network: Tally) -> Option<u64> {
        Backoff { account, network }.wait(NOW).map(|wait| wait.as_secs())
    }

    #[test]
    fn mistyping_is_free_and_guessing_waits_longer_each_time() {
        let none = Tally::default();
        for (failures, wait) in [
            (0, None),
            (1, None),
            (4, None),
            (5, Some(1)),
            (6, Some(2)),
            (9, Some(16)),
            (20, Some(900)),
            (u32::MAX, Some(900)),
        ] {
            assert_eq!(wait_s(failed(failures, 0), none), wait, "{failures} failures");
        }
        for (failures, wait) in [(49, None), (50, Some(1)), (55, Some(32)), (u32::MAX, Some(60))] {
            assert_eq!(
                wait_s(none, failed(failures, 0)),
                wait,
                "{failures} failures of the network"
            );
        }
    }

    #[test]
    fn a_wait_runs_out_and_a_day_forgets() {
        let none = Tally::default();
        assert_eq!(wait_s(failed(9, 15), none), Some(1));
        assert_eq!(wait_s(failed(9, 16), none), None);
        assert_eq!(wait_s(failed(1000, 24 * 60 * 60), none), None);
        assert!(failed(1000, 24 * 60 * 60).is_forgotten(NOW));
    }

    #[test]
    fn a_clock_set_back_does_not_stretch_a_wait() {
        let later =
            Tally { failures: 6, last_failure_at: Some(NOW.after(Duration::from_secs(9999))) };
        assert_eq!(wait_s(later, Tally::default()), Some(2));
    }

    #[test]
    fn the_longer_of_two_waits_holds() {
        assert_eq!(wait_s(failed(6, 0), failed(55, 0)), Some(32));
        assert_eq!(wait_s(failed(12, 0), failed(50, 0)), Some(128));
    }
}
