//! Asks a running kube-apiserver and `authn` the same question, who a request is of, and compares.
//! It is never in the product; it knows the API server only by its answers, and `authn` only by its face.
//!
//! A case is made from a seed and its number alone, so that any difference can be made again. `Maker` makes
//! cases of the methods that every cluster of `cluster/cluster` has: client certificates, token file, service
//! account tokens of both kinds, bootstrap tokens, front proxy, the WebSocket form, and none; `IssuerMaker`
//! of OpenID Connect and webhook tokens, for a cluster configured with its `Provider`. They are valid, or
//! broken in header, spacing, time, key, algorithm, audience, encoding and order.

mod case;
mod certificates;
mod cluster;
mod comparison;
mod issuer;
mod provider;
mod random;
mod tokens;
mod wire;
mod world;

pub use case::{Case, Maker};
pub use cluster::Cluster;
pub use comparison::{Source, Tally, compare};
pub use issuer::IssuerMaker;
pub use provider::Provider;
pub use wire::{Verdict, Wire};
pub use world::World;
