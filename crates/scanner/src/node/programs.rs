//! The programs of Kubernetes: which of their flags name files, and what each file is for.
//! How a process is read is `process`'s; what the facts mean is `posture`'s.

use super::files::{Seen, bounded, folder_files};
use super::process::Process;
use super::{Facts, Machine};
use posture::document;
use posture::node::{Node, Value};
use std::path::{Path, PathBuf};

/// A program.
#[derive(Debug)]
pub(super) struct Program {
    /// Its name, as the first word of its command line ends.
    pub(super) name: &'static str,
    /// The kind of its facts.
    pub(super) kind: &'static str,
    /// Flags that name documents, and the field as which each is told.
    documents: &'static [(&'static str, &'static str)],
    /// Flags that name files, beside those of [`KEYS`], and their use.
    files: &'static [(&'static str, &'static str)],
    /// Fields of documents that name files, and their use.
    fields: &'static [(&'static [&'static str], &'static str)],
}

const KUBECONFIGS: &[(&str, &str)] = &[
    ("kubeconfig", "kubeconfig"),
    ("authentication-kubeconfig", "kubeconfig"),
    ("authorization-kubeconfig", "kubeconfig"),
];
const CLIENT: (&[&str], &str) = (&["config", "clientConnection", "kubeconfig"], "kubeconfig");

pub(super) static PROGRAMS: &[Program] = &[
    Program {
        name: "kube-apiserver",
        kind: "KubeApiserver",
        documents: &[
            ("authentication-config", "authentication"),
            ("authorization-config", "authorization"),
            ("encryption-provider-config", "encryption"),
            ("audit-policy-file", "audit"),
        ],
        files: &[
            ("encryption-provider-config", "encryption"),
            ("token-auth-file", "tokens"),
            ("audit-log-path", "audit-log"),
        ],
        fields: &[],
    },
    Program {
        name: "kube-controller-manager",
        kind: "KubeControllerManager",
        documents: &[],
        files: KUBECONFIGS,
        fields: &[],
    },
    Program {
        name: "kube-scheduler",
        kind: "KubeScheduler",
        documents: &[("config", "config")],
        files: KUBECONFIGS,
        fields: &[CLIENT],
    },
    Program {
        name: "etcd",
        kind: "Etcd",
        documents: &[("config-file", "config")],
        files: &[],
        fields: &[
            (&["config", "client-transport-security", "cert-file"], "certificate"),
            (&["config", "client-transport-security", "trusted-ca-file"], "certificate"),
            (&["config", "client-transport-security", "key-file"], "key"),
            (&["config", "peer-transport-security", "cert-file"], "certificate"),
            (&["config", "peer-transport-security", "trusted-ca-file"], "certificate"),
            (&["config", "peer-transport-security", "key-file"], "key"),
        ],
    },
    Program {
        name: "kubelet",
        kind: "Kubelet",
        documents: &[("config", "config")],
        files: &[
            ("kubeconfig", "kubeconfig"),
            ("bootstrap-kubeconfig", "kubeconfig"),
            ("config", "config"),
            ("client-ca-file", "client-ca"),
        ],
        fields: &[
            (&["config", "authentication", "x509", "clientCAFile"], "client-ca"),
            (&["config", "tlsCertFile"], "certificate"),
            (&["config", "tlsPrivateKeyFile"], "key"),
        ],
    },
    Program {
        name: "kube-proxy",
        kind: "KubeProxy",
        documents: &[("config", "config")],
        files: &[("kubeconfig", "kubeconfig")],
        fields: &[CLIENT],
    },
];

/// Flags of any program that name certificates and keys. A public key is no secret.
const KEYS: &[(&str, &str)] = &[
    ("tls-cert-file", "certificate"),
    ("client-ca-file", "certificate"),
    ("etcd-certfile", "certificate"),
    ("etcd-cafile", "certificate"),
    ("kubelet-client-certificate", "certificate"),
    ("kubelet-certificate-authority", "certificate"),
    ("proxy-client-cert-file", "certificate"),
    ("requestheader-client-ca-file", "certificate"),
    ("service-account-key-file", "certificate"),
    ("root-ca-file", "certificate"),
    ("cluster-signing-cert-file", "certificate"),
    ("cert-file", "certificate"),
    ("trusted-ca-file", "certificate"),
    ("peer-cert-file", "certificate"),
    ("peer-trusted-ca-file", "certificate"),
    ("tls-private-key-file", "key"),
    ("etcd-keyfile", "key"),
    ("kubelet-client-key", "key"),
    ("proxy-client-key-file", "key"),
    ("service-account-signing-key-file", "key"),
    ("service-account-private-key-file", "key"),
    ("cluster-signing-key-file", "key"),
    ("key-file", "key"),
    ("peer-key-file", "key"),
];
/// Where systemd looks for units, in its order.
const UNITS: &[&str] = &[
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];
/// Where static Pods lie where no kubelet says so: kubeadm's place.
const MANIFESTS: &str = "/etc/kubernetes/manifests";
/// Where the network's configuration lies where no runtime says so.
const NETWORK: &str = "/etc/cni/net.d";
/// The container runtime whose configuration says where that lies.
pub(super) const RUNTIME: &str = "containerd";

