use super::*;
use crate::redact::{Content, Omission};
use crate::scene::units;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

fn data(stream: u32, payload: &[u8]) -> Vec<u8> {
    frame(frames::DATA, 0, stream, payload)
}

/// The end of a message without more content.
fn end(stream: u32) -> Vec<u8> {
    frame(frames::DATA, frames::FLAG_END_STREAM, stream, b"")
}

/// `GET /version`.
fn request(stream: u32) -> Vec<u8> {
    let block = [&b"\x82\x04\x08"[..], b"/version"].concat();
    frame(frames::HEADERS, frames::FLAG_END_HEADERS | frames::FLAG_END_STREAM, stream, &block)
}

/// `200` and `text/plain`.
fn answer(stream: u32) -> Vec<u8> {
    let block = [&b"\x88\x0f\x10\x0a"[..], b"text/plain"].concat();
    frame(frames::HEADERS, frames::FLAG_END_HEADERS, stream, &block)
}

/// What was shown of content, of which every byte is accounted for.
fn shown(sent: &[(Side, Vec<u8>)]) -> Vec<Content> {
    let (units, accounts) = units(|scene| {
        let mut http = Http2::default();
        http.data(Side::Client, PREFACE, scene);
        for (side, bytes) in sent {
            http.data(*side, bytes, scene);
        }
        http.finish(scene);
    });
    let bytes: usize = sent.iter().map(|(_, bytes)| bytes.len()).sum();
    assert_eq!(accounts.content.total(), (PREFACE.len() + bytes) as u64);
    units.into_iter().filter_map(|unit| unit.data.map(|data| data.content)).collect()
}

fn omission(content: &Content) -> Option<Omission> {
    match content {
        Content::Omitted { reason, .. } => Some(*reason),
        Content::Json(_) | Content::Text(_) => None,
    }
}

#[test]
fn content_whose_head_was_not_seen_is_taken_for_a_secrets() {
    for side in Side::BOTH {
        for (content, reason) in [
            (&b"  password: canary\nkind: "[..], Omission::Secret),
            (b"canary\"},\"kind\":\"", Omission::Secret),
            (b" \"canary\"", Omission::Secret),
            (b"[\"canary\"]", Omission::Secret),
            (b"1234", Omission::Secret),
            (b"\x12\x06canary\x1a\0", Omission::Undecoded),
            (b"\0\0\0\0\x08\x0a\x06canary", Omission::Undecoded),
        ] {
            let found = shown(&[(side, data(1, content)), (side, end(1))]);
            assert_eq!(found.iter().map(omission).collect::<Vec<_>>(), [Some(reason)]);
            // Of what is not whole nothing is said.
            let found = shown(&[(side, data(1, content))]);
            assert_eq!(found.iter().map(omission).collect::<Vec<_>>(), [Some(Omission::Gap)]);
        }
        let object = br#"{"apiVersion":"v1","data":{"a":"canary"}}"#;
        let found = format!("{:?}", shown(&[(side, data(1, object)), (side, end(1))]));
        assert!(found.contains("apiVersion") && !found.contains("canary"), "{found}");
    }
    // With its head it is shown.
    let known = [
        (Side::Client, request(1)),
        (Side::Server, answer(1)),
        (Side::Server, data(1, b"v1.36")),
        (Side::Server, end(1)),
    ];
    assert_eq!(shown(&known), [Content::Text("v1.36".to_owned())]);
}

#[test]
fn what_comes_after_the_end_of_a_message_has_no_head() {
    let sent = [
        (Side::Server, answer(1)),
        (Side::Server, end(1)),
        (Side::Server, data(1, b"canary")),
        (Side::Server, end(1)),
    ];
    assert_eq!(shown(&sent).iter().map(omission).collect::<Vec<_>>(), [Some(Omission::Secret)]);
}

#[test]
fn a_stream_that_made_room_for_another_has_lost_its_head_and_no_other_has() {
    let last = u32::try_from(STREAMS_MAX).unwrap();
    let mut sent = vec![(Side::Client, request(1)), (Side::Server, answer(1))];
    sent.push((Side::Server, data(1, b"v1")));
    sent.extend((2..=last).map(|stream| (Side::Server, data(stream, b""))));
    let mut whole = sent.clone();
    // What goes on needs no room.
    whole.extend([(Side::Server, data(last, b"")), (Side::Server, data(1, b".36"))]);
    whole.push((Side::Server, end(1)));
    assert_eq!(shown(&whole), [Content::Text("v1.36".to_owned())]);

    sent.push((Side::Server, data(last + 1, b"")));
    sent.extend([(Side::Server, data(1, b"canary")), (Side::Server, end(1))]);
    let found: Vec<_> = shown(&sent).iter().map(omission).collect();
    assert_eq!(found, [Some(Omission::Gap), Some(Omission::Secret)]);
}
