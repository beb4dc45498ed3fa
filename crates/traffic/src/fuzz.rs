//! Fuzz targets of what agents send, of answers that are explained, and of what people write to choose units and to
//! compare roles. Compiled for tests and for fuzzing alone.
//! What a batch is, stands in `agent::batch`; what is read off the wire has its targets in `wire`.

use crate::agent::{AgentStatus, Batch};
use crate::explain::{Answer, Content, Exchange, Said, explain};
use crate::role::{Use, diff, propose};
use crate::{Filter, HeldRoles};
use std::sync::Arc;
use wire::{Call, Protocol, Side, Unit};

/// Takes any bytes, and panics when a promise about them is broken.
pub type Target = fn(&[u8]);

/// All targets, by the names of their corpora.
pub const TARGETS: &[(&str, Target)] = &[
    ("traffic_batch", batch),
    ("traffic_explain", explained),
    ("traffic_filter", filter),
    ("traffic_held", held),
    ("traffic_status", status),
];

/// A batch that is taken reads back as it was taken, refers to nothing behind itself, and moves no cursor.
pub fn batch(data: &[u8]) {
    let Ok(batch) = Batch::read(data) else { return };
    let numbers: Vec<i64> = batch.units.iter().map(|(unit, _)| unit.number).collect();
    assert!(numbers.windows(2).all(|pair| matches!(pair, [one, next] if one + 1 == *next)));
    let first = numbers.first().copied().unwrap_or_default();
    assert!(
        batch.requests().iter().all(|request| i64::try_from(*request).is_ok_and(|it| it < first))
    );
    for (unit, _) in &batch.units {
        assert!(!unit.info.chars().any(char::is_control), "{:?}", unit.info);
        assert!(batch.connections().iter().any(|it| i64::try_from(*it) == Ok(unit.connection)));
    }
    let text = serde_json::to_vec(&batch).unwrap_or_default();
    assert_eq!(Batch::read(&text).ok(), Some(batch));
}

/// A status that is taken reads back as it was taken.
pub fn status(data: &[u8]) {
    let Ok(status) = AgentStatus::read(data) else { return };
    let text = serde_json::to_vec(&status).unwrap_or_default();
    assert_eq!(AgentStatus::read(&text).ok(), Some(status));
}

/// Any answer, its status in the first two bytes: what is told of it shows on one line and within its bounds, and a
/// shell takes no command apart.
pub fn explained(data: &[u8]) {
    let Some((status, body)) = data.split_first_chunk::<2>() else { return };
    let Ok(body) = std::str::from_utf8(body) else { return };
    let call = Call::parse(Some("GET"), Some("/api/v1/namespaces/shop/pods/web"));
    for content in [Content::Json(body), Content::Text(body)] {
        let found = explain(&Exchange {
            call: &call,
            user: None,
            request: Said { headers: &[], content },
            answer: Some(Answer {
                status: u16::from_be_bytes(*status),
                latency_us: None,
                said: Said { headers: &[], content },
            }),
            over: None,
        });
        let Some(found) = found else { continue };
        assert!(found.evidence.len() <= 24, "{found:?}");
        let texts = found.evidence.iter().flat_map(|piece| piece.of.iter().chain([&piece.value]));
        for text in texts {
            assert!(
                text.chars().count() <= 1001 && !text.chars().any(char::is_control),
                "{text:?}"
            );
        }
        let apart = |c: char| !(c.is_ascii_alphanumeric() || " -_.:/@=,+".contains(c));
        assert!(!found.commands.iter().any(|command| command.contains(apart)), "{found:?}");
    }
}

/// Any roles to compare with: each right is missing, unused or wider at most once.
pub fn held(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(held) = HeldRoles::read(text, "system:serviceaccount:shop:web") else { return };
    let used = Use {
        verb: "get".to_owned(),
        resource: Some("pods".to_owned()),
        namespace: Some("shop".to_owned()),
        status: 200,
        requests: 1,
        ..Use::default()
    };
    let diff = diff(&propose("system:serviceaccount:shop:web", &[used], true), &held);
    let mut all: Vec<_> = [diff.missing, diff.unused, diff.wider].concat();
    all.sort();
    assert!(all.windows(2).all(|pair| matches!(pair, [one, next] if one != next)), "{all:?}");
}

/// Any text: it is a filter that answers, and whose contrary answers the contrary; or its fault points into it.
pub fn filter(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match text.parse::<Filter>() {
        Ok(filter) => {
            let wanted = filter.matches(&unit());
            if let Ok(contrary) = format!("not ({text})").parse::<Filter>() {
                assert_ne!(contrary.matches(&unit()), wanted, "{text}");
            }
        }
        Err(fault) => {
            let shown = fault.to_string();
            let pointer = shown.rsplit_once('\n').map(|(_, line)| line.chars().count() - 3);
            assert!(pointer.is_some_and(|at| at <= text.chars().count()), "{shown}");
        }
    }
}

fn unit() -> Unit {
    Unit {
        number: 1,
        time_us: 0,
        connection: 1,
        side: Side::Client,
        source: ([10, 0, 0, 9], 40_000).into(),
        destination: ([10, 0, 0, 1], 6443).into(),
        protocol: Protocol::Http2,
        length: 10,
        info: "HEADERS[1]: GET /api/v1/pods".to_owned(),
        stream: Some(1),
        call: Some(Arc::new(Call::parse(Some("GET"), Some("/api/v1/namespaces/shop/pods/web")))),
        request: None,
        status: None,
        latency_us: None,
        headers: vec![(Some("user-agent".to_owned()), Some("kubectl".to_owned()))],
        data: None,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_kept_input_passes() {
        corpus::replay(super::TARGETS);
    }
}
