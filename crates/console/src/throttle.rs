//! Counting failed attempts in the store and asking `authn` how long the next one waits.
//! What an attempt was for is known to `sign_in`.
//!
//! Hostile input: a hundred attempts may come at once. A count for an account rises before the password is
//! checked, and whoever finds that others have raised it meanwhile is judged by the risen count; so a
//! parallel guesser gets no more guesses than a patient one.
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

impl Attempt<'_> {
    /// Counts the attempt at its account as failed until [`Self::succeeded`] says otherwise.
    pub(crate) async fn charge(&self) -> Result<(), Problem> {
        let Some(key) = &self.counted.account else { return Ok(()) };
        let counted = self.store.throttle_fail(key, self.now).await?;
        let before = counted.failures.saturating_sub(1);
        if before > self.seen.account.failures {
            let risen = Tally { failures: before, last_failure_at: Some(self.now) };
            refuse_if_waiting(Backoff { account: risen, ..self.seen }, self.now)?;
        }
        Ok(())
    }

    /// Counts the failure against the network too; tells the wait that begins, if one does.
    pub(crate) async fn failed(&self) -> Result<Option<Duration>, Problem> {
        if let Some(key) = &self.counted.network {
            self.store.throttle_fail(key, self.now).await?;
        }
        let now_counted = Backoff {
            account: tally(self.store, self.counted.account.as_deref(), self.now).await?,
            network: tally(self.store, self.counted.network.as_deref(), self.now).await?,
        };
        Ok(now_counted.wait(self.now))
    }

    /// Forgets the failures at the account from here. The network's stay: one's own account must not
    /// clear the way for guessing at others'.
    pub(crate) async fn succeeded(&self) -> Result<(), Problem> {
        if let Some(key) = &self.counted.account {
            self.store.throttle_clear(key).await?;
        }
        Ok(())
    }
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
