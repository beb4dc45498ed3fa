//! What the API server says and hears, from captures to a person's screen or another program: on the command
//! line from files ([`decode`], [`stats`]), and in the hub's traffic room from what is stored ([`Traffic`]).
//! Decoding and redaction are `wire`'s; here captures are read, units chosen, stored and shown. It reads no
//! environment and no configuration: the binary hands over what it needs.

mod filter;
mod user;

mod room;

mod json;
mod reading;
mod stats;
mod summary;
mod table;

pub use filter::{Filter, FilterFault};
pub use reading::{Input, ReadFault};
pub use room::{Stored, Traffic, router};

use std::io::{self, Write};
use std::path::PathBuf;
use wire::{Decoder, Event, Limits, Redactor};

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
}

/// Why a job ended early.
#[derive(Debug, thiserror::Error)]
pub enum JobFault {
    /// Something could not be read.
    #[error(transparent)]
    Read(#[from] ReadFault),
    /// The result could not be written.
    #[error("the result could not be written")]
    Write(#[from] io::Error),
}

/// Decodes captures and prints each unit as it is found, then what became of every byte: as the last lines
/// of JSON, or beside the table to `aside`.
pub fn decode(
    job: &Job,
    format: Format,
    output: &mut dyn Write,
    aside: &mut dyn Write,
) -> Result<(), JobFault> {
    let mut summary = summary::Summary::default();
    let mut table = table::Table::new(matches!(format, Format::Table { colour: true }));
    let done = run(job, |event| {
        summary.take(&event);
        match (&event, format) {
            (Event::Unit(unit), _) if job.filter.as_ref().is_some_and(|f| !f.matches(unit)) => {
                Ok(())
            }
            (Event::Unit(unit), Format::Json) => json::unit(unit, output),
            (Event::Closed(report), Format::Json) => json::connection(report, output),
            (Event::Unit(unit), Format::Table { .. }) => table.unit(unit, output),
            (Event::Closed(_), Format::Table { .. }) => Ok(()),
        }
    });
    // What was decoded before a fault is shown with its account all the same.
    let (decoder, fault) = done?;
    match format {
        Format::Json => json::summary(&summary, &decoder, output)?,
        Format::Table { .. } => summary.print(&decoder, aside)?,
    }
    output.flush()?;
    fault.map_or(Ok(()), |fault| Err(fault.into()))
}

/// Decodes captures and prints who asked for what how often, and how long it took.
pub fn stats(job: &Job, format: Format, output: &mut dyn Write) -> Result<(), JobFault> {
    let mut summary = summary::Summary::default();
    let mut stats = stats::Stats::default();
    let (decoder, fault) = run(job, |event| {
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
            summary.print(&decoder, output)?;
        }
    }
    output.flush()?;
    fault.map_or(Ok(()), |fault| Err(fault.into()))
}

fn run(
    job: &Job,
    mut each: impl FnMut(Event) -> io::Result<()>,
) -> Result<(Decoder, Option<ReadFault>), JobFault> {
    let mut decoder = Decoder::new(Redactor::new(&job.redaction_key), Limits::default());
    for path in &job.keys {
        reading::keys(path, &mut decoder)?;
    }
    let mut fault = None;
    for input in &job.inputs {
        match reading::capture(input, &mut decoder, &mut each)? {
            None => {}
            Some(found) => {
                fault = Some(found);
                break;
            }
        }
    }
    decoder.finish();
    while let Some(event) = decoder.event() {
        each(event)?;
    }
    Ok((decoder, fault))
}
