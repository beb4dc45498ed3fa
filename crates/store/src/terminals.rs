//! Terminal sessions: who is in which container since when, and on which hub.
//! The bytes of a terminal, how one is ended, and that its processes end with its connection, are known to the
//! terminal service.
//!
//! A live terminal has no heartbeat of its own: its hub has one. When a hub falls silent, all its terminals are
//! abandoned at once, and another hub ends their rows.

use crate::audit::Act;
use crate::changes::Change;
use crate::database::{Row, Value, json_text, values};
use crate::links::{read_place, read_process};
use crate::{AuditEntry, Result, Store};
use model::{ClusterName, ContainerPlace, HubId, LinkId, Process, SignInId, TerminalId, Timestamp};
use sqlx::AssertSqlSafe;
use std::time::Duration;

/// A terminal session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TerminalRow {
    /// Its id.
    pub id: TerminalId,
    /// The link it was entered by.
    pub link: LinkId,
    /// The Kubernetes user.
    pub user: String,
    /// The browser's sign-in.
    pub sign_in: SignInId,
    /// The container.
    pub place: ContainerPlace,
    /// What runs there.
    pub process: Process,
    /// The hub that holds it.
    pub hub: HubId,
    /// When the second gate was passed.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Why it ended: a problem code, or `exit`.
    pub end_reason: Option<String>,
    /// When it was last known to live: at its end, or at its hub's last heartbeat. Not stored from a draft.
    pub last_alive_at: Timestamp,
}

/// Which terminals to list.
#[derive(Debug, Clone, Default)]
pub struct TerminalFilter {
    /// Only this Kubernetes user's.
    pub user: Option<String>,
    /// Only those in this cluster. A name that a token brought is somebody else's in another one.
    pub cluster: Option<ClusterName>,
    /// Only live ones, or only ended ones.
    pub live: Option<bool>,
    /// Only those on this hub.
    pub hub: Option<HubId>,
    /// Only those behind the one that began then: where the list goes on.
    pub after: Option<(Timestamp, TerminalId)>,
    /// How many at most; 1 to 10,000, for the live ones of a full hub.
    pub limit: u32,
}

const LISTED_MAX: u32 = 10_000;
/// Abandoned terminals handed out at once; whoever ends them comes again.
const ABANDONED_MAX: i64 = 1000;

const SELECT: &str =
    "SELECT t.*, h.heartbeat_at FROM terminals t LEFT JOIN hubs h ON h.id = t.hub WHERE TRUE";

impl Store {
    /// Ends a terminal with its audit record. False, and no record, if it had ended or never was: of two hubs
    /// that end the same one, one does.
    pub async fn end_terminal(
        &self,
        id: &TerminalId,
        reason: &str,
        now: Timestamp,
        audit: AuditEntry,
    ) -> Result<bool> {
        let mut act = self.act().await?;
        let touched = act
            .execute(
                "UPDATE terminals SET ended_at = $2, end_reason = $3 WHERE id = $1 AND ended_at IS NULL",
                values![id, now, reason],
            )
            .await?;
        if touched == 0 {
            return Ok(false);
        }
        act.record(&audit).await?;
        act.commit().await?;
        Ok(true)
    }

    /// The terminal of that id.
    pub async fn terminal(&self, id: &TerminalId) -> Result<Option<TerminalRow>> {
        let sql = format!("{SELECT} AND t.id = $1");
        let row = self.inner.database.row(AssertSqlSafe(sql), values![id]).await?;
        row.as_ref().map(read).transpose()
    }

    /// Terminals, newest first.
    pub async fn terminals(&self, filter: &TerminalFilter) -> Result<Vec<TerminalRow>> {
        let mut sql = SELECT.to_owned();
        let mut values: Vec<Value> = Vec::new();
        if let Some(user) = &filter.user {
            values.push(user.into());
            sql.push_str(&format!(" AND t.user_name = ${}", values.len()));
        }
        if let Some(cluster) = &filter.cluster {
            values.push(cluster.as_str().into());
            sql.push_str(&format!(" AND t.cluster = ${}", values.len()));
        }
        if let Some(hub) = &filter.hub {
            values.push(hub.into());
            sql.push_str(&format!(" AND t.hub = ${}", values.len()));
        }
        match filter.live {
            Some(true) => sql.push_str(" AND t.ended_at IS NULL"),
            Some(false) => sql.push_str(" AND t.ended_at IS NOT NULL"),
            None => {}
        }
        if let Some((at, id)) = &filter.after {
            values.extend(values![*at, id]);
            let (at, id) = (values.len() - 1, values.len());
            sql.push_str(&format!(
                " AND (t.started_at < ${at} OR (t.started_at = ${at} AND t.id > ${id}))"
            ));
        }
        values.push(filter.limit.clamp(1, LISTED_MAX).into());
        sql.push_str(&format!(" ORDER BY t.started_at DESC, t.id LIMIT ${}", values.len()));
        // The text is put together from fixed pieces; every value is bound.
        let rows = self.inner.database.rows(AssertSqlSafe(sql), values).await?;
        rows.iter().map(read).collect()
    }

