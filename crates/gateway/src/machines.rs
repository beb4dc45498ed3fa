//! Machines that people signed in from at the hub: whether such a sign-in holds, and what it has open, so that all of
//! it is cut when the sign-in ends.
//! How a machine proves itself is known to `authn`, how a sign-in begins and ends to the console.
//!
//! What the store said is believed for [`KNOWN_FOR`] and forgotten at once when the change feed tells of an end. A
//! request first takes its place among what is open and is asked about after that, so an end is either seen by the
//! question or finds the request there.
//!
//! Where the feed cannot tell what has changed, all that is open is asked about anew. What the store then does not answer
//! about in [`TRIES`] tries, [`TRY_EVERY`] apart, is cut: nothing stays open for longer than it is known to hold.
//!
//! Limits: [`KNOWN_MAX`] sign-ins are remembered; a place is kept only while a request of it is under way, and swept when
//! there are twice as many as were then. A store that failed [`AWAY_AFTER`] times in a row is asked no more in that round.

use authn::AccountMapping;
use authn::kubernetes::{Known, SignInFacts};
use bytes::Bytes;
use http_api::{Clock, identity_of};
use hyper::body::{Body, Frame, SizeHint};
use model::{SignInId, Timestamp};
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;
use store::{Change, Store};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// As long as a token is. The end of a sign-in does not wait for it.
const KNOWN_FOR: Duration = Duration::from_secs(10);
/// More people than a hub has at one time; at the bound all are asked about anew.
const KNOWN_MAX: usize = 10_000;
const TRIES: u32 = 5;
const TRY_EVERY: Duration = Duration::from_secs(1);
/// A connection is waited for over seconds, and hundreds of sign-ins may be open; two rows may be broken by themselves.
const AWAY_AFTER: u32 = 3;
/// Fewer places than this are not worth a sweep.
const SWEPT_MIN: usize = 64;

/// The sign-ins of machines as this gateway knows them.
pub(crate) struct Machines {
    store: Store,
    accounts: AccountMapping,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: HashMap<SignInId, (Timestamp, SignInFacts)>,
    /// Rises with each change, so that an answer which was under way meanwhile is not kept.
    changes: u64,
    open: HashMap<SignInId, Weak<CancellationToken>>,
    /// How many places were left by the last sweep.
    swept: usize,
}

/// A sign-in's place among what is open. Ends with the sign-in.
#[derive(Debug, Clone)]
pub(crate) struct Hold {
    cut: Arc<CancellationToken>,
    ends: tokio::time::Instant,
}

impl Machines {
    pub(crate) fn new(store: Store, accounts: AccountMapping, clock: Clock) -> Self {
        Self { store, accounts, clock, state: Mutex::default() }
    }

    /// What is known of a sign-in.
    pub(crate) async fn facts(&self, id: &SignInId, now: Timestamp) -> Known<SignInFacts> {
        let changes = {
            let state = self.state();
            match state.known.get(id) {
                Some((until, facts)) if now < *until => return Known::Found(facts.clone()),
                _ => state.changes,
            }
        };
        let found = match self.store.machine_sign_in(id, now).await {
            Ok(Some(found)) => found,
            Ok(None) => return Known::Absent,
            Err(error) => {
                tracing::warn!(%error, "a machine's sign-in could not be looked up");
                return Known::Failed;
            }
        };
        let identity = match &found.account {
            Some(account) => identity_of(&self.accounts, account),
            // A machine's sign-in is of an account.
            None => return Known::Absent,
        };
        if let Err(error) = self.store.touch_sign_in_seen(id, now).await {
            tracing::warn!(%error, "the use of a machine's sign-in could not be written down");
        }
        let facts = SignInFacts { identity, ends_at: found.sign_in.expires_at };
        let mut state = self.state();
        if state.changes == changes {
            if state.known.len() >= KNOWN_MAX {
                state.known.clear();
            }
            state.known.insert(id.clone(), (now.after(KNOWN_FOR), facts.clone()));
        }
        Known::Found(facts)
    }

    /// Takes a place for a request of this sign-in; `None` if it has ended by now.
    pub(crate) async fn hold(&self, id: &SignInId, now: Timestamp) -> Option<Hold> {
        let cut = self.place(id);
        match self.facts(id, now).await {
            Known::Found(facts) if now < facts.ends_at && !cut.is_cancelled() => {
                let left = facts.ends_at.since(now);
                Some(Hold { cut, ends: tokio::time::Instant::now() + left })
            }
            _ => None,
        }
    }

