//! A terminal of any of the subjects, reduced to typing and reading: their WebSockets differ only in how
//! a frame begins. Output is taken at a pace; what throttles differs, as it does in the world: a hub is
//! told what was consumed, the others are read more slowly.

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use std::time::Duration;
use testkit::pace::SLICE_BYTES_MAX;
use testkit::web_socket::Socket;
use testkit::{HubTerminal, Pace, TerminalEvent};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Message;

/// What the shell prints as its prompt after [`Line::settle`]. Nothing else that is measured prints it.
const PROMPT: &[u8] = b"@@";
/// Typed so that the echo of this line is not taken for the prompt.
const SETTLE: &[u8] = b"PS1='@''@ '; PS2=; unset PROMPT_COMMAND HISTFILE\r";

/// How frames begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// A channel byte: 0 input, 1 output.
    Kubernetes,
    /// gotty: `1` and text; output in base64.
    Gotty,
    /// ttyd: `0` and bytes.
    Ttyd,
}

/// A terminal.
pub(crate) enum Line {
    /// Through the hub.
    Hub(Box<HubTerminal>),
    /// A WebSocket of somebody else.
    Other(Box<Other>),
}

/// A WebSocket of somebody else.
pub(crate) struct Other {
    socket: Socket,
    dialect: Dialect,
    pace: Pace,
    pending: Bytes,
}

/// Output that was read.
pub(crate) enum Output {
    /// The next bytes.
    Bytes(Bytes),
    /// The screen as it now is, in place of bytes that were passed over.
    Picture(Bytes),
}

impl Output {
    /// The bytes of either.
    pub(crate) fn bytes(&self) -> &Bytes {
        match self {
            Self::Bytes(bytes) | Self::Picture(bytes) => bytes,
        }
    }
}

impl Line {
    /// Over a WebSocket that has been opened.
    pub(crate) fn other(socket: Socket, dialect: Dialect) -> Self {
        let pace = Pace::full_speed();
        Self::Other(Box::new(Other { socket, dialect, pace, pending: Bytes::new() }))
    }

    /// Types.
    pub(crate) async fn input(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        match self {
            Self::Hub(terminal) => terminal.input(bytes).await,
            Self::Other(other) => other.input(bytes).await,
        }
    }

    /// Changes how fast output is taken.
    pub(crate) fn set_pace(&mut self, pace: Pace) {
        match self {
            Self::Hub(terminal) => terminal.set_pace(pace),
            Self::Other(other) => other.pace = pace,
        }
    }

    /// The next output, when the viewer has taken it.
    pub(crate) async fn output(&mut self) -> anyhow::Result<Output> {
        match self {
            Self::Hub(terminal) => loop {
                match terminal.next().await? {
                    TerminalEvent::Output(bytes) | TerminalEvent::ErrorOutput(bytes) => {
                        return Ok(Output::Bytes(bytes));
                    }
                    TerminalEvent::Snapshot(bytes) => return Ok(Output::Picture(bytes)),
                    TerminalEvent::Message(message) if message["type"] == "denied" => {
                        anyhow::bail!("the hub denies the terminal: {}", message["problem"])
                    }
                    TerminalEvent::Message(_) => {}
                    TerminalEvent::Closed(code, reason) => {
                        anyhow::bail!("the hub closed the terminal: {code} {reason}")
                    }
                    TerminalEvent::Cut => anyhow::bail!("the hub cut the terminal"),
                }
            },
            Self::Other(other) => other.output().await.map(Output::Bytes),
        }
    }

    /// Reads until the prompt of a fresh shell. Shells write it in one piece, so its end is looked for at
    /// the end of what has come.
    pub(crate) async fn first_prompt(&mut self, within: Duration) -> anyhow::Result<()> {
        let mut tail = Vec::new();
        let wait = async {
            loop {
                tail.extend_from_slice(self.output().await?.bytes());
                if ends_with_prompt(&tail) {
                    return Ok(());
                }
            }
        };
        timeout(within, wait).await.context("no prompt came")?
    }

    /// Gives the shell a prompt that can be told from everything else.
    pub(crate) async fn settle(&mut self) -> anyhow::Result<()> {
        self.input(SETTLE).await?;
        self.prompt(Duration::from_secs(10)).await?;
        self.quiet(Duration::from_millis(100)).await
    }

    /// Reads until the prompt of a settled shell; returns how many bytes came before.
    pub(crate) async fn prompt(&mut self, within: Duration) -> anyhow::Result<u64> {
        let mut seen = 0;
        let mut tail = Vec::new();
        let wait = async {
            loop {
                let output = self.output().await?;
                seen += output.bytes().len() as u64;
                if matches!(output, Output::Picture(_)) {
                    // It does not continue what came before.
                    tail.clear();
                }
                if holds_prompt(&mut tail, output.bytes()) {
                    return Ok::<u64, anyhow::Error>(seen);
                }
            }
        };
        timeout(within, wait).await.context("no prompt came")?
    }

    /// Reads for so long.
    pub(crate) async fn read_for(&mut self, time: Duration) -> anyhow::Result<u64> {
        let (mut seen, end) = (0, Instant::now() + time);
        while let Ok(output) = tokio::time::timeout_at(end, self.output()).await {
            seen += output?.bytes().len() as u64;
        }
        Ok(seen)
    }

