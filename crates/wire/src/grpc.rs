//! gRPC's frames and states, and which messages etcd's methods carry.
//! HTTP/2 brings the content; what is in a message is [`crate::objects`]'; what an etcd message says in a line is
//! [`crate::etcd`]'s.
//!
//! Specification: github.com/grpc/grpc `PROTOCOL-HTTP2.md`: one byte that says whether it is compressed, four of
//! length, the message.
//!
//! Hostile input: a length over the bound of content is dropped with the content by [`crate::body`].

/// A method, as its path names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Method {
    /// `Range` of etcd, or the whole of another service's.
    pub(crate) name: String,
    pub(crate) is_etcd: bool,
    /// The message that this side sends, where it is known.
    pub(crate) message: Option<&'static str>,
    pub(crate) is_answer: bool,
}

/// Of each method of etcd what is asked and what is answered.
const ETCD: [(&str, &str, &str); 13] = [
    ("KV/Range", "etcdserverpb.RangeRequest", "etcdserverpb.RangeResponse"),
    ("KV/Put", "etcdserverpb.PutRequest", "etcdserverpb.PutResponse"),
    ("KV/DeleteRange", "etcdserverpb.DeleteRangeRequest", "etcdserverpb.DeleteRangeResponse"),
    ("KV/Txn", "etcdserverpb.TxnRequest", "etcdserverpb.TxnResponse"),
    ("KV/Compact", "etcdserverpb.CompactionRequest", "etcdserverpb.CompactionResponse"),
    ("Watch/Watch", "etcdserverpb.WatchRequest", "etcdserverpb.WatchResponse"),
    ("Lease/LeaseGrant", "etcdserverpb.LeaseGrantRequest", "etcdserverpb.LeaseGrantResponse"),
    ("Lease/LeaseRevoke", "etcdserverpb.LeaseRevokeRequest", "etcdserverpb.LeaseRevokeResponse"),
    (
        "Lease/LeaseKeepAlive",
        "etcdserverpb.LeaseKeepAliveRequest",
        "etcdserverpb.LeaseKeepAliveResponse",
    ),
    (
        "Lease/LeaseTimeToLive",
        "etcdserverpb.LeaseTimeToLiveRequest",
        "etcdserverpb.LeaseTimeToLiveResponse",
    ),
    ("Lease/LeaseLeases", "etcdserverpb.LeaseLeasesRequest", "etcdserverpb.LeaseLeasesResponse"),
    ("Maintenance/Status", "etcdserverpb.StatusRequest", "etcdserverpb.StatusResponse"),
    ("Cluster/MemberList", "etcdserverpb.MemberListRequest", "etcdserverpb.MemberListResponse"),
];

impl Method {
    /// The method of a path. A path that is not known is of a method that is not known.
    pub(crate) fn parse(path: Option<&str>, is_answer: bool) -> Self {
        let path = path.unwrap_or_default().trim_start_matches('/');
        let Some(etcd) = path.strip_prefix("etcdserverpb.") else {
            return Self { name: path.to_owned(), is_etcd: false, message: None, is_answer };
        };
        let found = ETCD.iter().find(|(method, ..)| *method == etcd);
        Self {
            name: etcd.rsplit('/').next().unwrap_or(etcd).to_owned(),
            is_etcd: true,
            message: found.map(|(_, asked, answered)| if is_answer { *answered } else { *asked }),
            is_answer,
        }
    }
}

/// The name of a state (grpc `doc/statuscodes.md`).
pub(crate) fn status_name(code: &str) -> Option<&'static str> {
    const NAMES: [&str; 17] = [
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ];
    NAMES.get(code.parse::<usize>().ok()?).copied()
}

/// Whether content of this type is gRPC's.
pub(crate) fn is_grpc(media_type: &str) -> bool {
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    media_type == "application/grpc" || media_type.starts_with("application/grpc+")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_of_etcd_are_known_and_others_are_named() {
        let range = Method::parse(Some("/etcdserverpb.KV/Range"), false);
        assert_eq!(
            (range.name.as_str(), range.message),
            ("Range", Some("etcdserverpb.RangeRequest"))
        );
        // A whole database, and a password.
        for path in ["/etcdserverpb.Maintenance/Snapshot", "/etcdserverpb.Auth/Authenticate"] {
            assert_eq!(Method::parse(Some(path), true).message, None);
        }
        let other = Method::parse(Some("/runtime.v1.RuntimeService/Version"), true);
        assert_eq!(
            (other.name.as_str(), other.message),
            ("runtime.v1.RuntimeService/Version", None)
        );
        assert_eq!(Method::parse(None, true).message, None);
        for (_, asked, answered) in ETCD {
            for name in [asked, answered] {
                assert!(crate::messages::table().named(name).is_some(), "{name}");
            }
        }
    }

    #[test]
    fn states_have_names_as_far_as_they_exist() {
        assert_eq!(status_name("5"), Some("NOT_FOUND"));
        for none in ["17", "-1", "", "x"] {
            assert_eq!(status_name(none), None);
        }
        assert!(is_grpc("application/grpc+proto") && !is_grpc("application/grpc-web"));
    }
}
