//! Processes as `/proc` tells them: their command lines as flags, whose they are, and their own view of files.
//! Which flags mean what is `programs`'.
//!
//! Hostile input: a process writes its own command line and environment. Both are bounded, and what is not text
//! is shown as it can be.

use super::Machine;
use std::io;
use std::path::{Path, PathBuf};

/// Bytes of a command line or an environment. The longest of an API server has some 4 KiB.
const BYTES_MAX: u64 = 1024 * 1024;
/// Processes of one program. A node has one of each, and some more where clusters are tried side by side.
const PROCESSES_MAX: usize = 64;
/// Flags that may be given several times and then add up; of the others the last one holds.
const ADDED_UP: &[&str] = &[
    "authorization-mode",
    "disable-admission-plugins",
    "enable-admission-plugins",
    "etcd-servers",
    "feature-gates",
    "service-account-key-file",
    "tls-cipher-suites",
];

/// A process.
#[derive(Debug)]
pub(super) struct Process {
    /// Its id.
    pub(super) pid: u32,
    /// Where `/proc` tells of it.
    pub(super) folder: PathBuf,
    /// The words of its command line.
    words: Vec<String>,
    /// Whether there are more of them than are read.
    pub(super) is_cut: bool,
    /// The user as whom it acts.
    pub(super) user: u32,
}

/// The processes of these programs, all or those that were asked for, and why others may be missing. One that ends
/// meanwhile is no fault.
pub(super) fn all(machine: &Machine, programs: &[&str]) -> io::Result<(Vec<Process>, Vec<String>)> {
    let mut pids = Vec::new();
    for entry in std::fs::read_dir(&machine.proc)? {
        let entry = entry?;
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        if machine.only.is_empty() || machine.only.contains(&pid) {
            pids.push((pid, entry.path()));
        }
    }
    pids.sort();
    let (mut processes, mut missed): (Vec<Process>, Vec<String>) = (Vec::new(), Vec::new());
    let mut unreadable = 0_usize;
    for (pid, folder) in pids {
        let process = match Process::read(pid, folder) {
            Ok(process) => process,
            Err(error) if is_gone(&error) => continue,
            Err(_) => {
                unreadable += 1;
                continue;
            }
        };
        let Some(program) = programs.iter().find(|program| process.is(program)) else { continue };
        if processes.iter().filter(|process| process.is(program)).count() < PROCESSES_MAX {
            processes.push(process);
            continue;
        }
        let reason = format!(
            "more than {PROCESSES_MAX} processes call themselves {program}; only the first were looked at"
        );
        if !missed.contains(&reason) {
            missed.push(reason);
        }
    }
    if unreadable > 0 {
        missed.push(format!("the command lines of {unreadable} processes could not be read"));
    }
    Ok((processes, missed))
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH)
}

/// The name of the machine.
pub(super) fn host_name(machine: &Machine) -> String {
    let name = std::fs::read_to_string(machine.proc.join("sys/kernel/hostname"));
    name.map(|name| name.trim().to_owned())
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "node".to_owned())
}

impl Process {
    fn read(pid: u32, folder: PathBuf) -> io::Result<Self> {
        // A thread of the kernel has no command line.
        let (words, is_cut) = texts(&folder.join("cmdline"))?;
        let status = std::fs::read_to_string(folder.join("status")).unwrap_or_default();
        let user = status
            .lines()
            .find_map(|line| line.strip_prefix("Uid:"))
            .and_then(|ids| ids.split_whitespace().nth(1)?.parse().ok())
            .unwrap_or(u32::MAX);
        Ok(Self { pid, folder, words, is_cut, user })
    }

    /// Whether it runs this program, by the first word of its command line.
    pub(super) fn is(&self, program: &str) -> bool {
        self.words.first().is_some_and(|word| {
            Path::new(word).file_name().is_some_and(|name| name.to_str() == Some(program))
        })
    }

    /// Its flags by name, without dashes; one without a value is true, as Go reads it.
    pub(super) fn flags(&self) -> Vec<(String, String)> {
        flags(self.words.get(1..).unwrap_or_default())
    }

    /// The value of a flag.
    pub(super) fn flag(&self, name: &str) -> Option<String> {
        self.flags().into_iter().find(|(own, _)| own == name).map(|(_, value)| value)
    }

    /// The variables of its environment that begin so.
    pub(super) fn environment(&self, prefix: &str) -> io::Result<Vec<(String, String)>> {
        let (texts, is_cut) = texts(&self.folder.join("environ"))?;
        if is_cut {
            return Err(io::Error::other("it is longer than any environment"));
        }
        let variables = texts.into_iter().filter_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            name.starts_with(prefix).then(|| (name.to_owned(), value.to_owned()))
        });
        Ok(variables.collect())
    }

    /// Its root of the file system.
    pub(super) fn root(&self) -> PathBuf {
        self.folder.join("root")
    }

    /// A path as it would mean it: relative ones begin in its folder.
    pub(super) fn absolute(&self, path: &str) -> String {
        if path.starts_with('/') {
            return path.to_owned();
        }
        let folder = std::fs::read_link(self.folder.join("cwd")).unwrap_or_else(|_| "/".into());
        folder.join(path).display().to_string()
    }

    /// The systemd unit that started it, if one did.
    pub(super) fn unit(&self) -> io::Result<Option<String>> {
        let groups = match std::fs::read_to_string(self.folder.join("cgroup")) {
            Ok(groups) => groups,
            Err(error) if is_gone(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(groups.lines().find_map(|line| {
            let unit = line.rsplit('/').next()?;
            (line.contains("/system.slice/") && unit.ends_with(".service")).then(|| unit.to_owned())
        }))
    }
}

/// Texts that are parted by zero bytes, and whether there are more than the bound.
fn texts(path: &Path) -> io::Result<(Vec<String>, bool)> {
    use std::io::Read;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
    let is_cut = bytes.len() as u64 > BYTES_MAX;
    let texts = bytes
        .split(|byte| *byte == 0)
        .filter(|text| !text.is_empty())
        .map(|text| String::from_utf8_lossy(text).into_owned())
        .collect();
    Ok((texts, is_cut))
}

/// The flags of a command line.
pub(super) fn flags(words: &[String]) -> Vec<(String, String)> {
    let mut flags: Vec<(String, String)> = Vec::new();
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        let Some(flag) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')) else {
            continue;
        };
        let (name, value) = match flag.split_once('=') {
            Some((name, value)) => (name, value.to_owned()),
            None => match words.next_if(|next| !next.starts_with('-')) {
                Some(value) => (flag, value.clone()),
                None => (flag, "true".to_owned()),
            },
        };
        // Kubernetes takes both.
        let name = name.replace('_', "-");
        match flags.iter_mut().find(|(own, _)| *own == name) {
            Some((_, own)) if ADDED_UP.contains(&name.as_str()) => {
                own.push(',');
                own.push_str(&value);
            }
            Some((_, own)) => *own = value,
            None => flags.push((name, value)),
        }
    }
    flags
}
