//! What the API server says and hears, from captures or as it passes, to a person's screen or another program: on the
//! command line from files ([`decode`], [`stats`]) and live ([`capture`]), and in the hub's traffic room from what is
//! stored ([`Traffic`]), which agents on the nodes send ([`agent`]). Decoding and redaction are `wire`'s, packets and
//! keys are `capture`'s; here captures are read, units chosen, stored and shown. It reads no environment and no
//! configuration: the binary hands over what it needs.

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;

mod filter;
mod rows;
mod user;

mod explain;
mod failures;
mod role;

mod room;

mod agent;
mod exchanges;
mod har;
mod json;
mod live;
mod otlp;
mod printer;
mod reading;
mod recorder;
mod stats;
mod summary;
mod table;

pub use agent::{AgentFault, AgentJob, AgentName, HubDoor, SpoolFault, agent, stream_name};
pub use filter::{Filter, FilterFault};
pub use live::{LiveFault, LiveJob, ProgramName, Tap, capture};
pub use reading::{Input, ReadFault};
pub use recorder::RecordFault;
pub use role::{HeldFault, HeldRoles};
pub use room::{AgentCertificate, Stored, Traffic, agents_router, describe_agent_metrics, router};

use printer::Printer;
use recorder::Recorder;

use std::io::{self, Write};
use std::path::PathBuf;
use wire::{Decoder, Decryption, Event, Limits, Redactor};

/// How units are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A table for people.
    Table {
        /// With colours.
        colour: bool,
    },
    /// JSON lines, as docs/traffic.md describes them.
    Json,
}

/// In what form what was said is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Unit by unit.
    Units(Format),
    /// One HTTP Archive, for developer tools: requests with their answers.
    Har,
    /// OpenTelemetry spans of requests, an OTLP request for export on each line.
    Otlp,
}

impl From<Format> for Form {
    fn from(format: Format) -> Self {
        Self::Units(format)
    }
}

/// What to decode, and what of it to show.
#[derive(Debug)]
pub struct Job {
    /// Captures, one after the other as if they were one.
    pub inputs: Vec<Input>,
    /// Key logs, which are read before the captures.
    pub keys: Vec<PathBuf>,
    /// Which units to show; all if none.
    pub filter: Option<Filter>,
    /// The key of redaction: with the same key the same secrets get the same replacement.
    pub redaction_key: [u8; 32],
    /// A pcapng file to write packets and keys into, unredacted.
    pub record: Option<PathBuf>,
}

