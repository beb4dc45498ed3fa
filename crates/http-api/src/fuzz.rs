//! Fuzz targets of the headers and bodies of a request. Compiled for tests and for fuzzing alone.
//! HTTP itself is hyper's and is not fuzzed here.

use crate::extract::{BODY_BYTES_MAX, parse};
use crate::origin::Origins;
use crate::source::{Peer, TrustedProxies};
use crate::{COOKIE_SIGN_IN, cookie_of, secure_cookie};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use model::{AccountName, ContainerPlace, Process, Secret};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Takes any bytes, and panics when a promise about them is broken.
pub type Target = fn(&[u8]);

/// All targets, by the names of their corpora.
pub const TARGETS: &[(&str, Target)] = &[
    ("http_source", source),
    ("http_origin", origin),
    ("http_cookie", cookie),
    ("http_body", body),
];

/// Headers of one name, one a line; lines that HTTP cannot carry never come so far.
fn headers(name: HeaderName, lines: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in lines.split(|byte| *byte == b'\n').take(20) {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(name.clone(), value);
        }
    }
    headers
}

/// The first line is the peer, the others are its `X-Forwarded-For`. Whoever is no trusted proxy speaks for itself
/// alone, and nobody is made to be an address that stands nowhere.
pub fn source(data: &[u8]) {
    let Ok(proxies) = TrustedProxies::new(["10.0.0.0/8", "2001:db8::/32", "::1"]) else { return };
    let (peer, lines) =
        data.split_at(data.iter().position(|it| *it == b'\n').unwrap_or(data.len()));
    // The list of proxies is an operator's text and may be any, too.
    let _ = TrustedProxies::new([String::from_utf8_lossy(peer)]);
    let Some(peer) = std::str::from_utf8(peer).ok().and_then(|it| it.parse::<IpAddr>().ok()) else {
        return;
    };
    let given = headers(HeaderName::from_static("x-forwarded-for"), lines);
    let of = |headers: &HeaderMap| proxies.source(Some(Peer(SocketAddr::new(peer, 1))), headers);
    let (found, alone) = (of(&given), of(&HeaderMap::new()));
    let address: Option<IpAddr> = found.to_string().parse().ok();
    assert!(address.is_some_and(|it| it == it.to_canonical()), "{found} is not canonical");
    if !proxies.hold(peer.to_canonical()) {
        assert_eq!(found, alone, "a stranger spoke for another");
    } else if found != alone {
        let said = |value: &HeaderValue| {
            let text = value.to_str().unwrap_or_default().to_owned();
            text.split(',')
                .any(|hop| hop.trim().parse::<IpAddr>().ok().map(|it| it.to_canonical()) == address)
        };
        assert!(given.values().any(said), "{found} stands nowhere");
    }
    // Whatever a trusted proxy appends comes before all that the client wrote.
    if proxies.hold(peer.to_canonical()) {
        let mut appended = given;
        appended.append("x-forwarded-for", HeaderValue::from_static("198.51.100.7"));
        assert_eq!(of(&appended).to_string(), "198.51.100.7");
    }
    assert!(!found.network().is_empty());
}

/// One exact origin passes, nothing else; what an operator may write is an origin as browsers write it.
pub fn origin(data: &[u8]) {
    let Ok(hub) = Origins::new(["https://hub.example", "https://hub.example:8443"]) else { return };
    let given = headers(header::ORIGIN, data);
    let ours = |it: &HeaderValue| it == "https://hub.example" || it == "https://hub.example:8443";
    match hub.check(&given) {
        Ok(_) => assert!(given.len() == 1 && given.values().all(ours), "{given:?} passed"),
        Err(problem) => {
            assert!(!(given.len() == 1 && given.values().all(ours)), "our own page was refused");
            assert!(!problem.detail().chars().any(char::is_control), "{}", problem.detail());
        }
    }
    let text = String::from_utf8_lossy(data);
    match Origins::new([&*text]) {
        Ok(origins) => {
            let mut own = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_str(&text) {
                own.insert(header::ORIGIN, value);
            }
            assert!(origins.check(&own).is_ok(), "{text:?} does not fit itself");
            assert!(text.starts_with("https://") && text.matches('/').count() == 2, "{text:?}");
            assert!(!text.contains(['@', '?', '#', ' ']) && !text.ends_with(":443"), "{text:?}");
        }
        Err(refusal) => assert!(!refusal.to_string().chars().any(char::is_control)),
    }
}

/// A cookie that is found was sent once; one that is set carries no second attribute.
pub fn cookie(data: &[u8]) {
    let given = headers(header::COOKIE, data);
    if let Some(value) = cookie_of(&given, COOKIE_SIGN_IN) {
        assert!(!value.contains(';'), "{value:?}");
        let pair = format!("{COOKIE_SIGN_IN}={value}");
        let sent = |it: &HeaderValue| it.to_str().unwrap_or_default().matches(&pair).count();
        assert!(given.values().map(sent).sum::<usize>() >= 1, "{value:?} was not sent");
        let mut twice = given.clone();
        twice.append(header::COOKIE, HeaderValue::from_static("__Host-sallyport=planted"));
        assert_eq!(cookie_of(&twice, COOKIE_SIGN_IN), None, "a planted cookie was taken");
    }
    let text = String::from_utf8_lossy(data);
    if let Some(set) = secure_cookie(COOKIE_SIGN_IN, &text, Duration::from_secs(60)) {
        assert_eq!(set.to_str().unwrap_or_default().matches(';').count(), 5, "{set:?}");
    }
}

/// A body of the shape that the services read: taken or refused, and a refusal repeats no password.
pub fn body(data: &[u8]) {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the reading matters")]
    struct Wish {
        username: Option<AccountName>,
        password: Option<Secret>,
        place: Option<ContainerPlace>,
        process: Option<Process>,
        #[serde(default)]
        groups: Vec<String>,
        limit: Option<u32>,
    }
    if data.len() > BODY_BYTES_MAX {
        return;
    }
    match parse::<Wish>(data) {
        Ok(_) => assert!(serde_json::from_slice::<serde_json::Value>(data).is_ok()),
        Err(problem) => {
            let words = problem.detail();
            assert!(!words.chars().any(char::is_control), "{words:?}");
            assert!(words.chars().count() <= 300, "{words}");
        }
    }
    // A secret of another type than a text.
    let text = String::from_utf8_lossy(data);
    let is_telling = text.len() >= 6 && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_telling {
        for wrong in
            [format!("{{\"password\":[\"{text}\"]}}"), format!("{{\"password\":{{\"{text}\":1}}}}")]
        {
            if let Err(problem) = parse::<Wish>(wrong.as_bytes()) {
                assert!(!problem.detail().contains(&*text), "{} in {}", text, problem.detail());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_kept_input_passes() {
        corpus::replay(super::TARGETS);
    }
}
