//! TLS keys of unmodified Go programs, by uprobes on the functions that are given them.
//! The functions are found by [`crate::golang`], the programs that run there are [`programs`]'; what a key opens is
//! `wire`'s knowledge.
//!
//! Nothing in the process changes but a breakpoint at the functions' first instructions, which the kernel puts there
//! and takes away. It is hit once or a few times in a handshake and never by a request. It goes with the descriptors
//! of this structure: when it is dropped, and when the program that has it ends in any way, killed too.
//!
//! States: the programs are loaded (which tells whether kernel and capabilities allow it), then files are probed. A
//! file's functions are found and checked before the first probe of it is set.
//! Limits: [`RING_BYTES`] of records wait to be read; more are counted as lost, and [`FILES_MAX`] files are probed.
//! Needs: Linux 6.6 with CAP_BPF and CAP_PERFMON, or Linux 5.8 with CAP_SYS_ADMIN too ([`Way`]).
//!
//! Hostile input: the file, see [`crate::golang`]; the process's memory, see [`programs`]. A file that is written to
//! while it runs cannot be (the kernel refuses it), and it is probed by the descriptor through which it was read.

pub(crate) mod assembler;
pub(crate) mod programs;
mod ring;

use crate::golang::{Program, ProgramFault};
use crate::processes::Target;
use crate::system::{self, MapKind, Way};
use model::SecretBytes;
use programs::{COUNTERS, Counter, Function, RECORD_BYTES, Record};
use ring::RecordRing;
use std::ffi::{CStr, CString};
use std::fmt;
use std::io::{self, Write as _};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

/// Records of 24,800 secrets: 6,200 handshakes between two looks, more than a server makes in a second on any one machine.
pub(crate) const RING_BYTES: u32 = 4 * 1024 * 1024;
/// Programs of one name in containers of different images; more is a mistake in the name.
const FILES_MAX: usize = 64;
/// The longest label of RFC 9850 has 31 letters.
const LABEL_BYTES_MAX: usize = 32;

