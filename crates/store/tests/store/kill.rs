//! A process killed in the midst of writing loses nothing that it had acknowledged, and leaves nothing half.

use crate::bench::*;
use model::Secret;
use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use store::StoreLocation;

const WHERE: &str = "SALLYPORT_TEST_KILL_WHERE";

/// Not a test of its own: the process that the tests below start and kill. It prints the id of each link after
/// it was stored, and writes until it dies. Whoever runs it by itself is told so by its failure.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the process that is killed; started by the other tests here"]
async fn writes_until_killed() {
    let place = std::env::var(WHERE)
        .expect("this is the process that the other tests of this file start and kill");
    let location = match place.strip_prefix("sqlite:") {
        Some(directory) => StoreLocation::Sqlite { directory: directory.into() },
        None => StoreLocation::Postgres { url: Secret::new(place) },
    };
    let store = Bench::at(location).store().await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..4_u8 {
        let store = store.clone();
        writers.spawn(async move {
            for turn in 0..u64::MAX {
                let mut random = [writer; 16];
                random[..8].copy_from_slice(&turn.to_be_bytes());
                let mut link = link("sallyport:alice");
                link.id = model::LinkId::from_random(random);
                store.create_link(&link, u32::MAX, entry("link.mint")).await.unwrap();
                store.audit(entry("marker")).await.unwrap();
                let mut out = std::io::stdout().lock();
                writeln!(out, "acknowledged {}", link.id).unwrap();
                out.flush().unwrap();
            }
        });
    }
    writers.join_all().await;
}

async fn killed_after(bench: &Bench, acknowledgements: usize) {
    let place = match &bench.location {
        StoreLocation::Sqlite { directory } => format!("sqlite:{}", directory.display()),
        StoreLocation::Postgres { url } => url.expose().to_owned(),
    };
    let before = bench.store().await;
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "kill::writes_until_killed",
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(WHERE, place)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = HashSet::new();
    let id_in = |line: String| line.split_once("acknowledged ").map(|(_, id)| id.trim().to_owned());
    while acknowledged.len() < acknowledgements {
        let line = lines.next().expect("it writes until it is killed").unwrap();
        acknowledged.extend(id_in(line));
    }
    child.kill().unwrap();
    // What it had printed and we had not yet read was acknowledged too.
    acknowledged.extend(lines.map_while(Result::ok).filter_map(id_in));
    child.wait().unwrap();

    let store = bench.store().await;
    for id in &acknowledged {
        // A line may have been cut by the kill.
        if let Ok(id) = id.parse() {
            assert!(store.link(&id).await.unwrap().is_some(), "{id} was acknowledged and is gone");
        }
    }
    let verdict = store.audit_verify(|_, _| {}).await.unwrap();
    assert!(verdict.intact, "{verdict:?}");
    let links = bench.count("links").await;
    let minted = bench.count("audit WHERE action = 'link.mint'").await;
    assert_eq!(links, minted, "each link has its record, and each record its link");
    before.audit(entry("still.works")).await.unwrap();
}

on_both_databases! {
    async fn a_killed_writer_loses_nothing_acknowledged(bench: Bench) {
        // Killed early, and well into its stride.
        killed_after(&bench, 1).await;
        let bench = if bench.is_postgres() { Bench::postgres() } else { Bench::sqlite() };
        killed_after(&bench, 150).await;
    }
}
