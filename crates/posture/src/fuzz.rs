//! Fuzz targets of what a repository, an API server or a node brings to a scan. Compiled for tests and for
//! fuzzing alone.

use crate::graph::{Paths, Spot};
use crate::network::Network;
use crate::scan::{Verdict, scan_in};
use crate::snapshot::{Scope, Snapshot};
use crate::{checks, document, object};

/// Takes any bytes, and panics when a promise about them is broken.
pub type Target = fn(&[u8]);

/// All targets, by the names of their corpora.
pub const TARGETS: &[(&str, Target)] = &[("posture_manifest", manifest), ("posture_paths", paths)];

/// Objects of a search: what a fuzzer needs to try is not their number.
const OBJECTS_MAX: usize = 40;

/// Nothing is left out in silence: each document is objects, or no object, or unreadable; and each finding has
/// evidence that stands within the text.
pub fn manifest(data: &[u8]) {
    let documents = document::read(data);
    let count = documents.len();
    let inventory = object::inventory(0, documents);
    let told = inventory.objects.len() + inventory.unreadable.len() + inventory.left_out.len();
    let lists = data.windows(4).any(|word| word == b"List");
    assert!(told >= count || lists, "{count} documents became {told}");
    if inventory.objects.len() > OBJECTS_MAX {
        return;
    }
    let all: Vec<_> = checks::all().collect();
    let found = scan_in(&inventory.objects, &Scope::Part, &all);
    for finding in &found.findings {
        assert!(finding.evidence.span.end <= data.len(), "evidence behind the end");
        let has_reason = finding.reason.is_some();
        assert_eq!(
            has_reason,
            matches!(finding.verdict, Verdict::Unknown | Verdict::NotApplicable)
        );
    }
}

/// A search ends, enters no place twice, and each step begins where the last one ended.
pub fn paths(data: &[u8]) {
    let inventory = object::inventory(0, document::read(data));
    if inventory.objects.len() > OBJECTS_MAX {
        return;
    }
    let scope = Scope::Cluster { unseen: Vec::new() };
    let snapshot = Snapshot::new(&inventory.objects, &scope);
    let starts = (0..inventory.objects.len())
        .filter(|index| snapshot.pods[*index].is_some())
        .map(Spot::Workload);
    for from in starts.chain([Spot::Internet]) {
        for path in Paths::find(&snapshot, from).paths {
            let mut at = from;
            for hop in &path.hops {
                assert_eq!(hop.from, at);
                at = hop.to;
            }
            assert!(path.hops.is_empty() || at == path.to);
        }
    }
    let network = Network::new(&snapshot);
    for pod in snapshot.pods.iter().flatten() {
        assert!(network.reaches(pod, pod) > crate::network::Passage::No, "a Pod reaches itself");
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_kept_input_passes() {
        corpus::replay(super::TARGETS);
    }
}
