//! Names that were checked: a value of these types is safe to put into a path, a log line or a label.
//! The rules are Kubernetes' own (RFC 1123 labels and subdomains); what a name points to is not known here.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// The text breaks the rule of its kind of name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {what}: {rule}")]
pub struct InvalidName {
    text: String,
    what: &'static str,
    rule: &'static str,
}

const LABEL: &str =
    "use 1 to 63 of a-z, 0-9 and `-`, beginning and ending with a letter or a digit";
const SUBDOMAIN: &str = "use 1 to 253 of a-z, 0-9, `-` and `.`, each part beginning and ending with a letter or a digit";
const UID: &str = "use 1 to 64 of a-z, 0-9 and `-`, as Kubernetes writes it in metadata.uid";

fn is_label(text: &str) -> bool {
    let alphanumeric = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    (1..=63).contains(&bytes.len())
        && bytes.iter().all(|b| alphanumeric(b) || *b == b'-')
        && bytes.first().is_some_and(alphanumeric)
        && bytes.last().is_some_and(alphanumeric)
}

fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(|part| part.len() <= 253 && is_long_label(part))
}

/// A part of a subdomain has the letters of a label but only the whole is bounded (RFC 1123 in Kubernetes).
fn is_long_label(part: &str) -> bool {
    let alphanumeric = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = part.as_bytes();
    bytes.iter().all(|b| alphanumeric(b) || *b == b'-')
        && bytes.first().is_some_and(alphanumeric)
        && bytes.last().is_some_and(alphanumeric)
}

fn is_uid(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident, $what:literal, $check:path, $rule:path;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The name as it is written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                if $check(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(InvalidName {
                        text: text.chars().take(80).flat_map(char::escape_default).collect(),
                        what: $what,
                        rule: $rule,
                    })
                }
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

names! {
    /// A local account's name.
    AccountName, "an account name", is_label, LABEL;
    /// A cluster as the hub's configuration names it.
    ClusterName, "a cluster name", is_label, LABEL;
    /// A Kubernetes namespace.
    Namespace, "a namespace", is_label, LABEL;
    /// A Pod's name.
    PodName, "a Pod name", is_subdomain, SUBDOMAIN;
    /// A container's name.
    ContainerName, "a container name", is_label, LABEL;
    /// A Pod's `metadata.uid`; a Pod made again under the same name has another.
    PodUid, "a Pod UID", is_uid, UID;
    /// A node's name.
    NodeName, "a node name", is_subdomain, SUBDOMAIN;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_kubernetes_and_hostile_ones_are_refused() {
        for good in ["a", "web-0", "0a", &"a".repeat(63)] {
            assert!(good.parse::<ContainerName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "-a",
            "a-",
            "A",
            "a.b",
            "a/b",
            "a b",
            "파드",
            "a\n",
            "\u{1b}[31m",
            "..",
            &"a".repeat(64),
        ] {
            assert!(bad.parse::<ContainerName>().is_err(), "{bad}");
        }
        assert!("web.example".parse::<PodName>().is_ok());
        for bad in ["a..b", ".a", "a.", "a/../b", &"a.".repeat(127)] {
            assert!(bad.parse::<PodName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_refusal_shows_control_characters_escaped() {
        let refusal = "\u{1b}]0;x".parse::<PodName>().unwrap_err().to_string();
        assert!(!refusal.contains('\u{1b}'), "{refusal}");
    }

    /// The golden is what kube-apiserver 1.36.3 said to each name: a Pod, a Pod with one container of that name, and
    /// a Namespace, each as `POST …?dryRun=All`.
    #[test]
    fn an_api_server_takes_the_same_names() {
        let golden = include_str!("../tests/names-kube-apiserver-1.36.tsv");
        let mut count = 0;
        for line in golden.lines().skip(1) {
            let cells: Vec<&str> = line.split('\t').collect();
            let [name, pod, container, namespace] = cells[..] else { panic!("{line}") };
            let name = name.trim_matches('"');
            assert_eq!(name.parse::<PodName>().is_ok(), pod == "yes", "Pod {name}");
            assert_eq!(
                name.parse::<ContainerName>().is_ok(),
                container == "yes",
                "container {name}"
            );
            assert_eq!(name.parse::<Namespace>().is_ok(), namespace == "yes", "namespace {name}");
            count += 1;
        }
        assert_eq!(count, 27);
    }
}
