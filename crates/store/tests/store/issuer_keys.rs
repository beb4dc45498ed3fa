//! The keys of the hub as an issuer: one set for all hubs, sealed, and gone when nothing of theirs can hold.

use crate::bench::*;
use model::SecretBytes;
use std::time::Duration;
use store::{IssuerKeyRow, StoreError};

const DAY: Duration = Duration::from_secs(86_400);

fn key(kid: &str, after_s: u64) -> IssuerKeyRow {
    let secret = SecretBytes::new(format!("the secret half of {kid}").into_bytes());
    IssuerKeyRow { kid: kid.to_owned(), secret, created_at: later(after_s) }
}

on_both_databases! {
    async fn issuer_keys_are_sealed_shared_and_rotated(bench: Bench) {
        let (one, two) = (bench.store().await, bench.store().await);
        let mut racers = tokio::task::JoinSet::new();
        for racer in 0..20 {
            let store = if racer % 2 == 0 { one.clone() } else { two.clone() };
            racers.spawn(async move {
                store.create_issuer_key(&key(&format!("k{racer}"), 0), DAY).await.unwrap()
            });
        }
        assert_eq!(racers.join_all().await.into_iter().filter(|made| *made).count(), 1);
        let keys = two.issuer_keys().await.unwrap();
        assert_eq!(keys.len(), 1);
        assert!(!format!("{keys:?}").contains("half"));
        assert!(!one.create_issuer_key(&key("young", 86_399), DAY).await.unwrap());
        assert!(one.create_issuer_key(&key("next", 86_400), DAY).await.unwrap());
        let keys = two.issuer_keys().await.unwrap();
        assert_eq!((keys.len(), keys[0].kid.as_str()), (2, "next"));

        bench.raw("UPDATE issuer_keys SET sealed = (SELECT k.sealed FROM issuer_keys k WHERE k.kid <> issuer_keys.kid)").await;
        assert!(matches!(one.issuer_keys().await, Err(StoreError::Corrupt { .. })));
    }

    async fn a_key_goes_an_hour_after_its_successor_came_and_the_newest_never(bench: Bench) {
        let store = bench.store().await;
        assert!(store.create_issuer_key(&key("old", 0), DAY).await.unwrap());
        assert_eq!(store.purge(later(1_000_000), DAY).await.unwrap().issuer_keys, 0);
        assert!(store.create_issuer_key(&key("new", 1_000_000), DAY).await.unwrap());
        assert_eq!(store.purge(later(1_003_600), DAY).await.unwrap().issuer_keys, 0);
        assert_eq!(store.purge(later(1_003_601), DAY).await.unwrap().issuer_keys, 1);
        assert_eq!(store.issuer_keys().await.unwrap()[0].kid, "new");
    }
}
