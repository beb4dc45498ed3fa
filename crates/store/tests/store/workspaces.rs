//! Workspaces: limits that hold however many try at once.

use crate::bench::*;
use store::{ReserveOutcome, StoreError, WorkspaceCounts, WorkspaceFilter};
use tokio::task::JoinSet;

const ALICE: &str = "sallyport:alice";

on_both_databases! {
    async fn reserving_gives_each_answer(bench: Bench) {
        let store = bench.store().await;
        let reserve = async |row: &store::WorkspaceRow| {
            store.reserve_workspace(row, 2, 3, NOW, entry("workspace.create")).await.unwrap()
        };
        let first = workspace(ALICE, "web");
        assert_eq!(reserve(&first).await, ReserveOutcome::Reserved);
        assert_eq!(reserve(&workspace(ALICE, "web")).await, ReserveOutcome::NameTaken);
        let mut same_pod = workspace("sallyport:bob", "web");
        same_pod.pod = first.pod.clone();
        assert_eq!(reserve(&same_pod).await, ReserveOutcome::NameTaken);
        assert_eq!(reserve(&workspace(ALICE, "db")).await, ReserveOutcome::Reserved);
        assert_eq!(reserve(&workspace(ALICE, "third")).await, ReserveOutcome::PersonFull { limit: 2 });
        assert_eq!(reserve(&workspace("sallyport:bob", "web")).await, ReserveOutcome::Reserved);
        assert_eq!(reserve(&workspace("sallyport:carol", "web")).await, ReserveOutcome::TotalFull { limit: 3 });
        assert_eq!(store.workspace_counts(ALICE).await.unwrap(), WorkspaceCounts { person: 2, total: 3 });
        assert_eq!(store.workspace_counts("nobody").await.unwrap(), WorkspaceCounts { person: 0, total: 3 });

        assert!(store.delete_workspace(&first.id, later(1), entry("workspace.delete")).await.unwrap());
        assert!(!store.delete_workspace(&first.id, later(2), entry("workspace.delete")).await.unwrap());
        assert_eq!(reserve(&workspace(ALICE, "web")).await, ReserveOutcome::Reserved);
        assert_intact(&store, 5).await;
    }

    async fn a_workspace_reads_back_and_is_listed(bench: Bench) {
        let store = bench.store().await;
        let mut row = workspace(ALICE, "web 웹");
        store.reserve_workspace(&row, 5, 5, NOW, entry("workspace.create")).await.unwrap();
        store.set_workspace_pod(&row.id, &"uid-1".parse().unwrap()).await.unwrap();
        store.set_workspace_note(&row.id, "running").await.unwrap();
        row.pod_uid = Some("uid-1".parse().unwrap());
        row.state_note = "running".to_owned();
        assert_eq!(store.workspace(&row.id).await.unwrap(), Some(row.clone()));
        store.reserve_workspace(&workspace("b", "x"), 5, 5, NOW, entry("workspace.create")).await.unwrap();

        let count = async |filter: WorkspaceFilter| store.workspaces(&filter).await.unwrap().len();
        assert_eq!(count(WorkspaceFilter::default()).await, 2);
        let mine = WorkspaceFilter { owner: Some(ALICE.to_owned()), live: Some(true), ..Default::default() };
        assert_eq!(count(mine.clone()).await, 1);
        let elsewhere = WorkspaceFilter { cluster: Some("other".parse().unwrap()), ..Default::default() };
        assert_eq!(count(elsewhere).await, 0);
        store.delete_workspace(&row.id, later(1), entry("workspace.delete")).await.unwrap();
        assert_eq!(count(mine).await, 0);
        assert_eq!(count(WorkspaceFilter { live: Some(false), ..Default::default() }).await, 1);
        let late = store.set_workspace_pod(&row.id, &"uid-2".parse().unwrap()).await;
        assert!(matches!(late, Err(StoreError::NotFound { .. })));
        assert!(matches!(store.set_workspace_note(&row.id, "x").await, Err(StoreError::NotFound { .. })));
    }

    async fn limits_hold_against_a_hundred_on_two_hubs(bench: Bench) {
        let hubs = [bench.store().await, bench.store().await];
        let mut racers = JoinSet::new();
        for racer in 0..100 {
            let store = hubs[racer % 2].clone();
            racers.spawn(async move {
                let row = workspace(&format!("sallyport:p{}", racer % 10), &format!("w{racer}"));
                store.reserve_workspace(&row, 3, 20, NOW, entry("workspace.create")).await.unwrap()
            });
        }
        let outcomes = racers.join_all().await;
        let reserved = outcomes.iter().filter(|o| **o == ReserveOutcome::Reserved).count();
        assert_eq!(reserved, 20, "{outcomes:?}");
        for person in 0..10 {
            let counts = hubs[0].workspace_counts(&format!("sallyport:p{person}")).await.unwrap();
            assert!(counts.person <= 3 && counts.total == 20, "{counts:?}");
        }
        assert_intact(&hubs[0], 20).await;
    }

    async fn one_name_is_taken_once_by_a_hundred(bench: Bench) {
        let hubs = [bench.store().await, bench.store().await];
        let mut racers = JoinSet::new();
        for racer in 0..100 {
            let store = hubs[racer % 2].clone();
            racers.spawn(async move {
                let row = workspace(ALICE, "web");
                store.reserve_workspace(&row, 200, 200, NOW, entry("workspace.create")).await.unwrap()
            });
        }
        let outcomes = racers.join_all().await;
        assert_eq!(outcomes.iter().filter(|o| **o == ReserveOutcome::Reserved).count(), 1);
        assert_eq!(outcomes.iter().filter(|o| **o == ReserveOutcome::NameTaken).count(), 99);
    }
}
