//! Uploading a capture: the request's body is decoded as it arrives, and never kept.
//! How a capture is read is `reading`'s, what it means `wire`'s, and rows are made by `ingest`.
//!
//! The body is the key log, then the capture; `keys_bytes` tells where one ends. So neither is written to a
//! disk, and both stream. A capture that is damaged in its middle is stored up to there, and says so.
//!
//! Hostile input: an administrator's, but a capture holds what strangers sent. Bounds: [`BODY_BYTES_MAX`] in
//! all, [`KEYS_BYTES_MAX`] of keys, [`PIECE_TIME_MAX`] between two pieces, one upload at a time; the decoder's
//! own for what it holds.

use super::view::{CaptureBody, StateCount};
use super::{Stored, Traffic};
use crate::JobFault;
use crate::reading::{self, ReadFault};
use crate::rows::{CONTENT_BYTES_MAX, account};
use crate::table::printable;
use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use futures_util::StreamExt as _;
use http_api::{Administrator, DecidedBy, Problem, ProblemCode};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;
use store::StoreError;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use wire::{Decoder, Event, Limits, Redactor};

/// Key log and capture together: an hour of a busy API server.
const BODY_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// 300,000 lines; the decoder holds them until their connections come.
const KEYS_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// A sender that is silent for so long has left.
const PIECE_TIME_MAX: Duration = Duration::from_secs(60);
/// Pieces that wait for the decoder, of 16 KiB to 1 MiB each.
const PIECES_MAX: usize = 8;
const NAME_CHARS_MAX: usize = 200;

/// What is uploaded.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Upload {
    /// What the capture is called, for the audit log and for messages.
    name: String,
    /// How many of the body's first bytes are a key log; 0 if the capture carries its secrets.
    #[serde(default)]
    keys_bytes: u64,
}

/// What the decoder tells at the end.
struct Decoded {
    packets: u64,
    secrets: u64,
    requests: u64,
    states: BTreeMap<&'static str, u64>,
    bytes: BTreeMap<String, u64>,
    fault: Option<ReadFault>,
}

/// Why decoding ended early.
#[derive(Debug)]
enum Broken {
    /// The key log or the capture could not be read.
    Read(ReadFault),
    /// Nobody stores any more.
    Store,
}

impl Traffic {
    /// Decodes and stores what is uploaded.
    pub(super) async fn upload(
        &self,
        administrator: &Administrator,
        upload: Upload,
        body: Body,
    ) -> Result<CaptureBody, Problem> {
        let name = printable(&upload.name, NAME_CHARS_MAX);
        if name.trim().is_empty() {
            return Err(Problem::bad_request("`name`: a capture needs a name"));
        }
        if upload.keys_bytes > KEYS_BYTES_MAX {
            return Err(Problem::bad_request(format!(
                "`keys_bytes`: a key log has at most {KEYS_BYTES_MAX} bytes"
            )));
        }
        let seat = Arc::clone(&self.inner.uploads).try_acquire_owned().map_err(|_| busy())?;
        let detail = json!({ "keys_bytes": upload.keys_bytes });
        let entry = administrator.audit("traffic.capture", &name).detail(detail).allowed();
        self.inner.api.store.audit(entry).await?;

        let (events, storing) = self.ingest();
        let (pieces, source) = mpsc::channel(PIECES_MAX);
        let redactor = Redactor::new(&self.inner.api.store.traffic_redaction_key());
        let limits = Limits { body_bytes_max: CONTENT_BYTES_MAX, ..Limits::default() };
        let decoder = Decoder::new(redactor, limits);
        let (what, keys_bytes) = (format!("`{name}`"), upload.keys_bytes);
        let decoding = self.inner.tasks.spawn_blocking(move || {
            let source = Pieces { source, piece: Bytes::new() };
            decode(&what, decoder, source, keys_bytes, &events, seat)
        });
        // Whatever ended the transfer, what was transferred is decoded and stored to its end.
        let transferred = tokio::select! {
            transferred = transfer(body.into_data_stream(), pieces) => transferred,
            () = self.inner.shutdown.cancelled() => Err(Problem::new(
                ProblemCode::HubDraining,
                "the hub is being stopped: what was decoded so far is stored",
            )),
        };
        let decoded = decoding.await.map_err(Problem::internal)?;
        let stored = storing.await.map_err(Problem::internal)?;
        answer(name, transferred, decoded, stored)
    }
}

