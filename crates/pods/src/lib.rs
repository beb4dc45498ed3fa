//! Pods: every one that a person may see, in all clusters, as a list, live, and one by one.
//! It decides nothing: each is read as the person, and the cluster's RBAC decides. How one enters a Pod is known to
//! `terminal`, how one gets a Pod of one's own to `workspaces`.

mod routes;
mod service;

mod feed;
mod live;

mod refusal;
mod scope;

mod status;
mod view;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;

pub use live::{PodChange, PodChangeKind, PodSnapshot, PodsStale, PodsStaleReason};
pub use routes::router;
pub use service::Pods;
pub use view::{ContainerKind, ContainerState, ContainerView, PodList, PodScope, PodView};
