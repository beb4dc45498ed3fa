//! `sallyport traffic`: captures of the API server's traffic, decoded with given keys. What is decoded and
//! how is the `traffic` crate's; here are its arguments.

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use std::io::{BufWriter, ErrorKind, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use traffic::{Filter, Format, Input, Job, JobFault};

#[derive(Debug, Subcommand)]
pub(crate) enum TrafficCommand {
    /// Decode capture files: each request, answer and event, redacted.
    #[command(after_help = "Examples:\n  \
        sallyport traffic decode capture.pcap --keys keys.log\n  \
        sallyport traffic decode capture.pcapng --filter 'status >= 400 and resource == pods'\n  \
        tcpdump -i any -w - port 6443 | sallyport traffic decode - --keys keys.log --format json")]
    Decode(CaptureFlags),
    /// Count requests by verb, resource and status, with their latencies.
    Stats(CaptureFlags),
}

#[derive(Debug, Args)]
pub(crate) struct CaptureFlags {
    /// Captures (pcap or pcapng), read one after the other; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Key log of the client or the server (NSS format, RFC 9850); may be repeated.
    #[arg(long, value_name = "KEYLOG")]
    keys: Vec<PathBuf>,
    /// Show only units of which this holds, as in `verb == watch and namespace == shop`.
    #[arg(long, value_name = "FILTER")]
    filter: Option<Filter>,
    /// How to print.
    #[arg(long, value_enum, default_value = "table")]
    format: FormatName,
    /// 32 bytes in a file, with which secrets are replaced: the same key gives the same replacements.
    /// Without it each run has a key of its own.
    #[arg(long, value_name = "FILE")]
    redaction_key: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatName {
    /// For people.
    Table,
    /// JSON lines.
    Json,
}

/// Does what was asked.
pub(crate) fn run(command: TrafficCommand) -> anyhow::Result<ExitCode> {
    let mut output = BufWriter::with_capacity(256 * 1024, std::io::stdout().lock());
    let (flags, is_stats) = match command {
        TrafficCommand::Decode(flags) => (flags, false),
        TrafficCommand::Stats(flags) => (flags, true),
    };
    let format = flags.format();
    let job = flags.job()?;
    let done = match is_stats {
        true => traffic::stats(&job, format, &mut output),
        false => traffic::decode(&job, format, &mut output, &mut std::io::stderr()),
    };
    let done = done.and_then(|()| Ok(output.flush()?));
    match done {
        Ok(()) => Ok(ExitCode::SUCCESS),
        // Whoever reads has seen enough, as `head` does.
        Err(JobFault::Write(error)) if error.kind() == ErrorKind::BrokenPipe => {
            Ok(ExitCode::SUCCESS)
        }
        Err(fault) => Err(fault.into()),
    }
}

impl CaptureFlags {
    fn format(&self) -> Format {
        match self.format {
            FormatName::Json => Format::Json,
            FormatName::Table => {
                let asked_not_to = std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty());
                Format::Table { colour: std::io::stdout().is_terminal() && !asked_not_to }
            }
        }
    }

    fn job(self) -> anyhow::Result<Job> {
        let redaction_key = match &self.redaction_key {
            Some(path) => {
                let bytes = std::fs::read(path)
                    .with_context(|| format!("the key `{}` cannot be read", path.display()))?;
                <[u8; 32]>::try_from(bytes).ok().with_context(|| {
                    format!("the key `{}` must have exactly 32 bytes", path.display())
                })?
            }
            None => crate::hub::random()?,
        };
        let input = |path: PathBuf| match path.as_os_str() == "-" {
            true => Input::Stdin,
            false => Input::File(path),
        };
        Ok(Job {
            inputs: self.files.into_iter().map(input).collect(),
            keys: self.keys,
            filter: self.filter,
            redaction_key,
        })
    }
}
