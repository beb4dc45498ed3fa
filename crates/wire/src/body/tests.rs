use super::*;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

fn kind(media_type: &str) -> BodyKind {
    BodyKind { media_type: Some(media_type.to_owned()), ..BodyKind::default() }
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn finish(kind: BodyKind, content: &[u8]) -> Content {
    let mut body = Body::new(kind);
    content.chunks(1000).for_each(|piece| body.push(piece, 100_000));
    body.finish(&Redactor::new(&[1; 32]), 1_000_000).shown.content
}

fn omission(content: &Content) -> Option<Omission> {
    match content {
        Content::Omitted { reason, .. } => Some(*reason),
        Content::Json(_) | Content::Text(_) => None,
    }
}

#[test]
fn json_is_shown_plain_and_compressed() {
    let shown = Content::Json(r#"{"a":1}"#.to_owned());
    assert_eq!(finish(kind("application/json"), br#"{"a":1}"#), shown);
    let compressed = BodyKind { encoding: Some("gzip".to_owned()), ..kind("application/json") };
    assert_eq!(finish(compressed, &gzip(br#"{"a":1}"#)), shown);
}

#[test]
fn what_cannot_be_known_to_be_harmless_is_not_shown() {
    let gzipped = || BodyKind { encoding: Some("gzip".to_owned()), ..kind("application/json") };
    let secret = || BodyKind { may_be_secret: true, ..kind("text/plain") };
    for (kind, content, reason) in [
        (kind("application/vnd.kubernetes.protobuf"), b"{}".to_vec(), Omission::Malformed),
        (kind("application/cbor"), b"{}".to_vec(), Omission::Malformed),
        (kind("application/octet-stream"), b"{}".to_vec(), Omission::Undecoded),
        (kind("application/json"), b"{\"a\":".to_vec(), Omission::Malformed),
        (kind("application/json"), vec![0xff; 9], Omission::Malformed),
        (kind("application/yaml"), b"kind: Secret\ndata: {}".to_vec(), Omission::Secret),
        (secret(), b"anything".to_vec(), Omission::Secret),
        (gzipped(), b"no gzip".to_vec(), Omission::Malformed),
        (gzipped(), gzip(&vec![b' '; 10_000_000]), Omission::OverBound),
        (kind("text/plain"), vec![b'x'; 100_001], Omission::OverBound),
        (
            BodyKind { encoding: Some("br".to_owned()), ..kind("application/json") },
            b"{}".to_vec(),
            Omission::Undecoded,
        ),
    ] {
        assert_eq!(omission(&finish(kind.clone(), &content)), Some(reason), "{kind:?}");
    }
}

#[test]
fn a_body_with_a_hole_is_not_shown() {
    let mut body = Body::new(kind("application/json"));
    body.push(b"{\"a\":1", 1000);
    body.gap();
    body.push(b"}", 1000);
    let piece = body.finish(&Redactor::new(&[1; 32]), 1000);
    assert_eq!(omission(&piece.shown.content), Some(Omission::Gap));
}

#[test]
fn streams_come_event_by_event_however_they_are_cut() {
    let stream = BodyKind { is_stream: true, ..kind("application/json;stream=watch") };
    let content = b"{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n";
    for size in [1, 3, 8, 100] {
        let mut body = Body::new(stream.clone());
        let mut events = Vec::new();
        for piece in content.chunks(size) {
            body.push(piece, 1000);
            while let Some(event) = body.event(&Redactor::new(&[1; 32]), 1000) {
                events.push(event.shown.content);
            }
        }
        let expected = [1, 2, 3].map(|n| Content::Json(format!("{{\"n\":{n}}}\n")));
        assert_eq!(events, expected);
        assert!(body.is_empty());
    }
}

/// `content` in pieces of every length that matters: what it says, and its text or why there is none.
fn events(kind: &BodyKind, content: &[u8], piece: usize) -> Vec<(Option<String>, String)> {
    let redactor = Redactor::new(&[1; 32]);
    let text = |piece: Piece| {
        let text = match piece.shown.content {
            Content::Json(text) | Content::Text(text) => text,
            Content::Omitted { reason, .. } => reason.code().to_owned(),
        };
        (piece.says, text)
    };
    let (mut body, mut events) = (Body::new(kind.clone()), Vec::new());
    for piece in content.chunks(piece) {
        body.push(piece, 1_000);
        while let Some(event) = body.event(&redactor, 1_000) {
            events.push(text(event));
        }
    }
    if !body.is_empty() {
        events.push(text(body.finish(&redactor, 1_000)));
    }
    events
}

#[test]
fn watches_in_protobuf_and_cbor_come_event_by_event() {
    // WatchEvent { type: DELETED, object: { raw: null } } twice.
    let event = b"\0\0\0\x0b\x0a\x07DELETED\x12\0";
    let protobuf =
        BodyKind { is_stream: true, ..kind("application/vnd.kubernetes.protobuf;stream=watch") };
    let item = b"\xd9\xd9\xf7\xa1\x44type\x45ADDED";
    let cbor = BodyKind { is_stream: true, ..kind("application/cbor-seq") };
    for piece in [1, 3, 14, 100] {
        let deleted = (None, r#"{"type":"DELETED","object":null}"#.to_owned());
        assert_eq!(events(&protobuf, &event.repeat(2), piece), [deleted.clone(), deleted]);
        let added = (None, r#"{"type":"ADDED"}"#.to_owned());
        assert_eq!(events(&cbor, &item.repeat(2), piece), [added.clone(), added]);
    }
    let cut = &event[..8];
    assert_eq!(events(&protobuf, cut, 3), [(None, "malformed".to_owned())]);
    assert_eq!(
        events(&cbor, b"\x01\xff\x01", 1),
        [(None, "1".to_owned()), (None, "malformed".to_owned())]
    );
}

fn grpc(path: &str, is_answer: bool) -> BodyKind {
    BodyKind {
        grpc: Some(Method::parse(Some(path), is_answer)),
        grpc_encoding: Some("gzip".to_owned()),
        ..kind("application/grpc")
    }
}

/// A message with gRPC's head.
fn framed(message: &[u8], compressed: bool) -> Vec<u8> {
    let message = if compressed { gzip(message) } else { message.to_vec() };
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[u8::from(compressed)][..], &length, &message].concat()
}

#[test]
fn messages_of_etcd_say_what_they_are_plain_and_compressed() {
    let range = b"\x0a\x14/registry/pods/shop/";
    let expected = (
        Some("etcd Range /registry/pods/shop/".to_owned()),
        r#"{"key":"/registry/pods/shop/"}"#.to_owned(),
    );
    for compressed in [false, true] {
        let content = framed(range, compressed);
        for piece in [1, 4, 1_000] {
            let found = events(&grpc("/etcdserverpb.KV/Range", false), &content, piece);
            assert_eq!(found, std::slice::from_ref(&expected));
        }
    }
    let twice = [framed(range, false), framed(b"", false)].concat();
    assert_eq!(events(&grpc("/etcdserverpb.KV/Range", false), &twice, 7).len(), 2);
}

#[test]
fn what_grpc_carries_of_others_or_of_secrets_is_not_shown() {
    let canary = b"\x0a\x06canary";
    for (path, content, says, text) in [
        (
            "/etcdserverpb.Auth/Authenticate",
            framed(canary, false),
            "etcd Authenticate",
            "undecoded",
        ),
        ("/etcdserverpb.Maintenance/Snapshot", framed(canary, false), "etcd Snapshot", "undecoded"),
        ("/runtime.v1.X/Y", framed(canary, false), "gRPC runtime.v1.X/Y", "undecoded"),
        ("/etcdserverpb.KV/Range", framed(b"\x0a\xff", false), "etcd Range", "malformed"),
        ("/etcdserverpb.KV/Range", vec![1, 0, 0, 0, 1, 9], "etcd Range", "malformed"),
        ("/etcdserverpb.KV/Range", vec![7, 0, 0, 0, 1, 9], "etcd Range", "malformed"),
    ] {
        let found = events(&grpc(path, false), &content, 1_000);
        assert_eq!(found, [(Some(says.to_owned()), text.to_owned())]);
    }
    // Over the bound compressed: a bomb.
    let bomb = framed(&[b' '; 100_000], true);
    assert!(bomb.len() < 1_000);
    assert_eq!(events(&grpc("/etcdserverpb.KV/Put", false), &bomb, 100)[0].1, "over_bound");
    // A value under a key of Secrets goes whatever it says that it is.
    let value = br#"{"kind":"ConfigMap","data":{"a":"canary"}}"#;
    let length = u8::try_from(value.len()).unwrap();
    let put = [&b"\x0a\x13/registry/secrets/a\x12"[..], &[length], value].concat();
    let (says, text) =
        events(&grpc("/etcdserverpb.KV/Put", false), &framed(&put, false), 1_000).remove(0);
    assert_eq!(says.as_deref(), Some("etcd Put /registry/secrets/a"));
    assert!(text.contains("[redacted:") && !text.contains("canary"), "{text}");
}
