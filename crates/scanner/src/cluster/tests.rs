use super::{KINDS, Kind, least_role, read};
use http::{Request, Response};
use kube::client::Body;
use kube_io::Cluster;
use posture::snapshot::Scope;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

/// A cluster whose API server answers by this function of path and query.
fn cluster(answer: fn(&str, &str) -> (u16, Value)) -> (Cluster, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = asked.clone();
    let service = tower::service_fn(move |request: Request<Body>| {
        let log = log.clone();
        async move {
            let (path, query) =
                (request.uri().path().to_owned(), request.uri().query().unwrap_or("").to_owned());
            assert_eq!(request.method(), http::Method::GET);
            let (code, body) = answer(&path, &query);
            log.lock().unwrap().push(format!("{path}?{query}"));
            let body = Body::from(body.to_string().into_bytes());
            Ok::<_, std::convert::Infallible>(Response::builder().status(code).body(body).unwrap())
        }
    });
    let client = kube::Client::new(service, "default");
    (Cluster::from_client("test".parse().unwrap(), client), asked)
}

fn empty() -> (u16, Value) {
    (200, json!({"items": []}))
}

#[tokio::test]
async fn pages_are_followed_and_owned_workloads_are_told_once() {
    let (cluster, asked) = cluster(|path, query| match path {
        "/apis/apps/v1/deployments" => (
            200,
            json!({"items": [{"metadata": {"name": "web", "namespace": "shop", "uid": "d"}}]}),
        ),
        "/apis/apps/v1/replicasets" => (
            200,
            json!({"items": [{"metadata": {"name": "web-1", "namespace": "shop", "uid": "r",
            "ownerReferences": [{"uid": "d", "controller": true}]}}]}),
        ),
        "/api/v1/pods" if query.contains("continue=a%2Fb") => (
            200,
            json!({"items": [
            {"metadata": {"name": "alone", "namespace": "shop", "uid": "p2", "managedFields": []},
             "spec": {"serviceAccountName": "default", "serviceAccount": "default", "securityContext": {}, "nodeName": "n",
                "containers": [{"name": "a", "volumeMounts": [{"name": "kube-api-access-x"}]}],
                "volumes": [{"name": "kube-api-access-x", "projected": {}}]}}]}),
        ),
        "/api/v1/pods" => (
            200,
            json!({"metadata": {"continue": "a/b"}, "items": [{"metadata": {"name": "web-1-x", "namespace": "shop",
            "uid": "p1", "ownerReferences": [{"uid": "r", "controller": true}]}}]}),
        ),
        _ => empty(),
    });
    let mut seen = Vec::new();
    let gathered = read(&cluster, |resource, count| seen.push(format!("{resource} {count}"))).await;
    let references: Vec<_> = gathered.objects.iter().map(|object| object.reference()).collect();
    assert_eq!(references, ["Deployment/shop/web", "Pod/shop/alone"]);
    assert!(seen.contains(&"pods 2".to_owned()), "{seen:?}");
    assert_eq!(gathered.scope(), Scope::Cluster { unseen: Vec::new() });
    let pod = posture::workload::pod(&gathered.objects[1]).unwrap();
    assert!(!pod.service_account_deprecated.place.is_set());
    assert!(!pod.security.place.is_set() && !pod.spec.get("nodeName").is_set());
    assert!(pod.volumes.is_empty() && pod.containers[0].mounts.is_empty());
    assert!(asked.lock().unwrap().iter().all(|uri| uri.contains("limit=500")));
}

