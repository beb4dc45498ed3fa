//! Bringing batches to the hub, one after the other, and telling it how the agent stands.
//! What is in a batch it does not know; the hub says whether it was taken.
//!
//! States: the oldest batch is sent until the hub has answered; only then it is removed, so that the hub may see one
//! twice, and knows it by its sequence. A batch that the hub takes for none is removed and counted: all behind it would
//! wait for ever. While the hub cannot be reached, has no time, or does not let this agent in, everything waits.
//! Limits: one connection and one request at a time, [`ANSWER_TAKES`] for each; pauses grow to [`PAUSE_MAX`].

use super::spool::Spooled;
use super::{BATCH_BYTES_MAX, Shared};
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

/// Connecting, and each request.
const ANSWER_TAKES: Duration = Duration::from_secs(30);
/// How often the hub hears how the agent stands; it calls an agent silent after a multiple of this.
const STATUS_EVERY: Duration = Duration::from_secs(5);
const PAUSE_MIN: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// A fault that stays the same is told again after this.
const TELL_EVERY: Duration = Duration::from_secs(60);
/// Of a refusal's words.
const WORDS_BYTES_MAX: usize = 4096;

/// Where the hub takes agents, and how it is known to be the hub.
#[derive(Clone)]
pub struct HubDoor {
    /// Host and port.
    pub authority: String,
    /// The name that its certificate must have.
    pub server_name: ServerName<'static>,
    /// Whom to trust, and with which certificate to come.
    pub tls: Arc<rustls::ClientConfig>,
}

impl fmt::Debug for HubDoor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubDoor").field("authority", &self.authority).finish_non_exhaustive()
    }
}

