//! Fuzz targets of what publishers of advisories, and of databases, bring. Compiled for tests and for fuzzing alone.

use crate::database::Database;
use crate::key::PublicKey;
use crate::{osv, version};
use inventory::Kind;

/// Takes any bytes, and panics when a promise about them is broken.
pub type Target = fn(&[u8]);

/// All targets, by the names of their corpora.
pub const TARGETS: &[(&str, Target)] = &[
    ("advisories_osv", advisory),
    ("advisories_version", versions),
    ("advisories_database", database),
];

/// What is kept of an advisory is bounded.
pub fn advisory(data: &[u8]) {
    for (_, advisory) in osv::read(data).unwrap_or_default() {
        assert!(advisory.summary.chars().count() <= 160 && advisory.aliases.len() <= 8);
        // Whatever the order of events was, none ends a range twice.
        let ends_once =
            |range: &crate::Range| range.fixed.is_none() || range.last_affected.is_none();
        assert!(advisory.ranges.iter().all(ends_once));
    }
}

/// Two lines are compared: turned round, the order is turned round.
pub fn versions(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (one, two) = text.split_once('\n').unwrap_or((&text, ""));
    for kind in Kind::ALL {
        let order = version::compare(*kind, one, two);
        assert_eq!(order, version::compare(*kind, two, one).map(std::cmp::Ordering::reverse));
    }
}

/// No bytes that a fuzzer makes are signed by this key; what it signed itself is kept among the inputs.
pub fn database(data: &[u8]) {
    let Ok(key) = PublicKey::read(include_str!("../tests/data/public.pem")) else { return };
    let Ok(database) = Database::open(&mut { data }, &key) else { return };
    for section in database.sections() {
        let place = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let start = place(database.start_of(section));
        let packed = data.get(start..start.saturating_add(place(section.length)));
        let found = packed.and_then(|packed| section.read(packed, |_| true).ok());
        // Whatever stands there is what was signed, or it is not read.
        assert!(found.is_none_or(|found| found.len() as u64 == section.advisories));
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_kept_input_passes() {
        corpus::replay(super::TARGETS);
    }
}
