//! `AuthenticationConfiguration` (apiserver.config.k8s.io) and the `--oidc-*` flags, checked as the API server
//! checks them at its start.
//! Where the file lies and when it changes is not known here.
//!
//! Hostile input: the operator's file, bounded by [`CONFIGURATION_BYTES_MAX`]; unknown fields are refused,
//! and so is what this version cannot do (CEL expressions), by name, because a rule that is silently passed
//! over opens a door.

use super::{ALGORITHMS, AnonymousAccess, JwtIssuer, Mapping};
use serde::Deserialize;

/// 64 issuers with their certificate authorities fit many times.
const CONFIGURATION_BYTES_MAX: usize = 4 << 20;
/// The API server's own bound.
const ISSUERS_MAX: usize = 64;

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthenticationConfiguration {
    /// The issuers, in the order in which they are asked.
    pub issuers: Vec<JwtIssuer>,
    /// Who may stay anonymous, if the file says so.
    pub anonymous: Option<AnonymousAccess>,
}

/// The configuration is not one that the API server would start with, or needs what is not supported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidConfiguration {
    /// Not the YAML of it.
    #[error("{0}")]
    Form(String),
    /// A field has a value that is not allowed.
    #[error("{field}: {fault}")]
    Field {
        /// Which one, as in `jwt[0].issuer.url`.
        field: String,
        /// What is wrong.
        fault: String,
    },
    /// A CEL expression.
    #[error("{field}: CEL expressions are not supported yet; map a claim instead")]
    Expression {
        /// Where.
        field: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct File {
    api_version: String,
    kind: String,
    #[serde(default)]
    jwt: Vec<Jwt>,
    anonymous: Option<Anonymous>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Anonymous {
    #[serde(default)]
    enabled: bool,
    #[serde(default)]
    conditions: Vec<Condition>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Condition {
    path: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Jwt {
    issuer: Issuer,
    #[serde(default)]
    claim_validation_rules: Vec<ClaimRule>,
    #[serde(default)]
    claim_mappings: Mappings,
    #[serde(default)]
    user_validation_rules: Vec<UserRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Issuer {
    #[serde(default)]
    url: String,
    #[serde(rename = "discoveryURL")]
    discovery_url: Option<String>,
    #[serde(default)]
    certificate_authority: String,
    #[serde(default)]
    audiences: Vec<String>,
    #[serde(default)]
    audience_match_policy: String,
    #[serde(default)]
    egress_selector_type: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ClaimRule {
    #[serde(default)]
    claim: String,
    #[serde(default)]
    required_value: String,
    #[serde(default)]
    expression: String,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UserRule {
    #[serde(default, rename = "expression")]
    _expression: String,
    #[serde(default, rename = "message")]
    _message: String,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Mappings {
    #[serde(default)]
    username: Mapped,
    #[serde(default)]
    groups: Mapped,
    #[serde(default)]
    uid: Mapped,
    #[serde(default)]
    extra: Vec<ExtraMapping>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Mapped {
    #[serde(default)]
    claim: String,
    prefix: Option<String>,
    #[serde(default)]
    expression: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ExtraMapping {
    #[serde(rename = "key")]
    _key: String,
    #[serde(default, rename = "valueExpression")]
    _value_expression: String,
}

fn wrong(field: impl Into<String>, fault: impl Into<String>) -> InvalidConfiguration {
    InvalidConfiguration::Field { field: field.into(), fault: fault.into() }
}

impl AuthenticationConfiguration {
    /// Reads the file. `disallowed` are the issuers of service account tokens, which no other may claim.
    /// Unlike with the flags, every algorithm is allowed that fits the type of the issuer's key.
    pub fn parse(text: &str, disallowed: &[String]) -> Result<Self, InvalidConfiguration> {
        if text.len() > CONFIGURATION_BYTES_MAX {
            let fault = format!("the file is longer than {CONFIGURATION_BYTES_MAX} bytes");
            return Err(InvalidConfiguration::Form(fault));
        }
        let file: File = serde_saphyr::from_str(text)
            .map_err(|error| InvalidConfiguration::Form(error.to_string()))?;
        if file.kind != "AuthenticationConfiguration" {
            return Err(wrong("kind", "must be AuthenticationConfiguration"));
        }
        let versions = ["v1", "v1beta1", "v1alpha1"];
        if !versions.iter().any(|v| file.api_version == format!("apiserver.config.k8s.io/{v}")) {
            return Err(wrong("apiVersion", "must be apiserver.config.k8s.io/v1"));
        }
        if file.jwt.len() > ISSUERS_MAX {
            return Err(wrong("jwt", format!("must have at most {ISSUERS_MAX} entries")));
        }
        let mut issuers: Vec<JwtIssuer> = Vec::new();
        for (at, jwt) in file.jwt.into_iter().enumerate() {
            let field = format!("jwt[{at}]");
            let issuer = jwt.check(&field, disallowed)?;
            if issuers.iter().any(|other| other.url == issuer.url) {
                return Err(wrong(format!("{field}.issuer.url"), "occurs twice"));
            }
            let same_discovery = |other: &JwtIssuer| {
                other.discovery_url.is_some() && other.discovery_url == issuer.discovery_url
            };
            if issuers.iter().any(same_discovery) {
                return Err(wrong(format!("{field}.issuer.discoveryURL"), "occurs twice"));
            }
            issuers.push(issuer);
        }
        let anonymous = match file.anonymous {
            Some(Anonymous { enabled: false, conditions }) if !conditions.is_empty() => {
                return Err(wrong("anonymous.conditions", "need `enabled: true`"));
            }
            Some(Anonymous { enabled: false, .. }) => Some(AnonymousAccess::Disabled),
            Some(Anonymous { conditions, .. }) if conditions.is_empty() => {
                Some(AnonymousAccess::Everywhere)
            }
            Some(Anonymous { conditions, .. }) => {
                Some(AnonymousAccess::Paths(conditions.into_iter().map(|c| c.path).collect()))
            }
            None => None,
        };
        Ok(Self { issuers, anonymous })
    }
}

impl Jwt {
    fn check(self, field: &str, disallowed: &[String]) -> Result<JwtIssuer, InvalidConfiguration> {
        let issuer = self.issuer;
        let at = |name: &str| format!("{field}.issuer.{name}");
        if issuer.url.is_empty() {
            return Err(wrong(at("url"), "is required"));
        }
        if disallowed.contains(&issuer.url) {
            return Err(wrong(at("url"), "is the issuer of service account tokens"));
        }
        check_url(&at("url"), &issuer.url)?;
        if let Some(discovery) = issuer.discovery_url.as_deref().filter(|url| !url.is_empty()) {
            check_url(&at("discoveryURL"), discovery)?;
            if discovery.trim_end_matches('/') == issuer.url.trim_end_matches('/') {
                return Err(wrong(at("discoveryURL"), "must differ from the issuer's URL"));
            }
        }
        check_audiences(&at("audiences"), &issuer.audiences)?;
        match (issuer.audience_match_policy.as_str(), issuer.audiences.len()) {
            ("MatchAny", _) | ("", 1) => {}
            _ => return Err(wrong(at("audienceMatchPolicy"), "must be MatchAny")),
        }
        if !matches!(issuer.egress_selector_type.as_str(), "" | "controlplane" | "cluster") {
            return Err(wrong(at("egressSelectorType"), "must be controlplane or cluster"));
        }
        if !issuer.certificate_authority.is_empty()
            && super::super::certificate::Certificate::from_pem_bundle(
                issuer.certificate_authority.as_bytes(),
            )
            .is_err()
        {
            return Err(wrong(at("certificateAuthority"), "has no readable certificates"));
        }
        if !self.user_validation_rules.is_empty() {
            let field = format!("{field}.userValidationRules");
            return Err(InvalidConfiguration::Expression { field });
        }
        let mappings = self.claim_mappings;
        if !mappings.extra.is_empty() {
            let field = format!("{field}.claimMappings.extra");
            return Err(InvalidConfiguration::Expression { field });
        }
        let uid = mappings.uid.check(&format!("{field}.claimMappings.uid"), Some(String::new()))?;
        let username = mappings.username.check(&format!("{field}.claimMappings.username"), None)?;
        let groups = mappings.groups.check(&format!("{field}.claimMappings.groups"), None)?;
        Ok(JwtIssuer {
            url: issuer.url,
            discovery_url: issuer.discovery_url.filter(|url| !url.is_empty()),
            certificate_authority: issuer.certificate_authority,
            audiences: issuer.audiences,
            algorithms: ALGORITHMS.map(str::to_owned).to_vec(),
            username: username.ok_or_else(|| {
                wrong(format!("{field}.claimMappings.username"), "claim or expression is required")
            })?,
            groups,
            uid_claim: uid.map(|mapping| mapping.claim),
            required_claims: required_claims(field, self.claim_validation_rules)?,
        })
    }
}

impl Mapped {
    /// The mapping, if there is one; with `prefix`, where none may be given.
    fn check(
        self,
        field: &str,
        prefix: Option<String>,
    ) -> Result<Option<Mapping>, InvalidConfiguration> {
        if !self.expression.is_empty() {
            let field = format!("{field}.expression");
            return Err(InvalidConfiguration::Expression { field });
        }
        let prefix = match (self.prefix, prefix) {
            (Some(_), Some(_)) => return Err(wrong(format!("{field}.prefix"), "is unknown")),
            (given, fixed) => given.or(fixed),
        };
        match (self.claim.is_empty(), prefix) {
            (true, Some(prefix)) if !prefix.is_empty() => {
                Err(wrong(format!("{field}.prefix"), "needs a claim"))
            }
            (true, _) => Ok(None),
            (false, None) => Err(wrong(
                format!("{field}.prefix"),
                "is required when a claim is set; an empty one stands for none",
            )),
            (false, Some(prefix)) => Ok(Some(Mapping { claim: self.claim, prefix })),
        }
    }
}

fn required_claims(
    field: &str,
    rules: Vec<ClaimRule>,
) -> Result<Vec<(String, String)>, InvalidConfiguration> {
    let mut required: Vec<(String, String)> = Vec::new();
    for (at, rule) in rules.into_iter().enumerate() {
        let field = format!("{field}.claimValidationRules[{at}]");
        if !rule.expression.is_empty() {
            let field = format!("{field}.expression");
            return Err(InvalidConfiguration::Expression { field });
        }
        if rule.claim.is_empty() {
            return Err(wrong(field, "claim or expression is required"));
        }
        if !rule.message.is_empty() {
            return Err(wrong(format!("{field}.message"), "is for expressions"));
        }
        if required.iter().any(|(claim, _)| *claim == rule.claim) {
            return Err(wrong(format!("{field}.claim"), "occurs twice"));
        }
        required.push((rule.claim, rule.required_value));
    }
    Ok(required)
}

fn check_audiences(field: &str, audiences: &[String]) -> Result<(), InvalidConfiguration> {
    if audiences.is_empty() || audiences.iter().any(String::is_empty) {
        return Err(wrong(field, "at least one is required, and none may be empty"));
    }
    let mut seen = std::collections::HashSet::new();
    if !audiences.iter().all(|audience| seen.insert(audience)) {
        return Err(wrong(field, "one occurs twice"));
    }
    Ok(())
}

/// An https URL without user, query or fragment.
fn check_url(field: &str, url: &str) -> Result<(), InvalidConfiguration> {
    let plain = url.bytes().all(|b| b.is_ascii_graphic());
    let scheme = url.split_once("://").filter(|(scheme, _)| scheme.eq_ignore_ascii_case("https"));
    let Some((_, rest)) = scheme.filter(|_| plain) else {
        return Err(wrong(field, "must be an https URL"));
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(wrong(field, "must not contain a user name or password"));
    }
    // An empty query or fragment is none to the API server.
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let query = rest.split_once('?').map_or("", |(_, query)| query);
    if !query.is_empty() || !fragment.is_empty() {
        return Err(wrong(field, "must not contain a query or fragment"));
    }
    Ok(())
}

fn check_algorithms(algorithms: &[String]) -> Result<Vec<String>, InvalidConfiguration> {
    if algorithms.is_empty() {
        // What OpenID Connect asks every provider for.
        return Ok(vec!["RS256".to_owned()]);
    }
    match algorithms.iter().find(|algorithm| !ALGORITHMS.contains(&algorithm.as_str())) {
        Some(unknown) => Err(wrong(
            "--oidc-signing-algs",
            format!("`{unknown}` is not one of {}", ALGORITHMS.join(", ")),
        )),
        None => Ok(algorithms.to_vec()),
    }
}

/// The `--oidc-*` flags.
#[derive(Debug, Clone, Default)]
pub struct OidcFlags {
    /// `--oidc-issuer-url`.
    pub issuer_url: String,
    /// `--oidc-client-id`.
    pub client_id: String,
    /// The contents of `--oidc-ca-file`.
    pub certificate_authority: String,
    /// `--oidc-username-claim`; empty for `sub`.
    pub username_claim: String,
    /// `--oidc-username-prefix`; empty for the default, `-` for none.
    pub username_prefix: String,
    /// `--oidc-groups-claim`.
    pub groups_claim: String,
    /// `--oidc-groups-prefix`.
    pub groups_prefix: String,
    /// `--oidc-signing-algs`.
    pub signing_algorithms: Vec<String>,
    /// `--oidc-required-claim`.
    pub required_claims: Vec<(String, String)>,
}

impl OidcFlags {
    /// The issuer that the flags describe.
    pub fn issuer(self, disallowed: &[String]) -> Result<JwtIssuer, InvalidConfiguration> {
        if disallowed.contains(&self.issuer_url) {
            return Err(wrong("--oidc-issuer-url", "is the issuer of service account tokens"));
        }
        check_url("--oidc-issuer-url", &self.issuer_url)?;
        if self.client_id.is_empty() {
            return Err(wrong("--oidc-client-id", "is required"));
        }
        let claim =
            if self.username_claim.is_empty() { "sub".to_owned() } else { self.username_claim };
        // Names of several issuers must not meet, but an address is unique by itself.
        let prefix = match self.username_prefix.as_str() {
            "" if claim != "email" => format!("{}#", self.issuer_url),
            "-" => String::new(),
            given => given.to_owned(),
        };
        let groups = (!self.groups_claim.is_empty())
            .then_some(Mapping { claim: self.groups_claim, prefix: self.groups_prefix });
        Ok(JwtIssuer {
            url: self.issuer_url,
            discovery_url: None,
            certificate_authority: self.certificate_authority,
            audiences: vec![self.client_id],
            algorithms: check_algorithms(&self.signing_algorithms)?,
            username: Mapping { claim, prefix },
            groups,
            uid_claim: None,
            required_claims: self.required_claims,
        })
    }
}
