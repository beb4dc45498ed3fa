//! Events on their way to whoever reads: chosen, printed in a form, and summed up for the account at the end.
//! Where events come from, files or the wire, it does not know.

use crate::summary::{Advice, Summary};
use crate::table::Table;
use crate::{Filter, Format, json};
use std::io::{self, Write};
use wire::{Decoder, Event};

/// See the module.
#[derive(Debug)]
pub(crate) struct Printer<'a> {
    format: Format,
    filter: Option<&'a Filter>,
    units_max: u64,
    advice: Advice,
    table: Table,
    shown: u64,
    summary: Summary,
}

impl<'a> Printer<'a> {
    pub(crate) fn new(format: Format, filter: Option<&'a Filter>, advice: Advice) -> Self {
        let table = Table::new(matches!(format, Format::Table { colour: true }));
        let summary = Summary::default();
        Self { format, filter, units_max: u64::MAX, advice, table, shown: 0, summary }
    }

    /// Shows no more than so many units.
    pub(crate) fn at_most(mut self, units_max: Option<u64>) -> Self {
        self.units_max = units_max.unwrap_or(u64::MAX);
        self
    }

    /// Whether as many units were shown as are wanted.
    pub(crate) fn is_done(&self) -> bool {
        self.shown >= self.units_max
    }

    pub(crate) fn event(&mut self, event: &Event, output: &mut dyn Write) -> io::Result<()> {
        self.summary.take(event);
        match (event, self.format) {
            (Event::Unit(unit), format) => {
                if self.is_done() || self.filter.is_some_and(|filter| !filter.matches(unit)) {
                    return Ok(());
                }
                self.shown += 1;
                match format {
                    Format::Json => json::unit(unit, output),
                    Format::Table { .. } => self.table.unit(unit, output),
                }
            }
            (Event::Closed(report), Format::Json) => {
                json::connection(report, (self.advice)(report.decryption), output)
            }
            (Event::Closed(_), Format::Table { .. }) => Ok(()),
        }
    }

    /// What became of every byte: as the last line of JSON, or beside the table.
    pub(crate) fn account(
        &self,
        decoder: &Decoder,
        output: &mut dyn Write,
        aside: &mut dyn Write,
    ) -> io::Result<()> {
        match self.format {
            Format::Json => json::summary(&self.summary, decoder, output)?,
            Format::Table { .. } => self.summary.print(decoder, self.advice, aside)?,
        }
        output.flush()
    }
}
