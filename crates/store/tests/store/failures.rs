//! A database that is locked, full, gone, closed or not a database: a clear error, nothing half-written, and
//! back to work when the trouble is over.

use crate::bench::*;
use crate::postgres::PostgresServer;
use model::Secret;
use sqlx::{Connection, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};
use store::{Store, StoreError, StoreLocation};

const ALICE: &str = "sallyport:alice";

async fn assert_recovers(store: &Store, records: u64) {
    minted(store, ALICE).await;
    assert_intact(store, records + 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_sqlite_is_busy_for_a_bounded_time_and_then_works() {
    let bench = Bench::sqlite();
    let store = bench.store().await;
    let StoreLocation::Sqlite { directory } = &bench.location else { panic!("it is SQLite") };
    let options = SqliteConnectOptions::new().filename(directory.join("sallyport.db"));
    let mut locker = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut locker).await.unwrap();
    let begun = std::time::Instant::now();
    // However many wait for the writer, each has its answer within the bound.
    let crowd: Vec<_> = (0..600)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.audit(entry("act")).await })
        })
        .collect();
    let minted_late = link(ALICE);
    let (link, single) = tokio::join!(
        store.create_link(&minted_late, u32::MAX, entry("link.mint")),
        store.audit(entry("act"))
    );
    for refused in [link.unwrap_err(), single.unwrap_err()] {
        assert!(matches!(refused, StoreError::Busy(_)), "{refused:?}");
        assert!(refused.to_string().contains("try again"), "{refused}");
    }
    for waiting in crowd {
        let refused = waiting.await.unwrap().unwrap_err();
        assert!(matches!(refused, StoreError::Busy(_)), "{refused:?}");
    }
    assert!(begun.elapsed() < std::time::Duration::from_secs(45), "{:?}", begun.elapsed());
    store.ping().await.unwrap();
    sqlx::raw_sql("ROLLBACK").execute(&mut locker).await.unwrap();
    assert_recovers(&store, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_postgres_is_busy_for_a_bounded_time_and_then_works() {
    let bench = Bench::postgres();
    let store = bench.store().await;
    let StoreLocation::Postgres { url } = &bench.location else { panic!("it is PostgreSQL") };
    let mut locker = PgConnection::connect(url.expose()).await.unwrap();
    sqlx::raw_sql("BEGIN; SELECT * FROM audit_head FOR UPDATE").execute(&mut locker).await.unwrap();
    let begun = std::time::Instant::now();
    let refused = store.create_link(&link(ALICE), u32::MAX, entry("link.mint")).await.unwrap_err();
    assert!(matches!(refused, StoreError::Busy(_)), "{refused:?}");
    assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?}", begun.elapsed());
    store.ping().await.unwrap();
    sqlx::raw_sql("ROLLBACK").execute(&mut locker).await.unwrap();
    assert_recovers(&store, 0).await;
}

