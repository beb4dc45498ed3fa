//! Fuzz targets of what people write to choose units. Compiled for tests and for fuzzing alone.
//! What is read off the wire has its targets in `wire`.

use crate::Filter;
use std::sync::Arc;
use wire::{Call, Protocol, Side, Unit};

/// Takes any bytes, and panics when a promise about them is broken.
pub type Target = fn(&[u8]);

/// All targets, by the names of their corpora.
pub const TARGETS: &[(&str, Target)] = &[("traffic_filter", filter)];

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
