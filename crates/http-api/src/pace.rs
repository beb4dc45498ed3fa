//! How many acts of one person the hub takes in a while: those that change something, enter a Pod, or ask a
//! cluster for a review. Each may leave a record in the audit log for ever and cost the cluster questions, so a
//! person who loops must not be able to fill the one or busy the other.
//! Which requests are acts is known to `sign_in` and to the handlers of reads.
//!
//! A bucket of [`BURST_S`] seconds' worth, which fills while the person rests. What goes beyond it leaves no record
//! of its own: once a minute at most, one record says how many were refused. The count is this hub's; of several
//! hubs, each counts for itself.
//!
//! Hostile input: the number of people is bounded. One who finds the book full takes the place of whoever has rested
//! longest, so nobody is locked out by others.

use model::{ClusterName, Timestamp};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What a page, a class's script or a person with two hands asks for at most, several times over.
const PER_SECOND: u32 = 20;
/// So many seconds' worth may come at once: 200 acts, a script that makes a link for each of a class.
const BURST_S: u32 = 10;
/// Whoever was active within the last seconds; some two megabytes.
const PERSONS_MAX: usize = 10_000;
/// How often it is recorded that somebody was held back.
const TOLD_EVERY: Duration = Duration::from_secs(60);

const HELD_BACK: &str = "sallyport_acts_held_back_total";

pub(crate) fn describe_metrics() {
    metrics::describe_counter!(HELD_BACK, "Acts refused because one person did too many at once.");
    metrics::counter!(HELD_BACK).absolute(0);
}

/// The acts of everybody lately. Cheap to clone; clones share the count.
#[derive(Clone)]
pub struct Pace {
    persons: Arc<Mutex<HashMap<Person, Bucket>>>,
    /// What one act takes out of the bucket, as the time in which it comes back.
    act: Duration,
}

/// A user's name, and the only cluster it means something in, if a token brought it.
type Person = (String, Option<ClusterName>);

#[derive(Clone, Copy)]
struct Bucket {
    /// When the bucket is full again: the later, the emptier it is.
    full_at: Timestamp,
    /// Acts refused since that was last recorded.
    refused: u64,
    /// When it was last recorded.
    told_at: Option<Timestamp>,
}

/// What becomes of an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paced {
    /// How long to wait with it, if it may not be done now.
    pub(crate) wait: Option<Duration>,
    /// How many were refused since that was last recorded, if it is time to record it.
    pub(crate) to_tell: Option<u64>,
}

impl Default for Pace {
    fn default() -> Self {
        Self::of(PER_SECOND)
    }
}

impl Pace {
    /// So many acts a second for each person, and ten times as many at once.
    pub fn of(per_second: u32) -> Self {
        let act = Duration::from_secs(1) / per_second.max(1);
        Self { persons: Arc::default(), act }
    }

    /// Counts an act of this person.
    pub(crate) fn act(&self, user: &str, cluster: Option<&ClusterName>, now: Timestamp) -> Paced {
        let whole = Duration::from_secs(BURST_S.into());
        let mut persons = self.persons.lock().unwrap_or_else(PoisonError::into_inner);
        let person = (user.to_owned(), cluster.cloned());
        if persons.len() >= PERSONS_MAX && !persons.contains_key(&person) {
            make_room(&mut persons, now);
        }
        let fresh = Bucket { full_at: now, refused: 0, told_at: None };
        let bucket = persons.entry(person).or_insert(fresh);
        // A clock that was set back must not empty the bucket for longer than it takes to fill.
        let full_at = bucket.full_at.max(now).min(now.after(whole));
        let after = full_at.after(self.act);
        let over = after.since(now.after(whole));
        let wait = if over.is_zero() {
            bucket.full_at = after;
            None
        } else {
            bucket.full_at = full_at;
            bucket.refused = bucket.refused.saturating_add(1);
            metrics::counter!(HELD_BACK).increment(1);
            Some(over)
        };
        // What was refused last is told by the first act after the minute, whether that one is refused or not.
        let is_due = bucket.may_tell(now);
        let to_tell = (bucket.refused > 0 && is_due).then_some(bucket.refused);
        if to_tell.is_some() {
            (bucket.refused, bucket.told_at) = (0, Some(now));
        }
        Paced { wait, to_tell }
    }
}

