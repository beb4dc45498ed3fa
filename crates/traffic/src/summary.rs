//! The account at the end: what became of every byte, how far each connection could be read, and what a
//! person can do about the rest.

use std::collections::BTreeMap;
use std::io::{self, Write};
use wire::{ConnectionReport, Decoder, Decryption, Event, Tally};

/// Connections named as examples of a state.
const EXAMPLES_MAX: usize = 3;

/// What a person can do about connections that were not read whole.
pub(crate) type Advice = fn(Decryption) -> Option<&'static str>;

/// What was seen, summed up.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    pub(crate) units: u64,
    pub(crate) requests: u64,
    pub(crate) connections: u64,
    pub(crate) missing: u64,
    pub(crate) content: Tally,
    states: BTreeMap<&'static str, State>,
}

#[derive(Debug)]
struct State {
    decryption: Decryption,
    connections: u64,
    examples: Vec<String>,
}

impl Summary {
    pub(crate) fn take(&mut self, event: &Event) {
        match event {
            Event::Unit(_) => self.units += 1,
            Event::Closed(report) => self.close(report),
        }
    }

    fn close(&mut self, report: &ConnectionReport) {
        self.connections += 1;
        self.requests += report.requests;
        self.missing += report.missing;
        self.content.merge(&report.content);
        let state = self.states.entry(report.decryption.code()).or_insert(State {
            decryption: report.decryption,
            connections: 0,
            examples: Vec::new(),
        });
        state.connections += 1;
        if state.examples.len() < EXAMPLES_MAX {
            state.examples.push(format!("{} → {}", report.client, report.server));
        }
    }

    pub(crate) fn print(
        &self,
        decoder: &Decoder,
        advice: Advice,
        output: &mut dyn Write,
    ) -> io::Result<()> {
        let tally = decoder.tally();
        writeln!(
            output,
            "{} packets of {} bytes, {} connections, {} requests, {} units",
            decoder.packets(),
            tally.total(),
            self.connections,
            self.requests,
            self.units
        )?;
        if decoder.packets_dropped() > 0 {
            let dropped = decoder.packets_dropped();
            writeln!(output, "{dropped} packets were dropped while capturing")?;
        }
        if self.missing > 0 {
            writeln!(output, "{} bytes were sent, but are not in the capture", self.missing)?;
        }
        for (what, tally) in [("captured", tally), ("content", &self.content)] {
            for (reason, bytes) in tally.reasons() {
                writeln!(output, "{what}: {bytes} bytes not decoded: {}", reason.reason())?;
            }
        }
        for state in self.states.values() {
            let (word, connections) =
                (state.decryption.code().replace('_', " "), state.connections);
            let plural = if connections == 1 { "" } else { "s" };
            match advice(state.decryption) {
                None => writeln!(output, "{connections} connection{plural}: {word}")?,
                Some(advice) => {
                    let examples = state.examples.join(", ");
                    let more = if connections > EXAMPLES_MAX as u64 { ", …" } else { "" };
                    writeln!(
                        output,
                        "{connections} connection{plural}: {word} ({examples}{more}): {advice}"
                    )?;
                }
            }
        }
        Ok(())
    }
}
