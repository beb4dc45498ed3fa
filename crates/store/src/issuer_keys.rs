//! The keys that sign ID tokens for API servers, sealed with the vault key, shared by all hubs and rotated.
//! What is signed with them, and for how long one is published, is known to `authn`.

use crate::audit::Act;
use crate::database::values;
use crate::{Result, Store};
use model::{SecretBytes, Timestamp};
use std::time::Duration;

/// A key that signs ID tokens.
#[derive(Debug, Clone)]
pub struct IssuerKeyRow {
    /// The id by which a token names it.
    pub kid: String,
    /// The key, as PKCS #8.
    pub secret: SecretBytes,
    /// Since when it is published.
    pub created_at: Timestamp,
}

const TABLE: &str = "issuer_keys";

impl Store {
    /// All keys, newest first: tokens signed with older ones may still hold.
    pub async fn issuer_keys(&self) -> Result<Vec<IssuerKeyRow>> {
        let sql = "SELECT kid, sealed, created_at FROM issuer_keys ORDER BY created_at DESC, kid";
        let rows = self.inner.database.rows(sql, values![]).await?;
        rows.iter()
            .map(|row| {
                let kid = row.text("kid")?;
                let secret = self.inner.vault.open(TABLE, &kid, &row.bytes("sealed")?)?;
                Ok(IssuerKeyRow { kid, secret, created_at: row.time("created_at")? })
            })
            .collect()
    }

    /// Stores a new key, unless one younger than `unless_younger_than` is there: of several hubs that rotate at once,
    /// one succeeds, and all read the keys again afterwards.
    pub async fn create_issuer_key(
        &self,
        key: &IssuerKeyRow,
        unless_younger_than: Duration,
    ) -> Result<bool> {
        let age = i64::try_from(unless_younger_than.as_micros()).unwrap_or(i64::MAX);
        let since = key.created_at.as_micros().saturating_sub(age);
        let sealed = self.inner.vault.seal(TABLE, &key.kid, &key.secret)?;
        let mut act = self.act().await?;
        let young = "SELECT kid FROM issuer_keys WHERE created_at > $1 LIMIT 1";
        if act.row(young, values![since]).await?.is_some() {
            return Ok(false);
        }
        act.execute(
            "INSERT INTO issuer_keys (kid, sealed, created_at) VALUES ($1, $2, $3)",
            values![&key.kid, sealed, key.created_at],
        )
        .await
        .map_err(|error| error.naming(|| format!("issuer key `{}`", key.kid)))?;
        act.commit().await?;
        Ok(true)
    }
}

/// Removes keys whose successor was made before `$1`: nothing that they signed holds any more.
pub(crate) async fn purge(act: &mut Act, succeeded_before: i64) -> Result<u64> {
    let sql = "DELETE FROM issuer_keys WHERE EXISTS (
                   SELECT 1 FROM issuer_keys newer
                   WHERE newer.created_at > issuer_keys.created_at AND newer.created_at < $1)";
    act.execute(sql, values![succeeded_before]).await
}
