//! Pods of a real Kubernetes: the columns beside kubectl's, how far people see, and what they see happen.
//!
//! `SALLYPORT_TEST_KUBECONFIG` names the administrator's kubeconfig of a cluster for tests, which must have the
//! image `sallyport.test/busybox:1`. Every run uses a namespace of its own and takes it away.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a suite of tests"
)]

#[path = "../../workspaces/tests/support/mod.rs"]
mod support;

use axum::Router;
use axum::extract::FromRef;
use futures_util::{StreamExt as _, stream};
use http::{Request, StatusCode};
use http_api::HttpApi;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use k8s_openapi::api::rbac::v1::RoleBinding;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube_io::{Cluster, ClusterSource};
use pods::Pods;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use support::{Hub, administrator, hub, kubeconfig, run_id};
use tokio_util::sync::CancellationToken;

const IMAGE: &str = "sallyport.test/busybox:1";

#[derive(Clone)]
struct State {
    api: HttpApi,
    pods: Pods,
}
impl FromRef<State> for HttpApi {
    fn from_ref(state: &State) -> Self {
        state.api.clone()
    }
}
impl FromRef<State> for Pods {
    fn from_ref(state: &State) -> Self {
        state.pods.clone()
    }
}

fn serve(hub: &Hub) -> Router {
    let pods = Pods::new(hub.api.clone(), CancellationToken::new());
    let state = State { api: hub.api.clone(), pods };
    let (router, _) = pods::router::<State>().split_for_parts();
    http_api::fortify(router, &hub.api).with_state(state)
}

fn from<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

async fn namespace(admin: &Cluster) -> String {
    let name = format!("pods-test-{}", run_id());
    let spaces: Api<Namespace> = Api::all(admin.as_hub());
    spaces
        .create(&PostParams::default(), &from(json!({ "metadata": { "name": name } })))
        .await
        .unwrap();
    name
}

async fn strike(admin: &Cluster, namespace: &str) {
    let spaces: Api<Namespace> = Api::all(admin.as_hub());
    spaces.delete(namespace, &DeleteParams::background()).await.unwrap();
}

fn container(name: &str, script: &str) -> Value {
    json!({ "name": name, "image": IMAGE, "imagePullPolicy": "IfNotPresent", "command": ["sh", "-c", script] })
}

fn pod(name: &str, spec: Value) -> Value {
    let mut spec = spec;
    spec["automountServiceAccountToken"] = false.into();
    // A shell as process 1 heeds no SIGTERM: long enough to be seen going.
    spec["terminationGracePeriodSeconds"] = 5.into();
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name }, "spec": spec })
}

/// Pods in every state that `printPod` tells apart and a cluster of one node can show.
fn zoo() -> Vec<(&'static str, Value)> {
    let sleep = || container("main", "sleep 3600");
    let never = "Never";
    let memory = |mut it: Value, amount: &str| {
        it["resources"] = json!({ "limits": { "memory": amount } });
        it
    };
    let pull = |mut it: Value| {
        it["image"] = "sallyport.test/there-is-none:1".into();
        it["imagePullPolicy"] = never.into();
        it
    };
    let unready = |mut it: Value| {
        it["readinessProbe"] = json!({ "exec": { "command": ["false"] } });
        it
    };
    let sidecar = |script: &str| {
        let mut it = container("side", script);
        it["restartPolicy"] = "Always".into();
        it
    };
    let hog = "x=a; while :; do x=$x$x; done";
    vec![
        ("Running", json!({ "containers": [sleep()] })),
        ("Completed", json!({ "restartPolicy": never, "containers": [container("main", "true")] })),
        ("Error", json!({ "restartPolicy": never, "containers": [container("main", "exit 3")] })),
        ("CrashLoopBackOff", json!({ "containers": [container("main", "exit 1")] })),
        ("ErrImageNeverPull", json!({ "containers": [pull(sleep())] })),
        (
            "OOMKilled",
            json!({ "restartPolicy": never, "containers": [memory(container("main", hog), "16Mi")] }),
        ),
        (
            "Init:Error",
            json!({ "restartPolicy": never, "initContainers": [container("init", "exit 1")], "containers": [sleep()] }),
        ),
        (
            "Init:CrashLoopBackOff",
            json!({ "initContainers": [container("init", "exit 1")], "containers": [sleep()] }),
        ),
        (
            "Init:1/2",
            json!({ "initContainers": [container("one", "true"), container("two", "sleep 3600")], "containers": [sleep()] }),
        ),
        ("Running", json!({ "initContainers": [sidecar("sleep 3600")], "containers": [sleep()] })),
        (
            "NotReady",
            json!({ "restartPolicy": never, "containers": [container("done", "true"), sleep()] }),
        ),
        ("Running", json!({ "containers": [unready(sleep())] })),
        // Its container ended by a signal, and that is what kubectl shows.
        ("Error", json!({ "activeDeadlineSeconds": 2, "containers": [sleep()] })),
        (
            "SchedulingGated",
            json!({ "schedulingGates": [{ "name": "example.com/wait" }], "containers": [sleep()] }),
        ),
        ("Pending", json!({ "nodeSelector": { "there": "is-none" }, "containers": [sleep()] })),
        ("Terminating", json!({ "containers": [sleep()] })),
    ]
}

