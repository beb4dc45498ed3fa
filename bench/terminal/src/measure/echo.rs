//! From a key to its echo. The terminal's own line discipline echoes (`cat` reads it away), so that the
//! path is measured and not a shell.

use super::{AllFigures, Scale, flooder::Flooder};
use crate::line::Line;
use crate::report::progress;
use crate::subject::{Subject, Subjects};
use anyhow::Context;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// Between keys; longer than what a hub might wait to join small frames.
const GAP: Duration = Duration::from_millis(4);
const WARM_UP_KEYS: usize = 50;
/// The line discipline holds 4096 bytes of a line.
const KEYS_PER_LINE: usize = 500;
const ECHO_WITHIN: Duration = Duration::from_secs(10);

/// Nothing else goes on; the subjects take turns key by key.
pub(crate) async fn echo_idle(
    subjects: &mut Subjects,
    figures: &mut AllFigures,
    scale: &Scale,
) -> anyhow::Result<()> {
    let mut lines = Vec::new();
    for subject in subjects.present() {
        lines.push((subject, typing(subjects, subject).await?));
    }
    for key in 0..WARM_UP_KEYS + scale.echo_keys {
        if key % 500 == WARM_UP_KEYS {
            progress(&format!("  echo, idle: key {} of {}", key - WARM_UP_KEYS, scale.echo_keys));
        }
        for (subject, line) in &mut lines {
            let took = press(line, key).await.with_context(|| subjects.name(*subject))?;
            if key >= WARM_UP_KEYS {
                figures.of(*subject).echo_idle.push(took);
            }
        }
    }
    for (_, line) in lines {
        line.exit().await;
    }
    Ok(())
}

/// Another session of the same subject runs `yes`.
pub(crate) async fn echo_under_flood(
    subjects: &mut Subjects,
    figures: &mut AllFigures,
    scale: &Scale,
) -> anyhow::Result<()> {
    for round in 1..=scale.rounds {
        for subject in subjects.present() {
            let name = subjects.name(subject);
            progress(&format!("  echo under a flood: {name}, round {round} of {}", scale.rounds));
            let flood = subjects.open_settled(subject).await?;
            let mut line = typing(subjects, subject).await?;
            let flooder = Flooder::start(flood, "yes");
            tokio::time::sleep(Duration::from_secs(1)).await;
            for key in 0..scale.flood_keys {
                let took = press(&mut line, key).await.with_context(|| name)?;
                figures.of(subject).echo_flood.push(took);
            }
            line.exit().await;
            flooder.stop().await?;
        }
    }
    Ok(())
}

async fn typing(subjects: &mut Subjects, subject: Subject) -> anyhow::Result<Line> {
    let mut line = subjects.open_settled(subject).await?;
    line.input(b"cat > /dev/null\r").await?;
    line.quiet(Duration::from_millis(300)).await?;
    Ok(line)
}

async fn press(line: &mut Line, key: usize) -> anyhow::Result<Duration> {
    if key % KEYS_PER_LINE == KEYS_PER_LINE - 1 {
        line.input(b"\r").await?;
        line.quiet(Duration::from_millis(100)).await?;
    }
    // Lets what the last key left behind be done, acknowledgements among it.
    let _nothing = timeout(GAP, line.output()).await;
    let pressed = Instant::now();
    line.input(b"k").await?;
    let echoed = async {
        while line.output().await?.bytes().is_empty() {}
        Ok::<_, anyhow::Error>(pressed.elapsed())
    };
    timeout(ECHO_WITHIN, echoed).await.context("a key was not echoed")?
}
