//! A package: what it is called where it comes from, its version, and where that was read.
//! Which versions are vulnerable is the advisories' knowledge.

use crate::distribution::Distribution;

/// Who named a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Debian's packages, and those of who came after.
    Deb,
    /// Alpine's.
    Apk,
    /// RPM.
    Rpm,
    /// Modules of Go.
    Go,
    /// Crates of Rust.
    Cargo,
    /// npm.
    Npm,
    /// Python's.
    Pypi,
    /// Maven's, named `group:artifact`.
    Maven,
}

impl Kind {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Deb,
        Self::Apk,
        Self::Rpm,
        Self::Go,
        Self::Cargo,
        Self::Npm,
        Self::Pypi,
        Self::Maven,
    ];

    /// Its type in a package URL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Deb => "deb",
            Self::Apk => "apk",
            Self::Rpm => "rpm",
            Self::Go => "golang",
            Self::Cargo => "cargo",
            Self::Npm => "npm",
            Self::Pypi => "pypi",
            Self::Maven => "maven",
        }
    }

    /// Whether its packages are a distribution's, so that only the distribution can tell which are vulnerable.
    pub fn is_distribution(self) -> bool {
        matches!(self, Self::Deb | Self::Apk | Self::Rpm)
    }
}

/// A package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Package {
    /// Who named it.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Its version, as it is compared: with epoch and revision.
    pub version: String,
    /// The source package from which it was built, and its version; advisories of distributions name that.
    pub source: Option<(String, String)>,
    /// Architecture, if the package is made for one.
    pub architecture: Option<String>,
    /// Licence, as the package says it.
    pub licence: Option<String>,
    /// The file that tells of it.
    pub path: String,
}

impl Package {
    /// A package of which no more is known.
    pub fn new(kind: Kind, name: &str, version: &str, path: &str) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            version: version.to_owned(),
            source: None,
            architecture: None,
            licence: None,
            path: path.to_owned(),
        }
    }

    /// Its package URL.
    pub fn url(&self, distribution: Option<&Distribution>) -> String {
        let mut url = format!("pkg:{}/", self.kind.name());
        if self.kind.is_distribution() {
            let id = distribution.map_or("unknown", |distribution| distribution.id.as_str());
            url.push_str(&encoded(id));
            url.push('/');
        }
        // Where a name has parts, all but the last are its namespace; those are not encoded as one.
        let separator = if self.kind == Kind::Maven { ':' } else { '/' };
        let parts: Vec<_> = self.name.split(separator).map(encoded).collect();
        url.push_str(&parts.join("/"));
        // An epoch is a part of a Debian version and a qualifier of an RPM's.
        let split = self.version.split_once(':').filter(|(epoch, version)| {
            let is_number = epoch.bytes().all(|byte| byte.is_ascii_digit());
            is_number && !matches!(*epoch, "" | "0") && !version.is_empty()
        });
        let (epoch, version) = match split {
            Some((epoch, version)) if self.kind == Kind::Rpm => (Some(epoch), version),
            _ => (None, self.version.as_str()),
        };
        url.push('@');
        url.push_str(&encoded(version));
        let mut qualifiers = Vec::new();
        if let Some(architecture) = &self.architecture {
            qualifiers.push(format!("arch={}", encoded(architecture)));
        }
        if let Some(distribution) = distribution.filter(|_| self.kind.is_distribution()) {
            qualifiers.push(format!("distro={}", encoded(&distribution.label())));
        }
        if let Some(epoch) = epoch {
            qualifiers.push(format!("epoch={}", encoded(epoch)));
        }
        if let Some((name, version)) = &self.source {
            qualifiers.push(format!("upstream={}", encoded(&format!("{name}@{version}"))));
        }
        if !qualifiers.is_empty() {
            url.push('?');
            url.push_str(&qualifiers.join("&"));
        }
        url
    }

    /// The package of a package URL, with the distribution that it names; none for kinds that are not known here.
    pub fn of_url(url: &str, path: &str) -> Option<(Self, Option<Distribution>)> {
        let rest = url.strip_prefix("pkg:")?.trim_start_matches('/');
        let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
        let (rest, qualifiers) = rest.split_once('?').unwrap_or((rest, ""));
        let (kind, rest) = rest.split_once('/')?;
        let kind = *Kind::ALL.iter().find(|own| own.name().eq_ignore_ascii_case(kind))?;
        // The version is behind the last `@`; a scope of npm begins with one that should be, but is not always, `%40`.
        let (name, version) = match rest.rsplit_once('@') {
            Some((name, version)) if !name.is_empty() && !name.ends_with('/') => (name, version),
            _ => return None,
        };
        let parts: Vec<_> = name.split('/').filter(|part| !part.is_empty()).map(decoded).collect();
        let name = match kind {
            Kind::Maven => parts.join(":"),
            _ if kind.is_distribution() => parts.last()?.clone(),
            _ => parts.join("/"),
        };
        let mut package = Self::new(kind, &name, &decoded(version), path);
        let mut distribution = None;
        for qualifier in qualifiers.split('&') {
            let Some((key, value)) = qualifier.split_once('=') else { continue };
            let value = decoded(value);
            match key {
                "arch" => package.architecture = Some(value),
                "distro" if kind.is_distribution() => distribution = Distribution::of_label(&value),
                "epoch" if kind == Kind::Rpm && value != "0" => {
                    package.version = format!("{value}:{}", package.version);
                }
                "upstream" => {
                    let (name, version) = match value.split_once('@') {
                        Some((name, version)) => (name.to_owned(), version.to_owned()),
                        None => (value.clone(), package.version.clone()),
                    };
                    // What syft writes there of an RPM is the name of a file.
                    package.source = (!name.ends_with(".src.rpm")).then_some((name, version));
                }
                _ => {}
            }
        }
        let empty = package.name.is_empty() || package.version.is_empty();
        (!empty).then_some((package, distribution))
    }
}

