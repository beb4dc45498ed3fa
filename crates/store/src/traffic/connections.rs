//! Connections that are over: how far each could be read, and what became of its bytes.
//! What the words mean is known to `wire`.

use super::append::clean;
use crate::database::{Row, Value, values};
use crate::{Result, Store};
use model::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use std::collections::BTreeMap;
use std::net::SocketAddr;

const PAGE_MAX: u32 = 500;

/// A connection at its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrafficConnection {
    /// Its number in this store.
    pub number: i64,
    /// Who opened it.
    pub client: SocketAddr,
    /// Who answered.
    pub server: SocketAddr,
    /// When its first packet was captured.
    pub began_at: Timestamp,
    /// When its last packet was captured.
    pub ended_at: Timestamp,
    /// How far it could be read, as a word.
    pub decryption: String,
    /// What TLS agreed on.
    pub tls: Option<TrafficTls>,
    /// HTTP requests seen.
    pub requests: u64,
    /// The beginning was not captured.
    pub late: bool,
    /// Bytes that were sent, but are not in the capture.
    pub missing: u64,
    /// Bytes of TCP payload: `decoded`, and those skipped by reason.
    pub wire: BTreeMap<String, u64>,
    /// Bytes of readable content: `decoded`, and those skipped by reason.
    pub content: BTreeMap<String, u64>,
}

/// What a TLS handshake said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrafficTls {
    /// `TLS 1.2` or `TLS 1.3`.
    pub version: Option<String>,
    /// The cipher suite.
    pub suite: Option<String>,
    /// The server's name that the client asked for.
    pub server_name: Option<String>,
    /// The application protocol agreed on.
    pub protocol: Option<String>,
    /// A session was resumed.
    pub resumed: bool,
    /// The client offered data before the handshake's end.
    pub early_data: bool,
}

/// The newest connections, and how many of all could be read how far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrafficConnections {
    /// The connections, newest first.
    pub items: Vec<TrafficConnection>,
    /// `before` of the next page, unless this is the last.
    pub next_before: Option<i64>,
    /// All stored connections by how far they could be read.
    pub by_decryption: BTreeMap<String, u64>,
}

impl Store {
    /// Reads a page of connections, newest first: those before a number, and of one state only.
    pub async fn traffic_connections(
        &self,
        decryption: Option<&str>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<TrafficConnections> {
        let limit = limit.clamp(1, PAGE_MAX);
        let mut tx = self.inner.database.begin_snapshot().await?;
        let mut values: Vec<Value> = values![before.unwrap_or(i64::MAX), limit];
        let mut sql = "SELECT * FROM traffic_connections WHERE number < $1".to_owned();
        if let Some(decryption) = decryption {
            values.push(clean(decryption).into());
            sql.push_str(" AND decryption = $3");
        }
        sql.push_str(" ORDER BY number DESC LIMIT $2");
        let rows = tx.rows(AssertSqlSafe(sql), values).await?;
        let items: Vec<TrafficConnection> = rows.iter().map(read).collect::<Result<_>>()?;
        let is_full = u32::try_from(items.len()).is_ok_and(|read| read >= limit);
        let next_before = items.last().map(|last| last.number).filter(|_| is_full);
        let counts = tx
            .rows(
                "SELECT decryption, COUNT(*) AS count FROM traffic_connections GROUP BY decryption",
                values![],
            )
            .await?;
        let by_decryption = counts
            .iter()
            .map(|row| Ok((row.text("decryption")?, row.number("count")?)))
            .collect::<Result<_>>()?;
        Ok(TrafficConnections { items, next_before, by_decryption })
    }
}

pub(super) fn read(row: &Row) -> Result<TrafficConnection> {
    Ok(TrafficConnection {
        number: row.int("number")?,
        client: row.parsed("client")?,
        server: row.parsed("server")?,
        began_at: row.time("began_at")?,
        ended_at: row.time("ended_at")?,
        decryption: row.text("decryption")?,
        tls: row.json("tls")?,
        requests: row.number("requests")?,
        late: row.bool("late")?,
        missing: row.number("missing")?,
        wire: row.json("wire")?,
        content: row.json("content")?,
    })
}
