//! How much of the hub's processors interpreting the terminals of one person may take. Two bytes can ask a large
//! screen for a million cells, and whoever prints them without end would take the processors from everybody.
//! It knows no terminal; `screen` burns what it is given here and passes over what it is not.
//!
//! The unit is a microsecond of a worker. Ordinary floods stay below the allowance, because of plain text only
//! the end is interpreted.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// What a person's terminals may take together, of one processor: a half.
const SHARE: i64 = 2;
/// What may be spent at once: so long a worker does nothing else.
const SAVED_MAX_US: i64 = 50_000;

/// The allowance of one person, shared by their terminals.
#[derive(Debug)]
pub(crate) struct Fuel {
    tank: Mutex<Tank>,
}

#[derive(Debug)]
struct Tank {
    /// Below zero after something that took longer than was left.
    level_us: i64,
    at: Instant,
}

impl Fuel {
    pub(crate) fn new() -> Self {
        Self { tank: Mutex::new(Tank { level_us: SAVED_MAX_US, at: Instant::now() }) }
    }

    /// For tests in which a busy machine must not change a result.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn endless() -> Self {
        Self { tank: Mutex::new(Tank { level_us: i64::MAX, at: Instant::now() }) }
    }

    /// Does the work if anything is left, and takes what it took. What took longer is paid off before the next.
    pub(super) fn burn(&self, work: impl FnOnce()) {
        let mut tank = self.tank.lock().unwrap_or_else(PoisonError::into_inner);
        let began = Instant::now();
        let since = began.duration_since(tank.at);
        // Below a millisecond the refill would be rounded away.
        if since >= Duration::from_millis(1) {
            tank.level_us = tank
                .level_us
                .saturating_add(micros(since) / SHARE)
                .min(SAVED_MAX_US.max(tank.level_us));
            tank.at = began;
        }
        if tank.level_us <= 0 {
            return;
        }
        // Not held during the work: another terminal of the person may work beside it, and pays as well.
        drop(tank);
        work();
        let took = began.elapsed();
        let mut tank = self.tank.lock().unwrap_or_else(PoisonError::into_inner);
        tank.level_us = tank.level_us.saturating_sub(micros(took).max(1));
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn does_work(fuel: &Fuel) -> bool {
        let mut done = false;
        fuel.burn(|| done = true);
        done
    }

    #[test]
    fn what_is_spent_comes_back_with_time() {
        let fuel = Fuel::new();
        assert!(does_work(&fuel));
        fuel.tank.lock().unwrap().level_us = -100_000;
        assert!(!does_work(&fuel));
        fuel.tank.lock().unwrap().at -= Duration::from_millis(150);
        assert!(!does_work(&fuel), "75 ms of 100 are paid off");
        fuel.tank.lock().unwrap().at -= Duration::from_millis(100);
        assert!(does_work(&fuel));
        fuel.tank.lock().unwrap().at -= Duration::from_secs(3600);
        fuel.burn(|| {});
        assert!(fuel.tank.lock().unwrap().level_us <= SAVED_MAX_US, "and not without bound");
    }
}
