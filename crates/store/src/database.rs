//! One face for SQLite and PostgreSQL: statements with `$1` placeholders, rows by column name, transactions.
//! It knows connections, limits and durability; it does not know what is stored.
//!
//! Two concrete pools in an enum, not sqlx's `Any`: SQLite needs one writer beside its readers and
//! `BEGIN IMMEDIATE`, PostgreSQL needs its parameters typed, and both need settings that a URL cannot carry.

mod connect;
mod insert;
mod row;
mod value;

pub(crate) use insert::insert;
pub(crate) use row::{Row, json_text};
pub(crate) use value::{Value, values};

use crate::{Result, StoreError};
use sqlx::{PgPool, Postgres, SqlSafeStr, SqlStr, Sqlite, SqlitePool, Transaction};
use std::pin::Pin;

/// The pools of one database; clones share them.
#[derive(Clone)]
pub(crate) enum Database {
    Sqlite { writer: SqlitePool, readers: SqlitePool },
    Postgres { pool: PgPool },
}

/// An open transaction; dropped without [`Tx::commit`] it is rolled back.
pub(crate) enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// A call to the database under way. Boxed, because the drivers' futures are large: every request would carry
/// them, and, since the compiler copies an async function's body to wherever it is awaited, every crate above
/// would compile them anew.
pub(crate) type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// Binds every value to a query of the given driver.
macro_rules! bound {
    ($driver:ty, $sql:expr, $values:expr) => {{
        let mut query = sqlx::query::<$driver>($sql);
        for value in $values {
            query = match value {
                Value::Text(text) => query.bind(text),
                Value::Int(number) => query.bind(number),
                Value::Bool(yes) => query.bind(yes),
                Value::Bytes(bytes) => query.bind(bytes),
            };
        }
        query
    }};
}

impl Database {
    /// Reads outside a transaction.
    pub(crate) fn rows(&self, sql: impl SqlSafeStr, values: Vec<Value>) -> Pending<'_, Vec<Row>> {
        self.run(sql.into_sql_str(), values, false)
    }

    /// Reads at most one row outside a transaction.
    pub(crate) fn row(&self, sql: impl SqlSafeStr, values: Vec<Value>) -> Pending<'_, Option<Row>> {
        first(self.rows(sql, values))
    }

    /// Writes with one statement that returns rows, and is its own transaction.
    ///
    /// All rows are read: a statement that is left early has not ended, and so has not committed.
    pub(crate) fn write_rows(
        &self,
        sql: impl SqlSafeStr,
        values: Vec<Value>,
    ) -> Pending<'_, Vec<Row>> {
        self.run(sql.into_sql_str(), values, true)
    }

    fn run(&self, sql: SqlStr, values: Vec<Value>, write: bool) -> Pending<'_, Vec<Row>> {
        Box::pin(async move {
            match self {
                Self::Sqlite { writer, readers } => {
                    let pool = if write { writer } else { readers };
                    let mut connection = pool.acquire().await?;
                    let rows = bound!(Sqlite, sql, values).fetch_all(&mut *connection).await?;
                    Ok(rows.into_iter().map(Row::Sqlite).collect())
                }
                Self::Postgres { pool } => {
                    let connection = pool.acquire().await;
                    let mut connection = connection.map_err(|e| postgres_refused(pool, e))?;
                    let rows = bound!(Postgres, sql, values).fetch_all(&mut *connection).await?;
                    Ok(rows.into_iter().map(Row::Postgres).collect())
                }
            }
        })
    }

    /// Writes with one statement that is its own transaction; returns how many rows it touched.
    pub(crate) fn execute(&self, sql: impl SqlSafeStr, values: Vec<Value>) -> Pending<'_, u64> {
        self.change(sql.into_sql_str(), values)
    }

    fn change(&self, sql: SqlStr, values: Vec<Value>) -> Pending<'_, u64> {
        Box::pin(async move {
            match self {
                Self::Sqlite { writer, .. } => {
                    let mut connection = writer.acquire().await?;
                    let done = bound!(Sqlite, sql, values).execute(&mut *connection).await?;
                    Ok(done.rows_affected())
                }
                Self::Postgres { pool } => {
                    let connection = pool.acquire().await;
                    let mut connection = connection.map_err(|e| postgres_refused(pool, e))?;
                    let done = bound!(Postgres, sql, values).execute(&mut *connection).await?;
                    Ok(done.rows_affected())
                }
            }
        })
    }

    /// Begins a transaction that may write. On SQLite it holds the write lock from here on, so that it cannot
    /// fail later for having read before it wrote.
    pub(crate) fn begin(&self) -> Pending<'_, Tx> {
        Box::pin(async move {
            match self {
                Self::Sqlite { writer, .. } => {
                    Ok(Tx::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?))
                }
                Self::Postgres { pool } => {
                    let tx = pool.begin().await.map_err(|error| postgres_refused(pool, error))?;
                    Ok(Tx::Postgres(tx))
                }
            }
        })
    }

    /// Begins a transaction in which every read sees the same state.
    pub(crate) async fn begin_snapshot(&self) -> Result<Tx> {
        match self {
            Self::Sqlite { readers, .. } => Ok(Tx::Sqlite(readers.begin().await?)),
            Self::Postgres { pool } => {
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                let tx = pool.begin_with(begin).await;
                Ok(Tx::Postgres(tx.map_err(|error| postgres_refused(pool, error))?))
            }
        }
    }

    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres { .. })
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres { pool } => pool.close().await,
        }
    }
}