/// What a process says of itself.
pub(super) fn facts(program: &Program, process: &Process, manifests: &StaticPods) -> Facts {
    let root = process.root();
    let mut seen = Seen::default();
    let mut unread = Vec::new();
    let mut facts = Facts::new(process.folder.join("cmdline").display().to_string());
    facts.add(
        "process",
        Node::made_map([
            ("pid".to_owned(), Node::made_text(process.pid.to_string())),
            ("user".to_owned(), Node::made_text(seen.user(&root, process.user))),
        ]),
    );
    let texts = |pairs: &[(String, String)]| {
        Node::made_map(pairs.iter().map(|(key, value)| (key.clone(), Node::made_text(value))))
    };
    let flags = process.flags();
    facts.add("flags", texts(&flags));
    if process.is_cut {
        let reason = "the command line is longer than any";
        unread.push(("flags".to_owned(), Node::made_text(reason)));
    }
    let mut named = flags.clone();
    if program.name == "etcd" {
        let environment = process.environment("ETCD_").unwrap_or_else(|error| {
            unread.push(("environment".to_owned(), Node::made_text(error.to_string())));
            Vec::new()
        });
        let source = process.folder.join("environ").display().to_string();
        facts.add_from("environment", texts(&environment), source);
        // A flag stands above its variable.
        for (variable, value) in environment {
            let flag = variable.trim_start_matches("ETCD_").replace('_', "-").to_ascii_lowercase();
            if !named.iter().any(|(own, _)| *own == flag) {
                named.push((flag, value));
            }
        }
    }
    let value = |flag: &str| {
        named
            .iter()
            .find(|(own, value)| own == flag && !value.is_empty())
            .map(|(_, value)| value.as_str())
    };
    let mut documents: Vec<(String, Node)> = Vec::new();
    for (flag, key) in program.documents {
        let Some(path) = value(flag).map(|path| process.absolute(path)) else { continue };
        match document(&root, &path) {
            Ok(node) => {
                documents.push(((*key).to_owned(), node.clone()));
                facts.add_from(key, node, path);
            }
            Err(reason) => unread.push(((*key).to_owned(), Node::made_text(reason))),
        }
    }
    // What is in a folder of drop-ins stands above the file; it is not read, so that the file decides nothing.
    if program.name == "kubelet" && value("config-dir").is_some() {
        facts.forget("config");
        unread.push(("config".to_owned(), Node::made_text("--config-dir is in use")));
    }
    let is_whole = unread.is_empty();
    facts.add("unread", Node::made_map(unread));
    for (flag, of_use) in program.files.iter().chain(KEYS) {
        // `-` is standard output.
        for path in value(flag)
            .unwrap_or_default()
            .split(',')
            .filter(|path| !path.is_empty() && *path != "-")
        {
            seen.look(&root, &process.absolute(path), of_use);
        }
    }
    let documents = Node::made_map(documents);
    for (way, of_use) in program.fields {
        if let Some(path) = text_at(&documents, way) {
            seen.look(&root, &process.absolute(path), of_use);
        }
    }
    if program.name == "etcd" {
        let name = value("name").unwrap_or("default");
        let folder = text_at(&documents, &["config", "data-dir"])
            .or(value("data-dir"))
            .map_or_else(|| format!("{name}.etcd"), str::to_owned);
        if is_whole {
            seen.look(&root, &process.absolute(&folder), "data");
        } else {
            seen.miss(&folder, "data", "what names the folder could not be read");
        }
    }
    if program.name == "kubelet" {
        match process.unit() {
            Ok(Some(unit)) => unit_files(&root, &unit, &mut seen),
            Ok(None) => {}
            Err(error) => seen.miss("(unit)", "service", &error.to_string()),
        }
    }
    for manifest in manifests.found.iter().filter(|manifest| manifest.program == program.name) {
        seen.look(&manifest.root, &manifest.path, "pod-spec");
    }
    for (path, reason) in &manifests.missed {
        seen.miss(path, "pod-spec", reason);
    }
    facts.add_files(seen, root.display().to_string());
    facts
}

impl Facts {
    /// Takes a field away again.
    fn forget(&mut self, key: &str) {
        self.fields.retain(|(own, _)| own != key);
        self.parts.retain(|(own, _)| own != key);
    }
}

fn text_at<'a>(node: &'a Node, way: &[&str]) -> Option<&'a str> {
    way.iter().try_fold(node, |node, key| node.get(key))?.text()
}

/// The first document of a file, without its secrets. The reason says nothing of what is in it.
fn document(root: &Path, path: &str) -> Result<Node, String> {
    let bytes = bounded(root, path).map_err(|error| error.to_string())?;
    let first = document::read(&bytes).into_iter().next();
    match first {
        Some(Ok(mut node)) => {
            hide_secrets(&mut node);
            Ok(node)
        }
        Some(Err(unreadable)) => Err(format!("line {} is not valid YAML", unreadable.line)),
        None => Err("it is empty".to_owned()),
    }
}

