//! Both gates: every outcome, and a hundred at once.

use crate::bench::*;
use store::{BindOutcome, ConsumeOutcome, Store, StoreError};
use tokio::task::JoinSet;

const ALICE: &str = "sallyport:alice";

async fn bind(store: &Store, link: &store::LinkRow, by: &store::SignIn, at: u64) -> BindOutcome {
    let ticket = unique_hash();
    store
        .bind_link(&link.id, &by.id, &ticket, later(at + 30), later(at), entry("link.open"))
        .await
        .unwrap()
}

async fn consume(
    store: &Store,
    link: &store::LinkRow,
    ticket: &[u8; 32],
    by: &store::SignIn,
    at: u64,
) -> ConsumeOutcome {
    let terminal = terminal(link, by, store.hub());
    store
        .consume_ticket(ticket, &by.id, later(at), &terminal, entry("terminal.enter"))
        .await
        .unwrap()
}

on_both_databases! {
    async fn the_first_gate_gives_each_answer(bench: Bench) {
        let store = bench.store().await;
        let (alice, other, bob) = (
            signed_in(&store, ALICE).await,
            signed_in(&store, ALICE).await,
            signed_in(&store, "sallyport:bob").await,
        );
        let opened = minted(&store, ALICE).await;
        assert_eq!(bind(&store, &opened, &alice, 0).await, BindOutcome::Bound);
        assert_eq!(store.link(&opened.id).await.unwrap().unwrap().bound_to, Some(alice.id.clone()));
        assert_eq!(bind(&store, &opened, &alice, 1).await, BindOutcome::Bound);
        assert_eq!(bind(&store, &opened, &other, 1).await, BindOutcome::OtherBrowser);

        let of_alice = minted(&store, ALICE).await;
        assert_eq!(bind(&store, &of_alice, &bob, 0).await, BindOutcome::OtherBrowser);
        assert_eq!(bind(&store, &link(ALICE), &alice, 0).await, BindOutcome::Unknown);
        assert_eq!(bind(&store, &of_alice, &alice, 300).await, BindOutcome::Expired);
        assert_eq!(bind(&store, &of_alice, &alice, 299).await, BindOutcome::Bound);

        store.revoke_link(&of_alice.id, ALICE, NOW, entry("link.revoke")).await.unwrap();
        assert_eq!(bind(&store, &of_alice, &alice, 0).await, BindOutcome::Revoked);

        let used = entered(&store, &alice).await;
        let used = store.link(&used.link).await.unwrap().unwrap();
        assert_eq!(bind(&store, &used, &alice, 0).await, BindOutcome::Used);

        let carol = enrolled(&store, "carol").await;
        let mut of_disabled = sign_in(ALICE);
        of_disabled.account = Some(carol.id.clone());
        store.set_disabled(&carol.id, true, NOW, entry("account.disable")).await.unwrap();
        begun(&store, &of_disabled, shown_token()).await;

        let fresh = minted(&store, ALICE).await;
        assert_eq!(bind(&store, &fresh, &of_disabled, 0).await, BindOutcome::SignInEnded);
        assert_eq!(bind(&store, &fresh, &sign_in(ALICE), 0).await, BindOutcome::SignInEnded);
        store.end_sign_in(&other.id, NOW, entry("sign_out")).await.unwrap();
        assert_eq!(bind(&store, &fresh, &other, 0).await, BindOutcome::SignInEnded);
        // Four sign-ins, one out, an account made and disabled. Three mints and one more behind both gates, three binds and its own, one entry, one revocation: no
        // refusal left a record here, since the service words those.
        assert_intact(&store, 4 + 1 + 2 + 4 + 4 + 1 + 1).await;
    }

    async fn a_later_ticket_kills_the_earlier_one(bench: Bench) {
        let store = bench.store().await;
        let alice = signed_in(&store, ALICE).await;
        let (link, first) = bound(&store, &alice).await;
        let second = unique_hash();
        let outcome = store.bind_link(&link.id, &alice.id, &second, later(30), NOW, entry("link.open")).await;
        assert_eq!(outcome.unwrap(), BindOutcome::Bound);
        assert!(store.peek_ticket(&first).await.unwrap().is_none());
        assert_eq!(consume(&store, &link, &first, &alice, 1).await, ConsumeOutcome::Unknown);
        assert!(matches!(consume(&store, &link, &second, &alice, 1).await, ConsumeOutcome::Entered(_)));
    }

    async fn the_second_gate_gives_each_answer(bench: Bench) {
        let store = bench.store().await;
        let (alice, other) = (signed_in(&store, ALICE).await, signed_in(&store, ALICE).await);

        let (link, ticket) = bound(&store, &alice).await;
        assert_eq!(consume(&store, &link, &unique_hash(), &alice, 1).await, ConsumeOutcome::Unknown);
        assert_eq!(consume(&store, &link, &ticket, &other, 1).await, ConsumeOutcome::OtherBrowser);
        assert_eq!(consume(&store, &link, &ticket, &alice, 30).await, ConsumeOutcome::Expired);
        assert_eq!(consume(&store, &link, &ticket, &alice, 300).await, ConsumeOutcome::LinkExpired);

        let peeked = store.peek_ticket(&ticket).await.unwrap().unwrap();
        assert_eq!((&peeked.sign_in, peeked.consumed_at), (&alice.id, None));
        let ConsumeOutcome::Entered(entered) = consume(&store, &link, &ticket, &alice, 29).await else {
            panic!("the ticket is good")
        };
        assert_eq!(entered.used_at, Some(later(29)));
        assert_eq!(*entered, store.link(&link.id).await.unwrap().unwrap());
        assert_eq!(store.peek_ticket(&ticket).await.unwrap().unwrap().consumed_at, Some(later(29)));
        assert_eq!(consume(&store, &link, &ticket, &alice, 29).await, ConsumeOutcome::Used);

        let (link, ticket) = bound(&store, &alice).await;
        store.revoke_link(&link.id, ALICE, NOW, entry("link.revoke")).await.unwrap();
        assert_eq!(consume(&store, &link, &ticket, &alice, 1).await, ConsumeOutcome::LinkRevoked);

        // A used link has no unconsumed ticket by way of the store; only a hand in the database makes one.
        let (link, ticket) = bound(&store, &alice).await;
        bench.raw(&format!("UPDATE links SET used_at = 1 WHERE id = '{}'", link.id)).await;
        assert_eq!(consume(&store, &link, &ticket, &alice, 1).await, ConsumeOutcome::LinkUsed);

        let (link, ticket) = bound(&store, &other).await;
        bench.raw(&format!("UPDATE sign_ins SET ended_at = 1 WHERE id = '{}'", other.id)).await;
        assert_eq!(consume(&store, &link, &ticket, &other, 1).await, ConsumeOutcome::SignInEnded);
    }

    async fn signing_out_kills_the_tickets(bench: Bench) {
        let store = bench.store().await;
        let alice = signed_in(&store, ALICE).await;
        let (link, ticket) = bound(&store, &alice).await;
        store.end_sign_in(&alice.id, NOW, entry("sign_out")).await.unwrap();
        assert_eq!(consume(&store, &link, &ticket, &alice, 1).await, ConsumeOutcome::Unknown);
    }

    async fn a_draft_of_another_link_person_or_place_is_refused_whole(bench: Bench) {
        let store = bench.store().await;
        let alice = signed_in(&store, ALICE).await;
        let (link, ticket) = bound(&store, &alice).await;
        let (elsewhere, _) = bound(&store, &alice).await;
        let good = terminal(&link, &alice, store.hub());
        let mut other_place = good.clone();
        other_place.place.container = "sidecar".parse().unwrap();
        let mut other_person = good.clone();
        other_person.user = "sallyport:bob".to_owned();
        for draft in [terminal(&elsewhere, &alice, store.hub()), other_place, other_person] {
            let refused =
                store.consume_ticket(&ticket, &alice.id, NOW, &draft, entry("terminal.enter")).await;
            assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
        }
        assert!(store.peek_ticket(&ticket).await.unwrap().unwrap().consumed_at.is_none());
        assert_intact(&store, 5).await;
        let entered = store.consume_ticket(&ticket, &alice.id, NOW, &good, entry("terminal.enter")).await;
        assert!(matches!(entered, Ok(ConsumeOutcome::Entered(_))));
    }

    async fn of_a_hundred_with_one_ticket_on_two_hubs_one_enters(bench: Bench) {
        let hubs = [bench.store().await, bench.store().await];
        let alice = signed_in(&hubs[0], ALICE).await;
        let (link, ticket) = bound(&hubs[0], &alice).await;
        let mut racers = JoinSet::new();
        for racer in 0..100 {
            let (store, link, alice) = (hubs[racer % 2].clone(), link.clone(), alice.clone());
            racers.spawn(async move { consume(&store, &link, &ticket, &alice, 1).await });
        }
        let outcomes = racers.join_all().await;
        let entered = outcomes.iter().filter(|o| matches!(o, ConsumeOutcome::Entered(_))).count();
        let used = outcomes.iter().filter(|o| matches!(o, ConsumeOutcome::Used)).count();
        assert_eq!((entered, used), (1, 99), "{outcomes:?}");
        let all = store::TerminalFilter { limit: 10, ..Default::default() };
        assert_eq!(hubs[0].terminals(&all).await.unwrap().len(), 1);
        assert_intact(&hubs[1], 4).await;
    }

    // As many as one person may have signed in.
    async fn of_all_browsers_of_a_person_at_the_first_gate_on_two_hubs_one_passes(bench: Bench) {
        let hubs = [bench.store().await, bench.store().await];
        let link = minted(&hubs[0], ALICE).await;
        let mut racers = JoinSet::new();
        for racer in 0..32 {
            let (store, link) = (hubs[racer % 2].clone(), link.clone());
            let browser = signed_in(&store, ALICE).await;
            racers.spawn(async move { bind(&store, &link, &browser, 1).await });
        }
        let outcomes = racers.join_all().await;
        let bound = outcomes.iter().filter(|o| **o == BindOutcome::Bound).count();
        let others = outcomes.iter().filter(|o| **o == BindOutcome::OtherBrowser).count();
        assert_eq!((bound, others), (1, 31), "{outcomes:?}");
        assert_intact(&hubs[1], 34).await;
    }

    async fn a_request_that_is_dropped_midway_leaves_all_or_nothing(bench: Bench) {
        let store = bench.store().await;
        let alice = signed_in(&store, ALICE).await;
        let mut records = 1;
        for patience_us in (0..6000).step_by(150) {
            let (link, ticket) = bound(&store, &alice).await;
            let draft = terminal(&link, &alice, store.hub());
            let gate = store.consume_ticket(&ticket, &alice.id, NOW, &draft, entry("terminal.enter"));
            let patience = std::time::Duration::from_micros(patience_us);
            // Whoever waits has gone; what matters is what the database says.
            drop(tokio::time::timeout(patience, gate).await);
            store.audit(entry("marker")).await.unwrap();
            let used = store.link(&link.id).await.unwrap().unwrap().used_at.is_some();
            let consumed = store.peek_ticket(&ticket).await.unwrap().unwrap().consumed_at.is_some();
            let begun = store.terminal(&draft.id).await.unwrap().is_some();
            assert!(used == consumed && consumed == begun, "{used} {consumed} {begun}");
            records += 3 + u64::from(begun);
        }
        assert_intact(&store, records).await;
    }
}
