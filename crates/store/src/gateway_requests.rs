//! Every request that came to the gateway: who, by which method, as whom, what, and what came of it.
//! How they are gathered into batches and for how long they are kept is known to the gateway and the binary.
//!
//! They are not in the audit log's chain, whose every record waits for the one lock: a batch is one statement
//! with one parameter, a list in JSON, on both databases. Writing a batch again changes nothing, so that a
//! writer who does not know whether it was written may try again.
//!
//! Hostile input: paths and names of users are what strangers chose; they are cut and their control characters
//! escaped here, which PostgreSQL would partly refuse.

use crate::database::{Row, Value, values};
use crate::{Result, Store, StoreError};
use model::{HubId, RequestId, Timestamp};
use serde::Serialize;
use sqlx::AssertSqlSafe;
use std::time::Duration;

/// A request and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GatewayRequest {
    /// Its id, which the API server's own audit log has as the audit id.
    pub id: RequestId,
    /// When it came.
    #[serde(serialize_with = "micros")]
    pub at: Timestamp,
    /// Which hub it came to.
    pub hub: HubId,
    /// For which cluster; empty if it named none that there is.
    pub cluster: String,
    /// Where it came from.
    pub source: String,
    /// Whose it was, if a method knew them.
    pub user_name: Option<String>,
    /// Which method.
    pub method: Option<String>,
    /// As whom they wished to act.
    pub acting_as: Option<String>,
    /// Verb, as RBAC has it, or the method in lower case for what is no resource.
    pub verb: String,
    /// API group.
    pub api_group: Option<String>,
    /// Resource.
    pub resource: Option<String>,
    /// Subresource.
    pub subresource: Option<String>,
    /// Namespace.
    pub namespace: Option<String>,
    /// Name of the object.
    pub name: Option<String>,
    /// The path without the query, which may hold what a person typed.
    pub path: String,
    /// Status of the answer; 499 if the sender left before there was one.
    pub status: u16,
    /// From the whole head of the request to the head of the answer.
    pub latency_us: u32,
}

/// Which requests to list.
#[derive(Debug, Clone, Default)]
pub struct GatewayRequestFilter {
    /// Of this user.
    pub user: Option<String>,
    /// Before this time.
    pub before: Option<Timestamp>,
    /// At most so many.
    pub limit: u32,
}

/// Longest text of a request that is kept: longer than any name that Kubernetes allows, and than most paths.
const TEXT_CHARACTERS_MAX: usize = 512;
/// Rows listed at once.
const LISTED_MAX: u32 = 1000;
/// Rows that one statement removes: some tens of milliseconds for which writers wait.
const AT_ONCE: i64 = 5000;

fn micros<S: serde::Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(at.as_micros())
}

const INTO: &str = "INSERT INTO gateway_requests
    (id, at, hub, cluster, source, user_name, method, acting_as, verb, api_group, resource, subresource,
     namespace, name, path, status, latency_us)";
const FROM_POSTGRES: &str = "SELECT * FROM json_to_recordset($1::json) AS r
    (id TEXT, at BIGINT, hub TEXT, cluster TEXT, source TEXT, user_name TEXT, method TEXT, acting_as TEXT,
     verb TEXT, api_group TEXT, resource TEXT, subresource TEXT, namespace TEXT, name TEXT, path TEXT,
     status BIGINT, latency_us BIGINT)";
const FROM_SQLITE: &str = "SELECT value ->> 'id', value ->> 'at', value ->> 'hub', value ->> 'cluster',
    value ->> 'source', value ->> 'user_name', value ->> 'method', value ->> 'acting_as', value ->> 'verb',
    value ->> 'api_group', value ->> 'resource', value ->> 'subresource', value ->> 'namespace',
    value ->> 'name', value ->> 'path', value ->> 'status', value ->> 'latency_us'
    FROM json_each($1) WHERE TRUE";

