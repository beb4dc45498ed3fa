//! Output as fast as it comes: long lines, and tiny frames.

use super::{AllFigures, Scale};
use crate::process::{ProcessTree, machine_cpu};
use crate::report::progress;
use crate::subject::Subjects;
use anyhow::Context;
use std::time::{Duration, Instant};

/// A line of these is longer than any screen is wide, and makes frames of the kubelet's full 32 KiB.
const LINE_BYTES: u64 = 4000;
const BULK_WITHIN: Duration = Duration::from_secs(120);
const TINY_TIME: Duration = Duration::from_secs(4);
const MB: f64 = 1e6;

/// Long lines, so many bytes of them through a terminal.
pub(crate) async fn bulk(
    subjects: &mut Subjects,
    figures: &mut AllFigures,
    scale: &Scale,
) -> anyhow::Result<()> {
    for round in 1..=scale.rounds {
        for subject in subjects.present() {
            let name = subjects.name(subject);
            progress(&format!("  bulk: {name}, round {round} of {}", scale.rounds));
            let mut line = subjects.open_settled(subject).await?;
            line.command(&format!("L=$(head -c {LINE_BYTES} /dev/zero | tr '\\0' x)")).await?;
            let process = subjects.process(subject);
            let (cpu, machine, begun) = (cpu_of(process), machine_cpu()?, Instant::now());
            let bytes = scale.bulk_bytes;
            line.input(format!("yes $L | head -c {bytes}\r").as_bytes()).await?;
            let came = line.prompt(BULK_WITHIN).await.with_context(|| name)?;
            let took = begun.elapsed();
            let figures = figures.of(subject);
            // A viewer that keeps up gets every byte; what is missing was passed over.
            figures.skipped_bytes += bytes.saturating_sub(came);
            figures.bulk_mb_s.push(bytes as f64 / MB / took.as_secs_f64());
            figures.bulk_machine_s.push((machine_cpu()? - machine).as_secs_f64());
            if let Some(spent) = spent(cpu, process) {
                figures.bulk_cpu_s.push(spent.as_secs_f64());
            }
            line.exit().await;
        }
    }
    Ok(())
}

/// Lines of two characters, which the Pod writes and the kubelet frames as they come.
pub(crate) async fn tiny_frames(
    subjects: &mut Subjects,
    figures: &mut AllFigures,
    scale: &Scale,
) -> anyhow::Result<()> {
    for round in 1..=scale.rounds {
        for subject in subjects.present() {
            let name = subjects.name(subject);
            progress(&format!("  tiny frames: {name}, round {round} of {}", scale.rounds));
            let mut line = subjects.open_settled(subject).await?;
            line.input(b"yes | cat\r").await?;
            line.read_for(Duration::from_millis(500)).await?;
            let process = subjects.process(subject);
            let (cpu, begun) = (cpu_of(process), Instant::now());
            let bytes = line.read_for(TINY_TIME).await?;
            let megabytes = bytes as f64 / MB;
            let figures = figures.of(subject);
            figures.tiny_mb_s.push(megabytes / begun.elapsed().as_secs_f64());
            if let Some(spent) = spent(cpu, process) {
                figures.tiny_cpu_s_per_mb.push(spent.as_secs_f64() / megabytes.max(0.001));
            }
            line.input(b"\x03").await?;
            line.prompt(BULK_WITHIN).await.with_context(|| name)?;
            line.exit().await;
        }
    }
    Ok(())
}

fn cpu_of(process: Option<ProcessTree>) -> Option<Duration> {
    process.and_then(|process| process.cpu().ok())
}

fn spent(before: Option<Duration>, process: Option<ProcessTree>) -> Option<Duration> {
    Some(cpu_of(process)?.saturating_sub(before?))
}
