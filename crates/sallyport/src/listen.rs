//! Accepting connections: TLS, then HTTP/1.1 or HTTP/2 by ALPN, upgrades included, with a graceful end.
//! What is answered is the router's.
//!
//! Hostile input: a handshake that dawdles is cut after [`HANDSHAKE_TAKES`], slow headers after
//! [`HEADERS_TAKE`]; open connections are bounded by [`CONNECTIONS_MAX`].

use axum::Router;
use http_api::Peer;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

const HANDSHAKE_TAKES: Duration = Duration::from_secs(10);
const HEADERS_TAKE: Duration = Duration::from_secs(10);
/// Each browser holds one or two, each terminal one more: twice the default bound of terminals.
const CONNECTIONS_MAX: usize = 20_000;
/// Streams of one HTTP/2 connection: a browser's page needs a dozen.
const STREAMS_MAX: u32 = 128;

/// Serves until `stop`, then lets requests under way finish. Upgraded connections live on by themselves.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Arc<rustls::ServerConfig>,
    router: Router,
    stop: CancellationToken,
) {
    let acceptor = TlsAcceptor::from(tls);
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_TAKE)
        // Terminals are upgraded HTTP/1.1 connections: what hyper reads ahead stays with them.
        .max_buf_size(16 * 1024);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .keep_alive_interval(Duration::from_secs(30));
    loop {
        let place = tokio::select! {
            () = stop.cancelled() => break,
            place = Arc::clone(&places).acquire_owned() => place,
        };
        // The semaphore is never closed.
        let Ok(place) = place else { break };
        let (stream, peer) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, most likely: waiting lets some close.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        // Keystrokes are small; waiting to fill a segment would be felt.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection was lost at once");
            continue;
        }
        let (acceptor, builder, watcher) = (acceptor.clone(), builder.clone(), graceful.watcher());
        let service = router.clone().map_request(move |mut request: http::Request<_>| {
            request.extensions_mut().insert(Peer(peer));
            request
        });
        tokio::spawn(async move {
            let accepted = tokio::time::timeout(HANDSHAKE_TAKES, acceptor.accept(stream)).await;
            let stream = match accepted {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => return tracing::debug!(%peer, %error, "a TLS handshake failed"),
                Err(_) => return tracing::debug!(%peer, "a TLS handshake took too long"),
            };
            let connection = builder
                .serve_connection_with_upgrades(
                    TokioIo::new(stream),
                    TowerToHyperService::new(service),
                )
                .into_owned();
            if let Err(error) = watcher.watch(connection).await {
                tracing::debug!(%peer, error, "a connection ended with an error");
            }
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(Duration::from_secs(10), graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish in time and were cut");
    }
}
