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
use std::path::PathBuf;

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
    let wanted: Vec<&str> =
        PROGRAMS.iter().map(|program| program.name).chain([programs::RUNTIME]).collect();
    let processes = match process::all(machine, &wanted) {
        Ok((processes, missed)) => {
            let source = machine.proc.display().to_string();
            material.failures.extend(missed.iter().map(|reason| failure(&source, reason)));
            processes
        }
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
    let (mut kernel, mut unread) = (Vec::new(), Vec::new());
    for name in posture::checks::kernel_settings() {
        match std::fs::read_to_string(settings.join(name.replace('.', "/"))) {
            Ok(value) => kernel.push(((*name).to_owned(), Node::made_text(value.trim()))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => unread.push(((*name).to_owned(), Node::made_text(error.to_string()))),
        }
    }
    facts.add_from("kernel", Node::made_map(kernel), settings.display().to_string());
    facts.add("unread", Node::made_map(unread));
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

/// The flags of a command line, for fuzzing.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzzed_flags(words: &[String]) -> Vec<(String, String)> {
    process::flags(words)
}

#[cfg(test)]
mod tests;
