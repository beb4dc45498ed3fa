//! Fuzz targets of what a process says of itself, an API server answers and a layer is packed with. Compiled for tests
//! and for fuzzing alone.

use crate::cluster::fuzzed_object;
use crate::image::fuzzed_unpacked;
use crate::node::fuzzed_flags;
use std::io::Read as _;

/// Takes any bytes, and panics when a promise about them is broken.
pub type Target = fn(&[u8]);

/// All targets, by the names of their corpora.
pub const TARGETS: &[(&str, Target)] = &[
    ("scanner_command_line", command_line),
    ("scanner_live_object", live_object),
    ("scanner_packed_layer", packed_layer),
];

/// Each flag is there once, under a name that no two spellings share.
pub fn command_line(data: &[u8]) {
    let words: Vec<String> = data
        .split(|byte| *byte == 0)
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect();
    let flags = fuzzed_flags(&words);
    assert!(flags.len() <= words.len());
    for (at, (name, _)) in flags.iter().enumerate() {
        assert!(!name.contains(['=', '_']), "{name}");
        assert!(!flags[..at].iter().any(|(other, _)| other == name), "{name} twice");
    }
}

/// Whatever an item of a list holds, its object has the kind that was asked for and nothing that the server keeps.
pub fn live_object(data: &[u8]) {
    let Ok(item) = serde_json::from_slice::<serde_json::Value>(data) else { return };
    let is_mapping = item.is_object();
    for kind in ["Pod", "Deployment", "CronJob", "Node"] {
        let object = fuzzed_object(kind, item.clone());
        assert_eq!(object.is_some(), is_mapping);
        let Some(object) = object else { continue };
        assert_eq!(object.kind, kind);
        let metadata = object.root.get("metadata");
        assert!(metadata.and_then(|metadata| metadata.get("managedFields")).is_none());
        let _ = posture::workload::pod(&object);
    }
}

/// A layer is unpacked to its end or to a fault, and what was not packed is itself.
pub fn packed_layer(data: &[u8]) {
    let mut plain = Vec::new();
    let read = fuzzed_unpacked(data).map(|layer| layer.take(4 << 20).read_to_end(&mut plain));
    let is_packed = data.starts_with(&[0x1f, 0x8b])
        || data.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
        || data.get(1..4) == Some(&[0x2a, 0x4d, 0x18]);
    assert!(is_packed || (read.is_ok() && plain == data));
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_kept_input_passes() {
        corpus::replay(super::TARGETS);
    }
}
