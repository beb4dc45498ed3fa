//! Thousands of idle sessions through the hub, against the double of an API server in a process of its
//! own, and what each costs the hub.

use crate::hub::Hub;
use crate::options::HubOptions;
use crate::process::Memory;
use crate::report::{Row, Verdict, kib, progress};
use crate::stats::Samples;
use anyhow::Context;
use serde::Serialize;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use testkit::{ExecServer, ExecServerOptions, HubTerminal, LinkRequest};
use tokio::io::{AsyncBufReadExt, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

/// The double's prompt.
const PROMPT: &str = "$ ";
/// How many are being opened at a time.
const OPENERS: usize = 16;
/// The screen of an idle terminal may be folded up by then.
const SETTLES: Duration = Duration::from_secs(10);
const ECHO_KEYS: usize = 300;
/// What a hub may keep of an idle session.
const GOAL_BYTES: u64 = 64 * 1024;

/// Connections to the API server and from browsers that are kept for the next request.
pub(crate) const POOLED_MAX: usize = 32;

/// What was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    /// Sessions that were open.
    pub sessions: usize,
    /// Of them, those that still were when memory was read.
    pub alive: usize,
    /// Sessions opened in a second.
    pub opened_per_s: f64,
    /// Memory that each added, private pages alone.
    pub private_bytes_each: Option<u64>,
    /// Memory that each added, resident.
    pub rss_bytes_each: Option<u64>,
    /// Memory that each added, by share.
    pub pss_bytes_each: Option<u64>,
    /// File descriptors of the hub: before, with all sessions, after.
    pub file_descriptors: Option<[usize; 3]>,
    /// Key to echo in one session while the others are idle.
    pub echo: Samples,
}

/// The double in a process of its own; it ends when its standard input does.
pub(crate) struct Double {
    _child: Child,
    _folder: tempfile::TempDir,
    kubeconfig: std::path::PathBuf,
}

impl Double {
    /// Starts this very program as a double.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let kubeconfig = folder.path().join("kubeconfig");
        let mut child = Command::new(std::env::current_exe()?)
            .args(["double", "--kubeconfig"])
            .arg(&kubeconfig)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = child.stdout.take().context("the double has no output")?;
        let mut line = String::new();
        let ready = tokio::io::BufReader::new(output);
        let mut ready = ready.take(1000);
        let waiting = tokio::time::timeout(Duration::from_secs(10), ready.read_line(&mut line));
        waiting.await.context("the double does not start")??;
        Ok(Self { _child: child, _folder: folder, kubeconfig })
    }
}

/// Plays the double until standard input ends.
pub(crate) async fn double(kubeconfig: &Path, port: u16) -> anyhow::Result<()> {
    let server = ExecServer::start_with(&ExecServerOptions { tls: true, port }).await?;
    server.write_kubeconfig(kubeconfig)?;
    crate::report::say(&server.url())?;
    let ended =
        tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
    ended.await??;
    Ok(())
}

/// A double and a hub before it. A hub that runs already is expected to stand before one
/// (`bench-terminal double`).
pub(crate) async fn with_double(options: &HubOptions) -> anyhow::Result<(Option<Double>, Hub)> {
    let double = match &options.binary {
        Some(_) => Some(Double::start().await?),
        None => None,
    };
    let kubeconfig = double.as_ref().map_or(Path::new(""), |double| &double.kubeconfig);
    let hub = Hub::reach(options, kubeconfig).await?;
    let hub =
        hub.context("say which hub: --hub-binary, or --hub with --user, --password and --ca")?;
    Ok((double, hub))
}

/// A link to the double's Pod.
pub(crate) fn link(hub: &Hub) -> LinkRequest {
    let mut link = LinkRequest::shell("default", "shell");
    link.cluster.clone_from(&hub.cluster);
    link
}

