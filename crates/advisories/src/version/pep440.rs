//! Python's versions (PEP 440): `1!2.3rc1.post2.dev3+local`.
//! It knows no other kind.
//!
//! Hostile input: what the specification cannot read is no version, and is not compared.

use super::{compare_digits, digits};
use std::cmp::Ordering;

/// A version with every spelling made one.
#[derive(Debug, Default)]
struct Version {
    epoch: String,
    release: Vec<String>,
    /// `a`, `b` or `rc`, with its number.
    before: Option<(char, String)>,
    behind: Option<String>,
    development: Option<String>,
    local: Vec<String>,
}

pub(super) fn compare(one: &str, two: &str) -> Option<Ordering> {
    let (one, two) = (read(one)?, read(two)?);
    let release = || {
        let length = one.release.len().max(two.release.len());
        let number = |version: &Version, at: usize| {
            version.release.get(at).map_or("0", String::as_str).to_owned()
        };
        (0..length)
            .map(|at| compare_digits(&number(&one, at), &number(&two, at)))
            .fold(Ordering::Equal, Ordering::then)
    };
    Some(
        compare_digits(&one.epoch, &two.epoch)
            .then_with(release)
            .then_with(|| compare_before(&one, &two))
            .then_with(|| compare_optional(one.behind.as_deref(), two.behind.as_deref()))
            .then_with(|| compare_development(&one, &two))
            .then_with(|| compare_local(&one.local, &two.local)),
    )
}

/// Alpha, beta, candidate, release. A development version of a release stands before its alphas.
fn compare_before(one: &Version, two: &Version) -> Ordering {
    let rank = |version: &Version| match &version.before {
        Some(('a', _)) => 1,
        Some(('b', _)) => 2,
        Some(_) => 3,
        None if version.behind.is_none() && version.development.is_some() => 0,
        None => 4,
    };
    let number = |version: &Version| {
        version.before.as_ref().map_or_else(String::new, |(_, number)| number.clone())
    };
    rank(one).cmp(&rank(two)).then_with(|| compare_digits(&number(one), &number(two)))
}

/// None is before any.
fn compare_optional(one: Option<&str>, two: Option<&str>) -> Ordering {
    match (one, two) {
        (Some(one), Some(two)) => compare_digits(one, two),
        (one, two) => one.is_some().cmp(&two.is_some()),
    }
}

/// None is behind any: it is finished.
fn compare_development(one: &Version, two: &Version) -> Ordering {
    match (&one.development, &two.development) {
        (Some(one), Some(two)) => compare_digits(one, two),
        (one, two) => two.is_some().cmp(&one.is_some()),
    }
}

fn compare_local(one: &[String], two: &[String]) -> Ordering {
    let is_number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
    let words = one.iter().zip(two).map(|(one, two)| match (is_number(one), is_number(two)) {
        (true, true) => compare_digits(one, two),
        (false, false) => one.cmp(two),
        // A number is newer than a word.
        (one, two) => one.cmp(&two),
    });
    words.fold(Ordering::Equal, Ordering::then).then(one.len().cmp(&two.len()))
}

/// Reads all of it, or nothing.
fn read(version: &str) -> Option<Version> {
    let lower = version.trim().to_ascii_lowercase();
    let text = lower.strip_prefix('v').unwrap_or(&lower);
    let (text, local) =
        text.split_once('+').map_or((text, None), |(text, local)| (text, Some(local)));
    let mut read = Version { epoch: "0".to_owned(), ..Version::default() };
    let (first, behind) = digits(text);
    let mut rest = text;
    if let Some(behind) = behind.strip_prefix('!') {
        if first.is_empty() {
            return None;
        }
        first.clone_into(&mut read.epoch);
        rest = behind;
    }
    loop {
        let (number, behind) = digits(rest);
        if number.is_empty() {
            return None;
        }
        read.release.push(number.to_owned());
        rest = behind;
        match behind.strip_prefix('.') {
            Some(next) if next.starts_with(|letter: char| letter.is_ascii_digit()) => rest = next,
            _ => break,
        }
    }
    if let Some((word, number, behind)) =
        suffix(rest, &["alpha", "beta", "preview", "pre", "rc", "a", "b", "c"])
    {
        let letter = match word {
            "a" | "alpha" => 'a',
            "b" | "beta" => 'b',
            _ => 'r',
        };
        read.before = Some((letter, number.to_owned()));
        rest = behind;
    }
    // `1.0-1` is `1.0.post1`.
    let plain = rest.strip_prefix('-').map(digits).filter(|(number, _)| !number.is_empty());
    if let Some((number, behind)) = plain {
        read.behind = Some(number.to_owned());
        rest = behind;
    } else if let Some((_, number, behind)) = suffix(rest, &["post", "rev", "r"]) {
        read.behind = Some(number.to_owned());
        rest = behind;
    }
    if let Some((_, number, behind)) = suffix(rest, &["dev"]) {
        read.development = Some(number.to_owned());
        rest = behind;
    }
    if !rest.is_empty() {
        return None;
    }
    if let Some(local) = local {
        read.local = local.split(['.', '-', '_']).map(str::to_owned).collect();
        let sound = |word: &String| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        if !read.local.iter().all(sound) {
            return None;
        }
    }
    Some(read)
}

/// A word with what may separate it, and its number; without one it is 0.
fn suffix<'a>(text: &'a str, words: &[&'static str]) -> Option<(&'static str, &'a str, &'a str)> {
    let start = text.strip_prefix(['.', '-', '_']).unwrap_or(text);
    let (word, behind) = words.iter().find_map(|word| Some((*word, start.strip_prefix(word)?)))?;
    let numbered = behind.strip_prefix(['.', '-', '_']).unwrap_or(behind);
    match digits(numbered) {
        ("", _) => Some((word, "0", behind)),
        (number, behind) => Some((word, number, behind)),
    }
}
