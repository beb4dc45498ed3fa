//! The namespaces that hubs made for people, by the UID that the cluster gave each.
//! What a namespace is for and what shape it has is known to the workspace service.
//!
//! The UID is known only once the cluster has answered, and an answer can be lost. So a random claim is stored
//! first and written into the namespace: one that bears it was made by a hub, whichever heard of it.

use crate::database::values;
use crate::{Result, Store};
use model::{ClusterName, Namespace, Timestamp};

/// What is known of a namespace by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespaceNote {
    /// The UID of the one that a hub made last.
    pub uid: Option<String>,
    /// What one bears that is being made, and whose UID is not known yet.
    pub claim: Option<String>,
}

impl Store {
    /// Says before a namespace is made that it will be, with `claim` in it. Returns the claim to use: the one of
    /// an attempt before whose end is not known, else this one.
    pub async fn claim_namespace(
        &self,
        cluster: &ClusterName,
        name: &Namespace,
        claim: &str,
        now: Timestamp,
    ) -> Result<String> {
        let mut act = self.act().await?;
        let sql = "INSERT INTO namespaces (cluster, name, claim, made_at) VALUES ($1, $2, $3, $4)
            ON CONFLICT (cluster, name) DO UPDATE SET claim = COALESCE(namespaces.claim, excluded.claim)";
        act.execute(sql, values![cluster.as_str(), name.as_str(), claim, now]).await?;
        let sql = "SELECT claim FROM namespaces WHERE cluster = $1 AND name = $2";
        let row = act.row(sql, values![cluster.as_str(), name.as_str()]).await?;
        act.commit().await?;
        row.map_or_else(|| Ok(claim.to_owned()), |row| row.text("claim"))
    }

    /// Notes a namespace that was made; its claim has served.
    pub async fn note_namespace(
        &self,
        cluster: &ClusterName,
        name: &Namespace,
        uid: &str,
        now: Timestamp,
    ) -> Result<()> {
        let sql = "INSERT INTO namespaces (cluster, name, uid, made_at) VALUES ($1, $2, $3, $4)
            ON CONFLICT (cluster, name) DO UPDATE SET uid = excluded.uid, claim = NULL, made_at = excluded.made_at";
        let values = values![cluster.as_str(), name.as_str(), uid, now];
        self.inner.database.execute(sql, values).await?;
        Ok(())
    }

    /// What is known of the namespace of that name.
    pub async fn namespace_note(
        &self,
        cluster: &ClusterName,
        name: &Namespace,
    ) -> Result<Option<NamespaceNote>> {
        let sql = "SELECT uid, claim FROM namespaces WHERE cluster = $1 AND name = $2";
        let row = self.inner.database.row(sql, values![cluster.as_str(), name.as_str()]).await?;
        row.map(|row| {
            Ok(NamespaceNote { uid: row.text_option("uid")?, claim: row.text_option("claim")? })
        })
        .transpose()
    }
}
