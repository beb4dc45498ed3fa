//! All live terminals of this hub: who they belong to, and how to reach them.
//! What is revoked on any hub is heard here through the store's change feed and passed on to the
//! sessions it concerns; the drain tells all of them.

use crate::gates::{link_revoked, session_ended};
use crate::guardian::Guardians;
use crate::screen::Fuel;
use http_api::{DecidedBy, HttpApi, Problem, ProblemCode};
use model::{ClusterName, LinkId, SignInId, TerminalId, Timestamp};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::Change;
use tokio::sync::{broadcast, mpsc};
use tokio_util::task::TaskTracker;

/// Orders waiting for one session, which takes them before anything else, once in each turn.
const ORDERS_MAX: usize = 64;
const LIVE: &str = "sallyport_terminals_live";
/// How often this hub says that it lives; others reap its terminals after thrice that.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(10);
const SILENT_FOR: Duration = Duration::from_secs(30);
/// A hub that itself was late by so much is back from a pause that others may have had too. One that beats every
/// [`HEARTBEAT_EVERY`] and pauses for less is heard again before it has been silent for [`SILENT_FOR`].
const PAUSED_FOR: Duration = Duration::from_secs(20);

pub(crate) fn describe_metrics() {
    metrics::describe_gauge!(LIVE, "Terminals open on this hub.");
    metrics::gauge!(LIVE).set(0.0);
}

/// What a session is told from outside.
#[derive(Debug, Clone)]
pub(crate) enum Order {
    /// End, and say this.
    End(Box<Problem>),
    /// Ask for the right again now.
    Recheck,
    /// The hub stops in this time.
    Draining(Duration),
}

/// Whose a session is.
#[derive(Debug, Clone)]
pub(crate) struct Belongs {
    pub(crate) user: String,
    pub(crate) cluster: ClusterName,
    pub(crate) link: LinkId,
    pub(crate) sign_in: SignInId,
}

impl Belongs {
    /// Whether it is that person's. A name that a token brought is this person's in that cluster alone, one
    /// of an account in all.
    fn is_of(&self, user: &str, cluster: Option<&ClusterName>) -> bool {
        self.user == user && cluster.is_none_or(|cluster| *cluster == self.cluster)
    }
}

/// The live terminals of this hub. Cheap to clone.
#[derive(Clone, Default)]
pub struct LiveTerminals {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    sessions: Mutex<Sessions>,
    tasks: TaskTracker,
    guardians: Guardians,
}

#[derive(Default)]
struct Sessions {
    live: HashMap<TerminalId, Live>,
    /// Whose second gate is being asked; they count as live, or a hundred at once would pass any limit.
    entering: Vec<Person>,
    draining: bool,
}

struct Live {
    belongs: Belongs,
    orders: mpsc::Sender<Order>,
    fuel: Arc<Fuel>,
}

/// A user, of one cluster alone if a token of it signed them in.
type Person = (String, Option<ClusterName>);

/// Room for a session that may become live; given back when dropped.
pub(crate) struct Room {
    live: LiveTerminals,
    person: Person,
}

/// Which limit leaves no room.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoRoom {
    ForPerson,
    OnHub,
}

/// A session's place in the list, given up when dropped.
pub(crate) struct Place {
    live: LiveTerminals,
    id: TerminalId,
}

impl LiveTerminals {
    /// No terminals yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many are live.
    pub fn count(&self) -> usize {
        self.sessions().live.len()
    }

    /// Takes room for one more terminal of a person, if both limits leave any; with a cluster, only those in it
    /// count, as for [`Belongs::is_of`].
    pub(crate) fn room(
        &self,
        user: &str,
        cluster: Option<&ClusterName>,
        per_person_max: usize,
        total_max: usize,
    ) -> Result<Room, NoRoom> {
        let mut sessions = self.sessions();
        let person = (user.to_owned(), cluster.cloned());
        let live = sessions.live.values().filter(|live| live.belongs.is_of(user, cluster)).count();
        let entering = sessions.entering.iter().filter(|entering| **entering == person).count();
        if live + entering >= per_person_max {
            return Err(NoRoom::ForPerson);
        }
        if sessions.live.len() + sessions.entering.len() >= total_max {
            return Err(NoRoom::OnHub);
        }
        sessions.entering.push(person.clone());
        Ok(Room { live: self.clone(), person })
    }

    /// Whether the hub is about to stop.
    pub fn is_draining(&self) -> bool {
        self.sessions().draining
    }

    pub(crate) fn guardians(&self) -> &Guardians {
        &self.inner.guardians
    }

    pub(crate) fn tasks(&self) -> &TaskTracker {
        &self.inner.tasks
    }

