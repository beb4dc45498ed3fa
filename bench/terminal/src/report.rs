//! The table, and the goals it is held against.

use crate::measure::{AllFigures, Figures};
use crate::stats::{Samples, median};
use serde::Serialize;
use std::io::Write;

/// One line of the table.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    what: String,
    direct: Option<String>,
    hub: Option<String>,
    peer: Option<String>,
    ratio: Option<String>,
    goal: String,
    verdict: Verdict,
}

/// Whether a goal was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// There is none for this line, or nothing was measured.
    NoGoal,
    /// It was.
    Met,
    /// It was not.
    Missed,
}

impl Verdict {
    /// Of a condition.
    pub(crate) fn of(met: bool) -> Self {
        if met { Self::Met } else { Self::Missed }
    }

    fn of_option(met: Option<bool>) -> Self {
        met.map_or(Self::NoGoal, Self::of)
    }

    fn word(self) -> &'static str {
        match self {
            Self::NoGoal => "",
            Self::Met => "met",
            Self::Missed => "MISSED",
        }
    }
}

impl Row {
    /// A line about the hub alone.
    pub(crate) fn of_hub(what: &str, hub: Option<String>, goal: &str, verdict: Verdict) -> Self {
        Self {
            what: what.to_owned(),
            direct: None,
            hub,
            peer: None,
            ratio: None,
            goal: goal.to_owned(),
            verdict,
        }
    }

    /// Whether nothing speaks against the hub in it.
    pub(crate) fn is_met(&self) -> bool {
        self.verdict != Verdict::Missed
    }
}

/// A figure of each subject, and how it is written.
struct Triple {
    direct: Option<f64>,
    hub: Option<f64>,
    peer: Option<f64>,
}

impl Triple {
    fn of(figures: &AllFigures, figure: impl Fn(&Figures) -> Option<f64>) -> Self {
        Self {
            direct: figure(&figures.direct),
            hub: figure(&figures.hub),
            peer: figure(&figures.peer),
        }
    }

    fn hub_to_direct(&self) -> Option<f64> {
        Some(self.hub? / self.direct?)
    }

    fn hub_to_peer(&self) -> Option<f64> {
        Some(self.hub? / self.peer?)
    }

    fn row(self, what: &str, unit: &str, goal: &str, met: Option<bool>) -> Option<Row> {
        let text = |figure: Option<f64>| {
            // What has no unit is a count.
            figure.map(|figure| match unit {
                "" => format!("{figure:.0}"),
                unit => format!("{} {unit}", digits(figure)),
            })
        };
        let ratio = match (self.hub_to_direct(), self.hub_to_peer()) {
            (Some(direct), Some(peer)) => Some(format!("{direct:.2} / {peer:.2}")),
            (Some(direct), None) => Some(format!("{direct:.2} / –")),
            (None, Some(peer)) => Some(format!("– / {peer:.2}")),
            (None, None) => None,
        };
        self.direct.or(self.hub).or(self.peer)?;
        Some(Row {
            what: what.to_owned(),
            direct: text(self.direct),
            hub: text(self.hub),
            peer: text(self.peer),
            ratio,
            goal: goal.to_owned(),
            verdict: Verdict::of_option(met),
        })
    }
}

fn digits(figure: f64) -> String {
    match figure {
        f if f >= 100.0 => format!("{f:.0}"),
        f if f >= 10.0 => format!("{f:.1}"),
        f => format!("{f:.2}"),
    }
}

