//! How much of the hub's processors interpreting the terminals of one person may take. Two bytes can ask a large
//! screen for a million cells, and whoever prints them without end would take the processors from everybody.
//! It knows no terminal; `screen` burns what it is given here, and waits where it is given none.
//!
//! The unit is a nanosecond of a worker. Ordinary floods stay below the allowance, because of plain text only
//! the end is interpreted.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// What a person's terminals may take together, of one processor: a half.
const SHARE: i64 = 2;
/// What may be spent at once: so long a worker does nothing else.
const SAVED_MAX_NS: i64 = 50_000_000;

/// The allowance of one person, shared by their terminals.
#[derive(Debug)]
pub(crate) struct Fuel {
    tank: Mutex<Tank>,
}

#[derive(Debug)]
struct Tank {
    /// Below zero after something that took longer than was left.
    level_ns: i64,
    at: Instant,
}

impl Fuel {
    pub(crate) fn new() -> Self {
        Self { tank: Mutex::new(Tank { level_ns: SAVED_MAX_NS, at: Instant::now() }) }
    }

    /// For tests in which a busy machine must not change a result.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn endless() -> Self {
        Self { tank: Mutex::new(Tank { level_ns: i64::MAX, at: Instant::now() }) }
    }

    #[cfg(test)]
    pub(super) fn spend(&self, time: Duration) {
        self.lock().level_ns -= nanos(time);
    }

    /// Does the work if anything is left, and takes what it took. What took longer is paid off before the next.
    pub(super) fn burn<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        let began = Instant::now();
        // Not held during the work: another terminal of the person may work beside it, and pays as well.
        if self.lock().refilled(began) <= 0 {
            return None;
        }
        let done = work();
        let took = nanos(began.elapsed());
        let mut tank = self.lock();
        tank.level_ns = tank.level_ns.saturating_sub(took);
        Some(done)
    }

    /// Whether any is left.
    pub(super) fn is_left(&self) -> bool {
        self.lock().refilled(Instant::now()) > 0
    }

    fn lock(&self) -> MutexGuard<'_, Tank> {
        self.tank.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tank {
    fn refilled(&mut self, now: Instant) -> i64 {
        let since = now.saturating_duration_since(self.at);
        self.level_ns =
            self.level_ns.saturating_add(nanos(since) / SHARE).min(SAVED_MAX_NS.max(self.level_ns));
        self.at = self.at.max(now);
        self.level_ns
    }
}

fn nanos(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn does_work(fuel: &Fuel) -> bool {
        let is_left = fuel.is_left();
        assert_eq!(fuel.burn(|| ()).is_some(), is_left);
        is_left
    }

    #[test]
    fn what_is_spent_comes_back_with_time() {
        let fuel = Fuel::new();
        assert!(does_work(&fuel));
        fuel.tank.lock().unwrap().level_ns = -100_000_000;
        assert!(!does_work(&fuel));
        fuel.tank.lock().unwrap().at -= Duration::from_millis(150);
        assert!(!does_work(&fuel), "75 ms of 100 are paid off");
        fuel.tank.lock().unwrap().at -= Duration::from_millis(100);
        assert!(does_work(&fuel));
        fuel.tank.lock().unwrap().at -= Duration::from_secs(3600);
        fuel.burn(|| {});
        assert!(fuel.tank.lock().unwrap().level_ns <= SAVED_MAX_NS, "and not without bound");
    }
}
