//! What agents send: a batch is stored once, whichever hub it reaches and however often it comes; how each agent
//! stands is kept for those who look.
//! Whether the other side holds the key of the certificate it shows, and whether an authority of agents signed it, is
//! the listener's to prove; it puts [`AgentCertificate`] into the request. Without one nothing is answered.
//!
//! An agent speaks for one node of one cluster: what its certificate says. A batch that names another, a cluster that
//! this hub does not stand before, and a certificate that was revoked or has expired are refused, each time, and before
//! anything of the body is read.
//!
//! Hostile input: a batch is checked by `agent::batch` before anything of it is believed. Limits: its bytes, and
//! [`BATCHES_AT_ONCE`] of all agents at once: each is a transaction, and those wait for one another. How bodies are held
//! to it is [`bodies`]'s.

mod bodies;

use super::Traffic;
use crate::agent::{AgentName, AgentStatus, BATCH_BYTES_MAX, Batch, BatchFault, STATUS_BYTES_MAX};
use axum::Router;
use axum::extract::{Extension, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bodies::{Bodies, Place};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use model::Timestamp;
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use store::{StoreError, TrafficBatchOf};

/// One is written while the next arrives; more would only wait in memory.
const BATCHES_AT_ONCE: usize = 4;
/// Each is small and soon over.
const STATUSES_AT_ONCE: usize = 8;
const RETRY_AFTER_S: &str = "1";

const BATCHES: &str = "sallyport_traffic_agent_batches_total";
const UNITS: &str = "sallyport_traffic_agent_units_total";
const DROPPED: &str = "sallyport_traffic_agent_packets_dropped";
const LOST: &str = "sallyport_traffic_agent_units_lost";
const LAG: &str = "sallyport_traffic_agent_lag_milliseconds";

/// Whose certificate the other side of a connection has shown, and proved to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentCertificate {
    /// For whom it speaks.
    pub name: AgentName,
    /// When it began to hold.
    pub not_before: Timestamp,
    /// The last moment at which it holds: a connection may outlive it.
    pub not_after: Timestamp,
}

/// Tells what is counted here.
pub fn describe_agent_metrics() {
    metrics::describe_counter!(
        BATCHES,
        "Batches of agents by outcome: stored, repeated (stored before), refused."
    );
    metrics::describe_counter!(UNITS, "Units of traffic that agents sent and this hub stored.");
    metrics::describe_gauge!(DROPPED, "Packets that an agent's kernel dropped since it started.");
    metrics::describe_gauge!(LOST, "Units that an agent lost since it started.");
    metrics::describe_gauge!(LAG, "How long the oldest batch of an agent has waited for the hub.");
    metrics::counter!(UNITS).absolute(0);
    for outcome in ["stored", "repeated", "refused"] {
        metrics::counter!(BATCHES, "outcome" => outcome).absolute(0);
    }
}

/// The face for agents: to be served behind mutual TLS alone.
pub fn agents_router(traffic: &Traffic) -> Router {
    traffic.inner.takes_agents.store(true, Ordering::Relaxed);
    let door = Door {
        traffic: traffic.clone(),
        batches: Bodies::new(BATCHES_AT_ONCE, BATCH_BYTES_MAX),
        statuses: Bodies::new(STATUSES_AT_ONCE, STATUS_BYTES_MAX),
    };
    Router::new()
        .route("/agent/v1/batches", post(batch))
        .route("/agent/v1/status", post(status))
        .with_state(door)
}

#[derive(Clone)]
struct Door {
    traffic: Traffic,
    batches: Bodies,
    statuses: Bodies,
}

/// Why an agent is sent away. Its words are for the log of the agent.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("a certificate that names an agent is needed")]
    NoCertificate,
    #[error("this hub stands before no cluster `{0}`")]
    UnknownCluster(model::ClusterName),
    #[error("this certificate was revoked: issue another")]
    Revoked,
    #[error("this certificate has expired: issue another and restart the agent")]
    Expired,
    #[error("the certificate is of `{0}`, and this is of `{1}`")]
    Another(AgentName, AgentName),
    #[error(transparent)]
    Form(#[from] BatchFault),
    #[error("of this the hub takes at most {0} bytes")]
    TooLarge(usize),
    #[error("it did not come whole, or not in time: come again")]
    Unfinished,
    #[error("the hub has no time: come again")]
    Busy,
    #[error("the hub cannot store this: come again")]
    Store(#[from] StoreError),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::NoCertificate => StatusCode::UNAUTHORIZED,
            Self::UnknownCluster(_) | Self::Revoked | Self::Expired | Self::Another(..) => {
                StatusCode::FORBIDDEN
            }
            Self::Form(_) | Self::Store(StoreError::Invalid { .. }) => StatusCode::BAD_REQUEST,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            // An agent keeps what it could not bring, and throws away what is none.
            Self::Unfinished | Self::Busy | Self::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        if let Self::Store(error) = &self {
            tracing::warn!(%error, "an agent's batch cannot be stored");
        }
        let mut answer = (status, self.to_string()).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            let wait = HeaderValue::from_static(RETRY_AFTER_S);
            answer.headers_mut().insert(header::RETRY_AFTER, wait);
        }
        answer
    }
}

