//! Traffic as it passes: packets and keys of this machine into a decoder, and what it tells to whoever reads.
//! How packets are captured and keys taken is `capture`'s; what is shown of them, `wire`'s.
//!
//! States: programs are probed first and packets let in after, so that no connection is seen without its key; then
//! round by round until it is asked to end; then what is left is read and the account given.
//! Before each block of packets the keys are read: a program makes a key before it sends the first packet under it.
//! Limits: those of `capture` and `wire`. If whoever reads the output is slow, packets are dropped by the kernel and
//! counted; nothing is queued here.

mod keys;

use crate::printer::Printer;
use crate::{Filter, Format};
use capture::{KeyLogFault, PacketFault, PacketRing, ProbeFault, TargetFault};
use keys::KeySources;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use wire::{Decoder, Decryption, Limits, Redactor};

/// The longest time for which nothing is looked at: key logs tell nobody that they have grown.
const ROUND: Duration = Duration::from_millis(100);
/// How often it is looked whether packets were dropped and whether new programs of a name have started.
const CHORES: Duration = Duration::from_secs(2);

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

/// What to capture, and what of it to show.
#[derive(Debug)]
pub struct LiveJob {
    /// Programs whose keys are taken.
    pub programs: Vec<ProgramName>,
    /// Key logs that are followed.
    pub keys: Vec<PathBuf>,
    /// TCP ports.
    pub ports: Vec<u16>,
    /// The interface; all if none.
    pub interface: Option<String>,
    /// When to end; only when asked to if none.
    pub duration: Option<Duration>,
    /// How many units to show before it ends.
    pub units_max: Option<u64>,
    /// Which units to show; all if none.
    pub filter: Option<Filter>,
    /// The key of redaction: with the same key the same secrets get the same replacement.
    pub redaction_key: [u8; 32],
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
    format: Format,
    output: &mut dyn Write,
    aside: &mut dyn Write,
    stop: &AtomicBool,
) -> Result<(), LiveFault> {
    let mut decoder = Decoder::new(Redactor::new(&job.redaction_key), Limits::default());
    let mut printer = Printer::new(format, job.filter.as_ref(), advice).at_most(job.units_max);
    let mut sources = KeySources::open(job)?;
    let mut ring = PacketRing::open(job.interface.as_deref(), &job.ports)?;
    let ports: Vec<String> = job.ports.iter().map(u16::to_string).collect();
    let place = match &job.interface {
        Some(interface) => format!("interface {interface}"),
        None => "all interfaces".to_owned(),
    };
    writeln!(aside, "capturing TCP port {} on {place}; Ctrl-C ends it", ports.join(", "))?;
    sources.tell(aside)?;
    let began = Instant::now();
    let mut chores_done = began;
    let mut dropped = 0;
    loop {
        let is_over = stop.load(Ordering::Relaxed)
            || job.duration.is_some_and(|duration| began.elapsed() >= duration);
        if !is_over {
            let left = job.duration.map_or(ROUND, |it| it.saturating_sub(began.elapsed()));
            let mut descriptors = vec![ring.as_fd()];
            descriptors.extend(sources.probes().map(AsFd::as_fd));
            capture::wait(&descriptors, left.min(ROUND)).map_err(LiveFault::Wait)?;
        }
        sources.read(&mut decoder)?;
        // A round is at most the whole ring, so that the end comes however fast packets do.
        for _ in 0..capture::RING_BLOCKS {
            let Some(block) = ring.next_block() else { break };
            sources.read(&mut decoder)?;
            for packet in block.packets() {
                decoder.packet(&packet);
            }
            while let Some(event) = decoder.event() {
                printer.event(&event, output)?;
            }
            if printer.is_done() || (!is_over && stop.load(Ordering::Relaxed)) {
                break;
            }
        }
        while let Some(event) = decoder.event() {
            printer.event(&event, output)?;
        }
        output.flush()?;
        if is_over || printer.is_done() || chores_done.elapsed() >= CHORES {
            chores_done = Instant::now();
            let so_far = ring.dropped();
            decoder.dropped(so_far - dropped);
            dropped = so_far;
            sources.look_for_programs(aside)?;
        }
        if is_over || printer.is_done() {
            break;
        }
    }
    // No program is touched any longer than packets are read; how long the account takes depends on its reader.
    drop(ring);
    sources.detach();
    sources.finish(&mut decoder);
    decoder.finish();
    while let Some(event) = decoder.event() {
        printer.event(&event, output)?;
    }
    match format {
        Format::Json => sources.json(output)?,
        Format::Table { .. } => sources.account(aside)?,
    }
    Ok(printer.account(&decoder, output, aside)?)
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
