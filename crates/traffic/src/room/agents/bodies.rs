//! How many bodies of agents are held at once, and for how long: a place first, then the body, to its bound.
//! What a body says, and who may send it, is the parent's.
//!
//! Hostile input: an agent with a certificate may begin as many requests as it likes and finish none. Nothing of a body
//! is taken before it has a place. Limits: the places, one body of an agent at a time, [`PATIENCE`] for a place,
//! [`BODY_TAKES`] for a body, and its bytes; so that no number of requests holds more than the places times the bytes,
//! and an agent that is slow takes one of them, not all.

use super::Refusal;
use crate::agent::AgentName;
use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Then the agent is told to come again, with what it has in its spool.
const PATIENCE: Duration = Duration::from_secs(10);
/// Less than the 30 s after which an agent gives a request up, so that it hears why.
const BODY_TAKES: Duration = Duration::from_secs(20);

/// See the module. Cheap to clone.
#[derive(Clone)]
pub(super) struct Bodies {
    places: Arc<Semaphore>,
    under_way: Arc<Mutex<HashSet<AgentName>>>,
    bytes_max: usize,
    patience: Duration,
    body_takes: Duration,
}

/// The right to hold one body.
pub(super) struct Place {
    _turn: Turn,
    _permit: OwnedSemaphorePermit,
}

/// An agent's turn, until its request is over.
struct Turn {
    name: AgentName,
    under_way: Arc<Mutex<HashSet<AgentName>>>,
}

impl Bodies {
    pub(super) fn new(places: usize, bytes_max: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(places)),
            under_way: Arc::default(),
            bytes_max,
            patience: PATIENCE,
            body_takes: BODY_TAKES,
        }
    }

    /// A place for a body of this agent. While it has one already it is told to come again at once: it sends one
    /// after the other, so the other is of a connection that broke.
    pub(super) async fn place(&self, name: &AgentName) -> Result<Place, Refusal> {
        let turn = Turn::begin(&self.under_way, name).ok_or(Refusal::Busy)?;
        let permit = timeout(self.patience, Arc::clone(&self.places).acquire_owned()).await;
        let permit = permit.map_err(|_| Refusal::Busy)?.map_err(|_| Refusal::Busy)?;
        Ok(Place { _turn: turn, _permit: permit })
    }

    /// The whole body.
    pub(super) async fn read(&self, _place: &Place, body: Body) -> Result<Bytes, Refusal> {
        let read = timeout(self.body_takes, Limited::new(body, self.bytes_max).collect()).await;
        match read.map_err(|_| Refusal::Unfinished)? {
            Ok(whole) => Ok(whole.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(Refusal::TooLarge(self.bytes_max)),
            Err(_) => Err(Refusal::Unfinished),
        }
    }
}

impl Turn {
    fn begin(under_way: &Arc<Mutex<HashSet<AgentName>>>, name: &AgentName) -> Option<Self> {
        // A set is whole whatever panicked beside it.
        let is_first =
            under_way.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone());
        is_first.then(|| Self { name: name.clone(), under_way: Arc::clone(under_way) })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;
    use std::convert::Infallible;

    fn name(node: &str) -> AgentName {
        format!("sallyport://agent/one/{node}").parse().unwrap()
    }

    fn unfinished() -> Body {
        Body::from_stream(stream::pending::<Result<Bytes, Infallible>>())
    }

    #[tokio::test]
    async fn a_body_that_does_not_end_gives_its_place_back() {
        let bodies = Bodies { body_takes: Duration::from_millis(1), ..Bodies::new(1, 10) };
        let place = bodies.place(&name("node-1")).await.unwrap();
        let late = bodies.read(&place, unfinished()).await;
        assert!(matches!(late, Err(Refusal::Unfinished)), "{late:?}");
        drop(place);
        let place = bodies.place(&name("node-1")).await.unwrap();
        assert_eq!(bodies.read(&place, Body::from("0123456789")).await.unwrap(), "0123456789");
        let long = bodies.read(&place, Body::from("0123456789+")).await;
        assert!(matches!(long, Err(Refusal::TooLarge(10))), "{long:?}");
        let broken = stream::iter([Ok("0"), Err(std::io::Error::other("the line is cut"))]);
        let broken = bodies.read(&place, Body::from_stream(broken)).await;
        assert!(matches!(broken, Err(Refusal::Unfinished)), "{broken:?}");
    }

    #[tokio::test]
    async fn an_agent_has_one_place_and_who_waits_in_vain_leaves_nothing_behind() {
        let bodies = Bodies { patience: Duration::from_millis(1), ..Bodies::new(2, 10) };
        let first = bodies.place(&name("node-1")).await.unwrap();
        assert!(matches!(bodies.place(&name("node-1")).await, Err(Refusal::Busy)));
        let second = bodies.place(&name("node-2")).await.unwrap();
        for _ in 0..2 {
            assert!(matches!(bodies.place(&name("node-3")).await, Err(Refusal::Busy)));
        }
        assert_eq!(bodies.under_way.lock().unwrap().len(), 2);
        drop((first, second));
        assert!(bodies.under_way.lock().unwrap().is_empty());
        bodies.place(&name("node-3")).await.unwrap();
    }
}
