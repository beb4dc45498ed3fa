//! Which of two versions is older, by the rules of whoever made them.
//! Where a version was found, and what it is affected by, is not known here.
//!
//! Hostile input: numbers of any length are compared as text of digits, so that none overflows; a version that its own
//! rules cannot read is not compared, and never taken for older or newer.

mod apk;
mod dpkg;
mod maven;
mod pep440;
mod rpm;
mod semver;

use inventory::Kind;
use std::cmp::Ordering;

/// Compares two versions; none, if one of them is no version of this kind.
pub fn compare(kind: Kind, one: &str, two: &str) -> Option<Ordering> {
    match kind {
        Kind::Deb => dpkg::compare(one, two),
        Kind::Apk => apk::compare(one, two),
        Kind::Rpm => Some(rpm::compare(one, two)),
        Kind::Go | Kind::Cargo | Kind::Npm => semver::compare(one, two),
        Kind::Pypi => pep440::compare(one, two),
        Kind::Maven => Some(maven::compare(one, two)),
    }
}

/// Numbers as text of digits: without zeros before them, the longer one is the larger one.
fn compare_digits(one: &str, two: &str) -> Ordering {
    let (one, two) = (one.trim_start_matches('0'), two.trim_start_matches('0'));
    one.len().cmp(&two.len()).then_with(|| one.cmp(two))
}

/// The digits at the start, and the rest.
fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests;