/// Opens them, looks, and closes them.
pub(crate) async fn sessions(options: &HubOptions, many: usize) -> anyhow::Result<Measured> {
    enough_files(many)?;
    let (_double, mut hub) = with_double(options).await?;
    let link = link(&hub);
    // One comes and goes first: what the hub makes once is not a session's.
    for _ in 0..3 {
        let mut terminal = hub.client.open(&link).await?;
        terminal.until(PROMPT).await?;
        terminal.close().await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let memory_before = memory(&hub);
    let files_before = files(&hub);

    progress(&format!("opening {many} sessions"));
    let (begun, alive) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
    let next = Arc::new(AtomicUsize::new(0));
    let (opened, mut to_rest) = tokio::sync::mpsc::channel(OPENERS);
    let mut openers = JoinSet::new();
    for _ in 0..OPENERS {
        let (mut tab, link, next) = (hub.client.tab(), link.clone(), Arc::clone(&next));
        let opened = opened.clone();
        openers.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= many {
                    return Ok::<_, anyhow::Error>(());
                }
                if number > 0 && number.is_multiple_of(500) {
                    progress(&format!("  {number} of {many}"));
                }
                let mut terminal = tab.open(&link).await?;
                terminal.until(PROMPT).await?;
                opened.send(terminal).await.ok().context("the run has ended")?;
            }
        });
    }
    drop(opened);
    // At once, for a browser that does not answer pings is dropped.
    let mut idle = JoinSet::new();
    while let Some(terminal) = to_rest.recv().await {
        idle.spawn(stay(terminal, Arc::clone(&alive)));
    }
    while let Some(ended) = openers.join_next().await {
        ended??;
    }
    let opened_per_s = many as f64 / begun.elapsed().as_secs_f64();

    progress("  all are open; letting them rest");
    tokio::time::sleep(SETTLES).await;
    let (memory_open, files_open) = (memory(&hub), files(&hub));
    let echo = echo(&mut hub, &link).await?;
    let still = alive.load(Ordering::Relaxed);
    idle.shutdown().await;
    let mut waited = 0;
    while waited < 40 && files(&hub) > files_before.map(|before| before + POOLED_MAX) {
        tokio::time::sleep(Duration::from_millis(500)).await;
        waited += 1;
    }
    let each = |of: fn(&Memory) -> u64| {
        let (before, open) = (memory_before.as_ref()?, memory_open.as_ref()?);
        Some(of(open).saturating_sub(of(before)) / many as u64)
    };
    Ok(Measured {
        sessions: many,
        alive: still,
        opened_per_s,
        private_bytes_each: each(|memory| memory.private),
        rss_bytes_each: each(|memory| memory.rss),
        pss_bytes_each: each(|memory| memory.pss),
        file_descriptors: files_before
            .zip(files_open)
            .zip(files(&hub))
            .map(|((before, open), after)| [before, open, after]),
        echo,
    })
}

fn memory(hub: &Hub) -> Option<Memory> {
    hub.process.and_then(|process| process.memory().ok())
}

fn files(hub: &Hub) -> Option<usize> {
    hub.process.and_then(|process| process.file_descriptors().ok())
}

/// Answers pings, as an open tab does.
async fn stay(mut terminal: HubTerminal, alive: Arc<AtomicUsize>) {
    alive.fetch_add(1, Ordering::Relaxed);
    while terminal.next().await.is_ok() {}
    alive.fetch_sub(1, Ordering::Relaxed);
}

async fn echo(hub: &mut Hub, link: &LinkRequest) -> anyhow::Result<Samples> {
    let mut terminal = hub.client.open(link).await?;
    terminal.until(PROMPT).await?;
    let mut echo = Samples::default();
    for key in 0..ECHO_KEYS {
        let _nothing = tokio::time::timeout(Duration::from_millis(5), terminal.next()).await;
        let pressed = Instant::now();
        terminal.input(b"k").await?;
        tokio::time::timeout(Duration::from_secs(5), terminal.until("k")).await??;
        if key >= 20 {
            echo.push(pressed.elapsed());
        }
    }
    terminal.close().await;
    Ok(echo)
}

/// Sessions need two descriptors in the hub, one here and one in the double.
fn enough_files(many: usize) -> anyhow::Result<()> {
    let limits = std::fs::read_to_string("/proc/self/limits")?;
    let soft = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next())
        .and_then(|soft| soft.parse::<usize>().ok())
        .unwrap_or(usize::MAX);
    let needed = 2 * many + 500;
    anyhow::ensure!(
        soft >= needed,
        "{needed} open files are needed: run `ulimit -n {needed}` first"
    );
    Ok(())
}

impl Measured {
    /// Lines of the table.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let many = self.sessions;
        let mut rows = vec![Row::of_hub(
            &format!("{many} idle sessions, alive"),
            Some(self.alive.to_string()),
            "all",
            Verdict::of(self.alive == many),
        )];
        if let (Some(private), Some(rss), Some(pss)) =
            (self.private_bytes_each, self.rss_bytes_each, self.pss_bytes_each)
        {
            rows.push(Row::of_hub(
                "  hub memory each: RSS / PSS / private",
                Some(format!("{} / {} / {} KiB", kib(rss), kib(pss), kib(private))),
                "≤ 64 KiB",
                Verdict::of(rss <= GOAL_BYTES),
            ));
        }
        if let Some([before, open, after]) = self.file_descriptors {
            rows.push(Row::of_hub(
                "  hub file descriptors: before / open / after",
                Some(format!("{before} / {open} / {after}")),
                "as before",
                Verdict::of(after <= before + POOLED_MAX),
            ));
        }
        let rate = format!("{:.0}", self.opened_per_s);
        rows.push(Row::of_hub("  opened a second, both gates", Some(rate), "", Verdict::NoGoal));
        rows.push(Row::of_hub(
            "  echo beside them, p50 / p99",
            self.echo
                .p50()
                .zip(self.echo.p99())
                .map(|(p50, p99)| format!("{p50:.2} / {p99:.2} ms")),
            "",
            Verdict::NoGoal,
        ));
        rows
    }
}
