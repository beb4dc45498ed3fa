//! Members of a zip archive, found by its central directory.
//! Which members are worth reading is the caller's.
//!
//! Hostile input: members unfold to a bounded number of bytes whatever the directory says of their size; every offset
//! is checked; archives in several parts, encrypted members and zip64 are not read and told as such.

use crate::bytes::{le16, le32, place, slice};
use crate::packages::Unreadable;
use std::io::Read;

/// Members of one archive; the largest programs in Java have some ten thousand.
const MEMBERS_MAX: usize = 200_000;
/// What may stand behind the end of the directory: a comment.
const COMMENT_MAX: usize = 0xffff;
const DAMAGED: Unreadable = Unreadable("the zip archive is damaged");

/// A member.
#[derive(Debug, Clone)]
pub struct ZipMember<'a> {
    /// Its name.
    pub name: String,
    method: u16,
    encrypted: bool,
    content: &'a [u8],
}

/// All members.
pub fn members(file: &[u8]) -> Result<Vec<ZipMember<'_>>, Unreadable> {
    let from = file.len().saturating_sub(COMMENT_MAX + 22);
    let end = file[from..].windows(4).rposition(|window| window == b"PK\x05\x06");
    let end = from + end.ok_or(Unreadable("this is no zip archive"))?;
    let number = |at| le16(file, end + at).ok_or(DAMAGED);
    let count = number(10)?;
    if count == 0xffff || le32(file, end + 16) == Some(u32::MAX) {
        return Err(Unreadable("the archive is a zip64, which is not read"));
    }
    let mut at = le32(file, end + 16).and_then(place).ok_or(DAMAGED)?;
    let mut members = Vec::new();
    for _ in 0..usize::from(count).min(MEMBERS_MAX) {
        members.push(member(file, &mut at).ok_or(DAMAGED)?);
    }
    Ok(members)
}

fn member<'a>(file: &'a [u8], at: &mut usize) -> Option<ZipMember<'a>> {
    let head = slice(file, *at, 46)?;
    head.starts_with(b"PK\x01\x02").then_some(())?;
    let length = |field| le16(head, field).map(usize::from);
    let (name_length, extra, comment) = (length(28)?, length(30)?, length(32)?);
    let name = slice(file, *at + 46, name_length)?;
    let packed = place(le32(head, 20)?)?;
    let local = place(le32(head, 42)?)?;
    slice(file, local, 30)?.starts_with(b"PK\x03\x04").then_some(())?;
    let before = usize::from(le16(file, local + 26)?) + usize::from(le16(file, local + 28)?);
    *at += 46 + name_length + extra + comment;
    Some(ZipMember {
        name: String::from_utf8_lossy(name).into_owned(),
        method: le16(head, 10)?,
        encrypted: le16(head, 8)? & 1 != 0,
        content: slice(file, local + 30 + before, packed)?,
    })
}

impl ZipMember<'_> {
    /// Its content, unless it unfolds to more than this.
    pub fn read(&self, bytes_max: u64) -> Result<Vec<u8>, Unreadable> {
        let mut left = u64::MAX;
        self.read_of(bytes_max, &mut left)
    }

    /// Its content, unless it unfolds to more than this or than is left for all. What was unfolded is taken from what is
    /// left, also where it came to nothing.
    pub fn read_of(&self, bytes_max: u64, left: &mut u64) -> Result<Vec<u8>, Unreadable> {
        let bytes_max = bytes_max.min(*left);
        if self.encrypted {
            return Err(Unreadable("the zip archive is encrypted"));
        }
        let mut content = Vec::new();
        let limit = bytes_max.saturating_add(1);
        let read = match self.method {
            0 => self.content.take(limit).read_to_end(&mut content),
            8 => flate2::read::DeflateDecoder::new(self.content)
                .take(limit)
                .read_to_end(&mut content),
            _ => return Err(Unreadable("the zip archive is packed in a way that is not read")),
        };
        *left = left.saturating_sub(content.len() as u64);
        read.map_err(|_| DAMAGED)?;
        if content.len() as u64 > bytes_max {
            return Err(Unreadable("a member of the zip archive is larger than a scan reads"));
        }
        Ok(content)
    }
}
