//! OpenID Connect: tokens of issuers that the API server trusts, by flags or by an
//! `AuthenticationConfiguration`, and what their claims make of a user.
//! How an issuer is discovered and its keys fetched and refreshed is not known here; until that has happened
//! once, tokens of the issuer are refused, as in the API server.
//!
//! Mappings are claims with prefixes. CEL expressions and distributed claims are left out: configurations
//! with the first are refused when they are read, tokens that need the second when they come.
//!
//! Order of the checks: issuer (unverified, to find whose the token is), form, algorithm against the list,
//! key by `kid`, signature, issuer again, audience, `exp` without and `nbf` with a minute of leeway, then
//! the claims.
//!
//! Hostile input: `alg` must be in the operator's list before a key is looked for; see `jose` for the rest.

mod claims;
mod config;

pub use config::{AuthenticationConfiguration, InvalidConfiguration, OidcFlags};

use super::anonymous::AnonymousAccess;
use super::evidence::{IssuerKeys, Known, Question};
use super::explanation::{Objection, Opinion, Reason, shown};
use super::jose::{Jws, claimed_issuer};
use claims::{Claims, Registered};
use model::{Identity, Secret, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

const GOOGLE: &str = "https://accounts.google.com";
const GOOGLE_WITHOUT_SCHEME: &str = "accounts.google.com";
const NOT_BEFORE_LEEWAY: Duration = Duration::from_secs(60);

/// An issuer and what its claims mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwtIssuer {
    /// The issuer, an https URL.
    pub url: String,
    /// Where its discovery document is, if not below the issuer.
    pub discovery_url: Option<String>,
    /// Its certificate authority in PEM; empty for the machine's own.
    pub certificate_authority: String,
    /// A token must be for one of these.
    pub audiences: Vec<String>,
    /// Algorithms of signature that are accepted.
    pub algorithms: Vec<String>,
    /// The user's name.
    pub username: Mapping,
    /// The user's groups.
    pub groups: Option<Mapping>,
    /// The claim that is the user's UID.
    pub uid_claim: Option<String>,
    /// Claims that must have these values.
    pub required_claims: Vec<(String, String)>,
}

/// A claim and what is put before its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// The claim.
    pub claim: String,
    /// The prefix, possibly empty.
    pub prefix: String,
}

/// The algorithms that an operator may allow.
const ALGORITHMS: [&str; 9] =
    ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512"];

impl JwtIssuer {
    pub(super) fn authenticate(
        &self,
        token: &Secret,
        issuers: &(impl IssuerKeys + ?Sized),
        now: Timestamp,
    ) -> Opinion {
        let claimed = claimed_issuer(token.expose()).map_err(Objection::None)?;
        let claimed = if claimed == GOOGLE_WITHOUT_SCHEME { GOOGLE } else { claimed.as_str() };
        if claimed != self.url {
            return Err(Objection::None(Reason::OtherIssuer { issuer: shown(claimed) }));
        }
        let keys = match issuers.keys(&self.url) {
            Known::Found(keys) => keys,
            Known::NotAsked => {
                return Err(Question::IssuerKeys { issuer: self.url.clone() }.into());
            }
            Known::Absent | Known::Failed => {
                return Err(Reason::IssuerKeysUnknown { issuer: self.url.clone() }.into());
            }
        };
        let jws = Jws::parse(token.expose())?;
        if !self.algorithms.contains(&jws.algorithm) {
            return Err(Reason::AlgorithmRefused { algorithm: shown(&jws.algorithm) }.into());
        }
        let payload = keys.verify(&jws)?;
        self.check_registered(&Registered::read(payload)?, now)?;
        Ok(self.identity(&Claims::read(payload)?)?)
    }

    fn check_registered(&self, token: &Registered, now: Timestamp) -> Result<(), Reason> {
        let google = self.url == GOOGLE && token.issuer == GOOGLE_WITHOUT_SCHEME;
        if token.issuer != self.url && !google {
            return Err(Reason::OtherIssuer { issuer: shown(&token.issuer) });
        }
        if !self.audiences.iter().any(|ours| token.audiences.contains(ours)) {
            return Err(Reason::AudienceMismatch {
                token: token.audiences.iter().take(8).map(|audience| shown(audience)).collect(),
                accepted: self.audiences.clone(),
            });
        }
        let Some(expires) = token.expires else {
            return Err(Reason::ClaimAbsent { claim: "exp".to_owned() });
        };
        if expires.is_before(now) {
            return Err(Reason::Expired { at: expires.to_string() });
        }
        match token.not_before {
            Some(from) if from.is_after(now.after(NOT_BEFORE_LEEWAY)) => {
                Err(Reason::NotYetValid { from: from.to_string() })
            }
            _ => Ok(()),
        }
    }

    fn identity(&self, claims: &Claims<'_>) -> Result<Identity, Reason> {
        if let Some(groups) = &self.groups {
            claims.refuse_distributed(&groups.claim)?;
        }
        let username = &self.username;
        let name = claims.text(&username.claim)?;
        if username.claim == "email" && claims.email_unverified()? {
            return Err(Reason::EmailNotVerified);
        }
        let groups = match &self.groups {
            Some(groups) => claims
                .texts(&groups.claim)?
                .into_iter()
                .map(|group| format!("{}{group}", groups.prefix))
                .collect(),
            None => Vec::new(),
        };
        let uid = match &self.uid_claim {
            Some(claim) => Some(claims.text(claim)?).filter(|uid| !uid.is_empty()),
            None => None,
        };
        let mut extra = BTreeMap::new();
        if let Some(id) = claims.token_id() {
            let key = "authentication.kubernetes.io/credential-id".to_owned();
            extra.insert(key, vec![format!("JTI={id}")]);
        }
        for (claim, wanted) in &self.required_claims {
            if claims.text(claim)? != *wanted {
                return Err(Reason::RequiredClaimDiffers { claim: claim.clone() });
            }
        }
        Ok(Identity { user: format!("{}{name}", username.prefix), uid, groups, extra })
    }
}

#[cfg(test)]
mod tests;
