//! Sections of a program in ELF, found by their names.
//! What a section holds is told by who asked for it.
//!
//! Hostile input: every offset is checked against the file; a table that names more sections than the format has
//! room for ends the search.

use crate::bytes::{be16, be32, le16, le32, le64, place, slice};

/// What every ELF file begins with.
pub const MAGIC: &[u8] = b"\x7fELF";

/// The content of the first section of this name.
pub fn section<'a>(file: &'a [u8], name: &str) -> Option<&'a [u8]> {
    file.starts_with(MAGIC).then_some(())?;
    let is_wide = *file.get(4)? == 2;
    let is_little = *file.get(5)? == 1;
    let half = |at| if is_little { le16(file, at) } else { be16(file, at) };
    let word = |at| if is_little { le32(file, at) } else { be32(file, at) };
    let address = |at: usize| match (is_wide, is_little) {
        (false, _) => place(word(at)?),
        (true, true) => place(le64(file, at)?),
        (true, false) => place(be64(file, at)?),
    };
    let (table, entry_at, fields) =
        if is_wide { (address(40)?, 58, [24, 32]) } else { (address(32)?, 46, [16, 20]) };
    let entry_bytes = usize::from(half(entry_at)?);
    let count = usize::from(half(entry_at + 2)?);
    let names = usize::from(half(entry_at + 4)?);
    let header = |index: usize| table.checked_add(index.checked_mul(entry_bytes)?);
    let content = |index: usize| {
        let at = header(index)?;
        slice(file, address(at.checked_add(fields[0])?)?, address(at.checked_add(fields[1])?)?)
    };
    let names = content(names)?;
    (0..count).find_map(|index| {
        let at = place(word(header(index)?)?)?;
        let end = names.get(at..)?.iter().position(|byte| *byte == 0)?;
        (slice(names, at, end)? == name.as_bytes()).then(|| content(index)).flatten()
    })
}

fn be64(bytes: &[u8], at: usize) -> Option<u64> {
    Some((u64::from(be32(bytes, at)?) << 32) | u64::from(be32(bytes, at.checked_add(4)?)?))
}
