//! Puts cases to both sides, side by side in several threads, and keeps what differs.
//! What a case is made of is its source's.

use crate::case::Case;
use crate::wire::{Verdict, Wire};
use anyhow::Context;
use authn::kubernetes::Explanation;
use model::Timestamp;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Enough to keep the API server busy, few enough for its own fairness.
const ASKERS: usize = 4;
/// Differences that are written out; more of them mostly have one cause.
const SHOWN_MAX: usize = 20;

/// Where cases come from, and who judges them on our side.
pub trait Source: Sync {
    /// The case of a number.
    fn case(&self, number: u64, now: Timestamp) -> anyhow::Result<Case>;
    /// What `authn` says to it, and why.
    fn judge(&self, case: &Case, now: Timestamp) -> (Verdict, Option<Explanation>);
}

/// What came of a comparison.
#[derive(Debug, Default)]
pub struct Tally {
    /// How often the API server gave each kind of verdict.
    pub kinds: BTreeMap<&'static str, u64>,
    /// What differs, written out.
    pub differences: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cases: u64 = self.kinds.values().sum();
        let (kinds, took) = (&self.kinds, self.took.as_secs_f64());
        writeln!(
            f,
            "{cases} cases in {took:.1} s: {kinds:?}; {} disagreements",
            self.differences.len()
        )?;
        for difference in self.differences.iter().take(SHOWN_MAX) {
            writeln!(f, "{difference}\n")?;
        }
        Ok(())
    }
}

/// Compares the cases of these numbers.
pub fn compare(
    source: &impl Source,
    wire: impl Fn() -> anyhow::Result<Wire> + Sync,
    numbers: std::ops::Range<u64>,
) -> anyhow::Result<Tally> {
    let started = Instant::now();
    let next = AtomicU64::new(numbers.start);
    let tally = Mutex::new(Tally::default());
    let work = || -> anyhow::Result<()> {
        let mut wire = wire()?;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= numbers.end {
                return Ok(());
            }
            compare_one(source, number, &mut wire, &tally)
                .with_context(|| format!("case {number}"))?;
        }
    };
    std::thread::scope(|scope| {
        let askers: Vec<_> = (0..ASKERS).map(|_| scope.spawn(work)).collect();
        askers.into_iter().try_for_each(|asker| match asker.join() {
            Ok(result) => result,
            Err(_) => anyhow::bail!("an asker panicked"),
        })
    })?;
    let mut tally = tally.into_inner().map_err(|_| anyhow::anyhow!("an asker panicked"))?;
    tally.took = started.elapsed();
    Ok(tally)
}

fn compare_one(
    source: &impl Source,
    number: u64,
    wire: &mut Wire,
    tally: &Mutex<Tally>,
) -> anyhow::Result<()> {
    let now = Timestamp::now();
    let case = source.case(number, now)?;
    let mut theirs = wire.ask(&case)?;
    let (mut ours, explanation) = source.judge(&case, now);
    // The values of one extra key come in the order of Go's maps, which is none.
    for verdict in [&mut ours, &mut theirs] {
        if let Verdict::User(identity) = verdict {
            identity.extra.values_mut().for_each(|values| values.sort());
        }
    }
    let mut tally = tally.lock().map_err(|_| anyhow::anyhow!("an asker panicked"))?;
    let kind = match &theirs {
        Verdict::User(_) => "user",
        Verdict::Forbidden(_) => "anonymous or forbidden",
        Verdict::Unauthorized => "unauthorized",
        Verdict::NoConnection => "no connection",
        Verdict::Other(_) => "other",
    };
    *tally.kinds.entry(kind).or_default() += 1;
    if ours != theirs {
        let steps = explanation.map(|explanation| explanation.steps);
        let headers: Vec<_> = case
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value)))
            .collect();
        tally.differences.push(format!(
            "case {number}: the API server says {theirs:?}, we say {ours:?}\n{steps:?}\n{headers:#?}\n{} \
             certificate(s)",
            case.certificates.len()
        ));
    }
    Ok(())
}
