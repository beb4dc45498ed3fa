//! How refusals of a cluster are told to the person: whose decision it was, and what can be done.
//! The cluster's own words are handed on, for they name the rule; the transport's go to the log.

use http_api::{
    DecidedBy, Problem, ProblemCode, cluster_refuses_hub, cluster_words, speaks_of_hub,
};
use kube_io::KubeIoError;
use model::{ClusterName, Namespace};

/// A failure of something that was done as the person.
pub(crate) fn of_person(object: &str, error: KubeIoError) -> Problem {
    let KubeIoError::Refused { cluster, code, message, .. } = &error else {
        return of_hub(error);
    };
    if speaks_of_hub(&error) {
        return of_hub(error);
    }
    let said = cluster_words(message);
    let problem = match code {
        403 if said.contains("exceeded quota") => {
            Problem::new(ProblemCode::QuotaPerson, format!("cluster `{cluster}`: {said}"))
                .fix("delete a workspace or a Pod in your namespace that you do not need any more")
        }
        403 if said.contains("violates PodSecurity") => Problem::new(
            ProblemCode::Forbidden,
            format!("cluster `{cluster}`: {said}"),
        )
        .fix(
            "the template does not fit the namespace's Pod Security level: tell the hub's operator",
        ),
        403 => Problem::new(ProblemCode::Forbidden, format!("cluster `{cluster}`: {said}"))
            .fix("ask whoever administers the cluster's RBAC"),
        404 => Problem::not_found(object),
        409 => Problem::new(ProblemCode::Conflict, format!("cluster `{cluster}`: {said}")),
        400 | 422 => Problem::new(ProblemCode::BadRequest, format!("cluster `{cluster}`: {said}"))
            .fix("tell the hub's operator: the template does not fit this cluster"),
        _ => return of_hub(error),
    };
    problem.decided_by(DecidedBy::Kubernetes).caused_by(error)
}

/// A failure of something that the hub did as itself, or of the way to the cluster.
pub(crate) fn of_hub(error: KubeIoError) -> Problem {
    match &error {
        KubeIoError::Unreachable { cluster, .. } => unreachable(cluster).caused_by(error),
        KubeIoError::Refused { code: 401 | 403, .. } => cluster_refuses_hub(error),
        KubeIoError::Refused { cluster, .. } => unreachable(cluster).caused_by(error),
        _ => Problem::internal(error),
    }
}

fn unreachable(cluster: &ClusterName) -> Problem {
    Problem::new(ProblemCode::ClusterUnreachable, format!("cluster `{cluster}` does not answer"))
        .fix("try again in a moment; if it stays so, tell the hub's operator")
}

/// The cluster took too long.
pub(crate) fn too_slow(cluster: &ClusterName) -> Problem {
    unreachable(cluster)
}

/// The quota of a new namespace does not hold, so nothing may be made in it.
pub(crate) fn uncounted(cluster: &ClusterName) -> Problem {
    Problem::new(
        ProblemCode::ClusterUnreachable,
        format!("cluster `{cluster}` does not enforce the quota of the person's namespace"),
    )
    .decided_by(DecidedBy::Hub)
    .fix("try again in a moment; if it stays so, tell the hub's operator: kube-controller-manager counts quotas, and the API server needs the admission plug-in ResourceQuota")
}

/// A namespace of the right name is somebody else's.
pub(crate) fn foreign(cluster: &ClusterName, namespace: &Namespace) -> Problem {
    Problem::new(
        ProblemCode::Conflict,
        format!("namespace `{namespace}` in cluster `{cluster}` exists and is not this person's"),
    )
    .decided_by(DecidedBy::Hub)
    .fix("tell the hub's operator: it has to be renamed or deleted before workspaces can be made")
}

/// A namespace carries the person's marks, but the store does not know it.
pub(crate) fn unknown(cluster: &ClusterName, namespace: &Namespace) -> Problem {
    Problem::new(
        ProblemCode::Conflict,
        format!(
            "namespace `{namespace}` in cluster `{cluster}` carries this person's marks, but this hub did not make it"
        ),
    )
    .decided_by(DecidedBy::Hub)
    .fix("tell the hub's operator: unless an earlier hub of theirs made it, and `workspaces.adopt_namespaces` is to say so, it has to be deleted")
}

/// The namespace is being deleted.
pub(crate) fn going(cluster: &ClusterName, namespace: &Namespace) -> Problem {
    Problem::new(
        ProblemCode::Conflict,
        format!("namespace `{namespace}` in cluster `{cluster}` is being deleted"),
    )
    .decided_by(DecidedBy::Kubernetes)
    .fix("try again in a minute")
}
