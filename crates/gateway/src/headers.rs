//! What of a request's headers goes on to the API server, and what of its answer's comes back.
//! Whose headers of identity are put in afterwards is known to `kube-io`.
//!
//! Dropped: what is of one connection only (RFC 9110 section 7.6.1) and whatever `Connection` names; every
//! credential, the console's cookies among them ([`cookies`]); everything that asserts an identity or an address. `Connection` may not name a header that
//! decides who asks or how the body is framed: whoever drops it would change the request's meaning, whoever
//! does not would hand it on (CVE-2021-31999), so such a request is refused.
//!
//! Hostile input: header names and values are those that HTTP allows, which the server before us has checked.

use crate::cookies;
use crate::status::Refusal;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, FORWARDED, HOST, HeaderName,
    PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderValue, Version};
use std::collections::HashSet;

/// A WebSocket subprotocol that is a credential.
const TOKEN_PROTOCOL: &str = "base64url.bearer.authorization.k8s.io.";

/// Of one connection only, whether or not `Connection` names them. The length goes with them because the body
/// knows it, and so there cannot be two.
const HOP_BY_HOP: [HeaderName; 11] = [
    CONNECTION,
    CONTENT_LENGTH,
    EXPECT,
    HOST,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// The headers of a request, fit to be sent on.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) headers: HeaderMap,
    /// Whether the sender asks to switch to another protocol.
    pub(crate) upgrade: bool,
}

/// Cleans a request's headers. `asserted` are further names by which front proxies assert identities.
pub(crate) fn outgoing(
    version: Version,
    given: &HeaderMap,
    asserted: &HashSet<HeaderName>,
) -> Result<Outgoing, Refusal> {
    if given.get_all(AUTHORIZATION).iter().count() > 1 {
        return Err(Refusal::bad_request("there are several Authorization headers"));
    }
    let nominated = nominated(given)?;
    let mut headers = HeaderMap::with_capacity(given.len() + 8);
    for (name, value) in given {
        let text = name.as_str();
        let stays = !HOP_BY_HOP.contains(name)
            && *name != AUTHORIZATION
            && *name != PROXY_AUTHORIZATION
            && *name != SEC_WEBSOCKET_PROTOCOL
            && !is_identity(text)
            && !is_address(text)
            && text != "http2-settings"
            && text != "audit-id"
            && !asserted.contains(name)
            && !nominated.contains(text);
        if stays {
            headers.append(name.clone(), value.clone());
        }
    }
    cookies::withhold(&mut headers);
    if let Some(protocols) = other_protocols(given)? {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, protocols);
    }
    let upgrade = wished_upgrade(version, given, &nominated)?;
    if let Some(protocol) = upgrade.clone() {
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, protocol);
    }
    Ok(Outgoing { headers, upgrade: upgrade.is_some() })
}

/// Cleans an answer's headers; those of an upgrade are part of the agreement between the two ends and stay.
pub(crate) fn incoming(headers: &mut HeaderMap, is_upgrade: bool) {
    let nominated: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.to_str().unwrap_or_default().split(','))
        .filter_map(|name| name.trim().parse().ok())
        // The answer's length may be kept where there is no body to count, after HEAD.
        .filter(|name| *name != CONTENT_LENGTH)
        .collect();
    for name in HOP_BY_HOP.iter().chain(&nominated) {
        let agreed = is_upgrade && (*name == CONNECTION || *name == UPGRADE);
        if !agreed && *name != CONTENT_LENGTH {
            headers.remove(name);
        }
    }
    cookies::refuse(headers);
}

/// The names in `Connection`, in lower case.
fn nominated(given: &HeaderMap) -> Result<HashSet<String>, Refusal> {
    let mut names = HashSet::new();
    for value in given.get_all(CONNECTION) {
        let value = value.to_str().map_err(|_| Refusal::bad_request("Connection is not text"))?;
        for name in value.split(',') {
            let name = name.trim().to_ascii_lowercase();
            if decides(&name) {
                return Err(Refusal::bad_request(format!(
                    "Connection names `{}`, which is not of one connection",
                    name.chars().take(80).collect::<String>()
                )));
            }
            names.insert(name);
        }
    }
    Ok(names)
}

