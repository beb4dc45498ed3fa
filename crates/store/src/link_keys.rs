//! The keys that sign links, sealed with the vault key, shared by all hubs and rotated.
//! What is signed with them is known to `presign`.

use crate::database::values;
use crate::{Result, Store};
use model::{SecretBytes, Timestamp};
use std::time::Duration;

/// A key that signs links.
#[derive(Debug, Clone)]
pub struct LinkKey {
    /// The id by which a link names it.
    pub kid: String,
    /// The key.
    pub secret: SecretBytes,
    /// Since when it signs.
    pub created_at: Timestamp,
}

const TABLE: &str = "link_keys";

impl Store {
    /// All keys, newest first: links signed with older ones may still hold.
    pub async fn link_keys(&self) -> Result<Vec<LinkKey>> {
        let sql = "SELECT kid, sealed, created_at FROM link_keys ORDER BY created_at DESC, kid";
        let rows = self.inner.database.rows(sql, values![]).await?;
        rows.iter()
            .map(|row| {
                let kid = row.text("kid")?;
                let secret = self.inner.vault.open(TABLE, &kid, &row.bytes("sealed")?)?;
                Ok(LinkKey { kid, secret, created_at: row.time("created_at")? })
            })
            .collect()
    }

    /// Stores a new key, unless one younger than `unless_younger_than` is there. Of several hubs that
    /// rotate at once, one succeeds; all read the keys again afterwards, and so share one set.
    pub async fn create_link_key(
        &self,
        kid: &str,
        secret: &SecretBytes,
        now: Timestamp,
        unless_younger_than: Duration,
    ) -> Result<bool> {
        let age = i64::try_from(unless_younger_than.as_micros()).unwrap_or(i64::MAX);
        let since = now.as_micros().saturating_sub(age);
        let sealed = self.inner.vault.seal(TABLE, kid, secret)?;
        let mut act = self.act().await?;
        let young = "SELECT kid FROM link_keys WHERE created_at > $1 LIMIT 1";
        if act.row(young, values![since]).await?.is_some() {
            return Ok(false);
        }
        act.execute(
            "INSERT INTO link_keys (kid, sealed, created_at) VALUES ($1, $2, $3)",
            values![kid, sealed, now],
        )
        .await
        .map_err(|error| error.naming(|| format!("link key `{kid}`")))?;
        act.commit().await?;
        Ok(true)
    }
}
