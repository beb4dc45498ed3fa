//! What a person's namespace consists of, as manifests for server-side apply, and what the hub needs to keep it so.
//! It does no I/O and decides nothing about people; `namespace` applies it with the hub's identity.
//!
//! The rules hold for the console, for kubectl and for any other client alike, because the API server and the
//! nodes enforce them, not the hub:
//! - **Pod Security `baseline`**, with warnings and audit records at `restricted`. `restricted` would forbid
//!   root, and without root a package cannot be installed, which is what people want a shell for. `baseline`
//!   still forbids privileged containers, the host's namespaces, paths and ports, and added capabilities.
//! - **ResourceQuota** bounds what kubectl could make past the hub, and leaves no room for the cluster's own
//!   priority classes; **LimitRange** gives limits to what names none, so that the quota admits it.
//! - **NetworkPolicy**: nothing comes in; everything may go out but the clouds' metadata and credential services,
//!   which hand out the node's credentials to whoever asks. Only their addresses are left out, not the whole
//!   link-local range, in which clusters run their node-local DNS. A cluster whose network plug-in knows no policies does
//!   not enforce this.
//! - **Role and RoleBinding** for that one user. It has no verb that changes a Pod.
//! - On which node a Pod comes to be, and that it holds no token and has seccomp, none of these decides:
//!   `deploy/workspace-policy.yaml` does, which an administrator of the cluster applies, for it is the whole cluster's.
//! - The **default ServiceAccount** mounts no token unless a Pod asks for it. The hub signs nobody in as it
//!   ([`kube_io::WORKSPACE_OWNER`]).

use crate::manifest::storage_request;
use crate::naming::owner_hash;
use crate::settings::Settings;
use model::Namespace;
use serde_json::{Value, json};

/// The field manager of server-side apply.
pub const FIELD_MANAGER: &str = "sallyport";
/// Label: who looks after an object.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Label (hash) and annotation (full name): whose namespace it is.
pub const OWNER: &str = kube_io::WORKSPACE_OWNER;
/// Annotation: by which the store knows a namespace again whose UID is not noted yet.
pub const BIRTH_MARK: &str = "sallyport.dev/birth-mark";
/// Label: the workspace's id, on its Pod.
pub const WORKSPACE: &str = "sallyport.dev/workspace";
/// Label: the template's name, on its Pod.
pub const TEMPLATE: &str = "sallyport.dev/template";

/// The Role and its binding.
pub(crate) const ROLE: &str = "sallyport-workspace-owner";
/// Quota, limits and network policy.
pub(crate) const RULES: &str = "sallyport-workspaces";
pub(crate) const NO_PRIORITY: &str = "sallyport-no-priority";

/// The namespace's labels and annotations; `uid` makes the apply fail if it is another one meanwhile.
pub(crate) fn namespace(name: &Namespace, uid: Option<&str>, user: &str) -> Value {
    let mut manifest = json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": name.as_str(),
            "labels": {
                MANAGED_BY: FIELD_MANAGER,
                OWNER: owner_hash(user),
                "pod-security.kubernetes.io/enforce": "baseline",
                "pod-security.kubernetes.io/warn": "restricted",
                "pod-security.kubernetes.io/audit": "restricted",
            },
            "annotations": { OWNER: user },
        },
    });
    if let Some(uid) = uid {
        manifest["metadata"]["uid"] = uid.into();
    }
    manifest
}

fn object(api: &str, kind: &str, name: &str, namespace: &Namespace, rest: Value) -> Value {
    let mut manifest = json!({
        "apiVersion": api,
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": namespace.as_str(),
            "labels": { MANAGED_BY: FIELD_MANAGER },
        },
    });
    if let (Some(manifest), Value::Object(rest)) = (manifest.as_object_mut(), rest) {
        manifest.extend(rest);
    }
    manifest
}

pub(crate) fn service_account(namespace: &Namespace) -> Value {
    let rest = json!({ "automountServiceAccountToken": false });
    object("v1", "ServiceAccount", "default", namespace, rest)
}

pub(crate) fn role(namespace: &Namespace) -> Value {
    let rest = json!({ "rules": owner_rules() });
    object("rbac.authorization.k8s.io/v1", "Role", ROLE, namespace, rest)
}

/// What the owner may do there. Exec, attach and port-forward over WebSocket are asked as `get`, over SPDY
/// and since Kubernetes 1.35 also as `create`.
fn owner_rules() -> Value {
    json!([
        { "apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch", "create", "delete"] },
        { "apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"] },
        { "apiGroups": [""], "resources": ["pods/exec", "pods/attach", "pods/portforward"], "verbs": ["get", "create"] },
        { "apiGroups": [""], "resources": ["events"], "verbs": ["get", "list", "watch"] },
        { "apiGroups": [""], "resources": ["resourcequotas"], "verbs": ["get"] },
    ])
}

pub(crate) fn role_binding(namespace: &Namespace, user: &str) -> Value {
    object(
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        ROLE,
        namespace,
        json!({
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": ROLE },
            "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user }],
        }),
    )
}

pub(crate) fn resource_quota(namespace: &Namespace, settings: &Settings) -> Value {
    let most = settings.room_for(settings.limit_person());
    let rest = json!({
        "spec": { "hard": {
            "pods": settings.limit_person().to_string(),
            "requests.cpu": most.cpu_request,
            "limits.cpu": most.cpu_limit,
            "requests.memory": most.memory_request,
            "limits.memory": most.memory_limit,
            "limits.ephemeral-storage": most.storage_limit,
            // The owner's Role makes none of these. A wider role that somebody binds still finds the bound.
            "services": "5",
            "services.loadbalancers": "0",
            "services.nodeports": "0",
            "persistentvolumeclaims": "2",
            "requests.storage": "10Gi",
            "count/configmaps": "20",
            "count/secrets": "20",
        } },
    });
    object("v1", "ResourceQuota", RULES, namespace, rest)
}

