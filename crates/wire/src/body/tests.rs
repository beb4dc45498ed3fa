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
    body.finish(&Redactor::new(&[1; 32]), 1_000_000).content
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
        (kind("application/vnd.kubernetes.protobuf"), b"k8s\0".to_vec(), Omission::Undecoded),
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
    let shown = body.finish(&Redactor::new(&[1; 32]), 1000);
    assert_eq!(omission(&shown.content), Some(Omission::Gap));
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
                events.push(event.content);
            }
        }
        let expected = [1, 2, 3].map(|n| Content::Json(format!("{{\"n\":{n}}}\n")));
        assert_eq!(events, expected);
        assert!(body.is_empty());
    }
}
