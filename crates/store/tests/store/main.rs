//! The store on both databases: every outcome, every race, every attack, on SQLite and on a real PostgreSQL.
//! How a database is opened for a test is known to `bench`; how PostgreSQL is started, to `support/postgres.rs`.

#![allow(clippy::wildcard_imports, reason = "every module here works at the same bench")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[path = "../support/postgres.rs"]
mod postgres;

mod bench;

mod accounts;
mod audit;
mod changes;
mod failures;
mod gates;
mod gateway_requests;
mod issuer_keys;
mod kill;
mod links;
mod machines;
mod migrations;
mod namespaces;
mod posture;
mod sign_ins;
mod terminals;
mod traffic;
mod traffic_agents;
mod workspaces;
