//! Events on their way to whoever reads: chosen, printed in a form, and summed up for the account at the end.
//! Where events come from, files or the wire, it does not know.

use crate::exchanges::Exchanges;
use crate::har::Har;
use crate::summary::{Advice, Summary};
use crate::table::Table;
use crate::{Filter, Form, Format, json, otlp};
use std::io::{self, Write};
use wire::{Decoder, Event};

/// See the module.
#[derive(Debug)]
pub(crate) struct Printer<'a> {
    paper: Paper<'a>,
    filter: Option<&'a Filter>,
    shown_max: u64,
    advice: Advice,
    shown: u64,
    summary: Summary,
}

#[derive(Debug)]
enum Paper<'a> {
    Table(Table),
    Json,
    Har(Har, Exchanges),
    /// With the key of redaction, from which ids are made.
    Otlp(&'a [u8; 32], Exchanges),
}

impl<'a> Printer<'a> {
    pub(crate) fn new(
        form: Form,
        filter: Option<&'a Filter>,
        redaction_key: &'a [u8; 32],
        advice: Advice,
    ) -> Self {
        let paper = match form {
            Form::Units(Format::Table { colour }) => Paper::Table(Table::new(colour)),
            Form::Units(Format::Json) => Paper::Json,
            Form::Har => Paper::Har(Har::default(), Exchanges::default()),
            Form::Otlp => Paper::Otlp(redaction_key, Exchanges::default()),
        };
        Self { paper, filter, shown_max: u64::MAX, advice, shown: 0, summary: Summary::default() }
    }

    /// Shows no more than so many units, or requests where those are shown.
    pub(crate) fn at_most(mut self, shown_max: Option<u64>) -> Self {
        self.shown_max = shown_max.unwrap_or(u64::MAX);
        self
    }

    /// Whether as many were shown as are wanted.
    pub(crate) fn is_done(&self) -> bool {
        self.shown >= self.shown_max
    }

    pub(crate) fn event(&mut self, event: &Event, output: &mut dyn Write) -> io::Result<()> {
        self.summary.take(event);
        let (shown, shown_max) = (&mut self.shown, self.shown_max);
        let mut may_show = || {
            let may = *shown < shown_max;
            *shown += u64::from(may);
            may
        };
        match (&mut self.paper, event) {
            (Paper::Har(har, exchanges), event) => {
                exchanges.take(event, self.filter, &mut |exchange| match may_show() {
                    true => har.exchange(exchange, output),
                    false => Ok(()),
                })
            }
            (Paper::Otlp(key, exchanges), event) => {
                exchanges.take(event, self.filter, &mut |exchange| match may_show() {
                    true => otlp::exchange(exchange, key, output),
                    false => Ok(()),
                })
            }
            (paper, Event::Unit(unit)) => {
                let is_wanted = self.filter.is_none_or(|filter| filter.matches(unit));
                match paper {
                    Paper::Json if is_wanted && may_show() => json::unit(unit, output),
                    Paper::Table(table) if is_wanted && may_show() => table.unit(unit, output),
                    _ => Ok(()),
                }
            }
            (Paper::Json, Event::Closed(report)) => {
                json::connection(report, (self.advice)(report.decryption), output)
            }
            (Paper::Table(_), Event::Closed(_)) => Ok(()),
        }
    }

    /// Completes the output; what became of every byte stands in the last line of JSON, or beside any other form.
    pub(crate) fn account(
        &self,
        decoder: &Decoder,
        output: &mut dyn Write,
        aside: &mut dyn Write,
    ) -> io::Result<()> {
        match &self.paper {
            Paper::Json => {
                json::summary(&self.summary, decoder, output)?;
                return output.flush();
            }
            Paper::Table(_) => {}
            Paper::Har(har, exchanges) => {
                har.end(output)?;
                exchanges.account(aside)?;
            }
            Paper::Otlp(_, exchanges) => exchanges.account(aside)?,
        }
        self.summary.print(decoder, self.advice, aside)?;
        output.flush()
    }
}
