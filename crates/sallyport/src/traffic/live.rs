//! `sallyport traffic capture`: traffic as it passes, with the keys of running programs. How it is captured and shown
//! is the `traffic` crate's; here are its arguments and the signals that end it.

use super::{TapFlags, ViewFlags};
use crate::signals::Signals;
use anyhow::Context;
use clap::{ArgGroup, Args};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use traffic::{LiveFault, LiveJob};

#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("where keys come from").required(true).multiple(true).args(["process", "binary", "keys"]),
    after_help = "Examples:\n  \
        sallyport traffic capture --process kube-apiserver\n  \
        sallyport traffic capture --process kube-apiserver --filter 'status >= 400' --for 5m\n  \
        sallyport traffic capture --process kube-apiserver --process etcd --port 6443 --port 2379 --format json\n  \
        sallyport traffic capture --keys keys.log --interface lo --count 100\n\n\
        Needs Linux 5.8 on x86-64, CAP_BPF, CAP_PERFMON and CAP_NET_RAW; with --process also CAP_SYS_PTRACE, unless \
        the process is your own. Run it where the packets pass: on the node, in its network namespace."
)]
pub(crate) struct LiveFlags {
    #[command(flatten)]
    tap: TapFlags,
    /// End after this time, as in `30s` or `5m`.
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    duration: Option<Duration>,
    /// End after so many units were shown; of `har` and `otlp`, requests.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    #[arg(long = "write", value_name = "FILE", help = super::WRITE)]
    record: Option<std::path::PathBuf>,
    #[command(flatten)]
    pub(super) view: ViewFlags,
}

impl LiveFlags {
    fn job(self) -> anyhow::Result<LiveJob> {
        Ok(LiveJob {
            tap: self.tap.tap(),
            duration: self.duration,
            units_max: self.count,
            redaction_key: self.view.redaction_key()?,
            filter: self.view.filter,
            record: self.record,
        })
    }
}

/// Captures until it is told to stop.
pub(super) fn run(flags: LiveFlags, output: &mut dyn std::io::Write) -> Result<(), super::Fault> {
    let form = flags.view.form();
    let job = flags.job()?;
    let stop = stop_on_signal().context("signals cannot be waited for")?;
    traffic::capture(&job, form, output, &mut std::io::stderr(), &stop).map_err(|fault| match fault
    {
        LiveFault::Write(error) => super::Fault::Write(error),
        other => super::Fault::Other(other.into()),
    })
}

/// The first signal asks for the end and the account; the second insists.
fn stop_on_signal() -> anyhow::Result<Arc<AtomicBool>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut signals = {
        let _inside = runtime.enter();
        Signals::take()?
    };
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    std::thread::spawn(move || {
        runtime.block_on(async {
            signals.next().await;
            told.store(true, Ordering::Relaxed);
            let number = signals.next().await;
            std::process::exit(128 + i32::from(number));
        });
    });
    Ok(stop)
}

fn duration(text: &str) -> Result<Duration, String> {
    let hint = || "write a time such as `30s`, `5m` or `1h30m`".to_owned();
    let given: jiff::SignedDuration = text.parse().map_err(|_| hint())?;
    Duration::try_from(given).ok().filter(|it| !it.is_zero()).ok_or_else(hint)
}
