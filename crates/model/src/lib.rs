//! The nouns every crate shares: ids, names, identities, places in a cluster, time, and secrets.
//! It knows no other crate of ours, no protocol and no storage; what a noun may do is decided elsewhere.

mod id;
mod identity;
mod name;
mod place;
mod secret;
mod text;
mod time;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;

pub use id::{
    AccountId, HubId, Id, IdKind, InvalidId, LinkId, RequestId, SignInId, TerminalId, WorkspaceId,
};
pub use identity::Identity;
pub use name::{
    AccountName, ClusterName, ContainerName, InvalidName, Namespace, NodeName, PodName, PodUid,
};
pub use place::{ContainerPlace, PodPlace, Process};
pub use secret::{Secret, SecretBytes};
pub use text::is_unseen;
pub use time::{InvalidTimestamp, Timestamp};
