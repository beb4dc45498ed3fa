//! Service account tokens, in the API server's two kinds: legacy ones, kept in a Secret and without an end,
//! and those it issues for a time, bound to a Pod, Node or Secret.
//! How keys are rotated and objects fetched is not known here.
//!
//! Order of the checks, which decides what is told of a bad token: issuer (before the signature, to find
//! whose the token is), form, key by `kid`, signature, issuer again, audience, then the kind's own claims,
//! times with 60 s leeway, and the objects that the token hangs on.
//!
//! Hostile input: no claim is believed before a key of the cluster has verified it, except the issuer, which
//! only chooses whether we look at all.

mod claims;

use super::evidence::{Known, ObjectFacts, Objects, Question};
use super::explanation::{Objection, Opinion, Reason, shown};
use super::jose::{Jws, PublicKeys, claimed_issuer};
use claims::{Bound, Legacy, Public};
use model::{Identity, Secret, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;
use subtle::ConstantTimeEq as _;

const LEGACY_ISSUER: &str = "kubernetes/serviceaccount";
/// go-jose's default: clocks differ, and a Pod that is being deleted still says good-bye.
const LEEWAY: Duration = Duration::from_secs(60);

/// How the API server verifies service account tokens.
#[derive(Debug, Clone)]
pub struct ServiceAccounts {
    /// `--service-account-issuer`, the first and all others.
    pub issuers: Vec<String>,
    /// `--service-account-key-file`.
    pub keys: PublicKeys,
    /// `--api-audiences`; the API server takes its issuers when it is not given.
    pub audiences: Vec<String>,
    /// `--service-account-lookup`: whether a legacy token's Secret must still be there.
    pub lookup: bool,
}

impl ServiceAccounts {
    /// Judges a token as the legacy authenticator does.
    pub(super) fn authenticate_legacy(
        &self,
        token: &Secret,
        objects: &(impl Objects + ?Sized),
    ) -> Opinion {
        self.of_issuer(
            token,
            |issuer| issuer == LEGACY_ISSUER,
            |public, payload| {
                let legacy = Legacy::read(payload)?;
                let who = legacy.check(public)?;
                if self.lookup {
                    legacy_objects(&legacy, token, objects)?;
                }
                Ok(who)
            },
        )
    }

    /// Judges a token as the authenticator of bound tokens does.
    pub(super) fn authenticate_bound(
        &self,
        token: &Secret,
        objects: &(impl Objects + ?Sized),
        now: Timestamp,
    ) -> Opinion {
        self.of_issuer(
            token,
            |issuer| self.issuers.iter().any(|i| i == issuer),
            |public, payload| {
                public.check_times(now, LEEWAY)?;
                bound_objects(&Bound::read(payload)?, public, objects, now)
            },
        )
    }

    fn of_issuer(
        &self,
        token: &Secret,
        ours: impl Fn(&str) -> bool,
        judge: impl FnOnce(&Public, &[u8]) -> Opinion,
    ) -> Opinion {
        let issuer = claimed_issuer(token.expose()).map_err(Objection::None)?;
        if !ours(&issuer) {
            return Err(Objection::None(Reason::OtherIssuer { issuer: shown(&issuer) }));
        }
        let jws = Jws::parse(token.expose()).map_err(Objection::None)?;
        let mut last = Reason::KeyUnknown { key_id: jws.shown_key_id() };
        for key in self.keys.candidates(&jws.key_id) {
            // Claims that cannot be read count as a key that does not fit, as in Kubernetes.
            match jws.verified_by(key).and_then(|payload| Ok((Public::read(payload)?, payload))) {
                Ok((public, payload)) => {
                    if !ours(&public.issuer) {
                        let issuer = shown(&public.issuer);
                        return Err(Reason::OtherIssuer { issuer }.into());
                    }
                    self.check_audiences(&public)?;
                    return judge(&public, payload);
                }
                Err(reason) => last = reason,
            }
        }
        Err(last.into())
    }

    /// A token without audiences is for the API server, as those of old were.
    fn check_audiences(&self, public: &Public) -> Result<(), Reason> {
        let meant = public.audiences.is_empty()
            || self.audiences.is_empty()
            || self.audiences.iter().any(|ours| public.audiences.contains(ours));
        if meant {
            return Ok(());
        }
        Err(Reason::AudienceMismatch {
            token: public.audiences.iter().take(8).map(|audience| shown(audience)).collect(),
            accepted: self.audiences.clone(),
        })
    }
}

fn found<T>(
    known: Known<T>,
    kind: &'static str,
    name: &str,
    question: impl FnOnce() -> Question,
) -> Result<T, Objection> {
    let name = shown(name);
    match known {
        Known::Found(facts) => Ok(facts),
        Known::Absent => Err(Reason::ObjectMissing { kind, name }.into()),
        Known::Failed => Err(Reason::LookupFailed { kind, name }.into()),
        Known::NotAsked => Err(question().into()),
    }
}

fn legacy_objects(
    legacy: &Legacy,
    token: &Secret,
    objects: &(impl Objects + ?Sized),
) -> Result<(), Objection> {
    let namespace = &legacy.namespace;
    let name = &legacy.secret_name;
    let secret = found(objects.secret(namespace, name), "Secret", name, || Question::Secret {
        namespace: namespace.clone(),
        name: name.clone(),
    })?;
    if secret.object.deleted_at.is_some() {
        return Err(Reason::ObjectBeingDeleted { kind: "Secret", name: shown(name) }.into());
    }
    let kept = secret.data.get("token").map_or(&[] as &[u8], |kept| kept.expose());
    if !bool::from(kept.ct_eq(token.expose().as_bytes())) {
        return Err(Reason::DiffersFromSecret.into());
    }
    let account = &legacy.account_name;
    let facts = service_account(objects, namespace, account)?;
    if facts.deleted_at.is_some() {
        let name = shown(account);
        return Err(Reason::ObjectBeingDeleted { kind: "ServiceAccount", name }.into());
    }
    same_object(&facts, &legacy.account_uid, "ServiceAccount", account)?;
    match secret.labels.get("kubernetes.io/legacy-token-invalid-since") {
        Some(since) if !since.is_empty() => {
            Err(Reason::MarkedInvalid { since: shown(since) }.into())
        }
        _ => Ok(()),
    }
}

fn service_account(
    objects: &(impl Objects + ?Sized),
    namespace: &str,
    name: &str,
) -> Result<ObjectFacts, Objection> {
    found(objects.service_account(namespace, name), "ServiceAccount", name, || {
        Question::ServiceAccount { namespace: namespace.to_owned(), name: name.to_owned() }
    })
}

fn same_object(
    facts: &ObjectFacts,
    uid: &str,
    kind: &'static str,
    name: &str,
) -> Result<(), Objection> {
    if facts.uid == uid {
        Ok(())
    } else {
        Err(Reason::ObjectReplaced { kind, name: shown(name) }.into())
    }
}

/// Deleted longer ago than the leeway; until then an object's tokens still hold.
fn not_long_deleted(
    facts: &ObjectFacts,
    now: Timestamp,
    kind: &'static str,
    name: &str,
) -> Result<(), Objection> {
    match facts.deleted_at {
        Some(at) if at.after(LEEWAY) < now => {
            Err(Reason::ObjectBeingDeleted { kind, name: shown(name) }.into())
        }
        _ => Ok(()),
    }
}

fn bound_objects(
    bound: &Bound,
    public: &Public,
    objects: &(impl Objects + ?Sized),
    now: Timestamp,
) -> Opinion {
    let namespace = bound.namespace.as_str();
    let check = |facts: &ObjectFacts, uid: &str, kind, name: &str| {
        same_object(facts, uid, kind, name)?;
        not_long_deleted(facts, now, kind, name)
    };
    let account = &bound.account;
    let facts = service_account(objects, namespace, &account.name)?;
    check(&facts, &account.uid, "ServiceAccount", &account.name)?;
    if let Some(secret) = &bound.secret {
        let name = &secret.name;
        let facts = found(objects.secret(namespace, name), "Secret", name, || Question::Secret {
            namespace: namespace.to_owned(),
            name: name.clone(),
        })?;
        check(&facts.object, &secret.uid, "Secret", name)?;
    }
    if let Some(pod) = &bound.pod {
        let name = &pod.name;
        let facts = found(objects.pod(namespace, name), "Pod", name, || Question::Pod {
            namespace: namespace.to_owned(),
            name: name.clone(),
        })?;
        check(&facts, &pod.uid, "Pod", name)?;
    }
    // The Node of a Pod's token is only reported; a token bound to a Node alone hangs on it.
    if let (Some(node), None) = (&bound.node, &bound.pod) {
        let name = &node.name;
        let facts =
            found(objects.node(name), "Node", name, || Question::Node { name: name.clone() })?;
        check(&facts, &node.uid, "Node", name)?;
    }

    let mut extra = BTreeMap::new();
    let mut put = |key: &str, value: &str| {
        extra.insert(format!("authentication.kubernetes.io/{key}"), vec![value.to_owned()]);
    };
    if let Some(pod) = &bound.pod
        && !pod.name.is_empty()
        && !pod.uid.is_empty()
    {
        put("pod-name", &pod.name);
        put("pod-uid", &pod.uid);
    }
    if !public.id.is_empty() {
        put("credential-id", &format!("JTI={}", public.id));
    }
    if let Some(node) = &bound.node
        && !node.name.is_empty()
    {
        put("node-name", &node.name);
        if !node.uid.is_empty() {
            put("node-uid", &node.uid);
        }
    }
    Ok(Identity { extra, ..identity(namespace, &account.name, &account.uid) })
}

/// The user that a service account is.
fn identity(namespace: &str, name: &str, uid: &str) -> Identity {
    Identity {
        user: format!("system:serviceaccount:{namespace}:{name}"),
        uid: Some(uid.to_owned()).filter(|uid| !uid.is_empty()),
        groups: vec![
            "system:serviceaccounts".to_owned(),
            format!("system:serviceaccounts:{namespace}"),
        ],
        extra: BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests;
