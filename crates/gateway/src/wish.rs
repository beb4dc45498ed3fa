//! As whom a request wishes to act: the `Impersonate-*` headers, read as the API server reads them.
//! Whether it may is asked of the cluster; see `kube_io::Impersonate`.
//!
//! Hostile input: each part of the wish becomes a question to the cluster, so there are at most
//! [`PARTS_MAX`]. What would be read differently by different readers (two users, bytes that are no text) is
//! refused, not guessed.

use crate::status::{Details, Refusal};
use authn::kubernetes::unescape_extra_key;
use http::{HeaderMap, HeaderValue};
use kube_io::Access;
use model::Identity;
use std::collections::BTreeMap;

/// `kubectl --as` with groups has a handful.
const PARTS_MAX: usize = 32;
const EXTRA: &str = "impersonate-extra-";

/// As whom, if as anybody else.
pub(crate) fn wish(headers: &HeaderMap) -> Result<Option<Identity>, Refusal> {
    let mut identity = Identity {
        user: one(headers, "impersonate-user")?.unwrap_or_default(),
        uid: one(headers, "impersonate-uid")?.filter(|uid| !uid.is_empty()),
        groups: headers.get_all("impersonate-group").iter().map(text).collect::<Result<_, _>>()?,
        extra: BTreeMap::new(),
    };
    for (name, value) in headers {
        if let Some(key) = name.as_str().strip_prefix(EXTRA) {
            let key = unescape_extra_key(key);
            identity.extra.entry(key).or_default().push(text(value)?);
        }
    }
    let parts = 1
        + identity.groups.len()
        + identity.extra.values().map(Vec::len).sum::<usize>()
        + usize::from(identity.uid.is_some());
    if parts > PARTS_MAX {
        return Err(Refusal::bad_request(format!(
            "impersonation of more than {PARTS_MAX} users, groups and attributes in one request"
        )));
    }
    match (identity.user.is_empty(), parts) {
        (true, 1) => Ok(None),
        (true, _) => Err(Refusal::bad_request(
            "requested groups, extra attributes or a UID without impersonating a user",
        )),
        (false, _) => Ok(Some(identity)),
    }
}

fn one(headers: &HeaderMap, name: &'static str) -> Result<Option<String>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let first = values.next().map(text).transpose()?;
    if values.next().is_some() {
        return Err(Refusal::bad_request(format!("there are several {name} headers")));
    }
    Ok(first)
}

fn text(value: &HeaderValue) -> Result<String, Refusal> {
    std::str::from_utf8(value.as_bytes())
        .map(str::to_owned)
        .map_err(|_| Refusal::bad_request("an impersonation header is not UTF-8"))
}

/// The API server's own words to whoever may not.
pub(crate) fn denied(user: &str, access: &Access, reason: &str) -> Refusal {
    let Access { group, resource, subresource, .. } = access;
    let name = access.name.clone().unwrap_or_default();
    let of_group =
        if group.is_empty() { (*resource).to_owned() } else { format!("{resource}.{group}") };
    let asked = if subresource.is_empty() {
        (*resource).to_owned()
    } else {
        format!("{resource}/{subresource}")
    };
    let place = match &access.namespace {
        Some(namespace) => format!("in the namespace \"{namespace}\""),
        None => "at the cluster scope".to_owned(),
    };
    let mut message = format!(
        "{of_group} {name:?} is forbidden: User {user:?} cannot impersonate resource {asked:?} in \
         API group {group:?} {place}"
    );
    if !reason.is_empty() {
        message.push_str(&format!(": {reason}"));
    }
    Refusal::forbidden(message, Details { name, group, kind: resource })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wished(headers: &[(&'static str, &str)]) -> Result<Option<Identity>, u16> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        wish(&map).map_err(|refusal| refusal.code.as_u16())
    }

    #[test]
    fn a_wish_is_read_as_the_api_server_reads_it() {
        assert_eq!(wished(&[]).unwrap(), None);
        assert_eq!(wished(&[("impersonate-user", "")]).unwrap(), None);
        let identity = wished(&[
            ("impersonate-user", "홍길동"),
            ("impersonate-group", "dev"),
            ("impersonate-group", "ops"),
            ("impersonate-uid", "7"),
            ("impersonate-extra-acme.com%2fproject", "x"),
            ("impersonate-extra-acme.com%2fproject", "y"),
        ]);
        let identity = identity.unwrap().unwrap();
        assert_eq!((identity.user.as_str(), identity.uid.as_deref()), ("홍길동", Some("7")));
        assert_eq!(identity.groups, ["dev", "ops"]);
        assert_eq!(identity.extra["acme.com/project"], ["x", "y"]);
    }

    #[test]
    fn what_is_no_clear_wish_is_refused() {
        assert_eq!(wished(&[("impersonate-group", "system:masters")]), Err(400));
        assert_eq!(wished(&[("impersonate-uid", "7")]), Err(400));
        assert_eq!(wished(&[("impersonate-extra-scopes", "all")]), Err(400));
        assert_eq!(wished(&[("impersonate-user", "a"), ("impersonate-user", "b")]), Err(400));
        let mut many = vec![("impersonate-user", "a")];
        many.extend(std::iter::repeat_n(("impersonate-group", "g"), PARTS_MAX));
        assert_eq!(wished(&many), Err(400));
    }
}
