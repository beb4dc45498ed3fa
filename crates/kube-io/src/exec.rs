//! The exec stream: a WebSocket to `pods/exec` in Kubernetes' remote-command protocol, version 5 or 4.
//! It moves frames and knows their channels; what a terminal does with them is known to `terminal`.
//!
//! One binary message is one channel byte and its data: 0 stdin, 1 stdout, 2 stderr, 3 status
//! (`metav1.Status` at the end), 4 resize, 255 close of a channel (v5 only). The server opens with an
//! empty frame on its lowest channel. There is no flow control per channel, so whoever holds an
//! [`ExecSource`] keeps reading it. (Kubernetes: `k8s.io/apimachinery/pkg/util/remotecommand`.)
//!
//! Hostile input: the API server is trusted with the cluster, not with our memory: a message above
//! [`MESSAGE_BYTES_MAX`] ends the stream.

use crate::{Authorized, Cluster, EnterPod, KubeIoError, impersonate};
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{Sink, Stream, StreamExt};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use kube::client::Body;
use model::{ClusterName, ContainerName, Process};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::{client::generate_key, derive_accept_key};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message};

/// The kubelet sends at most 32 KiB a frame; four times that leaves room for other runtimes.
const MESSAGE_BYTES_MAX: usize = 128 * 1024;
/// Sessions are many and mostly idle: the read buffer is small and grows only under a flood.
const READ_BUFFER_BYTES: usize = 4 * 1024;
/// What a reply that is no upgrade may hold before it is cut.
const ERROR_BODY_BYTES_MAX: usize = 64 * 1024;
/// Columns and rows that a terminal may have; runtimes take 16 bits, programs break long before.
pub const RESIZE_MAX: u16 = 1000;

type Socket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;

/// The negotiated version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ExecProtocol {
    /// `v5.channel.k8s.io`: stdin can be closed on its own.
    V5,
    /// `v4.channel.k8s.io`: it cannot.
    V4,
}

/// What to run and where; the right to do so comes beside it.
#[derive(Debug, Clone)]
pub struct ExecStart<'a> {
    /// The container.
    pub container: &'a ContainerName,
    /// The program and its arguments, as run, and whether a terminal is allocated.
    pub process: &'a Process,
}

/// One message of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecFrame {
    /// Output: the whole frame, the channel byte (1 or 2) first, so that it can be handed on uncopied.
    Output(Bytes),
    /// The process has ended, or could not be started.
    End(ExecEnd),
}

/// How the process ended (channel 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecEnd {
    /// It ended by itself, with this exit code.
    Exited(i32),
    /// It could not be started or the runtime failed; the server's words.
    Failed(String),
}

/// The half that reads.
pub struct ExecSource {
    socket: SplitStream<Socket>,
    cluster: ClusterName,
    pongs: u64,
}

/// The half that writes. Dropping both closes the connection.
pub struct ExecSink {
    socket: SplitSink<Socket, Message>,
    protocol: ExecProtocol,
    cluster: ClusterName,
}