impl Store {
    /// Writes requests down, all or none. Those that are there already stay as they are.
    pub async fn record_gateway_requests(&self, requests: &[GatewayRequest]) -> Result<()> {
        if requests.is_empty() {
            return Ok(());
        }
        let clean: Vec<GatewayRequest> = requests.iter().map(GatewayRequest::cleaned).collect();
        let list = serde_json::to_string(&clean).map_err(|error| StoreError::Invalid {
            object: "requests of the gateway".to_owned(),
            reason: error.to_string(),
        })?;
        let database = &self.inner.database;
        let from = if database.is_postgres() { FROM_POSTGRES } else { FROM_SQLITE };
        let sql = format!("{INTO} {from} ON CONFLICT (id) DO NOTHING");
        database.execute(AssertSqlSafe(sql), values![list]).await?;
        Ok(())
    }

    /// Requests, newest first.
    pub async fn gateway_requests(
        &self,
        filter: &GatewayRequestFilter,
    ) -> Result<Vec<GatewayRequest>> {
        let mut sql = "SELECT * FROM gateway_requests WHERE TRUE".to_owned();
        let mut values: Vec<Value> = Vec::new();
        if let Some(user) = &filter.user {
            values.push(user.into());
            sql.push_str(&format!(" AND user_name = ${}", values.len()));
        }
        if let Some(before) = filter.before {
            values.push(before.into());
            sql.push_str(&format!(" AND at < ${}", values.len()));
        }
        values.push(filter.limit.clamp(1, LISTED_MAX).into());
        sql.push_str(&format!(" ORDER BY at DESC, id LIMIT ${}", values.len()));
        // The text is put together from fixed pieces; every value is bound.
        let rows = self.inner.database.rows(AssertSqlSafe(sql), values).await?;
        rows.iter().map(read).collect()
    }

    /// Removes requests older than `kept`, a few thousand at a time; returns how many there were.
    pub async fn purge_gateway_requests(&self, now: Timestamp, kept: Duration) -> Result<u64> {
        let kept = i64::try_from(kept.as_micros()).unwrap_or(i64::MAX);
        let before = now.as_micros().saturating_sub(kept);
        let mut removed = 0;
        loop {
            let some = self
                .inner
                .database
                .execute(
                    "DELETE FROM gateway_requests WHERE id IN
                       (SELECT id FROM gateway_requests WHERE at < $1 ORDER BY at LIMIT $2)",
                    values![before, AT_ONCE],
                )
                .await?;
            removed += some;
            if some < AT_ONCE.unsigned_abs() {
                return Ok(removed);
            }
        }
    }
}

impl GatewayRequest {
    fn cleaned(&self) -> Self {
        let option = |text: &Option<String>| text.as_deref().map(cleaned);
        Self {
            id: self.id.clone(),
            at: self.at,
            hub: self.hub.clone(),
            cluster: cleaned(&self.cluster),
            source: cleaned(&self.source),
            user_name: option(&self.user_name),
            method: option(&self.method),
            acting_as: option(&self.acting_as),
            verb: cleaned(&self.verb),
            api_group: option(&self.api_group),
            resource: option(&self.resource),
            subresource: option(&self.subresource),
            namespace: option(&self.namespace),
            name: option(&self.name),
            path: cleaned(&self.path),
            status: self.status,
            latency_us: self.latency_us,
        }
    }
}

fn cleaned(text: &str) -> String {
    let mut clean = String::with_capacity(text.len().min(TEXT_CHARACTERS_MAX));
    for c in text.chars().take(TEXT_CHARACTERS_MAX) {
        if c.is_control() { clean.extend(c.escape_unicode()) } else { clean.push(c) }
    }
    clean
}

fn read(row: &Row) -> Result<GatewayRequest> {
    Ok(GatewayRequest {
        id: row.parsed("id")?,
        at: row.time("at")?,
        hub: row.parsed("hub")?,
        cluster: row.text("cluster")?,
        source: row.text("source")?,
        user_name: row.text_option("user_name")?,
        method: row.text_option("method")?,
        acting_as: row.text_option("acting_as")?,
        verb: row.text("verb")?,
        api_group: row.text_option("api_group")?,
        resource: row.text_option("resource")?,
        subresource: row.text_option("subresource")?,
        namespace: row.text_option("namespace")?,
        name: row.text_option("name")?,
        path: row.text("path")?,
        status: row.number("status")?,
        latency_us: row.number("latency_us")?,
    })
}
