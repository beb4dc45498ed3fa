//! From the click to the first prompt. Through the hub that holds the link, both gates and every review;
//! of the others, the WebSocket and the exec behind it.

use super::{AllFigures, Scale};
use crate::report::progress;
use crate::subject::Subjects;
use anyhow::Context;
use std::time::Instant;

const WARM_UP: usize = 3;

/// Subjects in turn; each session is ended before the next begins.
pub(crate) async fn connect(
    subjects: &mut Subjects,
    figures: &mut AllFigures,
    scale: &Scale,
) -> anyhow::Result<()> {
    for sample in 0..WARM_UP + scale.connects {
        if sample % 20 == WARM_UP {
            progress(&format!("  connect: {} of {}", sample - WARM_UP, scale.connects));
        }
        for subject in subjects.present() {
            let clicked = Instant::now();
            let opened = subjects.open_to_prompt(subject).await;
            let took = clicked.elapsed();
            opened.with_context(|| subjects.name(subject))?.exit().await;
            if sample >= WARM_UP {
                figures.of(subject).connect.push(took);
            }
        }
    }
    Ok(())
}
