//! Links and the keys that sign them.

use crate::bench::*;
use model::SecretBytes;
use std::time::Duration;
use store::{LinkFilter, LinkState, MintOutcome, StoreError};
use tokio::task::JoinSet;

const ALICE: &str = "sallyport:alice";

on_both_databases! {
    async fn a_link_reads_back_as_it_was_stored(bench: Bench) {
        let store = bench.store().await;
        let mut link = link(ALICE);
        link.process.command = vec!["echo".to_owned(), "한글 'quoted'; --".to_owned()];
        store.create_link(&link, u32::MAX, entry("link.mint")).await.unwrap();
        assert_eq!(store.link(&link.id).await.unwrap(), Some(link.clone()));
        let again = store.create_link(&link, u32::MAX, entry("link.mint")).await;
        assert!(matches!(&again, Err(StoreError::Conflict { object }) if object.contains(link.id.as_str())));
        assert_intact(&store, 1).await;
    }

    async fn links_are_listed_by_person_and_state(bench: Bench) {
        let store = bench.store().await;
        let alice = signed_in(&store, ALICE).await;
        let fresh = minted(&store, ALICE).await;
        let (opened, _) = bound(&store, &alice).await;
        let used = entered(&store, &alice).await.link;
        let revoked = minted(&store, ALICE).await;
        store.revoke_link(&revoked.id, "admin", NOW, entry("link.revoke")).await.unwrap();
        let mut short = link(ALICE);
        short.expires_at = later(5);
        store.create_link(&short, u32::MAX, entry("link.mint")).await.unwrap();
        minted(&store, "sallyport:bob").await;

        for (state, id) in [
            (LinkState::Minted, &fresh.id),
            (LinkState::Bound, &opened.id),
            (LinkState::Used, &used),
            (LinkState::Revoked, &revoked.id),
            (LinkState::Expired, &short.id),
        ] {
            let filter = LinkFilter { user: Some(ALICE.to_owned()), state: Some(state), limit: 50, ..LinkFilter::default() };
            let links = store.links(&filter, later(5)).await.unwrap();
            assert_eq!(links.len(), 1, "{state:?}");
            assert_eq!((&links[0].id, links[0].state(later(5))), (id, state));
        }
        let all = LinkFilter { limit: 50, ..LinkFilter::default() };
        assert_eq!(store.links(&all, NOW).await.unwrap().len(), 6);
        let two = LinkFilter { limit: 2, ..LinkFilter::default() };
        assert_eq!(store.links(&two, NOW).await.unwrap().len(), 2);
    }

    async fn pages_of_links_hold_each_once_also_those_of_one_moment(bench: Bench) {
        let store = bench.store().await;
        for nth in 0..7u64 {
            let mut link = link(ALICE);
            link.created_at = later(nth / 3);
            store.create_link(&link, u32::MAX, entry("link.mint")).await.unwrap();
        }
        let whole = LinkFilter { limit: 50, ..LinkFilter::default() };
        let whole = store.links(&whole, NOW).await.unwrap();
        let mut paged = Vec::new();
        let mut after = None;
        loop {
            let page = LinkFilter { user: Some(ALICE.to_owned()), after, limit: 2, ..LinkFilter::default() };
            let page = store.links(&page, NOW).await.unwrap();
            after = page.last().map(|last| (last.created_at, last.id.clone()));
            if page.is_empty() {
                break;
            }
            paged.extend(page);
        }
        assert_eq!(paged, whole);
    }

    async fn a_link_is_revoked_once(bench: Bench) {
        let store = bench.store().await;
        let link = minted(&store, ALICE).await;
        assert!(store.revoke_link(&link.id, "admin", later(1), entry("link.revoke")).await.unwrap());
        assert!(!store.revoke_link(&link.id, "other", later(2), entry("link.revoke")).await.unwrap());
        let unknown = crate::bench::link(ALICE);
        assert!(!store.revoke_link(&unknown.id, "admin", NOW, entry("link.revoke")).await.unwrap());
        let stored = store.link(&link.id).await.unwrap().unwrap();
        assert_eq!((stored.revoked_at, stored.revoked_by.as_deref()), (Some(later(1)), Some("admin")));
        assert_intact(&store, 2).await;
    }

    async fn all_links_of_a_person_are_revoked_that_still_open_or_hold_something(bench: Bench) {
        let store = bench.store().await;
        let alice = signed_in(&store, ALICE).await;
        minted(&store, ALICE).await;
        bound(&store, &alice).await;
        let live = entered(&store, &alice).await;
        let over = entered(&store, &alice).await;
        store.end_terminal(&over.id, "exit", NOW, entry("terminal.end")).await.unwrap();
        let mut expired = link(ALICE);
        expired.expires_at = later(1);
        store.create_link(&expired, u32::MAX, entry("link.mint")).await.unwrap();
        let of_bob = minted(&store, "sallyport:bob").await;

        let revoked = store.revoke_links_of(ALICE, None, "admin", later(2), entry("link.revoke_all")).await;
        assert_eq!(revoked.unwrap(), 3);
        assert!(store.link(&live.link).await.unwrap().unwrap().revoked_at.is_some());
        assert!(store.link(&over.link).await.unwrap().unwrap().revoked_at.is_none());
        assert!(store.link(&of_bob.id).await.unwrap().unwrap().revoked_at.is_none());
    }

    async fn of_two_people_of_one_name_in_two_clusters_one_loses_nothing_by_the_other(bench: Bench) {
        let hubs = [bench.store().await, bench.store().await];
        let store = &hubs[0];
        let other = "other".parse().unwrap();
        let mut elsewhere = sign_in("bob");
        elsewhere.cluster = Some("other".parse().unwrap());
        begun(store, &elsewhere, shown_token()).await;
        let here = entered(store, &signed_in(store, "bob").await).await;
        let fresh = minted(store, "bob").await;
        let mut there = link("bob");
        there.place.pod.cluster = "other".parse().unwrap();
        store.create_link(&there, u32::MAX, entry("link.mint")).await.unwrap();

        // At the first gate a link of one is nobody's of the other.
        let bind = async |link: &store::LinkRow, by: &store::SignIn| {
            store.bind_link(&link.id, &by.id, &unique_hash(), later(30), NOW, entry("link.open")).await.unwrap()
        };
        assert_eq!(bind(&fresh, &elsewhere).await, store::BindOutcome::OtherBrowser);
        assert_eq!(bind(&there, &elsewhere).await, store::BindOutcome::Bound);

        let links = async |cluster| {
            let filter = LinkFilter { user: Some("bob".to_owned()), cluster, limit: 50, ..LinkFilter::default() };
            store.links(&filter, NOW).await.unwrap().into_iter().map(|link| link.id).collect::<Vec<_>>()
        };
        assert_eq!(links(Some("other".parse().unwrap())).await, [there.id.clone()]);
        assert_eq!(links(Some("kind".parse().unwrap())).await.len(), 2);
        assert_eq!(links(None).await.len(), 3);
        let terminals = async |cluster: &str| {
            let cluster = Some(cluster.parse().unwrap());
            let filter = store::TerminalFilter { user: Some("bob".to_owned()), cluster, limit: 50, ..Default::default() };
            store.terminals(&filter).await.unwrap().len()
        };
        assert_eq!((terminals("kind").await, terminals("other").await), (1, 0));

        let mut told = hubs[1].changes();
        let revoked = store.revoke_links_of("bob", Some(&other), "bob", later(2), entry("link.revoke_all")).await;
        assert_eq!(revoked.unwrap(), 1);
        let change = tokio::time::timeout(Duration::from_secs(2), told.recv()).await.unwrap().unwrap();
        assert_eq!(change, store::Change::LinksOfUserRevoked { user: "bob".to_owned(), cluster: Some(other) });
        for (id, is_revoked) in [(&there.id, true), (&fresh.id, false), (&here.link, false)] {
            assert_eq!(store.link(id).await.unwrap().unwrap().revoked_at.is_some(), is_revoked);
        }
        let revoked = store.revoke_links_of("bob", None, "admin", later(3), entry("link.revoke_all")).await;
        assert_eq!(revoked.unwrap(), 2);
    }

    async fn open_links_are_bounded_for_each_person_in_each_cluster(bench: Bench) {
        let hubs = [bench.store().await, bench.store().await];
        let alice = signed_in(&hubs[0], ALICE).await;
        let mint = async |link: &store::LinkRow| {
            hubs[0].create_link(link, 3, entry("link.mint")).await.unwrap()
        };
        let full = MintOutcome::Full { limit: 3 };
        let mut racers = JoinSet::new();
        for racer in 0..40 {
            let store = hubs[racer % 2].clone();
            racers.spawn(async move { store.create_link(&link(ALICE), 3, entry("link.mint")).await.unwrap() });
        }
        let outcomes = racers.join_all().await;
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == MintOutcome::Minted).count(), 3);
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == full).count(), 37);

        // Another person, and a namesake in another cluster, have room of their own.
        assert_eq!(mint(&link("sallyport:bob")).await, MintOutcome::Minted);
        let mut elsewhere = link(ALICE);
        elsewhere.place.pod.cluster = "other".parse().unwrap();
        assert_eq!(mint(&elsewhere).await, MintOutcome::Minted);

        // A link that was revoked, used or has expired makes room; one that was opened does not.
        let filter = LinkFilter { user: Some(ALICE.to_owned()), limit: 9, ..LinkFilter::default() };
        let open: Vec<_> = hubs[0].links(&filter, NOW).await.unwrap();
        let open: Vec<_> = open.iter().filter(|link| link.id != elsewhere.id).collect();
        hubs[0].revoke_link(&open[0].id, ALICE, NOW, entry("link.revoke")).await.unwrap();
        assert_eq!(mint(&link(ALICE)).await, MintOutcome::Minted);
        let ticket = unique_hash();
        let opening = hubs[0].bind_link(&open[1].id, &alice.id, &ticket, later(30), NOW, entry("link.open"));
        opening.await.unwrap();
        assert_eq!(mint(&link(ALICE)).await, full);
        let draft = terminal(open[1], &alice, hubs[0].hub());
        let entering = hubs[0].consume_ticket(&ticket, &alice.id, NOW, &draft, entry("terminal.enter"));
        entering.await.unwrap();
        assert_eq!(mint(&link(ALICE)).await, MintOutcome::Minted);
        let mut late = link(ALICE);
        late.created_at = later(299);
        assert_eq!(mint(&late).await, full);
        late.created_at = later(300);
        late.expires_at = later(600);
        assert_eq!(mint(&late).await, MintOutcome::Minted);
        // The refusals left no record: seven minted, a sign-in, one revoked, opened, entered.
        assert_intact(&hubs[1], 3 + 5 + 1 + 3).await;
    }

    async fn link_keys_are_sealed_shared_and_rotated(bench: Bench) {
        let (one, two) = (bench.store().await, bench.store().await);
        let day = Duration::from_secs(86_400);
        let secret = SecretBytes::new(*b"a signing key of thirty-two byte");
        let mut racers = JoinSet::new();
        for racer in 0..20 {
            let store = if racer % 2 == 0 { one.clone() } else { two.clone() };
            let secret = secret.clone();
            racers.spawn(async move {
                store.create_link_key(&format!("k{racer}"), &secret, NOW, day).await.unwrap()
            });
        }
        assert_eq!(racers.join_all().await.into_iter().filter(|made| *made).count(), 1);
        let keys = two.link_keys().await.unwrap();
        assert_eq!(keys.len(), 1);
        assert_eq!(keys[0].secret.expose(), secret.expose());
        assert!(!format!("{keys:?}").contains("signing"));

        assert!(!one.create_link_key("young", &secret, later(86_399), day).await.unwrap());
        assert!(one.create_link_key("next", &secret, later(86_400), day).await.unwrap());
        let keys = two.link_keys().await.unwrap();
        assert_eq!(keys.len(), 2);
        assert_eq!((keys[0].kid.as_str(), keys[0].created_at), ("next", later(86_400)));

        // Swapping two sealed keys in the database is found out.
        bench.raw("UPDATE link_keys SET sealed = (SELECT k.sealed FROM link_keys k WHERE k.kid <> link_keys.kid)").await;
        assert!(matches!(one.link_keys().await, Err(StoreError::Corrupt { .. })));
    }
}
