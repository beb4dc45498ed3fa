//! Machines that people signed in from with `sallyport login`: a certificate of the hub's own authority, which is worth
//! as much as the sign-in that it names.
//! No method of an API server, but of the hub before it: how such a sign-in begins and ends is known to the console.
//!
//! The certificate's serial-number attribute (2.5.4.5) names the sign-in. Who that is, and whether it still holds, is
//! asked anew; the certificate's own names decide nothing.
//!
//! Hostile input: any client certificate. One of another authority is no opinion, so that it may be a client
//! certificate of Kubernetes.

use super::certificate::{Certificate, verify_client};
use super::evidence::{Known, Question, SignIns};
use super::explanation::{Objection, Opinion, Reason, shown};
use model::{SignInId, Timestamp};

const SERIAL_NUMBER: &str = "2.5.4.5";

impl Certificate {
    /// The sign-in that a machine's certificate names. Whether the hub's authority signed it is not said.
    pub fn sign_in(&self) -> Option<SignInId> {
        let mut named = self.attributes.iter().filter(|it| it.oid == SERIAL_NUMBER);
        match (named.next(), named.next()) {
            (Some(only), None) => only.value.parse().ok(),
            _ => None,
        }
    }
}

pub(super) fn authenticate(
    presented: &[Certificate],
    roots: &[Certificate],
    sign_ins: &(impl SignIns + ?Sized),
    now: Timestamp,
) -> Opinion {
    let Some(leaf) = presented.first() else { return Err(Objection::None(Reason::NotPresented)) };
    if !roots.iter().any(|root| leaf.names_as_issuer(root)) {
        return Err(Objection::None(Reason::NotOfMachine));
    }
    verify_client(presented, roots, now)?;
    let Some(id) = leaf.sign_in() else { return Err(Reason::NotOfMachine.into()) };
    match sign_ins.sign_in(&id) {
        Known::Found(sign_in) if now < sign_in.ends_at => Ok(sign_in.identity),
        Known::Found(_) | Known::Absent => Err(Reason::SignInEnded { id: id.to_string() }.into()),
        Known::Failed => {
            Err(Reason::LookupFailed { kind: "sign-in", name: shown(id.as_str()) }.into())
        }
        Known::NotAsked => Err(Question::SignIn { id: id.to_string() }.into()),
    }
}

#[cfg(test)]
mod tests;
