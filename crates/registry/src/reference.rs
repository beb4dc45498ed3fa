//! References of images: which registry, which repository, which tag or digest.
//! Whether a registry is there, and whether it knows the image, is found out by asking.
//!
//! Format: Docker's, as its tools read what people type: without a registry it is Docker Hub, there without a folder it
//! is `library/`, and without a tag or digest it is `latest`.
//!
//! Hostile input: a reference comes from a person or a manifest; it is made of a few characters, none of which leads out
//! of the path of a URL, and bounded.

use std::fmt;
use std::net::IpAddr;

/// Characters of a whole reference: a host, a repository of 255, a tag of 128 and a digest fit.
const CHARACTERS_MAX: usize = 1024;
/// Docker's own bound of a repository with its registry.
const NAME_CHARACTERS_MAX: usize = 255;
const TAG_CHARACTERS_MAX: usize = 128;
const DOCKER_HUB: &str = "docker.io";

/// Why a text is no reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceFault {
    /// The repository's name is none.
    #[error(
        "`{0}` is no name of an image: write lower-case letters and digits, with `.`, `_`, `-` and `/` between them"
    )]
    Repository(String),
    /// The registry is none.
    #[error("`{0}` is no registry: write HOST or HOST:PORT")]
    Registry(String),
    /// The tag is none.
    #[error("`{0}` is no tag: write up to 128 letters, digits, `.`, `_` and `-`")]
    Tag(String),
    /// The digest is none that is understood.
    #[error("`{0}` is no digest: write sha256: and 64 digits in lower case")]
    Digest(String),
    /// The whole is too long.
    #[error("the reference is longer than {CHARACTERS_MAX} characters")]
    Length,
}

/// A reference that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<String>,
}

impl Reference {
    /// Reads what a person types.
    pub fn read(text: &str) -> Result<Self, ReferenceFault> {
        if text.len() > CHARACTERS_MAX {
            return Err(ReferenceFault::Length);
        }
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text, None),
        };
        if let Some(digest) = digest
            && !is_digest(digest)
        {
            return Err(ReferenceFault::Digest(digest.to_owned()));
        }
        // A colon before the last slash belongs to a port.
        let (name, tag) = match name.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (name, None),
        };
        if let Some(tag) = tag
            && !is_tag(tag)
        {
            return Err(ReferenceFault::Tag(tag.to_owned()));
        }
        let (registry, repository) = match name.split_once('/') {
            Some((first, rest)) if is_registry_by_its_looks(first) => (first, rest.to_owned()),
            _ => (DOCKER_HUB, name.to_owned()),
        };
        let registry = registry.to_ascii_lowercase();
        let registry = if registry == "index.docker.io" { DOCKER_HUB.to_owned() } else { registry };
        if !is_host(&registry) {
            return Err(ReferenceFault::Registry(registry));
        }
        let is_short = registry == DOCKER_HUB && !repository.contains('/');
        if repository.len() > NAME_CHARACTERS_MAX || !repository.split('/').all(is_component) {
            return Err(ReferenceFault::Repository(repository));
        }
        let repository = if is_short { format!("library/{repository}") } else { repository };
        let tag = match (tag, digest) {
            (None, None) => Some("latest".to_owned()),
            (tag, _) => tag.map(str::to_owned),
        };
        Ok(Self { registry, repository, tag, digest: digest.map(str::to_owned) })
    }

    /// The registry as people name it: `docker.io`, `registry.example.com:5000`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The host, and port if there is one, that is asked.
    pub fn host(&self) -> &str {
        if self.registry == DOCKER_HUB { "registry-1.docker.io" } else { &self.registry }
    }

    /// The repository.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The digest, if the reference has one.
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// What the manifest is asked for by: the digest if there is one, for it cannot mean something else tomorrow.
    pub(crate) fn manifest(&self) -> &str {
        self.digest.as_deref().or(self.tag.as_deref()).unwrap_or("latest")
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// Whether this host, with or without a port, is the machine itself.
pub fn is_loopback(host: &str) -> bool {
    let name = without_port(host);
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The host without its port.
pub(crate) fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        // Within brackets it is part of an address.
        Some((name, port)) if !port.contains(']') => name,
        _ => host,
    }
}

