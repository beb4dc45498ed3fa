//! Origins (RFC 6454): the exact ones under which browsers reach this hub, and the check against them.
//! It does not know which requests need the check; `sign_in` and the sign-in routes do.
//!
//! Hostile input: the header is anybody's. It is compared whole, byte by byte, with the allowed ones, so
//! that no prefix, suffix, port or upper-case trick fits. A missing one is refused like a foreign one:
//! browsers send it with every unsafe request and every WebSocket.

use crate::{HttpApi, Problem, ProblemCode, problem::DecidedBy};
use axum::extract::{FromRef, FromRequestParts};
use http::request::Parts;
use http::{HeaderMap, Uri, header};
use std::sync::Arc;

/// The allow-list of origins.
#[derive(Debug, Clone)]
pub struct Origins(Arc<[String]>);

/// The operator's text is not an origin that a hub can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an origin: write `https://` and a lower-case host, and a port unless it is 443, without \
     a path, as in `https://hub.example.com`"
)]
pub struct InvalidOrigin(String);

/// Proof that a request came from a page of this hub. Sign-in routes, which have no CSRF token yet, take
/// it as their first argument.
#[derive(Debug, Clone, Copy)]
pub struct FromOurPage(());

impl Origins {
    /// Checks the operator's list; the first is the one that links are written with.
    ///
    /// Only `https` is taken: a `__Host-` cookie needs it.
    pub fn new(origins: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self, InvalidOrigin> {
        let checked = origins.into_iter().map(|origin| check(origin.as_ref()));
        let checked: Vec<String> = checked.collect::<Result<_, _>>()?;
        if checked.is_empty() {
            return Err(InvalidOrigin(String::new()));
        }
        Ok(Self(checked.into()))
    }

    /// The origin that links are written with.
    pub fn first(&self) -> &str {
        // `new` refuses an empty list.
        self.0.first().map_or("", String::as_str)
    }

    /// The host and port of each, for the hub's certificate and its `Host` check.
    pub fn authorities(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|origin| origin.strip_prefix("https://"))
    }

    /// Checks a request's `Origin`.
    pub fn check(&self, headers: &HeaderMap) -> Result<FromOurPage, Problem> {
        let mut given = headers.get_all(header::ORIGIN).iter();
        let (first, second) = (given.next(), given.next());
        match (first, second) {
            (Some(origin), None)
                if self.0.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()) =>
            {
                Ok(FromOurPage(()))
            }
            (first, _) => {
                let detail = match first {
                    None => "the request names no origin".to_owned(),
                    Some(origin) => {
                        let shown = String::from_utf8_lossy(origin.as_bytes());
                        let shown: String =
                            shown.chars().take(120).flat_map(char::escape_default).collect();
                        format!("the request came from `{shown}`, which is not this hub")
                    }
                };
                Err(Problem::new(ProblemCode::OriginRefused, detail)
                    .decided_by(DecidedBy::Hub)
                    .fix(format!("open the console at {}", self.first())))
            }
        }
    }
}

impl<S> FromRequestParts<S> for FromOurPage
where
    HttpApi: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        HttpApi::from_ref(state).origins.check(&parts.headers)
    }
}

fn check(text: &str) -> Result<String, InvalidOrigin> {
    let invalid = || InvalidOrigin(text.chars().take(120).flat_map(char::escape_default).collect());
    let authority = text.strip_prefix("https://").ok_or_else(invalid)?;
    let uri: Uri = text.parse().map_err(|_| invalid())?;
    let host = uri.host().ok_or_else(invalid)?;
    let port = match uri.port_u16() {
        // Browsers leave the default port out, so an origin that writes it would never match.
        Some(443) => return Err(invalid()),
        Some(port) => format!(":{port}"),
        None => String::new(),
    };
    let exact = authority == format!("{host}{port}");
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.:[]".contains(&b);
    if exact && !host.is_empty() && host.bytes().all(plain) {
        Ok(text.to_owned())
    } else {
        Err(invalid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn checked(origins: &[&'static str]) -> Result<FromOurPage, Problem> {
        let hub = Origins::new(["https://hub.example", "https://hub.example:8443"]).unwrap();
        let mut headers = HeaderMap::new();
        for origin in origins {
            headers.append(header::ORIGIN, HeaderValue::from_static(origin));
        }
        hub.check(&headers)
    }

    #[test]
    fn our_own_origins_pass_and_every_other_is_refused() {
        assert!(checked(&["https://hub.example"]).is_ok());
        assert!(checked(&["https://hub.example:8443"]).is_ok());
        for foreign in [
            "null",
            "",
            "https://hub.example.evil",
            "https://evil.hub.example",
            "https://hub.example:443",
            "https://hub.example/",
            "http://hub.example",
            "https://HUB.example",
            "https://hub.example https://evil",
            "*",
        ] {
            let refusal = checked(&[foreign]).unwrap_err();
            assert_eq!(refusal.code(), ProblemCode::OriginRefused, "{foreign}");
        }
        assert!(checked(&[]).is_err(), "missing");
        assert!(checked(&["https://hub.example", "https://hub.example"]).is_err(), "twice");
    }

    #[test]
    fn an_operators_mistake_is_told() {
        for good in ["https://a", "https://127.0.0.1:8443", "https://[::1]:8443"] {
            assert!(Origins::new([good]).is_ok(), "{good}");
        }
        for bad in [
            "http://hub.example",
            "https://hub.example/",
            "https://hub.example:443",
            "https://user@hub.example",
            "https://Hub.example",
            "hub.example",
            "https://",
            "https://hub.example?x",
        ] {
            assert!(Origins::new([bad]).is_err(), "{bad}");
        }
        assert!(Origins::new(Vec::<String>::new()).is_err());
    }
}
