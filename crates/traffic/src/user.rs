//! Who asks, as far as a request claims it: the user to be impersonated, or the subject of its token.
//! Whether the API server believed it is in the answer; client certificates are not looked at.
//!
//! Hostile input: a claim is anybody's text; what is not written as names are is no claim.

use wire::{Side, Unit};

/// Longer than any name of a service account (253 + 63 + 23).
const USER_BYTES_MAX: usize = 512;

/// The user that the head of a request claims.
pub(crate) fn claimed(unit: &Unit) -> Option<String> {
    if !is_request(unit) {
        return None;
    }
    let field = |wanted: &str| {
        unit.headers.iter().find_map(|(name, value)| {
            let found = name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(wanted));
            value.as_deref().filter(|_| found)
        })
    };
    let user = match field("impersonate-user") {
        Some(user) => user,
        // As `wire` writes a token that it redacted: `Bearer [redacted:0123456789abcdef sub=name]`.
        None => field("authorization")?.rsplit_once(" sub=")?.1.strip_suffix(']')?,
    };
    let is_name = !user.is_empty()
        && user.len() <= USER_BYTES_MAX
        && !user.chars().any(|c| c.is_control() || c.is_whitespace());
    is_name.then(|| user.to_owned())
}

/// Whether this is the head of a request.
pub(crate) fn is_request(unit: &Unit) -> bool {
    unit.side == Side::Client && unit.call.is_some() && unit.request.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use wire::{Call, Protocol};

    fn request(headers: &[(&str, &str)]) -> Unit {
        let text = |text: &str| Some(text.to_owned());
        Unit {
            number: 1,
            time_us: 0,
            connection: 1,
            side: Side::Client,
            source: "10.0.0.9:40000".parse().unwrap(),
            destination: "10.0.0.1:6443".parse().unwrap(),
            protocol: Protocol::Http2,
            length: 0,
            info: String::new(),
            stream: Some(1),
            call: Some(Arc::new(Call::parse(Some("GET"), Some("/api/v1/pods")))),
            request: None,
            status: None,
            latency_us: None,
            headers: headers.iter().map(|(name, value)| (text(name), text(value))).collect(),
            data: None,
        }
    }

    #[test]
    fn the_impersonated_user_comes_before_the_tokens_subject() {
        let token = ("authorization", "Bearer [redacted:0123456789abcdef sub=system:node:n1]");
        assert_eq!(claimed(&request(&[token])).as_deref(), Some("system:node:n1"));
        let both = request(&[token, ("Impersonate-User", "alice")]);
        assert_eq!(claimed(&both).as_deref(), Some("alice"));
    }

    #[test]
    fn what_claims_nobody_is_nobody() {
        let opaque = ("authorization", "Bearer [redacted:0123456789abcdef]");
        for headers in [&[][..], &[opaque], &[("impersonate-user", "a\u{1b}[2J")]] {
            assert_eq!(claimed(&request(headers)), None, "{headers:?}");
        }
        let answer = Unit { request: Some(1), ..request(&[("impersonate-user", "alice")]) };
        assert_eq!(claimed(&answer), None);
    }
}
