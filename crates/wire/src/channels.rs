//! What the messages of exec, attach and port-forward are: which channel, and what of it may be seen.
//! How messages are carried is [`crate::websocket`]'s and [`crate::spdy`]'s.
//!
//! Formats: k8s.io/apimachinery `pkg/util/remotecommand` and k8s.io/streaming: `v1`…`v5.channel.k8s.io`, whose messages
//! begin with the channel's number, and the `base64` forms, whose number is a digit; port-forwarding has two channels
//! for each port, which begin with its number.
//!
//! What a shell says is shown as text, unless a piece of it holds a Secret or a private key; what is typed into it, and
//! what passes through a port, is not shown. With a terminal the shell echoes what is typed, and that is what it says.
//! Limits: each piece is looked at by itself, so the part of a Secret that lies in another piece than its kind is not
//! known to be one.
//!
//! Hostile input: a channel that is not known shows nothing, and a client says nothing that is output.

use crate::kubernetes::Call;
use crate::redact::{Content, Omission, Redactor, holds_secret};
use crate::unit::Side;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;

/// What flows in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speech {
    /// What is typed.
    Input,
    /// What a program says.
    Output,
    /// A document: a status, or the size of a window.
    Document,
    /// Anything.
    Unknown,
}

impl Speech {
    /// A channel's words as they may be shown, by who said them.
    pub(crate) fn content(self, side: Side, bytes: &[u8], redactor: &Redactor) -> Content {
        let omitted = |reason| Content::Omitted { reason, fingerprint: None };
        match (self, std::str::from_utf8(bytes)) {
            (Self::Input, _) => omitted(Omission::Input),
            (Self::Output, _) if side == Side::Client => omitted(Omission::Input),
            (Self::Unknown, _) | (_, Err(_)) => omitted(Omission::Undecoded),
            (Self::Output, Ok(text)) if holds_secret(text) => omitted(Omission::Secret),
            (Self::Output, Ok(text)) => Content::Text(redactor.text(text)),
            (Self::Document, Ok(text)) => match redactor.json(text, false) {
                Some(json) => Content::Json(json),
                None if holds_secret(text) => omitted(Omission::Secret),
                None => Content::Text(redactor.text(text)),
            },
        }
    }
}

/// How the messages of a connection are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channels {
    /// They are not known.
    None,
    Exec {
        is_base64: bool,
    },
    Ports {
        is_base64: bool,
    },
    /// SPDY within WebSocket.
    Tunnel,
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Exec,
    Ports,
}

impl Purpose {
    /// By a request to an API server, or to a kubelet (`/exec/NAMESPACE/POD/CONTAINER`).
    pub(crate) fn of(call: &Call) -> Option<Self> {
        let path = call.path.as_deref().unwrap_or_default();
        let of_kubelet = path.trim_start_matches('/').split(['/', '?']).next();
        match call.subresource.as_deref().or(of_kubelet)? {
            "exec" | "attach" => Some(Self::Exec),
            "portforward" | "portForward" => Some(Self::Ports),
            _ => None,
        }
    }
}

/// A message that was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    pub(crate) name: String,
    pub(crate) speech: Speech,
    pub(crate) bytes: Cow<'a, [u8]>,
}

impl Channels {
    pub(crate) fn parse(protocol: Option<&str>, call: Option<&Call>) -> Self {
        let protocol = protocol.unwrap_or_default().trim();
        if protocol.eq_ignore_ascii_case("SPDY/3.1+portforward.k8s.io") {
            return Self::Tunnel;
        }
        let is_base64 = match protocol.strip_suffix("channel.k8s.io") {
            None => return Self::None,
            Some(before) => before.ends_with("base64."),
        };
        match call.and_then(Purpose::of) {
            Some(Purpose::Ports) => Self::Ports { is_base64 },
            Some(Purpose::Exec) => Self::Exec { is_base64 },
            // What it is for is not known, so neither is which channel is typed into.
            None => Self::None,
        }
    }

