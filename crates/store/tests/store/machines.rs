//! Machines: asked for, decided, collected once, and the authority that all hubs share.

use crate::bench::*;
use model::SecretBytes;
use store::{
    AuditEntry, CollectOutcome, MachineApproval, MachineAuthorityRow, MachineRequest, SignIn,
    SignInMethod, Store,
};

fn request(code: &str, port: Option<u16>) -> MachineRequest {
    MachineRequest {
        code: code.to_owned(),
        challenge: [7; 32],
        key: vec![4; 65],
        machine: "노트북".to_owned(),
        port,
        state: "s".to_owned(),
        network: "192.0.2.7".to_owned(),
        source: "192.0.2.7".to_owned(),
        created_at: NOW,
        expires_at: later(600),
    }
}

fn of_account(account: &store::Account) -> (SignIn, AuditEntry) {
    let mut sign_in = sign_in(&account.kubernetes_user);
    sign_in.account = Some(account.id.clone());
    sign_in.cluster = None;
    sign_in.method = SignInMethod::Machine;
    (sign_in, entry("sign_in"))
}

async fn collected(store: &Store, code: &str, grant: u8, seconds: u64) -> CollectOutcome {
    store
        .collect_machine(code, &[7; 32], &[grant; 32], later(seconds), |account, _| {
            of_account(account)
        })
        .await
        .unwrap()
}