impl Bucket {
    fn may_tell(&self, now: Timestamp) -> bool {
        // What was told later than now was told by a clock that has been set back.
        self.told_at.is_none_or(|told| now < told || now.since(told) >= TOLD_EVERY)
    }
}

/// Forgets whoever has rested, and if nobody has, whoever has done least.
fn make_room(persons: &mut HashMap<Person, Bucket>, now: Timestamp) {
    persons.retain(|_, bucket| bucket.full_at > now || !bucket.may_tell(now));
    if persons.len() >= PERSONS_MAX {
        let least = persons.iter().min_by_key(|(_, bucket)| bucket.full_at);
        if let Some(person) = least.map(|(person, _)| person.clone()) {
            persons.remove(&person);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

    fn later(time_ms: u64) -> Timestamp {
        NOW.after(Duration::from_millis(time_ms))
    }

    /// How many of so many acts are let through, and what is to be told.
    fn acts(pace: &Pace, user: &str, many: usize, now: Timestamp) -> (usize, Vec<u64>) {
        let paced: Vec<Paced> = (0..many).map(|_| pace.act(user, None, now)).collect();
        let through = paced.iter().filter(|paced| paced.wait.is_none()).count();
        (through, paced.iter().filter_map(|paced| paced.to_tell).collect())
    }

    #[test]
    fn a_burst_passes_and_then_so_many_a_second() {
        let pace = Pace::default();
        assert_eq!(acts(&pace, "mina", 200, NOW), (200, vec![]));
        let held = pace.act("mina", None, NOW);
        assert_eq!(held.wait, Some(Duration::from_millis(50)));
        assert_eq!(acts(&pace, "mina", 100, later(1000)).0, 20);
        assert_eq!(acts(&pace, "mina", 100, later(1049)).0, 0);
        assert_eq!(acts(&pace, "mina", 100, later(1050)).0, 1);
        // Rest fills it up again, and no further.
        assert_eq!(acts(&pace, "mina", 999, later(3_600_000)).0, 200);
        // Others, and her namesake of a cluster, have their own.
        assert_eq!(acts(&pace, "joon", 1, NOW).0, 1);
        assert_eq!(pace.act("mina", Some(&"home".parse().unwrap()), NOW).wait, None);
        assert_eq!(acts(&Pace::of(1), "mina", 99, NOW).0, 10);
    }

    #[test]
    fn what_is_refused_is_told_once_a_minute_and_counted_whole() {
        let pace = Pace::default();
        let mut told = Vec::new();
        for second in 0..180 {
            told.extend(acts(&pace, "mina", 120, later(second * 1000)).1);
        }
        // 200 and then 20 a second pass; the first refusal tells itself.
        assert_eq!(told.len(), 3);
        assert_eq!(told[0], 1);
        let (through, last) = acts(&pace, "mina", 1, later(600_000));
        assert_eq!((through, last.len()), (1, 1), "told by an act that passes");
        told.extend(last);
        assert_eq!(told.iter().sum::<u64>(), 180 * 120 - 200 - 179 * 20);
    }

    #[test]
    fn a_clock_set_back_holds_nobody_back_for_longer_than_a_bucket_takes_to_fill() {
        let pace = Pace::default();
        acts(&pace, "mina", 200, later(3_600_000));
        assert_eq!(acts(&pace, "mina", 1, NOW).0, 0);
        assert_eq!(acts(&pace, "mina", 300, later(10_000)).0, 200);
    }

    #[test]
    fn strangers_to_one_another_neither_fill_memory_nor_lock_anybody_out() {
        let pace = Pace::default();
        acts(&pace, "loop", 300, NOW);
        for n in 0..PERSONS_MAX + 50 {
            assert_eq!(acts(&pace, &format!("person-{n}"), 1, NOW).0, 1);
        }
        let many = || pace.persons.lock().unwrap().len();
        assert_eq!(many(), PERSONS_MAX);
        assert_eq!(acts(&pace, "loop", 1, NOW).0, 0, "who is held back is forgotten last");
        // Once they have rested, all go.
        acts(&pace, "somebody", 1, later(120_000));
        assert_eq!(many(), 1);
    }
}
