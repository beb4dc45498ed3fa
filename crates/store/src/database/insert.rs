//! Many rows of one table with few statements.
//! Which columns a table has is known to the modules that use it.

use super::{Tx, Value};
use crate::Result;
use sqlx::AssertSqlSafe;

/// Inserts rows, many with one statement. Their number is a power of two, so that few statements are prepared.
pub(crate) async fn insert(
    tx: &mut Tx,
    table: &str,
    columns: &[&str],
    mut rows: Vec<Vec<Value>>,
) -> Result<()> {
    /// 128 rows of 25 values are well below the 32,766 that SQLite takes.
    const ROWS_MAX: usize = 128;
    while !rows.is_empty() {
        let mut count = ROWS_MAX;
        while count > rows.len() {
            count /= 2;
        }
        let mut place = 0;
        let marks: Vec<String> = (0..count)
            .map(|_| {
                let marks: Vec<String> = columns
                    .iter()
                    .map(|_| {
                        place += 1;
                        format!("${place}")
                    })
                    .collect();
                format!("({})", marks.join(", "))
            })
            .collect();
        let sql =
            format!("INSERT INTO {table} ({}) VALUES {}", columns.join(", "), marks.join(", "));
        let values = rows.drain(..count).flatten().collect();
        // The text is put together from fixed pieces; every value is bound.
        tx.execute(AssertSqlSafe(sql), values).await?;
    }
    Ok(())
}
