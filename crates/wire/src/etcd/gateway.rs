//! Whether a request is for etcd's JSON gateway or its second API, which carry what is stored under `value`.
//! Only the path is looked at; what of the content may be seen is [`crate::body`]'s and [`crate::redact`]'s.
//!
//! Paths: go.etcd.io/etcd `server/embed` and `api/etcdserverpb/gw`: `/v3`, before 3.4 `/v3beta` and before 3.3
//! `/v3alpha`; `/v2/keys`. Behind an API server the path follows `/proxy/`.
//!
//! Hostile input: Go's servers decode a path before they look at it, so it is decoded here.

/// A request to etcd in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gateway {
    /// The whole database, in a form that is not read here.
    pub(crate) is_snapshot: bool,
}

impl Gateway {
    /// By a path, with or without a query.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let path = path.split('?').next().unwrap_or_default();
        let decoded = decoded(path);
        let parts: Vec<&str> = decoded.split('/').filter(|part| !part.is_empty()).collect();
        let proxied = parts.iter().rposition(|part| *part == "proxy").map_or(0, |place| place + 1);
        match parts.get(proxied..)? {
            ["v3" | "v3beta" | "v3alpha", method @ ..] => {
                Some(Self { is_snapshot: matches!(method, ["maintenance", "snapshot", ..]) })
            }
            ["v2", "keys", ..] => Some(Self { is_snapshot: false }),
            _ => None,
        }
    }
}

/// The path without escapes; what is no escape stays as it is.
fn decoded(path: &str) -> String {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = after
            .split_at_checked(2)
            .filter(|(digits, _)| *first == b'%' && digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|(digits, after)| {
                let digits = std::str::from_utf8(digits).ok()?;
                Some((u8::from_str_radix(digits, 16).ok()?, after))
            });
        let (byte, after) = escaped.unwrap_or((*first, after));
        decoded.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::Body;
    use crate::http::body_kind;
    use crate::http2::hpack::Field;
    use crate::kubernetes::Call;
    use crate::redact::{Content, Omission, Redactor};
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    #[test]
    fn paths_of_etcd_are_known_and_others_are_not() {
        for (path, is_snapshot) in [
            ("/v3/kv/range", false),
            ("//v3//kv/range?x=y", false),
            ("/v3beta/watch", false),
            ("/v3alpha/kv/txn", false),
            ("/v2/keys/registry/secrets/shop/mine?recursive=true", false),
            ("/%763/kv/range", false),
            ("/api/v1/namespaces/kube-system/pods/etcd-0:2379/proxy/v3/kv/range", false),
            ("/v3/maintenance/snapshot", true),
            ("/v3beta/maintenance/snap%73hot", true),
            ("/v3/maintenance/snapshot/?a", true),
            ("/v3/maintenance/status", false),
        ] {
            assert_eq!(Gateway::of(path), Some(Gateway { is_snapshot }), "{path}");
        }
        for path in [
            "/openapi/v3/apis/apps/v1",
            "/apis/management.cattle.io/v3/clusters",
            "/api/v1/namespaces/v3/pods",
            "/v2/stats/leader",
            "/version?path=/v3/",
            "/%7",
            "",
        ] {
            assert_eq!(Gateway::of(path), None, "{path}");
        }
    }

    /// What is shown of an answer or a request in JSON.
    fn shown(path: Option<&str>, is_answer: bool, content: &str) -> Content {
        let field =
            |name: &str, value: &str| Field { name: Some(name.into()), value: Some(value.into()) };
        let fields = [field("content-type", "application/json")];
        let call = path.map(|path| Call::parse(Some("POST"), Some(path)));
        let mut body = Body::new(body_kind(&fields, call.as_ref(), is_answer));
        body.push(content.as_bytes(), 100_000);
        body.finish(&Redactor::new(&[1; 32]), 100_000).shown.content
    }

    #[test]
    fn no_secret_in_etcds_json_is_shown() {
        let secret = br#"{"kind":"Secret","apiVersion":"v1","data":{"a":"Y2FuYXJ5"}}"#;
        let canary = STANDARD.encode(secret);
        let key = STANDARD.encode("/registry/secrets/shop/mine");
        let kv = format!(r#"{{"key":"{key}","mod_revision":"7","value":"{canary}"}}"#);
        for (path, is_answer, content) in [
            ("/v3/kv/range", true, format!(r#"{{"kvs":[{kv}],"count":"1"}}"#)),
            ("/v3alpha/kv/put", false, kv.clone()),
            ("/v3beta/kv/txn", false, format!(r#"{{"success":[{{"requestPut":{kv}}}]}}"#)),
            ("/v3/watch", true, format!(r#"{{"result":{{"events":[{{"kv":{kv}}}]}}}}"#)),
            ("/v3/kv/deleterange", true, format!(r#"{{"prev_kvs":[{kv}]}}"#)),
            ("/v2/keys/registry?recursive=true", true, format!(r#"{{"node":{{"nodes":[{kv}]}}}}"#)),
        ] {
            match shown(Some(path), is_answer, &content) {
                Content::Json(text) => {
                    assert!(text.contains(&key) && text.contains("[redacted:"), "{text}");
                    assert!(!text.contains(&canary), "{text}");
                }
                other => panic!("{path}: {other:?}"),
            }
        }
        let user = r#"{"name":"root","password":"canary","hashedPassword":"canary"}"#;
        let text = format!("{:?}", shown(Some("/v3/auth/user/add"), false, user));
        assert!(text.contains("root") && !text.contains("canary"), "{text}");
        let snapshot = format!(r#"{{"result":{{"remaining_bytes":"0","blob":"{canary}"}}}}"#);
        match shown(Some("/v3/maintenance/snapshot"), true, &snapshot) {
            Content::Omitted { reason: Omission::Secret, .. } => {}
            other => panic!("{other:?}"),
        }
        // Its request may be missing.
        let text = format!("{:?}", shown(None, true, &snapshot));
        assert!(text.contains("remaining_bytes") && !text.contains(&canary), "{text}");
    }
}
