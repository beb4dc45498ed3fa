//! One row of either database, read by column name into the types of the model.
//! A value that does not parse is reported as corruption, with its column; it never panics.

use crate::{Result, StoreError};
use model::Timestamp;
use serde::de::DeserializeOwned;
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use std::fmt::Display;
use std::str::FromStr;

/// One row.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

macro_rules! read {
    ($self:ident, $column:ident, $kind:ty) => {
        match $self {
            Self::Sqlite(row) => row.try_get::<$kind, _>($column).map_err(StoreError::from),
            Self::Postgres(row) => row.try_get::<$kind, _>($column).map_err(StoreError::from),
        }
    };
}

impl Row {
    pub(crate) fn text(&self, column: &str) -> Result<String> {
        read!(self, column, String)
    }

    pub(crate) fn text_option(&self, column: &str) -> Result<Option<String>> {
        read!(self, column, Option<String>)
    }

    pub(crate) fn int(&self, column: &str) -> Result<i64> {
        read!(self, column, i64)
    }

    pub(crate) fn int_option(&self, column: &str) -> Result<Option<i64>> {
        read!(self, column, Option<i64>)
    }

    /// A number that the store keeps within the target's range.
    pub(crate) fn number<N: TryFrom<i64>>(&self, column: &str) -> Result<N> {
        let number = self.int(column)?;
        N::try_from(number).map_err(|_| odd(column, format!("{number} is out of range")))
    }

    pub(crate) fn bool(&self, column: &str) -> Result<bool> {
        read!(self, column, bool)
    }

    pub(crate) fn bytes(&self, column: &str) -> Result<Vec<u8>> {
        read!(self, column, Vec<u8>)
    }

    pub(crate) fn hash(&self, column: &str) -> Result<[u8; 32]> {
        self.bytes(column)?.try_into().map_err(|_| odd(column, "it is not 32 bytes long"))
    }

    pub(crate) fn time(&self, column: &str) -> Result<Timestamp> {
        self.int(column).map(Timestamp::from_micros)
    }

    pub(crate) fn time_option(&self, column: &str) -> Result<Option<Timestamp>> {
        Ok(self.int_option(column)?.map(Timestamp::from_micros))
    }

    /// A name or an id of the model.
    pub(crate) fn parsed<T: FromStr<Err: Display>>(&self, column: &str) -> Result<T> {
        self.text(column)?.parse().map_err(|error| odd(column, format!("{error}")))
    }

    pub(crate) fn parsed_option<T: FromStr<Err: Display>>(
        &self,
        column: &str,
    ) -> Result<Option<T>> {
        self.text_option(column)?
            .map(|text| text.parse().map_err(|error| odd(column, format!("{error}"))))
            .transpose()
    }

    pub(crate) fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T> {
        serde_json::from_str(&self.text(column)?).map_err(|error| odd(column, error.to_string()))
    }
}

fn odd(column: &str, reason: impl Into<String>) -> StoreError {
    StoreError::corrupt(format!("a row's `{column}`"), reason)
}

/// JSON for a text column. What the store writes this way (lists of texts, identities) always serialises.
pub(crate) fn json_text<T: serde::Serialize>(what: &str, value: &T) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|error| StoreError::Invalid { object: what.to_owned(), reason: error.to_string() })
}
