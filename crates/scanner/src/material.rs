//! What a report is made of: objects with the names of their sources, and what could not be had of them.
//! What is found in the objects is `posture`'s; where each source is read is its module's.

use crate::clean::clean;
use crate::cluster::Gathered;
use crate::report::{Failure, LeftOut};
use crate::sources::Sources;
use posture::document;
use posture::object::{self, Object};
use posture::snapshot::Scope;

/// Where the objects were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Files of manifests.
    Files,
    /// An API server.
    Cluster,
    /// The processes and files of a machine.
    Node,
    /// The layers and the configuration of an image, or a bill of materials.
    Image,
}

/// What a report is made of.
#[derive(Debug)]
pub struct Material {
    /// Where all of it was found.
    pub origin: Origin,
    /// Names of the sources, made harmless.
    pub sources: Vec<String>,
    /// The objects.
    pub objects: Vec<Object>,
    /// How much of a cluster they are.
    pub scope: Scope,
    /// What could not be read.
    pub failures: Vec<Failure>,
    /// Documents that are no objects.
    pub left_out: Vec<LeftOut>,
}

impl Material {
    /// Of files. A folder in which nothing is a Kubernetes object is a failure: who scans nothing must not be
    /// told that nothing was found.
    pub fn of_files(sources: &Sources) -> Self {
        let failed = sources.failed.iter();
        let mut failures: Vec<Failure> =
            failed.map(|(name, reason)| failure(name, reason)).collect();
        let (mut objects, mut left_out) = (Vec::new(), Vec::new());
        let names: Vec<String> = sources.read.iter().map(|source| clean(&source.name)).collect();
        for (index, source) in sources.read.iter().enumerate() {
            let inventory = object::inventory(index, document::read(&source.bytes));
            objects.extend(inventory.objects);
            failures.extend(inventory.unreadable.into_iter().map(|unreadable| Failure {
                source: names[index].clone(),
                place: Some((unreadable.line, unreadable.column)),
                reason: clean(&unreadable.fault.to_string()),
            }));
            left_out.extend(inventory.left_out.into_iter().map(|none| LeftOut {
                source: names[index].clone(),
                line: none.span.line,
                reason: none.reason,
            }));
        }
        if objects.is_empty() && failures.is_empty() {
            let reason = "there is no Kubernetes object in what was given to scan";
            failures.push(failure("(scan)", reason));
        }
        let (origin, scope) = (Origin::Files, Scope::Part);
        Self { origin, sources: names, objects, scope, failures, left_out }
    }

    /// Of a live cluster, in which an object's place is its own reference.
    pub fn of_cluster(gathered: Gathered) -> Self {
        let scope = gathered.scope();
        let failed = gathered.failed.iter();
        let mut failures: Vec<Failure> =
            failed.map(|(name, reason)| failure(name, reason)).collect();
        if !gathered.objects.iter().any(|object| object.seen) {
            let reason = "the API server gave nothing to look at; `sallyport scan rbac` prints the role that a scan needs";
            failures.push(failure("(scan)", reason));
        }
        let sources = gathered.objects.iter().map(|object| clean(&object.reference())).collect();
        let (origin, objects) = (Origin::Cluster, gathered.objects);
        Self { origin, sources, objects, scope, failures, left_out: Vec::new() }
    }
}

pub(crate) fn failure(source: &str, reason: &str) -> Failure {
    Failure { source: clean(source), place: None, reason: clean(reason) }
}
