//! Accounts, invitations and throttles.

use crate::bench::*;
use std::time::Duration;
use store::{Account, Change, NewInvitation, PasswordPhc, Store, StoreError, ThrottleState};
use tokio::task::JoinSet;

const KEPT: Duration = Duration::from_secs(90 * 86_400);

fn phc(of: &str) -> PasswordPhc {
    PasswordPhc::new(format!("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA${of}"))
}

async fn make(store: &Store, account: &Account) -> store::Result<()> {
    store.create_account(account, None, entry("account.create")).await
}

async fn disable(store: &Store, of: &Account, disabled: bool, at: u64) -> bool {
    store.set_disabled(&of.id, disabled, later(at), entry("account.disable")).await.unwrap()
}

async fn invite(store: &Store, of: &Account, until: u64) -> store::Result<[u8; 32]> {
    let new = NewInvitation { hash: unique_hash(), expires_at: later(until) };
    store.create_invitation(&of.id, &new, entry("account.invite")).await?;
    Ok(new.hash)
}

async fn redeem(store: &Store, hash: &[u8; 32], at: u64) -> Option<model::AccountId> {
    let audit = |account: &Account| store::AuditEntry {
        object: account.name.to_string(),
        ..entry("account.password")
    };
    let redeemed = store.redeem_invitation(hash, &phc("bmV3"), later(at), audit).await.unwrap();
    redeemed.map(|account| account.id)
}

