//! The claims of an ID token, read as go-oidc and Kubernetes read them: by Go's standard reading, where the
//! last of several members holds and `null` is an empty value.
//! Which claim means what is the issuer's configuration.
//!
//! Hostile input: signed by the issuer, who may still let people choose names, groups and extra members.

use crate::kubernetes::cel::ClaimValues;
use crate::kubernetes::explanation::{Reason, shown};
use crate::kubernetes::go_json::{Json, JsonFault, Object, Reading};
use crate::kubernetes::go_time::{NumericDate, seconds_from_float};

/// The claims that every ID token has.
#[derive(Debug, Default)]
pub(super) struct Registered {
    pub(super) issuer: String,
    pub(super) audiences: Vec<String>,
    pub(super) expires: Option<NumericDate>,
    pub(super) not_before: Option<NumericDate>,
}

fn unreadable(_: JsonFault) -> Reason {
    Reason::ClaimsUnreadable
}

fn object(payload: &[u8]) -> Result<Object<'_>, Reason> {
    Json::parse(payload, Reading::Standard)
        .and_then(|payload| payload.object(Reading::Standard))
        .map_err(unreadable)
}

/// A number, also in quotes, as Go's `json.Number` takes it.
fn date(value: Json<'_>) -> Result<NumericDate, Reason> {
    let quoted = value.string();
    let number = match &quoted {
        Ok(quoted) => {
            let inner = Json::parse(quoted.as_bytes(), Reading::Standard).map_err(unreadable)?;
            let number = inner.number().map_err(unreadable)?;
            // No blanks around it.
            if number.len() != quoted.len() {
                return Err(Reason::ClaimsUnreadable);
            }
            quoted.as_str()
        }
        Err(_) => value.number().map_err(unreadable)?,
    };
    if let Ok(seconds) = number.parse() {
        return Ok(NumericDate(seconds));
    }
    let seconds: f64 = number.parse().map_err(|_| Reason::ClaimsUnreadable)?;
    seconds
        .is_finite()
        .then(|| NumericDate(seconds_from_float(seconds)))
        .ok_or(Reason::ClaimsUnreadable)
}

fn texts(value: Json<'_>) -> Result<Vec<String>, JsonFault> {
    let texts = value.elements()?.into_iter();
    texts.map(|text| Ok(text.string_or_null()?.unwrap_or_default())).collect()
}

fn map_of_texts(value: Json<'_>) -> Result<Vec<(String, String)>, JsonFault> {
    let object = value.object(Reading::Standard)?;
    let members = object.members().iter();
    members
        .map(|(name, text)| Ok((name.clone(), text.string_or_null()?.unwrap_or_default())))
        .collect()
}

impl Registered {
    pub(super) fn read(payload: &[u8]) -> Result<Self, Reason> {
        let claims = object(payload)?;
        for name in ["sub", "nonce", "at_hash"] {
            claims.string_field(name).map_err(unreadable)?;
        }
        for issued in claims.field("iat") {
            date(issued)?;
        }
        let mut read =
            Self { issuer: claims.string_field("iss").map_err(unreadable)?, ..Self::default() };
        for audience in claims.field("aud") {
            read.audiences = match audience.string_or_null() {
                Ok(audience) => vec![audience.unwrap_or_default()],
                Err(_) => texts(audience).map_err(unreadable)?,
            };
        }
        for expires in claims.field("exp") {
            read.expires = Some(date(expires)?);
        }
        for from in claims.field("nbf") {
            read.not_before = if from.is_null() { None } else { Some(date(from)?) };
        }
        let mut names = Vec::new();
        for map in claims.field("_claim_names") {
            names.extend(map_of_texts(map).map_err(unreadable)?);
        }
        let mut sources = Vec::new();
        for map in claims.field("_claim_sources") {
            let map = map.object(Reading::Standard).map_err(unreadable)?;
            for (name, source) in map.members() {
                let source = source.object(Reading::Standard).map_err(unreadable)?;
                for field in ["endpoint", "access_token"] {
                    source.string_field(field).map_err(unreadable)?;
                }
                sources.push(name.clone());
            }
        }
        // go-oidc wants each named source to exist, whoever asks for it.
        if names.iter().any(|(_, source)| source.is_empty() || !sources.contains(source)) {
            return Err(Reason::ClaimsUnreadable);
        }
        Ok(read)
    }
}

/// All claims, by their exact names.
pub(super) struct Claims<'a>(Object<'a>);

impl<'a> Claims<'a> {
    pub(super) fn read(payload: &'a [u8]) -> Result<Self, Reason> {
        object(payload).map(Self)
    }

    /// All of them, as expressions see them.
    pub(super) fn values(&self) -> ClaimValues<'a> {
        ClaimValues::new(&self.0)
    }

    fn claim(&self, name: &str) -> Result<Json<'a>, Reason> {
        self.0.entry(name).ok_or_else(|| Reason::ClaimAbsent { claim: shown(name) })
    }

    /// A claim that must be there and a string; `null` is an empty one.
    pub(super) fn text(&self, name: &str) -> Result<String, Reason> {
        let text = self.claim(name)?.string_or_null();
        Ok(text.map_err(|_| Reason::ClaimUnusable { claim: shown(name) })?.unwrap_or_default())
    }

    /// A claim that may be missing, a string or a list of them.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, Reason> {
        let Some(value) = self.0.entry(name) else { return Ok(Vec::new()) };
        if value.is_null() {
            return Ok(Vec::new());
        }
        texts(value)
            .or_else(|_| value.string().map(|text| vec![text]))
            .map_err(|_| Reason::ClaimUnusable { claim: shown(name) })
    }

    /// Whether the token itself says that the address was not verified.
    pub(super) fn email_unverified(&self) -> Result<bool, Reason> {
        let Some(value) = self.0.entry("email_verified") else { return Ok(false) };
        let unusable = |_| Reason::ClaimUnusable { claim: "email_verified".to_owned() };
        Ok(!value.boolean_or_null().map_err(unusable)?.unwrap_or(false))
    }

    /// The token's own id, if it is a string and not empty.
    pub(super) fn token_id(&self) -> Option<String> {
        let id = self.0.entry("jti")?.string().ok()?;
        Some(id).filter(|id| !id.is_empty())
    }

    /// Refuses a token whose groups would have to be fetched from elsewhere.
    pub(super) fn refuse_distributed(&self, claim: &str) -> Result<(), Reason> {
        if self.0.entry(claim).is_some() {
            return Ok(());
        }
        let Some(names) = self.0.entry("_claim_names") else { return Ok(()) };
        let names = map_of_texts(names).map_err(unreadable)?;
        let sources = self.0.entry("_claim_sources").ok_or(Reason::ClaimsUnreadable)?;
        let sources = sources.object(Reading::Standard).map_err(unreadable)?;
        let Some((_, source)) = names.iter().rev().find(|(name, _)| name == claim) else {
            return Ok(());
        };
        let source = sources.entry(source).ok_or(Reason::ClaimsUnreadable)?;
        let source = source.object(Reading::Standard).map_err(unreadable)?;
        let endpoint = source.string_field("endpoint").map_err(unreadable)?;
        if endpoint.is_empty() {
            return Ok(());
        }
        Err(Reason::DistributedClaimsUnsupported { claim: shown(claim) })
    }
}
