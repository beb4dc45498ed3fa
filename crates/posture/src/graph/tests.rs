use super::{Paths, Spot, Way};
use crate::snapshot::{Scope, Snapshot};
use crate::{document, object};

const NAMESPACE: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n";
const WEB: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\nspec: {template: {metadata: {labels: {app: web}}, spec: {serviceAccountName: web, containers: [{name: a, image: 'a:1', ports: [{name: http, containerPort: 8080}]}]}}}\n";
const PUBLISHED: &str = "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80, targetPort: http}]}\n";
const AGENT: &str = "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: agent, namespace: ops}\nspec: {template: {metadata: {labels: {app: agent}}, spec: {automountServiceAccountToken: false, containers: [{name: a, image: 'a:1', securityContext: {privileged: true}}]}}}\n";

fn binding(role: &str, rules: &str, subject: &str) -> String {
    format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: {role}}}\nrules: {rules}\n---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {{name: {role}}}\n\
         roleRef: {{kind: ClusterRole, name: {role}}}\nsubjects: [{subject}]\n"
    )
}

const WEB_ACCOUNT: &str = "{kind: ServiceAccount, name: web, namespace: shop}";

/// The ways and names of the path to each goal: a node's root, and the administrator.
fn paths(texts: &[&str], from: Option<&str>) -> [Vec<(Way, String)>; 2] {
    let inventory = object::inventory(0, document::read(texts.join("---\n").as_bytes()));
    assert!(inventory.unreadable.is_empty(), "{:?}", inventory.unreadable);
    let scope = Scope::Cluster { unseen: Vec::new() };
    let snapshot = Snapshot::new(&inventory.objects, &scope);
    let start = match from {
        None => Spot::Internet,
        Some(reference) => Spot::Workload(
            inventory.objects.iter().position(|object| object.reference() == reference).unwrap(),
        ),
    };
    let found = Paths::find(&snapshot, start);
    let of = |index: usize| {
        let hops = found.paths[index].hops.iter();
        hops.map(|hop| (hop.way, found.name(hop.to, &inventory.objects))).collect()
    };
    [of(0), of(1)]
}

fn ways(path: &[(Way, String)]) -> Vec<Way> {
    path.iter().map(|(way, _)| *way).collect()
}

#[test]
fn from_the_internet_over_a_neighbour_to_the_node() {
    let [node, admin] = paths(&[NAMESPACE, WEB, PUBLISHED, AGENT], None);
    assert_eq!(ways(&node), [Way::Service, Way::Network, Way::Escape]);
    assert_eq!(node[1].1, "DaemonSet/ops/agent");
    assert!(admin.is_empty(), "{admin:?}");
}

#[test]
fn a_policy_closes_the_path_and_so_does_not_being_published() {
    let deny = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: n, namespace: ops}\nspec: {podSelector: {}}\n";
    assert!(paths(&[WEB, PUBLISHED, AGENT, deny], None)[0].is_empty());
    let inside = PUBLISHED.replace("type: LoadBalancer", "type: ClusterIP");
    assert!(paths(&[WEB, &inside, AGENT], None)[0].is_empty());
    let limited = PUBLISHED.replace(
        "type: LoadBalancer",
        "type: LoadBalancer, loadBalancerSourceRanges: [10.0.0.0/8]",
    );
    assert!(paths(&[WEB, &limited, AGENT], None)[0].is_empty());
    // A policy that lets in another port closes it as well.
    let other = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: n, namespace: shop}\nspec: {podSelector: {}, ingress: [{ports: [{port: 9}]}]}\n";
    assert!(paths(&[WEB, PUBLISHED, AGENT, other], None)[0].is_empty());
    let named = other.replace("port: 9", "port: http");
    assert!(!paths(&[WEB, PUBLISHED, AGENT, &named], None)[0].is_empty());
}

#[test]
fn rights_lead_on_and_narrow_ones_do_not() {
    let lead =
        |rules: &str| ways(&paths(&[WEB, PUBLISHED, &binding("r", rules, WEB_ACCOUNT)], None)[1]);
    let all = "[{apiGroups: ['*'], resources: ['*'], verbs: ['*']}]";
    assert_eq!(lead(all), [Way::Service, Way::Token, Way::EveryRight]);
    let rbac = "rbac.authorization.k8s.io";
    let bind = format!(
        "[{{apiGroups: [{rbac}], resources: [clusterroles], verbs: [bind]}}, {{apiGroups: [{rbac}], resources: [clusterrolebindings], verbs: [create]}}]"
    );
    assert_eq!(lead(&bind), [Way::Service, Way::Token, Way::GiveRights]);
    let bind_alone = format!("[{{apiGroups: [{rbac}], resources: [clusterroles], verbs: [bind]}}]");
    assert!(lead(&bind_alone).is_empty(), "without a binding to write, `bind` is nothing");
    let named =
        "[{apiGroups: [''], resources: [users], verbs: [impersonate], resourceNames: [alice]}]";
    assert!(lead(named).is_empty());
    assert_eq!(
        lead(&named.replace(", resourceNames: [alice]", "")),
        [Way::Service, Way::Token, Way::Impersonate]
    );
}

#[test]
fn a_role_in_a_namespace_stays_there() {
    let role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: r}\nrules: [{apiGroups: ['*'], resources: ['*'], verbs: ['*']}]\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: r, namespace: shop}\nroleRef: {kind: ClusterRole, name: r}\nsubjects: [{kind: ServiceAccount, name: web}]\n";
    let [node, admin] = paths(&[NAMESPACE, WEB, PUBLISHED, role], None);
    assert_eq!(
        ways(&node),
        [Way::Service, Way::Token, Way::MakePods],
        "its Pods may be privileged"
    );
    assert!(admin.is_empty(), "{admin:?}");
    let guarded = NAMESPACE.replace(
        "{name: shop}",
        "{name: shop, labels: {pod-security.kubernetes.io/enforce: baseline}}",
    );
    assert!(paths(&[&guarded, WEB, PUBLISHED, role], None)[0].is_empty());
}

