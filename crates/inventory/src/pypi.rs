//! A package of Python, as its `METADATA` or `PKG-INFO` says (PEP 566), under the name that indexes use (PEP 503).
//! How its version is compared is the advisories' knowledge.
//!
//! Hostile input: only the head of the file is read, to the first empty line.

use crate::package::{Kind, Package};

/// The package.
pub fn package(path: &str, content: &[u8]) -> Option<Package> {
    let text = String::from_utf8_lossy(content);
    let head = text.lines().take_while(|line| !line.trim().is_empty());
    let (mut name, mut version, mut licence) = (None, None, None);
    for line in head {
        let Some((key, value)) = line.split_once(':') else { continue };
        let value = Some(value.trim()).filter(|value| !value.is_empty());
        match key {
            "Name" if name.is_none() => name = value.map(normal),
            "Version" if version.is_none() => version = value.map(str::to_owned),
            "License-Expression" => licence = value,
            "License" if licence.is_none() => licence = value,
            _ => {}
        }
    }
    let mut package = Package::new(Kind::Pypi, &name?, &version?, path);
    package.licence = licence.filter(|licence| *licence != "UNKNOWN").map(str::to_owned);
    Some(package)
}

/// Lower case, with one hyphen for each run of `-`, `_` and `.`.
pub fn normal(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::{normal, package};

    #[test]
    fn the_head_tells_and_the_description_does_not() {
        let text = b"Metadata-Version: 2.1\nName: Foo.Bar__baz\nVersion: 1.0\nLicense: UNKNOWN\n\nVersion: 2.0\n";
        let told = package("p", text).unwrap();
        assert_eq!((told.name.as_str(), told.version.as_str()), ("foo-bar-baz", "1.0"));
        assert!(told.licence.is_none());
        assert!(package("p", b"Name: a\n\nVersion: 1\n").is_none());
        assert_eq!(normal("ruamel.yaml_C-lib"), "ruamel-yaml-c-lib");
    }
}
