//! Which cluster a request is for, and what is left of its path: `/clusters/NAME/…`, or the host
//! `NAME.<base domain>` with the path as it is.
//! Whether the sender may use that cluster is not known here.
//!
//! Hostile input: a path with dot segments is refused, they or their slashes escaped or not, because what lies
//! beyond might resolve them against a prefix that the cluster's own address has. Everything else is the API server's to read.

use crate::status::Refusal;
use http::uri::PathAndQuery;
use http::{HeaderMap, Uri, header};
use kube_io::{Cluster, Clusters};

const PREFIX: &str = "/clusters/";

/// Where a request goes.
#[derive(Debug)]
pub(crate) struct Route {
    /// `None` if no cluster has the name.
    pub(crate) cluster: Option<Cluster>,
    /// What the API server is asked for.
    pub(crate) target: PathAndQuery,
}

impl Route {
    /// Reads a request's address.
    pub(crate) fn of(
        uri: &Uri,
        headers: &HeaderMap,
        clusters: &Clusters,
        base_domain: Option<&str>,
    ) -> Result<Self, Refusal> {
        let path = uri.path();
        if has_dots(path) {
            return Err(Refusal::bad_request("the path has dot segments"));
        }
        let find = |name: &str| name.parse().ok().and_then(|name| clusters.get(&name)).cloned();
        if let Some(base) = base_domain
            && let Some(name) = host(uri, headers)?.and_then(|host| below(&host, base))
        {
            let target = uri.path_and_query().cloned();
            let target = target.unwrap_or_else(|| PathAndQuery::from_static("/"));
            return Ok(Self { cluster: find(&name), target });
        }
        let Some(rest) = path.strip_prefix(PREFIX) else {
            return Err(Refusal::not_found(
                "no cluster is named: the server of a kubeconfig is https://GATEWAY/clusters/NAME",
            ));
        };
        let (name, rest) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        let target = match uri.query() {
            Some(query) => PathAndQuery::try_from(format!("{rest}?{query}")),
            None => PathAndQuery::try_from(rest),
        };
        let target = target.map_err(|_| Refusal::bad_request("the path is not one"))?;
        Ok(Self { cluster: find(name), target })
    }
}

/// Whether `.` or `..` is a segment for anybody: as escapes, and between slashes that are escapes or backslashes.
fn has_dots(path: &str) -> bool {
    let plain =
        path.to_ascii_lowercase().replace("%2e", ".").replace("%2f", "/").replace("%5c", "/");
    plain.split(['/', '\\']).any(|segment| segment == "." || segment == "..")
}

/// The host without its port. Two of them would be read differently by different readers.
fn host(uri: &Uri, headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let header = hosts.next();
    if hosts.next().is_some() {
        return Err(Refusal::bad_request("there are several Host headers"));
    }
    let authority = match uri.authority() {
        Some(authority) => Some(authority.clone()),
        None => match header.map(|value| value.as_bytes().try_into()) {
            Some(Ok(authority)) => Some(authority),
            Some(Err(_)) => return Err(Refusal::bad_request("the Host header is not one")),
            None => None,
        },
    };
    Ok(authority.map(|authority: http::uri::Authority| authority.host().to_ascii_lowercase()))
}

/// The label before the base domain.
fn below(host: &str, base: &str) -> Option<String> {
    let name = host.strip_suffix(base)?.strip_suffix('.')?;
    (!name.contains('.')).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(uri: &str, host: Option<&str>) -> Result<(Option<String>, String), u16> {
        let service = tower::service_fn(async |_: http::Request<kube::client::Body>| {
            Ok::<_, std::convert::Infallible>(http::Response::new(kube::client::Body::empty()))
        });
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let _entered = runtime.enter();
        let client = kube::Client::new(service, "default");
        let cluster = Cluster::from_client("prod".parse().unwrap(), client);
        let clusters = Clusters::new(vec![cluster]);
        let mut headers = HeaderMap::new();
        if let Some(host) = host {
            headers.append(header::HOST, host.parse().unwrap());
        }
        Route::of(&uri.parse().unwrap(), &headers, &clusters, Some("k8s.example"))
            .map(|route| {
                let name = route.cluster.map(|cluster| cluster.name().to_string());
                (name, route.target.to_string())
            })
            .map_err(|refusal| refusal.code.as_u16())
    }

    #[test]
    fn a_cluster_is_named_by_path_or_host() {
        let prod = |target: &str| Ok((Some("prod".to_owned()), target.to_owned()));
        assert_eq!(
            route("/clusters/prod/api/v1/pods?watch=true", None),
            prod("/api/v1/pods?watch=true")
        );
        assert_eq!(route("/clusters/prod", None), prod("/"));
        assert_eq!(route("/clusters/prod/", None), prod("/"));
        assert_eq!(route("/clusters/prod?x=1", None), prod("/?x=1"));
        assert_eq!(route("/clusters/prod//api", None), prod("//api"));
        assert_eq!(route("/clusters/prod/a%2F..b%5c", None), prod("/a%2F..b%5c"));
        assert_eq!(route("/api", Some("PROD.k8s.example:6443")), prod("/api"));
        assert_eq!(route("https://prod.k8s.example/api?a", None), prod("/api?a"));
        // The host decides, and then the path is the API server's.
        assert_eq!(route("/clusters/x/y", Some("prod.k8s.example")), prod("/clusters/x/y"));
    }

    #[test]
    fn what_names_no_cluster_goes_to_none() {
        assert_eq!(route("/clusters/other/api", None), Ok((None, "/api".to_owned())));
        assert_eq!(route("/clusters/PROD/api", None), Ok((None, "/api".to_owned())));
        assert_eq!(route("/api", Some("other.k8s.example")), Ok((None, "/api".to_owned())));
        assert_eq!(route("/api", None), Err(404));
        assert_eq!(route("/api", Some("a.prod.k8s.example")), Err(404));
        assert_eq!(route("/api", Some("prodk8s.example")), Err(404));
        for dots in [
            "/clusters/prod/../x",
            "/clusters/prod/%2e%2E/x",
            "/clusters/prod/.",
            "/clusters/prod/api%2f..%2Fx",
            "/clusters/prod/api%2F%2e%2e/x",
            "/clusters/prod/api/..%5cx",
            "/clusters/prod/api%5C.%5cx",
            "/clusters/prod%2f../x",
            "/clusters/../prod",
        ] {
            assert_eq!(route(dots, None), Err(400), "{dots}");
        }
        assert_eq!(
            route("/clusters/prod/..data", None),
            Ok((Some("prod".to_owned()), "/..data".to_owned()))
        );
    }
}
