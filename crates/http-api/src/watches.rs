//! Room for what a page watches as it happens, and when a sign-in's watches must end.
//! What is watched, and what it costs, is known to the services, each of which keeps a count of its own.

use crate::{DecidedBy, Problem, ProblemCode, SignedIn};
use model::{ClusterName, SignInId, Timestamp};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::{Change, Store};
use tokio::sync::broadcast;

/// Watches of one person: a page has one or two; several tabs in a few browsers fit. By the person, not by the
/// sign-in: one can sign in often, and would have all the places.
const PER_PERSON_MAX: u32 = 16;
/// Watches of all; each costs the API server at least one of its own.
const IN_TOTAL_MAX: u32 = 512;
/// Nothing is watched for longer; the page begins anew, with its sign-in checked anew.
const TIME_MAX: Duration = Duration::from_secs(30 * 60);

/// Counts the watches of a service that are open.
#[derive(Clone, Default)]
pub struct Watches(Arc<Mutex<HashMap<Person, u32>>>);

/// A user's name, and the only cluster it means something in, if a token brought it.
type Person = (String, Option<ClusterName>);

/// One watch's place; dropping it gives it back.
pub struct WatchPlace {
    watches: Watches,
    person: Person,
}

impl Watches {
    /// Takes a place, if there is one.
    pub fn take(&self, person: &SignedIn) -> Result<WatchPlace, Problem> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (person.user().to_owned(), person.cluster().cloned());
        let total: u32 = open.values().sum();
        let own = open.get(&key).copied().unwrap_or_default();
        if own >= PER_PERSON_MAX || total >= IN_TOTAL_MAX {
            let detail = if own >= PER_PERSON_MAX {
                format!("you have {own} watches open, as many as one person may")
            } else {
                format!("the hub has {total} watches open, as many as it may")
            };
            return Err(Problem::new(ProblemCode::TooManyWatches, detail)
                .decided_by(DecidedBy::Hub)
                .fix("close other tabs of the console, or sign out elsewhere")
                .retry_after(Duration::from_secs(5)));
        }
        open.insert(key.clone(), own + 1);
        Ok(WatchPlace { watches: self.clone(), person: key })
    }
}

impl Drop for WatchPlace {
    fn drop(&mut self) {
        let mut open = self.watches.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = open.get_mut(&self.person) {
            *own -= 1;
            if *own == 0 {
                open.remove(&self.person);
            }
        }
    }
}

/// Until when a sign-in may watch without asking anew: it was ended here or on another hub, its account was
/// disabled, its time is over, or this process may have missed any of these.
pub struct SignInEnd {
    changes: broadcast::Receiver<Change>,
    sign_in: SignInId,
    user: String,
    left: Duration,
}

impl SignInEnd {
    /// The end of this person's sign-in, seen from `now`.
    pub fn of(person: &SignedIn, store: &Store, now: Timestamp) -> Self {
        Self {
            changes: store.changes(),
            sign_in: person.id().clone(),
            user: person.user().to_owned(),
            left: person.expires_at().since(now).min(TIME_MAX),
        }
    }

    /// Comes back when the watch must end.
    pub async fn come(mut self) {
        let told = async {
            loop {
                match self.changes.recv().await {
                    Ok(Change::SignInEnded { sign_in }) if sign_in == self.sign_in => return,
                    Ok(Change::AccountDisabled { user }) if user == self.user => return,
                    Ok(Change::Missed) | Err(_) => return,
                    Ok(_) => {}
                }
            }
        };
        // Either way it ends.
        let _ = tokio::time::timeout(self.left, told).await;
    }
}
