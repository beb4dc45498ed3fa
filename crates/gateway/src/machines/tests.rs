use super::*;
use model::HubId;
use store::{StoreLocation, VaultKey};
use tokio::sync::broadcast;

const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

async fn machines(directory: &tempfile::TempDir) -> Machines {
    let location = StoreLocation::Sqlite { directory: directory.path().to_owned() };
    let hub = HubId::from_random([1; 16]);
    let store = Store::open(&location, VaultKey::new([7; 32]), hub, NOW).await.unwrap();
    Machines::new(store, AccountMapping::default(), Clock::turned_by(|| NOW))
}

fn id(number: u8) -> SignInId {
    SignInId::from_random([number; 16])
}

#[tokio::test]
async fn what_the_store_does_not_answer_about_is_cut_after_five_tries() {
    let directory = tempfile::tempdir().unwrap();
    let machines = machines(&directory).await;
    machines.store.close().await;
    let open: Vec<_> = (0..5).map(|number| machines.place(&id(number))).collect();
    assert!(matches!(machines.facts(&id(0), NOW).await, Known::Failed), "the store refuses");
    tokio::time::pause();
    let (sender, receiver) = broadcast::channel(8);
    let cut = async {
        sender.send(Change::Missed).unwrap();
        let begun = tokio::time::Instant::now();
        tokio::time::sleep(TRY_EVERY * (TRIES - 1) - TRY_EVERY / 2).await;
        assert!(!open.iter().any(|cut| cut.is_cancelled()), "a moment ends nothing");
        // More of the same does not use the tries up, nor begin them anew.
        for _ in 0..TRIES {
            sender.send(Change::Missed).unwrap();
        }
        for cut in &open {
            cut.cancelled().await;
        }
        begun.elapsed()
    };
    let elapsed = tokio::select! {
        () = machines.heed_of(receiver) => panic!("the feed ended"),
        elapsed = cut => elapsed,
    };
    assert!((TRY_EVERY * (TRIES - 1)..TRY_EVERY * TRIES).contains(&elapsed), "{elapsed:?}");
    assert!(machines.state().open.is_empty());
}

#[tokio::test]
async fn what_has_ended_is_cut_at_once_when_changes_were_missed() {
    let directory = tempfile::tempdir().unwrap();
    let machines = machines(&directory).await;
    let cut = machines.place(&id(1));
    let (sender, receiver) = broadcast::channel(8);
    sender.send(Change::Missed).unwrap();
    tokio::select! {
        () = machines.heed_of(receiver) => panic!("the feed ended"),
        () = cut.cancelled() => {}
    }
}

#[tokio::test]
async fn places_are_swept_when_there_are_twice_as_many() {
    let directory = tempfile::tempdir().unwrap();
    let machines = machines(&directory).await;
    let kept = machines.place(&id(255));
    for number in 0..128 {
        drop(machines.place(&id(number)));
    }
    // The 128th found 128 there, of which one was in use.
    assert_eq!(machines.state().open.len(), 2);
    machines.end(&id(255));
    assert!(kept.is_cancelled());
}