/// Why keys cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum ProbeFault {
    /// A capability is missing.
    #[error(
        "keys cannot be taken without {capability}: run this as root or give it that capability (before Linux 5.11 \
         also `ulimit -l unlimited`)"
    )]
    NotPermitted {
        /// Which.
        capability: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// An old kernel asks for more.
    #[error(
        "keys cannot be taken without CAP_SYS_ADMIN on this kernel: give it that capability too, or use Linux 6.6 or \
         newer"
    )]
    NeedsAdministrator(#[source] io::Error),
    /// The kernel has no uprobes, no ring buffer, or no BPF.
    #[error(
        "keys cannot be taken: {0}; it takes Linux 5.8 or newer with BPF_SYSCALL, UPROBE_EVENTS and BPF_EVENTS"
    )]
    NotSupported(&'static str),
    /// The kernel's verifier did not accept a program.
    #[error("the kernel does not accept the program for `{function}`: {log}")]
    NotAccepted {
        /// For which function.
        function: &'static str,
        /// The last of what the verifier said.
        log: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// Functions cannot be found in a file.
    #[error("`{}` {fault}", path.display())]
    Program {
        /// The file.
        path: PathBuf,
        /// Why.
        fault: ProgramFault,
    },
    /// A Go program that has no TLS.
    #[error("`{}` is a Go program without crypto/tls: it makes no TLS keys", .0.display())]
    NoTls(PathBuf),
    /// The kernel does not let a file be probed.
    #[error("`{}` cannot be probed", path.display())]
    NotProbed {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Too many files.
    #[error("more than {FILES_MAX} programs cannot be probed at once: name them more narrowly")]
    TooMany,
    /// The kernel refused.
    #[error("keys cannot be taken: {step}")]
    System {
        /// What was being done.
        step: &'static str,
        /// Why.
        source: io::Error,
    },
}

/// A file that is probed.
#[derive(Debug)]
pub struct Probed {
    /// The path under which it was found.
    pub path: PathBuf,
    /// The only process that is probed; all that run the file if none.
    pub pid: Option<u32>,
    /// Without this function keys of resumed TLS 1.2 sessions are not seen.
    pub sees_resumption: bool,
    identity: (u64, u64),
    program: Program,
    file: std::fs::File,
    /// Closing them takes the probes out.
    held: Vec<OwnedFd>,
}

/// What became of hits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProbeCounts {
    /// Secrets that were given on.
    pub taken: u64,
    /// Secrets that were lost because nobody had read those before.
    pub lost: u64,
    /// Secrets that could not be read in the process's memory.
    pub unreadable: u64,
    /// Calls with lengths that no TLS secret has, and records without a label.
    pub odd: u64,
}

/// A secret that a program has made.
pub struct TlsKey {
    /// The process, as the host numbers it.
    pub pid: u32,
    line: Vec<u8>,
}

/// See the module.
#[derive(Debug)]
pub struct KeyProbes {
    ring: RecordRing,
    counters: OwnedFd,
    way: Way,
    programs: Vec<(Function, OwnedFd)>,
    probed: Vec<Probed>,
    taken: u64,
    unlabelled: u64,
}

impl KeyProbes {
    /// Loads the programs, which no process is touched by yet.
    pub fn load() -> Result<Self, ProbeFault> {
        Self::load_for(Way::Link)
    }

    /// The same, for a way of attaching; [`KeyProbes::load`] finds out by itself which one the kernel has.
    pub fn load_for(way: Way) -> Result<Self, ProbeFault> {
        if cfg!(not(target_arch = "x86_64")) {
            return Err(ProbeFault::NotSupported(
                "this is not x86-64, whose registers alone are known",
            ));
        }
        let ring = RecordRing::new(RING_BYTES)?;
        let counters = system::make_map(MapKind::Array, COUNTERS).map_err(of_bpf)?;
        let (way, programs) = programs_for(way, &ring, &counters)?;
        let probed = Vec::new();
        Ok(Self { ring, counters, way, programs, probed, taken: 0, unlabelled: 0 })
    }

    /// Probes a file, unless it is probed already.
    pub fn attach(&mut self, target: Target) -> Result<Option<&Probed>, ProbeFault> {
        let same = |it: &Probed| {
            it.identity == target.identity && (it.pid.is_none() || it.pid == target.pid)
        };
        if self.probed.iter().any(same) {
            return Ok(None);
        }
        if self.probed.len() >= FILES_MAX {
            return Err(ProbeFault::TooMany);
        }
        let Target { file, identity, path, pid } = target;
        let names = Function::ALL.map(Function::name);
        let program = match Program::read(&file, &names) {
            Ok(program) => program,
            Err(fault) => return Err(ProbeFault::Program { path, fault }),
        };
        let found: Vec<_> =
            Function::ALL.into_iter().zip(program.functions().iter().copied()).collect();
        let has = |wanted| found.iter().any(|(function, at)| *function == wanted && at.is_some());
        if !has(Function::WriteKeyLog) {
            return Err(ProbeFault::NoTls(path));
        }
        // By the descriptor that was read, so that it is the same file whatever its name stands for by now.
        let by_descriptor = match CString::new(format!("/proc/self/fd/{}", file.as_raw_fd())) {
            Ok(by_descriptor) => by_descriptor,
            Err(error) => return Err(ProbeFault::NotProbed { path, source: error.into() }),
        };
        let places: Vec<_> =
            found.iter().filter_map(|(it, at)| Some((*it, at.as_ref()?.offset))).collect();
        let mut held = self.set(&by_descriptor, &places, pid);
        if self.way == Way::Link
            && self.probed.is_empty()
            && held.as_ref().is_err_and(is_unknown_way)
        {
            (self.way, self.programs) = programs_for(Way::Event, &self.ring, &self.counters)?;
            held = self.set(&by_descriptor, &places, pid);
        }
        let held = match held {
            Ok(held) => held,
            Err(source) => return Err(of_attaching(self.way, path, source)),
        };
        let sees_resumption = has(Function::KeysFromMasterSecret);
        self.probed.push(Probed { path, pid, sees_resumption, identity, program, file, held });
        Ok(self.probed.last())
    }

    /// Sets the probes of a file; when one cannot be set, those before it go again.
    fn set(
        &self,
        path: &CStr,
        places: &[(Function, u64)],
        pid: Option<u32>,
    ) -> io::Result<Vec<OwnedFd>> {
        let mut held = Vec::new();
        for (function, offset) in places {
            let Some((_, program)) = self.programs.iter().find(|(it, _)| it == function) else {
                continue;
            };
            held.push(match self.way {
                Way::Link => system::link_uprobe(program.as_fd(), path, *offset, pid)?,
                Way::Event => {
                    let event = system::open_uprobe(event_type()?, path, *offset, pid)?;
                    system::arm(event.as_fd(), program.as_fd())?;
                    event
                }
            });
        }
        Ok(held)
    }

    /// Takes the probes out. What they sent can still be read.
    pub fn detach(&mut self) {
        for probed in &mut self.probed {
            probed.held.clear();
        }
    }

    /// By what programs are attached: what was asked for, or the older way if the kernel has no other.
    pub fn way(&self) -> Way {
        self.way
    }

    /// The files that are probed.
    pub fn probed(&self) -> &[Probed] {
        &self.probed
    }

    /// Gives on the keys that have come since the last look.
    pub fn keys(&mut self, each: &mut dyn FnMut(&TlsKey)) {
        // As long as a record can be, so that growing leaves no part of a secret behind.
        let mut bytes = Vec::with_capacity(RECORD_BYTES.into());
        while self.ring.next(&mut bytes) {
            let Some(record) = Record::read(&bytes) else {
                self.unlabelled += 1;
                continue;
            };
            match self.label(&record) {
                Some(label) => {
                    self.taken += 1;
                    each(&TlsKey { pid: record.pid, line: line(&label, &record) });
                }
                None => self.unlabelled += 1,
            }
        }
        drop(SecretBytes::new(bytes));
    }

    /// What became of hits so far.
    pub fn counts(&self) -> ProbeCounts {
        let count = |counter: Counter| {
            // Asked of an array of ours, of which the kernel knows nothing to refuse.
            system::map_number(self.counters.as_fd(), counter as u32).unwrap_or(0)
        };
        ProbeCounts {
            taken: self.taken,
            lost: count(Counter::Lost),
            unreadable: count(Counter::Unreadable),
            odd: count(Counter::Odd) + self.unlabelled,
        }
    }

    /// The label of a secret: as it was read in memory, or as the file has it at the same distance from the function.
    fn label(&self, record: &Record<'_>) -> Option<Vec<u8>> {
        if record.function == Function::KeysFromMasterSecret {
            return Some(b"CLIENT_RANDOM".to_vec());
        }
        if is_label(record.label) {
            return Some(record.label.to_vec());
        }
        self.probed.iter().find_map(|probed| {
            let function = Function::ALL.iter().position(|it| *it == record.function)?;
            let function = (*probed.program.functions().get(function)?)?;
            // Addresses keep their low 12 bits when a program is loaded elsewhere.
            if (record.place ^ function.address) & 0xfff != 0 {
                return None;
            }
            let moved = record.place.wrapping_sub(function.address);
            let mut label = vec![0; record.label.len().min(LABEL_BYTES_MAX)];
            let there = probed.program.constant(
                &probed.file,
                record.label_address.wrapping_sub(moved),
                &mut label,
            );
            (there && is_label(&label)).then_some(label)
        })
    }
}

impl AsFd for KeyProbes {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ring.as_fd()
    }
}

