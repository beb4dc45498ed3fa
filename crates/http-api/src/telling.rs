//! The form in which a page is told what happens: server-sent events out of a bounded channel.
//! What is told, and when it ends, is known to the services: the stream ends with the channel's last sender.

use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive, KeepAliveStream};
use futures_util::{Stream, StreamExt as _, stream};
use std::convert::Infallible;
use std::pin::Pin;
use std::time::Duration;
use tokio::sync::mpsc;

/// Proxies cut what is silent for a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What a watch answers.
pub type Telling = Sse<KeepAliveStream<Messages>>;
type Messages = Pin<Box<dyn Stream<Item = Result<Event, Infallible>> + Send>>;

/// Tells what comes through a channel, until its last sender is gone.
pub fn telling(receiver: mpsc::Receiver<Event>) -> Telling {
    let messages = stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|message| (message, receiver))
    });
    Sse::new(messages.map(Ok).boxed()).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}
