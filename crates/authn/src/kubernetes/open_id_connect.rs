//! OpenID Connect: tokens of issuers that the API server trusts, by flags or by an
//! `AuthenticationConfiguration`, and what their claims make of a user.
//! How an issuer is discovered and its keys fetched and refreshed is not known here; until that has happened
//! once, tokens of the issuer are refused, as in the API server.
//!
//! Mappings are claims with prefixes, or CEL expressions (`cel` says which). Distributed claims are left out:
//! tokens that need them are refused when they come.
//!
//! Order of the checks: issuer (unverified, to find whose the token is), form, algorithm against the list,
//! key by `kid`, signature, issuer again, audience, `exp` without and `nbf` with a minute of leeway, then
//! the claims: user, groups, UID, extra, required claims, rules on claims, rules on the user.
//!
//! Hostile input: `alg` must be in the operator's list before a key is looked for; see `jose` for the rest.

mod claims;
mod config;

pub use config::{AuthenticationConfiguration, InvalidConfiguration, OidcFlags};

use super::anonymous::AnonymousAccess;
use super::cel::{ClaimValues, Expression, Fault, Value};
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
    pub username: MappedFrom,
    /// The user's groups.
    pub groups: Option<MappedFrom>,
    /// The user's UID, a claim without a prefix.
    pub uid: Option<MappedFrom>,
    /// Keys of the user's extra and what their values are.
    pub extra: Vec<(String, Expression)>,
    /// Claims that must have these values.
    pub required_claims: Vec<(String, String)>,
    /// What must hold of the claims.
    pub claim_rules: Vec<Rule>,
    /// What must hold of the user that the claims became.
    pub user_rules: Vec<Rule>,
}

/// Where something of a user comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MappedFrom {
    /// A claim.
    Claim(Mapping),
    /// A CEL expression over the claims.
    Expression(Expression),
}

/// A condition that a token must meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What must be true.
    pub expression: Expression,
    /// What the operator says where it is not; may be empty.
    pub message: String,
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
        if let Some(MappedFrom::Claim(groups)) = &self.groups {
            claims.refuse_distributed(&groups.claim)?;
        }
        let values = if self.has_expressions() { claims.values() } else { ClaimValues::default() };
        let user = self.username(claims, &values)?;
        let groups = self.groups(claims, &values)?;
        let uid = match &self.uid {
            Some(MappedFrom::Claim(uid)) => Some(claims.text(&uid.claim)?),
            Some(MappedFrom::Expression(uid)) => {
                let what = "claimMappings.uid.expression";
                Some(evaluated(uid, &values, what)?.into_text().ok_or_else(|| unusable(what))?)
            }
            None => None,
        };
        let extra = self.extra(claims, &values)?;
        for (claim, wanted) in &self.required_claims {
            if claims.text(claim)? != *wanted {
                return Err(Reason::RequiredClaimDiffers { claim: claim.clone() });
            }
        }
        for (at, rule) in self.claim_rules.iter().enumerate() {
            let holds = rule.expression.of_claims(&values).and_then(|value| value.boolean());
            rule.require(holds, format!("claimValidationRules, expression {}", at + 1))?;
        }
        let uid = uid.filter(|uid| !uid.is_empty());
        let identity = Identity { user, uid, groups, extra };
        for (at, rule) in self.user_rules.iter().enumerate() {
            let holds = rule.expression.of_user(&identity);
            rule.require(holds, format!("userValidationRules, expression {}", at + 1))?;
        }
        Ok(identity)
    }

    /// Whether anything but rules on the user reads claims by an expression.
    fn has_expressions(&self) -> bool {
        let mapped = [Some(&self.username), self.groups.as_ref(), self.uid.as_ref()];
        let mapped =
            mapped.into_iter().flatten().any(|from| matches!(from, MappedFrom::Expression(_)));
        mapped || !self.extra.is_empty() || !self.claim_rules.is_empty()
    }

    fn username(&self, claims: &Claims<'_>, values: &ClaimValues<'_>) -> Result<String, Reason> {
        match &self.username {
            MappedFrom::Claim(Mapping { claim, prefix }) => {
                let name = claims.text(claim)?;
                if claim == "email" && claims.email_unverified()? {
                    return Err(Reason::EmailNotVerified);
                }
                Ok(format!("{prefix}{name}"))
            }
            MappedFrom::Expression(name) => {
                let what = "claimMappings.username.expression";
                let name = evaluated(name, values, what)?.into_text();
                name.filter(|name| !name.is_empty()).ok_or_else(|| unusable(what))
            }
        }
    }

    fn groups(&self, claims: &Claims<'_>, values: &ClaimValues<'_>) -> Result<Vec<String>, Reason> {
        match &self.groups {
            Some(MappedFrom::Claim(Mapping { claim, prefix })) => {
                let groups = claims.texts(claim)?.into_iter();
                Ok(groups.map(|group| format!("{prefix}{group}")).collect())
            }
            Some(MappedFrom::Expression(groups)) => {
                let what = "claimMappings.groups.expression";
                evaluated(groups, values, what)?.into_texts().ok_or_else(|| unusable(what))
            }
            None => Ok(Vec::new()),
        }
    }

    fn extra(
        &self,
        claims: &Claims<'_>,
        values: &ClaimValues<'_>,
    ) -> Result<BTreeMap<String, Vec<String>>, Reason> {
        let mut extra = BTreeMap::new();
        if let Some(id) = claims.token_id() {
            let key = "authentication.kubernetes.io/credential-id".to_owned();
            extra.insert(key, vec![format!("JTI={id}")]);
        }
        for (key, expression) in &self.extra {
            let what = format!("claimMappings.extra of {key}");
            let texts = evaluated(expression, values, &what)?.into_texts();
            let texts = texts.ok_or_else(|| unusable(&what))?;
            if !texts.is_empty() {
                extra.insert(key.clone(), texts);
            }
        }
        Ok(extra)
    }
}

impl Rule {
    fn require(&self, holds: Result<bool, Fault>, field: String) -> Result<(), Reason> {
        match holds {
            Ok(true) => Ok(()),
            Ok(false) => Err(Reason::RuleNotMet { field, message: self.message.clone() }),
            Err(fault) => Err(fault.reason(&field)),
        }
    }
}

fn evaluated<'a>(
    expression: &'a Expression,
    claims: &ClaimValues<'a>,
    field: &str,
) -> Result<Value<'a>, Reason> {
    expression.of_claims(claims).map_err(|fault| fault.reason(field))
}

/// A result of the wrong type, or an empty name.
fn unusable(field: &str) -> Reason {
    Reason::ExpressionUnusable { field: field.to_owned() }
}

impl Fault {
    fn reason(self, field: &str) -> Reason {
        let field = field.to_owned();
        match self {
            Self::Error => Reason::ExpressionFailed { field },
            Self::Exhausted => Reason::ExpressionTooCostly { field },
        }
    }
}

#[cfg(test)]
mod tests;
