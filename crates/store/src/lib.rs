//! Everything the hub must still know after a restart: people, links, tickets, terminals, workspaces, traffic,
//! posture and the audit log, on SQLite or PostgreSQL behind one interface.
//! It does not know HTTP, Kubernetes or who may do what; the services decide, and hand in the time and ids.
//!
//! Three rules hold throughout:
//! - **One lock for everything that must be recorded.** Every act (a transaction that writes the audit log, the
//!   change feed, or several rows) first takes the one row that holds the audit log's head. Acts are therefore
//!   serial on both databases: checking and changing cannot race, and no two acts can deadlock.
//! - **Acknowledged means durable.** A method returns after the commit reached the disk, and an act's audit
//!   record is in the same commit.
//! - **Secrets are hashes or sealed.** What the hub only compares is stored as a SHA-256 of 256 random bits or
//!   as an argon2 string; what it must read again (keys that sign links) is sealed with the [`VaultKey`].

mod location;
mod store;

mod accounts;
mod audit;
mod changes;
mod gates;
mod gateway_requests;
mod issuer_keys;
mod link_keys;
mod links;
mod machines;
mod namespaces;
mod posture;
mod purge;
mod sign_ins;
mod terminals;
mod throttle;
mod traffic;
mod workspaces;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;

mod database;
mod error;
mod migrations;
mod vault;

pub use accounts::{Account, NewInvitation, PasswordPhc};
pub use audit::{
    AuditEntry, AuditFilter, AuditMark, AuditOutcome, AuditRecord, AuditVerdict,
    UnknownAuditOutcome,
};
pub use changes::Change;
pub use error::StoreError;
pub use gates::{BindOutcome, ConsumeOutcome, PeekedTicket};
pub use gateway_requests::{GatewayRequest, GatewayRequestFilter};
pub use issuer_keys::IssuerKeyRow;
pub use link_keys::LinkKey;
pub use links::{LinkFilter, LinkRow, LinkState, MintOutcome};
pub use location::StoreLocation;
pub use machines::{CollectOutcome, MachineApproval, MachineAuthorityRow, MachineRequest};
pub use namespaces::KnownNamespace;
pub use posture::{
    PostureBegin, PostureBeginOutcome, PostureChange, PostureCount, PostureException,
    PostureExcuse, PostureFacets, PostureFinding, PostureFound, PostureKnown, PostureNewException,
    PosturePage, PosturePurged, PostureQuery, PostureScan, PostureState, PostureStored,
    PostureVerdict,
};
pub use purge::Purged;
pub use sign_ins::{CurrentSignIn, Proof, SignIn, SignInMethod, SignInOutcome};
pub use store::Store;
pub use terminals::{TerminalFilter, TerminalRow};
pub use throttle::ThrottleState;
pub use traffic::{
    TRAFFIC_BATCH_UNITS_MAX, TRAFFIC_STREAM_CONNECTIONS_MAX, TRAFFIC_STREAMS_MAX, TrafficAgent,
    TrafficAppend, TrafficBatchOf, TrafficBody, TrafficComparison, TrafficCondition,
    TrafficConnection, TrafficConnections, TrafficContent, TrafficCount, TrafficExchange,
    TrafficNumberField, TrafficNumbers, TrafficPage, TrafficPurged, TrafficQuery, TrafficRetention,
    TrafficSummary, TrafficTextField, TrafficTls, TrafficUnit, TrafficUse, TrafficUses,
};
pub use vault::VaultKey;
pub use workspaces::{ReserveOutcome, WorkspaceCounts, WorkspaceFilter, WorkspaceRow};

/// What every fallible method of the store returns.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;
