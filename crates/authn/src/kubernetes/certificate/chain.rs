//! Whether a client's certificate leads to a trusted authority: Go's `Certificate.Verify` with the key usage
//! of clients, which is what the API server calls.
//! What the subject means is not known here; revocation lists are not either, and not to Kubernetes.
//!
//! Limits: at most [`SIGNATURE_CHECKS_MAX`] signatures are verified for one client, Go's own bound, so that
//! a bundle of look-alike intermediates costs no more than that.
//!
//! Hostile input: intermediates are the client's choice. Each must be marked as an authority; a certificate
//! that is already in the chain (same name, key and alternative names) is not tried again.

use super::{Certificate, constraints::AlternativeNames};
use crate::kubernetes::explanation::{Reason, shown};
use model::Timestamp;

/// Go's `maxChainSignatureChecks`.
const SIGNATURE_CHECKS_MAX: usize = 100;

/// Judges a client's certificate, given with the others that it sent.
pub(in crate::kubernetes) fn verify_client(
    presented: &[Certificate],
    roots: &[Certificate],
    now: Timestamp,
) -> Result<(), Reason> {
    let Some((leaf, intermediates)) = presented.split_first() else {
        return Err(Reason::NotPresented);
    };
    leaf.acceptable(None, &[], now)?;
    let mut builder = Builder { roots, intermediates, now, checks: 0, hint: None, chains: vec![] };
    if roots.iter().any(|root| root.der == leaf.der) {
        builder.chains.push(vec![leaf]);
    } else {
        builder.extend(&[leaf]);
    }
    let Builder { hint, chains, .. } = builder;
    if chains.is_empty() {
        let unknown = Reason::NoTrustedChain { issuer: leaf.issuer_shown.clone() };
        return Err(hint.unwrap_or(unknown));
    }
    let mut refusal = Reason::NotForClients;
    for chain in &chains {
        match chain_acceptable(chain) {
            Ok(()) => return Ok(()),
            Err(reason) => refusal = reason,
        }
    }
    Err(refusal)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Authority {
    Intermediate,
    Root,
}

struct Builder<'a> {
    roots: &'a [Certificate],
    intermediates: &'a [Certificate],
    now: Timestamp,
    checks: usize,
    /// Why the most plausible parent would not do.
    hint: Option<Reason>,
    chains: Vec<Vec<&'a Certificate>>,
}

impl<'a> Builder<'a> {
    fn extend(&mut self, chain: &[&'a Certificate]) {
        let Some(child) = chain.last() else { return };
        for (authority, pool) in
            [(Authority::Root, self.roots), (Authority::Intermediate, self.intermediates)]
        {
            let mut parents: Vec<&Certificate> =
                pool.iter().filter(|parent| parent.subject == child.issuer).collect();
            // The most plausible first, as each costs a signature.
            parents.sort_by_key(|parent| {
                let (theirs, wanted) = (&parent.subject_key_id, &child.authority_key_id);
                if theirs == wanted {
                    0
                } else {
                    1 + u8::from(!theirs.is_empty() && !wanted.is_empty())
                }
            });
            for parent in parents {
                self.checks += 1;
                if self.checks > SIGNATURE_CHECKS_MAX {
                    return;
                }
                self.consider(authority, parent, chain);
            }
        }
    }

    fn consider(
        &mut self,
        authority: Authority,
        parent: &'a Certificate,
        chain: &[&'a Certificate],
    ) {
        let Some(child) = chain.last() else { return };
        if parent.key.is_none()
            || chain.iter().any(|link| parent.is_same_authority(link))
            || !child.is_signed_by(parent)
        {
            return;
        }
        if let Err(reason) = parent.acceptable(Some(authority), chain, self.now) {
            self.hint.get_or_insert(reason);
            return;
        }
        let longer = [chain, &[parent]].concat();
        match authority {
            Authority::Root => self.chains.push(longer),
            Authority::Intermediate => self.extend(&longer),
        }
    }
}

impl Certificate {
    /// Go's `isValid`: a certificate in its place, apart from signatures.
    fn acceptable(
        &self,
        authority: Option<Authority>,
        below: &[&Self],
        now: Timestamp,
    ) -> Result<(), Reason> {
        if let Some(oid) = &self.critical_unknown {
            return Err(Reason::CriticalExtensionUnknown { oid: oid.clone() });
        }
        if now < self.not_before {
            return Err(Reason::CertificateNotYetValid { from: self.not_before.to_string() });
        }
        if now > self.not_after {
            return Err(Reason::CertificateExpired { at: self.not_after.to_string() });
        }
        let untrusted = || Reason::NoTrustedChain { issuer: self.issuer_shown.clone() };
        if authority == Some(Authority::Intermediate) && !matches!(self.basic, Some((true, _))) {
            return Err(untrusted());
        }
        if let Some((_, Some(between_max))) = self.basic {
            let between = below.len().saturating_sub(1);
            if usize::try_from(between_max).is_ok_and(|max| between > max) {
                return Err(untrusted());
            }
        }
        Ok(())
    }

    fn is_same_authority(&self, other: &Self) -> bool {
        self.subject == other.subject
            && self.spki == other.spki
            && self.alternative_names_der == other.alternative_names_der
    }
}

/// What is judged of a whole chain: usages, policies and names.
fn chain_acceptable(chain: &[&Certificate]) -> Result<(), Reason> {
    // Go would work out policies; nobody requires them of clients, so a chain that does is refused.
    if chain.len() > 1 && chain.iter().any(|certificate| certificate.requires_policy) {
        return Err(Reason::PoliciesInvalid);
    }
    let for_clients = |certificate: &&Certificate| {
        certificate.usages.is_none_or(|usages| usages.any || usages.client)
    };
    if !chain.iter().all(for_clients) {
        return Err(Reason::NotForClients);
    }
    for (at, authority) in chain.iter().enumerate() {
        for below in &chain[..at] {
            let names: &AlternativeNames = &below.alternative_names;
            if below.alternative_names_der.is_some()
                && let Some(name) = authority.constraints.refuses(names)
            {
                return Err(Reason::NameConstrained { name: shown(&name) });
            }
        }
    }
    Ok(())
}
