//! An object of the API server as a tree like a manifest's: without what the server added to it.
//! What the fields mean is `posture`'s; which objects are listed is `cluster`'s.
//!
//! A live object has defaults and book-keeping that nobody wrote. What differs by that alone from the manifest
//! it was made of must give the same findings, so that much is taken away here.
//!
//! Hostile input: depth is bounded by the reader of JSON; nothing here follows a reference.

use posture::node::{Node, Value as Tree};
use posture::object::{self, Object};
use serde_json::Value;
use std::collections::HashMap;

/// What the server keeps in `metadata` for itself.
const BOOK_KEEPING: &[&str] =
    &["managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink"];
/// The manifest that was applied, in one text, secrets in its environment included.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Volumes by which the server gives a Pod its token.
const TOKEN_VOLUME: &str = "kube-api-access-";

/// The workloads that stand in the scan, by themselves or by their owner: by uid, their kind and namespace.
pub(super) type Told = HashMap<String, (&'static str, String)>;

/// Which kinds the controllers of Kubernetes make of which. Anybody may write any owner into his own object; one
/// that no controller would have written tells nothing.
const MADE_BY: &[(&str, &[&str])] = &[
    ("ReplicaSet", &["Deployment"]),
    ("Job", &["CronJob"]),
    ("Pod", &["ReplicaSet", "StatefulSet", "DaemonSet", "Job", "ReplicationController"]),
];

/// Whether the controller that made this workload stands in the scan. Otherwise its own uid is noted.
pub(super) fn is_told_by_its_owner(kind: &'static str, item: &Value, told: &mut Told) -> bool {
    let text = |way| item.pointer(way).and_then(Value::as_str).unwrap_or_default();
    let (uid, namespace) = (text("/metadata/uid"), text("/metadata/namespace"));
    let makers = MADE_BY.iter().find(|(made, _)| *made == kind).map_or(&[][..], |(_, by)| by);
    let owners = item.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    let is_told = owners.into_iter().flatten().any(|owner| {
        owner.get("controller").and_then(Value::as_bool) == Some(true)
            && owner
                .get("uid")
                .and_then(Value::as_str)
                .and_then(|uid| told.get(uid))
                .is_some_and(|(maker, home)| makers.contains(maker) && home == namespace)
    });
    // What an owned ReplicaSet makes is told by its Deployment, too. A Pod makes nothing.
    if !uid.is_empty() && kind != "Pod" {
        told.insert(uid.to_owned(), (kind, namespace.to_owned()));
    }
    is_told
}

/// The object; none, if the item is no mapping.
pub(super) fn object(
    source: usize,
    api_version: &str,
    kind: &str,
    mut item: Value,
) -> Option<Object> {
    let fields = item.as_object_mut()?;
    // The items of a list have no kind of their own.
    fields.insert("apiVersion".to_owned(), api_version.into());
    fields.insert("kind".to_owned(), kind.into());
    // A node's status tells its versions, which nothing else does.
    if kind != "Node" {
        fields.remove("status");
    }
    if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
        for key in BOOK_KEEPING {
            metadata.remove(*key);
        }
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.remove(LAST_APPLIED);
        }
    }
    let spec = match kind {
        "Pod" => item.pointer_mut("/spec"),
        "CronJob" => item.pointer_mut("/spec/jobTemplate/spec/template/spec"),
        _ => item.pointer_mut("/spec/template/spec"),
    };
    if let Some(spec) = spec {
        as_written(spec, kind == "Pod");
    }
    let (mut found, mut left_out) = (Vec::new(), Vec::new());
    object::objects(source, 0, tree(item), &mut found, &mut left_out);
    found.pop()
}

/// Takes away what the server adds to the `spec` of a Pod.
fn as_written(spec: &mut Value, is_pod: bool) {
    let Some(fields) = spec.as_object_mut() else { return };
    // The deprecated field repeats the other one.
    if fields.get("serviceAccount") == fields.get("serviceAccountName") {
        fields.remove("serviceAccount");
    }
    if fields
        .get("securityContext")
        .and_then(Value::as_object)
        .is_some_and(serde_json::Map::is_empty)
    {
        fields.remove("securityContext");
    }
    if !is_pod {
        return;
    }
    // Where a Pod runs is the scheduler's word.
    fields.remove("nodeName");
    let is_token = |item: &Value| {
        let name = item.get("name").and_then(Value::as_str);
        name.is_some_and(|name| name.starts_with(TOKEN_VOLUME))
    };
    // A volume of that name that is not of the server's kind is somebody's own.
    let is_servers = |item: &Value| is_token(item) && item.get("projected").is_some();
    let all = fields.get("volumes").and_then(Value::as_array);
    let only_servers = all.into_iter().flatten().filter(|item| is_token(item)).all(is_servers);
    if !only_servers {
        return;
    }
    retain(fields.get_mut("volumes"), |item| !is_servers(item));
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        let containers = fields.get_mut(list).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            retain(container.get_mut("volumeMounts"), |item| !is_token(item));
        }
    }
}

fn retain(list: Option<&mut Value>, keep: impl Fn(&Value) -> bool) {
    if let Some(items) = list.and_then(Value::as_array_mut) {
        items.retain(keep);
    }
}

/// The tree of a value that stands in no text: its places are on line 0.
fn tree(value: Value) -> Node {
    let value = match value {
        Value::Null => Tree::Null,
        Value::Bool(value) => Tree::Bool(value, value.to_string()),
        Value::Number(number) => {
            Tree::Number(number.as_f64().unwrap_or(f64::NAN), number.to_string())
        }
        Value::String(text) => Tree::Text(text),
        Value::Array(items) => Tree::List(items.into_iter().map(tree).collect()),
        Value::Object(fields) => {
            return Node::made_map(fields.into_iter().map(|(key, value)| (key, tree(value))));
        }
    };
    Node::made(value)
}
