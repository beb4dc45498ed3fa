//! Fuzz targets of what people and registries write: references, challenges, files of credentials.
//! Compiled for tests and for fuzzing alone.

use crate::{DockerConfig, Kept, Reference, challenge};

/// Takes any bytes, and panics when a promise about them is broken.
pub type Target = fn(&[u8]);

/// All targets, by the names of their corpora.
pub const TARGETS: &[(&str, Target)] = &[
    ("registry_reference", reference),
    ("registry_challenge", challenge),
    ("registry_config", config),
];

/// What is a reference is written as one that reads the same, and its parts are parts of a URL and nothing more.
pub fn reference(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(read) = Reference::read(text) else { return };
    assert_eq!(Reference::read(&read.to_string()).as_ref(), Ok(&read));
    let url =
        format!("https://{}/v2/{}/manifests/{}", read.host(), read.repository(), read.manifest());
    let Ok(uri) = url.parse::<http::Uri>() else { panic!("{url}") };
    assert_eq!(uri.host().map(str::len), Some(crate::reference::without_port(read.host()).len()));
    assert!(uri.query().is_none() && uri.path() == &url[8 + read.host().len()..], "{url}");
    assert!(!uri.path().split('/').any(|part| matches!(part, "." | "..")), "{url}");
}

/// What is taken of a challenge stands in it.
pub fn challenge(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for taken in challenge::fuzzed(text).unwrap_or_default() {
        assert!(taken.len() <= text.len());
        assert!(text.contains('\\') || text.contains(&taken), "{taken}");
    }
}

/// A helper's name is a name, and a registry never gets what another's entry holds.
pub fn config(data: &[u8]) {
    let Ok(config) = DockerConfig::read(data) else { return };
    for registry in ["docker.io", "registry.example.com", "localhost:5000"] {
        if let Ok(Kept::Helper { name, .. }) = config.find(registry) {
            assert!(!name.contains(['/', '.', '\0']), "{name}");
        }
    }
    let foreign = config.find("nobody.invalid");
    let named = String::from_utf8_lossy(data).contains("nobody.invalid");
    assert!(named || data.contains(&b'\\') || !matches!(foreign, Ok(Kept::Here(_))));
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_kept_input_passes() {
        corpus::replay(super::TARGETS);
    }
}
