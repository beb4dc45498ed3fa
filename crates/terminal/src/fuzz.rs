//! Fuzz targets of what a browser sends and of what a container prints. Compiled for tests and for fuzzing alone.
//! The WebSocket framing below the messages is the library's and is not fuzzed here.

use crate::connect::{accept_key, offered};
use crate::flow::Flow;
use crate::gates::read_ticket;
use crate::launch::{Filtered, MarkerFilter};
use crate::protocol::{BrowserFrame, Size, read_binary, read_text};
use crate::screen;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use kube_io::RESIZE_MAX;
use std::time::Duration;

/// Takes any bytes, and panics when a promise about them is broken.
pub type Target = fn(&[u8]);

/// All targets, by the names of their corpora.
pub const TARGETS: &[(&str, Target)] = &[
    ("terminal_frame", frame),
    ("terminal_upgrade", upgrade),
    ("terminal_marker", marker),
    ("terminal_flow", flow),
    ("terminal_screen", screen::fuzz::screen),
];

/// A frame that is taken is one that the console could have written: written anew, it has the same bytes.
pub fn frame(data: &[u8]) {
    if let Ok(frame) = read_binary(Bytes::copy_from_slice(data)) {
        let written = match frame {
            BrowserFrame::Stdin(bytes) => bytes.to_vec(),
            BrowserFrame::Resize(Size { cols, rows }) => {
                assert!((1..=RESIZE_MAX).contains(&cols) && (1..=RESIZE_MAX).contains(&rows));
                [&[4][..], &cols.to_be_bytes(), &rows.to_be_bytes()].concat()
            }
            BrowserFrame::Ack(total) => [&[6][..], &total.to_be_bytes()].concat(),
            // Whatever stands behind the kind says nothing.
            BrowserFrame::EndOfStdin => [&[255][..], &data[1..]].concat(),
            BrowserFrame::Ping(_) => unreachable!("pings are text"),
        };
        assert_eq!(written, data);
    }
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(frame) = read_text(text)
    {
        let BrowserFrame::Ping(n) = frame else { panic!("{frame:?} out of a text") };
        let json: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
        assert_eq!(json, serde_json::json!({ "type": "ping", "n": n }));
    }
}

/// The headers of an upgrade, `name: value` a line, and the ticket among them.
pub fn upgrade(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n').take(40) {
        let at = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let (name, value) = line.split_at(at);
        let value = value.strip_prefix(b": ").unwrap_or_default();
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
        {
            headers.append(name, value);
        }
    }
    if let Ok(accept) = accept_key(&headers) {
        assert_eq!(accept.len(), 28);
        let key = headers.get(header::SEC_WEBSOCKET_KEY).map(HeaderValue::len);
        assert_eq!(key, Some(24));
    }
    let offered = offered(&headers);
    assert!(offered.len() <= 8);
    for protocol in offered.iter().map(String::as_str).chain(std::str::from_utf8(data)) {
        if let Some(ticket) = read_ticket(protocol) {
            assert_eq!(URL_SAFE_NO_PAD.encode(ticket.expose()), protocol, "a second spelling");
        }
    }
}

/// The first bytes of a container, cut where the byte before each piece says. No byte of output is lost or made, but
/// for one marker at the very beginning.
pub fn marker(data: &[u8]) {
    let mut filter = MarkerFilter::default();
    let (mut rest, mut given, mut shown) = (data, Vec::new(), Vec::new());
    let (mut held, mut leader, mut done) = (0, None, false);
    while let Some((&length, after)) = rest.split_first() {
        let (piece, after) = after.split_at(after.len().min(usize::from(length)));
        rest = after;
        given.extend_from_slice(piece);
        if done {
            shown.extend_from_slice(piece);
            continue;
        }
        match filter.push(piece) {
            Filtered::More => held += piece.len(),
            Filtered::Plain(output) => {
                done = true;
                shown.extend(output);
            }
            Filtered::Leader(pid, output) => {
                (done, leader) = (true, Some(pid));
                shown.extend(output);
            }
        }
        assert!(held < 22, "{held} bytes are withheld");
    }
    match leader {
        Some(pid) => {
            assert!(pid > 0);
            let start = b"\x1b_sallyport;";
            assert!(given.starts_with(start) && given.ends_with(&shown), "{given:?}");
            let digits = &given[start.len()..given.len() - shown.len() - 2];
            let digits = std::str::from_utf8(digits).unwrap_or_default();
            assert_eq!(digits.parse(), Ok(pid));
            assert!(digits.len() <= 7, "{digits} is no pid of Linux");
        }
        None if done => assert_eq!(shown, given),
        None => assert!(shown.is_empty() && given.len() == held),
    }
}

/// A browser's acknowledgements in any order and of any size, while output of any size comes and goes.
pub fn flow(data: &[u8]) {
    let mut flow = Flow::new();
    let (mut now, mut sent, mut acked) = (Duration::ZERO, 0u64, 0u64);
    for step in data.chunks_exact(5).take(500) {
        let amount = u32::from_be_bytes([step[1], step[2], step[3], step[4]]);
        let bytes = amount as usize % (1 << 21);
        match step[0] % 8 {
            0 => {
                flow.on_sent(now, bytes);
                sent += bytes as u64;
            }
            1 => {
                // Near what was sent, from either side.
                let total = (sent + 16).saturating_sub(u64::from(amount) % (1 << 16));
                assert_eq!(flow.on_ack(now, total).is_err(), total > sent);
                if total <= sent {
                    acked = acked.max(total);
                }
            }
            2 => assert!(
                flow.on_ack(now, u64::from(amount) << 32 | 0xffff_ffff).is_err() || sent > 1 << 32
            ),
            3 => now += Duration::from_micros(amount.into()),
            4 => flow.on_round_trip(Duration::from_micros(amount.into())),
            5 => flow.on_input(now, bytes, amount.is_multiple_of(2)),
            6 => flow.on_arrival(bytes),
            _ => {
                if flow.next_picture().is_some_and(|at| at <= now) {
                    flow.on_picture(now);
                }
            }
        }
        assert_eq!(flow.in_flight(), sent - acked);
        assert!(flow.room() <= 1024 * 1024);
        assert!(flow.picture_budget(now) >= 4 * 1024 || !flow.has_caught_up(now));
        assert!(flow.is_behind(now, 1024 * 1024 + 1) && !flow.is_behind(now, 8 * 1024));
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_kept_input_passes() {
        corpus::replay(super::TARGETS);
    }
}
