//! Namespaces: one is ours by its UID, which is noted once for each mark.

use crate::bench::*;
use model::{ClusterName, Namespace};
use store::KnownNamespace;
use tokio::task::JoinSet;

fn place() -> (ClusterName, Namespace) {
    ("kind".parse().unwrap(), "ws-alice-x".parse().unwrap())
}

on_both_databases! {
    async fn a_namespace_is_announced_noted_and_known(bench: Bench) {
        let store = bench.store().await;
        let (cluster, name) = place();
        let known = async || store.known_namespace(&cluster, &name).await.unwrap();
        let note = async |mark: &str, uid: &str| store.note_namespace(&cluster, &name, mark, uid, NOW).await.unwrap();
        assert_eq!(known().await, KnownNamespace::default());
        assert!(!note("m1", "uid-0").await, "nothing was announced");
        assert_eq!(store.announce_namespace(&cluster, &name, "m1", NOW).await.unwrap(), "m1");
        assert_eq!(store.announce_namespace(&cluster, &name, "m2", NOW).await.unwrap(), "m1", "the first stands");
        assert!(!note("m2", "uid-0").await);
        assert!(note("m1", "uid-1").await);
        assert!(!note("m1", "uid-2").await, "a mark is used up");
        assert_eq!(known().await, KnownNamespace { uid: Some("uid-1".to_owned()), birth_mark: None });
        // Made again after it was deleted: the old one stays known until the new one is noted.
        assert_eq!(store.announce_namespace(&cluster, &name, "m3", later(1)).await.unwrap(), "m3");
        assert_eq!(known().await, KnownNamespace { uid: Some("uid-1".to_owned()), birth_mark: Some("m3".to_owned()) });
        assert!(note("m3", "uid-3").await);
        assert_eq!(known().await.uid.as_deref(), Some("uid-3"));
        let elsewhere = store.known_namespace(&"other".parse().unwrap(), &name).await.unwrap();
        assert_eq!(elsewhere, KnownNamespace::default());
    }

    async fn an_adoption_is_recorded_and_ends_what_was_announced(bench: Bench) {
        let store = bench.store().await;
        let (cluster, name) = place();
        store.announce_namespace(&cluster, &name, "m1", NOW).await.unwrap();
        for uid in ["uid-7", "uid-8"] {
            store.adopt_namespace(&cluster, &name, uid, NOW, entry("adopt")).await.unwrap();
            let known = store.known_namespace(&cluster, &name).await.unwrap();
            assert_eq!(known, KnownNamespace { uid: Some(uid.to_owned()), birth_mark: None });
        }
        assert!(!store.note_namespace(&cluster, &name, "m1", "uid-9", NOW).await.unwrap());
        assert_intact(&store, 2).await;
    }

    async fn a_mark_is_used_once_by_a_hundred(bench: Bench) {
        let hubs = [bench.store().await, bench.store().await];
        let (cluster, name) = place();
        hubs[0].announce_namespace(&cluster, &name, "last", NOW).await.unwrap();
        let mut racers = JoinSet::new();
        for racer in 0..100 {
            let store = hubs[racer % 2].clone();
            racers.spawn(async move {
                let (cluster, name) = place();
                store.note_namespace(&cluster, &name, "last", &format!("uid-{racer}"), NOW).await.unwrap()
            });
        }
        assert_eq!(racers.join_all().await.into_iter().filter(|noted| *noted).count(), 1);
    }
}
