//! The Pod of a workspace, from its template and its row.
//! It is made as the person, so that the cluster's RBAC, quota and Pod Security judge it as theirs (`create`).
//!
//! - No service-account token and no service links: nothing of the cluster's lies in the Pod.
//! - seccomp `RuntimeDefault` and no privilege escalation: set-user-id programs gain nothing. Root stays root,
//!   with the runtime's default capabilities, because `apt-get install` needs it (it only steps down, to
//!   `_apt`, which both allow).
//! - `restartPolicy: Never`: a restarted container has an empty root again. A workspace that lost what was
//!   installed and written must not look as if it ran on; it ends, and says why.
//! - `activeDeadlineSeconds` is the lifetime: the cluster ends the Pod even if the hub is gone.
//! - A grace period of one second: process 1 is a shell that waits for its child and heeds no SIGTERM (see
//!   `template`), so a longer one would only make deletion slow.

use crate::shape::{FIELD_MANAGER, MANAGED_BY, TEMPLATE, WORKSPACE};
use crate::template::Template;
use k8s_openapi::api::core::v1::{
    Container, EnvVar, Pod, PodSecurityContext, PodSpec, ResourceRequirements, SeccompProfile,
    SecurityContext,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use std::collections::BTreeMap;
use store::WorkspaceRow;

const GRACE_S: i64 = 1;
/// What is kept of the node's disk; the limit would be taken for it otherwise.
const STORAGE_REQUEST: &str = "128Mi";

/// The Pod as it is sent to the API server.
pub(crate) fn pod(template: &Template, row: &WorkspaceRow) -> Pod {
    let resources = &template.resources;
    let amounts = |cpu: &str, memory: &str, storage: &str| {
        let amount = |key: &str, amount: &str| (key.to_owned(), Quantity(amount.to_owned()));
        Some(BTreeMap::from([
            amount("cpu", cpu),
            amount("memory", memory),
            amount("ephemeral-storage", storage),
        ]))
    };
    let container = Container {
        name: template.container.to_string(),
        image: Some(template.image.clone()),
        image_pull_policy: Some("IfNotPresent".to_owned()),
        command: Some(template.command.clone()),
        env: Some(
            template
                .environment
                .iter()
                .map(|(name, value)| EnvVar {
                    name: name.clone(),
                    value: Some(value.clone()),
                    ..Default::default()
                })
                .collect(),
        ),
        // So that `kubectl attach -it` reaches a shell as well.
        tty: Some(true),
        stdin: Some(true),
        resources: Some(ResourceRequirements {
            requests: amounts(
                &resources.cpu_request,
                &resources.memory_request,
                storage_request(&resources.storage_limit),
            ),
            limits: amounts(
                &resources.cpu_limit,
                &resources.memory_limit,
                &resources.storage_limit,
            ),
            ..Default::default()
        }),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            privileged: Some(false),
            ..Default::default()
        }),
        ..Default::default()
    };
    let labels = [
        (MANAGED_BY, FIELD_MANAGER),
        (WORKSPACE, row.id.as_str()),
        (TEMPLATE, template.name.as_str()),
    ];
    Pod {
        metadata: ObjectMeta {
            name: Some(row.pod.to_string()),
            namespace: Some(row.namespace.to_string()),
            labels: Some(
                labels.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            ),
            ..Default::default()
        },
        spec: Some(PodSpec {
            containers: vec![container],
            hostname: Some(row.name.clone()),
            automount_service_account_token: Some(false),
            enable_service_links: Some(false),
            restart_policy: Some("Never".to_owned()),
            termination_grace_period_seconds: Some(GRACE_S),
            active_deadline_seconds: i64::try_from(template.lifetime.as_secs()).ok(),
            security_context: Some(PodSecurityContext {
                seccomp_profile: Some(SeccompProfile {
                    type_: "RuntimeDefault".to_owned(),
                    ..Default::default()
                }),
                ..Default::default()
            }),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// The same Pod, asking for a million cores: more than any quota has.
pub(crate) fn too_large(pod: &Pod) -> Pod {
    let mut pod = pod.clone();
    let containers = pod.spec.iter_mut().flat_map(|spec| &mut spec.containers);
    for resources in containers.filter_map(|container| container.resources.as_mut()) {
        for amounts in [&mut resources.requests, &mut resources.limits] {
            amounts.get_or_insert_default().insert("cpu".to_owned(), Quantity("1M".to_owned()));
        }
    }
    pod
}

pub(crate) fn storage_request(limit: &str) -> &str {
    use crate::quantity::Quantity;
    match (Quantity::parse(limit), Quantity::parse(STORAGE_REQUEST)) {
        (Some(limit_amount), Some(request)) if limit_amount < request => limit,
        _ => STORAGE_REQUEST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Timestamp, WorkspaceId};

    #[test]
    fn a_pod_carries_nothing_of_the_clusters_and_ends_by_itself() {
        let template = Template::debian_shell("debian:12");
        let row = WorkspaceRow {
            id: WorkspaceId::from_random([7; 16]),
            owner: "sallyport:alice".to_owned(),
            cluster: "demo".parse().unwrap(),
            namespace: "ws-alice-x".parse().unwrap(),
            pod: "debian-abc".parse().unwrap(),
            pod_uid: None,
            container: "shell".parse().unwrap(),
            template: "debian".to_owned(),
            name: "debian".to_owned(),
            created_at: Timestamp::from_micros(0),
            expires_at: Timestamp::from_micros(0),
            deleted_at: None,
            state_note: String::new(),
        };
        let pod = serde_json::to_value(pod(&template, &row)).unwrap();
        let spec = &pod["spec"];
        assert_eq!(spec["automountServiceAccountToken"], false);
        assert_eq!(spec["enableServiceLinks"], false);
        assert_eq!(spec["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
        assert_eq!(spec["activeDeadlineSeconds"], 8 * 3600);
        assert_eq!(spec["restartPolicy"], "Never");
        let container = &spec["containers"][0];
        assert_eq!(container["tty"], true);
        assert_eq!(container["stdin"], true);
        assert_eq!(container["securityContext"]["allowPrivilegeEscalation"], false);
        assert_eq!(container["resources"]["requests"]["ephemeral-storage"], "128Mi");
        assert_eq!(pod["metadata"]["labels"][WORKSPACE], row.id.as_str());
        let huge = serde_json::to_value(too_large(&super::pod(&template, &row))).unwrap();
        let resources = &huge["spec"]["containers"][0]["resources"];
        assert_eq!(
            (&resources["requests"]["cpu"], &resources["limits"]["cpu"]),
            (&"1M".into(), &"1M".into())
        );
    }
}