/// Why a job ended early.
#[derive(Debug, thiserror::Error)]
pub enum JobFault {
    /// Something could not be read.
    #[error(transparent)]
    Read(#[from] ReadFault),
    /// Packets and keys cannot be written to a file.
    #[error(transparent)]
    Record(#[from] RecordFault),
    /// The result could not be written.
    #[error("the result could not be written")]
    Write(#[from] io::Error),
}

/// Decodes captures and prints each unit as it is found, then what became of every byte: as the last lines
/// of JSON, or beside the table to `aside`.
pub fn decode(
    job: &Job,
    form: impl Into<Form>,
    output: &mut dyn Write,
    aside: &mut dyn Write,
) -> Result<(), JobFault> {
    let (filter, key) = (job.filter.as_ref(), &job.redaction_key);
    let mut printer = Printer::new(form.into(), filter, key, Decryption::advice);
    let done = run(job, aside, |event| printer.event(&event, output));
    // What was decoded before a fault is shown with its account all the same.
    let (decoder, fault) = done?;
    printer.account(&decoder, output, aside)?;
    fault.map_or(Ok(()), |fault| Err(fault.into()))
}

/// Decodes captures and prints who asked for what how often, and how long it took.
pub fn stats(job: &Job, format: Format, output: &mut dyn Write) -> Result<(), JobFault> {
    let mut summary = summary::Summary::default();
    let mut stats = stats::Stats::default();
    let (decoder, fault) = run(job, &mut io::sink(), |event| {
        summary.take(&event);
        if let Event::Unit(unit) = &event
            && job.filter.as_ref().is_none_or(|filter| filter.matches(unit))
        {
            stats.take(unit);
        }
        Ok(())
    })?;
    match format {
        Format::Json => {
            stats.json(output)?;
            json::summary(&summary, &decoder, output)?;
        }
        Format::Table { .. } => {
            stats.print(output)?;
            summary.print(&decoder, Decryption::advice, output)?;
        }
    }
    output.flush()?;
    fault.map_or(Ok(()), |fault| Err(fault.into()))
}

/// Decodes captures and prints each request that failed, and why.
pub fn explain(job: &Job, format: Format, output: &mut dyn Write) -> Result<(), JobFault> {
    let mut failures = failures::Failures::default();
    let mut count = 0_u64;
    let (_, fault) = run(job, &mut io::sink(), |event| {
        let found = match &event {
            Event::Unit(unit) => failures.take(unit).into_iter().collect(),
            Event::Closed(report) => failures.closed(report),
        };
        for failure in found {
            if job.filter.as_ref().is_none_or(|filter| filter.matches(failure.unit())) {
                count += 1;
                match format {
                    Format::Json => failure.json(output)?,
                    Format::Table { .. } => failure.print(output)?,
                }
            }
        }
        Ok(())
    })?;
    if let Format::Table { .. } = format {
        writeln!(output, "{count} requests failed")?;
        if failures.forgotten() > 0 {
            writeln!(output, "{} requests waited too long for their answer", failures.forgotten())?;
        }
    }
    output.flush()?;
    fault.map_or(Ok(()), |fault| Err(fault.into()))
}

/// Whose role is made from use, and how.
#[derive(Debug)]
pub struct RoleOf {
    /// The user, as requests claim to be of.
    pub user: String,
    /// Rules name their objects where requests named few.
    pub by_name: bool,
    /// Roles to compare with.
    pub held: Option<HeldRoles>,
}

/// Decodes captures and prints the least Role that a user's requests ask for, as YAML or as a line of JSON.
pub fn role(
    job: &Job,
    of: &RoleOf,
    format: Format,
    output: &mut dyn Write,
) -> Result<(), JobFault> {
    let mut observed = role::Observed::of(&of.user);
    let (_, fault) = run(job, &mut io::sink(), |event| {
        match &event {
            Event::Unit(unit) => {
                let counts = job.filter.as_ref().is_none_or(|filter| filter.matches(unit));
                observed.take(unit, counts);
            }
            Event::Closed(report) => observed.closed(report),
        }
        Ok(())
    })?;
    let (proposal, diff) = observed.role(of.by_name, of.held.as_ref());
    match format {
        Format::Json => observed.json(&proposal, diff.as_ref(), output)?,
        Format::Table { .. } => observed.print(&proposal, diff.as_ref(), output)?,
    }
    output.flush()?;
    fault.map_or(Ok(()), |fault| Err(fault.into()))
}

fn run(
    job: &Job,
    aside: &mut dyn Write,
    mut each: impl FnMut(Event) -> io::Result<()>,
) -> Result<(Decoder, Option<ReadFault>), JobFault> {
    let mut decoder = Decoder::new(Redactor::new(&job.redaction_key), Limits::default());
    let mut recorder = job.record.as_deref().map(Recorder::create).transpose()?;
    for path in &job.keys {
        let read = reading::keys(path, &mut |text| {
            decoder.keys(text);
            if let Some(recorder) = &mut recorder {
                recorder.keys(text);
            }
        });
        decoder.end_of_keys();
        read?;
        if let Some(recorder) = &mut recorder {
            recorder.end_of_keys();
        }
    }
    let mut fault = None;
    for input in &job.inputs {
        match reading::capture(input, &mut decoder, &mut recorder, &mut each)? {
            None => {}
            Some(found) => {
                fault = Some(found);
                break;
            }
        }
    }
    if let Some(recorder) = recorder {
        recorder.end(aside)?;
    }
    decoder.finish();
    while let Some(event) = decoder.event() {
        each(event)?;
    }
    Ok((decoder, fault))
}
