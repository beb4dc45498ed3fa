//! Keys and packets of real programs on this kernel. Needs root, as `make test` does, and Go.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "a suite of tests")]

mod support;

use capture::golang::Program;
use capture::{KeyProbes, PacketRing, ProbeFault, Target, Way};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::time::{Duration, Instant};
use support::{Form, Handshakes};
use wire::{Decoder, Decryption, Event, Limits, Redactor};

const BREAKPOINT: u8 = 0xcc;

fn probes(target: Target) -> KeyProbes {
    let mut probes = KeyProbes::load().unwrap();
    assert!(probes.attach(target).unwrap().is_some());
    probes
}

/// The lines that have come, with how often each did.
fn lines(probes: &mut KeyProbes) -> BTreeMap<String, u32> {
    let mut lines = BTreeMap::new();
    probes.keys(&mut |key| {
        let line = std::str::from_utf8(key.line()).unwrap().trim_end().to_owned();
        *lines.entry(line).or_default() += 1;
    });
    lines
}

fn randoms<'a>(lines: impl Iterator<Item = &'a String>, label: &str) -> BTreeSet<&'a str> {
    lines.filter_map(|line| line.strip_prefix(label)?.trim_start().split(' ').next()).collect()
}

fn write_key_log(form: Form) -> u64 {
    let file = File::open(support::program(form)).unwrap();
    let program = Program::read(&file, &["crypto/tls.(*Config).writeKeyLog"]).unwrap();
    program.functions()[0].unwrap().address
}

#[test]
fn every_handshake_gives_the_keys_that_the_client_has() {
    for (form, way) in [
        (Form::Stripped, Way::Link),
        (Form::PositionIndependent, Way::Link),
        (Form::Stripped, Way::Event),
    ] {
        let mut program = Handshakes::start(form);
        let mut probes = KeyProbes::load_for(way).unwrap();
        probes.attach(Target::of_process(program.pid()).unwrap()).unwrap();
        assert_eq!(probes.way(), way);
        program.connect(13, 50);
        let seen = lines(&mut probes);
        let logged = program.key_log();
        assert_eq!(logged.len(), 200, "{form:?}");
        for line in &logged {
            // Once by the server, once by the client; and again where a signal, by which Go moves its goroutines,
            // came between the breakpoint and the instruction behind it.
            let label = line.split(' ').next().unwrap();
            assert!(seen.get(line).is_some_and(|times| *times >= 2), "{form:?}: {label}");
        }
        let counts = probes.counts();
        assert_eq!((counts.lost, counts.unreadable, counts.odd), (0, 0, 0), "{form:?}");
        assert_eq!(seen.len(), 200, "{form:?}");
    }
}

#[test]
fn tls_1_2_is_seen_when_it_resumes_which_no_key_log_shows() {
    let mut program = Handshakes::start(Form::Stripped);
    let mut probes = probes(Target::of_process(program.pid()).unwrap());
    assert_eq!(program.connect(12, 5), 4, "all but the first are resumed");
    let seen = lines(&mut probes);
    let logged = program.key_log();
    assert_eq!(logged.len(), 1);
    assert!(seen.contains_key(&logged[0]));
    assert_eq!(randoms(seen.keys(), "CLIENT_RANDOM").len(), 5);
}

#[test]
fn packets_and_keys_together_are_what_was_said() {
    for (version, count) in [(13, 3), (12, 3)] {
        let mut program = Handshakes::start(Form::Stripped);
        let mut probes = probes(Target::of_process(program.pid()).unwrap());
        let mut ring = PacketRing::open(None, &[program.port]).unwrap();
        program.connect(version, count);
        let mut decoder = Decoder::new(Redactor::new(&[7; 32]), Limits::default());
        let (mut seen, mut closed) = (Vec::new(), 0);
        let deadline = Instant::now() + Duration::from_secs(10);
        while closed < count {
            assert!(Instant::now() < deadline, "{closed} connections have ended: {seen:?}");
            capture::wait(&[ring.as_fd()], Duration::from_millis(200)).unwrap();
            while let Some(block) = ring.next_block() {
                probes.keys(&mut |key| decoder.keys(key.line()));
                block.packets().for_each(|packet| decoder.packet(&packet));
            }
            while let Some(event) = decoder.event() {
                match event {
                    Event::Unit(unit) => seen.push(format!("{unit:?}")),
                    Event::Closed(report) => {
                        assert_eq!(report.decryption, Decryption::Decrypted, "TLS {version}");
                        assert_eq!((report.requests, report.missing), (1, 0));
                        closed += 1;
                    }
                }
            }
        }
        let said = seen.join("\n");
        for number in 0..count {
            assert!(said.contains(&format!("GET /tls{version}/{number}")), "{said}");
        }
        assert!(!said.contains("canary-of-handshakes"), "the token is not shown");
    }
}

#[test]
fn only_the_process_that_is_meant_is_probed() {
    let (mut meant, mut other) =
        (Handshakes::start(Form::Stripped), Handshakes::start(Form::Stripped));
    let address = write_key_log(Form::Stripped);
    let mut probes = probes(Target::of_process(meant.pid()).unwrap());
    assert_eq!(meant.byte_at(address), BREAKPOINT);
    assert_ne!(other.byte_at(address), BREAKPOINT);
    other.connect(13, 3);
    assert_eq!(lines(&mut probes).len(), 0, "the other runs the same file");
    meant.connect(13, 1);
    assert_eq!(lines(&mut probes).len(), 4);
}