/// Why something was not brought.
#[derive(Debug, thiserror::Error)]
enum SendFault {
    #[error("no connection could be made")]
    Connect(#[source] std::io::Error),
    #[error("the connection was lost")]
    Http(#[from] hyper::Error),
    #[error("there was no answer in time")]
    Time(#[from] tokio::time::error::Elapsed),
    #[error("the request could not be made")]
    Request(#[from] http::Error),
    #[error("it answered {0}: {1}")]
    Answer(StatusCode, String),
}

/// See the module.
pub(super) struct Courier {
    hub: HubDoor,
    shared: Arc<Shared>,
    /// The capture is over; nothing more will come.
    ended: CancellationToken,
    line: Option<Line>,
    told: Option<(String, Instant)>,
}

/// A connection, whose task ends with it.
struct Line {
    sender: SendRequest<Full<Bytes>>,
    task: JoinHandle<()>,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Courier {
    pub(super) fn new(hub: HubDoor, shared: Arc<Shared>, ended: CancellationToken) -> Self {
        Self { hub, shared, ended, line: None, told: None }
    }

    /// Brings all that comes, and for a time what is left when the capture has ended.
    pub(super) async fn run(mut self, farewell: Duration) {
        let ended = self.ended.clone();
        tokio::select! {
            () = self.bring() => {}
            () = async {
                ended.cancelled().await;
                tokio::time::sleep(farewell).await;
            } => tracing::warn!("the hub has not taken everything in time; the rest stays in the spool"),
        }
    }

    async fn bring(&mut self) {
        let mut pause = PAUSE_MIN;
        let mut status_at = Instant::now();
        loop {
            let is_last = self.ended.is_cancelled();
            let done = self.bring_some(&mut status_at).await;
            match done {
                Ok(()) => {
                    pause = PAUSE_MIN;
                    if self.told.take().is_some() {
                        tracing::info!(hub = self.hub.authority, "the hub takes what is captured");
                    }
                }
                Err(fault) => {
                    self.line = None;
                    self.tell(&fault);
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                    continue;
                }
            }
            if is_last {
                self.shared.status().capturing = false;
                // The hub will call it silent if these words are lost.
                self.say_status().await.ok();
                return;
            }
            tokio::select! {
                () = self.shared.news.notified() => {}
                () = self.ended.cancelled() => {}
                () = tokio::time::sleep_until(status_at) => {}
            }
        }
    }

    /// All that is in the spool now, with a word on how the agent stands whenever it is time.
    async fn bring_some(&mut self, status_at: &mut Instant) -> Result<(), SendFault> {
        loop {
            if Instant::now() >= *status_at {
                self.say_status().await?;
                *status_at = Instant::now() + STATUS_EVERY;
            }
            let Some((batch, text)) = self.shared.spool().oldest() else { return Ok(()) };
            match self.post("/agent/v1/batches", text).await {
                Ok(()) => self.done_with(&batch),
                Err(SendFault::Answer(
                    status @ (StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE),
                    words,
                )) => {
                    tracing::error!(%status, words, "the hub takes a batch for none; its units are lost");
                    self.shared.status().units_refused += batch.units;
                    self.done_with(&batch);
                }
                Err(other) => return Err(other),
            }
        }
    }

    fn done_with(&self, batch: &Spooled) {
        if let Err(error) = self.shared.spool().remove(batch) {
            // It will be sent again, and known by its sequence.
            tracing::warn!(%error, "a batch that was taken cannot be removed from the spool");
        }
    }

    async fn say_status(&mut self) -> Result<(), SendFault> {
        let status = {
            let mut status = self.shared.status().clone();
            let spool = self.shared.spool();
            status.units_lost = spool.lost();
            status.waiting_bytes = spool.bytes();
            let lag = spool.lag(SystemTime::now()).as_millis();
            status.lag_ms = u64::try_from(lag).unwrap_or(u64::MAX);
            status
        };
        let text = serde_json::to_vec(&status).unwrap_or_default();
        self.post("/agent/v1/status", text).await
    }

    async fn post(&mut self, path: &str, text: Vec<u8>) -> Result<(), SendFault> {
        debug_assert!(text.len() <= BATCH_BYTES_MAX);
        let asked = async {
            let request = Request::post(path)
                .header(header::HOST, &self.hub.authority)
                .header(header::CONTENT_TYPE, "application/json")
                .body(Full::new(Bytes::from(text)))?;
            let line = match &mut self.line {
                Some(line) if !line.sender.is_closed() => line,
                slot => slot.insert(connect(&self.hub).await?),
            };
            line.sender.ready().await?;
            let answer = line.sender.send_request(request).await?;
            let status = answer.status();
            let words = Limited::new(answer.into_body(), WORDS_BYTES_MAX).collect().await;
            if status.is_success() {
                return Ok(());
            }
            let words = words.map(|words| words.to_bytes()).unwrap_or_default();
            let words = crate::table::printable(&String::from_utf8_lossy(&words), WORDS_BYTES_MAX);
            Err(SendFault::Answer(status, words))
        };
        timeout(ANSWER_TAKES, asked).await?
    }

    /// Says what is wrong, once and then now and then.
    fn tell(&mut self, fault: &SendFault) {
        let words = match std::error::Error::source(fault) {
            Some(cause) => format!("{fault}: {cause}"),
            None => fault.to_string(),
        };
        let is_known = |(told, at): &(String, Instant)| *told == words && at.elapsed() < TELL_EVERY;
        if self.told.as_ref().is_some_and(is_known) {
            return;
        }
        tracing::warn!(
            hub = self.hub.authority,
            fault = words,
            "the hub takes nothing; what is captured waits in the spool"
        );
        self.told = Some((words, Instant::now()));
    }
}

async fn connect(hub: &HubDoor) -> Result<Line, SendFault> {
    let stream = TcpStream::connect(&hub.authority).await.map_err(SendFault::Connect)?;
    stream.set_nodelay(true).map_err(SendFault::Connect)?;
    let connector = TlsConnector::from(Arc::clone(&hub.tls));
    let stream =
        connector.connect(hub.server_name.clone(), stream).await.map_err(SendFault::Connect)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let task = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "the connection to the hub ended");
        }
    });
    Ok(Line { sender, task })
}
