//! Bringing a database to the schema that this binary works with: forward only, all or nothing.
//! The statements are in `migrations/`; what the tables mean is known to the modules that use them.
//!
//! Each migration is recorded with the SHA-256 of its text. A recorded migration that this binary does not have
//! means that a newer one has been here; one whose text differs was edited after release. Both are refused.

use crate::database::{Database, Tx, values};
use crate::vault::Vault;
use crate::{Result, StoreError, audit};
use aws_lc_rs::digest;
use model::Timestamp;

struct Migration {
    version: i64,
    sqlite: &'static str,
    postgres: &'static str,
}

/// In order, without gaps. Never edit one that was released: add another.
const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        sqlite: include_str!("../migrations/sqlite/0001_first.sql"),
        postgres: include_str!("../migrations/postgres/0001_first.sql"),
    },
    Migration {
        version: 2,
        sqlite: include_str!("../migrations/sqlite/0002_traffic.sql"),
        postgres: include_str!("../migrations/postgres/0002_traffic.sql"),
    },
    Migration {
        version: 3,
        sqlite: include_str!("../migrations/sqlite/0003_gateway_requests.sql"),
        postgres: include_str!("../migrations/postgres/0003_gateway_requests.sql"),
    },
    Migration {
        version: 4,
        sqlite: include_str!("../migrations/sqlite/0004_traffic_agents.sql"),
        postgres: include_str!("../migrations/postgres/0004_traffic_agents.sql"),
    },
    Migration {
        version: 5,
        sqlite: include_str!("../migrations/sqlite/0005_machines.sql"),
        postgres: include_str!("../migrations/postgres/0005_machines.sql"),
    },
    Migration {
        version: 6,
        sqlite: include_str!("../migrations/sqlite/0006_posture.sql"),
        postgres: include_str!("../migrations/postgres/0006_posture.sql"),
    },
    Migration {
        version: 7,
        sqlite: include_str!("../migrations/sqlite/0007_issuer_keys.sql"),
        postgres: include_str!("../migrations/postgres/0007_issuer_keys.sql"),
    },
];

/// A number nobody else locks: the first bytes of SHA-256("sallyport migrations").
const POSTGRES_LOCK: i64 = 0x5a11_7907_0000_0001;

/// Applies what is missing, in one transaction, and checks that the vault key is the database's own.
pub(crate) async fn apply(database: &Database, vault: &Vault, now: Timestamp) -> Result<()> {
    let mut tx = database.begin().await?;
    if tx.is_postgres() {
        // Several hubs may start at once; the lock ends with the transaction.
        // Its bounds are not those of a request: a migration may take its time, and the others wait for it.
        tx.script("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '15min'").await?;
        tx.rows("SELECT pg_advisory_xact_lock($1)", values![POSTGRES_LOCK]).await?;
    }
    tx.script(RECORDS).await?;
    let recorded = recorded(&mut tx).await?;
    check(&recorded, tx.is_postgres())?;
    for migration in MIGRATIONS.iter().skip(recorded.len()) {
        let text = migration.text(tx.is_postgres());
        tx.script(text).await?;
        tx.execute(
            "INSERT INTO schema_migrations (version, checksum, applied_at) VALUES ($1, $2, $3)",
            values![migration.version, checksum(text), now],
        )
        .await?;
        tracing::info!(version = migration.version, "migrated the database");
    }
    found(&mut tx, vault).await?;
    tx.commit().await
}

/// Whether a hub has been here, on PostgreSQL.
pub(crate) async fn were_applied(database: &Database) -> Result<bool> {
    let sql = "SELECT to_regclass('schema_migrations') IS NOT NULL AS there";
    let row = database.row(sql, values![]).await?;
    row.map_or(Ok(false), |row| row.bool("there"))
}

const RECORDS: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version BIGINT PRIMARY KEY,
    checksum TEXT NOT NULL,
    applied_at BIGINT NOT NULL
)";

async fn recorded(tx: &mut Tx) -> Result<Vec<(i64, String)>> {
    let rows = tx
        .rows("SELECT version, checksum FROM schema_migrations ORDER BY version", values![])
        .await?;
    rows.iter().map(|row| Ok((row.int("version")?, row.text("checksum")?))).collect()
}

fn check(recorded: &[(i64, String)], is_postgres: bool) -> Result<()> {
    let known = MIGRATIONS.len();
    if recorded.len() > known {
        let reason = format!(
            "it is at version {}, this binary knows up to version {known}; run the newer release, or restore a backup from before the upgrade",
            recorded.len()
        );
        return Err(StoreError::Schema { reason });
    }
    for ((version, recorded), migration) in recorded.iter().zip(MIGRATIONS) {
        if *version != migration.version {
            let reason =
                format!("migration {} is not recorded; was the table edited?", migration.version);
            return Err(StoreError::Schema { reason });
        }
        if *recorded != checksum(migration.text(is_postgres)) {
            let reason = format!(
                "migration {version} was applied with another text than this binary holds; use the release that made the database"
            );
            return Err(StoreError::Schema { reason });
        }
    }
    Ok(())
}

/// Founds a new database, or checks that an old one was founded with this vault key.
async fn found(tx: &mut Tx, vault: &Vault) -> Result<()> {
    match tx.row("SELECT mac FROM vault_check WHERE one = 1", values![]).await? {
        Some(row) if vault.is_check_mac(&row.bytes("mac")?) => Ok(()),
        Some(_) => Err(StoreError::corrupt(
            "the vault key",
            "it is not the one that this database was made with; restore the hub's key file",
        )),
        None => {
            tx.execute(
                "INSERT INTO vault_check (one, mac) VALUES (1, $1)",
                values![&vault.check_mac()],
            )
            .await?;
            audit::found(tx, vault).await
        }
    }
}

impl Migration {
    fn text(&self, is_postgres: bool) -> &'static str {
        if is_postgres { self.postgres } else { self.sqlite }
    }
}

fn checksum(text: &str) -> String {
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
