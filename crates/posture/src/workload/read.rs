//! Reads the Pod view out of each kind that makes Pods.
//! What the fields mean for anybody's safety is the checks'.

use super::container::{Container, Env, Group, Mount, Security};
use super::{Pod, Volume};
use crate::node::Node;
use crate::object::Object;
use crate::place::{Field, Malformed, Place};

/// Group, kind, and where its template stands; a Pod is its own.
const TEMPLATES: &[(&str, &str, &[&str])] = &[
    ("", "Pod", &[]),
    ("", "PodTemplate", &["template"]),
    ("", "ReplicationController", &["spec", "template"]),
    ("apps", "Deployment", &["spec", "template"]),
    ("apps", "StatefulSet", &["spec", "template"]),
    ("apps", "DaemonSet", &["spec", "template"]),
    ("apps", "ReplicaSet", &["spec", "template"]),
    ("batch", "Job", &["spec", "template"]),
    ("batch", "CronJob", &["spec", "jobTemplate", "spec", "template"]),
    // Groups that served these before they moved, and workloads of others that are made of the same template.
    ("extensions", "Deployment", &["spec", "template"]),
    ("extensions", "DaemonSet", &["spec", "template"]),
    ("extensions", "ReplicaSet", &["spec", "template"]),
    ("apps.openshift.io", "DeploymentConfig", &["spec", "template"]),
    ("argoproj.io", "Rollout", &["spec", "template"]),
    ("serving.knative.dev", "Service", &["spec", "template"]),
    ("serving.knative.dev", "Configuration", &["spec", "template"]),
];

/// Where the template stands in an object, if its kind makes Pods.
fn template(object: &Object) -> Option<&'static [&'static str]> {
    TEMPLATES
        .iter()
        .find(|(group, kind, _)| *kind == object.kind && *group == object.group())
        .map(|(_, _, way)| *way)
}

/// Whether the object's kind makes Pods.
pub fn makes_pods(object: &Object) -> bool {
    template(object).is_some()
}

/// The Pod view of an object, if its kind makes Pods and it was seen.
pub fn pod(object: &Object) -> Option<Pod<'_>> {
    let way = template(object).filter(|_| object.seen)?;
    Some(read(object, way.iter().fold(Place::of(&object.root), |place, key| place.get(key))))
}

fn read<'a>(object: &'a Object, template: Place<'a>) -> Pod<'a> {
    let malformed = Malformed::default();
    let known = &malformed;
    let template = template.mapping(known);
    let metadata = template.get("metadata").mapping(known);
    let spec = template.get("spec").mapping(known);
    let entries = |key| metadata.get(key).mapping(known).node().map_or(&[][..], Node::entries);
    let (annotations, labels) = (entries("annotations"), entries("labels"));
    let security = spec.get("securityContext").mapping(known);
    let deprecated = spec.get("serviceAccount").text(known);
    let named = spec.get("serviceAccountName").text(known);
    let is_named = named.value.is_some_and(|name| !name.is_empty());
    let mut containers = Vec::new();
    for (group, key) in [
        (Group::Init, "initContainers"),
        (Group::Regular, "containers"),
        (Group::Ephemeral, "ephemeralContainers"),
    ] {
        let items = spec.get(key).items(known);
        containers.extend(items.iter().map(|item| container(group, Place::of(item), known)));
    }
    let volumes = spec.get("volumes").items(known).iter().map(|item| volume(item, known)).collect();
    let sysctls = security.get("sysctls").items(known).iter();
    Pod {
        object,
        spec,
        annotations: annotations.iter().map(|entry| (entry.key.as_str(), &entry.node)).collect(),
        labels: labels
            .iter()
            .filter_map(|entry| Some((entry.key.as_str(), entry.node.text()?)))
            .collect(),
        host_network: spec.get("hostNetwork").boolean(known),
        host_pid: spec.get("hostPID").boolean(known),
        host_ipc: spec.get("hostIPC").boolean(known),
        host_users: spec.get("hostUsers").boolean(known),
        share_process_namespace: spec.get("shareProcessNamespace").boolean(known),
        service_account: if is_named || deprecated.value.is_none() { named } else { deprecated },
        service_account_deprecated: deprecated,
        automount_token: spec.get("automountServiceAccountToken").boolean(known),
        sysctls: sysctls.map(|item| Place::of(item).get("name").text(known)).collect(),
        windows: spec.get("os").mapping(known).get("name").text(known).is("windows"),
        security: read_security(security, known),
        containers,
        volumes,
        malformed,
    }
}