/// Whether a header decides who asks, for whom, or where the body ends.
fn decides(name: &str) -> bool {
    let framing = [AUTHORIZATION, COOKIE, HOST, CONTENT_LENGTH, TRANSFER_ENCODING];
    is_identity(name)
        || is_address(name)
        || name.starts_with("sec-websocket-")
        || framing.iter().any(|header| header.as_str() == name)
}

fn is_identity(name: &str) -> bool {
    name.starts_with("impersonate-") || name.starts_with("x-remote-")
}

fn is_address(name: &str) -> bool {
    name.starts_with("x-forwarded-") || name == FORWARDED.as_str() || name == "x-real-ip"
}

/// The subprotocols without the one that is a token.
fn other_protocols(given: &HeaderMap) -> Result<Option<HeaderValue>, Refusal> {
    let mut others = Vec::new();
    for value in given.get_all(SEC_WEBSOCKET_PROTOCOL) {
        let value = value
            .to_str()
            .map_err(|_| Refusal::bad_request("Sec-WebSocket-Protocol is not text"))?;
        let names = value.split(',').map(str::trim);
        others.extend(names.filter(|name| !name.is_empty() && !name.starts_with(TOKEN_PROTOCOL)));
    }
    if others.is_empty() {
        return Ok(None);
    }
    let value = HeaderValue::from_str(&others.join(", "));
    value.map(Some).map_err(|_| Refusal::bad_request("Sec-WebSocket-Protocol is not text"))
}

