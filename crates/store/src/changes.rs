//! The change feed: what one hub does to a person's rights, every hub acts upon within two seconds.
//! What a hub does then (closing terminals) is known to the terminal service.
//!
//! A change is a row, written in the transaction of the act it tells of. Each process reads new rows, over
//! connections that it shares with nobody (requests may keep all others busy for seconds), every second, at once after its own writes, and on PostgreSQL at once after anybody's (NOTIFY), so that losing a
//! notification costs a second at most and losing the database costs nothing but time.

use crate::database::{Database, Row, Tx, json_text, values};
use crate::{Result, Store, StoreError};
use model::{ClusterName, LinkId, SignInId, TerminalId, Timestamp};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgListener;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, broadcast};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Something that live terminals and sessions must heed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// A link was revoked.
    LinkRevoked {
        /// Which.
        link: LinkId,
    },
    /// All links of a person were revoked.
    LinksOfUserRevoked {
        /// The Kubernetes user name.
        user: String,
        /// The one cluster in which the name is this person's; all clusters if left out.
        cluster: Option<ClusterName>,
    },
    /// A browser was signed out.
    SignInEnded {
        /// Which.
        sign_in: SignInId,
    },
    /// A local account was disabled.
    AccountDisabled {
        /// Its Kubernetes user name.
        user: String,
    },
    /// Somebody asked for a terminal's end.
    TerminalEndRequested {
        /// Which.
        terminal: TerminalId,
        /// Who asked.
        by: String,
        /// Why.
        reason: String,
    },
    /// This process may have missed changes (it could not read the feed for long, or a newer hub writes what it
    /// does not know): check everything anew, as after [`broadcast::error::RecvError::Lagged`].
    Missed,
}

/// Changes a receiver may fall behind by before it is told that it lagged; each is about 100 bytes.
const BACKLOG_MAX: usize = 1024;
/// Half of the two seconds within which a revocation takes effect.
const POLL_EVERY: Duration = Duration::from_secs(1);
/// How long rows are kept; `purge` removes older ones.
pub(crate) const KEPT_FOR: Duration = Duration::from_secs(24 * 3600);
/// A read takes a millisecond. A connection that is silent for this long is given up, before the network's own
/// patience (minutes) is at its end.
const READ_TAKES_MAX: Duration = Duration::from_secs(5);
/// A process that could not read for longer than this may find rows gone.
const BLIND_MAX: Duration = Duration::from_secs(12 * 3600);
const PAGE: i64 = 500;
const CHANNEL: &str = "sallyport_changes";

impl Store {
    /// Changes from now on. A receiver that lags is told so, and must check everything anew.
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.inner.feed.sender.subscribe()
    }
}

/// Writes a change within an act.
pub(crate) async fn insert(tx: &mut Tx, change: &Change, now: Timestamp) -> Result<()> {
    let text = json_text("a change", change)?;
    tx.execute("INSERT INTO changes (at, change) VALUES ($1, $2)", values![now, text]).await?;
    Ok(())
}

/// Wakes the readers of all hubs when the transaction commits, where the database can.
pub(crate) async fn notify(tx: &mut Tx) -> Result<()> {
    if tx.is_postgres() {
        tx.rows("SELECT pg_notify($1, '')", values![CHANNEL]).await?;
    }
    Ok(())
}

/// The reader of the feed. Its tasks end when this is dropped.
pub(crate) struct Feed {
    sender: broadcast::Sender<Change>,
    pub(crate) wake: Arc<Notify>,
    aside: Database,
    _tasks: JoinSet<()>,
}

impl Feed {
    /// Begins behind the changes that are there already: who starts now has nothing to take back. `aside` is
    /// the feed's alone.
    pub(crate) async fn start(aside: Database) -> Result<Self> {
        let row = aside.row("SELECT COALESCE(MAX(seq), 0) AS seq FROM changes", values![]).await?;
        let after = match row {
            Some(row) => row.int("seq")?,
            None => 0,
        };
        let (sender, _) = broadcast::channel(BACKLOG_MAX);
        let wake = Arc::new(Notify::new());
        let mut tasks = JoinSet::new();
        if let Database::Postgres { pool } = &aside {
            tasks.spawn(listen(pool.clone(), Arc::clone(&wake)));
        }
        tasks.spawn(poll(aside.clone(), after, sender.clone(), Arc::clone(&wake)));
        Ok(Self { sender, wake, aside, _tasks: tasks })
    }

    /// Closes the feed's connections; its tasks end with it.
    pub(crate) async fn close(&self) {
        self.aside.close().await;
    }
}

async fn poll(
    database: Database,
    mut after: i64,
    sender: broadcast::Sender<Change>,
    wake: Arc<Notify>,
) {
    let mut last_read = Instant::now();
    let mut failing = false;
    loop {
        // Either way the feed is read.
        let _ = tokio::time::timeout(POLL_EVERY, wake.notified()).await;
        let read = read_on(&database, &mut after, &sender);
        let read = tokio::time::timeout(READ_TAKES_MAX, read).await;
        match read.unwrap_or_else(|elapsed| Err(silent(elapsed))) {
            Ok(()) => {
                if last_read.elapsed() > BLIND_MAX {
                    sender.send(Change::Missed).ok();
                }
                last_read = Instant::now();
                if std::mem::take(&mut failing) {
                    tracing::info!("the change feed can be read again");
                }
            }
            Err(error) if !failing => {
                failing = true;
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the change feed cannot be read: revocations by other hubs wait"
                );
            }
            Err(_) => {}
        }
    }
}

fn silent(elapsed: tokio::time::error::Elapsed) -> StoreError {
    StoreError::unavailable("it does not answer; check the network to it", elapsed)
}

async fn read_on(
    database: &Database,
    after: &mut i64,
    sender: &broadcast::Sender<Change>,
) -> Result<()> {
    loop {
        let rows = database
            .rows(
                "SELECT seq, change FROM changes WHERE seq > $1 ORDER BY seq LIMIT $2",
                values![*after, PAGE],
            )
            .await?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in &rows {
            *after = row.int("seq")?;
            // No receiver is no failure: there is nothing live that would have to heed.
            sender.send(change(row)).ok();
        }
    }
}

fn change(row: &Row) -> Change {
    row.json("change").unwrap_or_else(|error| {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "a change is not understood; checking everything anew"
        );
        Change::Missed
    })
}

/// Turns PostgreSQL's notifications into wake-ups. Behind a pooler that cannot LISTEN, polling alone serves.
async fn listen(pool: sqlx::PgPool, wake: Arc<Notify>) {
    loop {
        if let Ok(mut listener) = PgListener::connect_with(&pool).await
            && listener.listen(CHANNEL).await.is_ok()
        {
            while listener.recv().await.is_ok() {
                wake.notify_one();
            }
        }
        if pool.is_closed() {
            return;
        }
        tokio::time::sleep(POLL_EVERY).await;
    }
}
