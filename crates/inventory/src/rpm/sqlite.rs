//! The rows of one table in an SQLite database: enough to find RPM's headers, and nothing else.
//! It knows no index and no query, and what a header says is `rpm`'s.
//!
//! Format: sqlite.org/fileformat2.html, sections 1.3 (header), 1.6 (pages) and 2.1 (records). A write-ahead log
//! beside the file is not read: rpm empties it when it closes the database.
//!
//! Hostile input: pages point to pages; each page is entered once, so that a circle ends; a payload is never longer
//! than the file itself.

use super::HEADERS_MAX;
use crate::bytes::{be16, be32, place, slice};
use crate::packages::Unreadable;
use std::collections::HashSet;

/// What a database begins with.
pub const MAGIC: &[u8] = b"SQLite format 3\0";

const DAMAGED: Unreadable = Unreadable("RPM's SQLite database is damaged");

/// RPM's headers: the second column of its table `Packages`.
pub fn headers(file: &[u8]) -> Result<Vec<Vec<u8>>, Unreadable> {
    let database = Database::new(file).ok_or(DAMAGED)?;
    let schema = database.rows(1).ok_or(DAMAGED)?;
    let mut root = None;
    for row in &schema {
        // type, name, tbl_name, rootpage, sql
        let columns = columns(row).ok_or(DAMAGED)?;
        let [Column::Text(kind), Column::Text(name), _, Column::Number(page), ..] =
            columns.as_slice()
        else {
            continue;
        };
        if *kind == b"table" && *name == b"Packages" {
            root = u32::try_from(*page).ok();
        }
    }
    let root = root.ok_or(Unreadable("RPM's SQLite database has no table of packages"))?;
    let mut headers = Vec::new();
    for row in database.rows(root).ok_or(DAMAGED)? {
        match columns(&row).ok_or(DAMAGED)?.get(1) {
            Some(Column::Blob(header)) => headers.push(header.to_vec()),
            _ => return Err(DAMAGED),
        }
    }
    Ok(headers)
}

struct Database<'a> {
    file: &'a [u8],
    page_bytes: usize,
    /// Bytes of a page without what extensions keep at its end.
    usable: usize,
}

enum Column<'a> {
    Number(i64),
    Text(&'a [u8]),
    Blob(&'a [u8]),
    Other,
}

impl<'a> Database<'a> {
    fn new(file: &'a [u8]) -> Option<Self> {
        file.starts_with(MAGIC).then_some(())?;
        let page_bytes = match be16(file, 16)? {
            1 => 65536,
            size if size.is_power_of_two() && size >= 512 => usize::from(size),
            _ => return None,
        };
        let usable = page_bytes.checked_sub(usize::from(*file.get(20)?))?;
        (usable >= 480).then_some(Self { file, page_bytes, usable })
    }

    fn page(&self, number: u32) -> Option<&'a [u8]> {
        let at = place(number.checked_sub(1)?)?.checked_mul(self.page_bytes)?;
        slice(self.file, at, self.page_bytes)
    }

    /// The records of a table, from its root.
    fn rows(&self, root: u32) -> Option<Vec<Vec<u8>>> {
        let (mut ahead, mut entered, mut rows) = (vec![root], HashSet::new(), Vec::new());
        while let Some(number) = ahead.pop() {
            if !entered.insert(number) {
                return None;
            }
            let page = self.page(number)?;
            let start = if number == 1 { 100 } else { 0 };
            let (is_leaf, head) = match *page.get(start)? {
                13 => (true, 8),
                5 => (false, 12),
                _ => return None,
            };
            let cells = usize::from(be16(page, start + 3)?);
            if !is_leaf {
                ahead.push(be32(page, start + 8)?);
            }
            for cell in 0..cells {
                let at = usize::from(be16(page, start + head + 2 * cell)?);
                if is_leaf {
                    rows.push(self.payload(page, at)?);
                    if rows.len() > HEADERS_MAX {
                        return None;
                    }
                } else {
                    ahead.push(be32(page, at)?);
                }
            }
        }
        Some(rows)
    }

    /// The payload of a leaf's cell: what fits on the page, and the rest on pages that follow each other.
    fn payload(&self, page: &[u8], at: usize) -> Option<Vec<u8>> {
        let (length, at) = varint(page, at)?;
        let (_, at) = varint(page, at)?;
        let length = place(length).filter(|length| *length <= self.file.len())?;
        let most = self.usable - 35;
        if length <= most {
            return slice(page, at, length).map(<[u8]>::to_vec);
        }
        let least = (self.usable - 12) * 32 / 255 - 23;
        let here = least + (length - least) % (self.usable - 4);
        let here = if here <= most { here } else { least };
        let mut payload = slice(page, at, here)?.to_vec();
        let mut next = be32(page, at + here)?;
        while payload.len() < length {
            let page = self.page(next)?;
            next = be32(page, 0)?;
            let part = (length - payload.len()).min(self.usable - 4);
            payload.extend_from_slice(slice(page, 4, part)?);
        }
        Some(payload)
    }
}

/// A number of up to nine bytes, seven bits in each but the last.
fn varint(bytes: &[u8], mut at: usize) -> Option<(u64, usize)> {
    let mut number = 0_u64;
    for count in 0..9 {
        let byte = *bytes.get(at)?;
        at += 1;
        if count == 8 {
            return Some(((number << 8) | u64::from(byte), at));
        }
        number = (number << 7) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some((number, at))
}

fn columns(record: &[u8]) -> Option<Vec<Column<'_>>> {
    let (head, mut at) = varint(record, 0)?;
    let head = place(head)?;
    let mut body = head;
    let mut columns = Vec::new();
    while at < head {
        let (kind, next) = varint(record, at)?;
        at = next;
        let length = match kind {
            0 | 8 | 9 => 0,
            1..=4 => place(kind)?,
            5 => 6,
            6 | 7 => 8,
            kind => place(kind.checked_sub(12)? / 2)?,
        };
        let value = slice(record, body, length)?;
        body += length;
        columns.push(match kind {
            1..=6 => Column::Number(value.iter().fold(
                if value.first().is_some_and(|byte| byte & 0x80 != 0) { -1 } else { 0 },
                |number, byte| (number << 8) | i64::from(*byte),
            )),
            8 => Column::Number(0),
            9 => Column::Number(1),
            0 | 7 => Column::Other,
            kind if kind % 2 == 0 => Column::Blob(value),
            _ => Column::Text(value),
        });
    }
    Some(columns)
}
