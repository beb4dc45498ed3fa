//! What the hub has not taken yet, in files of a directory: one batch a file, in the order in which they were made.
//! What is in a batch, and who takes it, is known to others.
//!
//! States: a batch is written under another name and then renamed, so that none is ever read in part; when the hub has
//! taken it, the file goes. Whoever opens the directory locks it; a second agent on it is refused.
//! Limits: the bytes of all batches. A batch for which there is no room takes the place of the oldest ones, whose units
//! are counted as lost.
//! Failure: what was written survives the agent, killed or not. It is not forced to the disk: that would compete with
//! etcd for it at every batch, so that a machine that loses its power loses the last seconds.
//!
//! Hostile input: the directory is the agent's own (mode 0700). Names that are no batch's are left alone.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What a batch's file is called after its stream, sequence and number of units.
const SUFFIX: &str = ".batch";
const UNFINISHED: &str = "unfinished";
const LOCK: &str = "lock";

/// Why there is no spool.
#[derive(Debug, thiserror::Error)]
pub enum SpoolFault {
    /// Another agent has it.
    #[error("the spool `{}` is another agent's that runs: give each a directory of its own", .0.display())]
    Taken(PathBuf),
    /// It cannot be made or read.
    #[error("the spool `{}` cannot be used: name a directory that this agent may write with --spool", path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Spool {
    directory: PathBuf,
    bytes_max: u64,
    bytes: u64,
    batches: VecDeque<Spooled>,
    lost: u64,
    _lock: File,
}

/// A batch in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spooled {
    name: String,
    bytes: u64,
    pub(crate) units: u64,
    made: SystemTime,
}

impl Spool {
    /// Opens the directory with what is in it; it is made if it is not there.
    pub(crate) fn open(directory: &Path, bytes_max: u64) -> Result<Self, SpoolFault> {
        let fault = |source| SpoolFault::Directory { path: directory.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(fault)?;
        let lock = private(&directory.join(LOCK)).map_err(fault)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(SpoolFault::Taken(directory.to_owned())),
            Err(TryLockError::Error(source)) => return Err(fault(source)),
        }
        let mut batches = Vec::new();
        for entry in fs::read_dir(directory).map_err(fault)? {
            let entry = entry.map_err(fault)?;
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
            let Some(units) = units_of(&name) else { continue };
            let metadata = entry.metadata().map_err(fault)?;
            let made = metadata.modified().map_err(fault)?;
            batches.push(Spooled { name, bytes: metadata.len(), units, made });
        }
        batches.sort_by(|one, other| one.name.cmp(&other.name));
        let bytes = batches.iter().map(|it| it.bytes).sum();
        let (directory, batches) = (directory.to_owned(), batches.into());
        Ok(Self { directory, bytes_max, bytes, batches, lost: 0, _lock: lock })
    }

    pub(crate) fn bytes_max(&self) -> u64 {
        self.bytes_max
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Units that are lost since it was opened.
    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }

    /// Units that could not even be written.
    pub(crate) fn count_lost(&mut self, units: u64) {
        self.lost += units;
    }

    /// How long the oldest batch has waited.
    pub(crate) fn lag(&self, now: SystemTime) -> Duration {
        let made = self.batches.front().map(|oldest| oldest.made);
        made.and_then(|made| now.duration_since(made).ok()).unwrap_or_default()
    }

    /// Adds a batch. Those that are in its way go, the oldest first.
    pub(crate) fn add(
        &mut self,
        stream: &str,
        sequence: u64,
        units: u64,
        text: &[u8],
    ) -> io::Result<()> {
        let bytes = text.len() as u64;
        if bytes > self.bytes_max {
            return Err(io::Error::other("the batch is larger than the whole spool may be"));
        }
        while self.bytes.saturating_add(bytes) > self.bytes_max {
            let Some(oldest) = self.batches.front().cloned() else { break };
            self.remove(&oldest)?;
            self.lost += oldest.units;
        }
        let unfinished = self.directory.join(UNFINISHED);
        let name = format!("{stream}-{sequence:016x}-{units}{SUFFIX}");
        let written = private(&unfinished).and_then(|mut file| {
            file.set_len(0)?;
            file.write_all(text)?;
            fs::rename(&unfinished, self.directory.join(&name))
        });
        if let Err(error) = written {
            // A full disk keeps no half batch; if even that fails, it is written over by the next.
            fs::remove_file(&unfinished).ok();
            return Err(error);
        }
        self.bytes += bytes;
        self.batches.push_back(Spooled { name, bytes, units, made: SystemTime::now() });
        Ok(())
    }

    /// The oldest batch, if there is one, and what is in it.
    pub(crate) fn oldest(&mut self) -> Option<(Spooled, Vec<u8>)> {
        while let Some(oldest) = self.batches.front().cloned() {
            match fs::read(self.directory.join(&oldest.name)) {
                Ok(text) => return Some((oldest, text)),
                Err(error) => {
                    tracing::warn!(%error, batch = oldest.name, "a spooled batch cannot be read and is lost");
                    self.lost += oldest.units;
                    self.forget(&oldest);
                }
            }
        }
        None
    }

    /// Removes a batch, unless it went in the meantime.
    pub(crate) fn remove(&mut self, batch: &Spooled) -> io::Result<()> {
        if self.batches.front() != Some(batch) {
            return Ok(());
        }
        match fs::remove_file(self.directory.join(&batch.name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => {
                self.forget(batch);
                Ok(())
            }
        }
    }

    fn forget(&mut self, batch: &Spooled) {
        self.batches.pop_front();
        self.bytes = self.bytes.saturating_sub(batch.bytes);
    }
}

fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// The number of units that a batch's name tells; none if it is no batch's.
fn units_of(name: &str) -> Option<u64> {
    let (rest, units) = name.strip_suffix(SUFFIX)?.rsplit_once('-')?;
    let (stream, sequence) = rest.split_once('-')?;
    let hex = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    (hex(stream, 24) && hex(sequence, 16)).then(|| units.parse().ok())?
}
