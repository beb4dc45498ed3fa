//! Fuzz targets of what agents send. Compiled for tests and for fuzzing alone.
//! What a batch is, stands in `agent::batch`.

use crate::agent::{AgentStatus, Batch};

/// Takes any bytes, and panics when a promise about them is broken.
pub type Target = fn(&[u8]);

/// All targets, by the names of their corpora.
pub const TARGETS: &[(&str, Target)] = &[("traffic_batch", batch), ("traffic_status", status)];

/// A batch that is taken reads back as it was taken, refers to nothing behind itself, and moves no cursor.
pub fn batch(data: &[u8]) {
    let Ok(batch) = Batch::read(data) else { return };
    let numbers: Vec<i64> = batch.units.iter().map(|(unit, _)| unit.number).collect();
    assert!(numbers.windows(2).all(|pair| matches!(pair, [one, next] if one + 1 == *next)));
    let first = numbers.first().copied().unwrap_or_default();
    assert!(
        batch.requests().iter().all(|request| i64::try_from(*request).is_ok_and(|it| it < first))
    );
    for (unit, _) in &batch.units {
        assert!(!unit.info.chars().any(char::is_control), "{:?}", unit.info);
        assert!(batch.connections().iter().any(|it| i64::try_from(*it) == Ok(unit.connection)));
    }
    let text = serde_json::to_vec(&batch).unwrap_or_default();
    assert_eq!(Batch::read(&text).ok(), Some(batch));
}

/// A status that is taken reads back as it was taken.
pub fn status(data: &[u8]) {
    let Ok(status) = AgentStatus::read(data) else { return };
    let text = serde_json::to_vec(&status).unwrap_or_default();
    assert_eq!(AgentStatus::read(&text).ok(), Some(status));
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_kept_input_passes() {
        corpus::replay(super::TARGETS);
    }
}
