//! A Go program that makes TLS handshakes when it is told to, built from `tests/handshakes` in several forms.
//! Shared by the suites of this crate, of `traffic` and of the binary.

#![allow(dead_code, reason = "no suite uses all of it")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

/// How the program is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// As official Kubernetes programs are: without symbols.
    Stripped,
    /// Position-independent, as distributions build.
    PositionIndependent,
}

/// The program running.
pub(crate) struct Handshakes {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    _directory: tempfile::TempDir,
    key_log: PathBuf,
    pub(crate) port: u16,
}

/// The built program; each form is built once.
pub(crate) fn program(form: Form) -> &'static Path {
    static BUILT: [OnceLock<PathBuf>; 2] = [OnceLock::new(), OnceLock::new()];
    BUILT[form as usize].get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../capture/tests/handshakes");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        fs::create_dir_all(folder).unwrap();
        // One for each suite, because suites run side by side and a program that runs cannot be replaced.
        let suite = env!("CARGO_CRATE_NAME");
        let program = folder.join(format!("handshakes-{suite}-{form:?}"));
        let mut go = Command::new("go");
        go.current_dir(source).env("CGO_ENABLED", "0").args([
            "build",
            "-trimpath",
            "-ldflags=-s -w",
        ]);
        if form == Form::PositionIndependent {
            go.arg("-buildmode=pie");
        }
        let built = go.arg("-o").arg(&program).arg(".").output();
        let built =
            built.expect("Go must be installed: the programs that are watched are built with it");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        program
    })
}

impl Handshakes {
    pub(crate) fn start(form: Form) -> Self {
        Self::start_file(program(form))
    }

    pub(crate) fn start_file(program: &Path) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let key_log = directory.path().join("keys.log");
        let mut child = Command::new(program)
            .arg(&key_log)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut address = String::new();
        output.read_line(&mut address).unwrap();
        let port = address.trim().rsplit(':').next().unwrap().parse().unwrap();
        Self { child, input, output, _directory: directory, key_log, port }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Makes connections of a TLS version (12 or 13) and says how many were resumed.
    pub(crate) fn connect(&mut self, version: u32, count: u32) -> u32 {
        writeln!(self.input, "{version} {count}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim().strip_prefix("resumed ").expect("the program has ended").parse().unwrap()
    }

    pub(crate) fn key_log_path(&self) -> &Path {
        &self.key_log
    }

    /// What the client wrote of its keys itself.
    pub(crate) fn key_log(&self) -> Vec<String> {
        fs::read_to_string(self.key_log_path()).unwrap().lines().map(str::to_owned).collect()
    }

    /// A byte of the program's memory, at an address of its file; of one that is not position-independent.
    pub(crate) fn byte_at(&self, address: u64) -> u8 {
        let mut memory = fs::File::open(format!("/proc/{}/mem", self.pid())).unwrap();
        memory.seek(SeekFrom::Start(address)).unwrap();
        let mut byte = [0];
        memory.read_exact(&mut byte).unwrap();
        byte[0]
    }
}

impl Drop for Handshakes {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