async fn batch(
    State(door): State<Door>,
    certificate: Option<Extension<AgentCertificate>>,
    request: Request,
) -> Result<StatusCode, Refusal> {
    let taken = door.take(certificate.map(|it| it.0), request).await;
    let outcome = match &taken {
        Ok(Some(_)) => "stored",
        Ok(None) => "repeated",
        Err(_) => "refused",
    };
    metrics::counter!(BATCHES, "outcome" => outcome).increment(1);
    let units = taken.inspect_err(|refusal| tracing::debug!(%refusal, "a batch is refused"))?;
    metrics::counter!(UNITS).increment(units.unwrap_or(0));
    Ok(StatusCode::NO_CONTENT)
}

async fn status(
    State(door): State<Door>,
    certificate: Option<Extension<AgentCertificate>>,
    request: Request,
) -> Result<StatusCode, Refusal> {
    let certificate = certificate.map(|it| it.0);
    let (name, _place, body) = door.hear(certificate.as_ref(), &door.statuses, request).await?;
    let status = AgentStatus::read(&body)?;
    if status.name != *name {
        return Err(Refusal::Another(name.clone(), status.name));
    }
    let labels = [("cluster", name.cluster.to_string()), ("node", name.node.to_string())];
    metrics::gauge!(DROPPED, &labels).set(float(status.dropped));
    metrics::gauge!(LOST, &labels)
        .set(float(status.units_lost.saturating_add(status.units_refused)));
    metrics::gauge!(LAG, &labels).set(float(status.lag_ms));
    let text = serde_json::to_string(&status).map_err(BatchFault::from)?;
    let inner = &door.traffic.inner;
    let now = inner.api.clock.now();
    inner.api.store.traffic_agent_heard(&name.cluster, &name.node, &text, now).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[expect(clippy::cast_precision_loss, reason = "a figure on a chart")]
fn float(count: u64) -> f64 {
    count as f64
}

impl Door {
    /// For whom the other side may speak.
    async fn admit<'a>(
        &self,
        certificate: Option<&'a AgentCertificate>,
    ) -> Result<&'a AgentName, Refusal> {
        let certificate = certificate.ok_or(Refusal::NoCertificate)?;
        let AgentCertificate { name, not_before, not_after } = certificate;
        let api = &self.traffic.inner.api;
        if api.clock.now() > *not_after {
            return Err(Refusal::Expired);
        }
        if api.clusters.get(&name.cluster).is_none() {
            return Err(Refusal::UnknownCluster(name.cluster.clone()));
        }
        let known = api.store.traffic_agent(&name.cluster, &name.node).await?;
        match known.and_then(|agent| agent.revoked_at) {
            Some(revoked_at) if *not_before <= revoked_at => Err(Refusal::Revoked),
            _ => Ok(name),
        }
    }

    /// What somebody says who may say something, and as whom. The place is to be held while it is made use of.
    async fn hear<'a>(
        &self,
        certificate: Option<&'a AgentCertificate>,
        bodies: &Bodies,
        request: Request,
    ) -> Result<(&'a AgentName, Place, Bytes), Refusal> {
        let name = self.admit(certificate).await?;
        let place = bodies.place(name).await?;
        let body = bodies.read(&place, request.into_body()).await?;
        // A body takes its time, and what was revoked meanwhile is refused at once.
        self.admit(certificate).await?;
        Ok((name, place, body))
    }

    /// Stores a batch; gives the number of its units, and none if it was stored before.
    async fn take(
        &self,
        certificate: Option<AgentCertificate>,
        request: Request,
    ) -> Result<Option<u64>, Refusal> {
        let (name, _place, body) = self.hear(certificate.as_ref(), &self.batches, request).await?;
        let batch = Batch::read(&body)?;
        if batch.name != *name {
            return Err(Refusal::Another(name.clone(), batch.name));
        }
        Ok(self.traffic.store_batch(batch).await?)
    }
}

impl Traffic {
    async fn store_batch(&self, batch: Batch) -> Result<Option<u64>, StoreError> {
        let inner = &self.inner;
        let now = inner.api.clock.now();
        // One agent cannot name a stream of another.
        let stream = format!("{}/{}/{}", batch.name.cluster, batch.name.node, batch.stream);
        let (connections, requests) = (batch.connections(), batch.requests());
        let first = batch.units.first().map_or(1, |(unit, _)| unit.number);
        let head = TrafficBatchOf {
            stream: &stream,
            sequence: batch.sequence,
            first_unit: u64::try_from(first).unwrap_or_default(),
            units: u32::try_from(batch.units.len()).unwrap_or(u32::MAX),
            connections: &connections,
            requests: &requests,
        };
        let Some((mut append, numbers)) = inner.api.store.traffic_append_of(head, now).await?
        else {
            return Ok(None);
        };
        let here = append.first_unit();
        let place = |connection: i64| of(&numbers.connections, connection).unwrap_or_default();
        let mut units = batch.units;
        for (unit, _) in &mut units {
            unit.request = unit.request.and_then(|request| match request - first {
                within if within >= 0 => Some(here + within),
                _ => of(&numbers.requests, request),
            });
            unit.number = here + (unit.number - first);
            unit.connection = place(unit.connection);
        }
        append.units(&units).await?;
        for mut connection in batch.closed {
            connection.number = place(connection.number);
            append.connection(&connection, now).await?;
        }
        append.commit(now, &inner.retention).await?;
        if let Some((last, _)) = units.last() {
            inner.newest.send_replace(last.number);
        }
        Ok(Some(units.len() as u64))
    }
}

fn of(numbers: &HashMap<u64, i64>, theirs: i64) -> Option<i64> {
    numbers.get(&u64::try_from(theirs).ok()?).copied()
}
