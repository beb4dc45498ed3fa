use super::{Findings, Verdict, scan, scan_in};
use crate::snapshot::Scope;
use crate::{checks, document, object};

fn scanned(text: &str) -> (Vec<object::Object>, Findings) {
    let inventory = object::inventory(0, document::read(text.as_bytes()));
    assert!(inventory.unreadable.is_empty(), "{:?}", inventory.unreadable);
    let checks: Vec<_> = checks::all().collect();
    let found = scan(&inventory.objects, &checks);
    (inventory.objects, found)
}

fn verdicts(found: &Findings, id: &str) -> Vec<Verdict> {
    found
        .findings
        .iter()
        .filter(|finding| finding.check.id == id)
        .map(|finding| finding.verdict)
        .collect()
}

#[test]
fn every_kind_of_workload_is_looked_into() {
    let pod = "{containers: [{name: a, image: 'a:1', securityContext: {privileged: true}}]}";
    for (version, kind, body) in [
        ("v1", "Pod", format!("spec: {pod}")),
        ("v1", "PodTemplate", format!("template: {{spec: {pod}}}")),
        ("v1", "ReplicationController", format!("spec: {{template: {{spec: {pod}}}}}")),
        ("apps/v1", "Deployment", format!("spec: {{template: {{spec: {pod}}}}}")),
        ("apps/v1", "StatefulSet", format!("spec: {{template: {{spec: {pod}}}}}")),
        ("apps/v1", "DaemonSet", format!("spec: {{template: {{spec: {pod}}}}}")),
        ("apps/v1", "ReplicaSet", format!("spec: {{template: {{spec: {pod}}}}}")),
        ("batch/v1", "Job", format!("spec: {{template: {{spec: {pod}}}}}")),
        (
            "batch/v1",
            "CronJob",
            format!("spec: {{jobTemplate: {{spec: {{template: {{spec: {pod}}}}}}}}}"),
        ),
        ("argoproj.io/v1alpha1", "Rollout", format!("spec: {{template: {{spec: {pod}}}}}")),
    ] {
        let text = format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: x}}\n{body}\n");
        let (_, found) = scanned(&text);
        assert_eq!(verdicts(&found, "privileged-container"), [Verdict::Fail], "{kind}");
    }
}

#[test]
fn a_custom_resource_is_told_and_stops_nothing() {
    let text = "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}\nspec: {size: 3}\n---\n\
                apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {hostPID: true, containers: [{name: a}]}\n";
    let (_, found) = scanned(text);
    assert_eq!(found.unexamined, [0]);
    assert_eq!(verdicts(&found, "host-pid"), [Verdict::Fail]);
}

#[test]
fn a_field_of_the_wrong_type_makes_passes_unknown_and_leaves_failures() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  hostPID: true\n  hostIPC: \"true\"\n  \
                containers: [{name: a, image: 'a:1'}]\n";
    let (_, found) = scanned(text);
    assert_eq!(verdicts(&found, "host-pid"), [Verdict::Fail]);
    assert_eq!(verdicts(&found, "host-ipc"), [Verdict::Unknown]);
    assert_eq!(verdicts(&found, "privileged-container"), [Verdict::Unknown]);
    assert_eq!(found.malformed.len(), 1);
    assert_eq!(found.malformed[0].evidence.path, "spec.hostIPC");
    assert_eq!(
        (found.malformed[0].evidence.span.line, found.malformed[0].expected),
        (6, "boolean")
    );
}

#[test]
fn a_workload_without_containers_is_not_known_to_be_safe() {
    let (_, found) =
        scanned("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {}\n");
    assert_eq!(verdicts(&found, "privileged-container"), [Verdict::Unknown]);
}

#[test]
fn evidence_names_the_value_the_path_and_the_place() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\nspec:\n  containers:\n  - name: a\n    \
                securityContext:\n      privileged: yes # for now\n";
    let (_, found) = scanned(text);
    let finding =
        found.findings.iter().find(|finding| finding.check.id == "privileged-container").unwrap();
    assert_eq!(finding.evidence.path, "spec.containers[0].securityContext.privileged");
    assert_eq!(finding.evidence.value.as_deref(), Some("yes"));
    assert_eq!((finding.evidence.span.line, finding.evidence.span.column), (9, 19));
}

#[test]
fn items_of_a_list_are_objects() {
    let text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: p}\n  \
                spec: {hostPID: true, containers: [{name: a}]}\n- {apiVersion: v1, kind: Service, metadata: {name: s}}\n";
    let (objects, found) = scanned(text);
    assert_eq!(
        objects.iter().map(|object| object.within.as_str()).collect::<Vec<_>>(),
        ["items[0]", "items[1]"]
    );
    assert_eq!(verdicts(&found, "host-pid"), [Verdict::Fail]);
}

