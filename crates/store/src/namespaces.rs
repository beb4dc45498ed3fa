//! People's namespaces: which one of a name is the one that hubs on this store made, by its UID.
//! What a namespace looks like, and when it is made, is known to the workspace service.
//!
//! A UID is the API server's to give, and known only when the namespace is there. So that a hub that dies between
//! making it and noting it, or another hub that finds it first, still knows it again, a birth mark of random bits
//! is written here before, goes into the namespace, and holds for one namespace only.

use crate::database::values;
use crate::{AuditEntry, Result, Store};
use model::{ClusterName, Namespace, Timestamp};

/// What is known of a namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownNamespace {
    /// The UID of the one that is ours.
    pub uid: Option<String>,
    /// The mark of one that is being made.
    pub birth_mark: Option<String>,
}

impl Store {
    /// What is known of the namespace of that name; nothing at all if no hub on this store ever made one.
    pub async fn known_namespace(
        &self,
        cluster: &ClusterName,
        namespace: &Namespace,
    ) -> Result<KnownNamespace> {
        let sql =
            "SELECT uid, birth_mark FROM namespaces WHERE cluster = $1 AND namespace = $2 LIMIT 1";
        let values = values![cluster.as_str(), namespace.as_str()];
        let row = self.inner.database.row(sql, values).await?;
        row.map_or_else(
            || Ok(KnownNamespace::default()),
            |row| {
                Ok(KnownNamespace {
                    uid: row.text_option("uid")?,
                    birth_mark: row.text_option("birth_mark")?,
                })
            },
        )
    }

    /// Announces that the namespace is about to be made. Returns the mark that it is to carry: the one given, or
    /// that of whoever announced it before and has not noted it yet.
    pub async fn announce_namespace(
        &self,
        cluster: &ClusterName,
        namespace: &Namespace,
        birth_mark: &str,
        now: Timestamp,
    ) -> Result<String> {
        let sql = "INSERT INTO namespaces (cluster, namespace, birth_mark, noted_at) VALUES ($1, $2, $3, $4)
            ON CONFLICT (cluster, namespace)
            DO UPDATE SET birth_mark = COALESCE(namespaces.birth_mark, excluded.birth_mark)
            RETURNING birth_mark";
        let values = values![cluster.as_str(), namespace.as_str(), birth_mark, now];
        let rows = self.inner.database.write_rows(sql, values).await?;
        rows.first().map_or_else(|| Ok(birth_mark.to_owned()), |row| row.text("birth_mark"))
    }

    /// Notes the UID of the namespace that carries the mark, which is then used up. False if the mark does not hold
    /// (any more): somebody else noted one meanwhile.
    pub async fn note_namespace(
        &self,
        cluster: &ClusterName,
        namespace: &Namespace,
        birth_mark: &str,
        uid: &str,
        now: Timestamp,
    ) -> Result<bool> {
        let sql = "UPDATE namespaces SET uid = $4, birth_mark = NULL, noted_at = $5
            WHERE cluster = $1 AND namespace = $2 AND birth_mark = $3";
        let values = values![cluster.as_str(), namespace.as_str(), birth_mark, uid, now];
        Ok(self.inner.database.execute(sql, values).await? > 0)
    }

    /// Takes a namespace for ours that no hub on this store made, with its audit record.
    pub async fn adopt_namespace(
        &self,
        cluster: &ClusterName,
        namespace: &Namespace,
        uid: &str,
        now: Timestamp,
        audit: AuditEntry,
    ) -> Result<()> {
        let mut act = self.act().await?;
        act.execute(
            "INSERT INTO namespaces (cluster, namespace, uid, noted_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (cluster, namespace)
             DO UPDATE SET uid = excluded.uid, birth_mark = NULL, noted_at = excluded.noted_at",
            values![cluster.as_str(), namespace.as_str(), uid, now],
        )
        .await?;
        act.record(&audit).await?;
        act.commit().await
    }
}
