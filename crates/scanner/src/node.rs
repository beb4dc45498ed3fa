//! A node as a source: the programs of Kubernetes that run on this machine, told by their processes.
//! Which of their settings are good is `posture`'s; here is only what they were told, and where that was read.
//!
//! Nothing is taken from a table of usual places that a program itself can tell: its flags come from its command
//! line, its files from its flags, and each file is looked at as the process sees it, in its own mounts. Of
//! several processes of one program each is told, for anybody in a Pod can call himself kubelet, and must hide
//! nothing by it.
//!
//! Hostile input: command lines and files are bounded and read as text; links are followed within the root of
//! the process that names them and never out of it; keys of an encryption configuration are put out of sight
//! before anything else sees them.

mod files;
mod process;
mod programs;

use crate::material::{Material, Origin, failure};
use files::Seen;
use posture::node::{Node, Value};
use posture::object::Object;
use posture::snapshot::Scope;
use process::Process;
use programs::PROGRAMS;
use std::path::{Path, PathBuf};

/// Where to look. Tests look elsewhere.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The process file system.
    pub proc: PathBuf,
    /// The root of the file system, for what no process names.
    pub root: PathBuf,
    /// Only these processes; all if empty.
    pub only: Vec<u32>,
}

impl Default for Machine {
    fn default() -> Self {
        Self { proc: "/proc".into(), root: "/".into(), only: Vec::new() }
    }
}

/// Reads the machine.
pub fn read(machine: &Machine) -> Material {
    let mut material = Material {
        origin: Origin::Node,
        sources: Vec::new(),
        objects: Vec::new(),
        scope: Scope::Part,
        failures: Vec::new(),
        left_out: Vec::new(),
    };
    let processes = match process::all(machine) {
        Ok(processes) => processes,
        Err(error) => {
            let reason = format!("the processes cannot be listed: {error}");
            material.failures.push(failure(&machine.proc.display().to_string(), &reason));
            return material;
        }
    };
    let name = process::host_name(machine);
    let manifests = programs::static_pods(machine, &processes);
    let mut running = 0;
    for program in PROGRAMS {
        let own: Vec<&Process> =
            processes.iter().filter(|process| process.is(program.name)).collect();
        running += own.len();
        for process in &own {
            let name = match own.len() {
                1 => name.clone(),
                _ => format!("{name}:{}", process.pid),
            };
            material.take(program.kind, &name, programs::facts(program, process, &manifests));
        }
        if own.is_empty() {
            material.take(program.kind, &name, absent(machine));
        }
    }
    if running == 0 {
        let reason = "no program of Kubernetes runs here, so that only the kernel was looked at";
        material.failures.push(failure("(scan)", reason));
    }
    material.take("NodeHost", &name, host(machine, &processes));
    material
}

/// Facts with the sources of their parts.
#[derive(Debug)]
struct Facts {
    source: String,
    fields: Vec<(String, Node)>,
    parts: Vec<(String, String)>,
}

impl Facts {
    fn new(source: String) -> Self {
        Self { source, fields: Vec::new(), parts: Vec::new() }
    }

    /// Adds a field that was read with all the others.
    fn add(&mut self, key: &str, node: Node) {
        self.fields.push((key.to_owned(), node));
    }

    /// Adds a field that was read elsewhere.
    fn add_from(&mut self, key: &str, node: Node, source: String) {
        self.parts.push((key.to_owned(), source));
        self.add(key, node);
    }

    /// Adds what was seen of files.
    fn add_files(&mut self, seen: Seen, source: String) {
        self.add_from("files", seen.into_node(), source);
    }
}

impl Material {
    fn take(&mut self, kind: &str, name: &str, facts: Facts) {
        let source = self.source(&facts.source);
        let parts: Vec<(String, usize)> =
            facts.parts.into_iter().map(|(key, name)| (key, self.source(&name))).collect();
        let head = [
            ("apiVersion".to_owned(), Node::made_text("node.sallyport/v1")),
            ("kind".to_owned(), Node::made_text(kind)),
            ("metadata".to_owned(), Node::made_map([("name".to_owned(), Node::made_text(name))])),
        ];
        let root = Node::made_map(head.into_iter().chain(facts.fields));
        let (mut found, mut left_out): (Vec<Object>, _) = (Vec::new(), Vec::new());
        posture::object::objects(source, 0, root, &mut found, &mut left_out);
        self.objects.extend(found.pop().map(|object| Object { parts, ..object }));
    }

    fn source(&mut self, name: &str) -> usize {
        let name = crate::clean::clean(name);
        match self.sources.iter().position(|own| *own == name) {
            Some(index) => index,
            None => {
                self.sources.push(name);
                self.sources.len() - 1
            }
        }
    }
}

fn absent(machine: &Machine) -> Facts {
    Facts::new(machine.proc.display().to_string())
}

/// What belongs to no program of Kubernetes: the kernel's settings, the network's configuration, and the
/// credentials of people.
fn host(machine: &Machine, processes: &[Process]) -> Facts {
    let mut facts = Facts::new(machine.root.display().to_string());
    let settings = machine.proc.join("sys");
    let kernel = posture::checks::kernel_settings().iter().filter_map(|name| {
        let value = std::fs::read_to_string(settings.join(name.replace('.', "/"))).ok()?;
        Some(((*name).to_owned(), Node::made_text(value.trim())))
    });
    facts.add_from("kernel", Node::made_map(kernel), settings.display().to_string());
    let mut seen = Seen::default();
    programs::network_files(machine, processes, &mut seen);
    for path in ["/etc/kubernetes/admin.conf", "/etc/kubernetes/super-admin.conf"] {
        seen.look_if_there(&machine.root, path, "admin");
    }
    facts.add_files(seen, machine.root.display().to_string());
    facts
}

/// A list that stands in no text.
fn list(items: impl IntoIterator<Item = Node>) -> Node {
    Node::made(Value::List(items.into_iter().collect()))
}

/// What is read of a file of a node at most: configurations have a few KiB.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Reads a regular file within the bound.
fn bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read;
    // A pipe would be waited for, and a device never end.
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("it is no regular file"));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(std::io::Error::other("it is larger than any configuration"));
    }
    Ok(bytes)
}

/// The flags of a command line, for fuzzing.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzzed_flags(words: &[String]) -> Vec<(String, String)> {
    process::flags(words)
}

#[cfg(test)]
mod tests;
