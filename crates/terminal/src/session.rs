//! One live terminal: the pump between the browser and the Pod, from the second gate to the end.
//! It knows how bytes flow and what ends a session; whether somebody may begin one was decided before.
//!
//! Input, resize and control never wait behind output: one task owns both sockets, and in every turn it
//! first takes orders and the browser's frames, then writes, and only then reads one batch of output.
//! The cluster's side is always drained, because what is not read waits in the sockets of API server,
//! kubelet and runtime, where Ctrl-C waits behind it; a browser that falls behind gets the picture
//! instead (`output`). Without a terminal there is no picture, and output waits for its reader.
//!
//! Ends: the process exits · the browser leaves or breaks the protocol · an order from outside · the right
//! is withdrawn (`recheck`) · the cluster closes. Whatever the end, the processes are ended (`guardian`), the
//! browser is told, and the row is closed with its audit record.
//!
//! Bounds: [`TO_CLUSTER_MAX`] bytes of input; those of `output` for what comes back.

mod input;
mod opening;
mod output;
mod recheck;
mod wire;

use crate::Terminals;
use crate::connect::{BrowserSocket, close_code};
use crate::gates;
use crate::guardian::Watch;
use crate::live::Order;
use crate::protocol::{self, BrowserFrame, HubMessage, Size};
use crate::screen::{Fuel, Screen};
use http_api::{Problem, ProblemCode, SignedIn, cluster_words};
use input::ClusterInput;
use kube_io::{Authorized, Cluster, EnterPod, ExecEnd, ExecFrame};
use opening::{OPENS_WITHIN, Opened};
use output::Output;
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
/// Frames taken from the cluster in one turn before the browser is looked at again.
const BATCH: usize = 64;
const PING_EVERY: Duration = Duration::from_secs(15);
/// A browser that is silent for three pings is gone, and so is the way to the cluster: something between that forgot the
/// connection says nothing, and TCP alone would find out after a quarter of an hour.
const SILENT_MAX: Duration = Duration::from_secs(45);
/// How long a browser may take for what is left when the process has exited.
const FAREWELL: Duration = Duration::from_secs(5);
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

pub(crate) fn describe_metrics() {
    output::describe_metrics();
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
        End::Exited(ExecEnd::Failed(words)) => ("exit", json!({ "failure": cluster_words(words) })),
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
        End::Refused(problem) => tell_denial(browser, signed_in, problem).await,
        End::Exited(_) => browser.close(None, protocol::CloseCode::Exited, "exit").await,
        End::BrowserLeft => {}
    }
}

/// Says why a browser gets no terminal, or no longer, and closes with the code that belongs to it.
pub(crate) async fn deny(socket: BrowserSocket, signed_in: &SignedIn, problem: &Problem) {
    tell_denial(BrowserSide::new(socket), signed_in, problem).await;
}

async fn tell_denial(browser: BrowserSide, signed_in: &SignedIn, problem: &Problem) {
    let request = &signed_in.context().request_id;
    problem.log(request);
    let body = problem.body(request);
    let text = HubMessage::Denied { problem: &body }.to_text();
    browser.close(Some(text), close_code(problem.code()), problem.code().as_str()).await;
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
    output: Output,
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
        let has_terminal = start.terminal.process.tty;
        let screen = has_terminal.then(|| Screen::new(start.size, Arc::clone(&start.fuel)));
        let mut session = Self {
            began: Instant::now(),
            cluster: ClusterSide::new(exec),
            recheck: Recheck::new(start.terminals.settings.recheck_every),
            watch,
            output: Output::new(screen, notes),
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
            let now = self.now();
            let wake_output = match self.output.send(browser, now) {
                Ok(wake) => wake,
                Err(wire::Gone) => return End::BrowserLeft,
            };
            let start = &self.start;
            self.recheck.begin(|| recheck::ask(start));
            let wake = self.next_wake(wake_output);
            let reads_browser = self.cluster.input_bytes() < TO_CLUSTER_MAX;
            if !reads_browser {
                // Whoever is not listened to is not silent.
                self.last_heard = self.now();
            }
            let reads_cluster = self.output.takes_more();
            if !reads_cluster {
                self.cluster.note_life(now);
            }
            tokio::select! {
                biased;
                order = self.start.orders.recv() => match order {
                    Some(Order::End(problem)) => return End::Refused(*problem),
                    Some(Order::Recheck) => self.recheck.demand(),
                    Some(Order::Draining(grace)) => {
                        self.output.note(HubMessage::Draining { in_s: grace.as_secs() }.to_text());
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
                        self.cluster.note_life(now);
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
                    self.output.on_round_trip(now.saturating_sub(sent));
                }
                return Ok(());
            }
            FromBrowser::Left => return Err(End::BrowserLeft),
        };
        match frame {
            BrowserFrame::Stdin(frame) => {
                self.output.on_input(now);
                if protocol::may_be_typed(&frame) {
                    self.note_activity(now);
                }
                self.cluster.tell(ClusterInput::Stdin(frame));
            }
            BrowserFrame::Resize(size) => {
                if self.output.resize(size) {
                    self.cluster.tell(ClusterInput::Resize(size));
                }
            }
            BrowserFrame::Ack(total) => {
                if !self.output.on_ack(now, total) {
                    return Err(End::Refused(Problem::bad_request(
                        "the browser acknowledged output that was never sent",
                    )));
                }
            }
            BrowserFrame::EndOfStdin if self.output.is_terminal() => {
                return Err(End::Refused(Problem::bad_request(
                    "the browser ended the input of a terminal, which ends by Ctrl-D",
                )));
            }
            BrowserFrame::EndOfStdin => self.cluster.tell(ClusterInput::EndOfStdin),
            BrowserFrame::Ping(n) => self.output.note(HubMessage::Pong { n }.to_text()),
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
            if self.ended.is_none() && taken < BATCH && !self.output.fills_a_frame() {
                next = self.cluster.next_if_there();
            }
        }
        Ok(())
    }

    fn on_frame(&mut self, frame: ExecFrame) {
        match frame {
            ExecFrame::Output(frame) => {
                let now = self.now();
                self.output.push(now, frame);
            }
            ExecFrame::End(end) => {
                if let Some(watch) = &mut self.watch {
                    watch.ended_by_itself();
                }
                self.ended = Some(end);
            }
        }
    }

    fn next_wake(&self, output: Option<Duration>) -> Instant {
        let mut wake = self.next_ping;
        if let Some(output) = output {
            wake = wake.min(output);
        }
        if let Some(rest) = self.output.rests_at() {
            wake = wake.min(rest);
        }
        let wake = self.began + wake;
        self.recheck.wake().map_or(wake, |recheck| wake.min(recheck))
    }

    fn on_wake(&mut self, browser: &mut BrowserSide) -> Result<(), End> {
        let now = self.now();
        self.output.rest(now);
        if now >= self.next_ping {
            if now.saturating_sub(self.last_heard) > SILENT_MAX {
                return Err(End::BrowserLeft);
            }
            if self.cluster.is_silent(now, SILENT_MAX) {
                return Err(End::Refused(self.cluster_lost(None)));
            }
            self.next_ping = now + PING_EVERY;
            self.cluster.tell(ClusterInput::Ping);
            // While output fills the socket a ping would measure the queue, not the path.
            if !browser.is_busy() {
                self.ping_sent = Some(now);
                browser.start_ping().map_err(|_| End::BrowserLeft)?;
            }
        }
        Ok(())
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
        let now = self.now();
        let rest = async {
            self.output.finish(browser, now).await?;
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