impl Cluster {
    /// Opens the stream for somebody whom the cluster has just allowed to enter the Pod.
    ///
    /// # Errors
    /// [`KubeIoError::Refused`] with the API server's status if it says no after all;
    /// [`KubeIoError::ExecUnsupported`] if it can only speak SPDY.
    pub async fn exec(
        &self,
        right: &Authorized<EnterPod>,
        start: &ExecStart<'_>,
    ) -> Result<(ExecSink, ExecSource), KubeIoError> {
        let key = generate_key();
        let mut request = http::Request::builder()
            .method(http::Method::GET)
            .uri(exec_uri(right, start))
            .header(http::header::CONNECTION, "Upgrade")
            .header(http::header::UPGRADE, "websocket")
            .header(http::header::SEC_WEBSOCKET_VERSION, "13")
            .header(http::header::SEC_WEBSOCKET_KEY, &key)
            .header(http::header::SEC_WEBSOCKET_PROTOCOL, "v5.channel.k8s.io, v4.channel.k8s.io")
            .body(Body::empty())
            .map_err(|error| self.misbehaved(format!("the request cannot be built: {error}")))?;
        let identity = impersonate::headers(&self.name, right.identity())?;
        impersonate::impose(request.headers_mut(), identity);

        let response = self
            .client
            .send(request)
            .await
            .map_err(|error| KubeIoError::from_kube(&self.name, error))?;
        if response.status() != http::StatusCode::SWITCHING_PROTOCOLS {
            // A reply other than 101 is an error and its connection is not used for exec again
            // (CVE-2018-1002105).
            return Err(self.no_upgrade(response).await);
        }
        let protocol = self.negotiated(response.headers(), &key)?;
        let upgraded = hyper::upgrade::on(response).await.map_err(|error| {
            KubeIoError::Unreachable { cluster: self.name.clone(), detail: error.to_string() }
        })?;
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(0)
            .max_write_buffer_size(4 * MESSAGE_BYTES_MAX)
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        let socket =
            WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Client, Some(config))
                .await;
        let (sink, source) = socket.split();
        Ok((
            ExecSink { socket: sink, protocol, cluster: self.name.clone() },
            ExecSource { socket: source, cluster: self.name.clone(), pongs: 0 },
        ))
    }

    /// Checks the reply to the upgrade (RFC 6455 section 4.1) and reads the version that was chosen.
    fn negotiated(
        &self,
        headers: &http::HeaderMap,
        key: &str,
    ) -> Result<ExecProtocol, KubeIoError> {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        if header(http::header::SEC_WEBSOCKET_ACCEPT)
            != Some(derive_accept_key(key.as_bytes()).as_str())
        {
            return Err(self.misbehaved("the accept key of the upgrade is wrong".to_owned()));
        }
        match header(http::header::SEC_WEBSOCKET_PROTOCOL) {
            Some("v5.channel.k8s.io") => Ok(ExecProtocol::V5),
            Some("v4.channel.k8s.io") => Ok(ExecProtocol::V4),
            other => Err(KubeIoError::ExecUnsupported {
                cluster: self.name.clone(),
                detail: format!("it chose the subprotocol {other:?}"),
            }),
        }
    }

    fn misbehaved(&self, detail: String) -> KubeIoError {
        KubeIoError::PeerMisbehaved { cluster: self.name.clone(), detail }
    }

    async fn no_upgrade(&self, response: http::Response<Body>) -> KubeIoError {
        let code = response.status().as_u16();
        let body = http_body_util::Limited::new(response.into_body(), ERROR_BODY_BYTES_MAX);
        let body = body.collect().await.map(|whole| whole.to_bytes()).unwrap_or_default();
        refusal(&self.name, code, &body)
    }
}

/// What a reply other than 101 means: the API server's `metav1.Status`, or whatever stands before it.
pub(crate) fn refusal(cluster: &ClusterName, code: u16, body: &[u8]) -> KubeIoError {
    let status = serde_json::from_slice::<serde_json::Value>(body).unwrap_or_default();
    let text = |key: &str| status.get(key).and_then(|value| value.as_str()).map(str::to_owned);
    match text("message") {
        // What API servers before 1.30 answer to a WebSocket upgrade that they translate badly.
        Some(message) if code == 400 && message.contains("Upgrade request required") => {
            KubeIoError::ExecUnsupported { cluster: cluster.clone(), detail: message }
        }
        Some(message) => KubeIoError::Refused {
            cluster: cluster.clone(),
            code,
            reason: text("reason").unwrap_or_default(),
            message,
        },
        // A load balancer's own words: there is no API server behind it now.
        None if (502..=504).contains(&code) => KubeIoError::Unreachable {
            cluster: cluster.clone(),
            detail: format!("what stands before it answered {code} to the upgrade"),
        },
        None => KubeIoError::ExecUnsupported {
            cluster: cluster.clone(),
            detail: format!("it answered {code} to the upgrade"),
        },
    }
}

