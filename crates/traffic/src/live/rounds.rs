//! The order in which packets and keys are read, round by round, until somebody asks for the end.
//! Who listens, and what becomes of what is heard, it does not know.
//!
//! States: programs are probed first and packets let in after, so that no connection is seen without its key; then
//! round by round until it is asked to end; then what is left is read and told.
//! Before each block of packets the keys are read: a program makes a key before it sends the first packet under it.
//! Limits: those of `capture` and `wire`. If whoever listens is slow, packets are dropped by the kernel and counted;
//! nothing is queued here.

use super::keys::KeySources;
use super::{LiveFault, Tap};
use crate::recorder::Recorder;
use capture::{PacketRing, ProbeCounts};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use wire::{Decoder, Event};

/// The longest time for which nothing is looked at: key logs tell nobody that they have grown.
pub(crate) const ROUND: Duration = Duration::from_millis(100);
/// How often it is looked whether packets were dropped and whether new programs of a name have started.
const CHORES: Duration = Duration::from_secs(2);

/// Who is told what is heard.
pub(crate) trait Listener {
    /// Something was said, or a connection is over.
    fn event(&mut self, event: Event) -> io::Result<()>;
    /// A round is over: what was told so far may go on.
    fn round(&mut self) -> io::Result<()>;
    /// How long it can wait for the next round; no longer than that is anything awaited.
    fn patience(&self) -> Duration;
    /// Enough was heard.
    fn is_done(&self) -> bool;
    /// How the capture stands, now and then.
    fn standing(&mut self, standing: &Standing);
}

/// How a capture stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Packets that were read.
    pub(crate) packets: u64,
    /// Packets that the kernel dropped, because they came faster than they were read.
    pub(crate) dropped: u64,
    /// What became of the programs' keys.
    pub(crate) keys: ProbeCounts,
    /// The files whose programs are probed, and key logs that are followed.
    pub(crate) sources: Vec<String>,
}

/// Captures until `stop` is set, the time is over or the listener has enough; a recorder gets all packets and keys.
/// Where it listens is told `aside`.
pub(crate) fn listen(
    tap: &Tap,
    decoder: &mut Decoder,
    recorder: &mut Option<Recorder>,
    duration: Option<Duration>,
    listener: &mut dyn Listener,
    aside: &mut dyn Write,
    stop: &AtomicBool,
) -> Result<KeySources, LiveFault> {
    let mut sources = KeySources::open(tap)?;
    let mut ring = PacketRing::open(tap.interface.as_deref(), &tap.ports)?;
    let ports: Vec<String> = tap.ports.iter().map(u16::to_string).collect();
    let place = match &tap.interface {
        Some(interface) => format!("interface {interface}"),
        None => "all interfaces".to_owned(),
    };
    writeln!(aside, "capturing TCP port {} on {place}; Ctrl-C ends it", ports.join(", "))?;
    sources.tell(aside)?;
    listener.standing(&standing(decoder, &sources));
    let began = Instant::now();
    let mut chores_done = began;
    let mut dropped = 0;
    loop {
        let is_over = stop.load(Ordering::Relaxed)
            || duration.is_some_and(|duration| began.elapsed() >= duration);
        if !is_over {
            let left = duration.map_or(ROUND, |it| it.saturating_sub(began.elapsed()));
            let mut descriptors = vec![ring.as_fd()];
            descriptors.extend(sources.probes().map(AsFd::as_fd));
            let wait = left.min(ROUND).min(listener.patience());
            capture::wait(&descriptors, wait).map_err(LiveFault::Wait)?;
        }
        sources.read(&mut |keys| take_keys(keys, decoder, recorder))?;
        // A round is at most the whole ring, so that the end comes however fast packets do.
        for _ in 0..capture::RING_BLOCKS {
            let Some(block) = ring.next_block() else { break };
            sources.read(&mut |keys| take_keys(keys, decoder, recorder))?;
            for packet in block.packets() {
                if let Some(recorder) = recorder {
                    recorder.packet(&packet)?;
                }
                decoder.packet(&packet);
            }
            while let Some(event) = decoder.event() {
                listener.event(event)?;
            }
            if listener.is_done() || (!is_over && stop.load(Ordering::Relaxed)) {
                break;
            }
        }
        while let Some(event) = decoder.event() {
            listener.event(event)?;
        }
        if let Some(recorder) = recorder {
            recorder.flush()?;
        }
        listener.round()?;
        if is_over || listener.is_done() || chores_done.elapsed() >= CHORES {
            chores_done = Instant::now();
            let so_far = ring.dropped();
            decoder.dropped(so_far - dropped);
            dropped = so_far;
            sources.look_for_programs(aside)?;
            listener.standing(&standing(decoder, &sources));
        }
        if is_over || listener.is_done() {
            break;
        }
    }
    // No program is touched any longer than packets are read; how long the rest takes depends on who listens.
    drop(ring);
    sources.detach();
    sources.finish(&mut |keys| take_keys(keys, decoder, recorder));
    decoder.finish();
    while let Some(event) = decoder.event() {
        listener.event(event)?;
    }
    listener.standing(&standing(decoder, &sources));
    listener.round()?;
    Ok(sources)
}

fn take_keys(keys: &[u8], decoder: &mut Decoder, recorder: &mut Option<Recorder>) {
    if let Some(recorder) = recorder {
        recorder.keys(keys);
    }
    decoder.keys(keys);
}

fn standing(decoder: &Decoder, sources: &KeySources) -> Standing {
    Standing {
        packets: decoder.packets(),
        dropped: decoder.packets_dropped(),
        keys: sources.counts(),
        sources: sources.names(),
    }
}
