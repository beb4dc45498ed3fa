//! On the command line: the requests of a capture that failed, each with why. Requests wait here for their answers.
//! What an exchange means is `explain`'s; what is stored is explained in the room.
//!
//! Bounds: [`OPEN_MAX`] requests wait, of one [`SENT_BYTES_MAX`] of content; what is forgotten is counted.

use crate::explain::{Answer, Content, Exchange, Explanation, Said, explain};
use crate::json;
use crate::table::{printable, time_of_day};
use crate::user;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};
use wire::{Call, ConnectionReport, Side, Unit};

/// Long watches among them; a busy server has some thousand.
const OPEN_MAX: usize = 16_384;
/// Of what a request sent only its version is looked at, which stands at the beginning of the object.
const SENT_BYTES_MAX: usize = 64 * 1024;

/// Requests that wait for their answers, by connection and number.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    open: BTreeMap<(u64, u64), Open>,
    forgotten: u64,
}

#[derive(Debug)]
struct Open {
    head: Unit,
    sent: Option<String>,
    answer: Option<Unit>,
}

/// A failure as a line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    r#type: &'static str,
    request: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<u64>,
    time_us: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    method: Option<&'a str>,
    path: Option<&'a str>,
    #[serde(flatten)]
    explanation: &'a Explanation,
}

/// A request that failed.
#[derive(Debug)]
pub(crate) struct Failure {
    head: Unit,
    answer: Option<Unit>,
    explanation: Explanation,
}

impl Failures {
    /// Takes a unit; gives the failure that it completes.
    pub(crate) fn take(&mut self, unit: &Unit) -> Option<Failure> {
        if user::is_request(unit) {
            let open = Open { head: unit.clone(), sent: None, answer: None };
            self.open.insert((unit.connection, unit.number), open);
            if self.open.len() > OPEN_MAX {
                self.open.pop_first();
                self.forgotten += 1;
            }
            return None;
        }
        let key = (unit.connection, unit.request?);
        let open = self.open.get_mut(&key)?;
        let text = content(unit);
        if unit.side == Side::Client {
            if let (Content::Json(text), None) = (text, &open.sent) {
                open.sent = (text.len() <= SENT_BYTES_MAX).then(|| text.to_owned());
            }
            return None;
        }
        let is_watch = open.head.call.as_ref().is_some_and(|call| call.is_stream());
        match (unit.status, &open.answer) {
            (Some(100..=199), _) if unit.status != Some(101) => None,
            (Some(..400), _) if !is_watch => {
                self.open.remove(&key);
                None
            }
            (Some(status), _) => {
                let has_ended = status >= 400 && unit.data.is_some();
                open.answer = Some(unit.clone());
                if has_ended { self.end(key, text) } else { None }
            }
            (None, Some(answer)) if unit.data.is_some() => {
                let failed = answer.status.is_some_and(|status| status >= 400);
                let tells = matches!(text, Content::Json(text) if text.contains("\"ERROR\""));
                if failed || tells { self.end(key, text) } else { None }
            }
            _ => None,
        }
    }

    /// The failures that a connection's end leaves: refusals without a word, and requests without an answer.
    pub(crate) fn closed(&mut self, report: &ConnectionReport) -> Vec<Failure> {
        let of = |number| (report.connection, number);
        let left: Vec<(u64, u64)> =
            self.open.range(of(0)..=of(u64::MAX)).map(|(key, _)| *key).collect();
        let left = left.into_iter().filter_map(|key| self.open.remove(&key));
        left.filter_map(|open| failure(open, Content::None, Some(report.missing))).collect()
    }

    /// Requests that were forgotten before their answer came.
    pub(crate) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    fn end(&mut self, key: (u64, u64), content: Content<'_>) -> Option<Failure> {
        failure(self.open.remove(&key)?, content, None)
    }
}

fn failure(open: Open, content: Content<'_>, over: Option<u64>) -> Option<Failure> {
    let Open { head, sent, answer } = open;
    let none = Call::default();
    let explanation = explain(&Exchange {
        call: head.call.as_deref().unwrap_or(&none),
        user: user::claimed(&head).as_deref(),
        request: Said {
            headers: &head.headers,
            content: sent.as_deref().map_or(Content::None, Content::Json),
        },
        answer: answer.as_ref().and_then(|unit| {
            let said = Said { headers: &unit.headers, content };
            Some(Answer { status: unit.status?, latency_us: unit.latency_us, said })
        }),
        over,
    })?;
    Some(Failure { head, answer, explanation })
}

fn content(unit: &Unit) -> Content<'_> {
    match unit.data.as_ref().map(|data| &data.content) {
        None => Content::None,
        Some(wire::Content::Json(text)) => Content::Json(text),
        Some(wire::Content::Text(text)) => Content::Text(text),
        Some(wire::Content::Omitted { reason, .. }) => Content::Unseen(reason.code()),
    }
}

impl Failure {
    /// The unit by which a filter chooses it: the answer, or the request without one.
    pub(crate) fn unit(&self) -> &Unit {
        self.answer.as_ref().unwrap_or(&self.head)
    }

    pub(crate) fn json(&self, output: &mut dyn Write) -> io::Result<()> {
        let call = self.head.call.as_deref();
        let line = Line {
            r#type: "failure",
            request: self.head.number,
            unit: self.answer.as_ref().map(|answer| answer.number),
            time_us: self.unit().time_us,
            status: self.answer.as_ref().and_then(|answer| answer.status),
            method: call.and_then(|call| call.method.as_deref()),
            path: call.and_then(|call| call.path.as_deref()),
            explanation: &self.explanation,
        };
        json::write(&line, output)
    }

    pub(crate) fn print(&self, output: &mut dyn Write) -> io::Result<()> {
        let call = self.head.call.as_deref();
        let status = self.answer.as_ref().and_then(|answer| answer.status);
        writeln!(
            output,
            "{:>6}  {}  {}  {} {}",
            self.unit().number,
            time_of_day(self.unit().time_us),
            status.map_or_else(|| "no answer".to_owned(), |status| status.to_string()),
            call.and_then(|call| call.method.as_deref()).unwrap_or("?"),
            printable(call.and_then(|call| call.path.as_deref()).unwrap_or("?"), 200),
        )?;
        writeln!(output, "        {}", self.explanation.cause.words())?;
        for piece in &self.explanation.evidence {
            let of = piece.of.as_ref().map(|of| format!(" {of}")).unwrap_or_default();
            writeln!(output, "        {}{of}: {}", piece.name.words(), piece.value)?;
        }
        for command in &self.explanation.commands {
            writeln!(output, "        $ {command}")?;
        }
        Ok(())
    }
}
