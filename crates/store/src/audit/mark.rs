//! The high-water mark: the newest record that this hub saw committed, kept in a file outside the database.
//! Where the directory is, and what to do about a log that fell behind its mark, is for the binary to say.
//!
//! The head in the database is authenticated, but an old head is as genuine as the newest: whoever cuts records
//! off and puts back the head of that time shows a whole log. The mark is what such a log lacks. Every hub keeps
//! its own. It is written at most once a second and when the store closes, always after the commit, so that it
//! never names a record that a power cut takes back; records newer than every hub's mark are not covered.
//!
//! Hostile input: the file is read up to a bound, and what the vault key did not authenticate is a fault, not a
//! beginning. Only a file that does not exist is one.

use super::chain::Head;
use crate::database::values;
use crate::vault::Vault;
use crate::{AuditEntry, AuditVerdict, Result, Store, StoreError};
use serde_json::json;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const FILE: &str = "audit.mark";
const TITLE: &str = "sallyport-audit-mark-v1";
/// A mark has at most 175 bytes.
const FILE_BYTES_MAX: u64 = 256;
/// How often the mark is written at most: what a killed hub forgets of its newest records.
const WRITE_EVERY: Duration = Duration::from_secs(1);

/// What [`Store::keep_audit_mark`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditMark {
    /// There was no mark: this hub is new here, or somebody took it away.
    Missing,
    /// The log holds the record that the mark names.
    Holds,
    /// The log does not; why, in a sentence.
    Broken(String),
}

/// The newest record that this store saw, and where that is kept.
#[derive(Default)]
pub(crate) struct Mark(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    head: Option<Head>,
    written: Option<Head>,
    file: Option<PathBuf>,
    /// Why the file cannot be believed.
    fault: Option<String>,
}

impl Mark {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of a head that was committed.
    pub(crate) fn advance(&self, head: Head) {
        let mut seen = self.lock();
        if seen.head.is_none_or(|before| before.seq < head.seq) {
            seen.head = Some(head);
        }
    }

    /// What was seen so far, or why the file cannot be believed. Ask before reading the log that it is held
    /// against: the mark follows the log's head, and must not overtake what was read.
    pub(crate) fn seen(&self) -> Result<Option<Head>, String> {
        let seen = self.lock();
        seen.fault.clone().map_or(Ok(seen.head), Err)
    }

    /// Writes the mark if it moved up since. A disk that refuses costs the newest records their cover, and
    /// nobody their work.
    pub(crate) async fn write(self: &Arc<Self>, vault: &Arc<Vault>) {
        let (mark, vault) = (Arc::clone(self), Arc::clone(vault));
        let written = tokio::task::spawn_blocking(move || mark.write_now(&vault, false)).await;
        if let Ok(Err(error)) = written {
            tracing::warn!(%error, "the audit log's mark cannot be written");
        }
    }

    fn write_now(&self, vault: &Vault, lower: bool) -> std::io::Result<()> {
        let (head, file) = {
            let seen = self.lock();
            let (Some(head), Some(file)) = (seen.head, seen.file.clone()) else { return Ok(()) };
            let is_higher = seen.written.is_none_or(|written| written.seq < head.seq);
            if !lower && (!is_higher || seen.fault.is_some()) {
                return Ok(());
            }
            (head, file)
        };
        // The command line works beside a running hub on the same file; neither lowers the other's mark.
        let is_behind =
            !lower && matches!(read(&file, vault)?, Some(Ok(on_disk)) if on_disk.seq >= head.seq);
        if !is_behind {
            replace(&file, &encode(&head, vault))?;
        }
        self.lock().written = Some(head);
        Ok(())
    }
}

