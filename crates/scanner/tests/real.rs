//! Threats staged on a real Kubernetes: found with evidence, answered as the advice says, and found no more.
//!
//! `SALLYPORT_TEST_KUBECONFIG` names the administrator's kubeconfig of a cluster for tests, which must have the
//! image `sallyport.test/busybox:1`. What is staged there lives in a namespace of its own and is taken away. The
//! API server's own flags are staged on a cluster that this suite starts and takes down.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a suite of tests"
)]

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Namespace, Pod, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube_io::{Cluster, ClusterSource};
use posture::scan::Verdict;
use scanner::node::Machine;
use scanner::{Material, Report, Waivers};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const IMAGE: &str = "sallyport.test/busybox:1";

/// The administrator's kubeconfig; without one the suite says that it did not run, and fails in CI.
fn kubeconfig() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("SALLYPORT_TEST_KUBECONFIG") {
        return Some(path.into());
    }
    let missing = "scans of a real cluster: SALLYPORT_TEST_KUBECONFIG is not set";
    assert!(std::env::var_os("CI").is_none(), "{missing}, and in CI this suite must run");
    eprintln!("\n=== {missing}: NOT RUN ===\n");
    None
}

async fn administrator(path: &Path) -> Cluster {
    let source = ClusterSource::Kubeconfig { path: path.to_owned(), context: None };
    Cluster::open("real".parse().unwrap(), &source).await.unwrap()
}

/// The same cluster as somebody else sees it.
async fn as_user(path: &Path, user: &str) -> Cluster {
    let kubeconfig = kube::config::Kubeconfig::read_from(path).unwrap();
    let mut config =
        kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await.unwrap();
    config.auth_info.impersonate = Some(user.to_owned());
    Cluster::from_client("real".parse().unwrap(), kube::Client::try_from(config).unwrap())
}

async fn scan(cluster: &Cluster) -> Report {
    let gathered = scanner::cluster::read(cluster, |_, _| {}).await;
    let checks: Vec<_> = posture::checks::all().collect();
    Report::of(Material::of_cluster(gathered), &checks, &Waivers::default())
}

/// What a check says of an object: `true` if it fails there.
fn fails(report: &Report, check: &str, object: &str) -> bool {
    let of = report.lines.iter().filter(|line| line.check.id == check);
    let mut verdicts = of
        .filter(|line| report.references[line.object] == object)
        .map(|line| line.verdict)
        .peekable();
    assert!(verdicts.peek().is_some(), "{check} says nothing of {object}");
    verdicts.any(|verdict| verdict == Verdict::Fail)
}

fn from<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

async fn create<K>(api: &Api<K>, value: Value)
where
    K: kube::Resource + Clone + serde::Serialize + serde::de::DeserializeOwned + std::fmt::Debug,
    K::DynamicType: Default,
{
    api.create(&PostParams::default(), &from(value)).await.unwrap();
}

async fn patch<K>(api: &Api<K>, name: &str, value: Value)
where
    K: kube::Resource + Clone + serde::Serialize + serde::de::DeserializeOwned + std::fmt::Debug,
    K::DynamicType: Default,
{
    api.patch(name, &PatchParams::default(), &Patch::Merge(value)).await.unwrap();
}

