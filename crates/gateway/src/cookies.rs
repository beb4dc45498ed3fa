//! The console's cookies, which are nobody's but the hub's: kept out of what goes on to a cluster and out of what
//! comes back.
//! What they mean is known to `http-api`. Other cookies are between the sender and what they talk to.
//!
//! The gateway and the console may share a host, and cookies know no ports. An API server hands a request on into
//! a Pod (`services/…/proxy`), which must neither see somebody's sign-in nor plant one.
//!
//! Hostile input: both headers are anybody's, and browsers read them leniently; so spaces around a name, a
//! nameless cookie whose value holds the pair (`=NAME=…`) and the case of letters make no difference here.

use http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};
use http_api::{COOKIE_KNOWN_BROWSER, COOKIE_SIGN_IN};

/// Removes the console's cookies from a request.
pub(crate) fn withhold(headers: &mut HeaderMap) {
    filter(headers, &COOKIE, |value| {
        let pairs = value.as_bytes().split(|byte| *byte == b';');
        if !pairs.clone().any(is_ours) {
            return Some(value.clone());
        }
        let others: Vec<&[u8]> = pairs.filter(|pair| !is_ours(pair)).collect();
        let others = others.join(&b';');
        // Parts of a value that HTTP carries are carried.
        HeaderValue::from_bytes(others.trim_ascii()).ok().filter(|value| !value.is_empty())
    });
}

/// Removes cookies of those names from an answer.
pub(crate) fn refuse(headers: &mut HeaderMap) {
    filter(headers, &SET_COOKIE, |value| (!is_ours(value.as_bytes())).then(|| value.clone()));
}

fn filter(
    headers: &mut HeaderMap,
    name: &http::HeaderName,
    kept: impl Fn(&HeaderValue) -> Option<HeaderValue>,
) {
    if !headers.contains_key(name) {
        return;
    }
    let kept: Vec<HeaderValue> = headers.get_all(name).iter().filter_map(kept).collect();
    headers.remove(name);
    for value in kept {
        headers.append(name.clone(), value);
    }
}

/// Whether a pair, with whatever attributes behind it, is one of the console's.
fn is_ours(pair: &[u8]) -> bool {
    let start = pair.iter().position(|byte| !byte.is_ascii_whitespace() && *byte != b'=');
    let pair = &pair[start.unwrap_or(pair.len())..];
    let end = pair.iter().position(|byte| matches!(byte, b'=' | b';'));
    let name = pair[..end.unwrap_or(pair.len())].trim_ascii();
    [COOKIE_SIGN_IN, COOKIE_KNOWN_BROWSER]
        .iter()
        .any(|ours| name.eq_ignore_ascii_case(ours.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(name: &http::HeaderName, values: &[&str]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name, value.parse().unwrap());
        }
        withhold(&mut headers);
        refuse(&mut headers);
        headers.get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn only_the_consoles_cookies_stay_behind() {
        let given = ["a=1; __Host-sallyport=x; b=2;__Host-sallyport-known=y", "c=3;  d=4"];
        assert_eq!(left(&COOKIE, &given), ["a=1; b=2", "c=3;  d=4"]);
        for ours in ["__Host-sallyport=x", " __host-SALLYPORT =x", "=__Host-sallyport=x", ""] {
            assert!(left(&COOKIE, &[ours]).iter().all(String::is_empty), "{ours}");
        }
        assert_eq!(left(&COOKIE, &["__Host-sallyport-x=1"]), ["__Host-sallyport-x=1"]);
    }

    #[test]
    fn no_pod_plants_a_cookie_of_the_consoles() {
        for planted in [
            "__Host-sallyport=x; Path=/; Secure",
            "__HOST-sallyport-known=x",
            "__Host-sallyport; Secure",
            "=__Host-sallyport=x",
        ] {
            assert!(left(&SET_COOKIE, &[planted, "a=1"]) == ["a=1"], "{planted}");
        }
        let other = "a=__Host-sallyport=x; Path=/";
        assert_eq!(left(&SET_COOKIE, &[other]), [other]);
    }
}
