//! One exec session after its upgrade: frames with a channel byte, played by a [`Program`].
//! Reading goes on while a flood is written, as in a kubelet, so that Ctrl-C is heard.

use super::record::{EndSeen, ExecSeen};
use super::shell::{Act, Shell};
use super::{Program, ScriptStep, Shared};
use crate::Pace;
use bytes::{Bytes, BytesMut};
use futures_util::{Sink, SinkExt, StreamExt};
use serde_json::json;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STATUS: u8 = 3;
const RESIZE: u8 = 4;
const CLOSE: u8 = 255;
const CTRL_C: u8 = 0x03;
/// What a flood's line holds; no viewer has as many columns.
const FLOOD_LINE_BYTES: usize = 4000;
const FLOOD_FRAME_BYTES_MAX: usize = 1024 * 1024;
/// A guardian's line is a command and a process id.
const GUARDIAN_LINE_BYTES_MAX: usize = 64 * 1024;
/// How long a client may take to answer a close frame.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// What this session is to do.
pub(super) struct Plan {
    pub(super) program: Program,
    pub(super) marker: Vec<Bytes>,
    pub(super) opening_frame: bool,
    pub(super) tty: bool,
    pub(super) guardian: bool,
}

/// The record of a session; dropping it notes the end, also when the task is aborted.
pub(super) struct Session {
    shared: Arc<Shared>,
    entry: Arc<Mutex<ExecSeen>>,
    end: EndSeen,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.shared.records.note_end(&self.entry, self.end);
    }
}

/// What came from the client.
enum Heard {
    Input(Bytes),
    InputClosed,
    Resize(u16, u16),
    Nothing,
    Gone(EndSeen),
}

/// What plays at the moment.
enum Play {
    Shell,
    Flood { frame: Bytes, pace: Pace },
    Sink,
    Cat,
    Guardian { line: Vec<u8> },
}

impl Session {
    pub(super) fn new(shared: Arc<Shared>, seen: ExecSeen) -> Self {
        let entry = shared.records.note_exec(seen);
        Self { shared, entry, end: EndSeen::Cut }
    }

    pub(super) async fn run<S>(mut self, mut socket: WebSocketStream<S>, plan: Plan)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        if plan.opening_frame && send(&mut socket, STDOUT, b"").await.is_err() {
            return;
        }
        for part in &plan.marker {
            if send(&mut socket, STDOUT, part).await.is_err() {
                return;
            }
        }
        let ended = match plan.program {
            Program::Script(steps) if !plan.guardian => self.script(&mut socket, steps).await,
            program => self.play(socket, program, plan.tty, plan.guardian).await,
        };
        self.end = ended.unwrap_or(EndSeen::Cut);
    }

    async fn script<S>(
        &self,
        socket: &mut WebSocketStream<S>,
        steps: Vec<ScriptStep>,
    ) -> Result<EndSeen, Error>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        for step in steps {
            match step {
                ScriptStep::Binary(frame) => socket.send(Message::Binary(frame)).await?,
                ScriptStep::Text(text) => socket.send(Message::text(text)).await?,
                ScriptStep::Raw(bytes) => {
                    socket.get_mut().write_all(&bytes).await?;
                    socket.get_mut().flush().await?;
                }
                ScriptStep::AwaitInput => {
                    while !matches!(self.hear(socket.next().await), Heard::Input(_)) {}
                }
                ScriptStep::Pause(time) => tokio::time::sleep(time).await,
                ScriptStep::Close => {
                    let _timeout = tokio::time::timeout(CLOSE_WAIT, socket.close(None)).await;
                }
            }
        }
        Ok(EndSeen::ByScript)
    }

    async fn play<S>(
        &self,
        socket: WebSocketStream<S>,
        program: Program,
        tty: bool,
        guardian: bool,
    ) -> Result<EndSeen, Error>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        let (mut sink, mut stream) = socket.split();
        let mut shell = Shell::new(tty);
        let mut out = Vec::new();
        let mut play = match program {
            _ if guardian => {
                send(&mut sink, STDOUT, b"ready\n").await?;
                Play::Guardian { line: Vec::new() }
            }
            Program::Flood { frame_bytes, bytes_per_s } => flood(frame_bytes, bytes_per_s),
            Program::Sink => Play::Sink,
            Program::Cat => Play::Cat,
            Program::Shell | Program::Script(_) => {
                if tty {
                    send(&mut sink, STDOUT, shell.prompt()).await?;
                }
                Play::Shell
            }
        };
        loop {
            let heard = if let Play::Flood { frame, pace } = &mut play {
                tokio::select! {
                    biased;
                    message = stream.next() => self.hear(message),
                    written = write_flood(&mut sink, frame, pace) => {
                        written?;
                        continue;
                    }
                }
            } else {
                self.hear(stream.next().await)
            };
            let act = match (heard, &mut play) {
                (Heard::Gone(end), _) => return Ok(end),
                (Heard::Resize(cols, rows), _) => {
                    shell.resize(cols, rows);
                    None
                }
                (Heard::Nothing, _) | (Heard::Input(_), Play::Sink) => None,
                (Heard::Input(bytes), Play::Shell) => shell.input(&bytes, &mut out),
                (Heard::Input(bytes), Play::Flood { .. }) => {
                    if bytes.contains(&CTRL_C) {
                        shell.interrupted(&mut out);
                        play = Play::Shell;
                    }
                    None
                }
                (Heard::Input(bytes), Play::Cat) => {
                    out.extend_from_slice(&bytes);
                    None
                }
                (Heard::Input(bytes), Play::Guardian { line }) => {
                    self.guard(&bytes, line);
                    None
                }
                // Without a terminal the end of the input is the end of the program.
                (Heard::InputClosed, _) => (!tty).then_some(Act::Exit(0)),
            };
            if !out.is_empty() {
                send(&mut sink, STDOUT, &out).await?;
                out.clear();
            }
            match act {
                None => {}
                Some(Act::Cut) => return Ok(EndSeen::ByScript),
                Some(Act::Flood { frame_bytes, bytes_per_s }) => {
                    play = flood(frame_bytes, bytes_per_s);
                }
                Some(Act::Exit(code)) => {
                    send(&mut sink, STATUS, status(code).as_bytes()).await?;
                    sink.send(Message::Close(None)).await?;
                    let answered = async {
                        while let Some(Ok(message)) = stream.next().await {
                            if message.is_close() {
                                break;
                            }
                        }
                    };
                    let _timeout = tokio::time::timeout(CLOSE_WAIT, answered).await;
                    return Ok(EndSeen::Exited(code));
                }
            }
        }
    }

    fn hear(&self, message: Option<Result<Message, Error>>) -> Heard {
        let frame = match message {
            Some(Ok(Message::Binary(frame))) => frame,
            Some(Ok(Message::Ping(_))) => {
                self.shared.records.update(&self.entry, |exec| exec.pings += 1);
                return Heard::Nothing;
            }
            Some(Ok(Message::Close(_))) => return Heard::Gone(EndSeen::ClosedByClient),
            Some(Ok(_)) => return Heard::Nothing,
            Some(Err(_)) | None => return Heard::Gone(EndSeen::Cut),
        };
        let records = &self.shared.records;
        match frame.first() {
            Some(&STDIN) if frame.len() > 1 => {
                records.update(&self.entry, |exec| exec.note_input(&frame[1..]));
                Heard::Input(frame.slice(1..))
            }
            Some(&RESIZE) => match size_of(&frame[1..]) {
                Some((cols, rows)) => {
                    records.update(&self.entry, |exec| exec.resizes.push((cols, rows)));
                    Heard::Resize(cols, rows)
                }
                None => Heard::Nothing,
            },
            Some(&CLOSE) if frame.get(1) == Some(&STDIN) => {
                records.update(&self.entry, |exec| exec.input_closed = true);
                Heard::InputClosed
            }
            _ => Heard::Nothing,
        }
    }

    fn guard(&self, bytes: &[u8], line: &mut Vec<u8>) {
        for &byte in bytes {
            if byte == b'\n' {
                let whole = std::mem::take(line);
                self.shared.records.update(&self.entry, |exec| {
                    if let Some(guardian) = &mut exec.guardian {
                        guardian.note_line(&whole);
                    }
                });
            } else if line.len() < GUARDIAN_LINE_BYTES_MAX {
                line.push(byte);
            }
        }
    }
}

