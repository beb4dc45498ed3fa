//! Alternative names and the constraints that authorities put on them (RFC 5280 section 4.2.1.10), by Go's
//! reading: a name of a constrained kind must lie in a permitted subtree and in no excluded one.
//! Which certificates are compared with which is known to `chain`.
//!
//! Hostile input: names are compared, never resolved; what cannot be compared (an address in a URI, a quoted
//! mailbox) is refused as soon as an authority constrains anything.

use super::InvalidCertificate;
use x509_parser::extensions::{GeneralName, GeneralSubtree, NameConstraints as Parsed};

/// The names of a certificate that constraints look at.
#[derive(Debug, Clone, Default)]
pub(super) struct AlternativeNames {
    dns: Vec<String>,
    mailboxes: Vec<String>,
    uris: Vec<String>,
    addresses: Vec<Vec<u8>>,
}

/// What an authority permits and excludes.
#[derive(Debug, Clone, Default)]
pub(super) struct NameConstraints {
    permitted: Subtrees,
    excluded: Subtrees,
}

#[derive(Debug, Clone, Default)]
struct Subtrees {
    dns: Vec<String>,
    mailboxes: Vec<String>,
    uris: Vec<String>,
    /// Address and mask of equal length.
    addresses: Vec<(Vec<u8>, Vec<u8>)>,
}

const MALFORMED: InvalidCertificate = InvalidCertificate("an alternative name is malformed");
const MALFORMED_CONSTRAINT: InvalidCertificate =
    InvalidCertificate("a name constraint is malformed");

impl AlternativeNames {
    pub(super) fn read(names: &[GeneralName<'_>]) -> Result<Self, InvalidCertificate> {
        let mut read = Self::default();
        let ascii = |text: &str| text.is_ascii().then(|| text.to_owned()).ok_or(MALFORMED);
        for name in names {
            match name {
                GeneralName::DNSName(name) => read.dns.push(ascii(name)?),
                GeneralName::RFC822Name(name) => read.mailboxes.push(ascii(name)?),
                GeneralName::URI(name) => read.uris.push(ascii(name)?),
                GeneralName::IPAddress(address) if matches!(address.len(), 4 | 16) => {
                    read.addresses.push(address.to_vec());
                }
                GeneralName::IPAddress(_) | GeneralName::Invalid(..) => return Err(MALFORMED),
                _ => {}
            }
        }
        Ok(read)
    }

    pub(super) fn uris(&self) -> &[String] {
        &self.uris
    }

    pub(super) fn is_empty(&self) -> bool {
        self.dns.is_empty()
            && self.mailboxes.is_empty()
            && self.uris.is_empty()
            && self.addresses.is_empty()
    }
}

impl NameConstraints {
    /// The constraints, and whether they are of kinds that Go compares.
    pub(super) fn read(parsed: &Parsed<'_>) -> Result<(Self, bool), InvalidCertificate> {
        let permitted = parsed.permitted_subtrees.as_deref().unwrap_or_default();
        let excluded = parsed.excluded_subtrees.as_deref().unwrap_or_default();
        if permitted.is_empty() && excluded.is_empty() {
            return Err(MALFORMED_CONSTRAINT);
        }
        let (permitted, all_permitted) = Subtrees::read(permitted)?;
        let (excluded, all_excluded) = Subtrees::read(excluded)?;
        Ok((Self { permitted, excluded }, all_permitted && all_excluded))
    }

    fn is_empty(&self) -> bool {
        self.permitted.is_empty() && self.excluded.is_empty()
    }

    /// The first name that is not allowed.
    pub(super) fn refuses(&self, names: &AlternativeNames) -> Option<String> {
        if self.is_empty() {
            return None;
        }
        let (yes, no) = (&self.permitted, &self.excluded);
        let dns = names.dns.iter().find(|name| {
            !domain_valid(name, false)
                || !yes.dns.is_empty() && !in_domains(name, &yes.dns, false)
                || in_domains(name, &no.dns, true)
        });
        let uri = names.uris.iter().find(|uri| match host(uri) {
            None => true,
            Some(host) => {
                !yes.uris.is_empty() && !in_domains(&host, &yes.uris, false)
                    || in_domains(&host, &no.uris, true)
            }
        });
        let mailbox = names.mailboxes.iter().find(|mailbox| match split(mailbox) {
            None => true,
            Some(parts) => {
                !yes.mailboxes.is_empty() && !in_mailboxes(&parts, &yes.mailboxes, false)
                    || in_mailboxes(&parts, &no.mailboxes, true)
            }
        });
        let address = names.addresses.iter().find(|address| {
            !yes.addresses.is_empty() && !in_networks(address, &yes.addresses)
                || in_networks(address, &no.addresses)
        });
        dns.or(uri).or(mailbox).cloned().or_else(|| address.map(|bytes| format!("{bytes:?}")))
    }
}

impl Subtrees {
    fn is_empty(&self) -> bool {
        self.dns.is_empty()
            && self.mailboxes.is_empty()
            && self.uris.is_empty()
            && self.addresses.is_empty()
    }

