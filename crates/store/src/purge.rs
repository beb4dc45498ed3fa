//! Removing what nobody needs any more, so that the store stays as large as its use.
//! When to do it is known to the binary; the audit log is never purged here.

use crate::database::values;
use crate::{Result, Store, changes};
use model::Timestamp;
use std::time::Duration;

/// How many rows were removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Purged {
    /// Expired tickets.
    pub tickets: u64,
    /// Counters of failed attempts that are a day old, or the oldest of too many.
    pub throttles: u64,
    /// Changes that every hub has read.
    pub changes: u64,
    /// Sign-ins that ended or expired 30 days ago.
    pub sign_ins: u64,
    /// Requests of machines that expired a day ago.
    pub machine_requests: u64,
    /// Invitations that were redeemed or expired 30 days ago.
    pub invitations: u64,
    /// Hubs that have been silent for 30 days and hold no live terminal.
    pub hubs: u64,
    /// Keys that signed links 30 days ago; no link lives as long.
    pub link_keys: u64,
    /// Keys that signed ID tokens, an hour after a newer one came.
    pub issuer_keys: u64,
    /// Terminals that ended long ago.
    pub terminals: u64,
    /// Links that expired long ago, and whose terminals are gone.
    pub links: u64,
    /// Workspaces that were deleted long ago.
    pub workspaces: u64,
}

/// A key signs for ten minutes after its successor came, and its tokens live for ten more.
const RETIRED_ISSUER_KEY_KEPT: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// Long enough for whoever looks into an incident to see who was signed in.
const MONTH: Duration = Duration::from_secs(30 * 24 * 3600);
/// A flood of addresses cannot make the table larger than this for long (about 10 MB).
const THROTTLES_MAX: i64 = 100_000;
/// A ticket lives for seconds; an expired one is kept for this long to tell "expired" from "unknown".
const TICKETS_KEPT: Duration = Duration::from_secs(600);
/// Rows of one kind that one call removes. A purge is an act, for which all others wait: this keeps it at some
/// tens of milliseconds. Called every few minutes, it removes a million a day.
const AT_ONCE: i64 = 5000;

impl Store {
    /// Removes what is out of date at `now`. Every hub may call it, every few minutes. Links, terminals and
    /// workspaces that have ended are kept for `ended_kept`; what the audit log says of them, for ever.
    pub async fn purge(&self, now: Timestamp, ended_kept: Duration) -> Result<Purged> {
        let before = |kept: Duration| {
            now.as_micros().saturating_sub(i64::try_from(kept.as_micros()).unwrap_or(i64::MAX))
        };
        let month = values![before(MONTH)];
        let mut act = self.act().await?;
        let tickets = act
            .execute("DELETE FROM tickets WHERE expires_at < $1", values![before(TICKETS_KEPT)])
            .await?;
        let mut throttles = act
            .execute("DELETE FROM throttles WHERE last_failure_at < $1", values![before(DAY)])
            .await?;
        throttles += act
            .execute(
                "DELETE FROM throttles WHERE key IN
                   (SELECT key FROM throttles ORDER BY last_failure_at DESC, key LIMIT 1000000 OFFSET $1)",
                values![THROTTLES_MAX],
            )
            .await?;
        let changes = act
            .execute("DELETE FROM changes WHERE at < $1", values![before(changes::KEPT_FOR)])
            .await?;
        // A token is kept no longer than it is asked about; those of ended sign-ins went with them.
        act.execute(
            "DELETE FROM sign_in_tokens WHERE sign_in IN
               (SELECT id FROM sign_ins
                WHERE ended_at IS NOT NULL OR expires_at <= $1 OR last_seen_at <= $1 - idle_timeout)",
            values![now],
        )
        .await?;
        let sign_ins = act
            .execute("DELETE FROM sign_ins WHERE ended_at < $1 OR expires_at < $1", month.clone())
            .await?;
        let machine_requests = crate::machines::purge(&mut act, before(DAY)).await?;
        let invitations = act
            .execute(
                "DELETE FROM invitations WHERE redeemed_at < $1 OR expires_at < $1",
                month.clone(),
            )
            .await?;
        let hubs = act
            .execute(
                "DELETE FROM hubs WHERE heartbeat_at < $1
                   AND NOT EXISTS (SELECT 1 FROM terminals WHERE hub = hubs.id AND ended_at IS NULL)",
                month.clone(),
            )
            .await?;
        let link_keys = act.execute("DELETE FROM link_keys WHERE created_at < $1", month).await?;
        let issuer_keys =
            crate::issuer_keys::purge(&mut act, before(RETIRED_ISSUER_KEY_KEPT)).await?;
        let long_ago = values![before(ended_kept), AT_ONCE];
        let terminals = act
            .execute(
                "DELETE FROM terminals WHERE id IN
                   (SELECT id FROM terminals WHERE ended_at < $1 ORDER BY ended_at LIMIT $2)",
                long_ago.clone(),
            )
            .await?;
        // A used link expires too. One whose terminal lives on stays, for the terminal is nothing without it.
        let links = act
            .execute(
                "DELETE FROM links WHERE id IN
                   (SELECT id FROM links WHERE expires_at < $1
                      AND NOT EXISTS (SELECT 1 FROM terminals WHERE link = links.id)
                      AND NOT EXISTS (SELECT 1 FROM tickets WHERE link = links.id)
                    ORDER BY expires_at LIMIT $2)",
                long_ago.clone(),
            )
            .await?;
        let workspaces = act
            .execute(
                "DELETE FROM workspaces WHERE id IN
                   (SELECT id FROM workspaces WHERE deleted_at < $1 ORDER BY deleted_at LIMIT $2)",
                long_ago,
            )
            .await?;
        act.commit().await?;
        Ok(Purged {
            tickets,
            throttles,
            changes,
            sign_ins,
            invitations,
            machine_requests,
            hubs,
            link_keys,
            issuer_keys,
            terminals,
            links,
            workspaces,
        })
    }
}
