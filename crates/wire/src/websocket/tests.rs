use super::*;
use crate::kubernetes::Call;
use crate::scene::units;
use crate::unit::Unit;
use flate2::{Compress, FlushCompress};
use std::sync::Arc;

fn exec() -> Option<Request> {
    let call = Call::parse(Some("GET"), Some("/api/v1/namespaces/a/pods/b/exec"));
    Some(Request { call: Arc::new(call), unit: 1, time_ns: 0 })
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    [&[first, 126][..], &length, payload].concat()
}

/// As browsers send: masked.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [1, 2, 3, 4];
    let mut frame = vec![first, 0x80 | u8::try_from(payload.len()).unwrap()];
    frame.extend_from_slice(&mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

fn said(unit: &Unit) -> (String, String) {
    let text = match unit.data.as_ref().map(|data| &data.content) {
        Some(Content::Text(text) | Content::Json(text)) => text.clone(),
        Some(Content::Omitted { reason, .. }) => format!("[{}]", reason.code()),
        None => String::new(),
    };
    (unit.info.clone(), text)
}

fn all_said(
    protocol: &str,
    extensions: Option<&str>,
    sent: &[(Side, Vec<u8>)],
) -> Vec<(String, String)> {
    let (units, accounts) = units(|scene| {
        let mut socket = WebSocket::new(exec(), Some(protocol), extensions);
        for (side, bytes) in sent {
            for piece in bytes.chunks(7) {
                socket.data(*side, piece, scene);
            }
        }
        socket.finish(scene);
    });
    let bytes: usize = sent.iter().map(|(_, bytes)| bytes.len()).sum();
    assert_eq!(accounts.content.total(), bytes as u64, "every byte is accounted for");
    units.iter().map(said).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn messages_in_fragments_are_one_and_controls_between_them_are_their_own() {
    let sent = [
        (Side::Server, frame(0x02, b"\x01he")),
        (Side::Server, frame(0x89, b"")),
        (Side::Server, frame(0x80, b"llo")),
        (Side::Client, masked(0x82, b"\0canary")),
    ];
    let expected = pairs(&[("ping", ""), ("stdout", "hello"), ("stdin", "[input]")]);
    assert_eq!(all_said("v5.channel.k8s.io", None, &sent), expected);
}

fn deflated(compress: &mut Compress, message: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(message.len() + 1_000);
    compress.compress_vec(message, &mut output, FlushCompress::Sync).unwrap();
    output.truncate(output.len() - 4);
    output
}

#[test]
fn compressed_messages_are_inflated_with_and_without_a_window_that_goes_on() {
    for (extensions, goes_on) in [
        ("permessage-deflate", true),
        ("permessage-deflate; server_no_context_takeover; client_max_window_bits=15", false),
    ] {
        let mut compress = Compress::new(flate2::Compression::best(), false);
        let mut sent = Vec::new();
        for _ in 0..3 {
            sent.push((
                Side::Server,
                frame(0xc2, &deflated(&mut compress, b"\x01hello hello hello")),
            ));
            if !goes_on {
                compress.reset();
            }
        }
        // What is not compressed may stand between.
        sent.push((Side::Server, frame(0x82, b"\x02plain")));
        let hello = ("stdout", "hello hello hello");
        let expected = pairs(&[hello, hello, hello, ("stderr", "plain")]);
        assert_eq!(all_said("v5.channel.k8s.io", Some(extensions), &sent), expected);
    }
}

#[test]
fn a_bomb_a_broken_message_and_an_unknown_extension_show_nothing() {
    let mut compress = Compress::new(flate2::Compression::best(), false);
    let bomb = deflated(&mut compress, &vec![b' '; 3_000_000]);
    let after = (Side::Server, frame(0x82, b"\x01after"));
    let sent = [(Side::Server, frame(0xc2, &bomb)), after.clone()];
    let expected = pairs(&[("message", "[over_bound]")]);
    assert_eq!(all_said("v5.channel.k8s.io", Some("permessage-deflate"), &sent), expected);
    let sent = [(Side::Server, frame(0xc2, b"\xff\xff\xff")), after.clone()];
    let expected = pairs(&[("message", "[malformed]")]);
    assert_eq!(all_said("v5.channel.k8s.io", Some("permessage-deflate"), &sent), expected);
    // Nobody agreed to it.
    let sent = [(Side::Server, frame(0xc2, b"\x01canary")), after.clone()];
    let expected = pairs(&[("message", "[undecoded]"), ("stdout", "after")]);
    assert_eq!(all_said("v5.channel.k8s.io", None, &sent), expected);
    for extensions in ["permessage-bzip2", "permessage-deflate, x", "permessage-deflate; x=1"] {
        assert_eq!(
            all_said("v5.channel.k8s.io", Some(extensions), std::slice::from_ref(&after)),
            []
        );
    }
}

#[test]
fn a_message_with_a_hole_is_not_shown_and_the_next_is() {
    let (units, _) = units(|scene| {
        let mut socket = WebSocket::new(exec(), Some("v5.channel.k8s.io"), None);
        let first = frame(0x82, b"\x01hello");
        socket.data(Side::Server, &first[..6], scene);
        socket.gap(Side::Server, Some(2), scene);
        socket.data(Side::Server, &first[8..], scene);
        socket.data(Side::Server, &frame(0x82, b"\x01again"), scene);
        // Where the beginning is missing, the rest is no message.
        socket.data(Side::Server, &frame(0x80, b"\x01canary"), scene);
    });
    let said: Vec<_> = units.iter().map(said).collect();
    assert_eq!(said, pairs(&[("stdout", "again"), ("message", "[gap]")]));
}

#[test]
fn a_tunnel_carries_spdy() {
    // PING.
    let ping = [0x80, 3, 0, 6, 0, 0, 0, 4, 0, 0, 0, 1];
    let sent = [(Side::Client, masked(0x82, &ping))];
    assert_eq!(all_said("SPDY/3.1+portforward.k8s.io", None, &sent), pairs(&[("PING", "")]));
}

#[test]
fn a_message_over_the_bound_is_told_once_with_its_length() {
    let (units, accounts) = units(|scene| {
        let mut socket = WebSocket::new(exec(), Some("v5.channel.k8s.io"), None);
        let long = vec![1; 2_000_000];
        let head = [&[0x02, 127][..], &2_000_000_u64.to_be_bytes()].concat();
        socket.data(Side::Server, &[head, long].concat(), scene);
        socket.data(Side::Server, &frame(0x80, b"rest"), scene);
        socket.data(Side::Server, &frame(0x82, b"\x01after"), scene);
    });
    let told: Vec<_> = units.iter().map(|unit| (unit.length, said(unit).1)).collect();
    assert_eq!(told, [(2_000_004, "[over_bound]".to_owned()), (5, "after".to_owned())]);
    assert_eq!(accounts.content.skipped(Skip::OverBound), 2_000_000);
}
