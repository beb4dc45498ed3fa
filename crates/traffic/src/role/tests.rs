//! Requests in, rules out; for each right that is granted one that is not.

use super::*;

/// `verb path → status`, as often as it is written.
fn uses(lines: &[&str]) -> Vec<Use> {
    lines.iter().map(|line| one(line)).collect()
}

fn one(line: &str) -> Use {
    let [method, path, status] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
    let call = wire::Call::parse(Some(method), Some(path));
    Use {
        verb: call.verb.clone().unwrap_or_default(),
        group: call.group.clone().unwrap_or_default(),
        resource: call.resource.clone(),
        subresource: call.subresource.clone(),
        namespace: call.namespace.clone(),
        name: call.name.clone(),
        path: call.path.clone(),
        status: status.parse().unwrap(),
        requests: 1,
    }
}

fn short(rights: &[RightUse]) -> Vec<String> {
    rights.iter().map(|each| shown(&each.right)).collect()
}

fn shown(right: &Right) -> String {
    let Right { namespace, group, resource, verb, name } = right;
    let place = namespace.as_deref().unwrap_or("*");
    let group = if group.is_empty() { String::new() } else { format!(".{group}") };
    let name = name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
    format!("{place}: {verb} {resource}{group}{name}")
}

fn check(lines: &[&str], granted: &[&str], denied: &[&str]) -> Proposal {
    let proposal = propose("alice", &uses(lines), true);
    assert_eq!(short(&proposal.granted), granted, "{lines:#?}");
    assert_eq!(short(&proposal.denied), denied, "{lines:#?}");
    proposal
}

#[test]
fn only_what_the_authoriser_let_pass_is_granted() {
    let path = "/api/v1/namespaces/shop/configmaps";
    for status in [200, 201, 304, 404, 409, 410, 422] {
        check(&[&format!("GET {path} {status}")], &["shop: list configmaps"], &[]);
    }
    check(&[&format!("GET {path} 403")], &[], &["shop: list configmaps"]);
    for status in [400, 401, 405, 408, 429, 500, 503, 504] {
        let proposal = check(&[&format!("GET {path} {status}")], &[], &[]);
        assert_eq!((proposal.unproven, proposal.yaml.as_str()), (1, ""), "{status}");
    }
    // Once refused and once allowed: granted, and the refusal is told.
    check(
        &[&format!("GET {path} 403"), &format!("GET {path} 200")],
        &["shop: list configmaps"],
        &["shop: list configmaps"],
    );
}

#[test]
fn asking_for_everything_is_not_granting_it() {
    // Whoever may do everything gets a 404 for each of these, which otherwise proves a right.
    for asked in [
        "GET /api/v1/namespaces/shop/* 404",
        "GET /api/v1/* 404",
        "GET /api/v1/namespaces/shop/*/web/status 404",
        "GET /apis/*/v1/namespaces/shop/configmaps 404",
        "GET /metrics* 404",
        "GET /* 404",
        "* /metrics 404",
    ] {
        let proposal = check(&[asked], &[], &[]);
        assert_eq!((proposal.unproven, proposal.yaml.as_str()), (1, ""), "{asked}");
    }
    // As the name of an object it is a name like any other.
    check(&["GET /api/v1/namespaces/shop/configmaps/* 404"], &["shop: get configmaps *"], &[]);
}

#[test]
fn names_stand_where_they_are_few_and_lasting() {
    let get = |name: &str| format!("GET /api/v1/namespaces/shop/configmaps/{name} 200");
    let lines = |names: &[&str]| names.iter().map(|name| get(name)).collect::<Vec<_>>();
    let of = |lines: &[String]| {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        short(&propose("alice", &uses(&lines), true).granted)
    };
    assert_eq!(of(&lines(&["a", "b"])), ["shop: get configmaps a", "shop: get configmaps b"]);
    assert_eq!(of(&lines(&["a", "b", "c", "d"])), ["shop: get configmaps"]);
    // A list of all beside it does not widen the other verb.
    let mut both = lines(&["a"]);
    both.push("GET /api/v1/namespaces/shop/configmaps 200".to_owned());
    assert_eq!(of(&both), ["shop: get configmaps a", "shop: list configmaps"]);
    assert_eq!(of(&["GET /api/v1/namespaces/shop/pods/web-1 200".to_owned()]), ["shop: get pods"]);
    let unnamed = propose("alice", &uses(&[&get("a")]), false);
    assert_eq!(short(&unnamed.granted), ["shop: get configmaps"]);
}

#[test]
fn what_holds_everywhere_is_not_granted_twice() {
    check(
        &[
            "GET /api/v1/pods 200",
            "GET /api/v1/namespaces/shop/pods 200",
            "POST /api/v1/namespaces/shop/pods 201",
        ],
        &["*: list pods", "shop: create pods"],
        &[],
    );
    // A named right does not hold for all.
    check(
        &["GET /api/v1/nodes/n1 200", "GET /api/v1/nodes 200"],
        &["*: get nodes n1", "*: list nodes"],
        &[],
    );
}

