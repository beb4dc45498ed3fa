//! `sallyport traffic capture` as an operator runs it, on a Go program that makes TLS connections when told to.
//! Needs root, as `make test` does, and Go.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a fixture that cannot be made fails its test"
)]

#[path = "../../capture/tests/support/mod.rs"]
mod programs;
mod support;

use programs::{Form, Handshakes, program};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStderr, Command, Stdio};
use support::{run, sallyport};

const BREAKPOINT: u8 = 0xcc;

struct Capture {
    child: Child,
    aside: BufReader<ChildStderr>,
}

impl Capture {
    /// Starts a capture and waits until it says whose keys it takes.
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut aside = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.starts_with("keys from ") {
            line.clear();
            assert!(aside.read_line(&mut line).unwrap() > 0, "it has ended");
            assert!(!line.starts_with("sallyport:"), "{line}");
        }
        Self { child, aside }
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    fn end(mut self) -> (Option<i32>, String, String) {
        let (mut out, mut aside) = (String::new(), String::new());
        self.child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        self.aside.read_to_string(&mut aside).unwrap();
        (self.child.wait().unwrap().code(), out, aside)
    }
}

fn capture(arguments: &[&str]) -> Command {
    sallyport(&[&["traffic", "capture"], arguments].concat())
}

/// The same under these capabilities and no others.
fn with_capabilities(capabilities: &str, arguments: &[&str]) -> Command {
    let plain = capture(arguments);
    let mut command = Command::new("setpriv");
    command
        .args(["--bounding-set", &format!("-all,{capabilities}"), "--inh-caps", "-all"])
        .arg(plain.get_program())
        .args(plain.get_args());
    command
}

fn write_key_log() -> u64 {
    let file = std::fs::File::open(program(Form::Stripped)).unwrap();
    let names = ["crypto/tls.(*Config).writeKeyLog"];
    let program = ::capture::golang::Program::read(&file, &names).unwrap();
    program.functions()[0].unwrap().address
}

#[test]
fn requests_are_shown_while_they_are_made_and_an_account_when_it_is_ended() {
    let mut watched = Handshakes::start(Form::Stripped);
    let (pid, port) = (watched.pid().to_string(), watched.port.to_string());
    let started =
        Capture::start(capture(&["--process", &pid, "--port", &port, "--format", "json"]));
    let mut started = started;
    watched.connect(13, 2);
    assert_eq!(watched.connect(12, 3), 2);
    // The last answer is shown before anything is ended.
    let mut output = BufReader::new(started.child.stdout.take().unwrap());
    let mut said = String::new();
    while said.matches("\"status\":200").count() < 5 {
        assert!(output.read_line(&mut said).unwrap() > 0, "{said}");
    }
    started.signal("-INT");
    output.read_to_string(&mut said).unwrap();
    assert_eq!(started.child.wait().unwrap().code(), Some(0));
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let paths: Vec<&str> = lines
        .iter()
        .filter(|line| line["side"] == "client")
        .filter_map(|line| line["call"]["path"].as_str())
        .collect();
    assert_eq!(paths, ["/tls13/0", "/tls13/1", "/tls12/0", "/tls12/1", "/tls12/2"]);
    let [.., keys, summary] = &lines[..] else { panic!("{said}") };
    assert_eq!((&keys["type"], &keys["lost"]), (&"keys".into(), &0.into()), "{keys}");
    assert_eq!((&summary["requests"], &summary["dropped"]), (&5.into(), &0.into()), "{summary}");
    assert_eq!(summary["missing"], 0);
    assert!(!said.contains("canary-of-handshakes"));
}

#[test]
fn a_connection_without_a_key_is_told_with_what_to_do() {
    let (mut watched, mut other) =
        (Handshakes::start(Form::Stripped), Handshakes::start(Form::Stripped));
    let (pid, ports) =
        (watched.pid().to_string(), [watched.port.to_string(), other.port.to_string()]);
    let arguments = ["--process", &pid, "--port", &ports[0], "--port", &ports[1]];
    let started = Capture::start(capture(&[&arguments[..], &["--count", "14"]].concat()));
    other.connect(12, 1);
    watched.connect(13, 20);
    let (code, out, aside) = started.end();
    assert_eq!(code, Some(0), "{aside}");
    assert_eq!(out.lines().count(), 15, "a heading and as many as were asked for: {out}");
    let line =
        aside.lines().find(|line| line.contains(": no key (")).unwrap_or_else(|| panic!("{aside}"));
    assert!(
        line.contains(&format!("127.0.0.1:{}", other.port)) && line.contains("--process"),
        "{line}"
    );
}

