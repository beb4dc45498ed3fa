//! Client certificates: who the subject of a trusted certificate is to Kubernetes.
//! Whether the TLS client holds the key is known to TLS, which proved it before we are asked.
//!
//! The common name is the user, organisations are the groups, the attribute 1.3.6.1.4.1.57683.2 is the UID,
//! and the certificate's SHA-256 goes along as the credential's id.
//!
//! Hostile input: subjects of certificates that a trusted authority signed; see `certificate` for the rest.

use super::certificate::{Attribute, Certificate, verify_client};
use super::explanation::{Objection, Opinion, Reason};
use aws_lc_rs::digest::{SHA256, digest};
use model::{Identity, Timestamp};
use std::collections::BTreeMap;

const ORGANIZATION: &str = "2.5.4.10";
const UID: &str = "1.3.6.1.4.1.57683.2";

pub(super) fn authenticate(
    presented: &[Certificate],
    roots: &[Certificate],
    now: Timestamp,
) -> Opinion {
    let Some(leaf) = presented.first() else { return Err(Objection::None(Reason::NotPresented)) };
    verify_client(presented, roots, now)?;
    let user = leaf.common_name();
    if user.is_empty() {
        return Err(Objection::None(Reason::CommonNameEmpty));
    }
    let values = |oid: &'static str| {
        leaf.attributes.iter().filter(move |a: &&Attribute| a.oid == oid).map(|a| a.value.clone())
    };
    let mut uids = values(UID);
    let uid = match (uids.next(), uids.next()) {
        (None, _) => None,
        (Some(_), Some(_)) => return Err(Reason::UidSeveral.into()),
        (Some(uid), None) if uid.is_empty() => return Err(Reason::UidEmpty.into()),
        (Some(uid), None) => Some(uid),
    };
    let hash = digest(&SHA256, &leaf.der);
    let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let id = vec![format!("X509SHA256={hash}")];
    Ok(Identity {
        user: user.to_owned(),
        uid,
        groups: values(ORGANIZATION).collect(),
        extra: BTreeMap::from([("authentication.kubernetes.io/credential-id".to_owned(), id)]),
    })
}

#[cfg(test)]
mod tests;
