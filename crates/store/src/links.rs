//! Presigned links: minted, listed, revoked. How one is passed through the gates is in `gates`.
//! The token itself never comes here; it is known to `presign`, and its secret part to nobody but its holder.

use crate::audit::Act;
use crate::changes::Change;
use crate::database::{Row, Value, json_text, values};
use crate::{AuditEntry, Result, Store};
use model::{ClusterName, ContainerPlace, LinkId, PodPlace, Process, SignInId, Timestamp};
use sqlx::AssertSqlSafe;

/// A presigned link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkRow {
    /// Its id.
    pub id: LinkId,
    /// The Kubernetes user who may use it.
    pub user: String,
    /// The Kubernetes user who minted it.
    pub minted_by: String,
    /// Where it leads.
    pub place: ContainerPlace,
    /// What runs there.
    pub process: Process,
    /// When it was minted.
    pub created_at: Timestamp,
    /// Until when it may pass the gates.
    pub expires_at: Timestamp,
    /// The browser that passed the first gate with it.
    pub bound_to: Option<SignInId>,
    /// When it passed the second gate.
    pub used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// By whom.
    pub revoked_by: Option<String>,
}

/// What has become of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// Minted, and not yet opened.
    Minted,
    /// Opened by a browser: through the first gate.
    Bound,
    /// A terminal was entered by it: through the second gate.
    Used,
    /// Revoked, before or after it was used.
    Revoked,
    /// Its time ran out unused.
    Expired,
}

impl LinkRow {
    /// What has become of the link at `now`.
    pub fn state(&self, now: Timestamp) -> LinkState {
        match self {
            Self { revoked_at: Some(_), .. } => LinkState::Revoked,
            Self { used_at: Some(_), .. } => LinkState::Used,
            _ if self.expires_at <= now => LinkState::Expired,
            Self { bound_to: Some(_), .. } => LinkState::Bound,
            _ => LinkState::Minted,
        }
    }
}

impl LinkState {
    /// The word that is shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Minted => "minted",
            Self::Bound => "bound",
            Self::Used => "used",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
        }
    }

    /// The same decision as [`LinkRow::state`], in SQL; `now` is `$1`.
    fn condition(self) -> &'static str {
        match self {
            Self::Revoked => "revoked_at IS NOT NULL",
            Self::Used => "revoked_at IS NULL AND used_at IS NOT NULL",
            Self::Expired => "revoked_at IS NULL AND used_at IS NULL AND expires_at <= $1",
            Self::Bound => {
                "revoked_at IS NULL AND used_at IS NULL AND expires_at > $1 AND bound_to IS NOT NULL"
            }
            Self::Minted => {
                "revoked_at IS NULL AND used_at IS NULL AND expires_at > $1 AND bound_to IS NULL"
            }
        }
    }
}

/// What minting answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MintOutcome {
    /// The link is stored.
    Minted,
    /// The person has as many open links in that cluster as one may have.
    Full {
        /// How many that is.
        limit: u32,
    },
}

/// Which links to list.
#[derive(Debug, Clone, Default)]
pub struct LinkFilter {
    /// Only this Kubernetes user's.
    pub user: Option<String>,
    /// Only those into this cluster. A name that a token brought is somebody else's in another one.
    pub cluster: Option<ClusterName>,
    /// Only those in this state.
    pub state: Option<LinkState>,
    /// Only those behind the one that was minted then: where the list goes on.
    pub after: Option<(Timestamp, LinkId)>,
    /// How many at most; 1 to 501, so that a page of 500 tells whether there is more.
    pub limit: u32,
}

const LISTED_MAX: u32 = 501;

impl Store {
    /// Stores a new link with its audit record, unless the person has `open_max` in that cluster that were
    /// neither used nor revoked and still hold; however many are minted at once, the limit holds.
    pub async fn create_link(
        &self,
        link: &LinkRow,
        open_max: u32,
        audit: AuditEntry,
    ) -> Result<MintOutcome> {
        let place = &link.place;
        let mut act = self.act().await?;
        let open = act
            .row(
                "SELECT COUNT(*) AS links FROM links WHERE user_name = $1 AND cluster = $2
                   AND used_at IS NULL AND revoked_at IS NULL AND expires_at > $3",
                values![&link.user, place.pod.cluster.as_str(), link.created_at],
            )
            .await?;
        if open.map_or(Ok(0), |row| row.int("links"))? >= i64::from(open_max) {
            return Ok(MintOutcome::Full { limit: open_max });
        }
        act.execute(
            "INSERT INTO links (id, user_name, minted_by, cluster, namespace, pod, pod_uid, container, tty, command, created_at, expires_at, bound_to, used_at, revoked_at, revoked_by)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
            values![
                &link.id, &link.user, &link.minted_by, place.pod.cluster.as_str(),
                place.pod.namespace.as_str(), place.pod.pod.as_str(), place.pod.uid.as_str(),
                place.container.as_str(), link.process.tty,
                json_text("the command", &link.process.command)?, link.created_at,
                link.expires_at, link.bound_to.as_ref(), link.used_at, link.revoked_at,
                link.revoked_by.clone(),
            ],
        )
        .await
        .map_err(|error| error.naming(|| format!("link `{}`", link.id)))?;
        act.record(&audit).await?;
        act.commit().await?;
        Ok(MintOutcome::Minted)
    }

