//! Acting as a person: the impersonation headers of a checked identity, and a client that sends them.
//! It does not know how the identity was proved. Kubernetes: `Impersonate-User`, `-Uid`, `-Group`, `-Extra-*`.
//!
//! Hostile input: user names and group names come from accounts and token reviews. A header value that
//! HTTP cannot carry is refused, never mended, so that no other header can be smuggled in. Nor can one whose end
//! is a space or a tab: the server takes that for no part of the value, and `admin ` would act as `admin`.

use crate::{Authorized, Cluster, KubeIoError};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use model::{ClusterName, Identity};

/// The headers that make the API server take a request as `identity`'s.
pub(crate) fn headers(
    cluster: &ClusterName,
    identity: &Identity,
) -> Result<HeaderMap, KubeIoError> {
    let refuse = |what: &str| KubeIoError::OperatorMisconfigured {
        cluster: cluster.clone(),
        detail: format!(
            "{what} of user `{}` cannot be written into a header",
            identity.user.escape_default()
        ),
    };
    let value = |text: &str, what: &str| match HeaderValue::from_bytes(text.as_bytes()) {
        // RFC 9110 section 5.5: whoever reads the header drops the space around the value.
        Ok(value) if text.trim_matches([' ', '\t']) == text => Ok(value),
        _ => Err(refuse(what)),
    };
    if identity.user.is_empty() {
        return Err(refuse("the empty name"));
    }
    let mut headers = HeaderMap::new();
    headers.insert("impersonate-user", value(&identity.user, "the name")?);
    if let Some(uid) = &identity.uid {
        headers.insert("impersonate-uid", value(uid, "the UID")?);
    }
    for group in &identity.groups {
        headers.append("impersonate-group", value(group, "a group")?);
    }
    for (key, values) in &identity.extra {
        let name = format!("impersonate-extra-{}", percent_encode(key));
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refuse("an extra key"))?;
        for extra in values {
            headers.append(name.clone(), value(extra, "an extra value")?);
        }
    }
    Ok(headers)
}

/// Keys of extra attributes may hold `/` and the like; the API server decodes them (RFC 3986). Capitals are escaped
/// too: header names know none, and a key would become another than the one that was asked about.
fn percent_encode(key: &str) -> String {
    key.bytes().fold(String::with_capacity(key.len()), |mut out, byte| {
        if matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

impl Cluster {
    /// A client for what was authorised: the API server takes its every request as that person's, so RBAC
    /// and the cluster's audit log see the person, not the hub. Connections are shared with the hub's own.
    pub fn as_person<A>(&self, right: &Authorized<A>) -> Result<kube::Client, KubeIoError> {
        self.impersonating(right.identity())
    }

    /// The same before there is a right. For this crate alone.
    pub(crate) fn impersonating(&self, identity: &Identity) -> Result<kube::Client, KubeIoError> {
        let headers = headers(&self.name, identity)?;
        let client = self.client.clone();
        let namespace = client.default_namespace().to_owned();
        let service = tower::service_fn(move |mut request: http::Request<kube::client::Body>| {
            let (client, headers) = (client.clone(), headers.clone());
            async move {
                impose(request.headers_mut(), headers);
                client.send(request).await
            }
        });
        Ok(kube::Client::new(service, namespace))
    }
}

/// Removes whatever a request says of identities and puts `ours` in its place.
pub(crate) fn impose(request: &mut HeaderMap, ours: HeaderMap) {
    let stale: Vec<HeaderName> = request
        .keys()
        .filter(|name| {
            name.as_str().starts_with("impersonate-") || name.as_str().starts_with("x-remote-")
        })
        .cloned()
        .collect();
    for name in stale {
        request.remove(name);
    }
    request.extend(ours);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_request_claims_is_replaced() {
        let mut request = HeaderMap::new();
        request.insert("impersonate-user", HeaderValue::from_static("system:admin"));
        request.append("impersonate-group", HeaderValue::from_static("system:masters"));
        request.insert("impersonate-extra-scopes", HeaderValue::from_static("all"));
        request.insert("x-remote-user", HeaderValue::from_static("root"));
        let mut ours = HeaderMap::new();
        ours.insert("impersonate-user", HeaderValue::from_static("alice"));
        ours.append("impersonate-group", HeaderValue::from_static("a"));
        ours.append("impersonate-group", HeaderValue::from_static("b"));
        impose(&mut request, ours);
        assert_eq!(request.get("impersonate-user").unwrap(), "alice");
        assert_eq!(request.get_all("impersonate-group").iter().count(), 2);
        assert_eq!(request.len(), 3);
    }

    #[test]
    fn a_name_that_would_be_read_as_another_is_refused() {
        let cluster: ClusterName = "demo".parse().unwrap();
        let identity = |user: &str, group: &str| Identity {
            user: user.to_owned(),
            uid: None,
            groups: vec![group.to_owned()],
            extra: std::collections::BTreeMap::new(),
        };
        for (user, group) in [("system:admin", "system:masters"), ("김철수", "a b")] {
            assert!(headers(&cluster, &identity(user, group)).is_ok(), "{user} {group}");
        }
        for (user, group) in [
            ("system:admin ", "ops"),
            (" alice", "ops"),
            ("alice", "system:masters\t"),
            (" ", "ops"),
            ("eve\r\nImpersonate-Group: system:masters", "ops"),
        ] {
            assert!(headers(&cluster, &identity(user, group)).is_err(), "{user:?} {group:?}");
        }
    }

    #[test]
    fn keys_are_percent_encoded() {
        assert_eq!(percent_encode("example.com/pod name"), "example.com%2Fpod%20name");
    }

    #[test]
    fn no_key_becomes_another_on_its_way() {
        let cluster: ClusterName = "demo".parse().unwrap();
        for key in ["A", "a", "Scopes", "\u{212a}", "k", "k8s.io/Über", "%41", "a_b~c-d.e"] {
            let identity = Identity {
                user: "alice".to_owned(),
                uid: None,
                groups: Vec::new(),
                extra: [(key.to_owned(), vec!["x".to_owned()])].into(),
            };
            let headers = headers(&cluster, &identity).unwrap();
            let keys: Vec<String> = headers
                .keys()
                .filter_map(|name| name.as_str().strip_prefix("impersonate-extra-"))
                .map(authn::kubernetes::unescape_extra_key)
                .collect();
            assert_eq!(keys, [key]);
        }
    }
}
