//! Measures how many audit records a second the store makes durable, one at a time and many at once, on both
//! databases. Run it as `cargo run --release -p store --example audit_appends`.

#[path = "../tests/support/postgres.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod postgres;

use model::{HubId, Secret, Timestamp};
use std::time::Instant;
use store::{AuditEntry, AuditOutcome, Store, StoreError, StoreLocation, VaultKey};
use tokio::task::JoinSet;

const ONE_BY_ONE: u32 = 1000;
const AT_ONCE: u32 = 20_000;
/// Requests that a busy hub has in flight.
const WRITERS: u32 = 64;

#[tokio::main]
async fn main() -> Result<(), StoreError> {
    let directory = std::env::current_dir().unwrap_or_default().join("target/audit-appends");
    measure("SQLite", StoreLocation::Sqlite { directory: directory.clone() }).await?;
    std::fs::remove_dir_all(&directory).ok();
    let url = Secret::new(postgres::PostgresServer::shared().database().url);
    measure("PostgreSQL", StoreLocation::Postgres { url }).await
}

async fn measure(name: &str, location: StoreLocation) -> Result<(), StoreError> {
    let hub = HubId::from_random([1; 16]);
    let store = Store::open(&location, VaultKey::new([1; 32]), hub, Timestamp::now()).await?;
    let begun = Instant::now();
    for _ in 0..ONE_BY_ONE {
        store.audit(entry()).await?;
    }
    report(name, "one at a time", ONE_BY_ONE, begun);

    let begun = Instant::now();
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let store = store.clone();
        writers.spawn(async move {
            for _ in 0..AT_ONCE / WRITERS {
                store.audit(entry()).await?;
            }
            Ok::<(), StoreError>(())
        });
    }
    for written in writers.join_all().await {
        written?;
    }
    report(name, "64 at once", AT_ONCE / WRITERS * WRITERS, begun);

    let begun = Instant::now();
    let verdict = store.audit_verify(|_, _| {}).await?;
    let records = u32::try_from(verdict.records).unwrap_or(u32::MAX);
    report(name, "verified", records, begun);
    store.close().await;
    Ok(())
}

#[allow(clippy::print_stdout, reason = "printing is what a measurement is for")]
fn report(name: &str, what: &str, records: u32, begun: Instant) {
    let rate = f64::from(records) / begun.elapsed().as_secs_f64();
    println!("{name:<11} {what:<14} {rate:>8.0} records/s");
}

fn entry() -> AuditEntry {
    AuditEntry {
        at: Timestamp::now(),
        actor: "sallyport:alice".to_owned(),
        action: "terminal.enter".to_owned(),
        object: "kind/team-a/web-0/app".to_owned(),
        outcome: AuditOutcome::Allowed,
        reason: String::new(),
        request_id: "req_0123456789abcdefghjkmnpqrs".to_owned(),
        source: "192.0.2.7".to_owned(),
        detail: serde_json::json!({ "link": "lnk_0123456789abcdefghjkmnpqrs", "tty": true }),
    }
}
