//! Which files tell of packages, and which of them are read while they pass.
//! What is in them is each format's knowledge.

use crate::package::Package;
use crate::packages::{PACKAGES_MAX, TOO_MANY};
use crate::{gobinary, maven, rust};
use std::sync::Arc;

/// When a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// While it passes: it is large, and upper layers rarely replace it.
    Now,
    /// When all layers are laid: upper layers replace it again and again.
    AtTheEnd,
}

/// Where package managers look for their databases, links followed.
pub(crate) const DATABASES: &[&str] = &[
    "etc/os-release",
    "lib/apk/db/installed",
    "usr/lib/apk/db/installed",
    "usr/lib/sysimage/rpm/Packages",
    "usr/lib/sysimage/rpm/Packages.db",
    "usr/lib/sysimage/rpm/rpmdb.sqlite",
    "var/lib/dpkg/status",
    "var/lib/rpm/Packages",
    "var/lib/rpm/Packages.db",
    "var/lib/rpm/rpmdb.sqlite",
];
/// The folder in which images without a shell have a list for each package.
pub(crate) const LISTS: &str = "var/lib/dpkg/status.d";

/// Whether a file tells of packages by its name.
pub fn wanted(path: &str) -> Option<Wanted> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let at_the_end = match name {
        "status" => folder.ends_with("lib/dpkg"),
        "installed" => folder.ends_with("lib/apk/db"),
        "rpmdb.sqlite" | "Packages.db" | "Packages" => {
            folder.ends_with("lib/rpm") || folder.ends_with("sysimage/rpm")
        }
        "os-release" => matches!(folder, "etc" | "usr/lib"),
        "passwd" | "shadow" => folder == "etc",
        "package.json" => folder.rsplit_once('/').is_some_and(|(above, own)| {
            above.ends_with("node_modules")
                || above.rsplit_once('/').is_some_and(|(above, scope)| {
                    scope.starts_with('@') && above.ends_with("node_modules") && !own.is_empty()
                })
        }),
        "METADATA" => folder.ends_with(".dist-info"),
        "PKG-INFO" => folder.ends_with(".egg-info"),
        _ => {
            folder.ends_with("lib/dpkg/status.d") && !name.ends_with(".md5sums")
                || name.ends_with(".egg-info")
        }
    };
    if at_the_end {
        return Some(Wanted::AtTheEnd);
    }
    is_java(name).then_some(Wanted::Now)
}

fn is_java(name: &str) -> bool {
    [".jar", ".war", ".ear"].iter().any(|ending| name.ends_with(ending))
}

/// What a file told while it passed.
#[derive(Debug, Default)]
pub struct Examined {
    /// Its packages.
    pub packages: Arc<[Package]>,
    /// Why there may be more.
    pub gap: Option<&'static str>,
    /// Bytes that were unfolded for it, which count as a layer's do: a bomb can lie in a file as well.
    pub unfolded: u64,
}

/// What an archive tells.
pub fn now(path: &str, content: &[u8]) -> Examined {
    match maven::packages(path, content) {
        Ok(told) => {
            let packages = told.packages.into_iter().collect();
            Examined { packages, gap: told.gap, unfolded: told.unfolded }
        }
        Err(unreadable) => Examined { gap: Some(unreadable.0), ..Examined::default() },
    }
}

/// What a program says that it was made of.
pub fn program(path: &str, content: &[u8]) -> Examined {
    let mut packages = gobinary::packages(path, content);
    if packages.len() > PACKAGES_MAX {
        return Examined { gap: Some(TOO_MANY), ..Examined::default() };
    }
    match rust::packages(path, content) {
        Ok((crates, unfolded)) => {
            packages.extend(crates);
            Examined { packages: packages.into(), gap: None, unfolded }
        }
        Err(unreadable) => Examined {
            packages: packages.into(),
            gap: Some(unreadable.0),
            unfolded: rust::UNFOLDED_BYTES_MAX,
        },
    }
}