/// The lines about speed. Empty measurements have none.
pub(crate) fn rows(figures: &AllFigures, peer: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut percentiles =
        |what: &str,
         samples: fn(&Figures) -> &Samples,
         p50_goal: (&str, fn(&Triple) -> Option<bool>),
         p99_goal: (&str, fn(&Triple) -> Option<bool>)| {
            let (many, of_hub) = (samples(&figures.direct).len(), samples(&figures.hub).len());
            let counts = if many == of_hub || of_hub == 0 {
                format!("n={many}")
            } else {
                format!("n={many}, hub {of_hub}")
            };
            let p50 = Triple::of(figures, |figures| samples(figures).p50());
            let met = (p50_goal.1)(&p50);
            rows.extend(p50.row(&format!("{what}, p50 ({counts})"), "ms", p50_goal.0, met));
            let p99 = Triple::of(figures, |figures| samples(figures).p99());
            let met = (p99_goal.1)(&p99);
            rows.extend(p99.row(&format!("{what}, p99"), "ms", p99_goal.0, met));
        };
    const NO_GOAL: (&str, fn(&Triple) -> Option<bool>) = ("", |_| None);
    percentiles(
        "echo, idle",
        |figures| &figures.echo_idle,
        ("direct + 0.2 ms", |t| Some(t.hub? <= t.direct? + 0.2)),
        ("direct + 0.7 ms", |t| Some(t.hub? <= t.direct? + 0.7)),
    );
    percentiles(
        "echo, another session runs `yes`",
        |figures| &figures.echo_flood,
        NO_GOAL,
        ("1.1 × direct", |t| Some(t.hub_to_direct()? <= 1.1)),
    );
    percentiles(
        "Ctrl-C to prompt, viewer at full speed",
        |figures| &figures.interrupt_fast,
        NO_GOAL,
        ("≤ 100 ms", |t| Some(t.hub? <= 100.0)),
    );
    percentiles(
        "Ctrl-C to prompt, viewer at 2 MB/s",
        |figures| &figures.interrupt_slow,
        NO_GOAL,
        ("≤ 100 ms", |t| Some(t.hub? <= 100.0)),
    );
    percentiles(
        "click to prompt",
        |figures| &figures.connect,
        ("≤ 100 ms", |t| Some(t.hub? <= 100.0)),
        ("≤ 200 ms", |t| Some(t.hub? <= 200.0)),
    );
    let bulk = Triple::of(figures, |figures| median(figures.bulk_mb_s.clone()));
    let met = bulk.hub_to_direct().map(|ratio| ratio >= 0.95);
    rows.extend(bulk.row("bulk, long lines", "MB/s", "≥ 0.95 × direct", met));
    let cpu = Triple::of(figures, |figures| median(figures.bulk_cpu_s.clone()));
    let met = cpu.hub_to_peer().map(|ratio| ratio <= 0.5);
    rows.extend(cpu.row("  CPU of hub or peer for it", "s", &format!("≤ 0.5 × {peer}"), met));
    let machine = Triple::of(figures, |figures| median(figures.bulk_machine_s.clone()));
    rows.extend(machine.row("  CPU of the whole machine", "s", "", None));
    let tiny = Triple::of(figures, |figures| median(figures.tiny_mb_s.clone()));
    rows.extend(tiny.row("tiny frames (`yes | cat`)", "MB/s", "", None));
    let cpu = Triple::of(figures, |figures| median(figures.tiny_cpu_s_per_mb.clone()));
    rows.extend(cpu.row("  CPU of hub or peer for a MB", "s", "", None));
    let kib = |bytes: Option<u64>| bytes.map(|bytes| bytes as f64 / 1024.0);
    let memory = Triple::of(figures, |figures| kib(figures.memory_private));
    let met = memory.hub.map(|kib| kib <= 64.0);
    rows.extend(memory.row("memory a session, private", "KiB", "≤ 64 KiB", met));
    let memory = Triple::of(figures, |figures| kib(figures.memory_pss));
    rows.extend(memory.row("  by share (PSS)", "KiB", "", None));
    let left = Triple::of(figures, |figures| figures.orphans.map(|left| left as f64));
    let met = left.hub.map(|left| left == 0.0);
    rows.extend(left.row("processes left of 9 when sockets are cut", "", "0", met));
    rows
}

/// Bytes in KiB, with one decimal.
pub(crate) fn kib(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1024.0)
}

/// Prints the table as Markdown.
pub(crate) fn print(rows: &[Row]) -> anyhow::Result<()> {
    let dash = |cell: &Option<String>| cell.clone().unwrap_or_else(|| "–".to_owned());
    let mut lines = vec![[
        "what".to_owned(),
        "direct".to_owned(),
        "hub".to_owned(),
        "peer".to_owned(),
        "hub ÷ direct / peer".to_owned(),
        "goal".to_owned(),
        "verdict".to_owned(),
    ]];
    lines.extend(rows.iter().map(|row| {
        [
            row.what.clone(),
            dash(&row.direct),
            dash(&row.hub),
            dash(&row.peer),
            dash(&row.ratio),
            row.goal.clone(),
            row.verdict.word().to_owned(),
        ]
    }));
    let widths: Vec<usize> = (0..7)
        .map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0))
        .collect();
    for (number, line) in lines.iter().enumerate() {
        let mut text = String::new();
        for (cell, width) in line.iter().zip(&widths) {
            let padding = " ".repeat(width - cell.chars().count());
            text.push_str(&format!("| {cell}{padding} "));
        }
        say(&format!("{text}|"))?;
        if number == 0 {
            let rule: String =
                widths.iter().map(|width| format!("| {} ", "-".repeat(*width))).collect();
            say(&format!("{rule}|"))?;
        }
    }
    Ok(())
}

/// A line of the result.
pub(crate) fn say(line: &str) -> anyhow::Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{line}")?;
    Ok(output.flush()?)
}

/// What is being done, for whoever waits.
pub(crate) fn progress(line: &str) {
    // Somebody who closed the error output does not wait for it.
    let _unseen = writeln!(std::io::stderr().lock(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn goals_are_held_against_what_was_measured_and_nothing_else() {
        let mut figures = AllFigures::default();
        assert!(rows(&figures, "gotty").is_empty());
        figures.direct.echo_idle.push(Duration::from_micros(800));
        assert_eq!(rows(&figures, "gotty")[0].verdict, Verdict::NoGoal);
        figures.hub.echo_idle.push(Duration::from_micros(1100));
        figures.hub.bulk_mb_s.push(10.0);
        let rows = rows(&figures, "gotty");
        let verdicts: Vec<_> = rows.iter().map(|row| row.verdict).collect();
        assert_eq!(verdicts, [Verdict::Missed, Verdict::Met, Verdict::NoGoal]);
        assert_eq!(rows[0].ratio.as_deref(), Some("1.38 / –"));
    }
}
