//! A package of npm, as its `package.json` in a folder `node_modules` says.
//! How its version is compared is the advisories' knowledge.
//!
//! Hostile input: a file without name or version, as programs put into their own folders, is no package.

use crate::package::{Kind, Package};
use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Deserialize)]
struct Manifest {
    name: String,
    version: String,
    #[serde(default)]
    license: Value,
}

/// The package.
pub fn package(path: &str, content: &[u8]) -> Option<Package> {
    let manifest: Manifest = serde_json::from_slice(content).ok()?;
    let empty = manifest.name.is_empty() || manifest.version.is_empty();
    (!empty).then(|| {
        let mut package = Package::new(Kind::Npm, &manifest.name, &manifest.version, path);
        // Old ones hold an object with a type.
        let licence = manifest.license.as_str().or_else(|| manifest.license["type"].as_str());
        package.licence = licence.map(str::to_owned);
        package
    })
}

#[cfg(test)]
mod tests {
    use super::package;

    #[test]
    fn a_package_is_told_and_other_json_is_not() {
        let told = package("p", br#"{"name":"@a/b","version":"1.2.3","license":{"type":"MIT"}}"#);
        let told = told.unwrap();
        assert_eq!((told.name.as_str(), told.licence.as_deref()), ("@a/b", Some("MIT")));
        for text in ["", "[]", "{}", r#"{"name":"a"}"#, r#"{"name":"","version":""}"#] {
            assert!(package("p", text.as_bytes()).is_none());
        }
    }
}
