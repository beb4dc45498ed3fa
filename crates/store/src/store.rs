//! The store itself: opening it, asking whether it lives, closing it.
//! Every other module adds the methods for its own rows.

use crate::audit::{Act, AuditQueue, Mark};
use crate::changes::Feed;
use crate::database::{Database, Pending, values};
use crate::location::DATABASE_FILE;
use crate::vault::Vault;
use crate::{Result, StoreLocation, VaultKey, migrations};
use model::{HubId, Timestamp};
use std::fmt;
use std::sync::Arc;

/// Everything the hub must still know after a restart. Clones are cheap and share the connections.
#[derive(Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) database: Database,
    pub(crate) vault: Arc<Vault>,
    pub(crate) mark: Arc<Mark>,
    pub(crate) audit: AuditQueue,
    pub(crate) feed: Feed,
    hub: HubId,
}

impl Store {
    /// Opens the store, bringing its schema up to date first. Call within a tokio runtime: the change feed and
    /// the audit queue are tasks of the store, and end with its last clone.
    ///
    /// # Errors
    /// [`StoreError::Schema`](crate::StoreError::Schema) if a newer release has been here,
    /// [`StoreError::Corrupt`](crate::StoreError::Corrupt) if the vault key is not the database's own, and
    /// [`StoreError::Unavailable`](crate::StoreError::Unavailable) if it cannot be reached.
    pub async fn open(
        location: &StoreLocation,
        key: VaultKey,
        hub: HubId,
        now: Timestamp,
    ) -> Result<Self> {
        open(location, key, hub, now).await
    }

    /// Whether there is a store, before one is opened, which would make it. Looks and changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`](crate::StoreError::Unavailable) if the database cannot be reached.
    pub async fn is_there(location: &StoreLocation) -> Result<bool> {
        match location {
            StoreLocation::Sqlite { directory } => Ok(directory.join(DATABASE_FILE).exists()),
            StoreLocation::Postgres { .. } => {
                let database = Database::connect(location).await?;
                let is_there = migrations::were_applied(&database).await;
                database.close().await;
                is_there
            }
        }
    }

    /// Whether the database answers, for `/readyz`.
    pub async fn ping(&self) -> Result<()> {
        self.inner.database.row("SELECT seq FROM audit_head WHERE one = 1", values![]).await?;
        Ok(())
    }

    /// Closes all connections once what runs on them has ended. Whatever comes after is refused as unavailable.
    pub async fn close(&self) {
        self.inner.feed.close().await;
        self.inner.database.close().await;
        self.inner.mark.write(&self.inner.vault).await;
    }

    /// The hub as which this store was opened.
    pub fn hub(&self) -> &HubId {
        &self.inner.hub
    }

    /// Begins a transaction that may record and tell; see [`Act`].
    pub(crate) fn act(&self) -> Pending<'_, Act> {
        let inner = &self.inner;
        Act::begin(&inner.database, &inner.vault, &inner.mark, Some(&inner.feed.wake))
    }
}

fn open(location: &StoreLocation, key: VaultKey, hub: HubId, now: Timestamp) -> Pending<'_, Store> {
    Box::pin(async move {
        let vault = Arc::new(Vault::new(&key)?);
        let database = Database::connect(location).await?;
        migrations::apply(&database, &vault, now).await?;
        let feed = Feed::start(Database::connect_aside(location).await?).await?;
        let mark = Arc::new(Mark::default());
        let audit = AuditQueue::start(database.clone(), Arc::clone(&vault), Arc::clone(&mark));
        let store = Store { inner: Arc::new(Inner { database, vault, mark, audit, feed, hub }) };
        store.heartbeat_hub(&store.inner.hub, now).await?;
        Ok(store)
    })
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.inner.database.is_postgres() { "PostgreSQL" } else { "SQLite" };
        f.debug_struct("Store").field("on", &kind).field("hub", &self.inner.hub).finish()
    }
}

#[cfg(test)]
mod tests;
