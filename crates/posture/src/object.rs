//! Kubernetes objects as they are found in documents: kind, name, namespace, and lists unrolled.
//! What a kind's fields mean is `workload`'s and the checks'.

use crate::document::Document;
use crate::node::{Node, Span, Value};

/// A list of lists is taken apart this deep; the API knows no list in a list.
const LIST_DEPTH_MAX: usize = 4;

/// An object of a manifest.
#[derive(Debug)]
pub struct Object {
    /// Index of its source in the snapshot.
    pub source: usize,
    /// Which document of the source it stands in, from 0.
    pub document: usize,
    /// `apiVersion`.
    pub api_version: String,
    /// `kind`.
    pub kind: String,
    /// `metadata.name`, or `metadata.generateName` with `*` behind it, or nothing.
    pub name: String,
    /// `metadata.namespace`, if it says one.
    pub namespace: Option<String>,
    /// Its whole tree.
    pub root: Node,
    /// Path from the document's root to the object: empty but for items of a list.
    pub within: String,
    /// Sources of what stands under these keys, where that is not the object's own: a program of a node is
    /// told by its command line and by the files that are named there.
    pub parts: Vec<(String, usize)>,
    /// False for what stands in the place of all objects of a kind that could not be seen.
    pub seen: bool,
}

/// What a document holds that is no object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAnObject {
    /// Where.
    pub span: Span,
    /// Which of `apiVersion` and `kind` is missing, or what else is wrong.
    pub reason: &'static str,
}

/// Kinds that live in no namespace, so that none is missing in their manifests.
const CLUSTER_SCOPED: &[&str] = &[
    "APIService",
    "CertificateSigningRequest",
    "ClusterRole",
    "ClusterRoleBinding",
    "CSIDriver",
    "CSINode",
    "CustomResourceDefinition",
    "DeviceClass",
    "FlowSchema",
    "IngressClass",
    "MutatingWebhookConfiguration",
    "MutatingAdmissionPolicy",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PodSecurityPolicy",
    "PriorityClass",
    "PriorityLevelConfiguration",
    "RuntimeClass",
    "StorageClass",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
    "VolumeAttachment",
    "ComponentStatus",
    "ClusterTrustBundle",
    "IPAddress",
    "ServiceCIDR",
    // Facts about a node.
    "KubeApiserver",
    "KubeControllerManager",
    "KubeScheduler",
    "Etcd",
    "Kubelet",
    "KubeProxy",
    "NodeHost",
    // Facts about an image.
    "ContainerImage",
    "BillOfMaterials",
    "GatewayClass",
];

impl Object {
    /// What stands in the place of all objects of a kind whose list was refused.
    pub fn unseen(source: usize, api_version: &str, kind: &str) -> Self {
        Self {
            source,
            document: 0,
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            name: "*".to_owned(),
            namespace: Some("*".to_owned()),
            root: Node { value: Value::Null, span: Span::default(), flow: false },
            within: String::new(),
            parts: Vec::new(),
            seen: false,
        }
    }

    /// The source in which the value at this path was read.
    pub fn source_of(&self, path: &str) -> usize {
        let own = |key: &str| {
            path.strip_prefix(key)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        self.parts.iter().find(|(key, _)| own(key)).map_or(self.source, |(_, source)| *source)
    }

    /// `kind/namespace/name`, the namespace only where there can be one.
    pub fn reference(&self) -> String {
        if self.is_cluster_scoped() {
            return format!("{}/{}", self.kind, self.shown_name());
        }
        format!("{}/{}/{}", self.kind, self.effective_namespace(), self.shown_name())
    }

    /// The namespace it will be in, when nobody says another on the command line.
    pub fn effective_namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or("default")
    }

    /// Whether its kind lives in no namespace.
    pub fn is_cluster_scoped(&self) -> bool {
        CLUSTER_SCOPED.contains(&self.kind.as_str())
    }

    /// Its API group; empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }

