//! Roles and bindings as YAML, as `kubectl apply` takes them.
//! Which rules they hold is decided elsewhere.
//!
//! Hostile input: every value that is not this module's own word is written in double quotes, as JSON writes it, which
//! YAML reads as the same string.

use super::Rule;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;

const NAME_CHARS_MAX: usize = 50;

/// All documents, one after the other; empty if there is no rule.
pub(super) fn yaml(user: &str, rules: &[Rule]) -> String {
    let mut by_place: BTreeMap<Option<&str>, Vec<&Rule>> = BTreeMap::new();
    for rule in rules {
        by_place.entry(rule.namespace.as_deref()).or_default().push(rule);
    }
    let name = name_of(user);
    let mut text = String::new();
    for (namespace, rules) in by_place {
        let (role, binding) = match namespace {
            Some(_) => ("Role", "RoleBinding"),
            None => ("ClusterRole", "ClusterRoleBinding"),
        };
        // Writing to a String does not fail.
        let _ = write_role(&mut text, role, &name, namespace, &rules);
        let _ = write_binding(&mut text, binding, role, &name, namespace, user);
    }
    text
}

fn write_head(
    text: &mut String,
    kind: &str,
    name: &str,
    namespace: Option<&str>,
) -> std::fmt::Result {
    if !text.is_empty() {
        writeln!(text, "---")?;
    }
    writeln!(text, "apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata:")?;
    writeln!(text, "  name: {name}")?;
    match namespace {
        Some(namespace) => writeln!(text, "  namespace: {}", quoted(namespace)),
        None => Ok(()),
    }
}

fn write_role(
    text: &mut String,
    kind: &str,
    name: &str,
    namespace: Option<&str>,
    rules: &[&Rule],
) -> std::fmt::Result {
    write_head(text, kind, name, namespace)?;
    writeln!(text, "rules:")?;
    for rule in rules {
        let mut lead = "- ";
        for (key, values) in [
            ("nonResourceURLs", &rule.paths),
            ("apiGroups", &rule.groups),
            ("resources", &rule.resources),
            ("resourceNames", &rule.names),
            ("verbs", &rule.verbs),
        ] {
            if !values.is_empty() {
                let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
                writeln!(text, "{lead}{key}: [{}]", values.join(", "))?;
                lead = "  ";
            }
        }
    }
    Ok(())
}

fn write_binding(
    text: &mut String,
    kind: &str,
    role: &str,
    name: &str,
    namespace: Option<&str>,
    user: &str,
) -> std::fmt::Result {
    write_head(text, kind, name, namespace)?;
    writeln!(
        text,
        "roleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: {role}\n  name: {name}"
    )?;
    writeln!(text, "subjects:")?;
    match service_account(user) {
        Some((namespace, account)) => writeln!(
            text,
            "- kind: ServiceAccount\n  name: {}\n  namespace: {}",
            quoted(account),
            quoted(namespace)
        ),
        None => writeln!(
            text,
            "- kind: User\n  apiGroup: rbac.authorization.k8s.io\n  name: {}",
            quoted(user)
        ),
    }
}

/// Namespace and name of a service account.
pub(super) fn service_account(user: &str) -> Option<(&str, &str)> {
    let (namespace, name) = user.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    (!namespace.is_empty() && !name.is_empty()).then_some((namespace, name))
}

/// A name that every object may have: `observed-shop-web` of `system:serviceaccount:shop:web`.
fn name_of(user: &str) -> String {
    let user = user.strip_prefix("system:serviceaccount:").unwrap_or(user);
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let slug: String = user.chars().map(plain).take(NAME_CHARS_MAX).collect();
    let parts: Vec<&str> = slug.split('-').filter(|part| !part.is_empty()).collect();
    match parts.is_empty() {
        true => "observed".to_owned(),
        false => format!("observed-{}", parts.join("-")),
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
