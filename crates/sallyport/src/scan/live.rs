//! `sallyport scan cluster` and `scan node`: what is read before it is scanned, and how the waiting is told.

use super::reporting::{PathFlags, ReportFlags};
use crate::say_error;
use anyhow::Context;
use clap::Args;
use kube_io::{Cluster, ClusterSource};
use scanner::{Material, Report};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(crate) struct ClusterFlags {
    /// The kubeconfig. Its credentials are used and no others; the environment is not asked.
    #[arg(long, value_name = "FILE")]
    kubeconfig: PathBuf,
    /// The context in it; may be left out only if it is the only and the current one.
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    #[command(flatten)]
    paths: PathFlags,
    #[command(flatten)]
    report: ReportFlags,
}

#[derive(Debug, Args)]
pub(crate) struct NodeFlags {
    /// Only this process; may be repeated. Without it, all processes of the machine.
    #[arg(long, value_name = "PID")]
    pid: Vec<u32>,
    #[command(flatten)]
    report: ReportFlags,
}

/// Scans the machine that this runs on.
pub(crate) fn node(flags: &NodeFlags) -> anyhow::Result<ExitCode> {
    let (checks, waivers) = (flags.report.checks()?, flags.report.waivers()?);
    let machine = scanner::node::Machine { only: flags.pid.clone(), ..Default::default() };
    flags.report.tell(&Report::of(scanner::node::read(&machine), &checks, &waivers), true)
}

/// Scans a live cluster.
pub(crate) fn cluster(flags: &ClusterFlags) -> anyhow::Result<ExitCode> {
    flags.paths.fit(&flags.report)?;
    let (checks, waivers) = (flags.report.checks()?, flags.report.waivers()?);
    let source = ClusterSource::Kubeconfig {
        path: flags.kubeconfig.clone(),
        context: flags.context.clone(),
    };
    let watched = std::io::stderr().is_terminal();
    let gathered = crate::runtime()?.block_on(async {
        let cluster = Cluster::open("scan".parse().context("a name")?, &source).await?;
        // Nobody is answered by an empty report because nobody was there.
        cluster.version().await?;
        let gathered = scanner::cluster::read(&cluster, |resource, count| {
            if watched {
                // A line that is written over; if it cannot be, the scan is no worse.
                write!(std::io::stderr(), "\r\u{1b}[K{resource}: {count}").ok();
            }
        })
        .await;
        anyhow::Ok(gathered)
    })?;
    if watched {
        write!(std::io::stderr(), "\r\u{1b}[K").ok();
    }
    if !gathered.unseen.is_empty() {
        say_error(&format!(
            "the API server refused the lists of {}; what depends on them is unknown. \
             `sallyport scan rbac` prints the role that a scan needs",
            gathered.unseen.join(", ")
        ));
    }
    let mut report = Report::of(Material::of_cluster(gathered), &checks, &waivers);
    flags.paths.add_to(&mut report)?;
    flags.report.tell(&report, true)
}
