//! Sign-ins: found by their cookie's hash, seen, ended.

use crate::bench::*;
use std::time::Duration;
use store::StoreError;

const ALICE: &str = "sallyport:alice";

on_both_databases! {
    async fn a_sign_in_is_found_by_its_hash_with_its_account_as_it_is_now(bench: Bench) {
        let store = bench.store().await;
        let by_token = signed_in(&store, ALICE).await;
        let found = store.sign_in_by_secret_hash(&by_token.secret_hash).await.unwrap().unwrap();
        assert_eq!(found.sign_in, by_token);
        assert!(found.account.is_none());
        assert!(store.sign_in_by_secret_hash(&unique_hash()).await.unwrap().is_none());

        let bob = account("bob");
        store.create_account(&bob, None, entry("account.create")).await.unwrap();
        let mut by_password = sign_in(&bob.kubernetes_user);
        by_password.account = Some(bob.id.clone());
        by_password.method = store::SignInMethod::Password;
        by_password.cluster = None;
        begun(&store, &by_password, store::Proof::Account(&bob)).await;
        bench.raw("UPDATE accounts SET groups = '[\"ops\"]'").await;
        let found = store.sign_in_by_secret_hash(&by_password.secret_hash).await.unwrap().unwrap();
        assert_eq!(found.sign_in, by_password);
        let account = found.account.unwrap();
        assert_eq!(account.last_sign_in_at, Some(NOW));
        assert_eq!((account.id, account.groups), (bob.id, vec!["ops".to_owned()]));

        let mut twin = sign_in(ALICE);
        twin.secret_hash = by_token.secret_hash;
        assert!(matches!(store.create_sign_in(&twin, shown_token(), None, entry("sign_in")).await, Err(StoreError::Conflict { .. })));
        let mut orphan = sign_in(ALICE);
        orphan.account = Some(crate::bench::account("nobody").id);
        assert!(matches!(store.create_sign_in(&orphan, shown_token(), None, entry("sign_in")).await, Err(StoreError::NotFound { .. })));
    }

    async fn being_seen_is_written_once_a_minute_and_not_after_the_end(bench: Bench) {
        let store = bench.store().await;
        let alice = signed_in(&store, ALICE).await;
        let seen = async || {
            store.sign_in_by_secret_hash(&alice.secret_hash).await.unwrap().unwrap().sign_in.last_seen_at
        };
        store.touch_sign_in_seen(&alice.id, later(59)).await.unwrap();
        assert_eq!(seen().await, NOW);
        store.touch_sign_in_seen(&alice.id, later(60)).await.unwrap();
        assert_eq!(seen().await, later(60));
        store.touch_sign_in_seen(&alice.id, NOW).await.unwrap();
        assert_eq!(seen().await, later(60));
        store.end_sign_in(&alice.id, later(100), entry("sign_out")).await.unwrap();
        store.touch_sign_in_seen(&alice.id, later(1000)).await.unwrap();
        assert_eq!(seen().await, later(60));
    }

    async fn an_idle_sign_in_holds_no_more_and_nothing_revives_it(bench: Bench) {
        let store = bench.store().await;
        let alice = signed_in(&store, ALICE).await;
        let (link, ticket) = bound(&store, &alice).await;
        let lasting = store::LinkRow { expires_at: later(86_400), ..crate::bench::link(ALICE) };
        store.create_link(&lasting, u32::MAX, entry("link.mint")).await.unwrap();
        assert!(store.sign_in_is_live(&alice.id, later(1799)).await.unwrap());
        assert!(!store.sign_in_is_live(&alice.id, later(1800)).await.unwrap());

        // What a terminal notes for a key, after the sign-in has lapsed: too late.
        store.touch_sign_in_seen(&alice.id, later(1800)).await.unwrap();
        let found = store.sign_in_by_secret_hash(&alice.secret_hash).await.unwrap().unwrap();
        assert_eq!(found.sign_in.last_seen_at, NOW);
        assert!(!store.sign_in_is_live(&alice.id, later(1800)).await.unwrap());

        // Neither gate lets it pass.
        let outcome = store
            .bind_link(&lasting.id, &alice.id, &unique_hash(), later(1830), later(1800), entry("link.open"))
            .await;
        assert_eq!(outcome.unwrap(), store::BindOutcome::SignInEnded);
        let draft = terminal(&link, &alice, store.hub());
        let outcome = store
            .consume_ticket(&ticket, &alice.id, later(1800), &draft, entry("terminal.enter"))
            .await;
        assert_eq!(outcome.unwrap(), store::ConsumeOutcome::SignInEnded);

        // In time, a key counts like a click, up to the absolute end and not beyond.
        let used = signed_in(&store, ALICE).await;
        for minutes in (20..720).step_by(20) {
            store.touch_sign_in_seen(&used.id, later(minutes * 60)).await.unwrap();
            assert!(store.sign_in_is_live(&used.id, later(minutes * 60 + 1799)).await.unwrap() == (minutes < 700));
        }
        store.touch_sign_in_seen(&used.id, later(12 * 3600)).await.unwrap();
        let found = store.sign_in_by_secret_hash(&used.secret_hash).await.unwrap().unwrap();
        assert_eq!(found.sign_in.last_seen_at, later(700 * 60));
        assert!(!store.sign_in_is_live(&used.id, later(12 * 3600)).await.unwrap());

        // A timeout as long as the column allows is no overflow.
        let mut patient = sign_in(ALICE);
        patient.idle_timeout = Duration::MAX;
        begun(&store, &patient, shown_token()).await;
        assert!(store.sign_in_is_live(&patient.id, later(3600)).await.unwrap());
    }

    async fn sign_ins_end_one_by_one_or_all_of_a_person(bench: Bench) {
        let store = bench.store().await;
        let alice = [signed_in(&store, ALICE).await, signed_in(&store, ALICE).await, signed_in(&store, ALICE).await];
        let bob = signed_in(&store, "sallyport:bob").await;
        assert!(store.end_sign_in(&alice[0].id, later(1), entry("sign_out")).await.unwrap());
        assert!(!store.end_sign_in(&alice[0].id, later(2), entry("sign_out")).await.unwrap());
        assert!(!store.end_sign_in(&sign_in(ALICE).id, later(2), entry("sign_out")).await.unwrap());
        let (kind, other) = ("kind".parse().unwrap(), "other".parse().unwrap());
        let end = async |user, cluster, at| {
            store.end_sign_ins_of(user, cluster, at, entry("sign_out")).await.unwrap()
        };
        // The namesake in another cluster stays.
        assert_eq!(end(ALICE, Some(&other), later(2)).await, 0);
        assert_eq!(end(ALICE, Some(&kind), later(3)).await, 2);
        assert_eq!(end(ALICE, None, later(4)).await, 0);
        let ended = async |of: &store::SignIn| {
            store.sign_in_by_secret_hash(&of.secret_hash).await.unwrap().unwrap().sign_in.ended_at
        };
        for (of, at) in alice.iter().zip([1, 3, 3]) {
            assert_eq!(ended(of).await, Some(later(at)));
        }
        assert_eq!(ended(&bob).await, None);
        // Four in, one out, and three times 'everywhere'; what had ended before left no record.
        assert_intact(&store, 4 + 1 + 3).await;
    }

    async fn a_new_sign_in_ends_the_one_that_the_browser_had(bench: Bench) {
        let hubs = [bench.store().await, bench.store().await];
        let store = &hubs[0];
        let old = signed_in(store, ALICE).await;
        let (_, ticket) = bound(store, &old).await;
        let mut told = hubs[1].changes();
        let new = sign_in("sallyport:bob");
        let outcome = store.create_sign_in(&new, shown_token(), Some(&old.secret_hash), entry("sign_in")).await;
        assert_eq!(outcome.unwrap(), store::SignInOutcome::Begun);
        let found = store.sign_in_by_secret_hash(&old.secret_hash).await.unwrap().unwrap();
        assert_eq!(found.sign_in.ended_at, Some(NOW));
        assert!(store.peek_ticket(&ticket).await.unwrap().is_none());
        let change = tokio::time::timeout(Duration::from_secs(2), told.recv()).await;
        assert_eq!(change.unwrap().unwrap(), store::Change::SignInEnded { sign_in: old.id });
        assert!(store.sign_in_is_live(&new.id, NOW).await.unwrap());
        // A secret that nobody has, and one whose sign-in has ended, change nothing.
        for replaced in [unique_hash(), old.secret_hash] {
            let again = sign_in(ALICE);
            let outcome = store.create_sign_in(&again, shown_token(), Some(&replaced), entry("sign_in")).await;
            assert_eq!(outcome.unwrap(), store::SignInOutcome::Begun);
        }
        // A sign-in that cannot be stored ends none, and is not recorded.
        let twin = store::SignIn { id: new.id.clone(), ..sign_in(ALICE) };
        let refused = store.create_sign_in(&twin, shown_token(), Some(&new.secret_hash), entry("sign_in")).await;
        assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
        assert!(store.sign_in_is_live(&new.id, NOW).await.unwrap());
        assert_intact(store, 1 + 2 + 1 + 2).await;
    }

    async fn a_password_that_was_replaced_meanwhile_begins_nothing(bench: Bench) {
        let store = bench.store().await;
        let alice = enrolled(&store, "alice").await;
        let phc = |text: &str| store::PasswordPhc::new(format!("$argon2id$v=19$m=8,t=1,p=1$c2FsdA${text}"));
        let set = async |password: &store::PasswordPhc, at| {
            store.change_password(&alice.id, password, later(at), entry("account.password")).await.unwrap()
        };
        let (old, new) = (phc("b2xk"), phc("bmV3"));
        set(&old, 1).await;
        // Somebody shows the old password; while they wait for the answer, it is replaced.
        let proved = store.account(&alice.id).await.unwrap().unwrap();
        let begin = async |proved: &store::Account, replaced: Option<&[u8; 32]>| {
            let mut browser = sign_in(&alice.kubernetes_user);
            browser.account = Some(alice.id.clone());
            let proof = store::Proof::Account(proved);
            store.create_sign_in(&browser, proof, replaced, entry("sign_in")).await.unwrap()
        };
        assert_eq!(begin(&proved, None).await, store::SignInOutcome::Begun);
        assert_eq!(set(&new, 2).await, 1);
        let bystander = signed_in(&store, "sallyport:bob").await;
        let records = bench.count("audit").await;
        let outcome = begin(&proved, Some(&bystander.secret_hash)).await;
        assert_eq!(outcome, store::SignInOutcome::AccountChanged);
        // Nothing was stored, ended or recorded, and the old password's new hash does not come back.
        assert_eq!((bench.count("sign_ins").await, bench.count("audit").await), (2, records));
        assert!(store.sign_in_is_live(&bystander.id, later(3)).await.unwrap());
        assert!(!store.renew_password_hash(&alice.id, &old, &phc("b2xkZXI")).await.unwrap());
        let now = store.account(&alice.id).await.unwrap().unwrap();
        assert_eq!(now.password.as_ref().unwrap().expose(), new.expose());

        // The same account, disabled meanwhile; enabled again, what is shown holds.
        for (disabled, outcome) in
            [(true, store::SignInOutcome::AccountChanged), (false, store::SignInOutcome::Begun)]
        {
            store.set_disabled(&alice.id, disabled, later(4), entry("account.disable")).await.unwrap();
            assert_eq!(begin(&now, None).await, outcome);
        }
    }

    async fn a_token_is_kept_sealed_and_only_as_long_as_its_sign_in_holds(bench: Bench) {
        let store = bench.store().await;
        let [alice, bob, carol, dora] =
            [ALICE, "bob", "carol", "dora"].map(|user| (user, sign_in(user)));
        for (_, browser) in [&alice, &bob, &carol] {
            begun(&store, browser, shown_token()).await;
        }
        let kept = async |of: &store::SignIn| {
            store.sign_in_token(&of.id).await.unwrap().map(|token| token.expose().to_owned())
        };
        for (_, browser) in [&alice, &bob, &carol] {
            assert_eq!(kept(browser).await.as_deref(), Some(TOKEN_TEXT));
        }
        assert_eq!(kept(&dora.1).await, None);
        assert!(!format!("{:?}", store.sign_in_token(&alice.1.id).await).contains("shown"));

        // What lies in the database is not the token, and opens in no other's row.
        let moved = format!(
            "UPDATE sign_in_tokens SET sealed =
               (SELECT sealed FROM sign_in_tokens WHERE sign_in = '{}') WHERE sign_in = '{}'",
            alice.1.id, carol.1.id
        );
        bench.raw(&moved).await;
        assert!(matches!(store.sign_in_token(&carol.1.id).await, Err(StoreError::Corrupt { .. })));

        // It goes when the sign-in ends, in either way, and soon after it has lapsed.
        store.end_sign_in(&alice.1.id, later(1), entry("sign_out")).await.unwrap();
        store.end_sign_ins_of("bob", None, later(1), entry("sign_out")).await.unwrap();
        assert_eq!((kept(&alice.1).await, kept(&bob.1).await), (None, None));
        let month = Duration::from_secs(30 * 24 * 3600);
        store.purge(later(1799), month).await.unwrap();
        assert_eq!(bench.count("sign_in_tokens").await, 1);
        store.purge(later(1800), month).await.unwrap();
        assert_eq!((bench.count("sign_in_tokens").await, bench.count("sign_ins").await), (0, 3));

        let lee = enrolled(&store, "lee").await;
        let mut by_password = sign_in(&lee.kubernetes_user);
        by_password.account = Some(lee.id.clone());
        begun(&store, &by_password, store::Proof::Account(&lee)).await;
        assert_eq!(kept(&by_password).await, None);
    }

    async fn of_a_persons_many_sign_ins_those_seen_last_go_on(bench: Bench) {
        let store = bench.store().await;
        let mut elsewhere = sign_in(ALICE);
        elsewhere.cluster = Some("other".parse().unwrap());
        begun(&store, &elsewhere, shown_token()).await;
        let bob = signed_in(&store, "bob").await;
        let begin = async |at: u64| {
            let at = later(at);
            let browser = store::SignIn { created_at: at, last_seen_at: at, ..sign_in(ALICE) };
            begun(&store, &browser, shown_token()).await;
            browser
        };
        let mut alice = Vec::new();
        for at in 0..32 {
            alice.push(begin(at).await);
        }
        let (_, ticket) = bound(&store, &alice[1]).await;
        store.touch_sign_in_seen(&alice[0].id, later(100)).await.unwrap();
        let records = bench.count("audit").await;

        // The oldest was used lately, so the second goes, with its ticket and token; and it is recorded.
        let new = begin(101).await;
        let live = async |of: &store::SignIn| store.sign_in_is_live(&of.id, later(102)).await.unwrap();
        assert!(!live(&alice[1]).await);
        assert!(store.peek_ticket(&ticket).await.unwrap().is_none());
        assert!(store.sign_in_token(&alice[1].id).await.unwrap().is_none());
        assert_eq!(bench.count("audit").await, records + 2);
        for other in [&alice[0], &alice[2], &alice[31], &new, &elsewhere, &bob] {
            assert!(live(other).await);
        }
        let filter = store::AuditFilter { limit: 1, ..store::AuditFilter::default() };
        let last = &store.audit_page(&filter).await.unwrap()[0].entry;
        assert_eq!((last.action.as_str(), &last.object), ("sign_out", &alice[1].id.to_string()));
        assert_eq!(last.detail["why"], "too_many_sign_ins");

        // Those that have lapsed or ended take no place.
        store.end_sign_ins_of(ALICE, None, later(103), entry("sign_out")).await.unwrap();
        let ended = bench.count("sign_ins WHERE ended_at IS NOT NULL").await;
        let again = [begin(104).await, begin(105).await];
        assert_eq!(bench.count("sign_ins WHERE ended_at IS NOT NULL").await, ended);
        assert!(live(&again[0]).await && live(&again[1]).await);
    }

    async fn nobody_signs_in_or_out_unrecorded(bench: Bench) {
        let store = bench.store().await;
        let alice = signed_in(&store, ALICE).await;
        bench.raw("UPDATE audit_head SET seq = seq + 1").await;
        let refused = store.create_sign_in(&sign_in(ALICE), shown_token(), Some(&alice.secret_hash), entry("sign_in")).await;
        assert!(matches!(refused, Err(StoreError::Corrupt { .. })), "{refused:?}");
        assert!(store.end_sign_in(&alice.id, NOW, entry("sign_out")).await.is_err());
        assert!(store.end_sign_ins_of(ALICE, None, NOW, entry("sign_out")).await.is_err());
        assert!(store.sign_in_is_live(&alice.id, NOW).await.unwrap());
        assert_eq!(bench.count("sign_ins").await, 1);
        assert_eq!(bench.count("changes").await, 0);
    }
}
