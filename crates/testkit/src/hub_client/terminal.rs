//! An open terminal, `sallyport.terminal.v1`, and a viewer that takes the output at its own pace.
//!
//! As in a browser, what arrives is queued at once and consumed at the viewer's rate; consumption is what
//! is acknowledged, every 16 KiB and whenever there is nothing more to consume.

use crate::Pace;
use crate::pace::SLICE_BYTES_MAX;
use crate::web_socket::Socket;
use anyhow::Context;
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::{FutureExt, SinkExt, StreamExt};
use serde_json::Value;
use std::collections::VecDeque;
use tokio_tungstenite::tungstenite::{self, Message};

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const SNAPSHOT: u8 = 3;
const RESIZE: u8 = 4;
const ACK: u8 = 6;
const INPUT_END: u8 = 255;
/// How much may be consumed before it is told.
const ACK_BYTES_MAX: u64 = 16 * 1024;
/// Frames of input, as the console splits pastes.
const INPUT_FRAME_BYTES: usize = 16 * 1024;
/// A hub that heeds acknowledgements never gets near this; a browser would have discarded by then.
const QUEUE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What a viewer sees, when it sees it.
#[derive(Debug, Clone, PartialEq)]
pub enum TerminalEvent {
    /// Output of the program.
    Output(Bytes),
    /// Its error output, without a terminal.
    ErrorOutput(Bytes),
    /// The screen as it now is, instead of bytes passed over. A slow viewer sees it in slices.
    Snapshot(Bytes),
    /// A text message: `ready`, `skipped`, `exit`, `denied`, `draining`, `pong`.
    Message(Value),
    /// The hub's close frame: code and reason.
    Closed(u16, String),
    /// The connection ended without one.
    Cut,
}

/// The terminal. Dropping it cuts the connection.
pub struct HubTerminal {
    socket: Socket,
    queue: VecDeque<TerminalEvent>,
    queued_bytes: usize,
    queued_bytes_peak: usize,
    received_bytes: u64,
    consumed_bytes: u64,
    acknowledged_bytes: u64,
    acknowledges: bool,
    consuming: bool,
    pace: Pace,
    ended: bool,
}

impl HubTerminal {
    /// Over a socket that the hub has just upgraded.
    pub fn new(socket: Socket) -> Self {
        Self {
            socket,
            queue: VecDeque::new(),
            queued_bytes: 0,
            queued_bytes_peak: 0,
            received_bytes: 0,
            consumed_bytes: 0,
            acknowledged_bytes: 0,
            acknowledges: true,
            consuming: false,
            pace: Pace::full_speed(),
            ended: false,
        }
    }

    /// Changes how fast output is consumed.
    pub fn set_pace(&mut self, pace: Pace) {
        self.pace = pace;
        self.consuming = false;
    }

    /// Whether consumption is told at all; a viewer that stopped answering does not.
    pub fn set_acknowledges(&mut self, acknowledges: bool) {
        self.acknowledges = acknowledges;
    }

    /// Output bytes that arrived so far.
    pub fn received_bytes(&self) -> u64 {
        self.received_bytes
    }

    /// The most that ever waited to be consumed.
    pub fn queued_bytes_peak(&self) -> usize {
        self.queued_bytes_peak
    }

    /// Types, or pastes, in frames of at most 16 KiB.
    pub async fn input(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        for part in bytes.chunks(INPUT_FRAME_BYTES) {
            self.frame(STDIN, part).await?;
        }
        Ok(())
    }

    /// Tells the size.
    pub async fn resize(&mut self, cols: u16, rows: u16) -> anyhow::Result<()> {
        let mut size = BytesMut::with_capacity(4);
        size.put_u16(cols);
        size.put_u16(rows);
        self.frame(RESIZE, &size).await
    }

    /// Ends the input, where there is no terminal.
    pub async fn end_input(&mut self) -> anyhow::Result<()> {
        self.frame(INPUT_END, b"").await
    }

