//! Software bills of materials: packages written down as CycloneDX 1.6 or SPDX 2.3, and read again from either.
//! The clock, and the name of what the packages are in, are the caller's.
//!
//! Hostile input: a bill names packages by their URLs; a component without one, or of a kind that is not known here,
//! is told as a gap, for whether it is vulnerable cannot be known.

mod cyclonedx;
mod spdx;

use crate::distribution::Distribution;
use crate::package::Package;
use crate::packages::{Gap, Inventory};
use serde_json::Value;
use std::collections::BTreeMap;

/// Components within components of CycloneDX; nobody nests them deeper.
const DEPTH_MAX: usize = 16;

/// The form of a bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// CycloneDX 1.6, JSON.
    CycloneDx,
    /// SPDX 2.3, JSON.
    Spdx,
}

/// What a bill is of, and when and by whom it was made.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its digest, `sha256:` and 64 digits.
    pub digest: &'a str,
    /// When, in RFC 3339.
    pub time: &'a str,
    /// The version of this program.
    pub tool_version: &'a str,
}

/// Why a text is no bill.
#[derive(Debug, thiserror::Error)]
pub enum SbomFault {
    /// It is no JSON.
    #[error("this is no JSON")]
    Json(#[from] serde_json::Error),
    /// It is neither.
    #[error("this is neither CycloneDX nor SPDX in JSON")]
    Unknown,
}

/// Writes a bill.
pub fn write(inventory: &Inventory, subject: &Subject<'_>, form: Form) -> Value {
    match form {
        Form::CycloneDx => cyclonedx::write(inventory, subject),
        Form::Spdx => spdx::write(inventory, subject),
    }
}

/// Reads a bill.
pub fn read(text: &[u8]) -> Result<Inventory, SbomFault> {
    let bill: Value = serde_json::from_slice(text)?;
    let mut inventory = Inventory::default();
    if bill["bomFormat"] == "CycloneDX" {
        cyclonedx::read(&bill, &mut inventory);
    } else if bill["spdxVersion"].as_str().is_some_and(|version| version.starts_with("SPDX-2")) {
        spdx::read(&bill, &mut inventory);
    } else {
        return Err(SbomFault::Unknown);
    }
    inventory.packages.sort();
    inventory.packages.dedup();
    Ok(inventory)
}

/// A package of a bill by its URL; what has none is a gap.
fn take(inventory: &mut Inventory, url: Option<&str>, name: &str) {
    match url.and_then(|url| Package::of_url(url, name)) {
        Some((package, distribution)) => {
            inventory.packages.push(package);
            inventory.distribution = inventory.distribution.take().or(distribution);
        }
        None => inventory.gaps.push(Gap {
            path: url.unwrap_or(name).to_owned(),
            reason: "the bill of materials has no package URL for it that is known here",
        }),
    }
}

/// Packages by their URLs, each with the files that tell of it.
fn by_url(inventory: &Inventory) -> BTreeMap<String, (&Package, Vec<&str>)> {
    let mut found: BTreeMap<String, (&Package, Vec<&str>)> = BTreeMap::new();
    for package in &inventory.packages {
        let url = package.url(inventory.distribution.as_ref());
        found.entry(url).or_insert((package, Vec::new())).1.push(&package.path);
    }
    found
}

/// The form that a digest gives to a UUID; the same image has the same bill.
fn uuid(digest: &str) -> String {
    let digits: String = digest
        .rsplit(':')
        .next()
        .unwrap_or_default()
        .chars()
        .filter(char::is_ascii_hexdigit)
        .chain("0".repeat(32).chars())
        .take(32)
        .collect();
    // Version 8, whose bits are the maker's own (RFC 9562, section 5.8).
    format!(
        "{}-{}-8{}-8{}-{}",
        &digits[..8],
        &digits[8..12],
        &digits[13..16],
        &digits[17..20],
        &digits[20..32]
    )
}

fn distribution_of(name: Option<&str>, version: Option<&str>) -> Option<Distribution> {
    let id = name.filter(|name| !name.is_empty())?.to_lowercase();
    Some(Distribution { id, version: version.unwrap_or_default().to_owned() })
}

#[cfg(test)]
mod tests;