#[test]
fn create_is_asked_beside_some_requests() {
    check(
        &["GET /api/v1/namespaces/shop/pods/web/exec?command=sh 101"],
        &["shop: create pods/exec", "shop: get pods/exec"],
        &[],
    );
    check(&["GET /api/v1/namespaces/shop/pods/web/log 200"], &["shop: get pods/log"], &[]);
    check(
        &["GET /api/v1/namespaces/shop/pods/web/exec?command=sh 403"],
        &[],
        &["shop: get pods/exec web"],
    );
    let apply = "PATCH /apis/apps/v1/namespaces/shop/deployments/web";
    check(
        &[&format!("{apply} 201")],
        &["shop: create deployments.apps web", "shop: patch deployments.apps web"],
        &[],
    );
    check(&[&format!("{apply} 200")], &["shop: patch deployments.apps web"], &[]);
}

#[test]
fn what_everybody_may_is_counted_and_left_out() {
    let everybody = [
        "GET /api 200",
        "GET /api/v1 200",
        "GET /apis/apps/v1?timeout=32s 200",
        "GET /openapi/v3/apis/apps/v1 200",
        "GET /version 200",
        "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews 201",
    ];
    let proposal = check(&everybody, &[], &[]);
    assert_eq!((proposal.of_everybody, proposal.yaml.as_str()), (6, ""));
    check(
        &[
            "GET /metrics 200",
            "POST /version 200",
            "GET /apiary 200",
            "GET /healthz/etcd 200",
            "HEAD /healthz 200",
            "GET /version/x 200",
            "GET /.well-known/openid-configuration 200",
        ],
        &[
            "*: get /.well-known/openid-configuration",
            "*: get /apiary",
            "*: head /healthz",
            "*: get /healthz/etcd",
            "*: get /metrics",
            "*: post /version",
            "*: get /version/x",
        ],
        &[],
    );
    check(
        &["POST /apis/authorization.k8s.io/v1/subjectaccessreviews 201"],
        &["*: create subjectaccessreviews.authorization.k8s.io"],
        &[],
    );
    let anonymous = propose("system:anonymous", &uses(&["GET /api 200"]), true);
    assert_eq!(short(&anonymous.granted), ["*: get /api"]);
}

#[test]
fn rules_are_few_and_the_yaml_is_whole() {
    let proposal = propose(
        "system:serviceaccount:shop:web",
        &uses(&[
            "GET /api/v1/namespaces/shop/pods 200",
            "GET /api/v1/namespaces/shop/services 200",
            "GET /api/v1/namespaces/shop/pods?watch=true 200",
            "GET /api/v1/namespaces/shop/services?watch=1 200",
            "PUT /apis/coordination.k8s.io/v1/namespaces/shop/leases/web 200",
            "GET /apis/coordination.k8s.io/v1/namespaces/shop/leases/web 200",
            "GET /api/v1/nodes 200",
            "GET /metrics 200",
        ]),
        true,
    );
    assert_eq!(
        proposal.yaml,
        r#"apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: observed-shop-web
rules:
- apiGroups: [""]
  resources: ["nodes"]
  verbs: ["list"]
- nonResourceURLs: ["/metrics"]
  verbs: ["get"]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: observed-shop-web
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: observed-shop-web
subjects:
- kind: ServiceAccount
  name: "web"
  namespace: "shop"
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: observed-shop-web
  namespace: "shop"
rules:
- apiGroups: [""]
  resources: ["pods", "services"]
  verbs: ["list", "watch"]
- apiGroups: ["coordination.k8s.io"]
  resources: ["leases"]
  resourceNames: ["web"]
  verbs: ["get", "update"]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: observed-shop-web
  namespace: "shop"
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: observed-shop-web
subjects:
- kind: ServiceAccount
  name: "web"
  namespace: "shop"
"#
    );
}