/// Only SHA-256 in full: what registries use, and what can be verified.
pub(crate) fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|digits| {
        digits.len() == 64 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// As Docker tells `registry/image` from `folder/image`. Docker also takes a name in capitals without a dot for a
/// registry; here it is refused, for in small letters, as hosts are compared, it would be a folder of Docker Hub.
fn is_registry_by_its_looks(first: &str) -> bool {
    first.eq_ignore_ascii_case("localhost") || first.contains(['.', ':'])
}

/// A name of the domain name system or an address, with or without a port.
pub(crate) fn is_host(text: &str) -> bool {
    let name = without_port(text);
    let port = text.strip_prefix(name).and_then(|rest| rest.strip_prefix(':'));
    if port.is_some_and(|port| {
        !port.bytes().all(|byte| byte.is_ascii_digit())
            || port.parse::<u16>().unwrap_or_default() == 0
    }) {
        return false;
    }
    if let Some(address) = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<std::net::Ipv6Addr>().is_ok();
    }
    name.len() <= 253
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

fn is_tag(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= TAG_CHARACTERS_MAX
        && text.bytes().next().is_some_and(is_word)
        && text.bytes().all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'))
}

/// Letters and digits, parted by one dot, one or two underscores, or dashes.
fn is_component(text: &str) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    if !bytes.first().is_some_and(is_plain) || !bytes.last().is_some_and(is_plain) {
        return false;
    }
    bytes.split(is_plain).all(|between| {
        matches!(between, b"" | b"." | b"_" | b"__") || between.iter().all(|byte| *byte == b'-')
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn what_people_type_is_read_as_docker_reads_it() {
        for (typed, whole) in [
            ("nginx", "docker.io/library/nginx:latest"),
            ("nginx:1.2", "docker.io/library/nginx:1.2"),
            ("shop/web", "docker.io/shop/web:latest"),
            ("index.docker.io/nginx", "docker.io/library/nginx:latest"),
            ("localhost/web", "localhost/web:latest"),
            ("localhost:5000/web:1", "localhost:5000/web:1"),
            (
                "127.0.0.1:5000/a/b/c_d__e-f---g:V1.2-x_y",
                "127.0.0.1:5000/a/b/c_d__e-f---g:V1.2-x_y",
            ),
            ("[::1]:5000/web", "[::1]:5000/web:latest"),
            ("Registry.Example.com/shop/web:1.2", "registry.example.com/shop/web:1.2"),
            ("LOCALHOST/web", "localhost/web:latest"),
        ] {
            assert_eq!(
                Reference::read(typed).map(|it| it.to_string()).as_deref(),
                Ok(whole),
                "{typed}"
            );
        }
        let both = format!("shop/web:1@{DIGEST}");
        let read = Reference::read(&both).unwrap();
        assert_eq!((read.manifest(), read.to_string()), (DIGEST, format!("docker.io/{both}")));
        assert_eq!(
            Reference::read(&format!("web@{DIGEST}")).unwrap().tag,
            None,
            "nothing is added"
        );
        assert_eq!(Reference::read("nginx").unwrap().host(), "registry-1.docker.io");
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        for typed in [
            "",
            "/",
            "/web",
            "./web",
            "../web",
            "web/",
            "a//b",
            "Web",
            "HOST/web",
            "web:",
            "web:-1",
            "web:a b",
            "web@",
            "we b",
            "web@sha256:12",
            "web@sha512:0",
            "host.example:0/web",
            "host.example:99999/web",
            "a.b:x/web",
            "-a.b/web",
            "a..b/web",
            "web_",
            "web___x",
            "we..b",
            "http://a.b/web",
            "user:pass@a.b/web",
            "a.b/web?x=1",
            "a.b/web#x",
            "a.b/../web",
            "a.b/%2e%2e/web",
            "[::1/web",
            "a.b/w\u{e9}b",
            "a.b/web\r\nHost: c",
        ] {
            assert!(Reference::read(typed).is_err(), "{typed}");
        }
        assert!(Reference::read(&"a".repeat(CHARACTERS_MAX + 1)).is_err());
        assert!(Reference::read(&"a".repeat(NAME_CHARACTERS_MAX + 1)).is_err());
    }

    #[test]
    fn only_the_machine_itself_is_loopback() {
        for host in
            ["localhost", "localhost:5000", "127.0.0.1", "127.9.9.9:80", "[::1]", "[::1]:5000"]
        {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "localhost.example.com",
            "127.0.0.1.example.com",
            "10.0.0.1",
            "0.0.0.0",
            "[::2]:1",
            "a",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_read_again(text in "[a-zA-Z0-9./:@_-]{0,60}") {
            if let Ok(read) = Reference::read(&text) {
                prop_assert_eq!(Reference::read(&read.to_string()), Ok(read));
            }
        }
    }
}