fn answer(
    name: String,
    transferred: Result<u64, Problem>,
    decoded: Result<Decoded, Broken>,
    stored: Result<Stored, StoreError>,
) -> Result<CaptureBody, Problem> {
    let stored = stored?;
    let bytes = transferred?;
    let decoded = match decoded {
        Ok(decoded) => decoded,
        Err(Broken::Read(fault)) => return Err(Problem::bad_request(words(&fault))),
        Err(Broken::Store) => return Err(Problem::internal("the store ended before the decoder")),
    };
    // Nothing of it could be read: no capture at all, a damaged first block, or all of it was taken for keys.
    if decoded.packets == 0 {
        let why = decoded.fault.as_ref().map(words);
        return Err(Problem::bad_request(
            why.unwrap_or_else(|| format!("`{name}` has no packets")),
        ));
    }
    Ok(CaptureBody {
        name,
        bytes,
        packets: decoded.packets,
        units: stored.units,
        requests: decoded.requests,
        connections: stored.connections,
        secrets: decoded.secrets,
        decryption: decoded
            .states
            .into_iter()
            .map(|(state, connections)| StateCount { state: state.to_owned(), connections })
            .collect(),
        account: decoded.bytes,
        fault: decoded.fault.as_ref().map(words),
    })
}

fn busy() -> Problem {
    Problem::new(ProblemCode::Conflict, "a capture is being decoded already")
        .decided_by(DecidedBy::Hub)
        .fix("wait until it is done")
}

/// A fault with its cause, which says what is wrong with the file.
fn words(fault: &ReadFault) -> String {
    match std::error::Error::source(fault) {
        Some(cause) => format!("{fault}: {cause}"),
        None => fault.to_string(),
    }
}

/// Hands the body's pieces over, and gives their bytes.
async fn transfer(mut body: BodyDataStream, pieces: mpsc::Sender<Bytes>) -> Result<u64, Problem> {
    let mut bytes = 0;
    loop {
        let piece = match tokio::time::timeout(PIECE_TIME_MAX, body.next()).await {
            Ok(Some(Ok(piece))) => piece,
            Ok(None) => return Ok(bytes),
            Ok(Some(Err(error))) => {
                return Err(Problem::bad_request("the capture broke off").caused_by(error));
            }
            Err(_) => return Err(Problem::bad_request("the capture did not arrive in time")),
        };
        bytes += piece.len() as u64;
        if bytes > BODY_BYTES_MAX {
            return Err(Problem::new(
                ProblemCode::BodyTooLarge,
                format!("the capture is larger than {BODY_BYTES_MAX} bytes"),
            )
            .fix("cut it with `editcap`, or decode it with `sallyport traffic decode`"));
        }
        // The decoder may have seen enough; the rest is taken in, so that the answer can be read.
        let _ = pieces.send(piece).await;
    }
}

fn decode(
    what: &str,
    mut decoder: Decoder,
    mut source: Pieces,
    keys_bytes: u64,
    events: &mpsc::Sender<Event>,
    _seat: OwnedSemaphorePermit,
) -> Result<Decoded, Broken> {
    let keys_name = format!("the key log of {what}");
    let mut log = source.by_ref().take(keys_bytes);
    reading::keys_of(&keys_name, &mut log, &mut |text| decoder.keys(text)).map_err(Broken::Read)?;
    decoder.end_of_keys();
    let mut states = BTreeMap::new();
    let mut requests = 0;
    let mut each = |event: Event| {
        if let Event::Closed(report) = &event {
            *states.entry(report.decryption.code()).or_default() += 1;
            requests += report.requests;
        }
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        events.blocking_send(event).map_err(gone)
    };
    let read = reading::capture_of(what, &mut source, &mut decoder, &mut None, &mut each);
    let fault = read.map_err(|fault| match fault {
        JobFault::Read(fault) => Broken::Read(fault),
        // Nothing is recorded here.
        JobFault::Write(_) | JobFault::Record(_) => Broken::Store,
    })?;
    decoder.finish();
    while let Some(event) = decoder.event() {
        each(event).map_err(|_| Broken::Store)?;
    }
    Ok(Decoded {
        packets: decoder.packets(),
        secrets: decoder.key_counts().secrets,
        requests,
        states,
        bytes: account(decoder.tally()),
        fault,
    })
}

/// What arrives, as a file that is read.
struct Pieces {
    source: mpsc::Receiver<Bytes>,
    piece: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.source.blocking_recv() {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let count = self.piece.len().min(into.len());
        let taken = self.piece.split_to(count);
        if let Some(into) = into.get_mut(..count) {
            into.copy_from_slice(&taken);
        }
        Ok(count)
    }
}
