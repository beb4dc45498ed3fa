//! A request as far as authentication looks at it: headers, path and the client's certificates.
//! Bodies, methods and connections are not known here.
//!
//! Hostile input: header names are compared as Go canonicalises them and values may be any bytes; what is
//! bounded is bounded by the HTTP server before (1 MiB of headers in the API server).

use super::base64url;
use super::certificate::Certificate;
use super::explanation::Reason;
use super::jose::go_space;
use model::Secret;

/// The part of a request that says who asks.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Headers in their order, values as they came.
    pub headers: Vec<(String, HeaderValue)>,
    /// The path without the query.
    pub path: String,
    /// The certificates of the TLS client, its own first.
    pub certificates: Vec<Certificate>,
}

/// A header's value; a secret, because one of them is.
pub type HeaderValue = model::SecretBytes;

impl Request {
    /// A request whose only credential is a bearer token, for explanations and tests.
    pub fn bearer(token: &Secret) -> Self {
        let value = HeaderValue::new(format!("Bearer {}", token.expose()));
        Self { headers: vec![("Authorization".to_owned(), value)], ..Self::default() }
    }

    /// All values of a header.
    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.headers
            .iter()
            .filter(move |(given, _)| given.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.expose())
    }

    /// The first value of a header, as Go's `Get`.
    pub(super) fn value(&self, name: &str) -> &[u8] {
        self.values(name).next().unwrap_or_default()
    }

    /// The token of `Authorization: Bearer …`. Of several such headers the first counts; two blanks before
    /// the token make it none, and what follows a third word is passed over, as in the API server.
    pub(super) fn bearer_token(&self) -> Result<Secret, Reason> {
        let text = String::from_utf8_lossy(self.value("Authorization"));
        let text = text.trim_matches(go_space);
        if text.is_empty() {
            return Err(Reason::NotPresented);
        }
        let mut words = text.splitn(3, ' ');
        match (words.next(), words.next()) {
            (Some(scheme), Some(token)) if scheme.eq_ignore_ascii_case("bearer") => {
                if token.is_empty() {
                    Err(Reason::ExtraSpaceBeforeToken)
                } else {
                    Ok(Secret::new(token))
                }
            }
            _ => Err(Reason::NotBearer),
        }
    }

    fn asks_for_web_socket(&self) -> bool {
        let lower = |value: &[u8]| String::from_utf8_lossy(value).to_lowercase();
        lower(self.value("Upgrade")) == "websocket"
            && self.values("Connection").any(|value| lower(value).contains("upgrade"))
    }

    /// The token among the subprotocols of a WebSocket, in the form that browsers are given: exactly one,
    /// beside at least one other protocol that the server can choose.
    ///
    /// `Ok(Err(_))` is no opinion, `Err(_)` a refusal.
    pub(super) fn web_socket_token(&self) -> Result<Result<Secret, Reason>, Reason> {
        const PREFIX: &str = "base64url.bearer.authorization.k8s.io.";
        if !self.asks_for_web_socket() {
            return Ok(Err(Reason::NotWebSocket));
        }
        let mut token = None;
        let mut others = 0_usize;
        for header in self.values("Sec-WebSocket-Protocol") {
            let header = String::from_utf8_lossy(header);
            for protocol in header.split(',').map(|protocol| protocol.trim_matches(go_space)) {
                let Some(encoded) = protocol.strip_prefix(PREFIX) else {
                    others += 1;
                    continue;
                };
                if token.is_some() {
                    return Err(Reason::SeveralTokenProtocols);
                }
                let decoded = base64url::decode(encoded).ok_or(Reason::TokenProtocolNotBase64)?;
                let decoded =
                    String::from_utf8(decoded).map_err(|_| Reason::TokenProtocolNotUtf8)?;
                token = Some(Secret::new(decoded));
            }
        }
        match token {
            Some(token) if !token.expose().is_empty() => {
                if others == 0 {
                    Err(Reason::NoOtherProtocol)
                } else {
                    Ok(Ok(token))
                }
            }
            _ => Ok(Err(Reason::NotPresented)),
        }
    }
}

#[cfg(test)]
mod tests;
