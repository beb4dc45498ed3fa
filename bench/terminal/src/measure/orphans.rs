//! What stays in the Pod when sockets are cut: looked for with `ps`, in an exec of its own.

use super::{AllFigures, Scale};
use crate::report::progress;
use crate::subject::Subjects;
use std::time::Duration;

/// In the command line of everything that a measured session leaves.
const MARK: &str = "86399";
const SESSIONS: usize = 3;
/// How long a hub may take to end what was cut off.
const GONE_WITHIN: Duration = Duration::from_secs(10);

/// Cuts sessions that run something in the foreground and something in the background.
pub(crate) async fn orphans(
    subjects: &mut Subjects,
    figures: &mut AllFigures,
    _scale: &Scale,
) -> anyhow::Result<()> {
    for subject in subjects.present() {
        progress(&format!("  orphans: {}", subjects.name(subject)));
        remove(subjects).await?;
        let mut lines = Vec::new();
        for _ in 0..SESSIONS {
            let mut line = subjects.open_settled(subject).await?;
            // The shell itself carries the mark too, as the leader of a `bash -c`.
            line.input(format!("sleep {MARK} & exec bash -c 'sleep {MARK}; :'\r").as_bytes())
                .await?;
            line.quiet(Duration::from_millis(300)).await?;
            lines.push(line);
        }
        let running = count(subjects).await?;
        anyhow::ensure!(running == 3 * SESSIONS, "{running} of 9 processes run in the Pod");
        // Dropped without a close frame.
        drop(lines);
        let mut left = running;
        let until = tokio::time::Instant::now() + GONE_WITHIN;
        while left > 0 && tokio::time::Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(250)).await;
            left = count(subjects).await?;
        }
        figures.of(subject).orphans = Some(left);
        remove(subjects).await?;
    }
    Ok(())
}

async fn count(subjects: &Subjects) -> anyhow::Result<usize> {
    // The brackets keep the search itself out.
    let script = "{ ps -e -o args 2>/dev/null || ps -o args; } | grep -c '[8]6399'";
    let printed = subjects.cluster.run(&subjects.place, script).await?;
    Ok(printed.trim().parse()?)
}

async fn remove(subjects: &Subjects) -> anyhow::Result<()> {
    let script = "for p in /proc/[0-9]*; do \
        tr '\\0' ' ' < $p/cmdline 2>/dev/null | grep -q '[8]6399' && kill -9 ${p#/proc/}; done; true";
    subjects.cluster.run(&subjects.place, script).await.map(|_| ())
}
