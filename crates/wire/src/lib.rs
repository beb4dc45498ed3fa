//! From captured packets to what was said: TCP put in order, TLS opened with given secrets, HTTP decoded and
//! redacted.
//! It opens no file, holds no socket and knows no clock: packets and secrets are handed in, units come out.
//! Who captures is another crate's knowledge, who prints or stores is another's.
//!
//! Every byte of TCP payload is accounted for ([`Tally`]): decoded, or skipped for a reason ([`Skip`]). What
//! is unknown is left unknown and never guessed. Everything that leaves is redacted.
//!
//! Hostile input: all of it. No parser panics, each allocation has a bound that is stated where it is made,
//! and all of them together are bounded by [`Limits`].

mod app;
mod body;
mod bytes;
mod capture;
mod cbor;
mod channels;
mod decoder;
mod etcd;
mod flows;
mod grpc;
mod http;
mod http1;
mod http2;
mod inflate;
mod ip;
mod keys;
mod kubernetes;
mod link;
mod messages;
mod objects;
mod protobuf;
mod redact;
mod scene;
mod skip;
mod spdy;
mod tcp;
mod tls;
mod unit;
mod websocket;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;

pub use capture::{
    BLOCK_BYTES_MAX, CaptureFault, CaptureReader, CaptureWriter, INTERFACES_MAX, Item, Packet,
    Progress,
};
pub use decoder::{Decoder, Limits};
pub use http2::hpack;
pub use keys::{KeyCounts, KeyStore};
pub use kubernetes::Call;
pub use link::LinkType;
pub use redact::{Content, Omission, Redactor, Shown};
pub use skip::{Skip, Tally};
pub use unit::{ConnectionReport, Decryption, Event, Protocol, Side, TlsFacts, Unit};
