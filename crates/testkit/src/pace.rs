//! How fast a viewer takes output: at once, or so many bytes a second like a browser that draws.
//! It keeps time and counts; the bytes are the caller's.

use std::time::Duration;
use tokio::time::Instant;

/// What a slow viewer takes at once: xterm.js works in slices of some milliseconds.
pub const SLICE_BYTES_MAX: usize = 16 * 1024;

/// Timers wake a millisecond late; so much may be made up for, or small frames would halve the rate.
const LATENESS_MAX: Duration = Duration::from_millis(20);

/// A rate of consumption.
#[derive(Debug, Clone)]
pub struct Pace {
    bytes_per_s: Option<u64>,
    free_at: Instant,
}

impl Pace {
    /// As fast as the machine can.
    pub fn full_speed() -> Self {
        Self { bytes_per_s: None, free_at: Instant::now() }
    }

    /// At most so many bytes a second, and at least one.
    pub fn bytes_per_s(rate: u64) -> Self {
        Self { bytes_per_s: Some(rate.max(1)), free_at: Instant::now() }
    }

    /// Whether there is a limit.
    pub fn is_limited(&self) -> bool {
        self.bytes_per_s.is_some()
    }

    /// When what was begun will have been consumed. The viewer does nothing else until then.
    pub fn free_at(&self) -> Instant {
        self.free_at
    }

    /// Begins to consume `bytes`. Idle time is not saved up, but for the lateness of timers.
    pub fn begin(&mut self, bytes: usize) {
        if let Some(rate) = self.bytes_per_s {
            let nanos = (bytes as u64).saturating_mul(1_000_000_000) / rate;
            let now = Instant::now();
            let earliest = now.checked_sub(LATENESS_MAX).unwrap_or(now);
            self.free_at = self.free_at.max(earliest) + Duration::from_nanos(nanos);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_rate_is_never_exceeded_and_full_speed_waits_for_nothing() {
        let mut pace = Pace::bytes_per_s(1_000_000);
        let begun = Instant::now();
        for _ in 0..10 {
            pace.begin(100_000);
        }
        let busy = pace.free_at() - begun;
        // Only the lower bound is ours: a loaded machine may always be slower.
        assert!(busy >= Duration::from_secs(1) - LATENESS_MAX, "{busy:?}");
        let mut free = Pace::full_speed();
        free.begin(usize::MAX);
        assert!(free.free_at() <= Instant::now() && !free.is_limited());
    }
}