#[test]
fn a_file_is_probed_in_processes_that_start_later_too() {
    // A copy, because other tests watch processes of the file itself.
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("copy");
    std::fs::copy(support::program(Form::Stripped), &copy).unwrap();
    let mut probes = probes(Target::of_file(&copy).unwrap());
    assert!(probes.attach(Target::of_file(&copy).unwrap()).unwrap().is_none(), "it is probed once");
    let mut programs = [Handshakes::start_file(&copy), Handshakes::start_file(&copy)];
    for program in &mut programs {
        program.connect(13, 1);
        let seen = lines(&mut probes);
        assert_eq!(
            seen.into_keys().collect::<BTreeSet<_>>(),
            program.key_log().into_iter().collect()
        );
    }
}

#[test]
fn nothing_is_left_in_the_process_when_the_probes_go() {
    let mut program = Handshakes::start(Form::Stripped);
    let address = write_key_log(Form::Stripped);
    let before = program.byte_at(address);
    for _ in 0..3 {
        let mut probes = probes(Target::of_process(program.pid()).unwrap());
        assert_eq!(program.byte_at(address), BREAKPOINT);
        program.connect(13, 1);
        assert_eq!(lines(&mut probes).len(), 4);
        drop(probes);
        assert_eq!(program.byte_at(address), before);
    }
    program.connect(13, 10);
}

#[test]
fn a_burst_of_handshakes_waits_until_somebody_looks() {
    let mut program = Handshakes::start(Form::Stripped);
    let mut probes = probes(Target::of_process(program.pid()).unwrap());
    program.connect(13, 3000);
    assert_eq!(lines(&mut probes).len(), 12_000);
    assert_eq!(probes.counts().lost, 0);
}

#[test]
fn programs_that_make_no_go_keys_are_refused_by_name() {
    let mut probes = KeyProbes::load().unwrap();
    let own = std::env::current_exe().unwrap();
    let shell = Path::new("/bin/sh");
    for path in [own.as_path(), shell, Path::new("/etc/passwd")] {
        let refused = probes.attach(Target::of_file(path).unwrap()).unwrap_err();
        assert!(matches!(refused, ProbeFault::Program { .. }), "{refused}");
        assert!(refused.to_string().contains(path.to_str().unwrap()), "{refused}");
    }
    assert!(probes.probed().is_empty());
}

/// Payloads of the packets that come until one holds this, each with its length on the wire.
fn payloads_until(ring: &mut PacketRing, last: &[u8]) -> Vec<Vec<u8>> {
    let mut payloads = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        assert!(Instant::now() < deadline, "the last packet did not come");
        capture::wait(&[ring.as_fd()], Duration::from_millis(200)).unwrap();
        while let Some(block) = ring.next_block() {
            for packet in block.packets() {
                let header = usize::from(packet.data[0] & 0xf) * 4;
                let options = usize::from(packet.data[header + 12] >> 4) * 4;
                let payload = &packet.data[header + options..];
                if !payload.is_empty() {
                    payloads.push(payload.to_vec());
                }
                if payload.windows(last.len()).any(|it| it == last) {
                    return payloads;
                }
            }
        }
    }
}

fn pair() -> (TcpStream, TcpStream, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let client = TcpStream::connect(address).unwrap();
    (client, listener.accept().unwrap().0, address.port())
}

#[test]
fn packets_of_the_ports_come_once_and_of_no_others() {
    for interface in [Some("lo"), None] {
        let (mut wanted, mut server, port) = pair();
        let (mut unwanted, ..) = pair();
        let mut ring = PacketRing::open(interface, &[port]).unwrap();
        unwanted.write_all(b"not asked for").unwrap();
        wanted.write_all(b"asked").unwrap();
        server.read_exact(&mut [0; 5]).unwrap();
        server.write_all(b"answered").unwrap();
        wanted.read_exact(&mut [0; 8]).unwrap();
        wanted.write_all(b"last").unwrap();
        let payloads = payloads_until(&mut ring, b"last");
        let expected: [&[u8]; 3] = [b"asked", b"answered", b"last"];
        assert_eq!(payloads, expected, "{interface:?}");
        assert_eq!(ring.dropped(), 0);
    }
}

#[test]
fn what_the_ring_has_no_room_for_is_counted() {
    let (mut client, mut server, port) = pair();
    let mut ring = PacketRing::open(Some("lo"), &[port]).unwrap();
    let reader =
        std::thread::spawn(move || std::io::copy(&mut server, &mut std::io::sink()).unwrap());
    let piece = vec![7; 1024 * 1024];
    for _ in 0..2 * capture::RING_BYTES / piece.len() {
        client.write_all(&piece).unwrap();
    }
    drop(client);
    reader.join().unwrap();
    assert!(ring.dropped() > 100, "nobody has read");
    let before = ring.dropped();
    assert_eq!(ring.dropped(), before, "each is counted once");
    let mut kept = 0;
    while let Some(block) = ring.next_block() {
        kept += block.packets().map(|packet| packet.data.len()).sum::<usize>();
    }
    assert!(kept > capture::RING_BYTES / 2, "{kept} bytes were kept");
}

#[test]
fn an_interface_that_is_not_there_and_ports_that_are_too_many_are_named() {
    let fault = PacketRing::open(Some("no-such-if"), &[1]).unwrap_err();
    assert!(fault.to_string().contains("`no-such-if`"), "{fault}");
    let fault = PacketRing::open(None, &[1; 65]).unwrap_err();
    assert!(fault.to_string().contains("1 to 64"), "{fault}");
}
