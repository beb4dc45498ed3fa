//! Semantic versions (semver.org 2.0.0), as npm, Cargo and Go write them, and Go's own releases (`1.22rc1`).
//! It knows no other kind.
//!
//! Hostile input: what has another letter than these is no version, and is not compared.

use super::{compare_digits, digits};
use std::cmp::Ordering;

/// Three numbers, and the words of a release that is still to come.
type Parts<'a> = ([&'a str; 3], Vec<&'a str>);

pub(super) fn compare(one: &str, two: &str) -> Option<Ordering> {
    let ((numbers_one, words_one), (numbers_two, words_two)) = (parts(one)?, parts(two)?);
    let numbers = numbers_one.iter().zip(&numbers_two).map(|(one, two)| compare_digits(one, two));
    let order = numbers.fold(Ordering::Equal, Ordering::then);
    Some(order.then_with(|| match (words_one.is_empty(), words_two.is_empty()) {
        (true, true) => Ordering::Equal,
        // A release is newer than what came before it.
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) => {
            let words = words_one.iter().zip(&words_two).map(|(one, two)| compare_word(one, two));
            words.fold(Ordering::Equal, Ordering::then).then(words_one.len().cmp(&words_two.len()))
        }
    }))
}

fn compare_word(one: &str, two: &str) -> Ordering {
    let is_number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
    match (is_number(one), is_number(two)) {
        (true, true) => compare_digits(one, two),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => one.cmp(two),
    }
}

fn parts(version: &str) -> Option<Parts<'_>> {
    let version = version.trim();
    let version = version.strip_prefix(['v', '=']).unwrap_or(version);
    // Metadata of the build says nothing of its age; `+incompatible` of Go is such.
    let version = version.split_once('+').map_or(version, |(version, _)| version);
    let mut numbers = ["0"; 3];
    let mut rest = version;
    for (at, number) in numbers.iter_mut().enumerate() {
        let (found, behind) = digits(rest);
        if found.is_empty() {
            return None;
        }
        *number = found;
        rest = behind;
        match rest.strip_prefix('.') {
            Some(behind) if at < 2 => rest = behind,
            _ => break,
        }
    }
    let mut words = Vec::new();
    if let Some(behind) = rest.strip_prefix('-') {
        words.extend(behind.split('.'));
    } else if !rest.is_empty() {
        // Go's own: `rc1` is what others write as `-rc.1`.
        let end = rest.find(|letter: char| letter.is_ascii_digit())?;
        let (word, number) = rest.split_at(end);
        if !matches!(word, "beta" | "rc") || !digits(number).1.is_empty() {
            return None;
        }
        words.extend([word, number]);
    }
    let sound = |word: &&str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    words.iter().all(sound).then_some((numbers, words))
}
