//! The audit log: pages, concurrency, and every way of tampering with it.

use crate::bench::*;
use serde_json::json;
use store::{AuditFilter, AuditMark, AuditOutcome, AuditVerdict, Store, StoreError};
use tokio::task::JoinSet;

async fn filled(bench: &Bench, records: u64) -> Store {
    let store = bench.store().await;
    for number in 0..records {
        store.audit(entry(&format!("act.{number}"))).await.unwrap();
    }
    assert_intact(&store, records).await;
    store
}

async fn verdict(store: &Store) -> AuditVerdict {
    store.audit_verify(|_, _| {}).await.unwrap()
}

async fn assert_found(store: &Store, first_bad: Option<u64>, word: &str) {
    let verdict = verdict(store).await;
    assert!(!verdict.intact, "{verdict:?}");
    assert_eq!(verdict.first_bad, first_bad, "{verdict:?}");
    assert!(verdict.detail.contains(word), "{verdict:?}");
}

on_both_databases! {
    async fn records_read_back_in_pages_newest_first(bench: Bench) {
        let store = bench.store().await;
        let mut denied = entry("terminal.enter");
        denied.actor = "sallyport:mallory".to_owned();
        denied.outcome = AuditOutcome::Denied;
        denied.reason = "ticket_used".to_owned();
        denied.detail = json!({ "tries": 3, "note": "100%_sure" });
        for seq in 1..=5 {
            assert_eq!(store.audit(entry("link.mint")).await.unwrap(), seq);
        }
        assert_eq!(store.audit(denied.clone()).await.unwrap(), 6);

        let page = async |filter: AuditFilter| {
            let records = store.audit_page(&filter).await.unwrap();
            records.iter().map(|record| record.seq).collect::<Vec<_>>()
        };
        let all = AuditFilter { limit: 500, ..AuditFilter::default() };
        assert_eq!(store.audit_page(&all).await.unwrap()[0].entry, denied);
        assert_eq!(page(all.clone()).await, [6, 5, 4, 3, 2, 1]);
        assert_eq!(page(AuditFilter { before: Some(5), limit: 2, ..all.clone() }).await, [4, 3]);
        assert_eq!(page(AuditFilter { actor: Some("sallyport:mallory".into()), ..all.clone() }).await, [6]);
        assert_eq!(page(AuditFilter { action: Some("terminal.".into()), ..all.clone() }).await, [6]);
        assert!(page(AuditFilter { action: Some("terminal".into()), ..all.clone() }).await.is_empty());
        assert_eq!(page(AuditFilter { outcome: Some(AuditOutcome::Denied), ..all.clone() }).await, [6]);
        assert!(page(AuditFilter { outcome: Some(AuditOutcome::Failed), ..all.clone() }).await.is_empty());
        for (text, expected) in [("MALLORY", 1), ("100%_s", 1), ("%", 1), ("1_0%", 0), ("\\", 0), ("", 6)] {
            let filter = AuditFilter { text: Some(text.into()), ..all.clone() };
            assert_eq!(page(filter).await.len(), expected, "{text}");
        }
        assert_eq!(page(AuditFilter::default()).await, [6]);
    }

    async fn hostile_texts_are_kept_harmless(bench: Bench) {
        let store = bench.store().await;
        let mut hostile = entry("sign_in.password");
        hostile.actor = "\u{1b}[2J\0\r\nroot".to_owned();
        hostile.object = "'; DROP TABLE audit; --".to_owned();
        hostile.reason = "x".repeat(1_000_000);
        hostile.detail = json!({ "user_agent": "a\0b\u{202e}" });
        store.audit(hostile).await.unwrap();
        let records = store.audit_page(&AuditFilter { limit: 1, ..Default::default() }).await.unwrap();
        let stored = &records[0].entry;
        assert_eq!(stored.actor, "\\u{1b}[2J\\u{0}\\r\\nroot");
        assert_eq!(stored.object, "'; DROP TABLE audit; --");
        assert!(stored.reason.len() <= 2048);
        assert_eq!(stored.detail, json!({ "user_agent": "a\\u{0}b\\u{202e}" }));
        assert_intact(&store, 1).await;
    }

    async fn two_hubs_write_one_chain_without_gaps(bench: Bench) {
        let hubs = [bench.store().await, bench.store().await];
        let mut writers = JoinSet::new();
        for writer in 0..200 {
            let store = hubs[writer % 2].clone();
            writers.spawn(async move { store.audit(entry("act")).await.unwrap() });
        }
        let mut numbers = writers.join_all().await;
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=200).collect::<Vec<_>>());
        assert_intact(&hubs[1], 200).await;
    }

    async fn the_log_refuses_edits_deletions_and_disorder(bench: Bench) {
        let store = filled(&bench, 3).await;
        let mut attempts = vec![
            "UPDATE audit SET actor = 'somebody else' WHERE seq = 2",
            "DELETE FROM audit WHERE seq = 3",
            "DELETE FROM audit",
            "INSERT INTO audit SELECT 9, at, actor, action, object, outcome, reason, request_id, source, detail, hash FROM audit WHERE seq = 1",
        ];
        attempts.push(if bench.is_postgres() {
            "TRUNCATE audit"
        } else {
            "INSERT OR REPLACE INTO audit SELECT 2, at, 'x', action, object, outcome, reason, request_id, source, detail, hash FROM audit WHERE seq = 1"
        });
        for attempt in attempts {
            let refused = bench.try_raw(attempt).await;
            assert!(refused.is_err(), "{attempt}");
        }
        assert_intact(&store, 3).await;
    }

    async fn an_edit_is_found(bench: Bench) {
        for column in ["actor", "action", "object", "outcome", "reason", "request_id", "source", "detail"] {
            let bench = if bench.is_postgres() { Bench::postgres() } else { Bench::sqlite() };
            let store = filled(&bench, 4).await;
            bench.drop_audit_triggers().await;
            let edit = format!("UPDATE audit SET {column} = 'denied' WHERE seq = 3");
            assert_eq!(bench.raw(&edit).await, 1);
            assert_found(&store, Some(3), "hash").await;
        }
        let store = filled(&bench, 4).await;
        bench.drop_audit_triggers().await;
        bench.raw("UPDATE audit SET at = at + 1 WHERE seq = 4").await;
        assert_found(&store, Some(4), "hash").await;
    }

    async fn a_forged_hash_only_moves_the_break(bench: Bench) {
        let store = filled(&bench, 4).await;
        bench.drop_audit_triggers().await;
        let short = if bench.is_postgres() { "'\\x00'::bytea" } else { "x'00'" };
        bench.raw("UPDATE audit SET hash = (SELECT a.hash FROM audit a WHERE a.seq = 1) WHERE seq = 2").await;
        assert_found(&store, Some(2), "hash").await;
        bench.raw(&format!("UPDATE audit SET hash = {short} WHERE seq = 2")).await;
        assert_found(&store, Some(2), "32 bytes").await;
    }

    async fn a_deletion_is_found_in_the_middle_and_at_either_end(bench: Bench) {
        let store = filled(&bench, 6).await;
        bench.drop_audit_triggers().await;
        bench.raw("DELETE FROM audit WHERE seq = 6").await;
        assert_found(&store, Some(6), "missing").await;
        bench.raw("DELETE FROM audit WHERE seq = 3").await;
        assert_found(&store, Some(3), "missing").await;
        bench.raw("DELETE FROM audit WHERE seq = 1").await;
        assert_found(&store, Some(1), "missing").await;
        bench.raw("DELETE FROM audit").await;
        assert_found(&store, Some(1), "missing").await;
    }

    async fn cutting_the_end_off_is_found_even_with_the_head_set_back(bench: Bench) {
        let store = filled(&bench, 5).await;
        bench.drop_audit_triggers().await;
        bench.raw("DELETE FROM audit WHERE seq > 3").await;
        bench.raw("UPDATE audit_head SET seq = 3, hash = (SELECT hash FROM audit WHERE seq = 3)").await;
        assert_found(&store, None, "vault key").await;
        // Nor is the forged head continued: that would authenticate it.
        let refused = store.audit(entry("act")).await;
        assert!(matches!(refused, Err(StoreError::Corrupt { .. })), "{refused:?}");
        let refused = store.create_link(&link("sallyport:alice"), u32::MAX, entry("link.mint")).await;
        assert!(matches!(refused, Err(StoreError::Corrupt { .. })), "{refused:?}");
        assert_found(&store, None, "vault key").await;
    }

    async fn an_old_head_put_back_is_found_by_the_mark(bench: Bench) {
        let files = tempfile::tempdir().unwrap();
        let store = filled(&bench, 3).await;
        assert_eq!(store.keep_audit_mark(files.path()).await.unwrap(), AuditMark::Missing);
        bench.keep_audit_head().await;
        for _ in 0..2 {
            store.audit(entry("act")).await.unwrap();
        }
        store.close().await;
        // The whole attack: no hub runs, no trigger is left, newer records go, and a genuine old head returns.
        bench.drop_audit_triggers().await;
        bench.raw("DELETE FROM audit WHERE seq > 3").await;
        bench.put_audit_head_back().await;

        let store = bench.store().await;
        assert_intact(&store, 3).await;
        let found = store.keep_audit_mark(files.path()).await.unwrap();
        assert!(matches!(&found, AuditMark::Broken(why) if why.contains("record 5")), "{found:?}");
        assert_found(&store, Some(4), "this hub has seen record 5").await;
        let refused = store.audit(entry("act")).await;
        assert!(matches!(refused, Err(StoreError::Corrupt { .. })), "{refused:?}");
        let refused = store.create_link(&link("sallyport:alice"), u32::MAX, entry("link.mint")).await;
        assert!(matches!(refused, Err(StoreError::Corrupt { .. })), "{refused:?}");
        store.close().await;

        // A hub without that mark goes on with the cut log; the mark finds that too, by the other hash.
        let other = bench.store().await;
        for number in 0..4 {
            other.audit(entry(&format!("other.{number}"))).await.unwrap();
        }
        other.close().await;
        let store = bench.store().await;
        let found = store.keep_audit_mark(files.path()).await.unwrap();
        assert!(matches!(&found, AuditMark::Broken(why) if why.contains("hash")), "{found:?}");
        assert_found(&store, Some(5), "this hub has seen").await;
    }

    async fn a_cut_under_a_running_hub_is_found_without_any_file(bench: Bench) {
        let store = filled(&bench, 3).await;
        bench.keep_audit_head().await;
        store.audit(entry("act")).await.unwrap();
        bench.drop_audit_triggers().await;
        bench.raw("DELETE FROM audit WHERE seq > 3").await;
        bench.put_audit_head_back().await;
        assert_found(&store, Some(4), "this hub has seen record 4").await;
        let refused = store.audit(entry("act")).await;
        assert!(matches!(refused, Err(StoreError::Corrupt { .. })), "{refused:?}");
    }

    async fn the_mark_outlives_a_hub_that_was_killed(bench: Bench) {
        let files = tempfile::tempdir().unwrap();
        let store = filled(&bench, 1).await;
        store.keep_audit_mark(files.path()).await.unwrap();
        store.audit(entry("act")).await.unwrap();
        let file = files.path().join("audit.mark");
        let wait = async {
            while !std::fs::read_to_string(&file).unwrap().contains(" 2 ") {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(10), wait).await.unwrap();
        // Not closed: the file is what a killed hub leaves behind.
        let again = bench.store().await;
        assert_eq!(again.keep_audit_mark(files.path()).await.unwrap(), AuditMark::Holds);
        assert_eq!(again.audit(entry("act")).await.unwrap(), 3);
    }

    async fn a_forged_mark_is_a_fault(bench: Bench) {
        let files = tempfile::tempdir().unwrap();
        let store = filled(&bench, 2).await;
        store.keep_audit_mark(files.path()).await.unwrap();
        store.close().await;
        let file = files.path().join("audit.mark");
        let lower = std::fs::read_to_string(&file).unwrap().replacen(" 2 ", " 1 ", 1);
        for forged in [lower.as_str(), ""] {
            std::fs::write(&file, forged).unwrap();
            let store = bench.store().await;
            let found = store.keep_audit_mark(files.path()).await.unwrap();
            assert!(matches!(found, AuditMark::Broken(_)), "{found:?}");
            assert_found(&store, None, "vault key").await;
            assert!(store.audit(entry("act")).await.is_err());
            store.close().await;
            assert_eq!(std::fs::read_to_string(&file).unwrap(), forged);
        }
    }

    async fn a_database_restored_on_purpose_is_accepted_once_and_recorded(bench: Bench) {
        let files = tempfile::tempdir().unwrap();
        let store = filled(&bench, 2).await;
        store.keep_audit_mark(files.path()).await.unwrap();
        bench.keep_audit_head().await;
        store.audit(entry("act")).await.unwrap();
        store.close().await;
        bench.drop_audit_triggers().await;
        bench.raw("DELETE FROM audit WHERE seq > 2").await;
        bench.put_audit_head_back().await;

        let store = bench.store().await;
        store.keep_audit_mark(files.path()).await.unwrap();
        let accepted = store.accept_restored(entry("audit.restore"), |_, _| {}).await.unwrap();
        assert!(accepted.intact, "{accepted:?}");
        assert_intact(&store, 3).await;
        let page = store.audit_page(&AuditFilter { limit: 1, ..Default::default() }).await.unwrap();
        assert_eq!((page[0].entry.action.as_str(), &page[0].entry.detail["mark"]), ("audit.restore", &json!(3)));
        store.close().await;
        let again = bench.store().await;
        assert_eq!(again.keep_audit_mark(files.path()).await.unwrap(), AuditMark::Holds);
        again.close().await;

        // What is broken in itself is not accepted, and the mark stays.
        bench.raw("UPDATE audit SET actor = 'x' WHERE seq = 1").await;
        let mark = std::fs::read_to_string(files.path().join("audit.mark")).unwrap();
        let again = bench.store().await;
        again.keep_audit_mark(files.path()).await.unwrap();
        let refused = again.accept_restored(entry("audit.restore"), |_, _| {}).await.unwrap();
        assert!(!refused.intact && refused.first_bad == Some(1), "{refused:?}");
        assert_eq!(std::fs::read_to_string(files.path().join("audit.mark")).unwrap(), mark);
    }

    async fn a_removed_head_is_found_and_not_made_anew(bench: Bench) {
        let store = filled(&bench, 2).await;
        bench.drop_audit_triggers().await;
        bench.raw("DELETE FROM audit").await;
        bench.raw("DELETE FROM audit_head").await;
        assert_found(&store, None, "head is missing").await;
        assert!(matches!(store.audit(entry("act")).await, Err(StoreError::Corrupt { .. })));
        store.close().await;
        let again = bench.store().await;
        assert_found(&again, None, "head is missing").await;
    }

    async fn another_order_is_found(bench: Bench) {
        let store = filled(&bench, 5).await;
        bench.drop_audit_triggers().await;
        for (from, to) in [(2, 99), (3, 2), (99, 3)] {
            bench.raw(&format!("UPDATE audit SET seq = {to} WHERE seq = {from}")).await;
        }
        assert_found(&store, Some(2), "hash").await;
    }

    async fn an_insertion_is_found_in_the_middle_and_at_the_end(bench: Bench) {
        let copy = |seq: u64| {
            format!("INSERT INTO audit SELECT {seq}, at, actor, 'forged', object, outcome, reason, request_id, source, detail, hash FROM audit WHERE seq = 2")
        };
        let store = filled(&bench, 4).await;
        bench.drop_audit_triggers().await;
        bench.raw(&copy(5)).await;
        assert_found(&store, Some(5), "goes on").await;
        bench.raw("DELETE FROM audit WHERE seq = 5").await;
        assert_intact(&store, 4).await;
        for seq in [4, 3] {
            bench.raw(&format!("UPDATE audit SET seq = {} WHERE seq = {seq}", seq + 1)).await;
        }
        bench.raw(&copy(3)).await;
        bench.raw("UPDATE audit_head SET seq = 5").await;
        assert_found(&store, None, "vault key").await;
        bench.raw("UPDATE audit_head SET seq = 4").await;
        assert_found(&store, Some(5), "goes on").await;
        bench.raw("DELETE FROM audit WHERE seq = 5").await;
        assert_found(&store, Some(3), "hash").await;
    }

    async fn the_verification_tells_how_far_it_is(bench: Bench) {
        let store = filled(&bench, 1).await;
        let mut writers = JoinSet::new();
        for _ in 0..2100 {
            let store = store.clone();
            writers.spawn(async move { store.audit(entry("act")).await.unwrap() });
        }
        writers.join_all().await;
        let mut steps = Vec::new();
        let verdict = store.audit_verify(|done, of| steps.push((done, of))).await.unwrap();
        assert!(verdict.intact && verdict.records == 2101, "{verdict:?}");
        assert_eq!(steps, [(1000, 2101), (2000, 2101), (2101, 2101)]);
    }
}
