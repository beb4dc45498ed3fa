//! When a failed call of the webhook is tried again: five tries, the first pause 500 ms, each half as long
//! again, a fifth of it drawn at random, so that many API servers do not knock at once.
//! What counts as a failure worth another try is the caller's: broken connections, time-outs, 429 and 500.

use std::time::Duration;

/// The pauses between tries.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WebhookBackOff {
    /// Before the second try.
    pub first: Duration,
    /// Calls in all.
    pub tries: u32,
}

impl Default for WebhookBackOff {
    fn default() -> Self {
        Self { first: Duration::from_millis(500), tries: 5 }
    }
}

impl WebhookBackOff {
    /// How long to wait after so many failed tries; `None` when it is time to give up.
    /// `random` is drawn anew from 0.0 up to 1.0 for each pause.
    pub fn pause(&self, failed: u32, random: f64) -> Option<Duration> {
        if failed == 0 || failed >= self.tries {
            return None;
        }
        // At most the number of tries, so the exponent fits.
        let grown = 1.5_f64.powi(i32::try_from(failed - 1).unwrap_or(i32::MAX));
        let jitter = 1.0 + 0.2 * random.clamp(0.0, 1.0);
        Duration::try_from_secs_f64(self.first.as_secs_f64() * grown * jitter).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        let back_off = WebhookBackOff::default();
        let millis = |failed| back_off.pause(failed, 0.0).map(|pause| pause.as_millis());
        assert_eq!(
            [1, 2, 3, 4, 5].map(millis),
            [Some(500), Some(750), Some(1125), Some(1687), None]
        );
        assert_eq!(back_off.pause(1, 1.0), Some(Duration::from_millis(600)));
        assert_eq!(millis(0), None);
    }
}
