//! What the double saw, for tests to assert on. Only the newest entries are kept, so that a benchmark of
//! hours does not fill the memory.

use super::reviews::AccessAsked;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

/// Above the 5,000 sessions of the benchmark, with a guardian each at worst.
const EXECS_MAX: usize = 12_000;
const REQUESTS_MAX: usize = 4096;
/// Input and lines beyond this many bytes a session are counted, not kept.
const INPUT_BYTES_KEPT: usize = 16 * 1024;
const LINES_KEPT: usize = 4096;

/// A request, without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestSeen {
    /// `GET` and so on.
    pub method: String,
    /// The path.
    pub path: String,
    /// The query, as it came.
    pub query: String,
    /// `Impersonate-*` and `X-Remote-*` headers in lower case, in their order.
    pub impersonation: Vec<(String, String)>,
}

/// A session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExecSeen {
    /// The namespace.
    pub namespace: String,
    /// The Pod.
    pub pod: String,
    /// The container.
    pub container: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Whether a terminal was asked for.
    pub tty: bool,
    /// `v5.channel.k8s.io` or `v4…`.
    pub protocol: String,
    /// The process id that the marker named.
    pub process_id: u64,
    /// As in [`RequestSeen`].
    pub impersonation: Vec<(String, String)>,
    /// The first input, at most 16 KiB of it.
    pub input: Vec<u8>,
    /// All input bytes, counted.
    pub input_bytes: u64,
    /// Every resize: columns, rows.
    pub resizes: Vec<(u16, u16)>,
    /// Pings of the client.
    pub pings: u64,
    /// Whether the client closed the input alone.
    pub input_closed: bool,
    /// How it ended; `None` while it is open.
    pub end: Option<EndSeen>,
    /// For a guardian, what it read.
    pub guardian: Option<GuardianSeen>,
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndSeen {
    /// The program ended with this code, and the status was sent.
    Exited(i32),
    /// The client sent a close frame.
    ClosedByClient,
    /// The connection ended without one, or broke the protocol.
    Cut,
    /// The double ended it, as scripted.
    ByScript,
}

/// What a guardian read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GuardianSeen {
    /// Its lines, without their ends.
    pub lines: Vec<String>,
    /// Whether its input came to an end: it was closed, or the connection was.
    pub ended: bool,
}

impl ExecSeen {
    pub(super) fn note_input(&mut self, bytes: &[u8]) {
        self.input_bytes += bytes.len() as u64;
        let room = INPUT_BYTES_KEPT.saturating_sub(self.input.len());
        self.input.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

impl GuardianSeen {
    pub(super) fn note_line(&mut self, line: &[u8]) {
        if self.lines.len() < LINES_KEPT {
            self.lines.push(String::from_utf8_lossy(line).into_owned());
        }
    }
}

/// All records, with a signal for those who wait.
pub(super) struct Records {
    kept: Mutex<Kept>,
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct Kept {
    requests: VecDeque<RequestSeen>,
    accesses: VecDeque<AccessAsked>,
    execs: VecDeque<Arc<Mutex<ExecSeen>>>,
    live: usize,
}

impl Default for Records {
    fn default() -> Self {
        Self { kept: Mutex::default(), changed: watch::Sender::new(()) }
    }
}

fn push<T>(queue: &mut VecDeque<T>, max: usize, entry: T) {
    if queue.len() == max {
        queue.pop_front();
    }
    queue.push_back(entry);
}

impl Records {
    pub(super) fn note_request(&self, request: RequestSeen) {
        push(&mut super::lock(&self.kept).requests, REQUESTS_MAX, request);
        self.changed.send_replace(());
    }

    pub(super) fn note_access(&self, access: AccessAsked) {
        push(&mut super::lock(&self.kept).accesses, REQUESTS_MAX, access);
        self.changed.send_replace(());
    }

    /// Begins the record of a session, which lives as long as the handle returned.
    pub(super) fn note_exec(self: &Records, exec: ExecSeen) -> Arc<Mutex<ExecSeen>> {
        let entry = Arc::new(Mutex::new(exec));
        let mut kept = super::lock(&self.kept);
        push(&mut kept.execs, EXECS_MAX, Arc::clone(&entry));
        kept.live += 1;
        drop(kept);
        self.changed.send_replace(());
        entry
    }

    /// Changes a session's record.
    pub(super) fn update(&self, entry: &Mutex<ExecSeen>, change: impl FnOnce(&mut ExecSeen)) {
        change(&mut super::lock(entry));
        self.changed.send_replace(());
    }

    /// Ends a session's record.
    pub(super) fn note_end(&self, entry: &Mutex<ExecSeen>, end: EndSeen) {
        let mut kept = super::lock(&self.kept);
        let mut exec = super::lock(entry);
        if exec.end.is_none() {
            exec.end = Some(end);
            kept.live = kept.live.saturating_sub(1);
        }
        if let Some(guardian) = &mut exec.guardian {
            guardian.ended = true;
        }
        drop((exec, kept));
        self.changed.send_replace(());
    }

    pub(super) fn requests(&self) -> Vec<RequestSeen> {
        super::lock(&self.kept).requests.iter().cloned().collect()
    }

    pub(super) fn accesses(&self) -> Vec<AccessAsked> {
        super::lock(&self.kept).accesses.iter().cloned().collect()
    }

    pub(super) fn execs(&self) -> Vec<ExecSeen> {
        super::lock(&self.kept).execs.iter().map(|exec| super::lock(exec).clone()).collect()
    }

    pub(super) fn live(&self) -> usize {
        super::lock(&self.kept).live
    }

    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }
}