fn read_security<'a>(place: Place<'a>, known: &Malformed<'a>) -> Security<'a> {
    let selinux = place.get("seLinuxOptions").mapping(known);
    Security {
        place,
        non_root: place.get("runAsNonRoot").boolean(known),
        user: place.get("runAsUser").number(known),
        group: place.get("runAsGroup").number(known),
        seccomp: place.get("seccompProfile").mapping(known).get("type").text(known),
        app_armor: place.get("appArmorProfile").mapping(known).get("type").text(known),
        selinux_type: selinux.get("type").text(known),
        selinux_user: selinux.get("user").text(known),
        selinux_role: selinux.get("role").text(known),
        host_process: place.get("windowsOptions").mapping(known).get("hostProcess").boolean(known),
    }
}

fn container<'a>(group: Group, place: Place<'a>, known: &Malformed<'a>) -> Container<'a> {
    let place = place.mapping(known);
    let security = place.get("securityContext").mapping(known);
    let capabilities = security.get("capabilities").mapping(known);
    let texts = |place: Place<'a>| {
        place.items(known).iter().map(|item| Place::of(item).text(known)).collect::<Vec<_>>()
    };
    let each = |key| place.get(key).items(known).iter().map(|item| Place::of(item).mapping(known));
    let command = texts(place.get("command")).into_iter().chain(texts(place.get("args")));
    Container {
        group,
        name: place.get("name").text(known),
        image: place.get("image").text(known),
        pull_policy: place.get("imagePullPolicy").text(known),
        command: command.filter_map(|word| word.value).collect(),
        privileged: security.get("privileged").boolean(known),
        privilege_escalation: security.get("allowPrivilegeEscalation").boolean(known),
        read_only_root: security.get("readOnlyRootFilesystem").boolean(known),
        proc_mount: security.get("procMount").text(known),
        capabilities_added: texts(capabilities.get("add")),
        capabilities_dropped: texts(capabilities.get("drop")),
        env: each("env")
            .map(|item| Env {
                name: item.get("name").text(known),
                value: item.get("value").node(),
                secret: item.get("valueFrom").mapping(known).get("secretKeyRef"),
            })
            .collect(),
        env_from_secrets: each("envFrom")
            .map(|item| item.get("secretRef"))
            .filter(|secret| secret.is_set())
            .collect(),
        host_ports: each("ports")
            .map(|item| item.get("hostPort").number(known))
            .filter(|port| port.value.is_some_and(|port| port != 0.0))
            .collect(),
        mounts: each("volumeMounts")
            .map(|item| Mount {
                name: item.get("name").text(known),
                read_only: item.get("readOnly").boolean(known),
                place: item,
            })
            .collect(),
        handler_hosts: handler_hosts(place, known),
        restart_policy: place.get("restartPolicy").text(known),
        security: read_security(security, known),
        place,
    }
}

fn handler_hosts<'a>(container: Place<'a>, known: &Malformed<'a>) -> Vec<Field<'a, &'a str>> {
    let lifecycle = container.get("lifecycle").mapping(known);
    let handlers = [
        container.get("livenessProbe"),
        container.get("readinessProbe"),
        container.get("startupProbe"),
        lifecycle.get("postStart"),
        lifecycle.get("preStop"),
    ];
    let mut hosts = Vec::new();
    for handler in handlers.map(|handler| handler.mapping(known)) {
        for action in ["httpGet", "tcpSocket"] {
            let host = handler.get(action).mapping(known).get("host").text(known);
            if host.value.is_some_and(|host| !host.is_empty()) {
                hosts.push(host);
            }
        }
    }
    hosts
}

fn volume<'a>(item: &'a Node, known: &Malformed<'a>) -> Volume<'a> {
    let place = Place::of(item).mapping(known);
    Volume {
        name: place.get("name").text(known),
        kinds: item
            .entries()
            .iter()
            .filter(|entry| entry.key != "name" && !entry.node.is_null())
            .map(|entry| entry.key.as_str())
            .collect(),
        host_path: place.get("hostPath").mapping(known).get("path").text(known),
        place,
    }
}