#[test]
fn from_a_pod_and_from_nobody() {
    let [node, _] = paths(&[WEB, AGENT], Some("Deployment/shop/web"));
    assert_eq!(ways(&node), [Way::Network, Way::Escape]);
    let open = binding(
        "r",
        "[{apiGroups: ['*'], resources: ['*'], verbs: ['*']}]",
        "{kind: Group, name: 'system:unauthenticated'}",
    );
    assert_eq!(ways(&paths(&[&open], None)[1]), [Way::AnonymousRequest, Way::EveryRight]);
}

#[test]
fn the_node_gives_the_tokens_of_its_pods() {
    let admin = binding(
        "r",
        "[{apiGroups: ['*'], resources: ['*'], verbs: ['*']}]",
        "{kind: ServiceAccount, name: boss, namespace: ops}",
    );
    let boss = "apiVersion: v1\nkind: Pod\nmetadata: {name: boss, namespace: ops}\nspec: {serviceAccountName: boss, containers: [{name: a, image: 'a:1'}]}\n---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: n, namespace: ops}\nspec: {podSelector: {}}\n";
    let agent = AGENT.replace("namespace: ops", "namespace: shop");
    let path = &paths(&[&agent, boss, &admin], Some("DaemonSet/shop/agent"))[1];
    assert_eq!(ways(path), [Way::Escape, Way::SameNode, Way::EveryRight]);
    // A Pod without a token gives none.
    let without = boss.replace(
        "serviceAccountName: boss,",
        "serviceAccountName: boss, automountServiceAccountToken: false,",
    );
    assert!(paths(&[&agent, &without, &admin], Some("DaemonSet/shop/agent"))[1].is_empty());
}

#[test]
fn a_token_that_the_pod_itself_asks_for_is_one() {
    let all = binding("r", "[{apiGroups: ['*'], resources: ['*'], verbs: ['*']}]", WEB_ACCOUNT);
    let with = |source: &str, mount: &str| {
        let web = WEB.replace("serviceAccountName: web,", &format!("serviceAccountName: web, automountServiceAccountToken: false, volumes: [{{name: t, projected: {{sources: [{source}]}}}}],")).replace("image: 'a:1',", &format!("image: 'a:1', volumeMounts: [{{name: {mount}, mountPath: /t}}],"));
        ways(&paths(&[&web, PUBLISHED, &all], None)[1])
    };
    let token = "{serviceAccountToken: {path: token}}";
    assert_eq!(with(token, "t"), [Way::Service, Way::Token, Way::EveryRight]);
    assert!(with(token, "other").is_empty(), "no container has it");
    assert!(with("{serviceAccountToken: {path: token, audience: vault}}", "t").is_empty());
    assert!(with("{configMap: {name: c}}", "t").is_empty());
}

#[test]
fn nodes_are_in_no_namespace() {
    let rule = "[{apiGroups: [''], resources: [nodes/proxy], verbs: [create]}]";
    let cluster = binding("r", rule, WEB_ACCOUNT);
    let space = cluster.replace(
        "kind: ClusterRoleBinding\nmetadata: {name: r}",
        "kind: RoleBinding\nmetadata: {name: r, namespace: shop}",
    );
    let closed = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: n, namespace: NS}\nspec: {podSelector: {}}\n";
    let agent = AGENT.replace("namespace: ops", "namespace: shop");
    let policy = closed.replace("NS", "shop");
    let open = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: o, namespace: shop}\nspec: {podSelector: {matchLabels: {app: web}}, ingress: [{}]}\n";
    let of =
        |binding: &str| ways(&paths(&[WEB, PUBLISHED, &agent, &policy, open, binding], None)[0]);
    assert_eq!(of(&cluster), [Way::Service, Way::Token, Way::EnterPods, Way::Escape]);
    assert!(of(&space).is_empty());
}

#[test]
fn a_policy_is_asked_for_the_port_of_the_container_and_not_of_the_node() {
    let agent = AGENT.replace(
        "image: 'a:1',",
        "image: 'a:1', ports: [{hostPort: 9000, containerPort: 53, protocol: UDP}],",
    );
    let of = |port: &str| {
        let policy = format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: n, namespace: ops}}\nspec: {{podSelector: {{}}, ingress: [{{ports: [{port}]}}]}}\n"
        );
        ways(&paths(&[&agent, &policy], None)[0])
    };
    assert_eq!(of("{port: 53, protocol: UDP}"), [Way::HostPort, Way::Escape]);
    assert!(of("{port: 53}").is_empty(), "it is another protocol");
    assert!(of("{port: 9000, protocol: UDP}").is_empty(), "it is the node's port");
}

#[test]
fn without_the_policies_no_way_in_is_certain() {
    let inventory = object::inventory(0, document::read([WEB, PUBLISHED].join("---\n").as_bytes()));
    let certain = |unseen: Vec<&'static str>| {
        let scope = Scope::Cluster { unseen };
        let snapshot = Snapshot::new(&inventory.objects, &scope);
        let search = super::search::Search::new(&snapshot);
        search.ways_in().iter().map(|hop| hop.certain).collect::<Vec<_>>()
    };
    assert_eq!(certain(Vec::new()), [true]);
    assert_eq!(certain(vec!["NetworkPolicy"]), [false]);
}