    /// Reads a message.
    pub(crate) fn read(self, message: &[u8]) -> Message<'_> {
        let unknown = || Message {
            name: "message".to_owned(),
            speech: Speech::Unknown,
            bytes: message.into(),
        };
        let (is_base64, is_exec) = match self {
            Self::None | Self::Tunnel => return unknown(),
            Self::Exec { is_base64 } => (is_base64, true),
            Self::Ports { is_base64 } => (is_base64, false),
        };
        let Some((first, content)) = message.split_first() else { return unknown() };
        let (channel, bytes): (u8, Cow<'_, [u8]>) = match is_base64 {
            false => (*first, content.into()),
            true => match (first.is_ascii_digit(), STANDARD.decode(content)) {
                (true, Ok(decoded)) => (first - b'0', decoded.into()),
                _ => return unknown(),
            },
        };
        let (name, speech) = match (is_exec, channel) {
            (true, 0) => ("stdin".to_owned(), Speech::Input),
            (true, 1) => ("stdout".to_owned(), Speech::Output),
            (true, 2) => ("stderr".to_owned(), Speech::Output),
            (true, 3) => ("status".to_owned(), Speech::Document),
            (true, 4) => ("resize".to_owned(), Speech::Document),
            (true, 255) => ("close channel".to_owned(), Speech::Unknown),
            (true, other) => (format!("channel {other}"), Speech::Unknown),
            (false, other) if other % 2 == 0 => {
                (format!("port data {}", other / 2), Speech::Unknown)
            }
            // It begins with the port's number.
            (false, other) if bytes.len() == 2 => {
                let number = bytes.first_chunk().map_or(0, |number| u16::from_le_bytes(*number));
                (format!("port error {}: port {number}", other / 2), Speech::Unknown)
            }
            (false, other) => (format!("port error {}", other / 2), Speech::Output),
        };
        Message { name, speech, bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(subresource: &str) -> Call {
        let path = format!("/api/v1/namespaces/shop/pods/web/{subresource}?stdin=true");
        Call::parse(Some("GET"), Some(&path))
    }

    fn shown(protocol: &str, subresource: &str, message: &[u8]) -> (String, Content) {
        let channels = Channels::parse(Some(protocol), Some(&call(subresource)));
        let message = channels.read(message);
        let redactor = Redactor::new(&[1; 32]);
        let content = message.speech.content(Side::Server, &message.bytes, &redactor);
        (message.name, content)
    }

    fn text(text: &str) -> Content {
        Content::Text(text.to_owned())
    }

    #[test]
    fn what_a_program_says_is_shown_in_all_forms() {
        for (protocol, message) in [
            ("v4.channel.k8s.io", &b"\x01hi"[..]),
            ("v5.channel.k8s.io", b"\x01hi"),
            ("channel.k8s.io", b"\x01hi"),
            ("base64.channel.k8s.io", b"1aGk="),
            ("v4.base64.channel.k8s.io", b"1aGk="),
        ] {
            assert_eq!(
                shown(protocol, "exec", message),
                ("stdout".to_owned(), text("hi")),
                "{protocol}"
            );
        }
        let status = shown("v5.channel.k8s.io", "exec", b"\x03{\"status\":\"Success\"}");
        assert_eq!(status.1, Content::Json("{\"status\":\"Success\"}".to_owned()));
        let kubelet = Call::parse(Some("POST"), Some("/exec/shop/web/app?command=sh"));
        let channels = Channels::parse(Some("v4.channel.k8s.io"), Some(&kubelet));
        assert_eq!(channels, Channels::Exec { is_base64: false });
        let error = shown("v4.channel.k8s.io", "portforward", b"\x01no such port");
        assert_eq!(error, ("port error 0".to_owned(), text("no such port")));
    }

    #[test]
    fn a_secret_or_a_private_key_that_a_program_says_is_not_shown() {
        for said in [
            "apiVersion: v1\ndata:\n  a: Y2FuYXJ5\nkind: Secret\n",
            "apiVersion: v1\nitems:\n- data:\n    a: Y2FuYXJ5\nkind: SecretList\n",
            "kind: 'Secret'\nstringData:\n  a: canary\n",
            r#"{"kind":"Secret","data":{"a":"Y2FuYXJ5"}}"#,
            r#"{"kind": "SecretList", "items": [{"data":{"a":"Y2FuYXJ5"}}]}"#,
            r#"a: "{\"kind\":\"Secret\",\"data\":{\"a\":\"Y2FuYXJ5\"}}""#,
            "-----BEGIN OPENSSH PRIVATE KEY-----\nY2FuYXJ5\n",
        ] {
            let expected = Content::Omitted { reason: Omission::Secret, fingerprint: None };
            for channel in [1, 2] {
                let message = [&[channel], said.as_bytes()].concat();
                assert_eq!(shown("v5.channel.k8s.io", "exec", &message).1, expected, "{said}");
            }
        }
        let harmless = "secret/mine created, Secret mine";
        let message = [&[1], harmless.as_bytes()].concat();
        assert_eq!(shown("v5.channel.k8s.io", "exec", &message).1, text(harmless));
    }

    #[test]
    fn a_client_says_no_output() {
        let channels = Channels::parse(Some("v5.channel.k8s.io"), Some(&call("exec")));
        let message = channels.read(b"\x01canary");
        let content = message.speech.content(Side::Client, b"canary", &Redactor::new(&[1; 32]));
        assert_eq!(content, Content::Omitted { reason: Omission::Input, fingerprint: None });
    }

    #[test]
    fn what_is_typed_or_passes_through_a_port_is_not() {
        for (protocol, subresource, message, reason) in [
            ("v5.channel.k8s.io", "exec", &b"\0canary"[..], Omission::Input),
            ("v5.channel.k8s.io", "attach", b"\0canary", Omission::Input),
            ("base64.channel.k8s.io", "exec", b"0Y2FuYXJ5", Omission::Input),
            ("v4.base64.channel.k8s.io", "exec", b"0Y2FuYXJ5", Omission::Input),
            ("v4.channel.k8s.io", "portforward", b"\0canary", Omission::Undecoded),
            ("v4.channel.k8s.io", "proxy", b"\x01canary", Omission::Undecoded),
            ("binary.k8s.io", "exec", b"\x01canary", Omission::Undecoded),
            ("base64.channel.k8s.io", "exec", b"1not base64", Omission::Undecoded),
            ("base64.channel.k8s.io", "exec", b"\x01canary", Omission::Undecoded),
            ("v5.channel.k8s.io", "exec", b"\x09canary", Omission::Undecoded),
            ("v5.channel.k8s.io", "exec", b"", Omission::Undecoded),
        ] {
            let expected = Content::Omitted { reason, fingerprint: None };
            assert_eq!(
                shown(protocol, subresource, message).1,
                expected,
                "{protocol} {subresource}"
            );
        }
        let number = shown("v4.channel.k8s.io", "portforward", b"\x01\x90\x1f");
        assert_eq!(number.0, "port error 0: port 8080");
        // Whose request was not seen may be anything.
        assert_eq!(Channels::parse(Some("v5.channel.k8s.io"), None), Channels::None);
    }
}
