//! `cargo xtask`: chores of the repository that no shell line does well.
//! It knows the tree's layout and nothing of what the crates do.

mod documents;

use anyhow::Context;
use clap::{Parser, Subcommand};
use std::path::Path;

/// Chores of the repository.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Check that links in documents lead somewhere, that each guide has its Korean counterpart with the same
    /// commands, and that the map names every crate.
    Docs,
}

fn main() -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the root")?;
    match Arguments::parse().chore {
        Chore::Docs => documents::check(root),
    }
}
