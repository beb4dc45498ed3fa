//! What decoding yields: units, each one thing that was said, and a report of each connection.
//! How they are printed or stored is the business of whoever takes them. All text in them is redacted.

use crate::kubernetes::Call;
use crate::redact::Shown;
use crate::skip::Tally;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// Who opened the connection.
    Client,
    /// Who answered.
    Server,
}

/// The protocol of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// A handshake message or an alert.
    Tls,
    /// HTTP/1.0 or HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
    /// A frame of an upgraded connection.
    WebSocket,
    /// A frame of SPDY/3.1, by which exec, attach and port-forwarding go where WebSocket does not.
    Spdy,
}

/// One thing that was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Counts all units of a decoder, from 1.
    pub number: u64,
    /// Microseconds since the Unix epoch at which its last byte was captured.
    pub time_us: u64,
    /// The connection, counted from 1.
    pub connection: u64,
    /// Who said it.
    pub side: Side,
    /// Where it came from.
    pub source: SocketAddr,
    /// Where it went.
    pub destination: SocketAddr,
    /// Its protocol.
    pub protocol: Protocol,
    /// Its length in bytes as the protocol carried it, decrypted.
    pub length: u64,
    /// In one line.
    pub info: String,
    /// The HTTP/2 stream.
    pub stream: Option<u32>,
    /// What request this is, or answers.
    pub call: Option<Arc<Call>>,
    /// Number of the unit with the request's head. None when it was not seen.
    pub request: Option<u64>,
    /// The answer's status.
    pub status: Option<u16>,
    /// Microseconds from the request's head to the answer's head.
    pub latency_us: Option<u64>,
    /// Header fields, redacted. A name or value that is not known is `None`: the capture does not hold
    /// what HPACK refers to.
    pub headers: Vec<(Option<String>, Option<String>)>,
    /// The content, redacted.
    pub data: Option<Shown>,
}

/// How far a connection could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decryption {
    /// There was no encryption.
    Clear,
    /// All of it.
    Decrypted,
    /// Some of it; the tally tells why not all.
    Partly,
    /// No key was given.
    NoKey,
    /// A key was given, but it is not this connection's.
    KeyMismatch,
    /// The handshake was not captured, so that no key can be matched.
    JoinedLate,
    /// Packets of the handshake are missing.
    HandshakeIncomplete,
    /// The cipher suite is not supported.
    SuiteUnsupported,
    /// Neither TLS nor HTTP.
    NotRecognised,
    /// Nothing was said.
    Silent,
}

/// A connection at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionReport {
    /// The connection, counted from 1.
    pub connection: u64,
    /// Who opened it.
    pub client: SocketAddr,
    /// Who answered.
    pub server: SocketAddr,
    /// When its first packet was captured, in microseconds since the Unix epoch.
    pub began_us: u64,
    /// When its last packet was captured.
    pub ended_us: u64,
    /// What TLS agreed on.
    pub tls: Option<TlsFacts>,
    /// How far it could be read.
    pub decryption: Decryption,
    /// Bytes of TCP payload in the capture, by what became of them.
    pub wire: Tally,
    /// Bytes of decrypted (or clear) content, by what became of them.
    pub content: Tally,
    /// Bytes that were sent, but are not in the capture.
    pub missing: u64,
    /// The beginning was not captured.
    pub late: bool,
    /// HTTP requests seen.
    pub requests: u64,
}

/// What a TLS handshake said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsFacts {
    /// `TLS 1.2` or `TLS 1.3`, when the server's choice was seen.
    pub version: Option<&'static str>,
    /// The suite's IANA name, or its number when it is not supported.
    pub suite: Option<String>,
    /// The server's name that the client asked for.
    pub server_name: Option<String>,
    /// The application protocol agreed on.
    pub protocol: Option<String>,
    /// A session was resumed.
    pub resumed: bool,
    /// The client offered data before the handshake's end (0-RTT).
    pub early_data: bool,
}

/// What a decoder has to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Something was said.
    Unit(Box<Unit>),
    /// A connection is over.
    Closed(Box<ConnectionReport>),
}

impl Side {
    /// Both, in the order of [`Side::index`].
    pub const BOTH: [Self; 2] = [Self::Client, Self::Server];

    /// The one who listens.
    pub fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls => "TLS",
            Self::Http1 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
            Self::WebSocket => "WebSocket",
            Self::Spdy => "SPDY/3.1",
        })
    }
}

impl Decryption {
    /// The state as a word for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Decrypted => "decrypted",
            Self::Partly => "partly",
            Self::NoKey => "no_key",
            Self::KeyMismatch => "key_mismatch",
            Self::JoinedLate => "joined_late",
            Self::HandshakeIncomplete => "handshake_incomplete",
            Self::SuiteUnsupported => "suite_unsupported",
            Self::NotRecognised => "not_recognised",
            Self::Silent => "silent",
        }
    }

    /// What a person can do about it.
    pub fn advice(self) -> Option<&'static str> {
        match self {
            Self::Clear | Self::Decrypted | Self::Silent => None,
            Self::Partly => Some(
                "packets are missing from the capture: capture with a larger buffer, or on a less busy link",
            ),
            Self::NoKey => Some(
                "no key for this connection: give the key log of its client or server with --keys \
                 (SSLKEYLOGFILE of curl, KeyLogWriter of a Go program)",
            ),
            Self::KeyMismatch => Some(
                "the key log names this connection, but its secret does not open it: the log is damaged \
                 or was edited",
            ),
            Self::JoinedLate => Some(
                "the capture began after the handshake: start capturing first, or let the client \
                 connect again",
            ),
            Self::HandshakeIncomplete => {
                Some("packets of the handshake are missing: let the client connect again")
            }
            Self::SuiteUnsupported => Some(
                "the cipher suite is not supported: let the server prefer AES-GCM or ChaCha20-Poly1305",
            ),
            Self::NotRecognised => Some("this is neither TLS nor HTTP"),
        }
    }
}
