//! How far a pull has come, for a person who watches. Whoever does not is told nothing.

use registry::{Passed, Progress};
use std::io::{IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A line is written over at most as often as one can read it.
const EVERY: Duration = Duration::from_millis(100);
/// Characters of a digest by which people know it.
const DIGEST_CHARACTERS: usize = 19;
const MIB: u64 = 1024 * 1024;

/// Tells on one line, which is written over.
pub(in crate::scan) fn told() -> Progress {
    let last = Mutex::new(None::<Instant>);
    Box::new(move |passed: Passed<'_>| {
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_some_and(|last| last.elapsed() < EVERY) {
            return;
        }
        *last = Some(Instant::now());
        // If it cannot be written, the pull is no worse.
        write!(std::io::stderr(), "\r\u{1b}[K{}", line(passed)).ok();
    })
}

/// Takes the line away.
pub(in crate::scan) fn clear() {
    if std::io::stderr().is_terminal() {
        write!(std::io::stderr(), "\r\u{1b}[K").ok();
    }
}

fn line(passed: Passed<'_>) -> String {
    let digest = passed.digest.get(..DIGEST_CHARACTERS).unwrap_or(passed.digest);
    let of = passed.of.map(|of| format!(" of {}", of.div_ceil(MIB))).unwrap_or_default();
    format!("layer {digest}: {}{of} MiB", passed.bytes / MIB)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_layer_and_share() {
        let digest = "sha256:0123456789abcdef";
        let passed = Passed { digest, bytes: 3 * MIB + 1, of: Some(10 * MIB) };
        assert_eq!(line(passed), "layer sha256:0123456789ab: 3 of 10 MiB");
        assert_eq!(line(Passed { of: None, ..passed }), "layer sha256:0123456789ab: 3 MiB");
    }
}
