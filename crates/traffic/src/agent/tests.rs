//! The spool at its bounds and after a restart, and what is read of a batch.

use super::batch::Batch;
use super::spool::{Spool, SpoolFault};
use super::{AgentName, stream_name};
use crate::rows::LINE_CHARS_MAX;
use model::Timestamp;
use proptest::prelude::*;
use serde_json::json;
use std::fs;
use std::time::{Duration, SystemTime};
use store::{TrafficBody, TrafficContent};
use wire::hpack::FIELDS_MAX;

const STREAM: &str = "000000000000000a00000001";

fn names(directory: &std::path::Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".batch"))
        .collect();
    names.sort();
    names
}

#[test]
fn batches_leave_in_the_order_in_which_they_came_and_survive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("spool");
    let mut spool = Spool::open(&place, 1000).unwrap();
    for sequence in [1, 2, 10] {
        spool.add(STREAM, sequence, 3, format!("batch {sequence}").as_bytes()).unwrap();
    }
    drop(spool);
    fs::write(place.join("unfinished"), "half a ba").unwrap();
    fs::write(place.join("notes.txt"), "somebody's").unwrap();
    let mut spool = Spool::open(&place, 1000).unwrap();
    // A later run's stream sorts behind.
    let later = stream_name(Timestamp::now(), [0; 4]);
    spool.add(&later, 1, 1, b"later").unwrap();
    for expected in ["batch 1", "batch 2", "batch 10", "later"] {
        let (batch, text) = spool.oldest().unwrap();
        assert_eq!(text, expected.as_bytes());
        // Until it is removed it is the oldest.
        assert_eq!(spool.oldest().unwrap().0, batch);
        spool.remove(&batch).unwrap();
    }
    assert!(spool.oldest().is_none());
    assert_eq!((spool.bytes(), spool.lost(), names(&place).len()), (0, 0, 0));
    assert!(place.join("notes.txt").exists());
}

#[test]
fn at_its_bound_the_oldest_go_and_are_counted() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(directory.path(), 100).unwrap();
    for sequence in 1..=4 {
        spool.add(STREAM, sequence, sequence, &[b'x'; 30]).unwrap();
    }
    // The fourth took the first one's place.
    assert_eq!((spool.bytes(), spool.lost()), (90, 1));
    let (on_its_way, _) = spool.oldest().unwrap();
    spool.add(STREAM, 5, 5, &[b'x'; 90]).unwrap();
    assert_eq!((spool.bytes(), spool.lost()), (90, 1 + 2 + 3 + 4));
    // The hub has taken one that went in the meantime: nobody else's is removed for it.
    spool.remove(&on_its_way).unwrap();
    assert_eq!(names(directory.path()).len(), 1);
    assert!(spool.add(STREAM, 6, 6, &[b'x'; 101]).is_err(), "no room will ever do");
    assert_eq!(spool.oldest().unwrap().0.units, 5);
    assert!(spool.lag(SystemTime::now() + Duration::from_secs(9)) >= Duration::from_secs(8));
}

#[test]
fn two_agents_do_not_share_a_spool() {
    let directory = tempfile::tempdir().unwrap();
    let first = Spool::open(directory.path(), 100).unwrap();
    assert!(matches!(Spool::open(directory.path(), 100), Err(SpoolFault::Taken(_))));
    drop(first);
    Spool::open(directory.path(), 100).unwrap();
}

#[test]
fn a_batch_that_vanished_or_cannot_be_read_holds_nothing_up() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(directory.path(), 100).unwrap();
    spool.add(STREAM, 1, 7, b"one").unwrap();
    spool.add(STREAM, 2, 1, b"two").unwrap();
    fs::remove_file(directory.path().join(&names(directory.path())[0])).unwrap();
    assert_eq!(spool.oldest().unwrap().1, b"two");
    assert_eq!((spool.lost(), spool.bytes()), (7, 3));
}

