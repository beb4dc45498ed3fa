//! Trouble that only the writer's own connection can be put into.
//! Everything else is tested from outside, in `tests/store`.

use super::*;
use crate::{AuditEntry, AuditOutcome, StoreError};

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
