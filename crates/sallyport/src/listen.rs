//! Accepting connections: who gets a place, then TLS and HTTP, upgrades included, with a graceful end.
//! What is answered is the router's; how one connection is held is `listen::conversation`'s.
//!
//! Hostile input: everything before a sign-in is a stranger's. A handshake, a request's head and a silent
//! connection each have their time ([`Limits`]), and open connections are counted, in total and for each
//! network, so that no single one can take all places ([`places`]).

mod conversation;
mod places;

use axum::Router;
use conversation::Conversation;
use http_api::{Peer, TrustedProxies};
use places::Places;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What a connection may take.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// From the connection to the end of the TLS handshake: three round trips over a bad line, and a slow
    /// machine.
    pub(crate) handshake: Duration,
    /// From there, and for HTTP/1.1 from each answer, to the whole head of a request.
    pub(crate) head: Duration,
    /// A connection with no request under way later on. A page asks more often; one that comes back
    /// connects anew.
    pub(crate) idle: Duration,
    /// Requests under way when the hub is stopped have so long to end.
    pub(crate) last_answers: Duration,
    /// All sockets, upgraded ones too.
    pub(crate) connections_max: usize,
    /// Connections of one network (one IPv4 address, one IPv6 /64) while they speak HTTP. What is upgraded
    /// has passed a sign-in and is counted as a terminal.
    pub(crate) per_network_max: usize,
    /// The head of a request.
    pub(crate) head_bytes_max: usize,
    /// Headers in it.
    pub(crate) headers_max: usize,
}

impl Limits {
    /// Connections that speak HTTP: two for each of 5,000 browsers.
    const HTTP_MAX: usize = 10_000;

    /// A browser's cookies and headers have a few kilobytes. Terminals are upgraded HTTP/1.1 connections: what
    /// hyper reads ahead stays with them.
    const HEAD_BYTES_MAX: usize = 16 * 1024;
    /// Tokens with hundreds of groups in them, and a client's own headers. API servers take a megabyte; no
    /// token is near that, and a stranger may make us hold this much for each connection.
    const GATEWAY_HEAD_BYTES_MAX: usize = 64 * 1024;

    /// hyper's own bound for HTTP/1.1; browsers send some twenty.
    const HEADERS_MAX: usize = 100;
    /// A front proxy names each group of a person in a header of its own, and people have hundreds.
    const GATEWAY_HEADERS_MAX: usize = 1_000;

    /// The limits of a hub with so many terminals.
    pub(crate) fn of_hub(terminals_max: usize, per_network_max: usize) -> Self {
        Self {
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(10),
            idle: Duration::from_secs(120),
            last_answers: Duration::from_secs(10),
            connections_max: terminals_max.saturating_add(Self::HTTP_MAX),
            per_network_max,
            head_bytes_max: Self::HEAD_BYTES_MAX,
            headers_max: Self::HEADERS_MAX,
        }
    }

    /// The limits of the gateway: as the hub's, but for the head.
    pub(crate) fn of_gateway(connections_max: usize, per_network_max: usize) -> Self {
        let head_bytes_max = Self::GATEWAY_HEAD_BYTES_MAX;
        let headers_max = Self::GATEWAY_HEADERS_MAX;
        Self { connections_max, head_bytes_max, headers_max, ..Self::of_hub(0, per_network_max) }
    }
}

const REFUSED: &str = "sallyport_connections_refused_total";

/// Tells what is counted here and lets it begin at nothing.
pub(crate) fn describe_metrics() {
    metrics::describe_counter!(
        REFUSED,
        "Connections closed because their network had as many as it may have."
    );
    metrics::counter!(REFUSED).absolute(0);
}

/// Serves until `stop`, then lets requests under way finish. Upgraded connections live on by themselves.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Arc<rustls::ServerConfig>,
    router: Router,
    proxies: TrustedProxies,
    limits: Limits,
    stop: CancellationToken,
) {
    let places = Places::new(limits.connections_max, limits.per_network_max, proxies);
    let last_answers = limits.last_answers;
    let conversation = Conversation::new(tls, router, limits, stop.clone());
    let held = TaskTracker::new();
    loop {
        let room = tokio::select! {
            () = stop.cancelled() => break,
            room = places.room() => room,
        };
        let (stream, peer) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) => (stream, Peer(address)),
                Err(error) => {
                    // Out of file descriptors, most likely: waiting lets some close.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let Some(place) = places.take(room, peer) else {
            metrics::counter!(REFUSED).increment(1);
            tracing::debug!(peer = %peer.0, "a network has as many connections open as it may");
            continue;
        };
        // Keystrokes are small; waiting to fill a segment would be felt.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection was lost at once");
            continue;
        }
        held.spawn(conversation.clone().hold(stream, peer, place));
    }
    drop(listener);
    held.close();
    if tokio::time::timeout(last_answers, held.wait()).await.is_err() {
        tracing::warn!("some requests did not finish in time and were cut");
    }
}

#[cfg(test)]
mod tests;
