//! Debian's versions: `epoch:upstream-revision` (deb-version(7)).
//! It knows no other kind.
//!
//! Hostile input: an epoch that is no number, or a letter that no version has, makes it no version.

use super::{compare_digits, digits};
use std::cmp::Ordering;

pub(super) fn compare(one: &str, two: &str) -> Option<Ordering> {
    let (one, two) = (parts(one)?, parts(two)?);
    Some(
        compare_digits(one.0, two.0)
            .then_with(|| compare_part(one.1, two.1))
            .then_with(|| compare_part(one.2, two.2)),
    )
}

fn parts(version: &str) -> Option<(&str, &str, &str)> {
    let version = version.trim();
    let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
    let known = |letter: char| letter.is_ascii_alphanumeric() || ".+-~:_".contains(letter);
    let sound = !epoch.is_empty()
        && epoch.chars().all(|letter| letter.is_ascii_digit())
        && !upstream.is_empty()
        && rest.chars().all(known);
    sound.then_some((epoch, upstream, revision))
}

/// Text and numbers in turn. In text a tilde is before the end, the end before letters, letters before the rest.
fn compare_part(mut one: &str, mut two: &str) -> Ordering {
    while !one.is_empty() || !two.is_empty() {
        let (text_one, rest_one) = text(one);
        let (text_two, rest_two) = text(two);
        let length = text_one.len().max(text_two.len());
        for at in 0..length {
            let order = |text: &str| text.as_bytes().get(at).map_or(0, |byte| rank(*byte));
            match order(text_one).cmp(&order(text_two)) {
                Ordering::Equal => {}
                other => return other,
            }
        }
        let (number_one, behind_one) = digits(rest_one);
        let (number_two, behind_two) = digits(rest_two);
        match compare_digits(number_one, number_two) {
            Ordering::Equal => {}
            other => return other,
        }
        (one, two) = (behind_one, behind_two);
    }
    Ordering::Equal
}

fn text(part: &str) -> (&str, &str) {
    let end = part.find(|letter: char| letter.is_ascii_digit()).unwrap_or(part.len());
    part.split_at(end)
}

fn rank(byte: u8) -> i32 {
    match byte {
        b'~' => -1,
        byte if byte.is_ascii_alphabetic() => i32::from(byte),
        byte => i32::from(byte) + 256,
    }
}
