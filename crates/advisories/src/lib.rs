//! Advisories: which versions of which packages are vulnerable, in a database that is signed and asked offline.
//! Pure: where advisories, databases and packages come from is the caller's; nothing here reaches a network.
//!
//! The way of an advisory: [`osv`] reads it as its publisher wrote it, [`database`] keeps it, signed by [`key`],
//! [`matching`] asks for a package, and [`version`] compares as whoever made the version would.
//!
//! Hostile input: an advisory is text of strangers until it is read; a database is bytes of strangers until its
//! signature holds.

pub mod cvss;
pub mod database;
pub mod key;
pub mod matching;
pub mod osv;
pub mod version;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;

use serde::{Deserialize, Serialize};

/// How bad a vulnerability is, by its publisher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rating {
    /// Its publisher does not say, or in a way that is not understood here.
    Unrated,
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
    /// Critical.
    Critical,
}

impl Rating {
    /// Its name in outputs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unrated => "unrated",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// Versions that are affected: from one on, up to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// The first version; `0` is before all.
    #[serde(rename = "i")]
    pub introduced: String,
    /// The first version that is not affected any more.
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    pub fixed: Option<String>,
    /// The last version that is known to be affected.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub last_affected: Option<String>,
}

/// What is said of one package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advisory {
    /// The package, by the name that its ecosystem gives it.
    #[serde(rename = "n")]
    pub package: String,
    /// The advisory's id.
    #[serde(rename = "id")]
    pub id: String,
    /// Other ids of the same.
    #[serde(rename = "a", default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// How bad.
    #[serde(rename = "s")]
    pub rating: Rating,
    /// What it is, in a line.
    #[serde(rename = "t", default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// Affected versions.
    #[serde(rename = "r", default, skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<Range>,
    /// Affected versions one by one, besides those in a range.
    #[serde(rename = "v", default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<String>,
}
