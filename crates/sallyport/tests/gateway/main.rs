//! The gateway of the real binary: unmodified kubectl through it and directly, each method, and attacks byte by
//! byte. `double` needs no cluster, `issuer` makes one of its own; the others need `SALLYPORT_TEST_KUBECONFIG`, the administrator's kubeconfig
//! of a cluster of `cluster/cluster`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a suite of tests"
)]

#[path = "../support/mod.rs"]
mod support;

mod attacks;
mod double;
mod gate;
mod issuer;
mod kubectl;
mod login;
mod methods;
mod reviews;
