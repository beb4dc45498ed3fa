//! The whole against a real Kubernetes, with a hub that holds exactly the rights that it says it needs.
//!
//! `SALLYPORT_TEST_KUBECONFIG` names the administrator's kubeconfig of a cluster for tests, which must have the
//! image `sallyport.test/shell:1`. Every run uses names of its own and takes its namespaces away.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a suite of tests that tells what it measured"
)]

mod served;
mod support;

use axum::Router;
use http::StatusCode;
use k8s_openapi::api::core::v1::{Namespace, Pod, ResourceQuota, Secret, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, RoleBinding};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube_io::{
    Cluster, ClusterSource, EnterPod, ExecEnd, ExecFrame, ExecStart, TokenVerdict, Verdict,
};
use model::{Identity, PodPlace, Process};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Instant;
use support::{Browser, Hub, administrator, hub, kubeconfig, run_id};
use workspaces::{Template, Workspaces, namespace_of};

const PATH: &str = "/api/v1/workspaces";
const IMAGE: &str = "sallyport.test/shell:1";

/// A hub before the real cluster, with a service account of its own.
struct Stage {
    run: String,
    admin: Cluster,
    hub: Hub,
    token: String,
    people: std::sync::Mutex<Vec<String>>,
    _kubeconfig: tempfile::NamedTempFile,
}

impl Stage {
    async fn set(kubeconfig: &std::path::Path) -> Self {
        let admin = administrator(kubeconfig).await;
        let run = run_id();
        let name = format!("sallyport-test-{run}");
        let accounts: Api<ServiceAccount> = Api::namespaced(admin.as_hub(), "default");
        let account = json!({ "metadata": { "name": name } });
        accounts.create(&PostParams::default(), &from(account)).await.unwrap();
        let roles: Api<ClusterRole> = Api::all(admin.as_hub());
        roles.create(&PostParams::default(), &hub_role(&name)).await.unwrap();
        let bindings: Api<ClusterRoleBinding> = Api::all(admin.as_hub());
        let binding = json!({
            "metadata": { "name": name },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name },
            "subjects": [{ "kind": "ServiceAccount", "name": name, "namespace": "default" }],
        });
        bindings.create(&PostParams::default(), &from(binding)).await.unwrap();
        let request = from(json!({ "spec": { "audiences": [], "expirationSeconds": 3600 } }));
        let token = accounts.create_token_request(&name, &PostParams::default(), &request).await;
        let token = token.unwrap().status.unwrap().token.unwrap();

        let mut config = kube::config::Kubeconfig::read_from(kubeconfig).unwrap();
        let user = config.auth_infos[0].name.clone();
        config.auth_infos = vec![from(json!({ "name": user, "user": { "token": token.clone() } }))];
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), serde_json::to_string(&config).unwrap()).unwrap();
        let source = ClusterSource::Kubeconfig { path: file.path().to_owned(), context: None };
        let cluster = Cluster::open("real".parse().unwrap(), &source).await.unwrap();
        let hub = hub(vec![cluster]).await;
        Self { run, admin, hub, token, people: std::sync::Mutex::default(), _kubeconfig: file }
    }

    fn serve(&self, templates: Vec<Template>, person: u32, total: u32) -> (Router, Workspaces) {
        let (router, workspaces, _) = served::serve(&self.hub, templates, person, total);
        (router, workspaces)
    }

    fn user(&self, name: &str) -> String {
        let user = format!("sallyport:{name}-{}", self.run);
        self.people.lock().unwrap().push(user.clone());
        user
    }

    async fn browser(&self, user: &str) -> Browser {
        self.hub.browser(user, &[], "real").await
    }

    fn client_of(&self, user: &str) -> kube::Client {
        // Past the hub, as kubectl would; the administrator may impersonate anybody.
        let user = http::HeaderValue::from_bytes(user.as_bytes()).unwrap();
        let admin = self.admin.as_hub();
        let service = tower::service_fn(move |mut request: http::Request<kube::client::Body>| {
            let admin = admin.clone();
            request.headers_mut().insert("impersonate-user", user.clone());
            async move { admin.send(request).await }
        });
        kube::Client::new(service, "default")
    }

    /// Runs a command in the workspace as its owner; output and exit code.
    async fn run(&self, workspace: &Value, command: &str) -> (String, i32) {
        let text = |key: &str| workspace[key].as_str().unwrap();
        let place = PodPlace {
            cluster: "real".parse().unwrap(),
            namespace: text("namespace").parse().unwrap(),
            pod: text("pod").parse().unwrap(),
            uid: text("pod_uid").parse().unwrap(),
        };
        let cluster = self.hub.api.clusters.first().unwrap();
        let verdict = cluster.authorize(&identity(text("owner")), EnterPod { place }).await;
        let Verdict::Allowed(right) = verdict.unwrap() else { panic!("the owner may enter") };
        let process =
            Process { tty: false, command: ["bash", "-c", command].map(str::to_owned).to_vec() };
        let container = text("container").parse().unwrap();
        let start = ExecStart { container: &container, process: &process };
        let (_sink, mut source) = cluster.exec(&right, &start).await.unwrap();
        let mut output = Vec::new();
        loop {
            match source.next().await.expect("an end").unwrap() {
                ExecFrame::Output(bytes) => output.extend_from_slice(&bytes[1..]),
                ExecFrame::End(ExecEnd::Exited(code)) => {
                    return (String::from_utf8_lossy(&output).into_owned(), code);
                }
                ExecFrame::End(ExecEnd::Failed(why)) => panic!("{why}"),
            }
        }
    }

    async fn strike(self) {
        let spaces: Api<Namespace> = Api::all(self.admin.as_hub());
        let people = self.people.into_inner().unwrap();
        for user in &people {
            spaces.delete(namespace_of(user).as_str(), &DeleteParams::background()).await.ok();
        }
        let name = format!("sallyport-test-{}", self.run);
        let accounts: Api<ServiceAccount> = Api::namespaced(self.admin.as_hub(), "default");
        accounts.delete(&name, &DeleteParams::default()).await.unwrap();
        let bindings: Api<ClusterRoleBinding> = Api::all(self.admin.as_hub());
        bindings.delete(&name, &DeleteParams::default()).await.unwrap();
        let roles: Api<ClusterRole> = Api::all(self.admin.as_hub());
        roles.delete(&name, &DeleteParams::default()).await.unwrap();
    }
}

