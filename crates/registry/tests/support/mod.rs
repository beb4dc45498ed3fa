//! A registry on a free port that answers as a test says, byte by byte, and keeps what it was asked.

#![allow(dead_code, reason = "each suite uses a part of it")]

use aws_lc_rs::digest::{SHA256, digest};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) fn sha256(bytes: &[u8]) -> String {
    let found = digest(&SHA256, bytes);
    let digits: String = found.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digits}")
}

/// A request.
pub(crate) struct Asked {
    /// Without what stands behind a question mark.
    pub(crate) path: String,
    headers: Vec<(String, String)>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

enum Way {
    Whole,
    Silent,
    StopAfter(usize),
    BreakAfter(usize),
    Drip(Duration),
    Endless,
}

/// What is answered, and how.
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    has_length: bool,
    way: Way,
}

impl Answer {
    pub(crate) fn of(status: u16, body: &[u8]) -> Self {
        Self { status, headers: Vec::new(), body: body.to_vec(), has_length: true, way: Way::Whole }
    }

    pub(crate) fn ok(body: &[u8]) -> Self {
        Self::of(200, body)
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without_length(self) -> Self {
        Self { has_length: false, ..self }
    }

    pub(crate) fn silent(self) -> Self {
        Self { way: Way::Silent, ..self }
    }

    pub(crate) fn stopping_after(self, bytes: usize) -> Self {
        Self { way: Way::StopAfter(bytes), ..self }
    }

    pub(crate) fn breaking_after(self, bytes: usize) -> Self {
        Self { way: Way::BreakAfter(bytes), ..self }
    }

    pub(crate) fn dripping(self, every: Duration) -> Self {
        Self { way: Way::Drip(every), ..self }
    }

    pub(crate) fn endless(self) -> Self {
        Self { way: Way::Endless, has_length: false, ..self }
    }

    fn send(&self, stream: &mut TcpStream) -> std::io::Result<()> {
        let mut head = format!("HTTP/1.1 {} Answer\r\nConnection: close\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if self.has_length {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        if matches!(self.way, Way::Silent) {
            return wait_for_the_end(stream);
        }
        stream.write_all(format!("{head}\r\n").as_bytes())?;
        match self.way {
            Way::StopAfter(bytes) => {
                stream.write_all(&self.body[..bytes])?;
                wait_for_the_end(stream)
            }
            Way::BreakAfter(bytes) => stream.write_all(&self.body[..bytes]),
            Way::Drip(every) => {
                for byte in &self.body {
                    stream.write_all(&[*byte])?;
                    std::thread::sleep(every);
                }
                Ok(())
            }
            Way::Endless => loop {
                stream.write_all(&[b' '; 64 * 1024])?;
            },
            _ => stream.write_all(&self.body),
        }
    }
}

/// Until the client gives up.
fn wait_for_the_end(stream: &mut TcpStream) -> std::io::Result<()> {
    std::io::copy(stream, &mut std::io::sink()).map(|_| ())
}

/// The registry.
pub(crate) struct Double {
    /// Where it is.
    pub(crate) host: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Double {
    pub(crate) fn start(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (answer, kept) = (Arc::new(answer), Arc::clone(&heads));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (answer, kept) = (Arc::clone(&answer), Arc::clone(&kept));
                let Ok(mut stream) = stream else { return };
                std::thread::spawn(move || {
                    let Some(head) = head(&stream) else { return };
                    let asked = asked(&head);
                    kept.lock().unwrap().push(head);
                    // Whoever asked may have left.
                    answer(&asked).send(&mut stream).ok();
                });
            }
        });
        Self { host, heads }
    }

    /// The heads of all requests, as they came.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn head(stream: &TcpStream) -> Option<String> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    Some(head)
}

fn asked(head: &str) -> Asked {
    let mut lines = head.lines();
    let target = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    let path = target.split('?').next().unwrap_or_default().to_owned();
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    Asked { path, headers: headers.collect() }
}
