//! What the errors of the adapters are to a client. Each keeps its cause for the log.
//! A service that can say more about the object makes its own problem instead.

use super::{DecidedBy, Problem, ProblemCode};
use kube_io::{Access, KubeIoError};
use model::ClusterName;
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
        if speaks_of_hub(&error) {
            return cluster_refuses_hub(error);
        }
        let unreachable = |cluster: &ClusterName| {
            Self::new(
                ProblemCode::ClusterUnreachable,
                format!("cluster `{cluster}` does not answer the hub as it should"),
            )
            .fix("try again in a moment; if it stays so, tell the hub's operator")
        };
        match &error {
            // The API server's own words, about what the person asked for.
            KubeIoError::Refused { cluster, code: 403, message, .. } => Self::new(
                ProblemCode::Forbidden,
                format!("cluster `{cluster}`: {}", cluster_words(message)),
            )
            .decided_by(DecidedBy::Kubernetes)
            .fix("ask whoever administers the cluster's RBAC")
            .caused_by(error),
            KubeIoError::Refused { code: 404, message, .. } => {
                Self::new(ProblemCode::NotFound, cluster_words(message))
                    .decided_by(DecidedBy::Kubernetes)
            }
            KubeIoError::Refused { code: 409, message, .. } => {
                Self::new(ProblemCode::Conflict, cluster_words(message))
                    .decided_by(DecidedBy::Kubernetes)
            }
            KubeIoError::Refused { code: 400 | 422, message, .. } => {
                Self::bad_request(cluster_words(message)).decided_by(DecidedBy::Kubernetes)
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
            // 5xx is the cluster's trouble.
            KubeIoError::Refused { cluster, .. }
            | KubeIoError::OperatorMisconfigured { cluster, .. }
            | KubeIoError::Unreachable { cluster, .. }
            | KubeIoError::PeerMisbehaved { cluster, .. } => unreachable(cluster).caused_by(error),
        }
    }
}

/// Characters of a cluster's own words that are handed on: enough for any rule that it names.
pub const WORDS_CHARACTERS_MAX: usize = 500;

/// Whether a cluster refused the hub itself, not the person whom it acts for: its credentials (401), or its right to
/// impersonate or to ask for reviews.
pub fn speaks_of_hub(error: &KubeIoError) -> bool {
    match error {
        KubeIoError::Refused { code: 401, .. } => true,
        KubeIoError::Refused { code: 403, message, .. } => {
            ["cannot impersonate", "subjectaccessreviews", "tokenreviews"]
                .iter()
                .any(|words| message.contains(words))
        }
        _ => false,
    }
}

/// A `SubjectAccessReview` said no.
pub fn cluster_denies(cluster: &ClusterName, user: &str, access: &Access, reason: &str) -> Problem {
    let mut detail = format!("cluster `{cluster}` does not let `{}` {access}", cluster_words(user));
    if !reason.is_empty() {
        detail.push_str(": ");
        detail.push_str(&cluster_words(reason));
    }
    Problem::new(ProblemCode::Forbidden, detail)
        .decided_by(DecidedBy::Kubernetes)
        .fix("ask whoever administers the cluster's RBAC")
}

/// What a cluster refused the hub itself. Nobody's right is in question, so it is the operator's to mend.
pub fn cluster_refuses_hub(error: KubeIoError) -> Problem {
    let KubeIoError::Refused { cluster, code, message, .. } = &error else { return error.into() };
    let fix = if *code == 401 {
        "tell the hub's operator: the hub's token or certificate has expired or was withdrawn"
    } else {
        "tell the hub's operator: the hub's ClusterRole is missing or too narrow"
    };
    Problem::new(
        ProblemCode::ClusterUnreachable,
        format!("cluster `{cluster}` does not let the hub do its work: {}", cluster_words(message)),
    )
    .decided_by(DecidedBy::Kubernetes)
    .fix(fix)
    .caused_by(error)
}

/// A cluster's own words, or names out of it, fit to be shown and logged.
pub fn cluster_words(text: &str) -> String {
    let printable = text.chars().map(|c| if model::is_unseen(c) { ' ' } else { c });
    printable.take(WORDS_CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: u16, message: &str) -> Problem {
        let cluster = "home".parse().unwrap();
        let (reason, message) = (String::new(), message.to_owned());
        KubeIoError::Refused { cluster, code, reason, message }.into()
    }

    #[test]
    fn what_the_hub_may_not_is_not_told_as_what_the_person_may_not() {
        for (code, message) in [
            (401, "Unauthorized"),
            (
                403,
                "users \"mina\" is forbidden: User \"hub\" cannot impersonate resource \"users\"",
            ),
            (
                403,
                "subjectaccessreviews.authorization.k8s.io is forbidden: User \"hub\" cannot create",
            ),
            (403, "tokenreviews.authentication.k8s.io is forbidden: User \"hub\" cannot create"),
        ] {
            let problem = refused(code, message);
            assert_eq!(problem.code(), ProblemCode::ClusterUnreachable, "{message}");
            assert!(problem.detail().contains("does not let the hub"), "{}", problem.detail());
            let told = problem.fix.as_deref().unwrap_or_default();
            assert_eq!(told.contains("expired"), code == 401, "{told}");
        }
        let problem = refused(403, "pods \"a\" is forbidden: User \"mina\" cannot get\u{7}");
        assert_eq!(problem.code(), ProblemCode::Forbidden);
        assert!(problem.detail().ends_with("cannot get "), "{}", problem.detail());
        let problem = refused(403, "pods \"\u{202e}nimda\u{200b}\" is forbidden");
        assert!(
            problem.detail().ends_with("pods \" nimda \" is forbidden"),
            "{}",
            problem.detail()
        );
        assert!(refused(403, &"x".repeat(9999)).detail().len() < 600);
    }

    #[test]
    fn whatever_a_cluster_says_no_with_its_words_go_out_cleaned_and_cut() {
        for (code, told) in [
            (400, ProblemCode::BadRequest),
            (404, ProblemCode::NotFound),
            (409, ProblemCode::Conflict),
            (422, ProblemCode::BadRequest),
        ] {
            let plain = refused(code, "pods \"a\": field is immutable");
            assert_eq!((plain.code(), plain.detail()), (told, "pods \"a\": field is immutable"));
            let hostile = refused(code, "pods \"\u{1b}]0;owned\u{7}\u{202e}nimda\"");
            assert!(!hostile.detail().chars().any(model::is_unseen), "{}", hostile.detail());
            let long = refused(code, &"x".repeat(9999));
            assert_eq!(long.detail().len(), WORDS_CHARACTERS_MAX);
        }
    }
}
