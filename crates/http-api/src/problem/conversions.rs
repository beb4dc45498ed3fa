//! What the errors of the adapters are to a client. Each keeps its cause for the log.
//! A service that can say more about the object makes its own problem instead.

use super::{DecidedBy, Problem, ProblemCode};
use kube_io::KubeIoError;
use store::StoreError;

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::NotFound { object } => Self::not_found(object),
            StoreError::Conflict { object } => {
                let detail = format!("{object} exists already or has changed meanwhile");
                Self::new(ProblemCode::Conflict, detail).decided_by(DecidedBy::Hub)
            }
            StoreError::Invalid { object, reason } => {
                Self::bad_request(format!("{object} cannot be stored: {reason}"))
            }
            StoreError::Busy(_) | StoreError::Full(_) | StoreError::Unavailable { .. } => {
                Self::new(
                    ProblemCode::StoreUnavailable,
                    "the hub cannot read or write its store now",
                )
                .fix("try again in a moment; if it stays so, tell the hub's operator")
                .caused_by(error)
            }
            StoreError::Corrupt { .. } | StoreError::Schema { .. } => Self::internal(error),
        }
    }
}

impl From<KubeIoError> for Problem {
    fn from(error: KubeIoError) -> Self {
        let unreachable = |cluster: &model::ClusterName| {
            Self::new(
                ProblemCode::ClusterUnreachable,
                format!("cluster `{cluster}` does not answer the hub as it should"),
            )
            .fix("try again in a moment; if it stays so, tell the hub's operator")
        };
        match &error {
            // The API server's own words, about what the person asked for.
            KubeIoError::Refused { code: 403, message, .. } => {
                Self::new(ProblemCode::Forbidden, message.clone()).decided_by(DecidedBy::Kubernetes)
            }
            KubeIoError::Refused { code: 404, message, .. } => {
                Self::new(ProblemCode::NotFound, message.clone()).decided_by(DecidedBy::Kubernetes)
            }
            KubeIoError::Refused { code: 409, message, .. } => {
                Self::new(ProblemCode::Conflict, message.clone()).decided_by(DecidedBy::Kubernetes)
            }
            KubeIoError::Refused { code: 400 | 422, message, .. } => {
                Self::bad_request(message.clone()).decided_by(DecidedBy::Kubernetes)
            }
            KubeIoError::ExecUnsupported { cluster, .. } => Self::new(
                ProblemCode::ExecUnsupported,
                format!(
                    "cluster `{cluster}` opens no terminal over WebSocket (v5 or v4.channel.k8s.io); \
                     the older SPDY/3.1 is not spoken here"
                ),
            )
            .decided_by(DecidedBy::Kubernetes)
            .fix(format!(
                "have `{cluster}` updated to Kubernetes 1.30 or newer; if it is, have the proxy before its \
                 API server pass WebSocket upgrades on"
            ))
            .caused_by(error),
            // 401 is the hub's own credentials gone bad, and 5xx the cluster's trouble.
            KubeIoError::Refused { cluster, .. }
            | KubeIoError::OperatorMisconfigured { cluster, .. }
            | KubeIoError::Unreachable { cluster, .. }
            | KubeIoError::PeerMisbehaved { cluster, .. } => unreachable(cluster).caused_by(error),
        }
    }
}
