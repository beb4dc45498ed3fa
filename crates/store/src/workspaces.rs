//! Workspaces: Pods that people made for themselves, and the limits on how many.
//! The Pods, their templates and their lifetimes are known to the workspace service.

use crate::database::{Row, Value, values};
use crate::{AuditEntry, Result, Store, StoreError};
use model::{ClusterName, ContainerName, Namespace, PodName, PodUid, Timestamp, WorkspaceId};
use sqlx::AssertSqlSafe;

/// A workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceRow {
    /// Its id.
    pub id: WorkspaceId,
    /// The Kubernetes user who made it.
    pub owner: String,
    /// The cluster it is in.
    pub cluster: ClusterName,
    /// The owner's namespace.
    pub namespace: Namespace,
    /// Its Pod.
    pub pod: PodName,
    /// The Pod's UID, once the cluster has made it.
    pub pod_uid: Option<PodUid>,
    /// The container to enter.
    pub container: ContainerName,
    /// The template it was made from.
    pub template: String,
    /// What the owner calls it; unique among the owner's that were not deleted.
    /// An owner by token is the name in one cluster, an account's owner the name in all.
    pub name: String,
    /// When it was reserved.
    pub created_at: Timestamp,
    /// When it is to be deleted.
    pub expires_at: Timestamp,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
    /// A word on how it stands, for people.
    pub state_note: String,
}

/// What a reservation answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReserveOutcome {
    /// There is room, and it is taken.
    Reserved,
    /// The person has as many as one person may.
    PersonFull {
        /// How many that is.
        limit: u32,
    },
    /// There are as many as there may be in total.
    TotalFull {
        /// How many that is.
        limit: u32,
    },
    /// The owner has a workspace of that name, or the Pod's name is taken.
    NameTaken,
}

/// Which workspaces to list.
#[derive(Debug, Clone, Default)]
pub struct WorkspaceFilter {
    /// Only this Kubernetes user's.
    pub owner: Option<String>,
    /// Only those in this cluster.
    pub cluster: Option<ClusterName>,
    /// Only those not deleted, or only those deleted.
    pub live: Option<bool>,
}

/// How many workspaces there are that were not deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkspaceCounts {
    /// The person's.
    pub person: u32,
    /// Everybody's.
    pub total: u32,
}

/// More than a hub's total limit would reasonably be.
const LISTED_MAX: i64 = 10_000;

/// The person is `$1`; in the cluster `$2` alone, if it is given.
const COUNTS: &str = "SELECT COUNT(*) AS total,
        COALESCE(SUM(CASE WHEN owner = $1 AND ($2 IS NULL OR cluster = $2) THEN 1 ELSE 0 END), 0) AS person
    FROM workspaces WHERE deleted_at IS NULL";

