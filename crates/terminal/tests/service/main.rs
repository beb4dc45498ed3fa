//! The service's routes as a browser meets them: in process, on a real store in a directory of its own, before
//! a small double of an API server. What needs a Pod that runs is tested on a real cluster.

#![allow(clippy::unwrap_used, reason = "a fixture that cannot be made fails its test")]

mod exec;
mod hub;
mod links;
mod namesakes;
mod standing;
