//! One live terminal: the pump between the browser and the Pod, from the second gate to the end.
//! It knows how bytes flow and what ends a session; whether somebody may begin one was decided before.
//!
//! Input, resize and control never wait behind output: one task owns both sockets, and in every turn it
//! first takes orders and the browser's frames, then writes, and only then reads one batch of output.
//! The cluster's side is always drained, because what is not read waits in the sockets of API server,
//! kubelet and runtime, where Ctrl-C waits behind it; a browser that falls behind gets the picture
//! instead (`flow`, `screen`). Without a terminal there is no picture, and output waits for its reader.
//!
//! Ends: the process exits · the browser leaves or breaks the protocol · an order from outside · the right
//! is withdrawn (`recheck`) · the cluster closes. Whatever the end, the processes are ended (`guardian`), the
//! browser is told, and the row is closed with its audit record.
//!
//! Bounds: [`TO_CLUSTER_MAX`] bytes of input, the backlog bound of `flow` for output.

mod input;
mod opening;
mod recheck;
mod wire;

use crate::Terminals;
use crate::connect::{BrowserSocket, close_code};
use crate::flow::Flow;
use crate::gates;
use crate::guardian::Watch;
use crate::live::Order;
use crate::protocol::{self, BrowserFrame, HubMessage, Size};
use crate::screen::{Fuel, Screen};
use bytes::{BufMut, Bytes, BytesMut};
use http_api::{Problem, ProblemCode, SignedIn};
use input::ClusterInput;
use kube_io::{Authorized, Cluster, EnterPod, ExecEnd, ExecFrame};
use opening::{OPENS_WITHIN, Opened};
use recheck::Recheck;
use serde_json::json;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use store::{AuditEntry, TerminalRow};
use tokio::sync::mpsc;
use tokio::time::Instant;
use wire::{BrowserSide, BrowserStep, ClusterSide, ClusterStep, FromBrowser};

/// A paste that the program does not read waits here; beyond it the browser's frames wait in its socket.
const TO_CLUSTER_MAX: usize = 1024 * 1024;
/// Output that arrives in quick succession is sent together after this time…
const GATHER: Duration = Duration::from_millis(1);
/// …or as soon as it is this much.
const GATHER_BYTES: usize = 32 * 1024;
/// When a screen that waits for the person's fuel is asked for its picture again.
const PICTURE_RETRY: Duration = Duration::from_millis(20);
/// The largest output frame: a piece that xterm parses within a frame of 16 ms.
const FRAME_BYTES_MAX: usize = 64 * 1024;
/// Frames taken from the cluster in one turn before the browser is looked at again.
const BATCH: usize = 64;
/// Without a terminal: output that may wait before the cluster is no longer read.
const STREAM_BACKLOG_MAX: usize = 1024 * 1024;
const PING_EVERY: Duration = Duration::from_secs(15);
/// A browser that is silent for three pings is gone.
const SILENT_MAX: Duration = Duration::from_secs(45);
/// A terminal without output for so long is put back into the bytes which draw it.
const RESTS_AFTER: Duration = Duration::from_secs(10);
/// How long a browser may take for what is left when the process has exited.
const FAREWELL: Duration = Duration::from_secs(5);
/// What a frame of output costs beside its bytes, so that tiny ones cannot fill the memory.
const FRAME_COSTS: usize = 64;
/// How long the end of a session is tried to be written down. A hub that cannot for longer falls silent, and
/// another one ends its rows.
const WRITES_END_WITHIN: Duration = Duration::from_secs(60);

/// All that a session needs to begin.
pub(crate) struct Start<'a> {
    pub(crate) terminals: &'a Terminals,
    pub(crate) signed_in: &'a SignedIn,
    pub(crate) cluster: Cluster,
    pub(crate) right: Arc<Authorized<EnterPod>>,
    pub(crate) terminal: &'a TerminalRow,
    pub(crate) size: Size,
    pub(crate) orders: mpsc::Receiver<Order>,
    pub(crate) fuel: Arc<Fuel>,
}