fn first(rows: Pending<'_, Vec<Row>>) -> Pending<'_, Option<Row>> {
    Box::pin(async move { Ok(rows.await?.into_iter().next()) })
}

/// Tells "all connections are in use" from "no connection can be made": the pool retries a refused connection
/// silently until its time is up.
fn postgres_refused(pool: &PgPool, error: sqlx::Error) -> StoreError {
    let has_room = pool.size() < pool.options().get_max_connections();
    if matches!(error, sqlx::Error::PoolTimedOut) && has_room {
        return StoreError::unavailable(
            "no connection could be made; check that PostgreSQL runs and can be reached",
            error,
        );
    }
    error.into()
}

impl Tx {
    pub(crate) fn rows(
        &mut self,
        sql: impl SqlSafeStr,
        values: Vec<Value>,
    ) -> Pending<'_, Vec<Row>> {
        self.run(sql.into_sql_str(), values)
    }

    fn run(&mut self, sql: SqlStr, values: Vec<Value>) -> Pending<'_, Vec<Row>> {
        Box::pin(async move {
            match self {
                Self::Sqlite(tx) => {
                    let rows = bound!(Sqlite, sql, values).fetch_all(&mut **tx).await?;
                    Ok(rows.into_iter().map(Row::Sqlite).collect())
                }
                Self::Postgres(tx) => {
                    let rows = bound!(Postgres, sql, values).fetch_all(&mut **tx).await?;
                    Ok(rows.into_iter().map(Row::Postgres).collect())
                }
            }
        })
    }

    pub(crate) fn row(
        &mut self,
        sql: impl SqlSafeStr,
        values: Vec<Value>,
    ) -> Pending<'_, Option<Row>> {
        first(self.rows(sql, values))
    }

    pub(crate) fn execute(&mut self, sql: impl SqlSafeStr, values: Vec<Value>) -> Pending<'_, u64> {
        self.change(sql.into_sql_str(), values)
    }

    fn change(&mut self, sql: SqlStr, values: Vec<Value>) -> Pending<'_, u64> {
        Box::pin(async move {
            match self {
                Self::Sqlite(tx) => {
                    Ok(bound!(Sqlite, sql, values).execute(&mut **tx).await?.rows_affected())
                }
                Self::Postgres(tx) => {
                    Ok(bound!(Postgres, sql, values).execute(&mut **tx).await?.rows_affected())
                }
            }
        })
    }

    /// Runs several statements without values, as a migration holds them.
    pub(crate) async fn script(&mut self, sql: &'static str) -> Result<()> {
        match self {
            Self::Sqlite(tx) => sqlx::raw_sql(sql).execute(&mut **tx).await.map(|_| ())?,
            Self::Postgres(tx) => sqlx::raw_sql(sql).execute(&mut **tx).await.map(|_| ())?,
        }
        Ok(())
    }

    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Makes everything durable. A transaction in which a statement failed must not come here: PostgreSQL
    /// answers its COMMIT with a silent rollback. Callers leave with `?` at the first failure.
    pub(crate) fn commit(self) -> Pending<'static, ()> {
        Box::pin(async move {
            match self {
                Self::Sqlite(tx) => tx.commit().await?,
                Self::Postgres(tx) => tx.commit().await?,
            }
            Ok(())
        })
    }
}
