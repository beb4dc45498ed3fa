//! `sallyport.terminal.v1`: the frames between the browser and the hub, as values and as bytes.
//! Pure; what a frame causes is known to `session`, how fast frames may come to `flow`.
//!
//! Binary frames carry a kind byte and data, with Kubernetes' own channel numbers where there are any,
//! so that stdin and output pass through the hub uncopied. Text frames are JSON.
//!
//! Hostile input: the browser's side is an attacker until proven otherwise. A frame above
//! [`BROWSER_FRAME_BYTES_MAX`] or of no known kind ends the terminal; a size of zero, above 1,000 or of too many cells too.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http_api::ProblemBody;
use kube_io::RESIZE_MAX;
use serde::{Deserialize, Serialize};

/// The subprotocol's name.
pub(crate) const SUBPROTOCOL: &str = "sallyport.terminal.v1";
/// The ticket travels as a second subprotocol of this form, the only header a browser lets a page set.
pub(crate) const TICKET_SUBPROTOCOL_PREFIX: &str = "sallyport.ticket.";
/// The console cuts pastes at 16 KiB; sixteen times that leaves room for other clients.
pub(crate) const BROWSER_FRAME_BYTES_MAX: usize = 256 * 1024;
/// So much of one is read to its end all the same: a socket that is closed while bytes are unread takes the answer to
/// them with it.
pub(crate) const BROWSER_MESSAGE_BYTES_READ: usize = 2 * BROWSER_FRAME_BYTES_MAX;

/// Cells of a screen. A wall of 8K pixels with tiny letters has half as many; a grid of 1,000 × 1,000 would take
/// tens of megabytes for each terminal.
pub(crate) const CELLS_MAX: usize = 200_000;

const STDIN: u8 = 0;
const SNAPSHOT: u8 = 3;
const RESIZE: u8 = 4;
const ACK: u8 = 6;
const END_OF_STDIN: u8 = 255;

/// What the browser says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BrowserFrame {
    /// Keys and pastes: the whole frame, channel byte 0 first, as Kubernetes wants it.
    Stdin(Bytes),
    /// The terminal's new size.
    Resize(Size),
    /// All bytes given to xterm so far that it has consumed.
    Ack(u64),
    /// No more input (without a terminal).
    EndOfStdin,
    /// A question about latency, to be answered with the same number.
    Ping(u64),
}

/// Columns and rows, each 1 to 1,000, together at most [`CELLS_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) cols: u16,
    pub(crate) rows: u16,
}

/// A frame that breaks the protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BrowserMisbehaved {
    #[error("an empty frame")]
    Empty,
    #[error("a frame of the unknown kind {0}")]
    UnknownKind(u8),
    #[error("a resize of {0} bytes instead of 4")]
    ResizeLength(usize),
    #[error(
        "a size of {cols} columns and {rows} rows; each must be 1 to {RESIZE_MAX}, and the cells at most {CELLS_MAX}"
    )]
    ResizeRange { cols: u16, rows: u16 },
    #[error("an acknowledgement of {0} bytes instead of 8")]
    AckLength(usize),
    #[error("a text frame that is not a known JSON message")]
    Text,
    #[error("more WebSocket pings than one a second")]
    Pings,
}

impl Size {
    /// A size within bounds.
    pub(crate) fn new(cols: u16, rows: u16) -> Result<Self, BrowserMisbehaved> {
        let range = 1..=RESIZE_MAX;
        let cells = usize::from(cols) * usize::from(rows);
        if range.contains(&cols) && range.contains(&rows) && cells <= CELLS_MAX {
            Ok(Self { cols, rows })
        } else {
            Err(BrowserMisbehaved::ResizeRange { cols, rows })
        }
    }
}

impl Default for Size {
    fn default() -> Self {
        Self { cols: 80, rows: 24 }
    }
}

/// Reads a binary frame.
pub(crate) fn read_binary(frame: Bytes) -> Result<BrowserFrame, BrowserMisbehaved> {
    let kind = *frame.first().ok_or(BrowserMisbehaved::Empty)?;
    let mut data = &frame[1..];
    match kind {
        STDIN => Ok(BrowserFrame::Stdin(frame)),
        RESIZE if data.len() == 4 => {
            Size::new(data.get_u16(), data.get_u16()).map(BrowserFrame::Resize)
        }
        RESIZE => Err(BrowserMisbehaved::ResizeLength(data.len())),
        ACK if data.len() == 8 => Ok(BrowserFrame::Ack(data.get_u64())),
        ACK => Err(BrowserMisbehaved::AckLength(data.len())),
        END_OF_STDIN => Ok(BrowserFrame::EndOfStdin),
        other => Err(BrowserMisbehaved::UnknownKind(other)),
    }
}

/// Reads a text frame.
pub(crate) fn read_text(text: &str) -> Result<BrowserFrame, BrowserMisbehaved> {
    #[derive(Deserialize)]
    #[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
    enum Said {
        Ping { n: u64 },
    }
    match serde_json::from_str(text) {
        Ok(Said::Ping { n }) => Ok(BrowserFrame::Ping(n)),
        Err(_) => Err(BrowserMisbehaved::Text),
    }
}

