//! Posture: what is still open, told from manifests with evidence. Snapshot in, findings out.
//! Pure: where the manifests come from, the clock, and how findings are shown are the caller's.
//!
//! ```
//! let documents = posture::document::read(b"apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {hostPID: true}\n");
//! let inventory = posture::object::inventory(0, documents);
//! let checks: Vec<_> = posture::checks::all().collect();
//! let found = posture::scan::scan(&inventory.objects, &checks);
//! assert!(found.findings.iter().any(|finding| finding.check.id == "host-pid"
//!     && finding.verdict == posture::scan::Verdict::Fail
//!     && finding.evidence.path == "spec.hostPID"));
//! ```
//!
//! The way of a manifest: [`document`] reads text into trees that know their places; [`object`] finds the
//! Kubernetes objects in them; [`workload`] normalises what makes Pods to one view; [`snapshot`] joins all;
//! [`scan`] runs [`checks`], each of which is a [`check::Check`]; [`graph`] finds paths through what is open,
//! with [`network`] for whom policies let through. [`kubesec`] and [`kccss`] give the scores of
//! those tools, [`risk`] ours, [`fix`] changes the text and proves the change.

pub mod check;
pub mod checks;
pub mod document;
pub mod fix;
pub mod graph;
pub mod kccss;
pub mod kubesec;
pub mod network;
pub mod node;
pub mod object;
pub mod place;
mod publication;
mod rights;
pub mod risk;
pub mod rules;
pub mod scan;
pub mod selector;
pub mod snapshot;
pub mod words;
pub mod workload;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
