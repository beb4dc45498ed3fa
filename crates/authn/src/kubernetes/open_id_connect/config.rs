//! `AuthenticationConfiguration` (apiserver.config.k8s.io) and the `--oidc-*` flags, checked as the API server
//! checks them at its start.
//! Where the file lies and when it changes is not known here.
//!
//! Hostile input: the operator's file, bounded by [`CONFIGURATION_BYTES_MAX`]; unknown fields are refused,
//! and so is what of CEL cannot be evaluated exactly, by field and function, because a rule that is silently
//! passed over opens a door.

use super::{ALGORITHMS, AnonymousAccess, JwtIssuer, MappedFrom, Mapping, Rule};
use crate::kubernetes::cel::{Expression, Refusal};
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
    #[serde(default)]
    expression: String,
    #[serde(default)]
    message: String,
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
    #[serde(default)]
    key: String,
    #[serde(default)]
    value_expression: String,
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
        let (required_claims, claim_rules) = claim_rules(field, self.claim_validation_rules)?;
        let mappings = self.claim_mappings;
        let at = |name: &str| format!("{field}.claimMappings.{name}");
        let username = mappings.username.check(&at("username"), None)?;
        let username =
            username.ok_or_else(|| wrong(at("username"), "claim or expression is required"))?;
        let groups = mappings.groups.check(&at("groups"), None)?;
        let uid = mappings.uid.check(&at("uid"), Some(String::new()))?;
        let extra = extra(&at("extra"), mappings.extra)?;
        check_verified_address(&at("username.expression"), &username, &extra, &claim_rules)?;
        let user_rules = user_rules(field, self.user_validation_rules)?;
        Ok(JwtIssuer {
            url: issuer.url,
            discovery_url: issuer.discovery_url.filter(|url| !url.is_empty()),
            certificate_authority: issuer.certificate_authority,
            audiences: issuer.audiences,
            algorithms: ALGORITHMS.map(str::to_owned).to_vec(),
            username,
            groups,
            uid,
            extra,
            required_claims,
            claim_rules,
            user_rules,
        })
    }
}

impl Mapped {
    /// The mapping, if there is one; with `prefix`, where none may be given.
    fn check(
        self,
        field: &str,
        prefix: Option<String>,
    ) -> Result<Option<MappedFrom>, InvalidConfiguration> {
        if !self.expression.is_empty() {
            if !self.claim.is_empty() {
                return Err(wrong(field, "claim and expression can't both be set"));
            }
            if self.prefix.is_some() {
                let fault = "may not be specified when expression is set";
                return Err(wrong(format!("{field}.prefix"), fault));
            }
            let field = format!("{field}.expression");
            let expression = compiled(&field, Expression::mapping(&self.expression))?;
            return Ok(Some(MappedFrom::Expression(expression)));
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
            (false, Some(prefix)) => {
                Ok(Some(MappedFrom::Claim(Mapping { claim: self.claim, prefix })))
            }
        }
    }
}

fn compiled(
    field: &str,
    expression: Result<Expression, Refusal>,
) -> Result<Expression, InvalidConfiguration> {
    expression.map_err(|refusal| wrong(field, refusal.to_string()))
}

type RequiredClaims = Vec<(String, String)>;

fn claim_rules(
    field: &str,
    rules: Vec<ClaimRule>,
) -> Result<(RequiredClaims, Vec<Rule>), InvalidConfiguration> {
    let mut required: RequiredClaims = Vec::new();
    let mut expressions: Vec<Rule> = Vec::new();
    for (at, rule) in rules.into_iter().enumerate() {
        let field = format!("{field}.claimValidationRules[{at}]");
        match (rule.claim.is_empty(), rule.expression.is_empty()) {
            (false, false) => return Err(wrong(field, "claim and expression can't both be set")),
            (true, true) => return Err(wrong(field, "claim or expression is required")),
            (false, true) => {
                if !rule.message.is_empty() {
                    let fault = "may not be specified when claim is set";
                    return Err(wrong(format!("{field}.message"), fault));
                }
                if required.iter().any(|(claim, _)| *claim == rule.claim) {
                    return Err(wrong(format!("{field}.claim"), "occurs twice"));
                }
                required.push((rule.claim, rule.required_value));
            }
            (true, false) => {
                if !rule.required_value.is_empty() {
                    let fault = "may not be specified when expression is set";
                    return Err(wrong(format!("{field}.requiredValue"), fault));
                }
                let field = format!("{field}.expression");
                let expression = compiled(&field, Expression::claim_rule(&rule.expression))?;
                add_rule(&mut expressions, Rule { expression, message: rule.message }, field)?;
            }
        }
    }
    Ok((required, expressions))
}

