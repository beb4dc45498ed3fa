//! The body of an answer while it comes: counted, hashed, and given up when it takes too long.
//! What it is for, and what becomes of a fault, is `image`'s.
//!
//! Hostile input: bytes beyond the bound, too few of them, others than the digest says, or so slowly that they never
//! end; each is a fault of its own. Time counts only while one waits, so that a slow reader is no slow registry.

use crate::fault::{RegistryFault, words};
use crate::transport::chain;
use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use std::time::{Duration, Instant};

/// How long one waits for a connection, an answer or its next bytes: registries that have to fetch a layer first take
/// some seconds.
pub(crate) const WAIT_S_MAX: u64 = 30;
/// Who sends less than this, beyond a first wait, is given up: a line of twenty years ago was faster.
pub(crate) const SLOW_BYTES_PER_S: u64 = 4 * 1024;

/// How far a layer has come.
#[derive(Debug, Clone, Copy)]
pub struct Passed<'a> {
    /// Which.
    pub digest: &'a str,
    /// Bytes that have come.
    pub bytes: u64,
    /// Bytes that it has, if that is known.
    pub of: Option<u64>,
}

/// Who is told how far it has come.
pub type Progress = Box<dyn Fn(Passed<'_>) + Send + Sync>;

/// How long one waits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    pub(crate) wait: Duration,
}

/// What an answer brings.
#[derive(Debug)]
pub(crate) struct Body {
    incoming: Incoming,
    host: String,
    name: String,
    patience: Patience,
    waited: Duration,
    received: u64,
    max: u64,
}

impl Body {
    /// The body of an answer that `host` gives for `name`, of at most `max` bytes.
    pub(crate) fn new(
        incoming: Incoming,
        host: &str,
        name: &str,
        max: u64,
        patience: Patience,
    ) -> Self {
        let (host, name) = (host.to_owned(), name.to_owned());
        Self { incoming, host, name, patience, waited: Duration::ZERO, received: 0, max }
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// The next bytes; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, RegistryFault> {
        loop {
            let earned =
                Duration::from_millis(self.received.saturating_mul(1000) / SLOW_BYTES_PER_S);
            // Twice, so that one who stops after a slow start is told from one who is slow.
            let left = (self.patience.wait * 2 + earned).saturating_sub(self.waited);
            let wait = left.min(self.patience.wait);
            let began = Instant::now();
            let frame = tokio::time::timeout(wait, self.incoming.frame()).await;
            self.waited += began.elapsed();
            let frame = match frame {
                Err(_) if wait < self.patience.wait => {
                    return Err(RegistryFault::Slow { host: self.host.clone() });
                }
                Err(_) => {
                    let wait_s = self.patience.wait.as_secs();
                    return Err(RegistryFault::Silent(self.host.clone(), wait_s));
                }
                Ok(None) => return Ok(None),
                Ok(Some(Err(error))) => {
                    let reason = words(&chain(&error));
                    let (host, name) = (self.host.clone(), self.name.clone());
                    return Err(RegistryFault::BrokeOff { host, name, reason });
                }
                Ok(Some(Ok(frame))) => frame,
            };
            // Trailers are nothing that is asked for.
            let Ok(data) = frame.into_data() else { continue };
            self.received = self.received.saturating_add(data.len() as u64);
            if self.received > self.max {
                let (host, name) = (self.host.clone(), self.name.clone());
                return Err(RegistryFault::Size { host, name, max: self.max });
            }
            return Ok(Some(data));
        }
    }

    /// All of it.
    pub(crate) async fn whole(mut self) -> Result<Vec<u8>, RegistryFault> {
        let mut bytes = Vec::new();
        while let Some(data) = self.next().await? {
            bytes.extend_from_slice(&data);
        }
        Ok(bytes)
    }
}

/// SHA-256 of what has passed.
#[derive(Clone)]
pub(crate) struct Hash(Context);

impl Hash {
    pub(crate) fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// As a digest is written.
    pub(crate) fn digest(self) -> String {
        let found = self.0.finish();
        let digits: String = found.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("sha256:{digits}")
    }

    pub(crate) fn of(bytes: &[u8]) -> String {
        let mut hash = Self::new();
        hash.update(bytes);
        hash.digest()
    }
}

impl std::fmt::Debug for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hash(…)")
    }
}
