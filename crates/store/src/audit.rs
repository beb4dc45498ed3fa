//! The audit log: who did, or was denied, what, when and from where; append-only and hash-chained.
//! Which acts deserve a record, and in which words, is known to the services.
//!
//! Every record's hash covers its own fields and the hash of the record before it ([`chain`]). The head (number
//! and hash of the last record) lies in a row of its own, authenticated with the vault key, so that cutting off
//! the end shows too. Appending checks the head first: a forged head is never continued, and so never laundered.
//! An old head put back with the records that it ends is found by the mark that every hub keeps in a file of its
//! own ([`mark`]), down to the records that no hub's mark covers.

mod act;
mod chain;
mod entry;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod mark;
mod page;
mod queue;
mod verify;

pub(crate) use act::Act;
pub use entry::{AuditEntry, AuditOutcome, AuditRecord, UnknownAuditOutcome};
pub use mark::AuditMark;
pub(crate) use mark::Mark;
pub use page::AuditFilter;
pub(crate) use page::literal;
pub(crate) use queue::AuditQueue;
pub use verify::AuditVerdict;

use crate::Result;
use crate::database::{Tx, values};
use crate::vault::Vault;
use chain::Head;

/// Writes the head of an empty log. Done once, when the database is founded: a head that goes missing later is
/// an attack, not a beginning.
pub(crate) async fn found(tx: &mut Tx, vault: &Vault) -> Result<()> {
    let head = Head::EMPTY;
    tx.execute(
        "INSERT INTO audit_head (one, seq, hash, mac) VALUES (1, $1, $2, $3)",
        values![head.seq_column()?, &head.hash, &vault.head_mac(&head.encoded())],
    )
    .await?;
    Ok(())
}
