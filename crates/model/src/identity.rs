//! Who somebody is to Kubernetes: the user info that an authenticator yields and impersonation hands on.
//! How it was proved is known to `authn`, the console and the cluster, not here.

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
}
