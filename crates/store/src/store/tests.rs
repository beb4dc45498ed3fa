//! Trouble that only the store's own connections can be put into.
//! Everything else is tested from outside, in `tests/store`.

#[path = "../../tests/support/postgres.rs"]
#[allow(dead_code, reason = "these tests need a server, and never stop it")]
mod postgres;

use super::*;
use crate::{AuditEntry, AuditOutcome, Change, StoreError};
use model::Secret;
use std::time::Duration;

const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

async fn writer_pragma(store: &Store, pragma: &'static str) {
    let Database::Sqlite { writer, .. } = &store.inner.database else { panic!("it is SQLite") };
    sqlx::raw_sql(pragma).execute(writer).await.unwrap();
}

fn large_entry() -> AuditEntry {
    AuditEntry {
        at: NOW,
        actor: String::new(),
        action: "act".to_owned(),
        object: String::new(),
        outcome: AuditOutcome::Denied,
        reason: "x".repeat(2000),
        request_id: String::new(),
        source: String::new(),
        detail: serde_json::json!({}),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_sqlite_says_so_and_keeps_nothing_half() {
    let directory = tempfile::tempdir().unwrap();
    let location = StoreLocation::Sqlite { directory: directory.path().to_owned() };
    let hub = HubId::from_random([1; 16]);
    let store = Store::open(&location, VaultKey::new([1; 32]), hub, NOW).await.unwrap();
    // SQLite's own limit answers as a full disk does.
    writer_pragma(&store, "PRAGMA max_page_count = 1").await;
    let mut written = 0;
    let refused = loop {
        match store.revoke_links_of("alice", None, "admin", NOW, large_entry()).await {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
        assert!(written < 10_000, "it never got full");
    };
    assert!(matches!(refused, StoreError::Full(_)), "{refused:?}");
    assert!(refused.to_string().contains("free space"), "{refused}");
    let verdict = store.audit_verify(|_, _| {}).await.unwrap();
    assert!(verdict.intact && verdict.records == written, "{written} {verdict:?}");

    writer_pragma(&store, "PRAGMA max_page_count = 1000000").await;
    assert_eq!(store.audit(large_entry()).await.unwrap(), written + 1);
}

/// What a full disk does at COMMIT, where the driver learns nothing of it (tests/gates/failures.test.mjs fills one).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_sqlite_itself_rolled_back_spoils_no_connection() {
    let directory = tempfile::tempdir().unwrap();
    let location = StoreLocation::Sqlite { directory: directory.path().to_owned() };
    let hub = HubId::from_random([1; 16]);
    let store = Store::open(&location, VaultKey::new([1; 32]), hub, NOW).await.unwrap();
    for _ in 0..3 {
        let mut rolled_back = store.inner.database.begin().await.unwrap();
        rolled_back.script("ROLLBACK").await.unwrap();
        drop(rolled_back);
    }
    assert_eq!(store.audit(large_entry()).await.unwrap(), 1);
}

/// Another hub's change arrives in time while requests hold every connection of this one.
async fn hears_while_all_connections_are_busy(location: StoreLocation) {
    let open = async |id| {
        let hub = HubId::from_random([id; 16]);
        Store::open(&location, VaultKey::new([1; 32]), hub, NOW).await.unwrap()
    };
    let (busy, other) = (open(1).await, open(2).await);
    let connections = match &busy.inner.database {
        Database::Sqlite { readers, .. } => readers.options().get_max_connections(),
        Database::Postgres { pool } => pool.options().get_max_connections(),
    };
    let mut held = Vec::new();
    for _ in 0..connections {
        held.push(busy.inner.database.begin_snapshot().await.unwrap());
    }
    let none_left = tokio::time::timeout(Duration::from_millis(100), busy.ping()).await;
    assert!(none_left.is_err(), "{none_left:?}");

    let mut told = busy.changes();
    for user in ["alice", "bob"] {
        other.revoke_links_of(user, None, "admin", NOW, large_entry()).await.unwrap();
        let change = tokio::time::timeout(Duration::from_secs(2), told.recv()).await;
        let expected = Change::LinksOfUserRevoked { user: user.to_owned(), cluster: None };
        assert_eq!(change.unwrap().unwrap(), expected);
    }
    drop(held);
    busy.ping().await.unwrap();
    busy.close().await;
    assert!(busy.ping().await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_feed_does_not_wait_behind_requests_on_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    let location = StoreLocation::Sqlite { directory: directory.path().to_owned() };
    hears_while_all_connections_are_busy(location).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_feed_does_not_wait_behind_requests_on_postgres() {
    let database = postgres::PostgresServer::shared().database();
    let url = Secret::new(database.url);
    hears_while_all_connections_are_busy(StoreLocation::Postgres { url }).await;
}
