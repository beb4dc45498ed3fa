//! What a session at its prompt adds to the memory of the process that serves it.

use super::{AllFigures, Scale};
use crate::report::progress;
use crate::subject::{Subject, Subjects};
use std::time::Duration;

/// Allocators and runtimes settle.
const SETTLES: Duration = Duration::from_secs(2);

/// Opens many, looks, and ends them.
pub(crate) async fn memory(
    subjects: &mut Subjects,
    figures: &mut AllFigures,
    scale: &Scale,
) -> anyhow::Result<()> {
    for subject in subjects.present() {
        let Some(process) = subjects.process(subject) else { continue };
        let many =
            if subject == Subject::Hub { scale.memory_sessions.0 } else { scale.memory_sessions.1 };
        progress(&format!("  memory: {} with {many} sessions", subjects.name(subject)));
        let before = process.memory()?;
        let mut lines = Vec::new();
        for _ in 0..many {
            lines.push(subjects.open_to_prompt(subject).await?);
        }
        tokio::time::sleep(SETTLES).await;
        let after = process.memory()?;
        let figures = figures.of(subject);
        let each = |before: u64, after: u64| Some(after.saturating_sub(before) / many as u64);
        figures.memory_private = each(before.private, after.private);
        figures.memory_pss = each(before.pss, after.pss);
        for line in lines {
            line.exit().await;
        }
    }
    Ok(())
}
