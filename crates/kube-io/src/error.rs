//! What can go wrong between the hub and an API server, told apart by who must act.
//! How a failure is worded for the person at the browser is known to the services, not here.

use model::ClusterName;

/// A failure of a call to a cluster.
#[derive(Debug, thiserror::Error)]
pub enum KubeIoError {
    /// The kubeconfig or in-cluster credentials cannot be used.
    #[error("cluster `{cluster}`: {detail}")]
    OperatorMisconfigured {
        /// Which cluster.
        cluster: ClusterName,
        /// What is wrong and what to do.
        detail: String,
    },
    /// The API server did not answer, or the connection broke.
    #[error("cluster `{cluster}` does not answer: {detail}")]
    Unreachable {
        /// Which cluster.
        cluster: ClusterName,
        /// The cause, in the transport's words.
        detail: String,
    },
    /// The API server answered with an error of its own (`metav1.Status`).
    #[error("cluster `{cluster}` answered {code}: {message}")]
    Refused {
        /// Which cluster.
        cluster: ClusterName,
        /// The HTTP status.
        code: u16,
        /// `status.reason`, for example `Forbidden` or `NotFound`.
        reason: String,
        /// `status.message`, the API server's own words.
        message: String,
    },
    /// The server speaks no exec protocol that Sallyport speaks.
    #[error(
        "cluster `{cluster}` offers no WebSocket exec (v5 or v4.channel.k8s.io): {detail}; \
         Kubernetes 1.30 or newer does"
    )]
    ExecUnsupported {
        /// Which cluster.
        cluster: ClusterName,
        /// What it answered instead.
        detail: String,
    },
    /// The peer broke the protocol; the connection is not used again.
    #[error("cluster `{cluster}` broke the exec protocol: {detail}")]
    PeerMisbehaved {
        /// Which cluster.
        cluster: ClusterName,
        /// What it did.
        detail: String,
    },
}

impl KubeIoError {
    /// Sorts an error of the Kubernetes client by who must act.
    pub fn from_kube(cluster: &ClusterName, error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::Refused {
                cluster: cluster.clone(),
                code: status.code,
                reason: status.reason.clone(),
                message: status.message.clone(),
            },
            other => Self::Unreachable { cluster: cluster.clone(), detail: chain(&other) },
        }
    }

    /// Whether the API server said that the object does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { code: 404, .. })
    }

    /// Whether the API server refused by authorisation.
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Self::Refused { code: 401 | 403, .. })
    }
}

/// An error and its causes on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let words = inner.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = inner.source();
    }
    text
}