/// The role that operators apply for the hub, under another name.
fn hub_role(name: &str) -> ClusterRole {
    let documents = include_str!("../../../deploy/hub-role.yaml");
    let documents: Vec<Value> = serde_saphyr::from_multiple(documents).unwrap();
    let role = documents.into_iter().find(|it| it["kind"] == "ClusterRole").unwrap();
    let mut role: ClusterRole = from(role);
    role.metadata.name = Some(name.to_owned());
    role
}

fn identity(user: &str) -> Identity {
    Identity { user: user.to_owned(), uid: None, groups: Vec::new(), extra: BTreeMap::new() }
}

fn from<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn debian() -> Template {
    let mut template = Template::debian_shell(IMAGE);
    template.resources.cpu_request = "10m".to_owned();
    template.resources.memory_request = "16Mi".to_owned();
    template
}

fn wish(template: &str) -> Value {
    json!({ "template": template })
}

/// Watches a workspace until its steps and state satisfy the test.
async fn until(
    browser: &Browser,
    router: &Router,
    made: &Value,
    done: impl Fn(&Value) -> bool,
) -> Value {
    let path = format!("{PATH}/{}/watch", made["id"].as_str().unwrap());
    let mut events = browser.events(router, &path).await.unwrap();
    loop {
        let told = events.named("workspace").await;
        if done(&told) {
            return told;
        }
    }
}