/// NAME → (READY, STATUS, RESTARTS) as the API server prints them for kubectl.
async fn table(admin: &Cluster, namespace: &str) -> BTreeMap<String, (String, String, String)> {
    let request = Request::get(format!("/api/v1/namespaces/{namespace}/pods"))
        .header("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")
        .body(Vec::new())
        .unwrap();
    let table: Value = admin.as_hub().request(request).await.unwrap();
    let rows = table["rows"].as_array().unwrap().iter();
    let cell = |row: &Value, index: usize| match &row["cells"][index] {
        Value::String(text) => text.split(' ').next().unwrap_or_default().to_owned(),
        other => other.to_string(),
    };
    rows.map(|row| (cell(row, 0), (cell(row, 1), cell(row, 2), cell(row, 3)))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_columns_are_kubectls() {
    let kubeconfig = kubeconfig();
    let admin = administrator(&kubeconfig).await;
    let place = namespace(&admin).await;
    let api: Api<Pod> = Api::namespaced(admin.as_hub(), &place);
    let mut expected = BTreeMap::new();
    for (number, (reason, spec)) in zoo().into_iter().enumerate() {
        let name = format!("z{number:02}");
        let mut manifest = pod(&name, spec);
        if reason == "Terminating" {
            manifest["metadata"]["finalizers"] = json!(["example.com/stay"]);
        }
        api.create(&PostParams::default(), &from(manifest)).await.unwrap();
        expected.insert(name, reason);
    }
    let last = format!("z{:02}", zoo().len() - 1);
    let hub = hub(vec![admin.clone()]).await;
    let router = serve(&hub);
    let root = hub.browser("root", &["system:masters"], "real").await;
    let since = Instant::now();
    let (mut going, mut compared) = (false, 0);
    // Some states come and go: each must have been seen, not all at once.
    while !expected.is_empty() {
        let before = table(&admin, &place).await;
        let (code, list) = root.get(&router, "/api/v1/pods").await;
        assert_eq!(code, StatusCode::OK, "{list}");
        // A Pod that changed while the two were read is compared the next time.
        if before == table(&admin, &place).await {
            let items = list["items"].as_array().unwrap().iter();
            let ours: BTreeMap<String, (String, String, String)> = items
                .filter(|pod| pod["namespace"] == place.as_str())
                .map(|pod| {
                    let text = |key: &str| pod[key].as_str().unwrap().to_owned();
                    (text("name"), (text("ready"), text("reason"), pod["restarts"].to_string()))
                })
                .collect();
            assert_eq!(ours, before, "the console and kubectl say different things");
            compared += 1;
            expected.retain(|name, reason| before.get(name).is_none_or(|row| row.1 != *reason));
            if !going && before[&last].1 == "Running" {
                api.delete(&last, &DeleteParams::default()).await.unwrap();
                going = true;
            }
        }
        // A kubelet tells of its back-off with its next look, a minute or more later: only when it lasts that long.
        assert!(since.elapsed() < Duration::from_secs(300), "not seen: {expected:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    eprintln!("compared {compared} times with kubectl's columns in {:?}", since.elapsed());
    let free = Patch::Merge(json!({ "metadata": { "finalizers": null } }));
    api.patch(&last, &PatchParams::default(), &free).await.unwrap();
    strike(&admin, &place).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_see_what_rbac_lets_them_and_no_longer() {
    let kubeconfig = kubeconfig();
    let admin = administrator(&kubeconfig).await;
    let place = namespace(&admin).await;
    let api: Api<Pod> = Api::namespaced(admin.as_hub(), &place);
    let sleeper =
        |name: &str| from(pod(name, json!({ "containers": [container("main", "sleep 3600")] })));
    api.create(&PostParams::default(), &sleeper("first")).await.unwrap();
    let bindings: Api<RoleBinding> = Api::namespaced(admin.as_hub(), &place);
    let user = format!("viewer-{place}");
    let binding = json!({
        "metadata": { "name": "viewer" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view" },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user }],
    });
    bindings.create(&PostParams::default(), &from(binding)).await.unwrap();
    let hub = hub(vec![admin.clone()]).await;
    let router = serve(&hub);
    let viewer = hub.browser(&user, &[], "real").await;
    let stranger = hub.browser(&format!("stranger-{place}"), &[], "real").await;

    let (_, list) = viewer.get(&router, "/api/v1/pods").await;
    assert_eq!((&list["scope"], &list["namespaces"]), (&json!("namespaces"), &json!([place])));
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
    let (code, one) = viewer.get(&router, &format!("/api/v1/pods/real/{place}/first")).await;
    assert_eq!((code, &one["name"]), (StatusCode::OK, &json!("first")));
    let (_, list) = stranger.get(&router, "/api/v1/pods").await;
    assert_eq!((&list["items"], &list["namespaces"]), (&json!([]), &json!([])));
    let (code, problem) = stranger.get(&router, &format!("/api/v1/pods/real/{place}/first")).await;
    assert_eq!((code, &problem["code"]), (StatusCode::FORBIDDEN, &json!("forbidden")));

    let mut events = viewer.events(&router, "/api/v1/pods/watch").await.unwrap();
    let (name, snapshot) = events.next().await.unwrap();
    assert_eq!((name.as_str(), snapshot["items"].as_array().unwrap().len()), ("snapshot", 1));
    let is =
        |change: &Value, kind: &str| change["kind"] == kind && change["pod"]["name"] == "second";
    api.create(&PostParams::default(), &sleeper("second")).await.unwrap();
    while !is(&events.named("change").await, "applied") {}
    api.delete("second", &DeleteParams::default()).await.unwrap();
    while !is(&events.named("change").await, "deleted") {}

    let since = Instant::now();
    bindings.delete("viewer", &DeleteParams::default()).await.unwrap();
    while events.within(Duration::from_secs(90)).await.is_some() {}
    eprintln!("a right that was withdrawn ended the watch after {:?}", since.elapsed());
    assert!(since.elapsed() < Duration::from_secs(60));
    strike(&admin, &place).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_away_leaves_the_other_one_listed() {
    let kubeconfig = kubeconfig();
    let admin = administrator(&kubeconfig).await;
    let mut config = kube::config::Kubeconfig::read_from(&kubeconfig).unwrap();
    // Nothing listens on port 1.
    config.clusters[0].cluster.as_mut().unwrap().server = Some("https://127.0.0.1:1".to_owned());
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), serde_json::to_string(&config).unwrap()).unwrap();
    let source = ClusterSource::Kubeconfig { path: file.path().to_owned(), context: None };
    let away = Cluster::open("away".parse().unwrap(), &source).await.unwrap();
    let hub = hub(vec![admin.clone(), away]).await;
    let name = format!("pods-test-{}", run_id());
    let bob = hub.account(&name).await;
    let router = serve(&hub);
    let (code, list) = bob.get(&router, "/api/v1/pods").await;
    assert_eq!((code, &list["clusters_unreachable"]), (StatusCode::OK, &json!(["away"])), "{list}");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_pods_than_a_page_holds_are_listed_whole() {
    const COUNT: usize = 1200;
    let kubeconfig = kubeconfig();
    let admin = administrator(&kubeconfig).await;
    let place = namespace(&admin).await;
    let api: Api<Pod> = Api::namespaced(admin.as_hub(), &place);
    // Behind a gate, so that no node has to run them.
    let gated = |number: usize| {
        let gate = json!([{ "name": "example.com/wait" }]);
        let spec = json!({ "schedulingGates": gate, "containers": [container("main", "true")] });
        from::<Pod>(pod(&format!("p{number:04}"), spec))
    };
    let makes = (0..COUNT).map(|number| {
        let (api, pod) = (api.clone(), gated(number));
        async move { api.create(&PostParams::default(), &pod).await.map(drop) }
    });
    let made: Vec<_> = stream::iter(makes).buffer_unordered(32).collect().await;
    assert!(made.iter().all(Result::is_ok));
    let hub = hub(vec![admin.clone()]).await;
    let router = serve(&hub);
    let root = hub.browser("root", &["system:masters"], "real").await;
    let ours = |list: &Value| {
        let items = list["items"].as_array().unwrap().iter();
        items.filter(|pod| pod["namespace"] == place.as_str()).count()
    };
    let since = Instant::now();
    let (_, list) = root.get(&router, "/api/v1/pods").await;
    eprintln!("{COUNT} Pods listed in {:?}", since.elapsed());
    assert_eq!(ours(&list), COUNT);
    let since = Instant::now();
    let mut events = root.events(&router, "/api/v1/pods/watch").await.unwrap();
    let snapshot = events.named("snapshot").await;
    eprintln!("{COUNT} Pods as a snapshot in {:?}", since.elapsed());
    assert_eq!(ours(&snapshot), COUNT);
    strike(&admin, &place).await;
}
