//! Fuzz targets of what an image brings: its layers, its databases of packages, its bills of materials.
//! Compiled for tests and for fuzzing alone.

use crate::{Inventory, Package, Tree, packages, rpm, sbom};

/// Takes any bytes, and panics when a promise about them is broken.
pub type Target = fn(&[u8]);

/// All targets, by the names of their corpora.
pub const TARGETS: &[(&str, Target)] = &[
    ("inventory_layer", layer),
    ("inventory_database", database),
    ("inventory_program", program),
    ("inventory_sbom", bill),
];

/// Every name of a tree stays within it, and so does every package's file.
pub fn layer(data: &[u8]) {
    let mut tree = Tree::default();
    // Twice, so that whiteouts and links meet what is below them.
    let first = tree.lay(data);
    let second = tree.lay(data);
    assert_eq!(first.is_ok(), second.is_ok());
    for (path, entry) in tree.entries() {
        assert!(!path.is_empty() && !path.starts_with('/') && !path.ends_with('/'), "{path}");
        let sound = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
        assert!(sound, "{path}");
        assert!(entry.layer < tree.layers());
    }
    for package in Inventory::of(&tree).packages {
        assert!(!package.name.is_empty() && !package.version.is_empty());
        assert!(tree.entries().any(|(path, _)| path == package.path), "{}", package.path);
    }
}

/// RPM's database tells packages with names and versions, or that it is damaged.
pub fn database(data: &[u8]) {
    for package in rpm::packages("rpmdb", data).unwrap_or_default() {
        assert!(!package.name.is_empty() && package.version.contains('-'));
    }
}

/// A program or an archive tells packages with names and versions.
pub fn program(data: &[u8]) {
    let one = packages::examine::program("program", data);
    let two = packages::examine::now("archive.jar", data);
    for package in one.packages.iter().chain(two.packages.iter()) {
        assert!(!package.version.is_empty() || package.name == "stdlib");
    }
}

/// What is read of a bill is the same when it is written down and read again.
pub fn bill(data: &[u8]) {
    let Ok(told) = sbom::read(data) else { return };
    let subject = sbom::Subject {
        name: "fuzzed",
        digest: "sha256:00",
        time: "2026-01-02T03:04:05Z",
        tool_version: "0",
    };
    let known = |packages: &[Package]| -> Vec<(String, String)> {
        let mut known: Vec<_> =
            packages.iter().map(|it| (it.name.clone(), it.version.clone())).collect();
        known.sort();
        known.dedup();
        known
    };
    for form in [sbom::Form::CycloneDx, sbom::Form::Spdx] {
        let text = sbom::write(&told, &subject, form).to_string();
        let again = sbom::read(text.as_bytes());
        let again = again.map(|again| known(&again.packages)).unwrap_or_default();
        assert_eq!(again, known(&told.packages));
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_kept_input_passes() {
        corpus::replay(super::TARGETS);
    }
}
