//! From a stored exchange to its explanation: which units hold the heads and the contents, and what is read of them.
//! What they mean is `explain`'s. Nothing is read for an exchange that went well.

use super::Traffic;
use crate::explain::{Answer, Content, Exchange, Explanation, Said, explain};
use std::collections::BTreeMap;
use store::{StoreError, TrafficBody, TrafficContent, TrafficExchange, TrafficUnit};
use wire::Call;

/// The store lists no more of one exchange; an answer may be behind them.
const LISTED_MAX: usize = 100;

/// The units of an exchange that tell why it failed.
#[derive(Debug, Default, PartialEq, Eq)]
struct Telling {
    request: Option<i64>,
    sent: Option<i64>,
    answer: Option<i64>,
    said: Option<i64>,
}

impl Traffic {
    /// Why the exchange failed; none if it did not.
    pub(super) async fn explanation(
        &self,
        exchange: &TrafficExchange,
    ) -> Result<Option<Explanation>, StoreError> {
        let units = &exchange.exchange;
        let Some(head) = units.first().filter(|unit| unit.from_client && unit.request.is_none())
        else {
            return Ok(None);
        };
        // A frame of HTTP/2 or a handshake is no request.
        if head.method.is_none() {
            return Ok(None);
        }
        let answer = units.iter().find(|unit| is_answer(unit));
        let is_watch = head.verb.as_deref() == Some("watch");
        match answer.and_then(|unit| unit.status) {
            Some(..400) if !is_watch => return Ok(None),
            None if units.len() >= LISTED_MAX => return Ok(None),
            _ => {}
        }
        let telling = telling(units, answer, &exchange.unit);
        let numbers: Vec<i64> = [telling.request, telling.sent, telling.answer, telling.said]
            .into_iter()
            .flatten()
            .collect();
        let bodies = self.inner.api.store.traffic_bodies(&numbers).await?;
        let call = call(head);
        let answer = answer.and_then(|unit| {
            let mut said = said(telling.answer, telling.said, &bodies);
            // A head always has fields: without any its body was removed, and that of the content with it.
            if said.headers.is_empty() {
                said.content = Content::Unseen("removed");
            }
            Some(Answer { status: unit.status?, latency_us: unit.latency_us, said })
        });
        Ok(explain(&Exchange {
            call: &call,
            user: head.user.as_deref(),
            request: said(telling.request, telling.sent, &bodies),
            answer,
            over: exchange.connection.as_ref().map(|connection| connection.missing),
        }))
    }
}

fn is_answer(unit: &TrafficUnit) -> bool {
    !unit.from_client && unit.status.is_some_and(|status| status == 101 || status >= 200)
}

/// Chooses the units to read: the heads, the first that each side said after its head, and of a watch the event that is
/// open, which may be behind those that are listed, or else the last that is.
fn telling(units: &[TrafficUnit], answer: Option<&TrafficUnit>, open: &TrafficUnit) -> Telling {
    let request = units.first();
    let sent = units.iter().find(|unit| unit.from_client && Some(*unit) != request);
    let is_behind = |unit: &TrafficUnit| {
        !unit.from_client && answer.is_some_and(|head| unit.number > head.number)
    };
    let mut behind = units.iter().filter(|unit| is_behind(unit));
    let failed = answer.and_then(|unit| unit.status).is_some_and(|status| status >= 400);
    let said = match failed {
        true => behind.next(),
        false if is_behind(open) => Some(open),
        false => behind.next_back(),
    };
    let number = |unit: Option<&TrafficUnit>| unit.map(|unit| unit.number);
    Telling {
        request: number(request),
        sent: number(sent),
        answer: number(answer),
        said: number(said),
    }
}

fn said<'a>(
    head: Option<i64>,
    content: Option<i64>,
    bodies: &'a BTreeMap<i64, TrafficBody>,
) -> Said<'a> {
    let body = |unit: Option<i64>| unit.and_then(|unit| bodies.get(&unit));
    Said {
        headers: body(head).map_or(&[], |body| body.headers.as_slice()),
        content: body(content).map_or(Content::None, |body| match &body.content {
            TrafficContent::None => Content::None,
            TrafficContent::Json(text) => Content::Json(text),
            TrafficContent::Text(text) => Content::Text(text),
            TrafficContent::Omitted { reason, .. } => Content::Unseen(reason),
        }),
    }
}

fn call(unit: &TrafficUnit) -> Call {
    Call {
        method: unit.method.clone(),
        path: unit.path.clone(),
        verb: unit.verb.clone(),
        group: unit.group.clone(),
        version: unit.version.clone(),
        resource: unit.resource.clone(),
        subresource: unit.subresource.clone(),
        namespace: unit.namespace.clone(),
        name: unit.name.clone(),
    }
}
