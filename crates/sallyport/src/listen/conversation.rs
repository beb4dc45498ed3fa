//! One connection: TLS, then HTTP/1.1 or HTTP/2 as ALPN chose, until one side ends it.
//! Whether there is room for it is known to `places`, what is answered to the router.
//!
//! States: handshake → waiting for a request → requests under way → waiting again, or upgraded and owned by
//! whoever took it. Waiting has an end by [`silence`], for both versions; for HTTP/1.1 hyper also times each
//! head. What is under way may last, for a watch does; keep-alives find a peer that is gone.
//!
//! Hostile input: the version is the one that ALPN agreed on, so that nobody is waited for to show it by
//! their first bytes.

use super::Limits;
use super::places::{Place, Placed};
use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use gateway::ClientCertificates;
use http_api::Peer;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// Streams of one HTTP/2 connection: a browser's page needs a dozen, a client of the gateway one for each watch.
const STREAMS_MAX: u32 = 128;
/// A peer that does not answer a ping is found within a minute.
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(30);
/// How long a peer has to take the news that its silent connection ends.
const FAREWELL_TAKES: Duration = Duration::from_secs(1);

/// How connections are held. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Conversation {
    acceptor: TlsAcceptor,
    router: Router,
    limits: Arc<Limits>,
    stop: CancellationToken,
    http1: Builder<TokioExecutor>,
    http2: Builder<TokioExecutor>,
}

impl Conversation {
    pub(crate) fn new(
        tls: Arc<rustls::ServerConfig>,
        router: Router,
        limits: Limits,
        stop: CancellationToken,
    ) -> Self {
        let mut http1 = Builder::new(TokioExecutor::new()).http1_only();
        http1
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head)
            .max_headers(limits.headers_max)
            .max_buf_size(limits.head_bytes_max);
        let mut http2 = Builder::new(TokioExecutor::new()).http2_only();
        http2
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS_MAX)
            .max_header_list_size(u32::try_from(limits.head_bytes_max).unwrap_or(u32::MAX))
            .keep_alive_interval(KEEP_ALIVE_EVERY);
        Self {
            acceptor: TlsAcceptor::from(tls),
            router,
            limits: Arc::new(limits),
            stop,
            http1,
            http2,
        }
    }

    /// Holds a connection until its end, or until it is upgraded.
    pub(crate) async fn hold(self, stream: TcpStream, peer: Peer, place: Place) {
        let Place { room, of_network: _of_network } = place;
        let address = peer.0;
        let handshake = tokio::time::timeout(self.limits.handshake, self.acceptor.accept(stream));
        let stream = tokio::select! {
            () = self.stop.cancelled() => return,
            accepted = handshake => match accepted {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => return tracing::debug!(%address, %error, "a TLS handshake failed"),
                Err(_) => return tracing::debug!(%address, "a TLS handshake took too long"),
            },
        };
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(&b"h2"[..]);
        let shown = stream.get_ref().1.peer_certificates();
        let certificates = match shown.map(|shown| crate::gateway::certificates(shown.iter())) {
            None => None,
            Some(Ok(certificates)) => Some(ClientCertificates(certificates.into())),
            Some(Err(error)) => {
                return tracing::debug!(%address, %error, "a client's certificate cannot be read");
            }
        };
        let activity = watch::Sender::new(Activity::default());
        let activities = activity.subscribe();
        let (router, limits) = (self.router, Arc::clone(&self.limits));
        let service = tower::service_fn(move |mut request: http::Request<Incoming>| {
            request.extensions_mut().insert(peer);
            if let Some(certificates) = &certificates {
                request.extensions_mut().insert(certificates.clone());
            }
            let under_way = UnderWay::begin(&activity);
            let answer = router.clone().oneshot(request);
            async move {
                let answer = answer.await?;
                Ok::<_, Infallible>(answer.map(|body| Answer { body, _under_way: under_way }))
            }
        });
        let builder = if is_http2 { self.http2 } else { self.http1 };
        let mut connection = pin!(
            builder
                .serve_connection_with_upgrades(
                    TokioIo::new(Placed::new(stream, room)),
                    TowerToHyperService::new(service),
                )
                .into_owned()
        );
        let silent = silence(activities, &limits);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = silent => {
                tracing::debug!(%address, "a silent connection is ended");
                connection.as_mut().graceful_shutdown();
                let ending = tokio::time::timeout(FAREWELL_TAKES, connection);
                ending.await.unwrap_or(Ok(()))
            }
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%address, error, "a connection ended with an error");
        }
    }
}

/// What happens on a connection.
#[derive(Debug, Default)]
struct Activity {
    /// Requests whose answer is not sent whole.
    under_way: usize,
    /// Whether there was any.
    begun: bool,
}

/// A request under way; dropping it ends it.
struct UnderWay(watch::Sender<Activity>);

impl UnderWay {
    fn begin(activity: &watch::Sender<Activity>) -> Self {
        activity.send_modify(|activity| {
            activity.under_way += 1;
            activity.begun = true;
        });
        Self(activity.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.send_modify(|activity| activity.under_way -= 1);
    }
}

/// Comes back when the peer has asked nothing for too long.
async fn silence(mut activity: watch::Receiver<Activity>, limits: &Limits) {
    loop {
        // Without a sender there is no connection either, and nobody waits for this.
        let begun = match activity.wait_for(|activity| activity.under_way == 0).await {
            Ok(activity) => activity.begun,
            Err(_) => return,
        };
        let patience = if begun { limits.idle } else { limits.head };
        let asked = activity.wait_for(|activity| activity.under_way > 0);
        if tokio::time::timeout(patience, asked).await.is_err() {
            return;
        }
    }
}

/// The body of an answer; its request is under way until it is sent.
struct Answer {
    body: Body,
    _under_way: UnderWay,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
