//! Fuzz targets of the names, ids and times that arrive as text. Compiled for tests and for fuzzing alone.
//! What is done with a name that parsed is not their concern.

use crate::{
    AccountId, AccountName, ClusterName, ContainerName, LinkId, Namespace, NodeName, PodName,
    PodUid, TerminalId, Timestamp, WorkspaceId,
};
use std::fmt::Display;
use std::str::FromStr;

/// Takes any bytes, and panics when a promise about them is broken.
pub type Target = fn(&[u8]);

/// All targets, by the names of their corpora.
pub const TARGETS: &[(&str, Target)] = &[("model_names", names), ("model_time", time)];

/// A name reads back as it was written, is safe in a path, a header and a log line, and a refusal is so too.
pub fn names(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for length_max in [
        checked::<AccountName>(&text, "-", 63),
        checked::<ClusterName>(&text, "-", 63),
        checked::<ContainerName>(&text, "-", 63),
        checked::<Namespace>(&text, "-", 63),
        checked::<PodName>(&text, "-.", 253),
        checked::<NodeName>(&text, "-.", 253),
        checked::<PodUid>(&text, "-", 64),
        checked::<AccountId>(&text, "_", 30),
        checked::<LinkId>(&text, "_", 30),
        checked::<TerminalId>(&text, "_", 30),
        checked::<WorkspaceId>(&text, "_", 30),
    ]
    .into_iter()
    .flatten()
    {
        assert!(text.len() <= length_max, "{text:?} is too long");
    }
}

/// A time reads back to the microsecond, and arithmetic on any two stays in range.
pub fn time(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match text.parse::<Timestamp>() {
        Ok(time) => {
            let written = time.to_string();
            assert_eq!(written.parse::<Timestamp>().ok(), Some(time), "{text:?} became {written}");
            let later = time.after(std::time::Duration::from_micros(7));
            assert_eq!(later.since(time).as_micros(), 7);
        }
        Err(refusal) => assert_quiet(&refusal),
    }
    if let Some((micros, rest)) = data.split_first_chunk::<8>() {
        let time = Timestamp::from_micros(i64::from_be_bytes(*micros));
        let read = time.to_string().parse::<Timestamp>().ok();
        assert_eq!(read.map(|it| it.as_micros() < 0), Some(time.as_micros() < 0), "{time}");
        let other = rest.first_chunk::<8>().map_or(0, |it| i64::from_be_bytes(*it));
        let other = Timestamp::from_micros(other);
        assert!(time.after(time.since(other)) >= time);
    }
}

fn checked<N: FromStr<Err: Display> + Display>(
    text: &str,
    signs: &str,
    length_max: usize,
) -> Option<usize> {
    match text.parse::<N>() {
        Ok(name) => {
            assert_eq!(name.to_string(), text);
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || signs.contains(c);
            assert!(!text.is_empty() && text.chars().all(plain), "{text:?} is no name");
            assert!(text.split('.').all(|part| !part.is_empty()), "{text:?} leaves its folder");
            Some(length_max)
        }
        Err(refusal) => {
            assert_quiet(&refusal);
            None
        }
    }
}

/// A refusal is shown and logged: it is short and moves no cursor.
fn assert_quiet(refusal: &impl Display) {
    let words = refusal.to_string();
    assert!(!words.chars().any(char::is_control) && words.len() < 1200, "{words:?}");
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_kept_input_passes() {
        corpus::replay(super::TARGETS);
    }
}
