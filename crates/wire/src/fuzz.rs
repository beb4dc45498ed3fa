//! Fuzz targets of what is read off the wire. Compiled for tests and for fuzzing alone.
//! TLS itself is not among them: what it opens is authenticated, and its framing is in the target of captures.

use crate::body::{Body, BodyKind};
use crate::cbor::{self, Scan, Scanned};
use crate::channels::Channels;
use crate::grpc::Method;
use crate::http2::hpack;
use crate::redact::{Content, Omission, Redactor};
use crate::scene::units;
use crate::spdy::Spdy;
use crate::unit::Side;
use crate::websocket::WebSocket;
use crate::{CaptureReader, Decoder, Item, Limits, Progress, objects};

/// Takes any bytes, and panics when a promise about them is broken.
pub type Target = fn(&[u8]);

/// All targets, by the names of their corpora.
pub const TARGETS: &[(&str, Target)] = &[
    ("wire_capture", capture),
    ("wire_protobuf", protobuf),
    ("wire_cbor", cbor),
    ("wire_body", body),
    ("wire_hpack", hpack),
    ("wire_json", json),
    ("wire_spdy", spdy),
    ("wire_websocket", websocket),
];

fn redactor() -> Redactor {
    Redactor::new(&[7; 32])
}

/// Any file: every byte of every packet is accounted for.
pub fn capture(data: &[u8]) {
    let mut reader = CaptureReader::new();
    let mut decoder = Decoder::new(redactor(), Limits::default());
    let (mut rest, mut bytes) = (data, 0);
    while let Ok(Progress::Item { consumed, item }) = reader.read(rest) {
        match item {
            Item::Packet(packet) => {
                bytes += packet.data.len() as u64;
                decoder.packet(&packet);
            }
            Item::Keys(keys) => decoder.keys(keys),
            Item::Structure | Item::Dropped(_) => {}
        }
        rest = rest.get(consumed..).unwrap_or_default();
    }
    decoder.finish();
    assert_eq!(decoder.tally().total(), bytes, "bytes that nobody accounts for");
    assert_eq!(decoder.held_bytes(), 0, "held for connections that are over");
}

/// Any bytes as an object of some kind and as etcd's messages: JSON within the bound, or nothing.
pub fn protobuf(data: &[u8]) {
    const MAX: usize = 1 << 20;
    let check = |json: Result<String, Omission>| {
        if let Ok(json) = json {
            assert!(json.len() <= MAX && Redactor::is_one_document(&json), "not JSON: {json}");
        }
    };
    check(objects::object(data, &redactor(), MAX));
    for name in ["meta/v1.WatchEvent", "etcdserverpb.RangeResponse", "etcdserverpb.TxnRequest"] {
        check(objects::named(name, data, &redactor(), MAX));
    }
}

/// Any bytes as an item: JSON or nothing, and both readers agree on its end.
pub fn cbor(data: &[u8]) {
    if let Ok(json) = cbor::json(data, 1 << 20) {
        assert!(Redactor::is_one_document(&json), "not JSON: {json}");
        assert_eq!(Scan::default().look(data), Scanned::End(data.len()));
    }
}

/// Any content of any type in any pieces (the first two bytes choose): no canary of a Secret comes out.
pub fn body(data: &[u8]) {
    let Some(([kind, piece], content)) = data.split_first_chunk().map(|(head, rest)| (*head, rest))
    else {
        return;
    };
    const TYPES: [&str; 6] = [
        "application/json",
        "application/vnd.kubernetes.protobuf",
        "application/cbor",
        "application/cbor-seq",
        "application/grpc",
        "text/plain",
    ];
    let media_type = TYPES[usize::from(kind) % TYPES.len()];
    let is_stream = kind & 0x80 != 0;
    let body_kind = BodyKind {
        media_type: Some(media_type.to_owned()),
        encoding: (kind & 0x40 != 0).then(|| "gzip".to_owned()),
        is_stream,
        may_be_secret: true,
        is_secret: false,
        grpc: (media_type == "application/grpc")
            .then(|| Method::parse(Some("/etcdserverpb.KV/Range"), is_stream)),
        grpc_encoding: Some("gzip".to_owned()),
    };
    let mut body = Body::new(body_kind);
    for piece in content.chunks(usize::from(piece).max(1)) {
        body.push(piece, 1 << 16);
        assert!(body.held_bytes() <= 1 << 16, "more is held than the bound");
        while let Some(piece) = body.event(&redactor(), 1 << 18) {
            check(&piece.shown.content);
        }
    }
    check(&body.finish(&redactor(), 1 << 18).shown.content);
}

fn check(content: &Content) {
    if let Content::Json(json) = content {
        // A sequence of documents may be one body; each was walked whole.
        assert!(redactor().json(json, false).is_some(), "not JSON: {json}");
    }
}

/// Any header blocks: what they refer to stays within the bound of the table.
pub fn hpack(data: &[u8]) {
    let mut decoder = hpack::Decoder::default();
    for block in data.chunks(64) {
        let _ = decoder.decode(block);
    }
}

/// Any text: redacted once and twice it is JSON, and nothing under a Secret's data stays.
pub fn json(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(shown) = redactor().json(text, true) {
        assert!(redactor().json(&shown, true).is_some(), "{shown}");
    }
}

/// Any bytes of either side (the first of each piece says which): every byte is accounted for.
pub fn spdy(data: &[u8]) {
    let (_, accounts) = units(|scene| {
        let mut spdy = Spdy::new(None);
        for piece in data.chunks(64) {
            spdy.data(side(piece), piece, scene);
        }
    });
    assert_eq!(accounts.content.total(), data.len() as u64);
}

/// The same of WebSocket with compression, and of its channels.
pub fn websocket(data: &[u8]) {
    let (_, accounts) = units(|scene| {
        let protocol = Some("v5.channel.k8s.io");
        let mut socket = WebSocket::new(None, protocol, Some("permessage-deflate"));
        for piece in data.chunks(64) {
            socket.data(side(piece), piece, scene);
        }
        socket.finish(scene);
    });
    assert_eq!(accounts.content.total(), data.len() as u64);
    for channels in [Channels::Exec { is_base64: true }, Channels::Ports { is_base64: false }] {
        assert!(channels.read(data).bytes.len() <= data.len());
    }
}

fn side(piece: &[u8]) -> Side {
    match piece.first() {
        Some(0x80..) => Side::Client,
        _ => Side::Server,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_kept_input_passes() {
        corpus::replay(super::TARGETS);
    }
}
