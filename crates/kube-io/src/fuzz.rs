//! Fuzz targets of what an API server says in an exec stream, and of the names that impersonation writes into
//! headers. Compiled for tests and for fuzzing alone.
//! The WebSocket framing below the messages is the library's and is not fuzzed here.

use crate::exec::{read_frame, refusal};
use crate::{ExecEnd, ExecFrame, KubeIoError, exec_end_of, impersonate};
use bytes::Bytes;
use http::HeaderMap;
use model::{ClusterName, Identity};
use std::collections::BTreeMap;

/// Takes any bytes, and panics when a promise about them is broken.
pub type Target = fn(&[u8]);

/// All targets, by the names of their corpora.
pub const TARGETS: &[(&str, Target)] =
    &[("kube_exec", exec), ("kube_status", status), ("kube_impersonate", impersonate)];

/// Output is handed on as it came; nothing else than channels 1 and 2 becomes output, nothing else than 3 an end.
pub fn exec(data: &[u8]) {
    match (read_frame(Bytes::copy_from_slice(data)), data.first()) {
        (Ok(Some(ExecFrame::Output(frame))), Some(1 | 2)) => assert_eq!(frame, data),
        (Ok(Some(ExecFrame::End(end))), Some(3)) => assert_eq!(end, exec_end_of(&data[1..])),
        (Ok(None), None | Some(0..=4 | 255)) => {
            assert!(data.len() < 2 || !(1..=3).contains(&data[0]))
        }
        (Err(channel), Some(first)) => {
            assert_eq!(channel, *first);
            assert!((5..=254).contains(&channel));
        }
        (read, first) => panic!("channel {first:?} was read as {read:?}"),
    }
}

/// An exit code is one that the server wrote, and success is never read out of a failure.
pub fn status(data: &[u8]) {
    let json = serde_json::from_slice::<serde_json::Value>(data).ok();
    let says = |key: &str, word: &str| {
        json.as_ref().and_then(|json| json.get(key)).and_then(|it| it.as_str()) == Some(word)
    };
    match exec_end_of(data) {
        ExecEnd::Exited(0) if says("status", "Success") => {}
        ExecEnd::Exited(_) => assert!(says("reason", "NonZeroExitCode"), "{json:?}"),
        ExecEnd::Failed(_) => assert!(!says("status", "Success"), "{json:?}"),
    }
    let Ok(cluster) = "demo".parse::<ClusterName>() else { return };
    for code in [400, 403, 500] {
        match refusal(&cluster, code, data) {
            KubeIoError::Refused { message, .. } => assert!(says("message", &message)),
            KubeIoError::ExecUnsupported { .. } => {}
            other => panic!("{other:?}"),
        }
    }
}

/// One line each: the user, a UID, and then groups, or `key=value` for an extra attribute. Whatever they hold, the
/// request says exactly that identity, or nothing is sent.
pub fn impersonate(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    // NUL parts them, so that a line feed can be tried inside a name.
    let mut parts = text.split('\0');
    let user = parts.next().unwrap_or_default().to_owned();
    let uid = parts.next().filter(|uid| !uid.is_empty()).map(str::to_owned);
    let (mut groups, mut extra) = (Vec::new(), BTreeMap::<String, Vec<String>>::new());
    for part in parts.take(50) {
        match part.split_once('=') {
            Some((key, value)) => {
                extra.entry(key.to_lowercase()).or_default().push(value.to_owned());
            }
            None => groups.push(part.to_owned()),
        }
    }
    let identity = Identity { user, uid, groups, extra };
    let Ok(cluster) = "demo".parse::<ClusterName>() else { return };
    let Ok(headers) = impersonate::headers(&cluster, &identity) else { return };
    let mut request = HeaderMap::new();
    impersonate::impose(&mut request, headers);
    assert_eq!(read_back(&request), identity);
}

/// What an API server understands, which like any HTTP server takes the space around a value for none of it
/// (RFC 9110 section 5.5, `k8s.io/apiserver/pkg/endpoints/filters/impersonation.go`).
fn read_back(headers: &HeaderMap) -> Identity {
    let text = |value: &http::HeaderValue| {
        String::from_utf8_lossy(value.as_bytes()).trim_matches([' ', '\t']).to_owned()
    };
    let all = |name: &str| headers.get_all(name).iter().map(text).collect::<Vec<_>>();
    let mut extra = BTreeMap::new();
    for name in headers.keys() {
        if let Some(key) = name.as_str().strip_prefix("impersonate-extra-") {
            let mut bytes = Vec::new();
            let mut rest = key.as_bytes();
            while let Some((&byte, after)) = rest.split_first() {
                rest = after;
                if let (b'%', Some((digits, after))) = (byte, after.split_first_chunk::<2>()) {
                    let digits = String::from_utf8_lossy(digits);
                    bytes.push(u8::from_str_radix(&digits, 16).unwrap_or(b'?'));
                    rest = after;
                } else {
                    bytes.push(byte);
                }
            }
            extra.insert(String::from_utf8_lossy(&bytes).into_owned(), all(name.as_str()));
        }
    }
    Identity {
        user: all("impersonate-user").concat(),
        uid: all("impersonate-uid").pop(),
        groups: all("impersonate-group"),
        extra,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_kept_input_passes() {
        corpus::replay(super::TARGETS);
    }
}