/// What the hub says in text.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum HubMessage<'a> {
    /// The process runs.
    Ready {
        terminal_id: &'a str,
        user: &'a str,
        cluster: &'a str,
        namespace: &'a str,
        pod: &'a str,
        container: &'a str,
        tty: bool,
    },
    /// So many bytes were passed over; a snapshot follows.
    Skipped { bytes: u64 },
    /// The process has ended. The reason is the cluster's own words.
    Exit {
        code: Option<i32>,
        #[serde(serialize_with = "as_cluster_words")]
        reason: &'a str,
    },
    /// The second gate, or a later check, said no.
    Denied { problem: &'a ProblemBody },
    /// The hub is about to stop.
    Draining { in_s: u64 },
    /// The answer to a ping.
    Pong { n: u64 },
}

impl HubMessage<'_> {
    pub(crate) fn to_text(&self) -> String {
        // Strings and numbers into memory: serialising them cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// A snapshot frame.
pub(crate) fn snapshot_frame(drawing: &str) -> Bytes {
    let mut frame = BytesMut::with_capacity(drawing.len() + 1);
    frame.put_u8(SNAPSHOT);
    frame.put_slice(drawing.as_bytes());
    frame.freeze()
}

/// A container's runtime has up to 128 KiB to say, of which nothing need be printable.
fn as_cluster_words<S: serde::Serializer>(words: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&http_api::cluster_words(words))
}

/// How the hub closes the socket; the reason text is the problem's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CloseCode {
    Exited = 1000,
    Malformed = 4400,
    SignInEnded = 4401,
    Denied = 4403,
    Gone = 4404,
    Expired = 4408,
    Used = 4409,
    Revoked = 4410,
    TooLarge = 4413,
    RightWithdrawn = 4420,
    TerminalEnded = 4421,
    ClusterTrouble = 4500,
    Draining = 4503,
}

impl CloseCode {
    pub(crate) fn number(self) -> u16 {
        self as u16
    }
}

/// Whether a frame of input tells that somebody is there. What begins with an escape may be the terminal's own answer to a
/// program that asks it, such as for the cursor's place.
pub(crate) fn may_be_typed(frame: &[u8]) -> bool {
    frame.get(1).is_some_and(|first| *first != 0x1b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn frames_read_as_the_console_writes_them() {
        let read = |bytes: &'static [u8]| read_binary(Bytes::from_static(bytes));
        assert_eq!(read(b"\x00ls\n"), Ok(BrowserFrame::Stdin(Bytes::from_static(b"\x00ls\n"))));
        assert_eq!(
            read(b"\x04\x00\x50\x00\x18"),
            Ok(BrowserFrame::Resize(Size { cols: 80, rows: 24 }))
        );
        assert_eq!(read(b"\x06\0\0\0\0\0\0\x01\0"), Ok(BrowserFrame::Ack(256)));
        assert_eq!(read(b"\xff"), Ok(BrowserFrame::EndOfStdin));
        assert_eq!(read_text(r#"{"type":"ping","n":7}"#), Ok(BrowserFrame::Ping(7)));
    }

    #[test]
    fn broken_frames_are_refused() {
        let read = |bytes: &'static [u8]| read_binary(Bytes::from_static(bytes)).unwrap_err();
        assert_eq!(read(b""), BrowserMisbehaved::Empty);
        assert_eq!(read(b"\x01out"), BrowserMisbehaved::UnknownKind(1));
        assert_eq!(read(b"\x04\0\0"), BrowserMisbehaved::ResizeLength(2));
        assert_eq!(read(b"\x04\0\0\0\x18"), BrowserMisbehaved::ResizeRange { cols: 0, rows: 24 });
        assert_eq!(
            read(b"\x04\xff\xff\0\x18"),
            BrowserMisbehaved::ResizeRange { cols: 65_535, rows: 24 }
        );
        // Each in range, and together a million cells.
        assert_eq!(
            read(b"\x04\x03\xe8\x03\xe8"),
            BrowserMisbehaved::ResizeRange { cols: 1000, rows: 1000 }
        );
        assert_eq!(read(b"\x06\0"), BrowserMisbehaved::AckLength(1));
        for text in ["", "{}", "[]", r#"{"type":"exit"}"#, r#"{"type":"ping","n":-1}"#] {
            assert_eq!(read_text(text), Err(BrowserMisbehaved::Text), "{text}");
        }
    }

    #[test]
    fn a_runtimes_last_words_reach_the_page_cleaned_and_cut() {
        let told = |reason: &str| {
            let text = HubMessage::Exit { code: None, reason }.to_text();
            let message: serde_json::Value = serde_json::from_str(&text).unwrap();
            message["reason"].as_str().unwrap().to_owned()
        };
        assert_eq!(told("container not found (\"app\")"), "container not found (\"app\")");
        assert_eq!(told("a\u{1b}]0;b\u{202e}"), "a ]0;b ");
        assert_eq!(told(&"x".repeat(128 * 1024)).len(), http_api::WORDS_CHARACTERS_MAX);
    }

    proptest! {
        #[test]
        fn no_frame_panics(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = read_binary(Bytes::from(bytes));
        }
    }

    #[test]
    fn an_answer_of_the_terminal_is_not_typed() {
        for (frame, typed) in [
            (&b"\x00l"[..], true),
            (b"\x00\x03", true),
            (b"\x00\x1b[24;80R", false),
            (b"\x00", false),
        ] {
            assert_eq!(may_be_typed(frame), typed, "{frame:?}");
        }
    }
}