on_both_databases! {
    async fn an_account_reads_back_and_names_are_unique(bench: Bench) {
        let store = bench.store().await;
        let mut alice = account("alice");
        alice.admin = true;
        make(&store, &alice).await.unwrap();
        make(&store, &account("bob")).await.unwrap();

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
            let refused = make(&store, &taken).await.unwrap_err();
            assert_eq!(refused.to_string(), format!("account `{}` conflicts with what is stored", taken.name));
        }
        let mut hostile = account("hostile");
        hostile.display_name = "a\0b'; DROP TABLE accounts; --".to_owned();
        match make(&store, &hostile).await {
            Ok(()) => assert_eq!(store.account(&hostile.id).await.unwrap().unwrap().display_name, hostile.display_name),
            Err(error) => assert!(matches!(error, StoreError::Invalid { .. }), "{error:?}"),
        }
        assert_eq!(store.account_by_name(&alice.name).await.unwrap().unwrap().id, alice.id);
    }

    async fn a_password_is_changed_renewed_and_never_shown(bench: Bench) {
        let store = bench.store().await;
        let alice = enrolled(&store, "alice").await;
        let mut browser = sign_in(&alice.kubernetes_user);
        browser.account = Some(alice.id.clone());
        begun(&store, &browser, store::Proof::Account(&alice)).await;
        let change = async |id: &model::AccountId| {
            store.change_password(id, &phc("b25l"), later(3), entry("account.password")).await
        };
        assert_eq!(change(&alice.id).await.unwrap(), 1);
        assert!(!store.sign_in_is_live(&browser.id, later(3)).await.unwrap());
        let read = async || store.account(&alice.id).await.unwrap().unwrap();
        assert_eq!(read().await.password.unwrap().expose(), phc("b25l").expose());
        assert!(!format!("{:?}", read().await).contains("argon2"));
        let nobody = account("nobody").id;
        assert!(matches!(change(&nobody).await, Err(StoreError::NotFound { .. })));

        // A hash made anew takes the place of its own password's, never of another's.
        assert!(store.renew_password_hash(&alice.id, &phc("b25l"), &phc("dHdv")).await.unwrap());
        assert!(!store.renew_password_hash(&alice.id, &phc("b25l"), &phc("dGhyZWU")).await.unwrap());
        assert_eq!(read().await.password.unwrap().expose(), phc("dHdv").expose());
        assert_intact(&store, 3).await;
    }

    async fn nothing_is_done_to_an_account_unrecorded(bench: Bench) {
        let store = bench.store().await;
        let alice = enrolled(&store, "alice").await;
        let browser = signed_in(&store, &alice.kubernetes_user).await;
        let invitation = invite(&store, &alice, 60).await.unwrap();
        bench.raw("UPDATE audit_head SET seq = seq + 1").await;
        let audit = || entry("account.any");
        assert!(make(&store, &account("bob")).await.is_err());
        assert!(store.change_password(&alice.id, &phc("b25l"), NOW, audit()).await.is_err());
        assert!(store.set_disabled(&alice.id, true, NOW, audit()).await.is_err());
        assert!(invite(&store, &alice, 90).await.is_err());
        assert!(store.redeem_invitation(&invitation, &phc("b25l"), NOW, |_| audit()).await.is_err());
        bench.raw("UPDATE audit_head SET seq = seq - 1").await;
        let read = store.accounts().await.unwrap();
        assert_eq!(read.len(), 1);
        assert!(read[0].password.is_none() && read[0].disabled_at.is_none());
        assert!(store.sign_in_is_live(&browser.id, NOW).await.unwrap());
        assert_eq!(bench.count("changes").await, 0);
        // The invitation that a refused one would have replaced still stands.
        assert_eq!(redeem(&store, &invitation, 1).await, Some(alice.id));
        assert_intact(&store, 4).await;
    }

    async fn disabling_cuts_off_in_one_transaction_and_enabling_restores_nothing(bench: Bench) {
        let store = bench.store().await;
        let alice = account("alice");
        make(&store, &alice).await.unwrap();
        let mut browser = sign_in(&alice.kubernetes_user);
        browser.account = Some(alice.id.clone());
        begun(&store, &browser, store::Proof::Account(&alice)).await;
        let terminal = entered(&store, &browser).await;
        let bystander = signed_in(&store, "sallyport:bob").await;
        let mut changes = store.changes();

        assert!(disable(&store, &alice, true, 5).await);
        assert!(!disable(&store, &alice, true, 9).await);
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

        assert!(disable(&store, &alice, false, 6).await);
        let current = store.sign_in_by_secret_hash(&browser.secret_hash).await.unwrap().unwrap();
        assert_eq!(current.account.unwrap().disabled_at, None);
        assert_eq!(current.sign_in.ended_at, Some(later(5)));
        let nobody = account("nobody").id;
        assert!(matches!(store.set_disabled(&nobody, true, NOW, entry("account.disable")).await, Err(StoreError::NotFound { .. })));
    }

    async fn an_invitation_is_redeemed_once_in_time_by_an_enabled_account(bench: Bench) {
        let store = bench.store().await;
        let alice = account("alice");
        make(&store, &alice).await.unwrap();
        let invited = async |until| invite(&store, &alice, until).await.unwrap();
        let mut browser = sign_in(&alice.kubernetes_user);
        browser.account = Some(alice.id.clone());
        begun(&store, &browser, store::Proof::Account(&alice)).await;
        let first = invited(60).await;
        assert_eq!(redeem(&store, &first, 59).await, Some(alice.id.clone()));
        assert_eq!(redeem(&store, &first, 59).await, None);
        assert_eq!(redeem(&store, &unique_hash(), 0).await, None);
        let set = store.account(&alice.id).await.unwrap().unwrap().password.unwrap();
        assert_eq!(set.expose(), phc("bmV3").expose());
        assert!(!store.sign_in_is_live(&browser.id, later(59)).await.unwrap());
        let late = invited(60).await;
        assert_eq!(redeem(&store, &late, 60).await, None);
        let replaced = invited(60).await;
        let newest = invited(60).await;
        assert_eq!(redeem(&store, &replaced, 0).await, None);
        disable(&store, &alice, true, 0).await;
        assert_eq!(redeem(&store, &newest, 0).await, None);
        disable(&store, &alice, false, 0).await;
        assert_eq!(redeem(&store, &newest, 0).await, Some(alice.id.clone()));
        let refused = invite(&store, &account("nobody"), 60).await;
        assert!(matches!(refused, Err(StoreError::NotFound { .. })), "{refused:?}");
        // The account, a sign-in, four invitations, two redeemed, disabled and enabled; no refusal.
        assert_intact(&store, 1 + 1 + 4 + 2 + 2).await;

        // An account and its invitation are made together or not at all.
        let bob = account("bob");
        let new = NewInvitation { hash: newest, expires_at: later(60) };
        let refused = store.create_account(&bob, Some(&new), entry("account.create")).await;
        assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
        assert!(store.account(&bob.id).await.unwrap().is_none());
        let new = NewInvitation { hash: unique_hash(), ..new };
        store.create_account(&bob, Some(&new), entry("account.create")).await.unwrap();
        assert_eq!(redeem(&store, &new.hash, 1).await, Some(bob.id));
    }

    async fn of_a_hundred_with_one_invitation_on_two_hubs_one_redeems(bench: Bench) {
        let hubs = [bench.store().await, bench.store().await];
        let alice = enrolled(&hubs[0], "alice").await;
        let hash = invite(&hubs[0], &alice, 60).await.unwrap();
        let mut racers = JoinSet::new();
        for racer in 0..100 {
            let store = hubs[racer % 2].clone();
            racers.spawn(async move { redeem(&store, &hash, 0).await });
        }
        let redeemed: Vec<_> = racers.join_all().await.into_iter().flatten().collect();
        assert_eq!(redeemed, [alice.id]);
        assert_intact(&hubs[1], 3).await;
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
        // One that did not fail goes, with its time; what failed meanwhile stays.
        let tally = async |key| {
            let state = hubs[1].throttle_state(key).await.unwrap();
            state.map(|state| (state.failures, state.last_failure_at))
        };
        let key = "alice|192.0.2.0/24";
        for (taken_back, last) in [(later(8), later(1)), (later(7), later(8))] {
            hubs[0].throttle_fail(key, later(8)).await.unwrap();
            hubs[1].throttle_take_back(key, taken_back, Some(later(1))).await.unwrap();
            assert_eq!(tally(key).await, Some((50, last)));
        }
        hubs[0].throttle_fail("once", NOW).await.unwrap();
        hubs[0].throttle_take_back("once", NOW, None).await.unwrap();
        hubs[0].throttle_take_back("once", NOW, None).await.unwrap();
        assert_eq!(tally("once").await, None);
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
        store.end_sign_in(&gone.id, NOW, entry("sign_out")).await.unwrap();
        store.throttle_fail("old", NOW).await.unwrap();
        store.throttle_fail("new", later(86_000)).await.unwrap();
        let invited = account("invited");
        make(&store, &invited).await.unwrap();
        invite(&store, &invited, 60).await.unwrap();
        assert_eq!(store.purge(later(100), KEPT).await.unwrap(), store::Purged::default());

        let purged = store.purge(later(86_401), KEPT).await.unwrap();
        assert_eq!((purged.tickets, purged.throttles, purged.changes, purged.sign_ins), (1, 1, 1, 0));
        assert!(store.peek_ticket(&ticket).await.unwrap().is_none());
        assert!(store.throttle_state("new").await.unwrap().is_some());

        let purged = store.purge(NOW.after(Duration::from_secs(30 * 86_400 + 61)), KEPT).await.unwrap();
        assert_eq!((purged.sign_ins, purged.invitations, purged.hubs), (1, 1, 1));
        assert!(store.sign_in_by_secret_hash(&alice.secret_hash).await.unwrap().is_some());
        assert!(store.link(&link.id).await.unwrap().is_some());
        assert_intact(&store, 2 + 5).await;
    }

    async fn what_has_ended_is_kept_for_as_long_as_was_set_and_not_longer(bench: Bench) {
        let store = bench.store().await;
        let mut lasting = sign_in("sallyport:alice");
        lasting.idle_timeout = KEPT * 10;
        lasting.expires_at = NOW.after(KEPT * 10);
        begun(&store, &lasting, shown_token()).await;
        let live = entered(&store, &lasting).await;
        let ended = entered(&store, &lasting).await;
        store.end_terminal(&ended.id, "exit", later(1000), entry("terminal.leave")).await.unwrap();
        let unused = minted(&store, "sallyport:alice").await;
        let deleted = workspace("sallyport:alice", "web");
        let standing = workspace("sallyport:alice", "db");
        for row in [&deleted, &standing] {
            store.reserve_workspace(row, None, 9, 9, NOW, entry("workspace.create")).await.unwrap();
        }
        store.delete_workspace(&deleted.id, later(1000), entry("workspace.delete")).await.unwrap();
        let key = model::SecretBytes::new(*b"a signing key of thirty-two byte");
        store.create_link_key("old", &key, NOW, Duration::from_secs(1)).await.unwrap();

        // Up to the day, everything is there; tickets go first, and links only after what refers to them.
        let at = |seconds: u64| later(seconds).after(KEPT);
        let purged = store.purge(at(300), KEPT).await.unwrap();
        assert_eq!((purged.terminals, purged.links, purged.workspaces), (0, 0, 0));
        assert_eq!((purged.tickets, purged.link_keys), (2, 1));
        // The unused link's expiry is the first of all; the others' have terminals.
        let purged = store.purge(at(301), KEPT).await.unwrap();
        assert_eq!((purged.terminals, purged.links, purged.workspaces), (0, 1, 0));
        assert!(store.link(&unused.id).await.unwrap().is_none());
        assert!(store.link(&ended.link).await.unwrap().is_some());
        let purged = store.purge(at(1001), KEPT).await.unwrap();
        assert_eq!((purged.terminals, purged.links, purged.workspaces), (1, 1, 1));
        assert!(store.terminal(&ended.id).await.unwrap().is_none());
        assert!(store.workspace(&deleted.id).await.unwrap().is_none());

        // What lives stays, and a live terminal keeps its link.
        let purged = store.purge(at(86_400), KEPT).await.unwrap();
        assert_eq!((purged.terminals, purged.links, purged.workspaces), (0, 0, 0));
        assert_eq!(store.terminal(&live.id).await.unwrap().unwrap().link, live.link);
        assert!(store.link(&live.link).await.unwrap().is_some());
        assert!(store.workspace(&standing.id).await.unwrap().is_some());
        // A sign-in, two terminals of three records, an end, a link, three of workspaces.
        assert_intact(&store, 1 + 6 + 1 + 1 + 3).await;
    }

    async fn one_purge_holds_up_the_others_for_a_bounded_number_of_rows(bench: Bench) {
        let store = bench.store().await;
        let first = minted(&store, "sallyport:alice").await;
        let columns = "user_name, minted_by, cluster, namespace, pod, pod_uid, container, tty, command, created_at, expires_at";
        for turn in 0..13 {
            // Doubles the rows each time: 2 to the 13th in the end.
            bench.raw(&format!(
                "INSERT INTO links (id, {columns}) SELECT id || '-{turn}', {columns} FROM links"
            )).await;
        }
        let at = later(301).after(KEPT);
        let mut left = 1 << 13;
        for removed in [5000, 3192, 0] {
            assert_eq!(store.purge(at, KEPT).await.unwrap().links, removed);
            left -= i64::try_from(removed).unwrap();
            assert_eq!(bench.count("links").await, left);
        }
        assert!(store.link(&first.id).await.unwrap().is_none());
    }
}
