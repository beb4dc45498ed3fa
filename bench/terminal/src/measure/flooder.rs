//! A session that floods beside the one that is measured. A thread of its own reads it, so that the
//! measuring thread is not kept busy by it.

use crate::line::Line;
use anyhow::Context;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// A running flood.
pub(crate) struct Flooder {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<anyhow::Result<Line>>,
}

impl Flooder {
    /// Runs the command in a settled session.
    pub(crate) fn start(mut line: Line, command: &'static str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                line.input(format!("{command}\r").as_bytes()).await?;
                while !stopped.load(Ordering::Relaxed) {
                    line.read_for(Duration::from_millis(50)).await?;
                }
                line.input(b"\x03").await?;
                line.prompt(Duration::from_secs(60)).await?;
                Ok(line)
            })
        });
        Self { stop, thread }
    }

    /// Interrupts it and ends the session.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        // The thread's socket is driven by this thread's runtime, so do not block it.
        while !self.thread.is_finished() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let line = self.thread.join().ok().context("the flooding thread panicked")??;
        line.exit().await;
        Ok(())
    }
}
