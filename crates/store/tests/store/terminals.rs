//! Terminals: begun by the second gate, ended once, abandoned with their hub.

use crate::bench::*;
use std::time::Duration;
use store::{Change, TerminalFilter};

const ALICE: &str = "sallyport:alice";

on_both_databases! {
    async fn a_terminal_reads_back_and_ends_once(bench: Bench) {
        let store = bench.store().await;
        let alice = signed_in(&store, ALICE).await;
        let draft = entered(&store, &alice).await;
        assert_eq!(store.terminal(&draft.id).await.unwrap(), Some(draft.clone()));

        assert!(store.end_terminal(&draft.id, "exit", later(9), entry("terminal.end")).await.unwrap());
        assert!(!store.end_terminal(&draft.id, "lost", later(10), entry("terminal.end")).await.unwrap());
        let ended = store.terminal(&draft.id).await.unwrap().unwrap();
        assert_eq!((ended.ended_at, ended.end_reason.as_deref()), (Some(later(9)), Some("exit")));
        assert_eq!(ended.last_alive_at, later(9));
        assert_intact(&store, 5).await;
    }

    async fn terminals_are_listed_by_person_hub_and_life(bench: Bench) {
        let hubs = [bench.store().await, bench.store().await];
        let alice = signed_in(&hubs[0], ALICE).await;
        let bob = signed_in(&hubs[0], "sallyport:bob").await;
        let first = entered(&hubs[0], &alice).await;
        let second = entered(&hubs[1], &alice).await;
        entered(&hubs[1], &bob).await;
        hubs[0].end_terminal(&first.id, "exit", later(1), entry("terminal.end")).await.unwrap();
        let count = async |filter: TerminalFilter| hubs[0].terminals(&filter).await.unwrap().len();
        let all = TerminalFilter { limit: 100, ..TerminalFilter::default() };
        assert_eq!(count(all.clone()).await, 3);
        assert_eq!(count(TerminalFilter { limit: 1, ..all.clone() }).await, 1);
        assert_eq!(count(TerminalFilter { live: Some(true), ..all.clone() }).await, 2);
        assert_eq!(count(TerminalFilter { live: Some(false), ..all.clone() }).await, 1);
        let of_alice = TerminalFilter {
            user: Some(ALICE.to_owned()),
            live: Some(true),
            hub: Some(hubs[1].hub().clone()),
            ..all
        };
        let listed = hubs[0].terminals(&of_alice).await.unwrap();
        assert_eq!(listed.iter().map(|t| &t.id).collect::<Vec<_>>(), [&second.id]);
    }

    async fn pages_of_terminals_hold_each_once(bench: Bench) {
        let store = bench.store().await;
        let alice = signed_in(&store, ALICE).await;
        for _ in 0..5 {
            entered(&store, &alice).await;
        }
        let whole = store.terminals(&TerminalFilter { limit: 50, ..TerminalFilter::default() }).await.unwrap();
        let mut paged = Vec::new();
        let mut after = None;
        loop {
            let page = TerminalFilter { live: Some(true), after, limit: 2, ..TerminalFilter::default() };
            let page = store.terminals(&page).await.unwrap();
            after = page.last().map(|last| (last.started_at, last.id.clone()));
            if page.is_empty() {
                break;
            }
            paged.extend(page);
        }
        assert_eq!(paged, whole);
    }

    async fn asking_for_an_end_reaches_the_hub_that_holds_it(bench: Bench) {
        let hubs = [bench.store().await, bench.store().await];
        let alice = signed_in(&hubs[0], ALICE).await;
        let terminal = entered(&hubs[0], &alice).await;
        let mut changes = hubs[0].changes();
        let mut audit = entry("terminal.end_requested");
        audit.reason = "right_withdrawn".to_owned();
        assert!(hubs[1].request_terminal_end(&terminal.id, "admin", NOW, audit.clone()).await.unwrap());
        let told = tokio::time::timeout(Duration::from_secs(2), changes.recv()).await.unwrap().unwrap();
        let (by, reason) = ("admin".to_owned(), "right_withdrawn".to_owned());
        assert_eq!(told, Change::TerminalEndRequested { terminal: terminal.id.clone(), by, reason });

        hubs[0].end_terminal(&terminal.id, "right_withdrawn", NOW, entry("terminal.end")).await.unwrap();
        assert!(!hubs[1].request_terminal_end(&terminal.id, "admin", NOW, audit).await.unwrap());
    }

    async fn a_silent_hub_abandons_its_terminals_and_one_hub_reaps_each(bench: Bench) {
        let hubs = [bench.store().await, bench.store().await, bench.store().await];
        let alice = signed_in(&hubs[0], ALICE).await;
        let dead = entered(&hubs[0], &alice).await;
        let alive = entered(&hubs[1], &alice).await;
        let silent_for = Duration::from_secs(30);
        hubs[0].heartbeat_hub(hubs[0].hub(), later(10)).await.unwrap();
        hubs[1].heartbeat_hub(hubs[1].hub(), later(40)).await.unwrap();
        assert!(hubs[1].terminals_abandoned(later(39), silent_for).await.unwrap().is_empty());
        let abandoned = hubs[1].terminals_abandoned(later(40), silent_for).await.unwrap();
        assert_eq!(abandoned.iter().map(|t| &t.id).collect::<Vec<_>>(), [&dead.id]);
        assert_eq!(abandoned[0].last_alive_at, later(10));
        assert_eq!(hubs[2].terminal(&alive.id).await.unwrap().unwrap().last_alive_at, later(40));

        let (one, two) = tokio::join!(
            hubs[1].end_terminal(&dead.id, "hub_lost", later(41), entry("terminal.reap")),
            hubs[2].end_terminal(&dead.id, "hub_lost", later(41), entry("terminal.reap")),
        );
        assert!(one.unwrap() ^ two.unwrap());
        assert!(hubs[1].terminals_abandoned(later(41), silent_for).await.unwrap().is_empty());
    }
}
