//! apk's list of packages (`/lib/apk/db/installed`): paragraphs of lines `LETTER:VALUE`.
//! How its versions are compared is the advisories' knowledge.
//!
//! Hostile input: paragraphs are taken one by one; one without name or version is left out.

use crate::package::{Kind, Package};
use crate::packages::{PACKAGES_MAX, TOO_MANY, Unreadable};
use std::collections::BTreeSet;

/// The packages that are installed.
pub fn packages(path: &str, content: &[u8]) -> Result<Vec<Package>, Unreadable> {
    let text = String::from_utf8_lossy(content);
    let mut packages = BTreeSet::new();
    for paragraph in text.split("\n\n") {
        let field = |wanted: char| {
            let mut lines = paragraph.lines();
            let found = lines.find_map(|line| line.strip_prefix(wanted)?.strip_prefix(':'));
            found.map(str::trim).filter(|value| !value.is_empty())
        };
        let (Some(name), Some(version)) = (field('P'), field('V')) else { continue };
        let mut package = Package::new(Kind::Apk, name, version, path);
        package.architecture = field('A').map(str::to_owned);
        package.licence = field('L').map(str::to_owned);
        package.source = field('o').map(|origin| (origin.to_owned(), version.to_owned()));
        packages.insert(package);
        if packages.len() > PACKAGES_MAX {
            return Err(Unreadable(TOO_MANY));
        }
    }
    if packages.is_empty() && !text.trim().is_empty() {
        return Err(Unreadable("this is no list of apk's packages"));
    }
    Ok(packages.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::packages;

    #[test]
    fn packages_are_told_with_their_origin() {
        let text = "C:Q1abc=\nP:libcrypto3\nV:3.1.4-r5\nA:x86_64\nL:Apache-2.0\no:openssl\nF:lib\n\nP:musl\nV:1.2.4-r2\n";
        let found = packages("installed", text.as_bytes()).unwrap();
        assert_eq!(found[0].source, Some(("openssl".to_owned(), "3.1.4-r5".to_owned())));
        assert_eq!((found[1].name.as_str(), found[1].version.as_str()), ("musl", "1.2.4-r2"));
        assert!(packages("installed", b"").unwrap().is_empty());
        assert!(packages("installed", b"nothing").is_err());
    }
}
