//! The claims of service account tokens, read as go-jose reads them into Kubernetes' structs.
//! Whether what they say is true is not known here.
//!
//! Hostile input: the payload carries the cluster's signature by now, but anybody with an old key or a
//! signing bug may have made it: types are checked, doubled members are refused.

use super::identity;
use crate::kubernetes::explanation::{Objection, Reason};
use crate::kubernetes::go_json::{Json, JsonFault, Object, Reading};
use crate::kubernetes::go_time::{NumericDate, seconds_from_float};
use model::{Identity, Timestamp};
use std::time::Duration;

/// The registered claims (RFC 7519).
#[derive(Debug)]
pub(super) struct Public {
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) audiences: Vec<String>,
    pub(super) id: String,
    expires: Option<NumericDate>,
    not_before: Option<NumericDate>,
    issued: Option<NumericDate>,
}

fn unreadable(_: JsonFault) -> Reason {
    Reason::ClaimsUnreadable
}

fn object(payload: &[u8]) -> Result<Object<'_>, Reason> {
    Json::parse(payload, Reading::Jose)
        .and_then(|payload| payload.object(Reading::Jose))
        .map_err(unreadable)
}

fn text(object: &Object<'_>, name: &str) -> Result<String, Reason> {
    object.string_field(name).map_err(unreadable)
}

fn date(object: &Object<'_>, name: &str) -> Result<Option<NumericDate>, Reason> {
    match object.entry(name) {
        None => Ok(None),
        Some(value) if value.is_null() => Ok(None),
        Some(value) => {
            let number = value.number().map_err(unreadable)?;
            let seconds: f64 = number.parse().map_err(|_| Reason::ClaimsUnreadable)?;
            // Go's ParseFloat refuses what only infinity could stand for.
            seconds
                .is_finite()
                .then(|| Some(NumericDate(seconds_from_float(seconds))))
                .ok_or(Reason::ClaimsUnreadable)
        }
    }
}

fn audiences(value: Option<Json<'_>>) -> Result<Vec<String>, Reason> {
    let Some(value) = value else { return Ok(Vec::new()) };
    if let Ok(audience) = value.string() {
        return Ok(vec![audience]);
    }
    // `null` is an error here, unlike for most fields.
    value
        .elements()
        .map_err(unreadable)?
        .into_iter()
        .map(|a| a.string().map_err(unreadable))
        .collect()
}

impl Public {
    pub(super) fn read(payload: &[u8]) -> Result<Self, Reason> {
        let claims = object(payload)?;
        Ok(Self {
            issuer: text(&claims, "iss")?,
            subject: text(&claims, "sub")?,
            audiences: audiences(claims.entry("aud"))?,
            id: text(&claims, "jti")?,
            expires: date(&claims, "exp")?,
            not_before: date(&claims, "nbf")?,
            issued: date(&claims, "iat")?,
        })
    }

    /// go-jose's `Validate`, in its order.
    pub(super) fn check_times(&self, now: Timestamp, leeway: Duration) -> Result<(), Reason> {
        let later = now.after(leeway);
        let micros = i64::try_from(leeway.as_micros()).unwrap_or(i64::MAX);
        let earlier = Timestamp::from_micros(now.as_micros().saturating_sub(micros));
        if let Some(from) = self.not_before.filter(|from| from.is_after(later)) {
            return Err(Reason::NotYetValid { from: from.to_string() });
        }
        if let Some(at) = self.expires.filter(|at| at.is_before(earlier)) {
            return Err(Reason::Expired { at: at.to_string() });
        }
        if let Some(at) = self.issued.filter(|at| at.is_after(later)) {
            return Err(Reason::IssuedInFuture { at: at.to_string() });
        }
        Ok(())
    }
}

/// A reference to an object.
#[derive(Debug, Default)]
pub(super) struct Reference {
    pub(super) name: String,
    pub(super) uid: String,
}

/// The private claims of a bound token, under `kubernetes.io`.
#[derive(Debug, Default)]
pub(super) struct Bound {
    pub(super) namespace: String,
    pub(super) account: Reference,
    pub(super) pod: Option<Reference>,
    pub(super) secret: Option<Reference>,
    pub(super) node: Option<Reference>,
}

impl Bound {
    pub(super) fn read(payload: &[u8]) -> Result<Self, Reason> {
        let claims = object(payload)?;
        let Some(kubernetes) = claims.entry("kubernetes.io") else { return Ok(Self::default()) };
        let kubernetes = kubernetes.object(Reading::Jose).map_err(unreadable)?;
        date(&kubernetes, "warnafter")?;
        let reference = |name: &str| -> Result<Option<Reference>, Reason> {
            match kubernetes.entry(name) {
                None => Ok(None),
                Some(value) if value.is_null() => Ok(None),
                Some(value) => {
                    let object = value.object(Reading::Jose).map_err(unreadable)?;
                    Ok(Some(Reference { name: text(&object, "name")?, uid: text(&object, "uid")? }))
                }
            }
        };
        Ok(Self {
            namespace: text(&kubernetes, "namespace")?,
            account: reference("serviceaccount")?.unwrap_or_default(),
            pod: reference("pod")?,
            secret: reference("secret")?,
            node: reference("node")?,
        })
    }
}

/// The private claims of a legacy token.
#[derive(Debug)]
pub(super) struct Legacy {
    pub(super) namespace: String,
    pub(super) secret_name: String,
    pub(super) account_name: String,
    pub(super) account_uid: String,
}

impl Legacy {
    pub(super) fn read(payload: &[u8]) -> Result<Self, Reason> {
        let claims = object(payload)?;
        let claim = |name: &str| text(&claims, &format!("kubernetes.io/serviceaccount/{name}"));
        Ok(Self {
            namespace: claim("namespace")?,
            secret_name: claim("secret.name")?,
            account_name: claim("service-account.name")?,
            account_uid: claim("service-account.uid")?,
        })
    }

    /// Who it is, if the claims are all there and agree with the subject.
    pub(super) fn check(&self, public: &Public) -> Result<Identity, Objection> {
        for (claim, value) in [
            ("sub", &public.subject),
            ("namespace", &self.namespace),
            ("secret.name", &self.secret_name),
            ("service-account.name", &self.account_name),
            ("service-account.uid", &self.account_uid),
        ] {
            if value.is_empty() {
                return Err(Reason::ClaimMissing { claim }.into());
            }
        }
        let subject = format!("system:serviceaccount:{}:{}", self.namespace, self.account_name);
        let names = is_label(&self.namespace) && is_subdomain(&self.account_name);
        if public.subject != subject || !names {
            return Err(Reason::SubjectInvalid.into());
        }
        Ok(identity(&self.namespace, &self.account_name, &self.account_uid))
    }
}

/// RFC 1123 label, as namespaces are named.
fn is_label(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=63).contains(&text.len())
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// RFC 1123 subdomain, as service accounts are named.
fn is_subdomain(text: &str) -> bool {
    let label = |label: &str| {
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        !label.is_empty()
            && label.bytes().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}
