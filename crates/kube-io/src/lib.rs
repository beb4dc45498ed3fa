//! The Kubernetes client side: clusters, acting as a person, reviews, and the exec stream.
//! It decides nothing itself and stores nothing: the API server's RBAC decides, the services keep the records.
//!
//! The rest of the program acts as a person only with an [`Authorized`] value, which only
//! [`Cluster::authorize`] makes, after the API server has said yes to a `SubjectAccessReview`; and the API
//! server judges each request again as that person's. The gateway hands on what people send themselves, which
//! only the API server can judge: [`Cluster::forward`] takes a [`Caller`] instead, made of what only `authn`'s
//! union makes. Three ways ask for no such value, and none enters or changes a Pod: [`Cluster::pod_facts`] reads
//! one as the person, [`Cluster::as_hub`] acts with the hub's own role, which holds no right to Pods, and
//! `token_objects` reads as the hub what a token hangs on.

mod cluster;
mod error;
mod exec;
mod forward;
mod impersonate;
mod patience;
mod pod;
mod review;
mod token_objects;
mod token_webhook;
mod workspace;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;

pub use cluster::{Cluster, ClusterSource, Clusters};
pub use error::KubeIoError;
pub use exec::{ExecEnd, ExecFrame, ExecSink, ExecSource, ExecStart, RESIZE_MAX, exec_end_of};
pub use forward::{Caller, ForwardBody, Impersonate};
pub use pod::{ContainerFacts, PodFacts};
pub use review::{
    Access, Action, Authorized, CreatePod, DeletePod, EnterPod, GetPod, ListPods, TokenVerdict,
    Verdict, WatchPods,
};
pub use token_webhook::{InvalidWebhookFile, TokenWebhook, WebhookFault};
pub use workspace::WORKSPACE_OWNER;