impl Store {
    /// Takes room for a workspace if the limits leave any; however many try at once, the limits hold.
    /// `within` is the one cluster in which the owner's name is this person's, if a token brought it.
    pub async fn reserve_workspace(
        &self,
        row: &WorkspaceRow,
        within: Option<&ClusterName>,
        limit_person: u32,
        limit_total: u32,
        now: Timestamp,
        audit: AuditEntry,
    ) -> Result<ReserveOutcome> {
        let mut act = self.act().await?;
        let within = within.map(|cluster| cluster.as_str().to_owned());
        let counts = act.row(COUNTS, values![&row.owner, within.clone()]).await?;
        let counts = counts.as_ref().map(read_counts).transpose()?;
        let counts = counts.unwrap_or(WorkspaceCounts { person: 0, total: 0 });
        if counts.person >= limit_person {
            return Ok(ReserveOutcome::PersonFull { limit: limit_person });
        }
        if counts.total >= limit_total {
            return Ok(ReserveOutcome::TotalFull { limit: limit_total });
        }
        let taken = act
            .row(
                "SELECT id FROM workspaces WHERE deleted_at IS NULL AND ((owner = $1 AND name = $2 AND ($6 IS NULL OR cluster = $6))
                    OR (cluster = $3 AND namespace = $4 AND pod = $5)) LIMIT 1",
                values![
                    &row.owner,
                    &row.name,
                    row.cluster.as_str(),
                    row.namespace.as_str(),
                    row.pod.as_str(),
                    within,
                ],
            )
            .await?;
        if taken.is_some() {
            return Ok(ReserveOutcome::NameTaken);
        }
        let pod_uid = row.pod_uid.as_ref().map(|uid| uid.as_str().to_owned());
        act.execute(
            "INSERT INTO workspaces (id, owner, cluster, namespace, pod, pod_uid, container, template, name, created_at, expires_at, state_note)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            values![
                &row.id, &row.owner, row.cluster.as_str(), row.namespace.as_str(),
                row.pod.as_str(), pod_uid, row.container.as_str(), &row.template, &row.name,
                now, row.expires_at, &row.state_note,
            ],
        )
        .await
        .map_err(|error| error.naming(|| format!("workspace `{}`", row.id)))?;
        act.record(&audit).await?;
        act.commit().await?;
        Ok(ReserveOutcome::Reserved)
    }

    /// Notes the Pod that the cluster made for the workspace.
    pub async fn set_workspace_pod(&self, id: &WorkspaceId, uid: &PodUid) -> Result<()> {
        let sql = "UPDATE workspaces SET pod_uid = $2 WHERE id = $1 AND deleted_at IS NULL";
        live(self.inner.database.execute(sql, values![id, uid.as_str()]).await?, id)
    }

    /// Notes how the workspace stands, for people.
    pub async fn set_workspace_note(&self, id: &WorkspaceId, note: &str) -> Result<()> {
        let sql = "UPDATE workspaces SET state_note = $2 WHERE id = $1 AND deleted_at IS NULL";
        live(self.inner.database.execute(sql, values![id, note]).await?, id)
    }

    /// The workspace of that id, deleted or not.
    pub async fn workspace(&self, id: &WorkspaceId) -> Result<Option<WorkspaceRow>> {
        let sql = "SELECT * FROM workspaces WHERE id = $1";
        let row = self.inner.database.row(sql, values![id]).await?;
        row.as_ref().map(read).transpose()
    }

    /// Workspaces, newest first; the last 10,000.
    pub async fn workspaces(&self, filter: &WorkspaceFilter) -> Result<Vec<WorkspaceRow>> {
        let mut sql = "SELECT * FROM workspaces WHERE TRUE".to_owned();
        let mut values: Vec<Value> = Vec::new();
        if let Some(owner) = &filter.owner {
            values.push(owner.into());
            sql.push_str(&format!(" AND owner = ${}", values.len()));
        }
        if let Some(cluster) = &filter.cluster {
            values.push(cluster.as_str().into());
            sql.push_str(&format!(" AND cluster = ${}", values.len()));
        }
        match filter.live {
            Some(true) => sql.push_str(" AND deleted_at IS NULL"),
            Some(false) => sql.push_str(" AND deleted_at IS NOT NULL"),
            None => {}
        }
        values.push(LISTED_MAX.into());
        sql.push_str(&format!(" ORDER BY created_at DESC, id LIMIT ${}", values.len()));
        // The text is put together from fixed pieces; every value is bound.
        let rows = self.inner.database.rows(AssertSqlSafe(sql), values).await?;
        rows.iter().map(read).collect()
    }

    /// Marks a workspace deleted, with its audit record; its room is free again. False, and no record, if it
    /// was deleted before or never was.
    pub async fn delete_workspace(
        &self,
        id: &WorkspaceId,
        now: Timestamp,
        audit: AuditEntry,
    ) -> Result<bool> {
        let mut act = self.act().await?;
        let touched = act
            .execute(
                "UPDATE workspaces SET deleted_at = $2 WHERE id = $1 AND deleted_at IS NULL",
                values![id, now],
            )
            .await?;
        if touched == 0 {
            return Ok(false);
        }
        act.record(&audit).await?;
        act.commit().await?;
        Ok(true)
    }

    /// How much room is taken. `within` is the one cluster in which the owner's name is this person's, if a
    /// token brought it.
    pub async fn workspace_counts(
        &self,
        owner: &str,
        within: Option<&ClusterName>,
    ) -> Result<WorkspaceCounts> {
        let within = within.map(|cluster| cluster.as_str().to_owned());
        let row = self.inner.database.row(COUNTS, values![owner, within]).await?;
        let counts = row.as_ref().map(read_counts).transpose()?;
        Ok(counts.unwrap_or(WorkspaceCounts { person: 0, total: 0 }))
    }
}

fn live(touched: u64, id: &WorkspaceId) -> Result<()> {
    match touched {
        0 => Err(StoreError::not_found(format!("workspace `{id}`"))),
        _ => Ok(()),
    }
}

fn read_counts(row: &Row) -> Result<WorkspaceCounts> {
    Ok(WorkspaceCounts { person: row.number("person")?, total: row.number("total")? })
}

fn read(row: &Row) -> Result<WorkspaceRow> {
    Ok(WorkspaceRow {
        id: row.parsed("id")?,
        owner: row.text("owner")?,
        cluster: row.parsed("cluster")?,
        namespace: row.parsed("namespace")?,
        pod: row.parsed("pod")?,
        pod_uid: row.parsed_option("pod_uid")?,
        container: row.parsed("container")?,
        template: row.text("template")?,
        name: row.text("name")?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
        deleted_at: row.time_option("deleted_at")?,
        state_note: row.text("state_note")?,
    })
}
