//! From a decoder's units and reports to rows as they are stored: lines that show on one line, content that is cut to
//! its bound, and to whom each unit belongs.
//! Which numbers rows get is the caller's knowledge; nothing here is stored or sent.
//!
//! Limits: [`CONTENT_BYTES_MAX`] of a content, [`LINE_CHARS_MAX`] of a line; of a connection that is shared by users
//! 1,024 requests are remembered. What is forgotten leaves `user` unknown.

use crate::table::printable;
use crate::user;
use model::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{TrafficBody, TrafficConnection, TrafficContent, TrafficTls, TrafficUnit};
use wire::{ConnectionReport, Content, Side, Tally, Unit};

/// Of one content. Lists of thousands of Pods are longer; nobody reads them to the end.
pub(crate) const CONTENT_BYTES_MAX: usize = 512 * 1024;
/// An info or a path; `kubectl`'s longest are about 1 KiB.
pub(crate) const LINE_CHARS_MAX: usize = 4096;
const REQUESTS_MAX: usize = 1024;

/// Who asks on a connection: mostly one, and from where on there are several, each request's own.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    has_asked: bool,
    user: Option<Arc<str>>,
    shared_from: Option<u64>,
    by_request: BTreeMap<u64, Option<Arc<str>>>,
}

impl Asked {
    /// The user to whom a unit belongs.
    pub(crate) fn of(&mut self, unit: &Unit) -> Option<Arc<str>> {
        if user::is_request(unit) {
            let user: Option<Arc<str>> = user::claimed(unit).map(Arc::from);
            if !std::mem::replace(&mut self.has_asked, true) {
                self.user.clone_from(&user);
            } else if user != self.user {
                self.shared_from.get_or_insert(unit.number);
            }
            if self.shared_from.is_some() {
                self.by_request.insert(unit.number, user.clone());
                if self.by_request.len() > REQUESTS_MAX {
                    self.by_request.pop_first();
                }
            }
            return user;
        }
        // Without its request it may be anybody's.
        let request = unit.request?;
        match self.shared_from {
            Some(from) if request >= from => self.by_request.get(&request).cloned().flatten(),
            _ => self.user.clone(),
        }
    }
}

/// The row of a unit.
pub(crate) fn row(
    unit: &Unit,
    number: i64,
    connection: i64,
    request: Option<i64>,
    user: Option<Arc<str>>,
) -> TrafficUnit {
    let call = unit.call.as_deref();
    let line = |text: Option<&String>| text.map(|text| printable(text, LINE_CHARS_MAX));
    TrafficUnit {
        number,
        at: time(unit.time_us),
        connection,
        from_client: unit.side == Side::Client,
        source: unit.source,
        destination: unit.destination,
        protocol: unit.protocol.to_string(),
        length: unit.length,
        info: printable(&unit.info, LINE_CHARS_MAX),
        stream: unit.stream,
        request,
        user: user.map(|user| user.to_string()),
        method: line(call.and_then(|call| call.method.as_ref())),
        path: line(call.and_then(|call| call.path.as_ref())),
        verb: line(call.and_then(|call| call.verb.as_ref())),
        group: line(call.and_then(|call| call.group.as_ref())),
        version: line(call.and_then(|call| call.version.as_ref())),
        resource: line(call.and_then(|call| call.resource.as_ref())),
        subresource: line(call.and_then(|call| call.subresource.as_ref())),
        namespace: line(call.and_then(|call| call.namespace.as_ref())),
        name: line(call.and_then(|call| call.name.as_ref())),
        status: unit.status,
        latency_us: unit.latency_us,
    }
}

/// What it carries.
pub(crate) fn body(unit: &Unit) -> Option<TrafficBody> {
    if unit.headers.is_empty() && unit.data.is_none() {
        return None;
    }
    let mut cut = false;
    let mut beginning = |text: &str| {
        let end = text.floor_char_boundary(CONTENT_BYTES_MAX);
        cut = end < text.len();
        text.get(..end).unwrap_or_default().to_owned()
    };
    let content = match unit.data.as_ref().map(|data| &data.content) {
        None => TrafficContent::None,
        Some(Content::Json(text)) => TrafficContent::Json(beginning(text)),
        Some(Content::Text(text)) => TrafficContent::Text(beginning(text)),
        Some(Content::Omitted { reason, fingerprint }) => TrafficContent::Omitted {
            reason: reason.code().to_owned(),
            fingerprint: fingerprint.clone(),
        },
    };
    Some(TrafficBody {
        headers: unit.headers.clone(),
        media_type: unit.data.as_ref().and_then(|data| data.media_type.clone()),
        length: unit.data.as_ref().map(|data| data.length),
        content,
        cut,
    })
}

/// The row of a connection that is over.
pub(crate) fn over(report: &ConnectionReport, number: i64) -> TrafficConnection {
    TrafficConnection {
        number,
        client: report.client,
        server: report.server,
        began_at: time(report.began_us),
        ended_at: time(report.ended_us),
        decryption: report.decryption.code().to_owned(),
        tls: report.tls.as_ref().map(|tls| TrafficTls {
            version: tls.version.map(str::to_owned),
            suite: tls.suite.clone(),
            server_name: tls.server_name.as_deref().map(|name| printable(name, 256)),
            protocol: tls.protocol.as_deref().map(|name| printable(name, 256)),
            resumed: tls.resumed,
            early_data: tls.early_data,
        }),
        requests: report.requests,
        late: report.late,
        missing: report.missing,
        wire: account(&report.wire),
        content: account(&report.content),
    }
}

/// Bytes by what became of them, as the JSON lines name it.
pub(crate) fn account(tally: &Tally) -> BTreeMap<String, u64> {
    let skipped = tally.reasons().map(|(reason, bytes)| (reason.code().to_owned(), bytes));
    std::iter::once(("decoded".to_owned(), tally.decoded())).chain(skipped).collect()
}

fn time(micros: u64) -> Timestamp {
    Timestamp::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
}

/// Roughly how many bytes a unit takes.
pub(crate) fn bytes_of(unit: &Unit) -> usize {
    let content = match unit.data.as_ref().map(|data| &data.content) {
        Some(Content::Json(text) | Content::Text(text)) => text.len(),
        _ => 0,
    };
    let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let headers: usize = unit.headers.iter().map(|(name, value)| text(name) + text(value)).sum();
    content + headers + unit.info.len() + 1024
}
