//! Traffic as it passes: what is tapped, and on the command line what of it is printed.
//! How packets are captured and keys taken is `capture`'s, in which order they are read is `rounds`'; what is shown of
//! them, `wire`'s.

mod keys;
mod rounds;

pub(crate) use rounds::{Listener, ROUND, Standing, listen};

use crate::printer::Printer;
use crate::recorder::{RecordFault, Recorder};
use crate::{Filter, Form, Format};
use capture::{KeyLogFault, PacketFault, ProbeFault, TargetFault};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use wire::{Decoder, Decryption, Event, Limits, Redactor};

/// Which program's keys are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProgramName {
    /// Of one process.
    Process(u32),
    /// Of all processes of a name, those that start later too.
    Named(String),
    /// Of all processes that run a file, those that start later too.
    File(PathBuf),
}

/// What is captured, and with whose keys.
#[derive(Debug, Clone)]
pub struct Tap {
    /// Programs whose keys are taken.
    pub programs: Vec<ProgramName>,
    /// Key logs that are followed.
    pub keys: Vec<PathBuf>,
    /// TCP ports.
    pub ports: Vec<u16>,
    /// The interface; all if none.
    pub interface: Option<String>,
    /// A program of a name may start later, even the first of it.
    pub waits: bool,
}

/// What to capture, and what of it to show.
#[derive(Debug)]
pub struct LiveJob {
    /// What is captured.
    pub tap: Tap,
    /// When to end; only when asked to if none.
    pub duration: Option<Duration>,
    /// How many units to show before it ends.
    pub units_max: Option<u64>,
    /// Which units to show; all if none.
    pub filter: Option<Filter>,
    /// The key of redaction: with the same key the same secrets get the same replacement.
    pub redaction_key: [u8; 32],
    /// A pcapng file to write packets and keys into, unredacted.
    pub record: Option<PathBuf>,
}

/// Why nothing (more) can be captured.
#[derive(Debug, thiserror::Error)]
pub enum LiveFault {
    /// A program was not found.
    #[error(transparent)]
    Target(#[from] TargetFault),
    /// A program's keys cannot be taken.
    #[error(transparent)]
    Probe(#[from] ProbeFault),
    /// Packets cannot be captured.
    #[error(transparent)]
    Packets(#[from] PacketFault),
    /// A key log cannot be followed.
    #[error(transparent)]
    KeyLog(#[from] KeyLogFault),
    /// What is captured cannot be written to a file.
    #[error(transparent)]
    Record(#[from] RecordFault),
    /// The kernel does not say when there is something to read.
    #[error("packets cannot be waited for")]
    Wait(#[source] io::Error),
    /// The result could not be written.
    #[error("the result could not be written")]
    Write(#[from] io::Error),
}

/// Captures and prints each unit as it is found until `stop` is set, then what became of every byte: as the last lines
/// of JSON, or beside the table to `aside`, where it is also told what is captured.
pub fn capture(
    job: &LiveJob,
    form: impl Into<Form>,
    output: &mut dyn Write,
    aside: &mut dyn Write,
    stop: &AtomicBool,
) -> Result<(), LiveFault> {
    let form = form.into();
    let mut decoder = Decoder::new(Redactor::new(&job.redaction_key), Limits::default());
    let printer = Printer::new(form, job.filter.as_ref(), &job.redaction_key, advice);
    let mut printed = Printed { printer: printer.at_most(job.units_max), output };
    let mut recorder = job.record.as_deref().map(Recorder::create).transpose()?;
    let (tap, duration) = (&job.tap, job.duration);
    let sources = listen(tap, &mut decoder, &mut recorder, duration, &mut printed, aside, stop)?;
    if let Some(recorder) = recorder {
        recorder.end(aside)?;
    }
    let Printed { printer, output } = printed;
    match form {
        Form::Units(Format::Json) => sources.json(output)?,
        _ => sources.account(aside)?,
    }
    Ok(printer.account(&decoder, output, aside)?)
}

struct Printed<'a> {
    printer: Printer<'a>,
    output: &'a mut dyn Write,
}

impl Listener for Printed<'_> {
    fn event(&mut self, event: Event) -> io::Result<()> {
        self.printer.event(&event, self.output)
    }

    fn round(&mut self) -> io::Result<()> {
        self.output.flush()
    }

    fn patience(&self) -> Duration {
        ROUND
    }

    fn is_done(&self) -> bool {
        self.printer.is_done()
    }

    fn standing(&mut self, _standing: &Standing) {}
}

/// What to do about connections that were not read whole, while they can still be made anew.
fn advice(decryption: Decryption) -> Option<&'static str> {
    match decryption {
        Decryption::NoKey => Some(
            "no key for this connection: name the program at either of its ends with --process or --binary, or give \
             its key log with --keys",
        ),
        Decryption::JoinedLate => Some(
            "it was open before this began, so that its handshake was not seen: leave this running and let the client \
             connect again",
        ),
        Decryption::Partly => {
            Some("packets of it were dropped: capture fewer ports or one --interface")
        }
        other => other.advice(),
    }
}
