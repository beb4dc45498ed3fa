//! Bootstrap tokens: `id.secret`, kept as a Secret in `kube-system`, with which a node joins.
//! Where the Secret comes from is not known here.
//!
//! Hostile input: the token has one fixed form, and only its id chooses a Secret's name; the secret half is
//! compared in constant time before anything else of the Secret is looked at.

use super::evidence::{Known, Objects, Question, SecretFacts};
use super::explanation::{Objection, Opinion, Reason, shown};
use super::go_time;
use model::{Identity, Secret, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use subtle::ConstantTimeEq as _;

const NAMESPACE: &str = "kube-system";
const DEFAULT_GROUP: &str = "system:bootstrappers";

/// `[a-z0-9]{6}` and `[a-z0-9]{16}`.
fn parts(token: &str) -> Option<(&str, &str)> {
    let (id, secret) = token.split_once('.')?;
    let letters = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    (id.len() == 6 && secret.len() == 16 && letters(id) && letters(secret)).then_some((id, secret))
}

pub(super) fn authenticate(
    token: &Secret,
    objects: &(impl Objects + ?Sized),
    now: Timestamp,
) -> Opinion {
    let Some((id, secret)) = parts(token.expose()) else {
        return Err(Objection::None(Reason::NotBootstrapForm));
    };
    let name = format!("bootstrap-token-{id}");
    let question = || Question::Secret { namespace: NAMESPACE.to_owned(), name: name.clone() };
    let kept = match objects.secret(NAMESPACE, &name) {
        Known::Found(kept) => kept,
        Known::Absent => {
            return Err(Objection::None(Reason::ObjectMissing { kind: "Secret", name }));
        }
        Known::Failed => return Err(Reason::LookupFailed { kind: "Secret", name }.into()),
        Known::NotAsked => return Err(question().into()),
    };
    judge(&kept, id, secret, &name, now).map_err(Objection::None)
}

fn judge(
    kept: &SecretFacts,
    id: &str,
    secret: &str,
    name: &str,
    now: Timestamp,
) -> Result<Identity, Reason> {
    let data = |key: &str| kept.data.get(key).map_or(&[] as &[u8], |value| value.expose());
    if kept.object.deleted_at.is_some() {
        return Err(Reason::ObjectBeingDeleted { kind: "Secret", name: name.to_owned() });
    }
    if kept.kind != "bootstrap.kubernetes.io/token" {
        return Err(Reason::SecretOfOtherType);
    }
    if !bool::from(data("token-secret").ct_eq(secret.as_bytes())) {
        return Err(Reason::SecretDiffers);
    }
    if data("token-id") != id.as_bytes() {
        return Err(Reason::IdDiffers);
    }
    let expiration = data("expiration");
    if !expiration.is_empty() {
        let at = std::str::from_utf8(expiration).ok().and_then(go_time::rfc3339);
        let at = at.ok_or(Reason::ExpiryUnreadable)?;
        if at <= now {
            return Err(Reason::Expired { at: at.to_string() });
        }
    }
    if data("usage-bootstrap-authentication") != b"true" {
        return Err(Reason::UsageNotAllowed);
    }
    let mut groups = BTreeSet::from([DEFAULT_GROUP.to_owned()]);
    let extra = data("auth-extra-groups");
    if !extra.is_empty() {
        for group in extra.split(|byte| *byte == b',') {
            groups.insert(checked_group(group)?);
        }
    }
    Ok(Identity {
        user: format!("system:bootstrap:{id}"),
        uid: None,
        groups: groups.into_iter().collect(),
        extra: BTreeMap::new(),
    })
}

/// `\Asystem:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]\z`.
fn checked_group(group: &[u8]) -> Result<String, Reason> {
    let last = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let inner = |b: &u8| last(b) || matches!(b, b':' | b'-');
    let valid = group.strip_prefix(b"system:bootstrappers:").is_some_and(|rest| {
        (1..=256).contains(&rest.len()) && rest.iter().all(inner) && rest.last().is_some_and(last)
    });
    let text = String::from_utf8_lossy(group).into_owned();
    if valid { Ok(text) } else { Err(Reason::GroupInvalid { group: shown(&text) }) }
}

#[cfg(test)]
mod tests;