impl Store {
    /// Keeps the mark in `directory` from here on, and compares the log with the one found there. A log that
    /// fell behind is not written to until [`Store::accept_restored`].
    pub async fn keep_audit_mark(&self, directory: &Path) -> Result<AuditMark> {
        let file = directory.join(FILE);
        let found = read(&file, &self.inner.vault).map_err(|error| {
            let hint = format!("`{}` cannot be read; check its owner and mode", file.display());
            StoreError::unavailable(hint, error)
        })?;
        let mark = &self.inner.mark;
        {
            let mut seen = mark.lock();
            seen.file = Some(file.clone());
            match &found {
                Some(Ok(head)) => {
                    seen.written = Some(*head);
                    // What the mark says comes before what this store saw since it was opened.
                    seen.head = Some(*head);
                }
                Some(Err(fault)) => seen.fault = Some(fault.clone()),
                None => {}
            }
        }
        let state = match found {
            None => AuditMark::Missing,
            Some(Err(fault)) => AuditMark::Broken(fault),
            Some(Ok(head)) => match self.compared(head).await? {
                Some(fault) => AuditMark::Broken(fault),
                None => AuditMark::Holds,
            },
        };
        if !matches!(state, AuditMark::Broken(_)) {
            // A hub that only reads covers what it found, too.
            if let Some(head) = self.head().await? {
                mark.advance(head);
            }
            mark.write(&self.inner.vault).await;
        }
        let (weak, vault) = (Arc::downgrade(mark), Arc::clone(&self.inner.vault));
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(WRITE_EVERY).await;
                let Some(mark) = weak.upgrade() else { return };
                mark.write(&vault).await;
            }
        });
        Ok(state)
    }

    /// Lowers the mark to a log that was put back on purpose, if it is whole but for the mark, and records that
    /// with `entry`, whose detail becomes what the mark was. Everything else stays as it is.
    pub async fn accept_restored(
        &self,
        mut entry: AuditEntry,
        progress: impl FnMut(u64, u64) + Send,
    ) -> Result<AuditVerdict> {
        let mark = &self.inner.mark;
        let before = {
            let mut seen = mark.lock();
            (seen.head.take(), seen.fault.take())
        };
        let verdict = self.audit_verify(progress).await;
        if !verdict.as_ref().is_ok_and(|verdict| verdict.intact) {
            let mut seen = mark.lock();
            (seen.head, seen.fault) = before;
            return verdict;
        }
        let verdict = verdict?;
        entry.detail = json!({
            "mark": before.0.map(|head| head.seq),
            "mark_hash": before.0.map(|head| hex(&head.hash)),
            "mark_fault": before.1,
            "restored_to": verdict.records,
        });
        self.audit(entry).await?;
        mark.write_now(&self.inner.vault, true).map_err(|error| {
            StoreError::unavailable("the audit log's mark cannot be written", error)
        })?;
        Ok(verdict)
    }

    /// The newest record's number and hash that this hub has seen, for the log of the process.
    pub fn audit_mark(&self) -> Option<(u64, String)> {
        let head = self.inner.mark.lock().head?;
        Some((head.seq, hex(&head.hash)))
    }

    /// Why the log is not the one whose mark this is, if it is not.
    async fn compared(&self, mark: Head) -> Result<Option<String>> {
        let Some(head) = self.head().await? else {
            return Ok(Some("the audit log's head is missing or forged".to_owned()));
        };
        if let Some(fault) = missed_by(&mark, &head) {
            return Ok(Some(fault));
        }
        if mark.seq == 0 {
            return Ok(None);
        }
        let sql = "SELECT hash FROM audit WHERE seq = $1";
        let row = self.inner.database.row(sql, values![mark.seq_column()?]).await?;
        Ok(match row {
            None => Some(format!("record {} is missing, which this hub has seen", mark.seq)),
            Some(row) if row.hash("hash").ok() != Some(mark.hash) => Some(other_hash(mark.seq)),
            Some(_) => None,
        })
    }

    /// The head, if the vault key authenticates it.
    async fn head(&self) -> Result<Option<Head>> {
        let sql = "SELECT seq, hash, mac FROM audit_head WHERE one = 1";
        let Some(row) = self.inner.database.row(sql, values![]).await? else { return Ok(None) };
        let head = Head { seq: row.number("seq")?, hash: row.hash("hash")? };
        Ok(self.inner.vault.is_head_mac(&head.encoded(), &row.bytes("mac")?).then_some(head))
    }
}

/// Why a log that ends at `head` is not the one in which `mark` was seen, if it is not.
pub(crate) fn missed_by(mark: &Head, head: &Head) -> Option<String> {
    if head.seq < mark.seq {
        return Some(format!(
            "the log ends at record {}, but this hub has seen record {}: newer records were cut off, or an older \
             copy of the database was put back",
            head.seq, mark.seq
        ));
    }
    missed_at(mark, head)
}

/// The same for one record on the way to the head.
pub(crate) fn missed_at(mark: &Head, record: &Head) -> Option<String> {
    (record.seq == mark.seq && record.hash != mark.hash).then(|| other_hash(mark.seq))
}

fn other_hash(seq: u64) -> String {
    format!("record {seq} is not the one that this hub has seen: its hash is another")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn encode(head: &Head, vault: &Vault) -> String {
    let mac = vault.mark_mac(&head.encoded());
    format!("{TITLE} {} {} {}\n", head.seq, hex(&head.hash), hex(&mac))
}

/// The mark in the file; `None` if there is no file, and the fault of one that cannot be believed.
fn read(file: &Path, vault: &Vault) -> std::io::Result<Option<Result<Head, String>>> {
    let mut text = Vec::new();
    match fs::File::open(file) {
        Ok(open) => open.take(FILE_BYTES_MAX).read_to_end(&mut text)?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(Some(decode(&text, vault).ok_or_else(|| {
        format!("the mark `{}` was not written by a hub that has the vault key", file.display())
    })))
}

fn decode(text: &[u8], vault: &Vault) -> Option<Head> {
    let mut words = std::str::from_utf8(text).ok()?.split_ascii_whitespace();
    if words.next()? != TITLE {
        return None;
    }
    let head = Head { seq: words.next()?.parse().ok()?, hash: unhex(words.next()?)? };
    let mac = unhex(words.next()?)?;
    (words.next().is_none() && vault.is_mark_mac(&head.encoded(), &mac)).then_some(head)
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// Writes beside it and renames, so that a crash leaves the old mark or the new one.
fn replace(file: &Path, text: &str) -> std::io::Result<()> {
    let beside = file.with_extension(format!("mark.{}", std::process::id()));
    let mut open =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    open.write_all(text.as_bytes())?;
    open.sync_all()?;
    fs::rename(&beside, file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::VaultKey;
    use proptest::prelude::*;

    fn vault(byte: u8) -> Vault {
        Vault::new(&VaultKey::new([byte; 32])).unwrap()
    }

    #[test]
    fn a_mark_reads_back_with_its_own_key_only() {
        let head = Head { seq: u64::MAX, hash: [0xab; 32] };
        let text = encode(&head, &vault(1));
        assert!(text.len() as u64 <= FILE_BYTES_MAX);
        assert_eq!(decode(text.as_bytes(), &vault(1)), Some(head));
        assert_eq!(decode(text.as_bytes(), &vault(2)), None);
        let lower = text.replace(&u64::MAX.to_string(), "7");
        assert_eq!(decode(lower.as_bytes(), &vault(1)), None);
        assert_eq!(decode(b"", &vault(1)), None);
    }

    proptest! {
        #[test]
        fn no_bytes_are_a_mark_but_a_marks_own(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            prop_assert_eq!(decode(&bytes, &vault(1)), None);
        }
    }
}
