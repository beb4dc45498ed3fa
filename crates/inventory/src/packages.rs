//! Which packages a tree holds: asks every file that tells of some, and says of which could not be asked.
//! How each tells is its format's module; which files are kept for it is `examine`'s.

pub mod examine;

use crate::distribution::Distribution;
use crate::package::{Kind, Package};
use crate::tree::Tree;
use crate::{apk, dpkg, npm, pypi, rpm};
use std::collections::BTreeSet;

/// Packages of one image: the largest have some ten thousand. A file with a million names, each of which tells of all
/// its packages, is not to fill the memory.
const PACKAGES_MAX: usize = 1_000_000;
/// Bytes that are read for packages in the end: all that a tree keeps, and half as much again for second names.
const PARSED_BYTES_MAX: u64 = crate::tree::KEPT_BYTES_MAX + crate::tree::KEPT_BYTES_MAX / 2;

/// Something that is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The file.
    pub path: String,
    /// Why.
    pub reason: &'static str,
}

/// A file tells of packages and cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub &'static str);

/// The packages of a tree.
#[derive(Debug, Default)]
pub struct Inventory {
    /// The distribution.
    pub distribution: Option<Distribution>,
    /// The packages, each once for each file that tells of it.
    pub packages: Vec<Package>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
}

impl Inventory {
    /// Asks every file of the tree.
    pub fn of(tree: &Tree) -> Self {
        let mut inventory = Self { gaps: tree.gaps().to_vec(), ..Self::default() };
        inventory.distribution = ["etc/os-release", "usr/lib/os-release"]
            .iter()
            .filter_map(|path| tree.file(path)?.1.content.clone())
            .find_map(|content| Distribution::of_os_release(&content));
        let (mut found, mut parsed) = (BTreeSet::new(), 0_u64);
        for (path, entry) in tree.entries() {
            if let Some(reason) = entry.gap {
                inventory.gaps.push(Gap { path: path.to_owned(), reason });
            }
            found.extend(entry.packages.iter().map(|package| Package {
                // A file with a second name was read under its first.
                path: path.to_owned(),
                ..package.clone()
            }));
            if found.len() > PACKAGES_MAX {
                let reason = "there are more packages than an image has; the rest was not read";
                inventory.gaps.push(Gap { path: path.to_owned(), reason });
                break;
            }
            let Some(content) = &entry.content else { continue };
            parsed = parsed.saturating_add(content.len() as u64);
            if parsed > PARSED_BYTES_MAX {
                let reason = "one file under many names tells of packages; the rest was not read";
                inventory.gaps.push(Gap { path: path.to_owned(), reason });
                break;
            }
            match packages_of(path, content) {
                Ok(packages) => found.extend(packages),
                Err(Unreadable(reason)) => {
                    inventory.gaps.push(Gap { path: path.to_owned(), reason });
                }
            }
        }
        inventory.packages = found.into_iter().collect();
        inventory
    }

    /// Whether one of these kinds is there.
    pub fn has(&self, wanted: impl Fn(Kind) -> bool) -> bool {
        self.packages.iter().any(|package| wanted(package.kind))
    }
}

/// The packages that a kept file tells of.
fn packages_of(path: &str, content: &[u8]) -> Result<Vec<Package>, Unreadable> {
    let name = path.rsplit('/').next().unwrap_or(path);
    match name {
        "status" => dpkg::packages(path, content),
        _ if path.contains("lib/dpkg/status.d/") => dpkg::packages(path, content),
        "installed" => apk::packages(path, content),
        "rpmdb.sqlite" | "Packages.db" | "Packages" => rpm::packages(path, content),
        "package.json" => Ok(npm::package(path, content).into_iter().collect()),
        "METADATA" | "PKG-INFO" => Ok(pypi::package(path, content).into_iter().collect()),
        _ if name.ends_with(".egg-info") => Ok(pypi::package(path, content).into_iter().collect()),
        _ => Ok(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::Inventory;
    use crate::tar::tests::member;
    use crate::tree::Tree;

    #[test]
    fn an_image_tells_its_distribution_and_its_packages() {
        let file = |path: &str, content: &str| member(path, b'0', 0o644, "", content.as_bytes());
        let lower = [
            member("etc/os-release", b'2', 0o777, "../usr/lib/os-release", b""),
            file("usr/lib/os-release", "ID=debian\nVERSION_ID=\"12\"\n"),
            file("var/lib/dpkg/status", "Package: a\nStatus: install ok installed\nVersion: 1\n"),
            file("app/node_modules/left/package.json", r#"{"name":"left","version":"1.0.0"}"#),
            file("app/package.json", r#"{"name":"app","version":"0.0.0"}"#),
        ]
        .concat();
        let upper = [
            file("var/lib/dpkg/status", "Package: a\nStatus: install ok installed\nVersion: 2\n"),
            file("app/node_modules/.wh.left", ""),
            file("var/lib/rpm/rpmdb.sqlite", "no database"),
        ]
        .concat();
        let mut tree = Tree::default();
        tree.lay(lower.as_slice()).unwrap();
        tree.lay(upper.as_slice()).unwrap();
        let inventory = Inventory::of(&tree);
        assert_eq!(inventory.distribution.unwrap().label(), "debian-12");
        let told: Vec<_> = inventory.packages.iter().map(|it| (&*it.name, &*it.version)).collect();
        assert_eq!(told, [("a", "2")]);
        assert_eq!(inventory.gaps.len(), 1);
        assert_eq!(inventory.gaps[0].path, "var/lib/rpm/rpmdb.sqlite");
    }
}
