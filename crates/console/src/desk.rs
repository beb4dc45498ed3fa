//! The desk at which passwords are hashed and checked: few seats, a short queue, then a refusal.
//! What a verdict means for a sign-in is known to `sign_in`.
//!
//! Hostile input: anybody can ask for a check, and one takes a core for tens of milliseconds and 19 MiB or
//! more. Seats bound how many run, the queue bounds how many wait, and time bounds how long. A part of the queue is
//! kept from strangers, so that however many networks they come from, whoever the hub knows finds a place.

use authn::{Cost, InvalidCost, Passwords, Verdict};
use http_api::{DecidedBy, Problem, ProblemCode, random};
use model::Secret;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use store::PasswordPhc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many may wait for each seat: at some 30 ms a check, what a seat serves in the time of waiting.
const QUEUE_PER_SEAT: usize = 128;
/// How many of these are kept for who is known: a class that signs in again at once.
const KEPT_PER_SEAT: usize = 32;
/// Nobody waits longer than this for a seat.
const WAIT_MAX: Duration = Duration::from_secs(5);

const CHECKS: &str = "sallyport_password_checks_total";

pub(crate) fn describe_metrics() {
    metrics::describe_counter!(CHECKS, "Passwords checked, right or wrong.");
    metrics::counter!(CHECKS).absolute(0);
}

/// Hashes and checks passwords. Cheap to clone; clones share the seats.
#[derive(Clone)]
pub struct PasswordDesk {
    passwords: Arc<Passwords>,
    seats: Arc<Semaphore>,
    queue: Arc<Semaphore>,
    queue_of_strangers: Arc<Semaphore>,
    checks: Arc<AtomicU64>,
}

/// Who comes to the desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comes {
    /// Somebody who is signed in, or from a browser in which the account signed in before.
    Known,
    /// Anybody.
    Stranger,
}

/// A seat at the desk, for one check or hash.
pub(crate) struct Seat {
    desk: PasswordDesk,
    permit: OwnedSemaphorePermit,
}

impl PasswordDesk {
    /// A desk with a seat for each processor. `decoy` is random, see [`Passwords::new`].
    pub fn new(cost: Cost, decoy: [u8; 32]) -> Result<Self, InvalidCost> {
        let seats = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Self {
            passwords: Arc::new(Passwords::new(cost, decoy)?),
            seats: Arc::new(Semaphore::new(seats)),
            queue: Arc::new(Semaphore::new(seats * (QUEUE_PER_SEAT + 1))),
            queue_of_strangers: Arc::new(Semaphore::new(
                seats * (QUEUE_PER_SEAT + 1 - KEPT_PER_SEAT),
            )),
            checks: Arc::new(AtomicU64::new(0)),
        })
    }

    /// Waits for a seat, but not long.
    pub(crate) async fn seat(&self, who: Comes) -> Result<Seat, Problem> {
        let _strangers = match who {
            Comes::Known => None,
            Comes::Stranger => Some(self.queue_of_strangers.try_acquire().map_err(|_| busy())?),
        };
        let _place = self.queue.try_acquire().map_err(|_| busy())?;
        let seat = tokio::time::timeout(WAIT_MAX, Arc::clone(&self.seats).acquire_owned()).await;
        match seat {
            Ok(Ok(permit)) => Ok(Seat { desk: self.clone(), permit }),
            // The semaphore is never closed; either way nobody is seated.
            Ok(Err(_)) | Err(_) => Err(busy()),
        }
    }

    /// Hashes a password that passed the policy, for somebody who is known.
    pub async fn hash(&self, password: Secret) -> Result<PasswordPhc, Problem> {
        self.seat(Comes::Known).await?.hash(password).await
    }

    /// How many checks were made, right or wrong, with or without an account.
    pub fn checks(&self) -> u64 {
        self.checks.load(Ordering::Relaxed)
    }
}

impl Seat {
    /// Checks a password; without a stored hash it does the same work in vain.
    pub(crate) async fn check(
        self,
        password: Secret,
        stored: Option<PasswordPhc>,
    ) -> Result<Verdict, Problem> {
        self.desk.checks.fetch_add(1, Ordering::Relaxed);
        metrics::counter!(CHECKS).increment(1);
        self.work(move |passwords| {
            passwords.verify(&password, stored.as_ref().map(PasswordPhc::expose))
        })
        .await
    }

    pub(crate) async fn hash(self, password: Secret) -> Result<PasswordPhc, Problem> {
        let salt = random()?;
        self.work(move |passwords| passwords.hash(&password, salt)).await.map(PasswordPhc::new)
    }

    async fn work<T: Send + 'static>(
        self,
        work: impl FnOnce(&Passwords) -> Result<T, authn::PasswordError> + Send + 'static,
    ) -> Result<T, Problem> {
        let Self { desk, permit } = self;
        let done = tokio::task::spawn_blocking(move || {
            let done = work(&desk.passwords);
            // Held to the end of the work, not of the request: a client that leaves frees no seat early.
            drop(permit);
            done
        });
        done.await.map_err(Problem::internal)?.map_err(Problem::internal)
    }
}

fn busy() -> Problem {
    Problem::new(ProblemCode::TooManyAttempts, "too many people are signing in at this moment")
        .decided_by(DecidedBy::Hub)
        .retry_after(WAIT_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_finds_no_seat_in_time_is_sent_away() {
        let desk = PasswordDesk::new(Cost::default(), [7; 32]).unwrap();
        let taken: u32 = desk.seats.available_permits().try_into().unwrap();
        let _all = Arc::clone(&desk.seats).acquire_many_owned(taken).await.unwrap();
        let refusal = desk.seat(Comes::Known).await.err().unwrap();
        assert_eq!(refusal.code(), ProblemCode::TooManyAttempts);
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once() {
        let desk = PasswordDesk::new(Cost::default(), [7; 32]).unwrap();
        let places: u32 = desk.queue.available_permits().try_into().unwrap();
        let _all = desk.queue.acquire_many(places).await.unwrap();
        assert!(desk.seat(Comes::Known).await.is_err());
        assert!(desk.seat(Comes::Stranger).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn strangers_leave_places_for_who_is_known() {
        let desk = PasswordDesk::new(Cost::default(), [7; 32]).unwrap();
        let seats = desk.seats.available_permits();
        let taken: u32 = seats.try_into().unwrap();
        let all = Arc::clone(&desk.seats).acquire_many_owned(taken).await.unwrap();
        let come = |who| {
            let desk = desk.clone();
            tokio::spawn(async move { desk.seat(who).await.map(drop) })
        };
        let strangers = seats * (QUEUE_PER_SEAT + 1 - KEPT_PER_SEAT);
        let mut waiting: Vec<_> = (0..strangers).map(|_| come(Comes::Stranger)).collect();
        tokio::task::yield_now().await;
        assert!(come(Comes::Stranger).await.unwrap().is_err(), "strangers' places are taken");
        waiting.extend((0..seats * KEPT_PER_SEAT).map(|_| come(Comes::Known)));
        tokio::task::yield_now().await;
        assert!(come(Comes::Known).await.unwrap().is_err(), "now all are");
        drop(all);
        for each in waiting {
            assert!(each.await.unwrap().is_ok());
        }
    }
}
