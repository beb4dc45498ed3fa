//! Packets and their keys written to a pcapng file beside what is decoded, so that Wireshark and its like open it
//! decrypted. How blocks are made is `wire`'s.
//!
//! Such a file holds everything in clear for whoever has it: it is made for its owner alone, never over another file,
//! and nothing in it is redacted.
//! Limits: what is not written yet has at most [`WRITES_AT`] of blocks and of keys, and one piece of either.

use model::SecretBytes;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use wire::{CaptureWriter, Packet};

const WRITES_AT: usize = 256 * 1024;

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
    /// Of key logs, of which whole lines are written before the next packet.
    keys: Vec<u8>,
    buffer: Vec<u8>,
    /// Anything but the file's head was taken, or it is complete; without that the file is taken away again.
    is_worth_keeping: bool,
    /// It was made here, and was no pipe or device.
    is_ours: bool,
    /// What befell while keys were taken, until somebody can be told.
    fault: Option<RecordFault>,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Recorder {
    /// Makes the file; a pipe or device that is there already is written into.
    pub(crate) fn create(path: &Path) -> Result<Self, RecordFault> {
        let is_ours = std::fs::metadata(path).map_or(true, |found| found.is_file());
        // To open a pipe as if it could be made has the kernel refuse one that somebody else laid out in a folder for
        // all (`fs.protected_fifos`).
        let mut options = OpenOptions::new();
        options.write(true).create(!is_ours).create_new(is_ours).mode(0o600);
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
        let path = path.to_owned();
        let (keys, is_worth_keeping) = (Vec::new(), false);
        Ok(Self { path, file, writer, keys, buffer, is_worth_keeping, is_ours, fault: None })
    }

    /// Takes a piece of a key log, which may end anywhere in a line.
    pub(crate) fn keys(&mut self, text: &[u8]) {
        self.keys.extend_from_slice(text);
        if self.keys.len() >= WRITES_AT {
            self.write_keys();
            if let Err(fault) = self.write_if_much() {
                self.fault.get_or_insert(fault);
            }
        }
    }

    /// Says that a key log is at its end, with or without a last newline.
    pub(crate) fn end_of_keys(&mut self) {
        if self.keys.last().is_some_and(|last| *last != b'\n') {
            self.keys.push(b'\n');
        }
    }

    /// Takes a packet, behind the keys that came before it.
    pub(crate) fn packet(&mut self, packet: &Packet<'_>) -> Result<(), RecordFault> {
        self.is_worth_keeping = true;
        self.write_keys();
        self.writer.packet(packet, &mut self.buffer);
        self.write_if_much()
    }

    /// Writes what was taken so far.
    pub(crate) fn flush(&mut self) -> Result<(), RecordFault> {
        self.write_keys();
        self.write()
    }

    fn write(&mut self) -> Result<(), RecordFault> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        // Wiped when it is dropped: there are keys in it.
        let buffer = std::mem::replace(&mut self.buffer, Vec::with_capacity(2 * WRITES_AT));
        let written = self.file.write_all(SecretBytes::new(buffer).expose());
        written.map_err(|source| RecordFault { path: self.path.clone(), source })
    }

    /// Completes the file, and says `aside` what is in it.
    pub(crate) fn end(mut self, aside: &mut dyn Write) -> Result<(), RecordFault> {
        self.is_worth_keeping = true;
        self.end_of_keys();
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

    /// Writes the lines that are whole. A line that never ends is none, and is cut where it is too much to keep.
    fn write_keys(&mut self) {
        let whole = match self.keys.iter().rposition(|byte| *byte == b'\n') {
            Some(last) => last + 1,
            None if self.keys.len() >= WRITES_AT => self.keys.len(),
            None => return,
        };
        let rest = self.keys.split_off(whole);
        let keys = SecretBytes::new(std::mem::replace(&mut self.keys, rest));
        self.writer.keys(keys.expose(), &mut self.buffer);
    }

    fn write_if_much(&mut self) -> Result<(), RecordFault> {
        if self.buffer.len() >= WRITES_AT { self.write() } else { Ok(()) }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // What was captured before a fault is worth having; an empty file would only stand in the way of the next try.
        // A drop cannot fail: what cannot be written or taken away stays as it is.
        match self.is_worth_keeping {
            true => drop(self.flush()),
            false if self.is_ours => drop(std::fs::remove_file(&self.path)),
            false => {}
        }
    }
}
