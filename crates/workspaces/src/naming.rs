//! Names that follow from others: a person's namespace from the user name, a Pod's from the workspace's.
//! Whether something of that name is really ours is checked in `namespace`, against the full user name.
//!
//! Hostile input: a user name is any text that an authenticator yields. It is never trusted to be a label:
//! what people recognise of it is kept, and a hash of the whole tells apart what the rest cannot.

use aws_lc_rs::digest::{SHA256, digest};
use model::{Namespace, PodName, WorkspaceId};

/// 80 bits: nobody finds a name whose namespace is that of a given other person. Two names of one's own
/// making may collide after 2^40 tries, and then the second one is refused (`namespace`).
const HASH_DIGITS: usize = 16;
/// Leaves the whole name short enough to read in a table.
const SLUG_MAX: usize = 20;
/// A workspace's name; the Pod's name is seven longer and must stay a host name.
pub(crate) const NAME_MAX: usize = 40;
const SUFFIX_DIGITS: usize = 6;
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The namespace in which the workspaces of `user` live: `ws-<slug>-<hash of the user name>`.
pub fn namespace_of(user: &str) -> Namespace {
    let text = format!("ws-{}-{}", slug_of(user), owner_hash(user));
    #[expect(
        clippy::expect_used,
        reason = "ws-, a-z0-9- and a-z0-9, at most 40 characters: a label"
    )]
    text.parse().expect("the parts are made of a label's letters")
}

/// The hash of a user name as labels carry it, since a label's value cannot hold every user name.
pub fn owner_hash(user: &str) -> String {
    // The prefix keeps the hash from being one that another part of the program shows for the same text.
    let hash = digest(&SHA256, format!("sallyport workspaces of\0{user}").as_bytes());
    let bits =
        hash.as_ref().iter().take(10).fold(0u128, |bits, byte| bits << 8 | u128::from(*byte));
    (0..HASH_DIGITS)
        .rev()
        .map(|place| char::from(ALPHABET[(bits >> (5 * place) & 31) as usize]))
        .collect()
}

/// What people recognise: `alice` of `sallyport:alice`, `bob-example-com` of `bob@example.com`.
fn slug_of(user: &str) -> String {
    let last = user.rsplit(':').find(|part| !part.is_empty()).unwrap_or_default();
    let mut slug = String::new();
    for letter in last.chars().flat_map(char::to_lowercase) {
        if slug.len() == SLUG_MAX {
            break;
        }
        if letter.is_ascii_lowercase() || letter.is_ascii_digit() {
            slug.push(letter);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "user".to_owned() } else { slug.to_owned() }
}

/// Six letters of the id's end, the part that is random.
pub(crate) fn suffix_of(id: &WorkspaceId) -> &str {
    let text = id.as_str();
    &text[text.len() - SUFFIX_DIGITS..]
}

/// The Pod's name: the workspace's, and the suffix, so that a workspace made again under its old name does
/// not have to wait for the old Pod to go.
pub(crate) fn pod_of(name: &str, id: &WorkspaceId) -> PodName {
    let suffix = suffix_of(id);
    let text = match name.strip_suffix(suffix) {
        Some(rest) if rest.ends_with('-') => name.to_owned(),
        _ => format!("{name}-{suffix}"),
    };
    #[expect(clippy::expect_used, reason = "a checked label of at most 40 and a suffix of a-z0-9")]
    text.parse().expect("a label and a suffix make a label")
}

/// A workspace's name as a person chose it.
pub(crate) fn checked_name(text: &str) -> Result<&str, String> {
    // Every Pod name in this form is a label too; the parser's words name the rule.
    if text.len() > NAME_MAX {
        return Err(format!("`name`: use at most {NAME_MAX} characters"));
    }
    match text.parse::<Namespace>() {
        Ok(_) => Ok(text),
        Err(_) => {
            Err("`name`: use a-z, 0-9 and `-`, beginning and ending with a letter or a digit"
                .to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop_assert, prop_assert_eq, prop_assert_ne, proptest};

    #[test]
    fn a_namespace_is_recognisable_and_always_the_same() {
        for (user, expected) in [
            ("sallyport:alice", "ws-alice-"),
            ("system:serviceaccount:ci:builder", "ws-builder-"),
            ("Bob.Example@Example.COM", "ws-bob-example-example-"),
            ("김철수", "ws-user-"),
            ("", "ws-user-"),
            ("a:", "ws-a-"),
            ("--", "ws-user-"),
            ("x\u{1b}[2J\n/../y", "ws-x-2j-y-"),
        ] {
            let namespace = namespace_of(user);
            assert!(namespace.as_str().starts_with(expected), "{user:?}: {namespace}");
            assert_eq!(namespace, namespace_of(user));
        }
        // Pinned: a change of the rule would orphan every namespace that is there.
        assert_eq!(namespace_of("sallyport:alice").as_str(), PINNED);
        // Names that differ in nothing a label could show.
        assert_ne!(namespace_of("sallyport:alice"), namespace_of("sallyport:Alice"));
        assert_ne!(namespace_of("sallyport:alice"), namespace_of("other:alice"));
        assert_ne!(namespace_of("sallyport:alice"), namespace_of("sallyport:alice "));
    }

    const PINNED: &str = "ws-alice-rr19mgsqa7y0akzd";

    proptest! {
        #[test]
        fn any_user_name_makes_a_label_of_its_own(one in any::<String>(), other in any::<String>()) {
            let namespace = namespace_of(&one);
            prop_assert!(namespace.as_str().parse::<Namespace>().is_ok());
            prop_assert!(namespace.as_str().len() <= 3 + SLUG_MAX + 1 + HASH_DIGITS);
            if one == other {
                prop_assert_eq!(namespace, namespace_of(&other));
            } else {
                prop_assert_ne!(namespace, namespace_of(&other));
            }
        }

        #[test]
        fn a_pod_has_the_name_of_its_workspace(random in any::<[u8; 16]>()) {
            let id = WorkspaceId::from_random(random);
            let pod = pod_of("debian", &id);
            prop_assert!(pod.as_str().starts_with("debian-"));
            prop_assert_eq!(pod_of(pod.as_str(), &id), pod);
        }
    }

    #[test]
    fn names_that_people_choose_are_labels() {
        for good in ["a", "my-shell", "0", &"a".repeat(NAME_MAX)] {
            assert!(checked_name(good).is_ok(), "{good}");
        }
        for bad in
            ["", "A", "a.b", "a/b", "-a", "셸", "a\n", "\u{1b}[2J", &"a".repeat(NAME_MAX + 1)]
        {
            let said = checked_name(bad).unwrap_err();
            assert!(!said.contains('\u{1b}'), "{said}");
        }
    }
}
