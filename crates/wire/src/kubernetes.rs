//! What a request asks of Kubernetes: verb, resource, namespace and name, by the rules of its URLs.
//! Whether it was allowed is in the answer; who asked is not looked at here.
//!
//! Rules: k8s.io/apiserver `RequestInfoFactory`, as of 1.36.
//!
//! Hostile input: a path is split and looked at once; anything that is not of the rules is a request for
//! something that is not a resource, and says so.

use percent_encoding::percent_decode_str;

/// A request, as far as its line tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Call {
    /// The method, as `GET`. None if the capture does not hold it.
    pub method: Option<String>,
    /// The path with its query, redacted. None if the capture does not hold it.
    pub path: Option<String>,
    /// `get`, `list`, `watch`, `create`…; for what is no resource the method in lower case.
    pub verb: Option<String>,
    /// The API group; empty for the core group. None for what is no resource.
    pub group: Option<String>,
    /// The API version.
    pub version: Option<String>,
    /// The resource, as `pods`.
    pub resource: Option<String>,
    /// The subresource, as `log`.
    pub subresource: Option<String>,
    /// The namespace.
    pub namespace: Option<String>,
    /// The object's name.
    pub name: Option<String>,
}

impl Call {
    /// Reads a request's method and path. The path is stored as given: it must be redacted already.
    pub fn parse(method: Option<&str>, path: Option<&str>) -> Self {
        let mut call = Self {
            method: method.map(str::to_owned),
            path: path.map(str::to_owned),
            ..Self::default()
        };
        if let (Some(method), Some(path)) = (method, path) {
            let (path, query) = path.split_once('?').unwrap_or((path, ""));
            call.verb = Some(method.to_ascii_lowercase());
            // Go decodes a path before anybody splits it: `%73ecrets` is a Secret, and `a%2Fb` are two parts.
            let path = percent_decode_str(path).decode_utf8_lossy();
            call.resource_of(method, &path, query);
        }
        call
    }

    /// Whether it follows something, so that its answer never really ends.
    pub fn is_stream(&self) -> bool {
        self.verb.as_deref() == Some("watch")
            || (self.subresource.as_deref() == Some("log")
                && self.path.as_deref().is_some_and(|path| flag(query_of(path), "follow")))
    }

    /// Whether what it carries may be a Secret.
    pub fn is_secret(&self) -> bool {
        self.resource.as_deref() == Some("secrets")
    }

    fn resource_of(&mut self, method: &str, path: &str, query: &str) -> Option<()> {
        let mut parts = path.split('/').filter(|part| !part.is_empty());
        let group = match parts.next()? {
            "api" => "",
            "apis" => parts.next()?,
            _ => return None,
        };
        let version = parts.next()?;
        let mut first = parts.next()?;
        let mut verb = match method {
            "POST" => "create",
            "GET" | "HEAD" => "get",
            "PUT" => "update",
            "PATCH" => "patch",
            "DELETE" => "delete",
            _ => "",
        };
        if matches!(first, "proxy" | "watch") {
            verb = first;
            first = parts.next()?;
        }
        let mut rest: Vec<&str> = parts.collect();
        if first == "namespaces" {
            // A namespace is itself a resource; what follows its name is in it, unless it is a subresource.
            match rest.as_slice() {
                [namespace] | [namespace, "status" | "finalize"] => {
                    self.namespace = Some((*namespace).to_owned());
                }
                [namespace, resource, ..] => {
                    self.namespace = Some((*namespace).to_owned());
                    first = resource;
                    rest.drain(..2);
                }
                [] => {}
            }
        }
        self.group = Some(group.to_owned());
        self.version = Some(version.to_owned());
        self.resource = Some(first.to_owned());
        self.name = rest.first().map(|name| (*name).to_owned());
        self.subresource = rest.get(1).filter(|_| verb != "proxy").map(|sub| (*sub).to_owned());
        if self.name.is_none() && matches!(verb, "get" | "delete") {
            // Of a list and a watch of one object the name is asked of RBAC; of a deletion of many it is not.
            let of_one = (verb == "get").then(|| field_selector_name(query)).flatten();
            verb = match verb {
                "delete" => "deletecollection",
                _ if flag(query, "watch") => "watch",
                _ => "list",
            };
            self.name = of_one;
        }
        if !verb.is_empty() {
            self.verb = Some(verb.to_owned());
        }
        Some(())
    }
}

fn query_of(path: &str) -> &str {
    path.split_once('?').map_or("", |(_, query)| query)
}

/// Kubernetes takes anything for true but these.
fn flag(query: &str, key: &str) -> bool {
    query.split('&').filter_map(|pair| pair.split_once('=').or(Some((pair, "")))).any(
        |(name, value)| {
            name == key && !matches!(value.to_ascii_lowercase().as_str(), "false" | "0")
        },
    )
}

/// A list of the one object of a name, as `kubectl get -w pod x` asks for.
fn field_selector_name(query: &str) -> Option<String> {
    let selector = query.split('&').find_map(|pair| pair.strip_prefix("fieldSelector="))?;
    let name = selector.replace("%3D", "=").replace("%3d", "=");
    let name = name.strip_prefix("metadata.name=")?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
    (!name.is_empty() && name.chars().all(plain)).then(|| name.to_owned())
}

#[cfg(test)]
mod tests;
