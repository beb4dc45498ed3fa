use super::*;

fn check(method: &str, path: &str, expected: &str) {
    let call = Call::parse(Some(method), Some(path));
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let found =
        [&call.verb, &call.group, &call.resource, &call.subresource, &call.namespace, &call.name]
            .map(text)
            .join(" ");
    assert_eq!(found, expected, "{method} {path}");
}

#[test]
fn urls_are_read_as_the_api_server_reads_them() {
    check("GET", "/api/v1/namespaces/shop/pods", "list  pods - shop -");
    check("GET", "/api/v1/namespaces/shop/pods/web-0", "get  pods - shop web-0");
    check("GET", "/api/v1/namespaces/shop/pods/web-0/log?follow=true", "get  pods log shop web-0");
    check("GET", "/api/v1/pods?watch=true", "watch  pods - - -");
    check("GET", "/api/v1/pods?watch=0", "list  pods - - -");
    check("GET", "/api/v1/pods?watch", "watch  pods - - -");
    check("GET", "/api/v1/watch/pods", "watch  pods - - -");
    check("POST", "/apis/apps/v1/namespaces/shop/deployments", "create apps deployments - shop -");
    check("DELETE", "/api/v1/namespaces/shop/pods", "deletecollection  pods - shop -");
    check("DELETE", "/api/v1/namespaces/shop/pods/web-0", "delete  pods - shop web-0");
    check(
        "PATCH",
        "/apis/apps/v1/namespaces/a/deployments/b/scale",
        "patch apps deployments scale a b",
    );
    check("GET", "/api/v1/namespaces", "list  namespaces - - -");
    check("GET", "/api/v1/namespaces/shop", "get  namespaces - shop shop");
    check("PUT", "/api/v1/namespaces/shop/finalize", "update  namespaces finalize shop shop");
    check("GET", "/api/v1/nodes/n1/proxy/metrics", "get  nodes proxy - n1");
    check(
        "GET",
        "/api/v1/namespaces/shop/pods?fieldSelector=metadata.name%3Dweb-0&watch=true",
        "watch  pods - shop web-0",
    );
}

#[test]
fn urls_are_decoded_first_and_names_count_where_rbac_asks_for_them() {
    check("GET", "/api/v1/namespaces/shop/%73ecrets/a", "get  secrets - shop a");
    assert!(Call::parse(Some("GET"), Some("/api/v1/namespaces/shop/%73ecrets/a")).is_secret());
    check(
        "GET",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode",
        "get rbac.authorization.k8s.io clusterroles - - system:node",
    );
    check("GET", "/api/v1/namespaces/shop/pods/a%2Flog", "get  pods log shop a");
    check("GET", "/api/v1/namespaces/shop/pods/a%zz%", "get  pods - shop a%zz%");
    let one = "/api/v1/namespaces/shop/pods?fieldSelector=metadata.name%3Dweb-0";
    check("GET", one, "list  pods - shop web-0");
    check("DELETE", one, "deletecollection  pods - shop -");
}

#[test]
fn what_is_no_resource_says_so() {
    check("GET", "/healthz", "get - - - - -");
    check("GET", "/apis", "get - - - - -");
    check("GET", "/api/v1", "get - - - - -");
    check("POST", "//", "post - - - - -");
    let unknown = Call::parse(None, None);
    assert_eq!(unknown, Call::default());
}
