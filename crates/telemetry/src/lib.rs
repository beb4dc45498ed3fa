//! Logs and metrics of the process: set up once by the binary, written to from everywhere.
//! It knows no event by name; what is worth a line or a figure is known where it happens. Secrets have
//! types that cannot be printed (`model::Secret`), so nothing here has to look for them.

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// How a log line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// JSON for machines.
    Json,
    /// Words for people, with colour on a terminal.
    Text,
}

/// Telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not one.
    #[error(
        "log filter `{filter}` is not understood: {detail}; write a level such as `info`, or `info,store=debug`"
    )]
    Filter {
        /// What was given.
        filter: String,
        /// The parser's words.
        detail: String,
    },
    /// It was set up before.
    #[error("telemetry was set up twice in this process: {0}")]
    Twice(String),
}

/// The figures of this process, in Prometheus' text format.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// All figures as they are now.
    pub fn render(&self) -> String {
        self.0.run_upkeep();
        self.0.render()
    }
}

/// Whether [`log`] will take a filter.
pub fn check_filter(filter: &str) -> Result<(), TelemetryError> {
    parsed(filter).map(|_| ())
}

fn parsed(filter: &str) -> Result<EnvFilter, TelemetryError> {
    EnvFilter::try_new(filter).map_err(|error| TelemetryError::Filter {
        filter: filter.to_owned(),
        detail: error.to_string(),
    })
}

/// Directs log lines to standard error, by a filter as in `info,store=debug`.
pub fn log(format: LogFormat, filter: &str) -> Result<(), TelemetryError> {
    let parsed = parsed(filter)?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(parsed)
        .with_writer(std::io::stderr)
        .with_span_events(FmtSpan::NONE);
    let set = match format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).try_init(),
    };
    set.map_err(|error| TelemetryError::Twice(error.to_string()))
}

/// Begins to count. Durations are histograms from 100 µs to 10 s.
pub fn metrics() -> Result<Metrics, TelemetryError> {
    const SECONDS: [f64; 12] =
        [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 10.0];
    let twice =
        |error: metrics_exporter_prometheus::BuildError| TelemetryError::Twice(error.to_string());
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        .map_err(twice)?
        .install_recorder()
        .map_err(twice)?;
    Ok(Metrics(handle))
}
