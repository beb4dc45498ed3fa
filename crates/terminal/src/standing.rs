//! Whether somebody who signed in with a token of a cluster still is who the cluster said: the token may have
//! been revoked, or its ServiceAccount deleted, long before the sign-in ends. Asked when a link is made, at
//! both gates, and of live sessions; what RBAC says of the person is asked beside it, in `gates`.
//!
//! | the cluster says | |
//! | --- | --- |
//! | the same person | go on |
//! | another person, other groups, or nobody | the sign-in ends, with all that hangs on it |
//! | the ServiceAccount of somebody's workspace | the same: it is no person of its own |
//! | nothing | `cluster_unreachable`: no way in, and a live session waits as for any other question |

use crate::Terminals;
use crate::gates::session_ended;
use http_api::{DecidedBy, Problem, ProblemCode, SignedIn};
use kube_io::{KubeIoError, TokenVerdict};
use model::Identity;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

/// A cluster that takes longer is as good as away.
const REVIEW_TIME_MAX: Duration = Duration::from_secs(10);

/// Asks the cluster whether it still takes the token; nothing to ask of a local account.
pub(crate) async fn still_stands(
    terminals: &Terminals,
    signed_in: &SignedIn,
) -> Result<(), Problem> {
    let Some(name) = signed_in.cluster() else { return Ok(()) };
    let api = &terminals.api;
    let cluster = api.clusters.get(name).ok_or_else(|| {
        Problem::new(ProblemCode::ClusterUnknown, format!("this hub knows no cluster `{name}`"))
            .decided_by(DecidedBy::Hub)
    })?;
    // Ended meanwhile, here or at another hub: the token went with it.
    let token = api.store.sign_in_token(signed_in.id()).await?.ok_or_else(session_ended)?;
    let review = async {
        tokio::join!(
            cluster.token_review(&token),
            cluster.is_workspace_account(signed_in.identity()),
        )
    };
    let Ok((verdict, is_workspace_account)) = tokio::time::timeout(REVIEW_TIME_MAX, review).await
    else {
        return Err(Problem::new(
            ProblemCode::ClusterUnreachable,
            format!("cluster `{name}` did not say in time whether it still takes the token"),
        ));
    };
    // Nor can a cluster be asked that does not let the hub ask.
    let silent = |error: KubeIoError| {
        let detail = format!("cluster `{name}` does not say whether it still takes the token");
        Problem::new(ProblemCode::ClusterUnreachable, detail).caused_by(error)
    };
    let (by, why) = match verdict.map_err(silent)? {
        TokenVerdict::Authenticated(now) if is_same(&now, signed_in.identity()) => {
            if !is_workspace_account.map_err(silent)? {
                return Ok(());
            }
            (DecidedBy::Hub, "it is the service account of somebody's workspace")
        }
        TokenVerdict::Authenticated(_) => {
            (DecidedBy::Kubernetes, "it stands for somebody else now, or for other groups")
        }
        // The cluster's own words may hold parts of the token; they are for nobody.
        TokenVerdict::Refused { .. } => (DecidedBy::Kubernetes, "it was revoked, or has expired"),
    };
    let audit = signed_in
        .audit("sign_out", signed_in.id())
        .detail(json!({ "why": "token_refused", "cluster": name }))
        .allowed();
    api.store.end_sign_in(signed_in.id(), api.clock.now(), audit).await?;
    Err(Problem::new(
        ProblemCode::SessionEnded,
        format!("the token of this sign-in to cluster `{name}` is no longer taken: {why}"),
    )
    .decided_by(by)
    .fix("sign in again with a new token"))
}

/// What an authenticator tells besides (`extra`) may differ from one time to the next; rights hang on these.
fn is_same(now: &Identity, then: &Identity) -> bool {
    let groups = |of: &Identity| of.groups.iter().cloned().collect::<BTreeSet<_>>();
    now.user == then.user && now.uid == then.uid && groups(now) == groups(then)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(user: &str, uid: Option<&str>, groups: &[&str]) -> Identity {
        Identity {
            user: user.to_owned(),
            uid: uid.map(str::to_owned),
            groups: groups.iter().map(|&group| group.to_owned()).collect(),
            extra: [("jti".to_owned(), vec![format!("{groups:?}")])].into(),
        }
    }

    #[test]
    fn the_same_person_has_the_name_uid_and_groups_of_before() {
        let then = identity("bob", Some("1"), &["dev", "ops"]);
        assert!(is_same(&identity("bob", Some("1"), &["ops", "dev"]), &then));
        for other in [
            identity("eve", Some("1"), &["dev", "ops"]),
            identity("bob", Some("2"), &["dev", "ops"]),
            identity("bob", None, &["dev", "ops"]),
            identity("bob", Some("1"), &["dev"]),
            identity("bob", Some("1"), &["dev", "ops", "root"]),
        ] {
            assert!(!is_same(&other, &then), "{other:?}");
        }
    }
}
