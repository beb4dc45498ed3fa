//! What the decoder makes of captures that other people's programs made, against what tshark makes of them.
//! The captures and tshark's words are written by `goldens/make`.
#![allow(clippy::unwrap_used, reason = "tests")]

mod captures;

use captures::{Capture, decode};
use std::path::Path;
use wire::{Content, Decryption, Event, Side};

/// Lines that we have and tshark has not, and why.
const KNOWN_DIFFERENCES: &[(&str, &str)] = &[
    // Go logs no key when TLS 1.2 resumes; tshark 4.0 does not carry the session's over, we do.
    ("go-tls12-resumed-h1", "connection 2"),
    // tshark tells an answer that goes on until the end of the connection only with a FIN it has seen.
    ("openssl-", "200"),
];

/// A message's start as both programs tell it: connection, streams, method, path, status.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    connection: u64,
    streams: Vec<String>,
    request: Option<(String, String)>,
    status: Option<String>,
}

fn of_tshark(tsv: &str) -> Vec<Line> {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    tsv.lines()
        .map(|line| {
            let mut columns = line.split('\t').chain(std::iter::repeat(""));
            let mut next = || columns.next().unwrap_or_default();
            let connection = next().parse::<u64>().unwrap() + 1;
            let streams = next().split(',').filter_map(some).collect();
            let (method2, path2, status2, method1, path1, status1) =
                (next(), next(), next(), next(), next(), next());
            let (method, path) =
                if method2.is_empty() { (method1, path1) } else { (method2, path2) };
            let request = some(method).map(|method| (method, path.to_owned()));
            Line { connection, streams, request, status: some(status2).or_else(|| some(status1)) }
        })
        .collect()
}

fn of_ours(events: &[Event]) -> Vec<Line> {
    let units = events.iter().filter_map(|event| match event {
        Event::Unit(unit) if !unit.headers.is_empty() => Some(unit),
        _ => None,
    });
    units
        .filter(|unit| unit.side == Side::Client || unit.status.is_some())
        .map(|unit| {
            let call = unit.call.as_ref();
            let request = call.filter(|_| unit.side == Side::Client).map(|call| {
                (call.method.clone().unwrap_or_default(), call.path.clone().unwrap_or_default())
            });
            Line {
                connection: unit.connection,
                streams: unit.stream.iter().map(u32::to_string).collect(),
                request,
                status: unit.status.map(|status| status.to_string()),
            }
        })
        .collect()
}

fn is_known(name: &str, line: &Line) -> bool {
    KNOWN_DIFFERENCES.iter().any(|(golden, what)| {
        name.starts_with(golden)
            && (line.status.as_deref() == Some(what)
                || format!("connection {}", line.connection) == *what)
    })
}

fn same(ours: &Line, theirs: &Line) -> bool {
    // A packet with several frames names all of their streams.
    ours.connection == theirs.connection
        && ours.request == theirs.request
        && ours.status == theirs.status
        && ours.streams.iter().all(|stream| theirs.streams.contains(stream))
}

#[test]
fn every_golden_says_what_tshark_says() {
    let mut seen = 0;
    for (name, capture) in captures::all() {
        let tsv =
            std::fs::read_to_string(captures::directory().join(format!("{name}.tsv"))).unwrap();
        let theirs = of_tshark(&tsv);
        let mut rest = theirs.iter();
        let mut expected = rest.next();
        for ours in of_ours(&decode(&capture).events) {
            match expected {
                Some(line) if same(&ours, line) => expected = rest.next(),
                _ => assert!(is_known(&name, &ours), "{name}: {ours:?}, tshark says {expected:?}"),
            }
        }
        assert_eq!(expected, None, "{name}: tshark has a message that we have not");
        assert!(!theirs.is_empty(), "{name}: tshark found nothing");
        seen += 1;
    }
    assert!(seen >= 15, "only {seen} goldens: run goldens/make");
}

#[test]
fn every_golden_is_decrypted_whole_and_every_byte_accounted_for() {
    for (name, capture) in captures::all() {
        let decoded = decode(&capture);
        assert_eq!(decoded.tally.total(), decoded.bytes, "{name}");
        for event in &decoded.events {
            let Event::Closed(report) = event else { continue };
            assert_eq!(report.decryption, Decryption::Decrypted, "{name}: {report:?}");
            assert_eq!(report.wire.reasons().count(), 0, "{name}: {report:?}");
            assert_eq!(report.content.reasons().count(), 0, "{name}: {report:?}");
            assert_eq!(report.missing, 0, "{name}");
        }
    }
}

#[test]
fn no_canary_leaves_the_decoder() {
    for (name, capture) in captures::all() {
        let shown = format!("{:?}", decode(&capture).events);
        for canary in ["canary-token", "Y2FuYXJ5"] {
            assert!(!shown.contains(canary), "{name} shows {canary}");
        }
    }
}

#[test]
fn compressed_lists_and_watches_are_shown_whole_and_event_by_event() {
    let capture = Capture::read(&captures::directory().join("go-tls13-h2.pcapng"));
    let decoded = decode(&capture);
    let json = |wanted: &str| {
        let units = decoded.events.iter().filter_map(|event| match event {
            Event::Unit(unit) => Some(unit),
            Event::Closed(_) => None,
        });
        units
            .filter(|unit| {
                unit.call.as_ref().is_some_and(|call| call.verb.as_deref() == Some(wanted))
            })
            .filter_map(|unit| match unit.data.as_ref().map(|data| &data.content) {
                Some(Content::Json(text)) => Some(text.clone()),
                _ => None,
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(json("watch").len(), 3);
    assert!(json("watch")[2].contains("\"c2\""));
    assert!(
        json("list").iter().any(|text| text.contains("DeploymentList") && text.contains("last"))
    );
}

#[test]
fn without_keys_nothing_is_shown_and_the_reason_is_told() {
    let path = captures::directory().join("go-tls13-h2.pcapng");
    let mut capture = Capture::read(Path::new(&path));
    let keys = std::mem::take(&mut capture.keys);
    let decoded = decode(&capture);
    let reports: Vec<_> = decoded.reports().collect();
    assert_eq!(reports[0].decryption, Decryption::NoKey);
    assert!(reports[0].wire.skipped(wire::Skip::NoKey) > 0);
    assert_eq!(decoded.tally.total(), decoded.bytes);
    // Another connection's key does not open it, and says so.
    let mut wrong = keys.clone();
    for line in wrong.split_mut(|byte| *byte == b'\n') {
        if let Some(last) = line.iter_mut().rev().find(|byte| byte.is_ascii_hexdigit()) {
            *last = if *last == b'0' { b'1' } else { b'0' };
        }
    }
    capture.keys = wrong;
    let reports: Vec<_> = decode(&capture).reports().cloned().collect();
    assert_eq!(reports[0].decryption, Decryption::KeyMismatch);
    // A key that comes after everything else opens all that was parked.
    capture.keys = keys;
    let early = decode(&capture);
    let late = captures::decode_with_late_keys(&capture);
    assert_eq!(captures::said(&early.events), captures::said(&late.events));
}