    /// Asks for a pong.
    pub async fn ping(&mut self, n: u64) -> anyhow::Result<()> {
        self.send(Message::text(format!(r#"{{"type":"ping","n":{n}}}"#))).await
    }

    /// Sends any message at all, for tests that send wrong ones.
    pub async fn send(&mut self, message: Message) -> anyhow::Result<()> {
        self.socket.send(message).await.context("the hub takes nothing more")
    }

    /// Closes as a tab does that is closed, without waiting for the answer.
    pub async fn close(mut self) {
        let _ended_anyway = self.socket.send(Message::Close(None)).await;
    }

    async fn frame(&mut self, kind: u8, payload: &[u8]) -> anyhow::Result<()> {
        let mut frame = BytesMut::with_capacity(payload.len() + 1);
        frame.put_u8(kind);
        frame.put_slice(payload);
        self.send(Message::Binary(frame.freeze())).await
    }

    /// The next thing that the viewer sees. After `Closed` or `Cut` there is nothing more.
    pub async fn next(&mut self) -> anyhow::Result<TerminalEvent> {
        loop {
            if let Some(seen) = self.consume() {
                if self.consumed_bytes - self.acknowledged_bytes >= ACK_BYTES_MAX {
                    self.acknowledge().await?;
                }
                return Ok(seen);
            }
            anyhow::ensure!(!self.ended, "the terminal has ended");
            if self.consuming {
                tokio::select! {
                    biased;
                    () = tokio::time::sleep_until(self.pace.free_at()) => continue,
                    message = self.socket.next() => self.arrive(message)?,
                }
                continue;
            }
            // Nothing to consume: say so at once if nothing is there to read either.
            match self.socket.next().now_or_never() {
                Some(message) => self.arrive(message)?,
                None => {
                    if self.consumed_bytes > self.acknowledged_bytes {
                        self.acknowledge().await?;
                    }
                    let message = self.socket.next().await;
                    self.arrive(message)?;
                }
            }
        }
    }

    /// Waits for a text message of that type; what comes before it is dropped.
    pub async fn message(&mut self, kind: &str) -> anyhow::Result<Value> {
        loop {
            match self.next().await? {
                TerminalEvent::Message(message) if message["type"] == kind => return Ok(message),
                TerminalEvent::Closed(code, reason) => {
                    anyhow::bail!("closed with {code} {reason} before `{kind}`")
                }
                TerminalEvent::Cut => anyhow::bail!("cut before `{kind}`"),
                _ => {}
            }
        }
    }

    /// Reads until the output holds `text`; returns all of it.
    pub async fn until(&mut self, text: &str) -> anyhow::Result<Vec<u8>> {
        let mut seen = Vec::new();
        loop {
            match self.next().await? {
                TerminalEvent::Output(bytes)
                | TerminalEvent::ErrorOutput(bytes)
                | TerminalEvent::Snapshot(bytes) => {
                    let from = seen.len().saturating_sub(text.len());
                    seen.extend_from_slice(&bytes);
                    if seen[from..].windows(text.len()).any(|window| window == text.as_bytes()) {
                        return Ok(seen);
                    }
                }
                TerminalEvent::Message(message) => {
                    let ends = message["type"] == "denied" || message["type"] == "exit";
                    anyhow::ensure!(!ends, "the hub said {message} before `{text}`");
                }
                TerminalEvent::Closed(code, reason) => {
                    anyhow::bail!("closed with {code} {reason} before `{text}`")
                }
                TerminalEvent::Cut => anyhow::bail!("cut before `{text}`"),
            }
        }
    }

    /// Takes from the queue what the pace allows.
    fn consume(&mut self) -> Option<TerminalEvent> {
        let slice = match self.queue.front()? {
            TerminalEvent::Output(bytes)
            | TerminalEvent::ErrorOutput(bytes)
            | TerminalEvent::Snapshot(bytes) => {
                if self.pace.is_limited() {
                    bytes.len().min(SLICE_BYTES_MAX)
                } else {
                    bytes.len()
                }
            }
            _ => return self.queue.pop_front(),
        };
        if self.pace.is_limited() {
            if !self.consuming {
                self.pace.begin(slice);
                self.consuming = true;
            }
            if tokio::time::Instant::now() < self.pace.free_at() {
                return None;
            }
            self.consuming = false;
        }
        self.consumed_bytes += slice as u64;
        self.queued_bytes -= slice;
        let seen = match self.queue.front_mut()? {
            TerminalEvent::Output(bytes) => TerminalEvent::Output(bytes.split_to(slice)),
            TerminalEvent::ErrorOutput(bytes) => TerminalEvent::ErrorOutput(bytes.split_to(slice)),
            TerminalEvent::Snapshot(bytes) => TerminalEvent::Snapshot(bytes.split_to(slice)),
            _ => return None,
        };
        let empty = match self.queue.front()? {
            TerminalEvent::Output(bytes)
            | TerminalEvent::ErrorOutput(bytes)
            | TerminalEvent::Snapshot(bytes) => bytes.is_empty(),
            _ => false,
        };
        if empty {
            self.queue.pop_front();
        }
        Some(seen)
    }

    async fn acknowledge(&mut self) -> anyhow::Result<()> {
        self.acknowledged_bytes = self.consumed_bytes;
        if !self.acknowledges || self.ended {
            return Ok(());
        }
        // A hub that has just closed takes no more; its close frame is still to be read.
        let _told_anyway = self.frame(ACK, &self.consumed_bytes.to_be_bytes()).await;
        Ok(())
    }

    fn arrive(
        &mut self,
        message: Option<Result<Message, tungstenite::Error>>,
    ) -> anyhow::Result<()> {
        let event = match message {
            Some(Ok(Message::Binary(mut frame))) => {
                anyhow::ensure!(!frame.is_empty(), "an empty frame");
                let kind = frame.split_to(1)[0];
                self.received_bytes += frame.len() as u64;
                self.queued_bytes += frame.len();
                self.queued_bytes_peak = self.queued_bytes_peak.max(self.queued_bytes);
                anyhow::ensure!(
                    self.queued_bytes <= QUEUE_BYTES_MAX,
                    "the hub does not heed acknowledgements: {} bytes wait",
                    self.queued_bytes
                );
                match kind {
                    STDOUT => TerminalEvent::Output(frame),
                    STDERR => TerminalEvent::ErrorOutput(frame),
                    SNAPSHOT => TerminalEvent::Snapshot(frame),
                    other => anyhow::bail!("a frame of the unknown kind {other}"),
                }
            }
            Some(Ok(Message::Text(text))) => {
                let parsed = serde_json::from_str(&text);
                TerminalEvent::Message(parsed.context("a text message that is not JSON")?)
            }
            Some(Ok(Message::Close(frame))) => {
                self.ended = true;
                frame.map_or(TerminalEvent::Closed(1005, String::new()), |frame| {
                    TerminalEvent::Closed(frame.code.into(), frame.reason.to_string())
                })
            }
            Some(Ok(_)) => return Ok(()),
            Some(Err(_)) | None => {
                self.ended = true;
                TerminalEvent::Cut
            }
        };
        self.queue.push_back(event);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
