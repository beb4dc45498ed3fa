//! Which programs are meant: by a process's number or name, or by a file.
//! It opens the file that a process really runs; what is in it, the probes find out.
//!
//! Permission: names and numbers of processes are open to all. To open the file that another user's process runs (or
//! one with more capabilities) takes CAP_SYS_PTRACE; a file that is named by its path takes only the right to read it.
//!
//! Hostile input: a process chooses its own name. A name stands for all processes that have it, and what is found is
//! told; to be sure, one names a number or a file.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The kernel keeps 15 letters of a process's name.
const NAME_BYTES_MAX: usize = 15;

/// A program's file, and whose handshakes are meant.
#[derive(Debug)]
pub struct Target {
    pub(crate) file: File,
    /// The file's device and inode, by which it is the same file whatever its name.
    pub identity: (u64, u64),
    /// The path under which it was found.
    pub path: PathBuf,
    /// The only process that is meant; all that run the file if none, those that start later too.
    pub pid: Option<u32>,
}

/// Why a target was not found.
#[derive(Debug, thiserror::Error)]
pub enum TargetFault {
    /// No process has the name.
    #[error(
        "no process is named `{0}`: `ps -e` lists those that run; in a container, share the host's processes"
    )]
    NoSuchName(String),
    /// No process has the number.
    #[error("there is no process {0}")]
    NoSuchProcess(u32),
    /// A process's program may not be opened.
    #[error(
        "the program of process {0} may not be opened: that takes CAP_SYS_PTRACE; without it, name the file with \
         --binary"
    )]
    NotPermitted(u32),
    /// A file cannot be opened.
    #[error("the program `{}` cannot be opened", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is a directory, a device or a pipe.
    #[error("`{}` is no file", .0.display())]
    NotAFile(PathBuf),
    /// The list of processes cannot be read.
    #[error("the processes cannot be listed: /proc must be there")]
    NoList(#[source] io::Error),
}

impl Target {
    /// Every process that runs this file.
    pub fn of_file(path: &Path) -> Result<Self, TargetFault> {
        let fault = |source| TargetFault::File { path: path.to_owned(), source };
        // A pipe would wait for its writer.
        if !fs::metadata(path).map_err(fault)?.is_file() {
            return Err(TargetFault::NotAFile(path.to_owned()));
        }
        Self::open(path, path.to_owned(), None).map_err(fault)
    }

    /// This process alone.
    pub fn of_process(pid: u32) -> Result<Self, TargetFault> {
        let link = PathBuf::from(format!("/proc/{pid}/exe"));
        let target =
            fs::read_link(&link).and_then(|path| Self::open(&link, shown(&path), Some(pid)));
        target.map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => TargetFault::NoSuchProcess(pid),
            io::ErrorKind::PermissionDenied => TargetFault::NotPermitted(pid),
            _ => TargetFault::File { path: link, source },
        })
    }

    /// The files of all processes of this name, each once, for all processes that run them.
    pub fn of_name(name: &str) -> Result<Vec<Self>, TargetFault> {
        let mut targets: Vec<Self> = Vec::new();
        let mut fault = None;
        for pid in named(name).map_err(TargetFault::NoList)? {
            match Self::of_process(pid) {
                Ok(found) if targets.iter().any(|it| it.identity == found.identity) => {}
                Ok(found) => targets.push(Self { pid: None, ..found }),
                // It may have ended since.
                Err(TargetFault::NoSuchProcess(_)) => {}
                Err(other) => fault = Some(other),
            }
        }
        match (targets.is_empty(), fault) {
            (true, Some(fault)) => Err(fault),
            (true, None) => Err(TargetFault::NoSuchName(name.to_owned())),
            (false, _) => Ok(targets),
        }
    }

    fn open(path: &Path, shown: PathBuf, pid: Option<u32>) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        Ok(Self { identity: (metadata.dev(), metadata.ino()), file, path: shown, pid })
    }
}

/// A process chooses its path: what would move a terminal's cursor, or turn its text around, is replaced.
fn shown(path: &Path) -> PathBuf {
    let harmless = |c: char| {
        let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if c.is_control() || turns { char::REPLACEMENT_CHARACTER } else { c }
    };
    path.to_string_lossy().chars().map(harmless).collect::<String>().into()
}

fn named(name: &str) -> io::Result<Vec<u32>> {
    let kept = name.as_bytes().get(..NAME_BYTES_MAX).unwrap_or(name.as_bytes());
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let Some(pid) = entry.file_name().to_str().and_then(|it| it.parse().ok()) else { continue };
        // Whoever has ended since has no name any more.
        let Ok(text) = fs::read(entry.path().join("comm")) else { continue };
        if text.strip_suffix(b"\n") == Some(kept) {
            found.push(pid);
        }
    }
    found.sort_unstable();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_moves_no_cursor() {
        let hostile = Path::new("/tmp/\u{1b}[2Jkube\u{202e}-\n");
        assert_eq!(shown(hostile), Path::new("/tmp/\u{fffd}[2Jkube\u{fffd}-\u{fffd}"));
        assert_eq!(shown(Path::new("/usr/bin/경로")), Path::new("/usr/bin/경로"));
    }

    fn own_name() -> String {
        fs::read_to_string("/proc/self/comm").unwrap().trim_end().to_owned()
    }

    #[test]
    fn a_process_is_found_by_its_number_and_its_name_with_the_file_it_runs() {
        let own = fs::metadata(std::env::current_exe().unwrap()).unwrap();
        let target = Target::of_process(std::process::id()).unwrap();
        assert_eq!(target.identity, (own.dev(), own.ino()));
        assert_eq!(target.pid, Some(std::process::id()));
        // The main thread's name is cut from the program's; all its processes are meant, so it has no number.
        let main = fs::read_to_string(format!("/proc/{}/comm", std::process::id())).unwrap();
        let found = Target::of_name(main.trim_end()).unwrap();
        assert!(found.iter().any(|it| it.identity == target.identity && it.pid.is_none()));
        assert!(!own_name().is_empty());
    }

    #[test]
    fn what_is_not_there_is_named() {
        let none = Target::of_name("no-such-program").unwrap_err();
        assert!(none.to_string().contains("`no-such-program`"), "{none}");
        // Numbers of processes end at 4,194,304.
        assert!(matches!(
            Target::of_process(5_000_000),
            Err(TargetFault::NoSuchProcess(5_000_000))
        ));
        let missing = Target::of_file(Path::new("/no/such/file")).unwrap_err();
        assert!(missing.to_string().contains("/no/such/file"), "{missing}");
        assert!(matches!(Target::of_file(Path::new("/proc")), Err(TargetFault::NotAFile(_))));
    }
}
