//! RPM's versions: `epoch:version-release` (rpm-version(7)).
//! It knows no other kind.
//!
//! Hostile input: everything is a version; what is neither letter nor digit only separates.

use super::{compare_digits, digits};
use std::cmp::Ordering;

pub(super) fn compare(one: &str, two: &str) -> Ordering {
    let (one, two) = (parts(one), parts(two));
    compare_digits(one.0, two.0).then_with(|| compare_part(one.1, two.1)).then_with(|| {
        match (one.2, two.2) {
            // An advisory that names no release means all of them.
            (Some(one), Some(two)) => compare_part(one, two),
            _ => Ordering::Equal,
        }
    })
}

fn parts(version: &str) -> (&str, &str, Option<&str>) {
    let version = version.trim();
    let (epoch, rest) = match version.split_once(':') {
        Some((epoch, rest)) if epoch.chars().all(|letter| letter.is_ascii_digit()) => (epoch, rest),
        _ => ("0", version),
    };
    match rest.rsplit_once('-') {
        Some((version, release)) => (epoch, version, Some(release)),
        None => (epoch, rest, None),
    }
}

fn compare_part(mut one: &str, mut two: &str) -> Ordering {
    let separates = |letter: char| !letter.is_ascii_alphanumeric() && !matches!(letter, '~' | '^');
    loop {
        one = one.trim_start_matches(separates);
        two = two.trim_start_matches(separates);
        // A tilde is before everything, also before the end.
        match (one.strip_prefix('~'), two.strip_prefix('~')) {
            (Some(rest_one), Some(rest_two)) => {
                (one, two) = (rest_one, rest_two);
                continue;
            }
            (Some(_), None) => return Ordering::Less,
            (None, Some(_)) => return Ordering::Greater,
            (None, None) => {}
        }
        // A caret is behind the end, and before everything else.
        match (one.strip_prefix('^'), two.strip_prefix('^')) {
            (Some(rest_one), Some(rest_two)) => {
                (one, two) = (rest_one, rest_two);
                continue;
            }
            (Some(_), None) => {
                return if two.is_empty() { Ordering::Greater } else { Ordering::Less };
            }
            (None, Some(_)) => {
                return if one.is_empty() { Ordering::Less } else { Ordering::Greater };
            }
            (None, None) => {}
        }
        if one.is_empty() || two.is_empty() {
            return one.len().cmp(&two.len());
        }
        let is_number = |text: &str| text.starts_with(|letter: char| letter.is_ascii_digit());
        let order = match (is_number(one), is_number(two)) {
            (true, true) => {
                let ((number_one, rest_one), (number_two, rest_two)) = (digits(one), digits(two));
                (one, two) = (rest_one, rest_two);
                compare_digits(number_one, number_two)
            }
            (false, false) => {
                let ((word_one, rest_one), (word_two, rest_two)) = (word(one), word(two));
                (one, two) = (rest_one, rest_two);
                word_one.cmp(word_two)
            }
            // A number is newer than a word.
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

fn word(text: &str) -> (&str, &str) {
    let end = text.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(text.len());
    text.split_at(end)
}