/// Text in a package URL.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let hex = (*first == b'%').then(|| behind.get(..2)).flatten();
        let byte = hex
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match byte {
            Some(byte) => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            None => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{Kind, Package};
    use crate::distribution::Distribution;

    #[test]
    fn a_package_url_is_written_and_read() {
        let debian = Distribution { id: "debian".to_owned(), version: "12".to_owned() };
        let mut libc = Package::new(Kind::Deb, "libc6", "2.36-9+deb12u4", "var/lib/dpkg/status");
        libc.source = Some(("glibc".to_owned(), "2.36-9+deb12u4".to_owned()));
        libc.architecture = Some("amd64".to_owned());
        let url = libc.url(Some(&debian));
        assert_eq!(
            url,
            "pkg:deb/debian/libc6@2.36-9%2Bdeb12u4?arch=amd64&distro=debian-12&upstream=glibc%402.36-9%2Bdeb12u4"
        );
        assert_eq!(Package::of_url(&url, "var/lib/dpkg/status"), Some((libc, Some(debian))));
        for (kind, name, version, url) in [
            (Kind::Npm, "@babel/core", "7.0.0", "pkg:npm/%40babel/core@7.0.0"),
            (Kind::Go, "golang.org/x/net", "v0.1.0", "pkg:golang/golang.org/x/net@v0.1.0"),
            (Kind::Maven, "org.a:b", "1", "pkg:maven/org.a/b@1"),
        ] {
            let package = Package::new(kind, name, version, "");
            assert_eq!(package.url(None), url);
            assert_eq!(Package::of_url(url, ""), Some((package, None)));
        }
        let rpm = Package::new(Kind::Rpm, "bind", "32:9.1-2", "");
        assert_eq!(rpm.url(None), "pkg:rpm/unknown/bind@9.1-2?epoch=32");
        assert_eq!(Package::of_url(&rpm.url(None), "").unwrap().0.version, "32:9.1-2");
    }

    #[test]
    fn what_is_no_package_url_is_none() {
        for url in ["", "pkg:", "pkg:npm", "pkg:npm/a", "pkg:npm/@a", "pkg:docker/a@1", "npm/a@1"] {
            assert!(Package::of_url(url, "").is_none(), "{url}");
        }
    }
}
