//! CSV as Go's `encoding/csv` reads it (RFC 4180 with Go's strictness about quotes).
//! What the columns mean is not known here.
//!
//! Hostile input: each byte is looked at once; fields are copied, so a record is never longer than the text.

use super::InvalidTokenFile;

/// One record with the line it begins on, from 1.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) line: usize,
    pub(super) fields: Vec<Vec<u8>>,
}

/// The records of a text; empty lines are none.
#[derive(Debug)]
pub(super) struct Records<'a> {
    rest: &'a [u8],
    line: usize,
}

impl<'a> Records<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { rest: text, line: 0 }
    }

    /// The next line without its end, and whether it had one; `\r\n` counts as `\n`, and a `\r` before the
    /// end of the text goes too, as in Go.
    fn next_line(&mut self) -> Option<(&'a [u8], bool)> {
        if self.rest.is_empty() {
            return None;
        }
        self.line += 1;
        let (line, ended) = match self.rest.iter().position(|byte| *byte == b'\n') {
            Some(end) => {
                let line = &self.rest[..end];
                self.rest = &self.rest[end + 1..];
                (line, true)
            }
            None => (std::mem::take(&mut self.rest), false),
        };
        Some((line.strip_suffix(b"\r").unwrap_or(line), ended))
    }

    fn record(&mut self) -> Option<Result<Record, InvalidTokenFile>> {
        let (mut line, mut ended) = loop {
            let (line, ended) = self.next_line()?;
            // Go passes over a line that is only its end; a lone `\r` at the end of the text is one as well.
            if !line.is_empty() {
                break (line, ended);
            }
        };
        let start = self.line;
        let quote = |line, fault| Some(Err(InvalidTokenFile::Quote { line, fault }));
        let mut fields = Vec::new();
        loop {
            let Some(mut quoted) = line.strip_prefix(b"\"") else {
                let end = line.iter().position(|byte| *byte == b',');
                let field = &line[..end.unwrap_or(line.len())];
                if field.contains(&b'"') {
                    return quote(
                        self.line,
                        "a quote stands in a field that does not begin with one",
                    );
                }
                fields.push(field.to_vec());
                match end {
                    Some(end) => line = &line[end + 1..],
                    None => return Some(Ok(Record { line: start, fields })),
                }
                continue;
            };
            let mut field = Vec::new();
            loop {
                if let Some(end) = quoted.iter().position(|byte| *byte == b'"') {
                    field.extend_from_slice(&quoted[..end]);
                    match quoted.get(end + 1) {
                        Some(b'"') => {
                            field.push(b'"');
                            quoted = &quoted[end + 2..];
                        }
                        Some(b',') => {
                            fields.push(field);
                            line = &quoted[end + 2..];
                            break;
                        }
                        None => {
                            fields.push(field);
                            return Some(Ok(Record { line: start, fields }));
                        }
                        Some(_) => {
                            return quote(
                                self.line,
                                "a quoted field goes on after its closing quote",
                            );
                        }
                    }
                    continue;
                }
                field.extend_from_slice(quoted);
                if ended {
                    field.push(b'\n');
                }
                match self.next_line() {
                    Some((next, next_ended)) => (quoted, ended) = (next, next_ended),
                    None => return quote(self.line, "a quoted field does not end"),
                }
            }
        }
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Record, InvalidTokenFile>;

    fn next(&mut self) -> Option<Self::Item> {
        self.record()
    }
}
