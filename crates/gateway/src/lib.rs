//! The gateway: a proxy before the API servers of one or many clusters, which proves who sends a request by the
//! methods of Kubernetes itself and hands it on as theirs, so that unmodified clients work through it.
//! It does not know what anybody may do: the API server judges each request, by impersonation, as the
//! sender's. Connections and TLS are the binary's, the methods `authn`'s, the way to a cluster `kube-io`'s.
//!
//! A request's way, in [`handle`](self): which cluster is meant (`route`), a place in the record of requests
//! (`record`), who sends it (`admission`, with `webhook` and `machines` as two of those it asks), as whom it wishes to act (`wish`), what of its headers may go on
//! (`headers`), the API server's answer, and a tunnel if that is an upgrade (`tunnel`).
//!
//! Hostile input: everything up to `admission` is a stranger's. Sizes and times of what is read are bounded by
//! the listener before it; nothing here holds a body in memory.

mod handle;

mod admission;
mod cookies;
mod crowd;
mod evidence;
mod failures;
mod figures;
mod gateway;
mod headers;
mod issuers;
mod machines;
mod record;
mod route;
mod status;
mod tunnel;
mod webhook;
mod wish;

pub use gateway::{Beliefs, ClientCertificates, Gateway, GatewayParts};
pub use webhook::TokenReviewer;
