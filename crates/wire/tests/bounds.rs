//! Floods and forgeries against a decoder: it stays within its limits and goes on decoding.
#![allow(clippy::unwrap_used, reason = "tests")]

mod captures;

use captures::{Capture, said};
use std::net::Ipv4Addr;
use wire::{Decoder, Event, Limits, LinkType, Packet, Redactor};

/// A TCP segment in a raw IPv4 packet.
fn segment(source: u32, port: u16, flags: u8, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(40 + payload.len()).unwrap().to_be_bytes();
    let mut packet = vec![0x45, 0, length[0], length[1], 0, 0, 0, 0, 64, 6, 0, 0];
    packet.extend(Ipv4Addr::from(source).octets());
    packet.extend([10, 0, 0, 1]);
    packet.extend(port.to_be_bytes());
    packet.extend(6443_u16.to_be_bytes());
    packet.extend(sequence.to_be_bytes());
    packet.extend([0, 0, 0, 0, 0x50, flags, 0, 0, 0, 0, 0, 0]);
    packet.extend(payload);
    packet
}

fn feed(decoder: &mut Decoder, time_ns: u64, data: &[u8]) {
    let length = u32::try_from(data.len()).unwrap();
    decoder.packet(&Packet { time_ns, link: LinkType::Raw, data, length });
}

#[test]
fn a_million_half_open_connections_leave_the_table_within_its_bound() {
    let limits = Limits { connections_max: 5_000, ..Limits::default() };
    let mut decoder = Decoder::new(Redactor::new(&[7; 32]), limits);
    for source in 0..1_000_000_u32 {
        feed(&mut decoder, u64::from(source), &segment(source, 40_000, 0x02, source, b""));
    }
    assert_eq!(decoder.held_bytes(), 0);
    assert!(decoder.event().is_none(), "nothing was said");
    let request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    feed(&mut decoder, 2_000_000, &segment(9, 41_000, 0x02, 0, b""));
    feed(&mut decoder, 2_000_001, &segment(9, 41_000, 0x18, 1, request));
    let Some(Event::Unit(unit)) = decoder.event() else { panic!("the request was not decoded") };
    assert_eq!(unit.info, "GET /healthz");
}

#[test]
fn what_is_held_stays_within_its_bound() {
    let limits = Limits { held_bytes_max: 1024 * 1024, ..Limits::default() };
    let mut decoder = Decoder::new(Redactor::new(&[7; 32]), limits);
    // Each connection sends far behind a hole that never fills.
    for port in 0..100_u16 {
        feed(&mut decoder, 0, &segment(1, 10_000 + port, 0x02, 0, b""));
        for nth in 0..40_u32 {
            let packet = segment(1, 10_000 + port, 0x18, 1000 + nth * 8000, &[0; 8000]);
            feed(&mut decoder, 1, &packet);
        }
        assert!(decoder.held_bytes() <= 1024 * 1024, "{}", decoder.held_bytes());
    }
}

#[test]
fn a_forged_reset_or_segment_ends_nothing() {
    let capture = Capture::read(&captures::directory().join("go-tls13-h2.pcapng"));
    let expected = said(&captures::decode(&capture).events);
    let mut forged = capture.clone();
    let place = forged.packets.len() / 2;
    let mut reset = forged.packets[place].clone();
    // Ethernet and IPv4 of 34 bytes: the sequence number is at 38, the flags at 47.
    reset.data[38] ^= 0x10;
    reset.data[47] = 0x14;
    reset.data.truncate(66);
    reset.data[16..18].copy_from_slice(&52_u16.to_be_bytes());
    forged.packets.insert(place, reset);
    assert_eq!(said(&captures::decode(&forged).events), expected);
}

/// A client that says something, closes, and resets what it still gets: whether that ends the connection.
fn ends_with_reset(said: &[u8], reset_behind_fin: u32) -> bool {
    let mut decoder = Decoder::new(Redactor::new(&[7; 32]), Limits::default());
    let length = u32::try_from(said.len()).unwrap();
    feed(&mut decoder, 1, &segment(9, 41_000, 0x02, 0, b""));
    feed(&mut decoder, 2, &segment(9, 41_000, 0x18, 1, said));
    feed(&mut decoder, 3, &segment(9, 41_000, 0x01, 1 + length, b""));
    feed(
        &mut decoder,
        4,
        &segment(9, 41_000, 0x04, (1 + length).wrapping_add(reset_behind_fin), b""),
    );
    std::iter::from_fn(|| decoder.event()).any(|event| matches!(event, Event::Closed(_)))
}

#[test]
fn a_reset_behind_a_fin_ends_a_connection_that_waits_for_nothing() {
    let request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    assert!(ends_with_reset(request, 1));
    // What is held may yet be decoded, as what waits for its key.
    assert!(!ends_with_reset(b"GET /healthz HT", 1));
    for elsewhere in [2, 1_000, u32::MAX] {
        assert!(!ends_with_reset(request, elsewhere), "{elsewhere} behind the FIN");
    }
}
