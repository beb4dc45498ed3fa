//! Who somebody is to Kubernetes: the user info that an authenticator yields and impersonation hands on.
//! How it was proved is known to `authn`, the console and the cluster, not here.

use crate::{Namespace, PodName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Kubernetes `authentication.k8s.io/v1 UserInfo`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The user name, for example `sallyport:alice` or `system:serviceaccount:ns:name`.
    pub user: String,
    /// The unique id of the user, when the authenticator knows one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Groups, in the authenticator's order.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Extra attributes; keys are lower case as Kubernetes requires.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, Vec<String>>,
}

impl Identity {
    /// Whether the identity is a member of `group`.
    pub fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|held| held == group)
    }

    /// The namespace and name of the ServiceAccount that this is, as its user name `system:serviceaccount:ns:name`
    /// says; `None` for everybody else.
    pub fn service_account(&self) -> Option<(Namespace, &str)> {
        let (namespace, name) =
            self.user.strip_prefix("system:serviceaccount:")?.split_once(':')?;
        // The name of a service account has the form of a Pod's: a subdomain.
        name.parse::<PodName>().ok()?;
        Some((namespace.parse().ok()?, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_service_account_has_a_namespace_and_a_name() {
        let parts = |user: &str| {
            let identity = Identity {
                user: user.to_owned(),
                uid: None,
                groups: Vec::new(),
                extra: BTreeMap::new(),
            };
            let parts = identity.service_account();
            parts.map(|(namespace, name)| (namespace.to_string(), name.to_owned()))
        };
        assert_eq!(
            parts("system:serviceaccount:ws-dave-1:default"),
            Some(("ws-dave-1".to_owned(), "default".to_owned()))
        );
        for nobody in [
            "dave",
            "system:serviceaccount",
            "system:serviceaccount:ws-dave-1",
            "system:serviceaccount:ws-dave-1:",
            "system:serviceaccount::default",
            "system:serviceaccount:ws-dave-1:a:b",
            "system:serviceaccount:../secrets:default",
            "sallyport:system:serviceaccount:ws-dave-1:default",
        ] {
            assert_eq!(parts(nobody), None, "{nobody}");
        }
    }
}
