//! The kept inputs of the fuzz targets (`fuzz/corpus/<target>/`), replayed by ordinary tests of the crates, so that a
//! crash once found stays mended. It does not know what a target does with its input, nor how inputs are found.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

/// Something that takes any bytes and panics when a promise about them is broken.
pub type Target = fn(&[u8]);

/// Runs every kept input of each target.
///
/// # Panics
/// With the file's name when an input breaks its target, and when a target has no input: a folder that was lost or
/// misspelt must not pass for one without crashes.
pub fn replay(targets: &[(&str, Target)]) {
    for (name, target) in targets {
        let folder =
            PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus")).join(name);
        let inputs =
            inputs(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        assert!(!inputs.is_empty(), "{} holds no input", folder.display());
        for (path, bytes) in inputs {
            // The target's own message was printed when it panicked; what is missing is which input it was.
            let broken = catch_unwind(AssertUnwindSafe(|| target(&bytes))).is_err();
            assert!(!broken, "fuzz target `{name}` is broken by {}", path.display());
        }
    }
}

fn inputs(folder: &std::path::Path) -> std::io::Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut inputs = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        inputs.push((path.clone(), std::fs::read(path)?));
    }
    inputs.sort();
    Ok(inputs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "No such file")]
    fn a_target_without_a_folder_fails() {
        replay(&[("no_such_target", |_| {})]);
    }

    #[test]
    #[should_panic(expected = "fuzz target `presign_link` is broken by")]
    fn an_input_that_breaks_its_target_is_named() {
        replay(&[("presign_link", |_| panic!("a broken promise"))]);
    }
}