fn user_rules(field: &str, rules: Vec<UserRule>) -> Result<Vec<Rule>, InvalidConfiguration> {
    let mut expressions: Vec<Rule> = Vec::new();
    for (at, rule) in rules.into_iter().enumerate() {
        let field = format!("{field}.userValidationRules[{at}].expression");
        if rule.expression.is_empty() {
            return Err(wrong(field, "is required"));
        }
        let expression = compiled(&field, Expression::user_rule(&rule.expression))?;
        add_rule(&mut expressions, Rule { expression, message: rule.message }, field)?;
    }
    Ok(expressions)
}

fn add_rule(rules: &mut Vec<Rule>, rule: Rule, field: String) -> Result<(), InvalidConfiguration> {
    if rules.iter().any(|other| other.expression == rule.expression) {
        return Err(wrong(field, "occurs twice"));
    }
    rules.push(rule);
    Ok(())
}

fn extra(
    field: &str,
    mappings: Vec<ExtraMapping>,
) -> Result<Vec<(String, Expression)>, InvalidConfiguration> {
    let mut extra: Vec<(String, Expression)> = Vec::new();
    for (at, mapping) in mappings.into_iter().enumerate() {
        let key_field = format!("{field}[{at}].key");
        check_extra_key(&key_field, &mapping.key)?;
        if extra.iter().any(|(key, _)| *key == mapping.key) {
            return Err(wrong(key_field, "occurs twice"));
        }
        let field = format!("{field}[{at}].valueExpression");
        if mapping.value_expression.is_empty() {
            return Err(wrong(field, "is required"));
        }
        let expression = compiled(&field, Expression::mapping(&mapping.value_expression))?;
        extra.push((mapping.key, expression));
    }
    Ok(extra)
}

/// The characters of a path in the API server's eyes, besides letters and digits.
const PATH_SIGNS: &str = "/-._~%!$&'()*+,;=:";

/// A path below a domain, in lower case, and not below one of Kubernetes' own.
fn check_extra_key(field: &str, key: &str) -> Result<(), InvalidConfiguration> {
    let (domain, path) = key.split_once('/').unwrap_or_default();
    if domain.is_empty() || path.is_empty() {
        return Err(wrong(field, "must be a domain-prefixed path (such as \"acme.io/foo\")"));
    }
    let label = |label: &str| {
        let inner =
            label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        inner && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
    };
    if domain.len() > 253 || !domain.split('.').all(label) {
        return Err(wrong(field, "must begin with a domain in lower case"));
    }
    if !path.chars().all(|c| c.is_ascii_alphanumeric() || PATH_SIGNS.contains(c)) {
        return Err(wrong(field, "has a character that paths do not have"));
    }
    if path.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(wrong(field, "must be lowercase"));
    }
    let reserved = ["kubernetes.io", "k8s.io"].iter().any(|reserved| {
        domain.strip_suffix(reserved).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    });
    if reserved {
        let fault = "k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use";
        return Err(wrong(field, fault));
    }
    Ok(())
}

/// Whoever is named after an address must have proved that it is his.
fn check_verified_address(
    field: &str,
    username: &MappedFrom,
    extra: &[(String, Expression)],
    rules: &[Rule],
) -> Result<(), InvalidConfiguration> {
    let MappedFrom::Expression(username) = username else { return Ok(()) };
    let all = std::iter::once(username)
        .chain(extra.iter().map(|(_, value)| value))
        .chain(rules.iter().map(|rule| &rule.expression));
    if username.selects_claim("email")
        && !all.into_iter().any(|expression| expression.selects_claim("email_verified"))
    {
        let fault = "claims.email_verified must be used in claimMappings.username.expression or \
                     claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when \
                     claims.email is used in claimMappings.username.expression";
        return Err(wrong(field, fault));
    }
    Ok(())
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
            .then_some(Mapping { claim: self.groups_claim, prefix: self.groups_prefix })
            .map(MappedFrom::Claim);
        Ok(JwtIssuer {
            url: self.issuer_url,
            discovery_url: None,
            certificate_authority: self.certificate_authority,
            audiences: vec![self.client_id],
            algorithms: check_algorithms(&self.signing_algorithms)?,
            username: MappedFrom::Claim(Mapping { claim, prefix }),
            groups,
            uid: None,
            extra: Vec::new(),
            required_claims: self.required_claims,
            claim_rules: Vec::new(),
            user_rules: Vec::new(),
        })
    }
}
