//! The posture of clusters as numbers for Prometheus.
//! Every hub tells what the store holds, so that two hubs tell the same.

use super::summary::Summary;
use model::ClusterName;
use std::time::Duration;
use store::PostureScan;

const SCORE: &str = "sallyport_posture_score";
const SCORE_LEAST: &str = "sallyport_posture_score_least";
const FINDINGS: &str = "sallyport_posture_findings";
const UNKNOWN: &str = "sallyport_posture_unknown";
const EXCEPTED: &str = "sallyport_posture_excepted";
const OBJECTS: &str = "sallyport_posture_objects";
const LAST: &str = "sallyport_posture_last_scan_timestamp_seconds";
const SCANS: &str = "sallyport_posture_scans_total";
const TOOK: &str = "sallyport_posture_scan_duration_seconds";

/// Says what the numbers mean.
pub fn describe_metrics() {
    metrics::describe_gauge!(SCORE, "Share of what could be decided that holds, 0 to 100.");
    metrics::describe_gauge!(SCORE_LEAST, "The same if all that is unknown were open.");
    metrics::describe_gauge!(FINDINGS, "Findings that are open and nobody answers for.");
    metrics::describe_gauge!(UNKNOWN, "What could not be known.");
    metrics::describe_gauge!(EXCEPTED, "Findings that somebody answers for.");
    metrics::describe_gauge!(OBJECTS, "Objects that the last scan looked at.");
    metrics::describe_gauge!(LAST, "When the last scan that was done ended.");
    metrics::describe_counter!(SCANS, "Scans that this hub made, by how they ended.");
    metrics::describe_histogram!(TOOK, "How long a scan took, from its first request to its end.");
}

/// A scan has ended.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a double; counts are far below 2^53")]
pub(super) fn told(cluster: &ClusterName, scan: &PostureScan, summary: &Summary) {
    let label = || ("cluster", cluster.to_string());
    if let Some(score) = summary.sums.score() {
        metrics::gauge!(SCORE, &[label()]).set(score.value as f64);
        metrics::gauge!(SCORE_LEAST, &[label()]).set(score.least as f64);
    }
    for (severity, count) in summary.by_severity() {
        let labels = [label(), ("severity", severity.to_owned())];
        metrics::gauge!(FINDINGS, &labels).set(count as f64);
    }
    metrics::gauge!(UNKNOWN, &[label()]).set(summary.unknown as f64);
    metrics::gauge!(EXCEPTED, &[label()]).set(summary.excepted as f64);
    metrics::gauge!(OBJECTS, &[label()]).set(summary.outcome.objects as f64);
    if let Some(ended) = scan.ended_at {
        metrics::gauge!(LAST, &[label()]).set(ended.as_micros() as f64 / 1e6);
    }
}

/// This hub's scan has ended.
pub(super) fn scanned(cluster: &ClusterName, outcome: &'static str, took: Duration) {
    let labels = [("cluster", cluster.to_string()), ("outcome", outcome.to_owned())];
    metrics::counter!(SCANS, &labels).increment(1);
    metrics::histogram!(TOOK, "cluster" => cluster.to_string()).record(took.as_secs_f64());
}