    fn place(&self, id: &SignInId) -> Arc<CancellationToken> {
        let mut state = self.state();
        if let Some(cut) = state.open.get(id).and_then(Weak::upgrade) {
            return cut;
        }
        if state.open.len() >= 2 * state.swept.max(SWEPT_MIN) {
            state.open.retain(|_, cut| cut.strong_count() > 0);
            state.swept = state.open.len();
        }
        let cut = Arc::new(CancellationToken::new());
        state.open.insert(id.clone(), Arc::downgrade(&cut));
        cut
    }

    /// Heeds what ends sign-ins, for as long as it is polled.
    pub(crate) async fn heed(&self) {
        self.heed_of(self.store.changes()).await;
    }

    async fn heed_of(&self, mut changes: Receiver<Change>) {
        // How often each was asked about in vain.
        let mut failed = HashMap::new();
        let mut again = tokio::time::interval(TRY_EVERY);
        again.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                change = changes.recv() => match change {
                    Ok(Change::SignInEnded { sign_in }) => self.end(&sign_in),
                    Ok(Change::AccountDisabled { .. } | Change::Missed)
                    | Err(RecvError::Lagged(_)) => {
                        let none_failed = failed.is_empty();
                        let open = self.forget();
                        self.look_anew(open, &mut failed, 0).await;
                        if none_failed {
                            again.reset();
                        }
                    }
                    Ok(_) => {}
                    Err(RecvError::Closed) => std::future::pending().await,
                },
                _ = again.tick(), if !failed.is_empty() => {
                    let open = failed.keys().cloned().collect();
                    self.look_anew(open, &mut failed, 1).await;
                }
            }
        }
    }

    fn end(&self, id: &SignInId) {
        let mut state = self.state();
        state.changes += 1;
        state.known.remove(id);
        if let Some(cut) = state.open.remove(id).and_then(|cut| cut.upgrade()) {
            tracing::info!(sign_in = %id, "what a machine had open is cut");
            cut.cancel();
        }
    }

    /// Forgets all that is known, because it is not known what has changed; tells what is open.
    fn forget(&self) -> Vec<SignInId> {
        let mut state = self.state();
        state.changes += 1;
        state.known.clear();
        let open = state.open.iter().filter(|(_, cut)| cut.strong_count() > 0);
        open.map(|(id, _)| id.clone()).collect()
    }

    /// Asks about what is open, and ends what has ended or was asked about in vain too often. A first failure begins
    /// the count; each after it adds `more`.
    async fn look_anew(&self, open: Vec<SignInId>, failed: &mut HashMap<SignInId, u32>, more: u32) {
        let mut in_a_row = 0;
        for id in open {
            let known = match in_a_row < AWAY_AFTER {
                true => self.facts(&id, self.clock.now()).await,
                false => Known::Failed,
            };
            if !matches!(known, Known::Failed) {
                in_a_row = 0;
                failed.remove(&id);
                if matches!(known, Known::Absent) {
                    self.end(&id);
                }
                continue;
            }
            in_a_row += 1;
            let tries = failed.entry(id.clone()).and_modify(|tries| *tries += more).or_insert(1);
            if *tries >= TRIES {
                failed.remove(&id);
                tracing::error!(sign_in = %id, "whether a machine's sign-in holds could not be asked");
                self.end(&id);
            }
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hold {
    /// Waits for the sign-in's end, by whoever ended it or by its own time.
    pub(crate) async fn ended(self) {
        tokio::select! {
            () = self.cut.cancelled() => {}
            () = tokio::time::sleep_until(self.ends) => {}
        }
    }
}

/// A body that breaks off when its sender's sign-in ends: neither complete nor silent, so that a client sees it.
pub(crate) struct Held<B> {
    body: B,
    ended: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl<B> Held<B> {
    pub(crate) fn new(body: B, hold: Hold) -> Self {
        Self { body, ended: Box::pin(hold.ended()) }
    }
}

impl<B> Body for Held<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.ended.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Err("the sender's sign-in ended".into())));
        }
        Pin::new(&mut self.body).poll_frame(context).map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests;