/// Nobody's workspace pushes others off a node: Pods of the cluster's own priority classes have no room.
pub(crate) fn no_priority_quota(namespace: &Namespace) -> Value {
    let rest = json!({
        "spec": {
            "hard": { "pods": "0" },
            "scopeSelector": { "matchExpressions": [{
                "scopeName": "PriorityClass",
                "operator": "In",
                "values": ["system-node-critical", "system-cluster-critical"],
            }] },
        },
    });
    object("v1", "ResourceQuota", NO_PRIORITY, namespace, rest)
}

/// What names no amounts gets those of a workspace, so that the quota has room for as many.
pub(crate) fn limit_range(namespace: &Namespace, settings: &Settings) -> Value {
    let one = settings.room_for(1);
    let rest = json!({
        "spec": { "limits": [{
            "type": "Container",
            "defaultRequest": {
                "cpu": one.cpu_request,
                "memory": one.memory_request,
                "ephemeral-storage": storage_request(&one.storage_limit),
            },
            "default": {
                "cpu": one.cpu_limit,
                "memory": one.memory_limit,
                "ephemeral-storage": one.storage_limit,
            },
        }] },
    });
    object("v1", "LimitRange", RULES, namespace, rest)
}

pub(crate) fn network_policy(namespace: &Namespace) -> Value {
    let rest = json!({
        "spec": {
            "podSelector": {},
            "policyTypes": ["Ingress", "Egress"],
            "egress": [{ "to": [
                { "ipBlock": { "cidr": "0.0.0.0/0", "except": [
                    "169.254.169.254/32", "169.254.170.2/32", "169.254.170.23/32",
                ] } },
                { "ipBlock": { "cidr": "::/0", "except": ["fd00:ec2::254/128", "fd00:ec2::23/128"] } },
            ] }],
        },
    });
    object("networking.k8s.io/v1", "NetworkPolicy", RULES, namespace, rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::rbac::v1::PolicyRule;

    #[test]
    fn a_namespace_says_whose_it_is_in_full() {
        let user = "sallyport:김철수 \"x\"\n";
        let name = crate::naming::namespace_of(user);
        let manifest = namespace(&name, Some("uid-1"), user);
        assert_eq!(manifest["metadata"]["annotations"][OWNER], user);
        assert_eq!(manifest["metadata"]["labels"][OWNER], owner_hash(user));
        assert_eq!(manifest["metadata"]["uid"], "uid-1");
        assert_eq!(
            manifest["metadata"]["labels"]["pod-security.kubernetes.io/enforce"],
            "baseline"
        );
    }

    #[test]
    fn the_owner_gets_no_verb_that_reaches_beyond_pods() {
        for rule in owner_rules().as_array().unwrap() {
            for resource in rule["resources"].as_array().unwrap() {
                let resource = resource.as_str().unwrap();
                assert!(
                    resource.starts_with("pods")
                        || ["events", "resourcequotas"].contains(&resource),
                    "{resource}"
                );
            }
            assert!(!rule["verbs"].as_array().unwrap().contains(&"*".into()));
        }
    }

    /// The hub's own role is a file, for operators apply it: the one source. What this crate does as the hub,
    /// it allows (`tests/real.rs` runs on it and nothing else).
    #[test]
    fn the_hub_holds_no_right_to_pods_of_its_own() {
        let documents = include_str!("../../../deploy/hub-role.yaml");
        let documents: Vec<Value> = serde_saphyr::from_multiple(documents).unwrap();
        let role = documents.iter().find(|it| it["kind"] == "ClusterRole").unwrap();
        let rules: Vec<PolicyRule> = serde_json::from_value(role["rules"].clone()).unwrap();
        assert!(!rules.is_empty());
        for rule in rules {
            let resources = rule.resources.unwrap();
            for resource in &resources {
                assert!(!resource.starts_with("pods"), "{resources:?}");
                // RBAC knows `*` and `*/subresource`; a star anywhere else matches nothing at all.
                assert!(!resource.contains('*'), "{resources:?}");
            }
            assert!(!rule.verbs.contains(&"*".to_owned()));
        }
    }

    /// The policy finds its namespaces by the labels that are made here.
    #[test]
    fn the_policy_of_placement_selects_the_namespaces_that_are_made_here() {
        let documents = include_str!("../../../deploy/workspace-policy.yaml");
        let documents: Vec<Value> = serde_saphyr::from_multiple(documents).unwrap();
        let selector = &documents[0]["spec"]["matchConstraints"]["namespaceSelector"];
        let user = "sallyport:bob";
        let manifest = namespace(&crate::naming::namespace_of(user), None, user);
        let labels = &manifest["metadata"]["labels"];
        for (key, value) in selector["matchLabels"].as_object().unwrap() {
            assert_eq!(&labels[key], value);
        }
        for wanted in selector["matchExpressions"].as_array().unwrap() {
            assert_eq!(wanted["operator"], "Exists");
            assert!(labels[wanted["key"].as_str().unwrap()].is_string(), "{wanted}");
        }
        assert_eq!(documents[1]["spec"]["policyName"], documents[0]["metadata"]["name"]);
    }

    #[test]
    fn what_the_hub_owns_is_what_its_role_names() {
        let role = include_str!("../../../deploy/hub-role.yaml");
        for name in [RULES, ROLE] {
            assert!(role.contains(&format!("resourceNames: [{name}]")), "{name}");
        }
    }
}
