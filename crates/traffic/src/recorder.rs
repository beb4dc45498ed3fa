//! Packets and their keys written to a pcapng file beside what is decoded, so that Wireshark and its like open it
//! decrypted. How blocks are made is `wire`'s.
//!
//! Such a file holds everything in clear for whoever has it: it is made for its owner alone, never over another file,
//! and nothing in it is redacted.
//! Limits: what is not written yet has at most [`WRITES_AT`] and one block; of a line of a key log [`LINE_BYTES_MAX`].

use model::SecretBytes;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use wire::{CaptureWriter, Packet};

const WRITES_AT: usize = 256 * 1024;
/// The longest line of the format has some 330 bytes; a file without lines is no key log.
const LINE_BYTES_MAX: u64 = 4096;

/// Why a capture cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("the capture `{}` cannot be written", path.display())]
pub struct RecordFault {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// See the module.
pub(crate) struct Recorder {
    path: PathBuf,
    file: File,
    writer: CaptureWriter,
    /// Lines of key logs, which are written before the next packet.
    keys: Vec<u8>,
    buffer: Vec<u8>,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Recorder {
    /// Makes the file; a pipe or device that is there already is written into.
    pub(crate) fn create(path: &Path) -> Result<Self, RecordFault> {
        let mut options = OpenOptions::new();
        options.write(true);
        if std::fs::metadata(path).map_or(true, |found| found.is_file()) {
            options.create_new(true).mode(0o600);
        }
        let file = options.open(path).map_err(|source| {
            let source = match source.kind() {
                io::ErrorKind::AlreadyExists => {
                    io::Error::new(source.kind(), "it exists already: choose another name")
                }
                _ => source,
            };
            RecordFault { path: path.to_owned(), source }
        })?;
        let mut buffer = Vec::with_capacity(2 * WRITES_AT);
        let writer = CaptureWriter::begin(&mut buffer);
        Ok(Self { path: path.to_owned(), file, writer, keys: Vec::new(), buffer })
    }

    /// Takes lines of a key log.
    pub(crate) fn keys(&mut self, text: &[u8]) {
        self.keys.extend_from_slice(text);
    }

    /// Takes a whole key log.
    pub(crate) fn key_log(&mut self, path: &Path) -> Result<(), RecordFault> {
        let fault = |source| RecordFault { path: path.to_owned(), source };
        let mut log = BufReader::new(File::open(path).map_err(fault)?);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = log.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line);
            if read.map_err(fault)? == 0 {
                break;
            }
            if !line.ends_with(b"\n") {
                line.push(b'\n');
            }
            self.keys(&line);
            if self.keys.len() >= WRITES_AT {
                self.write_keys();
                self.write_if_much()?;
            }
        }
        drop(SecretBytes::new(line));
        Ok(())
    }

    /// Takes a packet, behind the keys that came before it.
    pub(crate) fn packet(&mut self, packet: &Packet<'_>) -> Result<(), RecordFault> {
        self.write_keys();
        self.writer.packet(packet, &mut self.buffer);
        self.write_if_much()
    }

    /// Writes what was taken so far.
    pub(crate) fn flush(&mut self) -> Result<(), RecordFault> {
        self.write_keys();
        // Wiped when it is dropped: there are keys in it.
        let buffer = std::mem::replace(&mut self.buffer, Vec::with_capacity(2 * WRITES_AT));
        let written = self.file.write_all(SecretBytes::new(buffer).expose());
        written.map_err(|source| RecordFault { path: self.path.clone(), source })
    }

    /// Completes the file, and says `aside` what is in it.
    pub(crate) fn end(mut self, aside: &mut dyn Write) -> Result<(), RecordFault> {
        self.flush()?;
        let path = self.path.display();
        let left_out = match self.writer.left_out() {
            0 => String::new(),
            count => format!(
                "; {count} packets are left out, whose link type the format has no number for"
            ),
        };
        let words = "packets and keys, unredacted: whoever has it reads everything";
        // That the terminal is gone is no fault of the capture.
        writeln!(aside, "`{path}` holds {words}{left_out}").ok();
        Ok(())
    }

    fn write_keys(&mut self) {
        if !self.keys.is_empty() {
            let keys = SecretBytes::new(std::mem::take(&mut self.keys));
            self.writer.keys(keys.expose(), &mut self.buffer);
        }
    }

    fn write_if_much(&mut self) -> Result<(), RecordFault> {
        if self.buffer.len() >= WRITES_AT { self.flush() } else { Ok(()) }
    }
}
