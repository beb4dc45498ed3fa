//! The two sockets of a session with what is queued for each: no step here blocks another.

use super::input::{ClusterInput, InputQueue};
use crate::connect::BrowserSocket;
use crate::protocol::{self, BROWSER_FRAME_BYTES_MAX, BrowserFrame, BrowserMisbehaved, CloseCode};
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{FutureExt, Sink, SinkExt, StreamExt};
use kube_io::{ExecFrame, ExecSink, ExecSource, KubeIoError};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes};

/// Pings that a browser may send at once, and one more each second: a page sends none, other clients one in a while.
/// Their answers wait in memory while the browser does not read.
const PINGS_MAX: u64 = 60;
/// How long a browser may take for the news and the close before the connection is simply dropped.
const CLOSE_TAKES: Duration = Duration::from_secs(5);

/// The browser's socket is closed or broken.
#[derive(Debug)]
pub(super) struct Gone;

/// What came from the browser.
#[derive(Debug)]
pub(super) enum FromBrowser {
    Frame(Result<BrowserFrame, BrowserMisbehaved>),
    TooLarge,
    Pong,
    Left,
}

/// A turn of the browser's side.
pub(super) enum BrowserStep {
    Said(FromBrowser),
    Flushed(Result<(), Gone>),
}

/// A turn of the cluster's side.
pub(super) enum ClusterStep {
    Wrote(Result<(), KubeIoError>),
    Said(Option<Result<ExecFrame, KubeIoError>>),
}

/// The browser's socket. One message is on its way at a time, so that what comes next is decided as late
/// as possible.
pub(super) struct BrowserSide {
    sink: SplitSink<BrowserSocket, Message>,
    source: SplitStream<BrowserSocket>,
    queued: Option<Message>,
    flushing: bool,
    began: Instant,
    pings: u64,
}

impl BrowserSide {
    pub(super) fn new(socket: BrowserSocket) -> Self {
        let (sink, source) = socket.split();
        Self { sink, source, queued: None, flushing: false, began: Instant::now(), pings: 0 }
    }

