//! Who asks for what, how often, with what result, and how long it takes.
//! Counted are answers, joined to the requests they belong to.

use crate::json;
use serde::Serialize;
use std::collections::HashMap;
use std::io::{self, Write};
use wire::Unit;

/// Kinds of requests that are told apart; a server with this many resources is not seen outside of attacks.
const KINDS_MAX: usize = 10_000;
/// Latencies are counted in buckets that grow by an eighth: at most 6 % off, 400 buckets up to hours.
const BUCKETS: usize = 400;

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
struct Kind {
    verb: String,
    resource: String,
    status: u16,
}

#[derive(Debug)]
struct Latencies {
    count: u64,
    buckets: Vec<u64>,
    longest_us: u64,
}

/// Answers by what was asked and what came of it.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    kinds: HashMap<Kind, Latencies>,
    uncounted: u64,
}

#[derive(Serialize)]
struct Line<'a> {
    r#type: &'static str,
    #[serde(flatten)]
    kind: &'a Kind,
    count: u64,
    p50_us: u64,
    p99_us: u64,
    longest_us: u64,
}

impl Stats {
    pub(crate) fn take(&mut self, unit: &Unit) {
        let Some(status) = unit.status else { return };
        let call = unit.call.as_deref();
        let text = |text: Option<&String>| text.cloned().unwrap_or_else(|| "unknown".to_owned());
        let resource = match call.and_then(|call| call.resource.as_ref()) {
            None => match call.and_then(|call| call.path.as_deref()) {
                Some(path) => path.split('?').next().unwrap_or_default().to_owned(),
                None => "unknown".to_owned(),
            },
            Some(resource) => match call.and_then(|call| call.subresource.as_ref()) {
                Some(subresource) => format!("{resource}/{subresource}"),
                None => resource.clone(),
            },
        };
        let kind = Kind { verb: text(call.and_then(|c| c.verb.as_ref())), resource, status };
        if self.kinds.len() >= KINDS_MAX && !self.kinds.contains_key(&kind) {
            self.uncounted += 1;
            return;
        }
        self.kinds.entry(kind).or_default().take(unit.latency_us);
    }

    pub(crate) fn print(&self, output: &mut dyn Write) -> io::Result<()> {
        writeln!(
            output,
            "{:>8}  {:<16} {:<44} {:>6}  {:>10} {:>10} {:>10}",
            "COUNT", "VERB", "RESOURCE", "STATUS", "P50 MS", "P99 MS", "MAX MS"
        )?;
        for line in self.lines() {
            writeln!(
                output,
                "{:>8}  {:<16} {:<44} {:>6}  {:>10} {:>10} {:>10}",
                line.count,
                line.kind.verb,
                crate::table::printable(&line.kind.resource, 44),
                line.kind.status,
                milliseconds(line.p50_us),
                milliseconds(line.p99_us),
                milliseconds(line.longest_us)
            )?;
        }
        if self.uncounted > 0 {
            writeln!(output, "{} answers of further kinds", self.uncounted)?;
        }
        Ok(())
    }

    pub(crate) fn json(&self, output: &mut dyn Write) -> io::Result<()> {
        self.lines().iter().try_for_each(|line| json::write(line, output))
    }

    fn lines(&self) -> Vec<Line<'_>> {
        let mut kinds: Vec<_> = self.kinds.iter().collect();
        kinds.sort_unstable_by(|(a, x), (b, y)| y.count.cmp(&x.count).then(a.cmp(b)));
        kinds
            .into_iter()
            .map(|(kind, latencies)| Line {
                r#type: "stats",
                kind,
                count: latencies.count,
                p50_us: latencies.quantile_us(50),
                p99_us: latencies.quantile_us(99),
                longest_us: latencies.longest_us,
            })
            .collect()
    }
}

impl Default for Latencies {
    fn default() -> Self {
        Self { count: 0, buckets: vec![0; BUCKETS], longest_us: 0 }
    }
}

impl Latencies {
    fn take(&mut self, latency_us: Option<u64>) {
        self.count += 1;
        let Some(latency_us) = latency_us else { return };
        self.longest_us = self.longest_us.max(latency_us);
        if let Some(bucket) = self.buckets.get_mut(bucket(latency_us)) {
            *bucket += 1;
        }
    }

    /// The upper bound of the bucket in which this many per cent are reached.
    fn quantile_us(&self, per_cent: u64) -> u64 {
        let known: u64 = self.buckets.iter().sum();
        let wanted = (known * per_cent).div_ceil(100);
        let mut seen = 0;
        for (place, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= wanted && seen > 0 {
                return upper_us(place).min(self.longest_us);
            }
        }
        0
    }
}

/// Buckets of width 1 up to 8, then eight in each power of two.
fn bucket(latency_us: u64) -> usize {
    let Some(power) = latency_us.checked_ilog2().filter(|power| *power >= 3) else {
        return usize::try_from(latency_us).unwrap_or(0);
    };
    let eighth = (latency_us >> (power - 3)) & 7;
    let place = u64::from(power - 2) * 8 + eighth;
    usize::try_from(place).unwrap_or(BUCKETS).min(BUCKETS - 1)
}

fn upper_us(place: usize) -> u64 {
    let place = place as u64;
    match place / 8 {
        0 => place,
        power => {
            (8 + place % 8 + 1).checked_shl(u32::try_from(power - 1).unwrap_or(0)).unwrap_or(0) - 1
        }
    }
}

fn milliseconds(us: u64) -> String {
    format!("{}.{:03}", us / 1_000, us % 1_000)
}
