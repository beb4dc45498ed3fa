//! Opening the pools with the settings that durability and bounds need.
//! Which tables are in there is known to `migrations`.

use super::Database;
use crate::location::prepare_directory;
use crate::{Result, StoreError, StoreLocation};
use model::Secret;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

/// Reading is short and from memory; four readers keep two cores busy beside the writer.
const SQLITE_READERS: u32 = 4;
/// How long to wait for another process (the `admin` command beside the hub) that writes to the same file.
const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Acts are serial anyway; this many suffice for the reads beside them. With those aside they are 16, so that
/// six hubs fit into PostgreSQL's default of 100 connections.
const POSTGRES_CONNECTIONS: u32 = 14;
/// One to read with, and one that waits for notifications.
const POSTGRES_CONNECTIONS_ASIDE: u32 = 2;
/// A person waits for the answer: better an error that says "busy" than a page that hangs.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// Aside, nobody waits for a connection but to have it made.
const ACQUIRE_TIMEOUT_ASIDE: Duration = Duration::from_secs(4);

impl Database {
    pub(crate) async fn connect(location: &StoreLocation) -> Result<Self> {
        match location {
            StoreLocation::Sqlite { directory } => Self::connect_sqlite(directory).await,
            StoreLocation::Postgres { url } => Self::connect_postgres(url).await,
        }
    }

    /// A few connections of their own, for a task that only reads and must not wait behind requests.
    pub(crate) async fn connect_aside(location: &StoreLocation) -> Result<Self> {
        match location {
            StoreLocation::Sqlite { directory } => {
                let options = sqlite_options(&prepare_directory(directory)?);
                let pool = sqlite_pool().acquire_timeout(ACQUIRE_TIMEOUT_ASIDE).max_connections(1);
                let readers = pool.connect_with(options.pragma("query_only", "ON")).await?;
                // What would write is refused by the connection itself.
                Ok(Self::Sqlite { writer: readers.clone(), readers })
            }
            StoreLocation::Postgres { url } => {
                let pool = postgres_pool()
                    .acquire_timeout(ACQUIRE_TIMEOUT_ASIDE)
                    .max_connections(POSTGRES_CONNECTIONS_ASIDE)
                    .connect_with(postgres_options(url)?)
                    .await?;
                Ok(Self::Postgres { pool })
            }
        }
    }

    async fn connect_sqlite(directory: &Path) -> Result<Self> {
        let options = sqlite_options(&prepare_directory(directory)?);
        let writer = sqlite_pool().max_connections(1).connect_with(options.clone()).await?;
        let readers = sqlite_pool()
            .max_connections(SQLITE_READERS)
            .connect_with(options.pragma("query_only", "ON"))
            .await?;
        Ok(Self::Sqlite { writer, readers })
    }

    async fn connect_postgres(url: &Secret) -> Result<Self> {
        let options = postgres_options(url)?;
        // Once outside the pool, because the pool hides why a connection is refused.
        let at = || format!("PostgreSQL at {}:{} ", options.get_host(), options.get_port());
        match tokio::time::timeout(ACQUIRE_TIMEOUT, PgConnection::connect_with(&options)).await {
            Err(elapsed) => {
                return Err(StoreError::unavailable(at() + "does not answer", elapsed));
            }
            Ok(Err(error @ sqlx::Error::Database(_))) => return Err(error.into()),
            Ok(Err(error)) => {
                let hint = at() + "cannot be reached; check the URL and that it runs";
                return Err(StoreError::unavailable(hint, error));
            }
            // A failure to say good-bye on a connection that is not used again means nothing.
            Ok(Ok(connection)) => drop(connection.close().await),
        }
        let pool =
            postgres_pool().max_connections(POSTGRES_CONNECTIONS).connect_with(options).await?;
        Ok(Self::Postgres { pool })
    }
}

fn sqlite_options(file: &Path) -> SqliteConnectOptions {
    // FULL: in WAL mode NORMAL does not wait for the disk at COMMIT, so that a power cut undoes what was
    // already acknowledged: a ticket would be fresh again, a revoked link alive, an audit record gone.
    // Measured on one disk, two cores: one append at a time 1,300 a second with FULL against 3,000 to 7,500
    // with NORMAL; 64 at once, 15,000 against 26,000, because those share their commits. A hub needs tens.
    SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(SQLITE_BUSY_TIMEOUT)
        .pragma("trusted_schema", "OFF")
        .disable_statement_logging()
}

/// SQLite connections do not go stale, so nothing needs replacing or testing, but for one thing: when the disk is
/// full SQLite itself rolls back, the driver's ROLLBACK then fails, and the driver would believe for ever that the
/// transaction is open and refuse the next. Such a connection is closed; the next act opens another.
fn sqlite_pool() -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .max_lifetime(None)
        .idle_timeout(None)
        .test_before_acquire(false)
        .after_release(|connection, _| {
            Box::pin(async move {
                // Waits for the ROLLBACK that a dropped transaction has queued.
                connection.ping().await?;
                Ok(!connection.is_in_transaction())
            })
        })
}

fn postgres_options(url: &Secret) -> Result<PgConnectOptions> {
    // The parser's message may repeat the URL, which holds a password: it is dropped.
    let options = PgConnectOptions::from_str(url.expose()).map_err(|_| StoreError::Invalid {
        object: "the PostgreSQL URL".to_owned(),
        reason: "write it as postgres://user:password@host:port/database".to_owned(),
    })?;
    Ok(options.application_name("sallyport").disable_statement_logging())
}

fn postgres_pool() -> PgPoolOptions {
    PgPoolOptions::new().acquire_timeout(ACQUIRE_TIMEOUT).after_connect(|connection, _| {
        Box::pin(
            async move { sqlx::raw_sql(POSTGRES_SESSION).execute(connection).await.map(|_| ()) },
        )
    })
}

/// Bounds for every statement, and a commit that waits for the disk even where the server's default does not.
/// A hub that dies mid-transaction while its connection lives on must not hold the audit head for long.
const POSTGRES_SESSION: &str = "
    SET statement_timeout = '15s';
    SET lock_timeout = '10s';
    SET idle_in_transaction_session_timeout = '15s';
    SELECT set_config('synchronous_commit', 'on', false)
    WHERE current_setting('synchronous_commit') = 'off';
";
