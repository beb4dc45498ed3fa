//! Where traffic comes from: the agents, when each was heard, and how it stands, for whoever looks at the room.
//! What an agent sends is `agents`'; here it is only shown.

use super::Traffic;
use crate::agent::AgentStatus;
use axum::extract::State;
use http_api::{Administrator, Json, Problem};
use model::{ClusterName, NodeName, Timestamp};
use serde::Serialize;
use std::sync::atomic::Ordering;
use std::time::Duration;
use store::TrafficAgent;

/// An agent speaks every five seconds; one that was not heard for so long is not there.
const SILENT_AFTER: Duration = Duration::from_secs(20);

/// The agents.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = TrafficAgents)]
pub(super) struct AgentsBody {
    /// By cluster and node.
    items: Vec<AgentBody>,
    /// Whether this hub listens to agents at all.
    listens: bool,
}

/// An agent on a node.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = TrafficAgent)]
pub(super) struct AgentBody {
    #[schema(value_type = String)]
    cluster: ClusterName,
    #[schema(value_type = String)]
    node: NodeName,
    state: AgentState,
    /// When it was heard last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    heard_at: Option<Timestamp>,
    /// What it said of itself then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    status: Option<StatusBody>,
}

/// Whether an agent is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = TrafficAgentState)]
enum AgentState {
    /// It captures, and was heard within the last 20 seconds.
    Connected,
    /// It was told to stop, and did.
    Stopped,
    /// It was heard, but not lately.
    Silent,
    /// Its certificates were revoked, and it was not heard since.
    Revoked,
}

/// How an agent stands; counts are since it was started.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = TrafficAgentStatus)]
struct StatusBody {
    /// When it was started.
    #[schema(value_type = String, format = DateTime)]
    began_at: Timestamp,
    /// Programs and key logs whose keys are taken.
    sources: Vec<String>,
    /// TCP ports.
    ports: Vec<u16>,
    /// Packets that were read.
    packets: u64,
    /// Packets that the kernel dropped, because they came faster than they were read.
    dropped: u64,
    /// Secrets of programs that were taken.
    secrets: u64,
    /// Secrets of programs that could not be taken.
    secrets_lost: u64,
    /// Units that were decoded.
    units: u64,
    /// Units that were lost: the spool was full or could not be written, or the hub took them for none.
    units_lost: u64,
    /// Bytes that wait for the hub.
    waiting_bytes: u64,
    /// The most that may.
    waiting_bytes_max: u64,
    /// How long the oldest of it has waited.
    lag_ms: u64,
}

/// The agents that send traffic: when each was heard, and how it stands.
#[utoipa::path(
    get, path = "/api/v1/traffic/agents", tag = "traffic", operation_id = "list_traffic_agents",
    responses(
        (status = OK, body = AgentsBody),
        (status = FORBIDDEN, body = http_api::ProblemBody, description = "not_admin"),
    ),
)]
pub(super) async fn agents(
    _administrator: Administrator,
    State(traffic): State<Traffic>,
) -> Result<Json<AgentsBody>, Problem> {
    let inner = &traffic.inner;
    let now = inner.api.clock.now();
    let agents = inner.api.store.traffic_agents().await?;
    Ok(Json(AgentsBody {
        items: agents.into_iter().map(|agent| shown(agent, now)).collect(),
        listens: inner.takes_agents.load(Ordering::Relaxed),
    }))
}

fn shown(agent: TrafficAgent, now: Timestamp) -> AgentBody {
    let TrafficAgent { cluster, node, heard_at, status, revoked_at } = agent;
    // What an older hub wrote may not be read by this one; that it was heard is known all the same.
    let status = status.and_then(|text| AgentStatus::read(text.as_bytes()).ok());
    let state = state(heard_at, revoked_at, status.as_ref().is_none_or(|it| it.capturing), now);
    AgentBody { cluster, node, state, heard_at, status: status.map(StatusBody::from) }
}

fn state(
    heard_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    capturing: bool,
    now: Timestamp,
) -> AgentState {
    match (heard_at, revoked_at) {
        (heard_at, Some(revoked_at)) if heard_at.is_none_or(|at| at <= revoked_at) => {
            AgentState::Revoked
        }
        (None, _) => AgentState::Silent,
        (Some(_), _) if !capturing => AgentState::Stopped,
        (Some(at), _) if now.since(at) <= SILENT_AFTER => AgentState::Connected,
        (Some(_), _) => AgentState::Silent,
    }
}

impl From<AgentStatus> for StatusBody {
    fn from(status: AgentStatus) -> Self {
        Self {
            began_at: status.began_at,
            sources: status.sources,
            ports: status.ports,
            packets: status.packets,
            dropped: status.dropped,
            secrets: status.secrets,
            secrets_lost: status.secrets_lost,
            units: status.units,
            units_lost: status.units_lost.saturating_add(status.units_refused),
            waiting_bytes: status.waiting_bytes,
            waiting_bytes_max: status.waiting_bytes_max,
            lag_ms: status.lag_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_is_there_while_it_is_heard() {
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
        for (heard, revoked, capturing, expected) in [
            (Some(100), None, true, AgentState::Connected),
            (Some(100), None, false, AgentState::Stopped),
            (Some(79), None, true, AgentState::Silent),
            (None, Some(90), true, AgentState::Revoked),
            (Some(90), Some(90), true, AgentState::Revoked),
            // It came back with another certificate.
            (Some(95), Some(90), true, AgentState::Connected),
        ] {
            let state = state(heard.map(at), revoked.map(at), capturing, at(100));
            assert_eq!(state, expected, "{heard:?} {revoked:?} {capturing}");
        }
    }
}
