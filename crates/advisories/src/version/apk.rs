//! Alpine's versions: `1.2.3a_rc1-r4`.
//! It knows no other kind.
//!
//! Hostile input: what does not follow this order is no version, and is not compared.

use super::digits;
use std::cmp::Ordering;

/// What a part is; where versions differ in it, the later in this list is the older version, but for suffixes that say
/// that a release is still to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Number,
    Letter,
    Suffix,
    SuffixNumber,
    Revision,
    End,
}

const BEFORE: &[&str] = &["alpha", "beta", "pre", "rc"];
const BEHIND: &[&str] = &["cvs", "svn", "git", "hg", "p"];

pub(super) fn compare(one: &str, two: &str) -> Option<Ordering> {
    let (one, two) = (parts(one)?, parts(two)?);
    for ((part_one, value_one), (part_two, value_two)) in one.iter().zip(&two) {
        if part_one != part_two {
            let is_before = |part: &Part, value: &i128| *part == Part::Suffix && *value < 0;
            return Some(if is_before(part_one, value_one) {
                Ordering::Less
            } else if is_before(part_two, value_two) {
                Ordering::Greater
            } else {
                part_two.cmp(part_one)
            });
        }
        if value_one != value_two {
            return Some(value_one.cmp(value_two));
        }
    }
    Some(Ordering::Equal)
}

fn parts(version: &str) -> Option<Vec<(Part, i128)>> {
    // What stands behind a tilde names a commit.
    let version = version.trim();
    let (version, commit) = version.split_once('~').unwrap_or((version, ""));
    let revision = commit.find("-r").map_or("", |at| &commit[at..]);
    let mut rest = version;
    let mut parts = Vec::new();
    let number = |text: &str| text.parse::<i128>().ok();
    let mut first = true;
    // Numbers: the first is a number; the zeros before another one are a part of their own, and make it older.
    loop {
        let (digits, behind) = digits(rest);
        if digits.is_empty() {
            return None;
        }
        let zeros = digits.len() - digits.trim_start_matches('0').len();
        if !first && zeros > 0 {
            parts.push((Part::Number, -i128::try_from(zeros).ok()?));
            if zeros < digits.len() {
                parts.push((Part::Number, number(&digits[zeros..])?));
            }
        } else {
            parts.push((Part::Number, number(digits)?));
        }
        first = false;
        rest = behind;
        match rest.strip_prefix('.') {
            Some(behind) => rest = behind,
            None => break,
        }
    }
    if let Some(letter) = rest.chars().next().filter(char::is_ascii_lowercase) {
        parts.push((Part::Letter, i128::from(u32::from(letter))));
        rest = &rest[1..];
    }
    while let Some(behind) = rest.strip_prefix('_') {
        let end = behind.find(|letter: char| !letter.is_ascii_lowercase()).unwrap_or(behind.len());
        let (word, after) = behind.split_at(end);
        let at = |list: &[&str]| list.iter().position(|own| *own == word);
        let value = match (at(BEFORE), at(BEHIND)) {
            (Some(at), _) => i128::try_from(at).ok()? - 4,
            (None, Some(at)) => i128::try_from(at).ok()?,
            (None, None) => return None,
        };
        parts.push((Part::Suffix, value));
        let (digits, after) = digits(after);
        if !digits.is_empty() {
            parts.push((Part::SuffixNumber, number(digits)?));
        }
        rest = after;
    }
    let rest = if rest.is_empty() { revision } else { rest };
    if let Some(digits) = rest.strip_prefix("-r") {
        parts.push((Part::Revision, number(digits)?));
    } else if !rest.is_empty() {
        return None;
    }
    parts.push((Part::End, 0));
    Some(parts)
}
