//! How long the API server has to answer, for every request of every client of a cluster.
//! What a caller does about a cluster that does not answer is the caller's; here it becomes an error.
//!
//! An API server that accepts and never answers would otherwise hold a request, and whoever waits for it, for
//! ever: the client below has no such limit of its own. The head of an answer has [`ANSWER_TAKES`], and so has
//! each further piece of it. A watch, or a log that is followed, only has the limit for its head: silence is
//! its nature, and whoever follows it bounds the whole. An upgrade has none, for a container may take long to
//! start its process: whoever opens one bounds that.

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use kube::client::Body;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// Reviews and reads take milliseconds; a control plane that is being restarted or elects a leader takes
/// seconds; and whoever waits at a browser has left after ten.
pub(crate) const ANSWER_TAKES: Duration = Duration::from_secs(10);

/// The API server did not answer in time.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("no answer within {} s", .0.as_secs_f32())]
struct NoAnswer(Duration);

/// What is asked, as far as waiting for it is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Followed,
    Upgrade,
}

impl Kind {
    fn of<B>(request: &http::Request<B>) -> Self {
        if request.headers().contains_key(http::header::UPGRADE) {
            return Self::Upgrade;
        }
        let query = request.uri().query().unwrap_or_default();
        let follows =
            |pair: &str| matches!(pair, "watch=true" | "watch=1" | "follow=true" | "follow=1");
        if query.split('&').any(follows) { Self::Followed } else { Self::Plain }
    }
}

/// The same client, with an end to its waiting.
pub(crate) fn patient(client: kube::Client, patience: Duration) -> kube::Client {
    let namespace = client.default_namespace().to_owned();
    let service = tower::service_fn(move |request: http::Request<Body>| {
        let client = client.clone();
        async move {
            let kind = Kind::of(&request);
            let sending = client.send(request);
            let answer = match kind {
                Kind::Upgrade => sending.await?,
                Kind::Plain | Kind::Followed => tokio::time::timeout(patience, sending)
                    .await
                    .map_err(|_| kube::Error::Service(NoAnswer(patience).into()))??,
            };
            let pause_max = (kind == Kind::Plain).then_some(patience);
            Ok::<_, kube::Error>(answer.map(|body| Answer {
                body,
                pause: pause_max.map(|pause| (pause, Box::pin(tokio::time::sleep(pause)))),
            }))
        }
    });
    kube::Client::new(service, namespace)
}

/// A body whose pieces must keep coming.
struct Answer {
    body: Body,
    pause: Option<(Duration, Pin<Box<Sleep>>)>,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = kube::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, kube::Error>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) {
            if let Some((pause, sleep)) = &mut this.pause {
                sleep.as_mut().reset(Instant::now() + *pause);
            }
            return Poll::Ready(frame);
        }
        let Some((pause, sleep)) = &mut this.pause else { return Poll::Pending };
        match sleep.as_mut().poll(cx) {
            Poll::Ready(()) => {
                let fault = NoAnswer(*pause);
                Poll::Ready(Some(Err(kube::Error::Service(fault.into()))))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests;