fn exec_uri(right: &Authorized<EnterPod>, start: &ExecStart<'_>) -> String {
    let place = &right.action().place;
    let tty = start.process.tty;
    let mut uri = format!(
        "/api/v1/namespaces/{}/pods/{}/exec?container={}&stdin=true&stdout=true&stderr={}&tty={tty}",
        place.namespace, place.pod, start.container, !tty,
    );
    for argument in &start.process.command {
        uri.push_str("&command=");
        for byte in argument.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
                uri.push(char::from(byte));
            } else {
                uri.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    uri
}

impl ExecSource {
    /// The next message; `None` when the server has closed the connection. Cancel-safe.
    pub async fn next(&mut self) -> Option<Result<ExecFrame, KubeIoError>> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    /// How many pings were answered. It rises while [`Self::poll_next`] is polled.
    pub fn pongs(&self) -> u64 {
        self.pongs
    }

    /// [`Self::next`] for a hand-written loop.
    pub fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<ExecFrame, KubeIoError>>> {
        loop {
            let message = match ready!(Pin::new(&mut self.socket).poll_next(cx)) {
                None => return Poll::Ready(None),
                Some(Ok(message)) => message,
                Some(Err(
                    tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed,
                )) => return Poll::Ready(None),
                Some(Err(error)) => {
                    return Poll::Ready(Some(Err(transport_error(&self.cluster, error))));
                }
            };
            let frame = match message {
                Message::Binary(frame) => frame,
                Message::Close(_) => return Poll::Ready(None),
                Message::Pong(_) => {
                    self.pongs += 1;
                    continue;
                }
                // Pings are answered by the library; text is not part of the protocol.
                _ => continue,
            };
            match read_frame(frame) {
                Ok(Some(frame)) => return Poll::Ready(Some(Ok(frame))),
                Ok(None) => {}
                Err(channel) => {
                    return Poll::Ready(Some(Err(KubeIoError::PeerMisbehaved {
                        cluster: self.cluster.clone(),
                        detail: format!("a message on the unknown channel {channel}"),
                    })));
                }
            }
        }
    }
}

/// Reads one binary message of the server: `None` for what says nothing to us, the number of a channel that
/// the protocol does not have otherwise.
pub(crate) fn read_frame(frame: Bytes) -> Result<Option<ExecFrame>, u8> {
    match frame.first() {
        Some(1 | 2) if frame.len() > 1 => Ok(Some(ExecFrame::Output(frame))),
        Some(3) if frame.len() > 1 => Ok(Some(ExecFrame::End(exec_end_of(&frame[1..])))),
        // The opening empty frame, and v5's close of a channel.
        Some(0..=4 | 255) | None => Ok(None),
        Some(other) => Err(*other),
    }
}

impl ExecSink {
    /// Ready once the last message has left for the socket's buffer.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), KubeIoError>> {
        Pin::new(&mut self.socket)
            .poll_ready(cx)
            .map_err(|error| transport_error(&self.cluster, error))
    }

    /// Pushes what was started to the socket.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), KubeIoError>> {
        Pin::new(&mut self.socket)
            .poll_flush(cx)
            .map_err(|error| transport_error(&self.cluster, error))
    }

    /// Starts a stdin frame whose first byte is already channel 0. Only after [`Self::poll_ready`].
    pub fn start_stdin_frame(&mut self, frame: Bytes) -> Result<(), KubeIoError> {
        debug_assert_eq!(frame.first(), Some(&0));
        self.start(Message::Binary(frame))
    }

    /// Starts a resize. Sizes are clamped to 1..=[`RESIZE_MAX`].
    pub fn start_resize(&mut self, cols: u16, rows: u16) -> Result<(), KubeIoError> {
        let (cols, rows) = (cols.clamp(1, RESIZE_MAX), rows.clamp(1, RESIZE_MAX));
        let mut frame = BytesMut::with_capacity(40);
        frame.put_u8(4);
        frame.put_slice(format!(r#"{{"Width":{cols},"Height":{rows}}}"#).as_bytes());
        self.start(Message::Binary(frame.freeze()))
    }

    /// Closes stdin alone, where the protocol can: returns whether it could.
    pub fn start_stdin_close(&mut self) -> Result<bool, KubeIoError> {
        match self.protocol {
            ExecProtocol::V5 => {
                self.start(Message::Binary(Bytes::from_static(&[255, 0]))).map(|()| true)
            }
            ExecProtocol::V4 => Ok(false),
        }
    }

    /// What it means that [`Self::start_stdin_close`] could not.
    pub fn cannot_end_stdin(&self) -> KubeIoError {
        KubeIoError::ExecUnsupported {
            cluster: self.cluster.clone(),
            detail: "version 4 of the protocol, which cannot end standard input alone".to_owned(),
        }
    }

    /// Starts a ping, so that what stands between does not take the connection for idle.
    pub fn start_ping(&mut self) -> Result<(), KubeIoError> {
        self.start(Message::Ping(Bytes::new()))
    }

    /// Sends one stdin frame and waits until it has left. For simple callers.
    pub async fn stdin(&mut self, data: &[u8]) -> Result<(), KubeIoError> {
        let mut frame = BytesMut::with_capacity(data.len() + 1);
        frame.put_u8(0);
        frame.put_slice(data);
        std::future::poll_fn(|cx| self.poll_ready(cx)).await?;
        self.start_stdin_frame(frame.freeze())?;
        std::future::poll_fn(|cx| self.poll_flush(cx)).await
    }

    fn start(&mut self, message: Message) -> Result<(), KubeIoError> {
        Pin::new(&mut self.socket)
            .start_send(message)
            .map_err(|error| transport_error(&self.cluster, error))
    }
}

fn transport_error(cluster: &ClusterName, error: tungstenite::Error) -> KubeIoError {
    match error {
        tungstenite::Error::Protocol(_) | tungstenite::Error::Capacity(_) => {
            KubeIoError::PeerMisbehaved { cluster: cluster.clone(), detail: error.to_string() }
        }
        other => KubeIoError::Unreachable { cluster: cluster.clone(), detail: other.to_string() },
    }
}

/// Reads the `metav1.Status` of channel 3.
pub fn exec_end_of(status: &[u8]) -> ExecEnd {
    let Ok(status) = serde_json::from_slice::<serde_json::Value>(status) else {
        return ExecEnd::Failed("the server's status could not be read".to_owned());
    };
    let text = |value: &serde_json::Value, key: &str| {
        value.get(key).and_then(|value| value.as_str()).unwrap_or_default().to_owned()
    };
    if text(&status, "status") == "Success" {
        return ExecEnd::Exited(0);
    }
    if text(&status, "reason") == "NonZeroExitCode" {
        let code = status
            .pointer("/details/causes")
            .and_then(|causes| causes.as_array())
            .into_iter()
            .flatten()
            .find(|cause| text(cause, "reason") == "ExitCode")
            .and_then(|cause| text(cause, "message").parse().ok());
        if let Some(code) = code {
            return ExecEnd::Exited(code);
        }
    }
    ExecEnd::Failed(text(&status, "message"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_read_as_kubernetes_writes_them() {
        assert_eq!(exec_end_of(br#"{"metadata":{},"status":"Success"}"#), ExecEnd::Exited(0));
        let failure = br#"{"metadata":{},"status":"Failure","message":"command terminated with non-zero exit code","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"42"}]}}"#;
        assert_eq!(exec_end_of(failure), ExecEnd::Exited(42));
        let broken = br#"{"status":"Failure","message":"container not found (\"x\")","reason":"InternalError"}"#;
        assert_eq!(exec_end_of(broken), ExecEnd::Failed("container not found (\"x\")".to_owned()));
        assert!(matches!(exec_end_of(b"\xff"), ExecEnd::Failed(_)));
    }

    /// The golden is what kube-apiserver 1.36.3 and containerd 1.6 sent for six commands, frame by frame, in hex.
    #[test]
    fn the_frames_of_a_real_api_server_are_read() {
        let golden = include_str!("../tests/golden/exec-frames.txt");
        let read = |wanted: &str| -> (String, Option<ExecEnd>) {
            let (mut output, mut end) = (String::new(), None);
            for line in golden.lines() {
                let (command, hex) = line.split_once(' ').unwrap();
                if command != wanted {
                    continue;
                }
                let bytes: Vec<u8> = (0..hex.len() / 2)
                    .map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
                    .collect();
                match read_frame(Bytes::from(bytes)).unwrap() {
                    Some(ExecFrame::Output(frame)) => {
                        output.push_str(&format!("{}:", frame[0]));
                        output.push_str(std::str::from_utf8(&frame[1..]).unwrap());
                    }
                    Some(ExecFrame::End(told)) => assert_eq!(end.replace(told), None),
                    None => {}
                }
            }
            (output, end)
        };
        // sh -c 'echo out; echo err >&2; exit 42'
        assert_eq!(read("exit42"), ("1:out\n2:err\n".to_owned(), Some(ExecEnd::Exited(42))));
        // sh -c 'exit 7', by version 4 of the protocol
        assert_eq!(read("v4"), (String::new(), Some(ExecEnd::Exited(7))));
        assert_eq!(read("true"), (String::new(), Some(ExecEnd::Exited(0))));
        // sh -c 'kill -9 $$'
        assert_eq!(read("killed"), (String::new(), Some(ExecEnd::Exited(137))));
        for (command, said) in
            [("missing", "no such file or directory"), ("nosh", "executable file not found")]
        {
            let (output, end) = read(command);
            let Some(ExecEnd::Failed(words)) = end else { panic!("{command}: {end:?}") };
            assert!(output.is_empty() && words.contains(said), "{words}");
        }
    }

    /// The goldens are kube-apiserver's answers to the upgrade for a container and a Pod that do not exist.
    #[test]
    fn the_refusals_of_a_real_api_server_are_read() {
        let cluster: ClusterName = "demo".parse().unwrap();
        for (code, body, reason, words) in [
            (
                400,
                include_str!("../tests/golden/exec-400.json"),
                "BadRequest",
                "container nosuch is not valid",
            ),
            (
                404,
                include_str!("../tests/golden/exec-404.json"),
                "NotFound",
                "pods \"nosuch\" not found",
            ),
        ] {
            match refusal(&cluster, code, body.as_bytes()) {
                KubeIoError::Refused { code: told, reason: why, message, .. } => {
                    assert_eq!((told, why.as_str()), (code, reason));
                    assert!(message.contains(words), "{message}");
                }
                other => panic!("{other}"),
            }
        }
        for code in [502, 503, 504] {
            let page = refusal(&cluster, code, b"<html>Bad Gateway</html>");
            assert!(matches!(page, KubeIoError::Unreachable { .. }), "{page}");
        }
        for code in [200, 302, 400, 426, 501] {
            let page = refusal(&cluster, code, b"<html>What is this?</html>");
            assert!(matches!(page, KubeIoError::ExecUnsupported { .. }), "{page}");
        }
    }
}