#[test]
fn keys_of_a_log_are_followed_while_it_grows() {
    let mut watched = Handshakes::start(Form::Stripped);
    let (log, port) = (watched.key_log_path().display().to_string(), watched.port.to_string());
    let flags = ["--keys", &log, "--port", &port, "--filter", "status == 200", "--count", "3"];
    let started = Capture::start(capture(&flags));
    watched.connect(13, 3);
    let (code, out, aside) = started.end();
    assert_eq!(code, Some(0), "{aside}");
    assert_eq!(out.matches("← GET /tls13/").count(), 3, "{out}{aside}");
}

#[test]
fn a_capture_that_is_killed_leaves_nothing_in_the_program() {
    let mut watched = Handshakes::start(Form::Stripped);
    let address = write_key_log();
    let before = watched.byte_at(address);
    let pid = watched.pid().to_string();
    let started = Capture::start(capture(&["--process", &pid]));
    assert_eq!(watched.byte_at(address), BREAKPOINT);
    started.signal("-KILL");
    assert_eq!(started.end().0, None);
    assert_eq!(watched.byte_at(address), before);
    watched.connect(13, 5);
}

#[test]
fn three_capabilities_are_enough_and_each_that_is_missing_is_named() {
    // A copy, because a file is probed in every process, and other tests watch the file itself.
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("copy");
    std::fs::copy(program(Form::Stripped), &copy).unwrap();
    let mut watched = Handshakes::start_file(&copy);
    let (file, port) = (copy.to_str().unwrap(), watched.port.to_string());
    let flags = ["--binary", file, "--port", &port, "--count", "12"];
    let started = Capture::start(with_capabilities("+bpf,+perfmon,+net_raw", &flags));
    watched.connect(13, 1);
    let (code, out, aside) = started.end();
    assert_eq!(code, Some(0), "{aside}");
    assert!(out.contains("GET /tls13/0"), "{out}{aside}");

    let pid = watched.pid().to_string();
    let by_process = ["--process", &*pid];
    for (capabilities, flags, named) in [
        ("+perfmon,+net_raw", &flags[..], "CAP_BPF"),
        ("+bpf,+net_raw", &flags[..], "CAP_PERFMON"),
        ("+bpf,+perfmon", &flags[..], "CAP_NET_RAW"),
        ("+bpf,+perfmon,+net_raw", &by_process[..], "CAP_SYS_PTRACE"),
    ] {
        let said = with_capabilities(capabilities, flags).output().unwrap();
        let error = String::from_utf8(said.stderr).unwrap();
        assert_eq!(said.status.code(), Some(2), "{capabilities}: {error}");
        assert!(error.contains(named), "{capabilities}: {error}");
    }
}

#[test]
fn what_cannot_be_captured_is_refused_by_name() {
    for (flags, named) in [
        (&["--process", "no-such-program"][..], "`no-such-program`"),
        (&["--process", "/usr/bin/env"][..], "--binary"),
        (&["--binary", "/bin/sh"][..], "`/bin/sh` is no Go program"),
        (&["--keys", "/tmp", "--for", "1s"][..], "`/tmp`"),
        (&["--keys", "k", "--interface", "no-such-if"][..], "`no-such-if`"),
        (&["--keys", "k", "--for", "soon"][..], "`30s`"),
        (&["--keys", "k", "--for=-5s"][..], "`30s`"),
        (&["--keys", "k", "--port", "0"][..], "--port"),
        (&[][..], "--process"),
    ] {
        let said = run(&[&["traffic", "capture"], flags].concat());
        assert_eq!(said.code, Some(2), "{flags:?}");
        assert!(said.error.contains(named), "{flags:?}: {}", said.error);
    }
}
