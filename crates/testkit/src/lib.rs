//! Doubles and clients for tests and benchmarks: a small API server that speaks exec, and a terminal
//! without a browser. They are real servers and real clients on sockets; no crate of ours is known here,
//! so that a mistake of ours is not repeated on the other side of the wire.
//!
//! Everything is bounded and goes away when it is dropped.

pub mod exec_server;
mod http_client;
pub mod hub_client;
pub mod pace;
pub mod tls;
pub mod web_socket;

pub use exec_server::{ExecAnswer, ExecServer, ExecServerOptions, Marker, Program, ScriptStep};
pub use http_client::{HttpClient, HttpReply};
pub use hub_client::{HubClient, HubTerminal, LinkRequest, Passage, TerminalEvent};
pub use pace::Pace;
pub use tls::Trust;
pub use web_socket::Endpoint;
