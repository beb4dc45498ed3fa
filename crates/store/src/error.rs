//! What can go wrong with the store, told by what the caller can do about it.
//! Which status or page a person sees is decided by the services.

use sqlx::error::{DatabaseError, ErrorKind};
use std::error::Error;

/// The cause below, kept for the log.
type Cause = Box<dyn Error + Send + Sync>;

/// Why the store did not do what it was asked; nothing of the act was written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another writer held the database for longer than the store waits.
    #[error("the database is busy: another writer held it for too long; try again in a moment")]
    Busy(#[source] Option<Cause>),
    /// No space is left.
    #[error("the database is full: free space on its disk, or raise its quota")]
    Full(#[source] Option<Cause>),
    /// The database cannot be reached, or refuses us.
    #[error("the database is unavailable: {hint}")]
    Unavailable {
        /// What to look at.
        hint: String,
        /// What the database or the system said.
        #[source]
        source: Option<Cause>,
    },
    /// Something of that name or id exists already, or contradicts what is stored.
    #[error("{object} conflicts with what is stored")]
    Conflict {
        /// Which thing.
        object: String,
    },
    /// The thing that should be changed, or is referred to, does not exist.
    #[error("{object} does not exist")]
    NotFound {
        /// Which thing.
        object: String,
    },
    /// A value that the store does not take.
    #[error("{object} cannot be stored: {reason}")]
    Invalid {
        /// Which value.
        object: String,
        /// Why not.
        reason: String,
    },
    /// What is stored cannot be what the store wrote.
    #[error("{object} is corrupt: {reason}")]
    Corrupt {
        /// Which row or file.
        object: String,
        /// What is wrong, and what to do.
        reason: String,
        /// The failure that showed it.
        #[source]
        source: Option<Cause>,
    },
    /// The database's schema is not one that this binary may work with.
    #[error("the database's schema does not fit: {reason}")]
    Schema {
        /// What differs, and what to do.
        reason: String,
    },
}

impl StoreError {
    pub(crate) fn not_found(object: impl Into<String>) -> Self {
        Self::NotFound { object: object.into() }
    }

    pub(crate) fn conflict(object: impl Into<String>) -> Self {
        Self::Conflict { object: object.into() }
    }

    pub(crate) fn corrupt(object: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Corrupt { object: object.into(), reason: reason.into(), source: None }
    }

    pub(crate) fn unavailable(hint: impl Into<String>, source: impl Into<Cause>) -> Self {
        Self::Unavailable { hint: hint.into(), source: Some(source.into()) }
    }

    pub(crate) fn closed() -> Self {
        Self::Unavailable { hint: "this store was closed".to_owned(), source: None }
    }

    /// The same failure for one more who waited for it; of the causes only their words remain.
    pub(crate) fn retold(&self) -> Self {
        let source = || self.source().map(|cause| Cause::from(cause.to_string()));
        match self {
            Self::Busy(_) => Self::Busy(source()),
            Self::Full(_) => Self::Full(source()),
            Self::Unavailable { hint, .. } => {
                Self::Unavailable { hint: hint.clone(), source: source() }
            }
            Self::Conflict { object } => Self::Conflict { object: object.clone() },
            Self::NotFound { object } => Self::NotFound { object: object.clone() },
            Self::Invalid { object, reason } => {
                Self::Invalid { object: object.clone(), reason: reason.clone() }
            }
            Self::Corrupt { object, reason, .. } => {
                let (object, reason) = (object.clone(), reason.clone());
                Self::Corrupt { object, reason, source: source() }
            }
            Self::Schema { reason } => Self::Schema { reason: reason.clone() },
        }
    }

    /// Gives a conflict or a missing reference the caller's name for the thing.
    pub(crate) fn naming(self, object: impl FnOnce() -> String) -> Self {
        match self {
            Self::Conflict { .. } => Self::Conflict { object: object() },
            Self::NotFound { .. } => Self::NotFound { object: object() },
            other => other,
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(database) => {
                let verdict = Verdict::of(database.as_ref());
                verdict.with(error)
            }
            sqlx::Error::PoolTimedOut => Self::Busy(Some(error.into())),
            sqlx::Error::PoolClosed => Self::closed(),
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::Decode(_) => Self::Corrupt {
                object: "a row".to_owned(),
                reason: "it does not hold what this version writes".to_owned(),
                source: Some(error.into()),
            },
            _ => Self::unavailable(
                "the connection was lost; check that the database runs and can be reached",
                error,
            ),
        }
    }
}

/// A database's error code, read.
enum Verdict {
    Busy,
    Full,
    Unavailable(&'static str),
    Conflict(String),
    NotFound(String),
    Invalid,
    Corrupt(&'static str),
}

impl Verdict {
    fn of(error: &dyn DatabaseError) -> Self {
        let place = || {
            let name = error.constraint().or_else(|| error.table());
            name.map_or_else(|| "a row".to_owned(), |name| format!("a row ({name})"))
        };
        match error.kind() {
            ErrorKind::UniqueViolation => return Self::Conflict(place()),
            ErrorKind::ForeignKeyViolation => return Self::NotFound("what a row refers to".into()),
            _ => {}
        }
        let code = error.code().unwrap_or_default().into_owned();
        if error.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() {
            Self::of_sqlite(code.parse().unwrap_or(0))
        } else {
            Self::of_postgres(&code)
        }
    }

    /// <https://www.sqlite.org/rescode.html>; the low byte is the primary code.
    fn of_sqlite(code: u32) -> Self {
        match code & 0xff {
            5 | 6 => Self::Busy,
            13 => Self::Full,
            8 => Self::Unavailable("its file is read-only; check the directory's owner and mode"),
            10 => Self::Unavailable("reading or writing its file failed; check the disk"),
            14 => Self::Unavailable("its file cannot be opened; check the directory's owner"),
            11 | 26 => Self::Corrupt("restore the file from a backup"),
            19 => Self::Corrupt("a constraint or a trigger refused the change"),
            _ => Self::Unavailable("it failed in a way the store does not know"),
        }
    }

    /// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
    fn of_postgres(code: &str) -> Self {
        match code {
            "40001" | "40P01" | "55P03" | "57014" => Self::Busy,
            "53100" => Self::Full,
            "53300" => Self::Unavailable("it has no connection left; raise max_connections"),
            "22021" | "22P05" => Self::Invalid,
            "3D000" => Self::Unavailable("the database in the URL does not exist; create it"),
            "25006" => Self::Unavailable("it is read-only; point the URL at the primary"),
            "42501" => Self::Unavailable("the URL's user lacks a right; grant it on the schema"),
            _ => match code.get(..2) {
                Some("28") => Self::Unavailable("it refuses the URL's user or password"),
                Some("08" | "53" | "57" | "58") => {
                    Self::Unavailable("it is stopping, overloaded, or lost its disk; check it")
                }
                Some("XX") => Self::Corrupt("restore the database from a backup"),
                Some("23" | "P0") => Self::Corrupt("a constraint or a trigger refused the change"),
                _ => Self::Unavailable("it failed in a way the store does not know"),
            },
        }
    }

    fn with(self, error: sqlx::Error) -> StoreError {
        let cause: Option<Cause> = Some(error.into());
        match self {
            Self::Busy => StoreError::Busy(cause),
            Self::Full => StoreError::Full(cause),
            Self::Unavailable(hint) => {
                StoreError::Unavailable { hint: hint.to_owned(), source: cause }
            }
            Self::Conflict(object) => StoreError::Conflict { object },
            Self::NotFound(object) => StoreError::NotFound { object },
            Self::Invalid => StoreError::Invalid {
                object: "a text".to_owned(),
                reason: "it holds a character that the database refuses (NUL)".to_owned(),
            },
            Self::Corrupt(reason) => StoreError::Corrupt {
                object: "the database".to_owned(),
                reason: reason.to_owned(),
                source: cause,
            },
        }
    }
}
