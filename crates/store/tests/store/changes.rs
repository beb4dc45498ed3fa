//! The change feed: across hubs within two seconds, and honest when it is behind.

use crate::bench::*;
use std::time::Duration;
use store::Change;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, timeout};

const ALICE: &str = "sallyport:alice";

on_both_databases! {
    async fn a_revocation_reaches_both_hubs_within_two_seconds(bench: Bench) {
        let hubs = [bench.store().await, bench.store().await];
        let (link, first) = (minted(&hubs[0], ALICE).await, minted(&hubs[0], ALICE).await);
        let (mut here, mut there) = (hubs[0].changes(), hubs[1].changes());
        let begun = Instant::now();
        hubs[0].revoke_link(&link.id, ALICE, NOW, entry("link.revoke")).await.unwrap();
        let expected = Change::LinkRevoked { link: link.id };
        assert_eq!(timeout(Duration::from_secs(2), here.recv()).await.unwrap().unwrap(), expected);
        assert_eq!(timeout(Duration::from_secs(2), there.recv()).await.unwrap().unwrap(), expected);
        assert!(begun.elapsed() < Duration::from_secs(2));

        // Who comes later is told what comes later.
        let late = bench.store().await;
        let mut late = late.changes();
        hubs[1].revoke_link(&first.id, ALICE, NOW, entry("link.revoke")).await.unwrap();
        let told = timeout(Duration::from_secs(2), late.recv()).await.unwrap().unwrap();
        assert_eq!(told, Change::LinkRevoked { link: first.id });
    }

    async fn a_refused_act_tells_nobody(bench: Bench) {
        let store = bench.store().await;
        let link = minted(&store, ALICE).await;
        let mut changes = store.changes();
        store.revoke_link(&crate::bench::link(ALICE).id, ALICE, NOW, entry("link.revoke")).await.unwrap();
        store.revoke_link(&link.id, ALICE, NOW, entry("link.revoke")).await.unwrap();
        assert_eq!(changes.recv().await.unwrap(), Change::LinkRevoked { link: link.id });
    }

    async fn a_receiver_that_lags_is_told(bench: Bench) {
        let store = bench.store().await;
        let (mut slow, mut quick) = (store.changes(), store.changes());
        for _ in 0..2 {
            for person in 0..20 {
                let person = format!("sallyport:person-{person}");
                for _ in 0..30 {
                    signed_in(&store, &person).await;
                }
                assert_eq!(store.end_sign_ins_of(&person, None, NOW, entry("sign_out")).await.unwrap(), 30);
            }
            for _ in 0..600 {
                quick.recv().await.unwrap();
            }
        }
        assert!(matches!(slow.recv().await, Err(RecvError::Lagged(_))));
        assert!(matches!(slow.recv().await, Ok(Change::SignInEnded { .. })));
    }

    async fn a_change_that_a_newer_hub_wrote_means_check_everything(bench: Bench) {
        let store = bench.store().await;
        let mut changes = store.changes();
        bench.raw("INSERT INTO changes (at, change) VALUES (1, '{\"change\":\"from_the_future\"}')").await;
        assert_eq!(timeout(Duration::from_secs(2), changes.recv()).await.unwrap().unwrap(), Change::Missed);
    }

    async fn no_change_is_passed_over_when_many_hubs_write_at_once(bench: Bench) {
        let hubs = [bench.store().await, bench.store().await, bench.store().await];
        let mut changes = hubs[2].changes();
        let mut links = Vec::new();
        for _ in 0..120 {
            links.push(minted(&hubs[0], ALICE).await.id);
        }
        let mut writers = tokio::task::JoinSet::new();
        for (turn, link) in links.iter().cloned().enumerate() {
            let store = hubs[turn % 2].clone();
            writers.spawn(async move { store.revoke_link(&link, ALICE, NOW, entry("link.revoke")).await.unwrap() });
        }
        let mut told = std::collections::HashSet::new();
        while told.len() < links.len() {
            match timeout(Duration::from_secs(10), changes.recv()).await.unwrap().unwrap() {
                Change::LinkRevoked { link } => assert!(told.insert(link)),
                other => panic!("{other:?}"),
            }
        }
        assert!(writers.join_all().await.into_iter().all(|revoked| revoked));
    }
}
