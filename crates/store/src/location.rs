//! Where the store lives: a directory for SQLite, or a PostgreSQL server.
//! What is in it is known to the other modules; who named the place, to the binary.

use crate::{Result, StoreError};
use model::Secret;
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Where the store lives.
#[derive(Debug, Clone)]
pub enum StoreLocation {
    /// A directory of the store's own, made (mode 0700) when missing. For one machine.
    Sqlite {
        /// The directory; the database is `sallyport.db` in it.
        directory: PathBuf,
    },
    /// A PostgreSQL database (tested with 15), shared by any number of hubs.
    Postgres {
        /// As in `postgres://user:password@host/database?sslmode=verify-full`.
        url: Secret,
    },
}

/// SQLite's file in the directory.
pub(crate) const DATABASE_FILE: &str = "sallyport.db";

/// Makes the directory and the file, for their owner only, and returns the file's path.
///
/// SQLite gives the write-ahead log and the shared-memory file the mode of the database, so that a directory
/// others may enter (a mounted volume) still shows them nothing.
pub(crate) fn prepare_directory(directory: &Path) -> Result<PathBuf> {
    let failed = |what: &str, path: &Path, error| {
        let hint = format!("`{}` cannot be {what}; check its owner and mode", path.display());
        StoreError::unavailable(hint, error)
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|error| failed("made", directory, error))?;
    let file = directory.join(DATABASE_FILE);
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let mode = fs::metadata(&file)
                .map_err(|error| failed("read", &file, error))?
                .permissions()
                .mode();
            if mode & 0o077 != 0 {
                tracing::warn!(file = %file.display(), "the database was open to others; closing it");
                fs::set_permissions(&file, Permissions::from_mode(0o600))
                    .map_err(|error| failed("closed to others", &file, error))?;
            }
        }
        Err(error) => return Err(failed("made", &file, error)),
    }
    Ok(file)
}