#[test]
fn a_name_from_a_path_writes_no_yaml_of_its_own() {
    let evil = Use {
        verb: "get".to_owned(),
        resource: Some("pods\"]\n  verbs: [\"all\"".to_owned()),
        namespace: Some("shop\nrules: []".to_owned()),
        status: 200,
        requests: 1,
        ..Use::default()
    };
    let proposal = propose("eve\n- kind: Group", &[evil], true);
    let lines: Vec<&str> = proposal.yaml.lines().collect();
    assert!(lines.contains(&r#"  resources: ["pods\"]\n  verbs: [\"all\""]"#), "{}", proposal.yaml);
    assert!(lines.contains(&r#"  namespace: "shop\nrules: []""#), "{}", proposal.yaml);
    assert!(lines.contains(&r#"  name: "eve\n- kind: Group""#), "{}", proposal.yaml);
    assert!(lines.contains(&"  name: observed-eve-kind-group"), "{}", proposal.yaml);
}

/// What is held by an object, and how that differs from two requests of a service account.
fn differs(held: serde_json::Value) -> (Vec<String>, Vec<String>, Vec<String>) {
    let user = "system:serviceaccount:shop:web";
    let proposal = propose(
        user,
        &uses(&[
            "GET /api/v1/namespaces/shop/pods/web-1 200",
            "GET /api/v1/namespaces/shop/configmaps/a 200",
        ]),
        true,
    );
    let diff = diff(&proposal, &HeldRoles::read(&held.to_string(), user).unwrap());
    let all = |rights: &[Right]| rights.iter().map(shown).collect();
    (all(&diff.missing), all(&diff.unused), all(&diff.wider))
}

fn role(kind: &str, rules: serde_json::Value) -> serde_json::Value {
    serde_json::json!({ "kind": kind, "metadata": { "name": "r", "namespace": "shop" }, "rules": rules })
}

#[test]
fn a_role_differs_by_what_is_missing_unused_and_wider() {
    let rule = |resources: &[&str], verbs: &[&str]| serde_json::json!({ "apiGroups": [""], "resources": resources, "verbs": verbs });
    let none: Vec<String> = Vec::new();
    let of = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        differs(role("Role", serde_json::json!([rule(&["pods"], &["get", "delete"])]))),
        (of(&["shop: get configmaps a"]), of(&["shop: delete pods"]), none.clone())
    );
    assert_eq!(
        differs(role("ClusterRole", serde_json::json!([rule(&["*"], &["*"])]))),
        (none.clone(), none.clone(), of(&["*: * *"]))
    );
    let paths = serde_json::json!([{ "nonResourceURLs": ["*", "/api/*"], "verbs": ["get"] }, rule(&["pods", "configmaps"], &["get"])]);
    assert_eq!(
        differs(role("Role", paths)),
        (none.clone(), of(&["*: get /*"]), of(&["shop: get configmaps"])),
        "discovery is no difference"
    );
    let elsewhere = serde_json::json!({ "kind": "Role", "metadata": { "namespace": "other" }, "rules": [rule(&["pods"], &["get"])] });
    assert_eq!(
        differs(elsewhere),
        (of(&["shop: get configmaps a", "shop: get pods web-1"]), of(&["other: get pods"]), none)
    );
}

#[test]
fn bindings_tell_whose_a_role_is() {
    let rules = serde_json::json!([{ "apiGroups": [""], "resources": ["pods", "configmaps"], "verbs": ["get"] }]);
    let held = |subject: serde_json::Value, binding: &str| {
        let (missing, ..) = differs(serde_json::json!({ "kind": "List", "items": [
            role("ClusterRole", rules.clone()),
            { "kind": binding, "metadata": { "namespace": "shop" }, "subjects": [subject],
              "roleRef": { "kind": "ClusterRole", "name": "r" } },
        ] }));
        missing.is_empty()
    };
    for binding in ["RoleBinding", "ClusterRoleBinding"] {
        for (subject, is_held) in [
            (
                serde_json::json!({ "kind": "ServiceAccount", "name": "web", "namespace": "shop" }),
                true,
            ),
            (
                serde_json::json!({ "kind": "ServiceAccount", "name": "web", "namespace": "other" }),
                false,
            ),
            (serde_json::json!({ "kind": "User", "name": "system:serviceaccount:shop:web" }), true),
            (serde_json::json!({ "kind": "User", "name": "web" }), false),
            (serde_json::json!({ "kind": "Group", "name": "system:serviceaccounts:shop" }), true),
            (serde_json::json!({ "kind": "Group", "name": "system:authenticated" }), true),
            (serde_json::json!({ "kind": "Group", "name": "system:unauthenticated" }), false),
            (serde_json::json!({ "kind": "Group", "name": "ops" }), false),
        ] {
            assert_eq!(held(subject.clone(), binding), is_held, "{binding} {subject}");
        }
    }
}

#[test]
fn what_holds_no_roles_is_refused_by_name() {
    for (text, said) in [
        ("kind: Role", "not JSON"),
        (r#"{"kind":"Pod"}"#, "a `Pod` is neither"),
        (r#"{"kind":"List","items":[]}"#, "no Role"),
        (r#"{"kind":"RoleBinding"}"#, "no Role"),
        ("[]", "a `` is neither"),
    ] {
        let fault = HeldRoles::read(text, "alice").unwrap_err().to_string();
        assert!(fault.contains(said), "{text}: {fault}");
    }
    let many: Vec<String> = (0..100).map(|n| format!("r{n}")).collect();
    let rules = serde_json::json!([{ "apiGroups": many, "resources": many, "verbs": ["get"] }]);
    assert_eq!(HeldRoles::read(&role("Role", rules).to_string(), "alice"), Err(HeldFault::TooMany));
}