/// Puts keys of an encryption configuration out of sight.
fn hide_secrets(node: &mut Node) {
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(hide_secrets),
        Value::Map(entries) => {
            for entry in entries {
                if entry.key == "secret" {
                    entry.node.value = Value::Text("(hidden)".to_owned());
                } else {
                    hide_secrets(&mut entry.node);
                }
            }
        }
        _ => {}
    }
}

/// The files of a systemd unit, its drop-ins included.
fn unit_files(root: &Path, unit: &str, seen: &mut Seen) {
    for folder in UNITS {
        seen.look_if_there(root, &format!("{folder}/{unit}"), "service");
        let drop_ins = format!("{folder}/{unit}.d");
        seen.look_in(root, &drop_ins, "service", |path| path.ends_with(".conf"));
    }
}

/// The manifests by which kubelets start programs of Kubernetes, and why others may be missing.
#[derive(Debug, Default)]
pub(super) struct StaticPods {
    found: Vec<StaticPod>,
    missed: Vec<(String, String)>,
}

/// The manifest of a static Pod.
#[derive(Debug)]
struct StaticPod {
    root: PathBuf,
    path: String,
    program: &'static str,
}

/// Looks for the manifests of programs of Kubernetes.
pub(super) fn static_pods(machine: &Machine, processes: &[Process]) -> StaticPods {
    let kubelets: Vec<&Process> =
        processes.iter().filter(|process| process.is("kubelet")).collect();
    let mut pods = StaticPods::default();
    let mut folders: Vec<(PathBuf, String)> = Vec::new();
    for kubelet in &kubelets {
        let root = kubelet.root();
        let folder = kubelet.flag("pod-manifest-path").or_else(|| {
            let config = kubelet.absolute(&kubelet.flag("config")?);
            match document(&root, &config) {
                Ok(config) => text_at(&config, &["staticPodPath"]).map(str::to_owned),
                Err(reason) => {
                    pods.missed.push((config, reason));
                    None
                }
            }
        });
        folders.extend(folder.map(|folder| (root, kubelet.absolute(&folder))));
    }
    if kubelets.is_empty() {
        folders.push((machine.root.clone(), MANIFESTS.to_owned()));
    }
    for (root, folder) in folders {
        let (paths, missed) = folder_files(&root, &folder);
        pods.missed.extend(missed.map(|reason| (folder, reason)));
        for path in paths {
            match bounded(&root, &path) {
                Ok(bytes) => pods.found.extend(programs_of(&root, &path, &bytes)),
                Err(error) => pods.missed.push((path, error.to_string())),
            }
        }
    }
    pods
}

/// The programs of Kubernetes that a manifest starts.
fn programs_of(root: &Path, path: &str, manifest: &[u8]) -> Vec<StaticPod> {
    let objects = posture::object::inventory(0, document::read(manifest)).objects;
    let pods = objects.iter().filter_map(posture::workload::pod);
    let words: Vec<String> = pods
        .flat_map(|pod| {
            pod.containers
                .into_iter()
                .filter_map(|container| container.command.first().map(|word| (*word).to_owned()))
        })
        .collect();
    let runs =
        |program: &&Program| words.iter().any(|word| word.rsplit('/').next() == Some(program.name));
    PROGRAMS
        .iter()
        .filter(runs)
        .map(|program| StaticPod {
            root: root.to_owned(),
            path: path.to_owned(),
            program: program.name,
        })
        .collect()
}

/// Looks at the configuration of the Pods' network, where the container runtime has it.
pub(super) fn network_files(machine: &Machine, processes: &[Process], seen: &mut Seen) {
    let runtimes: Vec<&Process> = processes.iter().filter(|process| process.is(RUNTIME)).collect();
    for runtime in &runtimes {
        let root = runtime.root();
        let config = runtime.flag("config").or_else(|| runtime.flag("c"));
        let config = config.unwrap_or_else(|| "/etc/containerd/config.toml".to_owned());
        let config = runtime.absolute(&config);
        let folder = match bounded(&root, &config) {
            Ok(bytes) => match toml::from_str::<toml::Table>(&String::from_utf8_lossy(&bytes)) {
                Ok(table) => folder_of_network(&toml::Value::Table(table), 0),
                Err(_) => {
                    seen.miss(&config, "cni", "it is not valid TOML");
                    continue;
                }
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => {
                seen.miss(&config, "cni", &error.to_string());
                continue;
            }
        };
        seen.look_in(&root, folder.as_deref().unwrap_or(NETWORK), "cni", |_| true);
    }
    if runtimes.is_empty() {
        seen.look_in(&machine.root, NETWORK, "cni", |_| true);
    }
}

/// `cni.conf_dir`, under whichever name of a plugin the version of containerd has it.
fn folder_of_network(value: &toml::Value, depth: usize) -> Option<String> {
    /// The table stands five deep.
    const DEPTH_MAX: usize = 8;
    let table = value.as_table().filter(|_| depth < DEPTH_MAX)?;
    let own = table.get("cni").and_then(|cni| cni.get("conf_dir")).and_then(toml::Value::as_str);
    own.map(str::to_owned)
        .or_else(|| table.values().find_map(|inner| folder_of_network(inner, depth + 1)))
}