    fn read(subtrees: &[GeneralSubtree<'_>]) -> Result<(Self, bool), InvalidCertificate> {
        let mut read = Self::default();
        let mut all = true;
        let checked = |text: &str| {
            let valid = text.is_ascii() && domain_valid(text, true);
            valid.then(|| text.to_owned()).ok_or(MALFORMED_CONSTRAINT)
        };
        for subtree in subtrees {
            match &subtree.base {
                GeneralName::DNSName(domain) => read.dns.push(checked(domain)?),
                GeneralName::URI(domain) => {
                    if domain.parse::<std::net::IpAddr>().is_ok() {
                        return Err(MALFORMED_CONSTRAINT);
                    }
                    read.uris.push(checked(domain)?);
                }
                GeneralName::RFC822Name(mailbox) if mailbox.contains('@') => {
                    split(mailbox).ok_or(MALFORMED_CONSTRAINT)?;
                    read.mailboxes.push((*mailbox).to_owned());
                }
                GeneralName::RFC822Name(domain) => read.mailboxes.push(checked(domain)?),
                GeneralName::IPAddress(network) if matches!(network.len(), 8 | 32) => {
                    let (address, mask) = network.split_at(network.len() / 2);
                    let bits: Vec<u8> =
                        mask.iter().flat_map(|b| (0..8).rev().map(move |at| b >> at & 1)).collect();
                    if !bits.is_sorted_by(|a, b| a >= b) {
                        return Err(MALFORMED_CONSTRAINT);
                    }
                    read.addresses.push((address.to_vec(), mask.to_vec()));
                }
                GeneralName::IPAddress(_) => return Err(MALFORMED_CONSTRAINT),
                _ => all = false,
            }
        }
        Ok((read, all))
    }
}

/// Go's `domainNameValid`, as lenient as it is.
fn domain_valid(domain: &str, constraint: bool) -> bool {
    if domain.is_empty() {
        return true;
    }
    let inner = if constraint { domain.strip_prefix('.').unwrap_or(domain) } else { domain };
    !domain.ends_with('.')
        && inner
            .split('.')
            .all(|label| !label.is_empty() && label.bytes().all(|b| (33..=126).contains(&b)))
}

fn in_domains(name: &str, domains: &[String], excluded: bool) -> bool {
    domains.iter().any(|domain| in_domain(name, domain, excluded))
}

/// Whether a name lies in a subtree: `example.com` holds itself and what is below, `.example.com` only what
/// is below, and an excluded `www.example.com` also the wildcard that would cover it.
fn in_domain(name: &str, domain: &str, excluded: bool) -> bool {
    let (name, domain) = (name.to_ascii_lowercase(), domain.to_ascii_lowercase());
    if domain.is_empty() {
        return true;
    }
    let below = name
        .strip_suffix(&domain)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.') || domain.starts_with('.'));
    let covered = || {
        let parent = domain.split_once('.').map(|(_, parent)| parent);
        name.strip_prefix("*.").is_some_and(|rest| !rest.is_empty() && Some(rest) == parent)
    };
    below || excluded && covered()
}

/// The host of a URI; `None` if it has none that could be compared.
fn host(uri: &str) -> Option<String> {
    let (_, rest) = uri.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = host.split_once(':').map_or(host, |(host, _)| host).to_ascii_lowercase();
    let address = host.parse::<std::net::IpAddr>().is_ok() || host.starts_with('[');
    (!host.is_empty() && !address && domain_valid(&host, false)).then_some(host)
}

fn split(mailbox: &str) -> Option<(String, String)> {
    let (local, domain) = mailbox.rsplit_once('@')?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b);
    let valid = !local.is_empty()
        && local.bytes().all(plain)
        && !local.split('.').any(str::is_empty)
        && domain_valid(domain, false);
    valid.then(|| (local.to_owned(), domain.to_ascii_lowercase()))
}

fn in_mailboxes((local, domain): &(String, String), constraints: &[String], no: bool) -> bool {
    constraints.iter().any(|constraint| match split(constraint) {
        Some((its_local, its_domain)) if constraint.contains('@') => {
            *local == its_local && *domain == its_domain
        }
        _ => in_domain(domain, constraint, no),
    })
}

fn in_networks(address: &[u8], networks: &[(Vec<u8>, Vec<u8>)]) -> bool {
    networks.iter().any(|(network, mask)| {
        network.len() == address.len()
            && address.iter().zip(network).zip(mask).all(|((a, n), m)| a & m == n & m)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subtrees_hold_what_go_says_they_hold() {
        for (name, domain, inside) in [
            ("example.com", "example.com", true),
            ("a.example.com", "example.com", true),
            ("A.EXAMPLE.com", "example.com", true),
            ("badexample.com", "example.com", false),
            ("example.com", ".example.com", false),
            ("a.example.com", ".example.com", true),
            ("example.com", "a.example.com", false),
            ("anything", "", true),
            ("*.example.com", "www.example.com", false),
        ] {
            assert_eq!(in_domain(name, domain, false), inside, "{name} in {domain}");
        }
        assert!(in_domain("*.example.com", "www.example.com", true));
        assert!(!domain_valid("example.com.", false));
        assert!(!domain_valid("a..b", true));
        assert!(domain_valid(".a.b", true));
        assert!(!domain_valid(".a.b", false));
    }

    #[test]
    fn hosts_and_mailboxes_are_found_or_refused() {
        assert_eq!(host("spiffe://td.example/ns/a").as_deref(), Some("td.example"));
        assert_eq!(host("https://u@Host.example:8443/x").as_deref(), Some("host.example"));
        for bad in ["urn:x", "https://10.0.0.1/", "https://[::1]/", "https:///x"] {
            assert_eq!(host(bad), None, "{bad}");
        }
        assert!(split("a.b+c@Example.com").is_some());
        for bad in ["", "@x", "a@b@c d", "a..b@c", "\"q\"@c", "nobody"] {
            assert_eq!(split(bad), None, "{bad}");
        }
        assert!(in_networks(&[10, 1, 2, 3], &[(vec![10, 0, 0, 0], vec![255, 0, 0, 0])]));
        assert!(!in_networks(&[11, 1, 2, 3], &[(vec![10, 0, 0, 0], vec![255, 0, 0, 0])]));
    }
}
