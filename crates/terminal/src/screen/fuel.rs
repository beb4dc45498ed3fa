//! How much of the hub's processors interpreting the terminals of one person may take. Two bytes can ask a large
//! screen for a million cells, and whoever prints them without end would take the processors from everybody.
//! It knows no terminal; `screen` burns what it is given here, and waits where it is given none.
//!
//! The unit is a nanosecond of a worker. Ordinary floods stay below the allowance, because of plain text only
//! the end is interpreted. A terminal that takes much leaves a reserve to the person's others, so that one which
//! is flooded on purpose does not make them wait.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// What a person's terminals may take together, of one processor: a half.
const SHARE: i64 = 2;
/// What may be spent at once: so long a worker does nothing else.
pub(super) const SAVED_MAX_NS: i64 = 50_000_000;
/// What of it a hungry terminal leaves to the others.
const RESERVE_NS: i64 = SAVED_MAX_NS / 2;
/// Less than this is not worth putting together what was gathered.
const WORTH_BEGINNING_NS: i64 = 1_000_000;
/// A terminal that spent more than this within [`PERIOD`] is hungry.
const HUNGRY_NS: i64 = 60_000_000;
const PERIOD: Duration = Duration::from_secs(1);

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

/// What one terminal took of it lately.
#[derive(Debug)]
pub(super) struct Meter {
    spent_ns: i64,
    since: Instant,
    /// The period before was over the bound: hunger lasts until one is not.
    was_hungry: bool,
}

impl Meter {
    pub(super) fn new() -> Self {
        Self { spent_ns: 0, since: Instant::now(), was_hungry: false }
    }

    pub(super) fn is_hungry(&self) -> bool {
        self.was_hungry || self.spent_ns > HUNGRY_NS
    }

    fn spend(&mut self, now: Instant, took: i64) {
        let periods = now.saturating_duration_since(self.since);
        if periods >= PERIOD {
            self.was_hungry = self.spent_ns > HUNGRY_NS && periods < 2 * PERIOD;
            (self.spent_ns, self.since) = (0, now);
        }
        self.spent_ns = self.spent_ns.saturating_add(took);
    }
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

    /// Does the work if anything is left for this terminal, and takes what it took. What took longer is paid off
    /// before the next.
    pub(super) fn burn<T>(&self, meter: &mut Meter, work: impl FnOnce() -> T) -> Option<T> {
        let floor = if meter.is_hungry() { RESERVE_NS } else { 0 };
        self.burn_above(floor, meter, work)
    }

    /// The same for what must not wait any longer: a hungry terminal may take the reserve, any other a debt.
    pub(super) fn burn_on_credit<T>(
        &self,
        meter: &mut Meter,
        work: impl FnOnce() -> T,
    ) -> Option<T> {
        let floor = if meter.is_hungry() { 0 } else { -SAVED_MAX_NS };
        self.burn_above(floor, meter, work)
    }

    fn burn_above<T>(&self, floor: i64, meter: &mut Meter, work: impl FnOnce() -> T) -> Option<T> {
        let began = Instant::now();
        // Not held during the work: another terminal of the person may work beside it, and pays as well.
        if self.lock().refilled(began) <= floor {
            return None;
        }
        let done = work();
        let ended = Instant::now();
        let took = nanos(ended.saturating_duration_since(began));
        meter.spend(ended, took);
        let mut tank = self.lock();
        tank.level_ns = tank.level_ns.saturating_sub(took);
        Some(done)
    }

    /// Gives back what was taken for time in which the worker did not run.
    pub(super) fn refund(&self, meter: &mut Meter, idle: Duration) {
        meter.spent_ns = meter.spent_ns.saturating_sub(nanos(idle)).max(0);
        let mut tank = self.lock();
        tank.level_ns =
            tank.level_ns.saturating_add(nanos(idle)).min(SAVED_MAX_NS.max(tank.level_ns));
    }

    /// Whether enough is left for this terminal to begin.
    pub(super) fn is_left(&self, meter: &Meter) -> bool {
        let floor = if meter.is_hungry() { RESERVE_NS } else { 0 };
        self.lock().refilled(Instant::now()) > floor + WORTH_BEGINNING_NS
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

    fn does_work(fuel: &Fuel, meter: &mut Meter) -> bool {
        let is_left = fuel.is_left(meter);
        assert_eq!(fuel.burn(meter, || ()).is_some(), is_left);
        is_left
    }

    #[test]
    fn what_is_spent_comes_back_with_time() {
        let (fuel, mut meter) = (Fuel::new(), Meter::new());
        assert!(does_work(&fuel, &mut meter));
        fuel.lock().level_ns = -100_000_000;
        assert!(!does_work(&fuel, &mut meter));
        fuel.lock().at -= Duration::from_millis(150);
        assert!(!does_work(&fuel, &mut meter), "75 ms of 100 are paid off");
        fuel.lock().at -= Duration::from_millis(100);
        assert!(does_work(&fuel, &mut meter));
        fuel.lock().at -= Duration::from_secs(3600);
        fuel.burn(&mut meter, || {});
        assert!(fuel.lock().level_ns <= SAVED_MAX_NS, "and not without bound");
        fuel.refund(&mut meter, Duration::from_secs(3600));
        assert!(fuel.lock().level_ns <= SAVED_MAX_NS, "nor by what is given back");
    }

    #[test]
    fn a_hungry_terminal_leaves_a_reserve_to_the_others() {
        let (fuel, mut modest, mut hungry) = (Fuel::new(), Meter::new(), Meter::new());
        hungry.spend(Instant::now(), HUNGRY_NS + 1);
        fuel.lock().level_ns = RESERVE_NS - 2_000_000;
        assert!(!does_work(&fuel, &mut hungry));
        assert!(does_work(&fuel, &mut modest));
        assert!(fuel.burn_on_credit(&mut hungry, || ()).is_some());
        fuel.lock().level_ns = -2_000_000;
        assert!(fuel.burn_on_credit(&mut hungry, || ()).is_none());
        assert!(fuel.burn_on_credit(&mut modest, || ()).is_some());
        fuel.lock().level_ns = -SAVED_MAX_NS - 2_000_000;
        assert!(fuel.burn_on_credit(&mut modest, || ()).is_none());
    }

    #[test]
    fn hunger_passes_with_a_period_of_rest() {
        let (mut meter, now) = (Meter::new(), Instant::now());
        meter.spend(now, HUNGRY_NS + 1);
        meter.spend(now + PERIOD, 1);
        assert!(meter.is_hungry(), "the period before was over the bound");
        meter.spend(now + 2 * PERIOD, 1);
        assert!(!meter.is_hungry());
        meter.spend(now + 2 * PERIOD, HUNGRY_NS + 1);
        meter.spend(now + 9 * PERIOD, 1);
        assert!(!meter.is_hungry(), "it rested in between");
    }
}