impl TlsKey {
    /// The key as a line of a key log (RFC 9850).
    pub fn line(&self) -> &[u8] {
        &self.line
    }
}

impl Drop for TlsKey {
    fn drop(&mut self) {
        drop(SecretBytes::new(std::mem::take(&mut self.line)));
    }
}

impl fmt::Debug for TlsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsKey").field("pid", &self.pid).finish_non_exhaustive()
    }
}

/// Whether these are the letters of a label and not something else.
fn is_label(text: &[u8]) -> bool {
    !text.is_empty()
        && text
            .iter()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_')
}

fn line(label: &[u8], record: &Record<'_>) -> Vec<u8> {
    // As long as it will be, so that no part of a secret is left behind by growing.
    let mut line =
        Vec::with_capacity(label.len() + 2 * (record.random.len() + record.secret.len()) + 3);
    line.extend_from_slice(label);
    for part in [&record.random[..], record.secret] {
        line.push(b' ');
        for byte in part {
            // Writing into memory does not fail.
            write!(line, "{byte:02x}").ok();
        }
    }
    line.push(b'\n');
    line
}

fn of_bpf(source: io::Error) -> ProbeFault {
    match source.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => {
            ProbeFault::NotPermitted { capability: "CAP_BPF", source }
        }
        Some(libc::ENOSYS) => ProbeFault::NotSupported("this kernel has no bpf(2)"),
        Some(libc::EINVAL) => ProbeFault::NotSupported("this kernel has no ring buffer for BPF"),
        _ => ProbeFault::System { step: "the kernel gives no memory to BPF", source },
    }
}

