//! Which packages a tree holds: asks every file that tells of some, and says of which could not be asked.
//! How each tells is its format's module; which files are kept for it is `examine`'s.

pub mod examine;

use crate::distribution::Distribution;
use crate::package::{Kind, Package};
use crate::tar::MemberKind;
use crate::tree::{HIDDEN, Tree, is_hidden};
use crate::{apk, dpkg, npm, pypi, rpm};
use std::collections::BTreeSet;

/// Packages of one image: the largest have some ten thousand. A file with a million names, each of which tells of all
/// its packages, is not to fill the memory.
pub(crate) const PACKAGES_MAX: usize = 1_000_000;
/// Bytes that are read for packages in the end: all that a tree keeps, and half as much again for second names.
const PARSED_BYTES_MAX: u64 = crate::tree::KEPT_BYTES_MAX + crate::tree::KEPT_BYTES_MAX / 2;

/// Why the rest is not known.
pub(crate) const TOO_MANY: &str =
    "there are more packages than an image has; the rest was not read";
/// Links that are told, one by one; nobody reads more.
const HIDDEN_MAX: usize = 100;

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
        inventory.gaps.extend(hidden(tree));
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
                inventory.gaps.push(Gap { path: path.to_owned(), reason: TOO_MANY });
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

/// What a package manager would read behind links, and what was not read because its own name says nothing.
fn hidden(tree: &Tree) -> Vec<Gap> {
    let is_link = |kind: MemberKind| kind == MemberKind::SymbolicLink;
    let links = tree.entries().filter(|(_, entry)| is_link(entry.kind)).map(|(path, _)| path);
    let names: BTreeSet<&str> = links.chain(examine::DATABASES.iter().copied()).collect();
    let leads = |name: &&str| {
        examine::wanted(name).is_some()
            && match tree.file(name) {
                Some((own, entry)) => {
                    own != *name && entry.gap.is_none() && is_hidden(name, own, entry)
                }
                None => tree.place(name).is_none(),
            }
    };
    let mut hidden: Vec<_> = names.into_iter().filter(leads).take(HIDDEN_MAX).collect();
    let folder = examine::LISTS;
    let is_hidden = |place: String| !place.ends_with("lib/dpkg/status.d") && tree.has_below(&place);
    if tree.place(folder).is_none_or(is_hidden) {
        hidden.push(folder);
    }
    hidden.into_iter().map(|path| Gap { path: path.to_owned(), reason: HIDDEN }).collect()
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
    fn databases_behind_links_are_gaps_unless_they_are_read_where_they_lie() {
        let status = "Package: a\nStatus: install ok installed\nVersion: 1\n";
        let file = |path: &str| member(path, b'0', 0o644, "", status.as_bytes());
        let link = |path, to| member(path, b'2', 0o777, to, b"");
        let told = |layer: &[Vec<u8>]| {
            let mut tree = Tree::default();
            tree.lay(layer.concat().as_slice()).unwrap();
            let inventory = Inventory::of(&tree);
            let gaps: Vec<_> = inventory.gaps.into_iter().map(|gap| gap.path).collect();
            (inventory.packages.len(), gaps)
        };
        let gap = |path: &str| (0, vec![path.to_owned()]);
        let place = "var/lib/dpkg/status";
        assert_eq!(told(&[file("opt/list"), link(place, "/opt/list")]), gap(place));
        assert_eq!(
            told(&[file("opt/list"), member(place, b'1', 0o644, "opt/list", b"")]),
            gap(place)
        );
        assert_eq!(told(&[file("opt/dpkg/status"), link("var/lib/dpkg", "/opt/dpkg")]), gap(place));
        // Kept for another name, by which it is no list of packages.
        assert_eq!(told(&[file("etc/passwd"), link(place, "/etc/passwd")]), gap(place));
        let lists = "var/lib/dpkg/status.d";
        assert_eq!(told(&[file("opt/x/a"), link(lists, "/opt/x")]), gap(lists));
        assert_eq!(told(&[file("opt/status.d/a"), link("var/lib/dpkg", "/opt")]), gap(lists));
        assert_eq!(told(&[link(place, "status")]), gap(place));
        assert_eq!(told(&[member(place, b'S', 0o644, "", b"part")]), gap(place));
        // Read where it lies, and a link to nothing hides nothing.
        let there = [file("usr/lib/dpkg/status"), link("var/lib", "../usr/lib")];
        assert_eq!(told(&there), (1, Vec::new()));
        assert_eq!(told(&[link(place, "/not/there")]), (0, Vec::new()));
    }

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
