//! One HTTP/1.1 connection that is kept and made again when it ended, with JSON in and out.
//! It knows nothing of cookies or accounts; `hub_client` does.

use crate::Endpoint;
use anyhow::Context;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;

/// More than any list that a test asks for.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A client of one server.
pub struct HttpClient {
    endpoint: Endpoint,
    connection: Option<SendRequest<Full<Bytes>>>,
}

/// An answer, read whole.
#[derive(Debug, Clone)]
pub struct HttpReply {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl HttpReply {
    /// The body as JSON; null if it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Fails with the body's text unless the status is 2xx.
    pub fn success(self) -> anyhow::Result<Self> {
        let text = String::from_utf8_lossy(&self.body);
        anyhow::ensure!((200..300).contains(&self.status), "answered {}: {text}", self.status);
        Ok(self)
    }
}

impl HttpClient {
    /// Connects with the first request.
    pub fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, connection: None }
    }

    /// The server.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Sends a request, with a JSON body if there is one, and reads the answer.
    pub async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &HeaderMap,
        body: Option<&serde_json::Value>,
    ) -> anyhow::Result<HttpReply> {
        let mut connection = match self.connection.take() {
            Some(kept) if !kept.is_closed() => kept,
            _ => self.connect().await?,
        };
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, self.endpoint.authority());
        if let Some(all) = request.headers_mut() {
            all.extend(headers.clone());
            if body.is_some() {
                all.insert(header::CONTENT_TYPE, "application/json".parse()?);
            }
        }
        let bytes = body.map(ToString::to_string).unwrap_or_default();
        connection.ready().await.context("the connection ended")?;
        let reply = connection.send_request(request.body(Full::new(bytes.into()))?).await?;
        let (head, body) = reply.into_parts();
        let body = Limited::new(body, BODY_BYTES_MAX).collect().await;
        let body = body.map_err(|error| anyhow::anyhow!("reading the answer: {error}"))?;
        self.connection = Some(connection);
        Ok(HttpReply { status: head.status.as_u16(), headers: head.headers, body: body.to_bytes() })
    }

    async fn connect(&self) -> anyhow::Result<SendRequest<Full<Bytes>>> {
        let stream = self.endpoint.connect().await?;
        let (connection, driver) = handshake(TokioIo::new(stream)).await?;
        // The driver ends with the connection, which ends when the sender is dropped.
        tokio::spawn(async move {
            let _ended = driver.await;
        });
        Ok(connection)
    }
}