    /// Asks whichever hub holds the terminal to end it. False, and no record, if it is not live.
    pub async fn request_terminal_end(
        &self,
        id: &TerminalId,
        by: &str,
        now: Timestamp,
        audit: AuditEntry,
    ) -> Result<bool> {
        let mut act = self.act().await?;
        let live = "SELECT id FROM terminals WHERE id = $1 AND ended_at IS NULL";
        if act.row(live, values![id]).await?.is_none() {
            return Ok(false);
        }
        let change = Change::TerminalEndRequested {
            terminal: id.clone(),
            by: by.to_owned(),
            reason: audit.reason.clone(),
        };
        act.record(&audit).await?;
        act.tell(&change, now).await?;
        act.commit().await?;
        Ok(true)
    }

    /// Live terminals whose hub has been silent for at least `silent_for`.
    pub async fn terminals_abandoned(
        &self,
        now: Timestamp,
        silent_for: Duration,
    ) -> Result<Vec<TerminalRow>> {
        let silent = i64::try_from(silent_for.as_micros()).unwrap_or(i64::MAX);
        let before = now.as_micros().saturating_sub(silent);
        let sql = format!(
            "{SELECT} AND t.ended_at IS NULL AND COALESCE(h.heartbeat_at, t.started_at) <= $1
             ORDER BY t.started_at LIMIT $2"
        );
        let values = values![before, ABANDONED_MAX];
        let rows = self.inner.database.rows(AssertSqlSafe(sql), values).await?;
        rows.iter().map(read).collect()
    }

    /// Says that a hub lives, and so all its terminals.
    pub async fn heartbeat_hub(&self, hub: &HubId, now: Timestamp) -> Result<()> {
        self.inner
            .database
            .execute(
                "INSERT INTO hubs (id, started_at, heartbeat_at) VALUES ($1, $2, $2)
                 ON CONFLICT (id) DO UPDATE SET heartbeat_at = excluded.heartbeat_at",
                values![hub, now],
            )
            .await?;
        Ok(())
    }
}

/// Stores a terminal that begins, within the act of the second gate.
pub(crate) async fn insert(act: &mut Act, terminal: &TerminalRow) -> Result<()> {
    let place = &terminal.place;
    act.execute(
        "INSERT INTO terminals (id, link, user_name, sign_in, cluster, namespace, pod, pod_uid, container, tty, command, hub, started_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        values![
            &terminal.id, &terminal.link, &terminal.user, &terminal.sign_in,
            place.pod.cluster.as_str(), place.pod.namespace.as_str(), place.pod.pod.as_str(),
            place.pod.uid.as_str(), place.container.as_str(), terminal.process.tty,
            json_text("the command", &terminal.process.command)?, &terminal.hub,
            terminal.started_at,
        ],
    )
    .await
    .map_err(|error| error.naming(|| format!("terminal `{}`", terminal.id)))?;
    Ok(())
}

fn read(row: &Row) -> Result<TerminalRow> {
    let started_at = row.time("started_at")?;
    let ended_at = row.time_option("ended_at")?;
    let heartbeat_at = row.time_option("heartbeat_at")?.unwrap_or(started_at);
    Ok(TerminalRow {
        id: row.parsed("id")?,
        link: row.parsed("link")?,
        user: row.text("user_name")?,
        sign_in: row.parsed("sign_in")?,
        place: read_place(row)?,
        process: read_process(row)?,
        hub: row.parsed("hub")?,
        started_at,
        ended_at,
        end_reason: row.text_option("end_reason")?,
        last_alive_at: ended_at.unwrap_or(heartbeat_at.max(started_at)),
    })
}
