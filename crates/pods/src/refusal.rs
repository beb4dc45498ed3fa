//! How refusals of a cluster are told to the person who asked for Pods.
//! The cluster's own words are handed on, for they name the rule; the transport's go to the log.

use http_api::{Problem, ProblemCode};
use kube_io::KubeIoError;
use model::ClusterName;

/// A failure of reading Pods.
pub(crate) fn told(object: &str, error: KubeIoError) -> Problem {
    match &error {
        KubeIoError::Unreachable { cluster, .. } => unreachable(cluster).caused_by(error),
        KubeIoError::Refused { code: 404, .. } => Problem::not_found(object),
        KubeIoError::Refused { code: 401 | 403, .. } => error.into(),
        KubeIoError::Refused { cluster, .. } => unreachable(cluster).caused_by(error),
        _ => Problem::internal(error),
    }
}

/// The cluster did not answer in time.
pub(crate) fn unreachable(cluster: &ClusterName) -> Problem {
    Problem::new(ProblemCode::ClusterUnreachable, format!("cluster `{cluster}` does not answer"))
        .fix("try again in a moment; if it stays so, tell the hub's operator")
}