#[tokio::test]
async fn threats_in_a_cluster_are_found_fixed_and_found_no_more() {
    let Some(path) = kubeconfig() else { return };
    let admin = administrator(&path).await;
    let space = format!("scan-test-{}", std::process::id());
    let client = || admin.as_hub();
    let spaces: Api<Namespace> = Api::all(client());
    let deployments: Api<Deployment> = Api::namespaced(client(), &space);
    let roles: Api<ClusterRole> = Api::all(client());
    let bindings: Api<ClusterRoleBinding> = Api::all(client());
    create(&spaces, json!({"metadata": {"name": space}})).await;
    create(
        &Api::<ServiceAccount>::namespaced(client(), &space),
        json!({"metadata": {"name": "boss"}}),
    )
    .await;
    create(&roles, json!({"metadata": {"name": space}, "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]})).await;
    create(&bindings, json!({"metadata": {"name": space}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": space},
        "subjects": [{"kind": "ServiceAccount", "name": "boss", "namespace": space}]})).await;
    create(&Api::<Service>::namespaced(client(), &space), json!({"metadata": {"name": "web"},
        "spec": {"type": "NodePort", "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}})).await;
    create(&deployments, json!({"metadata": {"name": "web"}, "spec": {"selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"serviceAccountName": "boss", "containers": [{
            "name": "web", "image": IMAGE, "imagePullPolicy": "IfNotPresent", "command": ["sleep", "3600"],
            "securityContext": {"privileged": true}, "volumeMounts": [{"name": "host", "mountPath": "/host"}]}],
            "volumes": [{"name": "host", "hostPath": {"path": "/"}}]}}}})).await;
    let pods: Api<Pod> = Api::namespaced(client(), &space);
    let since = Instant::now();
    while pods.list(&ListParams::default()).await.unwrap().items.is_empty() {
        assert!(since.elapsed() < Duration::from_secs(30), "no Pod was made");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    let web = format!("Deployment/{space}/web");
    let staged = [
        ("privileged-container", web.clone()),
        ("host-path-sensitive", web.clone()),
        ("network-policy-none", web.clone()),
        ("published-without-policy", web.clone()),
        ("role-wildcard", format!("ClusterRole/{space}")),
        ("account-dangerous-rights", format!("ClusterRoleBinding/{space}")),
        ("namespace-deny-ingress", format!("Namespace/{space}")),
        ("namespace-pod-security", format!("Namespace/{space}")),
    ];
    let mut report = scan(&admin).await;
    for (check, object) in &staged {
        assert!(fails(&report, check, object), "{check} should fail on {object}");
    }
    let told = |kind: &str| {
        report.references.iter().any(|name| name.starts_with(&format!("{kind}/{space}/")))
    };
    assert!(!told("Pod") && !told("ReplicaSet"), "a Pod is told once, at its Deployment");
    let evidence = report
        .lines
        .iter()
        .find(|line| {
            line.check.id == "privileged-container"
                && line.verdict == Verdict::Fail
                && report.references[line.object] == web
        })
        .unwrap();
    assert_eq!(evidence.path, "spec.template.spec.containers[0].securityContext.privileged");
    report.find_paths(Some(&web)).unwrap();
    assert!(report.paths.unwrap().iter().all(|path| path.hops.len() <= 2 && !path.hops.is_empty()));

    // As the advice of each says.
    patch(&deployments, "web", json!({"spec": {"template": {"spec": {"automountServiceAccountToken": false, "volumes": null,
        "containers": [{"name": "web", "image": IMAGE, "imagePullPolicy": "IfNotPresent", "command": ["sleep", "3600"]}]}}}})).await;
    patch(
        &roles,
        &space,
        json!({"rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]}),
    )
    .await;
    patch(
        &spaces,
        &space,
        json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "baseline"}}}),
    )
    .await;
    create(
        &Api::<NetworkPolicy>::namespaced(client(), &space),
        json!({"metadata": {"name": "deny"},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}}),
    )
    .await;
    let mut report = scan(&admin).await;
    for (check, object) in &staged {
        assert!(!fails(&report, check, object), "{check} should fail on {object} no more");
    }
    report.find_paths(Some(&web)).unwrap();
    assert!(report.paths.unwrap().iter().all(|path| path.hops.is_empty()));

    // What may not be read is unknown, and the least role is enough.
    let user = format!("system:serviceaccount:{space}:boss");
    let nothing = scan(&as_user(&path, &user).await).await;
    assert_eq!((nothing.told().open, nothing.told().failures), (0, 1));
    let inventory = posture::object::inventory(
        0,
        posture::document::read(scanner::cluster::least_role().as_bytes()),
    );
    let resources: Vec<&str> = scanner::cluster::KINDS.iter().map(|kind| kind.resource).collect();
    assert_eq!(inventory.objects.len(), 1);
    let but_policies: Vec<_> =
        resources.iter().filter(|name| **name != "networkpolicies").collect();
    patch(
        &roles,
        &space,
        json!({"rules": [{"apiGroups": ["*"], "resources": but_policies, "verbs": ["list"]}]}),
    )
    .await;
    let partly = scan_when(&path, &user, |report| report.told().failures == 0).await;
    let verdict = |check: &str, object: &str| {
        partly
            .lines
            .iter()
            .find(|line| line.check.id == check && partly.references[line.object] == object)
            .map(|line| line.verdict)
    };
    assert_eq!(verdict("network-policy-none", &web), Some(Verdict::Unknown));
    assert_eq!(
        verdict("namespace-deny-ingress", &format!("Namespace/{space}")),
        Some(Verdict::Unknown)
    );
    assert_eq!(verdict("policy-allows-all-ingress", "NetworkPolicy/*/*"), Some(Verdict::Unknown));
    patch(
        &roles,
        &space,
        json!({"rules": [{"apiGroups": ["*"], "resources": resources, "verbs": ["list"]}]}),
    )
    .await;
    scan_when(&path, &user, |report| report.objects.iter().all(|object| object.seen)).await;

    bindings.delete(&space, &DeleteParams::default()).await.unwrap();
    roles.delete(&space, &DeleteParams::default()).await.unwrap();
    spaces.delete(&space, &DeleteParams::background()).await.unwrap();
}

/// Scans until the API server's authorizer has seen a role change, which takes it a moment.
async fn scan_when(path: &Path, user: &str, ready: impl Fn(&Report) -> bool) -> Report {
    let cluster = as_user(path, user).await;
    let since = Instant::now();
    loop {
        let report = scan(&cluster).await;
        if ready(&report) {
            return report;
        }
        assert!(since.elapsed() < Duration::from_secs(20), "the role has no effect");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A cluster of this suite's own, taken down at its end.
struct OwnCluster {
    script: PathBuf,
    name: &'static str,
}

impl OwnCluster {
    fn up(&self, flags: &str) {
        let status = Command::new(&self.script)
            .args(["up", "--name", self.name])
            .env("SALLYPORT_APISERVER_FLAGS", flags)
            .status()
            .unwrap();
        assert!(status.success(), "the cluster {} does not start", self.name);
    }

    /// Scans the processes of this cluster alone: others run beside it.
    fn scan(&self) -> Report {
        let mark = format!("/clusters/{}/", self.name);
        let only = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
            let entry = entry.unwrap();
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let line = std::fs::read(entry.path().join("cmdline")).ok()?;
            String::from_utf8_lossy(&line).contains(&mark).then_some(pid)
        });
        let machine = Machine { only: only.collect(), ..Machine::default() };
        assert!(!machine.only.is_empty());
        let checks: Vec<_> = posture::checks::all().collect();
        Report::of(scanner::node::read(&machine), &checks, &Waivers::default())
    }
}

impl Drop for OwnCluster {
    fn drop(&mut self) {
        let _ = Command::new(&self.script).args(["down", "--name", self.name]).status();
    }
}

#[test]
fn threats_on_a_node_are_found_in_running_processes_fixed_and_found_no_more() {
    if kubeconfig().is_none() {
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cluster/cluster");
    let cluster = OwnCluster { script, name: "scan-threats" };
    cluster.up("");
    let report = cluster.scan();
    assert_eq!(report.told().failures, 0);
    let server =
        report.references.iter().find(|name| name.starts_with("KubeApiserver/")).unwrap().clone();
    let staged = ["api-audit-log", "api-audit-policy", "api-anonymous-auth", "api-profiling"];
    for check in staged {
        assert!(fails(&report, check, &server), "{check}");
    }
    let line = report.lines.iter().find(|line| line.check.id == "api-audit-log").unwrap();
    let source = &report.sources[report.objects[line.object].source_of(&line.path)];
    assert!(source.starts_with("/proc/") && source.ends_with("/cmdline"), "{source}");
    // The kubelet's own are told from its configuration file, by line.
    let seccomp =
        report.lines.iter().find(|line| line.check.id == "kubelet-seccomp-default").unwrap();
    let source = &report.sources[report.objects[seccomp.object].source_of(&seccomp.path)];
    assert!(seccomp.verdict == Verdict::Fail && source.ends_with("/kubelet.yaml"), "{source}");

    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("audit.yaml");
    std::fs::write(
        &policy,
        "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: Metadata\n",
    )
    .unwrap();
    cluster.up(&format!(
        "--anonymous-auth=false --profiling=false --audit-policy-file={} --audit-log-path={} --audit-log-maxage=30 --audit-log-maxbackup=10 --audit-log-maxsize=100",
        policy.display(), folder.path().join("audit.log").display()
    ));
    let report = cluster.scan();
    let server =
        report.references.iter().find(|name| name.starts_with("KubeApiserver/")).unwrap().clone();
    for check in staged.iter().chain(&[
        "audit-policy-writes-secrets",
        "audit-policy-misses-exec",
        "api-audit-age",
    ]) {
        assert!(!fails(&report, check, &server), "{check} should fail no more");
    }
}