    /// Puts a session into the list; its room is taken by its place.
    pub(crate) fn enter(
        &self,
        room: Room,
        id: &TerminalId,
        belongs: Belongs,
    ) -> (Place, mpsc::Receiver<Order>, Arc<Fuel>) {
        let (orders, received) = mpsc::channel(ORDERS_MAX);
        let mut sessions = self.sessions();
        // All terminals of a person share one allowance.
        let theirs = sessions
            .live
            .values()
            .find(|live| live.belongs.is_of(&belongs.user, Some(&belongs.cluster)));
        let fuel = theirs.map_or_else(|| Arc::new(Fuel::new()), |live| Arc::clone(&live.fuel));
        let live = Live { belongs, orders, fuel: Arc::clone(&fuel) };
        sessions.live.insert(id.clone(), live);
        #[allow(clippy::cast_precision_loss, reason = "a gauge of some thousands")]
        metrics::gauge!(LIVE).set(sessions.live.len() as f64);
        drop(sessions);
        // Afterwards, so that for a moment it counts twice rather than not at all.
        drop(room);
        (Place { live: self.clone(), id: id.clone() }, received, fuel)
    }

    /// Hears revocations for as long as the hub lives; owned by the binary, which drops it at the end.
    pub async fn heed(self, api: HttpApi) {
        let mut changes = api.store.changes();
        let mut beats = tokio::time::interval(HEARTBEAT_EVERY);
        beats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut pulse = Pulse::default();
        loop {
            tokio::select! {
                change = changes.recv() => match change {
                    Ok(change) => self.pass_on(&change),
                    Err(broadcast::error::RecvError::Lagged(_)) => self.pass_on(&Change::Missed),
                    Err(broadcast::error::RecvError::Closed) => return,
                },
                _ = beats.tick() => {
                    if let Err(error) = api.store.heartbeat_hub(api.store.hub(), api.clock.now()).await {
                        tracing::warn!(%error, "the heartbeat could not be written");
                        pulse = Pulse::default();
                        continue;
                    }
                    if pulse.beat(api.clock.now()) {
                        Self::end_abandoned(&api).await;
                    }
                }
            }
        }
    }

    /// Ends the rows of terminals whose hub has fallen silent: their processes were ended by their guardians
    /// when the connection broke. A hub that lives all the same finds at its next question that they ended.
    async fn end_abandoned(api: &HttpApi) {
        let now = api.clock.now();
        let abandoned = match api.store.terminals_abandoned(now, SILENT_FOR).await {
            Ok(abandoned) => abandoned,
            Err(error) => {
                tracing::warn!(%error, "abandoned terminals could not be read");
                return;
            }
        };
        for row in abandoned {
            let audit = store::AuditEntry {
                at: now,
                actor: format!("hub `{}`", api.store.hub()),
                action: "terminal.leave".to_owned(),
                object: row.place.to_string(),
                outcome: store::AuditOutcome::Failed,
                reason: format!("hub `{}` fell silent", row.hub),
                request_id: String::new(),
                source: String::new(),
                detail: serde_json::json!({ "terminal": row.id, "of": row.user }),
            };
            if let Err(error) = api.store.end_terminal(&row.id, "hub_lost", now, audit).await {
                tracing::warn!(%error, terminal = %row.id, "an abandoned terminal could not be ended");
            }
        }
    }

    fn pass_on(&self, change: &Change) {
        let problem = match change {
            Change::LinkRevoked { .. } | Change::LinksOfUserRevoked { .. } => Some(link_revoked()),
            Change::SignInEnded { .. } => Some(session_ended()),
            Change::AccountDisabled { .. } => Some(
                Problem::new(ProblemCode::AccountDisabled, "the account was disabled")
                    .decided_by(DecidedBy::Hub)
                    .fix("ask an administrator of the hub"),
            ),
            Change::TerminalEndRequested { by, .. } => Some(
                Problem::new(ProblemCode::TerminalEnded, format!("`{by}` ended this terminal"))
                    .decided_by(DecidedBy::Hub),
            ),
            Change::Missed => None,
        };
        let order = problem.map_or(Order::Recheck, |problem| Order::End(Box::new(problem)));
        for (id, Live { belongs, orders, .. }) in &self.sessions().live {
            let concerned = match change {
                Change::LinkRevoked { link } => *link == belongs.link,
                Change::LinksOfUserRevoked { user, cluster } => {
                    belongs.is_of(user, cluster.as_ref())
                }
                Change::AccountDisabled { user } => belongs.is_of(user, None),
                Change::SignInEnded { sign_in } => *sign_in == belongs.sign_in,
                Change::TerminalEndRequested { terminal, .. } => terminal == id,
                Change::Missed => true,
            };
            if concerned && orders.try_send(order.clone()).is_err() {
                // It has taken no turn for a long time, or is ending; its next question finds out.
                tracing::warn!(terminal = %id, "a session takes no more orders");
            }
        }
    }

    /// Tells every terminal that the hub stops, waits `grace` for people to finish, then ends the rest
    /// and waits until no process of theirs is left.
    pub async fn drain(&self, grace: Duration) {
        let tell = |order: Order| {
            let mut sessions = self.sessions();
            sessions.draining = true;
            for live in sessions.live.values() {
                // Whoever does not hear it is ended with the process.
                live.orders.try_send(order.clone()).ok();
            }
        };
        self.inner.tasks.close();
        tell(Order::Draining(grace));
        if tokio::time::timeout(grace, self.inner.tasks.wait()).await.is_err() {
            tell(Order::End(Box::new(
                Problem::new(ProblemCode::HubDraining, "the hub is being stopped")
                    .decided_by(DecidedBy::Hub)
                    .fix("open the Pod again in a moment"),
            )));
            // Sessions end within their own bounds; this one is for a store that does not answer.
            tokio::time::timeout(Duration::from_secs(10), self.inner.tasks.wait()).await.ok();
        }
        tokio::time::timeout(Duration::from_secs(10), self.inner.guardians.closed()).await.ok();
    }

