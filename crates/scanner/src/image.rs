//! An image as a source: its layers and configuration, as facts for checks, and its packages.
//! How layers and packages are read is `inventory`'s, which versions are vulnerable `advisories`', what is wrong
//! `posture`'s.
//!
//! Nothing of an image is written to a disk, and nothing of it is run. Secrets are put out of sight before anything
//! else sees them.
//!
//! Hostile input: every digest is verified before what it names is believed; blobs that are links or no files are
//! refused; manifests are bounded, and so is what layers unfold to.

mod facts;
mod layout;
mod packing;
mod parts;
mod vulnerabilities;

use crate::material::{Material, Origin, failure};
use inventory::Inventory;
use posture::node::Node;
use posture::object::Object;
use posture::snapshot::Scope;
use std::io::Read;
use std::path::Path;

pub use layout::{Choice, Image, ImageFault, open, open_remote};
#[cfg(any(test, fuzzing))]
pub(crate) use packing::unpacked as fuzzed_unpacked;
pub use vulnerabilities::{Answers, Built, Vulnerabilities, VulnerabilityFault, build};

/// Bytes of a bill of materials: one of a large image has some ten megabytes.
const BILL_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// Why a bill of materials cannot be scanned.
#[derive(Debug, thiserror::Error)]
pub enum BillFault {
    /// It cannot be read from its file.
    #[error("the bill of materials cannot be read")]
    Read(#[from] std::io::Error),
    /// It is larger than a scan takes.
    #[error("the bill of materials is larger than {} MiB", BILL_BYTES_MAX / (1024 * 1024))]
    Size,
    /// It is none.
    #[error(transparent)]
    Form(#[from] inventory::sbom::SbomFault),
}

/// Reads a bill of materials.
pub fn bill(path: &Path) -> Result<Inventory, BillFault> {
    let mut text = Vec::new();
    std::fs::File::open(path)?.take(BILL_BYTES_MAX + 1).read_to_end(&mut text)?;
    if text.len() as u64 > BILL_BYTES_MAX {
        return Err(BillFault::Size);
    }
    Ok(inventory::sbom::read(&text)?)
}

impl Material {
    /// Of an image that was opened, and of what a database says of its packages.
    pub fn of_image(image: &Image, inventory: &Inventory, answers: Option<&Answers>) -> Self {
        let source = image.name.clone();
        let mut material = Self::of_packages(&source, inventory, answers);
        material.failures.extend(image.faults.iter().map(|fault| failure(&source, fault)));
        let is_whole = image.faults.is_empty();
        let fields = facts::of(image, inventory, answers, is_whole);
        material.objects.extend(object("ContainerImage", &source, fields));
        material
    }

    /// Of a bill of materials, and of what a database says of its packages.
    pub fn of_bill(name: &str, inventory: &Inventory, answers: Option<&Answers>) -> Self {
        let mut material = Self::of_packages(name, inventory, answers);
        let fields = facts::of_packages(inventory, answers, true);
        material.objects.extend(object("BillOfMaterials", name, fields));
        if inventory.packages.is_empty() {
            let reason =
                "the bill of materials names no package, so that there was nothing to look at";
            material.failures.push(failure(name, reason));
        }
        material
    }

    fn of_packages(source: &str, inventory: &Inventory, answers: Option<&Answers>) -> Self {
        let mut failures: Vec<_> = inventory
            .gaps
            .iter()
            .map(|gap| failure(source, &format!("{}: {}", gap.path, gap.reason)))
            .collect();
        let missed = answers.map_or(&[][..], |answers| &answers.missed);
        failures.extend(missed.iter().map(|reason| failure(source, reason)));
        Self {
            origin: Origin::Image,
            sources: vec![crate::clean::clean(source)],
            objects: Vec::new(),
            scope: Scope::Part,
            failures,
            left_out: Vec::new(),
        }
    }
}

fn object(kind: &str, name: &str, fields: Vec<(String, Node)>) -> Option<Object> {
    let head = [
        ("apiVersion".to_owned(), Node::made_text("image.sallyport/v1")),
        ("kind".to_owned(), Node::made_text(kind)),
        ("metadata".to_owned(), Node::made_map([("name".to_owned(), Node::made_text(name))])),
    ];
    let (mut found, mut left_out) = (Vec::new(), Vec::new());
    let root = Node::made_map(head.into_iter().chain(fields));
    posture::object::objects(0, 0, root, &mut found, &mut left_out);
    found.pop()
}

#[cfg(test)]
mod tests;
