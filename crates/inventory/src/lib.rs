//! Inventories: which packages a tree of files holds, told from layers of an image or from an SBOM.
//! Pure: bytes in, packages out. Where layers come from, and whether a package is vulnerable, is the caller's.
//!
//! The way of an image: [`tar`] reads a layer, [`tree`] lays layers over each other and keeps what tells of
//! packages, [`packages`] reads that, [`sbom`] writes packages down and reads them again.
//!
//! Hostile input: everything here was made by whoever made the image. Each reader is bounded, none follows a path
//! out of the tree, and what could not be read is told as a [`Gap`] and never taken for absent.

pub mod apk;
pub mod bytes;
pub mod distribution;
pub mod dpkg;
pub mod elf;
pub mod gobinary;
pub mod maven;
pub mod npm;
pub mod package;
pub mod packages;
pub mod pypi;
pub mod rpm;
pub mod rust;
pub mod sbom;
pub mod tar;
pub mod tree;
pub mod zip;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;

pub use distribution::Distribution;
pub use package::{Kind, Package};
pub use packages::{Gap, Inventory};
pub use tree::Tree;