/// What a check says when these kinds could not be seen.
fn unseen(text: &str, kinds: &[&'static str], id: &str) -> Vec<Verdict> {
    let inventory = object::inventory(0, document::read(text.as_bytes()));
    let checks: Vec<_> = checks::all().collect();
    let scope = Scope::Cluster { unseen: kinds.to_vec() };
    verdicts(&scan_in(&inventory.objects, &scope, &checks), id)
}

#[test]
fn a_refused_list_makes_what_depends_on_it_unknown() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop}\nspec: {serviceAccountName: web, containers: [{name: a, image: 'a:1'}]}\n";
    assert_eq!(unseen(pod, &[], "network-policy-none"), [Verdict::Fail], "there is none");
    assert_eq!(unseen(pod, &["NetworkPolicy"], "network-policy-none"), [Verdict::Unknown]);
    assert_eq!(unseen(pod, &[], "workload-reads-secrets"), [Verdict::Pass]);
    assert_eq!(unseen(pod, &["RoleBinding"], "workload-reads-secrets"), [Verdict::Unknown]);
    assert_eq!(
        unseen(pod, &["Ingress"], "workload-reads-secrets"),
        [Verdict::Pass],
        "it needs none"
    );
    // That a question does not arise cannot be told without them either.
    assert_eq!(unseen(pod, &[], "published-without-policy"), [Verdict::NotApplicable]);
    for kind in ["Service", "Ingress", "NetworkPolicy"] {
        assert_eq!(unseen(pod, &[kind], "published-without-policy"), [Verdict::Unknown], "{kind}");
    }
    let alone =
        pod.replace("spec: {", "spec: {hostNetwork: true, automountServiceAccountToken: false, ");
    assert_eq!(unseen(&alone, &["Service"], "published-without-policy"), [Verdict::NotApplicable]);
    assert_eq!(unseen(&alone, &["RoleBinding"], "workload-reads-secrets"), [Verdict::Pass]);
    let binding = "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: b, namespace: shop}\nroleRef: {kind: Role, name: r}\nsubjects: [{kind: ServiceAccount, name: web}]\n";
    assert_eq!(unseen(binding, &[], "account-reads-secrets"), [Verdict::NotApplicable]);
    assert_eq!(unseen(binding, &["Role"], "account-reads-secrets"), [Verdict::Unknown]);
    // Of manifests nobody says that they are all.
    assert_eq!(verdicts(&scanned(pod).1, "published-without-policy"), [Verdict::Unknown]);
    // What was seen is found all the same.
    let bound = format!(
        "{pod}---\napiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {{name: r, namespace: shop}}\nrules: [{{apiGroups: [''], resources: [secrets], verbs: [list]}}]\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {{name: b, namespace: shop}}\nroleRef: {{kind: Role, name: r}}\nsubjects: [{{kind: ServiceAccount, name: web}}]\n"
    );
    assert_eq!(unseen(&bound, &["ClusterRoleBinding"], "workload-reads-secrets"), [Verdict::Fail]);
    // Of a kind that was not seen, every check is named.
    let pods = [object::Object::unseen(0, "v1", "Pod")];
    let checks: Vec<_> = checks::all().collect();
    let found = scan_in(&pods, &Scope::Cluster { unseen: vec!["Pod"] }, &checks);
    assert!(found.findings.len() > 50);
    assert!(found.findings.iter().all(|finding| finding.verdict == Verdict::Unknown));
}

#[test]
fn what_kubernetes_makes_for_itself_is_left_alone_until_somebody_adds_to_it() {
    let binding = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: cluster-admin, labels: {kubernetes.io/bootstrapping: rbac-defaults}}\nroleRef: {kind: ClusterRole, name: cluster-admin}\nsubjects: [{kind: Group, name: 'system:masters'}]\n";
    let of = |text: &str| verdicts(&scanned(text).1, "binding-cluster-admin");
    assert_eq!(of(binding), [Verdict::NotApplicable]);
    assert_eq!(of(&binding.replace("}]", "}, {kind: User, name: eve}]")), [Verdict::Fail]);
    assert_eq!(of(&binding.replace("rbac-defaults", "no")), [Verdict::Fail]);
    let open = binding.replace("}]", "}, {kind: Group, name: 'system:unauthenticated'}]");
    assert_eq!(verdicts(&scanned(&open).1, "binding-anonymous"), [Verdict::Fail]);
    // A system's name makes nobody a program of Kubernetes.
    for stranger in [
        "{kind: User, name: 'system:serviceaccount:shop:web'}",
        "{kind: Group, name: 'system:serviceaccounts'}",
        "{kind: Group, name: 'system:serviceaccounts:shop'}",
        "{kind: Group, name: 'system:authenticated'}",
        "{kind: ServiceAccount, name: default, namespace: kube-system}",
    ] {
        let more = binding.replace("}]", &format!("}}, {stranger}]"));
        assert_eq!(of(&more), [Verdict::Fail], "{stranger}");
    }
    // Nor do its label and its prefix, or one of its names with another role.
    for name in ["system:mine", "system:discovery", "system:controller:mine"] {
        let named = binding
            .replace("{name: cluster-admin, labels", "{name: 'system:mine', labels")
            .replace("system:mine", name);
        assert_eq!(of(&named), [Verdict::Fail], "{name}");
    }
    let role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: 'system:mine', labels: {kubernetes.io/bootstrapping: rbac-defaults}}\nrules: [{apiGroups: ['*'], resources: [pods], verbs: [get]}]\n";
    let of = |text: &str| verdicts(&scanned(text).1, "role-wildcard");
    assert_eq!(of(role), [Verdict::Fail]);
    assert_eq!(of(&role.replace("system:mine", "cluster-admin")), [Verdict::NotApplicable]);
}

#[test]
fn a_runtime_of_which_nothing_is_known_is_not_in_support() {
    let of = |runtime: &str| {
        let node = format!(
            "apiVersion: v1\nkind: Node\nmetadata: {{name: n}}\nstatus: {{nodeInfo: {{containerRuntimeVersion: '{runtime}'}}}}\n"
        );
        verdicts(&scanned(&node).1, "node-runtime-outdated")
    };
    for unknown in ["mine://1.36.0", "mine://9.0", "cri-o://9.0", "cri-o://next", "containerd"] {
        assert_eq!(of(unknown), [Verdict::Unknown], "{unknown}");
    }
    assert_eq!(of("cri-o://1.20.0"), [Verdict::Fail]);
}
