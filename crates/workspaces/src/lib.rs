//! Workspaces: a person's own Pods from the operator's templates, within quotas, in a namespace of their own.
//! How one enters a Pod is known to `terminal`, which Pods there are besides to `pods`; all meet in the binary.
//!
//! The rules hold thrice, so that whoever goes past one meets the next: the hub counts in its store before it
//! makes anything; the API server judges what is made, as the person's, by RBAC, quota and Pod Security; and the
//! Pod ends by itself when its time is over.

mod routes;
mod service;

mod create;
mod delete;
mod reconcile;
mod watch;

mod namespace;
mod refusal;

mod manifest;
mod naming;
mod quantity;
mod settings;
mod shape;
mod steps;
mod template;
mod view;
mod words;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;

pub use naming::{namespace_of, owner_hash};
pub use routes::router;
pub use service::Workspaces;
pub use settings::{OperatorMisconfigured, Settings};
pub use shape::{BIRTH_MARK, FIELD_MANAGER, MANAGED_BY, OWNER, TEMPLATE, WORKSPACE};
pub use template::{Resources, Template, Text};
pub use view::{
    NewWorkspace, Quota, State, Step, StepKind, TemplateView, WorkspaceList, WorkspaceTemplates,
    WorkspaceView,
};