on_both_databases! {
    async fn a_request_is_decided_and_collected_once(bench: Bench) {
        let store = bench.store().await;
        let bob = enrolled(&store, "bob").await;
        let mut browser = sign_in(&bob.kubernetes_user);
        (browser.account, browser.cluster) = (Some(bob.id.clone()), None);
        browser.method = SignInMethod::Password;
        begun(&store, &browser, store::Proof::Account(&bob)).await;
        let approval = |grant: u8| MachineApproval {
            account: &bob.id, sign_in: &browser.id, grant_hash: [grant; 32],
        };

        for (code, port) in [("A", None), ("B", Some(4711)), ("C", None)] {
            assert!(store.ask_for_machine(&request(code, port), 3, 9).await.unwrap());
        }
        assert!(!store.ask_for_machine(&request("D", None), 3, 9).await.unwrap(), "of one network");
        assert!(!store.ask_for_machine(&request("D", None), 9, 3).await.unwrap(), "in all");
        assert_eq!(store.waiting_machine("B", NOW).await.unwrap(), Some(request("B", Some(4711))));
        assert_eq!(store.waiting_machine("B", later(600)).await.unwrap(), None);

        assert!(matches!(collected(&store, "A", 1, 1).await, CollectOutcome::Waiting));
        assert!(matches!(collected(&store, "none", 1, 1).await, CollectOutcome::Unknown));
        assert!(store.decide_machine("A", Some(approval(1)), NOW, entry("machine.allow")).await.unwrap());
        assert!(!store.decide_machine("A", None, NOW, entry("machine.deny")).await.unwrap());
        let other = store.collect_machine("A", &[8; 32], &[1; 32], NOW, |account, _| of_account(account));
        assert!(matches!(other.await.unwrap(), CollectOutcome::Unknown), "another verifier");
        // Of many at once one collects.
        let (first, second, third) = tokio::join!(
            collected(&store, "A", 9, 1), collected(&store, "A", 9, 1), collected(&store, "A", 9, 1),
        );
        let got = [first, second, third];
        let got = got.iter().filter(|it| matches!(it, CollectOutcome::Collected { .. })).count();
        assert_eq!(got, 1);

        assert!(store.decide_machine("B", Some(approval(1)), NOW, entry("machine.allow")).await.unwrap());
        assert!(matches!(collected(&store, "B", 2, 1).await, CollectOutcome::Unknown), "not what was carried");
        let CollectOutcome::Collected { current, key } = collected(&store, "B", 1, 1).await else { panic!() };
        assert_eq!((key, current.account.unwrap().id), (vec![4; 65], bob.id.clone()));
        let id = current.sign_in.id;
        assert_eq!(store.machine_sign_in(&id, later(2)).await.unwrap().unwrap().sign_in.id, id);
        assert!(store.machine_sign_in(&browser.id, later(2)).await.unwrap().is_none(), "a browser is no machine");

        assert!(store.decide_machine("C", Some(approval(1)), NOW, entry("machine.allow")).await.unwrap());
        store.set_disabled(&bob.id, true, later(3), entry("account.disable")).await.unwrap();
        assert!(matches!(collected(&store, "C", 1, 4).await, CollectOutcome::Gone));
        assert!(store.machine_sign_in(&id, later(4)).await.unwrap().is_none());
        store.purge(later(600 + 86_401), std::time::Duration::from_secs(1)).await.unwrap();
        assert_eq!(bench.count("machine_requests").await, 0);
    }

    async fn a_full_house_gives_way_to_whoever_holds_less(bench: Bench) {
        let store = bench.store().await;
        let of = |network: &str, code: &str, second: u64| MachineRequest {
            network: network.to_owned(), created_at: later(second), ..request(code, None)
        };
        let waits = async |code: &str| store.waiting_machine(code, NOW).await.unwrap().is_some();
        for (network, code, second) in [("a", "A2", 2), ("a", "A1", 1), ("a", "A3", 3), ("b", "B1", 0)] {
            assert!(store.ask_for_machine(&of(network, code, second), 9, 4).await.unwrap());
        }
        // The oldest of the network that holds most goes, not the oldest of all.
        assert!(store.ask_for_machine(&of("c", "C1", 4), 9, 4).await.unwrap(), "who holds none");
        assert!(!waits("A1").await && waits("A2").await && waits("B1").await && waits("C1").await);
        assert!(!store.ask_for_machine(&of("a", "A4", 5), 9, 4).await.unwrap(), "who holds most");
        assert!(store.ask_for_machine(&of("d", "D1", 5), 9, 4).await.unwrap());
        assert!(!store.ask_for_machine(&of("d", "D2", 6), 9, 4).await.unwrap(), "none holds more");
        // What was answered is in nobody's way, and what was allowed is not taken.
        assert_eq!(store.machines_waiting_of("b", NOW).await.unwrap(), 1);
        assert!(store.decide_machine("B1", None, NOW, entry("machine.deny")).await.unwrap());
        assert_eq!(store.machines_waiting_of("b", NOW).await.unwrap(), 0);
        assert!(store.ask_for_machine(&of("d", "D2", 6), 9, 4).await.unwrap(), "a place is free");
        let bob = enrolled(&store, "bob").await;
        let mut browser = sign_in(&bob.kubernetes_user);
        (browser.account, browser.cluster) = (Some(bob.id.clone()), None);
        browser.method = SignInMethod::Password;
        begun(&store, &browser, store::Proof::Account(&bob)).await;
        for code in ["D1", "D2"] {
            let approval = MachineApproval { account: &bob.id, sign_in: &browser.id, grant_hash: [1; 32] };
            assert!(store.decide_machine(code, Some(approval), NOW, entry("machine.allow")).await.unwrap());
        }
        assert_eq!(store.machines_waiting_of("d", NOW).await.unwrap(), 2);
        assert!(!store.ask_for_machine(&of("d", "D3", 7), 2, 9).await.unwrap(), "of one network");
        assert!(store.ask_for_machine(&of("e", "E1", 7), 9, 4).await.unwrap());
        assert!(!waits("A3").await && waits("C1").await && waits("E1").await);
        assert!(matches!(collected(&store, "D1", 1, 8).await, CollectOutcome::Collected { .. }));
        assert_eq!(store.machines_waiting_of("d", NOW).await.unwrap(), 1);
        assert_eq!(store.machines_waiting_of("d", later(600)).await.unwrap(), 0, "its time is over");
    }

    async fn of_requests_that_come_at_once_no_more_are_kept_than_may_wait(bench: Bench) {
        let store = bench.store().await;
        let mut asking = tokio::task::JoinSet::new();
        for number in 0..12 {
            let (store, request) = (store.clone(), request(&format!("N{number}"), None));
            asking.spawn(async move { store.ask_for_machine(&request, 3, 9).await.unwrap() });
        }
        let kept = asking.join_all().await;
        assert_eq!(kept.iter().filter(|kept| **kept).count(), 3);
        assert_eq!(bench.count("machine_requests").await, 3);
    }

    async fn there_is_one_authority_and_its_key_lies_sealed(bench: Bench) {
        let store = bench.store().await;
        let made = |byte: u8| move || Some(MachineAuthorityRow {
            certificate: vec![byte], key: SecretBytes::new(vec![byte; 40]),
        });
        assert!(store.machine_authority(|| None, NOW).await.unwrap().is_none());
        let first = store.machine_authority(made(1), NOW).await.unwrap().unwrap();
        let second = store.machine_authority(made(2), NOW).await.unwrap().unwrap();
        assert_eq!((first.certificate, first.key.expose()), (second.certificate, second.key.expose()));
        let altered = bench.raw("UPDATE machine_authority SET sealed = certificate").await;
        assert_eq!(altered, 1);
        assert!(store.machine_authority(made(3), NOW).await.is_err());
    }
}
