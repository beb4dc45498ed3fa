//! Counting failed attempts in the store and asking `authn` how long the next one waits.
//! What an attempt was for is known to `sign_in`.
//!
//! Hostile input: a hundred attempts may come at once, at one account or at a hundred. The counts for account and
//! network rise before anything is checked, and whoever finds that others have raised one meanwhile is judged by the
//! risen count; so a parallel guesser gets no more guesses than a patient one. What did not fail, or was not looked
//! at after all, is taken back.
//!
//! While a wait runs, attempts are refused without a record of their own in the audit log, or a stranger
//! could fill it; the failure that began the wait is recorded.

use authn::{Backoff, KnownBrowserId, Tally};
use http_api::{DecidedBy, Problem, ProblemCode, Source};
use model::Timestamp;
use std::time::Duration;
use store::Store;

/// What an attempt is counted under.
pub(crate) struct Counted {
    account: Option<String>,
    network: Option<String>,
}

/// An attempt that may be made, as far as was known.
pub(crate) struct Attempt<'s> {
    store: &'s Store,
    counted: Counted,
    seen: Backoff,
    now: Timestamp,
}

/// An attempt that is being made, and counted as failed for the time being.
pub(crate) struct Charged<'s> {
    store: &'s Store,
    counted: Counted,
    /// When the network's last failure before this attempt was, where that is known.
    network_before: Option<Timestamp>,
    now: Timestamp,
}

impl Counted {
    /// An attempt at an account. `name` is what was typed, whether or not there is such an account.
    pub(crate) fn at_account(name: &str, from: Source, known: Option<&KnownBrowserId>) -> Self {
        match known {
            // The browser's own count, which no stranger can raise.
            Some(known) => {
                Self { account: Some(format!("browser:{name}:{}", known.as_str())), network: None }
            }
            None => Self {
                account: Some(format!("account:{name}:{}", from.network())),
                network: Some(network_key(from)),
            },
        }
    }

    /// An attempt at nobody in particular: a token, an invitation.
    pub(crate) fn from_network(from: Source) -> Self {
        Self { account: None, network: Some(network_key(from)) }
    }

    /// Refuses the attempt while a wait runs.
    pub(crate) async fn admit(self, store: &Store, now: Timestamp) -> Result<Attempt<'_>, Problem> {
        let seen = Backoff {
            account: tally(store, self.account.as_deref(), now).await?,
            network: tally(store, self.network.as_deref(), now).await?,
        };
        refuse_if_waiting(seen, now)?;
        Ok(Attempt { store, counted: self, seen, now })
    }
}

impl<'s> Attempt<'s> {
    /// Counts the attempt as failed, until [`Charged::succeeded`] says otherwise. Called just before the check.
    pub(crate) async fn charge(self) -> Result<Charged<'s>, Problem> {
        let Self { store, counted, seen, now } = self;
        let (account, account_before) =
            raise(store, counted.account.as_deref(), seen.account, now).await?;
        let (network, network_before) =
            raise(store, counted.network.as_deref(), seen.network, now).await?;
        if let Err(problem) = refuse_if_waiting(Backoff { account, network }, now) {
            // Nothing was guessed.
            take_back(store, counted.account.as_deref(), now, account_before).await?;
            take_back(store, counted.network.as_deref(), now, network_before).await?;
            return Err(problem);
        }
        Ok(Charged { store, counted, network_before, now })
    }
}

impl Charged<'_> {
    /// Leaves the failure counted; tells the wait that begins, if one does.
    pub(crate) async fn failed(&self) -> Result<Option<Duration>, Problem> {
        let now_counted = Backoff {
            account: tally(self.store, self.counted.account.as_deref(), self.now).await?,
            network: tally(self.store, self.counted.network.as_deref(), self.now).await?,
        };
        Ok(now_counted.wait(self.now))
    }

    /// Forgets the failures at the account from here, and takes back what was counted for the network. The
    /// network's others stay: one's own account must not clear the way for guessing at others'.
    pub(crate) async fn succeeded(&self) -> Result<(), Problem> {
        if let Some(key) = &self.counted.account {
            self.store.throttle_clear(key).await?;
        }
        take_back(self.store, self.counted.network.as_deref(), self.now, self.network_before).await
    }
}

async fn take_back(
    store: &Store,
    key: Option<&str>,
    now: Timestamp,
    before: Option<Timestamp>,
) -> Result<(), Problem> {
    if let Some(key) = key {
        store.throttle_take_back(key, now, before).await?;
    }
    Ok(())
}

/// Raises a count. Tells what it was before, as `seen` unless others have raised it since; and, unless they have, when
/// the last failure then was. Where they have, that time is theirs and must not be put back to an older one.
async fn raise(
    store: &Store,
    key: Option<&str>,
    seen: Tally,
    now: Timestamp,
) -> Result<(Tally, Option<Timestamp>), Problem> {
    let Some(key) = key else { return Ok((seen, None)) };
    let failures = store.throttle_fail(key, now).await?.failures.saturating_sub(1);
    if failures > seen.failures {
        return Ok((Tally { failures, last_failure_at: Some(now) }, None));
    }
    Ok((seen, seen.last_failure_at))
}

fn network_key(from: Source) -> String {
    format!("network:{}", from.network())
}

const THROTTLED: &str = "sallyport_sign_in_throttled_total";

pub(crate) fn describe_metrics() {
    metrics::describe_counter!(
        THROTTLED,
        "Attempts to sign in that had to wait after failed ones."
    );
    metrics::counter!(THROTTLED).absolute(0);
}

async fn tally(store: &Store, key: Option<&str>, now: Timestamp) -> Result<Tally, Problem> {
    let Some(key) = key else { return Ok(Tally::default()) };
    let Some(state) = store.throttle_state(key).await? else { return Ok(Tally::default()) };
    let tally = Tally { failures: state.failures, last_failure_at: Some(state.last_failure_at) };
    if tally.is_forgotten(now) {
        store.throttle_clear(key).await?;
        return Ok(Tally::default());
    }
    Ok(tally)
}

fn refuse_if_waiting(backoff: Backoff, now: Timestamp) -> Result<(), Problem> {
    let Some(wait) = backoff.wait(now) else { return Ok(()) };
    metrics::counter!(THROTTLED).increment(1);
    Err(Problem::new(
        ProblemCode::TooManyAttempts,
        "too many attempts to sign in failed from this network",
    )
    .decided_by(DecidedBy::Hub)
    .fix("wait, then try again; a browser in which you signed in before does not wait for others")
    .retry_after(wait))
}
