//! Adding a batch: numbers first, then the rows that refer to them, then what is over the bounds goes.
//! What a batch holds, and when one is full, is known to the caller.
//!
//! The numbers of units are given under a lock that is held to the commit, on both databases. So a reader that
//! has seen number n has seen all before it, and needs nothing but n to go on.

use super::read_head;
use super::retention::{self, TrafficRetention};
use super::streams::{self, StreamPlace};
use super::{CLIENT, Head, SERVER, TrafficBody, TrafficConnection, TrafficContent, TrafficUnit};
use crate::database::{Tx, Value, insert, json_text, values};
use crate::{Result, Store, StoreError};
use model::Timestamp;

/// Units of one batch. A batch holds up all other writers of a SQLite store for some milliseconds; with more it
/// would be felt.
pub const TRAFFIC_BATCH_UNITS_MAX: u32 = 512;
/// Batches that one append removes when the store is over a bound: more than it adds, so that no rate of
/// appending outruns it.
const REMOVED_AT_ONCE: i64 = 4;

const UNIT_COLUMNS: [&str; 25] = [
    "number",
    "at",
    "connection",
    "side",
    "source_ip",
    "source_port",
    "destination_ip",
    "destination_port",
    "protocol",
    "length",
    "info",
    "stream",
    "request",
    "user_name",
    "method",
    "path",
    "verb",
    "api_group",
    "api_version",
    "resource",
    "subresource",
    "namespace",
    "name",
    "status",
    "latency_us",
];
const BODY_COLUMNS: [&str; 7] =
    ["unit", "headers", "media_type", "length", "form", "content", "cut"];

/// A batch under way; dropped without [`TrafficAppend::commit`] it never happened.
pub struct TrafficAppend {
    pub(super) tx: Tx,
    pub(super) of: Option<StreamPlace>,
    head: Head,
    first_unit: i64,
    first_connection: i64,
    body_bytes: i64,
}

impl Store {
    /// Begins a batch of so many units and of so many connections that had no number yet.
    pub async fn traffic_append(&self, units: u32, connections: u32) -> Result<TrafficAppend> {
        if units > TRAFFIC_BATCH_UNITS_MAX {
            return Err(StoreError::Invalid {
                object: format!("a batch of {units} units"),
                reason: format!("the most is {TRAFFIC_BATCH_UNITS_MAX}"),
            });
        }
        let mut tx = self.inner.database.begin().await?;
        let row = tx
            .row(
                "UPDATE traffic_head SET unit = unit + $1, connection = connection + $2
                 WHERE one = 1 RETURNING unit, connection, body_bytes",
                values![units, connections],
            )
            .await?;
        let head = read_head(row)?;
        Ok(TrafficAppend {
            tx,
            of: None,
            head,
            first_unit: head.unit - i64::from(units) + 1,
            first_connection: head.connection - i64::from(connections) + 1,
            body_bytes: 0,
        })
    }
}

impl TrafficAppend {
    /// The number of the batch's first unit; the others follow.
    pub fn first_unit(&self) -> i64 {
        self.first_unit
    }

    /// The number of the batch's first new connection; the others follow.
    pub fn first_connection(&self) -> i64 {
        self.first_connection
    }

    /// Takes numbers for more connections; gives the first.
    pub(super) async fn more_connections(&mut self, count: i64) -> Result<i64> {
        let row = self
            .tx
            .row(
                "UPDATE traffic_head SET connection = connection + $1 WHERE one = 1
                 RETURNING unit, connection, body_bytes",
                values![count],
            )
            .await?;
        let head = read_head(row)?;
        self.head.connection = head.connection;
        Ok(head.connection - count + 1)
    }

    /// Adds units with what they carry.
    pub async fn units(&mut self, units: &[(TrafficUnit, Option<TrafficBody>)]) -> Result<()> {
        let rows = units.iter().map(|(unit, _)| unit_values(unit)).collect();
        insert(&mut self.tx, "traffic_units", &UNIT_COLUMNS, rows).await?;
        let mut bodies = Vec::new();
        for (unit, body) in units {
            if let Some(body) = body {
                self.body_bytes = self.body_bytes.saturating_add(body.bytes());
                bodies.push(body_values(unit.number, body)?);
            }
        }
        insert(&mut self.tx, "traffic_bodies", &BODY_COLUMNS, bodies).await
    }

