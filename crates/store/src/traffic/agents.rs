//! Agents as they are known here: when each was heard, what it said of itself, and which certificates of it hold.
//! What its words mean, and whether it is late, is known to the services.

use crate::database::{Row, values};
use crate::{AuditEntry, Result, Store};
use model::{ClusterName, NodeName, Timestamp};

/// Agents that are listed; each is a node.
const AGENTS_MAX: u32 = 10_000;

/// An agent on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrafficAgent {
    /// The cluster whose traffic it reads.
    pub cluster: ClusterName,
    /// The node on which it runs.
    pub node: NodeName,
    /// When it was heard last.
    pub heard_at: Option<Timestamp>,
    /// What it said of itself then, as JSON.
    pub status: Option<String>,
    /// Certificates that began to hold before are refused.
    pub revoked_at: Option<Timestamp>,
}

impl Store {
    /// Notes that an agent was heard, and what it said of itself.
    pub async fn traffic_agent_heard(
        &self,
        cluster: &ClusterName,
        node: &NodeName,
        status: &str,
        now: Timestamp,
    ) -> Result<()> {
        self.inner
            .database
            .execute(
                "INSERT INTO traffic_agents (cluster, node, heard_at, status) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (cluster, node) DO UPDATE SET heard_at = excluded.heard_at, status = excluded.status",
                values![cluster.as_str(), node.as_str(), now, status],
            )
            .await?;
        Ok(())
    }

    /// All agents, by cluster and node.
    pub async fn traffic_agents(&self) -> Result<Vec<TrafficAgent>> {
        let sql = "SELECT * FROM traffic_agents ORDER BY cluster, node LIMIT $1";
        self.inner.database.rows(sql, values![AGENTS_MAX]).await?.iter().map(read).collect()
    }

    /// One agent, if it was ever heard or revoked.
    pub async fn traffic_agent(
        &self,
        cluster: &ClusterName,
        node: &NodeName,
    ) -> Result<Option<TrafficAgent>> {
        let sql = "SELECT * FROM traffic_agents WHERE cluster = $1 AND node = $2";
        let row = self.inner.database.row(sql, values![cluster.as_str(), node.as_str()]).await?;
        row.as_ref().map(read).transpose()
    }

    /// Refuses all certificates of an agent that began to hold up to now, and records it.
    pub async fn revoke_traffic_agent(
        &self,
        cluster: &ClusterName,
        node: &NodeName,
        entry: AuditEntry,
    ) -> Result<()> {
        let mut act = self.act().await?;
        act.execute(
            "INSERT INTO traffic_agents (cluster, node, revoked_at) VALUES ($1, $2, $3)
             ON CONFLICT (cluster, node) DO UPDATE SET revoked_at = excluded.revoked_at",
            values![cluster.as_str(), node.as_str(), entry.at],
        )
        .await?;
        act.record(&entry).await?;
        act.commit().await
    }
}

fn read(row: &Row) -> Result<TrafficAgent> {
    Ok(TrafficAgent {
        cluster: row.parsed("cluster")?,
        node: row.parsed("node")?,
        heard_at: row.time_option("heard_at")?,
        status: row.text_option("status")?,
        revoked_at: row.time_option("revoked_at")?,
    })
}
