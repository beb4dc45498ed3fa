//! The real binary, run with nothing of this machine's configuration.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The binary with arguments, and with no `SALLYPORT_*` variable but what a test sets.
pub(crate) fn sallyport(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sallyport"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SALLYPORT_")) {
        command.env_remove(name);
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

/// What a command said, and how it ended.
pub(crate) struct Said {
    pub(crate) out: String,
    pub(crate) error: String,
    pub(crate) code: Option<i32>,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            out: String::from_utf8(output.stdout).unwrap(),
            error: String::from_utf8(output.stderr).unwrap(),
            code: output.status.code(),
        }
    }
}

/// Runs it to its end.
#[allow(dead_code, reason = "not every suite runs commands to their end")]
pub(crate) fn run(arguments: &[&str]) -> Said {
    sallyport(arguments).output().unwrap().into()
}

/// The same with a hub's directory and something on standard input.
#[allow(dead_code, reason = "not every suite has a directory")]
pub(crate) fn tried(directory: &Path, arguments: &[&str], input: &str) -> Said {
    let mut command = sallyport(&["--data-dir", directory.to_str().unwrap()]);
    let mut child = command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

/// The same, which must go well.
#[allow(dead_code, reason = "not every suite has a directory")]
pub(crate) fn in_directory(directory: &Path, arguments: &[&str], input: &str) -> String {
    let said = tried(directory, arguments, input);
    assert_eq!(said.code, Some(0), "{arguments:?}: {}", said.error);
    said.out
}
