//! Which token sign-ins may administer the hub. Local accounts carry their own mark; a token brings only
//! the groups that its cluster vouches for.
//!
//! Groups are believed from one cluster alone, the hub's home: whoever rules another cluster can make up
//! any group there, and an administrator of the hub reaches all of them.

use model::{ClusterName, Identity};

/// The rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenAdmins {
    /// Groups whose members administer the hub. Empty: no token does.
    pub groups: Vec<String>,
    /// The home cluster. `None`: no token administers the hub.
    pub home: Option<ClusterName>,
}

impl TokenAdmins {
    /// The default for a hub whose first cluster is `home`: those who hold every right there anyway, and
    /// those whom that cluster puts into the hub's own group.
    pub fn of_home(home: Option<ClusterName>, admins_group: String) -> Self {
        Self { groups: vec!["system:masters".to_owned(), admins_group], home }
    }

    /// Whether an identity that `cluster` vouched for administers the hub.
    pub fn admits(&self, identity: &Identity, cluster: &ClusterName) -> bool {
        self.home.as_ref() == Some(cluster) && self.groups.iter().any(|group| identity.is_in(group))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn only_the_home_cluster_can_vouch_for_an_administrator() {
        let home: ClusterName = "home".parse().unwrap();
        let other: ClusterName = "other".parse().unwrap();
        let who = |group: &str| Identity {
            user: "eve".to_owned(),
            uid: None,
            groups: vec![group.to_owned()],
            extra: BTreeMap::new(),
        };
        let rule = TokenAdmins::of_home(Some(home.clone()), "sallyport:admins".to_owned());
        assert!(rule.admits(&who("system:masters"), &home));
        assert!(rule.admits(&who("sallyport:admins"), &home));
        assert!(!rule.admits(&who("system:masters"), &other));
        assert!(!rule.admits(&who("system:authenticated"), &home));
        let nobody = TokenAdmins { groups: Vec::new(), ..rule.clone() };
        assert!(!nobody.admits(&who("system:masters"), &home));
        let homeless = TokenAdmins { home: None, ..rule };
        assert!(!homeless.admits(&who("system:masters"), &home));
    }
}
