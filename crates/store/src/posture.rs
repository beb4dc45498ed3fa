//! Posture: scans of clusters, what they found from when to when, and what somebody answers for.
//! What a finding means, and how it weighs, is known to `posture` and the scanner; here checks, severities and weights
//! are words and numbers.
//!
//! A finding is one row from the scan that opened it to the scan that closed it. A scan shows what was open at its
//! number once it is done: what one that runs or failed opened, closed or doubted is not seen, though it is written in
//! small transactions for which nobody waits long. A row holds no history of what is in it: the weight, value and
//! exception of a finding that stays open are those that were written last, also by a scan that runs or failed.

mod exceptions;
mod findings;
mod query;
mod retention;
mod scans;

pub use exceptions::{PostureException, PostureNewException};
pub use findings::{PostureFinding, PostureFound, PostureKnown, PostureStored, PostureVerdict};
pub use query::{PostureChange, PostureCount, PostureFacets, PosturePage, PostureQuery};
pub use retention::PosturePurged;
pub use scans::{PostureBegin, PostureBeginOutcome, PostureScan, PostureState};

/// What of a finding answers for it: which exception, and until when it holds.
pub type PostureExcuse = (i64, model::Timestamp);

fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
