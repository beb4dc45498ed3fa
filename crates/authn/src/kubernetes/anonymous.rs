//! Anonymous access: who a request without any credential is, and where that is allowed.
//! What the anonymous may do is RBAC's to say.

use super::explanation::Reason;
use model::Identity;
use std::collections::BTreeMap;

pub(super) const USER: &str = "system:anonymous";
pub(super) const GROUP: &str = "system:unauthenticated";

/// Where a request may stay anonymous.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AnonymousAccess {
    /// Everywhere, the API server's default.
    #[default]
    Everywhere,
    /// On exactly these paths.
    Paths(Vec<String>),
    /// Nowhere.
    Disabled,
}

impl AnonymousAccess {
    pub(super) fn admit(&self, path: &str) -> Result<Identity, Reason> {
        match self {
            Self::Paths(paths) if !paths.iter().any(|open| open == path) => {
                Err(Reason::PathNotOpen { path: super::explanation::shown(path) })
            }
            Self::Disabled => Err(Reason::AnonymousDisabled),
            Self::Everywhere | Self::Paths(_) => Ok(Identity {
                user: USER.to_owned(),
                uid: None,
                groups: vec![GROUP.to_owned()],
                extra: BTreeMap::new(),
            }),
        }
    }
}
