//! Cookies: reading ours out of a request, and writing them as `__Host-` cookies (RFC 6265bis §4.1.3.2).
//! What a cookie's value means is known to `sign_in` and the console.
//!
//! Hostile input: the header is anybody's. A cookie that comes twice is taken for none, because a
//! neighbouring host may have planted one of the two.

use http::{HeaderMap, HeaderValue, header};
use std::time::Duration;

/// The cookie of a sign-in.
pub const COOKIE_SIGN_IN: &str = "__Host-sallyport";
/// The cookie by which a browser proves that its account signed in there before.
pub const COOKIE_KNOWN_BROWSER: &str = "__Host-sallyport-known";

/// The value of the only cookie of that name.
pub fn cookie_of<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    // HTTP/2 may split the header into several (RFC 9113 §8.2.3).
    let mut found = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(given, _)| *given == name)
        .map(|(_, value)| value);
    let only = found.next();
    if found.next().is_some() { None } else { only }
}

/// A cookie that scripts cannot read, other sites cannot send, and other hosts cannot plant.
/// `None` if the value has a character that a cookie cannot hold; ours are base64url.
pub fn secure_cookie(name: &str, value: &str, lasts: Duration) -> Option<HeaderValue> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if !value.bytes().all(plain) {
        return None;
    }
    let seconds = lasts.as_secs();
    let text =
        format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age={seconds}");
    let mut cookie = HeaderValue::from_str(&text).ok()?;
    cookie.set_sensitive(true);
    Some(cookie)
}

/// What makes a browser forget the cookie of that name.
pub fn expired_cookie(name: &str) -> Option<HeaderValue> {
    secure_cookie(name, "", Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&'static str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::COOKIE, HeaderValue::from_static(value));
        }
        cookie_of(&headers, COOKIE_SIGN_IN).map(str::to_owned)
    }

    #[test]
    fn ours_is_found_among_others_and_taken_only_if_alone() {
        assert_eq!(read(&["a=b; __Host-sallyport=x; c=d"]).as_deref(), Some("x"));
        assert_eq!(read(&["a=b", "__Host-sallyport=x"]).as_deref(), Some("x"));
        assert_eq!(read(&["__Host-sallyport=x; __Host-sallyport=y"]), None);
        assert_eq!(read(&["__Host-sallyport=x", "__Host-sallyport=x"]), None);
        assert_eq!(read(&["__Host-sallyport-known=x; sallyport=y; __host-sallyport=z"]), None);
        assert_eq!(read(&["__Host-sallyport"]), None);
        assert_eq!(read(&[]), None);
    }

    #[test]
    fn a_cookie_is_written_with_every_guard() {
        let cookie = secure_cookie(COOKIE_SIGN_IN, "abc", Duration::from_secs(60)).unwrap();
        assert_eq!(
            cookie,
            "__Host-sallyport=abc; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=60"
        );
        assert!(cookie.is_sensitive());
        assert!(secure_cookie(COOKIE_SIGN_IN, "a; Domain=evil", Duration::ZERO).is_none());
    }
}