async fn send<S>(sink: &mut S, channel: u8, data: &[u8]) -> Result<(), Error>
where
    S: Sink<Message, Error = Error> + Unpin,
{
    let mut frame = BytesMut::with_capacity(data.len() + 1);
    frame.extend_from_slice(&[channel]);
    frame.extend_from_slice(data);
    sink.send(Message::Binary(frame.freeze())).await
}

fn flood(frame_bytes: usize, bytes_per_s: Option<u64>) -> Play {
    let frame_bytes = frame_bytes.clamp(1, FLOOD_FRAME_BYTES_MAX);
    let mut frame = Vec::with_capacity(frame_bytes + 1);
    frame.push(STDOUT);
    // Every line has its end, also when it is the frame's own.
    let line = FLOOD_LINE_BYTES.min(frame_bytes.saturating_sub(2));
    while frame.len() < frame_bytes + 1 {
        let room = (frame_bytes + 1 - frame.len()).saturating_sub(2).min(line);
        frame.extend(std::iter::repeat_n(b'x', room));
        frame.extend_from_slice(b"\r\n");
    }
    frame.truncate(frame_bytes + 1);
    let pace = bytes_per_s.map_or_else(Pace::full_speed, Pace::bytes_per_s);
    Play::Flood { frame: frame.into(), pace }
}

/// Cancel-safe: the frame counts from the moment the sink has it.
async fn write_flood<S>(sink: &mut S, frame: &Bytes, pace: &mut Pace) -> Result<(), Error>
where
    S: Sink<Message, Error = Error> + Unpin,
{
    if pace.is_limited() {
        tokio::time::sleep_until(pace.free_at()).await;
    }
    sink.feed(Message::Binary(frame.clone())).await?;
    pace.begin(frame.len() - 1);
    sink.flush().await
}

/// `metav1.Status` as the kubelet writes it at the end.
fn status(code: i32) -> String {
    if code == 0 {
        return json!({ "metadata": {}, "status": "Success" }).to_string();
    }
    json!({
        "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
        "message": format!("command terminated with non-zero exit code: exit status {code}"),
        "details": { "causes": [{ "reason": "ExitCode", "message": code.to_string() }] },
    })
    .to_string()
}

fn size_of(json: &[u8]) -> Option<(u16, u16)> {
    let size: serde_json::Value = serde_json::from_slice(json).ok()?;
    let side = |name: &str| size.get(name)?.as_u64().and_then(|side| u16::try_from(side).ok());
    Some((side("Width")?, side("Height")?))
}
