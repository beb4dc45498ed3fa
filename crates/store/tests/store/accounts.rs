//! Accounts, invitations and throttles.

use crate::bench::*;
use std::time::Duration;
use store::{Change, PasswordPhc, StoreError, ThrottleState};
use tokio::task::JoinSet;

on_both_databases! {
    async fn an_account_reads_back_and_names_are_unique(bench: Bench) {
        let store = bench.store().await;
        let mut alice = account("alice");
        alice.admin = true;
        store.create_account(&alice).await.unwrap();
        store.create_account(&account("bob")).await.unwrap();

        let read = store.account_by_name(&alice.name).await.unwrap().unwrap();
        assert_eq!(format!("{read:?}"), format!("{alice:?}"));
        assert_eq!(store.account(&alice.id).await.unwrap().unwrap().name, alice.name);
        assert!(store.account_by_name(&"carol".parse().unwrap()).await.unwrap().is_none());
        assert!(store.account(&account("carol").id).await.unwrap().is_none());
        let names: Vec<_> = store.accounts().await.unwrap().iter().map(|a| a.name.to_string()).collect();
        assert_eq!(names, ["alice", "bob"]);

        let mut same_user = account("mallory");
        same_user.kubernetes_user = alice.kubernetes_user.clone();
        for taken in [account("alice"), same_user] {
            let refused = store.create_account(&taken).await.unwrap_err();
            assert_eq!(refused.to_string(), format!("account `{}` conflicts with what is stored", taken.name));
        }
        let mut hostile = account("hostile");
        hostile.display_name = "a\0b'; DROP TABLE accounts; --".to_owned();
        match store.create_account(&hostile).await {
            Ok(()) => assert_eq!(store.account(&hostile.id).await.unwrap().unwrap().display_name, hostile.display_name),
            Err(error) => assert!(matches!(error, StoreError::Invalid { .. }), "{error:?}"),
        }
        assert_eq!(store.account_by_name(&alice.name).await.unwrap().unwrap().id, alice.id);
    }

    async fn a_password_is_set_and_never_shown(bench: Bench) {
        let store = bench.store().await;
        let alice = account("alice");
        store.create_account(&alice).await.unwrap();
        let phc = PasswordPhc::new("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA");
        store.set_password(&alice.id, &phc).await.unwrap();
        store.touch_sign_in(&alice.id, later(3)).await.unwrap();
        let read = store.account(&alice.id).await.unwrap().unwrap();
        assert_eq!(read.password.as_ref().unwrap().expose(), phc.expose());
        assert_eq!(read.last_sign_in_at, Some(later(3)));
        assert!(!format!("{read:?}").contains("argon2"));
        let nobody = account("nobody").id;
        assert!(matches!(store.set_password(&nobody, &phc).await, Err(StoreError::NotFound { .. })));
        assert!(matches!(store.touch_sign_in(&nobody, NOW).await, Err(StoreError::NotFound { .. })));
    }

    async fn disabling_cuts_off_in_one_transaction_and_enabling_restores_nothing(bench: Bench) {
        let store = bench.store().await;
        let alice = account("alice");
        store.create_account(&alice).await.unwrap();
        let mut browser = sign_in(&alice.kubernetes_user);
        browser.account = Some(alice.id.clone());
        store.create_sign_in(&browser).await.unwrap();
        let terminal = entered(&store, &browser).await;
        let bystander = signed_in(&store, "sallyport:bob").await;
        let mut changes = store.changes();

        store.set_disabled(&alice.id, true, later(5)).await.unwrap();
        store.set_disabled(&alice.id, true, later(9)).await.unwrap();
        let current = store.sign_in_by_secret_hash(&browser.secret_hash).await.unwrap().unwrap();
        assert_eq!(current.sign_in.ended_at, Some(later(5)));
        assert_eq!(current.account.unwrap().disabled_at, Some(later(5)));
        assert!(store.link(&terminal.link).await.unwrap().unwrap().revoked_at.is_some());
        let untouched = store.sign_in_by_secret_hash(&bystander.secret_hash).await.unwrap().unwrap();
        assert_eq!(untouched.sign_in.ended_at, None);
        let mut told = Vec::new();
        for _ in 0..3 {
            told.push(changes.recv().await.unwrap());
        }
        let user = alice.kubernetes_user.clone();
        assert!(told.contains(&Change::SignInEnded { sign_in: browser.id.clone() }), "{told:?}");
        assert!(told.contains(&Change::LinksOfUserRevoked { user: user.clone(), cluster: None }), "{told:?}");
        assert!(told.contains(&Change::AccountDisabled { user }), "{told:?}");

        store.set_disabled(&alice.id, false, later(6)).await.unwrap();
        let current = store.sign_in_by_secret_hash(&browser.secret_hash).await.unwrap().unwrap();
        assert_eq!(current.account.unwrap().disabled_at, None);
        assert_eq!(current.sign_in.ended_at, Some(later(5)));
        let nobody = account("nobody").id;
        assert!(matches!(store.set_disabled(&nobody, true, NOW).await, Err(StoreError::NotFound { .. })));
    }

    async fn an_invitation_is_redeemed_once_in_time_by_an_enabled_account(bench: Bench) {
        let store = bench.store().await;
        let alice = account("alice");
        store.create_account(&alice).await.unwrap();
        let invite = async |until| {
            let hash = unique_hash();
            store.create_invitation(&alice.id, &hash, until).await.unwrap();
            hash
        };
        let first = invite(later(60)).await;
        assert_eq!(store.redeem_invitation(&first, later(59)).await.unwrap(), Some(alice.id.clone()));
        assert_eq!(store.redeem_invitation(&first, later(59)).await.unwrap(), None);
        assert_eq!(store.redeem_invitation(&unique_hash(), NOW).await.unwrap(), None);
        let late = invite(later(60)).await;
        assert_eq!(store.redeem_invitation(&late, later(60)).await.unwrap(), None);
        let replaced = invite(later(60)).await;
        let newest = invite(later(60)).await;
        assert_eq!(store.redeem_invitation(&replaced, NOW).await.unwrap(), None);
        store.set_disabled(&alice.id, true, NOW).await.unwrap();
        assert_eq!(store.redeem_invitation(&newest, NOW).await.unwrap(), None);
        store.set_disabled(&alice.id, false, NOW).await.unwrap();
        assert_eq!(store.redeem_invitation(&newest, NOW).await.unwrap(), Some(alice.id.clone()));
        let nobody = account("nobody").id;
        let refused = store.create_invitation(&nobody, &unique_hash(), later(60)).await;
        assert!(matches!(refused, Err(StoreError::NotFound { .. })), "{refused:?}");
    }

    async fn of_a_hundred_with_one_invitation_on_two_hubs_one_redeems(bench: Bench) {
        let hubs = [bench.store().await, bench.store().await];
        let alice = account("alice");
        hubs[0].create_account(&alice).await.unwrap();
        let hash = unique_hash();
        hubs[0].create_invitation(&alice.id, &hash, later(60)).await.unwrap();
        let mut racers = JoinSet::new();
        for racer in 0..100 {
            let store = hubs[racer % 2].clone();
            racers.spawn(async move { store.redeem_invitation(&hash, NOW).await.unwrap() });
        }
        let redeemed: Vec<_> = racers.join_all().await.into_iter().flatten().collect();
        assert_eq!(redeemed, [alice.id]);
    }

    async fn failures_are_counted_by_key_and_forgotten(bench: Bench) {
        let hubs = [bench.store().await, bench.store().await];
        let mut racers = JoinSet::new();
        for racer in 0..50 {
            let store = hubs[racer % 2].clone();
            racers.spawn(async move { store.throttle_fail("alice|192.0.2.0/24", later(1)).await.unwrap() });
        }
        let mut counts: Vec<u32> = racers.join_all().await.iter().map(|s| s.failures).collect();
        counts.sort_unstable();
        assert_eq!(counts, (1..=50).collect::<Vec<_>>());
        let state = hubs[1].throttle_state("alice|192.0.2.0/24").await.unwrap();
        assert_eq!(state, Some(ThrottleState { failures: 50, last_failure_at: later(1) }));
        assert_eq!(hubs[1].throttle_state("alice|198.51.100.0/24").await.unwrap(), None);
        hubs[0].throttle_clear("alice|192.0.2.0/24").await.unwrap();
        assert_eq!(hubs[1].throttle_state("alice|192.0.2.0/24").await.unwrap(), None);
        for hostile in ["x".repeat(100_000), "a\0b".to_owned(), "'; DROP TABLE throttles; --".to_owned()] {
            assert_eq!(hubs[0].throttle_fail(&hostile, NOW).await.unwrap().failures, 1);
            assert_eq!(hubs[0].throttle_fail(&hostile, NOW).await.unwrap().failures, 2);
        }
    }

    async fn purging_removes_what_is_out_of_date_and_nothing_else(bench: Bench) {
        let store = bench.store().await;
        let alice = signed_in(&store, "sallyport:alice").await;
        let (link, ticket) = bound(&store, &alice).await;
        let gone = signed_in(&store, "sallyport:gone").await;
        store.end_sign_in(&gone.id, NOW).await.unwrap();
        store.throttle_fail("old", NOW).await.unwrap();
        store.throttle_fail("new", later(86_000)).await.unwrap();
        let invited = account("invited");
        store.create_account(&invited).await.unwrap();
        store.create_invitation(&invited.id, &unique_hash(), later(60)).await.unwrap();
        assert_eq!(store.purge(later(100)).await.unwrap(), store::Purged::default());

        let purged = store.purge(later(86_401)).await.unwrap();
        assert_eq!((purged.tickets, purged.throttles, purged.changes, purged.sign_ins), (1, 1, 1, 0));
        assert!(store.peek_ticket(&ticket).await.unwrap().is_none());
        assert!(store.throttle_state("new").await.unwrap().is_some());

        let purged = store.purge(NOW.after(Duration::from_secs(30 * 86_400 + 61))).await.unwrap();
        assert_eq!((purged.sign_ins, purged.invitations, purged.hubs), (1, 1, 1));
        assert!(store.sign_in_by_secret_hash(&alice.secret_hash).await.unwrap().is_some());
        assert!(store.link(&link.id).await.unwrap().is_some());
        assert_intact(&store, 2).await;
    }
}
