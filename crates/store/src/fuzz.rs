//! Fuzz targets of strangers' words on their way into the audit log, the throttles and a search. Compiled for tests
//! and for fuzzing alone.

use crate::audit::fuzz::record;
use crate::throttle::bounded;

/// Takes any bytes, and panics when a promise about them is broken.
pub type Target = fn(&[u8]);

/// All targets, by the names of their corpora.
pub const TARGETS: &[(&str, Target)] = &[("store_audit", record), ("store_throttle", throttle)];

/// A key fits its column, and two keys are one only if they were the same.
pub fn throttle(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let key = bounded(&text);
    assert!(key.len() <= 200 && !key.contains('\0'), "{key:?}");
    assert!(key == text || (key.starts_with("sha256:") && key.len() == 71));
    assert_eq!(bounded(&key), key);
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_kept_input_passes() {
        corpus::replay(super::TARGETS);
    }
}