/// Why a session ended.
enum End {
    Exited(ExecEnd),
    BrowserLeft,
    Refused(Problem),
}

/// Runs a session to its end, and closes its row.
pub(crate) async fn run(start: Start<'_>, socket: BrowserSocket) {
    let (terminals, signed_in, terminal) = (start.terminals, start.signed_in, start.terminal);
    let mut browser = BrowserSide::new(socket);
    let end = match Session::open(start).await {
        Ok(mut session) => {
            let end = session.pump(&mut browser).await;
            session.farewell(&mut browser, &end).await;
            end
        }
        Err(problem) => End::Refused(problem),
    };
    let (reason, record) = match &end {
        End::Exited(ExecEnd::Exited(code)) => ("exit", json!({ "code": code })),
        End::Exited(ExecEnd::Failed(words)) => ("exit", json!({ "failure": words })),
        End::BrowserLeft => ("closed", json!({})),
        End::Refused(problem) => (problem.code().as_str(), json!({ "detail": problem.detail() })),
    };
    let mut audit = signed_in
        .audit("terminal.leave", &terminal.place)
        .detail(json!({ "terminal": terminal.id, "reason": reason, "end": record }))
        .allowed();
    audit.at = terminals.api.clock.now();
    // The socket closes at once; that it did is written down meanwhile.
    tokio::join!(
        say_goodbye(browser, signed_in, &end),
        write_end(terminals, terminal, reason, audit)
    );
}

async fn say_goodbye(browser: BrowserSide, signed_in: &SignedIn, end: &End) {
    match end {
        End::Refused(problem) => {
            let request = &signed_in.context().request_id;
            problem.log(request);
            let body = problem.body(request);
            let text = HubMessage::Denied { problem: &body }.to_text();
            browser.close(Some(text), close_code(problem.code()), problem.code().as_str()).await;
        }
        End::Exited(_) => browser.close(None, protocol::CloseCode::Exited, "exit").await,
        End::BrowserLeft => {}
    }
}

async fn write_end(terminals: &Terminals, terminal: &TerminalRow, reason: &str, audit: AuditEntry) {
    let (store, at) = (&terminals.api.store, audit.at);
    let until = Instant::now() + WRITES_END_WITHIN;
    let mut pause = Duration::from_millis(250);
    while let Err(error) = store.end_terminal(&terminal.id, reason, at, audit.clone()).await {
        if Instant::now() + pause > until {
            tracing::error!(%error, terminal = %terminal.id, "a terminal's end could not be written down");
            return;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(10));
    }
}

struct Session<'a> {
    start: Start<'a>,
    began: Instant,
    cluster: ClusterSide,
    recheck: Recheck<'a>,
    watch: Option<Watch>,
    screen: Option<Screen>,
    flow: Flow,
    /// Output frames, channel byte first, not yet sent.
    backlog: VecDeque<Bytes>,
    backlog_bytes: usize,
    /// Bytes passed over since the browser fell behind; `None` while it keeps up.
    passed_over: Option<u64>,
    notes: VecDeque<String>,
    last_sent: Duration,
    last_output: Duration,
    resting: bool,
    last_heard: Duration,
    next_ping: Duration,
    ping_sent: Option<Duration>,
    last_activity_note: Option<Duration>,
    ended: Option<ExecEnd>,
}

