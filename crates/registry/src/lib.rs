//! Registries of images, as the OCI distribution specification 1.1 and Docker's registry API v2 have them: references,
//! credentials, and documents and blobs that are read while they are verified.
//! What is in an image is `inventory`'s and `scanner`'s; which files and variables hold credentials, the binary's.
//!
//! Hostile input: a registry, whoever it leads to, and whatever they send. Nothing is believed before its digest holds;
//! every answer is bounded in bytes and in time; credentials go to the registry and to the token service that it names,
//! over TLS, and with no redirect anywhere else.

mod challenge;
mod client;
mod credentials;
mod fault;
mod image;
mod reference;
mod stream;
mod transport;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;

pub use credentials::{ConfigFault, Credential, DockerConfig, Kept};
pub use fault::RegistryFault;
pub use image::{Document, DocumentKind, RemoteImage};
pub use reference::{Reference, ReferenceFault, is_loopback};
pub use stream::{Passed, Progress};
pub use transport::{Trust, TrustFault};
