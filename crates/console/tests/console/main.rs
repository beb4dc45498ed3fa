//! The console's routes as a browser meets them: in process, on a real store in a directory of its own,
//! before a small double of an API server's TokenReview. Each allow stands beside its deny.

#![allow(clippy::unwrap_used, reason = "a fixture that cannot be made fails its test")]

mod accounts;
mod audit_log;
mod browser;
mod hub;
mod invitations;
mod issuer;
mod machines;
mod openapi;
mod page;
mod passwords;
mod sessions;
mod throttling;
mod tokens;
