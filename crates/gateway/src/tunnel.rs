//! A connection that both sides have upgraded: bytes go through as they are until one side ends.
//! What they mean (WebSocket, SPDY/3.1, anything else) is not known here.
//!
//! Limits: two buffers of [`BUFFER_BYTES`] for each tunnel, and what does not fit waits at its sender. How many
//! there are is bounded by the listener, whose place an upgraded socket keeps.

use crate::figures;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

/// An exec frame of the API server is at most 32 KiB, and most are small.
const BUFFER_BYTES: usize = 16 * 1024;

/// Joins two upgraded connections until they end, or `cut` comes.
pub(crate) async fn join(sender: OnUpgrade, server: OnUpgrade, cut: impl Future<Output = ()>) {
    let open = Open::begin();
    let joined = async {
        let (sender, server) = tokio::try_join!(sender, server)?;
        let (mut sender, mut server) = (TokioIo::new(sender), TokioIo::new(server));
        let copied = tokio::io::copy_bidirectional_with_sizes(
            &mut sender,
            &mut server,
            BUFFER_BYTES,
            BUFFER_BYTES,
        )
        .await;
        if let Ok((up, down)) = copied {
            metrics::counter!(figures::TUNNEL_BYTES, "to" => "cluster").increment(up);
            metrics::counter!(figures::TUNNEL_BYTES, "to" => "sender").increment(down);
        }
        Ok::<_, hyper::Error>(copied)
    };
    tokio::select! {
        ended = joined => match ended {
            Ok(Ok((up, down))) => tracing::debug!(up, down, "a tunnel ended"),
            Ok(Err(error)) => tracing::debug!(%error, "a tunnel broke"),
            Err(error) => tracing::debug!(%error, "a connection was not upgraded"),
        },
        () = cut => {}
    }
    drop(open);
}

/// Counts a tunnel for as long as it lives.
struct Open;

impl Open {
    fn begin() -> Self {
        metrics::gauge!(figures::TUNNELS).increment(1.0);
        Self
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        metrics::gauge!(figures::TUNNELS).decrement(1.0);
    }
}
