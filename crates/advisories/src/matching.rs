//! Which advisories are about a package: by the names that ecosystems have for distributions and packages.
//! What is done about it is not known here.

use crate::version::compare;
use crate::{Advisory, Range, Rating};
use inventory::{Distribution, Kind, Package};
use std::cmp::Ordering;
use std::collections::HashMap;

/// A vulnerability of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vulnerability {
    /// Its id.
    pub id: String,
    /// Other ids of the same.
    pub aliases: Vec<String>,
    /// How bad.
    pub rating: Rating,
    /// What it is.
    pub summary: String,
    /// The package as the advisory names it, and its version that was compared.
    pub package: String,
    /// The version that was compared.
    pub version: String,
    /// The version in which it is mended, if there is one.
    pub fixed: Option<String>,
}

/// What is said of a package.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Matched {
    /// Vulnerabilities that it has.
    pub vulnerabilities: Vec<Vulnerability>,
    /// Ids of advisories about it whose versions cannot be compared with its own.
    pub unknown: Vec<String>,
}

/// The names that OSV has for what this package belongs to; none, if only a distribution could say and it is not known.
pub fn ecosystems(kind: Kind, distribution: Option<&Distribution>) -> Vec<String> {
    let one = |name: &str| vec![name.to_owned()];
    match kind {
        Kind::Go => return one("Go"),
        Kind::Cargo => return one("crates.io"),
        Kind::Npm => return one("npm"),
        Kind::Pypi => return one("PyPI"),
        Kind::Maven => return one("Maven"),
        Kind::Deb | Kind::Apk | Kind::Rpm => {}
    }
    let Some(Distribution { id, version }) = distribution else { return Vec::new() };
    let major = version.split('.').next().unwrap_or_default();
    let minor = || version.splitn(3, '.').take(2).collect::<Vec<_>>().join(".");
    match id.as_str() {
        "debian" => vec![format!("Debian:{major}")],
        "ubuntu" => vec![format!("Ubuntu:{version}"), format!("Ubuntu:{version}:LTS")],
        "alpine" => vec![format!("Alpine:v{}", minor())],
        "rocky" => vec![format!("Rocky Linux:{major}")],
        "almalinux" => vec![format!("AlmaLinux:{major}")],
        "opensuse-leap" => vec![format!("openSUSE:Leap {version}")],
        "azurelinux" => vec![format!("Azure Linux:{major}")],
        "wolfi" => one("Wolfi"),
        "chainguard" => one("Chainguard"),
        _ => Vec::new(),
    }
}

/// Whose versions an ecosystem of OSV has; none, if no package that is known here belongs to it.
pub(crate) fn kind_of(ecosystem: &str) -> Option<Kind> {
    Some(match ecosystem.split(':').next().unwrap_or_default() {
        "Go" => Kind::Go,
        "crates.io" => Kind::Cargo,
        "npm" => Kind::Npm,
        "PyPI" => Kind::Pypi,
        "Maven" => Kind::Maven,
        "Debian" | "Ubuntu" => Kind::Deb,
        "Alpine" | "Wolfi" | "Chainguard" => Kind::Apk,
        "Rocky Linux" | "AlmaLinux" | "openSUSE" | "Azure Linux" => Kind::Rpm,
        _ => return None,
    })
}

/// The names under which advisories may be about a package, each with the version that they compare.
pub fn names(package: &Package) -> Vec<(String, String)> {
    let mut names = vec![(package.name.clone(), package.version.clone())];
    if let Some((name, version)) = &package.source {
        // RPM writes no epoch into the name of a source package; it is the binary package's own.
        let epoch = match (package.kind, package.version.split_once(':')) {
            (Kind::Rpm, Some((epoch, _))) => format!("{epoch}:"),
            _ => String::new(),
        };
        if *name != package.name || *version != package.version {
            names.push((name.clone(), format!("{epoch}{version}")));
        }
    }
    if package.kind == Kind::Pypi {
        names[0].0 = inventory::pypi::normal(&package.name);
    }
    names
}

/// Advisories by the package's name.
#[derive(Debug, Default)]
pub struct Index {
    by_name: HashMap<String, Vec<Advisory>>,
}

impl Index {
    /// Of these.
    pub fn new(advisories: impl IntoIterator<Item = Advisory>) -> Self {
        let mut index = Self::default();
        for advisory in advisories {
            index.by_name.entry(advisory.package.clone()).or_default().push(advisory);
        }
        index
    }

    /// What they say of a package.
    pub fn of(&self, package: &Package) -> Matched {
        let mut matched = Matched::default();
        for (name, version) in names(package) {
            for advisory in self.by_name.get(&name).into_iter().flatten() {
                let known = matched.vulnerabilities.iter().any(|known| known.id == advisory.id);
                if known {
                    continue;
                }
                match affected(package.kind, advisory, &version) {
                    Affected::No => {}
                    Affected::Unknown => matched.unknown.push(advisory.id.clone()),
                    Affected::Yes(fixed) => matched.vulnerabilities.push(Vulnerability {
                        id: advisory.id.clone(),
                        aliases: advisory.aliases.clone(),
                        rating: advisory.rating,
                        summary: advisory.summary.clone(),
                        package: name.clone(),
                        version: version.clone(),
                        fixed,
                    }),
                }
            }
        }
        matched
    }
}

enum Affected {
    No,
    Unknown,
    /// And the version in which it is mended.
    Yes(Option<String>),
}

