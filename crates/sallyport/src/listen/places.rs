//! How many connections there are, in total and of each network, and whether there is room for one more.
//! What is said on them is known to `conversation`.
//!
//! Bounds: the total protects the hub's memory and file descriptors; when it is reached, new connections
//! wait in the kernel's queue. The bound for each network keeps one stranger from reaching it: beyond it
//! connections are closed at once. Trusted proxies speak for many networks, so for them only the total holds.

use http::HeaderMap;
use http_api::{Peer, TrustedProxies};
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The count of what is open.
#[derive(Clone)]
pub(crate) struct Places {
    total: Arc<Semaphore>,
    networks: Networks,
    per_network_max: usize,
    proxies: TrustedProxies,
}

type Networks = Arc<Mutex<HashMap<String, usize>>>;

/// A place in the total, not yet anybody's.
pub(crate) struct Room {
    _permit: Option<OwnedSemaphorePermit>,
}

/// A connection's place.
pub(crate) struct Place {
    /// Goes with the socket, through an upgrade.
    pub(crate) room: Room,
    /// Ends when HTTP ends.
    pub(crate) of_network: Option<NetworkPlace>,
}

/// A place in a network's count; dropping it gives it back.
pub(crate) struct NetworkPlace {
    networks: Networks,
    network: String,
}

impl Places {
    pub(crate) fn new(total: usize, per_network_max: usize, proxies: TrustedProxies) -> Self {
        let total = Arc::new(Semaphore::new(total.min(Semaphore::MAX_PERMITS)));
        Self { total, networks: Networks::default(), per_network_max, proxies }
    }

    /// Waits for room. Cancel-safe.
    pub(crate) async fn room(&self) -> Room {
        // The semaphore is never closed.
        Room { _permit: Arc::clone(&self.total).acquire_owned().await.ok() }
    }

    /// Gives the room to a peer; `None` if its network has all it may.
    pub(crate) fn take(&self, room: Room, peer: Peer) -> Option<Place> {
        if self.proxies.trusts(peer) {
            return Some(Place { room, of_network: None });
        }
        let network = self.proxies.source(Some(peer), &HeaderMap::new()).network();
        let mut networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        let open = networks.entry(network.clone()).or_default();
        if *open >= self.per_network_max {
            return None;
        }
        *open += 1;
        drop(networks);
        let of_network = NetworkPlace { networks: Arc::clone(&self.networks), network };
        Some(Place { room, of_network: Some(of_network) })
    }
}

impl Drop for NetworkPlace {
    fn drop(&mut self) {
        let mut networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = networks.get_mut(&self.network) {
            *open -= 1;
            if *open == 0 {
                networks.remove(&self.network);
            }
        }
    }
}

/// A socket that keeps its room for as long as it is open, whoever owns it.
pub(crate) struct Placed<S> {
    socket: S,
    _room: Room,
}

impl<S> Placed<S> {
    pub(crate) fn new(socket: S, room: Room) -> Self {
        Self { socket, _room: room }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Placed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Placed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str) -> Peer {
        Peer(std::net::SocketAddr::new(address.parse().unwrap(), 40_000))
    }

    #[tokio::test]
    async fn one_network_takes_its_share_and_no_more() {
        let proxies = TrustedProxies::new(["10.0.0.7"]).unwrap();
        let places = Places::new(100, 2, proxies);
        let mut kept = Vec::new();
        for (address, fits) in [
            ("192.0.2.1", true),
            ("192.0.2.1", true),
            ("192.0.2.1", false),
            // The same, as a dual-stack socket shows it.
            ("::ffff:192.0.2.1", false),
            ("192.0.2.2", true),
            ("2001:db8:1:2::1", true),
            ("2001:db8:1:2::2", true),
            ("2001:db8:1:2:ffff::3", false),
            ("2001:db8:1:3::1", true),
            // A proxy speaks for many.
            ("10.0.0.7", true),
            ("10.0.0.7", true),
            ("10.0.0.7", true),
        ] {
            let place = places.take(places.room().await, peer(address));
            assert_eq!(place.is_some(), fits, "{address}");
            kept.extend(place);
        }
        assert_eq!(
            places.total.available_permits(),
            100 - kept.len(),
            "what is refused holds nothing"
        );
        drop(kept);
        assert!(places.take(places.room().await, peer("192.0.2.1")).is_some());
        assert!(places.networks.lock().unwrap().is_empty(), "and nothing is remembered");
        assert_eq!(places.total.available_permits(), 100);
    }

    #[tokio::test]
    async fn an_upgraded_socket_is_still_counted_in_total_but_not_for_its_network() {
        let places = Places::new(2, 1, TrustedProxies::default());
        let Place { room, of_network } =
            places.take(places.room().await, peer("192.0.2.1")).unwrap();
        let socket = Placed::new(tokio::io::empty(), room);
        drop(of_network);
        assert_eq!(places.total.available_permits(), 1);
        assert!(places.take(places.room().await, peer("192.0.2.1")).is_some());
        drop(socket);
        assert_eq!(places.total.available_permits(), 2);
    }
}
