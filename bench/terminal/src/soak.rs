//! Sessions that come and go for minutes: what is left in the hub when all have gone.

use crate::hub::Hub;
use crate::options::HubOptions;
use crate::process::Memory;
use crate::report::{Row, Verdict, progress};
use crate::sessions::{POOLED_MAX, link, with_double};
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use testkit::{HubClient, LinkRequest, Pace};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Sessions at once.
const WORKERS: usize = 40;
/// Caches fill and the allocator finds its size, before the first look.
const WARM_UP: Duration = Duration::from_secs(30);
const SETTLES: Duration = Duration::from_secs(12);
/// A session that takes longer is stuck.
const SESSION_MAX: Duration = Duration::from_secs(30);
/// What allocators keep for later, and the growth of the store's caches.
const SLACK_BYTES: u64 = 8 * 1024 * 1024;

/// What was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    /// How long sessions came and went.
    pub seconds: u64,
    /// How many did, without the warm-up.
    pub sessions: u64,
    /// Sessions that did not go as they should, and the first one's reason.
    pub failures: u64,
    /// The first failure.
    pub first_failure: Option<String>,
    /// Private bytes of the hub: begin, end.
    pub private_bytes: Option<[u64; 2]>,
    /// Resident bytes of the hub: begin, end.
    pub rss_bytes: Option<[u64; 2]>,
    /// File descriptors of the hub: begin, end.
    pub file_descriptors: Option<[usize; 2]>,
}

/// Warm-up, look, sessions, look.
pub(crate) async fn soak(options: &HubOptions, seconds: u64) -> anyhow::Result<Measured> {
    let (_double, hub) = with_double(options).await?;
    progress("soak: warming up");
    come_and_go(&hub, WARM_UP).await?;
    let (memory_before, files_before) = look(&hub).await;
    progress(&format!("soak: {seconds} s of sessions that come and go"));
    let (sessions, failures, first_failure) =
        come_and_go(&hub, Duration::from_secs(seconds)).await?;
    let (memory_after, files_after) = look(&hub).await;
    let pair = |of: fn(&Memory) -> u64| {
        memory_before.as_ref().zip(memory_after.as_ref()).map(|(a, b)| [of(a), of(b)])
    };
    Ok(Measured {
        seconds,
        sessions,
        failures,
        first_failure,
        private_bytes: pair(|memory| memory.private),
        rss_bytes: pair(|memory| memory.rss),
        file_descriptors: files_before.zip(files_after).map(|(a, b)| [a, b]),
    })
}

async fn look(hub: &Hub) -> (Option<Memory>, Option<usize>) {
    tokio::time::sleep(SETTLES).await;
    let process = hub.process.as_ref();
    (
        process.and_then(|process| process.memory().ok()),
        process.and_then(|process| process.file_descriptors().ok()),
    )
}

async fn come_and_go(hub: &Hub, time: Duration) -> anyhow::Result<(u64, u64, Option<String>)> {
    let until = Instant::now() + time;
    let done = Arc::new(AtomicU64::new(0));
    let mut workers = JoinSet::new();
    for worker in 0..WORKERS {
        let (mut tab, link, done) = (hub.client.tab(), link(hub), Arc::clone(&done));
        workers.spawn(async move {
            let (mut turn, mut failures, mut first) = (worker, 0u64, None);
            while Instant::now() < until {
                let session = tokio::time::timeout(SESSION_MAX, session(&mut tab, &link, turn));
                let failed = match session.await {
                    Ok(Ok(())) => None,
                    Ok(Err(error)) => Some(format!("{error:#}")),
                    Err(_) => Some(format!("a session of kind {} is stuck", turn % 6)),
                };
                if let Some(reason) = failed {
                    failures += 1;
                    first.get_or_insert(reason);
                    tab = tab.tab();
                    // A hub that is down is not to be hammered.
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                let so_far = done.fetch_add(1, Ordering::Relaxed);
                if so_far > 0 && so_far.is_multiple_of(2000) {
                    progress(&format!("  {so_far} sessions"));
                }
                turn += 7;
            }
            (failures, first)
        });
    }
    let (mut failures, mut first) = (0, None);
    while let Some(ended) = workers.join_next().await {
        let (some, reason) = ended?;
        failures += some;
        first = first.or(reason);
    }
    Ok((done.load(Ordering::Relaxed), failures, first))
}

/// One session, of one of six kinds.
async fn session(tab: &mut HubClient, link: &LinkRequest, turn: usize) -> anyhow::Result<()> {
    let mut terminal = tab.open(link).await?;
    terminal.until("$ ").await?;
    match turn % 6 {
        // Typed and left well.
        0 => {
            terminal.input("echo 안녕\r".as_bytes()).await?;
            terminal.until("안녕\r\n$ ").await?;
            terminal.input(b"exit 3\r").await?;
            let end = terminal.message("exit").await?;
            anyhow::ensure!(end["code"] == 3, "it ended with {end}");
        }
        // A tab that is closed.
        1 => terminal.close().await,
        // A browser that dies.
        2 => drop(terminal),
        // A flood, read fast, and interrupted.
        3 => {
            terminal.input(b"flood 32768 2000000\r").await?;
            terminal.until("xxxx").await?;
            terminal.input(b"\x03").await?;
            terminal.until("$ ").await?;
            terminal.close().await;
        }
        // A flood that the viewer cannot follow, and a death in the middle of it.
        4 => {
            terminal.set_pace(Pace::bytes_per_s(500_000));
            terminal.input(b"flood 32768 4000000\r").await?;
            let until = Instant::now() + Duration::from_millis(500);
            while tokio::time::timeout_at(until, terminal.next()).await.is_ok() {}
            drop(terminal);
        }
        // Sizes, pings and a paste.
        _ => {
            for cols in 60..90 {
                terminal.resize(cols, 30).await?;
            }
            terminal.ping(7).await?;
            terminal.message("pong").await?;
            terminal.input(&[b'p'; 3000]).await?;
            terminal.input(b"\x03").await?;
            terminal.until("^C\r\n$ ").await?;
            terminal.close().await;
        }
    }
    Ok(())
}

impl Measured {
    /// Lines of the table.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let failed = self.first_failure.as_deref().map(|why| format!(" ({why})"));
        let mut rows = vec![Row::of_hub(
            &format!("soak of {} s: sessions / failed", self.seconds),
            Some(format!("{} / {}{}", self.sessions, self.failures, failed.unwrap_or_default())),
            "none failed",
            Verdict::of(self.failures == 0),
        )];
        let mebi = |bytes: u64| bytes as f64 / 1024.0 / 1024.0;
        for (name, pair) in [("private", self.private_bytes), ("RSS", self.rss_bytes)] {
            if let Some([begin, end]) = pair {
                rows.push(Row::of_hub(
                    &format!("  hub memory ({name}): begin / end"),
                    Some(format!("{:.1} / {:.1} MiB", mebi(begin), mebi(end))),
                    "as it began",
                    Verdict::of(end <= begin + SLACK_BYTES),
                ));
            }
        }
        if let Some([begin, end]) = self.file_descriptors {
            rows.push(Row::of_hub(
                "  hub file descriptors: begin / end",
                Some(format!("{begin} / {end}")),
                "as it began",
                Verdict::of(end <= begin + POOLED_MAX),
            ));
        }
        rows
    }
}