fn words(workspace: &Value) -> String {
    let steps = workspace["steps"].as_array().unwrap().iter();
    let lines = steps.map(|step| {
        format!(
            "  {} {} | {} | {}",
            step["at"], step["kind"], step["message"]["ko"], step["detail"]
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_from_the_wish_to_its_end() {
    let kubeconfig = kubeconfig();
    let stage = Stage::set(&kubeconfig).await;
    let (router, workspaces) = stage.serve(vec![debian()], 2, 10);
    let user = stage.user("alice");
    let alice = stage.browser(&user).await;
    let began = Instant::now();
    let (code, made) = alice.post(&router, PATH, wish("debian")).await;
    assert_eq!(code, StatusCode::CREATED, "{made}");
    eprintln!("first workspace, namespace included: made in {:?}", began.elapsed());
    let ready = until(&alice, &router, &made, |it| {
        it["steps"].as_array().unwrap().iter().any(|step| step["kind"] == "ready")
            && it["steps"].as_array().unwrap().len() > 4
    })
    .await;
    eprintln!("ready after {:?}\n{}", began.elapsed(), words(&ready));
    assert_eq!(ready["state"], "running");

    // A machine as people know it: packages, no zombies, nothing of the cluster's, and it stays.
    let (said, code) =
        stage.run(&ready, "apt-get update && apt-get install -y net-tools && ifconfig eth0").await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("inet "), "{said}");
    let (said, _) = stage
        .run(&ready, "for i in 1 2 3; do (sleep 0.1 &); done; sleep 0.5; ps -eo stat,args")
        .await;
    assert!(!said.contains("defunct") && !said.lines().any(|line| line.starts_with('Z')), "{said}");
    let (said, _) = stage.run(&ready, "ls /var/run/secrets 2>&1; env").await;
    assert!(!said.contains("serviceaccount"), "{said}");
    let (said, _) =
        stage.run(&ready, "grep -E 'NoNewPrivs|Seccomp:' /proc/self/status; locale charmap").await;
    assert!(
        said.contains("NoNewPrivs:\t1") && said.contains("Seccomp:\t2") && said.contains("UTF-8"),
        "{said}"
    );
    let (shells, _) =
        stage.run(&ready, "pkill -KILL -t pts/0 bash; sleep 1.5; pgrep -c -t pts/0 bash").await;
    assert_eq!(shells.trim(), "1", "the shell of the main process comes back");
    let (_, one) = alice.get(&router, &format!("{PATH}/{}", made["id"].as_str().unwrap())).await;
    assert_eq!((&one["state"], &one["pod_uid"]), (&json!("running"), &made["pod_uid"]));

    let began = Instant::now();
    let (code, second) = alice.post(&router, PATH, wish("debian")).await;
    assert_eq!(code, StatusCode::CREATED, "{second}");
    eprintln!("second workspace: made in {:?}", began.elapsed());
    until(&alice, &router, &second, |it| it["state"] == "running").await;
    eprintln!("second workspace: running after {:?}", began.elapsed());
    let (code, full) = alice.post(&router, PATH, wish("debian")).await;
    assert_eq!((code, &full["code"]), (StatusCode::CONFLICT, &json!("quota_person")));

    let began = Instant::now();
    let path = format!("{PATH}/{}", second["id"].as_str().unwrap());
    let mut events = alice.events(&router, &format!("{path}/watch")).await.unwrap();
    assert_eq!(alice.delete(&router, &path).await.0, StatusCode::ACCEPTED);
    let mut last = Value::Null;
    while let Some((_, told)) = events.next().await {
        last = told;
    }
    eprintln!("gone after {:?}, the watch ended with\n{}", began.elapsed(), words(&last));
    assert_eq!(last["state"], "finished");
    workspaces.drained().await;
    let (_, all) = alice.get(&router, PATH).await;
    assert_eq!(all["quota"]["used"], 1);
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_rules_hold_for_kubectl() {
    let kubeconfig = kubeconfig();
    let stage = Stage::set(&kubeconfig).await;
    let (router, _) = stage.serve(vec![debian()], 2, 10);
    let (alice, mallory) = (stage.user("alice"), stage.user("mallory"));
    for user in [&alice, &mallory] {
        let (code, made) = stage.browser(user).await.post(&router, PATH, wish("debian")).await;
        assert_eq!(code, StatusCode::CREATED, "{made}");
    }
    let own = namespace_of(&alice);
    let pods = |user: &str| Api::<Pod>::namespaced(stage.client_of(user), own.as_str());
    let code = |error: kube::Error| match error {
        kube::Error::Api(status) => (status.code, status.message.clone()),
        other => panic!("{other}"),
    };
    assert_eq!(pods(&alice).list(&ListParams::default()).await.unwrap().items.len(), 1);
    let (refused, said) = code(pods(&mallory).list(&ListParams::default()).await.unwrap_err());
    assert_eq!(refused, 403, "{said}");
    let secrets: Api<Secret> = Api::namespaced(stage.client_of(&alice), own.as_str());
    assert_eq!(code(secrets.list(&ListParams::default()).await.unwrap_err()).0, 403);
    let everywhere: Api<Pod> = Api::all(stage.client_of(&alice));
    assert_eq!(code(everywhere.list(&ListParams::default()).await.unwrap_err()).0, 403);
    let quotas: Api<ResourceQuota> = Api::namespaced(stage.client_of(&alice), own.as_str());
    assert!(quotas.get("sallyport-workspaces").await.is_ok());

    let pod = |name: &str, spec: Value| -> Pod {
        let mut pod = json!({ "metadata": { "name": name }, "spec": {
            "containers": [{ "name": "c", "image": IMAGE, "imagePullPolicy": "IfNotPresent", "command": ["sleep", "600"] }],
        } });
        for (key, value) in spec.as_object().unwrap() {
            pod["spec"][key] = value.clone();
        }
        from(pod)
    };
    let create = PostParams::default();
    for bad in [
        json!({ "hostNetwork": true }),
        json!({ "hostPID": true }),
        json!({ "volumes": [{ "name": "v", "hostPath": { "path": "/" } }] }),
        json!({ "containers": [{ "name": "c", "image": IMAGE, "securityContext": { "privileged": true } }] }),
        json!({ "containers": [{ "name": "c", "image": IMAGE, "securityContext": { "capabilities": { "add": ["SYS_ADMIN"] } } }] }),
    ] {
        let (refused, said) =
            code(pods(&alice).create(&create, &pod("bad", bad.clone())).await.unwrap_err());
        assert!(refused == 403 && said.contains("PodSecurity"), "{bad}: {said}");
    }
    let first = json!({ "priorityClassName": "system-node-critical" });
    let (refused, said) =
        code(pods(&alice).create(&create, &pod("first", first)).await.unwrap_err());
    assert!(refused == 403 && said.contains("sallyport-no-priority"), "{said}");
    // Two Pods a person: one is the workspace, one more fits, the third does not, whoever makes it.
    pods(&alice).create(&create, &pod("extra", json!({}))).await.unwrap();
    let (refused, said) =
        code(pods(&alice).create(&create, &pod("more", json!({}))).await.unwrap_err());
    assert!(refused == 403 && said.contains("exceeded quota"), "{said}");
    let (refused, problem) = stage.browser(&alice).await.post(&router, PATH, wish("debian")).await;
    assert_eq!((refused, &problem["code"]), (StatusCode::CONFLICT, &json!("quota_person")));
    assert_eq!(problem["decided_by"], "kubernetes", "{problem}");
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_creations_at_once_stay_within_both_limits() {
    let kubeconfig = kubeconfig();
    let stage = Stage::set(&kubeconfig).await;
    let (router, _) = stage.serve(vec![debian()], 3, 8);
    let users: Vec<String> = (0..5).map(|number| stage.user(&format!("p{number}"))).collect();
    let mut browsers = Vec::new();
    for user in &users {
        browsers.push(stage.browser(user).await);
    }
    let began = Instant::now();
    let calls = (0..100).map(|number| {
        let (router, browser) = (router.clone(), browsers[number % browsers.len()].clone());
        tokio::spawn(async move { browser.post(&router, PATH, wish("debian")).await })
    });
    let mut answers: BTreeMap<String, u32> = BTreeMap::new();
    for call in calls.collect::<Vec<_>>() {
        let (code, answer) = call.await.unwrap();
        let word =
            if code == StatusCode::CREATED { "made" } else { answer["code"].as_str().unwrap() };
        *answers.entry(word.to_owned()).or_insert(0) += 1;
    }
    eprintln!("100 at once in {:?}: {answers:?}", began.elapsed());
    assert_eq!(answers["made"], 8, "{answers:?}");
    let mut total = 0;
    for user in &users {
        let pods: Api<Pod> = Api::namespaced(stage.admin.as_hub(), namespace_of(user).as_str());
        let count = pods.list(&ListParams::default()).await.unwrap().items.len();
        assert!(count <= 3, "{user}: {count}");
        total += count;
    }
    assert_eq!(total, 8);
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_is_kept_in_shape_and_a_foreign_one_left_alone() {
    let kubeconfig = kubeconfig();
    let stage = Stage::set(&kubeconfig).await;
    let alice = stage.user("alice");
    let browser = stage.browser(&alice).await;
    let (router, _) = stage.serve(vec![debian()], 3, 10);
    assert_eq!(browser.post(&router, PATH, wish("debian")).await.0, StatusCode::CREATED);
    let own = namespace_of(&alice);
    let spaces: Api<Namespace> = Api::all(stage.admin.as_hub());
    let label = "pod-security.kubernetes.io/enforce";
    let loosened = json!({ "metadata": { "labels": { label: "privileged" } } });
    spaces.patch(own.as_str(), &PatchParams::default(), &Patch::Merge(&loosened)).await.unwrap();
    let policies: Api<NetworkPolicy> = Api::namespaced(stage.admin.as_hub(), own.as_str());
    policies.delete("sallyport-workspaces", &DeleteParams::default()).await.unwrap();
    let bindings: Api<RoleBinding> = Api::namespaced(stage.admin.as_hub(), own.as_str());
    bindings.delete("sallyport-workspace-owner", &DeleteParams::default()).await.unwrap();
    // A hub that was just started remembers nothing.
    let (router, _) = stage.serve(vec![debian()], 3, 10);
    let (code, made) = browser.post(&router, PATH, wish("debian")).await;
    assert_eq!(code, StatusCode::CREATED, "{made}");
    let space = spaces.get(own.as_str()).await.unwrap();
    assert_eq!(space.metadata.labels.unwrap()[label], "baseline");
    assert!(policies.get("sallyport-workspaces").await.is_ok());
    assert!(bindings.get("sallyport-workspace-owner").await.is_ok());

    let bob = stage.user("bob");
    let theirs =
        json!({ "metadata": { "name": namespace_of(&bob).as_str(), "labels": { "team": "x" } } });
    spaces.create(&PostParams::default(), &from(theirs)).await.unwrap();
    let (code, problem) = stage.browser(&bob).await.post(&router, PATH, wish("debian")).await;
    assert_eq!((code, &problem["code"]), (StatusCode::CONFLICT, &json!("conflict")), "{problem}");
    let space = spaces.get(namespace_of(&bob).as_str()).await.unwrap();
    assert!(!space.metadata.labels.unwrap().contains_key(label));

    // Marks that anybody may write who may make namespaces, down to those of the one that was here before.
    let mut forged = spaces.get(own.as_str()).await.unwrap();
    spaces.delete(own.as_str(), &DeleteParams::background()).await.unwrap();
    while spaces.get_opt(own.as_str()).await.unwrap().is_some() {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    forged.metadata.uid = None;
    forged.metadata.resource_version = None;
    forged.metadata.managed_fields = None;
    spaces.create(&PostParams::default(), &forged).await.unwrap();
    let (code, problem) = browser.post(&router, PATH, wish("debian")).await;
    assert_eq!((code, &problem["code"]), (StatusCode::CONFLICT, &json!("conflict")), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("did not make it"), "{problem}");
    assert!(policies.get_opt("sallyport-workspaces").await.unwrap().is_none());
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_a_real_token_names_gets_a_workspace() {
    let kubeconfig = kubeconfig();
    let stage = Stage::set(&kubeconfig).await;
    let (router, _) = stage.serve(vec![debian()], 3, 10);
    // The hub's own account serves as somebody with a UID and extra attributes.
    let cluster = stage.hub.api.clusters.first().unwrap();
    let verdict = cluster.token_review(&model::Secret::new(stage.token.clone())).await.unwrap();
    let TokenVerdict::Authenticated(identity) = verdict else { panic!("the token holds") };
    assert!(identity.uid.is_some() && !identity.extra.is_empty(), "{identity:?}");
    stage.people.lock().unwrap().push(identity.user.clone());
    let robot = stage.hub.browser_of(identity, "real").await;
    let (code, made) = robot.post(&router, PATH, wish("debian")).await;
    assert_eq!(code, StatusCode::CREATED, "{made}");
    until(&robot, &router, &made, |it| it["state"] == "running").await;
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_a_workspace_from_starting_is_said_in_words() {
    let kubeconfig = kubeconfig();
    let stage = Stage::set(&kubeconfig).await;
    let mut missing = debian();
    missing.name = "missing".to_owned();
    missing.image = "sallyport.test/there-is-none:1".to_owned();
    missing.default = false;
    let mut large = debian();
    large.name = "large".to_owned();
    large.resources.cpu_request = "900".to_owned();
    large.resources.cpu_limit = "900".to_owned();
    large.default = false;
    let mut brief = debian();
    brief.name = "brief".to_owned();
    brief.command = ["sh", "-c", "exit 3"].map(str::to_owned).to_vec();
    brief.default = false;
    let (router, _) = stage.serve(vec![missing, large, brief], 3, 10);
    let alice = stage.browser(&stage.user("alice")).await;
    for (template, state, part) in [
        ("missing", "starting", "이미지를 받을 수 없습니다"),
        ("large", "starting", "CPU가 충분한 노드가 없습니다"),
        ("brief", "failed", "오류로 종료되었습니다"),
    ] {
        let (code, made) = alice.post(&router, PATH, wish(template)).await;
        assert_eq!(code, StatusCode::CREATED, "{made}");
        let told = until(&alice, &router, &made, |it| {
            let steps = it["steps"].as_array().unwrap();
            it["state"] == state
                && steps.iter().any(|step| step["message"]["ko"].as_str().unwrap().contains(part))
        })
        .await;
        eprintln!("{template}:\n{}", words(&told));
    }
    stage.strike().await;
}
