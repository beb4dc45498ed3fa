//! The arguments that say what is captured, and with whose keys; the same for a terminal and for an agent.
//! What is done with what is heard is known to whoever flattens them in.

use clap::Args;
use std::path::PathBuf;
use traffic::{ProgramName, Tap};

#[derive(Debug, Args)]
pub(crate) struct TapFlags {
    /// Take the keys of this Go program: by its name (all processes that have it, those that start later too) or by a
    /// process's number. May be repeated.
    #[arg(long, value_name = "NAME|PID", value_parser = program)]
    process: Vec<ProgramName>,
    /// Take the keys of every process that runs this file. May be repeated.
    #[arg(long, value_name = "FILE")]
    binary: Vec<PathBuf>,
    /// Follow a key log while it is written (NSS format, RFC 9850). May be repeated.
    #[arg(long, value_name = "KEYLOG")]
    keys: Vec<PathBuf>,
    /// TCP port to capture. May be repeated.
    #[arg(long, value_name = "PORT", default_value = "6443", value_parser = clap::value_parser!(u16).range(1..))]
    port: Vec<u16>,
    /// Interface to capture on; all of them without it.
    #[arg(long, value_name = "NAME")]
    interface: Option<String>,
}

impl TapFlags {
    pub(crate) fn tap(&self) -> Tap {
        let files = self.binary.iter().cloned().map(ProgramName::File);
        Tap {
            programs: self.process.iter().cloned().chain(files).collect(),
            keys: self.keys.clone(),
            ports: self.port.clone(),
            interface: self.interface.clone(),
            waits: false,
        }
    }
}

fn program(text: &str) -> Result<ProgramName, String> {
    match text.bytes().all(|byte| byte.is_ascii_digit()) {
        _ if text.is_empty() => Err("name a program or a process's number".to_owned()),
        true => text
            .parse()
            .map(ProgramName::Process)
            .map_err(|_| "no process has this number".to_owned()),
        false if text.contains('/') => Err("this is a path: give it with --binary".to_owned()),
        false => Ok(ProgramName::Named(text.to_owned())),
    }
}
