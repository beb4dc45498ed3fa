//! Where a request came from: the peer's address, or what a trusted proxy says the peer was.
//! What follows from it (back-off, the audit log) is decided elsewhere.
//!
//! Hostile input: `X-Forwarded-For` is anybody's unless the peer is a proxy of the configuration. Then it
//! is read from the right, over as many addresses as are trusted proxies themselves, and never further.

use http::HeaderMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

/// The far end of the TCP connection. Whoever accepts connections puts one into each request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// Where a request came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source(Option<IpAddr>);

/// The proxies whose word about the client is taken.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Arc<[Network]>);

#[derive(Debug, Clone, Copy)]
struct Network {
    address: IpAddr,
    prefix: u8,
}

/// The operator's text is not an address or network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an address or network of a proxy, such as `10.0.0.7` or `10.0.0.0/24`")]
pub struct InvalidProxy(String);

/// The header is looked at no further than this: no honest chain of proxies is longer.
const HOPS_MAX: usize = 16;

impl TrustedProxies {
    /// Checks the operator's list; an empty one trusts nobody.
    pub fn new(networks: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self, InvalidProxy> {
        let parsed = networks.into_iter().map(|text| Network::parse(text.as_ref()));
        Ok(Self(parsed.collect::<Result<Vec<_>, _>>()?.into()))
    }

    /// Whether a peer is one of the proxies.
    pub fn trusts(&self, peer: Peer) -> bool {
        self.hold(canonical(peer.0.ip()))
    }

    pub(crate) fn hold(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// The source of a request with these headers from this peer.
    pub fn source(&self, peer: Option<Peer>, headers: &HeaderMap) -> Source {
        let Some(Peer(peer)) = peer else { return Source(None) };
        let mut client = canonical(peer.ip());
        let mut hops: Vec<&str> = Vec::new();
        if self.hold(client) {
            for value in headers.get_all("x-forwarded-for") {
                hops.extend(value.to_str().unwrap_or_default().split(','));
            }
        }
        for hop in hops.iter().rev().take(HOPS_MAX) {
            // What a trusted proxy wrote is an address. Anything else ends what can be believed.
            let Ok(address) = hop.trim().parse::<IpAddr>() else { break };
            client = canonical(address);
            if !self.hold(client) {
                break;
            }
        }
        Source(Some(client))
    }
}

impl Source {
    /// The network by which failures are counted: one IPv4 address, or one IPv6 /64, which is what a
    /// single subscriber has to choose addresses from.
    pub fn network(&self) -> String {
        match self.0 {
            None => "unknown".to_owned(),
            Some(IpAddr::V4(address)) => address.to_string(),
            Some(IpAddr::V6(address)) => {
                let [a, b, c, d, ..] = address.segments();
                format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        }
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(address) => address.fmt(f),
            None => f.write_str("unknown"),
        }
    }
}

impl Network {
    fn parse(text: &str) -> Result<Self, InvalidProxy> {
        let invalid =
            || InvalidProxy(text.chars().take(80).flat_map(char::escape_default).collect());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address = canonical(address.parse().map_err(|_| invalid())?);
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => prefix.parse().map_err(|_| invalid())?,
            None => bits,
        };
        if prefix > bits { Err(invalid()) } else { Ok(Self { address, prefix }) }
    }

    fn contains(&self, other: IpAddr) -> bool {
        match (self.address, other) {
            (IpAddr::V4(network), IpAddr::V4(other)) => {
                same_bits(v4(network), v4(other), u32::from(self.prefix) + 96)
            }
            (IpAddr::V6(network), IpAddr::V6(other)) => {
                same_bits(network.to_bits(), other.to_bits(), u32::from(self.prefix))
            }
            _ => false,
        }
    }
}

fn v4(address: Ipv4Addr) -> u128 {
    u128::from(address.to_bits())
}

fn same_bits(a: u128, b: u128, prefix: u32) -> bool {
    // A shift by all 128 bits is not defined; a prefix of nothing fits everything.
    prefix == 0 || (a ^ b) >> (128 - prefix) == 0
}

/// An IPv4 address that a dual-stack socket shows as IPv6 is IPv4.
fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(trusted: &[&str], peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let peer = Peer(SocketAddr::new(peer.parse().unwrap(), 40_000));
        TrustedProxies::new(trusted).unwrap().source(Some(peer), &headers).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_may_speak_for_another() {
        let proxy = ["10.0.0.0/24"];
        for (trusted, peer, forwarded, from) in [
            (&[][..], "192.0.2.1", &["198.51.100.7"][..], "192.0.2.1"),
            (&proxy, "192.0.2.1", &["198.51.100.7"], "192.0.2.1"),
            (&proxy, "10.0.0.9", &["198.51.100.7"], "198.51.100.7"),
            (&proxy, "::ffff:10.0.0.9", &["198.51.100.7"], "198.51.100.7"),
            // The client wrote the first address itself; the proxy appended the second.
            (&proxy, "10.0.0.9", &["203.0.113.5, 198.51.100.7"], "198.51.100.7"),
            (&proxy, "10.0.0.9", &["203.0.113.5", "198.51.100.7, 10.0.0.8"], "198.51.100.7"),
            (&proxy, "10.0.0.9", &[], "10.0.0.9"),
            (&proxy, "10.0.0.9", &["not an address"], "10.0.0.9"),
            (&proxy, "10.0.0.9", &["203.0.113.5, unknown"], "10.0.0.9"),
        ] {
            assert_eq!(source(trusted, peer, forwarded), from, "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn a_subscriber_is_one_network() {
        let network = |address: &str| Source(Some(address.parse().unwrap())).network();
        assert_eq!(network("192.0.2.1"), "192.0.2.1");
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(network("2001:db8:1:2:ffff::1"), "2001:db8:1:2::/64");
    }

    #[test]
    fn networks_are_parsed_whole() {
        for good in ["10.0.0.0/8", "0.0.0.0/0", "::1", "2001:db8::/32"] {
            assert!(TrustedProxies::new([good]).is_ok(), "{good}");
        }
        for bad in ["", "10.0.0.0/33", "10.0.0/8", "::/129", "proxy", "10.0.0.1/-1"] {
            assert!(TrustedProxies::new([bad]).is_err(), "{bad}");
        }
        assert_eq!(source(&["0.0.0.0/0"], "1.2.3.4", &["9.9.9.9"]), "9.9.9.9");
    }
}
