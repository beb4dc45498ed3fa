//! The static token file of `--token-auth-file`: CSV rows of token, user, UID and groups.
//! When the file is read again is not known here.
//!
//! Formats: CSV as Go's `encoding/csv` reads it with a free number of fields, then the rules of the API
//! server: at least three columns, an empty token is passed over, of two rows with one token the last holds,
//! and the fourth column is split at commas and not trimmed, so that an empty one is one empty group.
//!
//! Hostile input: tokens are compared by their SHA-256, so that neither time nor memory tells of them; the
//! file is the operator's and bounded by [`TOKEN_FILE_BYTES_MAX`].

mod csv;

use super::explanation::{Objection, Opinion, Reason};
use aws_lc_rs::digest::{SHA256, digest};
use model::{Identity, Secret};
use std::collections::{BTreeMap, HashMap};
use zeroize::Zeroizing;

/// Room for a hundred thousand users; a larger file is something else.
const TOKEN_FILE_BYTES_MAX: usize = 16 << 20;

/// The users of a token file.
#[derive(Debug, Clone, Default)]
pub struct TokenFile {
    users: HashMap<[u8; 32], Identity>,
    notes: Vec<TokenFileNote>,
}

/// A row that does not say what its author may think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenFileNote {
    /// The record with this number, from 1, has no token and was passed over.
    EmptyToken(usize),
    /// The record with this number replaces an earlier one of the same token.
    SameToken(usize),
}

/// The file is not one that the API server would start with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTokenFile {
    /// A record is too short.
    #[error(
        "line {line}: a record needs at least 3 columns (token, user name, user uid), but has {columns}"
    )]
    Columns {
        /// Where it begins.
        line: usize,
        /// How many it has.
        columns: usize,
    },
    /// A quote where none may stand.
    #[error("line {line}: {fault}")]
    Quote {
        /// Where.
        line: usize,
        /// What is wrong.
        fault: &'static str,
    },
    /// Longer than any real file.
    #[error("the file is longer than {TOKEN_FILE_BYTES_MAX} bytes")]
    TooLong,
}

impl TokenFile {
    /// Reads the file.
    pub fn parse(text: &[u8]) -> Result<Self, InvalidTokenFile> {
        if text.len() > TOKEN_FILE_BYTES_MAX {
            return Err(InvalidTokenFile::TooLong);
        }
        let mut file = Self::default();
        let mut number = 0;
        for record in csv::Records::new(text) {
            let csv::Record { line, fields } = record?;
            let fields = Zeroizing::new(fields);
            let [token, user, uid, rest @ ..] = fields.as_slice() else {
                return Err(InvalidTokenFile::Columns { line, columns: fields.len() });
            };
            number += 1;
            if token.is_empty() {
                file.notes.push(TokenFileNote::EmptyToken(number));
                continue;
            }
            let groups = rest.first().map_or_else(Vec::new, |groups| {
                String::from_utf8_lossy(groups).split(',').map(str::to_owned).collect()
            });
            let identity = Identity {
                user: String::from_utf8_lossy(user).into_owned(),
                uid: Some(String::from_utf8_lossy(uid).into_owned()).filter(|uid| !uid.is_empty()),
                groups,
                extra: BTreeMap::new(),
            };
            if file.users.insert(hash(token), identity).is_some() {
                file.notes.push(TokenFileNote::SameToken(number));
            }
        }
        Ok(file)
    }

    /// What an operator should look at.
    pub fn notes(&self) -> &[TokenFileNote] {
        &self.notes
    }

    /// How many tokens hold.
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether no token holds.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    pub(super) fn authenticate(&self, token: &Secret) -> Opinion {
        self.users
            .get(&hash(token.expose().as_bytes()))
            .cloned()
            .ok_or(Objection::None(Reason::NotInTokenFile))
    }
}

fn hash(token: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, token).as_ref());
    hash
}

#[cfg(test)]
mod tests;
