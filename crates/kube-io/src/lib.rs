//! The Kubernetes client side: clusters, acting as a person, reviews, and the exec stream.
//! It decides nothing itself and stores nothing: the API server's RBAC decides, the services keep the records.
//!
//! The rest of the program can reach a Pod only through [`Authorized`], which only [`Cluster::authorize`]
//! makes, and only after the API server has said yes to a `SubjectAccessReview` for that very action.

mod cluster;
mod error;
mod exec;
mod impersonate;
mod pod;
mod review;

mod patience;
pub use cluster::{Cluster, ClusterSource, Clusters};
pub use error::KubeIoError;
pub use exec::{
    ExecEnd, ExecFrame, ExecProtocol, ExecSink, ExecSource, ExecStart, RESIZE_MAX, exec_end_of,
};
pub use pod::{ContainerFacts, PodFacts};
pub use review::{
    Access, Action, Authorized, CreatePod, DeletePod, EnterPod, GetPod, ListPods, TokenVerdict,
    Verdict, WatchPods,
};