    /// The link of that id.
    pub async fn link(&self, id: &LinkId) -> Result<Option<LinkRow>> {
        let sql = "SELECT * FROM links WHERE id = $1";
        let row = self.inner.database.row(sql, values![id]).await?;
        row.as_ref().map(read).transpose()
    }

    /// Links, newest first.
    pub async fn links(&self, filter: &LinkFilter, now: Timestamp) -> Result<Vec<LinkRow>> {
        // The first condition is always true: it only gives `$1` its place, used further on or not.
        let mut sql = "SELECT * FROM links WHERE $1 > 0".to_owned();
        let mut values = vec![Value::from(now)];
        if let Some(state) = filter.state {
            sql.push_str(" AND ");
            sql.push_str(state.condition());
        }
        if let Some(user) = &filter.user {
            values.push(user.into());
            sql.push_str(&format!(" AND user_name = ${}", values.len()));
        }
        if let Some(cluster) = &filter.cluster {
            values.push(cluster.as_str().into());
            sql.push_str(&format!(" AND cluster = ${}", values.len()));
        }
        if let Some((at, id)) = &filter.after {
            values.extend(values![*at, id]);
            let (at, id) = (values.len() - 1, values.len());
            sql.push_str(&format!(
                " AND (created_at < ${at} OR (created_at = ${at} AND id > ${id}))"
            ));
        }
        values.push(filter.limit.clamp(1, LISTED_MAX).into());
        sql.push_str(&format!(" ORDER BY created_at DESC, id LIMIT ${}", values.len()));
        // The text is put together from fixed pieces; every value is bound.
        let rows = self.inner.database.rows(AssertSqlSafe(sql), values).await?;
        rows.iter().map(read).collect()
    }

    /// Revokes a link, used or not, and tells every hub. False, and no record, if it was revoked before or
    /// never was.
    pub async fn revoke_link(
        &self,
        id: &LinkId,
        by: &str,
        now: Timestamp,
        audit: AuditEntry,
    ) -> Result<bool> {
        let mut act = self.act().await?;
        let touched = act
            .execute(
                "UPDATE links SET revoked_at = $2, revoked_by = $3 WHERE id = $1 AND revoked_at IS NULL",
                values![id, now, by],
            )
            .await?;
        if touched == 0 {
            return Ok(false);
        }
        act.record(&audit).await?;
        act.tell(&Change::LinkRevoked { link: id.clone() }, now).await?;
        act.commit().await?;
        Ok(true)
    }

    /// Revokes all of a person's links that could still be used or hold a live terminal; returns how many.
    /// With a cluster, only those into it: a name that a token brought is somebody else's in another one.
    pub async fn revoke_links_of(
        &self,
        user: &str,
        cluster: Option<&ClusterName>,
        by: &str,
        now: Timestamp,
        audit: AuditEntry,
    ) -> Result<u64> {
        let mut act = self.act().await?;
        let revoked = revoke_of(&mut act, user, cluster, by, now).await?;
        act.record(&audit).await?;
        act.commit().await?;
        Ok(revoked)
    }
}

/// Revokes a person's links within an act, and tells.
pub(crate) async fn revoke_of(
    act: &mut Act,
    user: &str,
    cluster: Option<&ClusterName>,
    by: &str,
    now: Timestamp,
) -> Result<u64> {
    let within = cluster.map(|cluster| cluster.as_str().to_owned());
    let revoked = act
        .execute(
            "UPDATE links SET revoked_at = $2, revoked_by = $3
             WHERE user_name = $1 AND ($4 IS NULL OR cluster = $4) AND revoked_at IS NULL
               AND ((used_at IS NULL AND expires_at > $2)
                    OR id IN (SELECT link FROM terminals WHERE user_name = $1 AND ended_at IS NULL))",
            values![user, now, by, within],
        )
        .await?;
    let change = Change::LinksOfUserRevoked { user: user.to_owned(), cluster: cluster.cloned() };
    act.tell(&change, now).await?;
    Ok(revoked)
}

pub(crate) fn read(row: &Row) -> Result<LinkRow> {
    Ok(LinkRow {
        id: row.parsed("id")?,
        user: row.text("user_name")?,
        minted_by: row.text("minted_by")?,
        place: read_place(row)?,
        process: read_process(row)?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
        bound_to: row.parsed_option("bound_to")?,
        used_at: row.time_option("used_at")?,
        revoked_at: row.time_option("revoked_at")?,
        revoked_by: row.text_option("revoked_by")?,
    })
}

pub(crate) fn read_place(row: &Row) -> Result<ContainerPlace> {
    Ok(ContainerPlace {
        pod: PodPlace {
            cluster: row.parsed("cluster")?,
            namespace: row.parsed("namespace")?,
            pod: row.parsed("pod")?,
            uid: row.parsed("pod_uid")?,
        },
        container: row.parsed("container")?,
    })
}

pub(crate) fn read_process(row: &Row) -> Result<Process> {
    Ok(Process { tty: row.bool("tty")?, command: row.json("command")? })
}
