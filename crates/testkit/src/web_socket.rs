//! Connections as a client makes them: TCP without delay, TLS where asked, and the WebSocket upgrade
//! (RFC 6455). What travels inside is known to the callers.

use crate::Trust;
use anyhow::Context;
use http::HeaderMap;
use rustls::pki_types::ServerName;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite;
use tungstenite::client::IntoClientRequest;
use tungstenite::protocol::WebSocketConfig;

/// No server of ours sends more in one message.
const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Large enough for floods, small enough for thousands of idle sessions in one process.
const READ_BUFFER_BYTES: usize = 16 * 1024;

/// A connection, with or without TLS.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A WebSocket of the client's side. Dropping it cuts the connection without a close frame, as a
/// browser does that dies.
pub type Socket = WebSocketStream<Box<dyn Stream>>;

/// Where a server listens, and how to know that it is the right one.
#[derive(Clone)]
pub struct Endpoint {
    host: String,
    port: u16,
    tls: Option<Arc<rustls::ClientConfig>>,
}

/// The server answered the upgrade with something else.
#[derive(Debug)]
pub struct UpgradeRefused {
    /// The HTTP status.
    pub status: u16,
    /// The body, as far as it came with the head.
    pub body: String,
}

impl std::fmt::Display for UpgradeRefused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the upgrade was answered with {}: {}", self.status, self.body)
    }
}
impl std::error::Error for UpgradeRefused {}

impl Endpoint {
    /// Reads `https://host[:port]` or `http://…`; the trust must fit the scheme.
    pub fn new(url: &str, trust: &Trust) -> anyhow::Result<Self> {
        Self::with_client_config(url, trust.client_config()?)
    }

    /// The same with TLS settings of the caller's, for instance with a client certificate.
    pub fn with_client_config(
        url: &str,
        tls: Option<Arc<rustls::ClientConfig>>,
    ) -> anyhow::Result<Self> {
        let uri: http::Uri = url.parse().with_context(|| format!("`{url}` is not an address"))?;
        let port = match (uri.scheme_str(), &tls) {
            (Some("https"), Some(_)) => 443,
            (Some("http"), None) => 80,
            _ => anyhow::bail!("`{url}`: https needs certificates to trust, http takes none"),
        };
        let host = uri.host().with_context(|| format!("`{url}` names no host"))?.to_owned();
        Ok(Self { host, port: uri.port_u16().unwrap_or(port), tls })
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Host and port as the `Host` header has them.
    pub fn authority(&self) -> String {
        match (self.port, &self.tls) {
            (443, Some(_)) | (80, None) => self.host.clone(),
            (port, _) => format!("{}:{port}", self.host),
        }
    }

    /// The origin of pages from there (RFC 6454).
    pub fn origin(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.authority())
    }

    /// Connects: TCP, and TLS if the endpoint has it.
    pub async fn connect(&self) -> anyhow::Result<Box<dyn Stream>> {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        let tcp = TcpStream::connect((host, self.port))
            .await
            .with_context(|| format!("cannot connect to {host}:{}", self.port))?;
        tcp.set_nodelay(true)?;
        let Some(tls) = &self.tls else { return Ok(Box::new(tcp)) };
        let name = ServerName::try_from(host.to_owned())?;
        let connector = tokio_rustls::TlsConnector::from(Arc::clone(tls));
        Ok(Box::new(connector.connect(name, tcp).await.context("the TLS handshake failed")?))
    }

    /// Connects and upgrades. `protocols` are offered in that order; the server's choice can be read
    /// from the headers returned. A reply other than 101 is an [`UpgradeRefused`].
    pub async fn web_socket(
        &self,
        path_and_query: &str,
        headers: &HeaderMap,
        protocols: &[&str],
    ) -> anyhow::Result<(Socket, HeaderMap)> {
        let scheme = if self.tls.is_some() { "wss" } else { "ws" };
        let url = format!("{scheme}://{}{path_and_query}", self.authority());
        let mut request = url.into_client_request()?;
        request.headers_mut().extend(headers.clone());
        if !protocols.is_empty() {
            let offered = protocols.join(", ").parse()?;
            request.headers_mut().insert(http::header::SEC_WEBSOCKET_PROTOCOL, offered);
        }
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(0)
            .max_write_buffer_size(MESSAGE_BYTES_MAX)
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        let stream = self.connect().await?;
        match tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await {
            Ok((socket, response)) => Ok((socket, response.headers().clone())),
            Err(tungstenite::Error::Http(response)) => {
                let body = response.body().as_deref().map(String::from_utf8_lossy);
                let body = body.unwrap_or_default().into_owned();
                Err(UpgradeRefused { status: response.status().as_u16(), body }.into())
            }
            Err(error) => Err(error).context("the WebSocket upgrade failed"),
        }
    }
}
