//! An act: a transaction that may append to the audit log and the change feed, in one commit with what it does.
//! What is done in it is known to the modules that begin it.
//!
//! Beginning an act takes the audit head's row, so acts run one after another on both databases, across all
//! hubs. That costs parallel writes which a hub does not need (an act takes about a millisecond), and buys three
//! things: check-then-change needs no further lock, acts cannot deadlock, and change numbers become visible in
//! order, so that a reader of the feed never passes over one.

use super::chain::Head;
use super::entry::{AuditEntry, StoredEntry};
use super::mark::{Mark, missed_by};
use crate::StoreError;
use crate::changes::{self, Change};
use crate::database::{Database, Pending, Row, Tx, Value, values};
use crate::vault::Vault;
use model::Timestamp;
use sqlx::SqlSafeStr;
use std::sync::Arc;
use tokio::sync::Notify;

/// A transaction that holds the audit head; dropped without [`Act::commit`] it never happened.
pub(crate) struct Act {
    tx: Tx,
    vault: Arc<Vault>,
    mark: Arc<Mark>,
    head: Head,
    mac: Vec<u8>,
    records: usize,
    changes: usize,
    wake: Option<Arc<Notify>>,
}

impl Act {
    pub(crate) fn begin<'a>(
        database: &'a Database,
        vault: &'a Arc<Vault>,
        mark: &'a Arc<Mark>,
        wake: Option<&'a Arc<Notify>>,
    ) -> Pending<'a, Self> {
        Box::pin(async move {
            let mut tx = database.begin().await?;
            let sql = if tx.is_postgres() {
                "SELECT seq, hash, mac FROM audit_head WHERE one = 1 FOR UPDATE"
            } else {
                "SELECT seq, hash, mac FROM audit_head WHERE one = 1"
            };
            let row = tx.row(sql, values![]).await?.ok_or_else(|| forged("it is missing"))?;
            let head = Head { seq: row.number("seq")?, hash: row.hash("hash")? };
            Ok(Self {
                tx,
                vault: Arc::clone(vault),
                mark: Arc::clone(mark),
                head,
                mac: row.bytes("mac")?,
                records: 0,
                changes: 0,
                wake: wake.cloned(),
            })
        })
    }

    /// Appends a record to the log; it is there once the act is committed.
    pub(crate) fn record<'a>(&'a mut self, entry: &'a AuditEntry) -> Pending<'a, u64> {
        Box::pin(async move {
            if self.records == 0 {
                if !self.vault.is_head_mac(&self.head.encoded(), &self.mac) {
                    return Err(forged("it was not written by a hub that has the vault key"));
                }
                // Nobody else can have moved the mark past the head while this act holds it.
                let fault = match self.mark.seen() {
                    Ok(mark) => mark.and_then(|mark| missed_by(&mark, &self.head)),
                    Err(fault) => Some(fault),
                };
                if let Some(fault) = fault {
                    return Err(forged(&fault));
                }
            }
            let stored = StoredEntry::of(entry);
            let head = self.head.followed_by(&stored);
            let [actor, action, object, outcome, reason, request_id, source, detail] = stored.texts;
            self.tx
            .execute(
                "INSERT INTO audit (seq, at, actor, action, object, outcome, reason, request_id, source, detail, hash)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
                values![
                    head.seq_column()?, stored.at, actor, action, object, outcome, reason,
                    request_id, source, detail, &head.hash,
                ],
            )
            .await?;
            // The head moves with each record, not once at the end: the trigger that keeps records in order looks
            // at it.
            let mac = self.vault.head_mac(&head.encoded());
            self.tx
                .execute(
                    "UPDATE audit_head SET seq = $1, hash = $2, mac = $3 WHERE one = 1",
                    values![head.seq_column()?, &head.hash, &mac],
                )
                .await?;
            self.head = head;
            self.records += 1;
            Ok(head.seq)
        })
    }

    /// Tells every hub of a change, once the act is committed.
    pub(crate) fn tell<'a>(&'a mut self, change: &'a Change, now: Timestamp) -> Pending<'a, ()> {
        Box::pin(async move {
            changes::insert(&mut self.tx, change, now).await?;
            self.changes += 1;
            Ok(())
        })
    }

    pub(crate) fn rows(
        &mut self,
        sql: impl SqlSafeStr,
        values: Vec<Value>,
    ) -> Pending<'_, Vec<Row>> {
        self.tx.rows(sql, values)
    }

    pub(crate) fn row(
        &mut self,
        sql: impl SqlSafeStr,
        values: Vec<Value>,
    ) -> Pending<'_, Option<Row>> {
        self.tx.row(sql, values)
    }

    pub(crate) fn execute(&mut self, sql: impl SqlSafeStr, values: Vec<Value>) -> Pending<'_, u64> {
        self.tx.execute(sql, values)
    }

    /// Makes the act, its records and its changes durable, all or nothing.
    pub(crate) fn commit(mut self) -> Pending<'static, ()> {
        Box::pin(async move {
            if self.changes > 0 {
                changes::notify(&mut self.tx).await?;
            }
            self.tx.commit().await?;
            if self.records > 0 {
                self.mark.advance(self.head);
            }
            if self.changes > 0
                && let Some(wake) = self.wake
            {
                wake.notify_one();
            }
            Ok(())
        })
    }
}

/// A head that cannot be trusted stops every act: recording after it would make the forgery look genuine.
fn forged(reason: &str) -> StoreError {
    StoreError::corrupt(
        "the audit log's head",
        format!(
            "{reason}; somebody changed the database by hand: run the verification and restore a backup"
        ),
    )
}