    /// The name, or a word for its absence.
    pub fn shown_name(&self) -> &str {
        if self.name.is_empty() { "(unnamed)" } else { &self.name }
    }
}

/// Takes the objects out of a document.
pub fn objects(
    source: usize,
    index: usize,
    document: Node,
    found: &mut Vec<Object>,
    left_out: &mut Vec<NotAnObject>,
) {
    unroll(source, index, document, String::new(), 0, found, left_out);
}

fn unroll(
    source: usize,
    document: usize,
    mut root: Node,
    within: String,
    depth: usize,
    found: &mut Vec<Object>,
    left_out: &mut Vec<NotAnObject>,
) {
    let reason = |root: &Node| {
        if !matches!(root.value, Value::Map(_)) {
            return Some("the document is not a mapping");
        }
        let text = |key| root.get(key).and_then(Node::text).is_some_and(|text| !text.is_empty());
        match (text("apiVersion"), text("kind")) {
            (true, true) => None,
            (true, false) => Some("`kind` is missing"),
            (false, true) => Some("`apiVersion` is missing"),
            (false, false) => Some("`apiVersion` and `kind` are missing"),
        }
    };
    if let Some(reason) = reason(&root) {
        left_out.push(NotAnObject { span: root.span, reason });
        return;
    }
    let text = |key: &str| root.get(key).and_then(Node::text).unwrap_or_default().to_owned();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let is_list = kind.ends_with("List") && root.get("items").is_some_and(is_list);
    if is_list && depth < LIST_DEPTH_MAX {
        for (index, item) in take_items(&mut root).into_iter().enumerate() {
            let within =
                format!("{within}{}items[{index}]", if within.is_empty() { "" } else { "." });
            unroll(source, document, item, within, depth + 1, found, left_out);
        }
        return;
    }
    let metadata = root.get("metadata");
    let of_metadata = |key: &str| metadata.and_then(|metadata| metadata.get(key)).and_then(as_text);
    let name = of_metadata("name")
        .or_else(|| of_metadata("generateName").map(|prefix| format!("{prefix}*")))
        .unwrap_or_default();
    let namespace = of_metadata("namespace").filter(|namespace| !namespace.is_empty());
    found.push(Object {
        source,
        document,
        api_version,
        kind,
        name,
        namespace,
        root,
        within,
        parts: Vec::new(),
        seen: true,
    });
}

fn is_list(node: &Node) -> bool {
    matches!(node.value, Value::List(_))
}

fn take_items(root: &mut Node) -> Vec<Node> {
    let Value::Map(entries) = &mut root.value else { return Vec::new() };
    entries
        .iter_mut()
        .find(|entry| entry.key == "items")
        .and_then(|entry| match &mut entry.node.value {
            Value::List(items) => Some(std::mem::take(items)),
            _ => None,
        })
        .unwrap_or_default()
}

/// A name that YAML reads as a number or boolean is still the name that was meant.
fn as_text(node: &Node) -> Option<String> {
    match &node.value {
        Value::Text(text) | Value::Number(_, text) | Value::Bool(_, text) => Some(text.clone()),
        _ => None,
    }
}

/// The documents of one source, as objects, with what could not be read and what is none.
#[derive(Debug, Default)]
pub struct Inventory {
    /// Objects, in the order of their source.
    pub objects: Vec<Object>,
    /// Documents that cannot be read.
    pub unreadable: Vec<crate::document::Unreadable>,
    /// Documents, or items of lists, that are no Kubernetes objects.
    pub left_out: Vec<NotAnObject>,
}

/// Sorts the documents of one source.
pub fn inventory(source: usize, documents: Vec<Document>) -> Inventory {
    let mut inventory = Inventory::default();
    for (index, document) in documents.into_iter().enumerate() {
        match document {
            Ok(root) => {
                objects(source, index, root, &mut inventory.objects, &mut inventory.left_out);
            }
            Err(unreadable) => inventory.unreadable.push(unreadable),
        }
    }
    inventory
}