impl<'a> Session<'a> {
    /// Starts the process. The browser is not read meanwhile: its keys wait in its socket, for a terminal would
    /// echo them before the marker, which must come first.
    async fn open(mut start: Start<'a>) -> Result<Self, Problem> {
        let mut opening = opening::begin(&start);
        let mut notes = VecDeque::new();
        let too_late = tokio::time::sleep(OPENS_WITHIN);
        tokio::pin!(too_late);
        let opened = loop {
            tokio::select! {
                biased;
                order = start.orders.recv() => match order {
                    Some(Order::End(problem)) => return Err(*problem),
                    // The first question comes as soon as the process runs.
                    Some(Order::Recheck) => {}
                    None => return Err(gates::session_ended()),
                    Some(Order::Draining(grace)) => {
                        notes.push_back(HubMessage::Draining { in_s: grace.as_secs() }.to_text());
                    }
                },
                opened = &mut opening => break opened.map_err(Problem::internal)??,
                () = &mut too_late => return Err(opening::too_slow(&start.terminal.place)),
            }
        };
        let Opened { exec, watch, said } = opened;
        let place = &start.terminal.place;
        let ready = HubMessage::Ready {
            terminal_id: start.terminal.id.as_str(),
            user: &start.terminal.user,
            cluster: place.pod.cluster.as_str(),
            namespace: place.pod.namespace.as_str(),
            pod: place.pod.pod.as_str(),
            container: place.container.as_str(),
            tty: start.terminal.process.tty,
        };
        notes.push_front(ready.to_text());
        let mut session = Self {
            began: Instant::now(),
            cluster: ClusterSide::new(exec),
            recheck: Recheck::new(start.terminals.settings.recheck_every),
            watch,
            screen: start
                .terminal
                .process
                .tty
                .then(|| Screen::new(start.size, Arc::clone(&start.fuel))),
            flow: Flow::new(),
            backlog: VecDeque::new(),
            backlog_bytes: 0,
            passed_over: None,
            notes,
            last_sent: Duration::ZERO,
            last_output: Duration::ZERO,
            resting: false,
            last_heard: Duration::ZERO,
            next_ping: Duration::ZERO,
            ping_sent: None,
            last_activity_note: None,
            ended: None,
            start,
        };
        for frame in said {
            session.on_frame(frame);
        }
        Ok(session)
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    async fn pump(&mut self, browser: &mut BrowserSide) -> End {
        loop {
            if let Some(end) = self.ended.take() {
                return End::Exited(end);
            }
            let wake_output = match self.send_output(browser) {
                Ok(wake) => wake,
                Err(Left) => return End::BrowserLeft,
            };
            let start = &self.start;
            self.recheck.begin(|| recheck::ask(start));
            let wake = self.next_wake(wake_output);
            let reads_browser = self.cluster.input.bytes() < TO_CLUSTER_MAX;
            if !reads_browser {
                // Whoever is not listened to is not silent.
                self.last_heard = self.now();
            }
            let reads_cluster = self.screen.is_some() || self.waiting_bytes() < STREAM_BACKLOG_MAX;
            tokio::select! {
                biased;
                order = self.start.orders.recv() => match order {
                    Some(Order::End(problem)) => return End::Refused(*problem),
                    Some(Order::Recheck) => self.recheck.demand(),
                    Some(Order::Draining(grace)) => {
                        self.note(HubMessage::Draining { in_s: grace.as_secs() }.to_text());
                    }
                    None => return End::BrowserLeft,
                },
                answer = self.recheck.answer() => if let Err(problem) = answer {
                    return End::Refused(problem);
                },
                step = browser.step(reads_browser) => match step {
                    BrowserStep::Said(frame) => {
                        if let Err(end) = self.on_browser(frame) {
                            return end;
                        }
                    }
                    BrowserStep::Flushed(Ok(())) => {}
                    BrowserStep::Flushed(Err(wire::Gone)) => return End::BrowserLeft,
                },
                step = self.cluster.step(reads_cluster) => match step {
                    ClusterStep::Wrote(Ok(())) => {}
                    ClusterStep::Wrote(Err(error)) => {
                        return End::Refused(self.cluster_lost(Some(error)));
                    }
                    ClusterStep::Said(frame) => {
                        if let Err(end) = self.on_cluster(frame) {
                            return end;
                        }
                    }
                },
                () = tokio::time::sleep_until(wake) => {
                    if let Err(end) = self.on_wake(browser) {
                        return end;
                    }
                }
            }
        }
    }

    fn on_browser(&mut self, frame: FromBrowser) -> Result<(), End> {
        let now = self.now();
        self.last_heard = now;
        let frame = match frame {
            FromBrowser::Frame(Ok(frame)) => frame,
            FromBrowser::Frame(Err(fault)) => {
                return Err(End::Refused(Problem::bad_request(format!(
                    "the browser broke the protocol: {fault}"
                ))));
            }
            FromBrowser::TooLarge => {
                return Err(End::Refused(Problem::new(
                    ProblemCode::BodyTooLarge,
                    format!("a frame above {} bytes", protocol::BROWSER_FRAME_BYTES_MAX),
                )));
            }
            FromBrowser::Pong => {
                if let Some(sent) = self.ping_sent.take() {
                    self.flow.on_round_trip(now.saturating_sub(sent));
                }
                return Ok(());
            }
            FromBrowser::Left => return Err(End::BrowserLeft),
        };
        match frame {
            BrowserFrame::Stdin(frame) => {
                self.flow.on_input(now);
                self.note_activity(now);
                self.cluster.input.push(ClusterInput::Stdin(frame));
            }
            BrowserFrame::Resize(size) => {
                if let Some(screen) = &mut self.screen {
                    screen.resize(size);
                    self.cluster.input.push(ClusterInput::Resize(size));
                }
            }
            BrowserFrame::Ack(total) => {
                if self.flow.on_ack(now, total).is_err() {
                    return Err(End::Refused(Problem::bad_request(
                        "the browser acknowledged output that was never sent",
                    )));
                }
            }
            BrowserFrame::EndOfStdin if self.screen.is_some() => {
                return Err(End::Refused(Problem::bad_request(
                    "the browser ended the input of a terminal, which ends by Ctrl-D",
                )));
            }
            BrowserFrame::EndOfStdin => self.cluster.input.push(ClusterInput::EndOfStdin),
            BrowserFrame::Ping(n) => self.note(HubMessage::Pong { n }.to_text()),
        }
        Ok(())
    }

    fn on_cluster(
        &mut self,
        first: Option<Result<ExecFrame, kube_io::KubeIoError>>,
    ) -> Result<(), End> {
        let mut next = Some(first);
        let mut taken = 0;
        while let Some(frame) = next.take() {
            match frame {
                Some(Ok(frame)) => self.on_frame(frame),
                Some(Err(error)) => return Err(End::Refused(self.cluster_lost(Some(error)))),
                None => return Err(End::Refused(self.cluster_lost(None))),
            }
            taken += 1;
            if self.ended.is_none() && taken < BATCH && self.waiting_bytes() < FRAME_BYTES_MAX {
                next = self.cluster.next_if_there();
            }
        }
        Ok(())
    }

    fn on_frame(&mut self, frame: ExecFrame) {
        match frame {
            ExecFrame::Output(frame) => self.on_output(frame),
            ExecFrame::End(end) => {
                if let Some(watch) = &mut self.watch {
                    watch.ended_by_itself();
                }
                self.ended = Some(end);
            }
        }
    }

    fn on_output(&mut self, frame: Bytes) {
        let now = self.now();
        self.last_output = now;
        self.resting = false;
        let output = frame.slice(1..);
        metrics::counter!("sallyport_terminal_output_bytes_total").increment(output.len() as u64);
        self.flow.on_arrival(output.len());
        if let Some(passed_over) = &mut self.passed_over {
            *passed_over += output.len() as u64;
        } else {
            self.backlog_bytes += output.len();
            self.backlog.push_back(frame);
        }
        let waiting = self.waiting_bytes();
        if let Some(screen) = &mut self.screen {
            screen.feed(output);
            if self.passed_over.is_none() && self.flow.is_behind(now, waiting) {
                // The picture will show what these bytes would have drawn.
                self.passed_over = Some(self.backlog_bytes as u64);
                self.backlog.clear();
                self.backlog_bytes = 0;
            }
        }
    }

    /// What the output that waits takes of the memory.
    fn waiting_bytes(&self) -> usize {
        self.backlog_bytes + self.backlog.len() * FRAME_COSTS
    }

    /// Starts the next frame to the browser, if one is due. Returns when one will be, if only time lacks.
    fn send_output(&mut self, browser: &mut BrowserSide) -> Result<Option<Duration>, Left> {
        if browser.is_busy() {
            return Ok(None);
        }
        if let Some(note) = self.notes.pop_front() {
            browser.start_text(note).map_err(|_| Left)?;
            return Ok(None);
        }
        let now = self.now();
        if let Some(passed_over) = self.passed_over {
            return match self.flow.next_picture() {
                Some(due) if due <= now => {
                    let sent = self.send_picture(browser, now, passed_over)?;
                    // The person's other terminals took the fuel; the picture comes when there is some again.
                    Ok((!sent).then(|| now + PICTURE_RETRY))
                }
                due => Ok(due),
            };
        }
        let room = self.flow.room();
        if self.backlog.is_empty() || room == 0 {
            return Ok(None);
        }
        let due = self.last_sent + GATHER;
        if self.backlog_bytes < GATHER_BYTES && now < due {
            return Ok(Some(due));
        }
        let frame = self.take_frame(room.min(FRAME_BYTES_MAX));
        self.flow.on_sent(now, frame.len() - 1);
        self.last_sent = now;
        browser.start_binary(frame).map_err(|_| Left)?;
        Ok(None)
    }

    /// `false` if the screen is not known yet.
    fn send_picture(
        &mut self,
        browser: &mut BrowserSide,
        now: Duration,
        passed_over: u64,
    ) -> Result<bool, Left> {
        let Some(screen) = &mut self.screen else { return Ok(true) };
        let Some(picture) = screen.picture(self.flow.picture_budget(now)) else {
            return Ok(false);
        };
        let caught_up = self.flow.has_caught_up(now);
        self.flow.on_picture(now);
        self.flow.on_sent(now, picture.len());
        self.last_sent = now;
        metrics::counter!("sallyport_terminal_passed_over_bytes_total").increment(passed_over);
        let picture = protocol::snapshot_frame(&picture);
        if passed_over > 0 {
            let notice = HubMessage::Skipped { bytes: passed_over }.to_text();
            browser.start_text(notice).map_err(|_| Left)?;
            browser.queue_binary(picture);
        } else {
            browser.start_binary(picture).map_err(|_| Left)?;
        }
        self.passed_over = if caught_up { None } else { Some(0) };
        Ok(true)
    }

    /// Takes up to `limit` bytes of one channel off the backlog, as one frame.
    fn take_frame(&mut self, limit: usize) -> Bytes {
        let Some(first) = self.backlog.pop_front() else { return Bytes::new() };
        let limit = limit.max(1);
        let first_bytes = first.len() - 1;
        if first_bytes > limit {
            let mut rest = BytesMut::with_capacity(first_bytes - limit + 1);
            rest.put_u8(first[0]);
            rest.put_slice(&first[1 + limit..]);
            self.backlog.push_front(rest.freeze());
            self.backlog_bytes -= limit;
            return first.slice(..=limit);
        }
        let joins =
            |next: &Bytes, bytes: usize| next[0] == first[0] && bytes + next.len() - 1 <= limit;
        if !self.backlog.front().is_some_and(|next| joins(next, first_bytes)) {
            self.backlog_bytes -= first_bytes;
            return first;
        }
        let mut frame = BytesMut::with_capacity(limit.min(self.backlog_bytes) + 1);
        frame.put_slice(&first);
        while let Some(next) = self.backlog.front() {
            if !joins(next, frame.len() - 1) {
                break;
            }
            frame.put_slice(&next[1..]);
            self.backlog.pop_front();
        }
        self.backlog_bytes -= frame.len() - 1;
        frame.freeze()
    }

    fn next_wake(&self, output: Option<Duration>) -> Instant {
        let mut wake = self.next_ping;
        if let Some(output) = output {
            wake = wake.min(output);
        }
        if !self.resting {
            wake = wake.min(self.last_output + RESTS_AFTER);
        }
        let wake = self.began + wake;
        self.recheck.wake().map_or(wake, |recheck| wake.min(recheck))
    }

    fn on_wake(&mut self, browser: &mut BrowserSide) -> Result<(), End> {
        let now = self.now();
        if !self.resting && now >= self.last_output + RESTS_AFTER {
            self.resting = self.screen.as_mut().is_none_or(Screen::rest);
            if !self.resting {
                self.last_output = now;
            }
            self.backlog.shrink_to_fit();
        }
        if now >= self.next_ping {
            if now.saturating_sub(self.last_heard) > SILENT_MAX {
                return Err(End::BrowserLeft);
            }
            self.next_ping = now + PING_EVERY;
            self.cluster.input.push(ClusterInput::Ping);
            // While output fills the socket a ping would measure the queue, not the path.
            if !browser.is_busy() {
                self.ping_sent = Some(now);
                browser.start_ping().map_err(|_| End::BrowserLeft)?;
            }
        }
        Ok(())
    }

    fn note(&mut self, text: String) {
        // Pings come every few seconds; whoever sends more than can be answered gets no answer.
        if self.notes.len() < 16 {
            self.notes.push_back(text);
        }
    }

    /// Keys are activity of the sign-in, though no request shows it.
    fn note_activity(&mut self, now: Duration) {
        let due = self.last_activity_note.is_none_or(|last| now > last + Duration::from_secs(60));
        if !due {
            return;
        }
        self.last_activity_note = Some(now);
        let store = self.start.terminals.api.store.clone();
        let id = self.start.signed_in.id().clone();
        let at = self.start.terminals.api.clock.now();
        self.start.terminals.live.tasks().spawn(async move {
            if let Err(error) = store.touch_sign_in_seen(&id, at).await {
                tracing::warn!(sign_in = %id, %error, "activity could not be written down");
            }
        });
    }

    fn cluster_lost(&self, error: Option<kube_io::KubeIoError>) -> Problem {
        opening::cluster_lost(&self.start.terminal.place, error)
    }

    /// Brings the browser what is left, then tells the exit.
    async fn farewell(&mut self, browser: &mut BrowserSide, end: &End) {
        let End::Exited(exec_end) = end else { return };
        let rest = async {
            browser.flush().await?;
            while let Some(passed_over) = self.passed_over {
                let now = self.now();
                if self.send_picture(browser, now, passed_over).map_err(|Left| wire::Gone)? {
                    self.passed_over = None;
                    browser.flush().await?;
                } else {
                    tokio::time::sleep(PICTURE_RETRY).await;
                }
            }
            while let Some(note) = self.notes.pop_front() {
                browser.start_text(note)?;
                browser.flush().await?;
            }
            while !self.backlog.is_empty() {
                let frame = self.take_frame(FRAME_BYTES_MAX);
                browser.start_binary(frame)?;
                browser.flush().await?;
            }
            let (code, reason) = match exec_end {
                ExecEnd::Exited(code) => (Some(*code), ""),
                ExecEnd::Failed(words) => (None, words.as_str()),
            };
            browser.start_text(HubMessage::Exit { code, reason }.to_text())?;
            browser.flush().await
        };
        // A browser that is too slow for it misses the end, which closing tells it too.
        tokio::time::timeout(FAREWELL, rest).await.ok();
    }
}

/// The browser cannot be written to any more.
struct Left;
