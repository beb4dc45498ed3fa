//! Opening: from empty, again, at once, with the wrong key, and on a database that is not ours to touch.

use crate::bench::*;
use std::os::unix::fs::PermissionsExt;
use store::{Store, StoreError, StoreLocation};

on_both_databases! {
    async fn a_database_opens_from_empty_and_again(bench: Bench) {
        let store = bench.store().await;
        store.ping().await.unwrap();
        store.audit(entry("act")).await.unwrap();
        store.close().await;
        let again = bench.store().await;
        assert_intact(&again, 1).await;
        again.audit(entry("act")).await.unwrap();
        assert_intact(&again, 2).await;
        assert_eq!(bench.raw("DELETE FROM schema_migrations").await, 7);
    }

    async fn looking_for_a_store_makes_none(bench: Bench) {
        assert!(!Store::is_there(&bench.location).await.unwrap());
        assert!(!Store::is_there(&bench.location).await.unwrap(), "the first look left nothing");
        bench.store().await.close().await;
        assert!(Store::is_there(&bench.location).await.unwrap());
    }

    async fn hubs_that_start_at_once_found_it_once(bench: Bench) {
        let stores = tokio::join!(bench.store(), bench.store(), bench.store(), bench.store());
        for store in [stores.0, stores.1, stores.2, stores.3] {
            store.audit(entry("act")).await.unwrap();
        }
        assert_intact(&bench.store().await, 4).await;
    }

    async fn a_newer_schema_is_refused(bench: Bench) {
        bench.store().await.close().await;
        bench.raw("INSERT INTO schema_migrations (version, checksum, applied_at) VALUES (8, 'x', 1)").await;
        let refused = bench.try_store(KEY).await.unwrap_err();
        assert!(matches!(refused, StoreError::Schema { .. }), "{refused:?}");
        let message = refused.to_string();
        assert!(message.contains("version 8") && message.contains("newer release"), "{message}");
    }

    async fn an_edited_migration_is_refused(bench: Bench) {
        bench.store().await.close().await;
        bench.raw("UPDATE schema_migrations SET checksum = 'edited'").await;
        let refused = bench.try_store(KEY).await.unwrap_err();
        assert!(matches!(&refused, StoreError::Schema { reason } if reason.contains("another text")), "{refused:?}");
    }

    async fn a_database_of_the_first_release_is_brought_up_to_date(bench: Bench) {
        let store = bench.store().await;
        store.audit(entry("act")).await.unwrap();
        store.close().await;
        // As the first release left it.
        for table in [
            "head", "batches", "units", "bodies", "connections", "agents", "streams",
            "stream_connections",
        ] {
            bench.raw(&format!("DROP TABLE traffic_{table}")).await;
        }
        bench.raw("DROP TABLE gateway_requests").await;
        for table in ["authority", "requests"] {
            bench.raw(&format!("DROP TABLE machine_{table}")).await;
        }
        for table in ["scans", "findings", "exceptions"] {
            bench.raw(&format!("DROP TABLE posture_{table}")).await;
        }
        bench.raw("DROP TABLE issuer_keys").await;
        bench.raw("DELETE FROM schema_migrations WHERE version > 1").await;
        let store = bench.store().await;
        assert_intact(&store, 1).await;
        assert_eq!(bench.count("traffic_head").await, 1);
        assert_eq!(bench.count("gateway_requests").await, 0);
        assert_eq!(bench.count("machine_requests").await, 0);
        assert_eq!(bench.count("posture_scans").await, 0);
    }

    async fn another_vault_key_is_refused(bench: Bench) {
        bench.store().await.close().await;
        let refused = bench.try_store([43; 32]).await.unwrap_err();
        assert!(matches!(&refused, StoreError::Corrupt { object, .. } if object == "the vault key"), "{refused:?}");
        bench.store().await.ping().await.unwrap();
    }

    async fn secrets_are_not_in_the_database_in_clear(bench: Bench) {
        let store = bench.store().await;
        let secret = model::SecretBytes::new(*b"SIGNING-KEY-IN-CLEAR-0123456789a");
        store.create_link_key("k1", &secret, NOW, std::time::Duration::ZERO).await.unwrap();
        assert!(!format!("{store:?} {:?}", bench.location).contains("postgres://"));
        store.close().await;
        if let StoreLocation::Sqlite { directory } = &bench.location {
            for file in std::fs::read_dir(directory).unwrap() {
                let bytes = std::fs::read(file.unwrap().path()).unwrap();
                assert!(!bytes.windows(12).any(|part| part == b"SIGNING-KEY-"));
            }
        } else {
            assert_eq!(bench.raw("UPDATE link_keys SET created_at = 1 WHERE position('SIGNING' IN encode(sealed, 'escape')) > 0").await, 0);
        }
    }
}

#[tokio::test]
async fn only_the_owner_can_read_the_files() {
    let bench = Bench::sqlite();
    let store = bench.store().await;
    store.audit(entry("act")).await.unwrap();
    let StoreLocation::Sqlite { directory } = &bench.location else { panic!("it is SQLite") };
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(directory), 0o700);
    let mut files = 0;
    for file in std::fs::read_dir(directory).unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
        files += 1;
    }
    assert_eq!(files, 3, "the database, its log and its shared memory");
    drop(store);
    let file = directory.join("sallyport.db");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    bench.store().await.ping().await.unwrap();
    assert_eq!(mode(&file), 0o600);
}
