//! When a bearer token says that it ends. Whether the token is good is asked of the cluster, never here:
//! this reads a claim, to end the hub's sign-in no later than the token.
//!
//! Hostile input: the token is anybody's. Only the `exp` of a JSON Web Token (RFC 7519 §4.1.4) is read;
//! whatever is not one has no end that we know.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{Secret, Timestamp};

/// The end that a token claims for itself, if it is a JSON Web Token with one.
///
/// Call it only for tokens that the cluster has authenticated.
pub fn token_ends_at(token: &Secret) -> Option<Timestamp> {
    let mut parts = token.expose().split('.');
    let (_header, claims, _signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
    // An object in UTF-8, and nothing else (RFC 7519 §7.2): a list would be read field by field.
    let claims: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(std::str::from_utf8(&claims).ok()?).ok()?;
    let exp = claims.get("exp")?.as_number()?;
    // Seconds, whole or with a fraction. What does not fit is a time too far off to matter.
    let seconds = exp.as_i64().or_else(|| {
        let whole = exp.as_f64()?.floor();
        // The range is checked, so the cast keeps the value.
        #[expect(clippy::cast_possible_truncation, reason = "checked to be in range just before")]
        (whole.abs() < 1e15).then_some(whole as i64)
    })?;
    Some(Timestamp::from_micros(seconds.saturating_mul(1_000_000)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(claims: &str) -> Option<i64> {
        let token = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims));
        token_ends_at(&Secret::new(token)).map(Timestamp::as_micros)
    }

    #[test]
    fn the_end_of_a_web_token_is_read() {
        assert_eq!(ends(r#"{"exp":1800000000}"#), Some(1_800_000_000_000_000));
        assert_eq!(ends(r#"{"exp":1800000000.9,"sub":"x"}"#), Some(1_800_000_000_000_000));
        assert_eq!(ends(r#"{"exp":-1}"#), Some(-1_000_000));
    }

    #[test]
    fn what_names_no_end_has_none() {
        for claims in
            [r#"{}"#, r#"{"exp":null}"#, r#"{"exp":"soon"}"#, r#"{"exp":1e300}"#, "[]", "[5]", "x"]
        {
            assert_eq!(ends(claims), None, "{claims}");
        }
        let broken = URL_SAFE_NO_PAD.encode(b"{\"exp\":1800000000,\"sub\":\"\xff\"}");
        assert_eq!(token_ends_at(&Secret::new(format!("e30.{broken}.c2ln"))), None);
        for token in ["", "opaque", "a.b", "a.b.c.d", "e30.e30=.x", "...", "é.é.é"] {
            assert_eq!(token_ends_at(&Secret::new(token)), None, "{token}");
        }
    }

    /// The golden is a token of kube-apiserver 1.36.3 (`TokenRequest`), its signature cut off; the API server's
    /// `status.expirationTimestamp` was the time below.
    #[test]
    fn the_end_of_a_service_account_token_is_the_one_that_the_api_server_told() {
        let golden = Secret::new(include_str!("../tests/service-account.jwt").trim());
        assert_eq!(token_ends_at(&golden).unwrap().to_string(), "2026-11-24T18:15:11Z");
    }
}