#[tokio::test]
async fn nobody_hides_a_workload_by_naming_an_owner_that_makes_no_such_thing() {
    let (cluster, _) = cluster(|path, _| {
        let owned = |name: &str, namespace: &str, owner: &str| {
            json!({"metadata": {"name": name, "namespace": namespace, "uid": name,
                "ownerReferences": [{"uid": owner, "controller": true}]}})
        };
        let alone =
            |name: &str| json!({"metadata": {"name": name, "namespace": "shop", "uid": name}});
        let items = match path {
            "/apis/apps/v1/deployments" => vec![alone("d"), owned("by-deployment", "shop", "d")],
            "/apis/apps/v1/statefulsets" => vec![owned("by-itself", "shop", "by-itself")],
            "/apis/apps/v1/daemonsets" => vec![owned("by-namespace", "shop", "n")],
            "/api/v1/namespaces" => vec![json!({"metadata": {"name": "n", "uid": "n"}})],
            "/apis/apps/v1/replicasets" => vec![owned("r", "shop", "d"), owned("far", "ops", "d")],
            "/api/v1/pods" => vec![
                owned("made", "shop", "r"),
                owned("by-deployment-alone", "shop", "d"),
                owned("elsewhere", "ops", "r"),
                alone("p"),
                owned("by-pod", "shop", "p"),
            ],
            _ => Vec::new(),
        };
        (200, json!({"items": items}))
    });
    let gathered = read(&cluster, |_, _| {}).await;
    let references: Vec<_> = gathered.objects.iter().map(|object| object.reference()).collect();
    assert_eq!(
        references[1..],
        [
            "Deployment/shop/d",
            "Deployment/shop/by-deployment",
            "StatefulSet/shop/by-itself",
            "DaemonSet/shop/by-namespace",
            "ReplicaSet/ops/far",
            "Pod/shop/by-deployment-alone",
            "Pod/ops/elsewhere",
            "Pod/shop/p",
            "Pod/shop/by-pod",
        ]
    );
}

#[tokio::test]
async fn a_refused_list_is_unseen_and_a_broken_one_is_a_failure() {
    let (cluster, _) = cluster(|path, _| match path {
        "/apis/networking.k8s.io/v1/networkpolicies" => (403, json!({"message": "no"})),
        "/apis/batch/v1/cronjobs" => (404, json!({})),
        "/api/v1/services" => (500, json!({"message": "etcd is away"})),
        _ => empty(),
    });
    let gathered = read(&cluster, |_, _| {}).await;
    assert_eq!(gathered.unseen, ["NetworkPolicy"]);
    assert_eq!(gathered.failed.len(), 1);
    assert!(gathered.failed[0].1.contains("500: etcd is away"), "{:?}", gathered.failed);
    assert_eq!(gathered.scope(), Scope::Cluster { unseen: vec!["NetworkPolicy", "Service"] });
    assert_eq!(gathered.objects[0].reference(), "NetworkPolicy/*/*");
}

#[tokio::test]
async fn a_list_without_an_end_and_an_expired_one_come_to_an_end() {
    let (cluster, asked) = cluster(|path, query| match path {
        "/api/v1/pods" => (200, json!({"metadata": {"continue": "again"}, "items": []})),
        "/api/v1/services" if query.contains("continue") => (410, json!({})),
        "/api/v1/services" => {
            (200, json!({"metadata": {"continue": "old"}, "items": [{"metadata": {"name": "s"}}]}))
        }
        _ => empty(),
    });
    let gathered = read(&cluster, |_, _| {}).await;
    assert_eq!(gathered.objects.len(), 1, "a list that is begun anew is not told twice");
    assert_eq!(gathered.failed[0].0, "services");
    assert!(asked.lock().unwrap().len() < KINDS.len() + 12);
}

#[test]
fn the_least_role_lists_everything_that_is_read_and_nothing_else() {
    let role = least_role();
    let inventory = posture::object::inventory(0, posture::document::read(role.as_bytes()));
    assert_eq!(inventory.objects[0].reference(), "ClusterRole/sallyport-scan");
    for Kind { resource, .. } in KINDS {
        assert!(role.contains(resource), "{resource}");
    }
    for never in ["secrets", "configmaps", "pods/", "get", "watch", "*"] {
        assert!(!role.lines().skip(1).any(|line| line.contains(never)), "{never}");
    }
    // Our own checks have nothing against it.
    let checks: Vec<_> = posture::checks::all().collect();
    let found = posture::scan::scan(&inventory.objects, &checks);
    let failed = found.findings.iter().filter(|f| f.verdict == posture::scan::Verdict::Fail);
    assert_eq!(failed.count(), 0);
}
