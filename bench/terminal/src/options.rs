//! The command line.

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Measures a terminal through the hub beside a direct exec WebSocket and beside `gotty` with kubectl.
///
/// With --cluster it prints the table of speeds; --sessions and --soak measure memory against a double of
/// an API server that the program starts itself. Exits 2 when a goal was missed and --strict was given.
#[derive(Debug, Parser)]
#[command(
    name = "bench-terminal",
    version,
    after_help = "Examples:\n  \
        bench-terminal --cluster demo.kubeconfig --hub-binary target/x86_64-unknown-linux-gnu/release/sallyport --gotty bin/gotty\n  \
        bench-terminal --hub-binary target/x86_64-unknown-linux-gnu/release/sallyport --sessions 5000\n  \
        bench-terminal --hub-binary target/x86_64-unknown-linux-gnu/release/sallyport --soak 600"
)]
pub(crate) struct Options {
    /// Measure on the cluster of this kubeconfig (its current context).
    #[arg(long, value_name = "KUBECONFIG")]
    pub cluster: Option<PathBuf>,
    /// Open this many idle sessions through the hub and tell its memory for each.
    #[arg(long, value_name = "N")]
    pub sessions: Option<usize>,
    /// Let sessions come and go for so long, and compare memory and file descriptors.
    #[arg(long, value_name = "SECONDS")]
    pub soak: Option<u64>,
    #[command(flatten)]
    pub hub: HubOptions,
    #[command(flatten)]
    pub place: PlaceOptions,
    /// The gotty program; without it the peer's column stays empty unless ttyd is on PATH.
    #[arg(long, value_name = "FILE")]
    pub gotty: Option<PathBuf>,
    /// The kubectl that the peer runs.
    #[arg(long, value_name = "FILE", default_value = "kubectl")]
    pub kubectl: PathBuf,
    /// Fewer samples: minutes become one. The percentiles are then only a hint.
    #[arg(long)]
    pub quick: bool,
    /// Only these measurements, separated by commas: echo, flood, bulk, tiny, interrupt, connect, memory,
    /// orphans.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Write all figures to this file as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Exit 2 if a goal was missed.
    #[arg(long)]
    pub strict: bool,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The hub: one that runs, or a program to start.
#[derive(Debug, Clone, Args)]
pub(crate) struct HubOptions {
    /// Address of a hub that runs.
    #[arg(long = "hub", value_name = "URL", requires = "user")]
    pub url: Option<String>,
    /// Start this hub, with an empty store of its own, and end it afterwards.
    #[arg(long = "hub-binary", value_name = "FILE", conflicts_with = "url")]
    pub binary: Option<PathBuf>,
    /// The local account to sign in with.
    #[arg(long)]
    pub user: Option<String>,
    /// Its password.
    #[arg(long, env = "BENCH_PASSWORD", hide_env_values = true)]
    pub password: Option<String>,
    /// The certificate, or its authority's, by which the hub is known (PEM).
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// The hub's process; found by its port if it listens on this machine.
    #[arg(long = "hub-pid", value_name = "PID")]
    pub pid: Option<u32>,
    /// What the hub calls the cluster.
    #[arg(long = "hub-cluster", value_name = "NAME")]
    pub cluster_name: Option<String>,
}

/// The Pod.
#[derive(Debug, Clone, Args)]
pub(crate) struct PlaceOptions {
    /// Use a Pod that runs, with its namespace; otherwise one is made and deleted.
    #[arg(long, requires = "namespace")]
    pub pod: Option<String>,
    /// The Pod's namespace.
    #[arg(long, default_value = "bench-terminal")]
    pub namespace: String,
    /// The image of the Pod that is made.
    #[arg(long, default_value = "sallyport.test/shell:1")]
    pub image: String,
    /// The shell of direct and peer sessions; the hub chooses by itself, as for a person.
    #[arg(long, default_value = "bash -l")]
    pub shell: String,
}

/// What the program does for itself.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Play an API server with the Pod `default/shell` until standard input ends.
    Double {
        /// Where to write its kubeconfig.
        #[arg(long, value_name = "FILE")]
        kubeconfig: PathBuf,
        /// The port on 127.0.0.1.
        #[arg(long, default_value_t = 0)]
        port: u16,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Options::command().debug_assert();
    }
}