fn affected(kind: Kind, advisory: &Advisory, version: &str) -> Affected {
    let mut is_unknown = false;
    for range in &advisory.ranges {
        match within(kind, range, version) {
            Some(true) => return Affected::Yes(range.fixed.clone()),
            Some(false) => {}
            None => is_unknown = true,
        }
    }
    let same =
        |other: &String| other == version || compare(kind, other, version) == Some(Ordering::Equal);
    if advisory.versions.iter().any(same) {
        return Affected::Yes(None);
    }
    if is_unknown { Affected::Unknown } else { Affected::No }
}

/// Whether a version lies in a range; none, if it cannot be compared.
pub(crate) fn within(kind: Kind, range: &Range, version: &str) -> Option<bool> {
    let after_start = match range.introduced.as_str() {
        "0" => true,
        introduced => compare(kind, version, introduced)? != Ordering::Less,
    };
    if !after_start {
        return Some(false);
    }
    if let Some(fixed) = &range.fixed {
        return Some(compare(kind, version, fixed)? == Ordering::Less);
    }
    if let Some(last) = &range.last_affected {
        return Some(compare(kind, version, last)? != Ordering::Greater);
    }
    Some(true)
}

#[cfg(test)]
mod tests {
    use super::{Index, ecosystems, kind_of};
    use crate::{Advisory, Range, Rating};
    use inventory::{Distribution, Kind, Package};

    fn advisory(package: &str, id: &str, range: (&str, Option<&str>, Option<&str>)) -> Advisory {
        Advisory {
            package: package.to_owned(),
            id: id.to_owned(),
            aliases: Vec::new(),
            rating: Rating::High,
            summary: String::new(),
            ranges: vec![Range {
                introduced: range.0.to_owned(),
                fixed: range.1.map(str::to_owned),
                last_affected: range.2.map(str::to_owned),
            }],
            versions: Vec::new(),
        }
    }

    fn ids(index: &Index, package: &Package) -> Vec<String> {
        index.of(package).vulnerabilities.into_iter().map(|found| found.id).collect()
    }

    #[test]
    fn a_package_is_found_by_its_source_and_compared_as_its_maker_would() {
        let index = Index::new([
            advisory("openssl", "A", ("0", Some("3.0.11-1~deb12u2"), None)),
            advisory("openssl", "B", ("3.0.11-1", None, None)),
            advisory("openssl", "C", ("0", Some("3.0.9-1"), None)),
            advisory("libssl3", "D", ("0", None, Some("3.0.11-1~deb12u1"))),
        ]);
        let mut package = Package::new(Kind::Deb, "libssl3", "3.0.11-1~deb12u1", "status");
        package.source = Some(("openssl".to_owned(), "3.0.11-1~deb12u1".to_owned()));
        assert_eq!(ids(&index, &package), ["D", "A"]);
        package.version = "3.0.11-1~deb12u2".to_owned();
        package.source = Some(("openssl".to_owned(), package.version.clone()));
        assert!(ids(&index, &package).is_empty());
    }

    #[test]
    fn the_epoch_of_an_rpm_counts_for_its_source() {
        let index = Index::new([advisory("bind", "A", ("0", Some("32:9.16.23-15.el9"), None))]);
        let mut package = Package::new(Kind::Rpm, "bind-libs", "32:9.16.23-14.el9", "db");
        package.source = Some(("bind".to_owned(), "9.16.23-14.el9".to_owned()));
        assert_eq!(ids(&index, &package), ["A"]);
        package.version = "32:9.16.23-15.el9".to_owned();
        package.source = Some(("bind".to_owned(), "9.16.23-15.el9".to_owned()));
        assert!(ids(&index, &package).is_empty());
    }

    #[test]
    fn what_cannot_be_compared_is_unknown_and_not_sound() {
        let index = Index::new([advisory("a", "A", ("1.0.0", Some("2.0.0"), None))]);
        let odd = index.of(&Package::new(Kind::Npm, "a", "latest", "p"));
        assert_eq!((odd.vulnerabilities.len(), odd.unknown.len()), (0, 1));
    }

    #[test]
    fn distributions_have_the_names_of_osv() {
        let of = |id: &str, version: &str| {
            let distribution = Distribution { id: id.to_owned(), version: version.to_owned() };
            ecosystems(Kind::Rpm, Some(&distribution))
        };
        assert_eq!(of("debian", "12"), ["Debian:12"]);
        assert_eq!(of("alpine", "3.19.1"), ["Alpine:v3.19"]);
        assert_eq!(of("ubuntu", "22.04"), ["Ubuntu:22.04", "Ubuntu:22.04:LTS"]);
        assert_eq!(of("rocky", "9.3"), ["Rocky Linux:9"]);
        assert!(of("plan9", "4").is_empty());
        let all = ["debian", "ubuntu", "alpine", "rocky", "almalinux", "opensuse-leap"];
        let all = all.iter().chain(&["azurelinux", "wolfi", "chainguard"]);
        for ecosystem in all.flat_map(|id| of(id, "1.2")) {
            assert!(kind_of(&ecosystem).is_some_and(Kind::is_distribution), "{ecosystem}");
        }
        for kind in Kind::ALL.iter().filter(|kind| !kind.is_distribution()) {
            assert_eq!(kind_of(&ecosystems(*kind, None)[0]), Some(*kind));
        }
        assert_eq!(kind_of("GIT"), None);
        assert!(ecosystems(Kind::Deb, None).is_empty());
    }
}
