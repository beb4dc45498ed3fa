//! dpkg's list of packages (`/var/lib/dpkg/status`, and `status.d` of images without a shell).
//! How its versions are compared is the advisories' knowledge.
//!
//! Hostile input: paragraphs are taken one by one; one without name or version is left out as dpkg leaves it out.
//! Packages are counted while they are gathered, and of a paragraph only what is asked of it is held.

use crate::package::{Kind, Package};
use crate::packages::{PACKAGES_MAX, TOO_MANY, Unreadable};
use std::collections::BTreeSet;

/// The fields that are asked for.
const FIELDS: &[&str] = &["Package", "Status", "Version", "Architecture", "Source"];

/// The packages that are installed.
pub fn packages(path: &str, content: &[u8]) -> Result<Vec<Package>, Unreadable> {
    let text = String::from_utf8_lossy(content);
    let mut packages = BTreeSet::new();
    let (mut seen, mut fields) = (false, Vec::<(&str, &str)>::new());
    // An empty line more, so that the last paragraph ends as the others do.
    for line in text.lines().chain([""]) {
        if line.trim().is_empty() {
            seen |= fields.iter().any(|(key, _)| *key == "Package");
            packages.extend(package(path, &fields));
            if packages.len() > PACKAGES_MAX {
                return Err(Unreadable(TOO_MANY));
            }
            fields.clear();
        } else if !line.starts_with([' ', '\t'])
            && let Some((key, value)) = line.split_once(':')
            && FIELDS.iter().any(|field| field.eq_ignore_ascii_case(key))
            && !fields.iter().any(|(known, _)| known.eq_ignore_ascii_case(key))
        {
            fields.push((key, value.trim()));
        }
    }
    // A list from which everything was removed is empty, and has no other text either.
    if !seen && !text.trim().is_empty() {
        return Err(Unreadable("this is no list of dpkg's packages"));
    }
    Ok(packages.into_iter().collect())
}

fn package(path: &str, fields: &[(&str, &str)]) -> Option<Package> {
    let field = |wanted: &str| {
        let found = fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| *value).filter(|value| !value.is_empty())
    };
    // `want flag state`; lists in `status.d` have no status, for all of it is installed.
    if field("Status").is_some_and(|status| !status.ends_with(" installed")) {
        return None;
    }
    let mut package = Package::new(Kind::Deb, field("Package")?, field("Version")?, path);
    package.architecture = field("Architecture").map(str::to_owned);
    // `Source: name (version)`, and each part is left out where it is the package's own.
    if let Some(source) = field("Source") {
        let (name, version) = match source.split_once(" (") {
            Some((name, version)) => (name, version.trim_end_matches(')')),
            None => (source, package.version.as_str()),
        };
        package.source = Some((name.trim().to_owned(), version.to_owned()));
    }
    Some(package)
}

#[cfg(test)]
mod tests {
    use super::packages;

    #[test]
    fn installed_packages_are_told_with_their_sources() {
        let status = "Package: libssl3\nStatus: install ok installed\nArchitecture: amd64\nSource: openssl\n\
            Version: 3.0.11-1\nDescription: text\n with: colons\n\nPackage: gone\nStatus: deinstall ok config-files\n\
            Version: 1\n\nPackage: libgcc-s1\nStatus: install ok installed\nSource: gcc-12 (12.2.0-14)\n\
            Version: 12.2.0-14+b1\n";
        let found = packages("status", status.as_bytes()).unwrap();
        let told: Vec<_> = found.iter().map(|it| (&*it.name, it.source.clone().unwrap())).collect();
        let source = |name: &str, version: &str| (name.to_owned(), version.to_owned());
        assert_eq!(
            told,
            [
                ("libgcc-s1", source("gcc-12", "12.2.0-14")),
                ("libssl3", source("openssl", "3.0.11-1"))
            ]
        );
    }

    #[test]
    fn packages_are_counted_once_and_no_more_than_an_image_has() {
        let status = "Package: a\nVersion: 1\n\n".repeat(1000);
        assert_eq!(packages("status", status.as_bytes()).unwrap().len(), 1);
        let paragraph = |number: usize| format!("Package:{number}\nVersion:1\n\n");
        let status: String = (0..=crate::packages::PACKAGES_MAX).map(paragraph).collect();
        assert!(packages("status", status.as_bytes()).is_err());
    }

    #[test]
    fn an_empty_list_is_read_and_another_text_is_not() {
        assert!(packages("status", b"\n").unwrap().is_empty());
        assert!(packages("status", b"\x7fELF").is_err());
        assert!(packages("status", b"Hello: world\n").is_err());
    }
}