/// Whether the kernel does not know links to uprobes, as before 6.6.
fn is_unknown_way(source: &io::Error) -> bool {
    matches!(source.raw_os_error(), Some(libc::EINVAL | libc::EOPNOTSUPP | libc::E2BIG))
}

fn of_attaching(way: Way, path: PathBuf, source: io::Error) -> ProbeFault {
    match (source.raw_os_error(), way) {
        (Some(libc::EPERM | libc::EACCES), Way::Link) => {
            ProbeFault::NotPermitted { capability: "CAP_PERFMON", source }
        }
        (Some(libc::EPERM | libc::EACCES), Way::Event) => ProbeFault::NeedsAdministrator(source),
        (Some(libc::ENOSYS | libc::EOPNOTSUPP | libc::ENODEV), _) => {
            ProbeFault::NotSupported("this kernel has no uprobes")
        }
        _ => ProbeFault::NotProbed { path, source },
    }
}

/// Loads the programs, for a way of attaching or for the older one if the kernel does not know it.
fn programs_for(
    way: Way,
    ring: &RecordRing,
    counters: &OwnedFd,
) -> Result<(Way, Vec<(Function, OwnedFd)>), ProbeFault> {
    let (to_ring, to_counters) = (ring.as_fd().as_raw_fd(), counters.as_raw_fd());
    let mut programs = Vec::new();
    for function in Function::ALL {
        let instructions = function.program(to_ring, to_counters).map_err(|fault| {
            let step = "a program was not put together";
            ProbeFault::System { step, source: io::Error::other(fault) }
        })?;
        match system::load_program(&instructions, way) {
            Ok(program) => programs.push((function, program)),
            // Older kernels know no such kind of program.
            Err(refused) if way == Way::Link && is_unknown_way(&refused.source) => {
                return programs_for(Way::Event, ring, counters);
            }
            Err(refused)
                if refused.source.kind() == io::ErrorKind::PermissionDenied
                    && refused.log.is_empty() =>
            {
                let capability = "CAP_BPF and CAP_PERFMON";
                return Err(ProbeFault::NotPermitted { capability, source: refused.source });
            }
            Err(refused) => return Err(not_accepted(function, refused)),
        }
    }
    Ok((way, programs))
}

fn not_accepted(function: Function, refused: system::Refused) -> ProbeFault {
    // The verifier tells every step; the last lines say what was wrong.
    let lines: Vec<&str> =
        refused.log.lines().filter(|line| !line.starts_with("processed")).collect();
    let last = lines.get(lines.len().saturating_sub(3)..).unwrap_or_default();
    let log = last.join("; ");
    ProbeFault::NotAccepted { function: function.name(), log, source: refused.source }
}

/// The number by which this kernel knows uprobes.
fn event_type() -> io::Result<u32> {
    let text = std::fs::read_to_string("/sys/bus/event_source/devices/uprobe/type").ok();
    let number = text.and_then(|text| text.trim().parse().ok());
    number.ok_or_else(|| io::Error::from_raw_os_error(libc::ENODEV))
}