#[test]
fn an_agents_name_reads_back_and_nothing_else_does() {
    let name: AgentName = "sallyport://agent/one/node-1.example".parse().unwrap();
    assert_eq!(name.to_string(), "sallyport://agent/one/node-1.example");
    for odd in [
        "",
        "sallyport://agent/one",
        "sallyport://agent/one/",
        "sallyport://agent//node",
        "sallyport://agent/one/node/more",
        "sallyport://agent/One/node",
        "https://agent/one/node",
    ] {
        assert!(odd.parse::<AgentName>().is_err(), "{odd}");
    }
}

/// A batch of one unit with a body.
fn with_body(body: serde_json::Value) -> Vec<u8> {
    let unit = json!({
        "number": 1, "at": "2026-01-31T12:00:00Z", "connection": 1, "from_client": true,
        "source": "10.0.0.9:40000", "destination": "10.0.0.1:6443", "protocol": "HTTP/2", "length": 5,
        "info": "HEADERS[1]", "stream": 1, "request": null, "user": null, "method": "GET",
        "path": "/api/v1/pods", "verb": "list", "group": "", "version": "v1", "resource": "pods",
        "subresource": null, "namespace": null, "name": null, "status": null, "latency_us": null,
    });
    let batch = json!({
        "version": 1, "cluster": "one", "node": "node-1", "stream": STREAM, "sequence": 1,
        "units": [[unit, body]], "closed": [],
    });
    batch.to_string().into_bytes()
}

fn body_of(headers: &[(Option<String>, Option<String>)], media_type: &str) -> serde_json::Value {
    let body = TrafficBody {
        headers: headers.to_vec(),
        media_type: Some(media_type.to_owned()),
        length: None,
        content: TrafficContent::None,
        cut: false,
    };
    serde_json::to_value(body).unwrap()
}

fn field(name: &str, value: &str) -> (Option<String>, Option<String>) {
    (Some(name.to_owned()), Some(value.to_owned()))
}

#[test]
fn headers_of_a_batch_move_no_cursor_and_are_as_many_as_a_decoder_keeps() {
    let hostile =
        [field("x\u{1b}[2J", "a\r\n\u{202e}b"), (None, Some("\u{7f}".to_owned())), (None, None)];
    let read = Batch::read(&with_body(body_of(&hostile, "text/plain\u{1b}]0;x\u{7}"))).unwrap();
    let body = read.units[0].1.as_ref().unwrap();
    let clean = [field("x [2J", "a   b"), (None, Some(" ".to_owned())), (None, None)];
    assert_eq!(body.headers, clean);
    assert_eq!(body.media_type.as_deref(), Some("text/plain ]0;x "));

    let fields = |count: usize| vec![field("accept", "*/*"); count];
    assert!(Batch::read(&with_body(body_of(&fields(FIELDS_MAX), ""))).is_ok());
    let refused = Batch::read(&with_body(body_of(&fields(FIELDS_MAX + 1), ""))).unwrap_err();
    assert_eq!(refused.to_string(), "its number of headers is not what an agent sends");

    // The longest head that HTTP/1.1 may have here, of bytes that each show as four.
    let long = [field("x", &"\\xff".repeat(1024 * 1024))];
    let read = Batch::read(&with_body(body_of(&long, &"m".repeat(5000)))).unwrap();
    let body = read.units[0].1.as_ref().unwrap();
    assert_eq!(body.headers, long);
    assert_eq!(body.media_type.as_ref().unwrap().chars().count(), LINE_CHARS_MAX + 1);
    let longer = [field("x", &"y".repeat(3 << 20)), field(&"z".repeat(3 << 20), "")];
    let refused = Batch::read(&with_body(body_of(&longer, ""))).unwrap_err();
    assert_eq!(refused.to_string(), "its headers' length is not what an agent sends");
}

proptest! {
    #[test]
    fn no_text_makes_a_batch_panic(text in ".{0,200}") {
        let _ = Batch::read(text.as_bytes());
    }
}
