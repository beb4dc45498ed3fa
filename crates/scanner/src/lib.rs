//! Scans: gathers manifests, or what a cluster, a node or an image says of itself, has `posture` look at them, and tells
//! what it found in the form that was asked: to the command line, and in the hub's posture room ([`Posture`]), which
//! scans clusters by itself and keeps what it found.
//! What is wrong with a manifest is `posture`'s knowledge; arguments and exit codes' numbers the binary's.
//!
//! Nothing that could not be read is ever left out of a report: it stands in it beside the findings.

pub mod clean;
pub mod cluster;
pub mod diff;
pub mod explain;
pub mod image;
pub mod material;
pub mod node;
pub mod replace;
pub mod report;
mod room;
pub mod selection;
pub mod sources;
pub mod waivers;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;

pub use material::{Material, Origin};
pub use report::{Format, Report, Told};
pub use room::{Posture, PostureSettings, describe_metrics, router};
pub use selection::Selection;
pub use sources::{Source, Sources};
pub use waivers::{Baseline, Waivers};