/// The protocol that an HTTP/1.1 request wishes to switch to. HTTP/2 in clear is none: inside TLS it is only
/// good for hiding requests from whoever stands between.
fn wished_upgrade(
    version: Version,
    given: &HeaderMap,
    nominated: &HashSet<String>,
) -> Result<Option<HeaderValue>, Refusal> {
    if version != Version::HTTP_11 || !nominated.contains("upgrade") {
        return Ok(None);
    }
    let mut protocols = given.get_all(UPGRADE).iter();
    let (Some(protocol), None) = (protocols.next(), protocols.next()) else { return Ok(None) };
    let is_h2c = protocol
        .to_str()
        .unwrap_or_default()
        .split(',')
        .any(|name| name.trim().to_ascii_lowercase().starts_with("h2c"));
    if is_h2c {
        return Err(Refusal::bad_request("an upgrade to h2c is not passed on"));
    }
    Ok(Some(protocol.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn map(headers: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        map
    }

    fn cleaned(headers: &[(&str, &str)]) -> Result<Outgoing, u16> {
        let asserted = HashSet::from([HeaderName::from_static("x-sso-user")]);
        outgoing(Version::HTTP_11, &map(headers), &asserted)
            .map_err(|refusal| refusal.code.as_u16())
    }

    #[test]
    fn what_is_the_requests_goes_on_and_what_is_the_connections_does_not() {
        let kept = cleaned(&[
            ("accept", "application/json"),
            ("x-custom", "1"),
            ("connection", "close, X-Hop"),
            ("x-hop", "1"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("content-length", "3"),
            ("host", "gateway"),
            ("authorization", "Bearer hunter2"),
            ("proxy-authorization", "Basic x"),
            ("x-remote-user", "root"),
            ("x-sso-user", "root"),
            ("impersonate-user", "root"),
            ("x-forwarded-for", "127.0.0.1"),
            ("forwarded", "for=127.0.0.1"),
        ])
        .unwrap();
        let names: Vec<_> = kept.headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["accept", "x-custom"]);
        assert!(!kept.upgrade);
    }

    #[test]
    fn connection_may_not_name_what_decides() {
        for name in [
            "Impersonate-User",
            "x-remote-group",
            "AUTHORIZATION",
            "content-length",
            "host",
            "X-Forwarded-For",
            "sec-websocket-protocol",
        ] {
            let connection = format!("close, {name}");
            assert_eq!(cleaned(&[("connection", &connection)]).unwrap_err(), 400, "{name}");
        }
        assert_eq!(
            cleaned(&[("authorization", "Bearer a"), ("authorization", "Bearer b")]).unwrap_err(),
            400
        );
    }

    #[test]
    fn an_upgrade_goes_on_without_the_token_among_its_protocols() {
        let upgrade =
            |protocol: &'static str| [("connection", "keep-alive, Upgrade"), ("upgrade", protocol)];
        let mut headers = upgrade("websocket").to_vec();
        headers.push((
            "sec-websocket-protocol",
            "v5.channel.k8s.io, base64url.bearer.authorization.k8s.io.aHVudGVyMg",
        ));
        let kept = cleaned(&headers).unwrap();
        assert!(kept.upgrade);
        assert_eq!(kept.headers[SEC_WEBSOCKET_PROTOCOL], "v5.channel.k8s.io");
        assert_eq!(kept.headers[UPGRADE], "websocket");
        assert_eq!(kept.headers[CONNECTION], "Upgrade");
        assert!(cleaned(&upgrade("SPDY/3.1")).unwrap().upgrade);
        assert_eq!(cleaned(&upgrade("h2c")).unwrap_err(), 400);
        // Without both headers it is none.
        assert!(!cleaned(&[("upgrade", "websocket")]).unwrap().upgrade);
        assert!(!cleaned(&[("connection", "upgrade")]).unwrap().upgrade);
    }

    #[test]
    fn an_answer_keeps_the_headers_of_an_agreed_upgrade_only() {
        let given = [
            ("connection", "Upgrade, x-hop"),
            ("upgrade", "websocket"),
            ("x-hop", "1"),
            ("content-length", "0"),
            ("keep-alive", "5"),
        ];
        let mut plain = map(&given);
        incoming(&mut plain, false);
        assert_eq!(plain.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["content-length"]);
        let mut upgraded = map(&given);
        incoming(&mut upgraded, true);
        assert!(upgraded.contains_key(CONNECTION));
        assert!(!upgraded.contains_key("x-hop") && !upgraded.contains_key("keep-alive"));
    }

    proptest! {
        /// Whatever is sent, nothing that asserts an identity or is a credential goes on.
        #[test]
        fn no_credential_goes_on(
            pairs in prop::collection::vec(("[a-zA-Z-]{1,20}|Impersonate-[A-Za-z%]{1,8}|X-Remote-[A-Za-z]{1,8}|Connection|Upgrade|Authorization|Cookie", "[ -~]{0,30}|[a-c]=[0-9]; ?__Host-sallyport(-known)?=[a-z]{1,8}(; ?d=4)?"), 0..20),
        ) {
            let mut given = HeaderMap::new();
            for (name, value) in &pairs {
                if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
                    given.append(name, value);
                }
            }
            if let Ok(kept) = outgoing(Version::HTTP_11, &given, &HashSet::new()) {
                for name in kept.headers.keys() {
                    prop_assert!(!is_identity(name.as_str()) && !is_address(name.as_str()));
                    prop_assert!(*name != AUTHORIZATION && *name != TRANSFER_ENCODING && *name != HOST);
                }
                for value in kept.headers.get_all(COOKIE) {
                    let ours = |pair: &str| {
                        let name = pair.split('=').next().unwrap_or_default().trim();
                        name == http_api::COOKIE_SIGN_IN || name == http_api::COOKIE_KNOWN_BROWSER
                    };
                    prop_assert!(!value.to_str().unwrap().split(';').any(ours));
                }
            }
        }
    }
}
