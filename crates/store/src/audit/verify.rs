//! Checking that the audit log is whole: nothing edited, removed, inserted or put in another order.
//! What to do when it is not is for the operator.

use super::chain::Head;
use super::entry::StoredEntry;
use super::mark::{missed_at, missed_by};
use crate::database::{Row, values};
use crate::{Result, Store, StoreError};

/// What the verification found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditVerdict {
    /// How many records were checked and found good.
    pub records: u64,
    /// Whether the log is whole.
    pub intact: bool,
    /// The number of the first record that is not as it was written.
    pub first_bad: Option<u64>,
    /// What was found, in a sentence; of a whole log, its head.
    pub detail: String,
}

/// Rows read at once; a few megabytes at most.
const PAGE: i64 = 1000;

impl Store {
    /// Reads the whole log and checks every hash, calling `progress` with the number of records checked and the
    /// number there are. Records appended meanwhile are left for the next time.
    pub async fn audit_verify(
        &self,
        mut progress: impl FnMut(u64, u64) + Send,
    ) -> Result<AuditVerdict> {
        let mark = self.inner.mark.seen();
        let (claimed, mac, last) = match self.claimed().await? {
            Some(found) => found,
            None => return Ok(bad(0, None, "the head is missing")),
        };
        if !self.inner.vault.is_head_mac(&claimed.encoded(), &mac) {
            return Ok(bad(0, None, "the head was not written by a hub that has the vault key"));
        }
        if last > claimed.seq {
            let detail =
                format!("the log goes on behind record {}, which is its last", claimed.seq);
            return Ok(bad(0, Some(claimed.seq + 1), &detail));
        }
        let mark = match mark {
            Ok(mark) => mark,
            Err(fault) => return Ok(bad(0, None, &fault)),
        };
        if let Some(fault) = mark.and_then(|mark| missed_by(&mark, &claimed)) {
            return Ok(bad(0, Some(claimed.seq + 1), &fault));
        }
        let mut head = Head::EMPTY;
        while head.seq < claimed.seq {
            let rows = self
                .inner
                .database
                .rows(
                    "SELECT * FROM audit WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3",
                    values![head.seq_column()?, claimed.seq_column()?, PAGE],
                )
                .await?;
            if rows.is_empty() {
                let detail = format!("records {} to {} are missing", head.seq + 1, claimed.seq);
                return Ok(bad(head.seq, Some(head.seq + 1), &detail));
            }
            for row in &rows {
                match follow(&head, row) {
                    Ok(next) => head = next,
                    Err(detail) => return Ok(bad(head.seq, Some(head.seq + 1), &detail)),
                }
                if let Some(fault) = mark.and_then(|mark| missed_at(&mark, &head)) {
                    return Ok(bad(head.seq - 1, Some(head.seq), &fault));
                }
            }
            progress(head.seq, claimed.seq);
        }
        if head != claimed {
            let detail = "the last record is not the one that the head names";
            return Ok(bad(head.seq, Some(head.seq), detail));
        }
        let hash: String = head.hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let detail = format!("record {} with hash {hash} is the last", head.seq);
        Ok(AuditVerdict { records: head.seq, intact: true, first_bad: None, detail })
    }

    /// The head, its authentication, and the highest number in the table, all of one moment.
    async fn claimed(&self) -> Result<Option<(Head, Vec<u8>, u64)>> {
        let mut tx = self.inner.database.begin_snapshot().await?;
        let head = tx.row("SELECT seq, hash, mac FROM audit_head WHERE one = 1", values![]).await?;
        let Some(row) = head else { return Ok(None) };
        let last = tx.row("SELECT COALESCE(MAX(seq), 0) AS seq FROM audit", values![]).await?;
        let last = match last {
            Some(row) => row.int("seq")?,
            None => 0,
        };
        let head = match (row.number("seq"), row.hash("hash")) {
            (Ok(seq), Ok(hash)) => Head { seq, hash },
            // Not even a head: as good as a forged one.
            (Err(StoreError::Corrupt { .. }), _) | (_, Err(StoreError::Corrupt { .. })) => {
                Head::EMPTY
            }
            (Err(error), _) | (_, Err(error)) => return Err(error),
        };
        let mac = row.bytes("mac").unwrap_or_default();
        Ok(Some((head, mac, u64::try_from(last).unwrap_or(0))))
    }
}

/// The head after `row`, if that is the record which followed `head` when it was written.
fn follow(head: &Head, row: &Row) -> Result<Head, String> {
    let expected = head.seq + 1;
    let read = || -> Result<(u64, [u8; 32], StoredEntry)> {
        Ok((row.number("seq")?, row.hash("hash")?, StoredEntry::read(row)?))
    };
    let (seq, hash, entry) = read().map_err(|error| error.to_string())?;
    if seq != expected {
        return Err(format!("record {expected} is missing"));
    }
    let next = head.followed_by(&entry);
    if next.hash == hash {
        Ok(next)
    } else {
        Err(format!("record {seq} is not what was written there: its hash does not match"))
    }
}

fn bad(records: u64, first_bad: Option<u64>, detail: &str) -> AuditVerdict {
    AuditVerdict { records, intact: false, first_bad, detail: detail.to_owned() }
}
