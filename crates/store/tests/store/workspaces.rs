//! Workspaces: limits that hold however many try at once.

use crate::bench::*;
use store::{ReserveOutcome, StoreError, WorkspaceCounts, WorkspaceFilter};
use tokio::task::JoinSet;

const ALICE: &str = "sallyport:alice";

on_both_databases! {
    async fn reserving_gives_each_answer(bench: Bench) {
        let store = bench.store().await;
        let reserve = async |row: &store::WorkspaceRow| {
            store.reserve_workspace(row, None, 2, 3, NOW, entry("workspace.create")).await.unwrap()
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
        assert_eq!(store.workspace_counts(ALICE, None).await.unwrap(), WorkspaceCounts { person: 2, total: 3 });
        assert_eq!(store.workspace_counts("nobody", None).await.unwrap(), WorkspaceCounts { person: 0, total: 3 });

        assert!(store.delete_workspace(&first.id, later(1), entry("workspace.delete")).await.unwrap());
        assert!(!store.delete_workspace(&first.id, later(2), entry("workspace.delete")).await.unwrap());
        assert_eq!(reserve(&workspace(ALICE, "web")).await, ReserveOutcome::Reserved);
        assert_intact(&store, 5).await;
    }

    async fn two_people_of_one_name_in_two_clusters_take_no_room_from_each_other(bench: Bench) {
        let store = bench.store().await;
        let (home, other) = ("kind".parse().unwrap(), "other".parse().unwrap());
        let in_other = |name: &str| store::WorkspaceRow { cluster: "other".parse().unwrap(), ..workspace("bob", name) };
        let reserve = async |row: &store::WorkspaceRow, within: Option<&model::ClusterName>| {
            store.reserve_workspace(row, within, 2, 9, NOW, entry("workspace.create")).await.unwrap()
        };
        assert_eq!(reserve(&workspace("bob", "web"), Some(&home)).await, ReserveOutcome::Reserved);
        assert_eq!(reserve(&workspace("bob", "db"), Some(&home)).await, ReserveOutcome::Reserved);
        assert_eq!(reserve(&workspace("bob", "third"), Some(&home)).await, ReserveOutcome::PersonFull { limit: 2 });
        // The namesake has all their room, and every name.
        assert_eq!(reserve(&in_other("web"), Some(&other)).await, ReserveOutcome::Reserved);
        assert_eq!(reserve(&in_other("web"), Some(&other)).await, ReserveOutcome::NameTaken);
        let counts = async |within| store.workspace_counts("bob", within).await.unwrap();
        assert_eq!(counts(Some(&home)).await, WorkspaceCounts { person: 2, total: 3 });
        assert_eq!(counts(Some(&other)).await, WorkspaceCounts { person: 1, total: 3 });

        // An account is one person everywhere: its rows in all clusters count, and its names are unique in all.
        assert_eq!(counts(None).await, WorkspaceCounts { person: 3, total: 3 });
        assert_eq!(reserve(&in_other("fourth"), None).await, ReserveOutcome::PersonFull { limit: 2 });
        let both = [workspace(ALICE, "web"), store::WorkspaceRow { owner: ALICE.to_owned(), ..in_other("web") }];
        assert_eq!(reserve(&both[0], None).await, ReserveOutcome::Reserved);
        assert_eq!(reserve(&both[1], None).await, ReserveOutcome::NameTaken);
    }

    async fn a_workspace_reads_back_and_is_listed(bench: Bench) {
        let store = bench.store().await;
        let mut row = workspace(ALICE, "web 웹");
        store.reserve_workspace(&row, None, 5, 5, NOW, entry("workspace.create")).await.unwrap();
        store.set_workspace_pod(&row.id, &"uid-1".parse().unwrap()).await.unwrap();
        store.set_workspace_note(&row.id, "running").await.unwrap();
        row.pod_uid = Some("uid-1".parse().unwrap());
        row.state_note = "running".to_owned();
        assert_eq!(store.workspace(&row.id).await.unwrap(), Some(row.clone()));
        store.reserve_workspace(&workspace("b", "x"), None, 5, 5, NOW, entry("workspace.create")).await.unwrap();

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
                store.reserve_workspace(&row, None, 3, 20, NOW, entry("workspace.create")).await.unwrap()
            });
        }
        let outcomes = racers.join_all().await;
        let reserved = outcomes.iter().filter(|o| **o == ReserveOutcome::Reserved).count();
        assert_eq!(reserved, 20, "{outcomes:?}");
        for person in 0..10 {
            let counts = hubs[0].workspace_counts(&format!("sallyport:p{person}"), None).await.unwrap();
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
                store.reserve_workspace(&row, None, 200, 200, NOW, entry("workspace.create")).await.unwrap()
            });
        }
        let outcomes = racers.join_all().await;
        assert_eq!(outcomes.iter().filter(|o| **o == ReserveOutcome::Reserved).count(), 1);
        assert_eq!(outcomes.iter().filter(|o| **o == ReserveOutcome::NameTaken).count(), 99);
    }
}
