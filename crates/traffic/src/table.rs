//! Units as a table for people: one line each, with the content's beginning where there is any.
//! It chooses nothing; what is too long for a line is cut.

use jiff::Timestamp;
use std::io::{self, Write};
use wire::{Content, Side, Unit};

/// What of a content fits beside the rest on a wide screen.
const CONTENT_CHARS_MAX: usize = 120;

/// Prints units line by line.
#[derive(Debug)]
pub(crate) struct Table {
    colour: bool,
    begun: bool,
}

impl Table {
    pub(crate) fn new(colour: bool) -> Self {
        Self { colour, begun: false }
    }

    pub(crate) fn unit(&mut self, unit: &Unit, output: &mut dyn Write) -> io::Result<()> {
        if !self.begun {
            self.begun = true;
            let (bold, plain) = (self.paint("1"), self.paint("0"));
            writeln!(
                output,
                "{bold}{:>6}  {:<15}  {:<21} {:<21}  {:<9} {:>8}  INFO{plain}",
                "NO", "TIME", "SOURCE", "DESTINATION", "PROTOCOL", "LENGTH"
            )?;
        }
        let colour = match (unit.status, unit.side) {
            (Some(500..), _) => self.paint("31"),
            (Some(400..), _) => self.paint("33"),
            (Some(_), _) => self.paint("32"),
            (None, Side::Client) if unit.call.is_some() => self.paint("36"),
            _ => "",
        };
        let plain = if colour.is_empty() { "" } else { self.paint("0") };
        write!(
            output,
            "{:>6}  {}  {:<21} {:<21}  {:<9} {:>8}  {colour}{}{plain}",
            unit.number,
            time_of_day(unit.time_us),
            unit.source.to_string(),
            unit.destination.to_string(),
            unit.protocol.to_string(),
            unit.length,
            printable(&unit.info, usize::MAX),
        )?;
        if let (Some(call), Some(_)) = (&unit.call, unit.status) {
            let method = call.method.as_deref().unwrap_or("?");
            let path = call.path.as_deref().unwrap_or("?");
            write!(output, "  ← {method} {}", printable(path, CONTENT_CHARS_MAX))?;
        }
        if let Some(latency_us) = unit.latency_us {
            write!(output, "  {}.{:03} ms", latency_us / 1_000, latency_us % 1_000)?;
        }
        if let Some(data) = &unit.data {
            let (dim, plain) = (self.paint("2"), self.paint("0"));
            match &data.content {
                Content::Json(text) | Content::Text(text) => {
                    write!(output, "  {dim}{}{plain}", printable(text, CONTENT_CHARS_MAX))?;
                }
                Content::Omitted { reason, .. } => {
                    write!(output, "  {dim}[not shown: {}]{plain}", words(reason.code()))?;
                }
            }
        }
        writeln!(output)
    }

    fn paint(&self, code: &str) -> &'static str {
        match (self.colour, code) {
            (false, _) => "",
            (true, "0") => "\x1b[0m",
            (true, "1") => "\x1b[1m",
            (true, "2") => "\x1b[2m",
            (true, "31") => "\x1b[31m",
            (true, "32") => "\x1b[32m",
            (true, "33") => "\x1b[33m",
            (true, _) => "\x1b[36m",
        }
    }
}

/// The time of day in UTC, to the microsecond.
pub(crate) fn time_of_day(time_us: u64) -> String {
    match timestamp(time_us) {
        Some(time) => time.strftime("%H:%M:%S.%6f").to_string(),
        None => "?".to_owned(),
    }
}

pub(crate) fn timestamp(time_us: u64) -> Option<Timestamp> {
    Timestamp::from_microsecond(i64::try_from(time_us).ok()?).ok()
}

fn words(code: &str) -> String {
    code.replace('_', " ")
}

/// Text without what would move a terminal's cursor or change its colours, cut to a length.
pub(crate) fn printable(text: &str, chars_max: usize) -> String {
    let mut chars = text.chars();
    let mut shown: String =
        chars.by_ref().take(chars_max).map(|c| if model::is_unseen(c) { ' ' } else { c }).collect();
    if chars.next().is_some() {
        shown.push('…');
    }
    shown
}
