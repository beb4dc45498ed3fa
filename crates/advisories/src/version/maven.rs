//! Maven's versions (maven.apache.org/pom.html, "Version Order Specification"): numbers and words in lists of lists.
//! It knows no other kind.
//!
//! Hostile input: everything is a version; lists are as deep as the text is long, which is bounded.

use super::{compare_digits, digits};
use std::cmp::Ordering;

/// Longer texts are no versions of anybody; what is cut off would be compared as a recursion as deep.
const CHARS_MAX: usize = 256;

/// Words whose place is fixed; the release itself is the empty one.
const WORDS: &[&str] = &["alpha", "beta", "milestone", "rc", "snapshot", "", "sp"];
const RELEASE: usize = 5;

#[derive(Debug)]
enum Item {
    Number(String),
    Word(String),
    List(Vec<Item>),
}

pub(super) fn compare(one: &str, two: &str) -> Ordering {
    compare_items(Some(&Item::List(read(one))), Some(&Item::List(read(two))))
}

fn read(version: &str) -> Vec<Item> {
    let lower: String = version.trim().to_lowercase().chars().take(CHARS_MAX).collect();
    // Lists in the order in which they were opened; each is the last item of the one before it.
    let mut open: Vec<Vec<Item>> = vec![Vec::new()];
    let mut rest = lower.as_str();
    let mut in_number = false;
    let push = |open: &mut Vec<Vec<Item>>, item: Item| {
        if let Some(list) = open.last_mut() {
            list.push(item);
        }
    };
    let mut start = true;
    while let Some(letter) = rest.chars().next() {
        if letter == '.' || letter == '-' {
            if start {
                push(&mut open, Item::Number("0".to_owned()));
            }
            if letter == '-' {
                open.push(Vec::new());
            }
            start = true;
            rest = &rest[1..];
            continue;
        }
        let is_number = letter.is_ascii_digit();
        if !start && is_number != in_number {
            open.push(Vec::new());
        }
        in_number = is_number;
        start = false;
        if is_number {
            let (number, behind) = digits(rest);
            push(&mut open, Item::Number(number.to_owned()));
            rest = behind;
        } else {
            let ends = |letter: char| letter.is_ascii_digit() || matches!(letter, '.' | '-');
            let (word, behind) = rest.split_at(rest.find(ends).unwrap_or(rest.len()));
            let numbered = behind.starts_with(|letter: char| letter.is_ascii_digit());
            push(&mut open, Item::Word(canonical(word, numbered)));
            rest = behind;
        }
    }
    // Closing a list, the innermost first: what says nothing at its end goes, also before a list.
    let mut inner: Option<Vec<Item>> = None;
    while let Some(mut list) = open.pop() {
        if let Some(inner) = inner.take() {
            list.push(Item::List(inner));
        }
        for at in (0..list.len()).rev() {
            if is_nothing(&list[at]) {
                list.remove(at);
            } else if !matches!(list[at], Item::List(_)) {
                break;
            }
        }
        inner = Some(list);
    }
    inner.unwrap_or_default()
}

fn canonical(word: &str, numbered: bool) -> String {
    match word {
        "a" if numbered => "alpha",
        "b" if numbered => "beta",
        "m" if numbered => "milestone",
        "ga" | "final" | "release" => "",
        "cr" => "rc",
        other => other,
    }
    .to_owned()
}

fn is_nothing(item: &Item) -> bool {
    match item {
        Item::Number(number) => number.bytes().all(|byte| byte == b'0'),
        Item::Word(word) => word.is_empty(),
        Item::List(items) => items.is_empty(),
    }
}

/// Words of a fixed place by it, and all others behind them, by their letters.
fn rank(word: &str) -> (usize, &str) {
    let place = WORDS.iter().position(|own| *own == word);
    place.map_or((WORDS.len(), word), |place| (place, ""))
}

fn compare_items(one: Option<&Item>, two: Option<&Item>) -> Ordering {
    match (one, two) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => compare_items(two, one).reverse(),
        (Some(item), None) => match item {
            Item::Number(number) => compare_digits(number, "0"),
            Item::Word(word) => rank(word).cmp(&(RELEASE, "")),
            Item::List(items) => items
                .iter()
                .map(|item| compare_items(Some(item), None))
                .find(|order| *order != Ordering::Equal)
                .unwrap_or(Ordering::Equal),
        },
        (Some(Item::Number(one)), Some(Item::Number(two))) => compare_digits(one, two),
        (Some(Item::Word(one)), Some(Item::Word(two))) => rank(one).cmp(&rank(two)),
        (Some(Item::List(one)), Some(Item::List(two))) => (0..one.len().max(two.len()))
            .map(|at| compare_items(one.get(at), two.get(at)))
            .find(|order| *order != Ordering::Equal)
            .unwrap_or(Ordering::Equal),
        // A number is newer than a list, and a list newer than a word.
        (Some(Item::Number(_)), Some(_)) => Ordering::Greater,
        (Some(_), Some(Item::Number(_))) => Ordering::Less,
        (Some(Item::List(_)), Some(Item::Word(_))) => Ordering::Greater,
        (Some(Item::Word(_)), Some(Item::List(_))) => Ordering::Less,
    }
}