    /// Adds a connection that is over. Of two with the same number the first is kept.
    pub async fn connection(
        &mut self,
        connection: &TrafficConnection,
        now: Timestamp,
    ) -> Result<()> {
        let values = values![
            connection.number,
            now,
            connection.client.to_string(),
            connection.server.to_string(),
            connection.began_at,
            connection.ended_at,
            &connection.decryption,
            json_text("a connection's TLS", &connection.tls)?,
            number(connection.requests),
            connection.late,
            number(connection.missing),
            json_text("a connection's account", &connection.wire)?,
            json_text("a connection's account", &connection.content)?,
        ];
        self.tx
            .execute(
                "INSERT INTO traffic_connections (number, stored_at, client, server, began_at, ended_at,
                   decryption, tls, requests, late, missing, wire, content)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
                 ON CONFLICT (number) DO NOTHING",
                values,
            )
            .await?;
        match &self.of {
            Some(of) => streams::ended(&mut self.tx, &of.stream, connection.number).await,
            None => Ok(()),
        }
    }

    /// Makes the batch durable, and removes the oldest of what is over the bounds.
    pub async fn commit(mut self, now: Timestamp, retention: &TrafficRetention) -> Result<()> {
        if self.head.unit >= self.first_unit {
            self.tx
                .execute(
                    "INSERT INTO traffic_batches (first_unit, last_unit, stored_at, body_bytes, stream, stream_unit)
                     VALUES ($1, $2, $3, $4, $5, $6)",
                    values![
                        self.first_unit,
                        self.head.unit,
                        now,
                        self.body_bytes,
                        self.of.as_ref().map(|of| of.stream.clone()),
                        self.of.as_ref().map(|of| of.first_unit),
                    ],
                )
                .await?;
        }
        if self.body_bytes > 0 {
            self.head.body_bytes = self.head.body_bytes.saturating_add(self.body_bytes);
            self.tx
                .execute(
                    "UPDATE traffic_head SET body_bytes = $1 WHERE one = 1",
                    values![self.head.body_bytes],
                )
                .await?;
        }
        retention::over_bounds(&mut self.tx, self.head, retention, REMOVED_AT_ONCE).await?;
        self.tx.commit().await
    }
}

fn unit_values(unit: &TrafficUnit) -> Vec<Value> {
    values![
        unit.number,
        unit.at,
        unit.connection,
        if unit.from_client { CLIENT } else { SERVER },
        unit.source.ip().to_string(),
        i64::from(unit.source.port()),
        unit.destination.ip().to_string(),
        i64::from(unit.destination.port()),
        clean(&unit.protocol),
        number(unit.length),
        clean(&unit.info),
        unit.stream.map(i64::from),
        unit.request,
        clean_option(&unit.user),
        clean_option(&unit.method),
        clean_option(&unit.path),
        clean_option(&unit.verb),
        clean_option(&unit.group),
        clean_option(&unit.version),
        clean_option(&unit.resource),
        clean_option(&unit.subresource),
        clean_option(&unit.namespace),
        clean_option(&unit.name),
        unit.status.map(i64::from),
        unit.latency_us.map(number),
    ]
}

fn body_values(unit: i64, body: &TrafficBody) -> Result<Vec<Value>> {
    let (form, content) = match &body.content {
        TrafficContent::None => ("none".to_owned(), None),
        TrafficContent::Json(text) => ("json".to_owned(), Some(clean(text))),
        TrafficContent::Text(text) => ("text".to_owned(), Some(clean(text))),
        TrafficContent::Omitted { reason, fingerprint } => {
            (format!("omitted:{reason}"), fingerprint.clone())
        }
    };
    Ok(values![
        unit,
        json_text("headers", &body.headers)?,
        clean_option(&body.media_type),
        body.length.map(number),
        form,
        content,
        body.cut,
    ])
}

/// PostgreSQL stores no NUL in a text.
pub(super) fn clean(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn clean_option(text: &Option<String>) -> Option<String> {
    text.as_deref().map(clean)
}

fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
