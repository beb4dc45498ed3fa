//! The front proxy: headers that name the user, believed of whoever holds a certificate for it.
//! Which proxies exist is the operator's to say.
//!
//! Hostile input: without a certificate of the front proxy's own authority, and one of the allowed names, no
//! header is looked at.

use super::certificate::{Certificate, verify_client};
use super::explanation::{Objection, Opinion, Reason, shown};
use super::request::Request;
use model::{Identity, Timestamp};
use std::collections::BTreeMap;

/// The `--requestheader-*` flags.
#[derive(Debug, Clone)]
pub struct FrontProxy {
    /// `--requestheader-client-ca-file`.
    pub roots: Vec<Certificate>,
    /// `--requestheader-allowed-names`; empty for any.
    pub allowed_names: Vec<String>,
    /// `--requestheader-username-headers`; the first with a value counts.
    pub user_headers: Vec<String>,
    /// `--requestheader-uid-headers`.
    pub uid_headers: Vec<String>,
    /// `--requestheader-group-headers`; all values of all of them count.
    pub group_headers: Vec<String>,
    /// `--requestheader-extra-headers-prefix`.
    pub extra_prefixes: Vec<String>,
}

impl FrontProxy {
    /// Whether whoever has any certificate of `clients`' authorities passes for the front proxy: one authority is of
    /// both, and no names tell them apart.
    pub fn is_anybody_of(&self, clients: &[Certificate]) -> bool {
        let shared = |root: &Certificate| clients.iter().any(|other| other.der == root.der);
        self.allowed_names.is_empty() && self.roots.iter().any(shared)
    }

    pub(super) fn authenticate(&self, request: &Request, now: Timestamp) -> Opinion {
        let Some(leaf) = request.certificates.first() else {
            return Err(Objection::None(Reason::NotPresented));
        };
        verify_client(&request.certificates, &self.roots, now)?;
        let name = leaf.common_name();
        if !self.allowed_names.is_empty() && !self.allowed_names.iter().any(|n| n == name) {
            return Err(Reason::ProxyNameNotAllowed { name: shown(name) }.into());
        }
        let first = |headers: &[String]| {
            let values = headers.iter().map(|header| text(request.value(header)));
            values.into_iter().find(|value| !value.is_empty())
        };
        let Some(user) = first(&self.user_headers) else {
            return Err(Objection::None(Reason::NoUserHeader));
        };
        let groups = self.group_headers.iter().flat_map(|header| request.values(header));
        Ok(Identity {
            user,
            uid: first(&self.uid_headers),
            groups: groups.map(text).filter(|group| !group.is_empty()).collect(),
            extra: self.extra(request),
        })
    }

    fn extra(&self, request: &Request) -> BTreeMap<String, Vec<String>> {
        let mut extra: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for prefix in &self.extra_prefixes {
            for (name, value) in &request.headers {
                let Some((head, key)) = name.split_at_checked(prefix.len()) else { continue };
                if head.eq_ignore_ascii_case(prefix) {
                    let key = unescape_extra_key(&key.to_ascii_lowercase());
                    extra.entry(key).or_default().push(text(value.expose()));
                }
            }
        }
        extra
    }
}

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).into_owned()
}

/// The key of an extra attribute as headers carry it: Go's `url.PathUnescape`; one that is not escaped well is
/// taken as it stands. Impersonation headers follow the same rule.
pub fn unescape_extra_key(key: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = key.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let hex = rest.get(..2).filter(|hex| hex.iter().all(u8::is_ascii_hexdigit));
        let Some(value) = hex
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok())
        else {
            return key.to_owned();
        };
        bytes.push(value);
        rest = &rest[2..];
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extra_keys_are_unescaped_or_left() {
        assert_eq!(unescape_extra_key("acme.com%2fproject"), "acme.com/project");
        assert_eq!(unescape_extra_key("a+b"), "a+b");
        assert_eq!(unescape_extra_key("broken%2"), "broken%2");
        assert_eq!(unescape_extra_key("broken%zz"), "broken%zz");
    }
}
