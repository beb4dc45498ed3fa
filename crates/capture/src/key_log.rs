//! Key logs that are read while programs write them: whole lines as they come, however the file is rotated.
//! What a line says it does not know; that is `wire`'s.
//!
//! States: there is no file yet; it is read to its end and grows; another file has its name (what is left of the old
//! one is read first); it is shorter than what was read of it (it is read from its beginning).
//! Failure: a file that was emptied and has grown past the old place between two looks is read from that place; lines
//! are never torn, because what is no line is passed over by its reader.
//! Limits: a look takes at most [`LOOK_BYTES_MAX`] of a file, and a line [`LINE_BYTES_MAX`]; what is longer is passed
//! over and counted.
//!
//! Hostile input: whoever writes the log chooses its bytes. Secrets are wiped when dropped.

use model::SecretBytes;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The longest honest line names a 48-byte secret and is 200 bytes long.
pub const LINE_BYTES_MAX: usize = 1024;
/// What one look takes: a busy server's lines of ten seconds.
const LOOK_BYTES_MAX: usize = 1024 * 1024;

/// Why a key log cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the key log `{}` cannot be read", path.display())]
pub struct KeyLogFault {
    path: PathBuf,
    source: io::Error,
}

/// A key log that is followed.
#[derive(Debug)]
pub struct KeyLogTail {
    path: PathBuf,
    open: Option<Open>,
    lines: Lines,
}

#[derive(Debug)]
struct Open {
    file: File,
    identity: (u64, u64),
    place: u64,
}

/// Whole lines out of pieces.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    partial: Vec<u8>,
    is_overlong: bool,
    pub(crate) overlong: u64,
}

impl KeyLogTail {
    /// Follows the file of this name, which need not be there yet.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), open: None, lines: Lines::default() }
    }

    /// Whether the file is there.
    pub fn is_there(&self) -> bool {
        self.open.is_some()
    }

    /// Lines that were too long to be any.
    pub fn overlong(&self) -> u64 {
        self.lines.overlong
    }

    /// Gives on the lines that have come since the last look, each with its newline.
    pub fn look(&mut self, each: &mut dyn FnMut(&[u8])) -> Result<(), KeyLogFault> {
        let Self { path, open, lines } = self;
        let fault = |source| KeyLogFault { path: path.clone(), source };
        let named = match std::fs::metadata(&*path) {
            // To open a pipe waits for its writer, and to read it for as long as that likes.
            Ok(metadata) if !metadata.is_file() => {
                return Err(fault(io::Error::other(
                    "it is no regular file, which alone can be followed",
                )));
            }
            Ok(metadata) => Some((metadata.dev(), metadata.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(fault(error)),
        };
        if let Some(old) = open {
            let all = old.read(lines, each).map_err(fault)?;
            if all && named.is_some_and(|named| named != old.identity) {
                // Whoever writes the old one has let it go; half a line in it will not become whole.
                lines.end(each);
                *open = None;
            }
        }
        if open.is_none() && named.is_some() {
            let file = match File::open(&*path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(fault(error)),
            };
            let metadata = file.metadata().map_err(fault)?;
            let identity = (metadata.dev(), metadata.ino());
            let new = open.insert(Open { file, identity, place: 0 });
            new.read(lines, each).map_err(fault)?;
        }
        Ok(())
    }

    /// Gives on what stands at the end without a newline, because nothing more will come.
    pub fn finish(&mut self, each: &mut dyn FnMut(&[u8])) {
        self.lines.end(each);
    }
}

impl Open {
    /// Reads on; false if there is more than a look takes.
    fn read(&mut self, lines: &mut Lines, each: &mut dyn FnMut(&[u8])) -> io::Result<bool> {
        let metadata = self.file.metadata()?;
        if metadata.len() < self.place {
            self.place = 0;
            lines.drop_partial();
        }
        let mut left = LOOK_BYTES_MAX;
        let mut piece = vec![0; 64 * 1024];
        while left > 0 {
            let count = self.file.read_at(&mut piece, self.place)?;
            let Some(read) = piece.get(..count).filter(|read| !read.is_empty()) else { break };
            lines.push(read, each);
            self.place += count as u64;
            left = left.saturating_sub(count);
        }
        drop(SecretBytes::new(piece));
        Ok(left > 0)
    }
}

impl Lines {
    pub(crate) fn push(&mut self, text: &[u8], each: &mut dyn FnMut(&[u8])) {
        for piece in text.split_inclusive(|byte| *byte == b'\n') {
            let is_whole = piece.ends_with(b"\n");
            // The newline is not counted, so that a line's fate does not depend on its being there.
            let bytes = self.partial.len() + piece.len() - usize::from(is_whole);
            if bytes > LINE_BYTES_MAX {
                self.drop_partial();
                self.is_overlong = true;
            } else if !self.is_overlong {
                // As long as it can become, so that growing leaves no part of a secret behind.
                if self.partial.capacity() == 0 {
                    self.partial.reserve_exact(LINE_BYTES_MAX + 2);
                }
                self.partial.extend_from_slice(piece);
            }
            if is_whole {
                self.end_line(each);
            }
        }
    }

    pub(crate) fn end(&mut self, each: &mut dyn FnMut(&[u8])) {
        if !self.partial.is_empty() {
            self.partial.push(b'\n');
        }
        self.end_line(each);
    }

    fn end_line(&mut self, each: &mut dyn FnMut(&[u8])) {
        if std::mem::take(&mut self.is_overlong) {
            self.overlong += 1;
        } else if !self.partial.is_empty() {
            each(&self.partial);
        }
        self.drop_partial();
    }

    fn drop_partial(&mut self) {
        drop(SecretBytes::new(std::mem::take(&mut self.partial)));
    }
}

#[cfg(test)]
mod tests;