    /// Reads until nothing comes for so long.
    pub(crate) async fn quiet(&mut self, time: Duration) -> anyhow::Result<()> {
        while let Ok(output) = timeout(time, self.output()).await {
            output?;
        }
        Ok(())
    }

    /// Runs a command at a settled prompt; returns what it printed, its echo included.
    pub(crate) async fn command(&mut self, command: &str) -> anyhow::Result<String> {
        self.input(format!("{command}\r").as_bytes()).await?;
        let mut seen = Vec::new();
        let wait = async {
            loop {
                seen.extend_from_slice(self.output().await?.bytes());
                let from = seen.len().saturating_sub(64);
                if find(&seen[from..], PROMPT) {
                    return Ok::<_, anyhow::Error>(());
                }
            }
        };
        timeout(Duration::from_secs(15), wait).await.context("no prompt came")??;
        self.quiet(Duration::from_millis(30)).await?;
        Ok(String::from_utf8_lossy(&seen).into_owned())
    }

    /// Ends the shell, so that it does not stay in the Pod, and waits a little for it.
    pub(crate) async fn exit(mut self) {
        self.set_pace(Pace::full_speed());
        let leave = async {
            self.input(b"\x03").await?;
            self.quiet(Duration::from_millis(50)).await?;
            self.input(b"exit\r").await?;
            while self.output().await.is_ok() {}
            Ok::<_, anyhow::Error>(())
        };
        let _gone_or_not = timeout(Duration::from_secs(3), leave).await;
    }
}

impl Other {
    async fn input(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        let kind = match self.dialect {
            Dialect::Kubernetes => 0,
            Dialect::Gotty => b'1',
            Dialect::Ttyd => b'0',
        };
        let mut frame = BytesMut::with_capacity(bytes.len() + 1);
        frame.extend_from_slice(&[kind]);
        frame.extend_from_slice(bytes);
        let message = match self.dialect {
            Dialect::Gotty => Message::text(String::from_utf8_lossy(&frame).into_owned()),
            _ => Message::Binary(frame.freeze()),
        };
        self.socket.send(message).await.context("the connection takes nothing more")
    }

    async fn output(&mut self) -> anyhow::Result<Bytes> {
        while self.pending.is_empty() {
            self.pending = self.frame().await?;
        }
        if !self.pace.is_limited() {
            return Ok(std::mem::take(&mut self.pending));
        }
        tokio::time::sleep_until(self.pace.free_at()).await;
        let slice = self.pending.len().min(SLICE_BYTES_MAX);
        self.pace.begin(slice);
        Ok(self.pending.split_to(slice))
    }

    /// The output of the next frame; empty for frames that are none.
    async fn frame(&mut self) -> anyhow::Result<Bytes> {
        let mut frame = match self.socket.next().await {
            Some(Ok(Message::Binary(frame))) => frame,
            Some(Ok(Message::Text(text))) => Bytes::from(text),
            Some(Ok(Message::Close(_))) => anyhow::bail!("the session has ended"),
            Some(Ok(_)) => return Ok(Bytes::new()),
            Some(Err(error)) => return Err(error).context("the connection broke"),
            None => anyhow::bail!("the connection has ended"),
        };
        if frame.is_empty() {
            return Ok(frame);
        }
        let kind = frame.split_to(1)[0];
        match (self.dialect, kind) {
            (Dialect::Kubernetes, 1 | 2) | (Dialect::Ttyd, b'0') => Ok(frame),
            (Dialect::Kubernetes, 3) => {
                anyhow::bail!("the session ended: {}", String::from_utf8_lossy(&frame))
            }
            (Dialect::Gotty, b'1') => Ok(STANDARD.decode(&frame)?.into()),
            _ => Ok(Bytes::new()),
        }
    }
}

fn find(hay: &[u8], needle: &[u8]) -> bool {
    hay.windows(needle.len()).any(|window| window == needle)
}

/// Whether the prompt is in `bytes`, or begins in what came before and ends there.
fn holds_prompt(tail: &mut Vec<u8>, bytes: &[u8]) -> bool {
    tail.extend_from_slice(&bytes[..bytes.len().min(PROMPT.len() - 1)]);
    let found = find(tail, PROMPT) || find(bytes, PROMPT);
    let rest = bytes.len().saturating_sub(PROMPT.len() - 1);
    if bytes.len() >= PROMPT.len() - 1 {
        tail.clear();
    }
    tail.extend_from_slice(&bytes[rest..]);
    found
}

/// Whether the text, without escape sequences, ends as prompts do.
fn ends_with_prompt(text: &[u8]) -> bool {
    let mut plain = Vec::new();
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte != 0x1b {
            plain.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'[') => while bytes.next().is_some_and(|b| !(0x40..=0x7e).contains(&b)) {},
            Some(b']') => while bytes.next().is_some_and(|b| b != 0x07) {},
            _ => {}
        }
    }
    plain.ends_with(b"$ ") || plain.ends_with(b"# ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_are_known_behind_escapes_and_across_frames() {
        assert!(ends_with_prompt(b"\x1b[?2004h\x1b]0;root@x: /\x07root@x:/# "));
        assert!(ends_with_prompt(b"root@x:/# \x1b[K") && !ends_with_prompt(b"# x"));
        let mut tail = Vec::new();
        assert!(!holds_prompt(&mut tail, b"xxxx@"));
        assert!(holds_prompt(&mut tail, b"@ "));
        assert!(!find(SETTLE, PROMPT), "the echo must not hold it");
    }
}