/// SQLite's own test for this needs its writer connection, and so lies beside `Store`. PostgreSQL is made to
/// answer as it does when its disk is full.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_postgres_says_so_and_keeps_nothing_half() {
    let bench = Bench::postgres();
    let store = bench.store().await;
    bench
        .raw(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN RAISE EXCEPTION USING ERRCODE = '53100', MESSAGE = 'could not extend file'; END $$;
             CREATE TRIGGER full_disk BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION full_disk()",
        )
        .await;
    let link = link(ALICE);
    let refused = store.create_link(&link, u32::MAX, entry("link.mint")).await.unwrap_err();
    assert!(matches!(refused, StoreError::Full(_)), "{refused:?}");
    assert!(refused.to_string().contains("free space"), "{refused}");
    let refused = store.audit(entry("act")).await.unwrap_err();
    assert!(matches!(refused, StoreError::Full(_)), "{refused:?}");
    assert_eq!(store.link(&link.id).await.unwrap(), None);
    bench.raw("DROP TRIGGER full_disk ON audit").await;
    assert_recovers(&store, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_drops_its_connections_is_unavailable_at_most_for_a_moment() {
    let bench = Bench::postgres();
    let store = bench.store().await;
    minted(&store, ALICE).await;
    let mut changes = store.changes();
    let mut written = 1;
    for _ in 0..5 {
        bench.raw("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()").await;
        match store.create_link(&link(ALICE), u32::MAX, entry("link.mint")).await {
            Ok(_) => written += 1,
            Err(error) => assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}"),
        }
    }
    let link = minted(&store, ALICE).await;
    store.revoke_link(&link.id, ALICE, NOW, entry("link.revoke")).await.unwrap();
    let told = tokio::time::timeout(std::time::Duration::from_secs(5), changes.recv()).await;
    assert_eq!(told.unwrap().unwrap(), store::Change::LinkRevoked { link: link.id });
    assert_intact(&store, written + 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_goes_away_and_comes_back_loses_nothing() {
    let server = tokio::task::spawn_blocking(PostgresServer::start).await.unwrap();
    let url = Secret::new(server.database().url);
    let bench = Bench::at(StoreLocation::Postgres { url });
    let store = bench.store().await;
    minted(&store, ALICE).await;
    server.stop();
    let refused = store.ping().await.unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable { .. }), "{refused:?}");
    let refused = store.create_link(&link(ALICE), u32::MAX, entry("link.mint")).await.unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable { .. }), "{refused:?}");
    server.start_again();
    assert_recovers(&store, 1).await;
}

#[tokio::test]
async fn what_cannot_be_opened_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let open = async |location| Bench::at(location).try_store(KEY).await.unwrap_err();
    let postgres = |url: &str| StoreLocation::Postgres { url: Secret::new(url) };

    let nobody = open(postgres("postgres://user:hunter2@127.0.0.1:1/db")).await;
    assert!(matches!(nobody, StoreError::Unavailable { .. }), "{nobody:?}");
    assert!(nobody.to_string().contains("127.0.0.1:1 "), "{nobody}");
    assert!(!format!("{nobody:?}").contains("hunter2"));
    let unreadable = open(postgres("postgres://user:hunter2@[::bad/db")).await;
    assert!(matches!(unreadable, StoreError::Invalid { .. }), "{unreadable:?}");
    assert!(!format!("{unreadable:?}").contains("hunter2"));
    let missing = open(postgres(&PostgresServer::shared().url("no_such_database"))).await;
    assert!(missing.to_string().contains("create it"), "{missing}");

    let a_file = directory.path().join("file");
    std::fs::write(&a_file, "x").unwrap();
    let not_a_directory = open(StoreLocation::Sqlite { directory: a_file }).await;
    assert!(matches!(not_a_directory, StoreError::Unavailable { .. }), "{not_a_directory:?}");
    let folder = directory.path().join("data");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("sallyport.db"), "this is no database, though it is long enough")
        .unwrap();
    let no_database = open(StoreLocation::Sqlite { directory: folder }).await;
    assert!(matches!(no_database, StoreError::Corrupt { .. }), "{no_database:?}");
}

on_both_databases! {
    async fn a_closed_store_refuses_everything(bench: Bench) {
        let store = bench.store().await;
        store.close().await;
        let refusals = [
            store.ping().await.unwrap_err(),
            store.audit(entry("act")).await.unwrap_err(),
            store.create_link(&link(ALICE), u32::MAX, entry("link.mint")).await.unwrap_err(),
        ];
        for refused in refusals {
            assert!(matches!(refused, StoreError::Unavailable { .. }), "{refused:?}");
        }
    }

    async fn a_row_that_somebody_broke_is_corrupt_and_no_panic(bench: Bench) {
        let store = bench.store().await;
        let link = minted(&store, ALICE).await;
        for broken in ["pod = '../..'", "command = 'not json'", "cluster = ''"] {
            bench.raw(&format!("UPDATE links SET {broken}")).await;
            let refused = store.link(&link.id).await.unwrap_err();
            assert!(matches!(refused, StoreError::Corrupt { .. }), "{broken}: {refused:?}");
        }
    }
}
