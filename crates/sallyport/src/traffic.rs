//! `sallyport traffic`: the API server's traffic, from captures or as it passes, decoded with given keys. What is
//! decoded and how is the `traffic` crate's; here are its arguments.

mod live;
mod tap;

pub(crate) use tap::TapFlags;

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use std::io::{BufWriter, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use traffic::{Filter, Form, Format, HeldRoles, Input, Job, JobFault, RoleOf};

#[derive(Debug, Subcommand)]
pub(crate) enum TrafficCommand {
    /// Decode capture files: each request, answer and event, redacted.
    #[command(after_help = "Examples:\n  \
        sallyport traffic decode capture.pcap --keys keys.log\n  \
        sallyport traffic decode capture.pcapng --filter 'status >= 400 and resource == pods'\n  \
        tcpdump -i any -w - port 6443 | sallyport traffic decode - --keys keys.log --format json\n  \
        sallyport traffic decode capture.pcap --keys keys.log --format har > requests.har\n  \
        sallyport traffic decode capture.pcap --keys keys.log --write decrypted.pcapng")]
    Decode(DecodeFlags),
    /// Show traffic as it passes on this machine, with the keys of running programs: each request, answer and event,
    /// redacted.
    Capture(live::LiveFlags),
    /// Count requests by verb, resource and status, with their latencies.
    Stats(CaptureFlags),
    /// Explain each request that failed: the likely cause, what says so, and what to look at.
    Explain(CaptureFlags),
    /// Make the least Role that a user's requests ask for, as YAML. What was refused is listed, not granted.
    #[command(after_help = "Examples:\n  \
        sallyport traffic role capture.pcap --keys keys.log --user system:serviceaccount:shop:web\n  \
        kubectl get roles,rolebindings -n shop -o json > held.json\n  \
        sallyport traffic role capture.pcap --keys keys.log --user alice --held held.json")]
    Role(RoleFlags),
}

#[derive(Debug, Args)]
pub(crate) struct RoleFlags {
    #[command(flatten)]
    capture: CaptureFlags,
    /// The user, as requests claim to be of: whom they impersonate, or the subject of their token.
    #[arg(long, value_name = "NAME")]
    user: String,
    /// Roles and bindings to compare with, as `kubectl get -o json` prints them.
    #[arg(long, value_name = "FILE")]
    held: Option<PathBuf>,
    /// Name no objects in the rules, also where requests named few.
    #[arg(long)]
    no_names: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DecodeFlags {
    #[command(flatten)]
    capture: CaptureFlags,
    #[arg(long = "write", value_name = "FILE", help = WRITE)]
    record: Option<PathBuf>,
}

/// What `--write` does.
const WRITE: &str = "Write packets and keys to a new pcapng file, which Wireshark opens decrypted. Nothing in it is \
                     redacted";

#[derive(Debug, Args)]
pub(crate) struct CaptureFlags {
    /// Captures (pcap or pcapng), read one after the other; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Key log of the client or the server (NSS format, RFC 9850); may be repeated.
    #[arg(long, value_name = "KEYLOG")]
    keys: Vec<PathBuf>,
    #[command(flatten)]
    view: ViewFlags,
}

/// What is shown, and how.
#[derive(Debug, Args)]
pub(crate) struct ViewFlags {
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
    /// An HTTP Archive of requests with their answers, for developer tools.
    Har,
    /// OpenTelemetry spans of requests, for the Collector: a request for export on each line.
    Otlp,
}

/// Why a command ended early.
enum Fault {
    /// The result could not be written.
    Write(std::io::Error),
    Other(anyhow::Error),
}

/// Does what was asked.
pub(crate) fn run(command: TrafficCommand) -> anyhow::Result<ExitCode> {
    let mut output = BufWriter::with_capacity(256 * 1024, std::io::stdout().lock());
    let done = match command {
        TrafficCommand::Decode(flags) => flags.run(&mut output),
        TrafficCommand::Capture(flags) => live::run(flags, &mut output),
        TrafficCommand::Stats(flags) => {
            flags.run(|job, format| traffic::stats(job, format, &mut output))
        }
        TrafficCommand::Explain(flags) => {
            flags.run(|job, format| traffic::explain(job, format, &mut output))
        }
        TrafficCommand::Role(flags) => flags.run(&mut output),
    };
    match done.and_then(|()| Ok(output.flush()?)) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        // Whoever reads has seen enough, as `head` does.
        Err(Fault::Write(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(Fault::Write(error)) => Err(error).context("the result could not be written"),
        Err(Fault::Other(error)) => Err(error),
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self::Write(error)
    }
}

impl From<JobFault> for Fault {
    fn from(fault: JobFault) -> Self {
        match fault {
            JobFault::Write(error) => Self::Write(error),
            other => Self::Other(other.into()),
        }
    }
}

impl From<anyhow::Error> for Fault {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

impl ViewFlags {
    fn form(&self) -> Form {
        match self.format {
            FormatName::Json => Form::Units(Format::Json),
            FormatName::Har => Form::Har,
            FormatName::Otlp => Form::Otlp,
            FormatName::Table => {
                let asked_not_to = std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty());
                let colour = std::io::stdout().is_terminal() && !asked_not_to;
                Form::Units(Format::Table { colour })
            }
        }
    }

    /// The form of what is made of many requests.
    fn format(&self) -> anyhow::Result<Format> {
        match self.form() {
            Form::Units(format) => Ok(format),
            Form::Har | Form::Otlp => anyhow::bail!(
                "`--format har` and `otlp` are forms of requests, for `traffic decode` and `traffic capture`: \
                 here say `table` or `json`"
            ),
        }
    }

    fn redaction_key(&self) -> anyhow::Result<[u8; 32]> {
        let Some(path) = &self.redaction_key else { return crate::hub::random() };
        read_redaction_key(path)
    }
}

/// Reads a key of redaction.
pub(crate) fn read_redaction_key(path: &Path) -> anyhow::Result<[u8; 32]> {
    let bytes = std::fs::read(path)
        .with_context(|| format!("the key `{}` cannot be read", path.display()))?;
    <[u8; 32]>::try_from(bytes)
        .ok()
        .with_context(|| format!("the key `{}` must have exactly 32 bytes", path.display()))
}

impl RoleFlags {
    fn run(self, output: &mut dyn Write) -> Result<(), Fault> {
        let held = self.held.as_deref().map(|path| -> anyhow::Result<HeldRoles> {
            let what = || format!("the roles `{}` cannot be read", path.display());
            let text = std::fs::read_to_string(path).with_context(what)?;
            HeldRoles::read(&text, &self.user).with_context(what)
        });
        let held = held.transpose()?;
        let of = RoleOf { user: self.user, by_name: !self.no_names, held };
        self.capture.run(|job, format| traffic::role(job, &of, format, output))
    }
}

impl DecodeFlags {
    fn run(self, output: &mut dyn Write) -> Result<(), Fault> {
        let form = self.capture.view.form();
        let job = self.capture.job(self.record)?;
        Ok(traffic::decode(&job, form, output, &mut std::io::stderr())?)
    }
}

impl CaptureFlags {
    fn run(self, act: impl FnOnce(&Job, Format) -> Result<(), JobFault>) -> Result<(), Fault> {
        let format = self.view.format()?;
        Ok(act(&self.job(None)?, format)?)
    }

    fn job(self, record: Option<PathBuf>) -> anyhow::Result<Job> {
        let redaction_key = self.view.redaction_key()?;
        let input = |path: PathBuf| match path.as_os_str() == "-" {
            true => Input::Stdin,
            false => Input::File(path),
        };
        Ok(Job {
            inputs: self.files.into_iter().map(input).collect(),
            keys: self.keys,
            filter: self.view.filter,
            redaction_key,
            record,
        })
    }
}