    /// The next thing that the browser says, or the end of the message on its way. Cancel-safe.
    pub(super) async fn step(&mut self, reads: bool) -> BrowserStep {
        poll_fn(|cx| {
            if reads && let Poll::Ready(said) = self.poll_next(cx) {
                return Poll::Ready(BrowserStep::Said(said));
            }
            if self.flushing {
                return self.poll_flush(cx).map(BrowserStep::Flushed);
            }
            Poll::Pending
        })
        .await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<FromBrowser> {
        loop {
            return Poll::Ready(match ready!(self.source.poll_next_unpin(cx)) {
                Some(Ok(message)) if message.len() > BROWSER_FRAME_BYTES_MAX => {
                    FromBrowser::TooLarge
                }
                Some(Ok(Message::Binary(frame))) => {
                    FromBrowser::Frame(protocol::read_binary(frame))
                }
                Some(Ok(Message::Text(text))) => {
                    FromBrowser::Frame(protocol::read_text(text.as_str()))
                }
                Some(Ok(Message::Pong(_))) => FromBrowser::Pong,
                // Answered by the library.
                Some(Ok(Message::Ping(_))) => {
                    self.pings += 1;
                    if self.pings <= PINGS_MAX + self.began.elapsed().as_secs() {
                        continue;
                    }
                    FromBrowser::Frame(Err(BrowserMisbehaved::Pings))
                }
                Some(Ok(Message::Frame(_))) => continue,
                Some(Err(tungstenite::Error::Capacity(_))) => FromBrowser::TooLarge,
                Some(Err(tungstenite::Error::Utf8(_))) => {
                    FromBrowser::Frame(Err(BrowserMisbehaved::Text))
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => FromBrowser::Left,
            });
        }
    }

    /// Whether a message is still on its way into the socket.
    pub(super) fn is_busy(&self) -> bool {
        self.flushing
    }

    /// Pushes the message on its way. Cancel-safe.
    pub(super) async fn flush(&mut self) -> Result<(), Gone> {
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        loop {
            if !self.flushing {
                return Poll::Ready(Ok(()));
            }
            ready!(Pin::new(&mut self.sink).poll_flush(cx)).map_err(|_| Gone)?;
            match self.queued.take() {
                Some(message) => {
                    Pin::new(&mut self.sink).start_send(message).map_err(|_| Gone)?;
                }
                None => self.flushing = false,
            }
        }
    }

    pub(super) fn start_text(&mut self, text: String) -> Result<(), Gone> {
        self.start(Message::text(text))
    }

    pub(super) fn start_binary(&mut self, frame: Bytes) -> Result<(), Gone> {
        self.start(Message::Binary(frame))
    }

    pub(super) fn start_ping(&mut self) -> Result<(), Gone> {
        self.start(Message::Ping(Bytes::new()))
    }

    /// Sends a frame right after the message that was just started.
    pub(super) fn queue_binary(&mut self, frame: Bytes) {
        self.queued = Some(Message::Binary(frame));
    }

    /// Only while [`Self::is_busy`] is false.
    fn start(&mut self, message: Message) -> Result<(), Gone> {
        // The sink is a buffer of one slot in front of the socket, free because nothing is busy.
        let ready = poll_fn(|cx| Pin::new(&mut self.sink).poll_ready(cx)).now_or_never();
        if !matches!(ready, Some(Ok(()))) {
            return Err(Gone);
        }
        Pin::new(&mut self.sink).start_send(message).map_err(|_| Gone)?;
        self.flushing = true;
        Ok(())
    }

    /// Says a last word and closes with `code`.
    pub(super) async fn close(
        mut self,
        text: Option<String>,
        code: CloseCode,
        reason: &'static str,
    ) {
        let closing = async {
            self.flush().await?;
            if let Some(text) = text {
                self.sink.send(Message::text(text)).await.map_err(|_| Gone)?;
            }
            let frame =
                CloseFrame { code: code.number().into(), reason: Utf8Bytes::from_static(reason) };
            self.sink.send(Message::Close(Some(frame))).await.map_err(|_| Gone)?;
            while let Some(Ok(_)) = self.source.next().await {}
            Ok::<(), Gone>(())
        };
        // A browser that does not take it is dropped, which closes too.
        tokio::time::timeout(CLOSE_TAKES, closing).await.ok();
    }
}

/// When the cluster was last heard, and what it was told since.
///
/// Pings are answered in their order, behind the input before them: a program that does not read its input leaves them
/// unanswered, though nothing is wrong. So silence counts only once a ping behind all input was answered; that also
/// leaves a cluster alone which answers none at all.
#[derive(Debug, Default)]
struct Life {
    heard: Duration,
    pings: u64,
    pongs: u64,
    /// Pings that were queued when the last input was.
    before_input: u64,
}

impl Life {
    fn is_silent(&mut self, now: Duration, pongs: u64, max: Duration) -> bool {
        if pongs != self.pongs {
            (self.pongs, self.heard) = (pongs, now);
        }
        self.pongs > self.before_input && now.saturating_sub(self.heard) > max
    }
}

/// The exec stream and the input queued for it.
pub(super) struct ClusterSide {
    sink: ExecSink,
    source: ExecSource,
    input: InputQueue,
    flushing: bool,
    life: Life,
}

impl ClusterSide {
    pub(super) fn new(exec: (ExecSink, ExecSource)) -> Self {
        Self {
            sink: exec.0,
            source: exec.1,
            input: InputQueue::default(),
            flushing: false,
            life: Life::default(),
        }
    }

    /// The end of a write, or the next message of the cluster. Cancel-safe.
    pub(super) async fn step(&mut self, reads: bool) -> ClusterStep {
        poll_fn(|cx| {
            let has_work = self.flushing || !self.input.is_empty();
            if has_work && let Poll::Ready(wrote) = self.poll_write(cx) {
                return Poll::Ready(ClusterStep::Wrote(wrote));
            }
            if reads {
                return self.source.poll_next(cx).map(ClusterStep::Said);
            }
            Poll::Pending
        })
        .await
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), KubeIoError>> {
        while !self.input.is_empty() {
            ready!(self.sink.poll_ready(cx))?;
            self.flushing = true;
            match self.input.pop() {
                Some(ClusterInput::Stdin(frame)) => self.sink.start_stdin_frame(frame)?,
                Some(ClusterInput::Resize(size)) => self.sink.start_resize(size.cols, size.rows)?,
                Some(ClusterInput::EndOfStdin) => {
                    // With version 4 the program would wait for the end of its input for ever.
                    if !self.sink.start_stdin_close()? {
                        return Poll::Ready(Err(self.sink.cannot_end_stdin()));
                    }
                }
                Some(ClusterInput::Ping) => self.sink.start_ping()?,
                None => break,
            }
        }
        ready!(self.sink.poll_flush(cx))?;
        self.flushing = false;
        Poll::Ready(Ok(()))
    }

    /// How much input waits.
    pub(super) fn input_bytes(&self) -> usize {
        self.input.bytes()
    }

    /// Queues what the cluster is to be told.
    pub(super) fn tell(&mut self, input: ClusterInput) {
        match input {
            ClusterInput::Ping => self.life.pings += 1,
            ClusterInput::Stdin(_) | ClusterInput::EndOfStdin => {
                self.life.before_input = self.life.pings;
            }
            ClusterInput::Resize(_) => {}
        }
        self.input.push(input);
    }

    /// Whether nothing came for so long of a cluster that answers pings.
    pub(super) fn is_silent(&mut self, now: Duration, max: Duration) -> bool {
        self.life.is_silent(now, self.source.pongs(), max)
    }

    /// Something came, or was not listened for: whoever is not listened to is not silent.
    pub(super) fn note_life(&mut self, now: Duration) {
        self.life.heard = now;
    }

    /// The next message if it is there already.
    pub(super) fn next_if_there(&mut self) -> Option<Option<Result<ExecFrame, KubeIoError>>> {
        self.source.next().now_or_never()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_is_silent_once_it_answers_pings_no_more() {
        let (max, at) = (Duration::from_secs(45), Duration::from_secs);
        let mut life = Life::default();
        assert!(!life.is_silent(at(3600), 0, max), "it never answered any");
        assert!(!life.is_silent(at(3615), 1, max));
        assert!(!life.is_silent(at(3660), 1, max));
        assert!(life.is_silent(at(3661), 1, max));
        assert!(!life.is_silent(at(3662), 2, max), "a late answer is one");
        life.heard = at(3700);
        assert!(!life.is_silent(at(3745), 2, max), "output is life too");
        assert!(life.is_silent(at(3746), 2, max));
    }

    #[test]
    fn a_cluster_whose_program_does_not_read_is_not_silent() {
        let (max, late) = (Duration::from_secs(45), Duration::from_secs(3600));
        let mut life = Life { pings: 3, pongs: 3, before_input: 3, ..Life::default() };
        assert!(!life.is_silent(late, 3, max), "input may keep the pings behind it waiting");
        life.pings = 4;
        assert!(!life.is_silent(late, 4, max));
        assert!(life.is_silent(late + late, 4, max), "all input was taken");
    }
}
