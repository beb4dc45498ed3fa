//! What a local account is to Kubernetes: a user name under the hub's own prefix, and groups.
//! Which rights these have is decided by RBAC in each cluster, never here.

use model::{AccountName, Identity};
use std::collections::BTreeMap;

/// Names that Kubernetes keeps for itself; whoever holds them may hold everything.
const RESERVED: &str = "system:";
/// Kubernetes sets no bound on a group's name; this one keeps headers of impersonation small.
const GROUP_BYTES_MAX: usize = 128;

/// The mapping of local accounts to Kubernetes users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountMapping {
    prefix: String,
}

/// The prefix would let accounts take the names of others.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` cannot be the prefix of account users: use lower-case letters, digits, `-` and `.`, ending \
     with `:`, as in `sallyport:`, and nothing that begins with `system:`"
)]
pub struct InvalidPrefix(String);

/// A group that an account may not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidGroup {
    /// It is one of Kubernetes' own.
    #[error(
        "`{0}` is a group of Kubernetes' or the hub's own; only the hub's command line gives it: \
         `sallyport admin user add NAME --group {0} --allow-reserved-groups`"
    )]
    Reserved(String),
    /// It is empty, too long, or has characters that a header cannot carry.
    #[error(
        "`{0}` is not a group name: use 1 to {GROUP_BYTES_MAX} printable ASCII characters without spaces"
    )]
    Malformed(String),
}

impl Default for AccountMapping {
    fn default() -> Self {
        Self { prefix: "sallyport:".to_owned() }
    }
}

impl AccountMapping {
    /// Takes the operator's prefix over, colon included.
    pub fn new(prefix: &str) -> Result<Self, InvalidPrefix> {
        let letters =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
        match prefix.strip_suffix(':') {
            Some(stem)
                if (1..=63).contains(&stem.len())
                    && stem.chars().all(letters)
                    && !prefix.starts_with(RESERVED) =>
            {
                Ok(Self { prefix: prefix.to_owned() })
            }
            _ => {
                Err(InvalidPrefix(prefix.chars().take(80).flat_map(char::escape_default).collect()))
            }
        }
    }

    /// The user name of an account, for example `sallyport:alice`.
    pub fn user(&self, account: &AccountName) -> String {
        format!("{}{account}", self.prefix)
    }

    /// The group that every account is in, for example `sallyport:users`.
    pub fn users_group(&self) -> String {
        format!("{}users", self.prefix)
    }

    /// The group that administrators of the hub are in as well, for example `sallyport:admins`.
    pub fn admins_group(&self) -> String {
        format!("{}admins", self.prefix)
    }

    /// Whether a user name belongs to this hub's accounts, so that no token may carry it.
    pub fn owns(&self, user: &str) -> bool {
        user.starts_with(&self.prefix)
    }

    /// Checks a group that an administrator wants to give to an account.
    pub fn check_group(&self, group: &str, reserved_allowed: bool) -> Result<(), InvalidGroup> {
        let shown = || group.chars().take(80).flat_map(char::escape_default).collect();
        if !(1..=GROUP_BYTES_MAX).contains(&group.len())
            || !group.bytes().all(|b| b.is_ascii_graphic())
        {
            return Err(InvalidGroup::Malformed(shown()));
        }
        // The hub's own groups follow from being an account and an administrator; they are not given.
        let reserved = group.starts_with(RESERVED) || group.starts_with(&self.prefix);
        if reserved && !reserved_allowed {
            return Err(InvalidGroup::Reserved(shown()));
        }
        Ok(())
    }

    /// What the hub impersonates for an account.
    pub fn identity(&self, account: &AccountName, groups: &[String], admin: bool) -> Identity {
        let mut all = vec![self.users_group()];
        if admin {
            all.push(self.admins_group());
        }
        for group in groups {
            if !all.contains(group) {
                all.push(group.clone());
            }
        }
        Identity { user: self.user(account), uid: None, groups: all, extra: BTreeMap::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_a_user_under_the_prefix() {
        let alice: AccountName = "alice".parse().unwrap();
        let mapping = AccountMapping::default();
        let groups = ["dev".to_owned(), "sallyport:users".to_owned()];
        let identity = mapping.identity(&alice, &groups, false);
        assert_eq!(identity.user, "sallyport:alice");
        assert_eq!(identity.groups, ["sallyport:users", "dev"]);
        let administrator = mapping.identity(&alice, &groups, true);
        assert_eq!(administrator.groups, ["sallyport:users", "sallyport:admins", "dev"]);
    }

    #[test]
    fn reserved_and_malformed_groups_are_refused() {
        let mapping = AccountMapping::default();
        assert_eq!(mapping.check_group("dev", false), Ok(()));
        for reserved in ["system:masters", "system:", "sallyport:admins"] {
            let refusal = mapping.check_group(reserved, false);
            assert!(matches!(refusal, Err(InvalidGroup::Reserved(_))), "{reserved}");
            assert_eq!(mapping.check_group(reserved, true), Ok(()));
        }
        for malformed in ["", "a b", "a\r\nImpersonate-User: x", "그룹", &"g".repeat(129)] {
            let refusal = mapping.check_group(malformed, true);
            assert!(matches!(refusal, Err(InvalidGroup::Malformed(_))), "{malformed}");
        }
    }

    #[test]
    fn a_prefix_cannot_reach_into_kubernetes_own_names() {
        assert_eq!(AccountMapping::new("acme:").unwrap().user(&"a".parse().unwrap()), "acme:a");
        for bad in ["", ":", "sallyport", "system:", "system:serviceaccount:", "A:", "a b:", "a\n:"]
        {
            assert!(AccountMapping::new(bad).is_err(), "{bad}");
        }
        assert!(AccountMapping::default().owns("sallyport:alice"));
        assert!(!AccountMapping::default().owns("system:serviceaccount:default:web"));
    }
}
