//! From Ctrl-C to the prompt while output comes faster than the viewer takes it: at full speed, and at
//! 2 MB/s, as a browser draws.

use super::{AllFigures, Scale};
use crate::line::Line;
use crate::report::progress;
use crate::subject::{Subject, Subjects};
use anyhow::Context;
use std::time::{Duration, Instant};
use testkit::Pace;

/// 26 to 40 MB/s on two cores, and the only flood that fills the queue of a slow viewer.
const FLOOD: &[u8] = b"cat /dev/zero | tr '\\0' x\r";
const SLOW_BYTES_PER_S: u64 = 2_000_000;
/// What fills the queues along the way.
const FLOOD_TIME: Duration = Duration::from_millis(1500);
/// 19 MB at 2 MB/s take ten seconds; a loaded machine is given time.
const PROMPT_WITHIN: Duration = Duration::from_secs(60);

/// Both viewers; the subjects take turns.
pub(crate) async fn interrupt(
    subjects: &mut Subjects,
    figures: &mut AllFigures,
    scale: &Scale,
) -> anyhow::Result<()> {
    let mut lines = Vec::new();
    for subject in subjects.present() {
        lines.push((subject, subjects.open_settled(subject).await?));
    }
    let (hub, others) = scale.slow_interrupts;
    for sample in 0..scale.interrupts.max(hub) {
        for (subject, line) in &mut lines {
            let name = subjects.name(*subject);
            if sample < scale.interrupts {
                progress(&format!("  Ctrl-C, fast viewer: {name}, {}", sample + 1));
                let took = one(line, Pace::full_speed()).await.with_context(|| name)?;
                figures.of(*subject).interrupt_fast.push(took);
            }
            // Those who queue megabytes take nine seconds each time.
            if sample < if *subject == Subject::Hub { hub } else { others } {
                progress(&format!("  Ctrl-C, slow viewer: {name}, {}", sample + 1));
                let pace = Pace::bytes_per_s(SLOW_BYTES_PER_S);
                let took = one(line, pace).await.with_context(|| name)?;
                figures.of(*subject).interrupt_slow.push(took);
            }
        }
    }
    for (_, line) in lines {
        line.exit().await;
    }
    Ok(())
}

async fn one(line: &mut Line, pace: Pace) -> anyhow::Result<Duration> {
    line.set_pace(pace);
    line.input(FLOOD).await?;
    let came = line.read_for(FLOOD_TIME).await?;
    anyhow::ensure!(came > 100_000, "the flood did not begin: {came} bytes");
    let pressed = Instant::now();
    line.input(b"\x03").await?;
    line.prompt(PROMPT_WITHIN).await?;
    let took = pressed.elapsed();
    line.set_pace(Pace::full_speed());
    line.quiet(Duration::from_millis(200)).await?;
    Ok(took)
}