    fn sessions(&self) -> std::sync::MutexGuard<'_, Sessions> {
        // Nothing panics while it holds the lock; if it did, the map is whole all the same.
        self.inner.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Since when this hub has said without a pause that it lives. After an outage of the database all hubs are silent,
/// and after a pause of the machine that they share; the first one back must not take the others for dead before
/// they had their turn. By the clock that heartbeats are written with, which goes on while a machine sleeps.
#[derive(Debug, Default)]
struct Pulse {
    began: Option<Timestamp>,
    last: Option<Timestamp>,
}

impl Pulse {
    /// A heartbeat was written; whether others that were not heard meanwhile are dead.
    fn beat(&mut self, now: Timestamp) -> bool {
        // A clock that was put back tells nothing of how long it was.
        if self.last.is_none_or(|last| now < last || now.since(last) >= PAUSED_FOR) {
            self.began = None;
        }
        self.last = Some(now);
        now.since(*self.began.get_or_insert(now)) >= SILENT_FOR
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut sessions = self.live.sessions();
        if let Some(at) = sessions.entering.iter().position(|entering| *entering == self.person) {
            sessions.entering.swap_remove(at);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut sessions = self.live.sessions();
        sessions.live.remove(&self.id);
        #[allow(clippy::cast_precision_loss, reason = "a gauge of some thousands")]
        metrics::gauge!(LIVE).set(sessions.live.len() as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::close_code;
    use model::{LinkId, SignInId};

    fn belongs(user: &str) -> Belongs {
        Belongs {
            user: user.to_owned(),
            cluster: "demo".parse().unwrap(),
            link: LinkId::from_random([1; 16]),
            sign_in: SignInId::from_random([2; 16]),
        }
    }

    #[test]
    fn who_is_still_at_the_gate_counts_too() {
        let live = LiveTerminals::new();
        let first = live.room("mina", None, 2, 3).ok().unwrap();
        let second = live.room("mina", None, 2, 3).ok().unwrap();
        assert_eq!(live.room("mina", None, 2, 3).err(), Some(NoRoom::ForPerson));
        let (place, _orders, _fuel) =
            live.enter(first, &TerminalId::from_random([3; 16]), belongs("mina"));
        assert_eq!(live.room("mina", None, 2, 3).err(), Some(NoRoom::ForPerson));
        let _other = live.room("joon", None, 2, 3).ok().unwrap();
        assert_eq!(live.room("sora", None, 2, 3).err(), Some(NoRoom::OnHub));
        drop((second, place));
        assert!(live.room("mina", None, 2, 3).is_ok());
    }

    #[test]
    fn a_hub_judges_others_only_after_it_was_heard_for_as_long_without_a_pause() {
        let mut pulse = Pulse::default();
        let mut beat_at = |s: i64| pulse.beat(Timestamp::from_micros(s * 1_000_000));
        for (at, judges) in [(0, false), (10, false), (20, false), (30, true), (49, true)] {
            assert_eq!(beat_at(at), judges, "at {at} s");
        }
        // Paused: the other hubs may have been, too.
        for (at, judges) in [(109, false), (119, false), (138, false), (139, true)] {
            assert_eq!(beat_at(at), judges, "at {at} s");
        }
        // A clock that was put back.
        for (at, judges) in [(50, false), (65, false), (79, false), (80, true)] {
            assert_eq!(beat_at(at), judges, "at {at} s");
        }
    }

    #[test]
    fn one_terminal_that_is_ended_is_not_told_as_a_sign_in_that_ended() {
        let live = LiveTerminals::new();
        let ids = [TerminalId::from_random([3; 16]), TerminalId::from_random([4; 16])];
        let mut entered = ids
            .each_ref()
            .map(|id| live.enter(live.room("mina", None, 2, 2).ok().unwrap(), id, belongs("mina")));
        let mut told = || {
            entered.each_mut().map(|(_, orders, _)| match orders.try_recv() {
                Ok(Order::End(problem)) => Some(problem.code()),
                _ => None,
            })
        };
        let [first, second] = [ProblemCode::TerminalEnded, ProblemCode::SessionEnded];
        live.pass_on(&Change::TerminalEndRequested {
            terminal: ids[0].clone(),
            by: "root".to_owned(),
            reason: String::new(),
        });
        assert_eq!(told(), [Some(first), None]);
        live.pass_on(&Change::SignInEnded { sign_in: belongs("mina").sign_in });
        assert_eq!(told(), [Some(second), Some(second)]);
        assert_eq!([first, second].map(|code| close_code(code).number()), [4421, 4401]);
    }
}
