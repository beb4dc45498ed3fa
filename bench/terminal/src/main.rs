//! `bench-terminal`: measures a terminal through the hub beside a direct exec WebSocket and beside the
//! peer (a terminal server that runs `kubectl exec`), in one run, and prints one table with the goals.
//!
//! All three are measured by the same client in one thread, round by round, so that whatever else the
//! machine does is shared. Traffic goes to loopback and to the cluster that `--cluster` names.

mod cluster;
mod hub;
mod line;
mod measure;
mod options;
mod peer;
mod process;
mod report;
mod run;
mod sessions;
mod soak;
mod stats;
mod subject;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let options = options::Options::parse();
    // One thread: latencies are not to depend on which core a task woke on.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            report::progress(&format!("error: {error}"));
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run::run(options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(2),
        Err(error) => {
            report::progress(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
