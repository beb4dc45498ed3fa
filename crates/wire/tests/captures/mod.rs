//! Goldens as packets and keys, and what the decoder says of them.
#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(missing_docs, unreachable_pub, reason = "tests")]

use std::path::{Path, PathBuf};
use wire::{
    CaptureReader, ConnectionReport, Content, Decoder, Event, Item, Limits, LinkType, Packet,
    Progress, Protocol, Redactor, Side, Tally,
};

#[derive(Debug, Clone)]
pub struct Captured {
    pub time_ns: u64,
    pub link: LinkType,
    pub data: Vec<u8>,
}

#[derive(Debug, Clone, Default)]
pub struct Capture {
    pub packets: Vec<Captured>,
    pub keys: Vec<u8>,
}

pub struct Decoded {
    pub events: Vec<Event>,
    pub tally: Tally,
    pub bytes: u64,
}

impl Decoded {
    pub fn reports(&self) -> impl Iterator<Item = &ConnectionReport> {
        self.events.iter().filter_map(|event| match event {
            Event::Closed(report) => Some(&**report),
            Event::Unit(_) => None,
        })
    }
}

pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens")
}

pub fn all() -> Vec<(String, Capture)> {
    let mut all: Vec<(String, Capture)> = std::fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "pcapng"))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), Capture::read(&path)))
        .collect();
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    all
}

impl Capture {
    pub fn read(path: &Path) -> Self {
        let file = std::fs::read(path).unwrap();
        let mut rest = file.as_slice();
        let mut reader = CaptureReader::new();
        let mut capture = Self::default();
        while let Progress::Item { consumed, item } = reader.read(rest).unwrap() {
            match item {
                Item::Packet(Packet { time_ns, link, data, .. }) => {
                    capture.packets.push(Captured { time_ns, link, data: data.to_vec() });
                }
                Item::Keys(text) => capture.keys.extend_from_slice(text),
                Item::Structure | Item::Dropped(_) => {}
            }
            rest = &rest[consumed..];
        }
        assert!(rest.is_empty());
        capture
    }
}

fn run(capture: &Capture, keys_first: bool) -> Decoded {
    let mut decoder = Decoder::new(Redactor::new(&[7; 32]), Limits::default());
    if keys_first {
        decoder.keys(&capture.keys);
        decoder.end_of_keys();
    }
    let mut bytes = 0;
    for packet in &capture.packets {
        bytes += packet.data.len() as u64;
        let length = u32::try_from(packet.data.len()).unwrap();
        let (time_ns, link, data) = (packet.time_ns, packet.link, packet.data.as_slice());
        decoder.packet(&Packet { time_ns, link, data, length });
    }
    decoder.keys(&capture.keys);
    decoder.finish();
    let events = std::iter::from_fn(|| decoder.event()).collect();
    Decoded { events, tally: decoder.tally().clone(), bytes }
}

pub fn decode(capture: &Capture) -> Decoded {
    run(capture, true)
}

pub fn decode_with_late_keys(capture: &Capture) -> Decoded {
    run(capture, false)
}

/// What was said in messages, without times and numbers, sorted.
pub fn said(events: &[Event]) -> Vec<String> {
    let mut said: Vec<String> = events
        .iter()
        .filter_map(|event| match event {
            Event::Unit(unit) if unit.protocol != Protocol::Tls => {
                let content = match unit.data.as_ref().map(|data| &data.content) {
                    Some(Content::Json(text) | Content::Text(text)) => text.as_str(),
                    Some(Content::Omitted { .. }) => "omitted",
                    None => "",
                };
                let side = if unit.side == Side::Client { "client" } else { "server" };
                Some(format!("{} {side} {} {content}", unit.connection, unit.info))
            }
            _ => None,
        })
        .collect();
    said.sort();
    said
}
