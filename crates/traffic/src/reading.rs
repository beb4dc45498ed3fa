//! Reads captures and key logs from files or standard input, a piece at a time.
//! What the pieces mean is `wire`'s; nothing is kept beyond the largest block that a capture may hold.

use crate::JobFault;
use crate::recorder::Recorder;
use model::SecretBytes;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use wire::{BLOCK_BYTES_MAX, CaptureFault, CaptureReader, Decoder, Event, Item, Progress};

/// Large enough that the calls cost nothing, small enough for the second-level cache.
const PIECE_BYTES: usize = 256 * 1024;

/// Where a capture comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A file.
    File(PathBuf),
    /// Standard input, as from `tcpdump -w -`.
    Stdin,
}

/// Why something could not be read (on).
#[derive(Debug, thiserror::Error)]
pub enum ReadFault {
    /// A file could not be opened or read.
    #[error("{what} cannot be read")]
    Io {
        /// Which.
        what: String,
        /// Why.
        source: io::Error,
    },
    /// A file is not a capture, or is damaged.
    #[error("{what}, at byte {at}")]
    Capture {
        /// Which.
        what: String,
        /// How far it was read.
        at: u64,
        /// Why.
        source: CaptureFault,
    },
    /// A capture ends in the middle of a packet.
    #[error("{what} ends in the middle of a packet: its last {bytes} bytes were not decoded")]
    CutOff {
        /// Which.
        what: String,
        /// What is left over.
        bytes: usize,
    },
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "`{}`", path.display()),
            Self::Stdin => f.write_str("standard input"),
        }
    }
}

/// Gives the key log of a file on in pieces, which end anywhere in a line.
pub(crate) fn keys(path: &Path, give: &mut dyn FnMut(&[u8])) -> Result<(), ReadFault> {
    let what = format!("the key log `{}`", path.display());
    match File::open(path) {
        Ok(mut file) => keys_of(&what, &mut file, give),
        Err(source) => Err(ReadFault::Io { what, source }),
    }
}

/// Gives a whole key log on in pieces.
pub(crate) fn keys_of(
    what: &str,
    source: &mut dyn Read,
    give: &mut dyn FnMut(&[u8]),
) -> Result<(), ReadFault> {
    let fault = |source| ReadFault::Io { what: what.to_owned(), source };
    let mut piece = vec![0; PIECE_BYTES];
    let read = loop {
        match source.read(&mut piece) {
            Ok(0) => break Ok(()),
            Ok(count) => give(piece.get(..count).unwrap_or_default()),
            Err(source) => break Err(fault(source)),
        }
    };
    // Wiped: these were secrets.
    drop(SecretBytes::new(piece));
    read
}

/// Gives the capture of an input to a decoder, and to a recorder if there is one, and each event on.
pub(crate) fn capture(
    input: &Input,
    decoder: &mut Decoder,
    recorder: &mut Option<Recorder>,
    each: &mut dyn FnMut(Event) -> io::Result<()>,
) -> Result<Option<ReadFault>, JobFault> {
    let what = input.to_string();
    let mut source: Box<dyn Read> = match input {
        Input::File(path) => match File::open(path) {
            Ok(file) => Box::new(file),
            Err(source) => return Err(ReadFault::Io { what, source }.into()),
        },
        Input::Stdin => Box::new(io::stdin().lock()),
    };
    capture_of(&what, source.as_mut(), decoder, recorder, each)
}

/// Gives a whole capture to a decoder and each event on. A fault in the capture is given back instead of
/// failing, because what came before it is worth having.
pub(crate) fn capture_of(
    what: &str,
    source: &mut dyn Read,
    decoder: &mut Decoder,
    recorder: &mut Option<Recorder>,
    each: &mut dyn FnMut(Event) -> io::Result<()>,
) -> Result<Option<ReadFault>, JobFault> {
    let fault = |source| ReadFault::Io { what: what.to_owned(), source };
    let mut reader = CaptureReader::new();
    let mut buffer = Buffer::default();
    let mut at = 0;
    loop {
        let progress = match reader.read(buffer.ready()) {
            Ok(progress) => progress,
            Err(source) => {
                let what = what.to_owned();
                return Ok(Some(ReadFault::Capture { what, at, source }));
            }
        };
        match progress {
            Progress::Wants(bytes) => {
                if !buffer.fill(bytes, source).map_err(fault)? {
                    let bytes = buffer.ready().len();
                    let what = what.to_owned();
                    return Ok((bytes > 0).then_some(ReadFault::CutOff { what, bytes }));
                }
            }
            Progress::Item { consumed, item } => {
                match item {
                    Item::Packet(packet) => {
                        if let Some(recorder) = recorder {
                            recorder.packet(&packet)?;
                        }
                        decoder.packet(&packet);
                    }
                    Item::Keys(text) => {
                        if let Some(recorder) = recorder {
                            recorder.keys(text);
                            recorder.end_of_keys();
                        }
                        decoder.keys(text);
                        decoder.end_of_keys();
                    }
                    Item::Structure => {}
                    Item::Dropped(packets) => decoder.dropped(packets),
                }
                buffer.start += consumed;
                at += consumed as u64;
                while let Some(event) = decoder.event() {
                    each(event)?;
                }
            }
        }
    }
}

/// Bytes read and not consumed yet.
#[derive(Debug, Default)]
struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Buffer {
    fn ready(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Reads until so many bytes are ready; false if there are no more.
    fn fill(&mut self, wanted: usize, source: &mut dyn Read) -> io::Result<bool> {
        // The reader never asks for more than a block; this is the bound of what is kept.
        let wanted = wanted.min(BLOCK_BYTES_MAX + PIECE_BYTES);
        self.bytes.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let size = wanted.max(PIECE_BYTES);
        if self.bytes.len() < size {
            self.bytes.resize(size, 0);
        }
        while self.end < wanted {
            match source.read(self.bytes.get_mut(self.end..).unwrap_or_default()) {
                Ok(0) => return Ok(false),
                Ok(count) => self.end += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}
